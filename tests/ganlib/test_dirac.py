"""A Dirac-GAN: cada campo contra o autograd das perdas e penalidades da ganlib, e os autovalores contra a álgebra."""

import cmath
import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.integrate import quad
from scipy.stats import norm

from ganlib import dirac, losses, penalties
from ganlib.dirac import METHODS

STATES = np.array([[1.0, 1.0], [1.0, -1.0], [-0.3, 0.8], [2.0, 0.4], [-1.5, -2.5]])


class Linear(torch.nn.Module):
    """``h(x) = ψx``."""

    def __init__(self, psi: float):
        super().__init__()
        self.psi = torch.nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x):
        return (self.psi * x).squeeze(-1)


def by_autograd(game: str, state, penalty: str | None = None, weight: float = 0.0) -> list[float]:
    """``(-∂L_G/∂θ, -∂L_D/∂ψ)``, das perdas e penalidades da biblioteca."""
    loss, D = losses.get(game), Linear(state[1])
    theta = torch.tensor([[state[0]]], dtype=torch.float64, requires_grad=True)
    real = torch.zeros_like(theta)
    generator = loss.generator(D(theta)).mean()
    discriminator = loss.discriminator(D(real), D(theta)).mean()
    if penalty:
        discriminator = discriminator + weight * penalties.get(penalty)(D, real, theta, None).mean()
    (along_theta,) = torch.autograd.grad(generator, theta, retain_graph=True)
    (along_psi,) = torch.autograd.grad(discriminator, D.psi)
    return [-along_theta.item(), -along_psi.item()]


@pytest.mark.parametrize("game", sorted(dirac.GAMES))
def test_each_game_is_the_gradient_of_the_losses_of_the_library(game):
    np.testing.assert_allclose(dirac.play(game).field(STATES), [by_autograd(game, s) for s in STATES], rtol=1e-12)


@pytest.mark.parametrize("game", sorted(dirac.GAMES))
def test_each_penalised_method_is_the_gradient_with_the_penalty_of_the_library(game):
    for build, name in ((dirac.r1, "r1"), (dirac.r1_r2, "r1_r2")):
        expected = [by_autograd(game, s, name, 0.7) for s in STATES]
        np.testing.assert_allclose(build(0.7, game).field(STATES), expected, rtol=1e-12)


def test_wasserstein_gp_is_the_gradient_with_the_penalty_of_the_library():
    expected = [by_autograd("wasserstein", s, "gradient_penalty", 0.7) for s in STATES]
    np.testing.assert_allclose(dirac.wasserstein_gp(0.7).field(STATES), expected, rtol=1e-12)
    centred = [by_autograd("wasserstein", s, "zero_centered", 0.7) for s in STATES]
    np.testing.assert_allclose(dirac.wasserstein_gp(0.7, target=0.0).field(STATES), centred, rtol=1e-12)
    # Em ψ = 0 vale a convenção do autograd.
    flat = [0.4, 0.0]
    assert dirac.wasserstein_gp(0.7).field(flat) == pytest.approx(
        by_autograd("wasserstein", flat, "gradient_penalty", 0.7)
    )


@pytest.mark.parametrize("game", sorted(dirac.GAMES))
def test_consensus_descends_half_the_squared_field(game):
    def half_square(state):
        theta, psi = state
        loss = losses.get(game)
        real, fake = 0 * psi, psi * theta
        (a,) = torch.autograd.grad(loss.generator(fake), theta, create_graph=True)
        (b,) = torch.autograd.grad(loss.discriminator(real, fake), psi, create_graph=True)
        return (a**2 + b**2) / 2

    for state in STATES:
        s = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in state]
        slope = [g.item() for g in torch.autograd.grad(half_square(s), s)]
        expected = np.array(by_autograd(game, state)) - 0.8 * np.array(slope)
        np.testing.assert_allclose(dirac.consensus(0.8, game).field(state), expected, rtol=1e-10)


# A jacobiana e os autovalores

