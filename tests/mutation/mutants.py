"""Mutações de sinal: cada troca possível numa fórmula, para provar que algum teste a vê.

O que se troca: ``a + b`` por ``a - b`` e vice-versa (também ``+=`` e ``-=``), ``-x`` por ``+x``, ``np.negative`` por
``np.positive``. O que não é sinal de fórmula fica de fora, pelo lugar em que está, nunca por nome: índices e fatias
(``x[:-1]``, ``path[t + 1]``), eixos e tamanhos (um inteiro literal negativo dado direto a uma chamada, ou um argumento
``axis`` ou ``dim``), limites de ``range``, textos e o que só serve a uma mensagem de erro (dentro de ``raise``).
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True)
class Mutant:
    """Um módulo com um só sinal trocado."""

    module: str
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.change}"


def mutants(module: str, file: Path) -> list[Mutant]:
    """Todas as trocas de um sinal nas funções e fórmulas de um módulo."""
    tree = ast.parse(file.read_text("utf8"))
    return [_mutate(module, tree, i) for i in range(len(list(_signs(tree))))]


def _signs(node: ast.AST) -> Iterator[ast.AST]:
    """Os sinais de fórmula, em ordem."""
    if _is_sign(node):
        yield node
    for child in _formulas(node):
        yield from _signs(child)


def _formulas(node: ast.AST) -> Iterator[ast.AST]:
    """Os filhos de um nó em que ainda pode haver fórmulas."""
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return
    if isinstance(node, ast.Subscript):
        yield node.value
    elif isinstance(node, ast.Call):
        yield node.func
        if ast.unparse(node.func) != "range":
            yield from (arg for arg in node.args if not _is_negative_integer(arg))
            yield from (keyword.value for keyword in node.keywords if keyword.arg not in ("axis", "dim"))
    else:
        yield from ast.iter_child_nodes(node)


def _is_negative_integer(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
    )


def _is_sign(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return type(node.op) in SWAPS and not any(map(_is_text, (node.left, node.right)))
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    negative = isinstance(node, ast.Call) and ast.unparse(node.func) == "np.negative"
    return negated or negative or (isinstance(node, ast.AugAssign) and type(node.op) in SWAPS)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _mutate(module: str, tree: ast.Module, index: int) -> Mutant:
    tree = copy.deepcopy(tree)
    node = list(_signs(tree))[index]
    before = ast.unparse(node)
    if isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    elif isinstance(node, ast.Call):
        node.func = ast.Attribute(ast.Name("np", ast.Load()), "positive", ast.Load())
    else:
        node.op = SWAPS[type(node.op)]()
    return Mutant(module, node.lineno, f"{before} → {ast.unparse(node)}", ast.unparse(ast.fix_missing_locations(tree)))
