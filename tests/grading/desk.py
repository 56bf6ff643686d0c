"""A lista de brinquedo e o que se faz com ela."""

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading import engine
from grading.assignment import ListFolder
from grading.rows import Row

TOY = Path(__file__).parent / "toy"
SEED = b"uma semente de turma para testes"

RIGHT = """
import torch
def double(x): return 2 * x
def sample(n): return torch.randn(n)
"""


def notebook(*cells: str, text: tuple[str, ...] = ()) -> bytes:
    """Os bytes de um notebook com estas células de código (e, depois, estas de texto)."""
    made = [*map(new_code_cell, cells), *map(new_markdown_cell, text)]
    return nbformat.writes(new_notebook(cells=made)).encode()


@dataclass(frozen=True)
class Desk:
    """A mesa de correção da lista de brinquedo: entradas e gabarito de um aluno, feitos uma vez."""

    folder: ListFolder
    package: engine.Package
    inputs: dict
    expected: dict

    def grade(self, content: bytes, student: str = "aluno") -> Row:
        """Corrige um notebook, numa caixa."""
        return engine.grade_one(engine.Work(self.package, student, "x.ipynb", content, self.inputs, self.expected))
