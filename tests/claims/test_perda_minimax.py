"""As afirmações do capítulo sobre a perda minimax, cada uma por dois caminhos independentes."""

import itertools

import numpy as np
import pytest
import sympy as sp
import torch
import torch.nn.functional as F
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import jensenshannon
from scipy.stats import cauchy, laplace, norm
from torch.func import functional_call, grad, jacfwd, vmap

from ganlib import losses, networks, theory

FAMILIES = {"gaussian": norm, "laplace": laplace, "cauchy": cauchy}
LOGITS = np.linspace(-12, 12, 25)

# Pares (p, q) de distribuições em seis pontos; metade deles com zeros em lugares diferentes.
_rng = np.random.default_rng(7)
PAIRS = [_rng.dirichlet(np.ones(6), size=2) for _ in range(10)]
for p, q in PAIRS[::2]:
    p[0] = q[1] = p[2] = q[2] = 0
    p /= p.sum()
    q /= q.sum()


def pair(seed, activation="tanh"):
    """Um gerador, um discriminador e um lote de ruído, em float64."""
    torch.manual_seed(seed)
    G, D, latent = networks.mlp(2, latent=3, hidden=(8,), activation=activation)
    return G.double(), D.double(), torch.randn(32, latent, dtype=torch.float64)


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


def autograd_gradient(G, D, z):
    """O gradiente da perda da ganlib até θ, como no treinamento."""
    return flat(torch.autograd.grad(losses.minimax_generator(D(G(z))).mean(), list(G.parameters())))


