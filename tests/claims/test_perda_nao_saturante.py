"""As afirmações do capítulo sobre a perda não saturante, cada uma por dois caminhos independentes."""

import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.integrate import quad
from scipy.stats import cauchy, kstest, norm

from ganlib import dirac, divergences, dynamics, flows, losses, networks, theory
from ganlib.optimization import Adam

GAUSSIAN, LAPLACE, CAUCHY = (theory.SHIFTS[name] for name in ("gaussian", "laplace", "cauchy"))
LOGITS = torch.linspace(-30, 30, 121, dtype=torch.float64)


def slope(function, h):
    h = h.clone().requires_grad_()
    return torch.autograd.grad(function(h).sum(), h)[0]


def small_pair(seed):
    torch.manual_seed(seed)
    G, D, latent = networks.mlp(2, latent=3, hidden=(8,), activation="tanh")
    return G.double(), D.double(), torch.randn(64, latent, dtype=torch.float64)


def flat(grads):
    return torch.cat([g.reshape(-1) for g in grads])


def two_distributions(seed, n=6):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n), size=2)


# Por amostra


@pytest.mark.claim("prop-ns-gradiente", "eq-ns-gradiente")
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_the_mean_of_minus_one_minus_sigma_times_the_logit_gradient(seed):
    G, D, z = small_pair(seed)
    theta = list(G.parameters())
    whole = flat(torch.autograd.grad(losses.non_saturating_generator(D(G(z))).mean(), theta))
    # Amostra por amostra, sem a perda: a derivada do logit vezes o peso, com σ escrita à mão.
    parts = []
    for sample in z:
        h = D(G(sample[None]))
        weight = 1 - 1 / (1 + math.exp(-h.item()))
        parts.append(-weight * flat(torch.autograd.grad(h.sum(), theta)))
    torch.testing.assert_close(whole, torch.stack(parts).mean(0), rtol=1e-9, atol=1e-12)


@pytest.mark.claim("eq-ns-razao")
def test_the_ratio_of_the_two_slopes_is_exp_of_minus_the_logit():
    minimax, non_saturating = (slope(f, LOGITS) for f in (losses.minimax_generator, losses.non_saturating_generator))
    torch.testing.assert_close(non_saturating / minimax, torch.exp(-LOGITS), rtol=1e-9, atol=0)
    assert torch.all(minimax < 0) and torch.all(non_saturating < 0)


@pytest.mark.claim("eq-ns-soma")
def test_the_two_losses_add_up_to_minus_the_logit_and_their_gradients_to_minus_its_gradient():
    both = losses.minimax_generator(LOGITS) + losses.non_saturating_generator(LOGITS)
    torch.testing.assert_close(both, -LOGITS, rtol=0, atol=1e-12)
    G, D, z = small_pair(0)
    theta = list(G.parameters())
    functions = (losses.minimax_generator, losses.non_saturating_generator)
    one, other = (flat(torch.autograd.grad(f(D(G(z))).mean(), theta)) for f in functions)
    torch.testing.assert_close(one + other, -flat(torch.autograd.grad(D(G(z)).mean(), theta)), rtol=1e-9, atol=1e-12)


# O jogo


