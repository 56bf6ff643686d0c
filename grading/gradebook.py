"""A nota de cada aluno: a entrega que vale, os pontos automáticos e à mão, o atraso, e o que falta."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from grading import marks
from grading.assignment import Assignment, ListFolder, Question
from grading.errors import GradingError
from grading.policy import Chosen, Policy, days_text, deliveries
from grading.rows import BOX, RERUN, UNREADABLE
from grading.sheets import one_line
from grading.store import Store

DONE = "corrigida"
PENDING = "pendente"
ABSENT = "não entregou"
TOO_LATE = "fora do prazo"
BROKEN = "ilegível"
SITUATIONS = (DONE, PENDING, ABSENT, TOO_LATE, BROKEN)


@dataclass(frozen=True)
class Grade:
    """A nota de um aluno numa lista.

    Attributes:
        chosen: o aluno, a entrega que vale, o resultado dela e as outras.
        questions: questão → pontos; None se ainda não se sabe.
        comments: questão → o que o corretor escreveu.
        automatic: pontos automáticos; None se ainda não se sabe.
        manual: pontos à mão; None se falta alguma nota.
        penalty: pontos que o atraso custa.
        total: os pontos, com duas casas; None enquanto a nota está pendente.
        situation: um de ``SITUATIONS``.
        rerun: se vale a pena rodar de novo (tempo, memória ou caixa).
        notices: o que o instrutor deve saber.
    """

    chosen: Chosen
    questions: Mapping[str, float | None]
    comments: Mapping[str, str]
    automatic: float | None
    manual: float | None
    penalty: float | None
    total: float | None
    situation: str
    rerun: bool = False
    notices: tuple[str, ...] = ()


def cents(value: float) -> float:
    """Duas casas, com a metade para cima: 7,125 é 7,13 (e 0,1 + 0,2 é 0,3)."""
    return float(Decimal(str(round(value, 9))).quantize(Decimal("0.01"), ROUND_HALF_UP))


def gradebook(store: Store, folder: ListFolder, policy: Policy | None = None) -> list[Grade]:
    """A nota de cada aluno, em ordem alfabética; os que não estão na lista de alunos vêm no fim.

    Raises:
        GradingError: a pasta não é a de uma correção, a lista mudou depois dela, ou ``manual.csv`` tem erros.
    """
    if store.index().digest != folder.digest():
        raise GradingError(
            f"A lista {folder.name} mudou depois desta correção: rode de novo python -m grading grade, com o mesmo"
            " --out; as notas à mão ficam"
        )
    policy = policy or Policy()
    everyone = deliveries(store, policy)
    typed = marks.manual_lines(store, folder, {c.student for c in everyone})
    grades = [_grade(c, folder.assignment, typed, policy) for c in everyone]
    return sorted(grades, key=lambda grade: not grade.chosen.enrolled)  # estável: a ordem alfabética fica


def _grade(c: Chosen, a: Assignment, typed: Mapping[marks.Key, marks.Line], policy: Policy) -> Grade:
    mine = {q.id: typed.get((c.student, q.id), marks.Line(c.student, q.id)) for q in a.written}
    comments = {id_: line.comment for id_, line in mine.items() if line.comment}
    notices = [*c.notices, *(f"outra entrega: {other}" for other in c.others)]
    if c.entry is None:
        lost = [id_ for id_, line in mine.items() if line.mark is not None]
        notices += [f"há nota à mão sem entrega que valha, que não conta: {', '.join(lost)}"] if lost else []
        if c.count:
            notices.append(f"entregou {days_text(c.days_late)} depois do prazo")
        zeros = dict.fromkeys((q.id for q in a.questions), 0.0)
        return Grade(c, zeros, comments, 0.0, 0.0, 0.0, 0.0, TOO_LATE if c.count else ABSENT, notices=tuple(notices))

    points = {q.id: _checked(c, q) if isinstance(q, Question) else _marked(c, mine[q.id]) for q in a.questions}
    automatic = _sum(points[q.id] for q in a.questions if isinstance(q, Question))
    manual = _sum(points[q.id] for q in a.written)
    both = _sum((automatic, manual))
    penalty = None if both is None else cents(both * policy.discount(c.days_late))
    total = None if both is None else cents(both - penalty)
    rerun = c.row is not None and (c.row.outcome in RERUN or any(r.outcome in RERUN for r in c.row.checks.values()))
    notices += [*_missing(c, automatic, points, a), *_changed(c, mine)]
    if c.days_late:
        cost = "" if policy.percent_per_day else ", sem desconto"
        notices.append(f"entregue com {days_text(c.days_late)} de atraso{cost}")
    if rerun:
        notices.append("passou do tempo ou da memória, ou a caixa falhou: rode grade de novo com --rerun")
    situation = PENDING if total is None else BROKEN if c.row.outcome == UNREADABLE else DONE
    return Grade(c, points, comments, automatic, manual, penalty, total, situation, rerun, tuple(notices))


def _checked(c: Chosen, question: Question) -> float | None:
    """Os pontos de uma questão automática; None se alguma verificação não foi feita: a culpa não é do aluno."""
    if c.row is None or c.row.outcome == BOX:
        return None
    results = [c.row.checks.get(check.name) for check in question.checks]
    if any(result is None or result.outcome == BOX for result in results):
        return None
    return cents(sum(result.points for result in results))


def _marked(c: Chosen, line: marks.Line) -> float | None:
    """A nota à mão; numa entrega que não se lê, zero é o que vale enquanto ninguém der outra."""
    unreadable = c.row is not None and c.row.outcome == UNREADABLE
    return 0.0 if line.mark is None and unreadable else line.mark


def _sum(values) -> float | None:
    values = list(values)
    return None if None in values else cents(sum(values))


def _missing(c: Chosen, automatic: float | None, points: Mapping[str, float | None], a: Assignment) -> list[str]:
    if c.row is None:
        return ["a entrega ainda não foi corrigida: rode grade de novo"]
    found = [one_line(c.row.message, 300)] if c.row.message else []
    if automatic is None:
        found.append("a correção automática não terminou")
    lacking = [q.id for q in a.written if points[q.id] is None]
    return found + ([f"falta a nota à mão: {', '.join(lacking)}"] if lacking else [])


def _changed(c: Chosen, mine: Mapping[str, marks.Line]) -> list[str]:
    """As notas à mão dadas a outra versão da resposta."""
    if c.row is None or c.row.outcome == BOX:
        return []
    texts = {id_: marks.text_digest(c.row.written.get(id_, "")) for id_ in mine}
    stale = [
        id_
        for id_, line in mine.items()
        if line.mark is not None and (line.notice == marks.CHANGED or line.digest not in ("", texts[id_]))
    ]
    return [f"a resposta mudou depois da nota à mão: {', '.join(stale)}"] if stale else []
