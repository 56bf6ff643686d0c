"""Fórmulas em MathML, escritas na construção: a página as mostra antes de qualquer script, e o leitor de tela as lê.

Quem traduz LaTeX é a biblioteca ``math-core``; o número da equação é o do Sphinx. Um comando desconhecido é um erro que
nomeia a página e a fórmula. As macros vêm de ``mathml_macros``, em ``_config.yml``.
"""

import html
import re
from functools import lru_cache

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)


def to_mathml(latex: str, macros: dict[str, str], display: bool = False) -> str:
    """Traduz uma fórmula para MathML.

    Raises:
        LatexError: se a fórmula usa um comando desconhecido ou não fecha um grupo; a mensagem diz qual.
    """
    text = _converter(tuple(macros.items())).convert_with_local_state(latex, displaystyle=display)
    # Na fonte, a linha da derivada é miúda e alta: a classe deixa o CSS corrigi-la.
    return re.sub("<mo>([′″‴])</mo>", r'<mo class="linha">\1</mo>', text)


@lru_cache
def _converter(macros: tuple[tuple[str, str], ...]) -> LatexToMathML:
    return LatexToMathML(macros=dict(macros), fancy_error=False)


def _convert(translator, node: nodes.Element, display: bool) -> str:
    latex = node.astext().strip()
    try:
        return to_mathml(latex, translator.config.mathml_macros, display)
    except LatexError as error:
        logger.error("a fórmula «%s» não pôde ser escrita: %s", latex, error, location=node, type="mathml")
        return f'<code class="erro-de-formula">{html.escape(latex)}</code>'


def visit_inline(translator, node: nodes.math) -> None:
    """Uma fórmula no meio do texto."""
    translator.body.append(_convert(translator, node, display=False))
    raise nodes.SkipNode


def visit_display(translator, node: nodes.math_block) -> None:
    """Uma fórmula destacada: a caixa que rola quando é larga e, ao lado, fora dela, o número."""
    body = translator.body
    body.append(translator.starttag(node, "div", CLASS="equacao"))
    body.append(f'<div class="formula">{_convert(translator, node, display=True)}</div>')
    if node["number"]:
        body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link para esta equação")
        body.append("</span>")
    body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Registra o tradutor de fórmulas no Sphinx."""
    app.add_config_value("mathml_macros", {}, "env", [dict])
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
