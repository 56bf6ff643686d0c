"""Confere os links do livro para fora, com o conferidor do Sphinx; toda exceção está num arquivo, com o motivo.

    python -m release.links

Precisa de rede e do livro construído (make book): não é um teste, roda toda semana.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import build
import yaml

from release import ROOT, ReleaseError

FILE = ROOT / "release" / "link_exceptions.yml"
BROKEN = {"broken", "timeout"}


@dataclass(frozen=True)
class Link:
    """Um link do livro: onde está, se responde e o que disse."""

    page: str
    line: int
    address: str
    status: str
    said: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.address}\n    {self.said or self.status}"


def exceptions(file: Path = FILE) -> dict[str, str]:
    """As exceções: ``{expressão regular do endereço inteiro: motivo}``.

    Raises:
        ReleaseError: falta o motivo, há um campo a mais, a expressão não se lê ou se repete.
    """
    made: dict[str, str] = {}
    for entry in yaml.safe_load(file.read_text("utf8")) or []:
        if not isinstance(entry, dict) or set(entry) != {"address", "reason"}:
            raise ReleaseError(f"{file.name}: cada exceção tem address e reason, e só; veio {entry}.")
        address, reason = str(entry["address"]), str(entry["reason"] or "").strip()
        if len(reason.split()) < 4:
            raise ReleaseError(f"{file.name}: diga por que {address} não se confere, numa frase.")
        if address in made:
            raise ReleaseError(f"{file.name}: {address} aparece duas vezes.")
        try:
            re.compile(address)
        except re.error as error:
            raise ReleaseError(f"{file.name}: {address} não é uma expressão regular ({error}).") from None
        made[address] = reason
    return made


def problems(links: list[Link], excused: dict[str, str]) -> list[str]:
    """Os links que não respondem e não têm desculpa, e as exceções que já não servem a nenhum link."""
    dead = [
        str(link)
        for link in links
        if link.status in BROKEN and not any(re.fullmatch(address, link.address) for address in excused)
    ]
    idle = [
        f"{FILE.name}: nenhum link do livro é {address}; tire a exceção."
        for address in excused
        if not any(re.fullmatch(address, link.address) for link in links)
    ]
    return dead + idle


def check(source: Path, out: Path, **environment: str) -> list[Link]:
    """Os links dos capítulos de ``source`` para fora, cada um conferido; ``out`` é a pasta da construção.

    Raises:
        ReleaseError: o livro não pôde ser lido.
    """
    report = out / "_build" / "linkcheck" / "output.json"
    report.unlink(missing_ok=True)
    result = build.jupyter_book(source, out, "linkcheck", **environment)
    if not report.exists():
        raise ReleaseError(f"O livro não pôde ser lido:\n{build.plain(result.stderr)[-3000:]}")
    facts = map(json.loads, report.read_text("utf8").splitlines())
    return [
        Link(fact["filename"], fact["lineno"], fact["uri"], fact["status"], fact["info"])
        for fact in facts
        if fact["uri"].startswith("http")
    ]


def main() -> int:
    try:
        excused = exceptions()
        cache = ROOT / "_build" / "cache" / build.execution_key(ROOT)
        links = check(ROOT / "book", ROOT / "_build" / "sphinx", GANLIB_BOOK_CACHE=str(cache))
    except ReleaseError as error:
        print(f"Os links não foram conferidos. {error}", file=sys.stderr)
        return 1
    found = problems(links, excused)
    print(f"Links para fora: {len({link.address for link in links})}; problemas: {len(found)}.")
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
