"""Trocar um sinal em qualquer fórmula de ``losses`` ou ``theory`` deixa algum teste vermelho."""

import ast
from pathlib import Path

import pytest
from mutants import Mutant, mutants
from run_mutant import survives

ROOT = Path(__file__).resolve().parents[2]
MODULES = {f"ganlib.{name}": ROOT / "ganlib" / f"{name}.py" for name in ("losses", "theory")}
TESTS = [str(ROOT / "tests" / "claims"), str(ROOT / "tests" / "ganlib" / "test_losses.py")]
ALL = [m for module, file in MODULES.items() for m in mutants(module, file)]


def test_every_sign_of_a_formula_has_a_mutant(tmp_path):
    file = tmp_path / "m.py"
    file.write_text("import numpy as np\ndef f(a, b):\n    return a - b + np.negative(a) * -b + a.sum(-1) / (-2 * a)\n")
    assert len(mutants("m", file)) == 6
    assert len({m.source for m in mutants("m", file)}) == 6
    assert all(ast.parse(m.source) for m in ALL)
    assert len(ALL) > 20


@pytest.mark.slow
def test_an_untouched_module_survives():
    """O exemplo bom: sem mutação, as provas passam; senão, matar mutantes não diria nada."""
    source = MODULES["ganlib.losses"].read_text("utf8")
    assert survives(Mutant("ganlib.losses", 0, "nenhuma", source), TESTS)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_a_flipped_sign_turns_a_test_red(mutant):
    assert not survives(mutant, TESTS), f"{mutant}: nenhum teste percebe esta troca de sinal"
