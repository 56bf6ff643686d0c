"""As afirmações do capítulo sobre o gradiente evanescente, cada uma por dois caminhos independentes."""

import itertools
import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm

from ganlib import losses, networks, theory

GAUSSIAN, LAPLACE, CAUCHY = (theory.SHIFTS[name] for name in ("gaussian", "laplace", "cauchy"))
FAMILIES = (GAUSSIAN, LAPLACE, CAUCHY)

# Quadratura de Gauss–Hermite para z ~ N(0, 1): nós e pesos em float64.
NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(150))
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def density(shift):
    return lambda x: float(np.exp(shift.log_density(np.asarray(x, dtype=float))))


def integral(function, *breaks):
    """Integral na reta, partida nos pontos dados."""
    ends = [-np.inf, *breaks, np.inf]
    return sum(quad(function, a, b, epsabs=1e-14, epsrel=1e-11, limit=200)[0] for a, b in itertools.pairwise(ends))


def small_pair(seed, offset=0.0):
    """Um gerador e um discriminador pequenos em float64, e o logit deslocado de offset."""
    torch.manual_seed(seed)
    G, D, latent = networks.mlp(2, latent=3, hidden=(8,), activation="tanh")
    G, D = G.double(), D.double()
    return G, (lambda x: D(x) + offset), torch.randn(64, latent, dtype=torch.float64)


def flat(grads):
    return torch.cat([g.reshape(-1) for g in grads])


# Peso e gradiente


@pytest.mark.claim("eq-evan-linear")
@pytest.mark.parametrize("a, b, mu", [(2.0, 2.0, 0.0), (2.0, 2.0, 5.0), (0.7, -1.0, 3.0)])
def test_with_a_linear_discriminator_the_gradient_is_the_slope_times_the_mean_weight(a, b, mu):
    m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    (WEIGHTS * losses.minimax_generator(b - a * (m + NODES))).sum().backward()
    expected = a * integral(lambda z: norm.pdf(z) / (1 + math.exp(min(a * (mu + z) - b, 700))), 0.0)
    assert m.grad.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.claim("prop-evan-cota", "eq-evan-cota")
@pytest.mark.parametrize("offset", [0.0, -6.0, -12.0])
def test_the_gradient_never_exceeds_the_product_of_the_two_root_mean_squares(offset):
    for seed in range(5):
        G, h, z = small_pair(seed, offset)
        theta = list(G.parameters())
        gradient = flat(torch.autograd.grad(losses.minimax_generator(h(G(z))).mean(), theta)).norm()
        each = [flat(torch.autograd.grad(h(G(z[i : i + 1])).sum(), theta)) for i in range(len(z))]
        weight = 1 / (1 + torch.exp(-h(G(z)).detach()))
        bound = weight.square().mean().sqrt() * torch.stack(each).square().sum(1).mean().sqrt()
        assert 0 < gradient <= bound * (1 + 1e-12)


@pytest.mark.claim("prop-evan-cota", "eq-evan-cota")
def test_the_bound_is_attained_when_every_sample_is_the_same():
    # Uma só amostra: σ e v são constantes, e Cauchy–Schwarz é uma igualdade.
    G, h, z = small_pair(0, -3.0)
    theta = list(G.parameters())
    gradient = flat(torch.autograd.grad(losses.minimax_generator(h(G(z[:1]))).mean(), theta))
    v = flat(torch.autograd.grad(h(G(z[:1])).sum(), theta))
    torch.testing.assert_close(gradient, -torch.sigmoid(h(G(z[:1]))).detach() * v, rtol=1e-10, atol=0)


@pytest.mark.claim("eq-evan-contraexemplo")
def test_the_weight_can_vanish_while_the_gradient_tends_to_one():
    for k in (0.0, 3.0, 10.0, 30.0):
        theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
        h = -k - math.exp(k) * theta
        (gradient,) = torch.autograd.grad(losses.minimax_generator(h), theta)
        assert gradient.item() == pytest.approx(1 / (1 + math.exp(-k)), rel=1e-12)
    assert torch.sigmoid(h).item() < 1e-12 and gradient.item() > 1 - 1e-12


