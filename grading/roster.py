"""A lista de alunos: um CSV qualquer, ou a planilha de notas do Moodle como foi baixada."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grading import sheets
from grading.errors import GradingError

SHORT = 3  # letras ou algarismos: um identificador assim aparece por acaso num nome de arquivo

# O que cada coluna pode se chamar, depois de `plain`; a primeira da lista ganha quando há duas.
ID = (
    "identificador", "identifier", "matricula", "numero de matricula", "ra", "registro academico", "registro", "nusp",
    "numero usp", "prontuario", "dre", "codigo", "id", "id do aluno", "id do estudante", "student id", "id number",
    "numero de identificacao", "identificacao", "registration", "registration number",
)  # fmt: skip
NAME = (
    "nome completo", "full name", "nome do aluno", "nome da aluna", "nome do estudante", "student name",
    "nome e sobrenome", "nome sobrenome", "aluno", "aluna", "estudante", "student",
)  # fmt: skip
FIRST = ("nome", "name", "primeiro nome", "first name", "given name")
LAST = ("sobrenome", "ultimo nome", "last name", "surname", "family name")
EMAIL = (
    "e mail", "email", "endereco de email", "endereco de e mail", "email address", "e mail address",
    "email institucional", "e mail institucional", "email do aluno", "correio eletronico",
)  # fmt: skip
WHEN = ("ultima modificacao envio", "last modified submission")
COLUMNS = {"id": ID, "name": NAME, "first": FIRST, "last": LAST, "email": EMAIL, "when": WHEN}

PARTICIPANT = re.compile(r"\s*particip(?:ante|ant)\s*(\d+)\s*", re.I)
MONTHS = (
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split(),
    "january february march april may june july august september october november december".split(),
)


def bare(text: str) -> str:
    """O texto sem acentos, na mesma caixa."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def plain(text: str) -> str:
    """O texto para comparar: sem acentos, em minúsculas, e o que não é letra nem algarismo vira um espaço."""
    return " ".join(re.findall(r"[^\W_]+", bare(text).casefold()))


def tidy(text: str) -> str:
    """O texto para guardar e mostrar: NFC, sem caracteres de controle, com espaços simples."""
    kept = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


@dataclass(frozen=True)
class Student:
    """Um aluno da lista; ``modified`` é quando o Moodle diz que ele entregou (ISO 8601 com fuso, ou "")."""

    id: str
    name: str = ""
    email: str = ""
    modified: str = ""


@dataclass(frozen=True)
class Roster:
    """A lista de alunos, na ordem do arquivo.

    Attributes:
        students: os alunos.
        worksheet: é a planilha do Moodle: o identificador é o número que vai no nome da pasta da entrega.
    """

    students: tuple[Student, ...]
    worksheet: bool = False
    _by_id: dict[str, Student] = field(init=False, repr=False, compare=False)
    _anywhere: list[tuple[Student, re.Pattern]] = field(init=False, repr=False, compare=False)
    _at_start: list[tuple[Student, re.Pattern]] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_by_id", {s.id.casefold(): s for s in self.students})
        object.__setattr__(self, "_anywhere", [(s, p) for s in self.students for p in _anywhere(s)])
        object.__setattr__(self, "_at_start", [(s, p) for s in self.students for p in _at_start(s)])

    def get(self, id_: str) -> Student | None:
        """O aluno com este identificador."""
        return self._by_id.get(id_.casefold())

    def named(self, name: str) -> Student | None:
        """O único aluno com este nome completo; None se não há, ou se há dois."""
        found = [s for s in self.students if plain(s.name) == plain(name) != ""]
        return found[0] if len(found) == 1 else None

    def match(self, text: str) -> list[Student]:
        """Os alunos de que fala um nome de arquivo ou de pasta: um só é certeza, vários é ambíguo.

        Vale o identificador como palavra inteira, o endereço de e-mail, ou o nome completo no começo. Um achado dentro
        de outro não conta: ``Aluna Um Dois`` não é ``Aluna Um``.
        """
        text = bare(text)
        found = [(m.span(), s) for s, p in self._anywhere for m in p.finditer(text)]
        starts = ((m, s) for s, p in self._at_start if (m := p.match(text)))
        found += [(m.span(), s) for m, s in starts if _ends(text, m.end())]
        inside = {(a, b) for (a, b), _ in found for (c, d), _ in found if c <= a and b <= d and (a, b) != (c, d)}
        return list(dict.fromkeys(s for span, s in found if span not in inside))


def _anywhere(student: Student) -> tuple[re.Pattern, ...]:
    """O que identifica um aluno em qualquer lugar: o e-mail e o identificador, como palavras inteiras."""
    # Um identificador curto (o número da chamada) não basta: "lista 1" não fala do aluno 1.
    words = [word for word in (student.email, student.id if len(student.id) > SHORT else "") if word]
    return tuple(re.compile(rf"(?<![^\W_]){re.escape(bare(word))}(?![^\W_])", re.I) for word in words)


