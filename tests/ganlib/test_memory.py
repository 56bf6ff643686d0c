"""Contagens, memória e contas de um passo, diante do que se conta à mão e do que o PyTorch guarda de verdade."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ganlib import losses, memory, networks, optimization, penalties
from ganlib.memory import Count

B = 8


def saved_by_hand(D, compute):
    """O que o PyTorch guarda numa conta de verdade, na CPU, cada endereço contado uma vez, sem os pesos."""
    sizes = {}

    def pack(t):
        sizes[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        held.append(t)
        return t

    held = []  # seguro tudo, para que um endereço não seja usado duas vezes
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = compute()
    weights = {t.untyped_storage().data_ptr() for t in (*D.parameters(), *D.buffers())}
    assert result.requires_grad
    return sum(n for address, n in sizes.items() if address not in weights)


def test_the_document_generator_has_the_counted_parameters_and_buffers():
    assert memory.count(networks.document().G) == Count(parameters=1_489_936, buffers=3_587)


def test_a_graph_keeps_the_input_of_each_linear_and_of_each_leaky_relu():
    D = networks.document().D
    x = torch.zeros(B, 784)
    kept = memory.kept_by_graph(lambda: D(x).sum(), ignore=D.parameters())
    assert kept == 4 * B * (784 + 2 * (1024 + 512 + 256))


def test_a_relu_keeps_nothing_that_the_next_linear_does_not():
    D = networks.mlp(3, hidden=(20, 10)).D
    kept = memory.kept_by_graph(lambda: D(torch.zeros(B, 3)).sum(), ignore=D.parameters())
    assert kept == 4 * B * (3 + 20 + 10)


def test_what_the_result_no_longer_reaches_is_not_counted():
    x = torch.randn(100, requires_grad=True)

    def compute():
        x.exp().sum()  # um grafo que ninguém segura
        return x.sin().sum()

    assert memory.kept_by_graph(compute) == 400  # o cosseno precisa de x; a exponencial foi solta
    assert memory.kept_by_graph(compute, ignore=[x]) == 0


PAIRS = {
    "document": lambda: networks.document(),
    "models": lambda: networks.mlp(3, hidden=(6, 5), g_norm="batch", d_norm="layer", models=4),
    "spectral": lambda: networks.dcgan(784, width=4, d_norm="spectral"),
    "resnet": lambda: networks.resnet(1024, width=4, d_norm="layer"),
}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_the_estimate_is_what_a_real_step_saves(name):
    torch.manual_seed(0)
    G, D, latent = pair = PAIRS[name]()
    estimate = memory.estimate(pair, B, loss="relativistic", penalty="zero_centered")
    lead = () if getattr(D, "models", None) is None else (D.models,)
    z = torch.randn(*lead, B, latent)
    fake = G(z).detach()
    real, loss = torch.randn_like(fake), losses.get("relativistic")
    assert estimate.d_step == saved_by_hand(D, lambda: loss.discriminator(D(real), D(fake)).mean(-1).sum())
    both = nn.ModuleList([G, D])
    assert estimate.g_step == saved_by_hand(both, lambda: loss.generator(D(G(z)), D(real)).mean(-1).sum())


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_measuring_without_numbers_and_with_them_agree(name):
    pair = PAIRS[name]()
    shapes_only, for_real = (
        memory.estimate(pair, B, penalty="gradient_penalty", device=device) for device in ("meta", "cpu")
    )
    assert shapes_only == for_real
    assert memory.work(pair, B, penalty="r1") == memory.work(pair, B, penalty="r1", device="cpu")


def test_a_penalty_keeps_only_the_graph_of_the_derivative():
    """Por camada, o gradiente que chega a ela e a inclinação da ativação; as ativações do forward são soltas."""
    pair = networks.document()
    widths = 1024 + 512 + 256
    estimate = memory.estimate(pair, 64, penalty="gradient_penalty")
    slopes_and_gradients = 4 * 64 * 2 * widths
    assert estimate.penalty == pytest.approx(slopes_and_gradients, rel=0.25)
    plain = copy.deepcopy(pair.D)
    for i, layer in enumerate(plain.layers):
        if isinstance(layer, nn.LeakyReLU):
            plain.layers[i] = nn.LeakyReLU(0.2)
    walked = memory.estimate(pair._replace(D=plain), 64, penalty="gradient_penalty")
    assert walked.penalty > 1.5 * estimate.penalty


@pytest.mark.parametrize("name", sorted(optimization.OPTIMIZERS))
def test_the_optimizer_state_is_the_one_it_really_holds(name):
    D = networks.mlp(3).D
    optimizer = optimization.OPTIMIZERS[name](list(D.parameters()), 1e-3, (0.5, 0.999), False)
    D(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    held = torch.utils._pytree.tree_leaves(optimizer.state_dict())
    moments = [v for v in held if torch.is_tensor(v) and v.dim() > 0]
    pair = networks.Pair(nn.Linear(2, 3), D, 2)
    expected = memory.size_of(moments) + memory.OPTIMIZER_WORDS[name] * memory.size_of(pair.G.parameters())
    assert memory.estimate(pair, B, optimizer=name).optimizer == expected


def test_the_table_adds_up_and_is_in_portuguese():
    pair = networks.document()
    m = memory.estimate(pair, 64, penalty="gradient_penalty", ema=True)
    assert m.weights == m.gradients == 4 * (1_489_936 + 1_460_225)
    assert m.optimizer == 2 * m.weights
    assert m.ema == 4 * 1_489_936 + 4 * 3_584 + 8 * 3  # os três contadores da normalização de lote são inteiros
    assert m.total == m.weights * 4 + m.buffers + m.ema + m.d_step + m.penalty
    lines = str(m).splitlines()
    assert lines[0] == "Memória com lote 64 e otimizador adam, penalidade gradient_penalty"
    assert "  pesos                               11,25 MiB" in lines
    assert len(lines) == 10
    assert "penalidade" not in str(memory.estimate(pair, 64))
    assert "média móvel" not in str(memory.estimate(pair, 64))


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1,50 KiB"), (3 * 2**20, "3,00 MiB"), (2**31, "2,00 GiB")]
)
def test_bytes_are_written_as_they_are_read(size, said):
    assert memory.readable(size) == said


def test_estimating_changes_neither_the_networks_nor_the_global_stream():
    pair = networks.dcgan(784, width=4)
    before = copy.deepcopy(pair.G.state_dict())
    stream = torch.get_rng_state()
    memory.estimate(pair, B)
    memory.estimate(pair, B, device="cpu")
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(torch.equal(v, before[k]) for k, v in pair.G.state_dict().items())
    assert all(p.grad is None for p in pair.D.parameters())


# As contas

WIDTHS_G, WIDTHS_D = (100, 256, 512, 1024, 784), (784, 1024, 512, 256, 1)


def products(widths):
    return B * sum(a * b for a, b in itertools.pairwise(widths))


def test_the_work_of_a_step_is_the_one_of_the_matrix_products():
    """Por camada: um produto na ida, um para os pesos e um para a entrada, salvo onde ninguém pede."""
    G, D = products(WIDTHS_G), products(WIDTHS_D)
    w = memory.work(networks.document(), B)
    assert (w.g_forward, w.d_forward) == (G, D)
    assert w.d_step == G + 2 * (3 * D - B * 784 * 1024)  # a primeira camada não manda gradiente aos dados
    assert w.g_step == (3 * G - B * 100 * 256) + 2 * D  # D parado: só a entrada dele recebe gradiente
    assert w.penalty == 0


def test_a_gradient_penalty_costs_four_forwards_of_the_discriminator():
    """Ida, ∂D/∂x, e de volta por ela: um produto para os pesos e um para a inclinação que continua."""
    w = memory.work(networks.document(), B, penalty="gradient_penalty")
    assert w.penalty == 4 * products(WIDTHS_D) - B * 256  # o gradiente que chega à última camada é constante


def test_the_counter_agrees_with_that_of_pytorch():
    _, D, _ = networks.dcgan(784, width=4)
    x = torch.randn(B, 784)
    with FlopCounterMode(display=False) as reference:
        D(x).sum().backward()
    assert memory.multiplications(lambda: D(x).sum().backward()) == reference.get_total_flops() // 2


def test_a_convolution_is_counted_by_hand():
    layer, x = nn.Conv2d(3, 5, 4, stride=2, padding=1), torch.zeros(B, 3, 8, 8)
    assert memory.multiplications(lambda: layer(x)) == B * 4 * 4 * 5 * 3 * 4 * 4


def test_the_penalty_of_a_residual_critic_does_not_walk_the_forward_graph():
    critic = networks.resnet(784, width=4, d_norm=None).D
    w = memory.work(networks.Pair(networks.mlp(784).G, critic, 2), B, penalty="gradient_penalty")
    assert 3.9 * w.d_forward < w.penalty <= 4 * w.d_forward


# O que se recusa


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": 0}, "o lote deve ter ao menos 1 amostra; recebi 0"),
        ({"optimizer": "lion"}, "otimizador: o nome 'lion' não existe; escolha entre adam, rmsprop, sgd"),
        ({"penalty": "r3"}, "penalidade: o nome 'r3' não existe"),
        ({"loss": "l7"}, "perda: o nome 'l7' não existe"),
    ],
)
def test_bad_questions_are_refused_in_one_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        memory.estimate(networks.mlp(2), **{"batch": B} | options)


def test_a_penalty_of_your_own_is_measured_too():
    mine = memory.estimate(networks.mlp(2), B, penalty=lambda D, real, fake, rng: penalties.r1(D, real))
    named = memory.estimate(networks.mlp(2), B, penalty="r1")
    assert mine.penalty == named.penalty > 0
    assert "penalidade personalizada" in mine.title
