"""ganlib: treinamento de GANs pequeno e rápido, para o curso O gradiente evanescente em GANs.

- ``losses``, ``penalties``: perdas e penalidades, funções puras dos logits e do discriminador.
- ``networks``, ``layers``, ``convolutional``: pares (gerador, discriminador); ``memory``: quanto custam.
- ``data``, ``draws``: cada conjunto num tensor só; tudo o que é sorteado sai de uma sequência.
- ``config``, ``training``, ``optimization``: a configuração, o laço à vista, as regras de atualização.
- ``speed``, ``distributed``, ``checkpoints``: correr, repartir e retomar.
- ``metrics``, ``distances``, ``gradients``, ``features``, ``protocol``: o que se mede, com teto e pisos.
- ``theory``, ``divergences``, ``transport``, ``flows``: formas fechadas e laboratórios exatos.
- ``dirac``, ``dynamics``: a Dirac-GAN e o que se faz com um campo de velocidades.
- ``plotting``, ``notebook``: o estilo das figuras e os números do texto.
- ``running``, ``live``, ``progress``, ``folder``, ``sheet``: acompanhar e gravar um treinamento.
- ``cli``, ``options``, ``arguments``, ``info``: a linha de comando.
- ``errors``, ``files``, ``version``: apoio.

Cada módulo só importa os que estão abaixo dele; o mapa está na página *api* do livro.
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
