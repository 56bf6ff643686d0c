"""Cada verificação de página deixa passar o que está certo e acusa o que está errado."""

import page_checks
import pytest

GOOD = """<!DOCTYPE html>
<html lang="pt-BR"><head><link rel="stylesheet" href="_static/page.css"><link rel="canonical" href="https://a.example/b">
<script src="_static/page.js"></script></head>
<body><nav aria-label="Sumário do livro"><a href="https://www.python.org">Python</a></nav>
<article><h1 id="inicio">Gradiente evanescente</h1>
<p>Veja <a href="referencias.html#id1" title="Ana Silva. Towards the End.">(Silva, 2020)</a>, CC BY 4.0.</p>
<p>Custa R$ 5 a R$ 10, em um lote (batch), como em <i lang="en">Deep Learning for the People</i>.</p>
<pre>print("this is the code", "$$")</pre><p><code>{eq}`x`</code></p>
<div class="equacao" id="equation-eq-a"><div class="formula"><math><mi>x</mi></math></div>
<span class="eqno">(1.1)</span></div>
<div class="admonition proof"><div class="equacao"><div class="formula"><math><mi>y</mi></math></div></div></div>
<img src="a.png" alt="A cauda esquerda é plana."><a href="#inicio">início</a><a href="outra.html#fim">fim</a></article>
<div class="citation"><p>Towards Principled Methods for Training. Em Proceedings of the Conference.</p></div>
</body></html>"""

BAD = {
    page_checks.wrong_language: [('lang="pt-BR"', ""), ('lang="pt-BR"', 'lang="en"')],
    page_checks.english_strings: [
        ("Gradiente evanescente", "Theorem 1.1"),
        ("Sumário do livro", "Toggle primary sidebar"),
        ("A cauda esquerda é plana.", "The left tail"),
        ("<h1", '<input placeholder="Search this book"><h1'),
        ("Custa", '<a href="outra.html#fim" title="The end">Custa</a>'),
        ("início</a>", '<span title="Back to top">início</span></a>'),
    ],
    page_checks.residues: [
        ("Custa", "$$ x = 1 $$"),
        ("Custa", "a letra $x$ e"),
        ("Custa", "veja {eq}`eq-a`"),
        ("Custa", r"a razão \frac{a}{b}"),
        ("Custa", "\n:::{note}"),
        ("Custa", "\n```{note}"),
    ],
    page_checks.foreign_requests: [
        ("_static/page.js", "https://cdn.example.com/a.js"),
        ("_static/page.css", "//fonts.example.com/a.css"),
        ("a.png", "http://example.com/a.png"),
        ("</head>", "<style>@import 'https://example.com/a.css';</style></head>"),
        ("<h1", '<h1 style="background:url(https://example.com/a.png)"'),
        ("</head>", "<script>fetch('https://example.com/a.json')</script></head>"),
    ],
    page_checks.images_without_alt: [
        ('alt="A cauda esquerda é plana."', ""),
        ("A cauda esquerda é plana.", ""),
        ("A cauda esquerda é plana.", "_images/a.png"),
    ],
    page_checks.unnumbered_equations: [('<span class="eqno">(1.1)</span>', ""), ("admonition proof", "admonition")],
    page_checks.errors_on_page: [
        ("<math><mi>x</mi></math>", '<code class="erro-de-formula">\\nada</code>'),
        ("<mi>x</mi>", "<merror><mtext>?</mtext></merror>"),
        ("Custa", '<span class="problematic">eq</span>'),
    ],
    page_checks.repeated_ids: [("<article", '<article id="inicio"')],
}


def test_every_check_has_a_bad_example():
    assert set(BAD) == set(page_checks.CHECKS)


@pytest.mark.parametrize("check", page_checks.CHECKS, ids=lambda check: check.__name__)
def test_good_page_has_no_problem(check):
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [(check, right, wrong) for check, faults in BAD.items() for right, wrong in faults],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_planted_fault_is_found(check, right, wrong):
    assert right in GOOD
    assert check(GOOD.replace(right, wrong, 1))


def test_foreign_address_in_a_style_sheet_is_found():
    assert page_checks.foreign_styles("a{src:url('data:font/woff2;base64,')} b{src:url(fonts/a.woff2)}") == []
    assert page_checks.foreign_styles("@font-face{src:url(https://fonts.example.com/a.woff2)}")
    assert page_checks.foreign_styles('@import url("//fonts.example.com/a.css");')


def test_broken_link_is_found():
    targets = {"esta.html": {"inicio"}, "outra.html": {"fim"}, "referencias.html": {"id1"}}
    assert page_checks.broken_links(GOOD, "esta.html", targets) == []
    assert page_checks.broken_links(GOOD.replace("outra.html", "nenhuma.html"), "esta.html", targets)
    assert page_checks.broken_links(GOOD.replace("#fim", "#nada"), "esta.html", targets)
    assert page_checks.broken_links(GOOD.replace("#inicio", "#nada"), "esta.html", targets)