@pytest.mark.claim("eq-ns-soma-nao-nula")
def test_the_sum_of_the_losses_depends_on_the_generator_and_each_fake_costs_at_least_log_four():
    real, fake = torch.randn(2, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    total = losses.cross_entropy_discriminator(real, fake) + losses.non_saturating_generator(fake)
    by_hand = -torch.sigmoid(real).log() + (1 + fake.exp()).log() + (1 + (-fake).exp()).log()
    torch.testing.assert_close(total, by_hand)
    shared = losses.cross_entropy_discriminator(real * 0, LOGITS[:50]) - math.log(2)
    assert torch.all(shared + losses.non_saturating_generator(LOGITS[:50]) >= math.log(4))
    zero = torch.zeros(1, dtype=torch.float64)
    at_zero = losses.cross_entropy_discriminator(zero, zero) + losses.non_saturating_generator(zero)
    assert at_zero.item() == pytest.approx(math.log(2) + math.log(4))
    # Na minimax, a soma não muda com a amostra gerada.
    assert torch.all(
        slope(lambda h: losses.cross_entropy_discriminator(h * 0, h) + losses.minimax_generator(h), LOGITS) == 0
    )


@pytest.mark.claim("eq-ns-dirac")
def test_the_radius_of_the_dirac_game_stands_still_or_shrinks_like_the_formula():
    states = np.random.default_rng(0).normal(0, 2, (50, 2))
    theta, psi = states.T
    for name, expected in (("minimax", 0 * theta), ("non_saturating", -2 * theta * psi * np.tanh(theta * psi / 2))):
        measured = 2 * (states * dirac.get(name).field(states)).sum(-1)
        np.testing.assert_allclose(measured, expected, atol=1e-12)
    end = dynamics.flow(dirac.get("non_saturating"), [1.0, 1.0], [0.0, 300.0])[-1]
    assert 300 * (end**2).sum() == pytest.approx(8, rel=0.03)


# A divergência


@pytest.mark.claim("teo-ns-divergencia", "eq-ns-divergencia")
@pytest.mark.parametrize("seed", range(4))
def test_against_the_optimal_discriminator_the_gradient_is_that_of_the_divergence(seed):
    rng = np.random.default_rng(seed)
    p, logits = rng.dirichlet(np.ones(5)), rng.normal(size=5)
    theta = torch.tensor(logits, requires_grad=True)
    q = torch.softmax(theta, 0)
    h = torch.from_numpy(np.log(p)) - q.detach().log()  # D* parado
    (frozen,) = torch.autograd.grad((q * losses.non_saturating_generator(h)).sum(), theta)
    np.testing.assert_allclose(-flows.velocity(p, logits, loss="non_saturating"), frozen.numpy(), atol=1e-12)
    distribution = flows.PARAMETRISATIONS["softmax"].distribution
    for measure in (
        divergences.non_saturating_divergence,
        lambda a, b: divergences.kl(b, a) - 2 * divergences.jsd(a, b),
    ):
        steps = 1e-5 * np.eye(5)
        numeric = [(measure(p, distribution(logits + e)) - measure(p, distribution(logits - e))) / 2e-5 for e in steps]
        np.testing.assert_allclose(frozen.numpy(), numeric, atol=1e-8)


@pytest.mark.claim("teo-ns-divergencia", "eq-ns-divergencia")
@pytest.mark.parametrize("shift", [GAUSSIAN, LAPLACE, CAUCHY], ids=lambda s: s.name)
def test_in_the_laboratory_the_gradient_is_that_of_the_divergence_and_not_that_of_the_loss(shift):
    mu, step = np.array([0.7, 2.0, 6.0]), 1e-4

    def rise(f):
        return (f(mu + step) - f(mu - step)) / (2 * step)

    np.testing.assert_allclose(shift.non_saturating_gradient(mu), rise(shift.non_saturating_divergence), rtol=1e-6)
    loss = rise(lambda m: shift.expect(m, lambda h, s: -theory.log_sigmoid(h)))
    assert np.all(np.abs(loss / shift.non_saturating_gradient(mu) - 1)[:2] > 0.01)


@pytest.mark.claim("eq-ns-identidade")
@pytest.mark.parametrize("seed", range(5))
def test_twice_the_divergence_of_the_mixture_is_the_reverse_kl_minus_twice_the_jsd(seed):
    p, q = two_distributions(seed)
    m = (p + q) / 2
    by_hand = 2 * sum(a * math.log(a / b) for a, b in zip(m, p, strict=True))
    assert divergences.kl(q, p) - 2 * divergences.jsd(p, q) == pytest.approx(by_hand, abs=1e-12)
    assert divergences.non_saturating_divergence(p, q) == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.claim("eq-ns-identidade")
@pytest.mark.parametrize(("mu", "known"), [(1.0, 0.277157), (6.0, 16.621404)])
def test_the_known_figures_of_the_divergence_between_two_normals(mu, known):
    def integrand(x):
        p, q = norm.pdf(x), norm.pdf(x, mu)
        return (p + q) * (math.log((p + q) / 2) - norm.logpdf(x))

    assert quad(integrand, -12, 12 + mu, limit=200)[0] == pytest.approx(known, abs=1e-6)
    assert GAUSSIAN.non_saturating_divergence(mu) == pytest.approx(known, abs=1e-6)


def f_sat(u):
    return u * math.log(u) - (1 + u) * math.log((1 + u) / 2)


def f_ns(u):
    return (1 + u) * math.log((1 + u) / 2) - (u - 1)


@pytest.mark.claim("prop-ns-f", "eq-ns-f")
@pytest.mark.parametrize("seed", range(4))
def test_both_divergences_are_means_under_the_data_of_a_function_of_the_ratio(seed):
    p, q = two_distributions(seed)
    for f, divergence in ((f_sat, 2 * divergences.jsd(p, q)), (f_ns, divergences.non_saturating_divergence(p, q))):
        assert sum(a * f(b / a) for a, b in zip(p, q, strict=True)) == pytest.approx(divergence, abs=1e-12)


@pytest.mark.claim("prop-ns-f", "eq-ns-curvatura")
def test_the_second_derivatives_differ_by_the_factor_u_and_the_first_vanish_at_one():
    u = sp.symbols("u", positive=True)
    sat = u * sp.log(u) - (1 + u) * sp.log((1 + u) / 2)
    ns = (1 + u) * sp.log((1 + u) / 2) - (u - 1)
    assert sp.simplify(sp.diff(sat, u, 2) - 1 / (u * (1 + u))) == 0
    assert sp.simplify(sp.diff(ns, u, 2) - 1 / (1 + u)) == 0
    for f in (sat, ns):
        assert f.subs(u, 1) == 0 and sp.diff(f, u).subs(u, 1) == 0
    # O fator u é a razão dos pesos, e^{-h*}, com h* = log p/q.
    ratio = theory.non_saturating_slope(-np.log(3.0)) / theory.saturating_slope(-np.log(3.0))
    assert ratio == pytest.approx(float((sp.diff(ns, u, 2) / sp.diff(sat, u, 2)).subs(u, 3)))


@pytest.mark.claim("eq-ns-local")
def test_near_the_data_the_two_divergences_are_a_quarter_of_the_squared_deviation():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    a = np.array([1.0, -1.0, 0.5, -0.125])
    assert p @ a == pytest.approx(0)
    errors = {}
    for eps in (1e-2, 1e-3):
        q = p * (1 + eps * a)
        for name, value in (
            ("sat", 2 * divergences.jsd(p, q)),
            ("ns", divergences.non_saturating_divergence(p, q)),
        ):
            errors[name, eps] = abs(value - eps**2 / 4 * (p @ a**2))
    for name in ("sat", "ns"):
        assert errors[name, 1e-2] < 1e-6  # da ordem de ε³
        assert errors[name, 1e-3] < 2e-3 * errors[name, 1e-2]


# Modos


@pytest.mark.claim("eq-ns-precos")
def test_the_prices_of_missing_and_of_inventing():
    eps, rest = 1e-5, np.full(4, 0.25)

    def missing(measure):  # os dados têm ε onde o gerador não tem nada
        p = np.append(rest * (1 - eps), eps)
        return measure(p, np.append(rest, 0)) / eps

    def inventing(measure, void):  # o gerador tem ε onde os dados têm quase nada
        p, q = np.append(rest * (1 - void), void), np.append(rest * (1 - eps), eps)
        return measure(p, q) / eps

    def reverse(p, q):
        return divergences.kl(q, p)

    twice_jsd, ns = (lambda p, q: 2 * divergences.jsd(p, q)), divergences.non_saturating_divergence
    for measure, price in ((twice_jsd, math.log(2)), (ns, 1 - math.log(2)), (reverse, 1.0)):
        assert missing(measure) == pytest.approx(price, rel=1e-3)
    assert inventing(twice_jsd, 1e-30) == pytest.approx(math.log(2), rel=1e-3)
    for measure in (ns, reverse):  # cresce sem limite, com o logaritmo do vazio
        cheap, dear = inventing(measure, 1e-30), inventing(measure, 1e-60)
        assert dear - cheap == pytest.approx(30 * math.log(10), rel=1e-3)


@pytest.mark.claim("eq-ns-colapso")
def test_the_price_of_covering_a_part_of_the_data():
    p = np.full(8, 1 / 8)
    for k in range(1, 9):
        a, q = k / 8, (np.arange(8) < k) / k
        expected = (1 + a) * math.log((1 + a) / (2 * a)) - (1 - a) * math.log(2)
        assert divergences.non_saturating_divergence(p, q) == pytest.approx(expected, abs=1e-12)
    one = np.eye(8)[0]
    assert divergences.non_saturating_divergence(p, one) == pytest.approx(1.085583, abs=1e-6)
    assert divergences.jsd(p, one) == pytest.approx(0.496929, abs=1e-6)


# Caudas


@pytest.mark.claim("prop-ns-caudas", "eq-ns-caudas")
@pytest.mark.parametrize("mu", [0.5, 2.0, 8.0])
def test_the_closed_forms_agree_with_the_integral_over_the_generated_samples(mu):
    s = math.sqrt(1 + mu**2 / 4)
    closed = {
        GAUSSIAN: mu - mu * quad(lambda z: norm.pdf(z) / (1 + math.exp(mu * (mu / 2 + z))), -12, 12)[0],
        LAPLACE: 1 - math.exp(-mu) - math.exp(-mu / 2) * math.atan(math.sinh(mu / 2)),
        CAUCHY: mu / (2 * s * (s + 1)),
    }
    for shift, expected in closed.items():
        by_samples = shift.expect(mu, lambda h, dh: theory.non_saturating_slope(h) * dh)
        assert by_samples == pytest.approx(expected, rel=1e-7)
        assert shift.non_saturating_gradient(mu) == pytest.approx(expected, rel=1e-7)


@pytest.mark.claim("prop-ns-caudas", "eq-ns-caudas")
def test_far_away_the_slope_grows_stays_or_dies_with_the_tails():
    for mu in (60.0, 200.0):
        assert LAPLACE.non_saturating_gradient(mu) == pytest.approx(1, abs=1e-6)
        assert CAUCHY.non_saturating_gradient(mu) * mu / 2 == pytest.approx(1, abs=3 / mu)
    assert GAUSSIAN.non_saturating_gradient(20.0) == pytest.approx(20, rel=1e-9)


# Ruído


def adam_steps(gradients, lr=1.0):
    p = torch.nn.Parameter(torch.zeros(gradients.shape[1:], dtype=torch.float64))
    optimizer, path = Adam([p], lr=lr), [torch.zeros(gradients.shape[1:], dtype=torch.float64)]
    for g in gradients:
        p.grad = g
        optimizer.step()
        path.append(p.detach().clone())
    return torch.stack(path)


@pytest.mark.claim("prop-ns-adam", "eq-ns-adam-escala")
@pytest.mark.parametrize("g", [1.0, -1e-4, 1e-8, 1e-10])
def test_with_equal_gradients_adam_forgets_their_scale_until_epsilon(g):
    steps = adam_steps(torch.full((50, 1), g, dtype=torch.float64), lr=0.02).diff(dim=0)
    expected = -math.copysign(0.02 * abs(g) / (abs(g) + 1e-8), g)
    torch.testing.assert_close(steps, torch.full_like(steps, expected), rtol=1e-6, atol=0)


@pytest.mark.claim("prop-ns-adam", "eq-ns-adam-ruido")
@pytest.mark.parametrize("ratio", [0.0, 1.0, 3.0, 24.0])
@pytest.mark.parametrize("scale", [1.0, 1e-5])
def test_with_noisy_gradients_the_mean_step_falls_with_the_root_of_one_plus_the_noise(ratio, scale):
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, 64, dtype=torch.float64, generator=rng)
    path = adam_steps(scale * (1 + math.sqrt(ratio) * noise))
    speed = -(path[-1] - path[2000]).mean() / 2000
    assert speed.item() == pytest.approx((1 + ratio) ** -0.5, rel=0.05)


