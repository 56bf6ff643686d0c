"""A página *api*: os módulos de um pacote, escritos a partir das fontes a cada construção.

O autodoc encontra as funções e as classes. Aqui está o que ele não sabe: as seções das docstrings (``Args:``,
``Raises:``…) em português, as tabelas de nomes, o mapa de quem importa quem e a ajuda da linha de comando; em
``sources``, as assinaturas. Uma docstring que não se lê é um aviso, e com um aviso o livro não é publicado.

Aqui não serve o napoleon: ele lê «``step`` e, por modelo: …» em ``Returns`` como o nome de um tipo, e «``lr, d_lr: …``»
como um parâmetro só.
"""

import ast
import contextlib
import io
import itertools
import os
import re
from collections.abc import Iterator

import sources
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.domains import ObjType
from sphinx.domains.python import PythonDomain
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

SECTIONS = {
    "Args": "Parâmetros",
    "Attributes": "Atributos",
    "Returns": "Retorna",
    "Yields": "Gera",
    "Raises": "Levanta",
}
LISTS = ("Args", "Attributes", "Raises")
KINDS = {"class": "classe", "exception": "exceção", "property": "propriedade", "type": "tipo"}
HELP_COLUMNS = "78"


# O que o autodoc pergunta


def write_docstring(app, what: str, name: str, thing, options, lines: list[str]) -> None:
    """Uma docstring em reST; depois da de um módulo, o que ele importa e as suas tabelas."""
    if what == "module":
        lines[:] = (thing.__doc__ or "").strip().splitlines()  # a margem de um módulo é zero; o Sphinx a adivinha
    lines[:] = map(labels, fields(lines, name))
    if what == "module":
        links = ", ".join(f":py:mod:`{other.rpartition('.')[2]} <{other}>`" for other in sources.imports(name))
        lines += ["", f"Importa {links}." if links else "Não importa nenhum outro.", "", *tables(thing)]


def write_signature(app, what: str, name: str, thing, options, arguments, returns) -> tuple[str, str | None] | None:
    """A assinatura como está na fonte."""
    return sources.signature(thing) if what in ("function", "method", "class", "exception") else None


def leave_out(app, what: str, name: str, thing, skip: bool, options) -> bool | None:
    """Os campos de uma tupla com nomes já estão em ``Attributes``; o Python só diz deles, em inglês, o número."""
    return True if type(thing).__name__ == "_tuplegetter" else None


def fields(lines: list[str], name: str) -> list[str]:
    """As seções de uma docstring viram campos com títulos em português; um bloco recuado vira código."""
    result: list[str] = []
    inside = None
    for before, line in itertools.pairwise([None, *lines]):
        if header := re.fullmatch(r"([A-Z][a-z]+):", line):
            inside = header[1]
            if inside not in SECTIONS:
                logger.warning("em %s, a seção «%s» não existe; há %s", name, line, ", ".join(SECTIONS))
            result += ["", f":{SECTIONS.get(inside, inside)}:"]
        elif inside in LISTS and line.startswith("    "):
            result += item(line, inside, name)
        else:
            if line and not line.startswith(" "):
                inside = None
            elif inside is None and before == "" and line.startswith("    "):
                inside = "código"
                result += ["::", ""]
            result.append(line)
    return result


def item(line: str, section: str, name: str) -> list[str]:
    """Uma linha de ``Args``, ``Attributes`` ou ``Raises``: o começo de um item da lista, ou a sua continuação."""
    if line.startswith("        "):
        return [f"      {line.strip()}"]
    what, colon, text = line.strip().partition(": ")
    if not colon or not re.fullmatch(r"[\w*.]+(, [\w*.]+)*", what):
        logger.warning("em %s, a linha de %s não é «nome: texto»: «%s»", name, section, line.strip())
        return []
    mark = ":py:exc:`.{}`" if section == "Raises" else "``{}``"
    return ["", f"    * {', '.join(mark.format(part) for part in what.split(', '))}: {text}"]


def labels(line: str) -> str:
    """Um rótulo do livro entre parênteses, como ``(def-valor)``, vira o link para a equação ou o teorema."""
    line = re.sub(r"\(((?:def|eq)-[\w-]+)\)", r":eq:`\1`", line)
    return re.sub(r"\(((?:teo|prop|lem|cor)-[\w-]+)\)", r"(:prf:ref:`\1`)", line)


