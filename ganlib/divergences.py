"""Divergências e informação entre distribuições discretas, em float64 e em nats.

As distribuições ocupam o último eixo, ``(…, n)``, e o resultado tem a forma dos outros eixos. ``to_bits`` passa de nats
a bits. ``theory`` mostra tudo isto também, ao lado do laboratório em 1-D. Para acrescentar uma divergência: escreva uma
função ``(p, q)`` que comece por ``distributions`` e diga no texto a unidade, os limites e a fonte.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LOG2 = float(np.log(2))


def distributions(*arrays: ArrayLike) -> list[Array]:
    """As distribuições em float64, depois de conferidas.

    Raises:
        ValueError: formas diferentes, probabilidades negativas ou que não somam 1.
    """
    out = [np.asarray(a, dtype=np.float64) for a in arrays]
    for a in out:
        if a.shape != out[0].shape:
            raise ValueError(f"as distribuições têm formas diferentes: {out[0].shape} e {a.shape}")
        if (a < 0).any() or not np.allclose(a.sum(-1), 1, atol=1e-9):
            raise ValueError("uma distribuição tem probabilidades não negativas que somam 1")
    return out


def kl(p: ArrayLike, q: ArrayLike) -> Array:
    """``KL(p‖q) = Σ p log(p/q)``, em nats; infinita se p tem massa onde q não tem (Cover e Thomas, 2006)."""
    p, q = distributions(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)
    return terms.sum(-1)


def jsd(p: ArrayLike, q: ArrayLike) -> Array:
    """``JSD(p,q) = ½KL(p‖m) + ½KL(q‖m)``, ``m = ½(p+q)``, em nats: entre 0 e log 2 (Lin, 1991)."""
    p, q = distributions(p, q)
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def non_saturating_divergence(p: ArrayLike, q: ArrayLike) -> Array:
    """``2 KL(½(p+q)‖p)``, em nats: o que a perda não saturante desce contra D*, com p os dados e q o gerador.

    É igual a ``KL(q‖p) - 2 JSD(p,q)`` (Arjovsky e Bottou, 2017; Shannon et al., 2020). Infinita se q tem massa onde os
    dados não têm.
    """
    p, q = distributions(p, q)
    return 2 * kl((p + q) / 2, p)


def total_variation(p: ArrayLike, q: ArrayLike) -> Array:
    """``TV(p,q) = ½ Σ|p - q|``, entre 0 e 1; o menor erro de um classificador das duas é ``(1 - TV)/2``."""
    p, q = distributions(p, q)
    return np.abs(p - q).sum(-1) / 2


# O jogo: D ótimo, valor, e o que uma amostra diz do seu rótulo


def optimal_discriminator(p: ArrayLike, q: ArrayLike, real_label: float = 1.0, fake_label: float = 0.0) -> Array:
    """``D*(x) = p(x)/(p(x)+q(x))``, para densidades ou probabilidades; NaN onde as duas são nulas (lá D* é livre).

    Com rótulos suavizados α e β, ``D* = (αp + βq)/(p + q)`` (Salimans et al., 2016).
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return (real_label * p + fake_label * q) / (p + q)


def value(p: ArrayLike, q: ArrayLike, d: ArrayLike) -> Array:
    """``V(G,D) = Σ p log D + Σ q log(1-D)``, em nats, com D dado ponto a ponto."""
    p, q = distributions(p, q)
    d = np.asarray(d, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(d), 0.0).sum(-1) + np.where(q > 0, q * np.log1p(-d), 0.0).sum(-1)


def mutual_information(p: ArrayLike, q: ArrayLike) -> Array:
    """``I(S;Y)``, em nats, quando se sorteia Y com uma moeda e depois S de p (Y = 1) ou de q (Y = 0).

    Calculada da distribuição conjunta; é igual à JSD, e vale log 2 (um bit) se os suportes são disjuntos (Lin, 1991).
    """
    p, q = distributions(p, q)
    mixture = (p + q) / 2
    return kl(np.concatenate([p, q], -1) / 2, np.concatenate([mixture, mixture], -1) / 2)


def label_entropy(p: ArrayLike, q: ArrayLike) -> Array:
    """``H(Y|S)``, em nats: a incerteza sobre o rótulo de uma amostra depois de vê-la; ``V(G,D*) = -2 H(Y|S)``."""
    from scipy.special import entr

    p, q = distributions(p, q)
    mixture = (p + q) / 2
    posterior = optimal_discriminator(p, q)
    return np.where(mixture > 0, mixture * (entr(posterior) + entr(1 - posterior)), 0.0).sum(-1)


def to_bits(nats: ArrayLike) -> Array:
    """De nats a bits."""
    return np.asarray(nats, dtype=np.float64) / LOG2
