"""O mapa do documento-base: nenhum item dele ficou de fora do livro, e nenhum link aponta para o vazio."""

import copy
import re
from pathlib import Path

import document_map
import pytest

ROOT = Path(document_map.__file__).resolve().parents[2]

KNOWN = {"sec-a": "ref", "eq-a": "eq", "prop-a": "prf:ref", "errata-a1": "ref"}
KEYS = {"autor2000"}
ITEMS = [
    {"kind": "heading", "text": "Começo", "targets": ["sec-a"], "status": "stands"},
    {"kind": "formula", "text": "x = 1", "targets": ["eq-a", "errata-a1"], "status": "corrected", "note": "Falta."},
    *({"kind": "reference", "text": str(n), "targets": ["autor2000"], "status": "stands"} for n in range(1, 36)),
]
GOOD = {"sha256": "", "counts": {"heading": 1, "formula": 1, "reference": 35}, "items": ITEMS}


def changed(index, **fields):
    """O mapa bom com um item mudado."""
    other = copy.deepcopy(GOOD)
    other["items"][index] |= fields
    return other


def test_a_complete_map_has_no_problem():
    assert document_map.problems(GOOD, KNOWN, KEYS) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (changed(0, outro=1), "campos errados"),
        (changed(0, status="talvez"), "situação desconhecida"),
        (changed(0, text="x" * 61), "mais de 60 caracteres"),
        (changed(0, targets=[]), "não aponta para nada"),
        (changed(0, targets=["sec-a", "sec-a"]), "duas vezes para sec-a"),
        (changed(0, targets=["sec-b"]), "aponta para sec-b, e o livro não o tem"),
        (changed(0, targets=["sec-a", "errata-a1"]), "vale sem errata"),
        (changed(1, targets=["eq-a"]), "não vale com uma"),
        (changed(1, targets=["eq-a"]), "nenhum item aponta para errata-a1"),
        (changed(1, kind="heading"), "tem 1 itens do tipo formula, e o mapa, 0"),
        (changed(1, kind="outro"), "tipo desconhecido"),
        (changed(2, targets=["eq-a"]), "e a bibliografia não o tem"),
        (changed(4, text="2"), "item repetido: reference '2'"),
        (changed(36, text="36"), "devem ser 1 a 35"),
    ],
)
def test_each_fault_of_a_map_is_seen(bad, said):
    assert any(said in problem for problem in document_map.problems(bad, KNOWN, KEYS))


def test_labels_are_read_with_the_role_that_points_at_them():
    text = """(sec-a)=
# T
$$
x
$$ (eq-a)
$$ y $$ (eq-b)
````{prf:theorem} Nome
:label: teo-a
$$
z
$$ (eq-c)
````
```{math}
:label: eq-d
w
```
```{exercise-start} E
:label: ex-a
```
```{code-cell} python
---
name: fig-a
---
(sec-falsa)=
```
"""
    refs = {"sec-a": "ref", "teo-a": "prf:ref", "ex-a": "ref", "fig-a": "numref"}
    assert document_map.labels(text) == refs | dict.fromkeys(("eq-a", "eq-b", "eq-c", "eq-d"), "eq")


def test_citation_keys_are_read():
    assert document_map.citation_keys("@article{a2000, title = {x}}\n@misc{b-c, year = {1}}") == {"a2000", "b-c"}


def test_a_table_links_each_item_by_its_role():
    rows = document_map.table(GOOD, "formula", KNOWN).splitlines()
    assert rows[0] == "| No documento | Situação | No livro |"
    assert rows[2:] == ["| $x = 1$ | corrigido | {eq}`eq-a`; errata: {ref}`errata-a1`. Falta. |"]
    assert document_map.table(GOOD, "reference", KNOWN).splitlines()[2] == "| 1 | {cite}`autor2000` |"


def test_no_cell_of_a_table_is_split_by_a_bar():
    document = document_map.read()
    for kind in document_map.KINDS:
        rows = document_map.table(document, kind, {}).splitlines()
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {rows[0].count("|")}


def test_every_item_of_the_source_document_has_its_place_in_the_book():
    book = ROOT / "book"
    keys = document_map.citation_keys((book / "referencias.bib").read_text("utf-8"))
    assert document_map.problems(document_map.read(), document_map.book_labels(book.glob("*.md")), keys) == []


def test_the_page_shows_every_kind_once():
    page = (ROOT / "book" / "documento_base.md").read_text("utf-8")
    assert re.findall(r"^```\{documento\} (\w+)$", page, re.MULTILINE) == list(document_map.KINDS)
