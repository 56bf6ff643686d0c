"""As entregas de uma turma: de quem é cada arquivo de uma pasta, do Classroom ou do Drive, ou do zip do Moodle.

Quem diz de quem é a entrega é o nome que o LMS deu à pasta, ou o nome do arquivo e a lista de alunos; nunca o que está
dentro do notebook. Nenhum aluno some: o que não se lê, ou não é um notebook, vira uma entrega com um problema, e quem
está na lista e não entregou aparece sem arquivo.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grading.archives import File, UnreadableSubmission, scan
from grading.errors import GradingError
from grading.roster import Roster, Student, plain, read_roster

__all__ = ["Roster", "Student", "Submission", "UnreadableSubmission", "collect", "read_roster"]

MAX_NOTEBOOKS = 10  # por aluno
SHEETS = (".csv", ".xls", ".xlsx", ".ods")  # numa pasta comum, são de quem ensina

# `Nome Sobrenome_12345_assignsubmission_file_`: uma pasta, ou o começo do nome do arquivo (Moodle anterior ao 3.1).
MOODLE = re.compile(r"(?P<name>.*?)(?P<tail>_(?P<number>[0-9]{1,18})_assignsubmission_(?P<plugin>[a-z]+)(?:_|$)).*")
COPY = re.compile(r"^(?:c[óo]pia de|copy of)\s+|\s*\(\d+\)$|\s+-\s+(?:c[óo]pia|copy)$", re.I)

EMPTY = "A entrega não tem nenhum arquivo; entregue o notebook (.ipynb)"
OTHER = "A entrega não tem um notebook, só arquivos {kinds}; entregue o notebook salvo (.ipynb), fora de qualquer zip"
MANY = "A entrega tem {n} notebooks; entregue só um"
STRANGER = "{file}: o nome não é o de ninguém da lista de alunos"
UNCLEAR = "{file}: o nome serve a mais de um aluno da lista ({names})"


@dataclass(frozen=True)
class Submission:
    """Uma entrega, ainda por ler (os campos são os de ``store.Entry``).

    Attributes:
        student: o número da pasta do Moodle, o identificador da lista de alunos, ou o nome do arquivo.
        name: o nome do aluno; "" se não se sabe.
        email: o endereço dele; "" se não se sabe.
        file: o caminho da entrega dentro da pasta ou do zip; "" para quem não entregou.
        folder: a pasta do Moodle, como ele a aceita de volta; "" se a entrega não veio assim.
        modified: quando foi entregue, ISO 8601 com fuso, ou "" se não se sabe.
        enrolled: se está na lista de alunos; verdadeiro para todos quando não há lista.
        problem: por que não se lê, dito ao aluno; "" se nada impede.
        warning: o que quem ensina deve conferir; "" se nada.
    """

    student: str
    name: str = ""
    email: str = ""
    file: str = ""
    folder: str = ""
    modified: str = ""
    enrolled: bool = True
    problem: str = ""
    warning: str = ""
    source: Callable[[], bytes] = field(default=bytes, repr=False, compare=False)

    def read(self) -> bytes:
        """Os bytes da entrega, lidos agora.

        Raises:
            UnreadableSubmission: não há o que ler, há um problema, é grande demais, ou chegou danificada.
        """
        if self.problem or not self.file:
            raise UnreadableSubmission(self.problem or EMPTY)
        return self.source()


def collect(path: Path, roster: Roster | None = None) -> list[Submission]:
    """As entregas que há numa pasta ou num zip, e depois os alunos da lista que não entregaram.

    Args:
        path: uma pasta de ``.ipynb``, uma pasta como o Moodle a compacta, ou um zip, que não é extraído.
        roster: a lista de alunos; sem ela, todos contam como matriculados.

    Raises:
        GradingError: não há entregas, ou a pasta ou o zip não se lê por inteiro.
    """
    owned: defaultdict[Submission, list[File]] = defaultdict(list)
    common = []
    for f in scan(path):
        moodle = _moodle(f)
        if moodle is None:
            common.append(f)
        elif moodle["plugin"] == "file":
            owned[_from_moodle(moodle, roster)].append(f)
    for owner, f in _from_names([f for f in common if not f.is_folder and not f.is_junk], roster):
        owned[owner].append(f)
    found = [s for owner, files in owned.items() for s in _handed(owner, files)]
    if not found:
        raise GradingError(f"Não há nenhuma entrega em {path}; indique a pasta dos notebooks ou o zip do Moodle")
    handed = {s.student for s in found}
    absent = [s for s in roster.students if s.id not in handed] if roster else []
    return found + [Submission(s.id, s.name, s.email) for s in absent]


def _handed(owner: Submission, files: list[File]) -> Iterator[Submission]:
    """O que um aluno entregou: uma entrega para cada notebook, ou uma só, com o problema."""
    works = [f for f in files if not f.is_folder and not f.is_junk]
    notebooks = [f for f in works if f.is_notebook]
    if len(notebooks) > MAX_NOTEBOOKS:
        problem, chosen = MANY.format(n=len(notebooks)), notebooks[:1]
    elif notebooks:
        problem, chosen = "", notebooks
    elif works:
        # A extensão é do aluno, e a frase é nossa: só entra nela o que tem cara de extensão.
        found = (re.search(r"\.[a-z0-9]{1,5}$", f.name.lower()) for f in works)
        kinds = sorted({m[0] if m else "sem extensão" for m in found})
        problem, chosen = OTHER.format(kinds=", ".join(kinds[:4])), works[:1]
    else:
        problem, chosen = EMPTY, files[:1]
    for f in chosen:
        file = "/".join(f.parts)
        warning = owner.warning.replace("{file}", file)
        yield replace(owner, file=file, problem=f.problem or problem, warning=warning, source=f.read)


# No Moodle


def _moodle(f: File) -> re.Match | None:
    """A parte do caminho em que está o nome que o Moodle deu; a de fora, porque as de dentro quem deu foi o aluno."""
    return next((m for part in f.parts if (m := MOODLE.fullmatch(part))), None)


def _from_moodle(m: re.Match, roster: Roster | None) -> Submission:
    # O Moodle não põe "_" no nome, e não aceita de volta uma pasta que o tenha ali; alguns programas põem ao extrair.
    number, name = m["number"], " ".join(m["name"].replace("_", " ").split())
    folder = name + m["tail"]
    if roster is None:
        return Submission(number, name, folder=folder)
    # O número é do Moodle, e outro em cada tarefa: numa lista que não é a planilha dele, só vale junto com o nome.
    found = roster.get(number)
    if not roster.worksheet and not (found and plain(found.name) in ("", plain(name))):
        found = roster.named(name)
    if found is None:
        return _stranger(number, roster, name=name, folder=folder)
    return replace(_student(found), name=found.name or name, folder=folder)


# Pelo nome do arquivo


def _from_names(files: list[File], roster: Roster | None) -> Iterator[tuple[Submission, File]]:
    """De quem é cada arquivo de uma pasta comum: da lista de alunos ou, se não, de um aluno com o nome do arquivo."""
    labels = _labels(files)
    for f in files:
        hits = _matches(f, roster) if roster else []
        if len(hits) == 1:
            yield _student(hits[0]), f
        elif not f.name.lower().endswith(SHEETS):
            yield (_stranger(labels[f], roster, hits) if roster else Submission(labels[f])), f


def _matches(f: File, roster: Roster) -> list[Student]:
    """Os alunos de que fala a pasta de fora ou, se ela não fala de ninguém, a seguinte, até o nome do arquivo."""
    texts = (*f.parts[:-1], _stem(f.name))
    return next((hits for text in texts if (hits := roster.match(_uncopied(text)))), [])


def _labels(files: Iterable[File]) -> dict[File, str]:
    """O nome de um aluno que só se conhece pelo arquivo.

    É o do arquivo ou, se o notebook está só numa pasta, o dela. O mesmo nome em duas pastas são dois alunos.
    """
    files = list(files)
    crowd: defaultdict[tuple, set[str]] = defaultdict(set)
    for f in files:
        crowd[f.parts[:-1], f.is_notebook].add(_uncopied(_stem(f.name)))
    where: dict[File, tuple[tuple[str, ...], str]] = {}
    for f in files:
        above = f.parts[:-1]
        alone = len(crowd[above, True] or crowd[above, False]) == 1
        path = above if above and alone else (*above, _stem(f.name))
        where[f] = path[:-1], _uncopied(path[-1])
    times = Counter(label for _, label in set(where.values()))
    return {f: label if times[label] == 1 else " - ".join((*above, label)) for f, (above, label) in where.items()}


def _stem(name: str) -> str:
    return re.sub(r"(?<=.)(?:\.ipynb)?\.\w+$", "", name)  # alguns navegadores gravam x.ipynb.txt


def _uncopied(text: str) -> str:
    """O nome sem o que o Drive e o Classroom põem: "Cópia de", " (1)", " - Cópia"."""
    while (shorter := COPY.sub("", text).strip()) not in ("", text):
        text = shorter
    return text


def _student(s: Student) -> Submission:
    return Submission(s.id, s.name, s.email, modified=s.modified)


def _stranger(label: str, roster: Roster, hits: Iterable[Student] = (), **known: str) -> Submission:
    """Alguém que não está na lista de alunos; nunca com o identificador de quem está."""
    names = ", ".join(s.name or s.id for s in hits)
    warning = UNCLEAR.replace("{names}", names) if names else STRANGER
    student = f"{label} (fora da lista)" if roster.get(label) else label
    return Submission(student, enrolled=False, warning=warning, **known)
