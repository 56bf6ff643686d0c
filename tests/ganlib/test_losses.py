"""As perdas, em float64, contra fórmulas escritas de outro jeito."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganlib import losses
from ganlib.losses import LOSSES, Loss

logits = st.floats(-600, 600)


def slope(function, h: float) -> float:
    x = torch.tensor(h, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(function(x), x)[0].item()


def sigma(h: float) -> float:
    return 1 / (1 + math.exp(-h)) if h >= 0 else math.exp(h) / (1 + math.exp(h))


@given(logits)
def test_saturating_slope_is_minus_sigmoid_at_every_logit(h):
    assert slope(LOSSES["minimax"].generator, h) == pytest.approx(-sigma(h), rel=1e-14, abs=0)


@given(logits)
def test_non_saturating_slope_is_minus_sigmoid_of_the_opposite_logit(h):
    assert slope(LOSSES["non_saturating"].generator, h) == pytest.approx(-sigma(-h), rel=1e-14, abs=0)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_discriminator_minimises_the_cross_entropy(real, fake):
    expected = -math.log(sigma(real)) - math.log(sigma(-fake))
    for name in ("minimax", "non_saturating"):
        got = LOSSES[name].discriminator(*torch.tensor([real, fake], dtype=torch.float64))
        assert got.item() == pytest.approx(expected, rel=1e-12)


@given(st.floats(-20, 20))
def test_generator_losses_are_the_logarithms_they_name(h):
    x = torch.tensor(h, dtype=torch.float64)
    assert LOSSES["minimax"].generator(x).item() == pytest.approx(math.log(sigma(-h)), rel=1e-12)
    assert LOSSES["non_saturating"].generator(x).item() == pytest.approx(-math.log(sigma(h)), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_are_exact_at_a_logit_of_one_hundred(dtype):
    h = torch.tensor([-100.0, 100.0], dtype=dtype)
    # Em ±100, log(1+e^h) difere de max(h, 0) por e^-100 = 3,7e-44.
    assert LOSSES["minimax"].generator(h)[1].item() == -100
    assert LOSSES["non_saturating"].generator(h)[0].item() == 100
    assert LOSSES["non_saturating"].generator(h)[1].item() == pytest.approx(math.exp(-100), rel=2e-2)


def test_softplus_is_exact_in_float64_where_the_default_threshold_is_not():
    h = torch.tensor(25.0, dtype=torch.float64)
    exact = 25 + math.log1p(math.exp(-25))
    assert losses.softplus(h).item() == exact
    assert torch.nn.functional.softplus(h).item() != exact


def test_an_unknown_loss_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"perda: o nome 'hinje' não existe; escolha entre minimax, non_saturating"):
        losses.get("hinje")


def test_a_loss_object_is_taken_as_it_is():
    mine = Loss(lambda real, fake: fake - real, lambda fake: -fake)
    assert losses.get(mine) is mine
    assert mine.name == "personalizado"
