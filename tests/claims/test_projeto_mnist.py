"""As afirmações do projeto: a razão dos gradientes das duas perdas, por amostra, num treinamento de verdade."""

import math

import pytest
import torch

from ganlib import Config, Training, data


@pytest.mark.claim("eq-proj-razao")
@pytest.mark.parametrize("shift", [-12.0, -3.0, 0.0, 2.0])
def test_one_sample_gives_the_two_losses_gradients_in_the_ratio_of_the_odds(shift):
    run = Training(Config(data.digits(8), hidden=(32, 32), batch=1, seed=3))
    with torch.no_grad():
        run.D.layers[-1].bias.add_(shift)
    stream = run.draws.rng.get_state()
    with torch.no_grad():
        h = run.logits(run.generate(run.noise())).item()
    run.draws.rng.set_state(stream)
    minimax, non_saturating = (float(v) for v in run.gradient_norms(["minimax", "non_saturating"]))
    D = 1 / (1 + math.exp(-h))
    assert non_saturating / minimax == pytest.approx((1 - D) / D, rel=1e-3)
    assert non_saturating / minimax == pytest.approx(math.exp(-h), rel=1e-3)