def _at_start(student: Student) -> tuple[re.Pattern, ...]:
    """O que identifica um aluno só no começo: o nome completo, com qualquer separação, e o identificador curto."""
    words = plain(student.name).split()
    name, found = r"[\W_]*".join("".join(words)), []
    if words:
        # Um nome só ("Aluna") é começo de muitos outros: tem de ser o texto inteiro.
        found.append(name if len(words) > 1 else name + r"[\W_]*$")
    if len(student.id) <= SHORT:
        found.append(re.escape(bare(student.id)) + r"[\W_]*" + (rf"(?:$|(?<=[\W_]){name})" if words else "$"))
    return tuple(re.compile(r"[\W_]*" + pattern, re.I) for pattern in found)


def _ends(text: str, end: int) -> bool:
    """Se uma palavra acaba aqui: ``Aluna Um_lista`` e ``AlunaUmLista`` sim, ``Aluna Uma`` não."""
    return end == len(text) or not text[end].isalpha() or (text[end].isupper() and text[end - 1].islower())


def read_roster(path: Path) -> Roster:
    """Lê a lista de alunos.

    Cabeçalhos em português ou em inglês; separadores e codificações, os de ``sheets.read``. Sem identificadores, vale o
    e-mail: é assim que o Google Classroom exporta, com linhas de resumo que não têm e-mail e são puladas.

    Raises:
        GradingError: o arquivo não se lê, falta uma coluna, ou um identificador falta ou se repete.
    """
    table = sheets.read(path)
    rows = [(line, row) for line, row in enumerate(table.rows, start=2) if any(cell.strip() for cell in row)]
    at = _columns(table.header)
    ids = [value for _, row in rows if (value := _cell(row, at.get("id")))]
    key = "id" if ids or "email" not in at else "email"
    worksheet = bool(ids) and all(PARTICIPANT.fullmatch(value) for value in ids)
    missing = [] if key in at else ["um identificador (id, matrícula ou RA)"]
    if not worksheet and not at.keys() & {"name", "first", "last"}:  # a planilha de uma tarefa anônima não tem nomes
        missing.append("o nome")
    if missing:
        raise GradingError(f"Na lista de alunos {path} falta a coluna com {' e a coluna com '.join(missing)}")
    students = []
    for line, row in rows:
        value = _cell(row, at[key])
        if not value and key == "id":
            raise GradingError(f"Na lista de alunos {path}, a linha {line} não tem identificador")
        if value:
            name = _cell(row, at.get("name")) or f"{_cell(row, at.get('first'))} {_cell(row, at.get('last'))}".strip()
            id_ = PARTICIPANT.fullmatch(value)[1] if worksheet else value
            students.append(Student(id_, name, _cell(row, at.get("email")), moment(_cell(row, at.get("when")))))
    if not students:
        raise GradingError(f"A lista de alunos {path} não tem nenhum aluno")
    id_, times = Counter(s.id.casefold() for s in students).most_common(1)[0]
    if times > 1:
        raise GradingError(f"Na lista de alunos {path}, o identificador {id_} se repete")
    return Roster(tuple(students), worksheet)


def _columns(header: list[str]) -> dict[str, int]:
    """Onde está cada coluna que se reconhece."""
    names = [plain(cell) for cell in header]
    found = {kind: next((names.index(n) for n in known if n in names), None) for kind, known in COLUMNS.items()}
    return {kind: i for kind, i in found.items() if i is not None}


def _cell(row: list[str], i: int | None) -> str:
    return tidy(row[i]) if i is not None and i < len(row) else ""


def moment(text: str) -> str:
    """Uma data como o Moodle a escreve, em ISO 8601; "" quando não se entende (``-`` é quem não entregou).

    O Moodle não escreve o fuso: vale o desta máquina, que é o de quem baixou a planilha.
    """
    try:
        if ":" in text:
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.astimezone()).isoformat()
    except (ValueError, OverflowError, OSError):
        pass  # é o caso de sempre: o Moodle escreve por extenso
    text = bare(text).casefold()
    clock = re.search(r"(\d{1,2})[:h](\d{2})(?::(\d{2}))?(?:\s*([ap])\.?m\b)?", text)
    if not clock:
        return ""
    rest = text[: clock.start()] + " " + text[clock.end() :]
    month = next((n for w in re.findall(r"[a-z]{3,}", rest) if (n := _month(w))), None)
    year, day = re.search(r"\b\d{4}\b", rest), re.search(r"\b\d{1,2}\b", rest)
    numeric = re.search(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b", rest)
    if numeric:
        date = [int(numeric[i]) for i in (3, 2, 1)]
    elif month and year and day:
        date = [int(year[0]), month, int(day[0])]
    else:
        return ""
    hour = int(clock[1]) % 12 + 12 * (clock[4] == "p") if clock[4] and int(clock[1]) <= 12 else int(clock[1])
    try:
        return datetime(*date, hour, int(clock[2]), int(clock[3] or 0)).astimezone().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _month(word: str) -> int | None:
    """O mês de uma palavra, inteira ou abreviada, em português ou em inglês."""
    return next((n for names in MONTHS for n, name in enumerate(names, start=1) if bare(name).startswith(word)), None)
