"""As páginas num navegador de verdade: claro e escuro, largo e a 390 px; e cada falha plantada é vista."""

import browser_checks
import pytest
from browser_checks import first_load, mode_problems, page_problems, search_problems, serve, watched

pytestmark = pytest.mark.browser

FIRST_LOAD_LIMIT = 1_500_000

CLEAN = """<!DOCTYPE html><html lang="pt-BR"><head><meta charset="utf-8"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"></head><body><p>Uma página limpa.</p>{}</body></html>"""

SQUARE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E"

FAULTS = {
    "erro no console": "<script>console.error('falhou')</script>",
    "aviso no console": "<script>console.warn('cuidado')</script>",
    "script que quebra": "<script>naoExiste()</script>",
    "arquivo que falta": '<img src="nada.png" alt="Nada.">',
    "outra máquina": '<img src="https://estrangeiro.invalid/a.png" alt="Nada.">',
    "página larga demais": '<div style="width: 800px">largo</div>',
    "fórmula crua": "<p>$$x^2$$</p>",
    "comando cru": r"<p>\frac{1}{2}</p>",
    "fórmula vazia": "<math></math>",
    "fórmula com erro": "<math><merror><mtext>?</mtext></merror></math>",
    "caixa fora do teclado": '<div tabindex="-1" style="overflow: auto; width: 9px"><p style="width: 99px">x</p></div>',
    "figura deformada": f'<img alt="Um quadrado." style="width: 90px; height: 30px" src="{SQUARE}">',
    "texto em inglês posto por script": "<script>document.body.title = 'Toggle content'</script>",
}


@pytest.fixture(scope="module")
def browser():
    with browser_checks.chromium() as chromium:
        yield chromium


def book_problems(browser, folder) -> list[str]:
    """Os problemas de todas as páginas de um livro, nos dois modos de cor, e os da primeira visita a cada uma."""
    found = []
    names = sorted(file.name for file in folder.glob("*.html"))
    with serve(folder) as base:
        for mode in ("light", "dark"):
            with watched(browser, base, mode) as (page, problems):
                for name in names:
                    here = page_problems(page, problems, base + name) + mode_problems(page, mode)
                    found += [f"{name} ({mode}): {problem}" for problem in here]
        for name in names:
            with watched(browser, base, "light") as (page, _):
                if (size := first_load(page, base + name)) > FIRST_LOAD_LIMIT:
                    found.append(f"{name}: {size} bytes na primeira visita")
    return found


def test_clean_page_has_no_problem(browser, tmp_path):
    (tmp_path / "index.html").write_text(CLEAN.format(""), "utf8")
    with serve(tmp_path) as base, watched(browser, base, "light") as (page, problems):
        assert page_problems(page, problems, base) == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_planted_fault_is_seen(browser, tmp_path, fault):
    (tmp_path / "index.html").write_text(CLEAN.format(fault), "utf8")
    with serve(tmp_path) as base, watched(browser, base, "light") as (page, problems):
        assert page_problems(page, problems, base)


def test_page_stuck_in_one_mode_is_seen(browser, tmp_path):
    article = '<article><img src="data:," alt="Nada."></article>'
    html = CLEAN.replace("<html", '<html data-theme="light"').format(article)
    (tmp_path / "index.html").write_text(html, "utf8")
    with serve(tmp_path) as base, watched(browser, base, "dark") as (page, _):
        page.goto(base)
        assert len(mode_problems(page, "dark")) == 2
        assert mode_problems(page, "light") == []


def test_heavy_page_is_measured(browser, tmp_path):
    (tmp_path / "index.html").write_text(CLEAN.format("<p>" + "x" * 10_000), "utf8")
    with serve(tmp_path) as base, watched(browser, base, "light") as (page, _):
        assert 10_000 < first_load(page, base) < 11_000


def test_sample_book_has_no_problem_in_the_browser(browser, built_sample):
    assert book_problems(browser, built_sample) == []


@pytest.mark.parametrize("query", ["exercício", "exercicio", "EQUACOES"])
def test_search_finds_with_and_without_accents(browser, built_sample, query):
    with serve(built_sample) as base, watched(browser, base, "light") as (page, problems):
        assert search_problems(page, base, query, "amostra.html") == []
        assert problems == []


def test_search_that_finds_nothing_is_seen_and_said_in_portuguese(browser, built_sample):
    with serve(built_sample) as base, watched(browser, base, "light") as (page, _):
        (problem,) = search_problems(page, base, "ornitorrinco", "amostra.html")
        assert "não encontra" in problem
        assert "Nada foi encontrado" in page.inner_text("#search-results")


def test_wide_formula_scrolls_in_its_own_box_and_takes_focus(browser, built_sample):
    with serve(built_sample) as base, watched(browser, base, "light") as (page, _):
        page.set_viewport_size(browser_checks.NARROW)
        page.goto(base + "amostra.html")
        page.wait_for_selector(".formula[tabindex='0']")
        wide = page.locator("#equation-eq-amostra-larga .formula")
        assert wide.get_attribute("aria-label") == "Fórmula larga: role para o lado"
        assert page.locator("#equation-def-amostra-sigmoide .formula").get_attribute("tabindex") is None


def test_copy_button_copies_the_code(browser, built_sample):
    with serve(built_sample) as base, watched(browser, base, "light") as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(base + "vizinha.html")
        button = page.locator(".botao-copiar").first
        button.click()
        page.wait_for_function("document.querySelector('.botao-copiar').textContent === 'Copiado'")
        assert page.evaluate("navigator.clipboard.readText()") == "print(1 + 1)\n"


def test_colour_button_goes_through_the_three_modes(browser, built_sample):
    with serve(built_sample) as base, watched(browser, base, "dark") as (page, problems):
        page.goto(base + "index.html")
        seen = []
        for _ in range(3):
            page.locator(".theme-switch-button").first.click()
            seen.append(page.evaluate("document.documentElement.dataset.mode"))
        assert sorted(seen) == ["auto", "dark", "light"]
        assert problems == []


def test_chapter_is_readable_before_scripts_run(browser, built_sample):
    with serve(built_sample) as base:
        context = browser.new_context(java_script_enabled=False, viewport=browser_checks.NARROW)
        page = context.new_page()
        page.goto(base + "amostra.html")
        assert page.locator("#equation-eq-amostra-derivada math").bounding_box()["width"] > 40
        assert page.locator("details.solution").bounding_box()["height"] < 80
        context.close()


@pytest.mark.site
def test_published_book_has_no_problem_in_the_browser(browser, site):
    assert book_problems(browser, site) == []


@pytest.mark.site
def test_published_search_finds_with_and_without_accents(browser, site):
    with serve(site) as base, watched(browser, base, "light") as (page, problems):
        for query in ("função", "funcao", "FUNÇÕES"):
            assert search_problems(page, base, query, "sigmoide.html") == []
        assert problems == []
