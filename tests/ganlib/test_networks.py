"""As redes: formas, contagens e o eixo dos modelos."""

import pytest
import torch

from ganlib import networks
from ganlib.networks import MLP


def test_document_generator_has_the_counted_parameters():
    G, D, latent = networks.document()
    assert sum(p.numel() for p in G.parameters()) == 1_489_936
    assert sum(b.numel() for b in G.buffers()) == 3_587
    assert latent == 100
    assert D(G(torch.zeros(3, 100))).shape == (3,)


def test_document_generator_ends_in_tanh():
    x = networks.document().G(torch.randn(16, 100))
    assert x.shape == (16, 784)
    assert float(x.detach().abs().max()) <= 1


def copy_model(stacked: MLP, single: MLP, k: int) -> None:
    with torch.no_grad():
        for big, small in zip(stacked.parameters(), single.parameters(), strict=True):
            small.copy_(big[k].T if small.dim() == 2 else big[k].squeeze(0))


def test_stacked_models_are_the_separate_networks_in_value_and_gradient():
    stacked = MLP((3, 8, 8, 1), activation="leaky_relu", logits=True, models=4).double()
    x = torch.randn(4, 5, 3, dtype=torch.float64)
    out = stacked(x)
    out.square().mean(-1).sum().backward()
    for k in range(4):
        single = MLP((3, 8, 8, 1), activation="leaky_relu", logits=True).double()
        copy_model(stacked, single, k)
        alone = single(x[k])
        alone.square().mean().backward()
        torch.testing.assert_close(out[k], alone, rtol=0, atol=1e-14)
        for big, small in zip(stacked.parameters(), single.parameters(), strict=True):
            mine = big.grad[k].T if small.dim() == 2 else big.grad[k].squeeze(0)
            torch.testing.assert_close(mine, small.grad, rtol=0, atol=1e-14)


def test_stacked_weights_start_within_the_bounds_of_a_linear_layer():
    layer = networks.StackedLinear(50, 16, 8)
    assert float(layer.weight.detach().abs().max()) <= 0.25
    assert float(layer.weight.detach().std()) == pytest.approx(0.25 / 3**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("shape", "models", "said"),
    [((5, 2), None, r"\(B, 3\); recebeu \(5, 2\)"), ((3,), None, r"\(B, 3\)"), ((2, 5, 3), 4, r"\(4, B, 3\)")],
)
def test_a_wrong_shape_says_both_sides(shape, models, said):
    with pytest.raises(ValueError, match=said):
        MLP((3, 4, 1), models=models)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sizes": (3,)}, "ao menos duas larguras"),
        ({"sizes": (3, 2), "logits": True}, "1 logit por amostra; recebi a largura 2"),
        ({"sizes": (3, 4, 1), "activation": "swoosh"}, "ativação: o nome 'swoosh' não existe; escolha entre elu"),
        ({"sizes": (3, 4, 1), "norm": "lote"}, "normalização: o nome 'lote' não existe"),
        ({"sizes": (3, 4, 1), "norm": "batch", "models": 2}, "treine uma rede de cada vez"),
    ],
)
def test_bad_network_options_are_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        MLP(**options)


def test_an_unknown_network_lists_the_valid_ones():
    with pytest.raises(ValueError, match="rede: o nome 'unet' não existe; escolha entre document, mlp"):
        networks.get("unet", 2)


def test_the_document_network_refuses_the_model_axis():
    with pytest.raises(ValueError, match="treine uma rede de cada vez"):
        networks.get("document", 784, models=3)
