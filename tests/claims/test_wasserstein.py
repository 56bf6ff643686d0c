"""As afirmações do capítulo sobre a distância de Wasserstein, cada uma por dois caminhos independentes."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import linprog, minimize_scalar
from scipy.stats import norm
from torch import nn

from ganlib import distances, divergences, losses, networks, penalties, theory, transport

GAUSSIAN = theory.SHIFTS["gaussian"]


def cost_matrix(x, y):
    return np.linalg.norm(x[:, None] - y[None], axis=-1)


def optimal_plan(x, p, y, q):
    """O problema primal, por programação linear: custo e plano ``(n, m)``."""
    n, m = len(p), len(q)
    rows = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(cost_matrix(x, y).ravel(), A_eq=np.vstack(rows), b_eq=np.concatenate([p, q]))
    return found.fun, found.x.reshape(n, m)


def optimal_lipschitz(x, p, y, q):
    """O problema dual, por programação linear: valor, pontos e f nos pontos, 1-Lipschitz entre todos os pares."""
    points, weights = np.concatenate([x, y]), np.concatenate([p, np.negative(q)])
    pairs = list(itertools.permutations(range(len(points)), 2))
    slopes = np.zeros((len(pairs), len(points)))
    for row, (i, j) in zip(slopes, pairs, strict=True):
        row[i], row[j] = 1, -1
    gaps = [np.linalg.norm(points[i] - points[j]) for i, j in pairs]
    found = linprog(-weights, A_ub=slopes, b_ub=gaps, bounds=[(0, 0), *[(None, None)] * (len(points) - 1)])
    return -found.fun, points, found.x


def two_clouds(seed, dim, n=6, m=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), rng.dirichlet(np.ones(n)), rng.normal(1, 2, (m, dim)), rng.dirichlet(np.ones(m))


# A distância


@pytest.mark.claim("teo-wass-dual", "eq-wass-dual")
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_cheapest_plan_costs_what_the_best_lipschitz_critic_gains(dim, seed):
    x, p, y, q = two_clouds(seed, dim)
    assert optimal_plan(x, p, y, q)[0] == pytest.approx(optimal_lipschitz(x, p, y, q)[0], abs=1e-8)


@pytest.mark.claim("prop-wass-reta", "eq-wass-reta")
@pytest.mark.parametrize("seed", range(4))
def test_on_the_line_the_distance_is_the_area_between_the_distribution_functions(seed):
    x, p, y, q = two_clouds(seed, 1)
    assert transport.w1(x[:, 0], p, y[:, 0], q) == pytest.approx(optimal_plan(x, p, y, q)[0], abs=1e-8)


@pytest.mark.claim("prop-wass-reta", "eq-wass-reta")
def test_for_densities_the_area_agrees_with_the_distance_between_quantiles():
    area = quad(lambda t: abs(norm.cdf(t) - norm.cdf(t, 1, 3)), -40, 40, limit=400, points=[-0.5])[0]
    u = (torch.arange(40_000, dtype=torch.float64) + 0.5) / 40_000
    sample = 1 + 3 * torch.special.ndtri(u)
    assert distances.w1(sample, torch.special.ndtri).item() == pytest.approx(area, abs=2e-3)


@pytest.mark.claim("eq-wass-critico")
@pytest.mark.parametrize("seed", range(4))
def test_the_critic_with_slope_minus_the_sign_of_the_excess_attains_the_distance_and_no_other_slope_does(seed):
    x, p, y, q = two_clouds(seed, 1)
    points, f = transport.optimal_critic(x[:, 0], p, y[:, 0], q)
    value = np.interp(x[:, 0], points, f) @ p - np.interp(y[:, 0], points, f) @ q
    best = optimal_plan(x, p, y, q)[0]
    assert value == pytest.approx(best, abs=1e-8)
    np.testing.assert_allclose(np.abs(np.diff(f) / np.diff(points)), 1, atol=1e-12)  # aqui F ≠ G em toda parte
    flatter = np.concatenate([[0], np.cumsum(np.diff(f) * np.where(np.arange(len(f) - 1) == 5, 0.9, 1))])
    assert np.interp(x[:, 0], points, flatter) @ p - np.interp(y[:, 0], points, flatter) @ q < best - 1e-6


@pytest.mark.claim("eq-wass-deslocamento")
def test_a_shifted_distribution_is_as_far_as_the_shift_in_any_dimension():
    for dim in (1, 2, 3):
        x, p, _, _ = two_clouds(dim, dim)
        v = np.linspace(0.3, 1, dim)
        assert optimal_plan(x, p, x + v, p)[0] == pytest.approx(np.linalg.norm(v), abs=1e-8)
    assert GAUSSIAN.w1(3.0) == pytest.approx(quad(lambda t: norm.cdf(t) - norm.cdf(t - 3), -10, 13)[0], abs=1e-8)


@pytest.mark.claim("prop-wass-linhas", "eq-wass-linhas")
@pytest.mark.parametrize("theta", [-0.75, 0.0, 0.25, 2.0])
def test_only_w1_sees_how_far_the_parallel_lines_are(theta):
    n = 40
    heights, weights = (np.arange(n) + 0.5) / n, np.full(n, 1 / n)
    lines = [np.stack([np.full(n, c), heights], 1) for c in (0.0, theta)]
    d = transport.parallel_lines(theta)
    assert optimal_plan(lines[0], weights, lines[1], weights)[0] == pytest.approx(float(d.w1), abs=1e-8)
    # As duas linhas como uma distribuição discreta sobre a união dos suportes.
    both = np.eye(2) if theta else np.ones((2, 1))
    for found, wanted in ((d.jsd, divergences.jsd), (d.kl, divergences.kl), (d.tv, divergences.total_variation)):
        assert found == pytest.approx(float(wanted(*both)), abs=1e-12)


@pytest.mark.claim("prop-wass-linhas")
@pytest.mark.parametrize("theta", [0.25, 0.5, 1.0, 1.75])
def test_shifted_uniforms_saturate_when_the_overlap_ends(theta):
    n = 400  # casas de largura 1/n numa malha que contém os dois intervalos
    grid = np.arange(3 * n)
    p = np.where(grid < n, 1 / n, 0.0)
    q = np.where((grid >= theta * n) & (grid < (1 + theta) * n), 1 / n, 0.0)
    d = transport.shifted_uniforms(theta)
    assert d.w1 == pytest.approx(transport.w1(grid / n, p, grid / n, q), abs=1e-9)
    assert d.jsd == pytest.approx(float(divergences.jsd(p, q)), abs=1e-9)
    assert d.tv == pytest.approx(float(divergences.total_variation(p, q)), abs=1e-9)
    assert d.kl == divergences.kl(p, q) == math.inf


@pytest.mark.claim("prop-wass-continua", "eq-wass-continua")
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0])
def test_moving_the_samples_a_little_moves_the_distance_no_more_than_that(scale):
    torch.manual_seed(0)
    G, _, latent = networks.mlp(1, latent=2, hidden=(16,), activation="tanh")
    z, data = torch.randn(500, latent), torch.randn(700)
    before = G(z)
    with torch.no_grad():
        for p in G.parameters():
            p.add_(scale * torch.randn_like(p))
    after = G(z)
    moved = distances.w1(before, after).item()
    assert abs((distances.w1(before, data) - distances.w1(after, data)).item()) <= moved + 1e-9
    assert 0 < moved <= (before - after).abs().mean().item() + 1e-6


@pytest.mark.claim("eq-wass-jsd-triangulo")
def test_jsd_breaks_the_triangle_inequality_and_its_square_root_does_not():
    p, q, m = [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]
    through = divergences.jsd(p, m) + divergences.jsd(m, q)
    assert through == pytest.approx(math.log(4 / 3) + math.log(4 / 3) / 2, abs=1e-12)
    assert through < divergences.jsd(p, q) == pytest.approx(math.log(2), abs=1e-12)
    rng = np.random.default_rng(1)
    for concentration in (0.05, 0.5, 5.0):
        a, b, c = (rng.dirichlet(np.full(3, concentration) + 1e-3, 20_000) for _ in range(3))
        ab, bc, ac = (np.sqrt(np.maximum(divergences.jsd(*pair), 0)) for pair in ((a, b), (b, c), (a, c)))
        assert (ab + bc >= ac - 1e-7).all()


@pytest.mark.claim("prop-wass-passo", "eq-wass-passo")
@pytest.mark.parametrize(("start", "lr"), [(8.0, 0.3), (-2.05, 0.5), (0.03, 0.1)])
def test_constant_steps_on_w1_end_in_a_cycle_as_wide_as_the_step(start, lr):
    z = torch.special.ndtri((torch.arange(200, dtype=torch.float64) + 0.5) / 200)
    k, r = divmod(abs(start), lr)
    mu, path = torch.tensor(start, dtype=torch.float64, requires_grad=True), []
    for _ in range(int(k) + 20):
        (slope,) = torch.autograd.grad(distances.w1(mu + z, z), mu)
        mu = (mu - lr * slope).detach().requires_grad_(True)
        path.append(abs(mu.item()))
    end = np.array(path[-10:])
    np.testing.assert_allclose(np.sort(end)[[0, -1]], sorted([r, lr - r]), atol=1e-9)
    np.testing.assert_allclose(end[::2], end[0], atol=1e-9)
    assert end.max() >= lr / 2 - 1e-12


@pytest.mark.claim("eq-wass-envelope")
def test_the_generator_descends_w1_through_a_frozen_optimal_critic():
    torch.manual_seed(0)
    data = torch.rand(50, dtype=torch.float64)
    z, weights = torch.rand(50, dtype=torch.float64), np.full(50, 1 / 50)
    theta = torch.tensor([4.0, 1.7], dtype=torch.float64, requires_grad=True)
    fake = theta[0] + theta[1] * z
    by_distance = torch.autograd.grad(distances.w1(fake, data), theta, retain_graph=True)[0]
    points, f = transport.optimal_critic(data.numpy(), weights, fake.detach().numpy(), weights)
    slope = torch.from_numpy(np.interp(fake.detach() - 1e-9, points, f) - np.interp(fake.detach(), points, f)) / -1e-9
    by_critic = torch.autograd.grad(fake, theta, grad_outputs=-slope / 50)[0]
    torch.testing.assert_close(by_distance, by_critic, rtol=1e-5, atol=1e-6)


# A perda


def document_loss(y_pred, y_true):
    return torch.mean(y_pred * y_true * -1)


@pytest.mark.claim("eq-wass-rotulos")
def test_the_documents_loss_is_wgans_with_labels_plus_and_minus_one_only():
    torch.manual_seed(0)
    real, fake, one = torch.randn(32), torch.randn(32), torch.ones(32)
    wanted = losses.wasserstein_discriminator(real, fake).mean()
    torch.testing.assert_close(document_loss(real, one) + document_loss(fake, -one), wanted)
    torch.testing.assert_close(document_loss(fake, one), losses.wasserstein_generator(fake).mean())
    h = fake.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad(document_loss(real, one) + document_loss(h, 0 * one), h)
    assert not grad.any()


@pytest.mark.claim("eq-wass-difusao")
def test_a_label_of_another_shape_gives_the_product_of_the_means():
    torch.manual_seed(0)
    h, y = torch.randn(16, 1, dtype=torch.float64), torch.randn(16, dtype=torch.float64)
    assert (h * y).shape == (16, 16)
    torch.testing.assert_close(document_loss(h, y), -h.mean() * y.mean())
    mixed = torch.tensor([1.0, -1.0] * 8, dtype=torch.float64)
    assert document_loss(h, mixed).abs() < 1e-12 < document_loss(h[:, 0], mixed).abs()


@pytest.mark.claim("eq-wass-tv")
def test_a_critic_between_zero_and_one_measures_total_variation():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(12))
    best = linprog(-(p - q), bounds=[(0, 1)] * 12)
    assert -best.fun == pytest.approx(float(divergences.total_variation(p, q)), abs=1e-9)
    for mu in (0.5, 3.0):  # f = 1 onde p > q, isto é, em x < μ/2
        assert norm.cdf(mu / 2) - norm.cdf(mu / 2 - mu) == pytest.approx(float(GAUSSIAN.total_variation(mu)), abs=1e-12)


@pytest.mark.claim("eq-wass-tv-pressa")
def test_total_variation_dies_at_the_same_rate_as_the_saturating_loss():
    step, ratios = 1e-4, []
    for mu in (6.0, 12.0, 24.0):
        slope = norm.pdf(mu / 2)
        if mu < 10:
            finite = (GAUSSIAN.total_variation(mu + step) - GAUSSIAN.total_variation(mu - step)) / (2 * step)
            assert slope == pytest.approx(float(finite), rel=1e-6)
        ratios.append(float(GAUSSIAN.saturating_gradient(mu)) / slope)
    errors = np.abs(np.array(ratios) - math.pi)
    assert (np.diff(errors) < 0).all() and errors[-1] < 0.03


@pytest.mark.claim("eq-wass-escala")
def test_scaling_the_critic_scales_its_loss_so_there_is_no_minimum():
    torch.manual_seed(0)
    real, fake = torch.randn(64) + 1, torch.randn(64)
    base = losses.wasserstein_discriminator(real, fake).mean()
    assert base < 0
    for c in (0.5, 10.0, 1e4):
        torch.testing.assert_close(losses.wasserstein_discriminator(c * real, c * fake).mean(), c * base)


# O recorte


@pytest.mark.claim("prop-wass-recorte", "eq-wass-recorte")
@pytest.mark.parametrize("sizes", [(1, 8, 1), (2, 16, 16, 1), (3, 5, 7, 9, 1)])
@pytest.mark.parametrize("c", [0.05, 0.5])
def test_clipped_weights_bound_the_slope_and_equal_weights_attain_the_bound(sizes, c):
    bound = c ** (len(sizes) - 1) * math.sqrt(sizes[0]) * math.prod(sizes[1:-1])
    torch.manual_seed(0)
    for attempt in range(5):
        D = networks.MLP(sizes, logits=True).double()
        with torch.no_grad():
            for p in D.parameters():
                p.mul_(1 + 10 * attempt)
        penalties.clip_weights(D.parameters(), c)
        assert max(p.abs().max().item() for p in D.parameters()) <= c
        assert penalties.gradient_norm(D, torch.randn(50, sizes[0]).double()).max() <= bound * (1 + 1e-12)
    for p in D.parameters():
        nn.init.constant_(p, c)
    slope = penalties.gradient_norm(D, torch.rand(5, sizes[0]).double())
    torch.testing.assert_close(slope, torch.full_like(slope, bound))


@pytest.mark.claim("prop-wass-recorte")
@pytest.mark.parametrize("gap", [-4.0, 0.3])
def test_the_clipped_linear_critic_sits_in_a_corner(gap):
    w = np.linspace(-0.1, 0.1, 2001)
    assert w[np.argmax(w * gap)] == pytest.approx(float(transport.linear_critic(gap, "clip", 0.1)), abs=1e-12)


# A penalidade


def document_norm(D, real, fake):
    """A norma que a função do documento mede depois do conserto com ones_like."""
    alpha = torch.rand(real.size(0), 1, 1, 1, dtype=real.dtype)
    x = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    h = D(x)
    (grad,) = torch.autograd.grad(h, x, torch.ones_like(h))
    return grad.view(grad.size(0), -1).norm(2, dim=1)


@pytest.mark.claim("eq-wass-raiz-b")
@pytest.mark.parametrize("batch", [2, 8, 32])
def test_the_repaired_penalty_of_the_document_is_off_by_the_root_of_the_batch(batch):
    torch.manual_seed(0)
    D = nn.Linear(20, 1).double()
    real, fake = torch.randn(2, batch, 20, dtype=torch.float64)
    right = penalties.gradient_norm(D, penalties.interpolate(D, real, fake))
    torch.testing.assert_close(right, D.weight.norm().expand(batch))
    torch.testing.assert_close(document_norm(D, real, fake), math.sqrt(batch) * right)


def interpolate_density(t, mu):
    """A densidade de x̂ = εx + (1-ε)y, com x ~ N(0,1), y ~ N(μ,1) e ε uniforme: dado ε, x̂ é gaussiano."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    eps = (nodes + 1) / 2
    return norm.pdf(np.asarray(t)[..., None], (1 - eps) * mu, np.hypot(eps, 1 - eps)) @ weights / 2


