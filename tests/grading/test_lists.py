"""As listas do curso: o gabarito tira tudo, o branco zero, e cada solução errada plausível perde o que deve."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from wrong_solutions_ab import WRONG as WRONG_AB
from wrong_solutions_cd import WRONG as WRONG_CD

from grading import assignment, engine, make, rows

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
LISTS = sorted(file.parent.name for file in EXERCISES.glob("*/grading.py"))
WRONG = WRONG_AB | WRONG_CD
CASES = [(name, case) for name, cases in WRONG.items() for case in cases]


@pytest.fixture(scope="module")
def loaded():
    return {name: assignment.load(EXERCISES / name) for name in LISTS}


def test_every_list_has_wrong_solutions_and_states_what_it_asks(loaded):
    assert set(WRONG) == set(LISTS) and len(LISTS) == 4
    for folder in loaded.values():
        a = folder.assignment
        assert a.points == 10 and a.minutes >= 60 and a.written and len(a.checks) >= 8
        assert (EXERCISES.parent / "book" / f"{a.chapter}.md").is_file()
        assert all(check.hint.strip() for check in a.checks)


def test_every_check_is_lost_by_some_wrong_solution(loaded):
    for name, folder in loaded.items():
        lost = {check for case in WRONG[name].values() for check in case["loses"]}
        assert lost == {check.name for check in folder.assignment.checks}, name


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_the_key_gets_full_marks_and_the_blank_zero(loaded, name):
    folder = loaded[name]
    key, blank = make.verify(folder, make.notebooks(folder, "import os"))
    assert key.points == sum(c.points for c in folder.assignment.checks) and blank.points == 0
    assert not key.cells


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_wrong_solution_loses_exactly_what_it_should(loaded, name, case):
    folder, wrong = loaded[name], WRONG[name][case]
    made = make.notebooks(folder, "import os")
    made.key.cells.append(new_code_cell("\n\n".join(wrong["replace"].values())))
    row = make.graded(folder, nbformat.writes(made.key).encode())
    assert sorted(n for n, c in row.checks.items() if c.outcome != rows.RIGHT) == sorted(wrong["loses"])
    assert rows.BOX not in {c.outcome for c in row.checks.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_withheld_names_are_not_in_the_box(loaded, name):
    folder = loaded[name]
    _, runtime = engine.place(engine.Package.of(folder))
    library = Path(next(source for source, target in runtime.binds if target == "/box")) / "ganlib"
    assert folder.assignment.withheld
    for withheld in folder.assignment.withheld:
        module, _, attribute = withheld.partition(".")
        if attribute:
            assert f"def {attribute}(" not in (library / f"{module}.py").read_text("utf8")
        else:
            assert not list(library.rglob(f"{module}.*py*"))
