"""As redes convolucionais: formas, o que os artigos dizem delas, e as derivadas de que as penalidades precisam."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganlib import networks, penalties
from ganlib.convolutional import Block, Halve
from ganlib.layers import Layers

NORMS = (None, "batch", "layer", "spectral")


def make(name, side=28, channels=1, **options):
    return networks.get(name, channels * side**2, **{"width": 4, "latent": 6, "channels": channels} | options)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize(("side", "channels", "norm"), list(itertools.product((28, 32), (1, 3), NORMS)))
def test_images_go_in_and_out_flat_and_every_parameter_learns(name, side, channels, norm):
    torch.manual_seed(0)
    G, D, latent = make(name, side, channels, g_norm=norm, d_norm=norm)
    x = G(torch.randn(5, latent))
    assert x.shape == (5, channels * side**2)
    assert float(x.detach().abs().max()) <= 1
    h = D(x)
    assert h.shape == (5,)
    h.square().sum().backward()
    for p in (*G.parameters(), *D.parameters()):
        assert float(p.grad.abs().max()) > 0


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_the_spectral_norm_is_on_every_layer_of_both_players(name):
    G, D, _ = make(name, g_norm="spectral", d_norm="spectral")
    weights = [k for net in (G, D) for k, p in net.named_parameters() if p.dim() > 1]
    assert len(weights) >= 8
    assert all(k.endswith("parametrizations.weight.original") for k in weights)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_the_first_axis_of_a_sample_is_the_channel(name):
    D = make(name, 28, 3, d_norm=None).D
    x = torch.randn(2, 3 * 784)
    torch.testing.assert_close(D(x), D.layers(x.view(2, 3, 28, 28)).squeeze(1))
    G = make(name, 28, 3).G.eval()
    z = torch.randn(2, 6)
    assert torch.equal(G(z).view(2, 3, 28, 28), G.layers(z))


def test_dcgan_weights_are_those_of_the_paper():
    torch.manual_seed(0)
    for net in networks.dcgan(1024, width=32)[:2]:
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 5000:
                assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
                assert float(module.weight.detach().mean()) == pytest.approx(0, abs=0.001)


def test_a_narrow_dcgan_without_norms_still_passes_the_signal():
    torch.manual_seed(0)
    G, D, latent = make("dcgan", width=8, g_norm=None, d_norm=None)
    x = G(torch.randn(200, latent)).detach()
    assert float(x.std()) > 0.1
    assert float(D(torch.randn(200, 784)).detach().std()) > 0.1


def test_dcgan_parameters_are_counted_by_hand():
    w, c, latent = 4, 3, 6
    G, D, _ = make("dcgan", 32, c, d_norm="batch")
    by_hand = latent * 64 * w + 2 * 4 * w + (4 * w * 2 * w + 2 * w * w + w * c) * 16 + 2 * 2 * w + 2 * w + c
    assert sum(p.numel() for p in G.parameters()) == by_hand
    by_hand = (c * w + w * 2 * w + 2 * w * 4 * w) * 16 + w + 2 * 2 * w + 2 * 4 * w + 64 * w + 1
    assert sum(p.numel() for p in D.parameters()) == by_hand


def test_dcgan_has_no_norm_at_the_image_ends():
    G, D, _ = make("dcgan")
    kinds = [type(layer).__name__ for layer in D.layers]
    assert kinds[:3] == ["Conv2d", "LeakyReLU", "Conv2d"]
    assert kinds.count("BatchNorm2d") == 2
    assert [type(layer).__name__ for layer in G.layers][-2:] == ["ConvTranspose2d", "Tanh"]


def test_the_linear_layers_of_dcgan_are_the_convolutions_of_the_paper():
    G, D, latent = make("dcgan", 32, d_norm=None)
    z, first = torch.randn(3, latent), G.layers[0]
    kernel = first.weight.T.view(latent, 16, 4, 4)
    torch.testing.assert_close(
        F.conv_transpose2d(z[:, :, None, None], kernel), G.layers[1](first(z)), rtol=1e-5, atol=1e-6
    )
    x, last = torch.randn(3, 16, 4, 4), D.layers[-1]
    as_convolution = F.conv2d(x, last.weight.view(1, 16, 4, 4), last.bias)
    torch.testing.assert_close(as_convolution.flatten(1), last(x.flatten(1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("twice", [False, True])
def test_halving_is_the_mean_of_each_square(twice):
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert Halve()(x, twice).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


@pytest.mark.parametrize("resample", ["up", "down"])
def test_the_shortcut_may_resample_before_or_after_its_convolution(resample):
    block = Block(2, 5, norm=None, nonlinearity="relu", resample=resample)
    x = torch.randn(3, 2, 8, 8)
    (one_by_one,) = (m for m in block.shortcut if isinstance(m, nn.Conv2d))
    (change,) = (m for m in block.shortcut if not isinstance(m, nn.Conv2d))
    torch.testing.assert_close(change(one_by_one(x)), one_by_one(change(x)))
    assert block(x).shape == (3, 5, *((16, 16) if resample == "up" else (4, 4)))


def test_a_block_without_resampling_keeps_its_input_and_adds_the_residual():
    block = Block(3, 3, norm="layer", nonlinearity="relu")
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(block(x) - x, Layers(*block.residual)(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize("norm", [None, "layer", "spectral"])
@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "softplus"])
def test_the_gradient_of_a_penalty_is_the_one_of_finite_differences(name, norm, activation):
    torch.manual_seed(1)
    D = make(name, d_norm=norm, d_activation=activation, width=2).D.double().eval()
    x = torch.randn(2, 784, dtype=torch.float64)
    params = [p for p in D.parameters() if p.dim() > 1]
    direction = [torch.randn_like(p) for p in params]
    grads = torch.autograd.grad(penalties.gradient_norm(D, x).sum(), params)

    def moved(step):
        with torch.no_grad():
            for p, d in zip(params, direction, strict=True):
                p.add_(d, alpha=step)
            value = float(penalties_sum(D, x))
            for p, d in zip(params, direction, strict=True):
                p.sub_(d, alpha=step)
        return value

    e = 1e-7
    slope = sum(float((g * d).sum()) for g, d in zip(grads, direction, strict=True))
    assert slope == pytest.approx((moved(e) - moved(-e)) / (2 * e), rel=1e-4, abs=1e-6)


def penalties_sum(D, x):
    with torch.enable_grad():
        return penalties.gradient_norm(D, x).sum().detach()


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_channels_last_changes_the_memory_and_not_the_numbers(name):
    torch.manual_seed(0)
    G, D, latent = make(name)
    z = torch.randn(3, latent)
    with torch.no_grad():
        x = G(z)
        h = D(x)
        G, D = (net.to(memory_format=torch.channels_last) for net in (G, D))
        assert any(p.dim() == 4 and not p.is_contiguous() for p in G.parameters())
        torch.testing.assert_close(G(z), x, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(D(x), h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize("norm", NORMS)
def test_bfloat16_autocast_is_close_and_differentiable(name, norm):
    torch.manual_seed(0)
    G, D, latent = make(name, g_norm=norm, d_norm=norm)
    z = torch.randn(8, latent)
    exact = G.eval()(z).detach()
    with torch.autocast("cpu", torch.bfloat16):
        x = G(z)
        loss = D(x).float().square().mean()
    loss.backward()
    assert x.dtype == torch.bfloat16
    assert float((x.float() - exact).detach().abs().max()) < 0.06
    assert all(p.grad is not None and p.grad.isfinite().all() for p in D.parameters())


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize(
    ("data_dim", "options", "said"),
    [
        (784, {"channels": 3}, r"espera dados de dimensão 2352 \(28×28\) ou 3072 \(32×32\); recebi 784"),
        (100, {}, r"espera dados de dimensão 784 \(28×28\) ou 1024 \(32×32\); recebi 100"),
        (784, {"models": 3}, "não tem o eixo dos modelos"),
        (784, {"g_norm": "group"}, "normalização: o nome 'group' não existe"),
        (784, {"d_norm": "group"}, "normalização: o nome 'group' não existe"),
        (784, {"d_activation": "swish"}, "ativação: o nome 'swish' não existe"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(name, data_dim, options, said):
    with pytest.raises(ValueError, match=said):
        networks.get(name, data_dim, **options)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_a_wrong_input_says_both_sides(name):
    G, D, _ = make(name)
    with pytest.raises(ValueError, match=r"\(B, 6\); recebeu \(2, 7\)"):
        G(torch.zeros(2, 7))
    with pytest.raises(ValueError, match=r"\(B, 784\); recebeu \(2, 1, 28, 28\)"):
        D(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"torch\.float32, o dos seus pesos; recebeu torch\.float64"):
        D(torch.zeros(2, 784, dtype=torch.float64))