@pytest.mark.claim("eq-evan-forca")
def test_weight_times_logit_slope_is_the_slope_of_d_over_one_minus_d():
    _, h, _ = small_pair(1)
    x = torch.randn(64, 2, dtype=torch.float64, requires_grad=True)
    # -∇ log(1-σ(h)), pela perda; ∇D/(1-D), derivando a probabilidade.
    (force,) = torch.autograd.grad(-losses.minimax_generator(4 * h(x)).sum(), x)
    d = 1 / (1 + torch.exp(-4 * h(x)))
    (slope,) = torch.autograd.grad(d.sum(), x)
    torch.testing.assert_close(force, slope / (1 - d.detach())[:, None], rtol=1e-9, atol=1e-14)


@pytest.mark.claim("prop-evan-plano", "eq-evan-plano")
@pytest.mark.parametrize("offset", [-1.0, -4.0, -9.0])
def test_a_small_and_flat_discriminator_gives_a_small_gradient(offset):
    for seed in range(3):
        G, h, z = small_pair(seed, offset)
        theta = list(G.parameters())
        gradient = flat(torch.autograd.grad(losses.minimax_generator(h(G(z))).mean(), theta)).norm()
        x = G(z).detach().requires_grad_()
        d = 1 / (1 + torch.exp(-h(x)))
        (slope,) = torch.autograd.grad(d.sum(), x)
        epsilon = max(d.max().item(), slope.norm(dim=1).max().item())
        jacobians = [
            torch.stack([flat(torch.autograd.grad(G(z[i : i + 1])[0, j], theta)) for j in range(2)])
            for i in range(len(z))
        ]
        m = torch.linalg.matrix_norm(torch.stack(jacobians), 2).square().mean().sqrt()
        assert gradient <= m * epsilon / (1 - epsilon)


# O laboratório exato


@pytest.mark.claim("prop-evan-jsd", "eq-evan-jsd")
@pytest.mark.parametrize("theta", [-0.7, 0.3, 0.8])
def test_against_the_optimal_discriminator_the_gradient_is_twice_that_of_jsd(theta):
    # Uma família que não é de deslocamento: G(z) = e^θ z, com p_data = N(0, 1).
    def jsd(t):
        p, q = norm.pdf, norm(scale=math.exp(t)).pdf

        def kl_to_middle(a):
            return integral(lambda x: a(x) * math.log(2 * a(x) / (p(x) + q(x))) if a(x) > 1e-300 else 0.0, 0.0)

        return (kl_to_middle(p) + kl_to_middle(q)) / 2

    t = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    x = torch.exp(t) * NODES
    scale2 = math.exp(2 * theta)  # D* não vê θ: é um número
    h = theta - x**2 / 2 + x**2 / (2 * scale2)
    (gradient,) = torch.autograd.grad((WEIGHTS * losses.minimax_generator(h)).sum(), t)
    step = 1e-4
    assert gradient.item() == pytest.approx(2 * (jsd(theta + step) - jsd(theta - step)) / (2 * step), rel=1e-4)


@pytest.mark.claim("prop-evan-jsd", "eq-evan-jsd")
@pytest.mark.parametrize("shift", FAMILIES, ids=lambda s: s.name)
def test_in_the_three_shift_families_the_gradient_is_twice_that_of_jsd(shift):
    mu, step = np.array([0.5, 1.5, 4.0, 7.0]), 1e-4
    slope = (shift.jsd(mu + step) - shift.jsd(mu - step)) / (2 * step)
    np.testing.assert_allclose(shift.saturating_gradient(mu), 2 * slope, rtol=1e-5)


@pytest.mark.claim("eq-evan-d-otimo")
def test_the_optimal_discriminator_of_two_gaussians_is_a_sigmoid_of_a_line():
    x = np.linspace(-6, 10, 33)
    for mu in (0.5, 2.0, 5.0):
        p, q = norm.pdf(x), norm.pdf(x, loc=mu)
        np.testing.assert_allclose(theory.sigmoid(mu**2 / 2 - mu * x), p / (p + q), rtol=1e-10)
        np.testing.assert_allclose(theory.sigmoid(GAUSSIAN.optimal_logit(mu, x)), p / (p + q), rtol=1e-10)


