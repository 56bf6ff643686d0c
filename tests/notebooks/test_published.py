"""A conferência da semana: lê o que o Colab diz ter, faz o ambiente com isso, e uma falha dela não se cala."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebooks import colab, published

FREEZE = """\
# Do not modify this file directly
absl-py==1.4.0
google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz
jupyter_kernel_gateway @ git+https://github.com/googlecolab/kernel_gateway@b134e9945df25c2dcb98ade9129399be10788671
matplotlib==3.10.0
numpy==2.0.2
scikit-learn==1.6.1
scipy==1.16.3
torch==2.11.0+cu128
torchvision==0.26.0+cu128
tqdm==4.67.3
typing_extensions==4.15.0
"""
OLD = "torch @ https://download.pytorch.org/whl/cu118/torch-2.1.0%2Bcu118-cp310-cp310-linux_x86_64.whl#sha256=a81b5541"


def test_versions_are_read_without_the_variant_and_with_one_spelling_of_the_name():
    versions = published.read_freeze(FREEZE)
    assert versions["torch"] == "2.11.0" and versions["typing-extensions"] == "4.15.0"
    assert "google-colab" not in versions and "jupyter-kernel-gateway" not in versions
    assert published.watched(versions) == {
        "torch": "2.11.0",
        "numpy": "2.0.2",
        "matplotlib": "3.10.0",
        "scikit-learn": "1.6.1",
        "scipy": "1.16.3",
        "tqdm": "4.67.3",
    }


def test_a_wheel_that_came_from_an_address_has_its_version_in_the_name():
    assert published.read_freeze(OLD) == {"torch": "2.1.0"}
    assert published.read_freeze("a==1.0rc1\nb==2.0.post8") == {"a": "1.0rc1", "b": "2.0.post8"}


def test_a_list_without_a_watched_package_is_refused_by_name():
    with pytest.raises(published.WeeklyError, match="não diz a versão de numpy"):
        published.watched(published.read_freeze(FREEZE.replace("numpy==", "numpy>=")))
    with pytest.raises(published.WeeklyError, match="torch, numpy"):
        published.watched(published.read_freeze("<html>404</html>"))


def test_a_version_without_a_wheel_for_this_python_becomes_a_floor():
    pins = {"torch": "2.11.0", "numpy": "2.0.2"}
    assert published.constraints(pins, lambda line: True) == ["torch==2.11.0", "numpy==2.0.2"]
    assert published.constraints(pins, lambda line: "numpy" not in line) == ["torch==2.11.0", "numpy>=2.0.2"]


def test_the_list_is_fetched_and_an_address_that_does_not_answer_is_said(tmp_path):
    (tmp_path / "pip-freeze.txt").write_text(FREEZE)
    with colab.serve(tmp_path) as (address, _):
        assert published.fetch(f"{address}/pip-freeze.txt") == FREEZE
        with pytest.raises(published.WeeklyError, match=r"não pôde ser lida em .*/nada\.txt.*404"):
            published.fetch(f"{address}/nada.txt")
    with pytest.raises(published.WeeklyError, match="não pôde ser lida"):
        published.fetch("http://127.0.0.1:9/pip-freeze.txt")


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Uma pasta com um notebook, a lista do Colab servida neste computador e o ambiente dos outros testes."""
    folder, asked = tmp_path / "notebooks", []
    folder.mkdir()
    (tmp_path / "pip-freeze.txt").write_text(FREEZE)
    nbformat.write(new_notebook(cells=[new_code_cell("import os\nassert os.environ.get('GANLIB_WHEEL_BASE')")]),
                   folder / "bom.ipynb")
    environment = colab.environment
    monkeypatch.setattr(published, "pip_has_wheel", lambda line: not line.startswith("numpy"))
    monkeypatch.setattr(colab, "environment", lambda lock, scratch: asked.append(lock.read_text()) or environment())
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "")
    with colab.serve(tmp_path) as (address, _):
        yield folder, f"{address}/pip-freeze.txt", asked


@pytest.mark.slow
def test_every_notebook_runs_with_the_versions_of_the_list(prepared):
    folder, freeze, asked = prepared
    said = []
    assert published.weekly(folder, freeze, published=False, say=said.append) == []
    assert asked[0].splitlines()[:2] == ["torch==2.11.0", "numpy>=2.0.2"]
    assert any("numpy>=2.0.2" in line for line in said) and any("bom: passou em" in line for line in said)


@pytest.mark.slow
def test_a_notebook_that_fails_is_reported_and_the_others_still_run(prepared):
    folder, freeze, _ = prepared
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), folder / "a_ruim.ipynb")
    said = []
    (failure,) = published.weekly(folder, freeze, published=False, say=said.append)
    assert failure.startswith("a_ruim.ipynb:") and "ZeroDivisionError" in failure
    assert {line.split(":")[0].strip() for line in said[1:]} == {"a_ruim", "bom"}


@pytest.mark.slow
def test_the_published_wheel_is_the_one_that_the_notebook_names(prepared):
    folder, freeze, _ = prepared
    (failure,) = published.weekly(folder, freeze, published=True, say=lambda text: None)
    assert "AssertionError" in failure, "sem a variável, vale o endereço escrito no notebook"


def test_an_empty_folder_and_an_environment_that_cannot_be_made_are_said(prepared, tmp_path, monkeypatch):
    folder, freeze, _ = prepared
    with pytest.raises(published.WeeklyError, match="Não há notebooks"):
        published.weekly(tmp_path, freeze, published=False)

    def no_environment(lock, scratch):
        raise AssertionError("pip falhou")

    monkeypatch.setattr(colab, "environment", no_environment)
    with pytest.raises(published.WeeklyError, match="pip falhou"):
        published.weekly(folder, freeze, published=False, say=lambda text: None)
