"""As afirmações do capítulo sobre a Dirac-GAN, cada uma por dois caminhos independentes."""

import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import i0

from ganlib import dirac, dynamics, losses

THETA, PSI = sp.symbols("theta psi", real=True)
STATES = np.array([[1.0, 1.0], [2.0, -1.0], [-0.3, 0.8], [-1.5, -0.5]])
STEP = 0.2


def squared_radius(states):
    return (np.asarray(states) ** 2).sum(-1)


def same(eigenvalues, expected, atol=1e-9):
    np.testing.assert_allclose(np.sort_complex(eigenvalues), np.sort_complex(np.array(expected)), atol=atol)


def by_autograd(loss, state):
    theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in state)
    real, fake = 0 * psi, theta * psi
    generator = loss.generator(fake, real) if loss.needs_real else loss.generator(fake)
    (along_theta,) = torch.autograd.grad(generator, theta, retain_graph=True)
    (along_psi,) = torch.autograd.grad(loss.discriminator(real, fake), psi)
    return [-along_theta.item(), -along_psi.item()]


def linear(rotation, brake):
    return np.array([[0.0, rotation], [-rotation, -brake]])


# O campo e a órbita


@pytest.mark.claim("eq-dirac-campos")
@pytest.mark.parametrize("state", STATES)
def test_the_three_fields_are_the_gradients_of_the_losses(state):
    theta, psi = state
    s = 1 / (1 + math.exp(-theta * psi))
    written = {
        "minimax": (psi * s, -theta * s),
        "non_saturating": (psi * (1 - s), -theta * s),
        "wasserstein": (psi, -theta),
    }
    for name, field in written.items():
        np.testing.assert_allclose(field, by_autograd(losses.get(name), state), rtol=1e-12)
        np.testing.assert_allclose(field, dirac.get(name).field(state), rtol=1e-12)


@pytest.mark.claim("eq-dirac-relativistica")
def test_the_relativistic_game_is_the_non_saturating_one_everywhere():
    for state in STATES:
        expected = dirac.non_saturating().field(state)
        np.testing.assert_allclose(by_autograd(losses.get("relativistic"), state), expected, rtol=1e-12)


@pytest.mark.claim("prop-dirac-orbita", "eq-dirac-angulo")
def test_the_minimax_flow_keeps_the_radius_and_turns_with_the_weight_of_the_loss():
    times = np.linspace(0, 30, 3001)
    path = dynamics.flow(dirac.minimax(), [2.0, 0.5], times)
    np.testing.assert_allclose(squared_radius(path), 4.25, rtol=1e-6)
    angle = np.unwrap(np.arctan2(path[:, 1], path[:, 0]))
    speed = np.gradient(angle, times)[1:-1]
    weight = 1 / (1 + np.exp(-0.5 * 4.25 * np.sin(2 * angle[1:-1])))
    np.testing.assert_allclose(speed, -weight, atol=2e-4)


@pytest.mark.claim("prop-dirac-orbita", "eq-dirac-periodo")
@pytest.mark.parametrize("r", [0.1, 1.0, 2.0, 2.5])
def test_a_turn_takes_a_bessel_function_of_the_radius(r):
    turn = 2 * math.pi * (1 + i0(r**2 / 2))
    halfway, end = dynamics.flow(dirac.minimax(), [r, 0.0], [0, turn / 2, turn])[1:]
    np.testing.assert_allclose(halfway, [-r, 0], atol=1e-5)
    np.testing.assert_allclose(end, [r, 0], atol=1e-5)
    integral = quad(lambda phi: 1 + math.exp(-(r**2) / 2 * math.sin(2 * phi)), 0, 2 * math.pi)[0]
    assert turn == pytest.approx(integral, rel=1e-9)


@pytest.mark.claim("eq-dirac-periodo")
def test_far_away_the_turn_is_exponential_in_the_squared_radius():
    r = np.array([4.0, 6.0, 8.0])
    ratio = 2 * np.pi * (1 + i0(r**2 / 2)) / (2 * np.sqrt(np.pi) / r * np.exp(r**2 / 2))
    assert (np.diff(np.abs(ratio - 1)) < 0).all() and ratio[-1] == pytest.approx(1, abs=5e-3)


