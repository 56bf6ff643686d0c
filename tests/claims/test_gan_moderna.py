"""As afirmações do capítulo sobre a GAN moderna, cada uma por dois caminhos independentes."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import expit, lambertw

from ganlib import Config, Training, losses, networks, penalties, theory

RELATIVISTIC = losses.get("relativistic")
DOUBLE = torch.float64


def logits(seed, n=64, gap=0.0):
    """Logits de dados e de amostras geradas, com os dados ``gap`` acima em média."""
    rng = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, n, generator=rng, dtype=DOUBLE) * 3
    return (real + gap).requires_grad_(), fake.requires_grad_()


def softplus(t):
    return np.logaddexp(0, t)


# A perda


@pytest.mark.claim("prop-mod-gradientes", "eq-mod-gradientes")
@pytest.mark.parametrize("gap", [-20.0, 0.0, 20.0])
def test_each_pair_weighs_the_sigmoid_of_its_gap_in_the_game_of_both_players(gap):
    real, fake = logits(0, gap=gap)
    weight = expit((real - fake).detach().numpy())
    (for_fake,) = torch.autograd.grad(RELATIVISTIC.generator(fake, real).sum(), fake)
    np.testing.assert_allclose(for_fake, -weight, rtol=1e-12)
    on_real, on_fake = torch.autograd.grad(RELATIVISTIC.discriminator(real, fake).sum(), (real, fake))
    np.testing.assert_allclose(on_real, -expit((fake - real).detach().numpy()), rtol=1e-12)
    np.testing.assert_allclose(on_fake, -on_real, rtol=1e-12)


@pytest.mark.claim("eq-mod-folga")
@pytest.mark.parametrize("gap", [0.5, 3.0, 30.0])
def test_ahead_the_discriminator_stops_and_the_generator_does_not(gap):
    rng = np.random.default_rng(0)
    fake = torch.tensor(rng.normal(size=200), requires_grad=True)
    real = fake.detach() + gap + torch.tensor(rng.exponential(size=200))
    real.requires_grad_()
    (push,) = torch.autograd.grad(RELATIVISTIC.generator(fake, real).sum(), fake)
    (answer,) = torch.autograd.grad(RELATIVISTIC.discriminator(real, fake).sum(), real)
    assert (push.abs() >= 1 / (1 + math.exp(-gap)) - 1e-12).all() and (push.abs() >= 0.5).all()
    assert (answer.abs() <= math.exp(-gap)).all()
    # O peso da minimax, nas mesmas amostras postas a -gap/2 e +gap/2 do zero, some.
    (minimax,) = torch.autograd.grad(losses.get("minimax").generator(fake - 40).sum(), fake)
    np.testing.assert_allclose(minimax, -expit(fake.detach().numpy() - 40), rtol=1e-6)
    assert minimax.abs().max() < 1e-12


@pytest.mark.claim("eq-mod-soma")
def test_the_two_generator_losses_add_up_to_the_difference_of_means():
    real, fake = logits(1)
    zero_sum = -RELATIVISTIC.discriminator(real, fake)
    total = (RELATIVISTIC.generator(fake, real) + zero_sum).mean()
    assert total.item() == pytest.approx((real.mean() - fake.mean()).item(), rel=1e-12)


@pytest.mark.claim("prop-mod-constante", "eq-mod-constante")
def test_adding_a_constant_to_the_logit_changes_nothing_here_and_a_lot_in_the_gan():
    run = Training(Config(torch.randn(200, 2, dtype=torch.float32), "relativistic", hidden=(8,)))
    z, x = torch.randn(50, 2), torch.randn(50, 2)
    found = {}
    for name, shift in itertools.product(("relativistic", "minimax"), (0.0, 5.0)):
        with torch.no_grad():
            run.D.layers[-1].bias += shift
        loss, real, fake = losses.get(name), run.D(x), run.D(run.G(z))
        values = loss.generator(fake, real) if loss.needs_real else loss.generator(fake)
        found[name, shift] = torch.cat([g.flatten() for g in torch.autograd.grad(values.mean(), run.g_params)])
        if name == "relativistic":
            d_loss = loss.discriminator(run.D(x), run.D(run.G(z).detach())).mean()
            (on_bias,) = torch.autograd.grad(d_loss, run.D.layers[-1].bias)
            assert on_bias.abs().max() < 1e-6
        with torch.no_grad():
            run.D.layers[-1].bias -= shift
    torch.testing.assert_close(found["relativistic", 0.0], found["relativistic", 5.0], rtol=1e-3, atol=1e-6)
    assert (found["minimax", 5.0] - found["minimax", 0.0]).norm() > 0.3 * found["minimax", 0.0].norm()


# O discriminador ótimo e a divergência


def best_independent(p, q):
    """``(valor mínimo, h)`` da perda de D com pares independentes, num suporte finito."""

    def cost(h):
        gaps = h[None, :] - h[:, None]  # h(y) - h(x), x nas linhas
        weight = p[:, None] * q[None, :]
        slope = weight * expit(gaps)
        return (weight * softplus(gaps)).sum(), slope.sum(0) - slope.sum(1)

    found = minimize(cost, np.zeros(len(p)), jac=True, method="BFGS", options={"gtol": 1e-10})
    return found.fun, found.x


@pytest.mark.claim("prop-mod-otimo", "eq-mod-otimo", "eq-mod-divergencia")
@pytest.mark.parametrize("seed", range(4))
def test_the_best_logit_orders_points_by_the_density_ratio(seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(6, 3.0), 2)
    value, h = best_independent(p, q)
    above = np.array([(p * expit(t - h)).sum() for t in h])
    below = np.array([(q * expit(h - t)).sum() for t in h])
    np.testing.assert_allclose(p / q, above / below, rtol=1e-4)
    assert (np.argsort(h) == np.argsort(p / q)).all()
    assert 0 < math.log(2) - value < math.log(2)
    assert best_independent(p, p)[0] == pytest.approx(math.log(2), abs=1e-12)


# A paisagem


def cost(kind, h_real, h_fake):
    """A perda de D dos três jogos, com a da GAN dividida por 2."""
    gaps = h_fake[None, :] - h_real[:, None]
    if kind == "gan":
        return (softplus(-h_real).mean() + softplus(h_fake).mean()) / 2
    return softplus(np.diag(gaps) if kind == "fixed" else gaps).mean()


def advantage(kind, x, y, slope):
    """``log 2 - min perda`` entre os h de inclinação no máximo ``slope``, por programação convexa (SLSQP)."""
    n, points = len(x), np.concatenate([x, y])
    pairs = list(itertools.permutations(range(len(points)), 2))
    A = np.zeros((len(pairs), len(points)))
    for row, (i, j) in zip(A, pairs, strict=True):
        row[i], row[j] = -1, 1
    room = np.array([slope * abs(points[i] - points[j]) for i, j in pairs])
    found = minimize(
        lambda h: cost(kind, h[:n], h[n:]),
        np.zeros(len(points)),
        constraints={"type": "ineq", "fun": lambda h: room - A @ h, "jac": lambda h: -A},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return math.log(2) - found.fun


def free_advantage(kind, x, y):
    """O mesmo com h uma função qualquer dos pontos (a menos de logits de módulo maior que 40)."""
    points, index = np.unique(np.concatenate([x, y]), return_inverse=True)
    n = len(x)
    found = minimize(
        lambda h: cost(kind, h[index[:n]], h[index[n:]]),
        np.zeros(len(points)),
        bounds=[(-40, 40)] * len(points),
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2000},
    )
    return math.log(2) - found.fun


@pytest.mark.claim("prop-mod-tres", "eq-mod-tres")
def test_the_three_games_at_the_collapse_and_in_the_void():
    x, collapse, void = np.array([0.0, 1.0]), np.array([0.0, 0.0]), np.array([0.0, 0.4])
    log2 = math.log(2)
    expected = {
        "gan": (0.75 * math.log(4 / 3), log2 / 2),
        "all": (log2 / 2, 0.75 * log2),
        "fixed": (log2 / 2, log2 / 2),
    }
    for kind, values in expected.items():
        assert free_advantage(kind, x, x) == pytest.approx(0, abs=1e-8)
        for y, value in zip((collapse, void), values, strict=True):
            assert free_advantage(kind, x, y) == pytest.approx(value, abs=1e-5)
    assert theory.jsd(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == pytest.approx(expected["gan"][0])


def on_cycles(target):
    """Quantos i estão em ciclos de i → target[i] (None: fora dos dados)."""
    count = 0
    for start in range(len(target)):
        i = start
        for _ in range(len(target)):
            i = None if i is None else target[i]
            if i == start:
                count += 1
                break
    return count


@pytest.mark.claim("prop-mod-ciclos", "eq-mod-ciclos")
@pytest.mark.parametrize(
    "target", [(0, 1, 2), (1, 2, 0), (0, 0, 0), (1, 0, None), (1, 1, 0), (None, None, 2), (2, 0, 0)]
)
def test_with_fixed_pairs_only_cycles_count(target):
    x = np.array([0.0, 1.0, 2.0])
    y = np.array([-1.0 if t is None else x[t] for t in target])
    expected = (1 - on_cycles(target) / 3) * math.log(2)
    assert free_advantage("fixed", x, y) == pytest.approx(expected, abs=1e-4)


def departure(kind, reach):
    """A fórmula do capítulo: a derivada de ``advantage`` ao sair do colapso, por unidade de inclinação."""
    if kind == "fixed":
        return -expit(-reach) / 2
    if kind == "all":
        return (0.5 - 3 * expit(-reach)) / 4
    s = brentq(lambda s: s * (3 * s - 1) / ((1 - s) * (2 - 3 * s)) - math.exp(-reach), 1 / 3 + 1e-14, 0.5)
    return (2 - 5 * s) / 4


@pytest.mark.claim("prop-mod-barreira", "eq-mod-partida")
@pytest.mark.parametrize("kind", ["gan", "all", "fixed"])
@pytest.mark.parametrize("reach", [0.7, 1.5, 2.5, 5.0])
def test_the_first_step_out_of_the_collapse_goes_where_the_formula_says(kind, reach):
    x, step = np.array([0.0, 1.0]), 1e-3
    values = [advantage(kind, x, np.array([0.0, delta]), reach) for delta in (0.0, step)]
    assert (values[1] - values[0]) / step == pytest.approx(reach * departure(kind, reach), rel=0.02, abs=2e-3)


@pytest.mark.claim("eq-mod-limiares")
def test_the_barrier_appears_at_log_six_in_the_gan_and_at_log_five_with_independent_pairs():
    for kind, limit in (("gan", math.log(6)), ("all", math.log(5))):
        assert departure(kind, limit) == pytest.approx(0, abs=1e-9)
        x = np.array([0.0, 1.0])
        for reach, sign in ((0.9 * limit, -1), (1.1 * limit, 1)):
            rise = advantage(kind, x, np.array([0.0, 0.01]), reach) - advantage(kind, x, np.zeros(2), reach)
            assert np.sign(rise) == sign
    assert all(departure("fixed", reach) < 0 for reach in (0.1, 1.0, 10.0, 30.0))


@pytest.mark.claim("prop-mod-coincidentes", "eq-mod-coincidentes")
def test_only_fixed_pairs_push_coincident_samples_with_different_strength():
    torch.manual_seed(0)
    D = networks.MLP((2, 16, 1), activation="tanh", logits=True).double()
    x = torch.randn(2, 2, dtype=DOUBLE)
    y = torch.zeros(2, 2, dtype=DOUBLE, requires_grad=True)
    ns = losses.get("non_saturating")
    h_real, h_fake = D(x), D(y)
    pushes = {
        "gan": ns.generator(h_fake).mean(),
        "all": RELATIVISTIC.generator(h_fake[None], h_real[:, None]).mean(),
        "fixed": RELATIVISTIC.generator(h_fake, h_real).mean(),
    }
    grads = {k: torch.autograd.grad(v, y, retain_graph=True)[0] for k, v in pushes.items()}
    (slope,) = torch.autograd.grad(D(y).sum(), y)
    for kind in ("gan", "all"):
        torch.testing.assert_close(grads[kind][0], grads[kind][1])
    weights = torch.sigmoid(h_real - h_fake).detach()
    assert (weights[0] - weights[1]).abs() > 1e-2
    torch.testing.assert_close(grads["fixed"], -weights[:, None] * slope / 2)


# R1 + R2


@pytest.mark.claim("prop-mod-orcamento", "eq-mod-orcamento")
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_the_optimal_slope_pays_exactly_what_the_pairs_give(gamma):
    """Um crítico linear, treinado até o ótimo; a derivada ao longo de c·h é zero."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)), rng.normal((2.0, 0.5), size=(300, 2))
    gaps = (x[:, None] - y[None]).reshape(-1, 2)
    found = minimize(
        lambda w: softplus(-(gaps @ w)).mean() + gamma * (w @ w), np.zeros(2), method="BFGS", options={"gtol": 1e-9}
    )
    delta = gaps @ found.x
    assert 2 * (found.x @ found.x) == pytest.approx((delta * expit(-delta)).mean() / gamma, rel=1e-5)
    top = minimize_scalar(lambda u: -u * expit(-u), bounds=(0, 5), method="bounded", options={"xatol": 1e-10})
    omega = lambertw(math.exp(-1)).real
    assert -top.fun == pytest.approx(omega, abs=1e-9) and top.x == pytest.approx(1 + omega, abs=1e-4)
    assert 2 * (found.x @ found.x) <= omega / gamma
    # A penalidade da ganlib é a do capítulo: para um crítico linear, γ‖w‖².
    D = networks.MLP((2, 1), logits=True).double()
    D.layers[0].weight.data[:] = torch.tensor(found.x)
    value = penalties.r1_r2(D, torch.tensor(x), torch.tensor(y)).mean().item()
    assert value == pytest.approx(found.x @ found.x, rel=1e-10)
