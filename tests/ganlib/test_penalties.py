"""As penalidades, contra contas feitas à mão e por diferenças finitas, em formas, tipos e lotes quaisquer."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlib import networks, penalties
from ganlib.draws import Draws
from ganlib.penalties import PENALTIES

F64 = torch.float64


def batch(*shape: int, seed: int = 0, dtype=F64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


class Quadratic(nn.Module):
    """``D(x) = ½ a‖x‖² + b·x``: o gradiente, ``a x + b``, sai da fórmula."""

    def __init__(self, a: float, b: float, column: bool):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=F64))
        self.b, self.column = b, column

    def forward(self, x):
        x = x.flatten(1)
        h = self.a.to(x.dtype) * x.square().sum(1) / 2 + self.b * x.sum(1)
        return h[:, None] if self.column else h

    def norm(self, x):
        return (self.a.detach() * x + self.b).flatten(1).norm(dim=1)


def by_hand(name: str, D: Quadratic, real, fake, rng) -> torch.Tensor:
    eps = rng.uniform((len(real), *(1 for _ in real.shape[1:]))).to(real.dtype)
    mixed = D.norm(eps * real + (1 - eps) * fake)
    return {
        "gradient_penalty": (mixed - 1) ** 2,
        "one_sided": torch.clamp(mixed - 1, min=0) ** 2,
        "zero_centered": mixed**2,
        "r1": D.norm(real) ** 2 / 2,
        "r2": D.norm(fake) ** 2 / 2,
        "r1_r2": D.norm(real) ** 2 / 2 + D.norm(fake) ** 2 / 2,
    }[name]


@pytest.mark.parametrize("name", sorted(PENALTIES))
@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from([(5,), (1, 4, 4), (3, 2, 2), (2, 3)]),
    n=st.integers(1, 6),
    a=st.floats(-2, 2),
    b=st.floats(-2, 2),
    column=st.booleans(),
)
def test_each_penalty_is_its_formula_for_flat_and_image_inputs(name, shape, n, a, b, column):
    D = Quadratic(a, b, column)
    real, fake = batch(n, *shape, seed=1), batch(n, *shape, seed=2)
    value = PENALTIES[name](D, real, fake, Draws(7, "cpu"))
    assert value.shape == (n,)
    torch.testing.assert_close(value.detach(), by_hand(name, D, real, fake, Draws(7, "cpu")), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_the_gradient_of_a_penalty_reaches_the_weights_and_agrees_with_finite_differences(name):
    D = Quadratic(1.3, 0.4, column=True)
    real, fake = batch(4, 3, seed=1), batch(4, 3, seed=2)

    def value() -> torch.Tensor:
        return PENALTIES[name](D, real, fake, Draws(3, "cpu")).mean()

    (slope,) = torch.autograd.grad(value(), D.a)
    eps = 1e-6
    with torch.no_grad():
        D.a += eps
    up = value().item()
    with torch.no_grad():
        D.a -= 2 * eps
    assert slope.item() == pytest.approx((up - value().item()) / (2 * eps), rel=1e-6)
    assert slope.item() != 0


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_no_gradient_goes_to_the_generator(name):
    fake = batch(4, 3, seed=2).requires_grad_(True)
    PENALTIES[name](Quadratic(1.0, 0.5, False), batch(4, 3, seed=1), fake * 1, None).sum().backward()
    assert fake.grad is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_any_floating_type_is_kept(name, dtype):
    D = nn.Linear(3, 1).to(dtype)
    value = PENALTIES[name](D, batch(2, 3, seed=1, dtype=dtype), batch(2, 3, seed=2, dtype=dtype), None)
    assert value.dtype == dtype
    assert value.shape == (2,)


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_with_a_model_axis_each_model_has_the_penalty_it_would_have_alone(name):
    D = networks.mlp(2, hidden=(8,), activation="tanh", models=3).D.double()
    real, fake = batch(3, 5, 2, seed=1), batch(3, 5, 2, seed=2)
    together = PENALTIES[name](D, real, fake, Draws(7, "cpu", batch_dim=1))
    assert together.shape == (3, 5)
    eps = Draws(7, "cpu", batch_dim=1).uniform((3, 5, 1))

    class Fixed:
        def __init__(self, k):
            self.uniform = lambda shape: eps[k]

    for k in range(3):
        alone = networks.MLP((2, 8, 1), activation="tanh", logits=True).double()
        with torch.no_grad():
            for big, small in zip(D.parameters(), alone.parameters(), strict=True):
                small.copy_(big[k].T if small.dim() == 2 else big[k].squeeze(0))
        torch.testing.assert_close(together[k], PENALTIES[name](alone, real[k], fake[k], Fixed(k)))


def test_the_penalty_of_the_base_document_fails_where_ours_does_not():
    """O ``compute_gradient_penalty`` do documento quebra em dados planos; "consertado", infla a norma por √B."""

    def document(D, real, fake, ones):
        alpha = torch.rand(real.size(0), 1, 1, 1)
        x = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        h = D(x)
        (grad,) = torch.autograd.grad(h, x, grad_outputs=ones(h), create_graph=True)
        return grad.reshape(grad.size(0), -1).norm(2, dim=1)

    w = torch.full((1, 4), 0.5)  # ‖∇D‖ = 1 em toda parte
    D = nn.Linear(4, 1, bias=False)
    D.weight = nn.Parameter(w)
    real, fake = batch(8, 4, seed=1, dtype=torch.float32), batch(8, 4, seed=2, dtype=torch.float32)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        document(D, real, fake, lambda h: torch.ones(8, 1))
    assert document(D, real, fake, torch.ones_like)[0].item() == pytest.approx(math.sqrt(8), rel=1e-6)
    assert penalties.gradient_norm(D, real).tolist() == pytest.approx([1.0] * 8)


def test_each_sample_has_its_own_point_on_the_segment_and_real_and_fake_are_its_ends():
    real, fake = torch.ones(1000, 2), torch.zeros(1000, 2)
    x = penalties.interpolate(nn.Linear(2, 1), real, fake)
    assert torch.equal(x[:, 0], x[:, 1])
    assert len(x[:, 0].unique()) > 990
    assert x.min() >= 0 and x.max() <= 1
    eps = x[:, :1]
    mixed = penalties.interpolate(nn.Linear(2, 1), 2 * real, fake - 1, Draws(0, "cpu"))
    assert mixed.min() >= -1 and mixed.max() <= 2 and eps.std() == pytest.approx(1 / math.sqrt(12), rel=0.1)


def test_batch_normalisation_in_the_critic_makes_the_gradient_of_a_sample_depend_on_the_others():
    torch.manual_seed(0)
    batch_norm = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))
    layer_norm = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 1))
    x = torch.randn(4, 2, requires_grad=True)
    for D, leaks in ((batch_norm, True), (layer_norm, False)):
        (grad,) = torch.autograd.grad(D(x)[0].sum(), x)
        assert (grad[1:].abs().max().item() > 1e-3) == leaks


def test_the_norm_has_a_finite_gradient_where_the_slope_is_zero():
    D = nn.Linear(2, 1)
    nn.init.zeros_(D.weight)
    real, fake = torch.ones(3, 2), torch.zeros(3, 2)
    for name in PENALTIES:
        D.zero_grad()
        PENALTIES[name](D, real, fake, None).sum().backward()
        assert bool(torch.isfinite(D.weight.grad).all())


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (torch.ones(4, 3), torch.ones(5, 3), r"a mesma forma; recebi \(4, 3\) e \(5, 3\)"),
        (torch.ones(4, 3), torch.ones(4, 3, dtype=F64), r"o mesmo tipo; recebi torch.float32 e torch.float64"),
        (torch.ones(4, 3), torch.ones(4, 3, device="meta"), r"o mesmo dispositivo; recebi cpu e meta"),
    ],
)
def test_samples_that_do_not_match_are_refused_saying_both_sides(real, fake, said):
    with pytest.raises(ValueError, match=said):
        penalties.gradient_penalty(nn.Linear(3, 1), real, fake)


def test_a_critic_without_one_logit_per_sample_is_refused():
    with pytest.raises(ValueError, match=r"um logit por amostra, \(4,\); devolveu \(4, 2\)"):
        penalties.r1(nn.Linear(3, 2), torch.ones(4, 3))


def test_an_unknown_penalty_lists_the_valid_ones_and_a_function_is_taken_as_it_is():
    with pytest.raises(ValueError, match="penalidade: o nome 'gp' não existe; escolha entre gradient_penalty, one"):
        penalties.get("gp")
    assert penalties.get(penalties.r1) is penalties.r1
    assert penalties.get(None) is None


def test_clipping_keeps_every_weight_inside_the_box_and_leaves_the_others_alone():
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-2.0, 0.005, 0.3], [0.0, -0.01, 1.0]]))
    penalties.clip_weights(layer.parameters(), 0.01)
    expected = torch.tensor([[-0.01, 0.005, 0.01], [0.0, -0.01, 0.01]])
    assert torch.equal(layer.weight.detach(), expected)
    assert layer.bias.abs().max() <= 0.01
