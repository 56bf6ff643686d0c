"""A lista de brinquedo, preparada uma vez."""

import pytest
from desk import SEED, TOY, Desk

from grading import assignment, box, engine, make
from grading.assignment import ListFolder
from grading.errors import GradingError


def pytest_runtest_setup(item):
    """Os testes lentos daqui abrem caixas: onde o sistema não as tem, são pulados, e o resumo diz por quê."""
    if item.get_closest_marker("slow"):
        try:
            box.check()
        except GradingError as error:
            pytest.skip(str(error))


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
