"""O mapa do documento-base: ``{documento} formula`` escreve a tabela de um tipo de item, de ``book/documento.yml``."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FILE = Path(__file__).resolve().parents[1] / "documento.yml"
KINDS = ("heading", "formula", "code", "point", "highlight", "passage", "reference")
STATUS = {"stands": "vale", "corrected": "corrigido", "metaphor": "metáfora"}
REQUIRED, OPTIONAL = {"kind", "text", "targets", "status"}, {"note"}
LONGEST = 60
REFERENCES = range(1, 36)

Map = Mapping[str, Any]


def read(file: Path = FILE) -> Map:
    """O mapa: ``sha256`` do documento, ``counts`` (tipo → quantos) e ``items``, na ordem do documento."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


# O que um rótulo é, e portanto com que papel se aponta para ele

_FENCE = re.compile(r"^(`{3,}|:{3,})\{(?P<name>[\w:-]+)\}")
_LABEL = re.compile(r"^:label:\s*(\S+)")
_ANCHOR = re.compile(r"^\((?P<label>[\w-]+)\)=$")
_FIGURE = re.compile(r"^name: (fig-[\w-]+)$")
_EQUATION = re.compile(r"\$\$\s*\((?P<label>[\w-]+)\)\s*$")


def labels(text: str) -> dict[str, str]:
    """De cada rótulo de um capítulo MyST, o papel que aponta para ele: ``ref``, ``eq``, ``prf:ref`` ou ``numref``."""
    found: dict[str, str] = {}
    directive = ""
    code_fence = None
    for line in map(str.strip, text.splitlines()):
        if code_fence:
            if figure := _FIGURE.match(line):
                found[figure[1]] = "numref"
            code_fence = None if line == code_fence else code_fence
        elif fence := _FENCE.match(line):
            directive = fence["name"]
            code_fence = fence[1] if directive in ("code-cell", "code-block") else None
        elif label := _LABEL.match(line):
            role = "eq" if directive == "math" else "prf:ref" if directive.startswith("prf:") else "ref"
            found[label[1]] = role
        elif label := _ANCHOR.match(line):
            found[label["label"]] = "ref"
        elif label := _EQUATION.search(line):
            found[label["label"]] = "eq"
    return found


def book_labels(files: Iterable[Path]) -> dict[str, str]:
    """Os rótulos de vários capítulos."""
    return {label: role for file in sorted(files) for label, role in labels(file.read_text("utf-8")).items()}


def citation_keys(bibtex: str) -> set[str]:
    """As chaves de um arquivo BibTeX."""
    return set(re.findall(r"^@\w+\{([^,\s]+)\s*,", bibtex, re.MULTILINE))


# O que há de errado num mapa


def problems(document: Map, known: Mapping[str, str], keys: set[str]) -> list[str]:
    """Tudo o que falta ou sobra no mapa.

    Args:
        document: o que ``read`` devolve.
        known: os rótulos do livro, de ``book_labels``.
        keys: as chaves da bibliografia.
    """
    items = document["items"]
    broken = [f"campos errados em {item}" for item in items if not REQUIRED <= set(item) <= REQUIRED | OPTIONAL]
    if broken:
        return broken
    return [
        *_values(items),
        *_counts(items, document["counts"]),
        *_references(items),
        *_targets(items, known, keys),
        *_errata(items, known),
    ]


def _values(items: list[Map]) -> list[str]:
    found = [f"tipo desconhecido: {item['kind']!r}" for item in items if item["kind"] not in KINDS]
    found += [f"situação desconhecida: {item['status']!r}" for item in items if item["status"] not in STATUS]
    found += [f"mais de {LONGEST} caracteres: {item['text']!r}" for item in items if len(item["text"]) > LONGEST]
    times = Counter((item["kind"], item["text"]) for item in items)
    found += [f"item repetido: {kind} {text!r}" for (kind, text), n in times.items() if n > 1]
    for item in items:
        found += [f"{item['text']!r} aponta duas vezes para {t}" for t, n in Counter(item["targets"]).items() if n > 1]
        found += [] if item["targets"] else [f"{item['text']!r} não aponta para nada"]
    return found


def _counts(items: list[Map], counts: Mapping[str, int]) -> list[str]:
    times = Counter(item["kind"] for item in items)
    return [
        f"o documento tem {counts.get(kind, 0)} itens do tipo {kind}, e o mapa, {times[kind]}"
        for kind in KINDS
        if counts.get(kind, 0) != times[kind]
    ]


def _references(items: list[Map]) -> list[str]:
    numbers = [item["text"] for item in items if item["kind"] == "reference"]
    wanted = [str(n) for n in REFERENCES]
    said = f"as referências devem ser {wanted[0]} a {wanted[-1]}, em ordem; são {numbers}"
    return [] if numbers == wanted else [said]


def _targets(items: list[Map], known: Mapping[str, str], keys: set[str]) -> list[str]:
    found = []
    for item in items:
        allowed, where = (keys, "a bibliografia") if item["kind"] == "reference" else (set(known) | keys, "o livro")
        found += [f"{item['text']!r} aponta para {t}, e {where} não o tem" for t in item["targets"] if t not in allowed]
    return found


def _errata(items: list[Map], known: Mapping[str, str]) -> list[str]:
    pointed = {target for item in items for target in item["targets"]}
    missing = sorted(label for label in known if label.startswith("errata-") and label not in pointed)
    found = [f"nenhum item aponta para {label}" for label in missing]
    for item in items:
        to_errata = any(target.startswith("errata-") for target in item["targets"])
        if item["kind"] != "reference" and to_errata == (item["status"] == "stands"):
            found.append(f"{item['text']!r}: vale sem errata, ou não vale com uma")
    return found


# A página


def link(target: str, known: Mapping[str, str]) -> str:
    """A referência a um rótulo do livro ou, se não é um rótulo, a citação de uma obra."""
    role = known.get(target, "cite")
    return f"{{{role}}}`{target}`"


def places(targets: list[str], known: Mapping[str, str]) -> str:
    """Onde o livro trata de um item e, depois, o que a errata diz dele."""
    errata = [target for target in targets if target.startswith("errata-")]
    here = ", ".join(link(target, known) for target in targets if target not in errata)
    there = ", ".join(link(target, known) for target in errata)
    return "; errata: ".join(filter(None, (here, there)))


def table(document: Map, kind: str, known: Mapping[str, str]) -> str:
    """A tabela dos itens de um tipo, em MyST."""
    numbered = kind == "reference"
    head = ["| Nº | Obras |", "|---:|---|"] if numbered else ["| No documento | Situação | No livro |", "|---|---|---|"]
    rows = []
    for item in document["items"]:
        if item["kind"] != kind:
            continue
        links = f"{{cite}}`{','.join(item['targets'])}`" if numbered else places(item["targets"], known)
        if note := item.get("note"):
            links += f". {note}"
        text = f"${item['text']}$" if kind == "formula" else f"`{item['text']}`" if kind == "code" else item["text"]
        rows.append(f"| {text} | {links} |" if numbered else f"| {text} | {STATUS[item['status']]} | {links} |")
    return "\n".join(head + rows)


class Documento(SphinxDirective):
    """Os itens do documento-base de um tipo, e onde o livro trata cada um."""

    required_arguments = 1

    def run(self) -> list:
        kind = directives.choice(self.arguments[0], KINDS)
        self.env.note_dependency(str(FILE))
        known = book_labels(Path(self.env.srcdir).glob("*.md"))
        return self.parse_text_to_nodes(table(read(), kind, known))


def setup(app) -> dict[str, bool]:
    app.add_directive("documento", Documento)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
