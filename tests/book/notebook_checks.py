"""O que um notebook gerado tem de cumprir: cada função devolve a lista dos problemas, vazia se está tudo bem."""

import re
from pathlib import Path

import jupytext
import nbformat
import yaml
from bs4 import BeautifulSoup
from math_core import LatexError, LatexToMathML
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "_build" / "notebooks"
FORM = "#@title "

_FORMULA = re.compile(r"(?<!\\)(\$\$?)(.+?)(?<!\\)\1", re.DOTALL)
_CODE = re.compile(r"(`{3,})[^\n]*\n.*?\n\s*(?:>\s*)*\1|(`+)[^`].*?\2", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[(?P<text>(?:\\.|[^\[\]\\])*)\]\((?P<target><[^>]*>|[^)\s]*)\)")
_MYST = {
    "uma diretiva": re.compile(r"^[>\s]*(`{3,}|:{3,})\s*\{[\w:.-]+\}", re.MULTILINE),
    "um bloco «:::»": re.compile(r"^[>\s]*:{3,}", re.MULTILINE),
    "um papel": re.compile(r"(?<!`)\{[a-z][\w:+-]*\}`"),
    "o rótulo de uma equação": re.compile(r"\$\$ *\([\w:-]+\) *$", re.MULTILINE),
    "uma âncora": re.compile(r"^\([\w:-]+\)=\s*$", re.MULTILINE),
}


