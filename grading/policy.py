"""Que entrega de cada aluno vale, e com quanto atraso."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grading.errors import GradingError
from grading.rows import Row
from grading.sheets import one_line
from grading.store import Entry, Store

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Policy:
    """A regra do prazo, a mesma para a turma toda.

    Vale a última entrega feita até o prazo; sem nenhuma até lá, a última atrasada, com o desconto. Sem saber quando
    foram feitas, vale a última na ordem dos arquivos, e a nota diz isso.

    Attributes:
        deadline: o prazo; None: nenhuma entrega é atrasada. Sem fuso, vale o desta máquina.
        percent_per_day: desconto por dia de atraso, em % dos pontos; um dia começado conta inteiro.
        max_days: atraso maior que este não é aceito; None: aceita-se qualquer um.
    """

    deadline: datetime | None = None
    percent_per_day: float = 0.0
    max_days: int | None = None

    def __post_init__(self):
        if not 0 <= self.percent_per_day <= 100:
            raise GradingError(f"O desconto por dia de atraso vai de 0 a 100 %; não pode ser {self.percent_per_day:g}")
        if self.max_days is not None and self.max_days < 0:
            raise GradingError(f"O maior atraso aceito não pode ser negativo ({self.max_days} dias)")

    def days_late(self, moment: datetime | None) -> int:
        """Quantos dias começados de atraso; 0 até o prazo, inclusive, e quando não se sabe."""
        if self.deadline is None or moment is None:
            return 0
        return max(0, math.ceil((moment.astimezone() - self.deadline.astimezone()) / DAY))

    def discount(self, days: int) -> float:
        """A fração dos pontos que o atraso custa."""
        return min(1.0, days * self.percent_per_day / 100)


@dataclass(frozen=True)
class Chosen:
    """A entrega de um aluno que vale, entre as que ele fez.

    Attributes:
        folder: a pasta dele no zip do Moodle, "" se não veio de lá.
        entry: a entrega; None se não há nenhuma que valha.
        row: o resultado dela; None se ainda não foi corrigida.
        moment: quando foi feita; None se não se sabe.
        days_late: dias começados de atraso.
        position: qual é ela, a partir de 1, na ordem em que foram feitas; 0 se nenhuma vale.
        count: quantas entregas o aluno fez.
        others: as que não valem, cada uma com a razão.
        notices: o que o instrutor deve saber da escolha.
    """

    student: str
    name: str
    email: str
    enrolled: bool
    folder: str = ""
    entry: Entry | None = None
    row: Row | None = None
    moment: datetime | None = None
    days_late: int = 0
    position: int = 0
    count: int = 0
    others: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """O nome do aluno, ou o identificador se não há nome."""
        return self.name or self.student


def moment(entry: Entry) -> datetime | None:
    """Quando a entrega foi feita; None se não se sabe."""
    try:
        when = datetime.fromisoformat(entry.modified)
        return when if when.tzinfo else when.astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def choose(found: Sequence[tuple[Entry, Row | None]], policy: Policy) -> Chosen:
    """A entrega que vale, entre as de um mesmo aluno (todas as entradas dele no índice, na ordem)."""
    name = next((e.name for e, _ in found if e.name), "")
    email = next((e.email for e, _ in found if e.email), "")
    folder = next((e.folder for e, _ in found if e.folder), "")
    who = (found[0][0].student, name, email, any(e.enrolled for e, _ in found), folder)
    handed = [(e, row, moment(e)) for e, row in found if e.file]
    if not handed:
        return Chosen(*who)
    dated = all(when is not None for *_, when in handed)
    notices: list[str] = []
    if dated:
        handed.sort(key=lambda item: item[2])  # estável: no mesmo instante, vale a ordem dos arquivos
    elif len(handed) > 1:
        notices.append("não se sabe quando foram feitas as entregas: vale a última na ordem dos arquivos")
    elif policy.deadline is not None:
        notices.append("não se sabe quando foi feita a entrega: não dá para dizer se atrasou")
    late = [policy.days_late(when) for *_, when in handed]
    accepted = [i for i, days in enumerate(late) if policy.max_days is None or days <= policy.max_days]
    on_time = [i for i in accepted if not late[i]] if dated else []
    best = (on_time or accepted or [None])[-1]
    others = tuple(_other(handed[i][0], late[i], i, best, policy) for i in range(len(handed)) if i != best)
    if best is None:
        return Chosen(*who, days_late=min(late), count=len(handed), others=others, notices=tuple(notices))
    entry, row, when = handed[best]
    return Chosen(*who, entry, row, when, late[best], best + 1, len(handed), others, tuple(notices))


def _other(entry: Entry, days: int, i: int, best: int | None, policy: Policy) -> str:
    if days and policy.max_days is not None and days > policy.max_days:
        why = f"fora do prazo, {days_text(days)} depois"
    else:
        after = best is not None and i > best
        why = "depois do prazo, não substitui a que foi feita a tempo" if after else "substituída"
    return f"{one_line(entry.file)} ({why})"


def days_text(days: int) -> str:
    """``1 dia``, ``3 dias``."""
    return f"{days} dia{'s' if days != 1 else ''}"


def deliveries(store: Store, policy: Policy) -> list[Chosen]:
    """A entrega que vale de cada aluno da turma, em ordem alfabética.

    Raises:
        GradingError: a pasta não é a de uma correção.
    """
    found: dict[str, list[tuple[Entry, Row | None]]] = {}
    for entry, row in store.rows():
        found.setdefault(entry.student, []).append((entry, row))
    return sorted((choose(items, policy) for items in found.values()), key=lambda c: (_order(c.shown), c.student))


def _order(name: str) -> str:
    """A chave da ordem alfabética: sem acentos nem maiúsculas."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()
