"""Normas de gradientes: contra um laço de autograd, formas fechadas e diferenças finitas."""

import math

import pytest
import torch
from torch import nn

from ganlib import gradients, losses, networks, penalties


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def make(**options):
    return networks.MLP((2, 8, 8, 1), logits=True, **options).double()


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def snapshot(net):
    return {k: v.clone() for k, v in net.state_dict().items()}


# Por camada


def test_the_layers_share_the_norm_of_the_whole_gradient():
    net, x = make(), normal(16, 2)
    loss = losses.softplus(-net(x)).mean()
    layers = gradients.gradient_norms_per_layer(loss, net.named_parameters())
    assert list(layers) == ["layers.0", "layers.2", "layers.4"]
    loss.backward()  # o grafo foi mantido
    for name, norm in layers.items():
        own = [p.grad.flatten() for p in net.get_submodule(name).parameters()]
        assert norm.item() == pytest.approx(torch.cat(own).norm().item(), rel=1e-13)
    whole = torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item()
    assert math.sqrt(sum(v.item() ** 2 for v in layers.values())) == pytest.approx(whole, rel=1e-13)


def test_measuring_layers_leaves_no_gradient_behind():
    net = make()
    gradients.gradient_norms_per_layer(net(normal(4, 2)).sum(), net.named_parameters())
    assert all(p.grad is None for p in net.parameters())


def test_gradients_already_computed_give_the_same_norms_and_none_counts_as_zero():
    net, x = make(), normal(16, 2)
    loss = net(x).mean()
    grads = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
    got = gradients.gradient_norms_per_layer(grads, net.named_parameters())
    assert got == gradients.gradient_norms_per_layer(loss, net.named_parameters())
    named = [*net.named_parameters(), ("alone", torch.ones(3, requires_grad=True))]
    assert gradients.gradient_norms_per_layer(loss, named)["alone"].item() == 0
    assert gradients.gradient_norms_per_layer([*grads, None], named)["alone"].item() == 0


def test_with_models_each_norm_is_that_of_the_model_alone():
    net, x = make(models=3), normal(3, 16, 2)
    together = gradients.gradient_norms_per_layer(net(x).mean(-1).sum(), net.named_parameters(), models=3)
    for k in range(3):
        alone = make()
        for p, q in zip(alone.parameters(), net.parameters(), strict=True):
            # StackedLinear guarda (in, out) e (1, out); nn.Linear, (out, in) e (out,).
            p.data.copy_(q[k].mT if p.dim() == 2 else q[k, 0])
        expected = gradients.gradient_norms_per_layer(alone(x[k]).mean(), alone.named_parameters())
        for name, norm in expected.items():
            assert together[name][k].item() == pytest.approx(norm.item(), rel=1e-12)


def test_gradients_vanish_with_depth_through_sigmoids():
    net = networks.MLP((2, *[16] * 20, 1), activation="sigmoid", logits=True)
    loss = net(normal(64, 2).float()).mean()
    norms = list(gradients.gradient_norms_per_layer(loss, net.named_parameters()).values())
    assert norms[-1] > 1e-2 and 0 < norms[0] < 1e-10


def test_a_gradient_too_small_to_square_in_float32_still_has_a_norm():
    p = torch.zeros(4, requires_grad=True)
    norm = gradients.gradient_norms_per_layer((1e-30 * p).sum(), [("p", p)])["p"]
    assert norm.item() == pytest.approx(2e-30, rel=1e-6)


def test_a_parametrised_layer_is_one_layer():
    net = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 3)), nn.Linear(3, 1))
    layers = gradients.gradient_norms_per_layer(net(torch.ones(4, 2)).mean(), net.named_parameters())
    assert list(layers) == ["0", "1"]


def test_bad_losses_and_gradients_of_other_shapes_are_refused():
    net = make()
    with pytest.raises(ValueError, match=r"escalar; recebi \(4,\)"):
        gradients.gradient_norms_per_layer(net(normal(4, 2)), net.named_parameters())
    with pytest.raises(ValueError, match=r"formas dos parâmetros.*\(8, 2\).*recebi \[\(3,\)\]"):
        gradients.gradient_norms_per_layer([torch.zeros(3)], net.named_parameters())
    with pytest.raises(ValueError, match=r"eixo K; layers.0.weight é \(8, 2\)"):
        gradients.gradient_norms_per_layer(net(normal(4, 2)).sum(), net.named_parameters(), models=3)