def normal_mean(function, *breaks):
    """E[function(z)], z ~ N(0, 1), partida nos pontos em que a função tem bicos."""
    ends = [-12.0, *sorted(breaks), 12.0]
    return sum(
        quad(lambda z: norm.pdf(z) * function(z), a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
        for a, b in itertools.pairwise(ends)
    )


# O jogo


@pytest.mark.claim("eq-entropia-cruzada")
def test_value_is_minus_twice_the_cross_entropy_of_balanced_labels():
    for p, q in PAIRS[1::2]:
        h = _rng.normal(size=6)
        # A conjunta de (Y, S), linha a linha: Y = 1 com os pesos p/2, Y = 0 com os pesos q/2.
        y = torch.tensor([1.0] * 6 + [0.0] * 6, dtype=torch.float64)
        joint = torch.tensor(np.concatenate([p, q]) / 2)
        logits = torch.tensor(np.concatenate([h, h]))
        bce = F.binary_cross_entropy_with_logits(logits, y, weight=joint, reduction="sum").item()
        assert theory.value(p, q, theory.sigmoid(h)) == pytest.approx(-2 * bce, rel=1e-12)
        # E num lote com tantos dados quantas amostras geradas, a perda da ganlib é -V.
        real, fake = torch.randn(2, 50, dtype=torch.float64)
        labels = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
        batch = F.binary_cross_entropy_with_logits(torch.cat([real, fake]), labels)
        torch.testing.assert_close(losses.cross_entropy_discriminator(real, fake).mean(), 2 * batch)


# A derivação


@pytest.mark.claim("eq-passo-cadeia", "eq-passo-sigmoide")
def test_each_step_of_the_derivation_equals_the_derivative_of_the_loss():
    t = sp.symbols("theta", real=True)
    logit = 3 * sp.sin(t) + t**3 / 4
    loss = sp.log(1 - 1 / (1 + sp.exp(-logit)))
    derivative, h_of, dh_of = (sp.lambdify(t, f, "mpmath") for f in (sp.diff(loss, t), logit, sp.diff(logit, t)))
    for value in np.linspace(-2.5, 2.5, 11):
        exact, h, dh = float(derivative(value)), float(h_of(value)), float(dh_of(value))
        s = float(theory.sigmoid(h))
        chain = 1 / (1 - s) * (-theory.sigmoid_prime(h) * dh)
        substituted = -s * (1 - s) / (1 - s) * dh
        assert chain == pytest.approx(exact, rel=1e-9)
        assert substituted == pytest.approx(exact, rel=1e-9)
        assert theory.saturating_slope(h) * dh == pytest.approx(exact, rel=1e-9)


@pytest.mark.claim("eq-passo-troca")
def test_derivative_of_the_mean_loss_is_the_mean_of_the_derivatives():
    # G(z) = sin(θ z), h(x) = 2x + x² - 1: a média é derivada por diferenças finitas, sem entrar na esperança.
    def h(theta, z):
        return 2 * np.sin(theta * z) + np.sin(theta * z) ** 2 - 1

    for theta in (0.3, 1.0, 1.7):
        def loss(t):
            return normal_mean(lambda z: theory.log_one_minus_sigmoid(h(t, z)))

        def derivative(z, theta=theta):
            dh = (2 + 2 * np.sin(theta * z)) * np.cos(theta * z) * z
            return theory.saturating_slope(h(theta, z)) * dh

        e = 1e-4
        outside = (8 * (loss(theta + e) - loss(theta - e)) - (loss(theta + 2 * e) - loss(theta - 2 * e))) / (12 * e)
        assert outside == pytest.approx(normal_mean(derivative), rel=1e-7)


@pytest.mark.claim("prop-gradiente-minimax")
def test_exchange_holds_for_a_relu_generator_in_spite_of_its_kinks():
    # h(θ, z) = 2 ReLU(θz + ½) - 1: cada z tem um bico em θ, mas |Δh| ≤ 2|z||Δθ|, e E|z| é finita.
    def loss(t):
        return normal_mean(lambda z: theory.log_one_minus_sigmoid(2 * max(t * z + 0.5, 0) - 1), -0.5 / t)

    def derivative(t):
        def term(z):
            active = float(t * z + 0.5 > 0)
            return theory.saturating_slope(2 * max(t * z + 0.5, 0) - 1) * 2 * z * active

        return normal_mean(term, -0.5 / t)

    for theta in (-1.2, 0.4, 2.0):
        e = 1e-4
        outside = (loss(theta + e) - loss(theta - e)) / (2 * e)
        assert outside == pytest.approx(derivative(theta), rel=1e-6)


@pytest.mark.claim("prop-gradiente-minimax")
def test_exchange_fails_for_a_generator_that_jumps():
    # G(z) = sinal(z - θ), h(x) = x: por dentro da esperança a derivada é 0; por fora, a densidade normal em θ.
    def loss(t):
        up, down = (theory.log_one_minus_sigmoid(x) for x in (1.0, -1.0))
        return norm.sf(t) * up + norm.cdf(t) * down

    for theta in (-1.0, 0.0, 0.5):
        x = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        z = torch.randn(1000, dtype=torch.float64)
        losses.minimax_generator(torch.sign(z - x)).mean().backward()
        outside = (loss(theta + 1e-5) - loss(theta - 1e-5)) / 2e-5
        assert x.grad.item() == 0
        assert outside == pytest.approx(norm.pdf(theta), rel=1e-8)


@pytest.mark.claim("prop-gradiente-minimax")
def test_loss_is_finite_and_the_logit_is_dominated_for_the_networks_of_the_course():
    # |h(θ, z) - h(θ₀, z)| ≤ C (1 + ‖z‖) ‖θ - θ₀‖ numa bola: a razão não cresce com o ruído.
    for activation in ("relu", "tanh", "elu", "leaky_relu"):
        G, D, _ = pair(3, activation)
        origin = {k: v.detach() for k, v in G.named_parameters()}
        z = torch.nn.functional.normalize(torch.randn(200, 3, dtype=torch.float64), dim=1)
        ratios = {}
        for size in (1.0, 1e3, 1e6):
            worst = 0.0
            for seed in range(10):
                torch.manual_seed(seed)
                step = {k: torch.randn_like(v) for k, v in origin.items()}
                norm_ = flat(step.values()).norm()
                moved = {k: origin[k] + step[k] / norm_ for k in origin}
                change = (D(functional_call(G, moved, size * z)) - D(functional_call(G, origin, size * z))).abs()
                worst = max(worst, float((change / (1 + size)).detach().max()))
            ratios[size] = worst
        assert ratios[1e6] <= 2 * ratios[1e3]
        assert bool(torch.isfinite(losses.minimax_generator(D(G(1e6 * z)))).all())


@pytest.mark.claim("eq-gradiente-minimax", "eq-cadeia-jacobiano")
def test_minimax_gradient_weighs_each_sample_by_sigma_along_the_jacobian():
    for seed in range(4):
        G, D, z = pair(seed)
        parameters = {k: v.detach() for k, v in G.named_parameters()}

        def sample(theta, noise, G=G):
            return functional_call(G, theta, noise[None])[0]

        def logit(x, D=D):
            return D(x[None])[0]

        x = vmap(sample, (None, 0))(parameters, z)
        jacobian = vmap(jacfwd(sample), (None, 0))(parameters, z)  # J, parâmetro a parâmetro
        jacobian = torch.cat([j.flatten(2) for j in jacobian.values()], dim=2)  # (B, d, m)
        slope = vmap(grad(logit))(x)
        by_chain = torch.einsum("bdm,bd->bm", jacobian, slope)
        directly = vmap(grad(lambda t, n: logit(sample(t, n))), (None, 0))(parameters, z)
        directly = torch.cat([g.flatten(1) for g in directly.values()], dim=1)
        torch.testing.assert_close(by_chain, directly, rtol=1e-9, atol=1e-12)

        sigma = torch.from_numpy(theory.sigmoid(D(x).detach().numpy()))
        formula = -(sigma[:, None] * directly).mean(0)
        torch.testing.assert_close(autograd_gradient(G, D, z), formula, rtol=1e-9, atol=1e-12)


@pytest.mark.claim("eq-gradiente-minimax")
def test_minimax_gradient_is_the_slope_of_the_loss_with_the_discriminator_frozen():
    # p_g = f(x - μ) contra o D* de μ: só o gerador anda; a perda é integrada da definição, com as densidades da SciPy.
    for name, law in FAMILIES.items():
        shift = theory.SHIFTS[name]
        for mu in (0.7, 2.0, 4.0):
            def loss(m, law=law, mu=mu):
                def term(z):
                    if law.pdf(z) == 0:
                        return 0.0
                    h = law.logpdf(z + m) - law.logpdf(z + m - mu)
                    return law.pdf(z) * -np.logaddexp(0, h)

                # Bicos da Laplace: z = 0, z + m = 0 e z + m = μ.
                ends = [-np.inf, *sorted({0.0, -m, mu - m}), np.inf]
                return sum(
                    quad(term, a, b, epsabs=1e-12, epsrel=1e-11, limit=400)[0] for a, b in itertools.pairwise(ends)
                )

            e = 1e-3
            slope = (loss(mu + e) - loss(mu - e)) / (2 * e)
            assert shift.saturating_gradient(mu) == pytest.approx(slope, rel=2e-4)


@pytest.mark.claim("eq-diferencas-finitas")
def test_central_differences_approach_the_gradient_with_the_square_of_the_step():
    for seed in range(3):
        G, D, z = pair(seed)
        theta = list(G.parameters())
        gradient, origin = autograd_gradient(G, D, z), flat(theta).detach().clone()
        u = F.normalize(torch.randn(len(origin), dtype=torch.float64), dim=0)

        @torch.no_grad()
        def loss(parameters, G=G, D=D, z=z, theta=theta):
            torch.nn.utils.vector_to_parameters(parameters, theta)
            return losses.minimax_generator(D(G(z))).mean()

        coarse, fine = (
            (loss(origin + e * u) - loss(origin - e * u)) / (2 * e) - gradient @ u for e in (2e-2, 1e-2)
        )
        assert float(coarse / fine) == pytest.approx(4, rel=2e-2)
        assert abs(float(fine)) < 1e-4 * float(gradient.norm())


# O discriminador ótimo


@pytest.mark.claim("eq-d-otimo", "prop-d-otimo")
def test_optimal_discriminator_is_the_ratio_found_by_search_at_each_point():
    for p, q in PAIRS:
        best = theory.optimal_discriminator(p, q)
        for a, b, expected in zip(p, q, best, strict=True):
            if a + b == 0:
                assert np.isnan(expected)
                continue
            found = minimize_scalar(
                lambda d, a=a, b=b: -(a * np.log(d) if a else 0.0) - (b * np.log1p(-d) if b else 0.0),
                bounds=(1e-12, 1 - 1e-12), method="bounded", options={"xatol": 1e-10},
            ).x
            assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.claim("prop-d-otimo")
def test_optimal_discriminator_is_unique_where_there_is_mass_and_free_where_there_is_none():
    for p, q in PAIRS:
        best = theory.optimal_discriminator(p, q)
        filled = np.where(p + q > 0, best, 0.123)
        top = theory.value(p, q, filled)
        assert np.isfinite(top)
        assert theory.value(p, q, np.where(p + q > 0, best, 0.9)) == top
        for i in np.flatnonzero(p + q > 0):
            for delta in (-0.01, 0.01):
                other = filled.copy()
                other[i] += delta
                if 0 <= other[i] <= 1:
                    assert theory.value(p, q, other) < top


@pytest.mark.claim("eq-logit-otimo")
def test_optimal_logit_is_the_log_ratio_of_the_densities():
    x = np.linspace(-3, 5, 29)
    for name, law in FAMILIES.items():
        for mu in (0.5, 2.0, 4.0):
            d = theory.optimal_discriminator(law.pdf(x), law.pdf(x - mu))
            logit = theory.SHIFTS[name].optimal_logit(mu, x)
            np.testing.assert_allclose(logit, np.log(d) - np.log1p(-d), rtol=1e-5, atol=1e-9)
    # O caso gaussiano é a reta μ²/2 - μx.
    np.testing.assert_allclose(theory.SHIFTS["gaussian"].optimal_logit(2.0, x), 2 - 2 * x, atol=1e-12)


@pytest.mark.claim("eq-valor-jsd", "prop-valor-jsd")
def test_value_against_the_optimal_discriminator_is_minus_log_4_plus_twice_the_jsd():
    for p, q in PAIRS:
        independent = jensenshannon(p, q) ** 2  # a SciPy devolve a raiz
        value = theory.value(p, q, theory.optimal_discriminator(p, q))
        assert value == pytest.approx(-np.log(4) + 2 * independent, abs=1e-12)
        assert theory.jsd(p, q) == pytest.approx(independent, abs=1e-12)


@pytest.mark.claim("eq-valor-jsd")
def test_value_and_jsd_of_shifted_densities_agree_with_quadrature():
    for name, law in FAMILIES.items():
        shift = theory.SHIFTS[name]
        for mu in (0.5, 1.0, 4.0):
            def kl_to_mixture(x, first, second):
                a, b = first.pdf(x), second.pdf(x)
                return a * np.log(2 * a / (a + b)) if a > 0 else 0.0

            real, fake = law(), law(loc=mu)
            ends = [-np.inf, 0, mu, np.inf]
            jsd = sum(
                quad(kl_to_mixture, a, b, args=order, epsabs=1e-13, limit=400)[0] / 2
                for order in ((real, fake), (fake, real))
                for a, b in itertools.pairwise(ends)
            )
            assert shift.jsd(mu) == pytest.approx(jsd, rel=1e-6)
            assert shift.value(mu) == pytest.approx(-np.log(4) + 2 * jsd, rel=1e-6)


@pytest.mark.claim("eq-limites-jsd", "prop-valor-jsd")
def test_jsd_is_zero_only_at_equality_and_log_2_only_without_common_mass():
    p = np.array([0.2, 0.5, 0.3, 0.0])
    assert theory.jsd(p, p) == 0
    assert theory.value(p, p, theory.optimal_discriminator(p, p)) == pytest.approx(-np.log(4), rel=1e-14)
    apart = theory.jsd([0.4, 0.6, 0, 0], [0, 0, 0.1, 0.9])
    assert apart == pytest.approx(np.log(2), rel=1e-14)
    assert theory.value([0.4, 0.6, 0, 0], [0, 0, 0.1, 0.9], [1, 1, 0, 0]) == 0
    for p, q in PAIRS:  # diferentes, e com massa em comum
        assert 0 < theory.jsd(p, q) < np.log(2)
    for t in (1e-3, 1e-6):  # perto dos extremos, mas dentro
        assert 0 < theory.jsd([0.5, 0.5], [0.5 + t, 0.5 - t]) < t
        assert np.log(2) - 0.02 < theory.jsd([1 - t, t], [t, 1 - t]) < np.log(2)


@pytest.mark.claim("eq-cota-jsd")
def test_every_discriminator_bounds_the_jsd_from_below():
    rng = np.random.default_rng(1)
    for p, q in PAIRS:
        jsd = jensenshannon(p, q) ** 2
        best = np.nan_to_num(theory.optimal_discriminator(p, q), nan=0.5)
        for d in rng.uniform(0.001, 0.999, size=(200, 6)):
            assert (np.log(4) + theory.value(p, q, d)) / 2 < jsd
        for t in (0.1, 0.01):  # a cota se aproxima da JSD quando D se aproxima de D*
            near = (1 - t) * best + t / 2
            assert jsd - (np.log(4) + theory.value(p, q, near)) / 2 <= -np.log1p(-t)
        assert (np.log(4) + theory.value(p, q, best)) / 2 == pytest.approx(jsd, abs=1e-12)
