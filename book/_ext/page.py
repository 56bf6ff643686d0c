"""O que o tema não oferece: caminhos do livro, botões do notebook, demonstrações e soluções que se dobram."""

import os
import re
from pathlib import Path

import site_identity
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput, visit_HideCellInput
from portuguese import PROOF_TITLE
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.nodes import depart_solution_node, solution_node, visit_solution_node

BOOK = Path(__file__).resolve().parents[1]
CACHE_VARIABLE = "GANLIB_BOOK_CACHE"


class Proof(SphinxDirective):
    """A demonstração que segue um teorema.

    Substitui a de sphinx-proof, que cola «Proof.» no texto-fonte: uma demonstração que começa por uma fórmula ou
    por uma lista sairia estragada, e todas teriam o mesmo ``id``.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Uma caixa com o título «Demonstração» e o conteúdo como foi escrito."""
        self.assert_has_content()
        proof = nodes.admonition(classes=["proof"])
        proof += nodes.title("", PROOF_TITLE)
        self.state.nested_parse(self.content, self.content_offset, proof)
        self.set_source_info(proof)
        return [proof]


def visit_solution(translator, node: solution_node) -> None:
    """Uma solução com a classe ``dropdown`` é um ``<details>``: dobra sem script e pelo teclado."""
    if "dropdown" not in node["classes"]:
        visit_solution_node(translator, node)
        return
    title = node.pop(0)
    body = translator.body
    body.append(translator.starttag(node, "details", CLASS="admonition"))
    start = len(body)
    for child in title.children:
        child.walkabout(translator)
    # Sem o link para o exercício: dentro do que se clica para abrir, nada mais pode ser clicável.
    title = re.sub(r"</?a\b[^>]*>", "", "".join(body[start:]))
    body[start:] = [f'<summary class="admonition-title">{title}</summary>\n']


def depart_solution(translator, node: solution_node) -> None:
    """Fecha o que ``visit_solution`` abriu."""
    if "dropdown" in node["classes"]:
        translator.body.append("</details>\n")
    else:
        depart_solution_node(translator, node)


def visit_hidden_code(translator, node: HideCodeCellNode) -> None:
    """O código dobrado por ``hide-input``, sem o rótulo em inglês que MyST-NB põe por cima do que está escrito."""
    start = len(translator.body)
    visit_HideCellInput(translator, node)
    opening = "".join(translator.body[start:])
    translator.body[start:] = [re.sub(r'<summary aria-label="[^"]*">', "<summary>", opening)]


def drop_repeated_ids(app, doctree, docname) -> None:
    """Tira os ``id`` que sphinx-proof e sphinx-exercise repetem em cada caixa: nada aponta para eles."""
    for section in doctree.findall(nodes.section):
        if set(section["ids"]) & {"proof-content", "exercise-content", "solution-content"}:
            section["ids"] = []


def configure(app, config) -> None:
    """Os caminhos do livro, absolutos: servem a qualquer pasta de fontes (o livro ou a amostra dos testes)."""
    cache = os.environ.get(CACHE_VARIABLE)
    if config.nb_execution_mode == "cache" and not cache:
        raise ExtensionError(
            f"A variável {CACHE_VARIABLE} não diz onde estão as execuções dos capítulos: "
            "construa o livro com «make book»."
        )
    config.nb_execution_cache_path = cache or ""
    # O Jupyter Book lê --toc a partir da pasta corrente; a extensão do sumário, a partir das fontes.
    config.external_toc_path = str(Path(config.external_toc_path).resolve())
    config.templates_path.insert(0, str(BOOK / "_templates"))
    config.html_static_path.append(str(BOOK / "static"))
    config.html_favicon = str(BOOK / "static" / "logo.svg")
    logo = str(BOOK / "static" / "logo.svg")
    config.html_theme_options["logo"] = {"text": config.html_title, "image_light": logo, "image_dark": logo}
    config.html_baseurl = site_identity.base_url() or ""


def add_notebook_links(app, pagename, templatename, context, doctree) -> None:
    """O notebook gerado do capítulo: para baixar, ao lado do livro; para abrir no Colab, se há repositório."""
    if "kernelspec" in app.env.metadata.get(pagename, {}):
        context["notebook_url"] = context["pathto"](site_identity.notebook_path(pagename), 1)
        context["colab_url"] = site_identity.colab_url(pagename)


def keep_punctuation(body: str) -> str:
    """Une cada fórmula do texto à pontuação que encosta nela, para que a linha não quebre entre as duas."""

    def join(match: re.Match) -> str:
        before, after = match["before"], match["after"]
        return f'<span class="junto">{match[0]}</span>' if before or after else match[0]

    return re.sub(r"(?P<before>[(\[“]?)<math>(?:(?!</math>).)*</math>(?P<after>[)\],.;:!?”]*)", join, body, flags=re.S)


def mend_body(app, pagename, templatename, context, doctree) -> None:
    """Retoques no HTML que o Sphinx escreve.

    As figuras só são pedidas quando o leitor chega perto, e o seu lugar já está reservado, na proporção certa. A
    pontuação não se separa da fórmula que ela abre ou fecha. Saem da bibliografia os papéis ARIA que o leitor de tela
    recusa nesses elementos.
    """
    body = keep_punctuation(context.get("body", ""))
    size = r'style="width: (\d+)px; height: (\d+)px;"'
    body = re.sub(size, r'width="\1" height="\2" loading="lazy"', body)
    context["body"] = body.replace(' role="list" class="citation-list"', ' class="citation-list"').replace(
        ' role="doc-biblioentry"', ""
    )


def setup(app):
    """Liga tudo ao Sphinx."""
    # O Jupyter Book configura sempre sphinx_comments, que o livro não usa: sem este registro, é um aviso.
    app.add_config_value("comments_config", {}, "")
    app.connect("config-inited", configure, priority=2)
    app.connect("doctree-resolved", drop_repeated_ids)
    app.connect("html-page-context", add_notebook_links, priority=900)
    app.connect("html-page-context", mend_body)
    app.add_directive_to_domain("prf", "proof", Proof, override=True)
    app.add_node(solution_node, override=True, html=(visit_solution, depart_solution))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_code, depart_HideCellInput))
    app.add_css_file("page.css", priority=900)
    app.add_js_file("page.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
