"""O que sai de uma correção: as notas, o que o Moodle importa, as devolutivas, as cópias e o retrato da turma."""

import hashlib
import re
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from grading import gradebook as book
from grading import moodle, rows, sheets
from grading.assignment import ListFolder
from grading.class_page import class_page
from grading.feedback import feedback
from grading.gradebook import Grade
from grading.policy import Policy
from grading.rows import Row
from grading.sheets import decimal, neutral, one_line
from grading.store import Entry, Store

README = """\
Para os alunos
  devolutivas/         uma página para cada aluno; entregue a cada um só a dele

Para o Moodle, nesta ordem (ao contrário, ele pularia notas sem avisar)
  moodle_notas.csv     a planilha de notas da tarefa; se já havia notas lá, marque, ao importar, a opção que permite
                       atualizar registros modificados mais recentemente no Moodle do que na planilha
  devolutivas.zip      as devolutivas, para o upload de múltiplos arquivos de feedback em um arquivo compactado

Só para o instrutor, porque tem o nome e as notas de todos
  notas.csv            cada questão, automática, à mão, atraso, total, situação e avisos
  fora_da_lista.csv    o mesmo, para quem entregou sem estar na lista de alunos (se houver)
  identicas.csv        entregas iguais de alunos diferentes
  turma.html           totais, acertos por verificação e quem errou o quê

Esta pasta é refeita inteira a cada python -m grading publish: não guarde nada seu aqui.
"""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def publish(store: Store, folder: ListFolder, policy: Policy | None = None, worksheet: Path | str | None = None) -> str:
    """Refaz ``publicado/`` inteiro, ao lado, e troca de uma vez; diz o que o instrutor deve saber.

    Args:
        store: a correção.
        folder: a lista corrigida.
        policy: o prazo e o desconto por atraso.
        worksheet: a planilha de notas baixada do Moodle, para preencher; sem ela, escrevemos uma.

    Raises:
        GradingError: veja ``gradebook`` e ``moodle.fill_worksheet``; o que já estava publicado fica como estava.
    """
    policy = policy or Policy()
    everyone = book.gradebook(store, folder, policy)
    grades = [grade for grade in everyone if grade.chosen.enrolled]
    strangers = [grade for grade in everyone if not grade.chosen.enrolled]
    pages = [(grade, feedback(grade, folder, policy)) for grade in grades]
    points = folder.assignment.points
    sheet, notices = (moodle.fill_worksheet(worksheet, grades, points) if worksheet is not None
                      else moodle.new_worksheet(grades, points))  # fmt: skip
    archive, more = moodle.feedback_zip(pages)
    copies = identical(store.rows())
    files: dict[str, bytes] = {
        "LEIA-ME.txt": README.encode(),
        "notas.csv": grades_sheet(grades, folder),
        "moodle_notas.csv": sheet,
        "devolutivas.zip": archive,
        "identicas.csv": sheets.dump(COPIES, copies),
        "turma.html": class_page(grades, folder).encode(),
    }
    if strangers:
        files["fora_da_lista.csv"] = grades_sheet(strangers, folder)
    names = file_names([grade.chosen.student for grade, _ in pages])
    files |= {f"devolutivas/{names[g.chosen.student]}.html": html.encode("utf8", "replace") for g, html in pages}
    _swap(store.published, files)
    return "\n".join([_report(grades, strangers, copies), *(f"Atenção. {notice}." for notice in [*notices, *more])])


def _report(grades: Sequence[Grade], strangers: Sequence[Grade], copies: Sequence[Sequence[str]]) -> str:
    count = Counter(g.situation for g in grades)
    situations = [f"{name}: {count[name]}" for name in book.SITUATIONS if count[name]]
    said = ["; ".join([f"Alunos: {len(grades)}", *situations])]
    again = sum(g.rerun for g in grades)
    said += [f"Para rodar de novo com --rerun: {again} (a coluna avisos de notas.csv diz quais)."] if again else []
    said += [f"Fora da lista de alunos: {len(strangers)} (fora_da_lista.csv)."] if strangers else []
    groups = len({row[0] for row in copies})
    said += [f"Grupos de entregas iguais: {groups} (identicas.csv)."] if groups else []
    return "\n".join(said)


