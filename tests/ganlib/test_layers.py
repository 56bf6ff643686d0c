"""As peças das redes: cada uma diante da sua definição ou da equivalente do PyTorch."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlib import layers
from ganlib.draws import Draws

PIECEWISE = [(layers.ReLU, nn.ReLU()), (layers.LeakyReLU, nn.LeakyReLU(0.2))]
VALUES = st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20)


def value_and_gradient(module, values, *options):
    x = torch.tensor(values, requires_grad=True)
    y = module(x, *options)
    (grad,) = torch.autograd.grad(y, x, torch.linspace(-3, 2, len(values)))
    return y.detach(), grad


@pytest.mark.parametrize(("ours", "theirs"), PIECEWISE)
@pytest.mark.parametrize("twice", [False, True])
@settings(deadline=None)
@given(values=VALUES)
def test_rectifiers_are_those_of_pytorch_bit_by_bit(ours, theirs, twice, values):
    for mine, reference in zip(
        value_and_gradient(ours(), [*values, 0.0, -0.0], twice),
        value_and_gradient(theirs, [*values, 0.0, -0.0]),
        strict=True,
    ):
        assert torch.equal(mine, reference)


@pytest.mark.parametrize("ours", [layers.ReLU, layers.LeakyReLU])
def test_a_nan_is_never_hidden(ours):
    assert ours()(torch.tensor([float("nan")]), True).isnan().all()


@pytest.mark.parametrize(("ours", "theirs"), PIECEWISE)
def test_second_derivatives_are_those_of_pytorch(ours, theirs):
    torch.manual_seed(0)
    linear = [nn.Linear(3, 8).double(), nn.Linear(8, 8).double(), nn.Linear(8, 1).double()]
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    grads = []
    for net, twice in (
        (layers.Layers(linear[0], ours(), linear[1], ours(), linear[2]), (True,)),
        (nn.Sequential(linear[0], theirs, linear[1], theirs, linear[2]), ()),
    ):
        (slope,) = torch.autograd.grad(net(x, *twice).sum(), x, create_graph=True)
        weights = [layer.weight for layer in linear]
        grads.append(torch.autograd.grad((slope.norm(dim=1) - 1).square().sum(), weights))
    for mine, reference in zip(*grads, strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=1e-14)


def test_only_a_leaf_that_asks_for_a_gradient_is_differentiated_twice():
    data = torch.zeros(3)
    point = torch.zeros(3, requires_grad=True)
    assert layers.differentiated_twice(point)
    assert not layers.differentiated_twice(data)
    assert not layers.differentiated_twice(point * 2)


@pytest.mark.parametrize("name", sorted(layers.ACTIVATIONS))
def test_every_activation_has_the_slope_of_its_finite_differences(name):
    x = torch.tensor([-2.0, -0.3, 0.4, 3.0], dtype=torch.float64, requires_grad=True)
    f, e = layers.activation(name), 1e-6
    (slope,) = torch.autograd.grad(f(x).sum(), x)
    torch.testing.assert_close(slope, ((f(x + e) - f(x - e)) / (2 * e)).detach(), rtol=1e-7, atol=1e-8)


def test_softplus_is_exact_in_double_precision():
    x = torch.tensor([25.0], dtype=torch.float64)
    assert float(layers.activation("softplus")(x)) == pytest.approx(25 + 1.388794386e-11, abs=1e-14)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("swish", "escolha entre elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh"),
        (nn.ELU(), "um nome ou uma função que cria o módulo"),
        (lambda: torch.sin, "deve criar um nn.Module"),
    ],
)
def test_a_bad_activation_is_refused_in_one_sentence(choice, said):
    with pytest.raises(ValueError, match=said):
        layers.activation(choice)


# Dropout


@pytest.mark.parametrize("shape", [(400, 50), (4, 100, 50), (40, 5, 10, 10)])
def test_dropout_zeroes_the_stated_share_and_rescales_the_rest(shape):
    torch.manual_seed(0)
    x = torch.full(shape, 3.0)
    y = layers.Dropout(0.25)(x)
    assert set(y.unique().tolist()) == {0.0, 4.0}
    # 20.000 sorteios: o desvio-padrão da fração é 0,003.
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.015)


def test_dropout_is_the_identity_in_evaluation():
    x = torch.randn(5, 4)
    assert layers.Dropout(0.9).eval()(x) is x


def test_the_gradient_passes_where_the_value_passed():
    x = torch.ones(100, requires_grad=True)
    y = layers.Dropout(0.5)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_draws_only_from_its_private_stream():
    layer, x = layers.Dropout(0.5), torch.ones(3, 40)
    draws = Draws(7, "cpu")
    layer.uniform = draws.uniform
    start, world = draws.rng.get_state(), torch.get_rng_state()
    first, second = layer(x), layer(x)
    draws.rng.set_state(start)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), world)
    assert torch.equal(first == 0, Draws(7, "cpu").uniform((3, 40)) < 0.5)


def test_a_copy_of_dropout_leaves_the_private_stream_behind():
    layer = layers.Dropout(0.5, Draws(0, "cpu").uniform)
    saved = io.BytesIO()
    torch.save(layer, saved)
    saved.seek(0)
    for other in (copy.deepcopy(layer), torch.load(saved, weights_only=False)):
        assert other.uniform is None
        assert other.p == 0.5
    assert layer.uniform is not None


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_an_impossible_dropout_is_refused(p):
    with pytest.raises(ValueError, match=r"deve estar em \[0, 1\)"):
        layers.Dropout(p)


# Normalizações


def test_image_layer_norm_takes_mean_and_variance_of_each_whole_sample():
    (norm,) = layers.image_norm("layer", 6)
    x = torch.randn(3, 6, 4, 4)
    each = x.flatten(1)
    expected = (each - each.mean(1, keepdim=True)) / (each.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x).detach().flatten(1), expected)


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), nn.Conv2d(3, 4, 4), nn.ConvTranspose2d(3, 4, 4)])
def test_the_spectral_norm_makes_the_largest_singular_value_one(layer):
    torch.manual_seed(0)
    x = torch.randn(2, 7) if isinstance(layer, nn.Linear) else torch.randn(2, 3, 6, 6)
    layer = layers.spectral(layer, "spectral")
    for _ in range(100):
        layer(x)
    weight = layer.eval().weight.detach()
    out_axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    matrix = weight.movedim(out_axis, 0).flatten(1)
    assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("make", [layers.dense_norm, layers.image_norm])
def test_an_unknown_norm_lists_the_valid_ones(make):
    with pytest.raises(ValueError, match="o nome 'group' não existe; escolha entre batch, layer, spectral"):
        make("group", 4)


# A entrada


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (torch.zeros(2, 3), r"espera uma entrada de forma \(B, 4\); recebeu \(2, 3\)"),
        (torch.zeros(4), r"espera uma entrada de forma \(B, 4\); recebeu \(4,\)"),
        (torch.zeros(2, 4, dtype=torch.float64), "tipo torch.float32, o dos seus pesos; recebeu torch.float64"),
        (torch.zeros(2, 4, dtype=torch.int64), "recebeu torch.int64"),
        (torch.zeros(2, 4, device="meta"), "a rede está em cpu, e a entrada em meta"),
    ],
)
def test_a_bad_input_says_both_sides(x, said):
    with pytest.raises(ValueError, match=said):
        layers.expect(x, ("B", 4), torch.zeros(1))


def test_mixed_precision_may_bring_another_floating_type_but_not_integers():
    with torch.autocast("cpu", torch.bfloat16):
        assert layers.expect(torch.zeros(2, 4, dtype=torch.bfloat16), ("B", 4), torch.zeros(1)) is None
        with pytest.raises(ValueError, match=r"recebeu torch\.int64"):
            layers.expect(torch.zeros(2, 4, dtype=torch.int64), ("B", 4), torch.zeros(1))
