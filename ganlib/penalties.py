"""Penalidades do discriminador e o recorte de pesos.

Uma penalidade é uma função ``(D, real, fake, rng) → valor por amostra``, de forma ``(B,)`` ou, com K redes, ``(K, B)``;
o peso (λ ou γ) e a média são trabalho do treinamento. Para acrescentar uma: escreva a função e ponha uma linha em
``PENALTIES``.

``real`` e ``fake`` têm qualquer forma ``(B, …)``, plana ou de imagem (``(K, B, …)`` se D tem o eixo de modelos), e D
devolve ``(B,)`` ou ``(B, 1)``. Nenhuma penalidade manda gradiente ao gerador. A normalização de lote em D estraga
todas: com ela ``∂D(x_i)/∂x_j ≠ 0``, e o gradiente por amostra que se quer penalizar não existe.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from ganlib.draws import Draws
from ganlib.errors import choose

Penalty = Callable[[nn.Module, Tensor, Tensor, Draws | None], Tensor]


def gradient_norm(D: nn.Module, x: Tensor, *, squared: bool = False) -> Tensor:
    """``‖∇_x D(x_i)‖`` (ou o quadrado) de cada amostra, com o grafo até os parâmetros de D.

    Args:
        D: devolve um logit por amostra, ``(B,)``, ``(B, 1)`` ou ``(K, B)``.
        x: ``(B, …)`` ou ``(K, B, …)``; o gradiente não segue além de ``x``.
        squared: o quadrado da norma, que é derivável também onde o gradiente se anula.

    Returns:
        ``(B,)`` ou ``(K, B)``, em unidades de logit por unidade de dado.

    Raises:
        ValueError: D não devolve um logit por amostra.
    """
    x = x.detach().requires_grad_(True)
    h = D(x)
    batch = x.shape[: batch_dims(D)]
    if h.numel() != batch.numel():
        raise ValueError(f"D deve devolver um logit por amostra, {tuple(batch)}; devolveu {tuple(h.shape)}")
    (grad,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    grad = grad.flatten(len(batch))
    return grad.square().sum(-1) if squared else torch.linalg.vector_norm(grad, dim=-1)


def batch_dims(D: nn.Module) -> int:
    """Quantos eixos à frente são lote: 2 para K redes treinadas juntas (``D.models``), 1 para as outras."""
    return 1 if getattr(D, "models", None) is None else 2


def interpolate(D: nn.Module, real: Tensor, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """Um ponto ao acaso no segmento entre cada par (dado, amostra gerada), com um ε por amostra.

    Raises:
        ValueError: ``real`` e ``fake`` de formas, tipos ou dispositivos diferentes.
    """
    for what, a, b in (
        ("a mesma forma", tuple(real.shape), tuple(fake.shape)),
        ("o mesmo tipo", real.dtype, fake.dtype),
        ("o mesmo dispositivo", str(real.device), str(fake.device)),
    ):
        if a != b:
            raise ValueError(f"os dados e as amostras geradas precisam ter {what}; recebi {a} e {b}")
    lead = batch_dims(D)
    shape = (*real.shape[:lead], *(1 for _ in real.shape[lead:]))
    eps = torch.rand(shape, device=real.device) if rng is None else rng.uniform(shape)
    return torch.lerp(fake.detach(), real.detach(), eps.to(real.dtype))


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """``(‖∇_x D(x̂)‖ - 1)²`` num ponto x̂ do segmento de cada par: WGAN-GP (Gulrajani et al., 2017)."""
    return (gradient_norm(D, interpolate(D, real, fake, rng)) - 1).square()


def one_sided(D: nn.Module, real: Tensor, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """``max(0, ‖∇_x D(x̂)‖ - 1)²``: só pune declives maiores que 1, WGAN-LP (Petzka et al., 2018)."""
    return torch.relu(gradient_norm(D, interpolate(D, real, fake, rng)) - 1).square()


def zero_centered(D: nn.Module, real: Tensor, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """``‖∇_x D(x̂)‖²`` num ponto do segmento: centrada em zero (Thanh-Tung et al., 2019)."""
    return gradient_norm(D, interpolate(D, real, fake, rng), squared=True)


def r1(D: nn.Module, real: Tensor, fake: Tensor | None = None, rng: Draws | None = None) -> Tensor:
    """``½‖∇_x D(x)‖²`` nos dados (Mescheder, Geiger e Nowozin, 2018); o peso é o γ do artigo."""
    return gradient_norm(D, real, squared=True) / 2


def r2(D: nn.Module, real: Tensor | None, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """``½‖∇_x D(x)‖²`` nas amostras geradas (Mescheder, Geiger e Nowozin, 2018)."""
    return gradient_norm(D, fake, squared=True) / 2


def r1_r2(D: nn.Module, real: Tensor, fake: Tensor, rng: Draws | None = None) -> Tensor:
    """R1 + R2, como em R3GAN (Huang et al., 2024)."""
    return r1(D, real) + r2(D, None, fake)


PENALTIES: dict[str, Penalty] = {
    "gradient_penalty": gradient_penalty,
    "one_sided": one_sided,
    "zero_centered": zero_centered,
    "r1": r1,
    "r2": r2,
    "r1_r2": r1_r2,
}


def get(penalty: str | Penalty | None) -> Penalty | None:
    """A penalidade com este nome, a própria função, ou ``None``.

    Raises:
        ValueError: o nome não existe; a mensagem lista os válidos.
    """
    return penalty if penalty is None or callable(penalty) else choose("penalidade", penalty, PENALTIES)


@torch.no_grad()
def clip_weights(params: Iterable[nn.Parameter], limit: float) -> None:
    """Recorta cada peso a ``[-limit, limit]``, no lugar: a restrição do primeiro WGAN (Arjovsky et al., 2017)."""
    for p in params:
        p.clamp_(-limit, limit)
