"""A devolutiva: uma página para cada aluno, com a nota, as dicas e o que fazer; nunca as entradas nem as respostas.

Nada do que o aluno escreveu aparece nela, a não ser o nome dele.
"""

from collections.abc import Iterator
from html import escape

from grading import rows
from grading.assignment import ListFolder, Question, Written
from grading.gradebook import ABSENT, BROKEN, PENDING, TOO_LATE, Grade
from grading.pages import lines, page, text
from grading.policy import Policy, days_text
from grading.rows import Row
from grading.sheets import decimal, points

WORDS = {
    rows.RIGHT: ("good", "✓ certa"),
    rows.WRONG: ("bad", "✗ errada"),
    rows.MISSING: ("bad", "○ não respondida: o nome pedido não existe, ou a lacuna ficou em branco"),
    rows.CRASH: ("bad", "✗ erro: o seu código levantou uma exceção"),
    rows.TIMEOUT: ("bad", "✗ passou do tempo"),
    rows.MEMORY: ("bad", "✗ passou da memória"),
    rows.BOX: ("wait", "… não foi possível corrigir, e a culpa não é sua"),
}

ADVICE = {
    rows.TIMEOUT: "Procure um laço que não termina, ou que treina por passos demais, e troque laços sobre elementos por"
    " operações com a matriz inteira. Antes de entregar, meça: reinicie o notebook e execute tudo.",
    rows.MEMORY: "Procure uma matriz muito maior do que o enunciado pede (uma forma trocada faz isso), ou uma lista que"
    " guarda todos os passos: guarde números com .item(), e não tensores.",
}

EXCEPTIONS = {
    "NameError": "um nome usado antes de ser definido; acontece quando as células foram executadas fora de ordem",
    "NotImplementedError": "uma lacuna que ficou em branco",
    "SyntaxError": "o Python não entendeu o que está escrito",
    "IndentationError": "os espaços no começo de uma linha não combinam",
    "TypeError": "uma operação entre tipos que não combinam, ou uma função com argumentos a mais ou a menos",
    "ValueError": "um valor que a função não aceita; muitas vezes, formas que não combinam",
    "RuntimeError": "no PyTorch, quase sempre formas que não combinam ou um gradiente que não existe",
    "IndexError": "um índice fora da matriz ou da lista",
    "KeyError": "uma chave que não está no dicionário",
    "AttributeError": "um atributo ou método que o objeto não tem",
    "ModuleNotFoundError": "um pacote que a lista não usa, e que o corretor não tem",
    "FileNotFoundError": "um arquivo que só existe no seu computador: o notebook é executado sozinho",
    "AssertionError": "uma das verificações do notebook já avisava",
    "TimeoutError": "a célula passou do tempo",
}

SITUATIONS = {
    ABSENT: "Não há entrega sua para esta lista.",
    TOO_LATE: "A entrega foi feita depois do último dia em que ainda era aceita.",
    BROKEN: "A entrega não pôde ser lida como um notebook.",
    PENDING: "A nota ainda não está fechada: falta uma parte da correção.",
}


def feedback(grade: Grade, folder: ListFolder, policy: Policy | None = None) -> str:
    """A página de um aluno.

    Args:
        grade: a nota dele (veja ``gradebook``).
        folder: a lista.
        policy: a regra do prazo com que a nota foi feita.
    """
    a, row = folder.assignment, grade.chosen.row
    total = "pendente" if grade.total is None else f"{decimal(grade.total)} <span>de {decimal(a.points)} pontos</span>"
    parts = [f'<p class="muted">{text(grade.chosen.shown)}</p>', f"<h1>{text(a.title)}</h1>"]
    parts.append(f'<div class="box"><p class="total">{total}</p>{_summary(grade, folder, policy or Policy())}</div>')
    if grade.chosen.entry is not None:
        parts += [_table(grade, folder)]
        parts += _cells(row) if row else []
        parts += _advice(row) if row else []
    parts += [_submission(grade)]
    return page(f"Devolutiva: {a.title}", "\n".join(part for part in parts if part))


