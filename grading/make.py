"""De ``list.md`` ao notebook do aluno e ao gabarito, e a prova de que os dois servem."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading import engine, notebook, rows, store
from grading.assignment import Assignment, ListFolder, Question
from grading.errors import GradingError
from grading.sheets import points

BEGIN, FINISH = "### INÍCIO DA SOLUÇÃO", "### FIM DA SOLUÇÃO"
BLANK = 'raise NotImplementedError("escreva aqui a sua solução")'
_REGION = re.compile(rf"(?m)^([ \t]*){BEGIN}[ \t]*\n(.*?)^[ \t]*{FINISH}[ \t]*$", re.DOTALL)
_GATE = re.compile(r"(?ms)^```+\{(exercise|solution)-(start|end)\}([^\n]*)\n(.*?)^```+[ \t]*$")
_OPTION = re.compile(r"(?m)^:(\w+):[ \t]*(.*)$")
_DIRECTIVE = re.compile(r"(?m)^(?:```+|:::+)\{[^}]*\}|\{(?:ref|eq|doc|cite|numref|term|prf:ref|glue)[^}]*\}`")
LEAK = 14  # caracteres: uma linha de solução menor que isto (``return x``) não revela nada


@dataclass(frozen=True)
class Cell:
    """Um pedaço da lista: ``kind`` é "code" ou "markdown"; ``solution`` é a questão que ele resolve, ou ""."""

    kind: str
    text: str
    solution: str = ""


@dataclass(frozen=True)
class Made:
    """O que sai de uma lista."""

    student: NotebookNode
    key: NotebookNode


def parse(folder: ListFolder) -> list[Cell]:
    """As células da lista, com as questões numeradas e as soluções marcadas.

    Raises:
        GradingError: uma marca sem par, ou uma diretiva que o Colab mostraria crua.
    """
    numbers = {q.id: i for i, q in enumerate(folder.assignment.questions, start=1)}
    cells: list[Cell] = []
    inside = ""  # a questão cuja solução está aberta
    for cell in jupytext.reads(folder.source, fmt="md:myst").cells:
        if cell.cell_type == "code":
            _check_markers(folder, cell.source, inside)
            cells.append(Cell("code", cell.source, inside))
            continue
        rest = 0
        pieces: list[tuple[str, str]] = []
        for gate in _GATE.finditer(cell.source):
            pieces.append((cell.source[rest : gate.start()], inside))
            rest = gate.end()
            kind, edge, argument, body = gate.groups()
            if (kind, edge) == ("exercise", "start"):
                id_ = dict(_OPTION.findall(body)).get("label", "")
                question = next(q for q in folder.assignment.questions if q.id == id_)
                title = argument.strip() or question.title
                pieces.append((f"## Questão {numbers[id_]} ({points(question.points)}): {title}", ""))
            if kind == "solution":
                if (edge == "start") == bool(inside):
                    raise GradingError(f"Em {folder.path / 'list.md'}, as soluções abrem e fecham fora de ordem")
                inside = argument.strip() if edge == "start" else ""
                if inside and inside not in numbers:
                    raise GradingError(f"Em {folder.path / 'list.md'}, a solução de {inside} não tem questão")
        pieces.append((cell.source[rest:], inside))
        cells += [Cell("markdown", text.strip(), where) for text, where in pieces if text.strip()]
    if inside:
        raise GradingError(f"Em {folder.path / 'list.md'}, a solução de {inside} não fecha")
    for cell in cells:
        if cell.kind == "markdown" and (found := _DIRECTIVE.search(cell.text)):
            where = folder.path / "list.md"
            raise GradingError(f"Em {where}, «{found[0]}» apareceria cru no Colab: escreva em Markdown puro")
    return cells


def _check_markers(folder: ListFolder, source: str, inside: str) -> None:
    opened, closed = source.count(BEGIN), source.count(FINISH)
    if opened != closed or opened != len(_REGION.findall(source)):
        raise GradingError(f"Em {folder.path / 'list.md'}, há um «{BEGIN}» sem «{FINISH}»")
    if opened and not inside:
        raise GradingError(f"Em {folder.path / 'list.md'}, há código com «{BEGIN}» fora de uma solução")


def blanked(source: str) -> str:
    """O código com cada solução trocada por um aviso de que falta escrever."""
    return _REGION.sub(lambda m: m[1] + BLANK, source)


def duration(minutes: int) -> str:
    """``50 min``, ``2 h``, ``2 h 30 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))


def notebooks(folder: ListFolder, install: str) -> Made:
    """O notebook do aluno e o gabarito.

    Args:
        install: o código da primeira célula, que instala a ganlib onde ela não está.

    Raises:
        GradingError: a lista não está bem formada, ou o notebook do aluno mostraria uma linha de solução.
    """
    cells = parse(folder)
    a = folder.assignment
    student = [*_header(a, install), *_student_cells(cells, a)]
    key = [*_header(a, install, "Gabarito: "), *_key_cells(cells)]
    made = Made(_notebook(student, folder.name), _notebook(key, f"{folder.name}-gabarito"))
    leaked = leaks(cells, made.student)
    if leaked:
        raise GradingError(f"O notebook do aluno de {folder.name} mostraria linhas da solução: " + "; ".join(leaked))
    return made


