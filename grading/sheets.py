"""Planilhas CSV como o Excel em português as grava e as abre, e texto alheio que não vira fórmula nem se disfarça."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.errors import GradingError

BOM = b"\xef\xbb\xbf"
MAX_BYTES = 64 << 20

# O que uma planilha entende como fórmula, inclusive nas formas largas do teclado asiático. O apóstrofo entra para que
# ``original`` desfaça exatamente o que ``neutral`` fez.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
# Caracteres de controle e marcas de direção: não se veem, e trocam a ordem do que está em volta.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")


def visible(text: str) -> str:
    """O texto sem caracteres de controle nem marcas de direção; as quebras de linha e as tabulações ficam."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    return _INVISIBLE.sub("", unix).encode("utf8", "replace").decode("utf8")


def one_line(text: str, limit: int = 120) -> str:
    """O texto visível numa linha só, encurtado se for longo demais."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def neutral(text: str) -> str:
    """A célula com um apóstrofo na frente, se uma planilha a tomasse por fórmula."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(text: str) -> str:
    """O inverso de :func:`neutral`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def decimal(value: float | None) -> str:
    """``7,5``; uma nota que falta é uma célula vazia."""
    return "" if value is None else f"{value:.10g}".replace(".", ",")


def points(value: float) -> str:
    """``1,5 ponto``, ``2 pontos``: o plural começa em dois."""
    return f"{decimal(value)} ponto{'s' if value >= 2 else ''}"


def number(text: str) -> float | None:
    """Um número com vírgula ou ponto; None se a célula está vazia.

    Raises:
        ValueError: não é um número.
    """
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text.removeprefix("-")):
        raise ValueError(text)
    return float(text.replace(",", "."))


@dataclass(frozen=True)
class Table:
    """Uma planilha lida: o cabeçalho, as linhas, e como ela estava escrita."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str
    encoding: str
    ending: str

    def column(self, *names: str) -> int | None:
        """A posição da primeira coluna com um destes nomes, sem ligar para maiúsculas; None se não há."""
        wanted = {name.casefold() for name in names}
        return next((i for i, title in enumerate(self.header) if title.strip().casefold() in wanted), None)

    def dump(self) -> bytes:
        """Os bytes da planilha, escrita como foi lida."""
        return dump(self.header, self.rows, self.delimiter, self.encoding, self.ending)


def dump(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ";", encoding: str = "utf-8-sig",
         ending: str = "\r\n") -> bytes:  # fmt: skip
    """Os bytes de uma planilha; por padrão como o Excel brasileiro espera: ponto e vírgula, e UTF-8 com BOM."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows([header, *rows])
    return text.getvalue().encode(encoding, "replace")


def read(path: Path | str) -> Table:
    """Lê uma planilha em UTF-8, Latin-1 ou UTF-16, separada por ponto e vírgula, vírgula ou tabulação.

    Raises:
        GradingError: o arquivo não existe, não é um CSV, ou está vazio.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise GradingError(f"{path} tem mais de {MAX_BYTES >> 20} MiB: não é uma planilha de notas")
        content = path.read_bytes()
    except OSError as error:
        reason = "não existe" if isinstance(error, FileNotFoundError) else f"não se lê ({error.strerror})"
        raise GradingError(f"A planilha {path} {reason}") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise GradingError(f"{path} é uma pasta de trabalho do Excel: use Salvar como, CSV UTF-8")
    text, encoding = _decoded(content)
    if re.match(r"sep=.\r?\n", text):  # uma dica que o Excel lê e não mostra
        text = text.split("\n", 1)[1]
    first = text.split("\n", 1)[0]
    try:
        delimiter = max(";,\t", key=lambda d: len(next(csv.reader([first], delimiter=d), [])))
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise GradingError(f"A planilha {path} não é um CSV ({error})") from None
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise GradingError(f"A planilha {path} está vazia, ou não tem cabeçalho na primeira linha")
    return Table(lines[0], lines[1:], delimiter, encoding, "\r\n" if first.endswith("\r") else "\n")


def _decoded(content: bytes) -> tuple[str, str]:
    """O texto e a codificação: UTF-8 se for, senão a do Windows em português, senão Latin-1 (que aceita tudo)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), "utf-16"
    names = ("utf-8-sig" if content.startswith(BOM) else "utf-8", "cp1252", "latin-1")
    for name in names:
        try:
            return content.decode(name), name
        except UnicodeDecodeError:
            continue
    raise AssertionError("o Latin-1 aceita qualquer byte")
