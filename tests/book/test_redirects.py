"""Um endereço antigo leva ao novo, com e sem script; um desvio errado impede a construção e diz como consertá-lo."""

import shutil

import browser_checks
import page_checks
import pytest
import redirects
from bs4 import BeautifulSoup
from build import ROOT, jupyter_book

from tests.notebooks.colab import serve

PAGES = {"index", "vizinha", "amostra"}


def write(folder, text):
    file = folder / "redirects.yml"
    file.write_text(text, "utf8")
    return file


def test_no_file_and_a_file_of_comments_only_redirect_nothing(tmp_path):
    assert redirects.read(tmp_path / "redirects.yml") == {}
    assert redirects.read(write(tmp_path, "# nada ainda\n")) == {}


def test_each_line_is_a_pair(tmp_path):
    assert redirects.read(write(tmp_path, "antiga: vizinha\noutra: index\n")) == {"antiga": "vizinha", "outra": "index"}


@pytest.mark.parametrize("text", ["- antiga\n", "antiga: [vizinha]\n", "antiga:\n", "so_um_nome\n"])
def test_a_file_that_is_not_pairs_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="slug_antigo: slug_novo"):
        redirects.read(write(tmp_path, text))


def test_an_old_slug_that_appears_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="«antiga» aparece duas vezes"):
        redirects.read(write(tmp_path, "antiga: vizinha\nantiga: index\n"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"antiga": "nenhuma"}, "não é uma página do livro"),
        ({"vizinha": "index"}, "tire a linha «vizinha: index»"),
        ({"antiga": "meia", "meia": "vizinha"}, "aponte direto"),
        ({"antiga": "antiga"}, "aponte direto"),
        ({"a": "b", "b": "a"}, "aponte direto"),
    ],
    ids=["destino desconhecido", "esconde uma página", "corrente", "para si mesma", "círculo"],
)
def test_a_wrong_redirect_is_named(wrong, said):
    assert any(said in problem for problem in redirects.problems(wrong, PAGES))


def test_two_old_names_of_one_page_are_fine():
    assert redirects.problems({"antiga": "vizinha", "mais_antiga": "vizinha"}, PAGES) == []


def test_the_redirects_of_the_book_are_sound():
    found = {path.stem for path in (ROOT / "book").glob("*.md")}
    assert redirects.problems(redirects.read(ROOT / "book" / redirects.FILE), found) == []


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """O livro de amostra sem células, com um desvio."""
    source = tmp_path_factory.mktemp("desvio") / "livro"
    source.mkdir()
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: vizinha\n", "utf8")
    (source / "referencias.bib").write_text("", "utf8")
    (source / "index.md").write_text("# Início\n\nTexto.\n", "utf8")
    (source / "vizinha.md").write_text("# O «novo» nome & mais\n\n(la-embaixo)=\n## Lá embaixo\n\nTexto.\n", "utf8")
    write(source, "antiga: vizinha\n")
    return source


@pytest.fixture(scope="module")
def site(book):
    result = jupyter_book(book, book.parent, GITHUB_REPOSITORY="pessoa/curso")
    assert result.returncode == 0, result.stdout + result.stderr
    return book.parent / "_build" / "html"


def test_the_old_page_redirects_without_a_script_and_names_the_new_one(site):
    html = (site / "antiga.html").read_text("utf8")
    page = BeautifulSoup(html, "html.parser")
    assert page.select_one("noscript > meta[http-equiv=refresh]")["content"] == "0; url=vizinha.html"
    assert page.select_one("link[rel=canonical]")["href"] == "https://pessoa.github.io/curso/vizinha.html"
    link = page.select_one("main a")
    assert (link["href"], link.get_text()) == ("vizinha.html", "O «novo» nome & mais")
    assert page_checks.page_problems(site) == []


def test_search_does_not_find_the_old_page(site):
    assert "antiga" not in (site / "searchindex.js").read_text("utf8")


@pytest.mark.parametrize("script", [True, False], ids=["com script", "sem script"])
def test_the_browser_arrives_at_the_new_page(site, script):
    with serve(site) as (address, _), browser_checks.chromium() as chromium:
        page = chromium.new_context(java_script_enabled=script).new_page()
        page.goto(f"{address}/antiga.html#la-embaixo")
        page.wait_for_url("**/vizinha.html*")
        assert page.url.endswith("#la-embaixo") or not script, "com script, a âncora vai junto"


@pytest.mark.parametrize(
    ("text", "said"),
    [("antiga: nenhuma\n", "«nenhuma», que não é uma página"), ("- a\n", "não pôde ser lido"), ("a: {\n", "lido")],
)
def test_a_wrong_redirect_stops_the_build_and_says_where(book, tmp_path, text, said):
    copy = shutil.copytree(book, tmp_path / "livro")
    write(copy, text)
    result = jupyter_book(copy, tmp_path)
    assert result.returncode != 0
    assert "redirects.yml" in result.stderr and said in result.stderr, result.stderr


def test_the_sample_book_without_a_file_builds_no_redirect(built_sample):
    titles = (p.read_text("utf8") for p in built_sample.glob("*.html"))
    assert not any("mudou de endereço" in html for html in titles)
