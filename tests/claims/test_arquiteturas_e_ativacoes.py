"""As afirmações do capítulo sobre arquiteturas e ativações, cada uma por dois caminhos independentes."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
import torch
from scipy import integrate
from torch import nn

from ganlib import gradients, layers, losses, networks

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "elu")
SLOPES = {  # as derivadas escritas à mão, em separado das de layers.ACTIVATIONS
    "sigmoid": lambda u: math.exp(-u) / (1 + math.exp(-u)) ** 2,
    "tanh": lambda u: 1 / math.cosh(u) ** 2,
    "relu": lambda u: float(u > 0),
    "leaky_relu": lambda u: 1.0 if u > 0 else 0.2,
    "elu": lambda u: 1.0 if u > 0 else math.exp(u),
}
VALUES = {
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "tanh": math.tanh,
    "relu": lambda u: max(u, 0.0),
    "leaky_relu": lambda u: max(u, 0.2 * u),
    "elu": lambda u: u if u > 0 else math.expm1(u),
}


def gaussian_mean(function):
    """E[f(ξ)], ξ normal, por quadratura."""
    density = lambda x: function(x) * math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return integrate.quad(density, -12, 0, limit=200)[0] + integrate.quad(density, 0, 12, limit=200)[0]


def slope_mean(name, q):
    return gaussian_mean(lambda x: SLOPES[name](math.sqrt(q) * x) ** 2)


def autograd_slope(name, u):
    u = u.clone().requires_grad_(True)
    return torch.autograd.grad(layers.activation(name)(u).sum(), u)[0]


# Os dois fatores


def per_layer(pair, loss, z):
    """Os gradientes de cada amostra em cada peso do gerador, e os logits."""
    h = pair.D(pair.G(z))
    weights = [p for name, p in pair.G.named_parameters() if name.endswith("weight")]
    rows = [torch.autograd.grad(loss(h)[i], weights, retain_graph=True) for i in range(len(z))]
    return [torch.stack(column) for column in zip(*rows, strict=True)], h.detach()


@pytest.mark.claim("prop-arq-dois-fatores", "eq-arq-fatores", "eq-arq-perfil")
@pytest.mark.parametrize("activation", ["sigmoid", "elu"])
def test_the_loss_multiplies_every_layer_by_the_same_number(activation):
    torch.manual_seed(0)
    pair = networks.mlp(2, hidden=(8, 8, 8), activation=activation)
    pair.G.double(), pair.D.double()
    z = torch.randn(5, 2, dtype=torch.float64)
    plain, h = per_layer(pair, lambda h: h, z)
    weights = {losses.minimax_generator: -torch.sigmoid(h), losses.non_saturating_generator: torch.sigmoid(h) - 1}
    for loss, w in weights.items():
        got, _ = per_layer(pair, loss, z)
        for g, v in zip(got, plain, strict=True):
            torch.testing.assert_close(g, w[:, None, None] * v, rtol=1e-9, atol=0)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in got])
        expected = torch.stack([v.flatten(1).norm(dim=1) for v in plain])
        torch.testing.assert_close(norms / norms[-1], expected / expected[-1], rtol=1e-9, atol=0)


# Uma camada


@pytest.mark.claim("prop-arq-ganho", "eq-arq-ida", "eq-arq-ganho")
@pytest.mark.parametrize("name", NAMES)
def test_the_expected_factor_of_a_narrow_layer_includes_the_term_in_one_over_n(name):
    torch.manual_seed(0)
    n, m, s2, draws = 3, 4, 1.7, 200_000
    a = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    W = torch.randn(draws, m, n, dtype=torch.float64) * math.sqrt(s2 / n)
    delta = torch.randn(draws, m, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.5, 3.0])
    u = (W @ a).requires_grad_(True)
    a_next = layers.activation(name)(u)
    (back,) = torch.autograd.grad(a_next, u, delta)
    factor = ((W * back[..., None]).sum(1).square().sum(1).mean() / delta.square().sum(1).mean()).item()
    q = s2 * a.square().sum().item() / n
    narrow = gaussian_mean(lambda x: x**2 * SLOPES[name](math.sqrt(q) * x) ** 2)
    expected = s2 * ((1 - 1 / n) * slope_mean(name, q) + narrow / n)
    assert factor == pytest.approx(expected, rel=0.02)
    forward = gaussian_mean(lambda x: VALUES[name](math.sqrt(q) * x) ** 2)
    assert a_next.square().mean().item() == pytest.approx(forward, rel=0.02)
    if name in ("sigmoid", "tanh"):  # ali o termo de 1/n se vê: sem ele, a previsão erra
        assert factor != pytest.approx(s2 * slope_mean(name, q), rel=0.02)


@pytest.mark.claim("eq-arq-cadeia")
@pytest.mark.parametrize("name", NAMES)
def test_the_factors_of_a_wide_chain_multiply(name):
    torch.manual_seed(0)
    width, depth, s2 = 256, 6, 1.5
    net = networks.MLP((width,) * (depth + 1), activation=name, output=name, models=8).double()
    with torch.no_grad():
        for layer in net.layers:
            if isinstance(layer, networks.StackedLinear):
                layer.weight.normal_(0, math.sqrt(s2 / width))
                layer.bias.zero_()
    a = torch.randn(8, 4, width, dtype=torch.float64)
    a = (a / a.norm(dim=-1, keepdim=True) * math.sqrt(width)).requires_grad_(True)
    delta = torch.randn(8, 4, width, dtype=torch.float64)
    (back,) = torch.autograd.grad((net(a) * delta).sum(), a)
    q, product = s2, 1.0
    for _ in range(depth):
        product *= s2 * slope_mean(name, q)
        q = s2 * gaussian_mean(lambda x, q=q: VALUES[name](math.sqrt(q) * x) ** 2)
    assert (back.square().sum() / delta.square().sum()).item() == pytest.approx(product, rel=0.12)


@pytest.mark.claim("eq-arq-medias")
@pytest.mark.parametrize("q", [0.1, 1.0, 4.0])
def test_the_mean_squared_slopes_of_the_library_have_closed_forms(q):
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for name, closed in {
        "relu": 0.5,
        "leaky_relu": (1 + 0.2**2) / 2,
        "elu": 0.5 + float(mp.e ** (2 * q) * mp.ncdf(-2 * mp.sqrt(q))),
    }.items():
        total = 0.0
        for low, high in ((-12.0, 0.0), (0.0, 12.0)):
            x = (high - low) / 2 * nodes + (high + low) / 2
            squares = autograd_slope(name, torch.tensor(math.sqrt(q) * x)).numpy() ** 2
            total += (high - low) / 2 * (weights * squares * np.exp(-(x**2) / 2)).sum() / math.sqrt(2 * math.pi)
        assert total == pytest.approx(closed, rel=1e-9)


@pytest.mark.claim("eq-arq-medias")
def test_elu_is_flat_at_minus_ten_and_leaky_relu_is_not():
    u = torch.tensor([-10.0], dtype=torch.float64)
    assert autograd_slope("elu", u).item() == pytest.approx(4.53999e-5, rel=1e-5)
    assert autograd_slope("leaky_relu", u).item() == 0.2


# Inicialização


@pytest.mark.claim("eq-arq-he")
@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_only_the_gain_of_he_keeps_both_directions(alpha):
    s2 = sp.symbols("s2", positive=True)
    u = sp.symbols("u", real=True)
    density = sp.exp(-(u**2) / 2) / sp.sqrt(2 * sp.pi)
    a = sp.nsimplify(alpha)
    forward = sp.integrate(u**2 * density, (u, 0, sp.oo)) + sp.integrate(a**2 * u**2 * density, (u, -sp.oo, 0))
    backward = sp.integrate(density, (u, 0, sp.oo)) + sp.integrate(a**2 * density, (u, -sp.oo, 0))
    for mean in (forward, backward):
        assert sp.solve(s2 * mean - 1, s2) == [2 / (1 + a**2)]
    name = "leaky_relu" if alpha else "relu"
    assert nn.init.calculate_gain(name, alpha) ** 2 == pytest.approx(2 / (1 + alpha**2))


@pytest.mark.claim("eq-arq-padrao")
def test_the_default_gain_of_linear_layers_is_one_third():
    torch.manual_seed(0)
    n = 300
    stacked = networks.StackedLinear(4, n, n).weight.detach()
    for weight in (nn.Linear(n, 4 * n).weight.detach(), stacked):
        assert weight.var().item() * n == pytest.approx(1 / 3, rel=0.01)
        assert weight.abs().max().item() <= 1 / math.sqrt(n)
    assert integrate.quad(lambda w: w**2 / 2, -1, 1)[0] == pytest.approx(1 / 3)


@pytest.mark.claim("prop-arq-tanh", "eq-arq-tanh")
def test_with_unit_gain_the_tanh_loses_a_power_of_the_depth_and_not_an_exponential():
    x, w = np.polynomial.hermite_e.hermegauss(80)
    w = w / w.sum()
    q, log_product, seen = 1.0, 0.0, {}
    for l in range(1, 20_001):  # noqa: E741
        chi = float(w @ np.cosh(math.sqrt(q) * x) ** -4.0)
        log_product += math.log(chi)
        seen[l] = (q, chi, log_product)
        q = float(w @ np.tanh(math.sqrt(q) * x) ** 2)
    q, chi, log_product = seen[20_000]
    assert 2 * 20_000 * q == pytest.approx(1, rel=1e-2)
    assert (1 - chi) * 20_000 == pytest.approx(1, rel=1e-2)
    local = (log_product - seen[2_000][2]) / math.log(10)
    assert local == pytest.approx(-1, rel=1e-2)


# Atalhos


class Branch(nn.Module):
    """f(a) = V φ(W a), em linhas."""

    def __init__(self, W, V, name):
        super().__init__()
        self.W, self.V, self.phi = W, V, layers.activation(name)

    def forward(self, a):
        return (self.V @ self.phi(self.W @ a[..., None])).squeeze(-1)


@pytest.mark.claim("eq-arq-atalho", "prop-arq-residual", "eq-arq-residual")
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_a_shortcut_adds_one_to_the_expected_factor(name):
    torch.manual_seed(0)
    n, m, s2, t2, draws = 3, 4, 2.0, 0.8, 200_000
    W = torch.randn(draws, m, n, dtype=torch.float64) * math.sqrt(s2 / n)
    # V não precisa ser normal: uniforme com a mesma variância
    V = (torch.rand(draws, n, m, dtype=torch.float64) * 2 - 1) * math.sqrt(3 * t2 / m)
    a = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64).expand(draws, n).clone().requires_grad_(True)
    delta = torch.tensor([1.0, 1.0, -2.0], dtype=torch.float64).expand(draws, n)
    branch = Branch(W, V, name)
    (plain,) = torch.autograd.grad(branch(a), a, delta)
    (shortcut,) = torch.autograd.grad(a + branch(a), a, delta)
    torch.testing.assert_close(shortcut, delta + plain)
    q = s2 * 5.25 / n
    narrow = gaussian_mean(lambda x: x**2 * SLOPES[name](math.sqrt(q) * x) ** 2)
    c = t2 * s2 * ((1 - 1 / n) * slope_mean(name, q) + narrow / n)
    assert plain.square().sum(1).mean().item() / 6 == pytest.approx(c, rel=0.02)
    assert shortcut.square().sum(1).mean().item() / 6 == pytest.approx(1 + c, rel=0.02)


@pytest.mark.claim("eq-arq-atalho")
def test_the_block_of_the_library_has_jacobian_identity_plus_branch():
    torch.manual_seed(0)
    from ganlib.convolutional import Block

    block = Block(2, 2, norm=None, nonlinearity="relu").double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    jacobian = lambda f: torch.autograd.functional.jacobian(f, x).reshape(32, 32)  # noqa: E731
    torch.testing.assert_close(jacobian(block), torch.eye(32, dtype=torch.float64) + jacobian(block.residual))


@pytest.mark.claim("eq-arq-piso")
def test_a_contracting_branch_cannot_erase_the_gradient_of_a_residual_block():
    rng = np.random.default_rng(0)
    for kappa in (0.1, 0.5, 0.9):
        for _ in range(200):
            J = rng.standard_normal((5, 5))
            J *= kappa / np.linalg.norm(J, 2)
            delta = rng.standard_normal(5)
            assert np.linalg.norm((np.eye(5) + J).T @ delta) >= (1 - kappa) * np.linalg.norm(delta)
        worst = -kappa * np.eye(5)  # o piso é atingido
        assert np.linalg.norm((np.eye(5) + worst).T @ delta) == pytest.approx((1 - kappa) * np.linalg.norm(delta))


@pytest.mark.claim("eq-arq-escala")
def test_a_branch_scaled_by_the_root_of_the_depth_stays_below_e_to_the_c():
    for c in (0.1, 1.0, 4.0):
        values = np.array([(1 + c / L) ** L for L in (1, 2, 10, 100, 10_000)])
        assert (np.diff(values) > 0).all()
        assert (values <= math.exp(c)).all()
        assert values[-1] == pytest.approx(math.exp(c), rel=1e-3)
    # o fator 1/√L no ramo divide c por L
    J = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    delta = torch.ones(4, dtype=torch.float64)
    scaled = (J * 25**-0.5).T @ delta
    assert scaled.square().sum().item() == pytest.approx((J.T @ delta).square().sum().item() / 25)


# O que se mede por camada


@pytest.mark.claim("eq-arq-fatores")
def test_deeper_sigmoids_have_smaller_first_layer_gradients_whichever_the_loss():
    for loss in (losses.minimax_generator, losses.non_saturating_generator):
        firsts = []
        for depth in (2, 6):
            torch.manual_seed(0)
            pair = networks.mlp(2, hidden=(16,) * depth, activation="sigmoid")
            value = loss(pair.D(pair.G(torch.randn(32, 2)))).mean()
            firsts.append(next(iter(gradients.gradient_norms_per_layer(value, pair.G.named_parameters()).values())))
        assert firsts[1] < 1e-3 * firsts[0]
