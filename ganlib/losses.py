"""Perdas de GANs: cada uma é um par de funções puras dos logits, por amostra.

Para acrescentar uma perda: escreva as duas funções e ponha uma linha em ``LOSSES``. Se a perda do discriminador compara
D com rótulos 1 e 0, escreva também a versão com rótulos quaisquer, e ``smooth`` passa a valer para ela.

Os logits ``real = h(x)`` e ``fake = h(G(z))`` têm forma ``(B,)`` ou, com K redes treinadas juntas, ``(K, B)``;
o resultado tem a mesma forma e está em nats. Reduzir (média no lote, soma nos modelos) é trabalho do treinamento.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
        labelled: ``(real, fake, α, β) → perda por amostra`` do discriminador com o rótulo α para os dados e β para as
            amostras geradas; ``None`` quando a perda não tem rótulos que se possam suavizar.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    needs_real: bool = False
    name: str = "personalizado"
    labelled: Callable[[Tensor, Tensor, float, float], Tensor] | None = None


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


def cross_entropy_with_labels(real: Tensor, fake: Tensor, alpha: float, beta: float) -> Tensor:
    """A entropia cruzada com rótulos α (dados) e β (geradas); com D ótimo, ``D* = (αp + βq)/(p + q)``.

    Suavização de rótulos em GANs: Salimans et al. (2016).
    """
    on_real = alpha * softplus(-real) + (1 - alpha) * softplus(real)
    on_fake = beta * softplus(-fake) + (1 - beta) * softplus(fake)
    return on_real + on_fake


def least_squares_with_labels(real: Tensor, fake: Tensor, alpha: float, beta: float) -> Tensor:
    """``½(real - α)² + ½(fake - β)²``, a forma geral de Mao et al. (2017)."""
    return (real - alpha).square() / 2 + (fake - beta).square() / 2


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """``½(real - 1)² + ½ fake²``: o "logit" é ele mesmo a nota, sem sigmoide (Mao et al., 2017)."""
    return least_squares_with_labels(real, fake, 1.0, 0.0)


def least_squares_generator(fake: Tensor) -> Tensor:
    """``½(fake - 1)²`` (Mao et al., 2017). Sua derivada em h é ``h - 1``."""
    return (fake - 1).square() / 2


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """``fake - real``: menos a estimativa de W1 do crítico (Arjovsky, Chintala e Bottou, 2017).

    Sem uma restrição de Lipschitz (``penalty`` ou ``clip``) não tem mínimo.
    """
    return fake - real


def wasserstein_generator(fake: Tensor) -> Tensor:
    """``-fake`` (Arjovsky, Chintala e Bottou, 2017). Sua derivada em h é -1 em toda parte."""
    return -fake


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """``max(0, 1 - real) + max(0, 1 + fake)`` (Lim e Ye, 2017; Miyato et al., 2018). O gerador minimiza ``-fake``."""
    return F.relu(1 - real) + F.relu(1 + fake)


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """``-log σ(real - fake)``, aos pares (Jolicoeur-Martineau, 2019; R3GAN, Huang et al., 2024)."""
    return softplus(fake - real)


def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """``-log σ(fake - real)``, aos pares (Jolicoeur-Martineau, 2019). Sua derivada em fake é ``-σ(real - fake)``."""
    return softplus(real - fake)


_CROSS_ENTROPY = {"discriminator": cross_entropy_discriminator, "labelled": cross_entropy_with_labels}

LOSSES = {
    loss.name: loss
    for loss in (
        Loss(generator=minimax_generator, name="minimax", **_CROSS_ENTROPY),
        Loss(generator=non_saturating_generator, name="non_saturating", **_CROSS_ENTROPY),
        Loss(
            least_squares_discriminator,
            least_squares_generator,
            name="least_squares",
            labelled=least_squares_with_labels,
        ),
        Loss(wasserstein_discriminator, wasserstein_generator, name="wasserstein"),
        Loss(hinge_discriminator, wasserstein_generator, name="hinge"),
        Loss(relativistic_discriminator, relativistic_generator, needs_real=True, name="relativistic"),
    )
}


def smooth(loss: Loss, real_label: float = 0.9, fake_label: float = 0.0) -> Loss:
    """A mesma perda com rótulos suavizados no discriminador; a do gerador não muda (Salimans et al., 2016).

    Args:
        real_label: α, o rótulo dos dados (1: sem suavização).
        fake_label: β, o rótulo das amostras geradas (0: suavização de um lado só).

    Raises:
        ValueError: rótulos fora de ``0 ≤ β < α ≤ 1``, ou uma perda que não tem rótulos.
    """
    if not 0 <= fake_label < real_label <= 1:
        raise ValueError(f"os rótulos devem satisfazer 0 ≤ β < α ≤ 1; recebi α={real_label} e β={fake_label}")
    if (real_label, fake_label) == (1, 0):
        return loss
    if loss.labelled is None:
        valid = ", ".join(sorted(name for name, known in LOSSES.items() if known.labelled))
        raise ValueError(
            f"a perda {loss.name!r} não tem rótulos para suavizar; use real_label=1 e fake_label=0, ou uma destas: "
            f"{valid}"
        )
    labelled = loss.labelled
    return replace(loss, discriminator=lambda real, fake: labelled(real, fake, real_label, fake_label))


def get(loss: str | Loss) -> Loss:
    """A perda com este nome, ou o próprio objeto ``Loss``.

    Raises:
        ValueError: o nome não existe; a mensagem lista os válidos.
    """
    return loss if isinstance(loss, Loss) else choose("perda", loss, LOSSES)
