"""A Dirac-GAN: o menor jogo em que se vê a dinâmica de uma GAN, e o que cada método faz com ela.

Os dados são o ponto 0, o gerador produz o ponto θ e o discriminador é ``h(x) = ψx`` (Mescheder, Geiger e Nowozin,
2018). O estado é ``(θ, ψ)``, no último eixo: ``(…, 2)``, tantos inícios quantos se queira. Cada método é um campo de
velocidades, ``(-∂L_G/∂θ, -∂L_D/∂ψ)``, e a sua jacobiana; em ``dynamics`` estão o fluxo, os passos discretos e a média
móvel. As perdas e os pesos são os de ``losses`` e ``penalties``: o dado tem logit alto. O artigo usa o sinal contrário
de ψ, que só espelha o plano, e em seus passos alternados o gerador vai primeiro.

Para acrescentar um método: escreva uma função que devolve um ``Method`` (em geral, o de um jogo mais um termo) e
ponha-a em ``METHODS``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ganlib.divergences import Array
from ganlib.errors import choose
from ganlib.theory import sigmoid

# Uma inclinação e as suas duas primeiras derivadas, em função do logit.
Jet = Callable[[Array], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Game:
    """As inclinações das perdas de um jogo, em função do logit.

    Attributes:
        generator: ``-dL_G/dh`` na amostra gerada.
        fake: ``dL_D/dh`` na amostra gerada.
        real: ``dL_D/dh`` no dado.
    """

    generator: Jet
    fake: Jet
    real: Jet


@dataclass(frozen=True)
class Method:
    """Um campo de velocidades no plano (θ, ψ) e o que se sabe dele.

    Attributes:
        field: estado ``(…, 2)`` → velocidade ``(…, 2)``.
        jacobian: estado ``(…, 2)`` → ``(…, 2, 2)``; a linha i é o gradiente da componente i do campo.
        eigenvalues: os da jacobiana no equilíbrio (0, 0), em forma fechada; NaN se ela não existe.
        limit: o recorte, ``|ψ| ≤ limit``; infinito se não há.
        note: por que não há jacobiana no equilíbrio, ou o que o campo não diz; vazia se não há o que dizer.
    """

    field: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]
    eigenvalues: Array
    limit: float = np.inf
    note: str = ""

    def project(self, state: ArrayLike) -> Array:
        """O estado com ψ recortado, como depois de cada passo."""
        theta, psi = _split(state)
        return _vector(theta, np.clip(psi, np.negative(self.limit), self.limit))

    def confined(self, state: ArrayLike) -> Array:
        """O campo que o fluxo segue: ψ para na borda do recorte enquanto o campo aponta para fora."""
        velocity, (_, psi) = self.field(state), _split(state)
        outward = (np.abs(psi) >= self.limit) & (psi * velocity[..., 1] > 0)
        return np.where(outward[..., None] & np.array([False, True]), 0.0, velocity)


# Os jogos


def _sigmoid_jet(h: Array) -> tuple[Array, Array, Array]:
    s, s_opposite = sigmoid(h), sigmoid(-h)
    return s, s * s_opposite, s * s_opposite * (s_opposite - s)


def _reflected_jet(h: Array) -> tuple[Array, Array, Array]:
    """``σ(-h)``."""
    value, first, second = _sigmoid_jet(-h)
    return value, -first, second


def _constant_jet(h: Array) -> tuple[Array, Array, Array]:
    return np.ones_like(h), np.zeros_like(h), np.zeros_like(h)


def _opposite(jet: Jet) -> Jet:
    return lambda h: tuple(-term for term in jet(h))


GAMES = {
    "minimax": Game(generator=_sigmoid_jet, fake=_sigmoid_jet, real=_opposite(_reflected_jet)),
    "non_saturating": Game(generator=_reflected_jet, fake=_sigmoid_jet, real=_opposite(_reflected_jet)),
    "wasserstein": Game(generator=_constant_jet, fake=_constant_jet, real=_opposite(_constant_jet)),
}


def _vector(along_theta: Array, along_psi: Array) -> Array:
    return np.stack(np.broadcast_arrays(along_theta, along_psi), axis=-1)


def _matrix(a: Array, b: Array, c: Array, d: Array) -> Array:
    """``[[a, b], [c, d]]`` em cada estado."""
    return np.stack([_vector(a, b), _vector(c, d)], axis=-2)


def _split(state: ArrayLike) -> tuple[Array, Array]:
    state = np.asarray(state, dtype=np.float64)
    if state.shape[-1:] != (2,):
        raise ValueError(f"o estado é (θ, ψ), no último eixo, de tamanho 2; recebi a forma {state.shape}")
    return state[..., 0], state[..., 1]


def _pair(damping: float, rotation: float) -> Array:
    """Os autovalores de ``[[0, f], [-f, -k]]``: ``-k/2 ± √(k²/4 - f²)``, de amortecimento k e rotação f."""
    root = np.sqrt(complex(damping**2 / 4 - rotation**2))
    return np.array([-damping / 2 + root, -damping / 2 - root])


def play(game: str | Game) -> Method:
    """O jogo sem regularização: ``(ψ a(θψ), -θ b(θψ))``, com a e b as inclinações das perdas; autovalores ``±if``.

    Raises:
        ValueError: o jogo não existe.
    """
    return instance_noise(0.0, game)


def instance_noise(std: float = 1.0, game: str | Game = "minimax", nodes: int = 64) -> Method:
    """O jogo com ruído gaussiano de desvio ``std`` no dado e na amostra (Arjovsky e Bottou, 2017; Roth et al., 2017).

    A curvatura da perda amortece ψ: ``-s²/4 ± √(s⁴/16 - ¼)`` na GAN, crítico em s² = 2. Na WGAN não há curvatura, e o
    ruído nada muda. As esperanças são somas de Gauss–Hermite em ``nodes`` pontos, com erro abaixo de 1e-8 enquanto
    ``|ψ|·std`` não passa de 2.
    """
    game = game if isinstance(game, Game) else choose("jogo", game, GAMES)
    z, weight = np.polynomial.hermite_e.hermegauss(nodes) if std else (np.zeros(1), np.ones(1))
    noise, weight = std * z, weight / weight.sum()

    def slopes(state: ArrayLike):
        theta, psi = (part[..., None] for part in _split(state))
        fake = noise + theta
        return psi, fake, game.generator(psi * fake), game.fake(psi * fake), game.real(psi * noise)

    def field(state: ArrayLike) -> Array:
        psi, fake, (a, _, _), (b, _, _), (r, _, _) = slopes(state)
        return _vector((psi * a) @ weight, -(fake * b + noise * r) @ weight)

    def jacobian(state: ArrayLike) -> Array:
        psi, fake, (a, a1, _), (b, b1, _), (_, r1, _) = slopes(state)
        h = psi * fake
        rows = psi**2 * a1, a + h * a1, -(b + h * b1), -(fake**2 * b1 + noise**2 * r1)
        return _matrix(*(row @ weight for row in rows))

    (rotation, _, _), (_, b1, _), (_, r1, _) = (jet(np.zeros(())) for jet in (game.generator, game.fake, game.real))
    return Method(field, jacobian, _pair(std**2 * (b1 + r1), rotation))


# Os métodos


def minimax() -> Method:
    """A GAN original (Goodfellow et al., 2014): o fluxo gira e conserva ``θ² + ψ²`` (Mescheder et al., 2018)."""
    return play("minimax")


def non_saturating() -> Method:
    """A perda não saturante (Goodfellow et al., 2014): os mesmos autovalores, mas o fluxo converge, e devagar.

    ``(θ² + ψ²) t → 8``: uma potência, que nenhuma linearização mostra.
    """
    return play("non_saturating")


def wasserstein() -> Method:
    """A WGAN sem restrição (Arjovsky, Chintala e Bottou, 2017): uma rotação, ``(ψ, -θ)``, de autovalores ±i."""
    return play("wasserstein")


def wasserstein_clip(limit: float = 1.0) -> Method:
    """A WGAN com ``|ψ| ≤ limit`` (Arjovsky, Chintala e Bottou, 2017): dentro do limite, gira como sem ele."""
    return replace(wasserstein(), limit=limit, note="a jacobiana vale dentro do limite; na borda o fluxo salta")


def _damped(method: Method, force: Callable[[Array], Array], slope: Callable[[Array], Array], eigenvalues) -> Method:
    """O método mais uma força só em ψ, e a sua derivada em ψ."""

    def field(state: ArrayLike) -> Array:
        theta, psi = _split(state)
        return method.field(state) + _vector(np.zeros_like(theta), force(psi))

    def jacobian(state: ArrayLike) -> Array:
        theta, psi = _split(state)
        zero = np.zeros_like(theta)
        return method.jacobian(state) + _matrix(zero, zero, zero, slope(psi))

    return replace(method, field=field, jacobian=jacobian, eigenvalues=eigenvalues)


def wasserstein_gp(weight: float = 10.0, target: float = 1.0) -> Method:
    """A WGAN-GP, com a penalidade ``λ(|ψ| - target)²`` (Gulrajani et al., 2017).

    Em ψ = 0 a penalidade tem um bico: o campo salta de lado a lado e não há jacobiana, nem equilíbrio em (0, 0), embora
    ali a derivada que o autograd dá a ``|ψ|`` seja 0. Não converge (Mescheder, Geiger e Nowozin, 2018), a não ser com
    ``target=0``. Aquele artigo escreve o peso como ``γ/2``.
    """
    method = _damped(
        wasserstein(),
        force=lambda psi: -2 * weight * (np.abs(psi) - target) * np.sign(psi),
        slope=lambda psi: np.where((psi == 0) & (target != 0), np.nan, -2 * weight),
        eigenvalues=np.full(2, complex(np.nan)) if target else _pair(2 * weight, 1.0),
    )
    note = "em ψ = 0 a penalidade tem um bico e o campo salta: ali não há jacobiana nem autovalores"
    return replace(method, note=note) if target else method


def r1(gamma: float = 1.0, game: str | Game = "minimax") -> Method:
    """O jogo com R1, ``½γψ²`` (Mescheder et al., 2018): ``-γ/2 ± √(γ²/4 - f²)``; na GAN, crítico em γ = 1."""
    return _quadratic(game, gamma)


def r1_r2(gamma: float = 1.0, game: str | Game = "minimax") -> Method:
    """O jogo com R1 + R2, ``γψ²`` (Mescheder et al., 2018): ``-γ ± √(γ² - f²)``; na GAN, crítico em γ = ½."""
    return _quadratic(game, 2 * gamma)


def _quadratic(game: str | Game, damping: float) -> Method:
    method = play(game)
    return _damped(
        method,
        force=lambda psi: -damping * psi,
        slope=lambda psi: np.full_like(psi, np.negative(damping)),
        eigenvalues=_pair(damping, method.eigenvalues[0].imag),
    )


def consensus(gamma: float = 1.0, game: str | Game = "minimax") -> Method:
    """O campo do jogo menos ``γ∇½‖v‖²`` (Mescheder, Nowozin e Geiger, 2017): ``-γf² ± if``; na GAN, ``-γ/4 ± i/2``."""
    game = game if isinstance(game, Game) else choose("jogo", game, GAMES)
    plain = play(game)

    def squares(state: ArrayLike):
        """``½‖v‖² = ψ²A + θ²B``, com ``A = ½a²`` e ``B = ½b²``, e as duas primeiras derivadas de A e B."""
        theta, psi = _split(state)
        terms = []
        for value, first, second in (game.generator(theta * psi), game.fake(theta * psi)):
            terms.append((value**2 / 2, value * first, first**2 + value * second))
        return theta, psi, theta * psi, *terms

    def field(state: ArrayLike) -> Array:
        theta, psi, _, (a, a1, _), (b, b1, _) = squares(state)
        slope = theta**2 * b1 + psi**2 * a1
        return plain.field(state) - gamma * _vector(2 * theta * b + psi * slope, 2 * psi * a + theta * slope)

    def jacobian(state: ArrayLike) -> Array:
        theta, psi, t, (a, a1, a2), (b, b1, b2) = squares(state)
        curve = theta**2 * b2 + psi**2 * a2
        mixed = 3 * (theta**2 * b1 + psi**2 * a1) + t * curve
        hessian = _matrix(2 * b + 4 * t * b1 + psi**2 * curve, mixed, mixed, 2 * a + 4 * t * a1 + theta**2 * curve)
        return plain.jacobian(state) - gamma * hessian

    return Method(field, jacobian, plain.eigenvalues - gamma * np.abs(plain.eigenvalues) ** 2)


def two_time_scales(method: Method, generator: float = 1.0, discriminator: float = 1.0) -> Method:
    """O método com a velocidade de cada jogador multiplicada pela sua taxa (Heusel et al., 2017).

    Sem regularização os autovalores são ``±if√(ab)``: mudar as taxas muda a frequência e a forma da órbita, mas não
    amortece.
    """
    rates = np.array([generator, discriminator])
    jacobian = rates[:, None] * method.jacobian(np.zeros(2))
    return replace(
        method,
        field=lambda state: rates * method.field(state),
        jacobian=lambda state: rates[:, None] * method.jacobian(state),
        eigenvalues=_eigenvalues(jacobian),
    )


def _eigenvalues(matrix: Array) -> Array:
    """De uma matriz 2×2, pelo traço e pelo determinante; NaN se ela tem algum NaN."""
    (a, b), (c, d) = matrix
    half = (a + d) / 2
    root = np.sqrt(complex(half**2 - (a * d - b * c)))
    return np.array([half + root, half - root])


METHODS: dict[str, Callable[..., Method]] = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "wasserstein": wasserstein,
    "wasserstein_clip": wasserstein_clip,
    "wasserstein_gp": wasserstein_gp,
    "r1": r1,
    "r1_r2": r1_r2,
    "instance_noise": instance_noise,
    "consensus": consensus,
}


def get(method: str | Method, **options: Any) -> Method:
    """O método com este nome, construído com as opções dadas (``gamma``, ``std``…), ou o próprio objeto ``Method``.

    Raises:
        ValueError: o nome não existe; a mensagem lista os válidos.
    """
    return method if isinstance(method, Method) else choose("método", method, METHODS)(**options)
