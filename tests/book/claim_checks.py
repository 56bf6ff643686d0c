"""Nenhuma equação sem teste: compara os rótulos do livro com as provas por computação de ``tests/claims``."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

DEFINITION, RESULT = "def-", ("eq-", "teo-", "prop-", "lem-", "cor-")
MOST_LABELS = 3

_DIRECTIVE = re.compile(r"^(`{3,}|:{3,})\{(?P<name>[\w:-]+)\}")
_MATH_LABEL = re.compile(r"^\$\$\s*\((?P<label>[^)\s]+)\)\s*$")
_OPTION_LABEL = re.compile(r"^:label:\s*(?P<label>\S+)\s*$")
# Dentro destes blocos uma fórmula em destaque é um passo do caminho, não um resultado do livro.
_UNLABELLED_ALLOWED = {"prf:proof", "exercise-start", "solution-start", "exercise", "solution"}


@dataclass(frozen=True)
class Labels:
    """Os rótulos de um capítulo e o que há de errado com as suas fórmulas em destaque."""

    labels: tuple[str, ...]
    problems: tuple[str, ...]


def book_labels(text: str, name: str = "capítulo") -> Labels:
    """Os rótulos de equações, definições e teoremas de um capítulo MyST."""
    labels, problems, inside = [], [], []
    fence = opened = None
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, raw in lines:
        line = raw.strip()
        if opened is None and (match := _DIRECTIVE.match(line)):
            directive = match["name"]
            if directive.endswith("-start"):
                inside.append(directive)
            elif directive.endswith("-end"):
                inside and inside.pop()
            elif directive == "code-cell":
                _skip_to(lines, match[1])
            else:
                fence, inside = match[1], [*inside, directive]
            continue
        if fence and line.rstrip() and set(line) == set(fence[0]) and len(line) >= len(fence):
            fence, inside = None, inside[:-1]
            continue
        if match := _OPTION_LABEL.match(line):
            if inside and (inside[-1].startswith("prf:") or inside[-1] == "math") and inside[-1] != "prf:proof":
                labels.append(match["label"])
            continue
        if line.startswith("$$"):
            one_line = len(line) > 4 and re.fullmatch(r"\$\$.+\$\$(\s*\(\S+\))?", line)
            if opened is None and not one_line:
                opened = number
                continue
            start, opened = opened or number, None
            label = re.search(r"\$\$\s*\(([^)\s]+)\)\s*$", line)
            if label:
                labels.append(label[1])
            elif not _UNLABELLED_ALLOWED & set(inside):
                problems.append(f"{name}, linha {start}: fórmula em destaque sem rótulo; escreva $$ (eq-…) ou (def-…)")
    known = (DEFINITION, *RESULT)
    problems += [f"{name}: o rótulo {x!r} deve começar com um de {known}" for x in labels if not x.startswith(known)]
    return Labels(tuple(labels), tuple(problems))


def _skip_to(lines, fence: str) -> None:
    for _, raw in lines:
        if raw.strip() == fence:
            return


@dataclass(frozen=True)
class Claim:
    """Um teste de ``tests/claims``: seus rótulos e se ele afirma algo."""

    name: str
    labels: tuple[str, ...]
    asserts: bool


def claims(source: str) -> list[Claim]:
    """Os testes de um arquivo e os rótulos que o marcador ``claim`` lhes dá."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
            marks = [d for d in calls if ast.unparse(d.func).endswith(".claim")]
            labels = tuple(a.value for mark in marks for a in mark.args if isinstance(a, ast.Constant))
            found.append(Claim(node.name, labels, _asserts(node)))
    return found


def _asserts(function: ast.FunctionDef) -> bool:
    calls = [ast.unparse(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)]
    stated = any(isinstance(n, ast.Assert) for n in ast.walk(function))
    return stated or any("assert" in name or name.endswith("pytest.raises") for name in calls)


def uncovered(labels: list[str], tests: list[Claim]) -> list[str]:
    """O que falta para que cada resultado tenha um teste e cada teste, um resultado."""
    proved = {label for test in tests for label in test.labels}
    results, repeated = [x for x in labels if x.startswith(RESULT)], sorted({x for x in labels if labels.count(x) > 1})
    problems = [f"{x}: nenhum teste de tests/claims o prova" for x in results if x not in proved]
    problems += [f"{x}: o rótulo aparece duas vezes no livro" for x in repeated]
    for test in tests:
        if not test.labels:
            problems.append(f"{test.name}: o teste não diz que equação prova (@pytest.mark.claim)")
        if len(test.labels) > MOST_LABELS:
            problems.append(f"{test.name}: {len(test.labels)} rótulos num teste só; o máximo é {MOST_LABELS}")
        problems += [f"{test.name}: o rótulo {x!r} não existe no livro" for x in test.labels if x not in labels]
        if not test.asserts:
            problems.append(f"{test.name}: o teste não afirma nada")
    return problems


def check(book: Path, tests: Path) -> list[str]:
    """Todos os problemas do livro em ``book`` com as provas em ``tests``."""
    chapters = [book_labels(f.read_text("utf8"), f.name) for f in sorted(book.glob("*.md"))]
    labels = [label for chapter in chapters for label in chapter.labels]
    found = [claim for f in sorted(tests.glob("test_*.py")) for claim in claims(f.read_text("utf8"))]
    return [p for chapter in chapters for p in chapter.problems] + uncovered(labels, found)
