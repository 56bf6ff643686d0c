"""Quanto custa um par: parâmetros, memória e contas de um passo, sem treinar nada.

    print(memory.estimate(networks.document(), batch=64, penalty="gradient_penalty"))

As contagens são exatas. As redes são copiadas para o dispositivo ``"meta"``, em que os tensores têm forma e não têm
números, e um passo é feito ali: não se gasta nem a memória que se mede. Uma rede sua que crie tensores fora dos
parâmetros e buffers pode não funcionar em ``"meta"``; use então ``device="cpu"``, que faz o passo de verdade.
"""

import copy
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganlib import losses, penalties
from ganlib.errors import choose
from ganlib.layers import Pair

# Quantos números o estado do otimizador guarda por parâmetro (os contadores de passos não entram na conta).
OPTIMIZER_WORDS = {"adam": 2, "rmsprop": 1, "sgd": 0}


@dataclass(frozen=True)
class Count:
    """Quantos números há nos parâmetros (que se treinam) e nos buffers (que só se acompanham) de uma rede."""

    parameters: int
    buffers: int


def count(network: nn.Module) -> Count:
    """Conta os parâmetros e os buffers de uma rede."""
    return Count(sum(p.numel() for p in network.parameters()), sum(b.numel() for b in network.buffers()))


@dataclass(frozen=True)
class Memory:
    """A memória de um treinamento, em bytes, dos dois jogadores somados.

    Attributes:
        title: o que foi estimado, em palavras.
        weights, buffers: os das redes.
        gradients: um por peso.
        optimizer: o estado do otimizador.
        ema: a cópia média do gerador, se houver.
        d_step: o que o grafo do passo do discriminador guarda para o backward (ativações, máscaras, o lote).
        penalty: o que a penalidade guarda a mais nesse passo, para derivar a derivada.
        g_step: o que o grafo do passo do gerador guarda.
    """

    title: str
    weights: int
    buffers: int
    gradients: int
    optimizer: int
    ema: int
    d_step: int
    penalty: int
    g_step: int

    @property
    def total(self) -> int:
        """O que está vivo no maior dos dois passos, entre o forward e o backward.

        É uma cota inferior do pico: não conta os temporários do backward nem o que o alocador reserva.
        """
        always = self.weights + self.buffers + self.gradients + self.optimizer + self.ema
        return always + max(self.d_step + self.penalty, self.g_step)

    def __str__(self) -> str:
        rows = {
            "pesos": self.weights,
            "buffers": self.buffers,
            "gradientes": self.gradients,
            "estado do otimizador": self.optimizer,
            "média móvel do gerador": self.ema,
            "grafo do passo do discriminador": self.d_step,
            "penalidade, a mais nesse passo": self.penalty,
            "grafo do passo do gerador": self.g_step,
            "total, no maior dos dois passos": self.total,
        }
        return "\n".join([self.title, *(f"  {name:<33}{readable(size):>12}" for name, size in rows.items() if size)])


def readable(size: int) -> str:
    """Um número de bytes como se lê: ``readable(1_572_864) == "1,50 MiB"``."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:.2f} {unit}".replace(".", ",")
    return f"{size} B"


def estimate(
    pair: Pair,
    batch: int,
    *,
    loss: str | losses.Loss = "non_saturating",
    penalty: str | penalties.Penalty | None = None,
    optimizer: str = "adam",
    ema: bool = False,
    device: str = "meta",
) -> Memory:
    """Estima a memória de treinar um par.

    Args:
        pair: as redes; não são mudadas. O eixo dos modelos, se houver, é o de ``pair.D.models``.
        batch: amostras por passo.
        loss: nome ou objeto, como em ``Config``.
        penalty: nome, função ou ``None``, como em ``Config``.
        optimizer: ``"adam"``, ``"rmsprop"`` (sem momento) ou ``"sgd"`` (sem momento).
        ema: se há uma média móvel do gerador.
        device: ``"meta"`` (só formas) ou ``"cpu"`` (faz o passo de verdade).

    Raises:
        ValueError: nomes desconhecidos ou lote que não é positivo.
    """
    words = choose("otimizador", optimizer, OPTIMIZER_WORDS)
    step = _Step(pair, batch, loss, penalty, device)
    weights = size_of(step.weights)
    d_step = kept_by_graph(step.d_loss, ignore=step.state)
    with_penalty = kept_by_graph(step.penalized_d_loss, ignore=step.state) if penalty else d_step
    named = penalty if isinstance(penalty, str) else "personalizada"
    return Memory(
        title=f"Memória com lote {batch} e otimizador {optimizer}" + (f", penalidade {named}" if penalty else ""),
        weights=weights,
        buffers=size_of(step.state) - weights,
        gradients=weights,
        optimizer=words * weights,
        ema=size_of([*step.G.parameters(), *step.G.buffers()]) if ema else 0,
        d_step=d_step,
        penalty=with_penalty - d_step,
        g_step=kept_by_graph(step.g_loss, ignore=step.state),
    )


def size_of(tensors: Iterable[Tensor]) -> int:
    """Os bytes destes tensores."""
    return sum(t.numel() * t.element_size() for t in tensors)


class _Saved:
    """Um tensor guardado pelo grafo; vive enquanto viver o nó que o guardou."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor.detach()


