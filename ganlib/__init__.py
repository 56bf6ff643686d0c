"""ganlib: treinamento de GANs pequeno e rápido, para o curso O gradiente evanescente em GANs.

- ``losses``, ``penalties``: perdas e penalidades, funções puras.
- ``networks``: pares (gerador, discriminador) construídos a partir de tamanhos; ``memory``: quanto custam.
- ``data``: anel, grade, gaussianas, dígitos e MNIST, cada um num tensor só.
- ``config``, ``training``: a configuração e o laço, à vista; ``optimization``: otimizadores e regras de atualização.
- ``speed``, ``distributed``, ``checkpoints``: correr, repartir e retomar.
- ``metrics``, ``distances``, ``gradients``, ``features``: o que se mede nas amostras e nos gradientes.
- ``theory``, ``divergences``, ``transport``, ``flows``: formas fechadas, o laboratório exato em 1-D e o fluxo exato.
- ``dirac``, ``dynamics``: a Dirac-GAN, seus campos, autovalores e trajetórias.
- ``plotting``, ``live``, ``notebook``: o estilo das figuras, o treinamento à vista e os números do texto.
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
