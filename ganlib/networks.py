"""Redes: pares (gerador, discriminador) construídos a partir de tamanhos.

Com ``models=K``, um eixo à frente treina K redes independentes de uma vez: as entradas passam a ser ``(K, B, d)``
e cada peso ganha um eixo K. Cada rede se comporta como se estivesse sozinha.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganlib.errors import choose

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class StackedLinear(nn.Module):
    """K camadas lineares lado a lado: ``(K, B, in) → (K, B, out)``, com a inicialização de ``nn.Linear``."""

    def __init__(self, models: int, n_in: int, n_out: int):
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(models, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(models, 1, n_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class MLP(nn.Module):
    """Perceptron de várias camadas.

    Args:
        sizes: larguras da entrada à saída, por exemplo ``(2, 128, 128, 1)``.
        activation: nome em ``ACTIVATIONS`` ou uma função que cria o módulo; entre as camadas.
        norm: ``None`` ou ``"batch"``, antes de cada ativação.
        output: ativação depois da última camada, ou ``None``.
        logits: devolve ``(…, B)`` em vez de ``(…, B, 1)``: é o que se espera de um discriminador.
        models: ``None`` ou o número K de redes treinadas juntas.

    Raises:
        ValueError: tamanhos, nomes ou combinações que não fazem sentido.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Callable[[], nn.Module] = "relu",
        norm: str | None = None,
        output: str | Callable[[], nn.Module] | None = None,
        logits: bool = False,
        models: int | None = None,
    ):
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"uma MLP precisa de ao menos duas larguras positivas; recebi {tuple(sizes)}")
        if logits and sizes[-1] != 1:
            raise ValueError(f"um discriminador termina em 1 logit por amostra; recebi a largura {sizes[-1]}")
        if norm not in (None, "batch"):
            raise ValueError(f"normalização: o nome {norm!r} não existe; escolha entre None e 'batch'")
        if norm and models:
            raise ValueError("a normalização de lote (batch) não se combina com models: treine uma rede de cada vez")
        layers: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            layers.append(StackedLinear(models, n_in, n_out) if models else nn.Linear(n_in, n_out))
            if i < len(sizes) - 2:
                layers += [nn.BatchNorm1d(n_out)] if norm else []
                layers.append(_activation(activation))
        layers += [_activation(output)] if output else []
        self.layers = nn.Sequential(*layers)
        self.n_in, self.logits, self.models = sizes[0], logits, models

    def forward(self, x: Tensor) -> Tensor:
        lead = () if self.models is None else (self.models,)
        if x.dim() != len(lead) + 2 or x.shape[-1] != self.n_in or x.shape[:-2] != lead:
            expected = ", ".join([*map(str, lead), "B", str(self.n_in)])
            raise ValueError(f"a rede espera uma entrada de forma ({expected}); recebeu {tuple(x.shape)}")
        out = self.layers(x)
        return out.squeeze(-1) if self.logits else out


def _activation(choice: str | Callable[[], nn.Module]) -> nn.Module:
    return choose("ativação", choice, ACTIVATIONS)() if isinstance(choice, str) else choice()


class Pair(NamedTuple):
    """Um gerador, um discriminador (que devolve logits) e a dimensão do ruído ``z``."""

    G: nn.Module
    D: nn.Module
    latent: int


def mlp(
    data_dim: int,
    *,
    latent: int = 2,
    hidden: Sequence[int] = (128, 128),
    activation: str = "relu",
    models: int | None = None,
) -> Pair:
    """Par de MLPs pequenas e iguais, para os laboratórios em 1-D, 2-D e dígitos."""
    return Pair(
        MLP((latent, *hidden, data_dim), activation=activation, models=models),
        MLP((data_dim, *hidden, 1), activation=activation, logits=True, models=models),
        latent,
    )


def document(data_dim: int = 784, *, models: int | None = None) -> Pair:
    """O gerador do documento-base (100-256-512-1024-784, batch, ReLU, Tanh) e um discriminador espelhado.

    O discriminador (784-1024-512-256-1, LeakyReLU 0,2, sem normalização) não está no documento: é o par usual.
    """
    return Pair(
        MLP((100, 256, 512, 1024, data_dim), norm="batch", output="tanh", models=models),
        MLP((data_dim, 1024, 512, 256, 1), activation="leaky_relu", logits=True, models=models),
        100,
    )


NETWORKS: dict[str, Callable[..., Pair]] = {"mlp": mlp, "document": document}


def get(network: str | Pair, data_dim: int, **options) -> Pair:
    """O par com este nome para dados de dimensão ``data_dim``, ou o próprio ``Pair``.

    Raises:
        ValueError: o nome não existe; a mensagem lista os válidos.
    """
    if isinstance(network, Pair):
        return network
    return choose("rede", network, NETWORKS)(data_dim, **options)
