"""Gravar sem deixar nada pela metade."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Termina assim o nome do que ainda não está inteiro: o que um processo morto deixa se reconhece e se apaga.
PARTIAL = ".parcial"


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Um arquivo binário que toma o lugar de ``path`` quando o bloco termina bem.

    Se algo falha no caminho, o parcial é apagado e o que estava em ``path`` continua lá.

    Raises:
        OSError: a pasta não pode ser escrita ou o disco encheu.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    with partial.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            partial.unlink()
            raise
    partial.replace(path)