def chapters(root: Path = ROOT) -> list[str]:
    """Os capítulos do sumário que têm código, na ordem do livro."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    sources = {slug: root / "book" / f"{slug}.md" for slug in files}  # um arquivo que falta já impede a construção
    return [slug for slug, path in sources.items() if path.exists() and "{code-cell}" in path.read_text("utf8")]


def read(slug: str, folder: Path = NOTEBOOKS) -> NotebookNode:
    """O notebook gerado de um capítulo; falta dele é uma falha, nunca um teste pulado."""
    path = folder / f"{slug}.ipynb"
    assert path.exists(), f"{path} não existe: rode «make book»"
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """As células de código; a primeira é a da instalação."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook: NotebookNode) -> list[str]:
    """O Markdown de cada célula de texto."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def myst_left(notebook: NotebookNode) -> list[str]:
    """Marcação do MyST que o Colab mostraria crua."""
    return [
        f"sobrou {name}: «{match[0].strip()}»"
        for text in texts(notebook)
        for name, pattern in _MYST.items()
        for match in pattern.finditer(text)
    ]


def bad_links(notebook: NotebookNode, folder: Path) -> list[str]:
    """Ligações sem texto, para dentro da própria página, para a fonte ou para um arquivo que não está ao lado."""
    problems = []
    for text in texts(notebook):
        for match in _LINK.finditer(_CODE.sub("código", _FORMULA.sub("", text))):
            target = match["target"].strip("<>")
            if not match["text"].strip():
                problems.append(f"a ligação para «{target}» não tem texto")
            if re.match(r"https?://", target):
                continue
            if not re.fullmatch(r"[\w-]+\.ipynb", target):
                problems.append(f"a ligação «{match[0]}» não leva a lugar nenhum fora do site")
            elif not (folder / target).exists():
                problems.append(f"a ligação «{match[0]}» aponta para um notebook que não existe")
    return problems


def images_without_alt(notebook: NotebookNode) -> list[str]:
    """Figuras que um leitor de tela não descreve, e anexos, que o Colab não mostra."""
    problems = []
    for text in texts(notebook):
        problems += ["uma imagem do texto não tem texto alternativo"] * len(re.findall(r"!\[\s*\]\(", text))
        problems += ["o Colab não mostra anexos"] * text.count("](attachment:")
    described = " ".join(_words("\n".join(texts(notebook))))
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            for kind in output.get("data", {}):
                if not kind.startswith("image/"):
                    continue
                alt = output.metadata.get(kind, {}).get("alt")
                if not alt:
                    problems.append(f"a figura da célula de código {number} não tem texto alternativo")
                elif " ".join(_words(alt)) not in described:
                    problems.append(f"a descrição da figura da célula de código {number} some quando a célula roda")
    return problems


def code_differs(notebook: NotebookNode, source: Path) -> list[str]:
    """Código que falta, sobra ou não é o da fonte, palavra por palavra."""
    expected = [cell.source for cell in code_cells(jupytext.read(source, fmt="md:myst"))]
    found = [re.sub(rf"\A{FORM}.*\n", "", cell.source) for cell in code_cells(notebook)[1:]]
    if len(expected) != len(found):
        return [f"a fonte tem {len(expected)} células de código, e o notebook, {len(found)}"]
    pairs = enumerate(zip(expected, found, strict=True), start=1)
    return [f"a célula de código {number} não é a da fonte" for number, (ours, theirs) in pairs if ours != theirs]


def installer_problems(notebook: NotebookNode, version: str) -> list[str]:
    """A primeira célula de código instala esta versão da ganlib, só a ganlib, e só se ela falta."""
    source = code_cells(notebook)[0].source
    problems = []
    if f'version = "{version}"' not in source:
        problems.append(f"a primeira célula não instala a ganlib {version}")
    if not re.search(r"^    %pip install -q --no-deps \S*\.whl$", source, re.MULTILINE):
        problems.append("a primeira célula não instala o wheel da ganlib, sozinho, dentro de uma condição")
    if notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        problems.append("o notebook não começa pelo título do capítulo")
    if "Ambiente de execução" not in notebook.cells[0].source:
        problems.append("o começo não diz como usar uma GPU")
    return problems


def unfolded_solutions(notebook: NotebookNode, source: Path) -> list[str]:
    """Soluções à vista: código que não é um formulário dobrado, ou texto fora de ``<details>``."""
    problems, inside, number = [], False, 0
    ours = code_cells(notebook)[1:]
    for cell in jupytext.read(source, fmt="md:myst").cells:
        if cell.cell_type == "markdown":
            for gate in re.findall(r"^`{3,}\{solution-(start|end)\}", cell.source, re.MULTILINE):
                inside = gate == "start"
        elif cell.cell_type == "code":
            number += 1
            if inside and number <= len(ours) and not _folded(ours[number - 1]):
                problems.append(f"a célula de código {number} é uma solução e está à vista")
    for text in texts(notebook):
        if text.count("<details>") != text.count("</details>"):
            problems.append("um <details> não fecha na própria célula")
        if "**Solução" in re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL):
            problems.append("há uma solução fora de <details>")
    return problems


def _folded(cell: NotebookNode) -> bool:
    """Se a célula é um formulário «Solução» que começa fechado, no Colab e no Jupyter."""
    closed = cell.metadata.get("cellView") == "form" and cell.metadata.get("jupyter", {}).get("source_hidden")
    return bool(closed) and cell.source.startswith(f"{FORM}Solução")


def output_problems(notebook: NotebookNode, source: Path) -> list[str]:
    """Saídas que faltam, que são erros ou que não são para quem lê."""
    problems = []
    originals = code_cells(jupytext.read(source, fmt="md:myst"))
    for number, (cell, original) in enumerate(zip(code_cells(notebook)[1:], originals, strict=False), start=1):
        where = f"a célula de código {number}"
        checked = "nbval-check-output"
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"{where} falhou")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            problems.append(f"{where} publica stderr")
        if any("papermill" in kind for kind in kinds):
            problems.append(f"{where} publica um valor de glue")
        if "figure" in original.metadata.get("mystnb", {}) and not kinds & {"image/png", "image/svg+xml", "text/html"}:
            problems.append(f"{where} devia mostrar uma figura")
        if checked in original.metadata.get("tags", []) and not (
            checked in cell.metadata.get("tags", []) and cell.outputs and cell.execution_count
        ):
            problems.append(f"{where} devia ser conferida, e o nbval não a conferiria")
        if checked in cell.metadata.get("tags", []) and re.search(r"^\s*glue\(", cell.source, re.MULTILINE):
            problems.append(f"{where} é conferida e chama glue, que escreve outra saída: separe as duas")
    return problems


def foreign_macros(notebook: NotebookNode) -> list[str]:
    """Fórmulas com um comando que o MathJax do Colab não conhece."""
    converter, problems = LatexToMathML(macros={}), []
    for text in texts(notebook):
        for match in _FORMULA.finditer(_CODE.sub("", text)):
            latex = re.sub(r"\\tag\{[\d.]+\}", "", match[2])
            try:
                converter.convert_with_local_state(latex, displaystyle=match[1] == "$$")
            except LatexError as error:
                problems.append(f"a fórmula «{latex.strip()}» usa algo do livro: {error}")
    return problems


def numbers_differ(notebook: NotebookNode, page: str) -> list[str]:
    """Equações e caixas cujo número, tipo ou título não é o da página publicada."""
    soup = BeautifulSoup(page, "html.parser")
    for formula in soup.find_all("math"):
        formula.decompose()
    everything = "\n".join(texts(notebook))
    tags = re.findall(r"\\tag\{([\d.]+)\}", everything)
    shown = re.findall(r"\(([\d.]+)\)", " ".join(mark.get_text() for mark in soup.select(".eqno")))
    problems = [] if tags == shown else [f"as equações do notebook são {tags}, e as da página, {shown}"]
    for title in soup.select(".admonition-title:not(.hide *)"):
        words = " ".join(_words(title.get_text()))
        if words and words not in " ".join(_words(re.sub(r"</?\w+>", "", everything))):
            problems.append(f"a caixa «{title.get_text(' ', strip=True)}» não está no notebook com o mesmo título")
    for caption in soup.select(".caption-number"):
        if caption.get_text(strip=True).split()[0] in ("Figura", "Tabela") and (
            f"**{caption.get_text(strip=True)}.**" not in everything
        ):
            problems.append(f"«{caption.get_text(strip=True)}» não tem legenda no notebook")
    return problems


def _words(text: str) -> list[str]:
    """As palavras e os números de um texto, sem fórmulas nem marcação: o que a página e o notebook têm em comum."""
    return re.findall(r"[^\W_]+(?:\.\d+)*", _FORMULA.sub(" ", text))


def metadata_problems(notebook: NotebookNode, slug: str) -> list[str]:
    """O que impediria abrir o notebook no Colab ou o faria mudar a cada construção."""
    problems = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        problems.append(f"o arquivo não é um notebook válido: {error}")
    if notebook.metadata.get("colab", {}).get("name") != f"{slug}.ipynb":
        problems.append("os metadados do Colab não dizem o nome do notebook")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("o kernel não é o python3")
    allowed = {"tags", "cellView", "jupyter"}
    for cell in notebook.cells:
        if extra := set(cell.metadata) - allowed:
            problems.append(f"a célula {cell.id} guarda metadados que mudam ou sobram: {sorted(extra)}")
        if not cell.id.startswith(slug.replace("_", "-")[:50]):
            problems.append(f"o identificador {cell.id} não é estável")
    if "CC BY 4.0" not in notebook.cells[-1].source or "MIT" not in notebook.cells[-1].source:
        problems.append("o notebook não termina pela licença")
    return problems


def problems(notebook: NotebookNode, slug: str, source: Path, folder: Path, version: str) -> list[str]:
    """Tudo o que há de errado com o notebook de um capítulo."""
    return [
        *metadata_problems(notebook, slug),
        *installer_problems(notebook, version),
        *code_differs(notebook, source),
        *output_problems(notebook, source),
        *unfolded_solutions(notebook, source),
        *images_without_alt(notebook),
        *myst_left(notebook),
        *bad_links(notebook, folder),
        *foreign_macros(notebook),
    ]
