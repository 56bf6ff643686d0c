"""Os arquivos de uma pasta ou de um zip, achados e lidos sem confiar neles: nada é extraído, nem se sai da pasta."""

import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from grading.errors import GradingError
from grading.roster import tidy

MAX_BYTES = 50 << 20
MAX_RATIO = 500  # o máximo do deflate é 1032; um notebook com muitas saídas repetidas não chega a isto
MAX_FILES = 20_000
JUNK = ("__macosx", "__pycache__", "thumbs.db", "desktop.ini")

CLEAR = "limpe as saídas do notebook (Editar, Limpar todas as saídas), salve e entregue de novo"
TOO_BIG = f"O arquivo tem mais de {MAX_BYTES >> 20} MiB; {CLEAR}"
REPEATS = f"O arquivo é uma repetição enorme; {CLEAR}"
NOT_A_FILE = "A entrega é um atalho ou outro arquivo especial; entregue o próprio notebook (.ipynb)"
CLIMBS = "O caminho do arquivo dentro do zip não é válido; entregue de novo o notebook (.ipynb), com um nome simples"
TWICE = "O zip tem mais de um arquivo com este mesmo nome; entregue de novo um só notebook (.ipynb)"
ENCRYPTED = "O arquivo está protegido com senha; entregue o notebook (.ipynb) sem senha"
ODD = "O arquivo foi comprimido de um modo que não se lê aqui; entregue o próprio notebook (.ipynb)"
DAMAGED = "O arquivo chegou danificado; entregue o notebook (.ipynb) de novo"
CLOSED = "O arquivo não pôde ser aberto; entregue o notebook (.ipynb) de novo"


class UnreadableSubmission(Exception):
    """A entrega não pode ser lida; a mensagem é uma frase que diz ao aluno o que fazer."""


@dataclass(frozen=True)
class File:
    """Um arquivo (ou uma pasta) achado entre as entregas.

    Attributes:
        parts: o caminho, do começo ao nome do arquivo, pronto para mostrar; nunca tem "..".
        problem: por que não se lê, dito ao aluno; "" se nada impede.
        is_folder: é uma pasta.
        read: lê o arquivo; levanta ``UnreadableSubmission``.
    """

    parts: tuple[str, ...]
    problem: str = ""
    is_folder: bool = False
    read: Callable[[], bytes] = field(default=bytes, repr=False, compare=False)

    @property
    def name(self) -> str:
        """O nome, sem o caminho."""
        return self.parts[-1]

    @property
    def is_notebook(self) -> bool:
        """Se o nome é o de um notebook."""
        return self.name.lower().endswith(".ipynb")

    @property
    def is_junk(self) -> bool:
        """Se foi o sistema que pôs ali, e não o aluno: ``.DS_Store``, ``__MACOSX``, ``.ipynb_checkpoints``…"""
        return any(p.startswith((".", "~$")) or p.lower() in JUNK for p in self.parts)


def scan(path: Path) -> list[File]:
    """Tudo o que há numa pasta ou num zip; o conteúdo só se lê depois, um arquivo de cada vez.

    Raises:
        GradingError: não é uma pasta nem um zip, está danificado por inteiro, ou tem arquivos demais.
    """
    path = Path(path)
    try:
        if path.is_dir():
            found = list(islice(_folder(path), MAX_FILES + 1))
        elif path.is_file():
            found = list(islice(_zip(path), MAX_FILES + 1))
        elif path.exists():
            raise GradingError(f"{path} não é uma pasta nem um zip; indique a pasta ou o zip das entregas")
        else:
            raise GradingError(f"{path} não existe; indique a pasta ou o zip das entregas")
    except OSError as error:
        raise GradingError(f"Não consegui ler {path} ({error.strerror or error})") from None
    if len(found) > MAX_FILES:
        raise GradingError(f"{path} tem mais de {MAX_FILES} arquivos; indique só a pasta ou o zip das entregas")
    return found


