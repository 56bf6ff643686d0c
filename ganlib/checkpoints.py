"""Pontos de retomada: um arquivo atômico, com a soma SHA-256 do que traz, lido sem executar nada.

Um arquivo é uma linha de cabeçalho (``ganlib <sha256>``) seguida do que ``torch.save`` escreve.
"""

import hashlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ganlib.errors import CheckpointError
from ganlib.files import PARTIAL, replacing

MAGIC = b"ganlib "
PATTERN = "passo-*.pt"


def write(path: str | Path, state: dict[str, Any]) -> None:
    """Grava ``state`` em ``path``: ou o arquivo novo está inteiro, ou o antigo continua lá.

    Raises:
        OSError: a pasta não pode ser escrita ou o disco encheu.
    """
    payload = io.BytesIO()
    torch.save(state, payload)
    body = payload.getbuffer()
    with replacing(path) as file:
        file.write(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n")
        file.write(body)


def read(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Lê um arquivo de ``write``, com ``weights_only=True``.

    Raises:
        CheckpointError: o arquivo não existe, não pode ser lido, não é da ganlib, está danificado ou traz código.
    """
    try:
        header, _, body = Path(path).read_bytes().partition(b"\n")
    except FileNotFoundError:
        raise CheckpointError(f"não há ponto de retomada em {path}") from None
    except OSError as error:
        raise CheckpointError(f"não consigo ler o ponto de retomada {path} ({error})") from error
    if not header.startswith(MAGIC):
        raise CheckpointError(f"o ponto de retomada {path} está danificado ou não é da ganlib (sem cabeçalho)")
    if hashlib.sha256(body).hexdigest().encode() != header.removeprefix(MAGIC):
        raise CheckpointError(f"o ponto de retomada {path} está danificado (o SHA-256 não confere)")
    try:
        return torch.load(io.BytesIO(body), map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"o ponto de retomada {path} traz mais do que tensores e números: não o leio") from error


def file_of(folder: str | Path, step: int) -> Path:
    """O arquivo do passo ``step`` numa pasta de pontos de retomada."""
    return Path(folder) / f"passo-{step:09d}.pt"


def newest_first(folder: str | Path) -> list[Path]:
    """Os pontos de retomada de uma pasta, do mais novo ao mais antigo."""
    return sorted(Path(folder).glob(PATTERN), reverse=True)


def readable(folder: str | Path, device: str | torch.device = "cpu") -> Iterator[tuple[Path, dict[str, Any]]]:
    """Os pontos de retomada da pasta que estão inteiros, do mais novo ao mais antigo; os danificados são pulados."""
    for file in newest_first(folder):
        try:
            state = read(file, device)
        except CheckpointError:
            continue
        yield file, state


def prune(newest: str | Path, keep: int) -> None:
    """Da pasta de ``newest``, apaga os pontos mais velhos que ele, menos os ``keep - 1`` últimos, e os parciais.

    Os mais novos que ele não contam nem são tocados: estão danificados ou são de uma continuação abandonada, e
    contá-los apagaria os bons.
    """
    newest = Path(newest)
    files = [f for f in newest_first(newest.parent) if f.name <= newest.name]
    partial = newest.parent.glob(f"{PATTERN}*{PARTIAL}")
    for file in (*files[keep:], *partial):
        file.unlink(missing_ok=True)
