"""O que o Moodle importa: a planilha de notas da tarefa e o zip das devolutivas.

A planilha é a de «Baixar planilha de notas»; o Moodle acha nela as colunas pelo nome, no idioma do site, e o aluno pelo
número que vem depois de «Participante», o mesmo da pasta da entrega (``Nome_123_assignsubmission_file_``). Uma nota em
branco não muda nada lá.
"""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grading import sheets
from grading.errors import GradingError
from grading.gradebook import ABSENT, Grade, cents
from grading.sheets import Table, decimal, neutral, one_line

ID = ("Identificador", "Identifier")
GRADE = ("Nota", "Grade")
TOP = ("Nota máxima", "Maximum grade")
NAME = ("Nome completo", "Full name")
EMAIL = ("Endereço de email", "Endereço de e-mail", "Email address", "Email")
NUMBER = ("Número de identificação", "ID number")

HEADER = ("Identificador", "Nome completo", "Endereço de email", "Status", "Nota", "Nota máxima",
          "Nota pode ser alterada", "Última modificação (envio)", "Última modificação (nota)",
          "Comentários de feedback")  # fmt: skip

# O nome da pasta de uma entrega, como o Moodle o reconhece na volta.
_FOLDER = re.compile(r"[^/\\_\x00-\x1f]*_(\d{1,18})_assignsubmission_[a-z]+_?")
_PARTICIPANT = re.compile(r"\D*(\d{1,18})")


def participant(grade: Grade) -> str:
    """O número do participante, pela pasta de qualquer entrega; "" se não se sabe."""
    match = _FOLDER.fullmatch(grade.chosen.folder)
    return match[1] if match else ""


def new_worksheet(grades: Sequence[Grade], points: float) -> tuple[bytes, list[str]]:
    """Uma planilha de notas para os alunos cujo número se conhece, e o que ficou de fora."""
    rows, missing = [], []
    for grade in grades:
        number = participant(grade)
        if not number:
            missing.append(one_line(grade.chosen.shown, 60))
            continue
        status = "Nenhum envio" if grade.situation == ABSENT else "Enviado para avaliação"
        who = [f"Participante{number}", neutral(one_line(grade.chosen.name)), neutral(one_line(grade.chosen.email))]
        rows.append([*who, status, decimal(grade.total), decimal(points), "Sim", "-", "-", ""])
    notice = [f"Sem o número do Moodle, fora de moodle_notas.csv: {_some(missing)}; dê a planilha baixada do Moodle em "
              "--worksheet"] if missing else []  # fmt: skip
    return sheets.dump(HEADER, rows, delimiter=","), notice


def fill_worksheet(path: Path | str, grades: Sequence[Grade], points: float) -> tuple[bytes, list[str]]:
    """A planilha baixada do Moodle com as notas; colunas, linhas e ordem ficam, e uma nota pendente não muda nada.

    Raises:
        GradingError: não é a planilha de notas do Moodle, ou a nota dela não é um número.
    """
    table = sheets.read(path)
    at = {what: table.column(*names) for what, names in {"id": ID, "grade": GRADE, "top": TOP}.items()}
    if at["id"] is None or at["grade"] is None:
        raise GradingError(
            f"A planilha {path} não é a de notas do Moodle: falta a coluna Identificador ou Nota. Na tarefa do Moodle,"
            " use Baixar planilha de notas"
        )
    if at["top"] is None:
        raise GradingError(f"A planilha {path} não tem a coluna Nota máxima: no Moodle, a tarefa tem de valer pontos")
    owners = _owners(table, grades)
    comma = any("," in row[at["top"]] for row in table.rows if len(row) > at["top"])
    missing, scales = [], set()
    for n, row in enumerate(table.rows):
        if len(row) <= max(at["grade"], at["top"]):
            continue  # uma linha em branco no fim
        grade = owners.get(n)
        if grade is None:
            missing.append(one_line(row[at["id"]], 60))
        elif grade.total is not None:
            top = _top(row[at["top"]], path, n + 2)
            scales.add(top)
            value = cents(grade.total * top / points)
            row[at["grade"]] = f"{value:.2f}".replace(".", "," if comma else ".")
    notices = [f"Linhas da planilha do Moodle sem aluno aqui, que não mudaram: {_some(missing)}"] if missing else []
    here = {id(g) for g in owners.values()}
    absent = [one_line(g.chosen.shown, 60) for g in grades if id(g) not in here]
    notices += [f"Alunos que não estão na planilha do Moodle: {_some(absent)}"] if absent else []
    notices += [f"No Moodle a tarefa vale {decimal(top)}, e a lista {decimal(points)}: as notas foram convertidas"
                for top in sorted(scales - {points})]  # fmt: skip
    return table.dump(), notices


