"""A página *api*: traz tudo o que a ganlib tem de público, como está na fonte, em português."""

import ast
import importlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import api
import build
import page_checks
import pytest
import sources
from bs4 import BeautifulSoup
from build import ROOT, jupyter_book

import ganlib
from ganlib.losses import LOSSES

PAGE = ROOT / "book" / "api.md"
LABEL = r"\((?:def|eq|teo|prop|lem|cor)-[\w-]+\)"

FAULTS = {
    "marcação que não fecha": ("def a():\n    '''Um ``código sem fim.'''\n", "Inline literal start-string"),
    "seção que não existe": ("def a():\n    '''Nada.\n\n    Retorns:\n        algo\n    '''\n", "a seção «Retorns:»"),
    "item sem nome": ("def a(x):\n    '''Nada.\n\n    Args:\n        o primeiro\n    '''\n", "não é «nome: texto»"),
    "erro que não existe": ("def a():\n    '''Nada.\n\n    Raises:\n        Eror: nunca\n    '''\n", "Eror"),
    "equação que não existe": ("def a():\n    '''Nada (eq-nenhuma).'''\n", "eq-nenhuma"),
}


def write_book(folder: Path, page: str, labels: str = "") -> Path:
    """Um livro com uma página só, e outra com as equações que ela cita."""
    folder.mkdir(parents=True)
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n- numbered: true\n  chapters: [{file: equacoes}]\n"
        "- chapters: [{file: api}]\n"
    )
    (folder / "index.md").write_text("# Início\n", "utf8")
    (folder / "equacoes.md").write_text(f"# Equações\n\n{labels}", "utf8")
    (folder / "api.md").write_text(page, "utf8")
    (folder / "referencias.bib").write_text("")
    return folder


def modules_block(*modules: str) -> str:
    return "# Página\n\n```{modulos}\n" + "\n".join(modules) + "\n```\n"


