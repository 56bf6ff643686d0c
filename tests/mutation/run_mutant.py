"""Roda os testes de um módulo da ganlib com ele trocado por uma versão mutante.

Para cada mutante há um processo filho (fork): as bibliotecas já estão importadas e não se paga por isso de novo.
"""

import importlib
import importlib.abc
import importlib.util
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import hypothesis
import pytest
from mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]

# Para que os filhos já as encontrem importadas.
for heavy in ("scipy.integrate", "scipy.optimize", "scipy.stats", "sympy", "torch"):
    importlib.import_module(heavy)

# Um mutante precisa cair, não de um contraexemplo mínimo.
hypothesis.settings.register_profile(
    "mutantes", max_examples=20, deadline=None, database=None, phases=[hypothesis.Phase.generate]
)


class _Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Entrega o código do mutante no lugar do módulo original."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.mutant.module else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.mutant.source, self.mutant.module, "exec"), module.__dict__)


def of(*names: str) -> list[Mutant]:
    """Os mutantes destes módulos da ganlib."""
    return [mutant for name in names for mutant in mutants(f"ganlib.{name}", source(name))]


def source(name: str) -> Path:
    return ROOT / "ganlib" / f"{name}.py"


def survives(mutant: Mutant) -> bool:
    """Se nenhum dos testes do módulo, ``tests/ganlib/test_<módulo>.py``, percebe o mutante (saída 0 do pytest).

    Raises:
        RuntimeError: o pytest não chegou a rodar os testes.
    """
    pid = os.fork()
    if pid == 0:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            # As provas também: o pytest que nos chama já as importou com a ganlib de verdade.
            for name in [n for n in sys.modules if n.partition(".")[0] in ("ganlib", "tests")]:
                del sys.modules[name]
            sys.meta_path.insert(0, _Swap(mutant))
            hypothesis.settings.load_profile("mutantes")
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow", "--tb=no"]
            tests = ROOT / "tests" / "ganlib" / f"test_{mutant.module.removeprefix('ganlib.')}.py"
            try:
                code = int(pytest.main([*options, str(tests)]))
            except BaseException:
                code = 99
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # 2: o mutante quebra já na importação dos testes, o que também é ser visto.
    if code not in (0, 1, 2):
        raise RuntimeError(f"{mutant}: o pytest terminou com o código {code}")
    return code == 0
