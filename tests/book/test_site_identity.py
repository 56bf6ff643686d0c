"""O endereço do livro vem do ambiente ou do remoto; nunca é inventado."""

import pytest
import site_identity


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(site_identity, "_origin", lambda: "")


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/pessoa/curso.git\n", "pessoa/curso"),
        ("https://github.com/pessoa/curso", "pessoa/curso"),
        ("https://x-access-token:abc@github.com/pessoa/curso.git", "pessoa/curso"),
        ("git@github.com:pessoa/curso.git", "pessoa/curso"),
        ("ssh://git@github.com/pessoa/meu.curso.git", "pessoa/meu.curso"),
        ("/tmp/repositorio.git", None),
        ("https://example.org/pessoa/curso.git", None),
        ("https://github.com.example.org/pessoa/curso.git", None),
        ("https://github.com/pessoa", None),
        ("", None),
    ],
)
def test_repository_comes_from_the_remote_only_when_it_is_on_github(monkeypatch, remote, name):
    monkeypatch.setattr(site_identity, "_origin", lambda: remote)
    assert site_identity.repository() == name


def test_environment_wins_over_the_remote(monkeypatch):
    monkeypatch.setattr(site_identity, "_origin", lambda: "git@github.com:outra/coisa.git")
    monkeypatch.setenv("GITHUB_REPOSITORY", "pessoa/curso")
    assert site_identity.repository() == "pessoa/curso"


@pytest.mark.parametrize("value", ["", "curso", "a/b/c", "pessoa/cur so", "../curso"])
def test_malformed_environment_is_no_repository(monkeypatch, value):
    monkeypatch.setenv("GITHUB_REPOSITORY", value)
    assert site_identity.repository() is None


@pytest.mark.parametrize(
    ("name", "address"),
    [("Pessoa/curso", "https://pessoa.github.io/curso/"), ("Pessoa/pessoa.github.io", "https://pessoa.github.io/")],
)
def test_base_url_is_where_github_publishes(monkeypatch, name, address):
    monkeypatch.setenv("GITHUB_REPOSITORY", name)
    assert site_identity.base_url() == address


def test_colab_opens_the_generated_notebook(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "pessoa/curso")
    address = "https://colab.research.google.com/github/pessoa/curso/blob/notebooks/sigmoide.ipynb"
    assert site_identity.colab_url("sigmoide") == address


def test_without_a_repository_there_is_no_address():
    assert site_identity.repository() is None
    assert site_identity.base_url() is None
    assert site_identity.colab_url("sigmoide") is None