# Por amostra, nos parâmetros


def one_by_one(net, loss, x):
    out = []
    for sample in x:
        grads = torch.autograd.grad(loss(net(sample[None])).sum(), list(net.parameters()))
        out.append(torch.cat([g.flatten() for g in grads]).norm().item())
    return out


@pytest.mark.parametrize("chunk", [None, 1])
def test_per_sample_norms_are_those_of_a_loop(chunk, monkeypatch):
    if chunk:
        monkeypatch.setattr(gradients, "BLOCK", chunk)
    net, x = make(), normal(7, 2)
    got = gradients.per_sample_gradient_norms(net, lambda h: losses.softplus(-h), x)
    assert got.tolist() == pytest.approx(one_by_one(net, lambda h: losses.softplus(-h), x), rel=1e-12)


def test_the_saturating_and_non_saturating_norms_of_a_sample_differ_by_the_exponential_of_its_logit():
    G, D, z = networks.MLP((3, 8, 2)).double(), make(), normal(9, 3)
    saturating, escaping = (
        gradients.per_sample_gradient_norms(G, lambda fake, f=f: f(D(fake)), z)
        for f in (losses.minimax_generator, losses.non_saturating_generator)
    )
    h = D(G(z))
    assert (escaping / saturating).tolist() == pytest.approx(torch.exp(-h).tolist(), rel=1e-11)
    assert all(p.grad is None for p in (*G.parameters(), *D.parameters()))


def test_with_models_per_sample_norms_are_those_of_each_model():
    net, x = make(models=3), normal(3, 5, 2)
    got = gradients.per_sample_gradient_norms(net, losses.softplus, x)
    assert got.shape == (3, 5)
    for k in range(3):
        for i in range(5):
            grads = torch.autograd.grad(losses.softplus(net(x[:, i : i + 1]))[k, 0], list(net.parameters()))
            norm = torch.cat([g.flatten() for g in grads]).norm().item()
            assert got[k, i].item() == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize(
    ("norm", "models"), [("batch", None), ("batch", 3), ("layer", None), ("layer", 3), ("spectral", None)]
)
def test_normalised_networks_in_evaluation_have_the_norms_of_a_loop(norm, models):
    net = make(norm=norm, models=models).eval()
    x = normal(*([models] if models else []), 4, 2)
    got = gradients.per_sample_gradient_norms(net, losses.softplus, x)
    for i in range(4):
        one = x[..., i : i + 1, :]
        grads = torch.autograd.grad(losses.softplus(net(one)).sum(), list(net.parameters()))
        squares = sum(g.square().flatten(1 if models else 0).sum(-1) for g in grads)
        assert got[..., i].tolist() == pytest.approx(squares.sqrt().tolist(), rel=1e-10)


def test_the_mean_norm_is_at_least_the_norm_of_the_mean():
    net, x = make(), normal(32, 2)
    per_sample = gradients.per_sample_gradient_norms(net, losses.softplus, x)
    whole = gradients.gradient_norms_per_layer(losses.softplus(net(x)).mean(), net.named_parameters())
    assert per_sample.mean().item() > math.sqrt(sum(v.item() ** 2 for v in whole.values()))


def test_dropout_in_training_has_per_sample_gradients():
    net = nn.Sequential(nn.Linear(2, 64), nn.Dropout(0.5), nn.Linear(64, 1)).double()
    got = gradients.per_sample_gradient_norms(net, lambda h: h, torch.ones(6, 2).double())
    assert got.shape == (6,) and len(set(got.tolist())) == 6


# Por amostra, na entrada


