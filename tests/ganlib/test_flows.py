"""Os fluxos contra D*: gradientes contra diferenças finitas das divergências, e o que cada parametrização faz."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from ganlib import divergences, flows, losses, theory
from ganlib.theory import SHIFTS

RNG = np.random.default_rng(3)
DATA = RNG.dirichlet(np.ones(5))
LOGITS = RNG.normal(size=(3, 5))
GRID = np.linspace(-15, 25, 1601)
# O que cada perda desce contra D*.
DESCENDED = {
    "minimax": lambda p, q: 2 * divergences.jsd(p, q),
    "non_saturating": divergences.non_saturating_divergence,
}


def gradient(function, x, step=1e-6):
    """Por diferenças centrais, uma coordenada por vez."""
    return np.array([(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))])


@pytest.mark.parametrize("loss", sorted(flows.COSTS))
def test_by_softmax_the_velocity_is_minus_the_gradient_of_the_divergence(loss):
    ours = flows.velocity(DATA, LOGITS, loss, "softmax")
    for logits, velocity in zip(LOGITS, ours, strict=True):
        expected = gradient(lambda w: DESCENDED[loss](DATA, softmax(w)), logits)
        np.testing.assert_allclose(velocity, -expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", sorted(flows.COSTS))
def test_by_probability_the_velocity_is_minus_the_gradient_along_the_simplex(loss):
    q = softmax(LOGITS[0])
    ours = flows.velocity(DATA, q, loss, "probability")
    assert ours.sum() == pytest.approx(0, abs=1e-12)
    step = 1e-6
    for i, j in ((0, 1), (2, 4), (3, 0)):
        move = np.eye(5)[i] - np.eye(5)[j]
        slope = (DESCENDED[loss](DATA, q + step * move) - DESCENDED[loss](DATA, q - step * move)) / (2 * step)
        assert ours @ move == pytest.approx(-slope, rel=1e-6)


@pytest.mark.parametrize("name, close", [("gaussian", 1e-9), ("laplace", 2e-3), ("cauchy", 3e-3)])
def test_by_translation_on_a_wide_grid_the_velocity_is_that_of_the_laboratory(name, close):
    family, mu = SHIFTS[name], np.array([0.5, 2.0, 4.0])
    by = flows.translation(GRID if name == "gaussian" else np.linspace(-400, 400, 16_001), family)
    data = by.distribution([0.0])
    ours = {loss: flows.velocity(data, mu[:, None], loss, by)[:, 0] for loss in flows.COSTS}
    np.testing.assert_allclose(ours["minimax"], -family.saturating_gradient(mu), rtol=close)
    np.testing.assert_allclose(ours["non_saturating"], -family.non_saturating_gradient(mu), rtol=close)


def test_with_two_modes_the_translation_still_descends_its_divergence():
    by = flows.translation(GRID, SHIFTS["gaussian"])
    data = (by.distribution([-2.0]) + 3 * by.distribution([3.0])) / 4
    for loss, divergence in DESCENDED.items():
        for theta in (-4.0, 0.5, 5.0):
            slope = gradient(lambda t, d=divergence: d(data, by.distribution(t)), np.array([theta]), 1e-4)
            assert flows.velocity(data, [theta], loss, by) == pytest.approx(-slope, rel=1e-5)


@pytest.mark.parametrize("by", sorted(flows.PARAMETRISATIONS))
@pytest.mark.parametrize("loss", sorted(flows.COSTS))
def test_every_flow_goes_down_to_the_data(loss, by):
    start = LOGITS if by == "softmax" else softmax(LOGITS, axis=-1)
    path = flows.flow(DATA, start, [0, 0.1, 1, 10, 1000], loss, by)
    assert path.shape == (5, 3, 5)
    q = flows.PARAMETRISATIONS[by].distribution(path)
    np.testing.assert_allclose(q[0], softmax(LOGITS, axis=-1), rtol=1e-12)
    q = q / q.sum(-1, keepdims=True)
    divergence = divergences.jsd(np.broadcast_to(DATA, q.shape), q)
    assert (np.diff(divergence[:4], axis=0) < 0).all()
    assert divergence[-1].max() < 1e-3


def test_the_flow_solves_its_equation():
    """A derivada do caminho, por diferenças finitas, é o campo."""
    times = 1 + np.array([0, 1e-4, 2e-4])
    for by, start in (("softmax", LOGITS[0]), ("probability", softmax(LOGITS[0]))):
        path = flows.flow(DATA, start, [0, *times], "non_saturating", by)[1:]
        slope = (path[2] - path[0]) / 2e-4
        np.testing.assert_allclose(slope, flows.velocity(DATA, path[1], "non_saturating", by), rtol=1e-4, atol=1e-8)


def test_the_translation_takes_the_time_that_the_laboratory_predicts():
    family = SHIFTS["gaussian"]
    by = flows.translation(GRID, family)
    node, weight = np.polynomial.legendre.leggauss(40)
    mu = 3.5 + 1.5 * node  # de 5 a 2
    time = 1.5 * weight @ (1 / family.saturating_gradient(mu))
    assert flows.flow(by.distribution([0.0]), [5.0], [0, time], "minimax", by)[-1] == pytest.approx(2, abs=1e-5)


def test_softmax_adds_a_vanishing_of_its_own():
    """Um modo quase ausente: nas probabilidades a perda puxa cada vez mais; nos logits, o movimento some com ε."""
    data = np.full(4, 1 / 4)
    speed = {}
    for epsilon in (1e-3, 1e-6, 1e-9):
        q = np.array([epsilon, *[(1 - epsilon) / 3] * 3])
        for loss in flows.COSTS:
            speed[loss, epsilon] = (
                flows.velocity(data, q, loss, "probability")[0],
                flows.velocity(data, np.log(q), loss, "softmax")[0],
            )
    for loss in flows.COSTS:
        near, far = speed[loss, 1e-6], speed[loss, 1e-9]
        assert far[0] >= near[0] - 1e-5 > 0.2
        assert 0 < far[1] < 2e-3 * near[1] < 1e-7


def test_disjoint_supports_leave_the_minimax_gradient_at_zero_in_every_direction():
    data = np.array([0.5, 0.5, 0, 0])
    apart = np.array([-800.0, -800.0, 0.3, -0.1])
    np.testing.assert_array_equal(flows.velocity(data, apart, "minimax"), 0)


# O discriminador contra um gerador parado


def test_the_discriminator_on_two_points_follows_gradient_descent_of_its_loss():
    lr, distance = 0.3, 2.5
    path = flows.train_discriminator(6, lr, distance)
    w, b = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    for expected in path:
        assert [w.item(), b.item()] == pytest.approx(expected, rel=1e-12)
        slopes = torch.autograd.grad(losses.cross_entropy_discriminator(b, w * distance + b), (w, b))
        with torch.no_grad():
            for parameter, slope in zip((w, b), slopes, strict=True):
                parameter -= lr * slope
    assert path.shape == (7, 2)


def test_the_weight_of_the_separated_sample_decays_like_two_over_t_and_not_exponentially():
    w, b = flows.train_discriminator(4000)[-1]
    s = float(theory.sigmoid(w + b))
    assert s == pytest.approx(5.0e-4, abs=5e-6)
    assert 4000 * s == pytest.approx(2, rel=0.01)
    assert abs(w) * s == pytest.approx(7.4e-3, abs=5e-5)
    assert abs(w) * (1 - s) == pytest.approx(14.8, abs=0.05)


# Entradas ruins


def test_bad_input_is_refused_with_what_is_wrong():
    uniform = np.full(3, 1 / 3)
    with pytest.raises(ValueError, match="os dados precisam de probabilidade positiva em todos os pontos"):
        flows.flow([0.5, 0.5, 0], np.zeros(3), [0, 1])
    for start in ([0.5, 0.5, 0], [0.5, 0.5, 0.5]):
        with pytest.raises(ValueError, match="o início deve ter probabilidades positivas que somam 1"):
            flows.flow(uniform, start, [0, 1], by="probability")
    with pytest.raises(ValueError, match="os dados têm 3 pontos, e a distribuição do gerador, 4"):
        flows.velocity(uniform, np.zeros(4))
    with pytest.raises(ValueError, match="perda: o nome 'ns' não existe; escolha entre minimax, non_saturating"):
        flows.velocity(uniform, np.zeros(3), "ns")
    with pytest.raises(ValueError, match="parametrização: o nome 'logits' não existe; escolha entre probability, soft"):
        flows.flow(uniform, np.zeros(3), [0, 1], by="logits")
    for times in ([0], [0, 0], [1, 0], [[0, 1]]):
        with pytest.raises(ValueError, match="os instantes devem ser uma lista crescente, de pelo menos dois; recebi"):
            flows.flow(uniform, np.zeros(3), times)
