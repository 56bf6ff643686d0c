"""Redes convolucionais para imagens de 28×28 e 32×32: DCGAN e ResNet.

Como todas as redes da ganlib, trabalham com amostras planas, ``(B, canais·lado²)``: a imagem só existe aqui dentro.
Para acrescentar uma: escreva uma função como ``dcgan``, que devolve um ``Pair`` de ``ImageGenerator`` e
``ImageDiscriminator``, e ponha uma linha em ``networks.NETWORKS``.
"""

import math
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from ganlib.layers import (
    Activation,
    Layers,
    Pair,
    SecondOrder,
    activation,
    differentiated_twice,
    expect,
    image_norm,
    spectral,
)

SIDES = (28, 32)


class ImageGenerator(nn.Module):
    """Camadas de ``(B, latent)`` a ``(B, canais, lado, lado)``, com a saída achatada."""

    def __init__(self, latent: int, layers: Layers):
        super().__init__()
        self.latent, self.layers = latent, layers

    def forward(self, z: Tensor) -> Tensor:
        """``(B, latent) → (B, canais·lado²)``."""
        expect(z, ("B", self.latent), next(self.parameters()))
        return self.layers(z, differentiated_twice(z)).flatten(1)


class ImageDiscriminator(nn.Module):
    """Camadas de ``(B, canais, lado, lado)`` a ``(B, 1)``, com a entrada achatada e a saída em ``(B,)``."""

    def __init__(self, channels: int, side: int, layers: Layers):
        super().__init__()
        self.shape, self.layers = (channels, side, side), layers

    def forward(self, x: Tensor) -> Tensor:
        """``(B, canais·lado²) → logits (B,)``."""
        expect(x, ("B", math.prod(self.shape)), next(self.parameters()))
        return self.layers(x.unflatten(1, self.shape), differentiated_twice(x)).squeeze(1)


def _side(name: str, data_dim: int, channels: int, models: int | None) -> int:
    if models:
        raise ValueError(f"a rede {name!r} não tem o eixo dos modelos: treine uma de cada vez, ou use a rede 'mlp'")
    for side in SIDES:
        if data_dim == channels * side**2:
            return side
    valid = " ou ".join(f"{channels * side**2} ({side}×{side})" for side in SIDES)
    raise ValueError(f"a rede {name!r} com channels={channels} espera dados de dimensão {valid}; recebi {data_dim}")


def _dcgan_layer(layer: nn.Module, norm: str | None) -> nn.Module:
    # Os 0,02 do artigo contam com uma normalização que refaça a escala: sem ela, o sinal de uma rede estreita se apaga
    # já na inicialização, e então vale a de He et al. (2015), com as entradas que cada saída vê.
    seen = layer.weight.numel() / layer.weight.shape[0]
    if isinstance(layer, nn.ConvTranspose2d):
        seen = layer.weight.numel() / layer.out_channels / math.prod(layer.stride)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / seen) if norm is None else 0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return spectral(layer, norm)


def dcgan(
    data_dim: int,
    *,
    latent: int = 100,
    width: int = 64,
    channels: int = 1,
    g_norm: str | None = "batch",
    d_norm: str | None = "batch",
    g_activation: Activation = "relu",
    d_activation: Activation = "leaky_relu",
    models: None = None,
) -> Pair:
    """A DCGAN (Radford, Metz e Chintala, 2016), com três dobras de resolução em vez de quatro: 4 → 7 ou 8 → … → lado.

    Sem normalização na saída de G nem na entrada de D; pesos ``N(0; 0,02²)`` ou, no jogador sem normalização alguma, os
    de He et al. (2015). As convoluções de e para um só ponto, na entrada de G e na saída de D, são aqui as camadas
    lineares a que equivalem.

    Args:
        data_dim: ``channels·28²`` ou ``channels·32²``.
        latent: dimensão do ruído.
        width: canais da camada mais próxima da imagem; as outras têm 2× e 4×.
        channels: canais da imagem, o primeiro eixo de cada amostra.
        g_norm, d_norm: ``None``, ``"batch"``, ``"layer"`` ou ``"spectral"`` (em todas as camadas). Uma penalidade de
            gradiente pede D sem normalização de lote.
        g_activation, d_activation: nome em ``layers.ACTIVATIONS`` ou uma função que cria o módulo.

    Raises:
        ValueError: outra dimensão, nomes desconhecidos, ou o eixo dos modelos.
    """
    side = _side("dcgan", data_dim, channels, models)
    # 4 → 7 pede um núcleo 3; toda outra dobra, um núcleo 4.
    first = 3 if side == 28 else 4

    up = partial(nn.ConvTranspose2d, stride=2, padding=1)
    g_bias = g_norm != "batch"  # a normalização de lote subtrai a média, e um viés antes dela não faz nada
    G = Layers(
        _dcgan_layer(nn.Linear(latent, 4 * width * 16, bias=g_bias), g_norm),
        nn.Unflatten(1, (4 * width, 4, 4)),
        *image_norm(g_norm, 4 * width),
        activation(g_activation),
        _dcgan_layer(up(4 * width, 2 * width, first, bias=g_bias), g_norm),
        *image_norm(g_norm, 2 * width),
        activation(g_activation),
        _dcgan_layer(up(2 * width, width, 4, bias=g_bias), g_norm),
        *image_norm(g_norm, width),
        activation(g_activation),
        _dcgan_layer(up(width, channels, 4), g_norm),
        nn.Tanh(),
    )

    down = partial(nn.Conv2d, stride=2, padding=1)
    d_bias = d_norm != "batch"
    D = Layers(
        _dcgan_layer(down(channels, width, 4), d_norm),
        activation(d_activation),
        _dcgan_layer(down(width, 2 * width, 4, bias=d_bias), d_norm),
        *image_norm(d_norm, 2 * width),
        activation(d_activation),
        _dcgan_layer(down(2 * width, 4 * width, first, bias=d_bias), d_norm),
        *image_norm(d_norm, 4 * width),
        activation(d_activation),
        nn.Flatten(),
        _dcgan_layer(nn.Linear(4 * width * 16, 1), d_norm),
    )
    return Pair(ImageGenerator(latent, G), ImageDiscriminator(channels, side, D), latent)