def cited() -> set[str]:
    """Os rótulos do livro que as docstrings da ganlib citam, entre parênteses."""
    return {label for file in (ROOT / "ganlib").glob("*.py") for label in re.findall(LABEL, file.read_text("utf8"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A página de verdade, num livro sem os outros capítulos: as equações citadas são de mentira."""
    out = tmp_path_factory.mktemp("api")
    stand_ins = "".join(f"$$\nx\n$$ {label}\n\n" for label in sorted(cited()))
    result = jupyter_book(write_book(out / "livro", PAGE.read_text("utf8"), stand_ins), out)
    assert result.returncode == 0, result.stdout + result.stderr
    return out / "_build" / "html"


@pytest.fixture(scope="module")
def page(folder) -> BeautifulSoup:
    return BeautifulSoup((folder / "api.html").read_text("utf8"), "html.parser")


def text(tag) -> str:
    return " ".join(tag.get_text(" ").split())


def public_names(package: str) -> set[str]:
    """As funções e as classes públicas de todos os módulos de um pacote."""
    defined = (ast.FunctionDef, ast.ClassDef)
    return {
        f"{module}.{node.name}"
        for module in sources.public_modules(package)
        for node in sources.tree(module).body
        if isinstance(node, defined) and not node.name.startswith("_")
    }


def entries(page: BeautifulSoup) -> set[str]:
    """Os nomes que a página documenta: cada um com um texto."""
    return {sig["id"] for sig in page.select("dt.sig[id]") if text(sig.find_next_sibling("dd"))}


# O que a página traz


def test_every_public_module_has_one_section(page):
    titles = [text(title) for title in page.select("section > h3 code")]
    assert sorted(titles) == sorted(sources.public_modules("ganlib"))


def test_every_public_function_and_class_is_documented_on_the_page(page):
    names = public_names("ganlib")
    assert len(names) > 100
    assert names - entries(page) == set(), "falta a docstring, ou o módulo"


def test_a_function_without_a_docstring_and_a_forgotten_module_are_seen(tmp_path):
    package = tmp_path / "pacote_incompleto"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "dito.py").write_text('"""Dito."""\ndef boa():\n    """Boa."""\ndef nua(): ...\ndef _escondida(): ...\n')
    (package / "esquecido.py").write_text('"""Esquecido."""\ndef perdida():\n    """Perdida."""\n')
    book = write_book(tmp_path / "livro", modules_block("pacote_incompleto.dito"))
    result = jupyter_book(book, tmp_path / "obra", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    html = (tmp_path / "obra" / "_build" / "html" / "api.html").read_text("utf8")
    sys.path.insert(0, str(tmp_path))
    try:
        names = public_names("pacote_incompleto")
    finally:
        sys.path.remove(str(tmp_path))
    shown = entries(BeautifulSoup(html, "html.parser"))
    assert names - shown == {"pacote_incompleto.dito.nua", "pacote_incompleto.esquecido.perdida"}
    assert "_escondida" not in html


def test_the_names_that_a_table_accepts_are_those_of_the_table(page):
    losses = page.find(id="ganlib.losses.LOSSES").find_next_sibling("dd")
    assert [text(code) for code in losses.select("code")] == list(LOSSES)
    shown = {sig["id"] for sig in page.select("dl.data > dt.sig")}
    for module in sources.public_modules("ganlib"):
        used = re.findall(r"choose\('[^']+', [\w.]+, ([A-Z_]+)\)", ast.unparse(sources.tree(module)))
        assert {f"{module}.{table}" for table in used} <= shown


def test_signature_is_the_one_in_the_source(page):
    signature = text(page.find(id="ganlib.penalties.gradient_norm")).replace(" ", "")
    assert signature.startswith("gradient_norm(D:Module,x:Tensor,*,squared:bool=False)→Tensor")
    config = page.find(id="ganlib.config.Config")
    links = {link["href"] for link in config.select("a.reference")}
    assert {"#ganlib.data.Data", "#ganlib.losses.Loss", "#ganlib.layers.Pair", "#ganlib.penalties.Penalty"} <= links
    assert "speed : Speed = Speed()" in text(config)
    assert not page.select("dt.sig .pre"), "cada palavra embrulhada não deixa a linha quebrar"


def test_fields_of_a_named_tuple_are_told_by_its_docstring_only(page):
    pair = page.find(id="ganlib.layers.Pair")
    assert text(pair).replace(" ", "").startswith("classePair(G:Module,D:Module,latent:int)")
    assert not page.find(id="ganlib.layers.Pair.latent") and "Alias for" not in text(page)


def test_fields_are_in_portuguese_and_errors_are_links(page):
    titles = {text(title).rstrip(" :") for title in page.select("dl.field-list > dt")}
    assert titles == set(api.SECTIONS.values())
    kinds = {text(kind) for kind in page.select("dt.sig > em.property:first-child")}
    assert {"classe", "exceção", "tipo"} <= kinds and not kinds & set(api.KINDS)
    get = page.find(id="ganlib.data.get").find_next_sibling("dd")
    assert get.select_one('a[href="#ganlib.errors.DataUnavailable"]')


def test_label_of_the_book_in_a_docstring_is_a_link_to_the_equation(page):
    entry = page.find(id="ganlib.theory.sigmoid").find_next_sibling("dd")
    assert entry.select_one('a[href="equacoes.html#equation-def-sigmoide"]')


def test_every_label_that_ganlib_cites_exists_in_the_book():
    book = "".join(file.read_text("utf8") for file in (ROOT / "book").glob("*.md"))
    assert cited()
    assert [label for label in cited() if label not in book and f":label: {label[1:-1]}\n" not in book] == []


def test_help_is_what_the_command_prints(page):
    command = [sys.executable, "-m", "ganlib", "train", "--help"]
    said = subprocess.run(command, env=os.environ | {"COLUMNS": api.HELP_COLUMNS}, capture_output=True, text=True)
    shown = [block.get_text() for block in page.select("div.highlight pre")]
    assert f"$ python -m ganlib train --help\n{said.stdout}" in shown
    assert "--loss NOME" in said.stdout


def test_import_ganlib_brings_what_the_page_says(page):
    named = {link["title"].rpartition(".")[2] for link in page.select("#o-mapa > p a[title]")}
    assert named == {name for name in ganlib.__all__ if not name.startswith("_")}


def test_each_row_of_where_to_add_names_the_file_of_its_table(page):
    told = set()
    for row in page.select("#onde-acrescentar-o-que tbody tr"):
        (file,) = (text(code) for code in row.select("code") if text(code).endswith(".py"))
        names = [link["title"].split(".") for link in row.select("a[title]")]
        assert {f"{package}/{module}.py" for package, module, _ in names} == {file}
        told |= {(file, name) for _, _, name in names}
    contributing = re.findall(r"\| `(ganlib/\w+\.py)` \|(.*)\|$", (ROOT / "CONTRIBUTING.md").read_text("utf8"), re.M)
    assert len(contributing) > 5
    assert {(file, table) for file, tables in contributing for table in re.findall(r"`(\w+)`", tables)} <= told


def test_the_line_that_adds_a_loss_is_a_loss():
    row = next(line for line in PAGE.read_text("utf8").splitlines() if line.startswith("| uma perda"))
    line = re.search(r"`(Loss\(.*?\))`", row)[1]
    loss = eval(line, {"Loss": ganlib.Loss, "meu_d": LOSSES["hinge"].discriminator, "meu_g": LOSSES["hinge"].generator})
    assert ganlib.Config(loss=loss).resolved_loss() is loss


# Como a página se lê


def test_page_passes_every_check(folder):
    assert page_checks.page_problems(folder) == []


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(heading.name[1]) for heading in page.select("article :is(h1, h2, h3, h4, h5, h6)")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_page_is_not_a_notebook():
    assert PAGE not in build.chapters(ROOT / "book")


def test_page_is_built_again_when_ganlib_changes(tmp_path):
    shutil.copytree(ROOT / "ganlib", tmp_path / "ganlib")
    before = build.pages_key(tmp_path)
    with (tmp_path / "ganlib" / "losses.py").open("a") as file:
        file.write("# outra coisa\n")
    assert build.pages_key(tmp_path) != before


# O que impede a publicação


def test_faulty_docstring_stops_the_build(tmp_path):
    package = tmp_path / "pacote_com_defeitos"
    package.mkdir()
    (package / "__init__.py").write_text("")
    names = []
    for number, (code, _) in enumerate(FAULTS.values()):
        (package / f"m{number}.py").write_text(f'"""Um módulo."""\n\n\n{code}', "utf8")
        names.append(f"pacote_com_defeitos.m{number}")
    book = write_book(tmp_path / "livro", modules_block(*names))
    result = jupyter_book(book, tmp_path / "obra", PYTHONPATH=str(tmp_path))
    assert result.returncode != 0
    for fault, (_, said) in FAULTS.items():
        assert said in result.stderr, f"{fault}: {result.stderr}"


def test_module_that_the_page_forgets_stops_the_build(tmp_path):
    package = tmp_path / "pacote_pela_metade"
    package.mkdir()
    for name in ("__init__", "dito", "esquecido"):
        (package / f"{name}.py").write_text('"""Um módulo."""\n', "utf8")
    assert "```{mapa} ganlib\n" in PAGE.read_text("utf8")
    page = modules_block("pacote_pela_metade.dito") + "\n```{mapa} pacote_pela_metade\n```\n"
    result = jupyter_book(write_book(tmp_path / "livro", page), tmp_path / "obra", PYTHONPATH=str(tmp_path))
    assert result.returncode != 0 and "pacote_pela_metade.esquecido" in result.stderr


# As fontes


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Um pacote pequeno: ``c`` importa ``b``, que importa ``a``; ``a`` só conhece ``c`` nas anotações."""
    folder = tmp_path / f"pacote_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    name = folder.name
    (folder / "a.py").write_text(
        "from typing import TYPE_CHECKING\nfrom dataclasses import dataclass, field\nimport numpy as np\n"
        f"if TYPE_CHECKING:\n    from {name}.c import C\n"
        "Array = np.ndarray\nTABLE: dict[str, int] = {'um': 1}\n"
        "@dataclass\nclass A:\n    x: Array\n    names: list = field(default_factory=list)\n    y: int = 2\n"
        'def use(c: "C", *rest: np.ndarray, key: str = "a", **more) -> "tuple[C, Array]": ...\n'
    )
    (folder / "b.py").write_text(f"from {name} import a\nfrom {name}.a import A\n")
    (folder / "c.py").write_text(f"from {name} import b\nclass C:\n    def __init__(self, a: b.A | None = None): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_layers_put_each_module_after_what_it_imports(package):
    assert sources.layers(package) == [[f"{package}.a"], [f"{package}.b"], [f"{package}.c"]]


def test_layers_of_ganlib_agree_with_the_imports_read_as_text():
    place = {module: n for n, layer in enumerate(sources.layers("ganlib")) for module in layer}
    for module, layer in place.items():
        lines = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf8").splitlines()
        for line in lines:
            if found := re.match(r"from ganlib\.(\w+) import", line):
                assert place[f"ganlib.{found[1]}"] < layer, (module, line)


def test_circle_of_imports_is_named(package, tmp_path):
    with (tmp_path / package / "a.py").open("a") as file:
        file.write(f"def late():\n    from {package} import c\n")
    with pytest.raises(sources.ExtensionError, match=r"em círculo: .*\.a → .*"):
        sources.layers(package)


def test_signature_keeps_aliases_and_finds_where_each_type_was_defined(package):
    a, c = (importlib.import_module(f"{package}.{name}") for name in "ac")
    arguments, returns = sources.signature(a.use)
    assert arguments == f"(c: ~{package}.c.C, *rest: ~numpy.ndarray, key: str='a', **more)"
    assert returns == f"tuple[~{package}.c.C, ~{package}.a.Array]"
    assert sources.signature(a.A) == (f"(x: ~{package}.a.Array, names: list=list(), y: int=2)", None)
    assert sources.signature(c.C) == (f"(a: ~{package}.a.A | None=None)", None)
    assert dict(sources.assignments(f"{package}.a")).keys() == {"Array", "TABLE"}


# As docstrings


def test_sections_become_fields_and_lists():
    lines = ["Faz.", "", "Args:", "    a, b: dois", "        nomes.", "    **c: o resto", "", "Returns:", "    x: e y."]
    written = [line for line in api.fields(lines, "f") if line]
    assert written == [
        "Faz.",
        ":Parâmetros:",
        "    * ``a``, ``b``: dois",
        "      nomes.",
        "    * ``**c``: o resto",
        ":Retorna:",
        "    x: e y.",
    ]


def test_indented_block_is_code_and_what_follows_is_text():
    lines = ["Faz.", "", "    x = 1", "    if x:", "        y = 2", "", "Depois."]
    assert api.fields(lines, "f") == ["Faz.", "", "::", "", *lines[2:]]


def test_only_a_label_alone_in_parentheses_becomes_a_link():
    assert api.labels("``V`` (def-valor).") == "``V`` :eq:`def-valor`."
    assert api.labels("como (teo-um)") == "como (:prf:ref:`teo-um`)"
    assert api.labels("a (não-linear) b") == "a (não-linear) b"