METHODS_AND_GAMES = [
    *[(build(), name) for name, build in METHODS.items()],
    *[
        (build(0.7, game), f"{name}, {game}")
        for name, build in METHODS.items()
        if name in ("r1", "r1_r2", "instance_noise", "consensus")
        for game in sorted(dirac.GAMES)
    ],
    (dirac.two_time_scales(dirac.r1(0.3), 0.5, 3.0), "dois tempos"),
    (dirac.wasserstein_gp(0.4, 0.0), "penalidade centrada"),
]


@pytest.mark.parametrize("method", [m for m, _ in METHODS_AND_GAMES], ids=[name for _, name in METHODS_AND_GAMES])
def test_the_jacobian_is_the_slope_of_the_field_wherever_it_is_smooth(method):
    states = np.array([[0.9, 0.7], [-0.3, 0.8], [1.2, -0.6], [-1.5, -0.4]])
    step = 1e-6
    columns = [(method.field(states + step * e) - method.field(states - step * e)) / (2 * step) for e in np.eye(2)]
    np.testing.assert_allclose(method.jacobian(states), np.stack(columns, -1), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("method", [m for m, _ in METHODS_AND_GAMES], ids=[name for _, name in METHODS_AND_GAMES])
def test_the_eigenvalues_are_those_of_the_jacobian_at_the_equilibrium(method):
    jacobian = method.jacobian(np.zeros(2))
    if np.isnan(jacobian).any():
        assert np.isnan(method.eigenvalues).all()
        assert "ψ = 0" in method.note
    else:
        numeric = np.linalg.eigvals(jacobian)
        np.testing.assert_allclose(np.sort_complex(method.eigenvalues), np.sort_complex(numeric), atol=1e-7)
        np.testing.assert_allclose(method.field(np.zeros(2)), 0, atol=1e-15)


def same(eigenvalues, expected):
    np.testing.assert_allclose(np.sort_complex(eigenvalues), np.sort_complex(np.array(expected)), atol=1e-12)


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0, 1.7])
def test_the_eigenvalues_are_those_of_the_paper(strength):
    g, root = strength, cmath.sqrt
    for name in ("minimax", "non_saturating"):
        same(METHODS[name]().eigenvalues, [0.5j, -0.5j])
    for name in ("wasserstein", "wasserstein_clip"):
        same(METHODS[name]().eigenvalues, [1j, -1j])
    same(dirac.r1(g).eigenvalues, [-g / 2 + s * root(g**2 / 4 - 1 / 4) for s in (1, -1)])
    same(dirac.r1_r2(g).eigenvalues, [-g + s * root(g**2 - 1 / 4) for s in (1, -1)])
    same(dirac.instance_noise(g).eigenvalues, [-(g**2) / 4 + s * root(g**4 / 16 - 1 / 4) for s in (1, -1)])
    same(dirac.consensus(g).eigenvalues, [-g / 4 + s * 0.5j for s in (1, -1)])
    same(dirac.two_time_scales(dirac.minimax(), g, 3.0).eigenvalues, [s * 0.5j * math.sqrt(3 * g) for s in (1, -1)])
    same(dirac.r1(g, "wasserstein").eigenvalues, [-g / 2 + s * root(g**2 / 4 - 1) for s in (1, -1)])
    same(dirac.instance_noise(g, "wasserstein").eigenvalues, [1j, -1j])


@pytest.mark.parametrize("build, critical", [(dirac.r1, 1.0), (dirac.r1_r2, 0.5), (dirac.instance_noise, math.sqrt(2))])
def test_damping_is_critical_where_the_two_eigenvalues_meet(build, critical):
    gap = [abs(np.diff(build(strength).eigenvalues)[0]) for strength in (0.95 * critical, critical, 1.05 * critical)]
    assert gap[1] == pytest.approx(0, abs=1e-6)
    assert min(gap[0], gap[2]) > 0.1
    assert build(0.95 * critical).eigenvalues[0].imag != 0 == build(1.05 * critical).eigenvalues[0].imag


def test_the_equilibrium_jacobian_of_r1_follows_from_its_losses():
    theta, psi, gamma = sp.symbols("theta psi gamma", real=True)
    generator = -sp.log(1 + sp.exp(psi * theta))
    discriminator = sp.log(2) + sp.log(1 + sp.exp(psi * theta)) + gamma * psi**2 / 2
    field = sp.Matrix([-sp.diff(generator, theta), -sp.diff(discriminator, psi)])
    symbolic = field.jacobian([theta, psi]).subs({theta: 0, psi: 0, gamma: sp.Rational(3, 10)})
    np.testing.assert_allclose(dirac.r1(0.3).jacobian(np.zeros(2)), np.array(symbolic, dtype=float), atol=1e-15)


