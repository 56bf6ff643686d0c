"""As redes: formas, contagens e o eixo dos modelos."""

import pytest
import torch

from ganlib import networks, penalties
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
    """Põe em ``single`` os pesos da k-ésima rede: (in, out) vira (out, in), (1, out) vira (out,)."""
    with torch.no_grad():
        for big, small in zip(stacked.parameters(), single.parameters(), strict=True):
            small.copy_(big[k].T if small.dim() == 2 else big[k].squeeze(0))


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_stacked_models_are_the_separate_networks_in_value_and_gradient(norm):
    torch.manual_seed(0)
    options = {"activation": "leaky_relu", "norm": norm, "logits": True}
    stacked = MLP((3, 8, 8, 1), **options, models=4).double()
    with torch.no_grad():
        for p in stacked.parameters():  # também as escalas e os vieses das normalizações, que começam em 1 e 0
            p.add_(0.3 * torch.randn_like(p))
    singles = [MLP((3, 8, 8, 1), **options).double() for _ in range(4)]
    for k, single in enumerate(singles):
        copy_model(stacked, single, k)
    x = torch.randn(2, 4, 6, 3, dtype=torch.float64)
    for batch in x:  # dois lotes: as médias móveis também andam
        stacked.zero_grad()
        out = stacked(batch)
        out.square().mean(-1).sum().backward()
        for k, single in enumerate(singles):
            single.zero_grad()
            alone = single(batch[k])
            alone.square().mean().backward()
            torch.testing.assert_close(out[k], alone, rtol=0, atol=1e-13)
            for big, small in zip(stacked.parameters(), single.parameters(), strict=True):
                mine = big.grad[k].T if small.dim() == 2 else big.grad[k].squeeze(0)
                torch.testing.assert_close(mine, small.grad, rtol=0, atol=1e-13)
    out = stacked.eval()(x[0])
    for k, single in enumerate(singles):
        torch.testing.assert_close(out[k], single.eval()(x[0, k]), rtol=0, atol=1e-13)


def test_every_parameter_of_stacked_models_has_the_model_axis_in_front():
    for norm in (None, "batch", "layer"):
        for p in MLP((3, 4, 2), norm=norm, models=5).parameters():
            assert p.shape[0] == 5


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
        ({"sizes": (3, 4, 1), "norm": "spectral", "models": 2}, "a normalização espectral não se combina com models"),
        ({"sizes": (3, 4, 1), "dropout": 1.5}, r"dropout deve estar em \[0, 1\); recebi 1.5"),
    ],
)
def test_bad_network_options_are_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        MLP(**options)


def test_an_unknown_network_lists_the_valid_ones():
    with pytest.raises(ValueError, match="rede: o nome 'unet' não existe; escolha entre dcgan, document, mlp, resnet"):
        networks.get("unet", 2)


def test_the_document_network_takes_the_model_axis():
    G, D, latent = networks.document(models=3)
    assert D(G(torch.randn(3, 4, latent))).shape == (3, 4)


def test_a_function_of_the_dimension_is_called_without_the_options():
    pair = networks.get(lambda d: networks.mlp(d, hidden=(5,)), 7, hidden=(99,), models=3)
    assert [layer.out_features for layer in pair.G.layers if hasattr(layer, "out_features")] == [5, 7]


def test_a_pair_is_returned_as_it_is():
    pair = networks.mlp(2)
    assert networks.get(pair, 2) is pair


def test_a_function_that_makes_no_pair_is_refused():
    with pytest.raises(ValueError, match=r"deve devolver um Pair\(G, D, latent\); devolveu tuple"):
        networks.get(lambda d: tuple(networks.mlp(d)), 2)


def test_a_wrong_type_says_both_sides():
    with pytest.raises(ValueError, match=r"tipo torch.float32, o dos seus pesos; recebeu torch.float64"):
        MLP((3, 1))(torch.zeros(5, 3, dtype=torch.float64))


