"""A bibliografia não tem sobras: toda obra é citada no texto ou no mapa do documento-base, e toda citação existe."""

import re
from pathlib import Path

import document_map
import pytest
from document_map import citation_keys

BOOK = Path(__file__).resolve().parents[2] / "book"
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")


def problems(bibtex: str, text: str, mapped: set[str]) -> list[str]:
    """As obras que ninguém cita e as citações sem obra."""
    keys = citation_keys(bibtex)
    cited = {key.strip() for group in _CITE.findall(text) for key in group.split(",")} | mapped
    missing = [f"{key} é citada e não está na bibliografia" for key in sorted(cited - keys)]
    return missing + [f"{key} está na bibliografia e ninguém a cita" for key in sorted(keys - cited)]


def test_every_work_is_cited_and_every_citation_exists():
    text = "\n".join(file.read_text("utf8") for file in BOOK.glob("*.md"))
    items = document_map.read()["items"]
    mapped = {target for item in items if item["kind"] == "reference" for target in item["targets"]}
    assert problems((BOOK / "referencias.bib").read_text("utf8"), text, mapped) == []


@pytest.mark.parametrize(
    ("bibtex", "text", "mapped", "expected"),
    [
        ("@book{a,\n}", "veja {cite}`a`", set(), []),
        ("@book{a,\n}\n@book{b,\n}", "{cite:t}`a, b`", set(), []),
        ("@book{a,\n}", "nada", {"a"}, []),
        ("@book{a,\n}", "nada", set(), ["a está na bibliografia e ninguém a cita"]),
        ("", "{cite}`a`", set(), ["a é citada e não está na bibliografia"]),
        ("", "", {"a"}, ["a é citada e não está na bibliografia"]),
    ],
)
def test_a_leftover_and_a_dead_key_are_seen(bibtex, text, mapped, expected):
    assert problems(bibtex, text, mapped) == expected
