"""Formas fechadas e o laboratório exato em 1-D, em float64 e em nats.

Aqui estão a sigmoide, as perdas em função do logit e o laboratório de deslocamento, em que D é o ótimo e tudo tem
fórmula ou quadratura; as divergências discretas vêm de ``divergences``. Tudo é escrito em função do logit ``h``, nunca
de ``D = σ(h)``: assim nada se perde quando D está a 1e-300 de zero. O transporte ótimo está em ``transport``, as
descidas exatas em ``flows`` e a Dirac-GAN em ``dirac``.

Para acrescentar uma família ao laboratório: escreva as suas fórmulas e ponha um ``Shift`` em ``SHIFTS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganlib.divergences import (  # noqa: F401 (theory é a porta de entrada: mostra também as divergências)
    LOG2,
    Array,
    jsd,
    kl,
    label_entropy,
    mutual_information,
    non_saturating_divergence,
    optimal_discriminator,
    to_bits,
    total_variation,
    value,
)

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


def smoothed_logit(h: ArrayLike, real_label: float = 1.0, fake_label: float = 0.0) -> Array:
    """O logit de ``D* = (αp + βq)/(p + q)``, o ótimo com rótulos α (dados) e β (geradas) (Salimans et al., 2016).

    Args:
        h: ``log p - log q``, o logit ótimo sem suavização, de qualquer tamanho.
        real_label: α, o rótulo dos dados.
        fake_label: β, o rótulo das amostras geradas.

    Raises:
        ValueError: rótulos fora de ``0 ≤ β < α ≤ 1``.
    """
    (log_a, log_b), (log_not_a, log_not_b) = _log_labels(real_label, fake_label)
    h = np.asarray(h, dtype=np.float64)
    return np.logaddexp(log_a + h, log_b) - np.logaddexp(log_not_a + h, log_not_b)


def smoothed_logit_slope(h: ArrayLike, real_label: float = 1.0, fake_label: float = 0.0) -> Array:
    """A derivada de ``smoothed_logit`` em h: entre 0 e 1, e 1 em toda parte sem suavização.

    É ``σ(h + log α/β) - σ(h + log (1-α)/(1-β))``, escrita como um produto para não haver cancelamento.
    """
    (log_a, log_b), (log_not_a, log_not_b) = _log_labels(real_label, fake_label)
    h = np.asarray(h, dtype=np.float64)
    rise = log_sigmoid(h + (log_a - log_b)) + log_sigmoid(log_not_b - log_not_a - h)
    return (real_label - fake_label) / (real_label * (1 - fake_label)) * np.exp(rise)


def _log_labels(real_label: float, fake_label: float) -> tuple[Array, Array]:
    """``log (α, β)`` e ``log (1-α, 1-β)``, com ``log 0 = -∞``."""
    if not 0 <= fake_label < real_label <= 1:
        raise ValueError(f"os rótulos devem satisfazer 0 ≤ β < α ≤ 1; recebi α={real_label} e β={fake_label}")
    labels = np.array([real_label, fake_label], dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.log(labels), np.log1p(-labels)


# Laboratório exato em 1-D: p_data = f(x), p_g = f(x - μ)


@dataclass(frozen=True)
class Shift:
    """Uma família de deslocamento: ``p_data`` tem densidade f, par e com um só pico, e ``p_g`` é f deslocada de μ ≥ 0.

    As fórmulas são funções de μ, em nats; as derivadas, em nats por unidade de x. Com outra escala s (por exemplo, dois
    pontos a uma distância θ, com ruído de desvio s nos dois), as divergências são as de ``μ = θ/s``, e as derivadas em
    θ, as de μ divididas por s.

    Attributes:
        name: o nome em português.
        log_density: ``log f(x)``.
        score: ``d/dx log f(x)``.
        central_mass: ``P(|x| < a)``.
        fisher: ``E[score²]``; perto de 0, ``JSD ≈ fisher·μ²/8`` e ``KL ≈ fisher·μ²/2``.
        kl: ``KL(p_g‖p_data)``, igual a ``KL(p_data‖p_g)`` porque f é par.
        kl_slope: ``d/dμ`` de ``kl``.
        saturating_tail: para onde tende ``saturating_gradient`` quando μ cresce (o quociente tende a 1).
        closed_gradient: ``saturating_gradient`` em forma fechada, se houver.
        closed_jsd: ``jsd`` em forma fechada, se houver.
        has_mean: se ``E|x|`` é finita. Sem ela, as esperanças do crítico de inclinação 1 não existem (ver ``w1``).
    """

    name: str
    log_density: Callable[[Array], Array]
    score: Callable[[Array], Array]
    central_mass: Callable[[ArrayLike], Array]
    fisher: float
    kl: Callable[[ArrayLike], Array]
    kl_slope: Callable[[ArrayLike], Array]
    saturating_tail: Callable[[ArrayLike], Array]
    closed_gradient: Callable[[ArrayLike], Array] | None = None
    closed_jsd: Callable[[ArrayLike], Array] | None = None
    has_mean: bool = True

    def optimal_logit(self, mu: ArrayLike, x: ArrayLike) -> Array:
        """``h*(x) = log p_data(x) - log p_g(x)``, o logit de D*."""
        x = np.asarray(x, dtype=np.float64)
        return self.log_density(x) - self.log_density(x - np.asarray(mu))

    def optimal_slope(self, mu: ArrayLike, x: ArrayLike) -> Array:
        """``dh*/dx``, por diferença dos escores."""
        x = np.asarray(x, dtype=np.float64)
        return self.score(x) - self.score(x - np.asarray(mu))

    # Pela simetria da família, o que se espera de D* em p_data é o que se espera de 1 - D* em p_g.

    def jsd(self, mu: ArrayLike) -> Array:
        """``JSD(p_data, p_g)``, em nats."""
        return self.expect(mu, lambda h, slope: LOG2 + log_one_minus_sigmoid(h))

    def budget_left(self, mu: ArrayLike) -> Array:
        """``log 2 - JSD``, exato mesmo onde a diferença se perderia no arredondamento.

        É o que falta percorrer do orçamento: a integral de ``½·saturating_gradient`` de μ ao infinito.
        """
        return -self.expect(mu, lambda h, slope: log_one_minus_sigmoid(h))

    def value(self, mu: ArrayLike) -> Array:
        """``V(G, D*) = -log 4 + 2 JSD``, calculado da definição, com as duas esperanças."""
        fake = self.expect(mu, lambda h, slope: log_one_minus_sigmoid(h))
        real = self.expect(mu, lambda h, slope: log_sigmoid(h), real=True)
        return real + fake

    def label_entropy(self, mu: ArrayLike) -> Array:
        """``H(Y|S)``, em nats: a entropia do rótulo dada a amostra; ``I(S;Y) = log 2 - H(Y|S) = JSD``."""
        return self.expect(mu, lambda h, slope: -sigmoid(h) * log_sigmoid(h) - sigmoid(-h) * log_sigmoid(-h))

    def non_saturating_divergence(self, mu: ArrayLike) -> Array:
        """``2 KL(½(p_data+p_g)‖p_data) = KL - 2 JSD``, em nats, calculada da definição."""

        def excess(h, slope):
            return -LOG2 - log_sigmoid(h)

        return self.expect(mu, excess) + self.expect(mu, excess, real=True)

    def total_variation(self, mu: ArrayLike) -> Array:
        """``TV(p_data, p_g)``: as densidades se cruzam em μ/2, e a diferença é a massa entre -μ/2 e μ/2."""
        return self.central_mass(np.asarray(mu, dtype=np.float64) / 2)

    def w1(self, mu: ArrayLike) -> Array:
        """O custo de transporte ``inf E|x - y| = ∫|F - G| = μ``, na unidade de x (Villani, 2009).

        Vale μ também quando a média não existe (Cauchy): o acoplamento ``y = x + μ`` custa μ, e nenhum custa menos. Mas
        então ``E f(x)`` e ``E f(G(z))`` não existem para o crítico ``f(x) = -x``, e a estimativa de um lote não
        converge: a WGAN supõe médias finitas.
        """
        return np.abs(np.asarray(mu, dtype=np.float64))

    def saturating_gradient(self, mu: ArrayLike, real_label: float = 1.0, fake_label: float = 0.0) -> Array:
        """``d/dμ`` da perda minimax do gerador com D* parado: ``-E_{p_g}[σ(h*) dh*/dx]``.

        Com rótulos α e β, h* é o de ``smoothed_logit``.
        """
        return self.expect(mu, _push(saturating_slope, real_label, fake_label))

    def non_saturating_gradient(self, mu: ArrayLike, real_label: float = 1.0, fake_label: float = 0.0) -> Array:
        """O mesmo para a perda não saturante: ``-E_{p_g}[(1-σ(h*)) dh*/dx]``; sem suavização, ``KL' - 2 JSD'``."""
        return self.expect(mu, _push(non_saturating_slope, real_label, fake_label))

    def unit_noise_batch(self, mu: ArrayLike, loss_slope: Callable[[Array], Array] = saturating_slope) -> Array:
        """O tamanho de lote em que o gradiente tem desvio-padrão igual à média (relação sinal-ruído 1).

        É ``Var/E²`` do gradiente por amostra, ``loss_slope(h*) dh*/dx``; um lote B tem relação ``√(B/isto)``.

        Args:
            mu: o deslocamento.
            loss_slope: a derivada da perda do gerador em h.
        """
        first = self.expect(mu, lambda h, slope: loss_slope(h) * slope)
        second = self.expect(mu, lambda h, slope: (loss_slope(h) * slope) ** 2)
        return second / first**2 - 1

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


def _push(loss_slope: Callable[[Array], Array], real_label: float, fake_label: float) -> Callable[..., Array]:
    """O gradiente por amostra contra o D* de rótulos dados, em função do logit e da inclinação sem suavização."""

    def push(h: Array, slope: Array) -> Array:
        inner = smoothed_logit_slope(h, real_label, fake_label) * slope
        return loss_slope(smoothed_logit(h, real_label, fake_label)) * inner

    return push


def _gaussian_central_mass(a: ArrayLike) -> Array:
    from scipy.special import erf

    return erf(np.asarray(a, dtype=np.float64) / np.sqrt(2))


def _gudermannian(x: ArrayLike) -> Array:
    """``arctan(senh x)``, sem estouro."""
    return 2 * np.arctan(np.tanh(np.asarray(x, dtype=np.float64) / 2))


def _root(mu: ArrayLike) -> Array:
    """``s = √(1 + μ²/4)``: metade da distância entre i e μ - i, polos das duas densidades de Cauchy."""
    return np.hypot(1, np.asarray(mu, dtype=np.float64) / 2)


SHIFTS = {
    "gaussian": Shift(
        "gaussiana",
        log_density=lambda x: -x * x / 2 - np.log(2 * np.pi) / 2,
        score=lambda x: -x,
        central_mass=_gaussian_central_mass,
        fisher=1.0,
        kl=lambda mu: np.square(mu) / 2,
        kl_slope=lambda mu: np.asarray(mu, dtype=np.float64),
        saturating_tail=lambda mu: np.sqrt(np.pi / 2) * np.exp(-np.square(mu) / 8),
    ),
    "laplace": Shift(
        "Laplace",
        log_density=lambda x: -np.abs(x) - LOG2,
        score=lambda x: -np.sign(x),
        central_mass=lambda a: -np.expm1(np.negative(a)),
        fisher=1.0,
        kl=lambda mu: mu + np.expm1(np.negative(mu)),
        kl_slope=lambda mu: -np.expm1(np.negative(mu)),
        saturating_tail=lambda mu: np.pi / 2 * np.exp(np.negative(mu) / 2),
        closed_gradient=lambda mu: np.exp(np.negative(mu) / 2) * _gudermannian(np.asarray(mu) / 2),
        closed_jsd=lambda mu: (
            LOG2 - np.log1p(np.exp(np.negative(mu))) - np.exp(np.negative(mu) / 2) * _gudermannian(np.asarray(mu) / 2)
        ),
    ),
    # Com caudas tão pesadas até o gradiente da não saturante some, como 2/μ: a KL só cresce como 2 log μ.
    "cauchy": Shift(
        "Cauchy",
        log_density=lambda x: -np.log1p(x * x) - np.log(np.pi),
        score=lambda x: -2 * x / (1 + x * x),
        central_mass=lambda a: 2 / np.pi * np.arctan(a),
        fisher=0.5,
        kl=lambda mu: 2 * np.log(_root(mu)),
        kl_slope=lambda mu: np.asarray(mu, dtype=np.float64) / (2 * _root(mu) ** 2),
        saturating_tail=lambda mu: 4 / np.square(mu),
        # 2(s-1)/(μs²), sem o cancelamento de s - 1 perto de 0.
        closed_gradient=lambda mu: np.asarray(mu) / (2 * _root(mu) ** 2 * (_root(mu) + 1)),
        # log(2s/(1+s)), do mesmo modo.
        closed_jsd=lambda mu: np.log1p(np.square(np.asarray(mu) / 2 / (_root(mu) + 1))),
        has_mean=False,
    ),
}
