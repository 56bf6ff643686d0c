"""Roda as provas com um módulo da ganlib trocado por uma versão mutante; usado por ``test_mutations.py``.

Para cada mutante há um processo filho (fork): o torch já está importado e não se paga por isso de novo.
"""

import importlib.abc
import importlib.util
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from mutants import Mutant


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


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Se nenhum dos testes percebe o mutante (saída 0 do pytest).

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
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
            try:
                code = int(pytest.main([*options, *tests]))
            except BaseException:
                code = 99
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # 2: o mutante quebra já na importação dos testes, o que também é ser visto.
    if code not in (0, 1, 2):
        raise RuntimeError(f"{mutant}: o pytest terminou com o código {code}")
    return code == 0