@pytest.mark.claim("def-ns-lote", "eq-ns-adam-ruido")
@pytest.mark.parametrize(("mu", "known"), [(4.0, 14), (6.0, 240), (8.0, 10_180)])
def test_the_batch_for_unit_noise_in_the_laboratory(mu, known):
    def moment(k):
        return quad(lambda z: norm.pdf(z) / (1 + math.exp(min(mu * (mu / 2 + z), 700))) ** k, -14, 14, limit=400)[0]

    by_hand = moment(2) / moment(1) ** 2 - 1
    assert GAUSSIAN.unit_noise_batch(mu) == pytest.approx(by_hand, rel=1e-5)
    assert by_hand == pytest.approx(known, rel=0.035)
    assert GAUSSIAN.unit_noise_batch(mu, theory.non_saturating_slope) < 0.1


@pytest.mark.claim("prop-ns-cauchy", "eq-ns-cauchy")
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_the_mean_of_any_batch_of_quotients_of_normals_is_the_same_cauchy(batch):
    rng = np.random.default_rng(batch)
    numerator, denominator = rng.standard_normal((2, 4000, batch))
    means = (3 * numerator / (2 * denominator)).mean(1)
    assert kstest(means, cauchy(scale=1.5).cdf).pvalue > 0.01
    # E não é a de outra escala, como seria se o lote adiantasse.
    assert kstest(means, cauchy(scale=1.0).cdf).pvalue < 1e-6