def test_batch_norm_refuses_a_batch_of_one_only_while_training():
    alone, stacked = MLP((3, 4, 1), norm="batch"), MLP((3, 4, 1), norm="batch", models=2)
    for net, x in ((alone, torch.ones(1, 3)), (stacked, torch.ones(2, 1, 3))):
        with pytest.raises(ValueError, match="ao menos 2 amostras"):
            net(x)
        assert net.eval()(x).isfinite().all()


def test_dropout_is_only_in_the_discriminator_after_each_hidden_activation():
    pair = networks.mlp(2, hidden=(4, 4), dropout=0.5)
    kinds = [type(layer).__name__ for layer in pair.D.layers]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert not any(isinstance(m, networks.Dropout) for m in pair.G.modules())


def test_each_player_has_its_own_norm():
    pair = networks.mlp(2, hidden=(4,), g_norm="batch", d_norm="layer")
    assert [type(layer).__name__ for layer in pair.G.layers] == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [type(layer).__name__ for layer in pair.D.layers] == ["Linear", "LayerNorm", "ReLU", "Linear"]


def test_a_spectrally_normalised_mlp_is_one_lipschitz_layer_by_layer():
    torch.manual_seed(0)
    D = MLP((5, 32, 32, 1), norm="spectral", activation="leaky_relu", logits=True)
    x, y = torch.randn(2, 500, 5)
    for _ in range(100):
        D(x)
    D.eval()
    with torch.no_grad():
        for layer in D.layers[::2]:  # as três lineares, a última também
            assert float(torch.linalg.matrix_norm(layer.weight, 2)) == pytest.approx(1, abs=1e-4)
        assert float(((D(x) - D(y)).abs() / (x - y).norm(dim=1)).max()) <= 1 + 1e-4


def test_only_batch_norm_mixes_the_samples_of_a_batch():
    torch.manual_seed(0)
    mixing = {}
    for norm in (None, "batch", "layer", "spectral"):
        D = MLP((3, 16, 16, 1), norm=norm, activation="tanh", logits=True)
        jacobian = torch.autograd.functional.jacobian(D, torch.randn(6, 3))  # (6, 6, 3): ∂D_i/∂x_j
        mixing[norm] = float(jacobian[~torch.eye(6, dtype=torch.bool)].abs().max())
    assert mixing["batch"] > 1e-3
    assert mixing[None] == mixing["layer"] == mixing["spectral"] == 0


def test_the_bias_before_batch_norm_changes_nothing():
    torch.manual_seed(0)
    net, x = MLP((3, 8, 2), norm="batch").double(), torch.randn(10, 3, dtype=torch.float64)
    before = net(x)
    with torch.no_grad():
        net.layers[0].bias.add_(5)
    torch.testing.assert_close(net(x), before, rtol=0, atol=1e-12)


def test_a_spectral_network_is_restored_bit_by_bit_from_its_state():
    torch.manual_seed(0)
    make = lambda: MLP((3, 8, 1), norm="spectral", logits=True)  # noqa: E731
    net, other, x = make(), make(), torch.randn(4, 3)
    net(x)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))
    assert torch.equal(net.eval()(x), other.eval()(x))


@pytest.mark.parametrize("models", [None, 3])
def test_a_penalty_has_the_gradients_of_the_plain_pytorch_network(models):
    torch.manual_seed(0)
    D = MLP((4, 16, 8, 1), activation="leaky_relu", logits=True, models=models).double()
    plain = MLP((4, 16, 8, 1), activation=lambda: torch.nn.LeakyReLU(0.2), logits=True, models=models).double()
    plain.load_state_dict(D.state_dict())
    real, fake = torch.randn(2, *([models] if models else []), 9, 4, dtype=torch.float64)
    grads = []
    for net in (D, plain):
        torch.manual_seed(1)
        total = penalties.gradient_penalty(net, real, fake).mean(-1).sum()
        grads.append(torch.autograd.grad(total, list(net.parameters()), materialize_grads=True))
    for mine, reference in zip(*grads, strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=1e-14)