# A linearização


@pytest.mark.claim("prop-dirac-freio", "eq-dirac-freio")
@pytest.mark.parametrize("rotation", [0.5, 1.0])
def test_the_decay_peaks_at_the_critical_brake(rotation):
    rates = {}
    for brake in (0.0, 0.3, 0.99 * 2 * rotation, 2 * rotation, 1.01 * 2 * rotation, 50.0):
        numeric = np.linalg.eigvals(linear(rotation, brake))
        root = np.sqrt(complex(brake**2 / 4 - rotation**2))
        same(numeric, [-brake / 2 + root, -brake / 2 - root], atol=1e-7)
        rates[brake] = -numeric.real.max()
    assert rates[0.0] == pytest.approx(0, abs=1e-12)
    assert max(rates, key=rates.get) == 2 * rotation
    assert rates[2 * rotation] == pytest.approx(rotation, abs=1e-6)
    assert rates[50.0] == pytest.approx(rotation**2 / 50, rel=2e-3)


def symbolic_jacobian(along_theta, along_psi):
    """De duas perdas em (θ, ψ), a jacobiana do campo na solução, por SymPy."""
    field = sp.Matrix([-sp.diff(along_theta, THETA), -sp.diff(along_psi, PSI)])
    return np.array(field.jacobian([THETA, PSI]).subs({THETA: 0, PSI: 0}), dtype=float)


GENERATORS = {
    "minimax": -sp.log(1 + sp.exp(THETA * PSI)),
    "non_saturating": sp.log(1 + sp.exp(-THETA * PSI)),
    "wasserstein": -THETA * PSI,
}
DISCRIMINATORS = {
    "minimax": sp.log(1 + sp.exp(THETA * PSI)),
    "non_saturating": sp.log(1 + sp.exp(THETA * PSI)),
    "wasserstein": THETA * PSI,
}


@pytest.mark.claim("prop-dirac-tabela")
@pytest.mark.parametrize("strength", [0.3, 1.0, 1.7])
def test_the_table_of_eigenvalues_follows_from_the_losses(strength):
    g = strength
    rows = [
        ("minimax", 0, dirac.minimax(), 0.5, 0),
        ("non_saturating", 0, dirac.non_saturating(), 0.5, 0),
        ("wasserstein", 0, dirac.wasserstein_clip(1.0), 1.0, 0),
        ("minimax", g * PSI**2 / 2, dirac.r1(g), 0.5, g),
        ("minimax", g * PSI**2, dirac.r1_r2(g), 0.5, 2 * g),
    ]
    for game, penalty, method, rotation, brake in rows:
        from_losses = symbolic_jacobian(GENERATORS[game], DISCRIMINATORS[game] + penalty)
        np.testing.assert_allclose(from_losses, linear(rotation, brake), atol=1e-12)
        np.testing.assert_allclose(method.jacobian(np.zeros(2)), from_losses, atol=1e-12)
        same(method.eigenvalues, np.linalg.eigvals(from_losses), atol=1e-6)
    noisy = dirac.instance_noise(g)
    np.testing.assert_allclose(noisy.jacobian(np.zeros(2)), linear(0.5, g**2 / 2), atol=1e-9)
    root = np.sqrt(complex(g**4 / 16 - 0.25))
    same(noisy.eigenvalues, [-(g**2) / 4 + root, -(g**2) / 4 - root])
    assert np.isnan(dirac.wasserstein_gp(g).jacobian(np.zeros(2))).any()


@pytest.mark.claim("prop-dirac-tabela")
@pytest.mark.parametrize(("build", "critical"), [(dirac.r1, 1.0), (dirac.r1_r2, 0.5), (dirac.instance_noise, 2**0.5)])
def test_the_critical_values_are_where_the_eigenvalues_meet_and_the_decay_peaks(build, critical):
    decay = [-build(s * critical).eigenvalues.real.max() for s in (0.95, 1.0, 1.05)]
    assert decay[1] > max(decay[0], decay[2])
    assert decay[1] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.claim("eq-dirac-consenso")
