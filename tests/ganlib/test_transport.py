"""W1 na reta contra a scipy e a programação linear; o crítico linear contra a maximização do que ele maximiza."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize_scalar
from scipy.stats import wasserstein_distance

from ganlib import distances, divergences, penalties, theory, transport


@st.composite
def on_the_line(draw):
    """Um suporte, com pontos repetidos às vezes, e as suas probabilidades."""
    n = draw(st.integers(1, 6))
    x = draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n))
    weights = np.array(draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)), dtype=float)
    return np.array(x, dtype=float), weights / weights.sum()


@given(on_the_line(), on_the_line())
def test_w1_is_scipys(a, b):
    assert transport.w1(*a, *b) == pytest.approx(wasserstein_distance(a[0], b[0], a[1], b[1]), rel=1e-9, abs=1e-12)


def test_w1_is_the_cheapest_plan_of_transport():
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y, p, q = rng.normal(size=4), rng.normal(size=5), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(5))
        cost = np.abs(x[:, None] - y[None, :]).ravel()
        marginals = np.concatenate([np.kron(np.eye(4), np.ones(5)), np.kron(np.ones(4), np.eye(5))])
        plan = linprog(cost, A_eq=marginals, b_eq=np.concatenate([p, q]))
        assert transport.w1(x, p, y, q) == pytest.approx(plan.fun, rel=1e-9)


def test_w1_of_samples_is_that_of_their_empirical_distributions():
    x, y = torch.randn(2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    even = np.full(8, 1 / 8)
    assert transport.w1(x.numpy(), even, y.numpy(), even) == pytest.approx(distances.w1(x, y).item(), rel=1e-12)


@given(on_the_line(), on_the_line())
def test_the_optimal_critic_attains_w1_with_slope_one(a, b):
    points, f = transport.optimal_critic(*a, *b)
    gap = np.interp(a[0], points, f) @ a[1] - np.interp(b[0], points, f) @ b[1]
    assert gap == pytest.approx(transport.w1(*a, *b), rel=1e-9, abs=1e-12)
    slopes = np.abs(np.diff(f) / np.diff(points))
    assert np.isin(slopes.round(9), [0, 1]).all()
    # Livre só onde não há massa a levar de um lado ao outro.
    cuts = (points[1:] + points[:-1]) / 2
    to_move = [abs(a[1][a[0] < c].sum() - b[1][b[0] < c].sum()) > 1e-9 for c in cuts]
    np.testing.assert_array_equal(slopes.round(9) == 1, to_move)


def test_the_critic_is_higher_where_the_data_are():
    points, f = transport.optimal_critic([4.0], [1.0], [0.0], [1.0])
    np.testing.assert_array_equal(points, [0, 4])
    np.testing.assert_array_equal(f, [0, 4])


# O crítico linear


def objective(w, gap, constraint, strength):
    """``w·Δ`` menos a penalidade da ganlib para um crítico linear de inclinação w."""
    D = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    D.weight.data.fill_(w)
    real = torch.linspace(-1, 1, 4, dtype=torch.float64)[:, None]
    penalty = penalties.get(constraint)(D, real, real - gap, None).mean()
    return w * gap - strength * penalty.item()


@pytest.mark.parametrize("constraint", sorted(penalties.PENALTIES))
@pytest.mark.parametrize("gap, strength", [(4.0, 10.0), (-1.5, 0.4)])
def test_each_penalised_slope_maximises_what_the_critic_maximises(constraint, gap, strength):
    w = float(transport.linear_critic(gap, constraint, strength))
    best = minimize_scalar(
        lambda v: -objective(v, gap, constraint, strength),
        bounds=(min(0, 40 * gap), max(0, 40 * gap)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert w == pytest.approx(best.x, rel=1e-5)
    assert objective(w, gap, constraint, strength) >= objective(-w, gap, constraint, strength)


def test_the_penalised_critic_is_steeper_than_one_by_w1_over_two_lambda():
    assert float(transport.linear_critic(4.0, "gradient_penalty", 10.0)) == pytest.approx(1.2, rel=1e-12)
    np.testing.assert_allclose(transport.linear_critic([-4.0, 4.0, 40.0]), [-1.2, 1.2, 3.0], rtol=1e-12)
    # O recorte fixa a inclinação, qualquer que seja a distância.
    np.testing.assert_allclose(transport.linear_critic([-4.0, 0.1], "clip", 0.01), [-0.01, 0.01], rtol=1e-12)


def test_at_zero_distance_only_the_smooth_penalties_have_one_answer():
    assert all(np.isnan(transport.linear_critic(0.0, name)) for name in ("clip", "gradient_penalty", "one_sided"))
    assert all(transport.linear_critic(0.0, name) == 0 for name in ("zero_centered", "r1", "r2", "r1_r2"))
    assert set(transport.CONSTRAINTS) == {"clip", *penalties.PENALTIES}


def test_constant_steps_on_w1_overshoot_and_never_settle_below_the_step():
    """Contra o crítico ótimo, de inclinação 1, o passo não diminui ao chegar perto."""
    theta, lr, path = 1.03, 0.1, []
    for _ in range(200):
        slope = float(transport.linear_critic(0.0 - theta, "clip", 1.0))
        theta += lr * slope
        path.append(theta)
    late = np.abs(path[50:])
    assert late.max() < lr and late.max() + late.min() == pytest.approx(lr)


# Onde só W1 vê a distância


def test_parallel_lines_are_as_far_as_two_points():
    theta = np.array([-0.7, 0.0, 0.001, 3.0])
    lines = transport.parallel_lines(theta)
    for i, shift in enumerate(theta):
        p, q = (np.array([1.0, 0.0]), np.array([0.0, 1.0])) if shift else (np.array([1.0, 0.0]),) * 2
        assert lines.w1[i] == pytest.approx(transport.w1([0.0], [1.0], [shift], [1.0]))
        assert lines.jsd[i] == pytest.approx(float(divergences.jsd(p, q)))
        assert lines.kl[i] == divergences.kl(p, q)
        assert lines.tv[i] == divergences.total_variation(p, q)
    np.testing.assert_allclose(lines.jsd, [0.693147, 0, 0.693147, 0.693147], atol=1e-6)


@pytest.mark.parametrize("theta", [-0.25, 0.0, 0.6, 1.0, 2.5])
def test_shifted_uniforms_match_their_histograms(theta):
    exact = transport.shifted_uniforms(theta)
    n = 200  # caixas por unidade: θ é múltiplo da largura
    edges = np.arange(round(min(0, theta) * n), round(max(1, 1 + theta) * n))
    p = ((edges >= 0) & (edges < n)) / n
    q = ((edges >= round(theta * n)) & (edges < round((1 + theta) * n))) / n
    assert exact.w1 == pytest.approx(transport.w1(edges / n, p, edges / n, q), abs=1e-12) == abs(theta)
    assert exact.jsd == pytest.approx(float(theory.jsd(p, q)), abs=1e-12)
    assert exact.kl == divergences.kl(p, q)
    assert exact.tv == pytest.approx(float(divergences.total_variation(p, q)), abs=1e-12)


# Entradas ruins


def test_bad_input_is_refused_with_what_is_wrong():
    with pytest.raises(ValueError, match=r"p precisa de uma probabilidade por ponto.*pontos \(2,\) e .* \(1,\)"):
        transport.w1([0.0, 1.0], [1.0], [0.0], [1.0])
    with pytest.raises(ValueError, match=r"q precisa de uma probabilidade por ponto.*pontos \(0,\)"):
        transport.w1([0.0], [1.0], [], [])
    for weights in ([0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ValueError, match="q: uma distribuição tem probabilidades não negativas que somam 1"):
            transport.optimal_critic([0.0], [1.0], [0.0, 1.0], weights)
    for strength in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="strength deve ser positivo; recebi"):
            transport.linear_critic(1.0, "r1", strength)
    with pytest.raises(ValueError, match="restrição: o nome 'gp' não existe; escolha entre clip, gradient_penalty"):
        transport.linear_critic(1.0, "gp")
