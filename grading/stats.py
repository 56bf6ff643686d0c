"""Os números da turma e os seus gráficos, em SVG que vai dentro da página."""

import io
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from grading import rows
from grading.assignment import Check, ListFolder
from grading.gradebook import Grade
from grading.sheets import decimal, one_line

# Cada resultado tem uma letra e uma cor (de Okabe e Ito, que se distinguem sem ver vermelho ou verde): com a letra
# preta por cima, lê-se até impresso em cinza.
MARKS = {
    rows.RIGHT: ("C", "#29b08a"),
    rows.WRONG: ("E", "#e0793a"),
    rows.MISSING: ("–", "#b4b4b4"),
    rows.CRASH: ("X", "#d794bb"),
    rows.TIMEOUT: ("T", "#e8b33f"),
    rows.MEMORY: ("M", "#7cc0ea"),
    rows.BOX: ("?", "#f2e860"),
}


@dataclass(frozen=True)
class Summary:
    """Os números da turma.

    Attributes:
        students: quantos alunos.
        situations: situação → quantos.
        right: verificação → (quantas certas, entre quantas corrigidas); as da caixa não contam.
        totals: os totais fechados de quem entregou.
    """

    students: int
    situations: Counter
    right: dict[str, tuple[int, int]]
    totals: list[float]


def summarise(grades: Sequence[Grade], folder: ListFolder) -> Summary:
    """Conta o que houve com a turma."""
    handed = [grade for grade in grades if grade.chosen.entry is not None]
    right = {}
    for check in folder.assignment.checks:
        outcomes = [outcome_of(grade, check) for grade in handed]
        known = [outcome for outcome in outcomes if outcome != rows.BOX]
        right[check.name] = (known.count(rows.RIGHT), len(known))
    totals = sorted(grade.total for grade in handed if grade.total is not None)
    return Summary(len(grades), Counter(grade.situation for grade in grades), right, totals)


def outcome_of(grade: Grade, check: Check) -> str:
    """O que houve com a verificação; ainda não corrigida conta como da caixa: não se sabe."""
    result = grade.chosen.row.checks.get(check.name) if grade.chosen.row else None
    return result.outcome if result else rows.BOX


def share(pair: tuple[int, int]) -> float:
    """Quantos por um; 0 se ninguém."""
    return pair[0] / pair[1] if pair[1] else 0.0


def bins(numbers: Summary, points: float, count: int = 10) -> list[tuple[float, float, int]]:
    """As faixas de pontos: (de, até, quantos); o máximo entra na última."""
    found = [0] * count
    for total in numbers.totals:
        found[min(count - 1, max(0, int(total / points * count + 1e-9)))] += 1
    return [(points * i / count, points * (i + 1) / count, n) for i, n in enumerate(found)]


# Os gráficos. O traço e o texto saem na cor do texto da página, clara ou escura.

_INK = "#010203"
_PLAIN = "#010204"


def totals_plot(numbers: Summary, points: float) -> str:
    """O histograma dos totais, em SVG."""
    bars = bins(numbers, points)

    def draw(figure) -> None:
        axes = figure.add_subplot()
        width = points / len(bars)
        axes.bar([low for low, *_ in bars], [n for *_, n in bars], width * 0.92, align="edge", color="#4c94d6")
        axes.set_xlabel("pontos")
        axes.set_ylabel("alunos")
        axes.set_xlim(0, points)
        axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.xaxis.set_major_formatter(lambda value, _: decimal(round(value, 4)))
        axes.yaxis.set_major_formatter(lambda value, _: decimal(round(value, 4)))

    label = "; ".join(f"de {decimal(round(low, 2))} a {decimal(round(high, 2))}: {n}" for low, high, n in bars if n)
    return _svg(draw, (4.6, 2.4), f"Totais da turma: {label}", "totals")


def checks_plot(numbers: Summary) -> str:
    """A fração de acertos em cada verificação, em SVG."""
    names = list(numbers.right)

    def draw(figure) -> None:
        axes = figure.add_subplot()
        fractions = [share(numbers.right[name]) for name in names]
        axes.barh(range(len(names)), fractions, 0.7, color="#29b08a")
        axes.set_yticks(range(len(names)), [one_line(name, 24) for name in names])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.18)
        axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        for i, (name, fraction) in enumerate(zip(names, fractions, strict=True)):
            right, known = numbers.right[name]
            axes.text(fraction + 0.02, i, f"{right}/{known}", va="center", color=_INK)

    label = "; ".join(f"{name}: {right} de {known}" for name, (right, known) in numbers.right.items())
    return _svg(draw, (4.6, 0.7 + 0.26 * len(names)), f"Acertos por verificação: {label}", "checks")


def matrix_plot(handed: Sequence[Grade], folder: ListFolder) -> str:
    """Alunos por verificações, cada casa com a cor e a letra do resultado, em SVG."""
    checks = folder.assignment.checks
    places: dict[str, list[tuple[int, int]]] = {outcome: [] for outcome in MARKS}
    for y, grade in enumerate(handed):
        for x, check in enumerate(checks):
            places[outcome_of(grade, check)].append((x, y))

    def draw(figure) -> None:
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        for outcome, (letter, colour) in MARKS.items():
            squares = [Rectangle((x - 0.47, y - 0.47), 0.94, 0.94) for x, y in places[outcome]]
            axes.add_collection(PatchCollection(squares, facecolor=colour, edgecolor="none"))
            for x, y in places[outcome]:
                axes.text(x, y, letter, ha="center", va="center", color=_PLAIN, fontsize=8)
        titles = [one_line(check.name, 24) for check in checks]
        axes.set_xticks(range(len(checks)), titles, rotation=60, ha="left", rotation_mode="anchor")
        axes.xaxis.tick_top()
        names = [one_line(grade.chosen.shown, 30) for grade in handed]
        axes.set_yticks(range(len(handed)), names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlim=(-0.5, len(checks) - 0.5), ylim=(len(handed) - 0.5, -0.5))

    size = (2.6 + 0.26 * len(checks), 1.7 + 0.24 * len(handed))
    return _svg(draw, size, "Quem errou o quê; a tabela abaixo diz o mesmo, em letras", "matrix")


def _svg(draw, size: tuple[float, float], label: str, salt: str) -> str:
    """O SVG de uma figura, sempre os mesmos bytes, pronto para ir dentro de uma página que não pede nada à rede."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    inked = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color")
    style = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9, "font.family": "DejaVu Sans",
             "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False}  # fmt: skip
    style |= dict.fromkeys(inked, _INK)
    written = io.StringIO()
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # um nome em outro alfabeto: a letra que falta é o navegador que desenha
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor").replace(_PLAIN, "#000")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # os mesmos nomes em cada figura
    svg = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
