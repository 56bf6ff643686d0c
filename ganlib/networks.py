"""Redes: pares (gerador, discriminador) construídos a partir de tamanhos.

Com ``models=K``, um eixo à frente treina K redes independentes de uma vez: as entradas passam a ser ``(K, B, d)``
e cada peso ganha um eixo K. Cada rede se comporta como se estivesse sozinha.

Para acrescentar uma rede: uma função ``(data_dim, *, models=None, …) → Pair`` e uma linha em ``NETWORKS``.
Um par seu não precisa estar aqui: o treinamento aceita um ``Pair`` ou uma função ``data_dim → Pair``.
"""

import itertools
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ganlib import layers
from ganlib.convolutional import dcgan, resnet
from ganlib.errors import choose
from ganlib.layers import Activation, Dropout, Layers, Pair, StackedLinear

__all__ = ["MLP", "NETWORKS", "Dropout", "Pair", "StackedLinear", "dcgan", "document", "get", "mlp", "resnet"]


class MLP(nn.Module):
    """Perceptron de várias camadas.

    Em cada camada escondida: linear, normalização, ativação, dropout.

    Args:
        sizes: larguras da entrada à saída, por exemplo ``(2, 128, 128, 1)``.
        activation: nome em ``layers.ACTIVATIONS`` ou uma função que cria o módulo; entre as camadas.
        norm: ``None``; ``"batch"`` (Ioffe e Szegedy, 2015) ou ``"layer"`` (Ba et al., 2016), antes de cada ativação;
            ``"spectral"``, no peso de todas as camadas, a última também (Miyato et al., 2018).
        output: ativação depois da última camada, ou ``None``.
        dropout: probabilidade de zerar cada unidade escondida, só em modo de treino.
        logits: devolve ``(…, B)`` em vez de ``(…, B, 1)``: é o que se espera de um discriminador.
        models: ``None`` ou o número K de redes treinadas juntas.

    Attributes:
        layers: as camadas, em sequência.

    Raises:
        ValueError: tamanhos, nomes ou combinações que não fazem sentido.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: Activation = "relu",
        norm: str | None = None,
        output: Activation | None = None,
        dropout: float = 0.0,
        logits: bool = False,
        models: int | None = None,
    ):
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"uma MLP precisa de ao menos duas larguras positivas; recebi {tuple(sizes)}")
        if logits and sizes[-1] != 1:
            raise ValueError(f"um discriminador termina em 1 logit por amostra; recebi a largura {sizes[-1]}")
        parts: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            # O viés antes da normalização de lote é redundante, mas o documento-base o conta entre os seus parâmetros.
            linear = StackedLinear(models, n_in, n_out) if models else nn.Linear(n_in, n_out)
            normalization = layers.dense_norm(norm, n_out, models)
            parts.append(layers.spectral(linear, norm))
            if i < len(sizes) - 2:
                parts += [*normalization, layers.activation(activation)]
                parts += [Dropout(dropout)] if dropout else []
        parts += [layers.activation(output)] if output else []
        self.layers = Layers(*parts)
        self.n_in, self.logits, self.models = sizes[0], logits, models
        self.least_batch = 2 if norm == "batch" and len(sizes) > 2 else 0

    def forward(self, x: Tensor) -> Tensor:
        """``(…, B, n_in) → (…, B, n_out)``, ou ``(…, B)`` com ``logits``.

        Raises:
            ValueError: entrada de outra forma, tipo ou dispositivo; lote de uma amostra numa normalização de lote.
        """
        shape = ("B", self.n_in) if self.models is None else (self.models, "B", self.n_in)
        layers.expect(x, shape, self.layers[0].bias)
        if self.training and x.shape[-2] < self.least_batch:
            raise ValueError("a normalização de lote precisa de ao menos 2 amostras em modo de treino; recebeu 1")
        out = self.layers(x, layers.differentiated_twice(x))
        return out.squeeze(-1) if self.logits else out


def mlp(
    data_dim: int,
    *,
    latent: int = 2,
    hidden: Sequence[int] = (128, 128),
    activation: Activation = "relu",
    g_norm: str | None = None,
    d_norm: str | None = None,
    dropout: float = 0.0,
    models: int | None = None,
) -> Pair:
    """Par de MLPs pequenas e espelhadas, para os laboratórios em 1-D, 2-D e dígitos.

    Args:
        data_dim: dimensão dos dados.
        latent: dimensão do ruído.
        hidden: larguras escondidas dos dois jogadores.
        activation: a ativação dos dois.
        g_norm, d_norm: normalização do gerador e do discriminador, como em ``MLP``.
        dropout: probabilidade do dropout, só no discriminador.
        models: ``None`` ou o número K de pares treinados juntos.
    """
    return Pair(
        MLP((latent, *hidden, data_dim), activation=activation, norm=g_norm, models=models),
        MLP(
            (data_dim, *hidden, 1), activation=activation, norm=d_norm, dropout=dropout, logits=True, models=models
        ),
        latent,
    )


def document(data_dim: int = 784, *, models: int | None = None) -> Pair:
    """O gerador do documento-base (100-256-512-1024-784, batch, ReLU, Tanh) e um discriminador espelhado.

    O discriminador (784-1024-512-256-1, LeakyReLU 0,2, sem normalização) não está no documento: é o par usual.
    """
    return Pair(
        MLP((100, 256, 512, 1024, data_dim), norm="batch", output="tanh", models=models),
        MLP((data_dim, 1024, 512, 256, 1), activation="leaky_relu", logits=True, models=models),
        100,
    )


NETWORKS: dict[str, Callable[..., Pair]] = {"mlp": mlp, "document": document, "dcgan": dcgan, "resnet": resnet}


def get(network: str | Pair | Callable[[int], Pair], data_dim: int, **options) -> Pair:
    """O par com este nome para dados de dimensão ``data_dim``, o próprio ``Pair``, ou o que a função dada criar.

    Args:
        network: nome em ``NETWORKS``, um ``Pair`` ou uma função ``data_dim → Pair``.
        data_dim: dimensão dos dados.
        **options: opções da rede com nome; não são passadas a uma função.

    Raises:
        ValueError: o nome não existe (a mensagem lista os válidos), ou a função não devolve um ``Pair``.
    """
    if isinstance(network, Pair):
        return network
    if not callable(network):
        return choose("rede", network, NETWORKS)(data_dim, **options)
    pair = network(data_dim)
    if not isinstance(pair, Pair):
        raise ValueError(f"a função dada como rede deve devolver um Pair(G, D, latent); devolveu {type(pair).__name__}")
    return pair
