"""Métricas de amostras em 2-D com modos conhecidos. Cada uma diz o seu teto (um amostrador perfeito) e o seu piso.

Amostras ``x`` têm forma ``(n, d)`` ou ``(K, n, d)``; o resultado é um escalar ou ``(K,)``.
"""

import math

import torch
from torch import Tensor


def nearest_mode(x: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Distância ao centro mais próximo e o índice dele, ``(…, n)`` cada.

    Raises:
        ValueError: amostras e centros de dimensões diferentes.
    """
    if x.shape[-1] != centers.shape[-1]:
        raise ValueError(f"as amostras têm dimensão {x.shape[-1]} e os centros, {centers.shape[-1]}")
    distance, index = torch.cdist(x, centers.to(x)).min(-1)
    return distance, index


def high_quality_share(x: Tensor, centers: Tensor, std: float, within: float = 3.0) -> Tensor:
    """Fração das amostras a até ``within`` desvios de algum centro.

    Teto em 2-D (gaussiana perfeita): ``perfect_share(within)``. Acima dele há concentração demais, não qualidade.
    """
    return (nearest_mode(x, centers)[0] <= within * std).float().mean(-1)


def perfect_share(within: float = 3.0) -> float:
    """A fração de uma gaussiana isotrópica em 2-D a até ``within`` desvios do centro: ``1 - e^{-within²/2}``."""
    return 1 - math.exp(-(within**2) / 2)


def mode_histogram(x: Tensor, centers: Tensor, std: float | None = None, within: float = 3.0) -> Tensor:
    """Quantas amostras caem em cada modo, ``(…, M)``; com ``std``, só as a até ``within`` desvios do centro."""
    distance, index = nearest_mode(x, centers)
    hits = torch.nn.functional.one_hot(index, len(centers))
    if std is not None:
        hits = hits * (distance <= within * std)[..., None]
    return hits.sum(-2)


def modes_covered(
    x: Tensor, centers: Tensor, std: float, within: float = 3.0, min_share: float = 0.1
) -> Tensor:
    """Número de modos com ao menos ``min_share`` da parte justa ``n/M`` de amostras de boa qualidade.

    Teto: ``M``. Piso: 0 (amostras longe de todos os centros).
    """
    count = mode_histogram(x, centers, std, within)
    return (count >= min_share * x.shape[-2] / len(centers)).sum(-1)


def reverse_kl(x: Tensor, centers: Tensor) -> Tensor:
    """``KL(q‖u)``, em nats, entre o histograma dos modos (cada amostra no mais próximo) e o uniforme.

    Teto de qualidade: 0. Tudo num modo só: ``log M``.
    """
    q = mode_histogram(x, centers).double() / x.shape[-2]
    return torch.special.xlogy(q, q * len(centers)).sum(-1)
