"""As métricas e os seus extremos: um amostrador perfeito e um inútil."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from ganlib import data, metrics, theory


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


# Referências: cada valor medido contra a conta exata ou contra a simulação


def test_distance_to_a_centre_is_exact_far_from_the_origin():
    centers = torch.tensor([[1000.0, 1000.0]]).repeat(30, 1)
    distance, _ = metrics.nearest_mode(centers + torch.tensor([0.03125, 0.0]), centers)
    assert distance.tolist() == [0.03125] * 30


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
def test_perfect_share_is_the_mass_of_a_gaussian_ball(dim):
    assert metrics.perfect_share(3.0, dim) == pytest.approx(chi2(dim).cdf(9.0), rel=1e-12)
    x = torch.randn(200_000, dim, generator=torch.Generator().manual_seed(dim), dtype=torch.float64)
    share = metrics.high_quality_share(x, torch.zeros(1, dim), 1.0, within=2.0).item()
    assert share == pytest.approx(metrics.perfect_share(2.0, dim), abs=4e-3)


def test_reverse_kl_of_a_perfect_sampler_is_the_bias_of_counting():
    modes, n = 8, 500
    x = data.ring(n=400 * n, seed=5).x.unflatten(0, (400, n))
    kl = metrics.reverse_kl(x, data.ring().centers)
    assert kl.mean().item() == pytest.approx((modes - 1) / (2 * n), rel=0.1)


def test_reverse_kl_agrees_with_the_theory_of_discrete_distributions():
    count = torch.tensor([[5, 0, 3], [1, 1, 8]])
    fair = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    q = count.double() / count.sum(-1, keepdim=True)
    expected = theory.kl(q.numpy(), np.broadcast_to(fair.numpy(), (2, 3)))
    assert metrics.histogram_kl(count, fair).numpy() == pytest.approx(expected, rel=1e-14)


def test_an_empty_place_costs_nothing_and_an_impossible_one_everything():
    fair = torch.tensor([0.5, 0.5, 0.0])
    assert metrics.histogram_kl(torch.tensor([1, 1, 0]), fair).item() == pytest.approx(0, abs=1e-15)
    assert metrics.histogram_kl(torch.tensor([1, 1, 1]), fair).item() == math.inf


# O relatório


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_report_puts_a_perfect_sample_inside_its_ceiling(name):
    known = data.get(name, seed=3)
    table = metrics.report(known.x[:2000], known)
    assert table["modes_covered"].sample.item() == table["modes_covered"].ceiling == len(known.centers)
    for measure in (table["high_quality_share"], table["reverse_kl"]):
        assert abs(measure.sample.item() - measure.ceiling) < 4 * measure.spread
    share = table["high_quality_share"]
    assert abs(share.ceiling - 100 * metrics.perfect_share()) < 4 * share.spread / math.sqrt(20)
    assert share.spread == pytest.approx(100 * math.sqrt(0.98889 * 0.01111 / 2000), rel=0.5)


def test_no_single_metric_tells_both_floors_from_the_ceiling(ring):
    table = metrics.report(ring.x[:2000], ring)
    noise, single = 0, 1
    assert table.floors == ("ruído", "um modo só")
    assert table["reverse_kl"].floors[noise] < 0.02  # o ruído engana a KL reversa
    assert table["high_quality_share"].floors[noise] < 2
    assert table["high_quality_share"].floors[single] > 98  # um modo só engana a fração boa
    assert table["reverse_kl"].floors[single] == pytest.approx(math.log(8))
    assert [table["modes_covered"].floors[k] for k in (noise, single)] == [0, 1]


def test_the_report_of_many_models_is_the_report_of_each(ring):
    x = torch.stack([ring.x[:1000], ring.centers[3].repeat(1000, 1), torch.zeros(1000, 2)])
    together = metrics.report(x, ring)
    for name, measure in together.measures.items():
        assert measure.sample.tolist() == [metrics.report(one, ring)[name].sample.item() for one in x]
    assert together["modes_covered"].sample.tolist() == [8, 1, 0]


def test_the_report_says_who_is_above_the_ceiling(ring):
    exact, point = ring.x[:1000], ring.centers[torch.arange(1000) % 8]
    assert "Acima do teto" not in str(metrics.report(exact, ring))
    assert "Acima do teto, por mais de 3 erros padrão: a amostra" in str(metrics.report(point, ring))
    assert "Acima do teto, por mais de 3 erros padrão: modelo 1." in str(
        metrics.report(torch.stack([exact, point]), ring)
    )


def test_the_table_is_aligned_and_written_with_decimal_commas(ring):
    lines = str(metrics.report(torch.stack([ring.x[:1000]] * 2), ring)).splitlines()
    assert lines[0] == "ring, n = 1000"
    table = lines[1:7]
    assert len({len(line) for line in table}) == 1
    assert [line.split("  ")[0] for line in table[1:4]] == ["modelo 0", "modelo 1", "teto: amostrador perfeito"]
    assert "98,889 %" in lines[7] and "." not in "".join(table)


def test_the_report_does_not_touch_the_global_generator(ring):
    state = torch.get_rng_state()
    first = metrics.report(ring.x[:500], ring)
    assert torch.equal(torch.get_rng_state(), state)
    assert str(metrics.report(ring.x[:500], ring)) == str(first)


def test_noise_has_the_mean_and_spread_of_the_data():
    x = torch.tensor([[1.0, -5.0], [3.0, 15.0]])
    noise = metrics.like(x, 100_000, seed=0)
    assert noise.mean(0).tolist() == pytest.approx([2, 5], abs=0.1)
    assert noise.std(0).tolist() == pytest.approx([1, 10], rel=0.02)


def test_data_without_known_modes_have_no_report_of_modes():
    with pytest.raises(ValueError, match=r"modos conhecidos.*'personalizado'"):
        metrics.report(torch.zeros(5, 2), data.Data(torch.zeros(5, 2)))


@pytest.mark.parametrize("shape", [(5,), (5, 3), (2, 2, 5, 2), (0, 2)])
def test_samples_of_another_shape_are_refused_with_both_shapes(ring, shape):
    with pytest.raises(ValueError, match=r"\(n, 2\) ou \(K, n, 2\).*recebi \(" + ", ".join(map(str, shape))):
        metrics.report(torch.zeros(shape), ring)
