"""As perdas, em float64, contra fórmulas escritas de outro jeito."""

import math
from itertools import pairwise

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


# Gerador e discriminador de cada perda, escritos de outro jeito (math, sem softplus), e as suas derivadas em h.
BY_HAND = {
    "least_squares": (
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
        lambda fake, real: 0.5 * (fake - 1) ** 2,
        lambda fake, real: fake - 1,
    ),
    "wasserstein": (lambda real, fake: -real + fake, lambda fake, real: -fake, lambda fake, real: -1.0),
    "hinge": (
        lambda real, fake: -min(0.0, real - 1) - min(0.0, -fake - 1),
        lambda fake, real: -fake,
        lambda fake, real: -1.0,
    ),
    "relativistic": (
        lambda real, fake: -math.log(sigma(real - fake)),
        lambda fake, real: -math.log(sigma(fake - real)),
        lambda fake, real: -sigma(real - fake),
    ),
}


def generator(loss: Loss, fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return loss.generator(fake, real) if loss.needs_real else loss.generator(fake)


@pytest.mark.parametrize("name", sorted(BY_HAND))
@given(real=st.floats(-15, 15), fake=st.floats(-15, 15))
def test_each_loss_is_the_formula_of_its_paper_and_has_its_slope(name, real, fake):
    by_hand_d, by_hand_g, by_hand_slope = BY_HAND[name]
    h_real = torch.tensor(real, dtype=torch.float64)
    h_fake = torch.tensor(fake, dtype=torch.float64, requires_grad=True)
    loss = losses.get(name)
    assert loss.discriminator(h_real, h_fake).item() == pytest.approx(by_hand_d(real, fake), rel=1e-9, abs=1e-12)
    value = generator(loss, h_fake, h_real)
    assert value.item() == pytest.approx(by_hand_g(fake, real), rel=1e-9, abs=1e-12)
    (got,) = torch.autograd.grad(value, h_fake)
    assert got.item() == pytest.approx(by_hand_slope(fake, real), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
@given(h=st.lists(st.floats(-100, 100), min_size=2, max_size=6))
def test_every_loss_is_finite_per_sample_and_keeps_the_shape(name, h):
    real, fake = torch.tensor(h), torch.tensor(h[::-1])
    loss = losses.get(name)
    for value in (loss.discriminator(real, fake), generator(loss, fake, real)):
        assert value.shape == real.shape
        assert bool(torch.isfinite(value).all())
    stacked = loss.discriminator(real.expand(3, -1), fake.expand(3, -1))
    assert torch.equal(stacked, loss.discriminator(real, fake).expand(3, -1))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_generator_wants_its_samples_to_look_more_real(name):
    """Subir o logit das amostras nunca aumenta a perda do gerador (até a nota 1, nos mínimos quadrados)."""
    h, real = torch.linspace(-20, 1, 50, dtype=torch.float64), torch.zeros(50, dtype=torch.float64)
    values = generator(losses.get(name), h, real).tolist()
    assert all(b < a for a, b in pairwise(values))


def test_the_wasserstein_losses_are_the_labels_plus_and_minus_one_of_the_base_document():
    """``wasserstein_loss(y_pred, y_true)`` do documento: média de ``-y_pred·y_true``, com dados +1 e geradas -1."""

    def wasserstein_loss(y_pred, y_true):
        return torch.mean(y_pred * y_true * -1)

    real, fake = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(7, dtype=torch.float64)
    ours = LOSSES["wasserstein"]
    theirs = wasserstein_loss(real, ones) + wasserstein_loss(fake, -ones)
    torch.testing.assert_close(ours.discriminator(real, fake).mean(), theirs, rtol=1e-15, atol=1e-15)
    assert ours.generator(fake).mean() == wasserstein_loss(fake, ones)
    # Com rótulos 0/1 o termo das amostras some; com (B, 1) e (B,) a conta vira B×B: dois erros que não dão erro.
    assert wasserstein_loss(fake, 0 * ones) == 0
    assert (real[:, None] * ones).shape == (7, 7)


@given(real=st.floats(-30, 30), fake=st.floats(-30, 30), alpha=st.floats(0.6, 1), beta=st.floats(0, 0.4))
def test_smoothing_is_the_cross_entropy_with_soft_labels(real, fake, alpha, beta):
    h = torch.tensor([real, fake], dtype=torch.float64)
    labels = torch.tensor([alpha, beta], dtype=torch.float64)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(h, labels, reduction="sum")
    for name in ("minimax", "non_saturating"):
        smooth = losses.smooth(losses.get(name), alpha, beta)
        assert smooth.discriminator(*h).item() == pytest.approx(expected.item(), rel=1e-9)
        assert smooth.generator is LOSSES[name].generator


@given(p=st.floats(0.05, 1), q=st.floats(0.05, 1), alpha=st.floats(0.6, 1), beta=st.floats(0, 0.4))
def test_the_minimum_of_the_smoothed_losses_is_the_mixture_of_labels(p, q, alpha, beta):
    """Com massas p e q num ponto, o mínimo está em ``(αp + βq)/(p + q)``: de D, na entropia; de h, nos quadrados."""
    best = (alpha * p + beta * q) / (p + q)
    for name, h in (("minimax", math.log(best / (1 - best)) if best < 1 else 40.0), ("least_squares", best)):
        loss = losses.smooth(losses.get(name), alpha, beta).discriminator
        x = torch.tensor(h, dtype=torch.float64, requires_grad=True)
        zero = torch.zeros_like(x)
        slope_at_best = torch.autograd.grad(p * loss(x, zero) + q * loss(zero, x), x)[0]
        assert slope_at_best.item() == pytest.approx(0, abs=1e-9)


def test_hard_labels_change_nothing_and_labels_out_of_order_are_refused():
    loss = LOSSES["minimax"]
    assert losses.smooth(loss, 1, 0) is loss
    for real_label, fake_label in ((0.1, 0.9), (1.1, 0.0), (0.9, -0.1), (0.5, 0.5)):
        with pytest.raises(ValueError, match="os rótulos devem satisfazer 0 ≤ β < α ≤ 1; recebi α="):
            losses.smooth(loss, real_label, fake_label)


@pytest.mark.parametrize("name", ["wasserstein", "hinge", "relativistic"])
def test_a_loss_without_labels_cannot_be_smoothed(name):
    with pytest.raises(ValueError, match=f"'{name}' não tem rótulos .* least_squares, minimax, non_saturating"):
        losses.smooth(losses.get(name), 0.9)


def test_an_unknown_loss_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"perda: o nome 'hinje' não existe; escolha entre hinge, least_squares, mi"):
        losses.get("hinje")


def test_a_loss_object_is_taken_as_it_is():
    mine = Loss(lambda real, fake: fake - real, lambda fake: -fake)
    assert losses.get(mine) is mine
    assert mine.name == "personalizado"
