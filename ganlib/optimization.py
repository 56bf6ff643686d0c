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

class Adam:
    """Adam (Kingma e Ba, 2015), pelo mesmo núcleo fundido de ``torch.optim.Adam(fused=True)`` e com os mesmos bits.

    O que falta aqui é o que aquele faz em Python a cada passo (grupos, ganchos, um contador por tensor), que numa rede
    pequena custa mais do que a conta. Em redes que não são só pequenas, os dois dão na mesma.

    Attributes:
        params: os parâmetros; um sem gradiente é tratado como de gradiente zero.
        mean, square: as médias móveis do gradiente e do seu quadrado, uma por parâmetro.
        count: quantos passos foram dados, um tensor no dispositivo.
    """

    EPS = 1e-8

    def __init__(self, params: Iterable[nn.Parameter], lr: float, betas: tuple[float, float] = (0.9, 0.999)):
        self.params, self.lr, self.betas = list(params), lr, betas
        self.mean = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.params]
        self.square = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.params]
        self.count = torch.zeros((), device=self.params[0].device)

    @torch.no_grad()
    def step(self) -> None:
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]
        self.count += 1
        torch._fused_adam_(
            self.params, grads, self.mean, self.square, [], [self.count] * len(grads),
            lr=self.lr, beta1=self.betas[0], beta2=self.betas[1], eps=self.EPS, weight_decay=0.0,
            amsgrad=False, maximize=False, grad_scale=None, found_inf=None,
        )  # fmt: skip

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None

    def tensors(self) -> list[Tensor]:
        return [*self.mean, *self.square, self.count]

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"tensors": self.tensors()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        for mine, theirs in zip(self.tensors(), state["tensors"], strict=True):
            mine.copy_(theirs)


# fused: um laço em C++ por passo em vez de um por tensor. capturable: o contador de passos mora na GPU, e nada espera.
OPTIMIZERS: dict[str, Callable[..., Adam | torch.optim.Optimizer]] = {
    "adam": lambda params, lr, betas, capturable: Adam(params, lr, betas),
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
        """Um passo da média, na direção dos pesos de ``network``."""
        for mean, now in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, 1 - self.decay)
        for mean, now in zip(self.network.buffers(), network.buffers(), strict=True):
            mean.copy_(now)


def state_tensors(optimizer: Adam | torch.optim.Optimizer) -> list[Tensor]:
    """Os tensores do estado do otimizador (momentos e contadores) que já existem, sempre na mesma ordem."""
    if isinstance(optimizer, Adam):
        return optimizer.tensors()
    return [v for state in optimizer.state.values() for v in state.values() if isinstance(v, Tensor)]