@pytest.mark.claim("prop-wass-vies")
def test_the_density_of_the_penalised_points_is_that_of_the_librarys_interpolation():
    torch.manual_seed(0)
    x = penalties.interpolate(nn.Identity(), torch.randn(200_000, 1), 4 + torch.randn(200_000, 1))[:, 0]
    counts, edges = np.histogram(x.numpy(), bins=20, range=(-2, 6))
    centers = (edges[1:] + edges[:-1]) / 2
    np.testing.assert_allclose(counts / 200_000 / 0.4, interpolate_density(centers, 4.0), atol=0.006)


@pytest.mark.claim("prop-wass-vies", "eq-wass-gp-otimo")
@pytest.mark.parametrize("weight", [0.5, 10.0])
def test_at_each_point_the_penalised_critic_pays_for_a_slope_above_one(weight):
    mu = 4.0
    for t in (-1.0, 1.0, 2.0, 4.5):
        excess, rho = norm.cdf(t) - norm.cdf(t - mu), interpolate_density(t, mu)
        found = minimize_scalar(
            lambda s, a=excess, r=rho: s * a + weight * r * (abs(s) - 1) ** 2, bounds=(-60, -1e-6), method="bounded",
            options={"xatol": 1e-9},
        )  # fmt: skip
        assert -found.x == pytest.approx(1 + abs(excess) / (2 * weight * rho), rel=1e-5)
        assert found.fun < weight * rho * (1 - 1) ** 2 + excess  # melhor que a inclinação +1


