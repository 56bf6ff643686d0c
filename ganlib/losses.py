"""Perdas de GANs: cada uma é um par de funções puras dos logits, por amostra.

Para acrescentar uma perda: escreva as duas funções e ponha uma linha em ``LOSSES``.

Os logits ``real = h(x)`` e ``fake = h(G(z))`` têm forma ``(B,)`` ou, com K redes treinadas juntas, ``(K, B)``;
o resultado tem a mesma forma e está em nats. Reduzir (média no lote, soma nos modelos) é trabalho do treinamento.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ganlib.errors import choose


@dataclass(frozen=True)
class Loss:
    """O que cada jogador minimiza.

    Attributes:
        discriminator: ``(real, fake) → perda por amostra``.
        generator: ``(fake) → perda por amostra``; ``(fake, real)`` quando ``needs_real``.
        needs_real: a perda do gerador olha também os logits dos dados (perdas relativísticas).
        name: o nome sob o qual a perda é guardada num ponto de retomada.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    needs_real: bool = False
    name: str = "personalizado"


def softplus(h: Tensor) -> Tensor:
    """``log(1 + e^h)``, exata até o arredondamento para qualquer ``h`` em float32 ou float64.

    O limiar padrão do PyTorch (20) troca a função por ``h`` cedo demais para float64: erra 2e-9.
    """
    return F.softplus(h, threshold=40)


def cross_entropy_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """``-log σ(real) - log(1 - σ(fake))``: a entropia cruzada do discriminador, isto é, ``-V`` (def-valor)."""
    return softplus(-real) + softplus(fake)


def minimax_generator(fake: Tensor) -> Tensor:
    """``log(1 - σ(fake))``, a perda minimax do gerador (Goodfellow et al., 2014). Sua derivada em h é ``-σ(h)``."""
    return -softplus(fake)


def non_saturating_generator(fake: Tensor) -> Tensor:
    """``-log σ(fake)``, a perda não saturante (Goodfellow et al., 2014). Sua derivada em h é ``-(1 - σ(h))``."""
    return softplus(-fake)


LOSSES = {
    "minimax": Loss(cross_entropy_discriminator, minimax_generator, name="minimax"),
    "non_saturating": Loss(cross_entropy_discriminator, non_saturating_generator, name="non_saturating"),
}


def get(loss: str | Loss) -> Loss:
    """A perda com este nome, ou o próprio objeto ``Loss``.

    Raises:
        ValueError: o nome não existe; a mensagem lista os válidos.
    """
    return loss if isinstance(loss, Loss) else choose("perda", loss, LOSSES)
