"""O livro de amostra usa todas as construções dos capítulos; a página as mostra em português, com números e links."""

import page_checks
import pytest
from bs4 import BeautifulSoup
from build import jupyter_book
from portuguese import ADMONITION_TITLES, LOCALES, read_catalogue


@pytest.fixture(scope="module")
def chapter(built_sample) -> BeautifulSoup:
    return BeautifulSoup((built_sample / "amostra.html").read_text("utf8"), "html.parser")


def text(tag) -> str:
    return " ".join(tag.get_text(" ").split())


def test_every_page_passes_every_check(built_sample):
    (built_sample / "notebooks").mkdir(exist_ok=True)
    for name in ("amostra", "vizinha"):  # quem os escreve é o construtor de notebooks; aqui basta que existam
        (built_sample / "notebooks" / f"{name}.ipynb").touch()
    assert page_checks.page_problems(built_sample) == []


def test_equations_are_numbered_by_chapter_and_referred_to_by_number(built_sample, chapter):
    numbers = [text(tag)[:5] for tag in chapter.select(".equacao > .eqno")]
    assert numbers == [f"(1.{n})" for n in range(1, 7)]
    neighbour = BeautifulSoup((built_sample / "vizinha.html").read_text("utf8"), "html.parser")
    assert text(neighbour.select_one(".equacao > .eqno")).startswith("(2.1)")
    link = neighbour.select_one('a[href="amostra.html#equation-eq-amostra-derivada"]')
    assert text(link) == "(1.2)"


def test_number_stays_outside_the_box_that_scrolls(chapter):
    for equation in chapter.select(".equacao"):
        assert equation.select_one(".formula > math")
        assert not equation.select_one(".formula .eqno")


def test_macros_are_expanded_inside_the_formula(chapter):
    wide = chapter.select_one("#equation-eq-amostra-larga math")
    assert "𝔼" in wide.get_text() and "\\" not in wide.get_text()


def test_theorems_share_one_counter_and_have_portuguese_names(chapter):
    titles = [text(tag) for tag in chapter.select("div.proof > .admonition-title")]
    assert titles == [
        "Definição 1.1 (Saturação)",
        "Teorema 1.2 (Cauda esquerda)",
        "Demonstração",
        "Corolário 1.3",
    ]
    assert text(chapter.select_one('#cor-amostra a[href="#teo-amostra"]')) == "Teorema 1.2"


def test_proof_that_begins_with_a_formula_keeps_it_and_its_list(chapter):
    proof = next(tag for tag in chapter.select("div.proof") if text(tag).startswith("Demonstração"))
    assert proof.select_one("p:not(.admonition-title) > math")
    items = [text(item) for item in proof.select("ol > li")]
    assert items == ["O numerador é positivo.", "O denominador é maior que 1."]
    assert not proof.get("id")


def test_admonitions_have_their_four_titles(chapter):
    for kind, title in ADMONITION_TITLES.items():
        assert text(chapter.select_one(f"div.admonition.{kind} > .admonition-title")) == title
    assert text(chapter.select_one("div.correcao > .admonition-title")) == "Correção ao documento-base"


def test_solution_folds_without_scripts_and_holds_its_code(chapter):
    solution = chapter.select_one("details.solution#sol-amostra-cauda")
    assert text(solution.summary) == "Solução do Exercício 1.1 (A cauda direita)"
    assert not solution.has_attr("open")
    assert solution.select_one("div.cell_input") and "True" in text(solution.select_one("div.cell_output"))
    assert solution.select_one("math")


def test_figures_have_number_caption_and_alternative_text(chapter):
    captions = [text(tag) for tag in chapter.select("figcaption .caption-number")]
    assert captions == ["Figura 1.1", "Figura 1.2"]
    assert chapter.select_one("#fig-amostra img")["alt"].startswith("A derivada da sigmoide")
    assert "fotografia" in chapter.select_one("#fig-amostra-foto img")["class"]
    assert text(chapter.select_one("table .caption-number")) == "Tabela 1.1"


def test_number_computed_by_a_cell_reaches_the_prose(chapter):
    assert "A maior inclinação da sigmoide é 0,250 ." in text(chapter)


