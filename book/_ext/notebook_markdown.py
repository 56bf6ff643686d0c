"""O texto de um capítulo em Markdown que o Colab, o Jupyter e o GitHub mostram sem nenhuma extensão.

Parte da árvore que o Sphinx já resolveu (números, citações e referências prontos) e devolve uma lista de pedaços, na
ordem da página: blocos de Markdown e os lugares das células de código. Um nó que não se sabe escrever é um aviso, e
portanto um erro com ``-W``: nada some em silêncio.
"""

import base64
import html
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby

from docutils import nodes
from sphinx.locale import admonitionlabels, get_translation
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx_exercise.nodes import is_solution_node

logger = logging.getLogger(__name__)
_statement_name = get_translation("proof")

_MARKUP = re.compile(r"[\\`*_\[\]<>$~]|&(?=#?\w+;)")
_LIST_OR_TITLE = re.compile(r"^(\d*)([#+=.)-])(?=\s|$)")
_FORMULA = re.compile(r"(?<!\\)(\$+)(.+?)(?<!\\)\1")

# Nós que não escrevem nada, os que só agrupam outros e os que só envolvem o próprio texto.
_SILENT = {"target", "comment", "index", "highlightlang", "meta", "label", "system_message", "substitution_definition"}
_GROUPS = {"document", "section", "compound", "list_item", "definition", "legend", "glossary", "inline", "generated"}
_WRAPPERS = {
    "emphasis": ("*", "*"),
    "title_reference": ("*", "*"),
    "strong": ("**", "**"),
    "superscript": ("<sup>", "</sup>"),
    "subscript": ("<sub>", "</sub>"),
    "footnote_reference": ("<sup>", "</sup>"),
}
_ALIGNMENTS = {"text-left": ":---", "text-center": ":---:", "text-right": "---:"}


@dataclass
class CodeCell:
    """O lugar de uma célula de código: o índice na fonte e o que a página diz em volta dela."""

    index: int
    in_solution: bool = False
    alts: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)


Piece = str | CodeCell


def expand_macros(latex: str, macros: dict[str, str]) -> str:
    """Troca cada macro do livro pela sua definição: fora da página ninguém a conhece.

    Um índice ou expoente sem chaves (``x_\\R``) ganha chaves, como se a macro fosse um símbolo só.
    """
    if not macros:
        return latex
    names = re.compile(r"([_^]\s*|[A-Za-z])?\\(" + "|".join(map(re.escape, macros)) + r")(?![A-Za-z])")

    def replace(match: re.Match) -> str:
        before, body = match[1] or "", macros[match[2]]
        if before.isalpha():  # «\circ\hphi» não pode virar «\circh_…»
            return f"{before} {body}"
        return f"{before}{{{body}}}" if before else body

    previous = None
    while latex != previous:  # uma macro pode usar outra
        previous, latex = latex, names.sub(replace, latex)
    return latex


def escape(text: str) -> str:
    """Texto comum, com os caracteres que o Markdown leria como marcação protegidos."""
    return _MARKUP.sub(lambda match: "&amp;" if match[0] == "&" else "\\" + match[0], re.sub(r"\s+", " ", text))


def quote(text: str) -> str:
    """Um bloco citado (``>``)."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def fold(summary: str, text: str) -> str:
    """Um texto que começa dobrado; a linha em branco faz o que está dentro ser lido como Markdown."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def around_code(pieces: list[Piece], wrap: Callable[[str, bool], str]) -> list[Piece]:
    """Aplica ``wrap(texto, é_o_primeiro)`` a cada trecho de texto; as células de código ficam de fora, no seu lugar."""
    result: list[Piece] = []
    first = True
    for is_code, run in groupby(pieces, key=lambda piece: isinstance(piece, CodeCell)):
        if is_code:
            result.extend(run)
        else:
            result.append(wrap("\n\n".join(run), first))
            first = False
    return result


def _item(mark: str, blocks: list[Piece]) -> str:
    """Um item de lista: os blocos seguintes são recuados até a coluna do primeiro."""
    text = re.sub(r"\n\n(?=- |1\. )", "\n", "\n\n".join(map(str, blocks)))  # uma sublista vem logo abaixo
    return mark + re.sub(r"\n(?!\n)", "\n" + " " * len(mark), text)


