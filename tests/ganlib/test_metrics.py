"""As métricas e os seus extremos: um amostrador perfeito e um inútil."""

import math

import pytest
import torch

from ganlib import data, metrics


@pytest.fixture(scope="module")
def ring():
    return data.ring(n=100_000)


def test_a_perfect_sampler_reaches_the_ceiling_and_not_more(ring):
    share = metrics.high_quality_share(ring.x, ring.centers, ring.std).item()
    assert metrics.perfect_share() == pytest.approx(0.98889, abs=5e-6)
    assert share == pytest.approx(metrics.perfect_share(), abs=2e-3)
    assert metrics.modes_covered(ring.x, ring.centers, ring.std).item() == 8
    assert metrics.reverse_kl(ring.x, ring.centers).item() == pytest.approx(0, abs=1e-3)


def test_collapse_onto_one_mode_costs_log_of_the_number_of_modes(ring):
    x = ring.centers[3].repeat(500, 1)
    assert metrics.modes_covered(x, ring.centers, ring.std).item() == 1
    assert metrics.high_quality_share(x, ring.centers, ring.std).item() == 1
    assert metrics.reverse_kl(x, ring.centers).item() == pytest.approx(math.log(8))


def test_far_samples_cover_nothing(ring):
    x = torch.full((100, 2), 50.0)
    assert metrics.modes_covered(x, ring.centers, ring.std).item() == 0
    assert metrics.high_quality_share(x, ring.centers, ring.std).item() == 0


def test_a_mode_with_too_few_samples_is_not_covered(ring):
    x = ring.centers[0].repeat(1000, 1)
    x[:11] = ring.centers[1]  # a parte justa é 125; um décimo dela, 12,5
    assert metrics.modes_covered(x, ring.centers, ring.std).item() == 1
    x[:13] = ring.centers[1]
    assert metrics.modes_covered(x, ring.centers, ring.std).item() == 2


def test_the_model_axis_gives_one_number_a_model(ring):
    good = ring.x[torch.randperm(len(ring), generator=torch.Generator().manual_seed(0))[:2000]]
    x = torch.stack([good, ring.centers[0].repeat(2000, 1)])
    assert metrics.modes_covered(x, ring.centers, ring.std).tolist() == [8, 1]
    assert metrics.mode_histogram(x, ring.centers).sum(-1).tolist() == [2000, 2000]
    assert metrics.reverse_kl(x, ring.centers).shape == (2,)


def test_samples_and_centres_of_different_dimension_say_both(ring):
    with pytest.raises(ValueError, match="dimensão 3 e os centros, 2"):
        metrics.modes_covered(torch.zeros(5, 3), ring.centers, 0.1)