class Halve(SecondOrder, nn.Module):
    """A média de cada 2×2 pixels. É linear, mas o ``avg_pool2d`` do PyTorch não o diz a quem o deriva duas vezes."""

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        if not twice:
            return F.avg_pool2d(x, 2)
        rows = x[..., ::2, :] + x[..., 1::2, :]
        return (rows[..., ::2] + rows[..., 1::2]) / 4


class Block(SecondOrder, nn.Module):
    """Um bloco residual pré-ativado: ``atalho(x) + conv3(σ(n(conv3(σ(n(x))))))`` (He et al., 2016).

    A reamostragem vem antes da primeira convolução (``"up"``, vizinho mais próximo) ou depois da segunda (``"down"``,
    média de 2×2). No atalho ela troca de lugar com a convolução 1×1, com a qual comuta, para esta ver menos pixels.

    Args:
        n_in, n_out: canais da entrada e da saída.
        norm: como em ``resnet``.
        nonlinearity: a ativação σ.
        resample: ``None``, ``"up"`` ou ``"down"``.
        raw: a entrada é uma imagem, e não passa por normalização nem ativação.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        norm: str | None,
        nonlinearity: Activation,
        resample: str | None = None,
        raw: bool = False,
    ):
        super().__init__()
        up = [nn.Upsample(scale_factor=2)] if resample == "up" else []
        down = [Halve()] if resample == "down" else []
        self.residual = Layers(
            *([] if raw else [*image_norm(norm, n_in), activation(nonlinearity)]),
            *up,
            _conv3(n_in, n_out, norm, bias=norm != "batch"),
            *image_norm(norm, n_out),
            activation(nonlinearity),
            _conv3(n_out, n_out, norm),
            *down,
        )
        straight = n_in == n_out
        self.shortcut = Layers(*down, *([] if straight else [_conv1(n_in, n_out, norm)]), *up)

    def forward(self, x: Tensor, twice: bool = False) -> Tensor:
        return self.shortcut(x, twice) + self.residual(x, twice)


def _conv3(n_in: int, n_out: int, norm: str | None, bias: bool = True) -> nn.Module:
    layer = nn.Conv2d(n_in, n_out, 3, padding=1, bias=bias)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if bias:
        nn.init.zeros_(layer.bias)
    return spectral(layer, norm)


def _conv1(n_in: int, n_out: int, norm: str | None) -> nn.Module:
    layer = nn.Conv2d(n_in, n_out, 1, bias=False)  # o viés é o da última convolução do ramo residual
    nn.init.xavier_normal_(layer.weight)
    return spectral(layer, norm)


def resnet(
    data_dim: int,
    *,
    latent: int = 128,
    width: int = 32,
    channels: int = 1,
    g_norm: str | None = "batch",
    d_norm: str | None = None,
    g_activation: Activation = "relu",
    d_activation: Activation = "relu",
    models: None = None,
) -> Pair:
    """Gerador e crítico residuais, no molde dos de CIFAR-10 de Gulrajani et al. (2017) e de Miyato et al. (2018).

    O gerador dobra a resolução a partir de 7×7 (duas vezes) ou de 4×4 (três vezes); o crítico a divide duas vezes e
    segue com dois blocos sem reamostragem e a média dos pixels. Pesos: He nas convoluções 3×3, Glorot nas outras.

    Args:
        data_dim: ``channels·28²`` ou ``channels·32²``.
        latent: dimensão do ruído.
        width: canais de todos os blocos (nos artigos, 128 e 256).
        channels: canais da imagem, o primeiro eixo de cada amostra.
        g_norm, d_norm: ``None``, ``"batch"``, ``"layer"`` ou ``"spectral"`` (em todas as camadas). No crítico,
            o primeiro artigo usa ``None`` ou ``"layer"``, por causa da penalidade; o segundo, ``"spectral"``.
        g_activation, d_activation: nome em ``layers.ACTIVATIONS`` ou uma função que cria o módulo.

    Raises:
        ValueError: outra dimensão, nomes desconhecidos, ou o eixo dos modelos.
    """
    side = _side("resnet", data_dim, channels, models)
    base, doublings = (7, 2) if side == 28 else (4, 3)

    g_block = partial(Block, width, width, norm=g_norm, nonlinearity=g_activation, resample="up")
    G = Layers(
        spectral(nn.Linear(latent, width * base**2), g_norm),
        nn.Unflatten(1, (width, base, base)),
        *(g_block() for _ in range(doublings)),
        *image_norm(g_norm, width),
        activation(g_activation),
        _conv3(width, channels, g_norm),
        nn.Tanh(),
    )

    d_block = partial(Block, norm=d_norm, nonlinearity=d_activation)
    D = Layers(
        d_block(channels, width, resample="down", raw=True),
        d_block(width, width, resample="down"),
        d_block(width, width),
        d_block(width, width),
        activation(d_activation),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        spectral(nn.Linear(width, 1), d_norm),
    )
    return Pair(ImageGenerator(latent, G), ImageDiscriminator(channels, side, D), latent)
