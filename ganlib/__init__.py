"""ganlib: treinamento de GANs pequeno e rápido, para o curso O gradiente evanescente em GANs.

- ``losses``, ``penalties``: perdas e penalidades, funções puras.
- ``networks``: pares (gerador, discriminador) construídos a partir de tamanhos; ``memory``: quanto custam.
- ``data``: anel, grade, gaussianas, dígitos e MNIST, cada um num tensor só.
- ``config``, ``training``: a configuração e o laço, à vista; ``optimization``: otimizadores e regras de atualização.
- ``speed``, ``distributed``, ``checkpoints``: correr, repartir e retomar.
- ``metrics``, ``features``: o que se mede nas amostras e nos gradientes.
- ``theory``, ``dirac``: formas fechadas, o laboratório exato em 1-D e a Dirac-GAN.
- ``plotting``, ``notebook``: o estilo das figuras e os números do texto.
"""

from ganlib.config import Config
from ganlib.errors import CheckpointError, DataUnavailable, TrainingDiverged
from ganlib.losses import Loss
from ganlib.speed import Speed
from ganlib.training import Training, collect
from ganlib.version import __version__

__all__ = [
    "CheckpointError",
    "Config",
    "DataUnavailable",
    "Loss",
    "Speed",
    "Training",
    "TrainingDiverged",
    "__version__",
    "collect",
]
