"""As afirmações do capítulo sobre a regularização do discriminador, cada uma por dois caminhos independentes."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import linprog, minimize, minimize_scalar
from scipy.special import expit
from scipy.stats import norm
from torch import nn

from ganlib import dirac, dynamics, losses, penalties, theory

GAUSSIAN = theory.SHIFTS["gaussian"]
LABELS = [(1.0, 0.0), (0.9, 0.0), (0.5, 0.0), (0.9, 0.1), (0.8, 0.3), (1.0, 0.1)]


def two_densities():
    """``log p_s`` e ``log q_s``: duas misturas de normais na reta, borradas com variância ``s2``."""

    def log_mix(x, centers, widths, weights):
        parts = [
            math.log(w / (s * math.sqrt(2 * math.pi))) - (x - c) ** 2 / (2 * s * s)
            for c, s, w in zip(centers, widths, weights, strict=True)
        ]
        return torch.logsumexp(torch.stack(parts), 0)

    def blurred(widths, s2):
        return [math.sqrt(w * w + s2) for w in widths]  # borrar uma normal só a alarga

    def p(x, s2=0.0):
        return log_mix(x, (-1.0, 1.5), blurred((0.7, 1.0), s2), (0.4, 0.6))

    def q(x, s2=0.0):
        return log_mix(x, (0.5, 3.0), blurred((0.9, 0.6), s2), (0.7, 0.3))

    return p, q


GRID = torch.linspace(-14, 16, 30_001, dtype=torch.float64)
STEP = float(GRID[1] - GRID[0])


def gradient(function, x):
    x = x.detach().clone().requires_grad_(True)
    (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return g, x


# Capacidade


@pytest.mark.claim("prop-reg-cone", "eq-reg-cone")
@pytest.mark.parametrize("curved", [False, True])
def test_scaling_any_separating_logit_starves_the_generator_even_a_plane(curved):
    torch.manual_seed(0)
    z = torch.randn(400, 2, dtype=torch.float64)
    theta = torch.tensor([3.0, 3.0], dtype=torch.float64, requires_grad=True)
    real, fake = 0.3 * z.flip(0), theta + 0.3 * z
    line = torch.tensor([-1.0, -1.0], dtype=torch.float64)

    def h(x):
        plane = x @ line + 3
        return plane + 0.3 * torch.tanh(plane) if curved else plane

    delta = min(h(real).min(), -h(fake).max()).item()
    assert delta > 0
    mean_v = gradient(h, fake)[0].norm(dim=1).mean().item()  # a jacobiana de G(z) = θ + 0,3z em θ é a identidade
    previous = math.inf
    for c in (1.0, 4.0, 16.0, 64.0):
        minus_v = losses.cross_entropy_discriminator(c * h(real), c * h(fake)).mean().item()
        (g,) = torch.autograd.grad(losses.minimax_generator(c * h(fake)).mean(), theta, retain_graph=True)
        assert 0 <= minus_v <= 2 * math.exp(-c * delta)
        assert g.norm().item() <= c * math.exp(-c * delta) * mean_v * (1 + 1e-9)
        assert g.norm().item() < previous
        previous = g.norm().item()
    (ns,) = torch.autograd.grad(losses.non_saturating_generator(64.0 * h(fake)).mean(), theta)
    assert previous < 1e-12 < 1 < ns.norm().item()  # o que sumiu foi o peso da perda, e não a inclinação


def best_value(real, real_weights, fake, fake_weights):
    """O maior V de um logit linear nas características dadas (linhas), por uma otimização côncava."""

    def loss(w):
        a, b = real @ w, fake @ w
        slope = (fake.T * expit(b)) @ fake_weights - (real.T * expit(-a)) @ real_weights
        return np.logaddexp(0, -a) @ real_weights + np.logaddexp(0, b) @ fake_weights, slope

    start = np.random.default_rng(0).normal(size=real.shape[1])
    return -minimize(loss, start, jac=True, options={"gtol": 1e-8, "maxiter": 2000}).fun


@pytest.mark.claim("prop-reg-momentos", "eq-reg-momentos")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_n_features_accept_a_generator_of_n_plus_one_points_and_refuse_one_with_other_means(seed):
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(60, 2))
    features = np.stack([cloud[:, 0] ** i * cloud[:, 1] ** j for i in range(3) for j in range(3 - i)], 1)
    even = np.full(60, 1 / 60)
    found = linprog(rng.normal(size=60), A_eq=features.T, b_eq=features.T @ even)
    used = found.x > 1e-10
    assert used.sum() <= features.shape[1]  # n características e a constante: n + 1
    assert best_value(features, even, features, found.x) == pytest.approx(-math.log(4), abs=1e-6)
    other = np.where(np.arange(60) < 6, 1 / 6, 0.0)
    assert best_value(features, even, features, other) > -math.log(4) + 1e-2


# Ruído


@pytest.mark.claim("prop-reg-identifica", "eq-reg-dois-pontos")
@pytest.mark.parametrize(("theta", "s"), [(0.7, 0.5), (3.0, 1.0), (2.0, 0.4), (5.0, 4.0)])
def test_two_noisy_points_are_the_gaussian_laboratory_at_the_distance_over_the_noise(theta, s):
    def h(x):
        return norm.logpdf(x, 0, s) - norm.logpdf(x, theta, s)

    def half(x, center, sign):
        return norm.pdf(x, center, s) * -np.logaddexp(0, -sign * h(x))

    lo, hi = -12 * s, theta + 12 * s
    value = quad(lambda x: half(x, 0, 1) + half(x, theta, -1), lo, hi, limit=400, points=[0, theta])[0]
    assert GAUSSIAN.jsd(theta / s) == pytest.approx((value + math.log(4)) / 2, abs=1e-9)
    # O gradiente em θ por autograd, contra o D ótimo parado: quantis da amostra borrada.
    z = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    moving = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    x = moving + s * z
    logit = theta**2 / (2 * s**2) - theta * x / s**2
    (g,) = torch.autograd.grad(losses.minimax_generator(logit).mean(), moving)
    assert g.item() == pytest.approx(float(GAUSSIAN.saturating_gradient(theta / s)) / s, rel=1e-4)


@pytest.mark.claim("prop-reg-identifica")
def test_noise_on_both_sides_keeps_the_solution_and_noise_on_one_side_moves_it():
    x = np.linspace(-12, 12, 2401)

    def density(variance):
        d = np.exp(-(x**2) / (2 * variance))
        return d / d.sum()

    s2 = 0.36
    cases = {(1 + s2, s2): 1.0, (1.0, s2): math.sqrt(1 - s2), (1 + s2, 0.0): math.sqrt(1 + s2)}
    for (real, extra), wanted in cases.items():
        found = minimize_scalar(lambda r: float(theory.jsd(density(real), density(r * r + extra))), bounds=(0.3, 2))  # noqa: B023
        assert found.x == pytest.approx(wanted, abs=1e-3)


@pytest.mark.claim("eq-reg-melhor-ruido")
@pytest.mark.parametrize("theta", [0.5, 3.0, 20.0])
def test_the_best_noise_is_a_fixed_share_of_the_distance_and_its_push_is_inverse_to_it(theta):
    top = minimize_scalar(lambda mu: -mu * GAUSSIAN.saturating_gradient(mu), bounds=(0.5, 6), options={"xatol": 1e-9})
    # Do outro lado, a derivada da JSD em θ por diferença central, maximizada em s.
    step = 1e-4 * theta

    def push(log_s):
        s = math.exp(log_s)
        return float(GAUSSIAN.jsd((theta + step) / s) - GAUSSIAN.jsd((theta - step) / s)) / step

    bounds = (math.log(theta / 10), math.log(2 * theta))
    found = minimize_scalar(lambda t: -push(t), bounds=bounds, options={"xatol": 1e-6})
    assert math.exp(found.x) == pytest.approx(theta / top.x, rel=1e-3)
    assert -found.fun == pytest.approx(-top.fun / theta, rel=1e-6)


@pytest.mark.claim("eq-reg-perto")
@pytest.mark.parametrize("s", [0.3, 1.0])
def test_near_the_solution_steps_converge_only_with_noise_above_half_the_root_of_the_rate(s):
    theta = 1e-3 * s
    slope = float(GAUSSIAN.saturating_gradient(theta / s)) / s
    assert slope == pytest.approx(theta / (2 * s**2), rel=1e-5)

    def descend(lr):
        x = theta
        for _ in range(40):
            x -= lr * math.copysign(float(GAUSSIAN.saturating_gradient(abs(x) / s)), x) / s
        return abs(x)

    assert descend(0.9 * 4 * s**2) < theta < 10 * theta < descend(1.1 * 4 * s**2)


@pytest.mark.claim("prop-reg-roth", "eq-reg-roth")
@pytest.mark.parametrize("s2", [0.2, 1.0])
def test_the_jsd_falls_with_the_noise_as_the_weighted_square_slope_of_the_optimal_logit(s2):
    p, q = two_densities()

    def jsd(t):
        log_p, log_q = p(GRID, t), q(GRID, t)
        h = log_p - log_q
        value = -(log_p.exp() * losses.softplus(-h) + log_q.exp() * losses.softplus(h)).sum() * STEP
        return (value.item() + math.log(4)) / 2

    slope, x = gradient(lambda x: p(x, s2) - q(x, s2), GRID)
    dp, dq = p(x, s2).exp(), q(x, s2).exp()
    integral = (dp * dq / (dp + dq) * slope**2).sum().item() * STEP
    eps = 1e-4
    assert (jsd(s2 + eps) - jsd(s2 - eps)) / (2 * eps) == pytest.approx(-integral / 4, rel=1e-6)


@pytest.mark.claim("prop-reg-roth", "eq-reg-roth-geral")
@pytest.mark.parametrize("optimal", [False, True])
def test_a_little_noise_is_a_slope_penalty_plus_a_laplacian_that_vanishes_at_the_optimum(optimal):
    p, q = two_densities()

    def h(x):
        return p(x) - q(x) if optimal else 1.5 - 0.8 * x + torch.sin(x)

    def value(s2):
        logit = h(GRID)
        loss = p(GRID, s2).exp() * losses.softplus(-logit) + q(GRID, s2).exp() * losses.softplus(logit)
        return -loss.sum().item() * STEP

    slope, x = gradient(h, GRID)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    d, dp, dq = h(x).sigmoid(), p(x).exp(), q(x).exp()
    penalty = ((dp + dq) * d * (1 - d) * slope**2).sum().item() * STEP
    laplacian = ((dp * (1 - d) - dq * d) * bend).sum().item() * STEP
    s2 = 1e-5
    assert (value(s2) - value(0.0)) / s2 == pytest.approx((laplacian - penalty) / 2, rel=1e-3)
    assert (abs(laplacian) < 1e-10) == optimal


# Rótulos


@pytest.mark.claim("prop-reg-rotulos", "eq-reg-d-suave")
@pytest.mark.parametrize(("alpha", "beta"), LABELS)
def test_the_smoothed_loss_is_minimised_by_the_mixture_of_labels_inside_its_bounds(alpha, beta):
    for p, q in ((0.7, 0.3), (1e-4, 1.0), (1.0, 1e-4), (2.0, 2.0)):
        best = float(theory.optimal_discriminator(p, q, alpha, beta))
        assert best == pytest.approx(beta + (alpha - beta) * p / (p + q), abs=1e-12)

        def loss(h, p=p, q=q):
            """A perda da ganlib num ponto, separada nas parcelas dos dados e das geradas."""
            logit, far = torch.tensor(h, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
            both = losses.cross_entropy_with_labels(logit, logit, alpha, beta)
            on_fake = losses.cross_entropy_with_labels(far, logit, 0.0, beta) - math.log(2)
            return (p * (both - on_fake) + q * on_fake).item()

        found = minimize_scalar(loss, bounds=(-25, 25), options={"xatol": 1e-10}).x
        assert found == pytest.approx(float(theory.smoothed_logit(math.log(p / q), alpha, beta)), abs=1e-4)
        if beta > 0:
            assert found > math.log(beta / (1 - beta))
        if alpha < 1:
            assert found < math.log(alpha / (1 - alpha))


def smoothed_fields(alpha, beta):
    """∇ log D e ∇ log(1 - D), por autograd, com D o ótimo suavizado e o sem suavização."""
    p, q = two_densities()

    def d(x, a, b):
        return (a * p(x).exp() + b * q(x).exp()) / (p(x).exp() + q(x).exp())

    x = torch.linspace(-3, 5, 401, dtype=torch.float64)

    def fields(a, b):
        logs = (lambda x: torch.log(d(x, a, b))), (lambda x: torch.log1p(-d(x, a, b)))
        return [gradient(log, x)[0].detach() for log in logs]

    return fields(alpha, beta), fields(1, 0), d(x, 1, 0)


@pytest.mark.claim("prop-reg-rotulos", "eq-reg-um-lado")
@pytest.mark.parametrize("alpha", [0.9, 0.5, 0.05])
def test_one_sided_smoothing_leaves_the_non_saturating_field_alone_and_shrinks_the_saturating_one(alpha):
    (ns, saturating), (plain_ns, plain_saturating), d = smoothed_fields(alpha, 0.0)
    torch.testing.assert_close(ns, plain_ns, rtol=1e-10, atol=1e-12)
    factor = alpha * (1 - d) / (1 - alpha * d)
    torch.testing.assert_close(saturating, factor * plain_saturating, rtol=1e-8, atol=1e-12)
    assert factor.max() <= alpha
    for mu in (1.0, 4.0, 8.0):
        assert GAUSSIAN.non_saturating_gradient(mu, alpha, 0.0) == pytest.approx(
            float(GAUSSIAN.non_saturating_gradient(mu)), rel=1e-9
        )
        assert GAUSSIAN.saturating_gradient(mu, alpha, 0.0) <= alpha * GAUSSIAN.saturating_gradient(mu)


@pytest.mark.claim("prop-reg-rotulos", "eq-reg-dois-lados")
@pytest.mark.parametrize(("alpha", "beta"), [(0.9, 0.1), (1.0, 0.1), (0.7, 0.4)])
def test_two_sided_smoothing_bounds_the_non_saturating_field_by_the_saturating_one(alpha, beta):
    (ns, _), (_, plain_saturating), _ = smoothed_fields(alpha, beta)
    bound = (alpha - beta) / beta
    assert (ns.abs() <= bound * plain_saturating.abs() * (1 + 1e-9) + 1e-15).all()
    for mu in (2.0, 6.0, 10.0):
        ratio = float(GAUSSIAN.non_saturating_gradient(mu, alpha, beta) / GAUSSIAN.saturating_gradient(mu))
        assert 0 < ratio <= bound  # morre com a mesma pressa
    assert GAUSSIAN.non_saturating_gradient(10.0) > 9.99


@pytest.mark.claim("eq-reg-um-lado", "eq-reg-dois-lados")
def test_the_table_of_smoothing_at_a_shift_of_six_agrees_with_high_precision_quadrature():
    mpmath.mp.dps = 20

    def exact(alpha, beta):
        mu = mpmath.mpf(6)

        def d(x):
            odds = mpmath.exp(mu * mu / 2 - mu * x)
            return (alpha * odds + beta) / (1 + odds)

        def push(x, saturating):
            density = mpmath.npdf(x - mu)
            top = mpmath.exp(mu * mu / 2 - mu * x)
            slope = (alpha - beta) * (-mu) * top / (1 + top) ** 2  # D'
            return density * (-slope / (1 - d(x)) if saturating else -slope / d(x))

        return [mpmath.quad(lambda x, s=s: push(x, s), [-6, 0, 3, 6, 9, 14]) for s in (True, False)]

    table = {(1.0, 0.0): (0.01245, 5.9875), (0.9, 0.0): (0.00874, 5.9875), (0.9, 0.1): (0.00852, 0.0229)}
    for labels, rounded in table.items():
        values = [float(v) for v in exact(*labels)]
        measured = [float(f(6.0, *labels)) for f in (GAUSSIAN.saturating_gradient, GAUSSIAN.non_saturating_gradient)]
        assert measured == pytest.approx(values, rel=1e-6)
        assert measured == pytest.approx(rounded, rel=3e-3)


# R1 e R2


class Quadratic(nn.Module):
    """h(x) = b + w·x + x·A·x, com a derivada à vista."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.w = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.A = nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))

    def forward(self, x):
        return self.b + x @ self.w + ((x @ self.A) * x).sum(-1)


