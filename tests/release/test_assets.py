"""O que se anexa a um lançamento: tudo o que devia estar, uma vez só, com as somas e as notas; e como vai ao GitHub."""

import hashlib
import subprocess

import pytest
import site_identity

from release import ROOT, ReleaseError, assets, github
from release.changelog import sections

VERSION = site_identity.ganlib_version()
CHANGELOG = f"# Mudou\n\n## {VERSION} (2026-01-02)\n\n- Uma coisa.\n- Outra.\n\n## 0.0.1 (2025-01-02)\n\n- Velha.\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, "utf8")
    folder = tmp_path / "_build" / "notebooks"
    folder.mkdir(parents=True)
    (folder / f"ganlib-{VERSION}-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "_build" / "livro.zip").write_bytes(b"zip")
    return tmp_path


def names(project):
    return {file.name for file in (project / "_build" / "release").iterdir()}


def test_the_zip_the_wheel_the_sums_and_the_notes_are_gathered(project):
    made = assets.collect(project, VERSION)
    wheel = f"ganlib-{VERSION}-py3-none-any.whl"
    assert {file.name for file in made} == names(project) == {"livro.zip", wheel, "SHA256SUMS", "notas.md"}
    folder = project / "_build" / "release"
    assert (folder / "notas.md").read_text("utf8") == "- Uma coisa.\n- Outra.\n"
    assert f"{hashlib.sha256(b'zip').hexdigest()}  livro.zip\n" in (folder / "SHA256SUMS").read_text("utf8")
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=False).returncode == 0


def test_the_pdf_goes_along_when_there_is_one_and_leftovers_do_not(project):
    assets.collect(project, VERSION)
    (project / "_build" / "release" / "sobra.txt").write_text("x")
    (project / "_build" / "livro.pdf").write_bytes(b"pdf")
    assets.collect(project, VERSION)
    assert "livro.pdf" in names(project) and "sobra.txt" not in names(project)


def test_something_missing_or_repeated_stops_and_leaves_what_was_there(project):
    assets.collect(project, VERSION)
    before = names(project)
    (project / "_build" / "outro.zip").write_bytes(b"zip")
    with pytest.raises(ReleaseError, match=r"mais de um arquivo onde se espera o zip.*livro\.zip, outro\.zip"):
        assets.collect(project, VERSION)
    for file in (project / "_build").glob("*.zip"):
        file.unlink()
    with pytest.raises(ReleaseError, match="Falta o zip do livro"):
        assets.collect(project, VERSION)
    assert names(project) == before


@pytest.mark.parametrize("text", ["# O que mudou\n", CHANGELOG.replace("- Uma coisa.\n- Outra.\n", "")])
def test_a_version_that_the_changelog_does_not_explain_has_no_notes(text):
    with pytest.raises(ReleaseError, match="não diz o que mudou"):
        assets.notes(text, VERSION)


def test_the_changelog_is_read_by_version():
    first, second = sections(CHANGELOG)
    assert (first.version, first.date, first.body) == (VERSION, "2026-01-02", "- Uma coisa.\n- Outra.")
    assert (second.version, second.body) == ("0.0.1", "- Velha.")
    assert [section.date for section in sections("## 1.0 (hoje)\n\n## 2.0\n")] == ["hoje", ""]
    assert sections((ROOT / "CHANGELOG.md").read_text("utf8"))


@pytest.fixture
def gh(tmp_path, monkeypatch):
    """Um gh de mentira: anota o que lhe pedem e falha nos comandos que o teste disser."""
    log, fails = tmp_path / "gh.log", tmp_path / "gh.fails"
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\nif grep -qx "$1 $2" {fails}; then echo recusado >&2; exit 1; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def asked(*failing):
        fails.write_text("".join(f"{command}\n" for command in failing))
        return lambda: [line.split()[1] for line in log.read_text().splitlines()]

    return asked


def test_a_release_is_created_once_and_then_completed(project, gh):
    assets.collect(project, VERSION)
    folder = project / "_build" / "release"
    asked = gh("release view")
    github.publish(f"v{VERSION}", folder)
    assert asked() == ["view", "create"]
    asked = gh()
    github.publish(f"v{VERSION}", folder)
    assert asked()[2:] == ["view", "edit", "upload"]


def test_the_files_are_sent_and_the_notes_are_the_text(project, gh, tmp_path):
    assets.collect(project, VERSION)
    gh("release view")
    github.publish(f"v{VERSION}", project / "_build" / "release")
    create = (tmp_path / "gh.log").read_text().splitlines()[-1]
    assert "--verify-tag" in create and create.count("notas.md") == 1
    assert all(name in create for name in ("livro.zip", ".whl", "SHA256SUMS"))


def test_a_refusal_a_wrong_tag_and_an_empty_folder_are_said(project, gh, tmp_path):
    with pytest.raises(ReleaseError, match=f"devia ser v{VERSION}"):
        github.publish("v9.9.9", project)
    with pytest.raises(ReleaseError, match="make release-assets"):
        github.publish(f"v{VERSION}", tmp_path / "nada")
    assets.collect(project, VERSION)
    gh("release view", "release create")
    with pytest.raises(ReleaseError, match="recusado"):
        github.publish(f"v{VERSION}", project / "_build" / "release")


def test_without_gh_the_message_says_so(project, monkeypatch):
    assets.collect(project, VERSION)
    monkeypatch.setenv("PATH", "/nada")
    with pytest.raises(ReleaseError, match="Falta o comando gh"):
        github.publish(f"v{VERSION}", project / "_build" / "release")