@pytest.mark.claim("prop-wass-vies", "eq-wass-gp-media")
@pytest.mark.parametrize(("mu", "weight"), [(1.0, 1.0), (4.0, 10.0)])
def test_the_mean_slope_is_one_plus_w1_over_twice_the_weight(mu, weight):
    t = np.linspace(-7, mu + 7, 701)
    gap, rho = np.abs(norm.cdf(t) - norm.cdf(t - mu)), interpolate_density(t, mu)
    s = 1 + gap / (2 * weight * rho)
    wanted = 1 + float(GAUSSIAN.w1(mu)) / (2 * weight)
    assert np.trapezoid(rho * s, t) == pytest.approx(wanted, abs=1e-5)
    assert np.trapezoid(gap * s, t) >= mu * wanted - 1e-6  # a estimativa
    assert abs(transport.linear_critic(-mu, "gradient_penalty", weight)) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.claim("prop-wass-vies")
@pytest.mark.parametrize("penalty", ["gradient_penalty", "one_sided"])
@pytest.mark.parametrize(("mu", "weight"), [(4.0, 10.0), (1.0, 0.5)])
def test_the_linear_critics_own_loss_is_stationary_at_the_predicted_slope(penalty, mu, weight):
    z = torch.special.ndtri((torch.arange(500, dtype=torch.float64) + 0.5) / 500)[:, None]
    D = networks.MLP((1, 1), logits=True).double()

    def slope_of_the_loss(w):
        nn.init.constant_(D.layers[0].weight, w)
        loss = losses.wasserstein_discriminator(D(z), D(mu + z)).mean()
        loss = loss + weight * penalties.PENALTIES[penalty](D, z, mu + z, None).mean()
        return torch.autograd.grad(loss, D.layers[0].weight)[0].item()

    best = -(1 + mu / (2 * weight))
    assert best == pytest.approx(float(transport.linear_critic(-mu, penalty, weight)))
    assert slope_of_the_loss(best) == pytest.approx(0, abs=1e-9)
    assert slope_of_the_loss(best - 0.1) < 0 < slope_of_the_loss(best + 0.1)


