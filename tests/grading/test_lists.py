"""As listas do curso: o gabarito tira tudo, o branco zero, e cada solução errada plausível perde o que deve."""

from pathlib import Path

import pytest
from desk import SEED
from wrong_solutions_ab import WRONG as WRONG_AB
from wrong_solutions_cd import WRONG as WRONG_CD

from grading import assignment, box, engine, make, rows

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
LISTS = sorted(file.parent.name for file in EXERCISES.glob("*/grading.py"))
WRONG = WRONG_AB | WRONG_CD


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


# Em torno das perguntas da lista: antes da primeira de cada solução errada, o notebook volta ao gabarito e a recebe.
# Uma caixa por lista em vez de uma por solução: o treinamento do gabarito roda uma vez só.
SWITCH = """
_key, _now = {}, None
def _switch(names, which):
    global _now
    space = names.__dict__["_namespace"]
    if not _key:
        _key.update(space)
    if _now != which:
        _now = which
        space.clear()
        space.update(_key)
        exec(_variants[which], space)
"""


@pytest.fixture(scope="module")
def lost(loaded):
    """De cada lista, as verificações que cada solução errada perde, numa caixa só."""
    return {name: lost_checks(loaded[name], WRONG[name]) for name in LISTS}


def lost_checks(folder, cases):
    package = engine.Package.of(folder)
    inputs = engine.encoded_inputs(folder, SEED, "aluno")
    cells = [cell.text for cell in make.parse(folder) if cell.kind == "code"]
    (expected,) = engine.key_answers(package, cells, [inputs])
    names = [check.name for check in folder.assignment.checks]
    variants = ["\n\n".join(case["replace"].values()) for case in cases.values()]
    asked = [
        f"def v{i}_{n}(names, **inputs):\n    _switch(names, {i})\n    return {n}(names, **inputs)"
        for i in range(len(variants))
        for n in names
    ]
    probes = "\n\n".join([folder.probes, f"_variants = {variants!r}", SWITCH, *asked])
    questions = [
        {"id": f"{i}/{n}", "name": f"v{i}_{n}", "inputs": inputs[n]} for i in range(len(variants)) for n in names
    ]
    _, runtime = engine.place(package)
    job = engine._job(folder, cells, questions, 600) | {"probes": probes}
    out = box.run(job, runtime, max_bytes=engine.KEY_BYTES)
    assert out.ended == box.END, out.detail
    answers = box.frames_by(out.frames, "check")
    work = engine.Work(package, "aluno", "x", b"", inputs, expected)
    found = {}
    for i, case in enumerate(cases):
        results = {c.name: engine._judge(c, answers[f"{i}/{c.name}"], out, work) for c in folder.assignment.checks}
        assert rows.BOX not in {result.outcome for result in results.values()}, case
        found[case] = sorted(n for n, result in results.items() if result.outcome != rows.RIGHT)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_each_wrong_solution_loses_exactly_what_it_should(lost, name):
    assert lost[name] == {case: sorted(wrong["loses"]) for case, wrong in WRONG[name].items()}


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
