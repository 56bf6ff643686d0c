"""Nenhum notebook hostil ganha um ponto sobre o todo errado, espia, estraga, fica para trás ou atrapalha o vizinho."""

import os
import selectors
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
from desk import RIGHT, notebook
from hostile import ANY, ATTACKS, WRONG

from grading import box, rows

pytestmark = pytest.mark.slow  # cada caixa custa um segundo, e são muitas


def boxed_processes():
    """Os processos desta máquina que rodam numa caixa."""
    return [p for p in psutil.process_iter(["cmdline"]) if "/box/inside.py" in (p.info["cmdline"] or [])]


def test_the_all_wrong_submission_gets_zero(desk):
    row = desk.grade(notebook(WRONG))
    assert row.outcome == rows.GRADED and row.points == 0
    assert {check.outcome for check in row.checks.values()} == {rows.WRONG}


def test_the_right_submission_gets_everything(desk):
    row = desk.grade(notebook(RIGHT))
    assert row.outcome == rows.GRADED and row.points == 3.0


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_gains_nothing(desk, name, monkeypatch):
    attack = ATTACKS[name]
    monkeypatch.setenv("GRADING_SECRET", "segredo do instrutor")
    row = desk.grade(notebook(WRONG, attack.code))
    assert row.points == 0, attack.what
    assert not [n for n, check in row.checks.items() if check.outcome in (rows.RIGHT, rows.BOX)], row
    assert row.outcome in attack.ends, row
    assert "SEGREDO" not in repr(row)


def test_nothing_outlives_the_run(desk):
    before = {p.pid for p in boxed_processes()}
    for name in ("outlive", "outlive_prctl", "outlive_exec", "hold_pipe", "fork_bomb"):
        desk.grade(notebook(WRONG, ATTACKS[name].code))
    deadline = time.monotonic() + 5
    while (left := {p.pid for p in boxed_processes()} - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


CROWDING = ("fork_bomb", "thread_bomb", "spin", "memory_fork", "fill_tmp", "kill_parent", "many_files")


@pytest.mark.parametrize("name", CROWDING)
def test_the_neighbour_is_graded_as_if_alone(desk, name):
    with ThreadPoolExecutor(2) as pool:
        hostile = pool.submit(desk.grade, notebook(WRONG, ATTACKS[name].code))
        honest = pool.submit(desk.grade, notebook("import time; time.sleep(0.5)", RIGHT))
        assert honest.result().points == 3.0
        assert hostile.result().points == 0


def test_the_next_submission_is_graded_as_if_nothing_had_happened(desk):
    for name in ("crash", "exit", "close_pipe", "write_files"):
        desk.grade(notebook(WRONG, ATTACKS[name].code))
        assert desk.grade(notebook(RIGHT)).points == 3.0, name


def test_the_reader_never_waits_for_what_was_taken_back(monkeypatch):
    """Quem está na caixa pode reler o cano depois que o seletor diz que há algo: a leitura não espera."""
    reader, writer = os.pipe()
    monkeypatch.setattr(selectors.DefaultSelector, "select", lambda *_: [True])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(box._listen, None, reader, time.monotonic() + 0.2, 100)
        try:
            assert waiting.result(timeout=5) == (b"", box.TIMEOUT)
        finally:
            os.close(writer)
    os.close(reader)


def test_no_one_inside_passes_for_a_box_that_did_not_open(desk, monkeypatch):
    """Sem nada no cano (quem está na caixa tomou tudo de volta), ainda se sabe que ela abriu."""
    monkeypatch.setattr(box, "_frames", lambda *_: [])
    assert desk.grade(notebook(RIGHT)).outcome == rows.CRASH


def test_the_frames_cost_little():
    start = time.perf_counter()
    assert box._frames(b"\n" * (16 << 20), 1 << 20) == []
    assert box._frames(b'{"a": [' + b"{}," * (1 << 20) + b"0]}", 1 << 20) == []
    assert time.perf_counter() - start < 3
    assert box._frames(b'{"a": [0, 1]}\n{}', 1 << 20) == [{"a": [0, 1]}, {}]


def test_the_attacks_are_seen_to_work_without_the_box(desk, tmp_path):
    """O exemplo do que a caixa impede: sem ela, o mesmo notebook lê o ambiente e os arquivos de quem corrige."""
    code = f"""
import os
if os.environ.get("GRADING_SECRET") and os.path.exists({str(tmp_path)!r}):
    def double(x): return x * 2
"""
    open_desk = replace(desk, package=replace(desk.package, sandbox=False))
    os.environ["GRADING_SECRET"] = "segredo"
    try:
        assert open_desk.grade(notebook(WRONG, code)).points == 1.5
        assert desk.grade(notebook(WRONG, code)).points == 0
    finally:
        del os.environ["GRADING_SECRET"]


def test_every_attack_may_end_only_in_known_ways():
    assert {end for attack in ATTACKS.values() for end in attack.ends} <= set(rows.SUBMISSION_OUTCOMES) - {rows.BOX}
    assert set(ANY) <= set(rows.SUBMISSION_OUTCOMES)
