"""O ramo que o Colab abre: um commit só, com os notebooks de hoje, os wheels de sempre e os nomes antigos."""

import shutil
import subprocess

import pytest
import redirects
import site_identity

from release import ReleaseError, notebooks


def git(folder, *arguments):
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout


def branch(remote):
    return {line.split("\t")[1]: line.split()[2] for line in git(remote, "ls-tree", "-r", "notebooks").splitlines()}


@pytest.fixture
def remote(tmp_path):
    folder = tmp_path / "remoto.git"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    return folder


@pytest.fixture
def clone(tmp_path, remote):
    folder = tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    git(folder, "remote", "add", "origin", str(remote))
    git(folder, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "início")
    return folder


@pytest.fixture
def made(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "sigmoide.ipynb").write_text("{}\n")
    (folder / "listas").mkdir()
    (folder / "listas" / "sigmoide.ipynb").write_text("[]\n")
    (folder / wheel_name()).write_bytes(b"wheel")
    return folder


def wheel_name(version=None):
    return f"ganlib-{version or site_identity.ganlib_version()}-py3-none-any.whl"


def test_the_branch_has_one_commit_with_the_notebooks_and_the_wheel(clone, remote, made):
    assert notebooks.push(clone, made, {}) is True
    assert set(branch(remote)) == {"sigmoide.ipynb", "listas/sigmoide.ipynb", wheel_name()}
    assert git(remote, "show", "notebooks:sigmoide.ipynb") == "{}\n"
    assert git(remote, "rev-list", "--count", "notebooks").strip() == "1"
    assert git(clone, "rev-parse", "HEAD").strip() in git(remote, "log", "-1", "--format=%B", "notebooks")
    assert git(clone, "status", "--porcelain") == "", "o que está no clone não muda"


def test_pushing_the_same_again_sends_nothing(clone, remote, made):
    notebooks.push(clone, made, {})
    before = git(remote, "rev-parse", "notebooks")
    assert notebooks.push(clone, made, {}) is False
    assert git(remote, "rev-parse", "notebooks") == before


def test_a_new_version_replaces_the_notebooks_and_keeps_the_old_wheels(clone, remote, made, monkeypatch):
    notebooks.push(clone, made, {})
    old = branch(remote)
    shutil.rmtree(made)
    made.mkdir()
    monkeypatch.setattr(site_identity, "ganlib_version", lambda: "9.9.9")
    (made / "outro.ipynb").write_text("{}")
    (made / wheel_name("9.9.9")).write_bytes(b"novo")
    assert notebooks.push(clone, made, {}) is True
    names = branch(remote)
    monkeypatch.undo()
    assert set(names) == {"outro.ipynb", wheel_name("9.9.9"), wheel_name()}
    assert names[wheel_name()] == old[wheel_name()], "quem guardou o notebook antigo ainda o instala"
    assert git(remote, "rev-list", "--count", "notebooks").strip() == "1"


def test_a_renamed_chapter_keeps_its_old_notebook_address(clone, remote, made):
    notebooks.push(clone, made, {"sigmoid": "sigmoide", "apendice_velho": "notacao"})
    names = branch(remote)
    assert names["sigmoid.ipynb"] == names["sigmoide.ipynb"]
    assert "apendice_velho.ipynb" not in names, "uma página sem código não tem notebook"


@pytest.mark.parametrize("missing", ["sigmoide.ipynb", "wheel"])
def test_nothing_is_sent_when_something_is_missing(clone, remote, made, missing):
    for file in made.rglob(wheel_name() if missing == "wheel" else missing):
        file.unlink()
    with pytest.raises(ReleaseError, match="rode make book"):
        notebooks.push(clone, made, {})
    assert git(remote, "branch", "--list") == ""


def test_a_branch_that_someone_sent_meanwhile_is_not_overwritten(clone, remote, made, monkeypatch):
    notebooks.push(clone, made, {})
    gather = notebooks.gather

    def meanwhile(*arguments):
        gather(*arguments)
        tree = git(remote, "rev-parse", "notebooks^{tree}").strip()
        who = ["-c", "user.name=b", "-c", "user.email=b@localhost"]
        commit = git(remote, *who, "commit-tree", tree, "-m", "de outra pessoa").strip()
        git(remote, "update-ref", "refs/heads/notebooks", commit)

    (made / "novo.ipynb").write_text("{}")
    monkeypatch.setattr(notebooks, "gather", meanwhile)
    with pytest.raises(ReleaseError, match="git push"):
        notebooks.push(clone, made, {})
    assert "de outra pessoa" in git(remote, "log", "-1", "--format=%B", "notebooks")


def test_a_remote_that_does_not_answer_is_said(clone, made, tmp_path):
    git(clone, "remote", "set-url", "origin", str(tmp_path / "nada"))
    with pytest.raises(ReleaseError, match="ls-remote"):
        notebooks.push(clone, made, {})


def test_both_readers_of_the_redirects_agree(tmp_path):
    file = tmp_path / "redirects.yml"
    file.write_text("# um comentário: com dois-pontos\nvelho: novo  # por quê\n\n'mais_velho': novo\n".replace("'", ""))
    assert notebooks.renamed(file) == redirects.read(file) == {"velho": "novo", "mais_velho": "novo"}
    real = notebooks.ROOT / "book" / "redirects.yml"
    assert notebooks.renamed(real) == redirects.read(real)
    assert notebooks.renamed(tmp_path / "nada.yml") == {}