def test_the_gradient_penalty_has_a_corner_at_zero():
    method, eps = dirac.wasserstein_gp(0.35), 1e-9
    above, below = method.field([[0.0, eps], [0.0, -eps]])[:, 1]
    assert above == pytest.approx(0.7, abs=1e-6) and below == pytest.approx(-0.7, abs=1e-6)
    assert np.isnan(method.jacobian([[1.0, 0.0]])).any()
    assert np.isfinite(method.jacobian([[1.0, eps]])).all()
    assert np.isnan(dirac.two_time_scales(method, 1.0, 2.0).eigenvalues).all()
    smooth = dirac.wasserstein_gp(0.35, target=0.0)
    assert smooth.note == "" and np.isfinite(smooth.jacobian(np.zeros(2))).all()
    same(smooth.eigenvalues, np.linalg.eigvals([[0, 1], [-1, -0.7]]))


def test_clipping_stops_psi_at_the_edge_only_while_it_is_pushed_out():
    method = dirac.wasserstein_clip(0.5)
    states = [[1.0, -0.5], [-1.0, -0.5], [1.0, 0.5], [-1.0, 0.5], [1.0, 0.2]]
    np.testing.assert_allclose(method.confined(states)[:, 1], [0, 1, -1, 0, -1])
    np.testing.assert_allclose(method.confined(states)[:, 0], [-0.5, -0.5, 0.5, 0.5, 0.2])
    np.testing.assert_allclose(method.field(states), dirac.wasserstein().confined(states))
    np.testing.assert_allclose(
        method.project(np.array([[3.0, 3.0], [-3, -3], [1, 0.1]])), [[3, 0.5], [-3, -0.5], [1, 0.1]]
    )


@pytest.mark.parametrize("game", sorted(dirac.GAMES))
def test_instance_noise_is_the_expected_gradient_under_the_noise(game):
    std = 0.8
    ours = dirac.instance_noise(std, game).field(STATES[:4])
    for state, velocity in zip(STATES[:4], ours, strict=True):
        theta, psi = state

        def noisy(e, part, theta=theta, psi=psi):
            """As derivadas em θ e em ψ das perdas com o dado em ``std·e`` e a amostra em ``θ + std·e``."""
            t, p = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (theta, psi))
            loss = losses.get(game)
            value = (
                loss.generator(p * (t + std * e)) if part == 0 else loss.discriminator(p * (std * e), p * (t + std * e))
            )
            (slope,) = torch.autograd.grad(value, (t, p)[part])
            return -norm.pdf(e) * slope.item()

        expected = [quad(noisy, -9, 9, args=(part,), epsabs=1e-9, limit=60)[0] for part in (0, 1)]
        np.testing.assert_allclose(velocity, expected, atol=1e-8)


def test_many_states_at_once_are_each_alone():
    for name, build in METHODS.items():
        method, states = build(), STATES.reshape(1, 5, 2)
        for function, shape in ((method.field, (1, 5, 2)), (method.jacobian, (1, 5, 2, 2))):
            together = function(states)
            assert together.shape == shape, name
            np.testing.assert_allclose(together[0], [function(s) for s in STATES], rtol=1e-12)


def test_bad_input_is_refused_with_what_is_wrong():
    with pytest.raises(ValueError, match=r"o estado é \(θ, ψ\), no último eixo, de tamanho 2; recebi a forma \(3,\)"):
        dirac.minimax().field([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="jogo: o nome 'hinge' não existe; escolha entre minimax, non_saturating, was"):
        dirac.r1(0.1, "hinge")
    with pytest.raises(ValueError, match="método: o nome 'wgan' não existe; escolha entre consensus, instance_noise"):
        dirac.get("wgan")
    method = dirac.minimax()
    assert dirac.get(method) is method
    same(dirac.get("r1", gamma=0.3).eigenvalues, dirac.r1(0.3).eigenvalues)
