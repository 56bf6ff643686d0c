"""As afirmações do capítulo sobre desempenho: contas contadas uma a uma e a memória que o PyTorch guarda de verdade."""

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ganlib import Config, Training, data, memory, networks, penalties

B = 4
G_SIZES, D_SIZES = (3, 7, 5, 6), (6, 11, 8, 5, 1)
WGAN_GP = {"loss": "wasserstein", "penalty": "gradient_penalty", "d_steps": 5}


def products(sizes):
    return [a * b for a, b in itertools.pairwise(sizes)]


def flops(compute):
    """Multiplicações pelo contador do PyTorch, que não passa por ganlib.memory."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops() // 2


class Products(torch.utils._python_dispatch.TorchDispatchMode):
    """Conta à mão, da forma dos tensores, o que cada produto de matrizes multiplica."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm"):
            a, b = args[-2:]
            self.total += a.shape[0] * a.shape[1] * b.shape[1]
        return func(*args, **(kwargs or {}))


def by_hand(compute):
    with Products() as seen:
        compute()
    return seen.total


def critic(activation="leaky_relu"):
    torch.manual_seed(0)
    return networks.MLP(D_SIZES, activation=activation, logits=True)


def pair(activation="leaky_relu"):
    torch.manual_seed(1)
    return networks.Pair(networks.MLP(G_SIZES, norm="batch", output="tanh"), critic(activation), G_SIZES[0])


@pytest.mark.claim("prop-des-volta", "eq-des-volta")
def test_going_back_costs_two_forwards_less_what_nobody_asked_for():
    D, x = critic(), torch.randn(B, 6)
    weights, p = list(D.parameters()), products(D_SIZES)
    F = sum(p)
    assert flops(lambda: D(x)) == B * F
    leaf = x.clone().requires_grad_(True)
    cases = {(x, "pesos"): 2 * F - p[0], (leaf, "pesos e entrada"): 2 * F, (leaf, "entrada"): F}
    for (source, to), expected in cases.items():
        inputs = {"pesos": weights, "pesos e entrada": [*weights, leaf], "entrada": [leaf]}[to]
        if to == "entrada":
            D.requires_grad_(False)
        h = D(source).sum()
        assert flops(lambda h=h, i=inputs: torch.autograd.grad(h, i)) == B * expected, to


@pytest.mark.claim("eq-des-passos", "eq-des-total")
@pytest.mark.parametrize("options", [{}, {"d_steps": 3}, WGAN_GP], ids=["gan", "gan_3", "wgan_gp"])
def test_a_training_step_does_exactly_the_products_of_the_formula(options):
    config = Config(data.Data(torch.randn(50, 6)), network=pair(), batch=B, **options)
    run = Training(config)
    F_G, F_D, g, d = sum(products(G_SIZES)), sum(products(D_SIZES)), products(G_SIZES), products(D_SIZES)
    C_D, C_G = F_G + 6 * F_D - 2 * d[0], 3 * F_G - g[0] + 2 * F_D
    C_P = 4 * F_D - D_SIZES[-2] if config.penalty else 0
    assert by_hand(run.advance) == config.d_steps * B * (C_D + C_P) + B * C_G
    step = memory.work(pair(), B, penalty=config.penalty)
    assert (step.d_step, step.penalty, step.g_step) == (B * C_D, B * C_P, B * C_G)


@pytest.mark.claim("prop-des-penalidade", "eq-des-penalidade")
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "tanh"])
@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1"])
def test_the_penalty_costs_four_forwards_or_six(activation, penalty):
    D, real, fake = critic(activation), torch.randn(B, 6), torch.randn(B, 6)
    p, F, last = products(D_SIZES), sum(products(D_SIZES)), D_SIZES[-2]

    def compute():
        value = penalties.get(penalty)(D, real, fake, None).mean()
        torch.autograd.grad(value, list(D.parameters()), allow_unused=True)

    piecewise = activation in ("relu", "leaky_relu")
    assert by_hand(compute) == B * (4 * F - last if piecewise else 6 * F - 3 * last - p[0])


@pytest.mark.claim("eq-des-epocas")
def test_an_epoch_costs_the_same_with_any_batch_and_a_step_with_any_number_of_examples():
    n, E, d_steps = 120, 2, 3
    one = memory.work(pair(), B)
    C_D, C_G = one.d_step / B, one.g_step / B
    for batch in (4, 20):
        run = Training(Config(data.Data(torch.randn(n, 6)), network=pair(), batch=batch, d_steps=d_steps))
        steps, seen, total = 0, 0, 0
        while seen < E * n:
            total += by_hand(run.advance)
            steps, seen = steps + 1, seen + d_steps * batch
        assert total == E * n * (C_D + C_G / d_steps)
    small, large = (Training(Config(data.Data(torch.randn(m, 6)), network=pair(), batch=4)) for m in (10, 5000))
    assert by_hand(small.advance) == by_hand(large.advance)


def saved(network, compute):
    """Palavras guardadas pelo autograd numa conta de verdade, fora as da rede."""
    sizes, held = {}, []

    def pack(t):
        held.append(t)
        sizes[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        value = compute()
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    assert value.requires_grad
    return sum(n for address, n in sizes.items() if address not in own) // 4


@pytest.mark.claim("prop-des-grafo", "eq-des-grafo")
def test_the_graph_keeps_every_width_once_with_relu_and_the_hidden_ones_twice_with_leaky_relu():
    hidden = sum(D_SIZES[1:-1])
    for activation, expected in (("relu", 6 + hidden), ("leaky_relu", 6 + 2 * hidden)):
        D, x = critic(activation), torch.randn(B, 6)
        assert saved(D, lambda D=D, x=x: D(x).sum()) == B * expected
        kept = memory.kept_by_graph(lambda D=D, x=x: D(x).sum(), ignore=D.parameters())
        assert kept == 4 * B * expected


@pytest.mark.claim("eq-des-memoria", "eq-des-empate")
@pytest.mark.parametrize("penalty", [None, "gradient_penalty"])
def test_training_memory_is_four_words_a_parameter_and_two_or_three_graphs(penalty):
    net, batch = networks.document(), 64
    A = 784 + 2 * (1024 + 512 + 256)
    p, q, buffers = 1_489_936, 1_460_225, memory.size_of(net.G.buffers())
    assert (memory.count(net.G).parameters, memory.count(net.D).parameters) == (p, q)
    graphs = 3 if penalty else 2
    formula = 4 * (4 * (p + q) + batch * graphs * A) + buffers
    got = memory.estimate(net, batch, penalty=penalty)
    assert 0 <= got.total - formula < 4 * batch * 6  # O(1) por amostra: logits, norma
    if penalty is None:
        balance = 4 * (p + q) / (2 * A)
        fixed, slope = got.total - got.d_step, got.d_step / batch
        assert fixed / slope == pytest.approx(balance, rel=2e-3)

