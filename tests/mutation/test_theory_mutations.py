"""Trocar um sinal em qualquer fórmula da teoria deixa algum teste vermelho; ver ``test_game_mutations.py``."""

import pytest
from run_mutant import of, survives


@pytest.mark.slow
@pytest.mark.parametrize("mutant", of("theory", "divergences", "transport", "flows"), ids=str)
def test_a_flipped_sign_turns_a_test_red(mutant):
    assert not survives(mutant), f"{mutant}: nenhum teste percebe esta troca de sinal"
