"""A distância de Fréchet contra a forma fechada e o SciPy, e o classificador que dá as características."""

import math
import time

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from ganlib import data, distances, features


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def classifier(digits):
    return features.train(digits)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def textbook(a, b):
    """A fórmula de Heusel et al. (2017), com a raiz de matriz do SciPy."""
    a, b = a.numpy(), b.numpy()
    sa, sb = np.cov(a.T), np.cov(b.T)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sa + sb - 2 * np.real(sqrtm(sa @ sb))))


# A distância


def test_the_distance_is_the_formula_of_heusel_with_scipys_matrix_root():
    a = normal(200, 6) @ normal(6, 6, seed=1) + 1
    b = normal(300, 6, seed=2) @ normal(6, 6, seed=3)
    assert features.frechet_distance(a, b).item() == pytest.approx(textbook(a, b), rel=1e-10)


def whitened(n, d, seed):
    """Uma amostra de média exatamente 0 e covariância exatamente I."""
    x = normal(n, d, seed=seed)
    q = torch.linalg.qr(x - x.mean(0)).Q
    return q * math.sqrt(n - 1)


def test_commuting_gaussians_have_the_closed_form():
    scale_a, scale_b = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([3.0, 1.0, 0.5]).double()
    shift = torch.tensor([1.0, -2.0, 0.5]).double()
    a, b = whitened(50, 3, 0) * scale_a, whitened(80, 3, 1) * scale_b + shift
    expected = shift.square().sum() + (scale_a - scale_b).square().sum()  # W2² das gaussianas
    assert features.frechet_distance(a, b).item() == pytest.approx(expected.item(), rel=1e-12)


def test_gaussians_that_do_not_commute_have_the_two_by_two_closed_form():
    a, b = whitened(60, 2, 0) @ normal(2, 2, seed=5), whitened(60, 2, 1) @ normal(2, 2, seed=6)
    sa, sb = torch.cov(a.T), torch.cov(b.T)
    # Em 2×2, tr √M = √(tr M + 2 √det M).
    root = torch.sqrt((sa @ sb).trace() + 2 * torch.sqrt(torch.det(sa) * torch.det(sb)))
    expected = sa.trace() + sb.trace() - 2 * root
    assert features.frechet_distance(a, b).item() == pytest.approx(expected.item(), rel=1e-10)


def test_a_sample_is_at_distance_zero_from_itself_whatever_the_order():
    a = normal(100, 5) * torch.tensor([1e-6, 1, 1, 1e3, 1e6])
    assert features.frechet_distance(a, a).item() == pytest.approx(0, abs=1e-12 * a.var(0).sum().item())
    shuffled = a[torch.randperm(100, generator=torch.Generator().manual_seed(0))]
    assert features.frechet_distance(a, shuffled).item() == pytest.approx(0, abs=1e-12 * a.var(0).sum().item())


def test_the_distance_is_symmetric_and_blind_to_rotations_and_translations_of_both():
    a, b = normal(100, 4) + 1, 2 * normal(70, 4, seed=1)
    rotation = torch.linalg.qr(normal(4, 4, seed=2)).Q
    expected = features.frechet_distance(a, b).item()
    assert features.frechet_distance(b, a).item() == pytest.approx(expected, rel=1e-12)
    assert features.frechet_distance(a @ rotation + 7, b @ rotation + 7).item() == pytest.approx(expected, rel=1e-11)
    assert features.frechet_distance(3 * a, 3 * b).item() == pytest.approx(9 * expected, rel=1e-12)


def test_dead_features_change_nothing():
    a, b = normal(100, 4) + 1, 2 * normal(70, 4, seed=1)
    dead = (torch.cat([s, torch.full((len(s), 3), 0.7)], dim=1) for s in (a, b))
    assert features.frechet_distance(*dead).item() == pytest.approx(features.frechet_distance(a, b).item(), rel=1e-12)


def test_a_repeated_feature_counts_as_one_scaled_by_root_two():
    a, b = normal(100, 4) + 1, 2 * normal(70, 4, seed=1)
    repeated = (torch.cat([s, s[:, :1]], dim=1) for s in (a, b))
    scaled = (s * torch.tensor([math.sqrt(2), 1, 1, 1]) for s in (a, b))
    expected = features.frechet_distance(*scaled).item()  # (x, x) e √2 x diferem de uma isometria
    assert features.frechet_distance(*repeated).item() == pytest.approx(expected, rel=1e-7)


