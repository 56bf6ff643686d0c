"""As afirmações do capítulo sobre normalização, cada uma por dois caminhos independentes."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from ganlib import layers, losses, networks, penalties

DOUBLE = torch.float64
TINY = 1e-30  # o PyTorch recusa ε = 0


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def network(norm, sizes=(2, 16, 16, 1), seed=0, eps=None, **options):
    """Um discriminador em float64; ``eps`` troca o ε das normalizações."""
    torch.manual_seed(seed)
    D = networks.MLP(sizes, norm=norm, logits=True, **options).double()
    for m in D.modules():
        if eps is not None and isinstance(m, nn.BatchNorm1d | nn.LayerNorm):
            m.eps = eps
    return D


def jacobian(f, x):
    return torch.autograd.functional.jacobian(f, x)


# Normalização de lote


@pytest.mark.claim("prop-norm-jacobiana", "eq-norm-jacobiana")
@pytest.mark.parametrize("models", [None, 1])
def test_every_output_of_batch_norm_depends_on_every_sample(models):
    B, gamma, eps = 7, 1.7, 1e-5
    layer = layers.dense_batch(1, models).double()
    with torch.no_grad():
        layer.weight.fill_(gamma)
    u = normal(B, 1)
    f = (lambda u: layer(u)) if models is None else (lambda u: layer(u[None])[0])
    J = jacobian(f, u).reshape(B, B)
    values = u[:, 0].numpy()
    s = math.sqrt(((values - values.mean()) ** 2).mean() + eps)
    hat = (values - values.mean()) / s
    expected = gamma / s * (np.eye(B) - 1 / B - np.outer(hat, hat) / B)
    np.testing.assert_allclose(J.numpy(), expected, rtol=1e-9, atol=1e-12)
    assert J.abs().min().item() > 1e-5  # nenhum termo cruzado é zero
    np.testing.assert_allclose(J.sum(0).numpy(), 0, atol=1e-12)
    np.testing.assert_allclose(J.sum(1).numpy(), 0, atol=1e-12)


@pytest.mark.claim("eq-norm-jacobiana")
def test_the_jacobian_of_batch_norm_in_symbols():
    u = sp.symbols("u0:3", real=True)
    eps = sp.symbols("epsilon", positive=True)
    m = sum(u) / 3
    s = sp.sqrt(sum((a - m) ** 2 for a in u) / 3 + eps)
    hat = [(a - m) / s for a in u]
    point = dict(zip(u, (sp.Rational(1, 2), -2, 3), strict=True)) | {eps: sp.Rational(1, 7)}
    for i in range(3):
        for j in range(3):
            closed = (int(i == j) - sp.Rational(1, 3) - hat[i] * hat[j] / 3) / s
            assert sp.simplify((sp.diff(hat[i], u[j]) - closed).subs(point)) == 0


@pytest.mark.claim("prop-norm-vies", "eq-norm-vies")
def test_the_biases_before_batch_norm_in_the_generator_of_the_document_do_nothing():
    torch.manual_seed(0)
    pair = networks.document(models=None)
    G, D = pair.G.double(), pair.D.double()
    z = normal(8, 100)
    biases = [m.bias for m in G.layers if isinstance(m, nn.Linear)]
    *dead, live = torch.autograd.grad(losses.non_saturating_generator(D(G(z))).mean(), biases)
    assert max(g.abs().max().item() for g in dead) < 1e-15
    assert live.norm().item() > 1e-4
    before = G(z).detach()
    with torch.no_grad():
        for b in biases[:-1]:
            b += 3.0
    torch.testing.assert_close(G(z), before, rtol=0, atol=1e-10)
    with torch.no_grad():
        biases[-1] += 3.0
    assert (G(z) - before).abs().max().item() > 0.1
    assert sum(b.numel() for b in biases[:-1]) == 1792


@pytest.mark.claim("prop-norm-jacobiana")
def test_only_batch_norm_mixes_the_samples():
    x = normal(8, 2)
    off = {}
    for norm in (None, "layer", "spectral", "batch"):
        J = jacobian(network(norm), x).norm(dim=-1)
        off[norm] = (J - torch.diag(J.diag())).abs().max().item()
    assert off[None] == off["layer"] == off["spectral"] == 0
    assert off["batch"] > 0.01


@pytest.mark.claim("prop-norm-jacobiana")
def test_a_gradient_penalty_with_batch_norm_sees_the_gradient_of_the_sum():
    D, x = network("batch"), normal(8, 2)
    J = jacobian(D, x)
    seen = penalties.gradient_norm(D, x)
    torch.testing.assert_close(seen, J.sum(0).norm(dim=-1))
    alone = J.diagonal(dim1=0, dim2=1).T.norm(dim=-1)
    assert ((seen - alone).abs() / alone).median().item() > 0.05
    D = network("layer")
    own = jacobian(D, x).diagonal(dim1=0, dim2=1).T.norm(dim=-1)
    torch.testing.assert_close(penalties.gradient_norm(D, x), own)


@pytest.mark.claim("prop-norm-cego", "eq-norm-cego", "eq-norm-cego-gradiente")
@pytest.mark.parametrize("name", list(losses.LOSSES))
def test_a_batch_normalised_discriminator_cannot_see_where_the_batch_is(name):
    loss = losses.get(name)
    x, c = normal(12, 2), torch.tensor([5.0, -3.0], dtype=DOUBLE)
    D = network("batch")
    torch.testing.assert_close(D(x + c), D(x), rtol=0, atol=1e-9)
    assert (D(2 * x) - D(x)).abs().max() > 1e-7  # com ε > 0, a escala ainda se vê, um pouco
    sharp = network("batch", eps=TINY)
    torch.testing.assert_close(sharp(3 * x + c), sharp(x), rtol=0, atol=1e-9)
    for net, also_scale in ((D, False), (sharp, True)):
        leaf = x.clone().requires_grad_(True)
        h = net(leaf)
        real = torch.zeros_like(h)
        F = (loss.generator(h, real) if loss.needs_real else loss.generator(h)).mean()
        (g,) = torch.autograd.grad(F, leaf)
        assert g.sum(0).abs().max() < 1e-12 < g.abs().max()
        if also_scale:
            assert abs((g * x).sum().item()) < 1e-12


@pytest.mark.claim("eq-norm-cego-gradiente")
@pytest.mark.parametrize(("norm", "blind"), [("batch", True), ("layer", False), (None, False)])
def test_the_last_bias_of_the_generator_gets_no_gradient_from_a_batch_normalised_discriminator(norm, blind):
    torch.manual_seed(0)
    pair = networks.mlp(2, hidden=(16, 16), d_norm=norm)
    G, D = pair.G.double(), pair.D.double()
    losses.minimax_generator(D(G(normal(32, 2)))).mean().backward()
    assert (G.layers[-1].bias.grad.norm().item() < 1e-15) == blind
    assert G.layers[-1].weight.grad.norm().item() > 1e-5


# Escala e normalização de camada


@pytest.mark.claim("prop-norm-escala", "eq-norm-escala")
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_scale_of_normalised_weights_does_not_matter(norm):
    D, x, a = network(norm, eps=TINY), normal(12, 2), 3.0
    params = [D.layers[0].weight, D.layers[0].bias]

    def value_and_gradient():
        F = losses.softplus(-D(x)).mean()
        return F.item(), torch.autograd.grad(F, params)

    before, g = value_and_gradient()
    inner = sum((u * p).sum() for u, p in zip(g, params, strict=True)).item()
    assert abs(inner) < 1e-12 < max(u.norm().item() for u in g)
    with torch.no_grad():
        for p in params:
            p *= a
    after, scaled = value_and_gradient()
    assert after == pytest.approx(before, abs=1e-12)
    for u, v in zip(g, scaled, strict=True):
        torch.testing.assert_close(v, u / a, rtol=1e-8, atol=1e-12)


@pytest.mark.claim("prop-norm-escala", "eq-norm-raio")
def test_along_a_ray_a_layer_normalised_discriminator_flattens():
    D = network("layer", activation="tanh", eps=TINY)
    x = torch.tensor([0.6, -0.8], dtype=DOUBLE)
    radial, full, values = [], [], []
    for a in (1e3, 1e4, 1e5):
        leaf = (a * x)[None].requires_grad_(True)
        h = D(leaf)
        (g,) = torch.autograd.grad(h.sum(), leaf)
        radial.append(abs((g[0] @ x).item()) * a**2)
        full.append(g.norm().item() * a)
        values.append(h.item())
    assert radial[-1] == pytest.approx(radial[0], rel=0.02)  # a² vezes a derivada no raio: constante
    assert full[-1] == pytest.approx(full[0], rel=0.02)
    with torch.no_grad():
        D.layers[0].bias.zero_()
    assert values[-1] == pytest.approx(D(x[None]).item(), abs=1e-4)  # o limite é a rede sem o viés
    plain = network(None, activation="relu")
    far = (1e5 * x)[None].requires_grad_(True)
    assert torch.autograd.grad(plain(far).sum(), far)[0].norm() > 1e-2


# Normalização espectral


def spectral_layer(sigma, seed=0):
    """Uma camada com estes valores singulares, os seus vetores à direita, e u, v ao acaso."""
    n = len(sigma)
    A, B = (torch.linalg.qr(normal(n, n, seed=seed + k))[0] for k in range(2))
    layer = nn.Linear(n, n).double()
    with torch.no_grad():
        layer.weight.copy_(A * torch.as_tensor(sigma, dtype=DOUBLE) @ B.T)
    layer = layers.spectral(layer, "spectral")
    norm = layer.parametrizations.weight[0]
    norm._v.copy_(nn.functional.normalize(normal(n, seed=seed + 2), dim=0))
    return layer, norm, B


@pytest.mark.claim("prop-norm-potencia", "eq-norm-potencia")
@pytest.mark.parametrize("ratio", [0.5, 0.9])
def test_power_iteration_obeys_its_bound_and_never_overestimates(ratio):
    sigma = 3.0 * np.concatenate([[1.0], ratio * np.linspace(1, 0.1, 7)])
    layer, norm, B = spectral_layer(sigma)
    W = layer.parametrizations.weight.original.detach()
    first = B[:, 0]
    tan = lambda v: math.sqrt(max(1 / (first @ v).item() ** 2 - 1, 0.0))  # noqa: E731
    tan0, last = tan(norm._v), 0.0
    for t in range(1, 9):
        layer(torch.zeros(1, 8, dtype=DOUBLE))
        estimate = (norm._u @ W @ norm._v).item()
        exact = torch.linalg.svdvals(W)[0].item()
        assert estimate >= last - 1e-12
        gap = 1 - (estimate / exact) ** 2
        assert -1e-12 <= gap <= tan0**2 * ratio ** (4 * t - 2) + 1e-12
        assert tan(norm._v) <= tan0 * ratio ** (2 * t) + 1e-6
        used = torch.linalg.matrix_norm(W / estimate, 2).item()
        assert used >= 1 - 1e-12
        last = estimate


@pytest.mark.claim("eq-norm-potencia")
def test_each_iteration_multiplies_the_error_of_the_value_by_the_fourth_power():
    for ratio in (0.6, 0.9):
        layer, norm, _ = spectral_layer([1.0, ratio, 0.1 * ratio, 0.05 * ratio])
        W = layer.parametrizations.weight.original.detach()
        gaps = []
        for _ in range(14 if ratio > 0.8 else 6):
            layer(torch.zeros(1, 4, dtype=DOUBLE))
            gaps.append(1 - (norm._u @ W @ norm._v).item())
        assert gaps[-1] / gaps[-2] == pytest.approx(ratio**4, rel=0.1)


@pytest.mark.claim("prop-norm-lip", "eq-norm-lip")
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "tanh"])
def test_the_product_of_singular_values_bounds_the_slope_from_above_only(activation):
    D = network("spectral", sizes=(2, 16, 16, 16, 1), activation=activation)
    for _ in range(200):
        D(normal(1, 2))
    D.eval()
    weights = [m.weight.detach() for m in D.layers if isinstance(m, nn.Linear)]
    product = math.prod(np.linalg.svd(w.numpy(), compute_uv=False)[0] for w in weights)
    assert product == pytest.approx(1, abs=1e-3)
    x, y = normal(500, 2, seed=1), normal(500, 2, seed=2)
    quotients = (D(x) - D(y)).abs() / (x - y).norm(dim=-1)
    assert quotients.max().item() <= product * (1 + 1e-9)
    assert quotients.max().item() < 0.2  # a cota é só de cima


@pytest.mark.claim("prop-norm-piso", "eq-norm-piso", "eq-norm-piso-ponto")
@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])
def test_a_lipschitz_logit_puts_a_floor_under_the_saturation_factor(scale):
    D = network("spectral", seed=3)
    for _ in range(200):
        D(normal(1, 2))
    D.eval()
    L = scale * math.prod(
        torch.linalg.matrix_norm(m.weight, 2).item() for m in D.layers if isinstance(m, nn.Linear)
    )
    real, fake = normal(60, 2, seed=4), normal(60, 2, seed=5) + 3
    with torch.no_grad():
        h_real, h_fake = scale * D(real), scale * D(fake)
    distance = torch.cdist(real, fake)
    low = torch.sigmoid(h_real[:, None] - L * distance)
    lower = torch.exp(-L * distance) * torch.sigmoid(h_real)[:, None]
    assert (torch.sigmoid(h_fake)[None] >= low - 1e-12).all()
    assert (low >= lower - 1e-12).all()
    w1 = distance.numpy()[linear_sum_assignment(distance.numpy())].mean()
    floor = math.exp(-losses.softplus(-h_real).mean().item() - L * w1)
    # o fator de saturação medido pela própria perda: a derivada da minimax no logit
    leaf = h_fake.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(losses.minimax_generator(leaf).sum(), leaf)
    assert (-slope).mean().item() >= floor


@pytest.mark.claim("prop-norm-piso", "eq-norm-piso-ponto")
def test_the_steepest_lipschitz_logit_attains_the_pointwise_floor():
    L, d = mp.mpf(2), mp.mpf(3)
    h = lambda t: -L * t  # noqa: E731  (indiferente no dado, em t = 0)
    sigma = lambda v: 1 / (1 + mp.e ** (-v))  # noqa: E731
    assert mp.almosteq(sigma(h(d)), sigma(h(0) - L * d))
    assert sigma(h(d)) > mp.e ** (-L * d) * sigma(h(0))
    slope = torch.tensor([-6.0], dtype=DOUBLE, requires_grad=True)
    (g,) = torch.autograd.grad(losses.minimax_generator(slope).sum(), slope)
    assert -g.item() == pytest.approx(float(sigma(h(d))))


@pytest.mark.claim("prop-norm-posto", "eq-norm-posto")
def test_a_normalised_weight_keeps_the_share_of_its_stable_rank():
    layer = layers.spectral(nn.Linear(20, 30), "spectral").double()
    for _ in range(300):
        layer(torch.zeros(1, 20, dtype=DOUBLE))
    layer.eval()
    sigma = np.linalg.svd(layer.parametrizations.weight.original.detach().numpy(), compute_uv=False)
    delta = normal(200_000, 30)
    back = (delta @ layer.weight.detach()).square().sum(1).mean() / delta.square().sum(1).mean()
    share = (sigma**2).sum() / sigma[0] ** 2 / 30
    assert back.item() == pytest.approx(share, rel=0.01)
    assert share < 0.5


@pytest.mark.claim("prop-norm-posto")
def test_spectral_normalisation_erases_the_gain():
    outs = []
    for gain in (1.0, 7.0):
        D = network("spectral", seed=1)
        with torch.no_grad():
            for name, p in D.named_parameters():
                if name.endswith("original"):
                    p *= gain
        for _ in range(300):
            D(normal(1, 2))
        outs.append(D.eval()(normal(5, 2)))
    torch.testing.assert_close(outs[0], outs[1], rtol=1e-6, atol=1e-9)


@pytest.mark.claim("prop-norm-lip", "prop-norm-posto")
def test_seven_spectrally_normalised_layers_start_with_a_tiny_slope():
    worst = []
    for seed in range(4):
        torch.manual_seed(seed)
        D = networks.MLP((2, *[64] * 6, 1), norm="spectral", logits=True)
        with torch.no_grad():
            for _ in range(20):
                D(torch.zeros(1, 2))
        D.eval()
        x = torch.randn(256, 2)
        worst.append(penalties.gradient_norm(D, x).max().item())
    assert 3e-4 < np.median(worst) < 5e-3


# Convoluções


def dense(layer, shape):
    """A matriz da convolução (sem viés), coluna a coluna."""
    basis = torch.eye(math.prod(shape), dtype=DOUBLE).view(-1, *shape)
    out = nn.functional.conv2d(basis, layer.weight.detach(), None, layer.stride, layer.padding)
    return out.flatten(1).numpy()


@pytest.mark.claim("prop-norm-conv", "eq-norm-conv")
@pytest.mark.parametrize("n", [2, 5, 12])
def test_a_normalised_constant_kernel_has_a_norm_close_to_three(n):
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.constant_(conv.weight, 2.0)
    conv = layers.spectral(conv, "spectral").double().eval()
    assert np.linalg.norm(conv.weight.detach().flatten(1).numpy(), 2) == pytest.approx(1, rel=1e-6)
    closed = (1 + 2 * math.cos(math.pi / (n + 1))) ** 2 / 3
    assert np.linalg.norm(dense(conv, (1, n, n)), 2) == pytest.approx(closed, rel=1e-6)


@pytest.mark.claim("prop-norm-conv", "eq-norm-conv-cota")
@pytest.mark.parametrize(("k", "stride"), [(3, 1), (4, 2), (3, 2), (1, 1), (5, 2)])
def test_the_norm_of_a_convolution_is_at_most_the_overlap_times_that_of_its_kernel(k, stride):
    torch.manual_seed(0)
    for fill in (None, 1.0):
        conv = nn.Conv2d(2, 3, k, stride=stride, padding=k // 2, bias=False).double()
        if fill:
            nn.init.constant_(conv.weight, fill)
        kernel = np.linalg.norm(conv.weight.detach().flatten(1).numpy(), 2)
        operator = np.linalg.norm(dense(conv, (2, 10, 10)), 2)
        bound = math.ceil(k / stride) * kernel
        assert operator <= bound * (1 + 1e-9)
        if fill and k > 1:
            assert operator > kernel * 1.2  # e passa da norma do núcleo
