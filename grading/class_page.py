"""``turma.html``: o retrato da turma para o instrutor, cada gráfico com a tabela que diz o mesmo."""

import statistics
from collections.abc import Sequence
from html import escape

from grading.assignment import ListFolder
from grading.gradebook import PENDING, SITUATIONS, Grade
from grading.pages import page, text
from grading.sheets import decimal
from grading.stats import MARKS, Summary, bins, checks_plot, matrix_plot, outcome_of, share, summarise, totals_plot

STYLE = """
svg { display: block; height: auto; max-width: 100%; }
figure { margin: 1rem 0; } figcaption { color: var(--muted); font-size: .9rem; }
.scroll svg { max-width: none; }
details table { max-width: 28rem; } details summary { cursor: pointer; }
details tbody th { font-weight: 400; }
.matrix th, .matrix td { padding: .2rem .35rem; } details table.matrix { max-width: none; width: auto; }
.matrix tbody th { font-weight: 400; max-width: 14rem; min-width: 7rem; }
.matrix td { border-left: 2px solid var(--page); text-align: center; }
.matrix thead th { text-align: center; overflow-wrap: normal; }
.matrix thead th:first-child { text-align: left; }
.matrix .number { text-align: right; }
.mark { color: #000; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem .9rem; list-style: none; padding: 0; }
.legend .mark { border-radius: .2rem; display: inline-block; text-align: center; width: 1.5rem; }
"""
STYLE += "".join(f".m{i} {{ background: {colour}; }}\n" for i, (_, colour) in enumerate(MARKS.values()))


def class_page(grades: Sequence[Grade], folder: ListFolder) -> str:
    """A página inteira."""
    a = folder.assignment
    numbers = summarise(grades, folder)
    handed = [grade for grade in grades if grade.chosen.entry is not None]
    said = "; ".join(f"{name}: {numbers.situations[name]}" for name in SITUATIONS if numbers.situations[name])
    parts = [
        f"<h1>A turma em {text(a.title)}</h1>",
        '<p class="wait">Para o instrutor: esta página tem o nome dos alunos.</p>',
        f'<div class="box"><p>Alunos: {numbers.students}; {escape(said)}.</p>{_centre(numbers, a.points)}</div>',
    ]
    if numbers.totals:
        parts += ["<h2>Totais</h2>", _figure(totals_plot(numbers, a.points), "Quantos alunos em cada faixa de pontos."),
                  _totals_table(numbers, a.points)]  # fmt: skip
    if handed and a.checks:
        parts += ["<h2>Verificações</h2>",
                  _figure(checks_plot(numbers), "Fração de acertos em cada verificação, entre as entregas corrigidas."),
                  _checks_table(numbers, folder), "<h2>Quem errou o quê</h2>", _legend(),
                  _figure(matrix_plot(handed, folder), "Uma linha por aluno, uma coluna por verificação.", "scroll"),
                  _matrix_table(handed, folder)]  # fmt: skip
    return page(f"Turma: {a.title}", "\n".join(parts), STYLE, wide=True)


def _centre(numbers: Summary, points: float) -> str:
    if not numbers.totals:
        return ""
    mean, median = statistics.fmean(numbers.totals), statistics.median(numbers.totals)
    low, high = (decimal(value) for value in (numbers.totals[0], numbers.totals[-1]))
    said = (f"Entre os {len(numbers.totals)} totais fechados de quem entregou, de {decimal(points)} pontos: média "
            f"{decimal(round(mean, 2))}, mediana {decimal(round(median, 2))}, de {low} a {high}.")  # fmt: skip
    waiting = f" {numbers.situations[PENDING]} pendentes ficaram de fora." if numbers.situations[PENDING] else ""
    return f"<p>{said}{waiting}</p>"


def _figure(svg: str, caption: str, style: str = "") -> str:
    focus = ' tabindex="0" role="region" aria-label="Gráfico que rola"' if style else ""
    return f'<figure><div class="{style}"{focus}>{svg}</div><figcaption>{caption}</figcaption></figure>'


def _totals_table(numbers: Summary, points: float) -> str:
    body = "".join(f'<tr><th scope="row">de {decimal(round(low, 2))} a {decimal(round(high, 2))}</th>'
                   f'<td class="number">{n}</td></tr>' for low, high, n in bins(numbers, points))  # fmt: skip
    head = '<tr><th scope="col">Pontos</th><th scope="col" class="number">Alunos</th></tr>'
    return f"<details><summary>Em números</summary><table><thead>{head}</thead><tbody>{body}</tbody></table></details>"


def _checks_table(numbers: Summary, folder: ListFolder) -> str:
    body = []
    for check in folder.assignment.checks:
        right, known = numbers.right[check.name]
        percent = f"{100 * share((right, known)):.0f} %" if known else "sem dados"
        body.append(f'<tr><th scope="row">{text(check.name)}</th><td class="number">{right} de {known}</td>'
                    f'<td class="number">{percent}</td></tr>')  # fmt: skip
    head = ('<tr><th scope="col">Verificação</th><th scope="col" class="number">Certas</th>'
            '<th scope="col" class="number">Fração</th></tr>')  # fmt: skip
    table = f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
    return f"<details><summary>Em números</summary>{table}</details>"


def _legend() -> str:
    items = (f'<li><span class="mark m{i}">{letter}</span> {outcome}</li>'
             for i, (outcome, (letter, _)) in enumerate(MARKS.items()))  # fmt: skip
    return f'<ul class="legend">{"".join(items)}</ul>'


def _matrix_table(handed: Sequence[Grade], folder: ListFolder) -> str:
    checks = folder.assignment.checks
    order = list(MARKS)
    body = []
    for grade in handed:
        cells = []
        for check in checks:
            outcome = outcome_of(grade, check)
            letter = MARKS[outcome][0]
            cells.append(f'<td class="mark m{order.index(outcome)}" title="{outcome}">{letter}</td>')
        total = "pendente" if grade.total is None else decimal(grade.total)
        name = text(grade.chosen.shown, 60)
        body.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}<td class="number">{total}</td></tr>')
    head = "".join(f'<th scope="col">{text(check.name)}</th>' for check in checks)
    table = (f'<table class="matrix"><thead><tr><th scope="col">Aluno</th>{head}<th scope="col">Total</th></tr></thead>'
             f"<tbody>{''.join(body)}</tbody></table>")  # fmt: skip
    region = 'class="scroll" tabindex="0" role="region" aria-label="Tabela que rola"'
    return f"<details><summary>Em letras</summary><div {region}>{table}</div></details>"
