"""O que CHANGELOG.md diz de cada versão."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """Uma versão: ``date`` é o que está entre parênteses no título, ou vazio; ``body``, o que mudou."""

    version: str
    date: str
    body: str


def sections(text: str) -> list[Section]:
    """As versões do arquivo, da mais nova à mais velha, na ordem em que aparecem."""
    pieces = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    made = []
    for title, body in zip(pieces[::2], pieces[1::2], strict=True):
        match = re.fullmatch(r"(?P<version>[^(]+?)\s*(?:\((?P<date>[^)]*)\))?\s*", title)
        made.append(Section(match["version"], match["date"] or "", body.strip()))
    return made
