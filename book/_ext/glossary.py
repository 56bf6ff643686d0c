"""O glossário: ``{glossario}`` escreve a página a partir de ``book/glossario.yml``, que também confere a prosa."""

from pathlib import Path
from typing import Any

import yaml
from sphinx.util.docutils import SphinxDirective

FILE = Path(__file__).resolve().parents[1] / "glossario.yml"
FIELDS = {"term", "english", "definition", "avoid"}


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """As entradas do arquivo, conferidas.

    Raises:
        ValueError: falta um campo, há um a mais ou um termo se repete.
    """
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    seen: set[str] = set()
    for entry in entries:
        if not {"term", "definition"} <= set(entry) <= FIELDS:
            raise ValueError(f"{file.name}: cada entrada tem term, definition e talvez english e avoid; veio {entry}")
        if entry["term"] in seen:
            raise ValueError(f"{file.name}: o termo {entry['term']!r} aparece duas vezes")
        seen.add(entry["term"])
    return entries


def markdown(entries: list[dict[str, Any]]) -> str:
    """A lista de termos, em MyST."""
    lines = ["```{glossary}", ":sorted:", ""]
    for entry in entries:
        english = entry.get("english", entry["term"])
        shown = f"[*{english}*]{{.language-en}}. " if english != entry["term"] else ""
        lines += [entry["term"], f"  {shown}{entry['definition']}", ""]
    return "\n".join([*lines, "```"])


class Glossario(SphinxDirective):
    """Os termos de ``glossario.yml``, em ordem alfabética."""

    def run(self) -> list:
        self.env.note_dependency(str(FILE))
        return self.parse_text_to_nodes(markdown(read()))


def setup(app) -> dict[str, bool]:
    app.add_directive("glossario", Glossario)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