def test_the_bias_is_upwards_and_falls_as_one_over_n():
    def mean(n):
        return features.frechet_distance(normal(200, n, 8), normal(200, n, 8, seed=1)).mean().item()

    small, large = mean(100), mean(400)
    assert small > large > 0
    assert small / large == pytest.approx(4, rel=0.1)


def test_models_are_measured_one_by_one():
    a, b = normal(3, 50, 4) * torch.tensor([1.0, 2.0, 3.0])[:, None, None], normal(60, 4, seed=1)
    together = features.frechet_distance(a, b)
    assert together.tolist() == pytest.approx([features.frechet_distance(one, b).item() for one in a], rel=1e-12)
    assert features.frechet_distance(a, torch.stack([b] * 3)).tolist() == pytest.approx(together.tolist())


def test_too_few_samples_for_the_covariance_are_refused():
    with pytest.raises(ValueError, match=r"com 8 amostras a covariância de 8 características.*ao menos 9"):
        features.frechet_distance(normal(8, 8), normal(100, 8))
    assert features.frechet_distance(normal(9, 8), normal(100, 8)).item() > 0


def test_samples_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"recebi \(50, 4\) e \(50, 5\)"):
        features.frechet_distance(normal(50, 4), normal(50, 5))
    with pytest.raises(ValueError, match=r"recebi \(2, 50, 4\) e \(3, 50, 4\)"):
        features.frechet_distance(normal(2, 50, 4), normal(3, 50, 4))
    with pytest.raises(ValueError, match=r"recebi \(4,\) e \(50, 4\)"):
        features.frechet_distance(normal(4), normal(50, 4))
    with pytest.raises(ValueError, match="a amostra divergiu"):
        features.frechet_distance(normal(50, 4) * math.nan, normal(50, 4))


# O classificador


def test_the_classifier_learns_the_digits_in_under_five_seconds_of_one_thread(digits):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.thread_time()
    another = features.train(digits, seed=1)
    elapsed = time.thread_time() - start
    torch.set_num_threads(threads)
    assert elapsed < 5
    assert another.accuracy > 0.94 and another.held_out == 359


def test_the_accuracy_is_that_of_samples_it_did_not_see(digits):
    generator = torch.Generator().manual_seed(0)
    noise = data.Data(digits.x[:250], labels=torch.randint(10, (250,), generator=generator))
    lost = features.train(noise, steps=300)
    assert (lost.logits(noise.x).argmax(-1) == noise.labels).float().mean() > 0.6  # decorou o treino
    assert lost.accuracy < 0.3  # e nada mais


def test_the_same_seed_gives_the_same_classifier_and_leaves_the_global_generator_alone(digits):
    logits = []
    with torch.random.fork_rng():
        for global_seed, seed in ((1, 0), (2, 0), (2, 1)):
            torch.manual_seed(global_seed)
            state = torch.get_rng_state()
            logits.append(features.train(digits, steps=30, seed=seed).logits(digits.x))
            assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(logits[0], logits[1]) and not torch.equal(logits[1], logits[2])


def test_features_and_histograms_keep_the_model_axis(digits, classifier):
    x = digits.x[:60].unflatten(0, (3, 20))
    assert classifier.features(x).shape == (3, 20, 32) and classifier.logits(x).shape == (3, 20, 10)
    assert torch.allclose(classifier.features(x)[1], classifier.features(x[1]), atol=1e-4)
    assert not classifier.features(x).requires_grad
    truth = torch.bincount(digits.labels, minlength=10)
    count = classifier.class_histogram(digits.x)
    assert count.sum() == len(digits) and (count - truth).abs().max() < 10


def test_any_labelled_data_serve(digits):
    ring = data.ring(n=2000)
    assert features.train(ring, steps=200).accuracy > 0.99


