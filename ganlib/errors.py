"""Os erros que quem usa a ganlib vê: uma frase em português, com o que está errado e o que estaria certo."""

from collections.abc import Mapping
from typing import Any


class DataUnavailable(RuntimeError):
    """Os dados não puderam ser obtidos ou não são o que deveriam ser."""


class TrainingDiverged(RuntimeError):
    """Uma perda ou um gradiente deixou de ser finito durante o treinamento."""


class CheckpointError(RuntimeError):
    """Um ponto de retomada não pôde ser lido ou não pertence a este treinamento."""


def choose(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    """Devolve ``table[name]``; se o nome não existir, diz quais existem.

    Raises:
        ValueError: ``name`` não está em ``table``.
    """
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"{kind}: o nome {name!r} não existe; escolha entre {', '.join(sorted(table))}") from None