@pytest.mark.claim("eq-evan-laboratorio")
@pytest.mark.parametrize("mu", [0.5, 1.0, 2.0, 4.0, 6.0, 8.0])
def test_the_gaussian_gradients_are_mu_times_the_mean_of_d_and_its_complement(mu):
    def fake_mean(weight):
        # p, q no mesmo x: nada de logits.
        return integral(lambda x: norm.pdf(x, loc=mu) * weight(norm.pdf(x), norm.pdf(x, loc=mu)), 0.0, mu / 2, mu)

    d = fake_mean(lambda p, q: p / (p + q) if p + q > 0 else 0.0)
    assert float(GAUSSIAN.saturating_gradient(mu)) == pytest.approx(mu * d, rel=1e-8)
    assert float(GAUSSIAN.non_saturating_gradient(mu)) == pytest.approx(mu - mu * d, rel=1e-8)


@pytest.mark.claim("eq-evan-laboratorio")
def test_the_saturating_gradient_peaks_near_1_636_and_then_dies():
    mu = np.linspace(1, 10, 1801)
    g = GAUSSIAN.saturating_gradient(mu)
    assert mu[g.argmax()] == pytest.approx(1.63626, abs=5e-3)
    assert g.max() / 2 == pytest.approx(0.233660, abs=2e-6)
    assert (np.diff(g[g.argmax() :]) < 0).all()


@pytest.mark.claim("prop-evan-orcamento", "eq-evan-orcamento")
@pytest.mark.parametrize("shift", FAMILIES, ids=lambda s: s.name)
def test_the_slope_budget_is_log_two_in_the_three_families(shift):
    # u = 1/μ alcança o infinito: a cauda de Cauchy não se deixa truncar.
    node, weight = np.polynomial.legendre.leggauss(60)
    u, mu = (node + 1) / 4, node + 1  # em (0, ½) e em (0, 2)
    inside = weight @ shift.saturating_gradient(mu) / 2
    outside = (weight / 4) @ (shift.saturating_gradient(1 / u) / u**2) / 2
    assert inside + outside == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.claim("prop-evan-orcamento")
def test_any_shifted_density_exhausts_the_budget_and_steep_stretches_are_short():
    # Uma densidade sem simetria, com duas corcundas, numa malha.
    x = np.linspace(-40, 140, 18_001)

    def jsd(mu):
        p, q = (0.7 * norm.pdf(x - s, -3, 0.5) + 0.3 * norm.pdf(x - s, 4, 3) for s in (0.0, mu))
        return float(theory.jsd(p / p.sum(), q / q.sum()))

    assert jsd(0.0) == pytest.approx(0, abs=1e-12)
    assert jsd(80.0) == pytest.approx(math.log(2), rel=1e-9)
    mu = np.linspace(0.02, 20, 1000)
    slope = GAUSSIAN.saturating_gradient(mu) / 2
    for c in (0.01, 0.1, 0.2):
        assert (slope >= c).sum() * (mu[1] - mu[0]) <= math.log(2) / c


@pytest.mark.claim("prop-evan-sobreposicao", "eq-evan-sobreposicao")
@pytest.mark.parametrize("shift", FAMILIES, ids=lambda s: s.name)
def test_the_mean_weight_is_between_one_and_two_bayes_errors(shift):
    f = density(shift)
    for mu in (0.5, 2.0, 6.0):
        bayes = integral(lambda x, m=mu: min(f(x), f(x - m)), 0.0, mu / 2, mu) / 2
        mean = float(shift.expect(mu, lambda h, slope: theory.sigmoid(h)))
        assert bayes <= mean <= 2 * bayes