@pytest.mark.claim("prop-wass-pares", "eq-wass-pares")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimal_critic_climbs_with_slope_one_along_optimally_coupled_pairs(seed):
    x, p, y, q = two_clouds(seed, 2, 4, 5)
    _, plan = optimal_plan(x, p, y, q)
    _, points, f = optimal_lipschitz(x, p, y, q)

    def critic(u):
        """Uma extensão 1-Lipschitz de f ao plano (McShane)."""
        return np.max(f - np.linalg.norm(points - u, axis=1))

    coupled = np.argwhere(plan > 1e-9)
    assert len(coupled) >= 4
    for i, j in coupled:
        length = np.linalg.norm(x[i] - y[j])
        for eps in (0.25, 0.5, 0.75):
            here = eps * x[i] + (1 - eps) * y[j]
            assert critic(here) == pytest.approx(critic(y[j]) + eps * length, abs=1e-7)
            grad = [(critic(here + d) - critic(here - d)) / 2e-6 for d in 1e-6 * np.eye(2)]
            np.testing.assert_allclose(grad, (x[i] - y[j]) / length, atol=1e-3)


@pytest.mark.claim("prop-wass-pares")
def test_independent_pairs_charge_an_optimal_critic_for_slopes_below_one():
    _, f = transport.optimal_critic([0, 10], [0.5, 0.5], [1, 9], [0.5, 0.5])
    np.testing.assert_allclose(f, [0, -1, -1, 0])

    class Piecewise(nn.Module):
        def forward(self, x):
            return (-x + torch.relu(x - 1) + torch.relu(x - 9)).squeeze(-1)

    torch.manual_seed(0)
    real, fake = (torch.tensor(s)[torch.randint(2, (100_000, 1))] for s in ([0.0, 10.0], [1.0, 9.0]))
    coupled = torch.where(real == 0, 1.0, 9.0)
    assert penalties.gradient_penalty(Piecewise(), real, coupled).max() < 1e-10
    # De (0, 9) e (10, 1), metade dos pares, 8/9 do segmento está entre 1 e 9, onde a inclinação é 0.
    assert penalties.gradient_penalty(Piecewise(), real, fake).mean().item() == pytest.approx(4 / 9, abs=0.01)
    assert penalties.one_sided(Piecewise(), real, fake).max() < 1e-10
