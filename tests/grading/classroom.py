"""Uma lista minúscula e uma turma montada à mão, para os testes do que vem depois da correção."""

from dataclasses import replace
from pathlib import Path

from grading import assignment, rows
from grading.assignment import ListFolder
from grading.rows import CheckResult, Row
from grading.store import Entry, Index, Store

LIST = """
from grading.assignment import Assignment, Check, Question, Written

ASSIGNMENT = Assignment(
    "Lista <b>mínima</b>", "sigmoide", 5,
    (
        Question("q1", "O dobro", (Check("q1_a", 1.0, "Some & confira."), Check("q1_b", 2.0, "Veja <a> forma."))),
        Question("q2", "O triplo", (Check("q2_a", 3.0, "Multiplique."),)),
        Written("q3", "Por escrito", 4.0, "Quatro pontos <se> disser por quê."),
    ),
)
"""
PROBES = "".join(f"def {name}(names): pass\n" for name in ("q1_a", "q1_b", "q2_a"))
POINTS = {"q1_a": 1.0, "q1_b": 2.0, "q2_a": 3.0}


def tiny_list(path: Path, extra: str = "") -> ListFolder:
    """Escreve a lista em disco e a lê; ``extra`` são outras questões de texto."""
    path.mkdir(parents=True, exist_ok=True)
    ids = ["q1", "q2", "q3", *([extra] if extra else [])]
    gates = "".join(f"```{{exercise-start}} T\n:label: {i}\n```\nx\n```{{exercise-end}}\n```\n" for i in ids)
    more = f'        Written("{extra}", "Outra", 1.0, "Um ponto."),\n    ),\n)\n'
    (path / "list.md").write_text(gates, "utf8")
    (path / "probes.py").write_text(PROBES, "utf8")
    (path / "grading.py").write_text(LIST.replace("    ),\n)\n", more) if extra else LIST, "utf8")
    return assignment.load(path)


def make_row(student: str, text: str = "Porque sim.", file: str = "x.ipynb", **changes) -> Row:
    """Uma entrega corrigida; ``q1_a="tempo"`` e os parecidos dizem o que houve com cada verificação (senão, certa)."""
    outcomes = {name: changes.pop(name, rows.RIGHT) for name in POINTS}
    checks = {name: CheckResult(o, POINTS[name] if o == rows.RIGHT else 0.0) for name, o in outcomes.items()}
    row = Row(student, file, f"d-{student}-{file}", rows.GRADED, checks=checks, written={"q3": text})
    return replace(row, **changes)


class Classroom:
    """Uma correção em disco, a que se juntam entregas."""

    def __init__(self, path: Path, folder: ListFolder):
        self.store, self.folder, self.entries = Store(path / "correção"), folder, []
        self.save()

    def save(self) -> None:
        self.store.save_index(Index(str(self.folder.path), self.folder.digest(), tuple(self.entries)))

    def add(self, student: str, row: Row | None = None, modified: str = "", **entry) -> None:
        """Junta uma entrega; sem ``row``, é alguém que não entregou (ou, com ``file``, que ainda não foi corrigido)."""
        key = f"k{len(self.entries)}" if row else ""
        if row:
            self.store.save(key, row)
            entry.setdefault("file", row.file)
        self.entries.append(Entry(student, modified=modified, key=key, **entry))
        self.save()

    def change(self, student: str, row: Row) -> None:
        """Troca o resultado da entrega do aluno."""
        self.store.save(next(e.key for e in self.entries if e.student == student), row)
