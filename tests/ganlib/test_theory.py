"""O laboratório exato em 1-D: quadratura, formas fechadas, figuras publicadas e simulação, umas contra as outras."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.stats import cauchy, laplace, norm

from ganlib import losses, theory
from ganlib.theory import SHIFTS, sigmoid

LOG2 = math.log(2)
GAUSSIAN, LAPLACE, CAUCHY = SHIFTS["gaussian"], SHIFTS["laplace"], SHIFTS["cauchy"]
FAMILIES = [(SHIFTS["gaussian"], norm), (SHIFTS["laplace"], laplace), (SHIFTS["cauchy"], cauchy)]
each_family = pytest.mark.parametrize("shift, scipy_family", FAMILIES, ids=[s.name for s, _ in FAMILIES])
MU = np.array([0.5, 1.0, 2.0, 4.0, 6.0])


def integral(function, mu):
    """Integral na reta, partida onde as densidades de Laplace têm bicos e onde as duas se cruzam."""
    ends = [-np.inf, 0.0, mu / 2, mu, np.inf]
    return sum(quad(function, a, b, epsabs=1e-13, epsrel=1e-10, limit=200)[0] for a, b in itertools.pairwise(ends))


# Os logits e os rótulos


@pytest.mark.parametrize("h", [-700.0, -37.0, -2.5, 0.0, 2.5, 37.0, 700.0])
def test_the_sigmoid_and_the_losses_are_exact_at_every_logit(h):
    with mp.workdps(400):
        s = 1 / (1 + mp.exp(-mp.mpf(h)))
        expected = {
            "sigmoid": s,
            "sigmoid_prime": s * (1 - s),
            "log_sigmoid": mp.log(s),
            "log_one_minus_sigmoid": mp.log(1 - s),
            "saturating_slope": -s,
            "non_saturating_slope": -(1 - s),
        }
        for name, value in expected.items():
            assert float(getattr(theory, name)(h)) == pytest.approx(float(value), rel=1e-13, abs=0), name


def test_the_slopes_at_minus_ten_and_the_steepest_point():
    assert theory.sigmoid_prime(0.0) == 1 / 4
    assert float(theory.saturating_slope(-10)) == pytest.approx(-4.53979e-5, rel=1e-6)
    assert float(theory.non_saturating_slope(-10)) == pytest.approx(-0.9999546, abs=1e-7)


LABELS = [(1.0, 0.0), (0.9, 0.0), (1.0, 0.1), (0.9, 0.1), (0.7, 0.4)]


@pytest.mark.parametrize("alpha, beta", LABELS)
@given(h=st.floats(-30, 30))
def test_the_smoothed_logit_is_that_of_the_mixture_of_labels(alpha, beta, h):
    with mp.workdps(60):
        odds = mp.exp(mp.mpf(h))  # p/q
        d = (mp.mpf(alpha) * odds + mp.mpf(beta)) / (odds + 1)
        expected, slope = (
            mp.log(d / (1 - d)),
            mp.diff(
                lambda t: mp.log((alpha * mp.exp(t) + beta) / ((1 - mp.mpf(alpha)) * mp.exp(t) + 1 - mp.mpf(beta))), h
            ),
        )
    assert float(theory.smoothed_logit(h, alpha, beta)) == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
    assert float(theory.smoothed_logit_slope(h, alpha, beta)) == pytest.approx(float(slope), rel=1e-9)


def test_the_smoothed_logit_stays_exact_far_beyond_what_a_probability_can_hold():
    h = np.array([-1e4, -800.0, 800.0, 1e4])
    np.testing.assert_array_equal(theory.smoothed_logit(h), h)
    np.testing.assert_array_equal(theory.smoothed_logit_slope(h), 1)
    # De um lado só: nas amostras o logit continua caindo; nos dados, para em log α/(1-α) = log 9.
    np.testing.assert_allclose(theory.smoothed_logit(h, 0.9), [*(h[:2] + math.log(0.9)), *[math.log(9)] * 2])
    np.testing.assert_allclose(theory.smoothed_logit(h, 0.9, 0.1), np.log([1 / 9, 1 / 9, 9, 9]))
    assert theory.smoothed_logit_slope(-700.0, 0.9, 0.1) == pytest.approx((9 - 1 / 9) * math.exp(-700), rel=1e-9)
    assert theory.smoothed_logit_slope(700.0, 0.9, 0.1) == pytest.approx((9 - 1 / 9) * math.exp(-700), rel=1e-9)


@pytest.mark.parametrize("alpha, beta", [(0.1, 0.9), (1.1, 0.0), (0.9, -0.1), (0.5, 0.5), (math.nan, 0.0)])
def test_labels_out_of_order_are_refused(alpha, beta):
    for function in (theory.smoothed_logit, theory.smoothed_logit_slope):
        with pytest.raises(ValueError, match=f"os rótulos devem satisfazer 0 ≤ β < α ≤ 1; recebi α={alpha} e β={beta}"):
            function(0.0, alpha, beta)


# As figuras do capítulo


def test_the_gaussian_table():
    table = np.array(
        [
            [0.5, 0.030311, 0.235264, 0.264736],
            [1, 0.111421, 0.397973, 0.602027],
            [2, 0.336831, 0.449600, 1.550400],
            [4, 0.632720, 0.137195, 3.862805],
            [6, 0.689298, 0.0124532, 5.987547],
            [8, 0.693054, 3.92875e-4, 7.999607],
            [10, 0.693146, 4.46410e-6, 9.999996],
        ]
    )
    mu = table[:, 0]
    np.testing.assert_allclose(GAUSSIAN.jsd(mu), table[:, 1], atol=6e-7)
    np.testing.assert_allclose(GAUSSIAN.saturating_gradient(mu), table[:, 2], rtol=5e-6)
    np.testing.assert_allclose(GAUSSIAN.non_saturating_gradient(mu), table[:, 3], atol=6e-7)
    bits = theory.to_bits(LOG2 - GAUSSIAN.label_entropy([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(bits, [0.160747, 0.485944, 0.912822], atol=6e-7)
    np.testing.assert_allclose(GAUSSIAN.non_saturating_divergence([1.0, 6.0]), [0.277157, 16.621404], atol=6e-7)


def test_the_gaussian_gradient_peaks_where_the_table_says():
    h = 1e-3
    mu = 1.63626
    g = GAUSSIAN.saturating_gradient(np.array([mu - h, mu, mu + h]))
    assert g[0] < g[1] > g[2]
    assert g[1] / 2 == pytest.approx(0.233660, abs=6e-7)


# As fórmulas de cada família


@each_family
def test_the_density_is_scipys_and_the_score_is_its_slope(shift, scipy_family):
    x = np.array([-7.0, -1.3, -0.2, 0.4, 2.0, 9.0])
    np.testing.assert_allclose(shift.log_density(x), scipy_family.logpdf(x), rtol=1e-12)
    step = 1e-6
    slope = (scipy_family.logpdf(x + step) - scipy_family.logpdf(x - step)) / (2 * step)
    np.testing.assert_allclose(shift.score(x), slope, rtol=1e-6)
    a = np.array([0.1, 1.0, 5.0])
    np.testing.assert_allclose(shift.central_mass(a), scipy_family.cdf(a) - scipy_family.cdf(-a), rtol=1e-12)
    fisher = integral(lambda x: scipy_family.pdf(x) * float(shift.score(x)) ** 2, 0.0)
    assert shift.fisher == pytest.approx(fisher, rel=1e-6)
    assert math.isfinite(scipy_family.mean()) == shift.has_mean


@each_family
def test_both_gradients_are_the_slopes_of_the_divergences_they_descend(shift, scipy_family):
    step = 1e-4
    jsd = (shift.jsd(MU + step) - shift.jsd(MU - step)) / (2 * step)
    kl = (shift.kl(MU + step) - shift.kl(MU - step)) / (2 * step)
    other = (shift.non_saturating_divergence(MU + step) - shift.non_saturating_divergence(MU - step)) / (2 * step)
    np.testing.assert_allclose(shift.saturating_gradient(MU), 2 * jsd, rtol=1e-5)
    np.testing.assert_allclose(shift.non_saturating_gradient(MU), other, rtol=1e-5)
    np.testing.assert_allclose(shift.non_saturating_gradient(MU), shift.kl_slope(MU) - 2 * jsd, rtol=1e-5)
    np.testing.assert_allclose(shift.kl_slope(MU), kl, rtol=1e-7)


@each_family
def test_near_zero_every_divergence_is_fisher_information_times_the_squared_shift(shift, scipy_family):
    mu = 1e-3
    assert float(shift.jsd(mu)) == pytest.approx(shift.fisher * mu**2 / 8, rel=1e-3)
    assert float(shift.kl(mu)) == pytest.approx(shift.fisher * mu**2 / 2, rel=1e-3)
    assert float(shift.saturating_gradient(mu)) == pytest.approx(shift.fisher * mu / 2, rel=1e-3)
    assert float(shift.non_saturating_gradient(mu)) == pytest.approx(shift.fisher * mu / 2, rel=1e-3)


@pytest.mark.parametrize("name", ["laplace", "cauchy"])
def test_closed_forms_are_the_quadratures(name):
    shift, mu = SHIFTS[name], np.array([0.01, 0.3, 1.0, 4.0, 12.0, 40.0])
    np.testing.assert_allclose(shift.closed_gradient(mu), shift.saturating_gradient(mu), rtol=1e-8)
    np.testing.assert_allclose(shift.closed_jsd(mu), shift.jsd(mu), rtol=1e-8)
    textbook = {
        "laplace": lambda m: np.exp(-m / 2) * np.arctan(np.sinh(m / 2)),
        "cauchy": lambda m: 2 * (np.sqrt(1 + m**2 / 4) - 1) / (m * (1 + m**2 / 4)),
    }
    np.testing.assert_allclose(shift.closed_gradient(mu), textbook[name](mu), rtol=1e-9)
    # Onde o seno hiperbólico estoura e onde s - 1 some.
    assert np.isfinite(shift.closed_gradient(np.array([0.0, 1e-9, 5000.0]))).all()
    assert shift.closed_gradient(1e-9) == pytest.approx(shift.fisher * 1e-9 / 2, rel=1e-6)


@pytest.mark.parametrize(
    "name, mu, close", [("gaussian", 30.0, 0.006), ("laplace", 40.0, 1e-8), ("cauchy", 4000, 1e-3)]
)
def test_the_tails_are_where_the_gradient_goes(name, mu, close):
    shift = SHIFTS[name]
    assert float(shift.saturating_gradient(mu) / shift.saturating_tail(mu)) == pytest.approx(1, abs=close)
    tail = {
        "gaussian": math.sqrt(math.pi / 2) * math.exp(-(mu**2) / 8),
        "laplace": math.pi / 2 * math.exp(-mu / 2),
        "cauchy": 4 / mu**2,
    }
    assert float(shift.saturating_tail(mu)) == pytest.approx(tail[name], rel=1e-12)


def test_far_away_the_non_saturating_gradient_depends_on_the_tails_too():
    mu = np.array([40.0, 400.0])
    np.testing.assert_allclose(GAUSSIAN.non_saturating_gradient(mu), mu, rtol=1e-9)
    np.testing.assert_allclose(LAPLACE.non_saturating_gradient(mu), 1, atol=1e-7)
    np.testing.assert_allclose(CAUCHY.non_saturating_gradient(mu) * mu / 2, 1, atol=0.06)


@each_family
def test_the_whole_budget_is_log_two_and_what_is_left_is_the_rest_of_the_integral(shift, scipy_family):
    # u = 1/μ alcança o infinito: a cauda de Cauchy não se deixa truncar.
    node, weight = np.polynomial.legendre.leggauss(60)
    start = 2.0
    u = (node + 1) / 2 / start
    rest = (weight / 2 / start) @ (shift.saturating_gradient(1 / u) / u**2) / 2
    spent = weight @ shift.saturating_gradient(node + 1) / 2
    assert float(shift.budget_left(start)) == pytest.approx(rest, rel=1e-5)
    assert spent + rest == pytest.approx(LOG2, rel=1e-6)
    assert float(shift.budget_left(0.0)) == pytest.approx(LOG2, rel=1e-12)


def test_what_is_left_of_the_budget_is_exact_where_the_difference_is_lost():
    mu = 20.0
    assert LOG2 - float(GAUSSIAN.jsd(mu)) == pytest.approx(0, abs=1e-13)
    # Integrada, a cauda √(π/2) e^{-μ²/8}/2 dá (2/μ)·√(π/2) e^{-μ²/8}, a menos de termos em 1/μ².
    tail = 2 / mu * math.sqrt(math.pi / 2) * math.exp(-(mu**2) / 8)
    assert float(GAUSSIAN.budget_left(mu)) == pytest.approx(tail, rel=0.03)


@each_family
def test_divergences_agree_with_their_definitions_on_the_densities(shift, scipy_family):
    for mu in (0.5, 2.0, 5.0):

        def both(x, mu=mu):
            return scipy_family.pdf(x), scipy_family.pdf(x - mu)

        def kl_to(x, mu=mu):
            _, q = both(x, mu)
            return q * (scipy_family.logpdf(x - mu) - scipy_family.logpdf(x)) if q > 0 else 0.0

        def js(x, mu=mu):
            p, q = both(x, mu)
            return sum(a * math.log(2 * a / (p + q)) / 2 for a in (p, q) if a > 1e-300)

        def tv(x, mu=mu):
            p, q = both(x, mu)
            return abs(p - q) / 2

        def mixture(x, mu=mu):
            p, q = both(x, mu)
            return (p + q) * (math.log((p + q) / 2) - scipy_family.logpdf(x)) if p + q > 0 else 0.0

        jsd = integral(js, mu)
        assert float(shift.kl(mu)) == pytest.approx(integral(kl_to, mu), rel=1e-7)
        assert float(shift.jsd(mu)) == pytest.approx(jsd, rel=1e-7)
        assert float(shift.total_variation(mu)) == pytest.approx(integral(tv, mu), rel=1e-7)
        assert float(shift.non_saturating_divergence(mu)) == pytest.approx(integral(mixture, mu), rel=1e-7)
        assert float(shift.budget_left(mu)) == pytest.approx(LOG2 - jsd, rel=1e-7)
        assert LOG2 - float(shift.label_entropy(mu)) == pytest.approx(jsd, rel=1e-7)
        assert float(shift.value(mu)) == pytest.approx(2 * jsd - math.log(4), rel=1e-7)


@each_family
def test_moving_all_the_mass_costs_the_shift_even_where_the_mean_does_not_exist(shift, scipy_family):
    mu = 3.0
    distance = integral(lambda x: abs(scipy_family.cdf(x) - scipy_family.cdf(x - mu)), mu)
    assert float(shift.w1(mu)) == pytest.approx(distance, rel=1e-6) == pytest.approx(mu, rel=1e-6)
    np.testing.assert_array_equal(shift.w1([0.0, 2.0]), [0, 2])
    # Sem média, a diferença de médias de dois lotes não é estimativa de nada: não se concentra em μ.
    rng = np.random.default_rng(0)
    real, fake = scipy_family.rvs(size=(2, 200, 4000), random_state=rng)
    spread = np.quantile(np.abs((fake + mu).mean(1) - real.mean(1) - mu), 0.9)
    assert (spread < 0.1) == shift.has_mean


# Rótulos, lotes, ruído e otimizadores


def test_one_sided_labels_spare_the_non_saturating_gradient_and_two_sided_kill_it():
    published = {(1.0, 0.0): (0.01245, 5.9875), (0.9, 0.0): (0.00874, 5.9875), (0.9, 0.1): (0.00852, 0.0229)}
    for labels, (saturating, other) in published.items():
        assert float(GAUSSIAN.saturating_gradient(6.0, *labels)) == pytest.approx(saturating, abs=6e-6)
        assert float(GAUSSIAN.non_saturating_gradient(6.0, *labels)) == pytest.approx(other, abs=6e-5)
    for mu in MU:
        assert float(GAUSSIAN.non_saturating_gradient(mu, 0.8)) == pytest.approx(
            float(GAUSSIAN.non_saturating_gradient(mu)), rel=1e-10
        )


@pytest.mark.parametrize("alpha, beta", LABELS)
def test_the_smoothed_gradients_are_those_of_autograd_against_a_frozen_smoothed_discriminator(alpha, beta):
    node, weight = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(120))
    for mu in (0.7, 2.5):
        m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
        x = m + node
        p, q = (torch.exp(-((x - c) ** 2) / 2) for c in (0.0, mu))  # D* não vê m, só x
        log_d, log_not_d = (torch.log((a * p + b * q) / (p + q)) for a, b in ((alpha, beta), (1 - alpha, 1 - beta)))
        for loss, ours in ((log_not_d, GAUSSIAN.saturating_gradient), (-log_d, GAUSSIAN.non_saturating_gradient)):
            (slope,) = torch.autograd.grad((weight * loss).sum() / weight.sum(), m, retain_graph=True)
            assert float(ours(mu, alpha, beta)) == pytest.approx(slope.item(), rel=1e-6)


def test_the_batch_for_as_much_signal_as_noise():
    batches = GAUSSIAN.unit_noise_batch([4.0, 6.0, 8.0])
    np.testing.assert_array_equal(
        [round(float(b), d) for b, d in zip(batches, (0, 0, -1), strict=True)], [14, 240, 10180]
    )
    # Amostrando o gradiente, em lotes desse tamanho, nas três famílias e nas duas perdas.
    rng = np.random.default_rng(0)
    for (shift, scipy_family), slope in itertools.product(
        FAMILIES, (theory.saturating_slope, theory.non_saturating_slope)
    ):
        mu = 3.0
        x = scipy_family.rvs(size=400_000, random_state=rng) + mu
        g = slope(shift.optimal_logit(mu, x)) * shift.optimal_slope(mu, x)
        assert float(shift.unit_noise_batch(mu, slope)) == pytest.approx(g.var() / g.mean() ** 2, rel=0.03)


def test_two_points_with_instance_noise_follow_the_same_curve():
    """Dois Diracs a uma distância θ, com ruído de desvio s: tudo vem de μ = θ/s, e o gradiente, dividido por s."""
    theta, s, step = 1.5, 0.6, 1e-4

    def jsd(t):
        def js(x):
            p, q = norm.pdf(x, 0, s), norm.pdf(x, t, s)
            return sum(a * math.log(2 * a / (p + q)) / 2 for a in (p, q) if a > 1e-300)

        return integral(js, t)

    assert float(GAUSSIAN.jsd(theta / s)) == pytest.approx(jsd(theta), rel=1e-8)
    slope = (jsd(theta + step) - jsd(theta - step)) / step
    assert float(GAUSSIAN.saturating_gradient(theta / s)) / s == pytest.approx(slope, rel=1e-5)


def test_with_the_exact_gradient_sgd_stalls_at_eight_and_adam_arrives():
    ends = [torch.tensor(8.0, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    optimizers = [torch.optim.SGD(ends[:1], lr=0.02), torch.optim.Adam(ends[1:], lr=0.02)]
    grid = np.linspace(-2, 8.1, 1011)  # o gradiente é suave: a interpolação erra menos de 1e-9
    gradient = CubicSpline(grid, GAUSSIAN.saturating_gradient(grid))
    for _ in range(300):
        for mu, optimizer in zip(ends, optimizers, strict=True):
            mu.grad = torch.from_numpy(gradient(mu.item()))
            optimizer.step()
    sgd, adam = (mu.item() for mu in ends)
    assert sgd == pytest.approx(7.9976, abs=1e-4)
    assert abs(adam) < 0.5


@given(st.floats(0, 6), st.floats(-20, 20))
def test_the_optimal_logit_is_where_the_loss_of_the_library_is_flat(mu, x):
    for shift, family in FAMILIES:
        h = torch.tensor(float(shift.optimal_logit(mu, x)), dtype=torch.float64, requires_grad=True)
        p, q = family.pdf(x), family.pdf(x - mu)
        zero = torch.zeros_like(h)
        loss = p * losses.cross_entropy_discriminator(h, zero) + q * losses.cross_entropy_discriminator(zero, h)
        (slope,) = torch.autograd.grad(loss, h)
        assert slope.item() == pytest.approx(0, abs=1e-12 * max(p, q) + 1e-300)
        assert float(sigmoid(h.item())) == pytest.approx(
            float(theory.optimal_discriminator(p, q)), rel=1e-6, nan_ok=True
        )