def test_hidden_code_opens_with_portuguese_words(chapter):
    details = chapter.select_one("details.hide")
    assert text(details.summary) == "Mostrar o código Ocultar o código"


def test_citations_and_bibliography_are_in_portuguese(built_sample, chapter):
    assert "Goodfellow et al. , 2014" in text(chapter)
    assert "Arjovsky e Bottou, 2017" in text(chapter)
    references = BeautifulSoup((built_sample / "referencias.html").read_text("utf8"), "html.parser")
    entries = [text(tag.p) for tag in references.select(".citation")]
    assert [entry.split()[1] for entry in entries] == ["Arjovsky", "Goodfellow,", "J."]
    assert "Ian Goodfellow, Yoshua Bengio e Aaron Courville." in entries[1]
    assert "Em Advances in Neural Information Processing Systems , volume 27." in entries[2]


def test_buttons_point_at_the_generated_notebook(built_sample, chapter):
    assert chapter.select_one("a[download]")["href"] == "notebooks/amostra.ipynb"
    colab = chapter.select_one(".botao-notebook")["href"]
    assert colab == "https://colab.research.google.com/github/pessoa/curso/blob/notebooks/amostra.ipynb"
    index = BeautifulSoup((built_sample / "index.html").read_text("utf8"), "html.parser")
    assert not index.select("a[download], .botao-notebook")


def test_site_is_ready_for_static_hosting(built_sample):
    assert (built_sample / ".nojekyll").exists()
    assert not (built_sample / "_sources").exists()
    assert "<h1>" in (built_sample / "index.html").read_text("utf8")


def test_catalogues_are_complete_and_have_no_english_left():
    for path in LOCALES.glob("*.po"):
        catalogue = read_catalogue(path)._catalog
        for english, portuguese in catalogue.items():
            if english:
                assert portuguese and not page_checks.ENGLISH_WORDS.search(portuguese), (path.name, english)


def write_book(folder, body: str):
    """Um livro de uma página."""
    folder.mkdir()
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n", "utf8")
    (folder / "referencias.bib").write_text("", "utf8")
    (folder / "index.md").write_text(body, "utf8")
    return folder


def test_unknown_command_in_a_formula_names_the_page_and_the_formula(tmp_path):
    book = write_book(tmp_path / "livro", "# Início\n\nTexto.\n\n$$\n\\desconhecido{x}\n$$ (eq-x)\n")
    result = jupyter_book(book, tmp_path / "obra")
    assert result.returncode != 0
    said = [line for line in result.stderr.splitlines() if "desconhecido" in line]
    assert any("index.md:5" in line and "não pôde ser escrita" in line for line in said), result.stderr


def test_unresolved_reference_stops_the_build(tmp_path):
    book = write_book(tmp_path / "livro", "# Início\n\nVeja {eq}`eq-nenhuma`.\n")
    result = jupyter_book(book, tmp_path / "obra")
    assert result.returncode != 0 and "eq-nenhuma" in result.stderr


def test_without_the_cache_variable_the_build_says_what_to_run(tmp_path):
    book = write_book(tmp_path / "livro", "# Início\n")
    result = jupyter_book(book, tmp_path / "obra", GANLIB_BOOK_CACHE="")
    assert result.returncode != 0
    assert "GANLIB_BOOK_CACHE" in result.stderr and "make book" in result.stderr


def test_without_a_repository_there_is_a_download_button_and_no_colab_button(monkeypatch):
    import page
    import site_identity

    monkeypatch.setattr(site_identity, "repository", lambda: None)

    class Environment:
        metadata = {"sigmoide": {"kernelspec": {}}, "index": {}}  # noqa: RUF012

    class Application:
        env = Environment()

    context = {"pathto": lambda path, _: path}
    page.add_notebook_links(Application(), "sigmoide", "page.html", context, None)
    assert context["notebook_url"] == "notebooks/sigmoide.ipynb"
    assert context["colab_url"] is None


@pytest.mark.site
def test_published_book_passes_every_check(site):
    assert page_checks.page_problems(site) == []
