"""As divergências discretas, contra a scipy, contra amostras e umas contra as outras."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from ganlib import divergences, theory

LOG2 = math.log(2)


@st.composite
def pairs(draw, zeros=True):
    n = draw(st.integers(2, 6))
    some = st.floats(0.01, 1)
    weights = arrays(np.float64, n, elements=st.just(0.0) | some if zeros else some).filter(lambda w: w.any())
    p, q = draw(weights), draw(weights)
    return p / p.sum(), q / q.sum()


def by_entropies(p, q):
    """``JSD = H(m) - ½H(p) - ½H(q)``, com as entropias da scipy."""
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


@given(pairs())
def test_kl_and_jsd_are_those_of_scipy(pair):
    p, q = pair
    assert divergences.kl(p, q) == pytest.approx(entropy(p, q), rel=1e-9, abs=1e-12)
    assert divergences.jsd(p, q) == pytest.approx(by_entropies(p, q), abs=1e-12)


@given(pairs())
def test_what_a_sample_says_of_its_label_is_the_jsd_and_what_it_hides_is_minus_half_the_value(pair):
    p, q = pair
    jsd, hidden = divergences.jsd(p, q), divergences.label_entropy(p, q)
    assert divergences.mutual_information(p, q) == pytest.approx(jsd, abs=1e-12)
    assert LOG2 - hidden == pytest.approx(jsd, abs=1e-12)
    best = np.nan_to_num(divergences.optimal_discriminator(p, q))
    assert divergences.value(p, q, best) == pytest.approx(-2 * hidden, abs=1e-12)
    assert divergences.value(p, q, best) == pytest.approx(-math.log(4) + 2 * jsd, abs=1e-12)


def test_the_information_is_what_counting_labels_and_samples_estimates():
    rng = np.random.default_rng(0)
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.3, 0.6])
    label = rng.integers(0, 2, 200_000)
    sample = np.where(label == 1, rng.choice(3, label.size, p=p), rng.choice(3, label.size, p=q))
    joint = np.histogram2d(label, sample, bins=(2, 3))[0] / label.size
    counted = entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())
    assert divergences.mutual_information(p, q) == pytest.approx(counted, abs=2e-3)


@given(pairs(zeros=False))
def test_the_non_saturating_divergence_is_the_reverse_kl_minus_twice_the_jsd(pair):
    p, q = pair
    expected = entropy(q, p) - 2 * by_entropies(p, q)
    assert divergences.non_saturating_divergence(p, q) == pytest.approx(expected, abs=1e-12)


@given(pairs())
def test_total_variation_is_what_the_best_classifier_gains_over_a_coin(pair):
    p, q = pair
    mistakes = sum(min(a, b) for a, b in zip(p, q, strict=True)) / 2
    assert divergences.total_variation(p, q) == pytest.approx(1 - 2 * mistakes, abs=1e-12)
    # Pinsker e o limite de Lin.
    assert divergences.jsd(p, q) <= LOG2 * divergences.total_variation(p, q) + 1e-12


@given(pairs(zeros=False), st.floats(0.6, 1), st.floats(0, 0.4))
def test_the_discriminator_with_soft_labels_is_where_the_smoothed_value_is_flat(pair, alpha, beta):
    p, q = pair
    d = divergences.optimal_discriminator(p, q, alpha, beta)
    slope = (alpha * p + beta * q) * (1 - d) - ((1 - alpha) * p + (1 - beta) * q) * d
    np.testing.assert_allclose(slope, 0, atol=1e-12)


def test_disjoint_supports_carry_exactly_one_bit():
    p, q = [0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75]
    assert divergences.to_bits(divergences.mutual_information(p, q)) == pytest.approx(1, abs=1e-15)
    assert divergences.jsd(p, q) == pytest.approx(0.693147, abs=1e-6)
    assert divergences.label_entropy(p, q) == 0
    assert divergences.total_variation(p, q) == 1
    assert divergences.kl(p, q) == divergences.non_saturating_divergence(p, q) == np.inf
    assert divergences.value(p, q, divergences.optimal_discriminator(p, q)) == 0
    assert divergences.value(p, p, divergences.optimal_discriminator(p, p)) == pytest.approx(-1.386294, abs=1e-6)


def test_collapse_onto_one_of_eight_modes():
    data, collapsed = np.full(8, 1 / 8), np.eye(8)[0]
    assert divergences.jsd(data, collapsed) == pytest.approx(0.496929, abs=1e-6)
    assert divergences.non_saturating_divergence(data, collapsed) == pytest.approx(1.085583, abs=1e-6)


def test_leading_axes_are_batches_and_points_without_mass_leave_d_free():
    p = np.array([[0.5, 0.5, 0], [0.2, 0.8, 0]])
    q = np.array([[0.1, 0.9, 0], [0.9, 0.1, 0]])
    for name in ("kl", "jsd", "total_variation", "mutual_information", "label_entropy", "non_saturating_divergence"):
        together = getattr(divergences, name)(p, q)
        assert together.shape == (2,)
        assert together[1] == getattr(divergences, name)(p[1], q[1])
        assert getattr(theory, name) is getattr(divergences, name)
    assert np.isnan(divergences.optimal_discriminator(p, q)[:, 2]).all()


def test_what_is_not_a_distribution_is_refused():
    for bad in ([0.5, 0.6], [1.5, -0.5], [np.nan, 1]):
        with pytest.raises(ValueError, match="uma distribuição tem probabilidades não negativas que somam 1"):
            divergences.jsd([0.5, 0.5], bad)
    with pytest.raises(ValueError, match=r"as distribuições têm formas diferentes: \(2,\) e \(3,\)"):
        divergences.kl([0.5, 0.5], [0.2, 0.3, 0.5])
