"""Os deslizes de materiais públicos, um teste para cada: o que está escrito não vale, e o que se põe no lugar, sim."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlib import data, distances, divergences, losses, metrics, theory

GAUSSIAN = theory.SHIFTS["gaussian"]


def slope(loss, d):
    """A derivada da perda no logit, onde o discriminador responde ``d``."""
    h = torch.tensor(math.log(d / (1 - d)), dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(loss(h), h)[0].item()


def discriminator_on_fake(h):
    return losses.cross_entropy_discriminator(torch.zeros_like(h), h)


@pytest.mark.claim("eq-erros-inclinacoes")
@pytest.mark.parametrize("d", [0.001, 0.3, 0.999])
def test_the_three_slopes_are_minus_d_d_and_d_minus_one(d):
    assert slope(losses.minimax_generator, d) == pytest.approx(-d, rel=1e-9)
    assert slope(discriminator_on_fake, d) == pytest.approx(d, rel=1e-9)
    assert slope(losses.non_saturating_generator, d) == pytest.approx(d - 1, rel=1e-9)


@pytest.mark.claim("eq-erros-inclinacoes")
def test_d2l_where_the_generator_is_perfect_nobody_starves_and_the_loss_is_large():
    assert -math.log1p(-0.999) == pytest.approx(6.9, abs=0.01)
    assert abs(slope(losses.minimax_generator, 0.999)) > 0.99
    assert abs(slope(discriminator_on_fake, 0.999)) > 0.99
    assert abs(slope(losses.minimax_generator, 0.001)) < 0.0011  # o regime certo é o oposto


@pytest.mark.claim("eq-erros-inclinacoes")
@pytest.mark.parametrize("h", [-10.0, -2.0, 3.0])
def test_labml_and_gan_lab_run_the_non_saturating_loss_and_not_the_documented_one(h):
    d = 1 / (1 + math.exp(-h))
    labml = slope(lambda x: binary_cross_entropy_with_logits(x, torch.ones_like(x)), d)
    gan_lab = slope(lambda x: -torch.log(torch.sigmoid(x)), d)
    documented = slope(lambda x: torch.log(1 - torch.sigmoid(x)), d)
    assert labml == pytest.approx(gan_lab, rel=1e-6)
    assert labml == pytest.approx(slope(losses.non_saturating_generator, d), rel=1e-6)
    assert documented == pytest.approx(slope(losses.minimax_generator, d), rel=1e-6)
    assert labml / documented == pytest.approx(math.exp(-h), rel=1e-6)


@pytest.mark.claim("eq-erros-hinge")
@pytest.mark.parametrize("mu", [0.0, 1.0, 4.0, 8.0])
def test_labml_the_least_hinge_loss_is_two_minus_twice_the_total_variation(mu):
    f = torch.linspace(-3, 3, 601, dtype=torch.float64)
    far = torch.full_like(f, 9.0)
    on_real = losses.hinge_discriminator(f, -far).numpy()
    on_fake = losses.hinge_discriminator(far, f).numpy()

    def least(x):
        return (on_real * stats.norm.pdf(x) + on_fake * stats.norm.pdf(x - mu)).min()

    found = quad(least, -12, mu + 12, points=[mu / 2], limit=400)[0]
    assert found == pytest.approx(2 - 2 * float(GAUSSIAN.total_variation(mu)), abs=1e-6)
    # E não mantém f entre -1 e 1: lá fora, do lado certo, a perda é plana.
    outside = torch.tensor(5.0, requires_grad=True)
    assert torch.autograd.grad(losses.hinge_discriminator(outside, torch.tensor(-9.0)), outside)[0] == 0


@pytest.mark.claim("eq-wass-linhas")
@pytest.mark.parametrize("gap", [4, 8, 32])
def test_quantecon_on_disjoint_supports_the_jsd_is_constant_and_w1_is_not(gap):
    p, q = np.zeros(40), np.zeros(40)
    p[:4], q[gap : gap + 4] = 0.25, 0.25
    assert float(divergences.jsd(p, q)) == pytest.approx(math.log(2), abs=1e-12)
    places = torch.arange(40.0)
    assert float(distances.w1(places[:4, None], places[gap : gap + 4, None])) == pytest.approx(gap, rel=1e-6)


@pytest.mark.claim("eq-erros-lote")
@pytest.mark.parametrize(("variance", "eps"), [(1.0, 0.8), (0.1, 0.8), (0.01, 0.8), (1.0, 1e-5)])
def test_lightning_the_second_argument_of_batch_norm_is_eps(variance, eps):
    layer = nn.BatchNorm1d(1, eps)
    assert (layer.eps, layer.momentum) == (eps, 0.1)
    x = math.sqrt(variance) * torch.tensor([[1.0], [-1.0]] * 16)
    assert layer(x).std(correction=0).item() == pytest.approx(math.sqrt(variance / (variance + eps)), rel=1e-5)


@pytest.mark.claim("eq-erros-lote")
def test_lightning_every_normalised_digit_has_a_pixel_that_tanh_cannot_make():
    scaled = ((data.digits(28).x + 1) / 2 - 0.1307) / 0.3081
    assert (scaled.max(1).values > 1).all()
    assert ((data.digits(28).x.abs()) <= 1).all()  # com Normalize(0.5, 0.5) cabem


@pytest.mark.claim("eq-erros-anel")
@pytest.mark.parametrize("asked", [3, 8, 12])
def test_linspace_to_two_pi_makes_one_mode_less_and_doubles_another(asked):
    angle = np.linspace(0, 2 * np.pi, asked)
    points = np.stack([np.cos(angle), np.sin(angle)], 1).round(9) + 0.0
    _, times = np.unique(points, axis=0, return_counts=True)
    assert sorted(times) == [1] * (asked - 2) + [2]
    kl = float(divergences.kl(times / asked, np.full(asked - 1, 1 / (asked - 1))))
    assert kl == pytest.approx(math.log(asked - 1) - math.log(asked) + 2 / asked * math.log(2), abs=1e-12)
    ours = data.ring(n=8, modes=asked).centers
    assert torch.cdist(ours, ours).fill_diagonal_(9).min() > 0.1


@pytest.mark.claim("eq-erros-teto")
@pytest.mark.parametrize("s", [2.0, 1.0, 0.5])
def test_the_share_within_three_deviations_grows_as_the_modes_shrink_and_so_does_the_kl(s):
    ring = data.ring(n=400_000, std=0.02 * s)
    share = metrics.high_quality_share(ring.x, ring.centers, 0.02).item()
    assert share == pytest.approx(1 - math.exp(-9 / (2 * s**2)), abs=0.003)
    p, q = stats.norm(0, 1), stats.norm(0, s)
    per_axis = quad(lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)), -10 * s, 10 * s)[0]
    assert 2 * per_axis == pytest.approx(s**2 - 1 - 2 * math.log(s), abs=1e-8)
    if s == 1:
        assert share == pytest.approx(metrics.perfect_share(3, 2), abs=0.001)