@pytest.mark.parametrize("gamma", [0.3, 1.0, 4.0])
def test_consensus_brakes_both_players_and_never_stops_the_turning(gamma):
    for game, rotation in (("minimax", 0.5), ("wasserstein", 1.0)):
        plain = dirac.get(game).jacobian(np.zeros(2))
        method = dirac.consensus(gamma, game)
        np.testing.assert_allclose(method.jacobian(np.zeros(2)), plain - gamma * plain.T @ plain, atol=1e-12)
        numeric = np.linalg.eigvals(method.jacobian(np.zeros(2)))
        same(numeric, [-gamma * rotation**2 + s * rotation * 1j for s in (1, -1)])


# A WGAN-GP


def half_plane(state, center, weight, dt):
    """O passo exato do oscilador amortecido de ψ > 0 (centro 2λ) ou ψ < 0 (centro -2λ)."""
    step = expm(dt * np.array([[0, 1], [-1, -2 * weight]]))
    return step @ (state - [center, 0]) + [center, 0]


@pytest.mark.claim("prop-dirac-gp", "eq-dirac-gp-ciclo")
@pytest.mark.parametrize("weight", [0.2, 0.35, 0.8])
def test_a_light_penalty_ends_in_a_cycle_beyond_four_over_pi(weight):
    amplitude = 2 * weight / math.tanh(math.pi * weight / (2 * math.sqrt(1 - weight**2)))
    assert amplitude > 4 / math.pi
    # Meia volta exata num semiplano leva -a em +a.
    half_turn = math.pi / math.sqrt(1 - weight**2)
    end = half_plane(np.array([-amplitude, 0.0]), 2 * weight, weight, half_turn)
    np.testing.assert_allclose(end, [amplitude, 0], atol=1e-9)
    path = dynamics.trajectory(dirac.wasserstein_gp(weight), [[0.2, -1.0], [4.0, 3.0]], 3000, 0.015)
    np.testing.assert_allclose(np.abs(path[-700:, :, 0]).max(0), amplitude, atol=0.02)


@pytest.mark.claim("eq-dirac-gp-ciclo")
def test_the_cycle_is_never_within_four_over_pi_of_the_data():
    weight = np.linspace(1e-3, 0.999, 1000)
    amplitude = 2 * weight / np.tanh(np.pi * weight / (2 * np.sqrt(1 - weight**2)))
    assert (amplitude > 4 / np.pi).all() and amplitude[0] == pytest.approx(4 / np.pi, abs=1e-5)


@pytest.mark.claim("eq-dirac-gp-parada")
@pytest.mark.parametrize("weight", [1.0, 1.5, 3.0])
def test_a_heavy_penalty_stops_in_the_wrong_place(weight):
    starts = [[1.0, -1.0], [1.0, 1.0], [-9.0, -0.1]]  # o último cruza a fronteira uma vez
    ends = dynamics.trajectory(dirac.wasserstein_gp(weight), starts, 2000, 0.04)[-1]
    np.testing.assert_allclose(ends, 2 * weight * np.array([[-1, 0], [1, 0], [1, 0]]), atol=1e-4)


# Os passos


@pytest.mark.claim("prop-dirac-passos", "eq-dirac-passos")
@pytest.mark.parametrize(("method", "f"), [(dirac.minimax(), 0.5), (dirac.wasserstein(), 1.0)])
@pytest.mark.parametrize("h", [0.05, 0.2, 0.9])
def test_simultaneous_steps_grow_alternating_ones_turn_and_extragradient_shrinks(method, f, h):
    def modulus(update):
        return np.abs(np.linalg.eigvals(dynamics.update_operator(method, h, update)))

    np.testing.assert_allclose(modulus("simultaneous"), math.sqrt(1 + h**2 * f**2), rtol=1e-12)
    for update in ("alternating", "generator_first"):
        np.testing.assert_allclose(modulus(update), 1, rtol=1e-12)
    extra = math.sqrt(1 - h**2 * f**2 + h**4 * f**4)
    np.testing.assert_allclose(modulus("extragradient"), extra, rtol=1e-12)
    assert extra < 1