def _swap(target: Path, files: dict[str, bytes]) -> None:
    """Escreve a pasta nova ao lado e a põe no lugar da antiga: quem olha vê uma ou a outra, nunca uma mistura."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}.", suffix=".parcial"))
    fresh, old = scratch / "novo", scratch / "antigo"
    try:
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            if target.exists():
                target.rename(old)
            fresh.rename(target)
        except BaseException:  # também quem interrompe
            if old.exists() and not target.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def file_names(students: Iterable[str]) -> dict[str, str]:
    """Um nome de arquivo para cada aluno: o identificador, se serve em todo sistema; senão o que sobra e um resumo."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for student in students:
        plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9._@-]+", "-", plain).strip(".-_@")[:60]
        if not name or name != student or name.casefold() in used or _RESERVED.fullmatch(name):
            digest = hashlib.sha256(student.encode("utf8", "replace")).hexdigest()[:10]
            name = f"{name.replace('.', '-') or 'aluno'}-{digest}"
        used.add(name.casefold())
        found[student] = name
    return found


def grades_sheet(grades: Sequence[Grade], folder: ListFolder) -> bytes:
    """``notas.csv``: um aluno por linha, como o Excel brasileiro espera."""
    a = folder.assignment
    titles = [f"{q.id}: {one_line(q.title, 60)} (de {decimal(q.points)})" for q in a.questions]
    sums = ["automática", "à mão", "atraso (dias)", "desconto", f"total (de {decimal(a.points)})"]
    header = ["aluno", "nome", *titles, *sums, "situação", "avisos"]
    lines = []
    for grade in grades:
        c = grade.chosen
        values = [decimal(grade.questions[q.id]) for q in a.questions]
        values += [decimal(v) for v in (grade.automatic, grade.manual, c.days_late, grade.penalty, grade.total)]
        who = [one_line(c.student), one_line(c.name)]
        lines.append([neutral(cell) for cell in (*who, *values, grade.situation, "; ".join(grade.notices))])
    return sheets.dump([neutral(title) for title in header], lines)


COPIES = ("grupo", "o que é igual", "aluno", "nome", "arquivo", "observação")
BLANK = "nenhuma questão respondida: talvez seja o notebook em branco"


def identical(found: Sequence[tuple[Entry, Row | None]]) -> list[list[str]]:
    """As linhas de ``identicas.csv``: entregas iguais de alunos diferentes, byte por byte ou só no código."""
    same: dict[tuple[str, str], list[tuple[Entry, Row]]] = {}
    for entry, row in found:
        if row is not None and row.digest:
            same.setdefault(("arquivo", row.digest), []).append((entry, row))
        if row is not None and row.code_digest:
            same.setdefault(("código", row.code_digest), []).append((entry, row))
    groups = [(what, pairs) for (what, _), pairs in same.items() if len({entry.student for entry, _ in pairs}) > 1]
    told = {frozenset(id(entry) for entry, _ in pairs) for what, pairs in groups if what == "arquivo"}
    groups = [(what, pairs) for what, pairs in groups
              if what == "arquivo" or frozenset(id(entry) for entry, _ in pairs) not in told]  # fmt: skip
    lines = []
    for number, (what, pairs) in enumerate(groups, start=1):
        for entry, row in pairs:
            blank = row.checks and all(check.outcome in (rows.MISSING, rows.CRASH) for check in row.checks.values())
            cells = [str(number), what, one_line(entry.student), one_line(entry.name), one_line(entry.file, 200),
                     BLANK if blank else ""]  # fmt: skip
            lines.append([neutral(cell) for cell in cells])
    return lines
