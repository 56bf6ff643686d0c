"""Distância de Wasserstein na reta, o crítico ótimo e o que cada restrição faz com um crítico linear.

Tudo em float64. W1 tem a unidade de x; o crítico, f, cresce onde há mais dados: ``W1 = max E_p[f] - E_q[f]`` entre as
funções de inclinação no máximo 1 (Villani, 2009). Aqui as distribuições são conhecidas; entre amostras, use
``distances.w1``. Para acrescentar uma restrição do crítico linear: escreva a inclinação ótima e ponha uma linha em
``CONSTRAINTS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganlib.divergences import LOG2, Array
from ganlib.errors import choose


def w1(x: ArrayLike, p: ArrayLike, y: ArrayLike, q: ArrayLike) -> float:
    """``W1 = ∫|F - G|``, exata, entre pontos da reta com probabilidades.

    Args:
        x: onde p tem massa, ``(n,)``, em qualquer ordem.
        p: probabilidades, ``(n,)``.
        y: onde q tem massa, ``(m,)``.
        q: probabilidades, ``(m,)``.

    Raises:
        ValueError: formas que não combinam, ou probabilidades que não são uma distribuição.
    """
    points, excess = _excess(x, p, y, q)
    return float(np.abs(excess) @ np.diff(points))


def optimal_critic(x: ArrayLike, p: ArrayLike, y: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Um crítico que atinge ``W1 = E_p[f] - E_q[f]`` (Villani, 2009).

    Entre dois pontos vizinhos a inclinação é +1 ou -1, conforme a massa tenha de passar para um lado ou para o outro, e
    é livre (aqui, 0) onde ``F = G``: onde há algo a transportar, o crítico ótimo tem ``|f'| = 1`` (Gulrajani et al.,
    2017).

    Returns:
        Os pontos dos dois suportes, em ordem, e f em cada um (0 no primeiro); f é linear entre eles.
    """
    points, excess = _excess(x, p, y, q)
    rises = -np.sign(excess) * np.diff(points)
    return points, np.concatenate([[0.0], np.cumsum(rises)])


def _excess(x: ArrayLike, p: ArrayLike, y: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Os pontos dos dois suportes, em ordem e sem repetição, e ``F - G`` em cada intervalo."""
    arrays = []
    for name, support, weights in (("p", x, p), ("q", y, q)):
        support, weights = np.asarray(support, dtype=np.float64), np.asarray(weights, dtype=np.float64)
        if support.ndim != 1 or support.shape != weights.shape or support.size == 0:
            raise ValueError(
                f"{name} precisa de uma probabilidade por ponto, duas listas do mesmo tamanho; "
                f"recebi pontos {support.shape} e probabilidades {weights.shape}"
            )
        if (weights < 0).any() or not np.isclose(weights.sum(), 1, atol=1e-9):
            raise ValueError(f"{name}: uma distribuição tem probabilidades não negativas que somam 1")
        arrays += [support, weights]
    x, p, y, q = arrays
    points, where = np.unique(np.concatenate([x, y]), return_inverse=True)
    excess = np.cumsum(np.bincount(where, np.concatenate([p, np.negative(q)])))[:-1]
    # A soma de pesos como 1/10 deixa 1e-17 onde F = G: lá a inclinação é livre, e não ±1.
    return points, np.where(np.abs(excess) < 1e-12, 0.0, excess)


# O crítico linear f(x) = wx + b, sob cada restrição


def _sign(gap: Array) -> Array:
    """O sinal da diferença de médias; NaN em 0, onde as duas inclinações servem igualmente."""
    return np.where(gap == 0, np.nan, np.sign(gap))


# Cada uma maximiza w·Δ sob a restrição, Δ = E_p[x] - E_q[x]; o segundo argumento é c, λ ou γ.
CONSTRAINTS: dict[str, Callable[[Array, float], Array]] = {
    "clip": lambda gap, c: c * _sign(gap),
    "gradient_penalty": lambda gap, weight: _sign(gap) * (1 + np.abs(gap) / (2 * weight)),
    "one_sided": lambda gap, weight: _sign(gap) * (1 + np.abs(gap) / (2 * weight)),
    "zero_centered": lambda gap, weight: gap / (2 * weight),
    "r1": lambda gap, weight: gap / weight,
    "r2": lambda gap, weight: gap / weight,
    "r1_r2": lambda gap, weight: gap / (2 * weight),
}


def linear_critic(mean_gap: ArrayLike, constraint: str = "gradient_penalty", strength: float = 10.0) -> Array:
    """A inclinação w que maximiza ``w·Δ - strength·penalidade(w)``, ou ``w·Δ`` com ``|w| ≤ strength``.

    ``Δ = E_p[x] - E_q[x]``, e ``|Δ| = W1`` quando uma das distribuições é a outra deslocada. Com a penalidade de
    gradiente (Gulrajani et al., 2017), ``|w| = 1 + W1/(2λ)``: mais que 1, porque a penalidade é um preço, e não uma
    restrição. Os pesos são os de ``penalties``, e a inclinação é o que o gerador recebe.

    Args:
        mean_gap: Δ, de qualquer forma.
        constraint: um nome de ``CONSTRAINTS``; ``clip`` usa o limite, as outras, o peso λ ou γ.
        strength: o limite de ``|w|`` (1: o crítico de Lipschitz) ou o peso.

    Returns:
        w, com a forma de ``mean_gap``; NaN em Δ = 0 para as que têm duas soluções, ou todo um intervalo delas.

    Raises:
        ValueError: nome que não existe, ou ``strength`` que não é positivo.
    """
    if not strength > 0:
        raise ValueError(f"strength deve ser positivo; recebi {strength}")
    return choose("restrição", constraint, CONSTRAINTS)(np.asarray(mean_gap, dtype=np.float64), strength)


# Dois exemplos em que as outras divergências não veem a distância


@dataclass(frozen=True)
class Distances:
    """Quatro distâncias entre p e q: ``w1`` na unidade de x, ``jsd`` e ``kl`` em nats, ``tv`` entre 0 e 1."""

    w1: Array
    jsd: Array
    kl: Array
    tv: Array


def parallel_lines(theta: ArrayLike) -> Distances:
    """Dois segmentos verticais do plano, a uma distância θ (Arjovsky, Chintala e Bottou, 2017).

    Só W1 varia com θ: as outras saltam de 0 a ``log 2``, infinito e 1 assim que θ ≠ 0.
    """
    theta = np.asarray(theta, dtype=np.float64)
    return _by_overlap(theta, np.where(theta == 0, 1.0, 0.0))


def shifted_uniforms(theta: ArrayLike) -> Distances:
    """A uniforme em [0, 1] e a em [θ, 1 + θ]: a JSD e a TV crescem até θ = 1, onde a sobreposição acaba."""
    theta = np.asarray(theta, dtype=np.float64)
    return _by_overlap(theta, np.maximum(0.0, 1 - np.abs(theta)))


def _by_overlap(theta: Array, overlap: Array) -> Distances:
    """As distâncias quando p = q na parte comum, de massa ``overlap``, e uma das duas é nula no resto."""
    alone = 1 - overlap
    return Distances(np.abs(theta), LOG2 * alone, np.where(alone > 0, np.inf, 0.0), alone)
