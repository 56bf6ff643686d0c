"""A lista de brinquedo, preparada uma vez."""

import pytest
from desk import SEED, TOY, Desk

from grading import assignment, engine, make
from grading.assignment import ListFolder


@pytest.fixture(scope="session")
def toy() -> ListFolder:
    """A lista de brinquedo."""
    return assignment.load(TOY)


@pytest.fixture(scope="session")
def desk(toy) -> Desk:
    """A mesa de correção."""
    package = engine.Package.of(toy)
    inputs = engine.encoded_inputs(toy, SEED, "aluno")
    cells = [cell.text for cell in make.parse(toy) if cell.kind == "code"]
    (expected,) = engine.key_answers(package, cells, [inputs])
    return Desk(toy, package, inputs, expected)
