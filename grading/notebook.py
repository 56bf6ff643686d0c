"""O notebook de um aluno, lido sem confiar nele: só o texto das células interessa."""

import hashlib
import io
import json
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

import nbformat
import nbformat.reader

MAX_CELLS = 2_000
MAX_SOURCE = 4 << 20  # caracteres, somadas as células: as saídas não contam
MAX_WRITTEN = 20_000
MAX_WORDS = 1 << 19  # caracteres de código que se separam em palavras: bem mais do que alguém escreve à mão
# Um notebook de 50 MiB feito de "{}" ocuparia GiB. Nem todas estas marcas são JSON (há as dos textos), mas sobram.
MAX_NESTED, MAX_VALUES = 1_000_000, 5_000_000  # listas e dicionários; vírgulas
MAX_OLD = 50_000  # listas e dicionários num formato antigo, que o nbformat converte devagar

OPEN, CLOSE = "<!-- início da resposta {id} -->", "<!-- fim da resposta {id} -->"
PLACEHOLDER = "*Escreva aqui a sua resposta.*"


class UnreadableNotebook(Exception):
    """O arquivo não é um notebook que se possa corrigir; a mensagem diz por quê, numa frase para o aluno."""


@dataclass(frozen=True)
class Notebook:
    """As células de um notebook: o código, na ordem, e os textos."""

    code: tuple[str, ...]
    text: tuple[str, ...]


def read(content: bytes) -> Notebook:
    """Lê um ``.ipynb`` de qualquer versão do formato.

    Raises:
        UnreadableNotebook: está vazio, não é um notebook, ou é grande demais.
    """
    if not content.strip():
        raise UnreadableNotebook("O arquivo está vazio; entregue o notebook salvo")
    nested = content.count(b"{") + content.count(b"[")
    if nested > MAX_NESTED or content.count(b",") > MAX_VALUES:
        raise UnreadableNotebook("O notebook tem saídas demais; limpe as saídas, salve e entregue de novo")
    try:
        # Sem validar: um identificador repetido (uma célula duplicada) não é da nossa conta.
        made = json.loads(content.decode("utf-8-sig"))
        if made["nbformat"] != 4:
            if nested > MAX_OLD:
                raise ValueError("grande demais para um formato antigo")
            made = nbformat.convert(nbformat.reader.reads(content.decode("utf-8-sig")), 4)
        cells = made["cells"]
        pairs = [(cell["cell_type"], _joined(cell["source"])) for cell in cells]
    except Exception as error:  # o arquivo é de quem quiser; o nbformat tropeça nele de muitas maneiras
        raise UnreadableNotebook("O arquivo não é um notebook do Jupyter; entregue o .ipynb, como foi salvo") from error
    if len(pairs) > MAX_CELLS or sum(len(source) for _, source in pairs) > MAX_SOURCE:
        raise UnreadableNotebook(f"O notebook tem células demais ({len(pairs)}) ou código demais para ser corrigido")
    # Um substituto solto (metade de um par UTF-16) não se escreve em UTF-8: vira o caractere de substituição.
    pairs = [(kind, source.encode("utf8", "replace").decode("utf8")) for kind, source in pairs]
    of = {kind: tuple(source for k, source in pairs if k == kind) for kind in ("code", "markdown")}
    return Notebook(of["code"], of["markdown"])


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def written(notebook: Notebook, ids: Iterable[str]) -> dict[str, str]:
    """O que o aluno escreveu entre as marcas de cada questão; "" se nada. Células repetidas juntam-se."""
    found = {}
    for id_ in ids:
        opening, closing = (re.escape(mark.format(id=id_)) for mark in (OPEN, CLOSE))
        pattern = re.compile(f"{opening}(.*?)(?:{closing}|\\Z)", re.DOTALL)
        texts = [m.strip() for cell in notebook.text for m in pattern.findall(cell)]
        kept = dict.fromkeys(t for t in texts if t and t != PLACEHOLDER)
        found[id_] = "\n\n".join(kept)[:MAX_WRITTEN]
    return found


def code_digest(notebook: Notebook) -> str:
    """Resumo do código sem comentários nem espaços: o mesmo para cópias que só mudaram isso."""
    h = hashlib.sha256()
    words = _words if sum(map(len, notebook.code)) <= MAX_WORDS else str.split
    for source in notebook.code:
        h.update(" ".join(words(source)).encode("utf8") + b"\0")
    return h.hexdigest()


def _words(source: str) -> list[str]:
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER)
    layout = {tokenize.INDENT: "→", tokenize.DEDENT: "←"}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    try:
        return [layout.get(t.type, t.string) for t in tokens if t.type not in skipped]
    except (tokenize.TokenError, SyntaxError):  # não é Python puro: as palavras, como estão
        return source.split()
