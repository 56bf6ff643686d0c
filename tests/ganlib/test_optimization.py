"""Otimizadores, regras de atualização e média móvel, contra a Dirac-GAN (autovalores conhecidos) e contas à mão."""

import cmath
from dataclasses import replace

import pytest
import torch
from torch import nn

from ganlib import Config, Training, collect, networks, optimization

SMALL = Config(hidden=(8, 8), batch=16, log_every=1)


class Point(nn.Module):
    """O gerador da Dirac-GAN: toda amostra é θ."""

    def __init__(self, theta: float):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Line(nn.Module):
    """O discriminador da Dirac-GAN: ``h(x) = ψx``."""

    def __init__(self, psi: float):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x):
        return self.psi * x.double()[:, 0]


def dirac(theta: float, psi: float, **options) -> Training:
    """Todos os dados em 0, todas as amostras em θ, descida do gradiente simples."""
    config = Config(
        data=torch.zeros(4, 1), network=lambda d: networks.Pair(Point(theta), Line(psi), 1),
        optimizer="sgd", batch=2, **options,
    )
    return Training(config)


def one_step_matrix(**options) -> torch.Tensor:
    """A matriz 2×2 que leva (θ, ψ) ao próximo passo, perto do equilíbrio, por diferenças finitas."""
    columns, size = [], 1e-4
    for theta, psi in ((size, 0.0), (0.0, size)):
        run = dirac(theta, psi, **options)
        run.advance()
        columns.append(torch.stack([run.G.theta.detach(), run.D.psi.detach()]) / size)
    return torch.stack(columns, dim=1)


def eigenvalues(**options) -> list[complex]:
    return sorted(torch.linalg.eigvals(one_step_matrix(**options)).tolist(), key=lambda v: v.imag)


@pytest.mark.parametrize(
    ("options", "modulus"),
    [
        # h = 0,2: simultânea |1 ± ih·f'|, alternada exatamente 1, extragradiente |1 - h² ± ih|.
        ({"loss": "minimax", "update": "simultaneous"}, 1.004988),
        ({"loss": "wasserstein", "update": "simultaneous"}, 1.019804),
        ({"loss": "minimax", "update": "alternating"}, 1.0),
        ({"loss": "wasserstein", "update": "alternating"}, 1.0),
        ({"loss": "wasserstein", "update": "extragradient"}, 0.980612),
    ],
)
def test_each_rule_has_its_known_eigenvalue_on_the_dirac_gan(options, modulus):
    for value in eigenvalues(lr=0.2, **options):
        assert abs(value) == pytest.approx(modulus, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_consensus_damps_the_rotation_by_a_quarter_of_its_weight(gamma):
    """Na Dirac-GAN o campo ganha ``-γ/4 ± i/2`` (Mescheder et al., 2017): um passo h o multiplica por ``1 + h·λ``."""
    h = 0.01
    got = eigenvalues(loss="minimax", update="consensus", consensus_weight=gamma, lr=h)
    expected = [1 + h * complex(-gamma / 4, sign / 2) for sign in (-1, 1)]
    for a, b in zip(got, expected, strict=True):
        assert cmath.isclose(a, b, abs_tol=1e-8)


def test_sharing_the_fakes_is_the_alternating_step_on_the_same_noise():
    """Com o mesmo z nos dois passos, as duas regras são a mesma, bit a bit."""
    shared, plain = (Training(replace(SMALL, update=u, d_steps=2)) for u in ("alternating_shared", "alternating"))
    z = torch.randn(16, 2, generator=torch.Generator().manual_seed(3))
    x = shared.real()
    for run in (shared, plain):
        run.noise, run.real = lambda: z, lambda: x
        run.advance()
    for a, b in zip((*shared.g_params, *shared.d_params), (*plain.g_params, *plain.d_params), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("update", ["alternating_shared", "simultaneous", "extragradient", "consensus"])
@pytest.mark.parametrize("options", [{"penalty": "gradient_penalty"}, {"loss": "relativistic"}, {"models": 2}])
def test_every_rule_trains_any_game_and_gives_the_metrics_of_the_alternating_one(update, options):
    config = replace(SMALL, **options)
    rows = [collect(Training(replace(config, update=rule)).steps(3)) for rule in ("alternating", update)]
    assert rows[0].keys() == rows[1].keys()
    assert rows[1]["grad_norm"].shape == rows[0]["grad_norm"].shape


def test_extragradient_ends_where_the_gradient_seen_ahead_points_and_not_ahead():
    run = dirac(1.0, 0.5, loss="wasserstein", update="extragradient", lr=0.1)
    run.advance()
    # Campo (WGAN): θ' = ψ·(-1)(-1)… escrito à mão: dθ = ψ·h (sobe o logit), dψ = -θ·h.
    ahead_theta, ahead_psi = 1.0 + 0.1 * 0.5, 0.5 - 0.1 * 1.0
    assert run.G.theta.item() == pytest.approx(1.0 + 0.1 * ahead_psi, rel=1e-12)
    assert run.D.psi.item() == pytest.approx(0.5 - 0.1 * ahead_theta, rel=1e-12)


@pytest.mark.parametrize("name", sorted(optimization.OPTIMIZERS))
def test_each_optimizer_is_the_default_one_of_torch(name):
    """fused e foreach mudam a velocidade, não a conta."""
    theirs = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}[name]
    mine, plain = (nn.Linear(5, 3) for _ in range(2))
    plain.load_state_dict(mine.state_dict())
    options = {"betas": (0.5, 0.9)} if name == "adam" else {}
    a = optimization.OPTIMIZERS[name](list(mine.parameters()), 0.01, betas=(0.5, 0.9), capturable=False)
    b = theirs(plain.parameters(), 0.01, **options)
    for i in range(5):
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(i))
        for net, optimizer in ((mine, a), (plain, b)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    for p, q in zip(mine.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-7)


def test_adam_has_the_bits_of_the_fused_one_of_torch_and_skips_what_has_no_gradient():
    mine, theirs = (nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(mine.state_dict())
    unused = nn.Parameter(torch.ones(2))
    ours = optimization.Adam([*mine.parameters(), unused], 0.01, (0.5, 0.9))
    fused = torch.optim.Adam(theirs.parameters(), 0.01, betas=(0.5, 0.9), fused=True)
    for i in range(5):
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(i))
        for net, optimizer in ((mine, ours), (theirs, fused)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))
    assert torch.equal(unused.detach(), torch.ones(2))


