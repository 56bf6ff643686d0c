"""O piso: as contas que um passo não pode deixar de fazer, nuas, e o Adam fundido nos mesmos tamanhos.

Um passo só com produtos de matrizes (ou convoluções) das formas certas, sem autograd, ativações, normalizações, perdas,
sorteios nem Python de permeio. Nenhum treinamento é mais rápido, e nenhuma escolha de laço ingênuo muda esta medida.

A contagem, por lote, para uma rede de L camadas:

- ``forward``: um produto por camada;
- ``weights``: o gradiente dos pesos, um produto por camada;
- ``inputs``: o gradiente das entradas, um produto por camada, menos a primeira quando o que vem antes dela não treina.

Um passo de D: G para a frente; D para a frente e para trás (pesos; entradas sem a primeira) nos dados e nas geradas.
Um passo de G: G (se as amostras não são as que D acabou de ver) e D para a frente; D para trás só nas entradas, todas
as camadas; G para trás (pesos; entradas sem a primeira). A penalidade do gradiente soma, num terceiro lote: D para a
frente; ``∂D/∂x``, isto é, as entradas de todas as camadas; e a derivada desse percurso em relação aos pesos: um
produto de pesos por camada e a volta pelas entradas de todas menos a última, cujo gradiente de saída é a constante 1.
(Com ReLU ou LeakyReLU a segunda derivada da ativação é zero, e nada mais é preciso.) Os testes conferem que isto dá,
número por número, os FLOPs do passo da ganlib.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.works import Work


class Network(Protocol):
    """As contas de uma rede num lote; os números não importam, só as formas."""

    def forward(self) -> None: ...

    def backward(self, *, weights: bool = True, first: bool = False) -> None:
        """``weights``: também o gradiente dos pesos; ``first``: também o da entrada da primeira camada."""

    def parameters(self) -> Iterator[Tensor]: ...


class Dense:
    """Camadas densas de larguras ``sizes``; com ``models``, K redes lado a lado.

    Os pesos ficam na memória como os da ganlib, ``(saída, entrada)`` ou ``(K, entrada, saída)``, e cada gradiente sai
    já na disposição do seu peso.
    """

    def __init__(self, sizes: Sequence[int], batch: int, *, models: int | None = None, **where):
        lead = () if models is None else (models,)
        self.stacked = models is not None
        self.weight = [
            torch.randn(*lead, *((a, b) if self.stacked else (b, a)), **where) / a**0.5 for a, b in pairwise(sizes)
        ]
        self.bias = [torch.zeros(*lead, *([1] if lead else []), n, **where) for n in sizes[1:]]
        self.x = [torch.randn(*lead, batch, n, **where) for n in sizes]
        self.add, self.product = (torch.baddbmm, torch.bmm) if self.stacked else (torch.addmm, torch.mm)

    def forward(self) -> None:
        for x, w, b in zip(self.x, self.weight, self.bias, strict=False):
            self.add(b, x, w if self.stacked else w.mT)

    def backward(self, *, weights: bool = True, first: bool = False) -> None:
        for i in reversed(range(len(self.weight))):
            if weights:
                self.weights(i, self.x[i], self.x[i + 1])
            if first or i > 0:
                self.inputs(i, self.x[i + 1])

    def penalty(self) -> None:
        """``∂D/∂x`` no terceiro lote e a derivada desse percurso em relação aos pesos."""
        self.forward()
        self.backward(weights=False, first=True)
        for i, w in enumerate(self.weight):
            v, q = self.x[i], self.x[i + 1]  # v: a derivada da penalidade no gradiente da entrada da camada
            self.weights(i, v, q)
            if i < len(self.weight) - 1:
                self.product(v, w if self.stacked else w.mT)

    def weights(self, i: int, x: Tensor, g: Tensor) -> None:
        """O gradiente do peso, que fica nele, à espera do Adam."""
        self.weight[i].grad = self.product(x.mT, g) if self.stacked else self.product(g.mT, x)

    def inputs(self, i: int, g: Tensor) -> None:
        self.product(g, self.weight[i].mT if self.stacked else self.weight[i])

    def parameters(self) -> Iterator[Tensor]:
        return chain(self.weight, self.bias)


class Convolutions:
    """Convoluções 3×3 com borda 1, cada uma dada por ``(canais que entram, canais que saem, lado que entra, passo)``.

    Em bfloat16 os canais ficam na última posição da memória, como na variante que se compara.
    """

    def __init__(self, layers: Sequence[tuple[int, int, int, int]], batch: int, **where):
        layout = torch.channels_last if where.get("dtype") == torch.bfloat16 else torch.contiguous_format
        self.layers = []
        for n_in, n_out, side, stride in layers:
            x = torch.randn(batch, n_in, side, side, **where).to(memory_format=layout)
            w = (torch.randn(n_out, n_in, 3, 3, **where) / (9 * n_in) ** 0.5).to(memory_format=layout)
            b = torch.zeros(n_out, **where)
            g = F.conv2d(x, w, b, stride, 1)
            self.layers.append((x, w, b, g, stride))

    def forward(self) -> None:
        for x, w, b, _, stride in self.layers:
            F.conv2d(x, w, b, stride, 1)

    def backward(self, *, weights: bool = True, first: bool = False) -> None:
        for i, (x, w, b, g, stride) in reversed(list(enumerate(self.layers))):
            wanted = (first or i > 0, weights, False)
            if any(wanted):
                _, grad, _ = torch.ops.aten.convolution_backward(
                    g, x, w, list(b.shape), [stride] * 2, [1, 1], [1, 1], False, [0, 0], 1, wanted
                )
                w.grad = grad if weights else w.grad

    def parameters(self) -> Iterator[Tensor]:
        return chain.from_iterable((w, b) for _, w, b, _, _ in self.layers)


class Chain:
    """Uma rede depois da outra: convoluções que seguem uma camada densa, ou o contrário."""

    def __init__(self, *parts: Network):
        self.parts = parts

    def forward(self) -> None:
        for part in self.parts:
            part.forward()

    def backward(self, *, weights: bool = True, first: bool = False) -> None:
        for i, part in reversed(list(enumerate(self.parts))):
            part.backward(weights=weights, first=first or i > 0)

    def parameters(self) -> Iterator[Tensor]:
        return chain.from_iterable(part.parameters() for part in self.parts)


def dense_784(work: Work, **where) -> tuple[Network, Network]:
    G = Dense((100, 128, 256, 512, 1024, 784), work.batch, **where)
    return G, Dense((784, 512, 256, 1), work.batch, **where)


def dcgan_32(work: Work, **where) -> tuple[Network, Network]:
    images = Convolutions(((128, 128, 16, 1), (128, 64, 32, 1), (64, 1, 32, 1)), work.batch, **where)
    G = Chain(Dense((100, 128 * 8 * 8), work.batch, **where), images)
    features = Convolutions(((1, 16, 32, 2), (16, 32, 16, 2), (32, 64, 8, 2), (64, 128, 4, 2)), work.batch, **where)
    return G, Chain(features, Dense((128 * 2 * 2, 1), work.batch, **where))


def plane(work: Work, hidden: int, **where) -> tuple[Network, Network]:
    G = Dense((2, hidden, hidden, 2), work.batch, models=work.models, **where)
    return G, Dense((2, hidden, hidden, 1), work.batch, models=work.models, **where)


FLOORS: dict[str, Callable[..., tuple[Network, Network]]] = {
    "mlp": dense_784,
    "wgan_gp": dense_784,
    "dcgan": dcgan_32,
    "ring": lambda work, **where: plane(work, 128, **where),
    "models": lambda work, **where: plane(work, 64, **where),
}


def step(work: Work, *, device: str = "cpu", bf16: bool = False, one_pass: bool = False) -> Callable[[], None]:
    """Uma função que faz as contas de um passo do gerador (e os de D que lhe cabem), nada mais.

    Com ``one_pass``, D vê dados e amostras num lote só, do dobro do tamanho: as mesmas contas, em menos produtos.
    """
    where = {"device": device, "dtype": torch.bfloat16 if bf16 else torch.float32}
    G, D = FLOORS[work.name](work, **where)
    both = FLOORS[work.name](replace(work, batch=2 * work.batch), **where)[1] if one_pass else D
    g_adam, d_adam = adam(G), adam(D)

    @torch.no_grad()
    def play() -> None:
        for _ in range(work.d_steps):
            G.forward()
            for _ in range(1 if one_pass else 2):
                both.forward()
                both.backward()
            if work.wasserstein:
                D.penalty()
            d_adam()
        if not work.shared:
            G.forward()
        D.forward()
        D.backward(weights=False, first=True)
        G.backward()
        g_adam()

    return play


def adam(network: Network) -> Callable[[], None]:
    """Um passo do Adam: só o núcleo fundido do PyTorch, em float32, nos pesos da própria rede.

    Se ela não é float32, em cópias do mesmo tamanho. A taxa de aprendizado é minúscula, para que os pesos, que recebem
    gradientes sem sentido, fiquem do tamanho que têm.
    """
    params = [p if p.dtype == torch.float32 else p.float() for p in network.parameters()]
    for p in params:
        p.grad = torch.zeros_like(p)
    mean, square = ([torch.zeros_like(p) for p in params] for _ in range(2))
    count = torch.ones((), device=params[0].device)
    rates = {"lr": 1e-12, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}

    def step() -> None:
        grads = [p.grad for p in params]
        torch._fused_adam_(
            params, grads, mean, square, [], [count] * len(params), amsgrad=False, maximize=False, **rates
        )

    return step
