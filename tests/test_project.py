"""A mesma informação não vive em dois lugares sem que um teste as compare."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from system_packages import PACKAGES, install_line, may_install, missing

import ganlib

ROOT = Path(__file__).resolve().parents[1]


def declared(pyproject: str) -> set[str]:
    """As dependências de pyproject.toml, com as dos extras."""
    project = tomllib.loads(pyproject)["project"]
    return {*project["dependencies"], *(d for group in project["optional-dependencies"].values() for d in group)}


def conda(environment: str) -> set[str]:
    """As dependências de environment.yml que vêm pelo pip."""
    return set(next(d["pip"] for d in yaml.safe_load(environment)["dependencies"] if isinstance(d, dict)))


def names(requirements) -> set[str]:
    return {re.split(r"[<>=!~\[ ]", line)[0].lower().replace("_", "-") for line in requirements}


def test_environment_yml_declares_what_pyproject_declares():
    pyproject = (ROOT / "pyproject.toml").read_text()
    environment = (ROOT / "environment.yml").read_text()
    assert declared(pyproject) == conda(environment)
    assert declared(pyproject) != conda(environment.replace("      - tqdm\n", "")), "a comparação não vê uma falta"


def test_every_declared_dependency_is_pinned_in_the_lock():
    lock = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in lock), "o arquivo só tem versões exatas"
    assert names(declared((ROOT / "pyproject.toml").read_text())) <= names(lock)


def test_version_and_date_are_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    latest = re.search(r"^## (\S+) \((\S+)\)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert latest and latest[1] == citation["version"] == ganlib.__version__
    assert latest[2] == str(citation["date-released"])


def test_wheel_carries_ganlib_only_and_no_floor_that_changes_colab():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["packages"] == ["ganlib"]
    assert not any("==" in d for d in project["project"]["dependencies"])


@pytest.mark.parametrize(("root", "ci", "allowed"), [(True, False, True), (False, True, True), (False, False, False)])
def test_system_packages_are_installed_only_as_root_or_in_ci(root, ci, allowed):
    assert may_install(root, ci, which=lambda name: "/usr/bin/" + name) is allowed
    assert may_install(root, ci, which=lambda name: None) is False


def test_a_missing_system_package_gives_the_exact_line():
    assert missing(PACKAGES, found=lambda name: None) == list(PACKAGES)
    assert missing(PACKAGES, found=lambda name: "/usr/bin/" + name) == []
    some = {"sh": "sh", "passwd": "/etc/passwd", "nada": "/etc/nao-existe", "nem": "nao-existe-mesmo"}
    assert missing(some) == ["nada", "nem"]
    assert install_line(["chromium"], root=False).startswith("sudo apt-get update && sudo apt-get install -y")
    assert install_line(["chromium"], root=True).endswith("chromium")


def test_ci_runs_the_test_command_of_the_readme():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^make test\b", readme, re.M)
    assert "exec make test" in ci