@pytest.mark.claim("prop-evan-caudas", "eq-evan-gaussiana")
def test_the_gaussian_gradient_is_below_its_tail_and_tends_to_it():
    for mu in (0.5, 2.0, 6.0, 12.0, 30.0):
        g = float(GAUSSIAN.saturating_gradient(mu))
        inner = integral(lambda t, m=mu: norm.pdf(t) / (2 * math.cosh(min(abs(m * t / 2), 700))), -1.0, 0.0, 1.0)
        tail = math.sqrt(math.pi / 2) * math.exp(-(mu**2) / 8)
        assert g == pytest.approx(mu * math.exp(-(mu**2) / 8) * inner, rel=1e-8)
        assert g <= tail
    assert g / tail > 0.99


@pytest.mark.claim("prop-evan-caudas", "eq-evan-laplace")
def test_the_laplace_gradient_has_a_closed_form_and_an_exponential_tail():
    mu = np.array([0.3, 1.0, 4.0, 12.0, 40.0])
    g = LAPLACE.saturating_gradient(mu)
    np.testing.assert_allclose(g, np.exp(-mu / 2) * np.arctan(np.sinh(mu / 2)), rtol=1e-9)
    assert g[-1] / (math.pi / 2 * math.exp(-mu[-1] / 2)) == pytest.approx(1, abs=1e-8)


@pytest.mark.claim("prop-evan-caudas", "eq-evan-cauchy")
def test_the_cauchy_gradient_has_a_closed_form_and_an_inverse_square_tail():
    mu = np.array([0.3, 1.0, 4.0, 12.0, 400.0])
    s = np.sqrt(1 + mu**2 / 4)
    g = CAUCHY.saturating_gradient(mu)
    np.testing.assert_allclose(g, 2 * (s - 1) / (mu * s**2), rtol=1e-9)
    assert g[-1] * mu[-1] ** 2 / 4 == pytest.approx(1, abs=0.01)


@pytest.mark.claim("eq-evan-escala")
@pytest.mark.parametrize("r", [0.02, 3.0])
def test_stretching_the_axis_divides_the_gradient_and_leaves_d_alone(r):
    mu = 4 * r
    m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    x = m + r * NODES
    h = (mu**2 - 2 * mu * x) / (2 * r**2)  # log N(x; 0, r²) - log N(x; μ, r²), com μ parado
    (gradient,) = torch.autograd.grad((WEIGHTS * losses.minimax_generator(h)).sum(), m)
    assert gradient.item() == pytest.approx(float(GAUSSIAN.saturating_gradient(mu / r)) / r, rel=1e-6)


# O discriminador treinado em pontos separados


