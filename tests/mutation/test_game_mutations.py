"""Trocar um sinal em qualquer fórmula das perdas, das penalidades e da Dirac-GAN deixa algum teste vermelho.

Em dois arquivos (o outro é ``test_theory_mutations.py``) para que dois processos dividam o trabalho.
"""

import pytest
from run_mutant import of, survives


@pytest.mark.slow
@pytest.mark.parametrize("mutant", of("losses", "penalties", "dirac", "dynamics"), ids=str)
def test_a_flipped_sign_turns_a_test_red(mutant):
    assert not survives(mutant), f"{mutant}: nenhum teste percebe esta troca de sinal"
