"""As peças das redes: o par, ativações, dropout, normalizações, o eixo dos modelos e a conferência da entrada.

Para acrescentar uma ativação: uma linha em ``ACTIVATIONS``. Para acrescentar uma normalização: uma linha em
``DENSE_NORMS`` (camadas densas) e outra em ``IMAGE_NORMS`` (convoluções).
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganlib.errors import choose


class Pair(NamedTuple):
    """Um gerador, um discriminador (que devolve logits) e a dimensão do ruído ``z``."""

    G: nn.Module
    D: nn.Module
    latent: int


# Derivar duas vezes


class SecondOrder:
    """Marca os módulos cujo ``forward(x, twice)`` aceita saber que a saída será derivada duas vezes.

    A derivada de uma ReLU é constante por partes, mas o PyTorch não sabe disso: numa penalidade ``‖∇_x D‖`` ele
    percorre de volta a rede inteira com um gradiente de zeros. Com ``twice=True`` a inclinação entra como constante, e
    esse percurso deixa de existir: o valor e os gradientes são os mesmos, em dois terços do tempo.
    """


class ReLU(SecondOrder, nn.ReLU):
    """``max(0, x)``."""

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        if not twice:
            return F.relu(x)
        # A derivada da ReLU aplicada a 1, num laço vetorizado: montar a máscara com torch.where custa 9 vezes mais.
        fixed = x.detach()
        return x * torch.ops.aten.threshold_backward(torch.ones_like(fixed), fixed, 0)


class LeakyReLU(SecondOrder, nn.LeakyReLU):
    """``x`` se ``x > 0``, ``0,2x`` se não (Maas et al., 2013; a inclinação é a de Radford et al., 2016)."""

    def __init__(self, negative_slope: float = 0.2):
        super().__init__(negative_slope)

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        if not twice:
            return F.leaky_relu(x, self.negative_slope)
        fixed = x.detach()
        return x * torch.ops.aten.leaky_relu_backward(torch.ones_like(fixed), fixed, self.negative_slope, False)


class Layers(SecondOrder, nn.Sequential):
    """Camadas em sequência, que passam ``twice`` às que o aceitam."""

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        for layer in self:
            x = layer(x, twice) if isinstance(layer, SecondOrder) else layer(x)
        return x


def differentiated_twice(x: Tensor) -> bool:
    """Se a entrada é um ponto em que se vai penalizar ``∂D/∂x``: uma folha do grafo que pede gradiente.

    A saída de um gerador também pede gradiente, mas não é folha; os dados são folha, mas não pedem.
    """
    return x.is_leaf and x.requires_grad


# Ativações

Activation = str | Callable[[], nn.Module]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "softplus": lambda: nn.Softplus(threshold=40),  # com o limiar padrão (20) erra 2e-9 em float64
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def activation(choice: Activation) -> nn.Module:
    """O módulo da ativação com este nome, ou o que a função dada criar.

    Raises:
        ValueError: o nome não existe, ou o que se deu não cria um módulo.
    """
    if not callable(choice):
        return choose("ativação", choice, ACTIVATIONS)()
    if isinstance(choice, nn.Module):  # um módulo só, repetido, dividiria os seus pesos entre as camadas
        raise ValueError(f"a ativação deve ser um nome ou uma função que cria o módulo, como nn.ELU; recebi {choice}")
    module = choice()
    if not isinstance(module, nn.Module):
        raise ValueError(f"a função dada como ativação deve criar um nn.Module; criou {type(module).__name__}")
    return module


# Dropout


class Dropout(nn.Module):
    """Zera cada entrada com probabilidade ``p`` e divide as outras por ``1 - p`` (Srivastava et al., 2014).

    Só em modo de treino; em avaliação é a identidade.

    Attributes:
        p: a probabilidade, em [0, 1).
        uniform: de onde vêm os números: ``forma → uniformes em [0, 1)`` no dispositivo da entrada. ``None``: do gerador
            global do PyTorch. Quem treina põe aqui a sua sequência privada, e então uma retomada repete as máscaras.
    """

    def __init__(self, p: float, uniform: Callable[[Sequence[int]], Tensor] | None = None):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"a probabilidade do dropout deve estar em [0, 1); recebi {p}")
        self.p, self.uniform = p, uniform

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        u = torch.rand(x.shape, device=x.device) if self.uniform is None else self.uniform(tuple(x.shape))
        return x * (u >= self.p).to(x.dtype).div_(1 - self.p)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"uniform": None}  # uma cópia da rede não leva a sequência de quem a treina

    def extra_repr(self) -> str:
        return f"p={self.p}"


# O eixo dos modelos


class StackedLinear(nn.Module):
    """K camadas lineares lado a lado: ``(K, B, in) → (K, B, out)``, com a inicialização de ``nn.Linear``."""

    def __init__(self, models: int, n_in: int, n_out: int):
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(models, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(models, 1, n_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class StackedNorm(nn.Module):
    """K normalizações lado a lado em ``(K, B, d)``, cada uma com a sua escala, o seu viés e as suas estatísticas."""

    def __init__(self, models: int, width: int, norm: nn.Module):
        super().__init__()
        self.norm = norm  # sem escala nem viés: eles ficam aqui, com o eixo dos modelos à frente
        self.weight = nn.Parameter(torch.ones(models, 1, width))
        self.bias = nn.Parameter(torch.zeros(models, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, self.normalized(x), self.weight)

    def normalized(self, x: Tensor) -> Tensor:
        return self.norm(x)


class StackedBatchNorm(StackedNorm):
    """A normalização de lote com o eixo dos modelos: K·d canais de uma só, e por isso ela vale entre processos."""

    def __init__(self, models: int, width: int):
        super().__init__(models, width, nn.BatchNorm1d(models * width, affine=False))

    def normalized(self, x: Tensor) -> Tensor:
        models, batch, width = x.shape
        return self.norm(x.transpose(0, 1).reshape(batch, -1)).view(batch, models, width).transpose(0, 1)


# Normalizações


def dense_batch(width: int, models: int | None) -> nn.Module:
    """A normalização de lote de camadas densas, com o eixo dos modelos se houver."""
    return StackedBatchNorm(models, width) if models else nn.BatchNorm1d(width)


def dense_layer(width: int, models: int | None) -> nn.Module:
    """A normalização de camada, com o eixo dos modelos se houver."""
    if models:
        return StackedNorm(models, width, nn.LayerNorm(width, elementwise_affine=False))
    return nn.LayerNorm(width)


# A espectral não é uma camada: muda o peso da camada que já existe (veja ``spectral``).
DENSE_NORMS: dict[str, Callable[[int, int | None], nn.Module] | None] = {
    "batch": dense_batch,
    "layer": dense_layer,
    "spectral": None,
}

IMAGE_NORMS: dict[str, Callable[[int], nn.Module] | None] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda channels: nn.GroupNorm(1, channels),  # média e variância em canais e pixels, por amostra
    "spectral": None,
}


def dense_norm(norm: str | None, width: int, models: int | None = None) -> list[nn.Module]:
    """A camada de normalização de ``(…, B, width)``: uma lista com ela, ou vazia se a norma não é uma camada.

    Raises:
        ValueError: o nome não existe, ou é ``"spectral"`` com o eixo dos modelos.
    """
    if norm == "spectral" and models:
        raise ValueError("a normalização espectral não se combina com models: treine uma rede de cada vez")
    make = norm and choose("normalização", norm, DENSE_NORMS)
    return [make(width, models)] if make else []


def image_norm(norm: str | None, channels: int) -> list[nn.Module]:
    """A camada de normalização de ``(B, channels, h, w)``: uma lista com ela, ou vazia se a norma não é uma camada."""
    make = norm and choose("normalização", norm, IMAGE_NORMS)
    return [make(channels)] if make else []


def spectral(layer: nn.Module, norm: str | None) -> nn.Module:
    """A camada com o peso dividido pelo seu maior valor singular se ``norm`` é ``"spectral"`` (Miyato et al., 2018).

    O valor singular vem de uma iteração de potência por ``forward`` em modo de treino; os vetores dela são buffers, e
    assim vão no ponto de retomada.
    """
    return spectral_norm(layer) if norm == "spectral" else layer


# A entrada


def expect(x: Tensor, shape: Sequence[int | str], weight: Tensor) -> None:
    """Confere a entrada de uma rede.

    Args:
        x: a entrada.
        shape: a forma esperada; um texto, como ``"B"``, aceita qualquer tamanho.
        weight: um peso da rede, que diz o tipo e o dispositivo.

    Raises:
        ValueError: forma, tipo ou dispositivo diferentes; diz os dois lados.
    """
    if x.dim() != len(shape) or any(n != m for n, m in zip(x.shape, shape, strict=True) if not isinstance(m, str)):
        raise ValueError(f"a rede espera uma entrada de forma ({', '.join(map(str, shape))}); recebeu {tuple(x.shape)}")
    if x.device != weight.device:
        raise ValueError(f"a rede está em {weight.device}, e a entrada em {x.device}: ponha-as no mesmo dispositivo")
    if x.dtype != weight.dtype and not (x.is_floating_point() and torch.is_autocast_enabled(x.device.type)):
        raise ValueError(
            f"a rede espera uma entrada de tipo {weight.dtype}, o dos seus pesos; recebeu {x.dtype}: "
            "converta uma das duas com .to(...)"
        )
