"""Formas fechadas e o laboratório exato em 1-D, em float64 e em nats.

Tudo é escrito em função do logit ``h``, nunca de ``D = σ(h)``: assim nada se perde quando D está a 1e-300 de zero.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LOG2 = float(np.log(2))


# A sigmoide e as duas perdas


def sigmoid(h: ArrayLike) -> Array:
    """``σ(h) = 1/(1+e^{-h})`` (def-sigmoide)."""
    return np.exp(log_sigmoid(h))


def sigmoid_prime(h: ArrayLike) -> Array:
    """``σ'(h) = σ(h)(1-σ(h))`` (eq-derivada-sigmoide)."""
    return sigmoid(h) * sigmoid(np.negative(h))


def log_sigmoid(h: ArrayLike) -> Array:
    """``log σ(h)``, exata em qualquer h."""
    return -np.logaddexp(0, np.negative(h))


def log_one_minus_sigmoid(h: ArrayLike) -> Array:
    """``log(1-σ(h)) = log σ(-h)``, exata em qualquer h: a perda minimax do gerador, por amostra."""
    return -np.logaddexp(0, h)


def saturating_slope(h: ArrayLike) -> Array:
    """``∂/∂h log(1-σ(h)) = -σ(h)``: some quando h → -∞ e só aí."""
    return -sigmoid(h)


def non_saturating_slope(h: ArrayLike) -> Array:
    """``∂/∂h [-log σ(h)] = -(1-σ(h))``: some quando h → +∞ e só aí."""
    return -sigmoid(np.negative(h))


# Distribuições discretas


def _distributions(*arrays: ArrayLike) -> list[Array]:
    out = [np.asarray(a, dtype=np.float64) for a in arrays]
    for a in out:
        if a.shape != out[0].shape:
            raise ValueError(f"as distribuições têm formas diferentes: {out[0].shape} e {a.shape}")
        if (a < 0).any() or not np.allclose(a.sum(-1), 1, atol=1e-9):
            raise ValueError("uma distribuição tem probabilidades não negativas que somam 1")
    return out


def kl(p: ArrayLike, q: ArrayLike) -> Array:
    """``KL(p‖q) = Σ p log(p/q)``, em nats, no último eixo; infinita se p tem massa onde q não tem."""
    p, q = _distributions(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)
    return terms.sum(-1)


def jsd(p: ArrayLike, q: ArrayLike) -> Array:
    """``JSD(p,q) = ½KL(p‖m) + ½KL(q‖m)``, ``m = ½(p+q)``, em nats: entre 0 e log 2 (Lin, 1991)."""
    p, q = _distributions(p, q)
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def optimal_discriminator(p: ArrayLike, q: ArrayLike) -> Array:
    """``D*(x) = p(x)/(p(x)+q(x))``, para densidades ou probabilidades; NaN onde as duas são nulas (lá D* é livre)."""
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return p / (p + q)


def value(p: ArrayLike, q: ArrayLike, d: ArrayLike) -> Array:
    """``V(G,D) = Σ p log D + Σ q log(1-D)``, em nats, com D dado ponto a ponto."""
    p, q = _distributions(p, q)
    d = np.asarray(d, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(d), 0.0).sum(-1) + np.where(q > 0, q * np.log1p(-d), 0.0).sum(-1)


# Laboratório exato em 1-D: p_data = f(x), p_g = f(x - μ)


@dataclass(frozen=True)
class Shift:
    """Uma família de deslocamento: ``p_data`` tem densidade f e ``p_g``, a mesma deslocada de μ ≥ 0.

    Attributes:
        name: o nome em português.
        log_density: ``log f(x)``.
        score: ``d/dx log f(x)``.
    """

    name: str
    log_density: Callable[[Array], Array]
    score: Callable[[Array], Array]

    def optimal_logit(self, mu: ArrayLike, x: ArrayLike) -> Array:
        """``h*(x) = log p_data(x) - log p_g(x)``, o logit de D*."""
        x = np.asarray(x, dtype=np.float64)
        return self.log_density(x) - self.log_density(x - np.asarray(mu))

    def optimal_slope(self, mu: ArrayLike, x: ArrayLike) -> Array:
        """``dh*/dx``, por diferença dos escores."""
        x = np.asarray(x, dtype=np.float64)
        return self.score(x) - self.score(x - np.asarray(mu))

    def jsd(self, mu: ArrayLike) -> Array:
        """``JSD(p_data, p_g)``, em nats."""
        # Pela simetria da família, as duas metades da JSD são iguais: basta E_{p_g}[log 2(1-D*)].
        return self.expect(mu, lambda h, slope: LOG2 + log_one_minus_sigmoid(h))

    def value(self, mu: ArrayLike) -> Array:
        """``V(G, D*) = -log 4 + 2 JSD``, calculado da definição, com as duas esperanças."""
        fake = self.expect(mu, lambda h, slope: log_one_minus_sigmoid(h))
        real = self.expect(mu, lambda h, slope: log_sigmoid(h), real=True)
        return real + fake

    def saturating_gradient(self, mu: ArrayLike) -> Array:
        """``d/dμ`` da perda minimax do gerador com D* parado: ``-E_{p_g}[σ(h*) dh*/dx]``."""
        return self.expect(mu, lambda h, slope: saturating_slope(h) * slope)

    def non_saturating_gradient(self, mu: ArrayLike) -> Array:
        """O mesmo para a perda não saturante: ``-E_{p_g}[(1-σ(h*)) dh*/dx]``."""
        return self.expect(mu, lambda h, slope: non_saturating_slope(h) * slope)

    def expect(self, mu: ArrayLike, function: Callable[[Array, Array], Array], real: bool = False) -> Array:
        """``E[function(h*(x), dh*/dx)]`` com x ~ p_g (ou p_data, se ``real``), por quadratura tanh-sinh.

        A reta é partida em 0 e em μ, onde a densidade de Laplace tem bicos.
        """
        from scipy.integrate import tanhsinh

        mu = np.asarray(mu, dtype=np.float64)

        def integrand(x, m):
            weight = np.exp(self.log_density(x if real else x - m))
            # Longe demais a densidade é 0 e a função pode ser infinita: o produto vale 0.
            with np.errstate(all="ignore"):
                term = weight * function(self.optimal_logit(m, x), self.optimal_slope(m, x))
            return np.where(weight > 0, term, 0.0)

        zero, inf = np.zeros_like(mu), np.full_like(mu, np.inf)
        pieces = ((-inf, zero), (zero, mu), (mu, inf))
        return sum(tanhsinh(integrand, a, b, args=(mu,), rtol=1e-12, atol=1e-300).integral for a, b in pieces)


def _gaussian_log_density(x: Array) -> Array:
    return -x * x / 2 - np.log(2 * np.pi) / 2


def _laplace_log_density(x: Array) -> Array:
    return -np.abs(x) - LOG2


def _cauchy_log_density(x: Array) -> Array:
    return -np.log1p(x * x) - np.log(np.pi)


SHIFTS = {
    "gaussian": Shift("gaussiana", _gaussian_log_density, lambda x: -x),
    "laplace": Shift("Laplace", _laplace_log_density, lambda x: -np.sign(x)),
    "cauchy": Shift("Cauchy", _cauchy_log_density, lambda x: -2 * x / (1 + x * x)),
}