@pytest.mark.claim("eq-evan-separavel")
def test_on_separated_points_the_logits_follow_the_two_exponentials():
    w = torch.tensor(-23.0, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(11.0, dtype=torch.float64, requires_grad=True)
    real, fake = b, w + b
    (dw, db) = torch.autograd.grad(losses.cross_entropy_discriminator(real, fake), (w, b))
    push_real, push_fake = math.exp(-real.item()), math.exp(fake.item())
    assert -db.item() == pytest.approx(push_real - push_fake, rel=1e-4)
    assert -(dw + db).item() == pytest.approx(push_real - 2 * push_fake, rel=1e-4)


@pytest.mark.claim("eq-evan-taxa")
def test_the_weight_of_a_separated_fake_decays_like_two_over_t():
    w = b = 0.0
    for _ in range(20_000):
        push_real, push_fake = 1 / (1 + math.exp(b)), 1 / (1 + math.exp(-w - b))
        w, b = w - push_fake, b + push_real - push_fake
    assert 20_000 / (1 + math.exp(-w - b)) == pytest.approx(2, rel=0.01)
    assert 20_000 / (1 + math.exp(b)) == pytest.approx(3, rel=0.01)


@pytest.mark.claim("eq-evan-taxa")
def test_the_two_gradients_tend_to_four_log_t_over_t_and_two_log_t():
    # O fluxo, em tempo logarítmico s = log t, até t = e^60.
    def field(s, y):
        w, b = y
        push_real, push_fake = math.exp(s + theory.log_sigmoid(-b)), math.exp(s + theory.log_sigmoid(w + b))
        return [-push_fake, push_real - push_fake]

    last = 60.0
    w, b = solve_ivp(field, (-8, last), [0.0, 0.0], method="LSODA", rtol=1e-9, atol=1e-10).y[:, -1]
    minimax, other = abs(theory.saturating_slope(w + b) * w), abs(theory.non_saturating_slope(w + b) * w)
    assert minimax / (4 * last * math.exp(-last)) == pytest.approx(1, abs=0.02)
    assert other / (2 * last) == pytest.approx(1, abs=0.02)


@pytest.mark.claim("eq-evan-lote")
@pytest.mark.parametrize("mu, batch", [(4.0, 14), (6.0, 240), (8.0, 10_180)])
def test_the_batch_for_unit_signal_to_noise_grows_with_the_shift(mu, batch):
    first, second = (
        integral(lambda x, n=n: norm.pdf(x, loc=mu) * theory.sigmoid(mu**2 / 2 - mu * x) ** n, 0.0, mu / 2, mu)
        for n in (1, 2)
    )
    ours = [float(GAUSSIAN.expect(mu, lambda h, slope, n=n: theory.sigmoid(h) ** n)) for n in (1, 2)]
    np.testing.assert_allclose(ours, [first, second], rtol=1e-7)
    assert (second - first**2) / first**2 == pytest.approx(batch, rel=0.04)


@pytest.mark.claim("eq-evan-lote")
def test_a_batch_of_that_size_has_as_much_noise_as_signal():
    rng = np.random.default_rng(0)
    means = theory.sigmoid(-4.0 * (2 + rng.standard_normal((100_000, 14)))).mean(1)  # μ = 4, lotes de 14
    assert means.mean() / means.std() == pytest.approx(1, abs=0.05)


# A GAN de dois parâmetros e a evanescência numérica


@pytest.mark.claim("eq-evan-dirac")
def test_the_two_parameter_game_has_the_stated_value_and_slopes():
    for a, b in ((1.0, 1.0), (-2.0, 0.5), (3.0, -4.0)):
        theta, psi = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
        v = -losses.cross_entropy_discriminator(psi * 0, psi * theta)
        slopes = torch.autograd.grad(v, (theta, psi))
        s = 1 / (1 + math.exp(-a * b))
        assert v.item() == pytest.approx(-math.log(2) - math.log1p(math.exp(a * b)), rel=1e-12)
        assert [g.item() for g in slopes] == pytest.approx([-b * s, -a * s], rel=1e-12)


@pytest.mark.claim("eq-evan-dirac-raio")
def test_simultaneous_steps_always_leave_the_equilibrium():
    theta, psi, eta = sp.symbols("theta psi eta", real=True)
    v = -sp.log(2) - sp.log(1 + sp.exp(theta * psi))
    new_theta, new_psi = theta - eta * sp.diff(v, theta), psi + eta * sp.diff(v, psi)
    s = 1 / (1 + sp.exp(-theta * psi))
    difference = new_theta**2 + new_psi**2 - (1 + eta**2 * s**2) * (theta**2 + psi**2)
    assert sp.simplify(difference) == 0


@pytest.mark.claim("eq-evan-bce")
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_sigmoid_with_bceloss_vanishes_where_softplus_does_not(y):
    h = torch.linspace(-60, 30, 181, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy(torch.sigmoid(h), torch.full_like(h, y), reduction="sum")
    (ours,) = torch.autograd.grad(loss, h)
    s = torch.sigmoid(h.detach())
    expected = (s - y) * (s * (1 - s)) / torch.clamp(s * (1 - s), min=1e-12)
    # O PyTorch guarda o limite 1e-12 em float32: daí a tolerância.
    torch.testing.assert_close(ours, expected, rtol=1e-7, atol=1e-300)


@pytest.mark.claim("eq-evan-bce")
def test_at_minus_fifty_the_non_saturating_slope_is_minus_one_or_almost_nothing():
    h = torch.tensor(-50.0, requires_grad=True)
    broken = torch.nn.functional.binary_cross_entropy(torch.sigmoid(h), torch.tensor(1.0))
    assert torch.autograd.grad(broken, h)[0].item() == pytest.approx(-1.9e-10, rel=0.02)
    assert torch.autograd.grad(losses.non_saturating_generator(h), h)[0].item() == pytest.approx(-1, abs=1e-6)
