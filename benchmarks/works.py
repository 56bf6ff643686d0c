"""O que se treina nas medidas: os dados e o tamanho de um passo.

As redes são as dos scripts públicos que serviram de referência (PyTorch-GAN, de E. Linder-Norén) e são as mesmas dos
dois lados: a razão compara laços, não redes. Para acrescentar um trabalho: uma linha em ``WORKS``, o par de redes em
``naive.PAIRS`` e as contas mínimas em ``floors.FLOORS``.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from torch import Tensor

from ganlib import data


@dataclass(frozen=True)
class Work:
    """Um trabalho: o que os dois lados treinam.

    Attributes:
        name: o nome nas linhas e no arquivo.
        title: o nome na tabela.
        batch: amostras por passo.
        image_size: lado das imagens que a rede vê, ou ``None`` quando os dados são pontos no plano.
        d_steps: passos do discriminador por passo do gerador.
        wasserstein: perda de Wasserstein com penalidade do gradiente; senão, entropia cruzada não saturante.
        models: ``None`` ou o número de pares; os tempos são então por modelo.
    """

    name: str
    title: str
    batch: int
    image_size: int | None = None
    d_steps: int = 1
    wasserstein: bool = False
    models: int | None = None

    @property
    def shared(self) -> bool:
        """Se os dois jogadores andam com as mesmas amostras, como nos scripts públicos que não são WGAN-GP."""
        return not self.wasserstein


WORKS = {
    work.name: work
    for work in (
        Work("mlp", "MLP 784-D, lote 64", 64, image_size=28),
        Work("wgan_gp", "WGAN-GP MLP, 5 D + 1 G, lote 64", 64, image_size=28, d_steps=5, wasserstein=True),
        Work("dcgan", "DCGAN 32 px, lote 64", 64, image_size=32),
        Work("ring", "anel 2-D, 2×128, lote 256", 256),
        Work("models", "K=80 redes 2×64, lote 64, por modelo", 64, models=80),
    )
}


@cache
def pixels(n: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """``n`` imagens ``(n, 28, 28)`` uint8 e rótulos ``(n,)``: os dígitos do scikit-learn, repetidos até encher."""
    digits = data.digits(28)
    order = np.arange(n) % len(digits)
    images = ((digits.x.numpy() + 1) * 127.5).round().astype(np.uint8).reshape(-1, 28, 28)
    return images[order], digits.labels.numpy()[order]


@cache
def points() -> Tensor:
    """Os pontos do anel, ``(20000, 2)``."""
    return data.ring().x