def kept_by_graph(compute: Callable[[], Tensor], ignore: Iterable[Tensor] = ()) -> int:
    """Os bytes que o grafo do resultado guarda para o backward, cada pedaço de memória contado uma vez.

    Um nó que o resultado já não alcança foi solto, e o que ele guardava não entra na conta.

    Args:
        compute: a conta, por exemplo ``lambda: D(x).mean()``.
        ignore: tensores que existem de qualquer modo, como os parâmetros.
    """
    alive: weakref.WeakSet[_Saved] = weakref.WeakSet()

    def pack(tensor: Tensor) -> _Saved:
        saved = _Saved(tensor)
        alive.add(saved)
        return saved

    with saved_tensors_hooks(pack, lambda saved: saved.tensor):
        result = compute()
        storages = {_place(s.tensor): s.tensor.untyped_storage().nbytes() for s in alive}
    del result  # vivo até aqui: é ele que segura o grafo
    for tensor in ignore:
        storages.pop(_place(tensor), None)
    return sum(storages.values())


def _place(tensor: Tensor) -> int:
    # Não data_ptr(): em "meta" ele é sempre 0.
    return tensor.untyped_storage()._cdata


@dataclass(frozen=True)
class Work:
    """As contas de um passo: multiplicações com soma nos produtos de matrizes e convoluções, que são quase tudo.

    Attributes:
        g_forward: ``G(z)`` de um lote.
        d_forward: ``D(x)`` de um lote.
        d_step: um passo do discriminador com G parado: ``G(z)``, dois ``D`` e o backward até os pesos de D.
        penalty: o que a penalidade acrescenta a ele.
        g_step: um passo do gerador com D parado: ``G(z)``, ``D`` e o backward até os pesos de G.
    """

    g_forward: int
    d_forward: int
    d_step: int
    penalty: int
    g_step: int


def work(
    pair: Pair,
    batch: int,
    *,
    loss: str | losses.Loss = "non_saturating",
    penalty: str | penalties.Penalty | None = None,
    device: str = "meta",
) -> Work:
    """Conta as multiplicações de um passo; os argumentos são os de ``estimate``.

    Raises:
        ValueError: nomes desconhecidos ou lote que não é positivo.
    """
    step = _Step(pair, batch, loss, penalty, device)
    g_params, d_params = list(step.G.parameters()), list(step.D.parameters())
    d_step = multiplications(lambda: (step.sample(), _grad(step.d_loss(), d_params)))
    with_penalty = d_step
    if penalty:
        with_penalty = multiplications(lambda: (step.sample(), _grad(step.penalized_d_loss(), d_params)))
    return Work(
        g_forward=multiplications(step.sample),
        d_forward=multiplications(lambda: step.D(step.real)),
        d_step=d_step,
        penalty=with_penalty - d_step,
        g_step=multiplications(lambda: _grad(step.g_loss(), g_params)),
    )


class _Multiplications(TorchDispatchMode):
    """Soma as contas de cada operação pelas fórmulas do PyTorch.

    O ``FlopCounterMode`` faz o mesmo e as reparte por módulo, mas recusa o ``autograd.grad`` de uma penalidade.
    """

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula:
            self.total += formula(*args, **(kwargs or {}), out_val=out) // 2
        return out


def multiplications(compute: Callable[[], object]) -> int:
    """As multiplicações com soma que a conta faz nos produtos de matrizes e convoluções, as do backward também."""
    with _Multiplications() as counter:
        compute()
    return counter.total


def _grad(total: Tensor, params: list[nn.Parameter]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(total, params, allow_unused=True)


class _Step:
    """Cópias das redes e um lote no dispositivo da medida, com as perdas que um treinamento calcula."""

    def __init__(self, pair: Pair, batch: int, loss, penalty, device: str):
        if batch < 1:
            raise ValueError(f"o lote deve ter ao menos 1 amostra; recebi {batch}")
        self.loss, self.penalty = losses.get(loss), penalties.get(penalty)
        self.G, self.D = (copy.deepcopy(network).to(device).train() for network in pair[:2])
        self.weights = [*self.G.parameters(), *self.D.parameters()]
        self.state = [*self.weights, *self.G.buffers(), *self.D.buffers()]
        models = getattr(self.D, "models", None)
        shape = (batch, pair.latent) if models is None else (models, batch, pair.latent)
        dtype = next(self.D.parameters()).dtype
        with torch.random.fork_rng(devices=[]):
            self.z = torch.randn(shape, device=device, dtype=dtype)
            self.fake = self.sample()
            self.real = torch.randn_like(self.fake)

    @torch.no_grad()
    def sample(self) -> Tensor:
        return self.G(self.z)

    def d_loss(self) -> Tensor:
        return self.loss.discriminator(self.D(self.real), self.D(self.fake)).mean(-1).sum()

    def penalized_d_loss(self) -> Tensor:
        return self.d_loss() + self.penalty(self.D, self.real, self.fake, None).mean(-1).sum()

    def g_loss(self) -> Tensor:
        h_fake = self.D(self.G(self.z))
        extra = (self.D(self.real),) if self.loss.needs_real else ()
        return self.loss.generator(h_fake, *extra).mean(-1).sum()
