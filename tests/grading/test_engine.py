"""Cada entrega tem a linha que merece; os cinco tipos de resultado não se confundem."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
from desk import RIGHT, notebook

from grading import box, engine, make, rows

pytestmark = pytest.mark.slow


def outcomes(row):
    return [check.outcome for check in row.checks.values()]


def test_the_blank_and_the_key(desk):
    made = make.notebooks(desk.folder, "import os")
    import nbformat

    assert desk.grade(nbformat.writes(made.key).encode()).points == 3.0
    assert desk.grade(nbformat.writes(made.student).encode()).points == 0.0


@pytest.mark.parametrize(
    ("cells", "expected", "cells_failed"),
    [
        ((RIGHT,), ["certa", "certa", "certa"], []),
        ((RIGHT.replace("2 * x", "3 * x"),), ["errada", "errada", "certa"], []),
        ((RIGHT.replace("2 * x", "2 * x.reshape(-1)"),), ["certa", "errada", "certa"], []),
        ((RIGHT.replace("def sample", "def outra"),), ["certa", "certa", "não respondida"], []),
        ((RIGHT, "raise ValueError"), ["certa", "certa", "certa"], [(2, "ValueError")]),
        ((RIGHT, "def sample(n): return 1 / 0"), ["certa", "certa", "erro"], []),
        (("def f(:", RIGHT), ["certa", "certa", "certa"], [(1, "SyntaxError")]),
        ((RIGHT, RIGHT, RIGHT), ["certa", "certa", "certa"], []),
        ((RIGHT, "assert double(torch.ones(1)) == 3, 'não'"), ["certa", "certa", "certa"], [(2, "AssertionError")]),
        ((RIGHT, "import warnings; warnings.warn('cuidado')"), ["certa", "certa", "certa"], []),
        (("%matplotlib inline\n!ls\n" + RIGHT, "%%time\nz = 1", "x = !ls", "double?"), ["certa", "certa", "certa"], []),
        (("%%time\n" + RIGHT,), ["certa", "certa", "certa"], []),
        (("from google.colab import drive, files\ndrive.mount('/content/drive')", RIGHT), ["certa"] * 3, []),
        (("display(1); get_ipython().run_line_magic('pip', 'install x')", RIGHT), ["certa"] * 3, []),
        ((RIGHT, "x = bytearray(1 << 40)"), ["certa", "certa", "certa"], [(2, "MemoryError")]),
        ((RIGHT, "def sample(n): return torch.ones(1 << 40)"), ["certa", "certa", "memória"], []),
        ((RIGHT, "def sample(n):\n    while True: pass"), ["certa", "certa", "tempo"], []),
        ((), ["não respondida"] * 3, []),
    ],
)
def test_each_submission_gets_what_it_deserves(desk, cells, expected, cells_failed):
    row = desk.grade(notebook(*cells))
    assert outcomes(row) == expected and row.cells == cells_failed and row.outcome == rows.GRADED


def test_an_endless_cell_costs_only_itself(desk):
    row = desk.grade(notebook(RIGHT, "while True: pass", "z = 1"))
    assert row.points == 3.0 and row.cells == [(2, "TimeoutError")]


def boxed_pythons():
    """Os interpretadores que rodam nas caixas deste processo (não o bubblewrap que os espera)."""
    found = []
    for p in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append((p, p.cmdline() or [""]))
    return [p for p, words in found if words[0].endswith("python") and "/box/inside.py" in words]


def test_the_four_ways_not_to_end(desk, monkeypatch):
    died = desk.grade(notebook(RIGHT, "import os; os._exit(3)"))
    assert died.outcome == rows.CRASH and set(outcomes(died)) == {rows.CRASH} and "terminou antes" in died.message
    deaf = "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    late = desk.grade(notebook(RIGHT, deaf))
    assert late.outcome == rows.TIMEOUT and set(outcomes(late)) == {rows.TIMEOUT} and "6 segundos" in late.message
    with ThreadPoolExecutor(1) as pool:  # o sistema, sem memória, mata o processo por fora
        waiting = pool.submit(desk.grade, notebook(RIGHT, *["import time; time.sleep(5)"] * 3))
        while not (boxed := boxed_pythons()) and not waiting.done():
            time.sleep(0.05)
        time.sleep(3)
        boxed[0].kill()
        assert waiting.result().outcome == rows.MEMORY
    monkeypatch.setattr(box, "DISK_BYTES", "muito")  # o bubblewrap recusa: a culpa não é do aluno
    broken = desk.grade(notebook(RIGHT))
    assert broken.outcome == rows.BOX and set(outcomes(broken)) == {rows.BOX} and "--rerun" in broken.message


def test_answers_given_before_the_end_are_kept(desk):
    row = desk.grade(notebook(RIGHT, "def sample(n):\n    import os\n    os._exit(0)"))
    assert outcomes(row) == ["certa", "certa", "erro"] and row.outcome == rows.CRASH


def test_a_comparison_that_stumbles_is_the_graders_fault(desk):
    checks = desk.folder.assignment.questions[1].checks
    broken = replace(checks[0], compare=lambda *_: 1 / 0)
    out = box.Outcome([], box.END, "", False, 0.0)
    work = engine.Work(desk.package, "a", "f", b"", desk.inputs, desk.expected)
    assert engine._judge(broken, {"answer": 1}, out, work).outcome == rows.BOX
    truthy = replace(checks[0], compare=lambda *_: "sim")
    assert engine._judge(truthy, {"answer": 1}, out, work).outcome == rows.WRONG


def test_what_is_not_a_notebook_is_a_row(desk):
    row = desk.grade(b"%PDF-1.4")
    assert row.outcome == rows.UNREADABLE and row.points == 0 and "não é um notebook" in row.message
    assert set(row.checks) == {"q1_vector", "q1_matrix", "q2_moments"} and row.written == {"q3": ""}


def test_the_written_answer_is_kept_as_it_is(desk):
    row = desk.grade(notebook(RIGHT, text=(make.answer_box("q3", "<script>alert(1)</script>"),)))
    assert row.written == {"q3": "<script>alert(1)</script>"}


def test_a_row_survives_the_disk(desk):
    row = desk.grade(notebook(RIGHT, "1 / 0"))
    assert rows.Row.from_json(row.to_json()) == row


def test_what_the_box_mounts_is_not_hidden_by_its_tmp(desk):
    _, prepared = engine.place(desk.package)
    arguments = box.command(prepared, 3, 4)
    mounted = [arguments.index(target) for _, target in prepared.binds]
    assert min(mounted) > arguments.index("--tmpfs")