def tables(module) -> Iterator[str]:
    """As tabelas de nomes e os apelidos de tipos de um módulo, cada um numa entrada."""
    for name, value in sources.assignments(module.__name__):
        if isinstance(value, ast.Dict | ast.DictComp):
            keys = list(getattr(module, name))
            if all(isinstance(key, str) and key.isidentifier() for key in keys):
                yield from (f".. py:data:: {name}", "", f"   Nomes: {', '.join(f'``{key}``' for key in keys)}.", "")
        elif re.fullmatch(r"[A-Z][a-z]\w*", name):
            canonical = sources.annotation(value, module.__name__)
            yield from (f".. py:type:: {name}", f"   :canonical: {canonical}", "")


# As diretivas


class Modules(SphinxDirective):
    """Uma seção para cada módulo nomeado, na ordem dada, com tudo o que ele tem de público."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """O título é o nome do módulo; o resto é do autodoc."""
        self.assert_has_content()
        return [self.section(module) for module in " ".join(self.content).split()]

    def section(self, module: str) -> nodes.section:
        """A seção de um módulo."""
        section = nodes.section("", nodes.title("", "", nodes.literal(module, module)), names=[module])
        self.state.document.note_implicit_target(section, section)
        return parse(self, section, ["```{eval-rst}", f".. automodule:: {module}", "```"])


class Map(SphinxDirective):
    """Os módulos de um pacote em camadas: cada um só importa os das linhas de cima."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Uma linha por camada."""
        rows = ["| Camada | Módulos |", "|---|---|"]
        for number, layer in enumerate(sources.layers(self.arguments[0]), start=1):
            links = (f"{{py:mod}}`{module.rpartition('.')[2]} <{module}>`" for module in layer)
            rows.append(f"| {number} | {', '.join(links)} |")
        return parse(self, nodes.Element(), rows).children


class Help(SphinxDirective):
    """O que ``python -m ganlib … --help`` escreve."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """O comando e o que ele diz, num bloco só."""
        arguments = [*self.arguments, "--help"]
        text = f"$ python -m ganlib {' '.join(arguments)}\n{help_text(arguments)}"
        return [nodes.literal_block(text, text, language="text")]


def help_text(arguments: list[str]) -> str:
    """A ajuda da linha de comando, com a largura da página."""
    from ganlib import cli

    said, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = HELP_COLUMNS
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            cli.main(arguments)
    finally:
        os.environ.pop("COLUMNS") if columns is None else os.environ.update(COLUMNS=columns)
    return said.getvalue()


def parse(directive: SphinxDirective, parent: nodes.Element, lines: list[str]) -> nodes.Element:
    """Lê MyST dentro de ``parent``, e o devolve."""
    text = StringList(lines, directive.get_source_info()[0])
    directive.state.nested_parse(text, directive.content_offset, parent)
    return parent


# A página


def translate_kinds(app, doctree: nodes.document) -> None:
    """A palavra que diz o que cada entrada é («class», «exception») em português."""
    for node in doctree.findall(addnodes.desc_annotation):
        if isinstance(node[0], nodes.Text | addnodes.desc_sig_keyword) and (kind := KINDS.get(node[0].astext())):
            node[0] = nodes.Text(kind)


def lighten(app, pagename, templatename, context, doctree) -> None:
    """Tira das assinaturas o invólucro que o Sphinx põe em cada palavra: pesa 100 kB e não deixa a linha quebrar."""

    def unwrap(match: re.Match) -> str:
        return re.sub(r'<span class="pre">([^<]*)</span>', r"\1", match[0])

    context["body"] = re.sub(r'<dt class="sig .*?</dt>', unwrap, context.get("body", ""), flags=re.DOTALL)


def setup(app):
    """Liga tudo ao autodoc e dá à página as suas três diretivas."""
    app.setup_extension("sphinx.ext.autodoc")
    # No Sphinx 7 falta «class» aos papéis de um tipo: sem isto, uma assinatura não pode citar um.
    PythonDomain.object_types["type"] = ObjType(_("type alias"), "type", "class", "obj")
    app.connect("autodoc-process-docstring", write_docstring)
    app.connect("autodoc-process-signature", write_signature)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("doctree-read", translate_kinds)
    app.connect("html-page-context", lighten)
    for name, directive in {"modulos": Modules, "mapa": Map, "ajuda": Help}.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