def test_data_that_cannot_train_a_classifier_are_refused(digits, classifier):
    x = torch.zeros(20, 2)
    with pytest.raises(ValueError, match=r"precisa de rótulos.*'personalizado'"):
        features.train(data.Data(x))
    with pytest.raises(ValueError, match=r"forma \(20,\).*recebi \(19,\)"):
        features.train(data.Data(x, labels=torch.zeros(19, dtype=torch.long)))
    with pytest.raises(ValueError, match=r"inteiros.*torch.float32"):
        features.train(data.Data(x, labels=torch.zeros(20)))
    with pytest.raises(ValueError, match=r"ao menos 10 amostras.*recebi 3"):
        features.train(data.Data(x[:3], labels=torch.zeros(3, dtype=torch.long)))
    with pytest.raises(ValueError, match=r"dimensão 784; recebeu \(5, 2\)"):
        classifier.features(torch.zeros(5, 2))


# As duas juntas


@pytest.mark.parametrize("corruption", ["ruído", "mistura", "tinta"])
def test_the_distance_grows_as_the_digits_are_corrupted(digits, classifier, corruption):
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    x, reference = digits.x[order[:800]], classifier.features(digits.x[order[800:]])
    noise = normal(800, 784, seed=1).float()
    corrupted = {
        "ruído": lambda t: x + 4 * t * noise,
        "mistura": lambda t: (1 - t / 2) * x + t / 2 * x.flip(0),  # sobrepõe outro dígito
        "tinta": lambda t: torch.where(noise.abs() < t, 1.0, x),
    }[corruption]
    distance = [
        features.frechet_distance(classifier.features(corrupted(t)), reference).item() for t in (0, 0.4, 0.7, 1)
    ]
    assert distance == sorted(distance) and distance[-1] > 3 * distance[0]


def test_white_noise_hides_from_the_features_and_not_from_the_pixels(digits, classifier):
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    x, rest = digits.x[order[:400]], digits.x[order[400:900]]
    noisy = x + 0.3 * normal(400, 784, seed=1).float()
    clean, dirty = (features.frechet_distance(*map(classifier.features, (s, rest))).item() for s in (x, noisy))
    assert dirty == pytest.approx(clean, rel=0.15)
    clean, dirty = (distances.mmd2(s, rest).item() for s in (x, noisy))
    assert dirty > clean + 5e-3


def test_the_report_orders_data_noise_and_collapse(digits, classifier):
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(7))
    x = digits.x[order[:800]]
    table = features.report(torch.stack([x, x[:1].expand(800, -1) + 1e-3 * x]), classifier, digits)
    distance, classes, kl = (table[k] for k in ("frechet_distance", "classes_covered", "reverse_kl"))
    assert distance.sample[0].item() == pytest.approx(distance.ceiling, rel=0.5)
    assert min(distance.floors) > 20 * distance.ceiling and distance.sample[1] > min(distance.floors)
    assert classes.ceiling == 10 and classes.sample.tolist() == [10, 1] and classes.floors[1] == 1
    assert kl.ceiling < 0.05 and kl.floors[1] == pytest.approx(math.log(10), abs=0.2)
    assert abs(table["mmd2"].ceiling) < 2e-3 < table["mmd2"].floors[0]
    assert "modelo 1" in str(table) and "% das 359 amostras que não viu" in str(table)


def reference_half(digits):
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(999))
    return digits.x[order[len(digits) // 2 :]]


def test_the_report_uses_the_same_number_of_samples_for_all(digits, classifier):
    longer = features.report(digits.x[:1200], classifier, digits)
    assert longer.title == "digits, n = 898"
    same = features.frechet_distance(*map(classifier.features, (digits.x[:898], reference_half(digits))))
    assert longer["frechet_distance"].sample.item() == pytest.approx(same.item())
    # Com menos amostras, o viés é maior: o teto também.
    few = features.report(digits.x[:100], classifier, digits)
    assert few.title == "digits, n = 100"
    assert few["frechet_distance"].ceiling > 2 * longer["frechet_distance"].ceiling


def test_the_report_refuses_unlabelled_data_and_other_shapes(digits, classifier):
    with pytest.raises(ValueError, match="precisa de rótulos"):
        features.report(digits.x, classifier, data.Data(digits.x))
    with pytest.raises(ValueError, match=r"\(n, 784\) ou \(K, n, 784\).*recebi \(5, 2\)"):
        features.report(torch.zeros(5, 2), classifier, digits)
    with pytest.raises(ValueError, match="com 20 amostras a covariância de 32"):
        features.report(digits.x[:20], classifier, digits)
