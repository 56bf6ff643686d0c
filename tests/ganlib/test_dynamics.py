"""Fluxos, passos e médias da Dirac-GAN, contra soluções exatas e as figuras da literatura."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

from ganlib import dirac, dynamics
from ganlib.dynamics import UPDATES

STEP = 0.2


def radius(states):
    return np.hypot(states[..., 0], states[..., 1])


# Os passos


def test_each_rule_is_what_it_says_on_a_rotation():
    """Na WGAN, ``(ψ, -θ)``, dá para fazer cada passo à mão."""
    theta, psi = 0.7, -1.1
    by_hand = {
        "simultaneous": (theta + STEP * psi, psi - STEP * theta),
        "alternating": (theta + STEP * (psi - STEP * theta), psi - STEP * theta),
        "generator_first": (theta + STEP * psi, psi - STEP * (theta + STEP * psi)),
        "extragradient": (theta + STEP * (psi - STEP * theta), psi - STEP * (theta + STEP * psi)),
    }
    assert set(by_hand) == set(UPDATES)
    for update, expected in by_hand.items():
        path = dynamics.trajectory(dirac.wasserstein(), (theta, psi), 1, STEP, update)
        np.testing.assert_allclose(path, [(theta, psi), expected], rtol=1e-12)


@pytest.mark.parametrize("update", sorted(UPDATES))
@pytest.mark.parametrize("build", [dirac.minimax, dirac.wasserstein, dirac.r1, dirac.consensus, dirac.instance_noise])
def test_the_operator_is_the_slope_of_the_step_at_the_equilibrium(build, update):
    method, eps = build(), 1e-6
    starts = eps * np.concatenate([np.eye(2), -np.eye(2)])
    after = dynamics.trajectory(method, starts, 1, STEP, update)[1]
    np.testing.assert_allclose(
        dynamics.update_operator(method, STEP, update), (after[:2] - after[2:]).T / (2 * eps), atol=1e-8
    )


def modulus(method, update):
    return np.abs(np.linalg.eigvals(dynamics.update_operator(method, STEP, update)))


def test_simultaneous_steps_grow_alternating_ones_turn_and_extragradient_shrinks():
    gan, wgan = dirac.minimax(), dirac.wasserstein()
    np.testing.assert_allclose(modulus(gan, "simultaneous"), 1.004988, atol=6e-7)
    np.testing.assert_allclose(modulus(wgan, "simultaneous"), 1.019804, atol=6e-7)
    for method in (gan, wgan, dirac.non_saturating()):
        for update in ("alternating", "generator_first"):
            np.testing.assert_allclose(modulus(method, update), 1, atol=1e-12)
    np.testing.assert_allclose(modulus(wgan, "extragradient"), 0.980612, atol=6e-7)
    assert np.isnan(dynamics.update_operator(dirac.wasserstein_gp(), STEP)).any()


def test_the_radius_after_500_alternating_steps_is_that_of_the_literature():
    """De (1, 1) com h = 0,2, no sinal de Mescheder et al. (2018): ψ é o oposto do nosso, e o gerador vai primeiro."""
    published = [
        (dirac.minimax(), 1.421, 5e-4),
        (dirac.non_saturating(), 0.284, 5e-4),
        (dirac.wasserstein_clip(1.0), 1.024, 5e-4),
        # O peso 0,7 do artigo multiplica metade da penalidade.
        (dirac.wasserstein_gp(0.35), 1.221, 5e-4),
        (dirac.r1(0.3), 2.3e-7, 1e-9),
    ]
    for method, expected, close in published:
        end = dynamics.trajectory(method, (1.0, -1.0), 500, STEP, "generator_first")[-1]
        assert radius(end) == pytest.approx(expected, abs=close)


def test_simultaneous_steps_on_the_gan_leave_by_the_exact_factor():
    path = dynamics.trajectory(dirac.minimax(), (1.0, 1.0), 50, STEP, "simultaneous")
    weight = 1 / (1 + np.exp(-path[:-1].prod(-1)))
    np.testing.assert_allclose(radius(path[1:]) / radius(path[:-1]), np.sqrt(1 + (STEP * weight) ** 2), rtol=1e-12)


def test_alternating_steps_on_the_wgan_conserve_a_tilted_ellipse():
    for update, tilt in (("alternating", -STEP), ("generator_first", STEP)):
        theta, psi = dynamics.trajectory(dirac.wasserstein(), (1.0, 0.5), 1000, STEP, update).T
        energy = theta**2 + psi**2 + tilt * theta * psi
        np.testing.assert_allclose(energy, energy[0], rtol=1e-10)


@pytest.mark.parametrize("update", sorted(UPDATES))
def test_every_rule_keeps_psi_inside_the_clip(update):
    path = dynamics.trajectory(dirac.wasserstein_clip(0.5), [[1.0, 0.2], [-3.0, -0.4]], 100, STEP, update)
    assert path.shape == (101, 2, 2)
    assert np.abs(path[..., 1]).max() == 0.5


def test_with_extragradient_the_half_step_is_projected_too():
    method = dirac.wasserstein_clip(1.0)
    end = dynamics.trajectory(method, (-10.0, 0.9), 1, STEP, "extragradient")[1]
    np.testing.assert_allclose(end, [-10 + STEP * 1.0, 1.0], rtol=1e-12)


# A média móvel


def test_the_average_of_the_weights_damps_the_cycle():
    path = dynamics.trajectory(dirac.minimax(), (1.0, -1.0), 2000, STEP, "generator_first")
    late = slice(-500, None)
    assert np.abs(path[late, 0]).max() == pytest.approx(1.38, abs=5e-3)
    assert np.abs(dynamics.ema(path, 0.995)[late, 0]).max() == pytest.approx(0.078, abs=5e-4)


def test_the_average_is_the_weighted_sum_of_the_past():
    path = np.random.default_rng(0).normal(size=(6, 3, 2))
    decay = 0.8
    means = dynamics.ema(path, decay)
    weights = np.array([decay**5, *((1 - decay) * decay ** (5 - t) for t in range(1, 6))])
    np.testing.assert_allclose(means[-1], np.tensordot(weights, path, 1), rtol=1e-12)
    np.testing.assert_array_equal(means[0], path[0])
    np.testing.assert_array_equal(dynamics.ema(path, 0.0), path)


# O fluxo


def test_a_linear_flow_is_the_matrix_exponential():
    times = np.array([0.0, 0.3, 2.0, 9.0])
    for method in (dirac.wasserstein(), dirac.r1(0.4, "wasserstein"), dirac.wasserstein_gp(0.3, target=0.0)):
        starts = np.array([[1.0, 0.5], [-0.2, 2.0]])
        exact = [starts @ expm(method.jacobian(np.zeros(2)) * t).T for t in times]
        np.testing.assert_allclose(dynamics.flow(method, starts, times), exact, atol=1e-8)


def test_the_flow_of_the_gan_and_of_the_wgan_conserves_the_radius():
    for method in (dirac.minimax(), dirac.wasserstein()):
        path = dynamics.flow(method, [[1.0, 1.0], [0.1, -2.0]], [0, 1, 10, 100])
        np.testing.assert_allclose(radius(path) ** 2, np.array([2.0, 4.01]) * np.ones((4, 1)), rtol=1e-6)
        assert np.abs(path[1] - path[0]).min() > 0.1


def test_regularised_flows_converge_at_the_rate_of_their_eigenvalues():
    for method in (dirac.r1(0.3), dirac.r1_r2(0.2), dirac.instance_noise(0.7), dirac.consensus(0.8)):
        rate = method.eigenvalues.real.max()
        first, last = radius(dynamics.flow(method, (0.1, 0.1), [0, 20, 20 + 8 * math.pi]))[1:]
        # Ao fim de um número inteiro de voltas, aproximadamente, o raio caiu e^{rate·t}.
        assert math.log(last / first) / (8 * math.pi) == pytest.approx(rate, rel=0.15)


def test_two_time_scales_change_the_orbit_and_damp_nothing():
    method = dirac.two_time_scales(dirac.wasserstein(), 0.5, 3.0)
    path = dynamics.flow(method, (1.0, 0.5), [0, 1, 10, 50])
    energy = path[:, 0] ** 2 / 0.5 + path[:, 1] ** 2 / 3.0
    np.testing.assert_allclose(energy, energy[0], rtol=1e-6)


def test_the_clipped_flow_slides_along_the_edge_and_then_turns_inside():
    path = dynamics.flow(dirac.wasserstein_clip(1.0), [[1.0, 1.0], [0.3, 0.4]], [0, math.pi / 2, math.pi / 2 + 0.5, 30])
    np.testing.assert_allclose(path[1, 0], [1, -1], atol=1e-6)  # um quarto de volta, até a borda
    np.testing.assert_allclose(path[2, 0], [0.5, -1], atol=1e-5)  # a borda, a velocidade 1
    np.testing.assert_allclose(radius(path[3]), [1, 0.5], atol=1e-5)


def test_the_gradient_penalty_does_not_settle_and_a_zero_target_does():
    times = [0, 60, 62, 64, 66]
    wandering = radius(dynamics.flow(dirac.wasserstein_gp(0.35), (1.0, -1.0), times))[1:]
    assert wandering.min() > 0.3
    assert radius(dynamics.flow(dirac.wasserstein_gp(0.35, target=0.0), (1.0, -1.0), times))[-1] < 1e-6


def test_the_non_saturating_flow_converges_although_its_eigenvalues_are_imaginary():
    path = dynamics.flow(dirac.non_saturating(), (1.0, 1.0), [0, 1000, 2000])
    assert radius(path[-1]) ** 2 * 2000 == pytest.approx(7.986, abs=5e-4)
    assert radius(path[1]) ** 2 * 1000 < radius(path[2]) ** 2 * 2000 < 8


# Entradas ruins


def test_bad_input_is_refused_with_what_is_wrong():
    method = dirac.minimax()
    for call in (
        lambda u: dynamics.trajectory(method, (1, 1), 1, STEP, u),
        lambda u: dynamics.update_operator(method, 1, u),
    ):
        with pytest.raises(
            ValueError, match="regra de passo: o nome 'adam' não existe; escolha entre alternating, ext"
        ):
            call("adam")
    for decay in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match="decay deve ficar entre 0 e 1; recebi"):
            dynamics.ema(np.zeros((3, 2)), decay)
    for times in ([0], [0, 0], [1, 0]):
        with pytest.raises(ValueError, match="os instantes devem ser uma lista crescente, de pelo menos dois; recebi"):
            dynamics.flow(method, (1, 1), times)
    with pytest.raises(RuntimeError, match="o integrador não passou de t = "):
        dynamics.integrate(lambda s: s**2, np.array([1.0]), [0, 2])
