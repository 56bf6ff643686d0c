"""Uma lista inteira se lê; uma que não combina diz o que falta; as entradas são do aluno, da semente e da lista."""

import shutil

import numpy as np
import pytest
from desk import SEED, TOY

from grading import assignment
from grading.assignment import close, exact
from grading.errors import GradingError


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(TOY, tmp_path / "minha_lista")


def edit(file, old, new):
    text = file.read_text("utf8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf8")


def test_a_list_outside_the_repository_is_read(copy):
    folder = assignment.load(copy)
    assert folder.name == "minha_lista" and folder.assignment.points == 5.0
    assert [q.id for q in folder.assignment.questions] == ["q1", "q2", "q3"]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("probes.py", "def q1_vector", "def outra", "falta a função q1_vector em probes.py"),
        ("list.md", ":label: q3", ":label: q4", "o exercício q4 de list.md não está em grading.py"),
        ("list.md", ":label: q3", ":label: q4", "a questão q3 não é um exercício de list.md"),
        ("grading.py", '"q2_moments",', '"q1_matrix",', "q1_matrix aparece duas vezes"),
        ("grading.py", "1.0,", "0.0,", "q1_vector vale 0.0 pontos"),
        ("grading.py", "ASSIGNMENT =", "OUTRA =", "tem de definir ASSIGNMENT"),
        ("grading.py", "import numpy", "import nao_existe", "não roda: ModuleNotFoundError"),
    ],
)
def test_a_list_that_does_not_fit_together_says_what_is_wrong(copy, file, old, new, says):
    edit(copy / file, old, new)
    with pytest.raises(GradingError, match=says):
        assignment.load(copy)


def test_a_missing_file_is_named(copy):
    (copy / "probes.py").unlink()
    with pytest.raises(GradingError, match=r"não tem o arquivo probes\.py"):
        assignment.load(copy)


def test_the_digest_changes_with_any_of_the_three_files(copy):
    digests = {assignment.load(copy).digest()}
    for name in assignment.FILES:
        (copy / name).write_text((copy / name).read_text("utf8") + "\n", "utf8")
        digests.add(assignment.load(copy).digest())
    assert len(digests) == 4


def test_inputs_belong_to_the_student_and_to_the_seed(toy):
    first = assignment.draw(toy, SEED, "a")["q1_vector"]["x"]
    assert np.array_equal(first, assignment.draw(toy, SEED, "a")["q1_vector"]["x"])
    assert not np.array_equal(first, assignment.draw(toy, SEED, "b")["q1_vector"]["x"])
    assert not np.array_equal(first, assignment.draw(toy, SEED + b"x", "a")["q1_vector"]["x"])
    assert assignment.student_token(SEED, "a") != assignment.student_token(SEED, "b")


def test_the_seed_file(tmp_path):
    file = tmp_path / "semente"
    with pytest.raises(GradingError, match="não existe"):
        assignment.read_seed(file)
    file.write_bytes(b"curta\n")
    with pytest.raises(GradingError, match="5 bytes"):
        assignment.read_seed(file)
    file.write_bytes(SEED + b"\n")
    assert assignment.read_seed(file) == SEED


X = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (X, X, True),
        (X * (1 + 1e-8), X, True),
        (X * (1 + 1e-4), X, False),
        (X[:, None], X, False),
        (X.tolist(), X, False),
        (X * np.nan, X * np.nan, False),
        (np.array([np.inf, 1.0]), np.array([np.inf, 1.0]), True),
        (np.array([-np.inf, 1.0]), np.array([np.inf, 1.0]), False),
        (2, 2.0, True),
        (True, 1.0, False),
        (1, True, False),
        (np.array(True), True, False),
        ("sim", "sim", True),
        (None, None, True),
        ([1.0, X], [1.0, X], True),
        ([1.0], [1.0, X], False),
        ({"a": 1.0}, {"a": 1.0}, True),
        ({"b": 1.0}, {"a": 1.0}, False),
        ("texto", 1.0, False),
        ({"a": 1.0}, 1.0, False),
        (None, 1.0, False),
    ],
)
def test_close(answer, expected, right):
    assert close(1e-6)(answer, expected, {}) is right


def test_exact():
    assert exact(X, X.copy(), {}) and not exact(X + 1e-12, X, {})