def _top(text: str, path: Path | str, number: int) -> float:
    try:
        top = sheets.number(text)
    except ValueError:
        top = None
    if not top or top <= 0:
        shown = one_line(text, 30)
        raise GradingError(f"A planilha {path}, na linha {number}, tem a nota máxima {shown!r}, que não é um número")
    return top


def _owners(table: Table, grades: Sequence[Grade]) -> dict[int, Grade]:
    """De quem é cada linha: pelo número do participante; senão pela matrícula, pelo email, ou por um nome único."""
    by_number = {participant(g): g for g in grades if participant(g)}
    keys = [(NUMBER, lambda g: g.chosen.student), (EMAIL, lambda g: g.chosen.email), (NAME, lambda g: g.chosen.name)]
    # Quem não entregou não tem pasta; se a lista de alunos era a planilha, o identificador é o número. Uma matrícula
    # que por acaso seja o número de outra pessoa não passa, porque o nome também tem de ser o mesmo.
    keys.insert(0, (ID, lambda g: f"participante{g.chosen.student} {g.chosen.name}"))
    known = [(table.column(*names), _unique(grades, key)) for names, key in keys]
    identity, full_name = table.column(*ID), table.column(*NAME)
    owners: dict[int, Grade] = {}
    taken: set[int] = set()
    for n, row in enumerate(table.rows):
        cell = dict(enumerate(row))
        match = _PARTICIPANT.fullmatch(cell.get(identity, "").strip())
        number = match[1] if match else ""
        found = by_number.get(number)
        for place, owner in known:
            value = f"participante{number} {cell.get(full_name, '')}" if place == identity else cell.get(place, "")
            candidate = owner.get(_plain(value))
            if found is None and candidate is not None and not participant(candidate):  # o número de quem o tem decide
                found = candidate
        if found is not None and id(found) not in taken:
            taken.add(id(found))
            owners[n] = found
    return owners


def _plain(text: str) -> str:
    return one_line(text).casefold()


def _unique(grades: Sequence[Grade], key) -> Mapping[str, Grade]:
    names = [_plain(key(g)) for g in grades]
    return {name: g for name, g in zip(names, grades, strict=True) if name and names.count(name) == 1}


def _some(names: Sequence[str], limit: int = 10) -> str:
    return ", ".join(names[:limit]) + (f" e mais {len(names) - limit}" if len(names) > limit else "")


def feedback_zip(pages: Sequence[tuple[Grade, str]]) -> tuple[bytes, list[str]]:
    """O zip de «Enviar várias devolutivas», sempre os mesmos bytes; e quem ficou de fora."""
    written = io.BytesIO()
    missing = []
    with zipfile.ZipFile(written, "w") as archive:
        folders = {}
        for grade, html in pages:
            if participant(grade):
                folders[grade.chosen.folder] = html  # o Moodle só a reconhece se voltar igual
            elif grade.chosen.entry is not None:
                missing.append(one_line(grade.chosen.shown, 60))
        for folder in sorted(folders):
            entry = zipfile.ZipInfo(f"{folder}/devolutiva.html", (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, folders[folder])
    notice = [f"Entregas que não vieram do Moodle, fora de devolutivas.zip: {_some(missing)}"] if missing else []
    return written.getvalue(), notice
