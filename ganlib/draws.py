"""Tudo o que um treinamento sorteia, de um gerador só.

Com vários processos, cada um sorteia o lote inteiro e fica com a sua fatia: a sequência é a mesma de um processo só.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Draws:
    """Um ``torch.Generator`` privado e o eixo do lote que se reparte entre os processos.

    Attributes:
        rng: o gerador; o seu estado é tudo o que se precisa guardar.
        batch_dim: o eixo do lote nas formas pedidas (1 quando há o eixo de modelos à frente).
    """

    def __init__(self, seed: int, device: str | torch.device, *, batch_dim: int = 0, rank: int = 0, world: int = 1):
        self.rng = torch.Generator(device).manual_seed(seed)
        self.batch_dim, self.rank, self.world = batch_dim, rank, world

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Normais padrão, com a forma pedida (a da fatia)."""
        return self._slice(torch.randn, shape)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Uniformes em [0, 1), com a forma pedida."""
        return self._slice(torch.rand, shape)

    def indices(self, n: int, shape: Sequence[int]) -> Tensor:
        """Inteiros uniformes em ``{0, …, n-1}``, com reposição."""
        return self._slice(lambda size, **where: torch.randint(n, size, **where), shape)

    def _slice(self, draw: Callable[..., Tensor], shape: Sequence[int]) -> Tensor:
        whole, mine = list(shape), shape[self.batch_dim]
        whole[self.batch_dim] = mine * self.world
        values = draw(whole, generator=self.rng, device=self.rng.device)
        return values if self.world == 1 else values.narrow(self.batch_dim, self.rank * mine, mine)
