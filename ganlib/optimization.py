"""Otimizadores, regras de atualização dos dois jogadores e a média móvel do gerador.

Uma regra é uma função de um treinamento que dá um passo do gerador (e os do discriminador que lhe cabem) e devolve as
perdas e logits por amostra. Para acrescentar uma: escreva a função e ponha uma linha em ``UPDATES``.
"""

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ganlib.training import Training

# fused: um laço em C++ por passo em vez de um por tensor. capturable: o contador de passos mora na GPU, e nada espera.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda params, lr, betas, capturable: torch.optim.Adam(
        params, lr, betas=betas, fused=True, capturable=capturable
    ),
    "rmsprop": lambda params, lr, betas, capturable: torch.optim.RMSprop(
        params, lr, foreach=True, capturable=capturable
    ),
    "sgd": lambda params, lr, betas, capturable: torch.optim.SGD(params, lr, fused=True),
}


def alternating(run: "Training") -> dict[str, Tensor]:
    """``d_steps`` passos do discriminador e um do gerador, cada um diante do outro já mudado (Goodfellow, 2014)."""
    for _ in range(run.config.d_steps):
        seen = run.d_step()
    return seen | run.g_step()


def alternating_shared(run: "Training") -> dict[str, Tensor]:
    """Como ``alternating``, mas o gerador anda com as amostras que o discriminador acabou de ver.

    É o laço do tutorial DCGAN do PyTorch: poupa uma passagem por G, e os dois passos deixam de ter ruídos próprios.
    """
    for _ in range(run.config.d_steps - 1):
        run.d_step()
    fake = run.generate(run.noise())
    d_loss, seen = run.discriminator_loss(run.real(), fake.detach())
    run.move_d(d_loss)
    g_loss = run.generator_loss(run.loss, fake)
    run.move_g(g_loss)
    return seen | {"g_loss": g_loss.detach()}


def simultaneous(run: "Training") -> dict[str, Tensor]:
    """Os dois jogadores andam ao mesmo tempo, a partir do mesmo ponto e do mesmo lote."""
    d_grads, g_grads, seen = _both_gradients(run)
    run.apply(d_grads, g_grads)
    return seen


def extragradient(run: "Training") -> dict[str, Tensor]:
    """Anda para ver, volta, e anda com o gradiente visto (Korpelevich, 1976; em GANs, Gidel et al., 2019).

    O passo de ida é o do próprio otimizador, como no ExtraAdam de Gidel et al.
    """
    params = [*run.d_params, *run.g_params]
    here = [p.detach().clone() for p in params]
    simultaneous(run)
    d_grads, g_grads, seen = _both_gradients(run)
    with torch.no_grad():
        for p, kept in zip(params, here, strict=True):
            p.copy_(kept)
    run.apply(d_grads, g_grads)
    return seen


def consensus(run: "Training") -> dict[str, Tensor]:
    """Cada jogador minimiza a sua perda mais ``γ·½‖v‖²``, v o gradiente dos dois (Mescheder et al., 2017)."""
    d_grads, g_grads, seen = _both_gradients(run, create_graph=True)
    v = [*d_grads, *g_grads]
    # ∇½‖v‖² = Jᵀv: com vários processos, v é a média deles, e cada um contribui com o seu J.
    mean = [g.detach().clone() for g in v]
    run.ranks.average(mean)
    params = [*run.d_params, *run.g_params]
    pull = torch.autograd.grad(v, params, mean, allow_unused=True, materialize_grads=True)
    grads = [m + run.config.consensus_weight * r for m, r in zip(mean, pull, strict=True)]
    run.apply(grads[: len(run.d_params)], grads[len(run.d_params) :])
    return seen


def _both_gradients(run: "Training", create_graph: bool = False):
    d_loss, g_loss, seen = run.both_losses()
    d_grads = torch.autograd.grad(d_loss, run.d_params, retain_graph=True, create_graph=create_graph)
    g_grads = torch.autograd.grad(g_loss, run.g_params, create_graph=create_graph)
    return d_grads, g_grads, seen


UPDATES: dict[str, Callable[["Training"], dict[str, Tensor]]] = {
    "alternating": alternating,
    "alternating_shared": alternating_shared,
    "simultaneous": simultaneous,
    "extragradient": extragradient,
    "consensus": consensus,
}


class Average:
    """A média móvel exponencial dos pesos de uma rede: ``w̄ ← decay·w̄ + (1 - decay)·w`` (Yazıcı et al., 2019).

    Os buffers (médias da normalização de lote) são copiados.

    Attributes:
        network: a rede com os pesos médios.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.decay = copy.deepcopy(network).requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        for mean, now in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, 1 - self.decay)
        for mean, now in zip(self.network.buffers(), network.buffers(), strict=True):
            mean.copy_(now)


def state_tensors(optimizers: Iterable[torch.optim.Optimizer]) -> list[Tensor]:
    """Os tensores do estado de cada otimizador (momentos e contadores), na ordem em que foram criados."""
    return [
        v for o in optimizers for state in o.state.values() for v in state.values() if isinstance(v, Tensor)
    ]
