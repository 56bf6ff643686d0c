"""As peças da página, uma a uma: fórmulas, busca, bibliografia."""

import page
import pytest
from bibliography import PortugueseStyle
from math_core import LatexError
from mathml import to_mathml
from pybtex.backends.plaintext import Backend
from pybtex.database import parse_string
from search import FoldedPortuguese, fold

MACROS = {"E": r"\mathbb{E}", "pdata": r"p_{\text{data}}"}


def test_formula_becomes_mathml_with_the_macros_of_the_book():
    mathml = to_mathml(r"\E_{x\sim\pdata}[\log D(x)]", MACROS, display=True)
    assert mathml.startswith('<math display="block">') and "𝔼" in mathml and "<mtext>data</mtext>" in mathml


def test_inline_formula_is_inline():
    assert 'display="block"' not in to_mathml("x", MACROS)


@pytest.mark.parametrize("latex", [r"\desconhecido{x}", r"\frac{1}{2", r"\begin{aligned} x"])
def test_formula_with_a_mistake_is_an_error(latex):
    with pytest.raises(LatexError):
        to_mathml(latex, MACROS)


@pytest.mark.parametrize(
    "latex",
    [
        r"\begin{aligned} a &= b \\ &= c \end{aligned}",
        r"\begin{cases} x & \text{se } x > 0 \\ 0 & \text{senão} \end{cases}",
        r"\begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}",
        r"\underbrace{a}_{\text{ação}} \quad \lVert x \rVert_2 \quad \left.\frac{\mathrm{d}f}{\mathrm{d}x}\right|_0",
        r"\operatorname*{arg\,max}_{\phi} \quad \mathcal{N}(0, I) \quad \widehat{x} \quad \bar{x} \quad \tilde{x}",
        r"\xrightarrow{n\to\infty} \quad \mathbf{w} \quad \boldsymbol{\theta} \quad \mathbb{1}[x > 0] \quad \tfrac12",
    ],
)
def test_constructions_of_the_chapters_are_supported(latex):
    assert "<math" in to_mathml(latex, MACROS, display=True)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("exercício", "exercicio"),
        ("equação", "equacao"),
        ("equações", "equação"),
        ("Demonstração", "demonstracao"),
        ("gradientes", "gradiente"),
    ],
)
def test_search_ignores_accents_and_plurals(written, asked):
    language = FoldedPortuguese({})
    assert language.stem(written) == language.stem(asked)


def test_different_words_stay_different():
    language = FoldedPortuguese({})
    assert language.stem("gerador") != language.stem("gradiente")


def test_folding_is_written_twice_with_the_same_rules():
    # A outra cópia roda no navegador; aqui se vê que trata dos mesmos três casos.
    script = FoldedPortuguese({}).js_stemmer_code
    assert fold("EQUAÇÕES") == "equacao"
    for rule in ("toLowerCase()", 'normalize("NFD")', "/oes$/"):
        assert rule in script


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "@book{a, author={Silva, Ana and Souza, Rui}, title={Sobre GANs}, publisher={Editora}, edition={Segunda},"
            " year={2020}}",
            "Ana Silva e Rui Souza. Sobre GANs. Editora, segunda edição, 2020.",
        ),
        (
            "@inproceedings{a, author={Silva, Ana}, title={Training GANs}, booktitle={Anais}, pages={1--2},"
            " year={2020}}",
            "Ana Silva. Training GANs. Em Anais, 1–2. 2020.",
        ),
        (
            "@phdthesis{a, author={Silva, Ana}, title={Uma tese}, school={Escola}, year={2020}}",
            "Ana Silva. Uma tese. Tese de doutorado, Escola, 2020.",
        ),
    ],
)
def test_references_are_written_in_portuguese(entry, expected):
    (formatted,) = PortugueseStyle().format_bibliography(parse_string(entry, "bibtex"))
    assert formatted.text.render(Backend()) == expected


def test_field_of_the_bibliography_is_never_translated():
    entry = "@book{a, author={Silva, Ana}, title={in}, publisher={pages}, year={2020}}"
    (formatted,) = PortugueseStyle().format_bibliography(parse_string(entry, "bibtex"))
    assert formatted.text.render(Backend()) == "Ana Silva. in. pages, 2020."


def test_punctuation_stays_with_the_formula_it_touches():
    formula = "<math><mi>x</mi></math>"
    assert page.keep_punctuation(f"a ({formula}), b") == f'a <span class="junto">({formula}),</span> b'
    assert page.keep_punctuation(f"a {formula} b") == f"a {formula} b"
    display = '<math display="block"><mi>x</mi></math>.'
    assert page.keep_punctuation(display) == display
    assert page.keep_punctuation(f"{formula}. {formula}") == f'<span class="junto">{formula}.</span> {formula}'
