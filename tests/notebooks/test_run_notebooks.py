"""Todo notebook publicado roda de cima a baixo num ambiente limpo, e imprime o que o livro diz que imprime."""

import os
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_checks import NOTEBOOKS, chapters, code_cells, read
from site_identity import ganlib_version

from tests.notebooks import colab

pytestmark = pytest.mark.slow
PARALLEL = int(os.environ.get("NBVAL_JOBS", "2"))


@pytest.fixture(scope="module")
def python():
    """O Python do ambiente limpo, sem ganlib."""
    return colab.environment()


@pytest.fixture(scope="module")
def published():
    """A pasta dos notebooks servida neste computador, com o wheel ao lado: o endereço e os pedidos recebidos."""
    assert list(NOTEBOOKS.glob("ganlib-*.whl")), f"não há wheel em {NOTEBOOKS}: rode «make book»"
    with colab.serve(NOTEBOOKS) as server:
        yield server


@pytest.fixture(scope="module")
def runs(python, published, tmp_path_factory):
    """Todos os notebooks, alguns por vez, os maiores primeiro; cada teste espera só pelo seu."""
    pool = ThreadPoolExecutor(PARALLEL)
    paths = [path for slug in chapters() if (path := NOTEBOOKS / f"{slug}.ipynb").exists()]
    paths.sort(key=lambda path: path.stat().st_size, reverse=True)
    yield {
        path.stem: pool.submit(colab.run, path, tmp_path_factory.mktemp(path.stem), python, published[0])
        for path in paths
    }
    pool.shutdown(cancel_futures=True)


@pytest.mark.site
@pytest.mark.parametrize("slug", chapters())
def test_every_cell_runs_in_a_clean_environment_and_prints_what_the_book_prints(slug, runs, python):
    notebook = read(slug)
    run = runs[slug].result()
    assert not run.failure, f"{slug}.ipynb:\n{run.failure}"

    version, where = run.versions["ganlib"]
    assert version == ganlib_version()
    assert where.is_relative_to(run.python.parents[1]), f"a ganlib veio de {where}, e não do wheel"
    for package in ("torch", "numpy"):
        assert run.versions[package][1].is_relative_to(python.parents[1]), f"o notebook trocou o {package}"
    assert run.run_cell(code_cells(notebook)[0].source) == "", "instalar de novo devia não fazer nada"


@pytest.mark.site
def test_the_wheel_is_downloaded_exactly_once_by_each_notebook(runs, published):
    for future in runs.values():
        future.result()
    downloads = [request for request in published[1] if ".whl" in request]
    assert downloads, "nenhum notebook instalou a ganlib: rode «make book»"
    assert len(downloads) == len(runs), downloads


def run_example(tmp_path, python, *cells):
    """Executa um notebook feito aqui, como se fosse um capítulo."""
    notebook = tmp_path / "exemplo.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), notebook)
    folder = tmp_path / "pasta"
    folder.mkdir()
    return colab.run(notebook, folder, python, base="http://127.0.0.1:9")


def printed(source, text):
    """Uma célula conferida, com a saída que o livro publicou."""
    output = new_output("stream", name="stdout", text=text)
    return new_code_cell(source, outputs=[output], execution_count=1, metadata={"tags": ["nbval-check-output"]})


def test_a_sound_notebook_passes_and_sees_torch_but_neither_ganlib_nor_the_repository(tmp_path, python):
    source = """
    import importlib.util, torch
    assert importlib.util.find_spec("ganlib") is None
    assert importlib.util.find_spec("sphinx") is None
    """
    glued = (
        "from IPython.display import display\n"
        'display({"application/papermill.record/text/plain": "x"}, raw=True)\nprint(1 + 1)'
    )
    run = run_example(tmp_path, python, new_code_cell(source), printed(glued, "2\n"))
    assert not run.failure, run.failure


def test_a_cell_that_fails_is_reported(tmp_path, python):
    assert "ZeroDivisionError" in run_example(tmp_path, python, new_code_cell("1 / 0")).failure


def test_a_checked_cell_that_prints_something_else_is_reported(tmp_path, python):
    assert "Cell outputs differ" in run_example(tmp_path, python, printed("print(1 + 1)", "3\n")).failure