@pytest.mark.claim("prop-dirac-passos", "eq-dirac-passos-freio")
@pytest.mark.parametrize("gamma", [0.1, 0.3, 0.6])
def test_with_a_brake_the_moduli_are_the_roots_of_the_determinants(gamma):
    method, start = dirac.r1(gamma), np.array([1e-6, 0.0])
    expected = {"simultaneous": 1 - STEP * gamma + STEP**2 / 4, "alternating": 1 - STEP * gamma}
    for update, square in expected.items():
        moduli = np.abs(np.linalg.eigvals(dynamics.update_operator(method, STEP, update)))
        np.testing.assert_allclose(moduli, math.sqrt(square), rtol=1e-12)
        # A área de um triângulo pequeno muda, em cada passo, por |λ|².
        corners = dynamics.trajectory(method, [start, start[::-1]], 1, STEP, update)[1]
        assert abs(np.linalg.det(corners)) / 1e-12 == pytest.approx(square, rel=1e-5)


@pytest.mark.claim("prop-dirac-passos")
def test_alternating_steps_diverge_beyond_the_limit():
    for method, limit in ((dirac.minimax(), 4.0), (dirac.wasserstein(), 2.0)):
        below, above = (
            np.abs(np.linalg.eigvals(dynamics.update_operator(method, s * limit))).max() for s in (0.99, 1.01)
        )
        assert below == pytest.approx(1, abs=1e-9) and above > 1.2


# O que a jacobiana não mostra


@pytest.mark.claim("prop-dirac-ns", "eq-dirac-ns-energia")
def test_the_non_saturating_flow_loses_radius_except_on_the_axes():
    rng = np.random.default_rng(0)
    states = rng.normal(0, 2, (200, 2))
    x = states.prod(-1)
    change = 2 * (states * dirac.non_saturating().field(states)).sum(-1)
    np.testing.assert_allclose(change, -2 * x * np.tanh(x / 2), atol=1e-12)
    assert (change < 0).all()
    axes = dirac.non_saturating().field([[0.0, 1.3], [0.7, 0.0]])
    assert axes[0, 0] == pytest.approx(0.65) and axes[1, 1] == pytest.approx(-0.35)
    same(dirac.non_saturating().eigenvalues, dirac.minimax().eigenvalues)


@pytest.mark.claim("prop-dirac-ns", "eq-dirac-ns-oito")
def test_the_non_saturating_flow_arrives_like_the_root_of_eight_over_time():
    times = np.array([0.0, 200, 1000, 2000])
    path = dynamics.flow(dirac.non_saturating(), [[1.0, 1.0], [2.0, -2.0]], times)
    product = squared_radius(path)[1:] * times[1:, None]
    assert product[-1, 0] == pytest.approx(7.986, abs=5e-4)
    errors = np.abs(product - 8)
    assert (np.diff(errors, axis=0) < 0).all() and errors[-1].max() < 0.02


@pytest.mark.claim("eq-dirac-r1-energia")
@pytest.mark.parametrize("gamma", [0.05, 1.0, 5.0])
def test_r1_takes_energy_out_at_every_state_and_converges_from_afar(gamma):
    rng = np.random.default_rng(0)
    states = rng.normal(0, 2, (100, 2))
    change = 2 * (states * dirac.r1(gamma).field(states)).sum(-1)
    np.testing.assert_allclose(change, -2 * gamma * states[:, 1] ** 2, atol=1e-12)
    ends = dynamics.trajectory(dirac.r1(gamma), [[2.0, -2.0], [-2.0, -1.0]], 2000, 0.2)[-1]
    assert np.abs(ends).max() < 1e-2


# Duas taxas e a média


@pytest.mark.claim("prop-dirac-taxas", "eq-dirac-taxas")
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 3.0), (1.0, 100.0)])
def test_two_rates_change_the_frequency_and_create_no_brake(a, b):
    plain = dirac.two_time_scales(dirac.minimax(), a, b)
    same(np.linalg.eigvals(plain.jacobian(np.zeros(2))), [s * 0.5j * math.sqrt(a * b) for s in (1, -1)])
    for k in (0.3, 1.0):
        numeric = np.linalg.eigvals(np.diag([a, b]) @ linear(0.5, k))
        root = np.sqrt(complex(b**2 * k**2 / 4 - a * b / 4))
        same(numeric, [-b * k / 2 + root, -b * k / 2 - root], atol=1e-7)
        same(dirac.two_time_scales(dirac.r1(k), a, b).eigenvalues, numeric, atol=1e-7)
    path = dynamics.flow(plain, (1.0, 0.5), [0, 1, 7, 20])
    energy = path[:, 0] ** 2 / a + path[:, 1] ** 2 / b
    np.testing.assert_allclose(energy, energy[0], rtol=1e-6)


