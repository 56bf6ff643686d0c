"""ganlib: treinamento de GANs pequeno e rápido, para o curso O gradiente evanescente em GANs.

- ``losses``: as perdas, funções puras dos logits.
- ``networks``: pares (gerador, discriminador) construídos a partir de tamanhos.
- ``data``: anel, grade, gaussianas, dígitos e MNIST, cada um num tensor só.
- ``training``: a configuração e o laço, à vista.
- ``metrics``: modos cobertos, fração de boa qualidade, KL reversa.
- ``theory``: formas fechadas e o laboratório exato em 1-D.
- ``plotting``, ``notebook``: o estilo das figuras e os números do texto.
"""

from ganlib.errors import CheckpointError, DataUnavailable, TrainingDiverged
from ganlib.losses import Loss
from ganlib.training import Config, Training, collect
from ganlib.version import __version__

__all__ = [
    "CheckpointError",
    "Config",
    "DataUnavailable",
    "Loss",
    "Training",
    "TrainingDiverged",
    "__version__",
    "collect",
]
