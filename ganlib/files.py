"""Gravar sem deixar nada pela metade."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Um arquivo binário que toma o lugar de ``path`` quando o bloco termina bem.

    Se algo falha no caminho, o parcial é apagado e o que estava em ``path`` continua lá.

    Raises:
        OSError: a pasta não pode ser escrita ou o disco encheu.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as partial:
        try:
            yield partial
            partial.flush()
            os.fsync(partial.fileno())
        except BaseException:
            os.unlink(partial.name)
            raise
    os.replace(partial.name, path)