class Column(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.D = D

    def forward(self, x):
        return self.D(x)[..., None]


def test_input_norms_are_those_of_finite_differences():
    net, x, step = make(activation="tanh"), normal(6, 2), 1e-6
    columns = [(net(x + step * e) - net(x - step * e)) / (2 * step) for e in torch.eye(2).double()]
    expected = torch.stack(columns).norm(dim=0).detach()
    assert gradients.input_gradient_norms(net, x).tolist() == pytest.approx(expected.tolist(), rel=1e-8)
    assert gradients.input_gradient_norms(net, x).tolist() == pytest.approx(
        penalties.gradient_norm(net, x).tolist(), rel=1e-12
    )


def test_a_linear_discriminator_has_the_same_slope_everywhere():
    w = torch.tensor([3.0, 4.0])
    norms = gradients.input_gradient_norms(lambda x: x @ w, torch.ones(5, 2))
    assert norms.dtype == torch.float64 and norms.tolist() == [5] * 5


@pytest.mark.parametrize("models", [None, 3])
def test_logits_may_be_flat_or_a_column(models):
    net, x = make(models=models), normal(*([3] if models else []), 5, 2)
    flat, column = gradients.input_gradient_norms(net, x), gradients.input_gradient_norms(Column(net), x)
    assert flat.shape == x.shape[:-1]
    assert torch.equal(flat, column)
    if models:
        alone = gradients.input_gradient_norms(lambda s: net(s.expand(3, -1, -1))[1], x[1])
        assert flat[1].tolist() == pytest.approx(alone.tolist(), rel=1e-12)


def test_images_have_one_norm_each():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1)).double()
    x = normal(5, 1, 4, 4)
    expected = [penalties.gradient_norm(net, one[None]).item() for one in x]
    assert gradients.input_gradient_norms(net, x).tolist() == pytest.approx(expected, rel=1e-12)
    flat = gradients.input_gradient_norms(lambda s: net(s[:, None]), x[:, 0])  # (B, altura, largura)
    assert flat.tolist() == pytest.approx(expected, rel=1e-12)
    one_by_one_norms = one_by_one(net, losses.softplus, x)
    assert gradients.per_sample_gradient_norms(net, losses.softplus, x).tolist() == pytest.approx(one_by_one_norms)


def test_input_norms_can_be_measured_without_grad_mode():
    net, x = make(), normal(5, 2)
    with torch.no_grad():
        quiet = gradients.input_gradient_norms(net, x)
    assert torch.equal(quiet, gradients.input_gradient_norms(net, x)) and not quiet.requires_grad


def test_a_discriminator_with_two_outputs_a_sample_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"\(5, 3\) devolveu \(5, 2\)"):
        gradients.input_gradient_norms(nn.Linear(3, 2), torch.ones(5, 3))


# O que medir não pode fazer

MEASURES = [
    lambda net, x: gradients.per_sample_gradient_norms(net, losses.softplus, x),
    gradients.input_gradient_norms,
]


@pytest.mark.parametrize("measure", MEASURES, ids=["parâmetros", "entrada"])
def test_batch_normalisation_in_training_is_refused_and_in_evaluation_is_not(measure):
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).double()
    x = normal(6, 2)
    with pytest.raises(ValueError, match=r"normalização de lote em treinamento \(1\).*net.eval\(\)"):
        measure(net, x)
    assert measure(net.eval(), x).shape == (6,)
    forgetful = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4, track_running_stats=False)).double().eval()
    with pytest.raises(ValueError, match="normalização de lote"):
        measure(forgetful, x)


def test_batch_normalisation_in_training_mixes_samples_and_layer_normalisation_does_not():
    x = normal(4, 2)
    for norm, mixes in ((nn.BatchNorm1d(4), True), (nn.LayerNorm(4), False)):
        net = nn.Sequential(nn.Linear(2, 4), norm, nn.ReLU(), nn.Linear(4, 1)).double()
        jacobian = torch.autograd.functional.jacobian(lambda s, net=net: net(s)[:, 0], x)  # (4, 4, 2)
        off = jacobian[~torch.eye(4, dtype=torch.bool)].abs().max().item()
        assert (off > 1e-3) is mixes and (mixes or off == 0)


@pytest.mark.parametrize("measure", MEASURES, ids=["parâmetros", "entrada"])
def test_measuring_does_not_advance_spectral_normalisation(measure):
    net = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16)), nn.ReLU(), nn.Linear(16, 1))
    net.train()
    before = snapshot(net)
    assert measure(net, torch.ones(3, 16)).shape == (3,)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    net(torch.ones(3, 16))
    assert any(not torch.equal(v, before[k]) for k, v in net.state_dict().items()), "o treino avança; medir não"
