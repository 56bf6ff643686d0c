"""make release-check: cada conferência passa num repositório são e vê o defeito que diz ver."""

import json
import shutil
import subprocess

import build
import pytest

from release import ROOT, check
from release.changelog import sections

VERSION = "1.2.3"
INSTALL = f'import os\n\nversion = "{VERSION}"\n%pip install -q {{base}}'


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, check=True)


def commit(folder, text="mudança"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", text)


def edit(file, old, new):
    text = file.read_text("utf8")
    assert old in text
    file.write_text(text.replace(old, new), "utf8")


def notebook(source):
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# T"]},
                                 {"cell_type": "code", "source": source.splitlines(keepends=True)}]})


@pytest.fixture
def project(tmp_path):
    """Um repositório mínimo, pronto para lançar."""
    files = {
        ".gitignore": "_build/\n",
        "ganlib/version.py": f'__version__ = "{VERSION}"\n',
        "CITATION.cff": f"version: {VERSION}\ndate-released: 2026-01-02\n",
        "CHANGELOG.md": f"# O que mudou\n\n## {VERSION} (2026-01-02)\n\n- Algo.\n",
        "README.md": "Veja [o que mudou](CHANGELOG.md) e [um site](https://example.org).\n",
        "_toc.yml": "format: jb-book\nroot: index\nchapters:\n  - file: sigmoide\n",
        "book/redirects.yml": "# nada\n",
        "_build/notebooks/sigmoide.ipynb": notebook(INSTALL),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf8")
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    commit(tmp_path, "início")
    return tmp_path


QUICK = (
    check.version_is_one,
    check.changelog_is_dated,
    check.tag_is_new,
    check.tree_is_clean,
    check.old_addresses_work,
    check.notebooks_name_this_version,
    check.documents_point_at_files,
)


@pytest.mark.parametrize("one", QUICK, ids=lambda one: one.__name__)
def test_a_sound_repository_has_no_problem(project, one):
    assert one(project, "") == []
    git(project, "tag", f"v{VERSION}")
    assert one(project, f"v{VERSION}") == []


@pytest.mark.parametrize(
    ("one", "file", "old", "new", "said"),
    [
        (check.version_is_one, "ganlib/version.py", VERSION, "1.2.4", "CITATION.cff"),
        (check.version_is_one, "CITATION.cff", VERSION, "1.2.4", "CITATION.cff, 1.2.4"),
        (check.version_is_one, "CHANGELOG.md", f"## {VERSION}", "## 1.2.4", "CHANGELOG.md, 1.2.4"),
        (check.changelog_is_dated, "CHANGELOG.md", "(2026-01-02)", "(em preparação)", "não é a data"),
        (check.changelog_is_dated, "CHANGELOG.md", " (2026-01-02)", "", "não é a data"),
        (check.changelog_is_dated, "CHANGELOG.md", "2026-01-02", "2999-01-02", "ainda não chegou"),
        (check.changelog_is_dated, "CHANGELOG.md", "2026-01-02", "2026-01-03", "CITATION.cff diz 2026-01-02"),
        (check.changelog_is_dated, "CHANGELOG.md", "- Algo.\n", "", "não diz o que mudou"),
        (check.changelog_is_dated, "CHANGELOG.md", f"## {VERSION} (2026-01-02)\n\n- Algo.\n", "", "nenhuma versão"),
        (check.tree_is_clean, "README.md", "Veja", "Leia", "README.md"),
        (check.notebooks_name_this_version, "_build/notebooks/sigmoide.ipynb", VERSION, "1.2.2", "rode make book"),
        (check.notebooks_name_this_version, "_build/notebooks/sigmoide.ipynb", "%pip", "!pip", "rode make book"),
        (check.documents_point_at_files, "README.md", "CHANGELOG.md", "MUDANCAS.md", "MUDANCAS.md"),
    ],
)
def test_a_planted_fault_is_found(project, one, file, old, new, said):
    edit(project / file, old, new)
    assert any(said in problem for problem in one(project, "")), one(project, "")


def test_an_untracked_file_is_found(project):
    (project / "novo.txt").write_text("x")
    assert check.tree_is_clean(project, "") == ["fora do commit: ?? novo.txt"]


def test_no_notebooks_is_a_problem(project):
    shutil.rmtree(project / "_build")
    assert "rode make book" in check.notebooks_name_this_version(project, "")[0]


def test_a_tag_of_another_version_of_another_commit_or_that_is_not_here_is_found(project):
    assert "não existe neste clone" in check.tag_is_new(project, f"v{VERSION}")[0]
    assert any("a etiqueta" in problem for problem in check.version_is_one(project, "v1.2.4"))
    git(project, "tag", f"v{VERSION}")
    commit(project)
    assert "aumente a versão" in check.tag_is_new(project, "")[0]


def test_a_published_slug_stays_or_redirects(project):
    git(project, "tag", "v1.0.0")
    edit(project / "_toc.yml", "sigmoide", "a_sigmoide")
    commit(project)
    git(project, "tag", "v1.1.0")
    assert check.old_addresses_work(project, "") == [
        "«sigmoide», publicado em v1.0.0, sumiu: diga em book/redirects.yml para onde foi"
    ]
    (project / "book" / "redirects.yml").write_text("sigmoide: a_sigmoide\n")
    assert check.old_addresses_work(project, "") == []


@pytest.fixture
def package(project):
    """O repositório mínimo com a ganlib de verdade e o wheel dela entre os notebooks."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / "ganlib", project / "ganlib", dirs_exist_ok=True)
    build.wheel(project / "_build" / "notebooks", project)
    return project


@pytest.mark.slow
def test_the_wheel_is_built_twice_compared_installed_and_imported(package, monkeypatch):
    assert check.wheel_is_sound(package, "") == []
    (wheel,) = (package / "_build" / "notebooks").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\n")
    assert "não é o deste código" in check.wheel_is_sound(package, "")[0]

    made, right = [], build.wheel

    def never_the_same(folder, root):
        made.append(right(folder, root))
        made[-1].write_bytes(made[-1].read_bytes() + bytes(len(made) - 1))
        return made[-1]

    monkeypatch.setattr(build, "wheel", never_the_same)
    assert "o wheel feito duas vezes não é igual" in check.wheel_is_sound(package, "")


@pytest.mark.slow
def test_a_wheel_that_does_not_install_or_import_is_found(package):
    edit(package / "ganlib" / "__init__.py", '"""', 'import nada_disso\n"""')
    assert any("nada_disso" in problem for problem in check.wheel_is_sound(package, ""))
    (package / "pyproject.toml").write_text("[project\n")
    assert any("não pôde ser feito" in problem for problem in check.wheel_is_sound(package, ""))


def test_the_whole_check_says_each_result_and_counts_the_failures(monkeypatch, capsys):
    def passes(root, tag):
        """Vai bem. E isto não se lê."""
        return []

    def fails(root, tag):
        """Vai mal."""
        return ["conserte assim\ne assim"]

    def breaks(root, tag):
        """Não responde."""
        raise OSError("sem disco")

    monkeypatch.setattr("sys.argv", ["check"])
    monkeypatch.setattr(check, "CHECKS", (passes, fails, breaks))
    assert check.main() == 1
    said = capsys.readouterr().out
    assert "✔ Vai bem." in said and "✘ Vai mal.\n    conserte assim\n    e assim" in said
    assert "não deu para conferir: sem disco" in said and "Falta consertar: 2 de 3." in said
    monkeypatch.setattr(check, "CHECKS", (passes,))
    assert check.main() == 0
    assert "Pronto para lançar." in capsys.readouterr().out


def test_the_tests_that_the_check_runs_exist_and_a_red_one_is_reported(tmp_path, monkeypatch):
    for proof in check.PROOFS:
        file, _, name = proof.partition("::")
        assert f"def {name}" in (ROOT / file).read_text("utf8")
    (tmp_path / "test_a.py").write_text("def test_a():\n    assert 1 == 2\n")
    monkeypatch.setattr(check, "PROOFS", ("test_a.py",))
    assert "1 failed" in check.tests_prove_the_rest(tmp_path, "")[0]
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    assert check.tests_prove_the_rest(tmp_path, "") == []


def test_this_repository_has_one_version_and_a_dated_changelog():
    assert check.version_is_one(ROOT, "") == []
    assert check.changelog_is_dated(ROOT, "") == []
    assert check.documents_point_at_files(ROOT, "") == []
    assert sections((ROOT / "CHANGELOG.md").read_text("utf8"))[0].body