def leaks(cells: list[Cell], student: NotebookNode) -> list[str]:
    """As linhas das soluções (de código ou de texto) que se leem no notebook do aluno."""
    secret = []
    for cell in cells:
        if cell.solution and cell.kind == "code":
            regions = [m[1] for m in _REGION.findall(cell.text)]
            secret += regions if regions else [cell.text]
        elif cell.solution:
            secret.append(cell.text)
    lines = {line.strip() for text in secret for line in text.splitlines()}
    public = "\n".join(cell.source for cell in student.cells)
    return sorted(line for line in lines if len(line) >= LEAK and line in public)


def _header(a: Assignment, install: str, prefix: str = "") -> list[NotebookNode]:
    table = [f"| {i} | {q.title} | {points(q.points)} | {'automática' if isinstance(q, Question) else 'à mão'} |"
             for i, q in enumerate(a.questions, start=1)]  # fmt: skip
    text = f"""\
# {prefix}{a.title}

**Capítulo:** `{a.chapter}`. **Vale** {points(a.points)}. **Tempo esperado:** {duration(a.minutes)}.

| Questão | | Vale | Correção |
|---|---|---|---|
{chr(10).join(table)}

**Como responder.** Troque cada `{BLANK.split("(")[0]}(…)` pelo seu código, sem mudar o nome nem os argumentos das
funções, e escreva as respostas de texto entre as marcas. Células a mais não atrapalham. As células de verificação
dizem se a sua resposta tem a forma certa e acerta um caso; a correção usa outros casos, sorteados para você. Antes de
entregar, reinicie o notebook, execute tudo do começo ao fim, salve e entregue o arquivo `.ipynb`.

A primeira célula instala a `ganlib` (só ela), se ainda não estiver aqui. A lista roda em CPU."""
    return [new_markdown_cell(text), new_code_cell(install)]


def _student_cells(cells: list[Cell], a: Assignment) -> Iterator[NotebookNode]:
    written = {q.id for q in a.written}
    boxed: set[str] = set()
    for cell in cells:
        if cell.kind == "code" and not cell.solution:
            yield new_code_cell(cell.text)
        elif cell.kind == "code" and BEGIN in cell.text:
            yield new_code_cell(blanked(cell.text))
        elif cell.kind == "markdown" and not cell.solution:
            yield new_markdown_cell(cell.text)
        elif cell.solution in written and cell.solution not in boxed:
            boxed.add(cell.solution)
            yield new_markdown_cell(answer_box(cell.solution))


def answer_box(id_: str, text: str = notebook.PLACEHOLDER) -> str:
    """A célula em que se escreve uma resposta de texto."""
    opening, closing = notebook.OPEN.format(id=id_), notebook.CLOSE.format(id=id_)
    return f"**Sua resposta** (escreva entre as marcas; pode usar LaTeX):\n\n{opening}\n\n{text}\n\n{closing}"


def _key_cells(cells: list[Cell]) -> Iterator[NotebookNode]:
    for cell in cells:
        if cell.kind == "code":
            yield new_code_cell(cell.text)
        else:
            yield new_markdown_cell(f"**Solução.**\n\n{cell.text}" if cell.solution else cell.text)


def _notebook(cells: list[NotebookNode], name: str) -> NotebookNode:
    for position, cell in enumerate(cells):
        cell.id = f"{re.sub('[^a-z0-9]+', '-', name)[:50]}-{position}"
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "colab": {"name": f"{name}.ipynb", "provenance": []},
    }
    return new_notebook(cells=cells, metadata=metadata)


# A prova


def graded(folder: ListFolder, content: bytes, student: str = "prova", seed: bytes | None = None,
           sandbox: bool = True) -> rows.Row:  # fmt: skip
    """Corrige um notebook com uma semente de uso único (ou a que se der): a mesma correção da turma."""
    package = engine.Package.of(folder, sandbox)
    inputs = engine.encoded_inputs(folder, seed or secrets.token_bytes(32), student)
    cells = [cell.text for cell in parse(folder) if cell.kind == "code"]
    (expected,) = engine.key_answers(package, cells, [inputs])
    return engine.grade_one(engine.Work(package, student, "prova.ipynb", content, inputs, expected))


def verify(folder: ListFolder, made: Made, sandbox: bool = True) -> tuple[rows.Row, rows.Row]:
    """Confere que o gabarito tira a nota máxima e que o notebook em branco tira zero.

    Raises:
        GradingError: diz que verificações desmentem isso.
    """
    key, blank = (graded(folder, nbformat.writes(nb).encode(), sandbox=sandbox) for nb in (made.key, made.student))
    lost = [f"{name} ({check.outcome})" for name, check in key.checks.items() if check.outcome != rows.RIGHT]
    if lost or key.outcome != rows.GRADED:
        raise GradingError(f"O gabarito de {folder.name} não tira a nota máxima ({key.outcome}): {', '.join(lost)}")
    given = [f"{name} ({check.outcome})" for name, check in blank.checks.items() if check.points]
    if given or blank.outcome != rows.GRADED:
        raise GradingError(f"O notebook em branco de {folder.name} não tira zero ({blank.outcome}): {', '.join(given)}")
    return key, blank


def write(made: Made, folder: ListFolder, out: Path) -> tuple[Path, Path]:
    """Escreve ``<lista>.ipynb`` e ``<lista>-gabarito.ipynb`` em ``out``."""
    paths = out / f"{folder.name}.ipynb", out / f"{folder.name}-gabarito.ipynb"
    for path, nb in zip(paths, (made.student, made.key), strict=True):
        store.write(path, nbformat.writes(nb) + "\n")
    return paths