def _bounded(stream: BinaryIO) -> bytes:
    """O conteúdo, sem nunca ler muito mais do que o limite, diga o cabeçalho o que disser."""
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableSubmission(TOO_BIG)
    return data


# Pastas


def _folder(root: Path) -> Iterator[File]:
    with os.scandir(root):  # uma raiz que não se abre é um erro do instrutor, e não uma entrega
        pass
    pending: list[tuple[str, tuple[str, ...]]] = [(os.fspath(root), ())]
    while pending:
        folder, above = pending.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(islice(entries, MAX_FILES + 1), key=lambda e: e.name)
        except OSError:
            yield File(above, CLOSED)
            continue
        folders = []
        for entry in inside:
            parts = (*above, _shown(entry.name))
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError:
                yield File(parts, CLOSED)
                continue
            if stat.S_ISDIR(mode):
                yield File(parts, is_folder=True)
                folders.append((entry.path, parts))
            else:
                problem = "" if stat.S_ISREG(mode) else NOT_A_FILE
                yield File(parts, problem, read=partial(_read_file, entry.path))
        pending += reversed([f for f in folders if not File(f[1]).is_junk])


def _shown(name: str) -> str:
    """Um nome do disco como texto; o que não é UTF-8 (um zip antigo, aberto à força) é lido como Latin-1."""
    try:
        name.encode("utf8")
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("latin-1")
    return tidy(name) or "sem nome"


def _read_file(path: str) -> bytes:
    # O_NOFOLLOW e O_NONBLOCK: se o arquivo virou um atalho ou um FIFO depois da busca, nem seguimos nem esperamos.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                raise UnreadableSubmission(NOT_A_FILE)
            return _bounded(f)
    except OSError as error:
        raise UnreadableSubmission(CLOSED) from error


# Zips


def _zip(path: Path) -> Iterator[File]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise GradingError(f"{path} não é um zip, ou está danificado; baixe de novo o zip das entregas") from error
    members = [(info, _decoded(info)) for info in archive.infolist()]
    times = Counter(_key(name) for _, name in members)
    for info, name in members:
        parts, n = _split(name), times.pop(_key(name), 0)  # de um nome repetido sai uma entrega só
        if not parts or not n:
            continue
        if name.endswith("/") and not _climbs(name):
            yield File(parts, is_folder=True)
        else:
            problem = _problem(info, name) or (TWICE if n > 1 else "")
            yield File(parts, problem, read=partial(_read_member, archive, info))


def _key(name: str) -> tuple:
    return _split(name), _climbs(name), name.endswith("/")


def _split(name: str) -> tuple[str, ...]:
    parts = (tidy(part) for part in re.split(r"[\\/]", name))
    return tuple(part for part in parts if part not in ("", ".", ".."))


def _decoded(info: zipfile.ZipInfo) -> str:
    """O nome de um membro. Sem a marca de UTF-8, o módulo lê cp437, em que não existem ã nem õ."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    try:
        return raw.decode("utf8")  # o macOS e o Linux esquecem a marca
    except UnicodeDecodeError:
        return raw.decode("cp850")  # o Windows em português


def _climbs(name: str) -> bool:
    return name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/") or name[1:2] == ":"


def _problem(info: zipfile.ZipInfo, name: str) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if _climbs(name):
        return CLIMBS
    if kind not in (0, stat.S_IFREG):
        return NOT_A_FILE
    if info.flag_bits & 0x41:
        return ENCRYPTED
    # bz2 e LZMA não se descomprimem aos poucos no módulo: poucos KiB viram GiB na memória.
    return "" if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else ODD


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_BYTES:
        raise UnreadableSubmission(TOO_BIG)
    if info.file_size > MAX_RATIO * max(info.compress_size, 2_000):  # até 1 MB, não importa
        raise UnreadableSubmission(REPEATS)
    try:
        with archive.open(info) as f:
            return _bounded(f)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise UnreadableSubmission(DAMAGED) from error
