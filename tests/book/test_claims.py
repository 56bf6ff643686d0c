"""Nenhuma equação sem teste, e nenhum teste sem equação."""

from pathlib import Path

import pytest
from claim_checks import Claim, book_labels, check, claims, uncovered

ROOT = Path(__file__).resolve().parents[2]

CHAPTER = r"""
# Título

$$
\sigma(h) = \frac{1}{1+e^{-h}}
$$ (def-sigmoide)

Numa linha: $$ a = b $$ (eq-linha)

$$ a = b $$ (eq-uma-linha)

```{prf:theorem} Nome
:label: teo-nome

$$
x = y
$$ (eq-dentro)
```

```{prf:proof}
$$
\text{um passo sem rótulo}
$$
```

```{math}
:label: eq-diretiva
x
```

```{code-cell} python
:tags: [hide-input]
"$$"
```

```{exercise-start}
:label: ex-um
```
$$
\text{também sem rótulo}
$$
```{exercise-end}
```
"""


def test_every_kind_of_label_is_found():
    found = book_labels(CHAPTER)
    assert set(found.labels) == {"def-sigmoide", "eq-uma-linha", "teo-nome", "eq-dentro", "eq-diretiva"}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# T\n\n$$\nx\n$$\n", "linha 3: fórmula em destaque sem rótulo"),
        ("# T\n\n$$ x $$\n", "sem rótulo"),
        ("# T\n\n$$ x $$ (minha)\n", "'minha' deve começar com um de"),
        ("```{prf:proof}\n$$ x $$\n```\n\n$$ y $$\n", "linha 5"),
        ("```{prf:theorem}\n:label: thm-x\n```\n", "'thm-x' deve começar"),
    ],
)
def test_a_displayed_result_without_a_proper_label_is_seen(text, said):
    assert any(said in problem for problem in book_labels(text).problems)


SOURCE = '''
@pytest.mark.claim("eq-a", "eq-b")
def test_a():
    assert 1 == 1

@pytest.mark.claim("eq-c")
@pytest.mark.parametrize("x", [1])
def test_c(x):
    np.testing.assert_allclose(x, 1)

def test_none():
    print("nada")
'''


def test_labels_and_assertions_of_the_tests_are_read():
    assert claims(SOURCE) == [
        Claim("test_a", ("eq-a", "eq-b"), True),
        Claim("test_c", ("eq-c",), True),
        Claim("test_none", (), False),
    ]


def test_a_complete_book_has_no_problem():
    assert uncovered(["def-x", "eq-a", "teo-b"], [Claim("test_a", ("eq-a", "teo-b"), True)]) == []


@pytest.mark.parametrize(
    ("labels", "test", "said"),
    [
        (["eq-a", "eq-nova"], Claim("t", ("eq-a",), True), "eq-nova: nenhum teste"),
        (["eq-a", "teo-novo"], Claim("t", ("eq-a",), True), "teo-novo: nenhum teste"),
        (["eq-a"], Claim("t", (), True), "não diz que equação prova"),
        (["eq-a"], Claim("t", ("eq-a", "eq-antiga"), True), "'eq-antiga' não existe"),
        (["eq-a"], Claim("t", ("eq-a",), False), "não afirma nada"),
        (["eq-a", "eq-a"], Claim("t", ("eq-a",), True), "aparece duas vezes"),
        (["eq-a", "eq-b", "eq-c", "eq-d"], Claim("t", ("eq-a", "eq-b", "eq-c", "eq-d"), True), "4 rótulos"),
    ],
)
def test_each_gap_between_book_and_tests_is_seen(labels, test, said):
    assert any(said in problem for problem in uncovered(labels, [test]))


def test_every_result_of_the_book_is_proved_by_computation():
    assert check(ROOT / "book", ROOT / "tests" / "claims") == []
