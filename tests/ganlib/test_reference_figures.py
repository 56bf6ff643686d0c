"""As figuras de referência do curso (c1 a c9), até o último algarismo dado, onde nenhum outro teste as fixa assim.

As contas partem das definições: autograd das perdas num D parado, ou somas sobre as densidades. As outras figuras têm
prova nos testes de cada módulo (``test_theory``, ``test_dirac``, ``test_dynamics``…) e de cada capítulo.
"""

import math

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from ganlib import dirac, divergences, losses, optimization, theory

# Ruído z ~ N(0, 1) numa malha: a regra do trapézio erra menos de 1e-15, porque o integrando é analítico e some nas
# pontas.
STEP = 0.01
Z = torch.arange(-2000, 2001, dtype=torch.float64) * STEP
WEIGHT = torch.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi) * STEP


def shown(value: float, figure: str) -> bool:
    """Se ``value``, arredondado, é a figura publicada, algarismo por algarismo."""
    mantissa, _, exponent = figure.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(value - float(figure)) <= unit / 2 * (1 + 1e-9)


def test_shown_sees_one_unit_of_the_last_digit():
    assert shown(0.1235, "0.123") and shown(-4.539786e-5, "-4.53979e-5") and shown(10_180.4, "10180")
    assert not shown(0.1236, "0.123") and not shown(4.53973e-5, "4.53979e-5") and not shown(10_180.6, "10180")


# c1: a sigmoide e as duas perdas


def slope(loss, h: float, dtype=torch.float64) -> tuple[float, float]:
    """O valor da perda no logit h e a sua inclinação."""
    x = torch.tensor(h, dtype=dtype, requires_grad=True)
    value = loss(x)
    return value.item(), torch.autograd.grad(value, x)[0].item()


@pytest.mark.parametrize(
    "loss, figure", [(losses.minimax_generator, "-4.53979e-5"), (losses.non_saturating_generator, "-0.9999546")]
)
def test_c1_the_slopes_at_minus_ten(loss, figure):
    """As inclinações da minimax e da não saturante em h = −10."""
    assert shown(slope(loss, -10.0)[1], figure)


def exact(loss, h: float) -> tuple[float, float]:
    """O mesmo, com 60 algarismos: ``log(1 − σ)`` na minimax e ``−log σ`` na não saturante."""
    sign = 1 if loss is losses.minimax_generator else -1
    with mp.workdps(60):
        return float(-sign * mp.log(1 + mp.exp(sign * h))), float(-1 / (1 + mp.exp(-sign * h)))


NAIVE = [  # a perda escrita com σ, a da ganlib, o último logit em que a primeira serve, e o primeiro em que não serve
    (lambda h: torch.log(1 - torch.sigmoid(h)), losses.minimax_generator, 16.0, 17.0, -math.inf),
    (lambda h: -torch.log(torch.sigmoid(h)), losses.non_saturating_generator, -88.0, -89.0, math.inf),
]


@pytest.mark.parametrize("naive, ours, last, first, broken", NAIVE, ids=["minimax", "não saturante"])
def test_c1_in_float32_the_naive_losses_break_from_17_and_from_minus_89(naive, ours, last, first, broken):
    """A partir dali o valor é infinito e a inclinação, NaN."""
    assert slope(naive, last, torch.float32) == pytest.approx(exact(ours, last), rel=0.01, abs=0)
    for k in range(60):
        value, inclination = slope(naive, math.copysign(abs(first) + k, first), torch.float32)
        assert value == broken and math.isnan(inclination)


@pytest.mark.parametrize("loss", [losses.minimax_generator, losses.non_saturating_generator])
def test_c1_in_float32_the_softplus_is_exact(loss):
    """O valor e a inclinação, a menos do arredondamento, em todos os logits em que cabem em float32."""
    for h in range(-85, 86):
        assert slope(loss, float(h), torch.float32) == pytest.approx(exact(loss, h), rel=5e-7, abs=0)
    for h in (-1e4, -149.0, 149.0, 1e4):
        assert slope(loss, h, torch.float32) == pytest.approx(exact(loss, h), rel=5e-7, abs=1e-37)


# c2: o valor do jogo nos dois extremos


def test_c2_the_value_is_minus_log_four_at_the_data_and_zero_on_disjoint_supports():
    """``V* = −log 4 = −1,386294``; em suportes disjuntos, V = 0 e JSD = 0,693147."""
    p, q = np.array([0.5, 0.3, 0.2, 0, 0]), np.array([0, 0, 0, 0.9, 0.1])

    def best(a, b):
        return float(divergences.value(a, b, np.nan_to_num(divergences.optimal_discriminator(a, b))))

    assert shown(best(p, p), "-1.386294") and shown(best(p, q), "0.000000")
    assert shown(float(divergences.jsd(p, q)), "0.693147")


# c3: N(0, 1) contra N(μ, 1)


def frozen(mu: float, loss) -> float:
    """A derivada em μ da perda do gerador ``x = μ + z``, com D* parado: ``h* = μ²/2 − μx``."""
    m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    h = mu**2 / 2 - mu * (m + Z)
    return torch.autograd.grad((WEIGHT * loss(h)).sum(), m)[0].item()


def normal_log_density(x):
    return -(x**2) / 2 - math.log(2 * math.pi) / 2


