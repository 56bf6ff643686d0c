"""O link que morreu é dito, com a página e a linha; toda exceção tem motivo e ainda serve para alguma coisa."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from release import ReleaseError, links
from release.links import Link

WHY = "Responde 403 a qualquer programa."


def write(folder, text):
    file = folder / "excecoes.yml"
    file.write_text(text, "utf8")
    return file


def test_exceptions_are_read_with_their_reasons(tmp_path):
    text = f"- address: https://a\\.org/.*\n  reason: {WHY}\n"
    assert links.exceptions(write(tmp_path, text)) == {r"https://a\.org/.*": WHY}
    assert links.exceptions(write(tmp_path, "# nenhuma\n[]\n")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- address: https://a.org\n", "address e reason"),
        ("- https://a.org\n", "address e reason"),
        ("- address: https://a.org\n  reason: ''\n", "diga por que"),
        ("- address: https://a.org\n  reason: não dá\n", "diga por que"),
        (f"- address: 'https://a.org/('\n  reason: {WHY}\n", "expressão regular"),
        (f"- address: https://a.org\n  reason: {WHY}\n" * 2, "aparece duas vezes"),
    ],
)
def test_an_exception_without_a_good_reason_is_refused(tmp_path, text, said):
    with pytest.raises(ReleaseError, match=said):
        links.exceptions(write(tmp_path, text))


def test_the_exceptions_of_the_book_are_well_formed():
    assert isinstance(links.exceptions(), dict)


def test_a_dead_link_is_a_problem_unless_excused_and_an_idle_excuse_is_one_too():
    good = Link("a.md", 3, "https://a.org/x", "working", "")
    dead = Link("a.md", 4, "https://b.org/x", "broken", "404 Client Error")
    slow = Link("a.md", 5, "https://c.org/x", "timeout", "")
    assert links.problems([good], {}) == []
    assert links.problems([good, dead, slow], {}) == [str(dead), str(slow)]
    assert "a.md:4: https://b.org/x" in str(dead) and "404" in str(dead)
    assert links.problems([dead], {r"https://b\.org/.*": WHY}) == []
    assert links.problems([dead], {r"https://b\.org/": WHY})[0] == str(dead), "a expressão vale para o endereço inteiro"
    assert "tire a exceção" in links.problems([good], {r"https://b\.org/.*": WHY})[0]


@pytest.fixture
def server():
    """Um site que responde a «/existe» e a mais nada."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/existe" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def book(folder, body):
    folder.mkdir()
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n", "utf8")
    (folder / "referencias.bib").write_text("", "utf8")
    (folder / "index.md").write_text(body, "utf8")
    return folder


def test_every_link_of_a_book_is_asked(tmp_path, server):
    source = book(tmp_path / "livro", f"# Início\n\nUm [vivo]({server}/existe).\n\nUm [morto]({server}/sumiu).\n")
    found = links.check(source, tmp_path / "obra")
    assert {link.address.removeprefix(server): link.status for link in found} == {
        "/existe": "working",
        "/sumiu": "broken",
    }
    (problem,) = links.problems(found, {})
    assert problem.startswith(f"index.md:5: {server}/sumiu") and "404" in problem


def test_a_book_that_cannot_be_read_is_said(tmp_path):
    source = book(tmp_path / "livro", "# Início\n")
    (source / "_toc.yml").write_text("format: jb-book\nroot: nenhuma\n", "utf8")
    with pytest.raises(ReleaseError, match="não pôde ser lido"):
        links.check(source, tmp_path / "obra")
