"""A prosa das páginas, e cada verificação vista a deixar passar e a acusar."""

import re

import glossary
import prose_checks
import pytest

GOOD = """<html lang="pt-BR"><body><p>O gradiente evanescente (em inglês, <em>vanishing gradient</em>) não é o colapso
de modos, que o documento chama de “modo colapso”. A rede do gerador usa <code>nn.Linear</code>, e a da ganlib pesa 2x
menos.</p><img src="a.png" alt="A perda não saturante cresce."></body></html>"""


def test_a_good_page_has_no_problem():
    assert prose_checks.forbidden_variants(GOOD) == []
    assert prose_checks.misspelled(GOOD) == []


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("evanescente (", "evanescente, ou desaparecimento do gradiente, (", "o livro diz «gradiente evanescente»"),
        ("o colapso\nde modos", "o Colapso  do modo", "o livro diz «colapso de modos»"),
        ("“modo colapso”", "modo colapso", "o livro diz «colapso de modos»"),
        ("A perda não saturante", "A perda non-saturating", "o livro diz «perda não saturante»"),
        ("em inglês", "um mini-batch", "o livro diz «lote»"),
    ],
)
def test_a_forbidden_variant_is_seen(good, bad, said):
    assert good in GOOD
    problems = prose_checks.forbidden_variants(GOOD.replace(good, bad))
    assert len(problems) == 1 and said in problems[0]


def test_a_misspelled_word_is_seen():
    bad = GOOD.replace("cresce", "crece").replace("documento", "documeto")
    assert prose_checks.misspelled(bad) == ["não conheço a palavra «crece»", "não conheço a palavra «documeto»"]


def test_without_the_dictionary_the_check_stops(monkeypatch, tmp_path):
    monkeypatch.setattr(prose_checks, "LANGUAGE", "xx_XX")
    with pytest.raises(RuntimeError, match="hunspell-pt-br"):
        prose_checks.misspelled(GOOD)


def test_the_word_list_is_sorted_and_has_no_word_that_the_dictionary_knows():
    words = prose_checks.WORDS.read_text(encoding="utf-8").split()
    assert words == sorted(set(words), key=lambda w: (w.lower(), w))
    assert prose_checks.unknown(words, personal=False) == set(words)


def test_the_glossary_refuses_what_is_wrong(tmp_path):
    file = tmp_path / "g.yml"
    for text, said in (
        ("- {term: a, definition: b, outro: c}", "cada entrada tem"),
        ("- {term: a}", "cada entrada tem"),
        ("- {term: a, definition: b}\n- {term: a, definition: c}", "duas vezes"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=said):
            glossary.read(file)
    file.write_text("- {term: a, english: b, definition: c}")
    assert "a\n  [*b*]{.language-en}. c\n" in glossary.markdown(glossary.read(file))


def test_no_variant_forbids_a_term_of_the_book():
    entries = glossary.read()
    for pattern in prose_checks.forbidden(entries).values():
        assert not [e["term"] for e in entries if pattern.search(e["term"])]


@pytest.mark.site
def test_every_term_is_used_by_some_chapter(site):
    text = " ".join(
        " ".join(t for _, t in prose_checks.sentences(file.read_text(encoding="utf-8")))
        for file in site.glob("*.html")
        if file.stem != "glossario"
    )
    text = re.sub(r"\s+", " ", text).lower()
    assert [e["term"] for e in glossary.read() if e["term"].lower() not in text] == []


@pytest.mark.site
@pytest.mark.parametrize("check", [prose_checks.forbidden_variants, prose_checks.misspelled])
def test_pages_read_well(site, check):
    problems = {f.name: check(f.read_text(encoding="utf-8")) for f in sorted(site.glob("*.html")) if f.stem != "search"}
    assert {name: found for name, found in problems.items() if found} == {}