@pytest.mark.claim("prop-reg-r1", "eq-reg-r1")
@pytest.mark.parametrize("gamma", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("name", ["r1", "r1_r2"])
def test_the_mean_square_slope_on_the_data_is_at_most_four_jsd_over_gamma(gamma, name):
    grid = torch.linspace(-1, 1, 7, dtype=torch.float64)
    x = torch.cartesian_prod(grid, grid)
    p, q = torch.softmax(-((x + 0.3) ** 2).sum(1) * 2, 0), torch.softmax(-((x - 0.5) ** 2).sum(1) * 3, 0)
    D = Quadratic()
    solver = torch.optim.LBFGS(D.parameters(), max_iter=300, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def penalised():
        h = D(x)
        fit = (p * losses.softplus(-h) + q * losses.softplus(h)).sum()
        value = (p * penalties.r1(D, x)).sum() + (q * penalties.r2(D, None, x)).sum() * (name == "r1_r2")
        return fit + gamma * value, value

    def closure():
        solver.zero_grad()
        loss, _ = penalised()
        loss.backward()
        return loss

    solver.step(closure)
    loss, value = penalised()
    jsd = float(theory.jsd(p.numpy(), q.numpy()))
    assert 0 < 2 * value.item() <= 4 * jsd / gamma <= 4 * math.log(2) / gamma
    assert loss.item() < math.log(4)
    # A penalidade da ganlib é ½‖∇h‖²: conferida com a derivada escrita à mão.
    slope = D.w + x @ (D.A + D.A.T)
    by_hand = (p * (slope**2).sum(1)).sum() / 2
    torch.testing.assert_close((p * penalties.r1(D, x)).sum(), by_hand)


@pytest.mark.claim("prop-reg-r1-limite", "eq-reg-r1-limite")
@pytest.mark.parametrize("height", [1.0, 5.0, 30.0])
def test_a_step_between_separated_supports_pays_no_penalty_and_sends_no_gradient(height):
    class Step(nn.Module):
        """Suave: C até 1, -C a partir de 2, e o polinômio 6t⁵ - 15t⁴ + 10t³ entre os dois."""

        def forward(self, x):
            t = (x.squeeze(-1) - 1).clamp(0, 1)
            return height * (1 - 2 * (6 * t**5 - 15 * t**4 + 10 * t**3))

    torch.manual_seed(0)
    real = torch.rand(50, 1, dtype=torch.float64) * 0.9
    theta = torch.tensor(2.1, dtype=torch.float64, requires_grad=True)
    fake = theta + torch.rand(50, 1, dtype=torch.float64)
    D = Step()
    assert penalties.r1_r2(D, real, fake).abs().max() == 0
    minus_v = losses.cross_entropy_discriminator(D(real), D(fake)).mean()
    assert minus_v.item() == pytest.approx(2 * math.log1p(math.exp(-height)), rel=1e-9)
    for loss in (losses.minimax_generator, losses.non_saturating_generator):
        (g,) = torch.autograd.grad(loss(D(fake)).mean(), theta, retain_graph=True)
        assert g.item() == 0
    between = torch.full((1, 1), 1.5, dtype=torch.float64)
    assert penalties.gradient_norm(D, between).item() > height  # o degrau existe: só não está onde se cobra


def regularised_field(state, name, weight, nodes=80):
    """O campo da Dirac-GAN pelas perdas da ganlib e as penalidades do texto, por autograd e Gauss–Hermite."""
    theta, psi = (torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in state)
    z, mass = (torch.tensor(a) for a in np.polynomial.hermite_e.hermegauss(nodes))
    mass = mass / mass.sum()
    noise = math.sqrt(weight) * z if name == "instance_noise" else 0 * z
    d_loss = (mass * losses.cross_entropy_discriminator(psi * noise, psi * (theta.detach() + noise))).sum()
    g_loss = (mass * losses.minimax_generator(psi.detach() * (theta + noise))).sum()
    if name != "instance_noise":
        slope = psi**2 / 2  # ½‖∇_x(ψx)‖², o mesmo nos dados e nas geradas
        d_loss = d_loss + weight * slope * (2 if name == "r1_r2" else 1)
    return [-torch.autograd.grad(g_loss, theta)[0].item(), -torch.autograd.grad(d_loss, psi)[0].item()]


@pytest.mark.claim("prop-reg-dirac", "eq-reg-autovalores")
@pytest.mark.parametrize("weight", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("name", ["r1", "r1_r2", "instance_noise"])
def test_the_brakes_of_the_dirac_gan_have_the_stated_eigenvalues(name, weight):
    closed = {
        "r1": (weight / 2, weight**2 / 4),
        "r1_r2": (weight, weight**2),
        "instance_noise": (weight / 4, weight**2 / 16),
    }
    half, square = closed[name]
    root = np.sqrt(complex(square - 0.25))
    wanted = np.sort_complex([-half - root, -half + root])
    eps = 1e-5
    columns = [
        np.subtract(regularised_field(eps * e, name, weight), regularised_field(-eps * e, name, weight)) / (2 * eps)
        for e in np.eye(2)
    ]
    option = {"std": math.sqrt(weight)} if name == "instance_noise" else {"gamma": weight}
    method = dirac.get(name, **option)
    np.testing.assert_allclose(np.stack(columns, 1), method.jacobian(np.zeros(2)), atol=1e-8)
    np.testing.assert_allclose(np.sort_complex(np.linalg.eigvals(np.stack(columns, 1))), wanted, atol=1e-4)
    np.testing.assert_allclose(np.sort_complex(method.eigenvalues), wanted, atol=1e-12)


@pytest.mark.claim("prop-reg-dirac")
@pytest.mark.parametrize(("name", "critical"), [("r1", 1.0), ("r1_r2", 0.5), ("instance_noise", 2.0)])
def test_the_critical_weight_is_the_fastest_and_every_brake_converges_where_the_plain_game_does_not(name, critical):
    def make(weight):
        option = {"std": math.sqrt(weight)} if name == "instance_noise" else {"gamma": weight}
        return dirac.get(name, **option)

    leading = {w: make(critical * w).eigenvalues.real.max() for w in (0.3, 0.9, 1.0, 1.1, 4.0)}
    assert min(leading, key=leading.get) == 1.0
    assert max(leading.values()) < 0
    for weight in (0.3, 1.0, 4.0):
        end = dynamics.trajectory(make(critical * weight), [1.0, 1.0], 500, 0.2)[-1]
        assert np.linalg.norm(end) < 1e-2
    assert np.linalg.norm(dynamics.trajectory(dirac.get("minimax"), [1.0, 1.0], 500, 0.2)[-1]) > 1
