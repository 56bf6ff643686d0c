"""O que se faz com um campo de velocidades: o fluxo, os passos discretos, a linearização e a média móvel.

O estado é um vetor ``(…, d)``; nos jogos de ``dirac``, ``(θ, ψ)``: o gerador primeiro, o discriminador depois. Para
acrescentar uma regra de passo: escreva a função do passo e a matriz da sua linearização, e ponha as duas em
``UPDATES``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganlib.dirac import Method
from ganlib.divergences import Array
from ganlib.errors import choose


@dataclass(frozen=True)
class Update:
    """Uma regra de passo.

    Attributes:
        step: ``(método, estado, taxa) → estado seguinte``.
        operator: ``(jacobiana, taxa) → matriz`` da linearização do passo no equilíbrio.
    """

    step: Callable[[Method, Array, float], Array]
    operator: Callable[[Array, float], Array]


# Quais componentes do estado são de cada jogador.
GENERATOR, DISCRIMINATOR = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def _simultaneous(method: Method, state: Array, lr: float) -> Array:
    return method.project(state + lr * method.field(state))


def _discriminator_first(method: Method, state: Array, lr: float) -> Array:
    state = method.project(state + lr * DISCRIMINATOR * method.field(state))
    return method.project(state + lr * GENERATOR * method.field(state))


def _generator_first(method: Method, state: Array, lr: float) -> Array:
    state = method.project(state + lr * GENERATOR * method.field(state))
    return method.project(state + lr * DISCRIMINATOR * method.field(state))


def _extragradient(method: Method, state: Array, lr: float) -> Array:
    ahead = method.project(state + lr * method.field(state))
    return method.project(state + lr * method.field(ahead))


def _part(jacobian: Array, lr: float, player: Array) -> Array:
    """A linearização do passo de um jogador só."""
    return np.eye(2) + lr * player[:, None] * jacobian


UPDATES = {
    "simultaneous": Update(_simultaneous, lambda j, lr: np.eye(2) + lr * j),
    # Como em ``Training``: D dá o seu passo, e G já vê o D novo.
    "alternating": Update(_discriminator_first, lambda j, lr: _part(j, lr, GENERATOR) @ _part(j, lr, DISCRIMINATOR)),
    "generator_first": Update(_generator_first, lambda j, lr: _part(j, lr, DISCRIMINATOR) @ _part(j, lr, GENERATOR)),
    # Korpelevich (1976); em GANs, Gidel et al. (2019).
    "extragradient": Update(_extragradient, lambda j, lr: np.eye(2) + lr * j @ (np.eye(2) + lr * j)),
}


def trajectory(method: Method, start: ArrayLike, steps: int, lr: float, update: str = "alternating") -> Array:
    """Os estados visitados por uma regra de passo, do início em diante.

    Args:
        method: um método de ``dirac``.
        start: ``(…, 2)``.
        steps: quantos passos.
        lr: a taxa.
        update: um nome de ``UPDATES``.

    Returns:
        ``(steps + 1, …, 2)``.

    Raises:
        ValueError: a regra não existe.
    """
    rule = choose("regra de passo", update, UPDATES)
    path = [np.asarray(start, dtype=np.float64)]
    for _ in range(steps):
        path.append(rule.step(method, path[-1], lr))
    return np.stack(path)


def update_operator(method: Method, lr: float, update: str = "alternating") -> Array:
    """A matriz ``(2, 2)`` que leva um pequeno desvio do equilíbrio ao seguinte.

    Os passos convergem, perto do equilíbrio, se os seus autovalores têm módulo menor que 1. NaN se o método não tem
    jacobiana no equilíbrio (``method.note`` diz por quê).

    Raises:
        ValueError: a regra não existe.
    """
    return choose("regra de passo", update, UPDATES).operator(method.jacobian(np.zeros(2)), lr)


def flow(method: Method, start: ArrayLike, times: ArrayLike) -> Array:
    """O fluxo contínuo do método, ``(T, …, 2)``: o limite de passos de taxa tendendo a zero; ver ``integrate``."""
    return integrate(method.confined, start, times)


def ema(path: ArrayLike, decay: float) -> Array:
    """A média móvel exponencial ``m ← decay·m + (1 - decay)·estado``, começando no primeiro estado da trajetória.

    Em GANs, é a média dos pesos do gerador (Yazıcı et al., 2019).

    Args:
        path: ``(T, …)``.
        decay: entre 0 e 1.

    Returns:
        A média a cada passo, com a forma de ``path``.

    Raises:
        ValueError: ``decay`` fora de [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"decay deve ficar entre 0 e 1; recebi {decay}")
    means = np.array(path, dtype=np.float64)
    for t in range(1, len(means)):
        means[t] = decay * means[t - 1] + (1 - decay) * means[t]
    return means


def integrate(field: Callable[[Array], Array], start: ArrayLike, times: ArrayLike, stiff: bool = False) -> Array:
    """A solução de ``ds/dt = field(s)`` nos instantes dados, com erro relativo da ordem de 1e-9 por passo.

    Args:
        field: estado → velocidade, na mesma forma.
        start: o estado em ``times[0]``.
        times: instantes crescentes, ``(T,)``.
        stiff: LSODA, para fluxos rígidos, em vez de Runge–Kutta de ordem 8.

    Returns:
        ``(T, *forma do estado)``.

    Raises:
        ValueError: instantes que não crescem.
        RuntimeError: o integrador não chegou ao fim; a mensagem diz onde parou.
    """
    from scipy.integrate import solve_ivp

    start, times = np.asarray(start, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if times.ndim != 1 or times.size < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"os instantes devem ser uma lista crescente, de pelo menos dois; recebi {times.tolist()}")
    solution = solve_ivp(
        lambda t, s: field(s.reshape(start.shape)).ravel(),
        (times[0], times[-1]),
        start.ravel(),
        method="LSODA" if stiff else "DOP853",
        t_eval=times,
        rtol=1e-9,
        atol=1e-12,
    )
    if not solution.success:
        raise RuntimeError(f"o integrador não passou de t = {solution.t.max(initial=times[0]):g}: {solution.message}")
    return solution.y.T.reshape(-1, *start.shape)