class ChapterMarkdown:
    """Escreve a árvore resolvida de um capítulo: um método ``block_…`` ou ``inline_…`` por tipo de nó.

    Args:
        builder: o construtor ``notebooks``: dele vêm a configuração, os números e os endereços.
        docname: o capítulo.
    """

    def __init__(self, builder, docname: str):
        self.builder, self.docname = builder, docname

    def block(self, node: nodes.Node) -> list[Piece]:
        """Os pedaços de um nó."""
        name = type(node).__name__
        if name in _SILENT:
            return []
        if name in _GROUPS and not isinstance(node, nodes.Inline):
            return self.blocks(node)
        if isinstance(node, nodes.Element) and node.get("realtype"):
            return self.statement(node)
        if method := getattr(self, f"block_{name}", None):
            return method(node)
        return [self.inline(node)]  # texto solto, ou um nó desconhecido

    def blocks(self, node: nodes.Element, start: int = 0) -> list[Piece]:
        """Os pedaços dos filhos de um nó, a partir do filho ``start``."""
        return [piece for child in node.children[start:] for piece in self.block(child)]

    def inline(self, node: nodes.Node) -> str:
        """O Markdown de um nó de texto corrido."""
        name = type(node).__name__
        if name in _SILENT:
            return ""
        if name in _GROUPS:
            return self.inlines(node)
        if name in _WRAPPERS:
            return self.inlines(node).strip().join(_WRAPPERS[name])
        if method := getattr(self, f"inline_{name}", None):
            return method(node)
        return self.unknown(node)

    def inlines(self, node: nodes.Element) -> str:
        """O Markdown dos filhos de um nó, numa linha só."""
        return "".join(map(self.inline, node.children))

    def unknown(self, node: nodes.Node) -> str:
        """Avisa que um nó não tem como ser escrito; sai só o seu texto."""
        message = "não sei escrever «%s» no notebook do capítulo «%s»"
        logger.warning(message, type(node).__name__, self.docname, location=node, type="notebooks", subtype="node")
        return escape(node.astext())

    def plain(self, node: nodes.Node) -> str:
        """O texto de um nó para HTML: sem marcação, com as fórmulas entre cifrões."""
        if isinstance(node, nodes.math):
            return html.escape(self.inline_math(node))
        return html.escape(node.astext()) if isinstance(node, nodes.Text) else "".join(map(self.plain, node.children))

    def number(self, node: nodes.Element) -> str:
        """«Figura 2.1»: o nome e o número que a página mostra, ou vazio se o nó não é numerado."""
        kind = self.builder.env.domains["std"].get_enumerable_node_type(node)
        number = self.builder.fignumbers.get(kind, {}).get((node["ids"] or [""])[0])
        return self.builder.config.numfig_format.get(kind, "%s") % ".".join(map(str, number)) if number else ""

    # Títulos, parágrafos e listas

    def block_title(self, node):
        parents = [node.parent]
        while parents[-1].parent is not None:
            parents.append(parents[-1].parent)
        level = sum(isinstance(parent, nodes.section) and isinstance(parent[0], nodes.title) for parent in parents)
        numbers = self.builder.env.toc_secnumbers.get(self.docname, {})
        number = numbers.get("#" + node.parent["ids"][0]) or (numbers.get("") if level == 1 else None)
        return [f"{'#' * level} {'.'.join(map(str, number or ())) + '. ' if number else ''}{self.inlines(node)}"]

    def block_rubric(self, node):
        return [f"**{self.inlines(node)}**"]

    def block_paragraph(self, node):
        return [_LIST_OR_TITLE.sub(r"\1\\\2", self.inlines(node).strip())]

    def block_bullet_list(self, node):
        return self.listing(node, [_item("- ", self.blocks(item)) for item in node])

    def block_enumerated_list(self, node):
        start = node.get("start", 1)
        return self.listing(node, [_item(f"{number}. ", self.blocks(item)) for number, item in enumerate(node, start)])

    def block_definition_list(self, node):
        items = []
        for item in node:
            terms = ", ".join(self.inlines(child).strip() for child in item if isinstance(child, nodes.term))
            first, *rest = self.blocks(item[-1])
            items.append(_item("- ", [f"**{terms}**: {first}", *rest]))
        return self.listing(node, items)

    def listing(self, node: nodes.Element, items: list[str]) -> list[str]:
        """Uma lista: cerrada se todos os itens são de um bloco só."""
        return [("\n\n" if any("\n\n" in item for item in items) else "\n").join(items)]

    def block_block_quote(self, node):
        return around_code(self.blocks(node), lambda text, first: quote(text))

    def block_transition(self, node):
        return ["---"]

    def block_footnote(self, node):
        return [f"<sup>{node[0].astext()}</sup> " + "\n\n".join(map(str, self.blocks(node)))]

    def block_literal_block(self, node):
        code, language = node.astext().rstrip("\n"), node.get("language", "")
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
        return [f"{fence}{'' if language in ('default', 'none') else language}\n{code}\n{fence}"]

    # Fórmulas

    def latex(self, node: nodes.Element) -> str:
        """Uma fórmula sem macros e numa linha só: numa citação, o «>» de uma segunda linha entraria nela.

        Também sem «<» nem «>», que um leitor de Markdown pode tomar por HTML.
        """
        latex = expand_macros(node.astext(), self.builder.config.mathml_macros)
        return " ".join(latex.replace("<", r"\lt ").replace(">", r"\gt ").split())

    def inline_math(self, node):
        return f"${self.latex(node)}$"

    def block_math_block(self, node):
        latex = self.latex(node)
        if r"\\" in latex and r"\begin" not in latex:
            latex = rf"\begin{{aligned}} {latex} \end{{aligned}}"
        tag = rf" \tag{{{get_node_equation_number(self, node)}}}" if node.get("number") else ""
        return [f"$${latex}{tag}$$"]

    # Figuras e tabelas

    def caption(self, node: nodes.Element) -> list[str]:
        """A legenda numerada de uma figura, tabela ou listagem."""
        number = f"**{self.number(node)}.** " if self.number(node) else ""
        return [number + self.inlines(child) for child in node if isinstance(child, (nodes.caption, nodes.title))][:1]

    def block_figure(self, node):
        body = [piece for child in node if not isinstance(child, nodes.caption) for piece in self.block(child)]
        return [*body, *self.caption(node)]

    def inline_image(self, node):
        path = self.builder.env.srcdir / node["uri"]
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f"![{escape(node.get('alt', ''))}](data:{mimetypes.guess_type(path.name)[0]};base64,{data})"

    def block_table(self, node):
        rows = [list(row) for row in node.findall(nodes.row)]
        if any(entry.get("morecols") or entry.get("morerows") for row in rows for entry in row):
            return [self.unknown(node)]
        lines = [[self.entry(entry) for entry in row] for row in rows]
        aligned = ["".join(_ALIGNMENTS.get(name, "") for name in entry["classes"]) or "---" for entry in rows[-1]]
        lines[0:0] = [] if node.next_node(nodes.thead) else [[""] * len(aligned)]
        lines.insert(1, aligned)
        return [*self.caption(node), "\n".join(f"| {' | '.join(line)} |" for line in lines)]

    def entry(self, entry: nodes.Element) -> str:
        """O conteúdo de uma casa de tabela: numa linha, e sem a barra que separa as colunas."""
        text = "<br>".join(map(str, self.blocks(entry))).replace("\n", "<br>")
        text = _FORMULA.sub(lambda match: match[0].replace(r"\|", r"\Vert ").replace("|", r"\vert "), text)
        return text.replace("|", r"\|")

    # Caixas: avisos, teoremas, demonstrações, exercícios e soluções

    def box(self, title: str, body: list[Piece]) -> list[Piece]:
        """Uma citação com o título em negrito."""
        return around_code([f"**{title.strip()}**", *body], lambda text, first: quote(text))

    def block_admonition(self, node):
        return self.box(self.inlines(node[0]), self.blocks(node, 1))

    def block_note(self, node):
        return self.box(admonitionlabels[node.tagname], self.blocks(node))

    block_important = block_attention = block_tip = block_note  # os avisos do livro são quatro

    def statement(self, node: nodes.Element) -> list[Piece]:
        """Definição, teorema, proposição…: o tipo vem traduzido, e o número, da contagem da página."""
        number = self.builder.fignumbers.get(node["countertype"], {}).get(node["ids"][0], ())
        name = f"{_statement_name(node['realtype'].title())} {'.'.join(map(str, number))}"
        return self.box(name.strip() + self.inlines(node[0]), self.blocks(node, 1))

    def block_exercise_enumerable_node(self, node):
        return self.box(self.number(node) + self.inlines(node[0]), self.blocks(node, 1))

    block_exercise_node = block_exercise_enumerable_node

    def block_solution_node(self, node):
        """A solução começa dobrada; o que vem depois de uma célula de código ganha a sua própria dobra."""
        title = self.plain(node[0]).strip()

        def fold_part(text: str, first: bool) -> str:
            return fold(title if first else f"{title} (continuação)", text)

        return around_code(self.blocks(node, 1), fold_part)

    def block_container(self, node):
        """Uma célula de código, uma listagem com legenda ou um agrupamento sem significado próprio."""
        if node.get("nb_element") != "cell_code":
            body = [piece for child in node if not isinstance(child, nodes.caption) for piece in self.block(child)]
            return [*self.caption(node), *body]
        ancestor = node.parent
        while ancestor is not None and not is_solution_node(ancestor):
            ancestor = ancestor.parent
        alts = [image.get("alt", "") for image in node.findall(nodes.image)]
        captions = [text for figure in node.findall(nodes.figure) for text in self.caption(figure)]
        # Quem executa a célula troca a saída e perde o texto alternativo: a descrição fica também junto da legenda.
        captions += [fold("Descrição da figura", escape(alt)) for alt in alts if alt]
        return [CodeCell(node["cell_index"], ancestor is not None, alts, captions)]

    # Texto corrido

    def inline_Text(self, node):
        return escape(node.astext())

    def inline_literal(self, node):
        code = node.astext()
        ticks = "`" * max([1, *(len(run) + 1 for run in re.findall("`+", code))])
        return f"{ticks} {code} {ticks}" if "`" in code else f"`{code}`"

    def inline_raw(self, node):
        if "html" not in node["format"].split():
            return ""  # a versão do mesmo nó para outro formato
        return "<br>" if re.fullmatch(r"\s*<br\s*/?>\s*", node.astext()) else self.unknown(node)

    def inline_reference(self, node):
        text, address = self.inlines(node), node.get("refuri")
        if "refid" in node:
            address = self.builder.page_link(self.docname, f"{self.docname}.html#{node['refid']}")
        elif node.get("internal"):
            address = self.builder.page_link(self.docname, address)
        if not address:
            return text
        return f"[{text}](<{address}>)" if re.search(r"[\s()]", address) else f"[{text}]({address})"

    inline_number_reference = inline_reference
