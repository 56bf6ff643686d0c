"""Mutações de sinal: cada troca possível numa fórmula, para provar que algum teste a vê."""

import ast
import copy
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
    """Todas as trocas de um ``+``, ``-`` ou ``-x`` nas funções e fórmulas de um módulo."""
    tree = ast.parse(file.read_text("utf8"))
    return [_mutate(module, tree, i) for i in range(len(_signs(tree)))]


def _signs(tree: ast.Module) -> list[ast.AST]:
    # x.sum(-1): o -1 é um eixo, não um sinal da fórmula.
    axes = {id(arg) for call in ast.walk(tree) if isinstance(call, ast.Call) for arg in call.args if _is_constant(arg)}
    return [node for node in ast.walk(tree) if _is_sign(node) and id(node) not in axes]


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def _is_sign(node: ast.AST) -> bool:
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    negative = isinstance(node, ast.Call) and ast.unparse(node.func) == "np.negative"
    return negated or negative or (isinstance(node, ast.BinOp) and type(node.op) in SWAPS)


def _mutate(module: str, tree: ast.Module, index: int) -> Mutant:
    tree = copy.deepcopy(tree)
    node = _signs(tree)[index]
    before = ast.unparse(node)
    if isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    elif isinstance(node, ast.BinOp):
        node.op = SWAPS[type(node.op)]()
    else:
        node.func = ast.Attribute(ast.Name("np", ast.Load()), "positive", ast.Load())
    return Mutant(module, node.lineno, f"{before} → {ast.unparse(node)}", ast.unparse(ast.fix_missing_locations(tree)))
