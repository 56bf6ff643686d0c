"""A ganlib da caixa não tem os nomes retidos, por nenhum caminho, e o resto continua igual."""

import subprocess
import sys

import pytest

from grading import runtime
from grading.errors import GradingError


def copy(tmp_path, *withheld):
    runtime.ganlib_copy(tmp_path / "ganlib", withheld)
    return tmp_path


def run(folder, code):
    """Como na caixa, onde a instalação editável aponta para uma pasta que não existe."""
    alone = "import sys; sys.meta_path = [f for f in sys.meta_path if 'ditable' not in repr(f)]; "
    command = [sys.executable, "-c", alone + code]
    environment = {"PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_nothing_withheld_is_the_same_package(tmp_path):
    folder = copy(tmp_path)
    names = {f.relative_to(folder / "ganlib") for f in (folder / "ganlib").rglob("*.py")}
    assert "training.py" in {str(n) for n in names}
    assert "Training" in (folder / "ganlib" / "__init__.py").read_text("utf8")


@pytest.mark.slow
def test_a_withheld_module_cannot_be_imported_and_a_neighbour_can(tmp_path):
    folder = copy(tmp_path, "losses", "divergences.jsd")
    assert "No module named 'ganlib.losses'" in run(folder, "import ganlib.losses").stderr
    assert "cannot import name 'jsd'" in run(folder, "from ganlib.divergences import jsd").stderr
    assert "has no attribute 'jsd'" in run(folder, "import ganlib.theory; ganlib.theory.jsd").stderr
    assert run(folder, "from ganlib import data; print(len(data.ring(n=8).x))").stdout.strip() == "8"


def test_withheld_names_must_exist(tmp_path):
    with pytest.raises(GradingError, match="não tem o módulo nada"):
        copy(tmp_path / "a", "nada")
    with pytest.raises(GradingError, match=r"ganlib\.losses\.nada, que não é definido"):
        copy(tmp_path / "b", "losses.nada")


def test_an_installed_ganlib_is_hidden(tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (packages / "ganlib").mkdir(parents=True)
    (packages / "torch").mkdir()
    assert runtime.installed_copies([tmp_path / "venv"]) == [packages / "ganlib"]
    assert runtime.installed_copies([packages]) == [packages / "ganlib"]
    assert runtime.installed_copies([packages / "torch"]) == []


SOURCE = '''import os
from ganlib import data, losses
from ganlib.divergences import (
    jsd,
    kl,
)
from ganlib.losses import get

A: int = 1
B = 2


@decorated
def f():
    from ganlib.losses import get
    return 1


def g():
    return 2
'''


def test_definitions_leave_and_line_numbers_stay():
    assert runtime.without(SOURCE, "f", "m").splitlines()[18] == "def g():"
    assert "def f" not in runtime.without(SOURCE, "f", "m") and "@decorated" not in runtime.without(SOURCE, "f", "m")
    assert "A: int" not in runtime.without(SOURCE, "A", "m") and "B = 2" not in runtime.without(SOURCE, "B", "m")


def test_imports_of_what_is_withheld_leave_and_the_others_stay():
    cut = runtime.without_imports(SOURCE, {"losses", "divergences.jsd"})
    assert "from ganlib import data\n" in cut and "from ganlib.divergences import kl\n" in cut
    assert "jsd" not in cut and "losses" not in cut and "import os" in cut
    assert cut.splitlines()[18] == "def g():"
    compile(cut, "m", "exec")