def divergence(mu: float, integrand) -> float:
    """``∫ integrand(log p, log q, log m) dx``, com p = N(0, 1), q = N(μ, 1) e m = ½(p + q)."""
    x = Z + mu / 2
    log_p, log_q = normal_log_density(x), normal_log_density(x - mu)
    return (integrand(log_p, log_q, torch.logaddexp(log_p, log_q) - math.log(2)) * STEP).sum().item()


def jsd_density(log_p, log_q, log_m):
    return (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)) / 2


TABLE = [
    (0.5, ".030311", ".235264", ".264736"),
    (1.0, ".111421", ".397973", ".602027"),
    (2.0, ".336831", ".449600", "1.550400"),
    (4.0, ".632720", ".137195", "3.862805"),
    (6.0, ".689298", ".0124532", "5.987547"),
    (8.0, ".693054", "3.92875e-4", "7.999607"),
    (10.0, ".693146", "4.46410e-6", "9.999996"),
]


@pytest.mark.parametrize("mu, jsd, saturating, non_saturating", TABLE)
def test_c3_the_gaussian_table_to_the_last_digit(mu, jsd, saturating, non_saturating):
    """A JSD e os gradientes das duas perdas: pelas definições e pelo laboratório da ganlib."""
    shift = theory.SHIFTS["gaussian"]
    for value in (divergence(mu, jsd_density), float(shift.jsd(mu))):
        assert shown(value, jsd)
    for value in (frozen(mu, losses.minimax_generator), float(shift.saturating_gradient(mu))):
        assert shown(value, saturating)
    for value in (frozen(mu, losses.non_saturating_generator), float(shift.non_saturating_gradient(mu))):
        assert shown(value, non_saturating)


def test_c3_the_peak_of_the_saturating_gradient():
    """O máximo de g_sat fica em μ = 1,63626, e ali JSD′ = ½·g_sat = 0,233660."""

    def saturating(mu):
        return mu * (WEIGHT * torch.sigmoid(-(mu**2) / 2 - mu * Z)).sum()

    def curvature(mu):
        m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(saturating(m), m)[0].item()

    peak = brentq(curvature, 1.0, 3.0, xtol=1e-12)
    assert shown(peak, "1.63626")
    assert shown(frozen(peak, losses.minimax_generator) / 2, ".233660")
    assert curvature(peak - 0.1) > 0 > curvature(peak + 0.1)


# c4: o colapso de modos


def test_c4_collapse_onto_one_of_eight_modes():
    """Oito modos iguais nos dados, um só no gerador: a JSD e ``2KL(m‖p)``."""
    data, generated = np.full(8, 1 / 8), np.eye(8)[0]
    assert shown(float(divergences.jsd(data, generated)), ".496929")
    assert shown(float(divergences.non_saturating_divergence(data, generated)), "1.085583")
    # À mão: m vale 9/16 no modo coberto e 1/16 em cada um dos outros sete.
    by_hand = 2 * (9 / 16 * math.log(9 / 2) - 7 / 16 * math.log(2))
    assert by_hand == pytest.approx(float(divergences.non_saturating_divergence(data, generated)), rel=1e-12)


# c5: o SGD e o Adam


def test_c5_sgd_stays_at_eight_and_adam_arrives():
    """Gradiente exato desde μ = 8, taxa 0,02, 300 passos: o SGD termina em 7,9976, e o Adam, perto de 0."""

    def gradient(mu):
        return frozen(mu, losses.minimax_generator)

    sgd, adam = 8.0, torch.tensor(8.0, dtype=torch.float64)
    player = optimization.Adam([adam], lr=0.02)
    for _ in range(300):
        sgd -= 0.02 * gradient(sgd)
        adam.grad = torch.tensor(gradient(adam.item()), dtype=torch.float64)
        player.step()
    assert shown(sgd, "7.9976")
    assert abs(adam.item()) < 0.05


# c8: a curvatura do jogo da Dirac-GAN


def test_c8_the_function_of_the_game_has_slope_one_half_and_curvature_minus_one_quarter():
    """``f(t) = log σ(t)``: f′(0) = ½ e f″(0) = −¼. O jogo é ``f(h(x)) + f(−h(G(z)))``, e os autovalores, ±if′(0)."""
    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    f = -losses.cross_entropy_discriminator(t, torch.zeros_like(t))  # a falsa só soma log 2
    (first,) = torch.autograd.grad(f, t, create_graph=True)
    (second,) = torch.autograd.grad(first, t)
    assert (first.item(), second.item()) == (1 / 2, -1 / 4)
    # Os dois jogadores da ganlib são feitos dela: V = f(real) + f(-falsa), e G desce f(-falsa) ou -f(falsa).
    real, fake = torch.tensor([0.7, -1.3], dtype=torch.float64)
    f_real, f_fake, f_minus = (torch.nn.functional.logsigmoid(h).item() for h in (real, fake, -fake))
    assert -losses.cross_entropy_discriminator(real, fake).item() == pytest.approx(f_real + f_minus, rel=1e-12)
    assert losses.minimax_generator(fake).item() == pytest.approx(f_minus, rel=1e-12)
    assert losses.non_saturating_generator(fake).item() == pytest.approx(-f_fake, rel=1e-12)
    in_the_game, curvature, _ = dirac.GAMES["non_saturating"].generator(np.zeros(()))
    assert (in_the_game, curvature) == pytest.approx((1 / 2, -1 / 4), rel=1e-12)
    for name in ("minimax", "non_saturating"):
        np.testing.assert_array_equal(np.sort_complex(dirac.play(name).eigenvalues), [-0.5j, 0.5j])