def _summary(grade: Grade, folder: ListFolder, policy: Policy) -> str:
    said = [SITUATIONS[grade.situation]] if grade.situation in SITUATIONS else []
    row = grade.chosen.row
    if row is not None and row.message and row.outcome != rows.BOX:
        said.append(f"{row.message}.")
    if grade.chosen.entry is not None:
        automatic, manual = (decimal(v) if v is not None else "pendente" for v in (grade.automatic, grade.manual))
        said.append(f"Automática: {automatic}." + (f" À mão: {manual}." if folder.assignment.written else ""))
        if grade.chosen.days_late:
            late = f"Entregue com {days_text(grade.chosen.days_late)} de atraso"
            percent = decimal(round(100 * policy.discount(grade.chosen.days_late), 6))
            lost = f" ({points(grade.penalty)})" if grade.penalty else ""
            cost = f": desconto de {percent} %{lost}" if policy.percent_per_day else ", sem desconto"
            said.append(f"{late}{cost}.")
    return "".join(f"<p>{text(sentence, 400)}</p>" for sentence in said)


def _table(grade: Grade, folder: ListFolder) -> str:
    body = []
    for number, q in enumerate(folder.assignment.questions, start=1):
        value = grade.questions[q.id]
        earned = f"{'pendente' if value is None else decimal(value)} / {decimal(q.points)}"
        body.append(f'<tr class="question"><th scope="rowgroup">Questão {number}: {text(q.title)}</th>'
                    f'<td class="number">{earned}</td></tr>')  # fmt: skip
        body += _checks(q, grade.chosen.row) if isinstance(q, Question) else [_written(q, grade)]
    head = '<tr><th scope="col">Questões e verificações</th><th scope="col" class="number">Pontos</th></tr>'
    return f"<h2>O que foi corrigido</h2>\n<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def _checks(question: Question, row: Row | None) -> Iterator[str]:
    for i, check in enumerate(question.checks, start=1):
        result = row.checks.get(check.name) if row else None
        outcome = result.outcome if result else rows.BOX
        tone, word = WORDS[outcome]
        failed = outcome not in (rows.RIGHT, rows.BOX)
        hint = f"<small>Dica: {escape(check.hint)}</small>" if failed and check.hint else ""
        earned = "…" if outcome == rows.BOX else decimal(result.points)
        yield (f'<tr><td>Verificação {i}: <span class="{tone}">{word}</span>{hint}</td>'
               f'<td class="number">{earned} / {decimal(check.points)}</td></tr>')  # fmt: skip


def _written(question: Written, grade: Grade) -> str:
    comment = grade.comments.get(question.id, "")
    said = f'<div class="lines">{lines(comment)}</div>' if comment else '<span class="muted">sem comentário</span>'
    given = "Corrigida à mão" if grade.questions[question.id] is not None else "Ainda sem nota à mão"
    return f'<tr><td colspan="2">{given}: {said}</td></tr>'


def _cells(row: Row) -> list[str]:
    if not row.cells:
        return []
    items = []
    for number, name in row.cells:
        why = f": {EXCEPTIONS[name]}" if name in EXCEPTIONS else ""
        items.append(f"<li>Célula de código {int(number)}: <code>{text(name, 40)}</code>{why}</li>")
    intro = ("<p>Contamos só as células de código, de cima para baixo, executadas em ordem num Python novo. Uma célula "
             "que falha não impede as outras, mas os nomes que ela definiria não existem.</p>")  # fmt: skip
    return ["<h2>Células que falharam</h2>", intro, f"<ul>{''.join(items)}</ul>"]


def _advice(row: Row) -> list[str]:
    met = {row.outcome, *(check.outcome for check in row.checks.values())}
    said = [f"<p>{escape(ADVICE[outcome])}</p>" for outcome in ADVICE if outcome in met]
    return ["<h2>Tempo e memória</h2>", *said] if said else []


def _submission(grade: Grade) -> str:
    c = grade.chosen
    if c.entry is None:
        return ""
    said = []
    if c.moment is not None:
        zone = f"{c.moment:%z}"
        said.append(f"Feita em {c.moment:%d/%m/%Y às %H:%M} (UTC{zone[:3]}:{zone[3:5]}).")
    if c.count > 1:
        said.append(f"É a {c.position}ª das suas {c.count} entregas; as outras não contam.")
    if c.row is not None and c.row.digest:
        said.append(f"O SHA-256 do arquivo começa por {c.row.digest[:12]}.")
    return "<h2>A entrega corrigida</h2>\n<p>" + escape(" ".join(said) or "A única que você fez.") + "</p>"