def test_two_time_scales_give_each_player_its_own_rate():
    run = dirac(1.0, 0.0, loss="wasserstein", lr=0.1, d_lr=0.4)
    run.d_step()
    assert run.D.psi.item() == pytest.approx(-0.4)
    run.g_step()
    assert run.G.theta.item() == pytest.approx(1.0 + 0.1 * -0.4)


def test_the_average_is_the_exponential_moving_mean_of_the_generator():
    run = Training(replace(SMALL, ema=0.9))
    expected = [p.detach().clone() for p in run.g_params]
    for _ in range(4):
        run.advance()
        expected = [0.9 * m + 0.1 * p.detach() for m, p in zip(expected, run.g_params, strict=True)]
    for m, p in zip(expected, run.average.network.parameters(), strict=True):
        torch.testing.assert_close(m, p, rtol=1e-5, atol=1e-7)
    assert not torch.equal(run.sample(5), run.sample(5, average=True))


def test_the_average_does_not_change_the_training_and_copies_the_statistics_of_batch_norm():
    config = Config(data="digits", network="document", batch=8, log_every=1)
    plain, averaged = Training(config), Training(replace(config, ema=0.99))
    collect(plain.steps(2)), collect(averaged.steps(2))
    for a, b in zip(plain.g_params, averaged.g_params, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(averaged.G.buffers(), averaged.average.network.buffers(), strict=True):
        assert torch.equal(a, b)


def test_samples_of_an_average_that_was_not_asked_for_are_refused():
    with pytest.raises(ValueError, match=r"não faz a média móvel de G: use Config\(ema=0.999\)"):
        Training(SMALL).sample(3, average=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "adamw"}, "otimizador: o nome 'adamw' não existe; escolha entre adam, rmsprop, sgd"),
        ({"update": "newton"}, "regra de atualização: o nome 'newton' não existe; escolha entre alternating, alt"),
        ({"update": "consensus", "d_steps": 5}, "update='consensus' move os dois jogadores juntos: use d_steps=1"),
        ({"ema": 1.0}, "ema deve estar entre 0 e 1, como 0.999, ou ser None; recebi 1.0"),
        ({"consensus_weight": -1.0}, "consensus_weight não pode ser negativo"),
        ({"clip": 0.0}, "clip deve ser positivo; recebi 0.0"),
        ({"d_lr": -1.0}, "d_lr deve ser positivo"),
        ({"instance_noise": -0.1}, "instance_noise não pode ser negativo; recebi -0.1"),
        ({"instance_noise_steps": 0}, "instance_noise_steps deve ser positivo"),
    ],
)
def test_a_bad_choice_is_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        Config(**options)