@pytest.mark.claim("prop-dirac-taxas")
def test_two_rates_move_the_critical_brake_and_the_slow_limit():
    for ratio in (4.0, 25.0):
        critical = ratio**-0.5
        turning = [abs(dirac.two_time_scales(dirac.r1(s * critical), 1.0, ratio).eigenvalues[0].imag) > 0
                   for s in (0.99, 1.01)]  # fmt: skip
        assert turning == [True, False]
    for gamma in (0.3, 1.0):
        slow = dirac.two_time_scales(dirac.r1(gamma), 1.0, 1e5).eigenvalues.real.max()
        assert slow == pytest.approx(-0.25 / gamma, rel=1e-3)


@pytest.mark.claim("prop-dirac-ema", "eq-dirac-ema")
@pytest.mark.parametrize("decay", [0.9, 0.99])
@pytest.mark.parametrize("turn", [20, 71, 600])
def test_the_average_shrinks_a_rotation_by_the_gain_of_a_filter(decay, turn):
    omega = 2 * math.pi / turn
    angle = omega * np.arange(3000) + 0.3
    turning = 1.7 * np.stack([np.cos(angle), np.sin(angle)], -1)  # a amplitude é a norma, a cada passo
    exact = 1.7 * (1 - decay) / math.sqrt(1 - 2 * decay * math.cos(omega) + decay**2)
    np.testing.assert_allclose(np.linalg.norm(dynamics.ema(turning, decay)[-100:], axis=1), exact, rtol=1e-6)
    if decay == 0.99 and turn == 20:
        assert exact == pytest.approx(1.7 * (1 - decay) * turn / (2 * math.pi), rel=0.02)


@pytest.mark.claim("prop-dirac-ema")
def test_on_the_minimax_cycle_the_average_is_what_the_chapter_says():
    path = dynamics.trajectory(dirac.minimax(), (1.0, -1.0), 2000, STEP, "generator_first")
    assert np.abs(path[-500:, 0]).max() == pytest.approx(1.38, abs=5e-3)
    assert np.abs(dynamics.ema(path, 0.995)[-500:, 0]).max() == pytest.approx(0.078, abs=5e-4)


# A largura dos dados


@pytest.mark.claim("prop-dirac-largura", "eq-dirac-largura")
@pytest.mark.parametrize("points", [[0.0], [-1.0, 1.0], [2.0, 2.0], [-0.5, 0.1, 3.0]])
@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_the_second_moment_of_the_data_is_the_brake(points, name):
    data, loss = torch.tensor(points, dtype=torch.float64), losses.get(name)
    state = torch.zeros(2, dtype=torch.float64)

    def field(s):
        theta, psi = s
        # Um par (θ, ψ) por jogador, para que cada um derive só a sua perda.
        fake = psi * (theta + data)
        a = torch.autograd.grad(loss.generator(fake).mean(), s, create_graph=True)[0][0]
        b = torch.autograd.grad(loss.discriminator(psi * data, fake).mean(), s, create_graph=True)[0][1]
        return torch.stack([-a, -b])

    s = state.clone().requires_grad_(True)
    rows = [torch.autograd.grad(component, s, retain_graph=True)[0] for component in field(s)]
    m = data.square().mean().item()
    np.testing.assert_allclose(torch.stack(rows), linear(0.5, m / 2), atol=1e-12)
    root = np.sqrt(complex(m**2 / 16 - 0.25))
    same(np.linalg.eigvals(torch.stack(rows).numpy()), [-m / 4 + root, -m / 4 - root], atol=1e-7)
    same(dirac.instance_noise(math.sqrt(m)).eigenvalues, [-m / 4 + root, -m / 4 - root], atol=1e-9)
