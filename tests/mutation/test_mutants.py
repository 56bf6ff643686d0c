"""Quais sinais são trocados, e o exemplo bom: sem mutação, os testes de cada módulo passam."""

import ast

import pytest
from mutants import Mutant, mutants
from run_mutant import of, source, survives

FORMULAS = """
import numpy as np
def f(a, b, rest, c=-0.5):
    a += b
    return a - b + np.negative(a) * -b + a.sum(-c) / (-2 * a) + f(-0.5, b, -a)
"""
NOT_FORMULAS = """
def f(a, n):
    if n < 0:
        raise ValueError("são " + str(n - 1) + f" e não {n + 1}")
    for i in range(1, n - 1):
        a = a[i + 1 : -1].sum(-1).mean(axis=-1).flip(dim=-2) * a[..., -1]
    return a, "um" + "dois"
"""


def test_every_sign_of_a_formula_has_its_mutant(tmp_path):
    file = tmp_path / "m.py"
    file.write_text(FORMULAS)
    changes = [m.change for m in mutants("m", file)]
    assert len(changes) == 12
    assert {"-0.5 → +0.5", "a += b → a -= b", "-b → +b", "np.negative(a) → np.positive(a)", "-c → +c"} < {*changes}
    sources = [m.source for m in mutants("m", file)]
    assert len(set(sources)) == len(sources)
    assert all(ast.parse(text) for text in sources)


def test_indices_axes_sizes_and_texts_have_none(tmp_path):
    file = tmp_path / "m.py"
    file.write_text(NOT_FORMULAS)
    assert mutants("m", file) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["losses", "penalties", "theory", "divergences", "transport", "flows", "dirac", "dynamics"]
)
def test_an_untouched_module_survives(module):
    """Senão, derrubar mutantes não diria nada."""
    assert of(module)
    assert survives(Mutant(f"ganlib.{module}", 0, "nenhuma", source(module).read_text("utf8")))
