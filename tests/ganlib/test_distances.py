"""Distâncias entre amostras: contra o SciPy, formas fechadas e simulação, com os vieses que a documentação diz."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, wasserstein_distance

from ganlib import data, distances, metrics, theory


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# W1

numbers = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(numbers, numbers)
def test_w1_is_scipys_for_samples_of_any_sizes(a, b):
    x, y = (torch.tensor(s, dtype=torch.float64) for s in (a, b))
    assert distances.w1(x, y).item() == pytest.approx(wasserstein_distance(a, b), rel=1e-12, abs=1e-12)
    assert distances.w1(x, y).item() == distances.w1(y, x).item()


def test_w1_of_a_shift_is_the_shift_and_of_a_sample_with_its_double_is_zero():
    x = normal(101)
    assert distances.w1(x, x + 0.75).item() == pytest.approx(0.75, abs=1e-14)
    assert distances.w1(x, x.repeat(3)).item() == 0


def test_w1_is_the_cheapest_matching():
    x, y = normal(6), normal(6, seed=1)
    cheapest = min((x - y[list(p)]).abs().mean().item() for p in itertools.permutations(range(6)))
    assert distances.w1(x, y).item() == pytest.approx(cheapest, rel=1e-14)


def test_w1_takes_columns_and_models():
    x, y = normal(3, 20, 1), normal(35, 1, seed=1)
    together = distances.w1(x, y)
    assert together.shape == (3,)
    assert together.tolist() == [distances.w1(one[:, 0], y[:, 0]).item() for one in x]
    assert distances.w1(x, normal(3, 7, 1, seed=2)).shape == (3,)
    assert distances.w1(x, torch.special.ndtri).shape == (3,)


@pytest.mark.parametrize(
    ("quantile", "cdf", "sf"),
    [
        (torch.special.ndtri, norm.cdf, norm.sf),
        (lambda u: torch.log(u) - torch.log1p(-u), lambda t: 1 / (1 + math.exp(-t)), lambda t: 1 / (1 + math.exp(t))),
    ],
    ids=["normal", "logística"],
)
def test_w1_to_a_quantile_function_is_the_area_between_distribution_functions(quantile, cdf, sf):
    x = [-1.3, -0.2, 0.1, 0.15, 2.5]
    ends = [-40, *x, 40]
    area = 0.0
    for i, (a, b) in enumerate(itertools.pairwise(ends)):
        # |F_n - F| com o complemento na cauda direita, para não cancelar.
        gap = (lambda t, i=i: abs(i / 5 - cdf(t))) if i < 5 else sf
        crossing = [float(quantile(torch.tensor(i / 5, dtype=torch.float64)))] if 0 < i < 5 else None
        crossing = crossing if crossing and a < crossing[0] < b else None
        area += quad(gap, a, b, epsabs=1e-13, epsrel=1e-12, limit=400, points=crossing)[0]
    assert distances.w1(torch.tensor(x), quantile).item() == pytest.approx(area, abs=1e-7)
    assert distances.w1(torch.tensor(x, dtype=torch.float64), quantile).item() == pytest.approx(area, abs=1e-10)


def test_w1_of_one_point_to_the_uniform_has_a_closed_form():
    for point in (-1.0, 0.0, 0.3, 2.0):
        inside = min(max(point, 0), 1)
        expected = abs(point - 0.5) if inside != point else (point**2 + (1 - point) ** 2) / 2
        x = torch.tensor([point], dtype=torch.float64)
        assert distances.w1(x, lambda u: u).item() == pytest.approx(expected, abs=1e-12)


def test_a_quantile_function_of_scipy_serves():
    x = normal(20)
    expected = distances.w1(x, torch.special.ndtri).item()
    assert distances.w1(x, lambda u: norm.ppf(u.numpy())).item() == pytest.approx(expected, rel=1e-12)


def test_w1_of_a_perfect_sampler_falls_as_one_over_root_n():
    small = torch.stack([distances.w1(normal(100, seed=s), torch.special.ndtri) for s in range(60)]).mean()
    large = torch.stack([distances.w1(normal(1600, seed=s), torch.special.ndtri) for s in range(60)]).mean()
    assert (small / large).item() == pytest.approx(4, rel=0.15)


def test_a_decreasing_or_misshapen_quantile_function_is_refused():
    with pytest.raises(ValueError, match=r"quantil crescente.*decresce"):
        distances.w1(normal(10), lambda u: -u)
    with pytest.raises(ValueError, match=r"níveis \(10,\) devolveu \(\)"):
        distances.w1(normal(10), lambda u: u.sum())


def test_w1_refuses_planes_and_different_numbers_of_models():
    with pytest.raises(ValueError, match=r"recebi \(10, 2\).*sliced_w1"):
        distances.w1(normal(10, 2), normal(10, 2))
    with pytest.raises(ValueError, match=r"mesmo K: recebi \(2, 10, 1\) e \(3, 10, 1\)"):
        distances.w1(normal(2, 10, 1), normal(3, 10, 1))


# W1 fatiada


@pytest.mark.parametrize("dim", [2, 5, 50])
def test_sliced_w1_of_a_shift_is_the_mean_projection(dim):
    x, shift = normal(50, dim), normal(dim, seed=1)
    mean = math.gamma(dim / 2) / (math.sqrt(math.pi) * math.gamma((dim + 1) / 2))  # E|u₁| na esfera
    got = distances.sliced_w1(x, x + shift, projections=20_000).item()
    assert got == pytest.approx(shift.norm().item() * mean, rel=0.02)
    if dim == 2:
        assert mean == pytest.approx(2 / math.pi)
    if dim == 50:
        assert mean == pytest.approx(math.sqrt(2 / (math.pi * dim)), rel=0.01)


def test_sliced_w1_on_the_line_is_w1():
    x, y = normal(30, 1), normal(47, 1, seed=1)
    assert distances.sliced_w1(x, y).item() == pytest.approx(distances.w1(x, y).item(), rel=1e-12)


def test_sliced_w1_is_the_mean_of_scipys_on_the_same_directions():
    x, y = normal(40, 3), normal(25, 3, seed=1)
    u = torch.randn(3, 7, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    u = (u / u.norm(dim=0)).numpy()
    expected = np.mean([wasserstein_distance(x.numpy() @ v, y.numpy() @ v) for v in u.T])
    assert distances.sliced_w1(x, y, projections=7, rng=4).item() == pytest.approx(expected, rel=1e-12)


def test_sliced_w1_gives_each_model_what_it_has_alone_and_blocks_do_not_matter(monkeypatch):
    x, y = normal(3, 40, 2), normal(60, 2, seed=1)
    whole = distances.sliced_w1(x, y)
    assert whole.tolist() == pytest.approx([distances.sliced_w1(one, y).item() for one in x], rel=1e-13)
    assert distances.sliced_w1(x[0], torch.stack([y, y])).shape == (2,)
    monkeypatch.setattr(distances, "BLOCK", 500)
    assert distances.sliced_w1(x, y).tolist() == pytest.approx(whole.tolist(), rel=1e-13)


def test_directions_come_from_the_given_generator_only():
    x, y, state = normal(10, 2), normal(10, 2, seed=1), torch.get_rng_state()
    rng = torch.Generator().manual_seed(0)
    first, second = (distances.sliced_w1(x, y, 3, rng).item() for _ in range(2))
    assert first == distances.sliced_w1(x, y, 3, 0).item() != second
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="projections=0"):
        distances.sliced_w1(x, y, 0)


# MMD


def naive_mmd2(x, y, scale, biased):
    def k(a, b):
        return math.exp(-sum((i - j) ** 2 for i, j in zip(a, b, strict=True)) / (2 * scale**2))

    def inside(s):
        pairs = [(i, j) for i in range(len(s)) for j in range(len(s)) if biased or i != j]
        return sum(k(s[i], s[j]) for i, j in pairs) / len(pairs)

    return inside(x) + inside(y) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


@pytest.mark.parametrize("biased", [False, True])
def test_mmd_is_the_double_sum_of_its_definition(biased):
    x, y = normal(7, 2), normal(9, 2, seed=1) + 1
    expected = naive_mmd2(x.tolist(), y.tolist(), 0.8, biased)
    assert distances.mmd2(x, y, 0.8, biased=biased).item() == pytest.approx(expected, rel=1e-12)
    several = np.mean([naive_mmd2(x.tolist(), y.tolist(), s, biased) for s in (0.5, 2.0)])
    assert distances.mmd2(x, y, [0.5, 2.0], biased=biased).item() == pytest.approx(several, rel=1e-12)


@pytest.mark.parametrize("mu", [0.0, 1.5])
def test_unbiased_mmd_has_the_mean_of_the_closed_form_and_biased_is_above_it(mu):
    scale, n, m = 1.2, 20, 30
    root = scale / math.sqrt(scale**2 + 2)  # E k(x, x') para gaussianas padrão em 1-D
    population = 2 * root * (1 - math.exp(-(mu**2) / (2 * (scale**2 + 2))))
    x, y = normal(1500, n, 1) + mu, normal(1500, m, 1, seed=1)
    unbiased, biased = (distances.mmd2(x, y, scale, biased=b) for b in (False, True))
    error = unbiased.std().item() / math.sqrt(1500)
    assert abs(unbiased.mean().item() - population) < 4 * error
    assert abs(biased.mean().item() - population - (1 / n + 1 / m) * (1 - root)) < 4 * error
    assert (biased >= 0).all()
    assert (unbiased < 0).any() == (mu == 0.0)


def test_mmd_of_models_is_that_of_each_and_blocks_do_not_matter(monkeypatch):
    x, y = normal(3, 40, 2), normal(60, 2, seed=1)
    whole = distances.mmd2(x, y)
    assert whole.tolist() == pytest.approx([distances.mmd2(one, y).item() for one in x], rel=1e-12)
    both = torch.stack([y, y + 1, y - 1])
    width = distances.median_bandwidth(both)
    expected = [distances.mmd2(a, b, width).item() for a, b in zip(x, both, strict=True)]
    assert distances.mmd2(x, both).tolist() == pytest.approx(expected, rel=1e-12)
    assert distances.mmd2(x[0], both).shape == (3,)
    assert distances.mmd2(x[:1], y).shape == (1,)
    monkeypatch.setattr(distances, "BLOCK", 300)
    assert distances.mmd2(x, y).tolist() == pytest.approx(whole.tolist(), rel=1e-12)


def test_mmd_does_not_lose_digits_far_from_the_origin():
    x, y = normal(50, 2), normal(60, 2, seed=1)
    near = distances.mmd2(x, y, 1.0).item()
    assert distances.mmd2(x + 1e6, y + 1e6, 1.0).item() == pytest.approx(near, rel=1e-6)


def test_the_bandwidth_is_the_median_distance_of_the_reference():
    y = torch.tensor([[0.0], [1.0], [3.0]])  # distâncias 1, 2, 3
    assert distances.median_bandwidth(y) == 2
    assert distances.median_bandwidth(normal(5000, 2)) == pytest.approx(2 * math.sqrt(math.log(2)), rel=0.05)
    x = normal(30, 1)
    assert distances.mmd2(x, y).item() == distances.mmd2(x, y, 2.0).item()


def test_mmd_refuses_what_has_no_kernel_or_no_pairs():
    with pytest.raises(ValueError, match="mediana das distâncias de 5 pontos é 0"):
        distances.mmd2(normal(5, 2), torch.zeros(5, 2))
    for bandwidth in (0.0, [1.0, -1.0], [], math.inf):
        with pytest.raises(ValueError, match="números positivos"):
            distances.mmd2(normal(5, 2), normal(5, 2), bandwidth)
    with pytest.raises(ValueError, match="ao menos 2 amostras de cada lado; recebi 1 e 5"):
        distances.mmd2(normal(1, 2), normal(5, 2))


@pytest.mark.parametrize("distance", [distances.sliced_w1, distances.mmd2, distances.jsd_histogram])
def test_mismatched_samples_say_both_shapes(distance):
    with pytest.raises(ValueError, match=r"recebi \(5, 2\) e \(5, 3\)"):
        distance(normal(5, 2), normal(5, 3))
    with pytest.raises(ValueError, match=r"recebi \(2, 5, 2\) e \(3, 5, 2\)"):
        distance(normal(2, 5, 2), normal(3, 5, 2))
    with pytest.raises(ValueError, match=r"^x deve ter forma.*recebi \(5,\)"):
        distance(normal(5), normal(5, 2))


# JSD


def test_jsd_of_counts_is_the_theorys():
    a, b = torch.tensor([[3, 0, 7], [0, 0, 1]]), torch.tensor([2, 0, 2])
    p, q = (a / a.sum(-1, keepdim=True)).double(), (b / b.sum()).double().expand(2, 3)
    p = a.double() / a.sum(-1, keepdim=True)
    assert distances.jsd_of_counts(a, b).numpy() == pytest.approx(theory.jsd(p.numpy(), q.numpy()), rel=1e-13)


def test_collapse_onto_one_of_eight_modes_has_the_jsd_of_the_course():
    ring = data.ring()
    count = metrics.mode_histogram(ring.centers[0].repeat(100, 1), ring.centers)
    assert distances.jsd_of_counts(count, torch.ones(8)).item() == pytest.approx(0.496929, abs=5e-7)


def test_jsd_goes_from_zero_to_log_two():
    a, b = torch.tensor([1, 2, 0, 0]), torch.tensor([0, 0, 5, 1])
    assert distances.jsd_of_counts(a, 3 * a).item() == pytest.approx(0, abs=1e-16)
    assert distances.jsd_of_counts(a, b).item() == pytest.approx(math.log(2), rel=1e-15)


def test_jsd_of_counts_of_the_same_distribution_has_the_stated_bias():
    places, n, m = 10, 400, 1000
    rng = np.random.default_rng(0)
    p = np.arange(1, places + 1) / 55
    a, b = (torch.tensor(rng.multinomial(k, p, size=3000)) for k in (n, m))
    expected = (places - 1) * (1 / n + 1 / m) / 8
    assert distances.jsd_of_counts(a, b).mean().item() == pytest.approx(expected, rel=0.05)
    exact = distances.jsd_of_counts(a, torch.tensor(p)).mean().item()
    assert exact == pytest.approx((places - 1) / n / 8, rel=0.05)


@pytest.mark.parametrize("dim", [1, 2])
def test_the_histogram_estimates_the_jsd_of_shifted_gaussians(dim):
    n, mu = 200_000, 2.0
    x, y = normal(n, dim), normal(n, dim, seed=1)
    x[:, 0] += mu  # a outra coordenada é igual e independente: não muda a JSD
    exact = float(theory.SHIFTS["gaussian"].jsd(mu))
    assert exact == pytest.approx(0.336831, abs=5e-7)
    assert distances.jsd_histogram(x, y, bins=40).item() == pytest.approx(exact, abs=0.01)


def test_coarser_cells_lose_jsd_and_too_many_cells_invent_it():
    x, y = normal(500, 1) + 1, normal(500, 1, seed=1)
    # 4 casas contêm as de 8, e assim por diante: juntar casas só diminui a JSD.
    values = [distances.jsd_histogram(x, y, bins=b).item() for b in (1, 2, 4, 8, 64, 4096, 10**6)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(math.log(2), abs=0.01)


def test_the_histogram_agrees_with_numpys():
    x, y = normal(300, 2) * 3, normal(400, 2, seed=1)
    # O máximo de y pertence à última casa de dentro: a borda dela fica um nada adiante.
    inner = [np.linspace(float(y[:, i].min()), float(y[:, i].max()) + 1e-9, 6) for i in (0, 1)]
    edges = [np.r_[-1e9, e, 1e9] for e in inner]
    p, q = (np.histogram2d(*s.T.numpy(), bins=edges)[0].ravel() / len(s) for s in (x, y))
    assert distances.jsd_histogram(x, y, bins=5).item() == pytest.approx(float(theory.jsd(p, q)), rel=1e-12)


def test_all_that_falls_outside_the_grid_is_counted_there():
    y = torch.linspace(0, 1, 100)[:, None]
    for outside in (-0.5, 1.5, math.inf, -math.inf, math.nan):
        assert distances.jsd_histogram(torch.full((50, 1), outside), y).item() == pytest.approx(math.log(2))
    assert distances.jsd_histogram(y, y).item() == pytest.approx(0, abs=1e-15)
    x = torch.stack([y, y + 9])
    assert distances.jsd_histogram(x, y).tolist() == pytest.approx([0, math.log(2)], abs=1e-12)


def test_the_histogram_refuses_three_dimensions_no_cells_and_a_constant_reference():
    with pytest.raises(ValueError, match="recebi d = 3"):
        distances.jsd_histogram(normal(5, 3), normal(5, 3))
    with pytest.raises(ValueError, match="bins=0"):
        distances.jsd_histogram(normal(5, 1), normal(5, 1), bins=0)
    with pytest.raises(ValueError, match="y deve ser finita e variar"):
        distances.jsd_histogram(normal(5, 1), torch.ones(5, 1))
    with pytest.raises(ValueError, match=r"mesmas casas; recebi \(3,\) e \(4,\)"):
        distances.jsd_of_counts(torch.ones(3), torch.ones(4))
    with pytest.raises(ValueError, match="não negativas, com soma positiva"):
        distances.jsd_of_counts(torch.ones(3), torch.zeros(3))


@pytest.mark.parametrize("mu", [0.5, 2.0, 4.0])
def test_the_optimal_discriminator_reaches_the_jsd_and_any_other_stays_below(mu):
    family, n = theory.SHIFTS["gaussian"], 200_000
    real, fake = normal(n), normal(n, seed=1) + mu
    h = lambda x, a=1.0, b=0.0: a * (mu**2 / 2 - mu * x) + b  # noqa: E731
    best = distances.jsd_lower_bound(h(real), h(fake)).item()
    assert best == pytest.approx(float(family.jsd(mu)), abs=3e-3)
    for a, b in ((0.5, 0.0), (2.0, 0.0), (1.0, 0.7), (0.0, 0.0), (-1.0, 0.0)):
        assert distances.jsd_lower_bound(h(real, a, b), h(fake, a, b)).item() < best
    assert distances.jsd_lower_bound(torch.zeros(5), torch.zeros(5)).item() == pytest.approx(0, abs=1e-15)


def test_a_discriminator_that_memorised_its_sample_gives_log_two_although_the_jsd_is_zero():
    train_real, train_fake = normal(50), normal(50, seed=1)

    def memory(x):  # 30 se está mais perto de um dado visto, -30 se de uma amostra gerada vista
        near = (x[:, None] - train_real).abs().amin(1) < (x[:, None] - train_fake).abs().amin(1)
        return 60.0 * near - 30

    seen = distances.jsd_lower_bound(memory(train_real), memory(train_fake)).item()
    new = distances.jsd_lower_bound(memory(normal(2000, seed=2)), memory(normal(2000, seed=3))).item()
    assert seen == pytest.approx(math.log(2), abs=1e-12)
    assert new < 0


def test_the_lower_bound_is_per_model_and_refuses_columns():
    real, fake = normal(3, 20), normal(3, 30, seed=1)
    together = distances.jsd_lower_bound(real, fake)
    assert together.tolist() == [distances.jsd_lower_bound(r, f).item() for r, f in zip(real, fake, strict=True)]
    with pytest.raises(ValueError, match=r"recebi \(20, 1\) e \(30, 1\).*squeeze"):
        distances.jsd_lower_bound(normal(20, 1), normal(30, 1))
    with pytest.raises(ValueError, match=r"mesmo K; recebi \(3, 20\) e \(30,\)"):
        distances.jsd_lower_bound(real, fake[0])
