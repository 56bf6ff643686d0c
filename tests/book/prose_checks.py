"""O português das páginas: um termo para cada coisa (``book/glossario.yml``) e nenhuma palavra mal escrita.

Cada função recebe o HTML de uma página e devolve a lista dos problemas. A ortografia é a do hunspell com o dicionário
pt_BR; o que ele não conhece e está certo fica em ``palavras.txt``, uma palavra por linha.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import glossary
from bs4 import BeautifulSoup
from page_checks import prose

LANGUAGE = "pt_BR"
WORDS = Path(__file__).with_name("palavras.txt")
# O que não é palavra: endereços, nomes com dígitos, sublinhado ou ponto no meio, letras soltas, símbolos.
NOT_WORDS = re.compile(r"https?://\S+|\S*[\d_@]\S*|\b\w+\.\w+(?:\.\w+)*|[\u0370-\u03ff\u2070-\u209f]|[^\w\s.,;:!?()'’-]")


def forbidden(entries: Sequence[dict] | None = None) -> dict[str, re.Pattern]:
    """O que se diz, e a expressão do que não se diz."""
    entries = glossary.read() if entries is None else entries
    return {
        e["term"]: re.compile(rf"\b(?:{'|'.join(e['avoid'])})\b", re.IGNORECASE) for e in entries if e.get("avoid")
    }


def forbidden_variants(html: str, terms: dict[str, re.Pattern] | None = None) -> list[str]:
    """Cada coisa tem um nome só. Em itálico vale o nome em inglês, e entre aspas, o de quem se cita."""
    terms = forbidden() if terms is None else terms
    return [
        f"{where}: «{found[0]}»; o livro diz «{term}»"
        for where, text in sentences(html)
        for term, pattern in terms.items()
        if (found := pattern.search(_without_quotes(text)))
    ]


def misspelled(html: str) -> list[str]:
    """Toda palavra está no dicionário ou em ``palavras.txt``."""
    words = (NOT_WORDS.sub(" ", text) for _, text in sentences(html))
    return [f"não conheço a palavra «{word}»" for word in sorted(unknown(words))]


def unknown(texts: Iterable[str], *, personal: bool = True) -> set[str]:
    """As palavras destes textos que o dicionário não tem, nem (com ``personal``) a lista do projeto.

    Raises:
        RuntimeError: o hunspell ou o dicionário não estão instalados.
    """
    command = ["hunspell", "-i", "utf-8", "-d", LANGUAGE, *(["-p", str(WORDS)] if personal else []), "-l"]
    result = subprocess.run(command, input="\n".join(texts), capture_output=True, text=True, check=False)
    if result.returncode or "Can't open" in result.stderr:
        raise RuntimeError(f"o hunspell não funcionou (falta o pacote hunspell-pt-br?): {result.stderr.strip()}")
    return {word for word in result.stdout.split() if len(word) > 1}


def sentences(html: str) -> Iterator[tuple[str, str]]:
    """Cada texto em prosa da página e de onde vem, menos o que está em itálico."""
    page = BeautifulSoup(html, "html.parser")
    for tag in page.select("em, i, cite, title"):  # em itálico, o termo em inglês e os títulos das obras
        tag.decompose()
    yield from prose(page)


def _without_quotes(text: str) -> str:
    return re.sub(r"“[^”]*”|\"[^\"]*\"|«[^»]*»", " ", text)