@pytest.mark.claim("eq-ns-limitado")
def test_through_a_logit_the_push_never_exceeds_the_slope_of_the_logit():
    G, D, z = small_pair(1)
    x = (10 * G(z)).detach().requires_grad_()
    h = D(x)
    (push,) = torch.autograd.grad(losses.non_saturating_generator(h).sum(), x, retain_graph=True)
    (rise,) = torch.autograd.grad(h.sum(), x)
    assert torch.all(push.norm(dim=1) < rise.norm(dim=1))
    torch.testing.assert_close(push, -(1 - torch.sigmoid(h.detach()))[:, None] * rise, rtol=1e-9, atol=1e-12)


# Suportes disjuntos


def bump(x):
    """Suave: 0 até 0,4, 1 a partir de 0,6."""
    t = ((x - 0.4) / 0.2).clamp(0, 1)
    rise = torch.where(t > 0, torch.exp(-1 / t.clamp_min(1e-9)), torch.zeros_like(t))
    fall = torch.where(t < 1, torch.exp(-1 / (1 - t).clamp_min(1e-9)), torch.zeros_like(t))
    return rise / (rise + fall)


@pytest.mark.claim("prop-ns-suportes", "eq-ns-arbitrario")
@pytest.mark.parametrize("w", [lambda x: 3 * x, lambda x: -2 * x.square(), torch.sin], ids=["subir", "descer", "seno"])
def test_discriminators_of_almost_maximal_value_push_the_samples_anywhere(w):
    real = torch.linspace(-0.3, 0.3, 50, dtype=torch.float64)
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    noise = torch.linspace(0.8, 1.2, 50, dtype=torch.float64)
    fake = scale * noise  # G_θ(z) = θz, com θ = 1: J = z
    (expected,) = torch.autograd.grad(-w(fake).mean(), scale, retain_graph=True)
    gaps = []
    for k in (10.0, 20.0, 40.0):

        def logit(x, k=k):
            return k * (1 - 2 * bump(x)) + bump(x) * w(x)

        value = -losses.cross_entropy_discriminator(logit(real), logit(fake)).mean()
        pushes = [
            torch.autograd.grad(f(logit(fake)).mean(), scale, retain_graph=True)[0]
            for f in (losses.non_saturating_generator, losses.minimax_generator)
        ]
        gaps.append([abs(value.item()), (pushes[0] - expected).abs().item(), pushes[1].abs().item()])
    gaps = np.array(gaps)
    assert np.all(gaps[-1] < 1e-12)
    assert np.all(gaps[1] < gaps[0])
