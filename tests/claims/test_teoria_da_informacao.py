"""As afirmações do capítulo de teoria da informação, cada uma por dois caminhos independentes."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import linprog, minimize, minimize_scalar
from scipy.special import expit
from scipy.stats import entropy, norm

from ganlib import distances, losses, networks, theory, transport

GAUSSIAN, LAPLACE, CAUCHY = (theory.SHIFTS[name] for name in ("gaussian", "laplace", "cauchy"))
LOG2 = math.log(2)
SEEDS = range(5)


def pair(seed, n=5):
    """Duas distribuições ao acaso em n pontos."""
    return np.random.default_rng(seed).dirichlet(np.full(n, 0.7), 2)


def information(joint):
    """``H(A) + H(B) - H(A, B)``, com as entropias da scipy."""
    return entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())


def channel_information(p, q, weight=0.5):
    return information(np.stack([weight * p, (1 - weight) * q]))


def binary_entropy(t):
    return entropy([t, 1 - t])


def integral(function, *breaks):
    ends = [-np.inf, *breaks, np.inf]
    return sum(quad(function, a, b, epsabs=1e-13, epsrel=1e-11, limit=200)[0] for a, b in itertools.pairwise(ends))


def gaussian_information(mu, scale=1.0):
    """``H(S) - H(S|Y)``, por quadratura das entropias diferenciais."""

    def surprise(s):
        m = (norm.pdf(s, 0, scale) + norm.pdf(s, mu, scale)) / 2
        return -m * math.log(m) if m > 0 else 0.0

    return integral(surprise, 0.0, mu / 2, mu) - math.log(scale) - math.log(2 * math.pi * math.e) / 2


# Um bit


@pytest.mark.claim("teo-info-jsd", "eq-info-jsd")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_jsd_is_the_information_of_a_sample_about_its_label(seed):
    p, q = pair(seed)
    assert theory.jsd(p, q) == pytest.approx(channel_information(p, q), abs=1e-12)
    assert theory.mutual_information(p, q) == pytest.approx(channel_information(p, q), abs=1e-12)


@pytest.mark.claim("teo-info-jsd", "eq-info-jsd")
@pytest.mark.parametrize("mu, bits", [(1.0, 0.160747), (2.0, 0.485944), (4.0, 0.912822)])
def test_the_gaussian_shift_tells_these_bits_by_differential_entropies(mu, bits):
    assert gaussian_information(mu) == pytest.approx(float(GAUSSIAN.jsd(mu)), abs=1e-9)
    assert theory.to_bits(GAUSSIAN.jsd(mu)) == pytest.approx(bits, abs=5e-7)


@pytest.mark.claim("teo-info-jsd", "eq-info-valor")
@pytest.mark.parametrize("mu", [0.5, 2.0, 6.0])
def test_the_value_of_the_game_is_minus_twice_what_the_sample_hides(mu):
    def hidden(s):
        p, q = norm.pdf(s), norm.pdf(s, mu)
        return (p + q) / 2 * entropy([p, q]) if p + q > 0 else 0.0

    conditional = integral(hidden, 0.0, mu / 2, mu)
    assert GAUSSIAN.value(mu) == pytest.approx(-2 * conditional, abs=1e-9)
    assert GAUSSIAN.label_entropy(mu) == pytest.approx(conditional, abs=1e-9)


@pytest.mark.claim("teo-info-jsd")
def test_one_bit_is_reached_exactly_and_only_on_disjoint_supports():
    assert theory.to_bits(theory.mutual_information([0.3, 0.7, 0, 0], [0, 0, 0.6, 0.4])) == pytest.approx(1, abs=1e-15)
    assert theory.to_bits(theory.mutual_information([0.3, 0.7, 0, 0], [0, 0.01, 0.59, 0.4])) < 1 - 1e-3


@pytest.mark.claim("eq-info-lacuna", "eq-info-valor-lacuna")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_cross_entropy_is_the_hidden_part_plus_the_error_of_this_discriminator(seed):
    p, q = pair(seed)
    h = torch.from_numpy(np.random.default_rng(seed + 100).normal(0, 2, len(p)))
    # Um logit de -10⁴ na outra amostra deixa só a parcela dos dados.
    real, fake = losses.cross_entropy_discriminator(h, torch.full_like(h, -1e4)), losses.minimax_generator(h)
    cross = float(torch.from_numpy(p) @ real - torch.from_numpy(q) @ fake) / 2
    d, best = torch.sigmoid(h).numpy(), p / (p + q)
    error = sum(m * entropy([a, 1 - a], [b, 1 - b]) for m, a, b in zip((p + q) / 2, best, d, strict=True))
    assert cross == pytest.approx(theory.label_entropy(p, q) + error, abs=1e-10)
    assert theory.value(p, q, d) == pytest.approx(-math.log(4) + 2 * theory.jsd(p, q) - 2 * error, abs=1e-10)


# 1. Divergência


@pytest.mark.claim("prop-info-atrasado", "eq-info-atrasado")
@pytest.mark.parametrize("late", [0.5, 2.0, 5.0])
def test_a_late_discriminator_pushes_even_a_perfect_generator(late):
    z = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    for at in (0.0, 1.0, -2.0):
        mu = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        losses.minimax_generator(late**2 / 2 - late * (mu + z)).mean().backward()
        weight = integral(lambda x, at=at: norm.pdf(x, at) * expit(late**2 / 2 - late * x), at, late / 2)
        assert mu.grad.item() == pytest.approx(late * weight, rel=1e-4)
        assert mu.grad.item() > 0
        if at == 0:
            assert mu.grad.item() == pytest.approx(float(GAUSSIAN.non_saturating_gradient(late)), rel=1e-4)


# 2. Entropia cruzada


@pytest.mark.claim("prop-info-peso", "eq-info-peso")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_weight_never_exceeds_the_cross_entropy_bounds(seed):
    p, q = pair(seed)
    rng = np.random.default_rng(seed)
    for spread in (0.1, 2.0, 8.0):
        d = theory.sigmoid(np.log(p / q) + rng.normal(0, spread, len(p)))
        assert q @ d <= -theory.value(p, q, d) + 1e-12
    best = p / (p + q)
    hidden = LOG2 - channel_information(p, q)
    assert q @ best <= hidden / (2 * LOG2) + 1e-12


@pytest.mark.claim("prop-info-peso", "eq-info-peso")
def test_the_bound_for_the_best_discriminator_is_attained_when_it_only_says_zero_half_or_one():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    weight = q @ theory.optimal_discriminator(p, q)
    assert weight == pytest.approx(theory.label_entropy(p, q) / (2 * LOG2), abs=1e-15)


@pytest.mark.claim("prop-info-peso", "eq-info-cota-cruzada")
@pytest.mark.parametrize("offset", [0.0, -5.0, -10.0])
def test_the_gradient_of_two_networks_never_exceeds_the_cross_entropy_bound(offset):
    torch.manual_seed(0)
    G, D, latent = networks.mlp(2, latent=3, hidden=(8,), activation="tanh")
    G, D = G.double(), D.double()
    z, real = torch.randn(64, latent, dtype=torch.float64), torch.randn(64, 2, dtype=torch.float64)
    theta = list(G.parameters())

    def flat(loss):
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, theta)])

    gradient = flat(losses.minimax_generator(D(G(z)) + offset).mean()).norm()
    slopes = torch.stack([flat(D(G(z[i : i + 1])).sum()) for i in range(64)]).square().sum(1).mean()
    # Dados bem reconhecidos: a cota vale para todo D, e este é o caso mais apertado.
    twice = losses.cross_entropy_discriminator(D(real) + 20, D(G(z)) + offset).mean()
    assert 0 < gradient <= (twice * slopes).sqrt()


@pytest.mark.claim("eq-info-verossimilhanca")
@pytest.mark.parametrize("mu", [0.5, 2.0, 6.0])
def test_in_maximum_likelihood_the_gradient_is_the_shift(mu):
    def cross(m):
        return integral(lambda x: -norm.pdf(x) * norm.logpdf(x, m), 0.0, m)

    assert cross(mu) == pytest.approx(math.log(2 * math.pi * math.e) / 2 + mu**2 / 2, abs=1e-9)
    assert (cross(mu + 1e-4) - cross(mu - 1e-4)) / 2e-4 == pytest.approx(mu, abs=1e-5)
    assert GAUSSIAN.kl_slope(mu) == pytest.approx(mu)


@pytest.mark.claim("eq-info-verossimilhanca")
def test_far_away_the_likelihood_slope_grows_levels_off_or_dies_with_the_tails():
    far = np.array([8.0, 16.0, 32.0])
    assert (np.diff(GAUSSIAN.kl_slope(far)) > 0).all()
    assert LAPLACE.kl_slope(far) == pytest.approx(1, abs=1e-3)
    assert CAUCHY.kl_slope(far) * far == pytest.approx(2, rel=0.07)
    assert (np.diff(CAUCHY.kl(far)) > 0).all()


# 3. Informação mútua


@pytest.mark.claim("prop-info-independencia", "eq-info-independencia")
@pytest.mark.parametrize("seed", SEEDS)
def test_data_and_generated_samples_share_no_information_even_when_equally_distributed(seed):
    rng = np.random.default_rng(seed)
    atoms = rng.integers(0, 4, 12)
    for generator in (atoms, rng.permutation(atoms), rng.integers(0, 4, 12)):
        joint = np.zeros((4, 4))
        for x, g in itertools.product(atoms, generator):
            joint[x, g] += 1 / 144
        assert information(joint) == pytest.approx(0, abs=1e-12)


@pytest.mark.claim("eq-info-infogan")
@pytest.mark.parametrize("seed", SEEDS)
def test_any_guess_of_the_code_bounds_the_information_and_the_gap_is_its_divergence(seed):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.ones(12)).reshape(3, 4)  # (código, amostra)
    guess = rng.dirichlet(np.ones(3), 4).T
    posterior = joint / joint.sum(0)
    bound = entropy(joint.sum(1)) + (joint * np.log(guess)).sum()
    gap = joint.sum(0) @ [entropy(posterior[:, x], guess[:, x]) for x in range(4)]
    assert bound <= information(joint)
    assert information(joint) - bound == pytest.approx(gap, abs=1e-12)
    best = entropy(joint.sum(1)) + (joint * np.log(posterior)).sum()
    assert best == pytest.approx(information(joint), abs=1e-12)


@pytest.mark.claim("eq-info-infogan")
def test_with_the_origin_as_code_it_is_the_bound_of_the_discriminator():
    p, q = pair(3)
    h = np.random.default_rng(3).normal(0, 1, len(p))
    by_guess = LOG2 + (p @ theory.log_sigmoid(h) + q @ theory.log_sigmoid(-h)) / 2
    # Amostras em proporção exata a p e q, para a função da ganlib.
    counts = [np.round(a * 10_000).astype(int) for a in (p, q)]
    by_ganlib = distances.jsd_lower_bound(*(torch.from_numpy(np.repeat(h, c)) for c in counts))
    assert by_ganlib.item() == pytest.approx(by_guess, abs=1e-3)
    assert by_guess < theory.jsd(p, q)


@pytest.mark.claim("eq-info-dv")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_supremum_of_donsker_and_varadhan_is_the_information(seed):
    joint = np.random.default_rng(seed).dirichlet(np.ones(9)).reshape(3, 3)
    product = np.outer(joint.sum(1), joint.sum(0)).ravel()

    def bound(T):
        return joint.ravel() @ T - np.log(product @ np.exp(T))

    found = minimize(lambda T: -bound(T), np.zeros(9), tol=1e-12)
    assert -found.fun == pytest.approx(information(joint), abs=1e-8)
    T = found.x - np.log(joint.ravel() / product)
    assert np.ptp(T) < 1e-3  # o ótimo é o logaritmo da razão, a menos de uma constante


@pytest.mark.claim("eq-info-dv")
def test_the_closed_form_of_the_figure_is_the_bound_by_quadrature():
    rho, a = 0.95, 0.6
    exact = -math.log(1 - rho**2) / 2
    eigen = 1 / np.array([1 + rho, 1 - rho])
    closed = a * exact - (a * exact - np.log(a * eigen + 1 - a).sum() / 2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = weights / weights.sum()
    x, y = np.meshgrid(nodes, nodes)

    def best(x, y):
        return exact - (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))

    paired = weights @ best(x, rho * x + math.sqrt(1 - rho**2) * y) @ weights
    assert paired == pytest.approx(exact, abs=1e-10)
    grid = np.linspace(-9, 9, 1201)
    x, y = np.meshgrid(grid, grid)
    density = np.exp(-(x**2 + y**2) / 2) / (2 * math.pi)
    spread = np.log((density * np.exp(a * best(x, y))).sum() * (grid[1] - grid[0]) ** 2)
    assert a * paired - spread == pytest.approx(closed, abs=1e-8)
    assert closed < exact


# 4. Taxa–distorção


@pytest.mark.claim("prop-info-distorcao", "eq-info-distorcao")
def test_the_distortion_of_independent_pairs_prefers_the_constant_mean():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (40, 2)) @ [[1, 0.5], [0, 2]]

    def distortion(g):
        return ((x[:, None] - g) ** 2).sum(-1).mean()

    def trace(a):
        return np.trace(np.cov(a.T, bias=True))

    for g in (rng.normal(3, 2, (30, 2)), x):
        expected = trace(x) + trace(g) + ((x.mean(0) - g.mean(0)) ** 2).sum()
        assert distortion(g) == pytest.approx(expected, rel=1e-12)
    assert distortion(x) == pytest.approx(2 * trace(x))
    best = minimize(lambda g: distortion(g.reshape(5, 2)), rng.normal(size=10))
    assert best.fun == pytest.approx(trace(x), rel=1e-6)
    assert best.x.reshape(5, 2) == pytest.approx(np.tile(x.mean(0), (5, 1)), abs=1e-3)


def objective(joint, cost, eps):
    return (joint * cost).sum() + eps * information(joint)


def blahut_arimoto(p, cost, eps, rounds=4000):
    q = np.full(cost.shape[1], 1 / cost.shape[1])
    for _ in range(rounds):
        kernel = q * np.exp(-cost / eps)
        joint = p[:, None] * kernel / kernel.sum(1, keepdims=True)
        q = joint.sum(0)
    return joint


def sinkhorn(p, q, cost, eps, rounds=4000):
    kernel, v = np.exp(-cost / eps), np.ones(len(q))
    for _ in range(rounds):
        u = p / (kernel @ v)
        v = q / (kernel.T @ u)
    return u[:, None] * kernel * v


@pytest.mark.claim("prop-info-ponte", "eq-info-ponte")
@pytest.mark.parametrize("seed", range(3))
def test_rate_distortion_is_the_cheapest_entropic_transport(seed):
    rng = np.random.default_rng(seed)
    p, cost, eps = rng.dirichlet(np.ones(4)), rng.uniform(0, 1, (4, 3)), 0.3
    # O mínimo à esquerda, sem algoritmo próprio: descida nos logits de P(x̂|x). Se o ótimo abandona um símbolo, ela
    # só se aproxima dele, por cima.
    found = minimize(lambda t: objective(p[:, None] * softmax(t.reshape(4, 3)), cost, eps), np.zeros(12), tol=1e-12)
    free = blahut_arimoto(p, cost, eps)
    assert found.fun - 5e-4 < objective(free, cost, eps) < found.fun + 1e-7
    same = sinkhorn(p, free.sum(0) + 1e-300, cost, eps)
    assert objective(same, cost, eps) == pytest.approx(objective(free, cost, eps), abs=1e-7)
    for q in rng.dirichlet(np.ones(3), 20):
        assert objective(sinkhorn(p, q, cost, eps, 500), cost, eps) >= objective(free, cost, eps) - 1e-7


def softmax(t):
    e = np.exp(t - t.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.claim("eq-info-ponte")
def test_with_little_entropy_the_entropic_plan_costs_what_the_optimal_transport_costs():
    rng = np.random.default_rng(1)
    x, p, q = np.sort(rng.uniform(0, 1, 5)), rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5))
    cost = np.abs(x[:, None] - x)
    plan = sinkhorn(p, q, cost, 0.005, 20_000)
    sums = np.concatenate([np.kron(np.eye(5), np.ones(5)), np.kron(np.ones(5), np.eye(5))])
    exact = linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([p, q])).fun
    assert exact == pytest.approx(transport.w1(x, p, x, q), abs=1e-9)
    assert (plan * cost).sum() == pytest.approx(exact, abs=5e-3)


@pytest.mark.claim("prop-info-moeda", "eq-info-moeda")
@pytest.mark.parametrize("a, eps", [(0.3, 0.3), (0.3, 0.7), (0.1, 0.3), (0.5, 0.6)])
def test_the_rate_of_a_biased_coin_and_the_output_it_prefers(a, eps):
    joint = blahut_arimoto(np.array([1 - a, a]), 1 - np.eye(2), eps)
    delta = joint[0, 1] + joint[1, 0]
    assert information(joint) == pytest.approx(binary_entropy(a) - binary_entropy(delta), abs=1e-9)
    assert joint[:, 1].sum() == pytest.approx((a - delta) / (1 - 2 * delta), abs=1e-9)
    assert joint[:, 1].sum() <= a + 1e-12


@pytest.mark.claim("prop-info-moeda", "eq-info-moeda")
def test_the_compressor_needs_no_rate_only_from_the_distortion_of_the_constant():
    a, flips = 0.3, np.linspace(0, 1, 41)

    def cheapest(delta):
        return min(
            information(np.array([[(1 - a) * (1 - u), (1 - a) * u], [a * v, a * (1 - v)]]))
            for u, v in itertools.product(flips, flips)
            if (1 - a) * u + a * v <= delta + 1e-9
        )

    assert cheapest(a) == pytest.approx(0, abs=1e-12)
    for delta in (0.1, 0.2):
        floor = binary_entropy(a) - binary_entropy(delta)
        assert floor <= cheapest(delta) < floor + 0.01


@pytest.mark.claim("prop-info-moeda", "eq-info-moeda-percepcao")
@pytest.mark.parametrize("a, eps", [(0.3, 0.3), (0.3, 1.1), (0.1, 0.4), (0.5, 0.6)])
def test_the_rate_of_a_biased_coin_whose_distribution_is_preserved(a, eps):
    p = np.array([1 - a, a])
    joint = sinkhorn(p, p, 1 - np.eye(2), eps)
    delta = joint[0, 1] + joint[1, 0]
    cells = [1 - a - delta / 2, delta / 2, delta / 2, a - delta / 2]
    assert information(joint) == pytest.approx(2 * binary_entropy(a) - entropy(cells), abs=1e-9)
    assert delta < 2 * a * (1 - a)
    assert information(joint) >= binary_entropy(a) - binary_entropy(delta) - 1e-12  # custa mais que a livre
    independent = np.outer(p, p)
    assert independent[0, 1] + independent[1, 0] == pytest.approx(2 * a * (1 - a))


# 5. Capacidade


@pytest.mark.claim("prop-info-canal", "eq-info-canal")
@pytest.mark.parametrize("seed", SEEDS)
def test_score_information_jsd_capacity_and_one_bit_come_in_this_order(seed):
    p, q = pair(seed, 6)
    h = np.round(np.random.default_rng(seed).normal(0, 1, 6))  # com empates: D perde informação
    d = theory.sigmoid(h)
    merged = np.stack([[a[h == v].sum() for v in np.unique(h)] for a in (p, q)])
    through = information(merged / 2)
    score = LOG2 + theory.value(p, q, d) / 2
    capacity = -minimize_scalar(lambda w: -channel_information(p, q, w), bounds=(0, 1), method="bounded").fun
    chain = [score, through, theory.jsd(p, q), capacity, LOG2]
    assert (np.diff(chain) >= -1e-10).all()
    assert chain[0] < chain[1] < chain[2]


@pytest.mark.claim("prop-info-canal", "eq-info-canal")
def test_the_best_discriminator_keeps_everything_and_on_disjoint_supports_it_is_one_bit():
    p, q = pair(2)
    best = theory.optimal_discriminator(p, q)
    assert LOG2 + theory.value(p, q, best) / 2 == pytest.approx(theory.jsd(p, q), abs=1e-12)
    p, q = np.array([0.3, 0.7, 0, 0]), np.array([0, 0, 0.6, 0.4])
    best = theory.optimal_discriminator(p, q)
    capacity = -minimize_scalar(lambda w: -channel_information(p, q, w), bounds=(0, 1), method="bounded").fun
    for bit in (LOG2 + theory.value(p, q, best) / 2, channel_information(p, q), theory.jsd(p, q), capacity):
        assert bit == pytest.approx(LOG2, abs=1e-9)


@pytest.mark.claim("eq-info-sensibilidade")
@pytest.mark.parametrize("shift", [GAUSSIAN, LAPLACE, CAUCHY], ids=lambda s: s.name)
def test_the_sensitivity_is_half_the_gradient_and_one_bit_in_all(shift):
    for mu in (0.7, 2.0, 5.0):
        difference = (shift.jsd(mu + 1e-4) - shift.jsd(mu - 1e-4)) / 2e-4
        assert difference == pytest.approx(shift.saturating_gradient(mu) / 2, rel=1e-6)
    t = np.linspace(-6, 12, 601)  # μ = e^t alcança as caudas da Cauchy
    spent = np.trapezoid(shift.saturating_gradient(np.exp(t)) / 2 * np.exp(t), t)
    assert theory.to_bits(spent) == pytest.approx(1, abs=1e-4)


@pytest.mark.claim("prop-info-gargalo", "eq-info-gargalo")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_bottleneck_tells_the_label_at_most_what_it_keeps_and_at_most_what_there_was(seed):
    p, q = pair(seed, 6)
    kernel = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), 6)  # P(t|s)
    label = channel_information(p @ kernel, q @ kernel)
    kept = information(((p + q) / 2)[:, None] * kernel)
    assert label <= min(kept, channel_information(p, q)) + 1e-12


@pytest.mark.claim("prop-info-gargalo", "eq-info-ruido")
@pytest.mark.parametrize("mu, s", [(2.0, 1.0), (6.0, 2.0), (8.0, 4.0)])
def test_noise_stretches_the_curve_of_information(mu, s):
    r = math.hypot(1, s)
    assert gaussian_information(mu, r) == pytest.approx(float(GAUSSIAN.jsd(mu / r)), abs=1e-8)
    slope = (gaussian_information(mu + 1e-3, r) - gaussian_information(mu - 1e-3, r)) / 2e-3
    assert slope == pytest.approx(float(GAUSSIAN.saturating_gradient(mu / r)) / (2 * r), rel=1e-3)


@pytest.mark.claim("prop-info-gargalo", "eq-info-apagamento")
@pytest.mark.parametrize("erase", [0.1, 0.5, 0.9])
def test_erasure_scales_the_information_and_nothing_else(erase):
    grid = np.linspace(-8, 12, 2001)

    def told(mu):
        rows = [np.append((1 - erase) * d / d.sum(), erase) for d in (norm.pdf(grid), norm.pdf(grid, mu))]
        return theory.mutual_information(*rows)

    assert told(3.0) == pytest.approx((1 - erase) * float(GAUSSIAN.jsd(3.0)), abs=1e-8)
    slope = (told(3.001) - told(2.999)) / 0.002
    assert slope == pytest.approx((1 - erase) * float(GAUSSIAN.saturating_gradient(3.0)) / 2, rel=1e-4)


@pytest.mark.claim("prop-info-gargalo", "eq-info-melhor-ruido")
def test_the_best_noise_leaves_a_sensitivity_that_falls_only_as_one_over_the_distance():
    u = np.linspace(0.5, 5, 2251)
    curve = u * np.gradient(GAUSSIAN.jsd(u), u)
    c, at = curve.max(), u[curve.argmax()]
    for mu in (4.0, 8.0, 20.0):
        r = np.linspace(1, mu, 1200)
        slopes = GAUSSIAN.saturating_gradient(mu / r) / (2 * r)
        assert slopes.max() == pytest.approx(c / mu, rel=1e-4)
        assert r[slopes.argmax()] == pytest.approx(mu / at, rel=1e-2)


@pytest.mark.claim("eq-info-vdb")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_variational_ceiling_holds_whatever_the_prior_and_bounds_every_discriminator(seed):
    rng = np.random.default_rng(seed)
    p, q = np.array([0.4, 0.6, 0, 0]), np.array([0, 0, 0.3, 0.7])  # sem gargalo, 1 bit
    kernel = rng.dirichlet(np.ones(5), 4)
    m, prior = (p + q) / 2, rng.dirichlet(np.ones(5))
    label = channel_information(p @ kernel, q @ kernel)
    kept = information(m[:, None] * kernel)
    ceiling = m @ [entropy(row, prior) for row in kernel]
    assert label <= kept + 1e-12
    assert kept <= ceiling + 1e-12
    for h in (np.log((p @ kernel) / (q @ kernel)), rng.normal(0, 3, 5)):
        d = theory.sigmoid(h)
        assert -theory.value(p @ kernel, q @ kernel, d) / 2 >= LOG2 - ceiling - 1e-12


@pytest.mark.claim("eq-info-vdb-linear")
@pytest.mark.parametrize("ceiling", [0.1, 0.5])
def test_the_linear_bottleneck_makes_its_own_noise_grow_with_the_distance(ceiling):
    for mu in (1.0, 6.0):
        a = math.sqrt(2 * ceiling / (1 + mu**2 / 4))

        def spent(s, mu=mu, a=a):
            m = (norm.pdf(s) + norm.pdf(s, mu)) / 2
            return m * (a * (s - mu / 2)) ** 2 / 2  # KL(N(média, 1)‖N(0, 1))

        assert integral(spent, 0.0, mu) == pytest.approx(ceiling, rel=1e-8)
        # T tem desvio √(1 + a²) e médias ∓aμ/2
        told = gaussian_information(a * mu, math.hypot(1, a))
        assert told == pytest.approx(float(GAUSSIAN.jsd(mu / math.sqrt(1 + 1 / a**2))), abs=1e-8)
    a = math.sqrt(2 * ceiling / (1 + 1e6**2 / 4))
    assert 1e6 / math.sqrt(1 + 1 / a**2) == pytest.approx(math.sqrt(8 * ceiling), rel=1e-6)


@pytest.mark.claim("prop-info-cega", "eq-info-cega")
def test_shuffling_the_space_changes_the_distance_and_no_information():
    p, q = np.zeros(10), np.zeros(10)
    p[:4], q[2:6] = [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]
    where = np.array([0, 1, 4, 5, 8, 9, 2, 3, 6, 7])
    r, s = np.zeros(10), np.zeros(10)
    r[where], s[where] = p, q
    for measure in (theory.mutual_information, theory.label_entropy, theory.total_variation):
        assert measure(p, q) == pytest.approx(measure(r, s), abs=1e-15)
    x = np.arange(10.0)
    assert transport.w1(x, r, x, s) > 1.5 * transport.w1(x, p, x, q)


@pytest.mark.claim("prop-info-cega", "eq-info-cega")
@pytest.mark.parametrize("mu", [1.0, 4.0])
def test_bending_the_line_changes_no_information(mu):
    # f(s) = senh s, com as densidades transportadas.
    def mixture_term(t):
        s, stretch = math.asinh(t), math.hypot(1, t)
        p, q = norm.pdf(s) / stretch, norm.pdf(s, mu) / stretch
        return (p + q) / 2 * (LOG2 - entropy([p, q])) if p + q > 0 else 0.0

    ends = np.sinh([-10, -2, 0, mu / 2, mu, mu + 2, mu + 10])
    told = sum(quad(mixture_term, a, b, epsabs=1e-12, limit=300)[0] for a, b in itertools.pairwise(ends))
    assert told == pytest.approx(float(GAUSSIAN.jsd(mu)), abs=1e-7)
