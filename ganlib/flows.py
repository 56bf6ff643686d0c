"""Descidas exatas: o gerador contra D* a cada instante, entre distribuições discretas, e D contra um gerador parado.

``flow`` segue ``dθ/dt = -(∂p_g/∂θ)ᵀ c``, em que c é a perda do gerador em cada ponto contra D* (parado ao derivar), e θ
descreve p_g de uma destas maneiras:

- ``probability``: as próprias probabilidades, em que as perdas contra D* são convexas (Goodfellow et al., 2014);
- ``softmax``: logits; um modo de probabilidade ε anda com velocidade da ordem de ε, e a evanescência da softmax se soma
  à da perda;
- ``translation(x, família)``: uma só densidade, deslocada de θ na malha x.

Tudo em float64 e em nats. Para acrescentar outra: escreva uma ``Parametrisation``. Para acrescentar uma perda: ponha
uma linha em ``COSTS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganlib.divergences import Array, distributions
from ganlib.dynamics import integrate
from ganlib.errors import choose
from ganlib.theory import Shift, sigmoid

# A perda do gerador em cada ponto contra D*, em função de log p (dados) e log q (gerador).
COSTS: dict[str, Callable[[Array, Array], Array]] = {
    "minimax": lambda log_p, log_q: log_q - np.logaddexp(log_p, log_q),
    "non_saturating": lambda log_p, log_q: np.logaddexp(log_p, log_q) - log_p,
}


@dataclass(frozen=True)
class Parametrisation:
    """Como θ, de forma ``(…, k)``, descreve uma distribuição em n pontos.

    Attributes:
        log_distribution: ``θ → log p_g``, de forma ``(…, n)``.
        pull: ``(θ, c) → (∂p_g/∂θ)ᵀ c``, a derivada de ``Σ p_g c`` com c parado, de forma ``(…, k)``.
    """

    log_distribution: Callable[[Array], Array]
    pull: Callable[[Array, Array], Array]

    def distribution(self, theta: ArrayLike) -> Array:
        """``p_g``, de forma ``(…, n)``."""
        return np.exp(self.log_distribution(np.asarray(theta, dtype=np.float64)))


def _log_softmax(logits: Array) -> Array:
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def _centred(q: Array, c: Array) -> Array:
    """``q∘(c - E_q[c])``: a derivada de ``Σ q c`` nos logits de q."""
    with np.errstate(invalid="ignore"):
        qc = np.where(q > 0, q * c, 0.0)  # c pode ser infinita onde q é nula
    return qc - q * qc.sum(-1, keepdims=True)


# Na probabilidade, só a parte do gradiente que mantém a soma em 1.
PROBABILITY = Parametrisation(np.log, lambda q, c: c - c.mean(-1, keepdims=True))
SOFTMAX = Parametrisation(_log_softmax, lambda logits, c: _centred(np.exp(_log_softmax(logits)), c))

PARAMETRISATIONS = {"probability": PROBABILITY, "softmax": SOFTMAX}


def translation(x: ArrayLike, family: Shift) -> Parametrisation:
    """A densidade da família centrada em θ, de forma ``(…, 1)``, e normalizada nos pontos x.

    Args:
        x: os pontos, ``(n,)``; numa malha fina e larga isto é o laboratório de ``theory.SHIFTS``.
        family: a família, como ``theory.SHIFTS["gaussian"]``.
    """
    x = np.asarray(x, dtype=np.float64)

    def log_distribution(theta: Array) -> Array:
        return _log_softmax(family.log_density(x - theta))

    def pull(theta: Array, c: Array) -> Array:
        towards = -family.score(x - theta)
        return (_centred(np.exp(log_distribution(theta)), c) * towards).sum(-1, keepdims=True)

    return Parametrisation(log_distribution, pull)


def velocity(p: ArrayLike, theta: ArrayLike, loss: str = "minimax", by: str | Parametrisation = "softmax") -> Array:
    """``dθ/dt``: menos o gradiente da perda do gerador contra D*.

    Com ``minimax`` é ``-2∇JSD``; com ``non_saturating``, menos o gradiente de ``2 KL(½(p+q)‖p)``, infinito ou NaN se o
    gerador tem massa onde os dados não têm.

    Args:
        p: os dados, ``(n,)``.
        theta: ``(…, k)``.
        loss: um nome de ``COSTS``.
        by: um nome de ``PARAMETRISATIONS``, ou uma ``Parametrisation``.

    Raises:
        ValueError: nome que não existe, p que não é uma distribuição, ou θ que não combina com ela.
    """
    (p,) = distributions(p)
    theta = np.asarray(theta, dtype=np.float64)
    by = by if isinstance(by, Parametrisation) else choose("parametrização", by, PARAMETRISATIONS)
    log_q = by.log_distribution(theta)
    if log_q.shape[-1:] != p.shape:
        raise ValueError(f"os dados têm {p.size} pontos, e a distribuição do gerador, {log_q.shape[-1]}")
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    return -by.pull(theta, choose("perda", loss, COSTS)(log_p, log_q))


def flow(
    p: ArrayLike,
    start: ArrayLike,
    times: ArrayLike,
    loss: str = "minimax",
    by: str | Parametrisation = "softmax",
) -> Array:
    """θ em cada instante do fluxo de gradiente contra D*, de erro relativo da ordem de 1e-8.

    Args:
        p: os dados, ``(n,)``, todos positivos: onde os dados não têm massa as perdas levam p_g à borda, ou ao infinito.
        start: θ no instante ``times[0]``, ``(…, k)``; por ``probability``, probabilidades positivas.
        times: instantes crescentes, ``(T,)``.
        loss: um nome de ``COSTS``.
        by: um nome de ``PARAMETRISATIONS``, ou uma ``Parametrisation``.

    Returns:
        ``(T, …, k)``; ``by.distribution`` leva cada θ à distribuição.

    Raises:
        ValueError: nome que não existe, dados ou início que não servem.
        RuntimeError: o integrador não chegou ao fim.
    """
    p, start = np.asarray(p, dtype=np.float64), np.asarray(start, dtype=np.float64)
    by = by if isinstance(by, Parametrisation) else choose("parametrização", by, PARAMETRISATIONS)
    if not (p > 0).all():
        raise ValueError(
            "os dados precisam de probabilidade positiva em todos os pontos; dê-lhes um mínimo, como 1e-12"
        )
    if by is PROBABILITY and not ((start > 0).all() and np.allclose(start.sum(-1), 1, atol=1e-9)):
        raise ValueError("o início deve ter probabilidades positivas que somam 1")
    return integrate(lambda theta: velocity(p, theta, loss, by), start, times, stiff=True)


def train_discriminator(steps: int, lr: float = 1.0, distance: float = 1.0) -> Array:
    """D treinado por descida de gradiente em dois pontos separáveis: o dado em 0 e a amostra, parada, em ``distance``.

    O discriminador é ``h(x) = wx + b``, partindo de zero. Como os pontos são separáveis, w e b crescem sem parar, mas
    só como ``log t``, e ``t·σ(h(distance)) → 2`` com distância e taxa 1: uma potência, não uma exponencial (Soudry et
    al., 2018).

    Returns:
        ``(w, b)`` antes de cada passo e depois do último, ``(steps + 1, 2)``.
    """
    path = np.zeros((steps + 1, 2))
    for t in range(steps):
        w, b = path[t]
        push_real, push_fake = sigmoid(-b), sigmoid(w * distance + b)
        path[t + 1] = w - lr * distance * push_fake, b + lr * (push_real - push_fake)
    return path
