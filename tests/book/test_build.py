"""A construção: só refaz o que mudou, aponta a célula que falha, e nunca publica pela metade."""

import shutil
import zipfile

import build
import pytest
from build import BuildError

HEADER = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\nkernelspec:\n" \
    "  display_name: Python 3\n  name: python3\n---\n\n# Título\n\n"
CELL = "```{code-cell} python\n%s\n```\n\n"


@pytest.fixture
def project(tmp_path):
    """Um repositório mínimo: o que as chaves e a execução olham."""
    (tmp_path / "ganlib").mkdir()
    (tmp_path / "ganlib" / "losses.py").write_text("a = 1\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "requirements.lock").write_text("torch==2.13.0\n")
    (tmp_path / "_config.yml").write_text("title: x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "executes_again"),
    [
        ("ganlib/losses.py", "a = 2\n", True),
        ("ganlib/new.py", "", True),
        ("requirements.lock", "torch==2.14.0\n", True),
        ("book/chapter.md", "# outro texto\n", False),
        ("_config.yml", "title: y\n", False),
        ("book/redirects.yml", "antiga: nova\n", False),
    ],
)
def test_old_results_are_never_published_after_ganlib_or_the_versions_change(project, file, text, executes_again):
    before, pages = build.execution_key(project), build.pages_key(project)
    assert build.execution_key(project) == before, "sem mudança, a mesma chave"
    (project / file).write_text(text)
    assert (build.execution_key(project) != before) is executes_again
    if file != "book/chapter.md":
        assert build.pages_key(project) != pages


def test_the_repository_address_is_part_of_the_pages(project, monkeypatch):
    before = build.pages_key(project)
    monkeypatch.setenv("GITHUB_REPOSITORY", "dono/curso")
    assert build.pages_key(project) != before


def test_a_chapter_runs_once_and_again_only_when_its_code_changes(project):
    chapter, said = project / "book" / "a.md", []
    chapter.write_text(HEADER + CELL % "print(1 + 1)")
    assert build.chapters(project / "book") == [chapter]
    for _ in range(2):
        build.execute([chapter], project / "cache", 1, said.append)
    chapter.write_text(HEADER + "Só o texto mudou.\n\n" + CELL % "print(1 + 1)")
    build.execute([chapter], project / "cache", 1, said.append)
    chapter.write_text(HEADER + CELL % "print(1 + 2)")
    build.execute([chapter], project / "cache", 1, said.append)
    assert [line.split("dos quais ")[1][0] for line in said if "dos quais" in line] == ["1", "0", "0", "1"]
    assert any("[1/1] a: pronto em" in line for line in said)


def test_a_failing_cell_is_named_with_its_chapter_and_the_others_are_kept(project):
    good, bad = project / "book" / "bom.md", project / "book" / "ruim.md"
    good.write_text(HEADER + CELL % "x = 1")
    bad.write_text(HEADER + CELL % "x = 1" + CELL % "raise ValueError('quebrou aqui')" + CELL % "y = 2")
    with pytest.raises(BuildError) as caught:
        build.execute([good, bad], project / "cache", 2, lambda text: None)
    said = str(caught.value)
    assert "ruim.md, célula de código 2:" in said
    assert "raise ValueError('quebrou aqui')" in said
    assert "ValueError: quebrou aqui" in said
    assert "bom.md" not in said
    again = []
    with pytest.raises(BuildError):
        build.execute([good, bad], project / "cache", 2, again.append)
    assert "dos quais 1 a executar" in again[0], "o capítulo bom já está no cache, o ruim não"


def test_a_failed_build_leaves_the_published_book_alone(project):
    published = project / "_build" / "html"
    published.mkdir(parents=True)
    (published / "index.html").write_text("publicado")
    (project / "book" / "ruim.md").write_text(HEADER + CELL % "1/0")
    with pytest.raises(BuildError, match="ZeroDivisionError"):
        build.build(project, 1, lambda text: None)
    assert (published / "index.html").read_text() == "publicado"


def test_publishing_replaces_the_whole_folder_or_nothing(tmp_path, monkeypatch):
    made, target = tmp_path / "feito", tmp_path / "html"
    made.mkdir(), target.mkdir()
    (made / "novo.html").write_text("novo")
    (target / "velho.html").write_text("velho")

    def no_space(*args, **kwargs):
        raise OSError("disco cheio")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", no_space)
        with pytest.raises(OSError, match="disco cheio"):
            build.publish(made, target)
    assert [f.name for f in target.iterdir()] == ["velho.html"]
    build.publish(made, target)
    assert [f.name for f in target.iterdir()] == ["novo.html"]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["feito", "html"]


def test_the_wheel_carries_only_ganlib_and_is_the_same_every_time(tmp_path):
    first, second = build.wheel(tmp_path / "a"), build.wheel(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    folders = {name.split("/")[0] for name in zipfile.ZipFile(first).namelist()}
    assert folders == {"ganlib", first.name.split("-py3")[0] + ".dist-info"}
