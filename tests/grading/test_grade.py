"""A turma: resultados em disco assim que saem, retomada, nova tolerância, aglomerado; e a linha de comando inteira."""

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from desk import RIGHT, SEED, TOY, notebook

from grading import assignment, grade, make, rows
from grading.__main__ import main
from grading.store import Store
from grading.submissions import collect

pytestmark = pytest.mark.slow
WRONG_DOUBLE = RIGHT.replace("2 * x", "3 * x")


@pytest.fixture
def classroom(tmp_path):
    """Uma pasta de entregas: uma certa, uma errada, uma que não é um notebook, uma vazia."""
    folder = tmp_path / "entregas"
    folder.mkdir()
    (folder / "ana.ipynb").write_bytes(notebook(RIGHT, text=(make.answer_box("q3", "Porque sim."),)))
    (folder / "bruno.ipynb").write_bytes(notebook(WRONG_DOUBLE))
    (folder / "caio.ipynb").write_bytes(b"%PDF")
    (folder / "davi.ipynb").write_bytes(b"")
    return folder


def run(folder, handed, store, **options):
    return grade.grade(assignment.load(folder), collect(handed), SEED, store, **{"jobs": 2} | options)


def points(found):
    return {entry.student: row.points for entry, row in found}


def stamps(store):
    return {f.name: f.stat().st_mtime_ns for f in (store.path / "resultados").glob("*.json")}


def test_a_class_is_graded_and_resumed(classroom, tmp_path):
    store = Store(tmp_path / "turma")
    seen = []
    found = run(TOY, classroom, store, progress=lambda *step: seen.append(step))
    assert points(found) == {"ana": 3.0, "bruno": 1.5, "caio": 0.0, "davi": 0.0}
    assert {e.student: r.outcome for e, r in found} == {
        "ana": rows.GRADED, "bruno": rows.GRADED, "caio": rows.UNREADABLE, "davi": rows.UNREADABLE,
    }  # fmt: skip
    assert seen[-1] == ("entregas", 4, 4) and ("gabarito", 2, 2) in seen
    assert not list(store.path.rglob("*.parcial"))
    before = stamps(store)
    (classroom / "eva.ipynb").write_bytes(notebook(RIGHT))
    again = run(TOY, classroom, store)
    assert points(again)["eva"] == 3.0
    assert {name: stamp for name, stamp in stamps(store).items() if name in before} == before
    assert "Entregas: 5; 3 corrigida; 2 ilegível" in grade.summary(again)


def test_an_interrupted_run_goes_on_where_it_was(classroom, tmp_path):
    store = Store(tmp_path / "turma")

    def stop(what, done, total):
        if (what, done) == ("entregas", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(TOY, classroom, store, jobs=1, progress=stop)
    before = stamps(store)
    assert len(before) == 1 and store.index().entries
    found = run(TOY, classroom, store)
    assert points(found) == {"ana": 3.0, "bruno": 1.5, "caio": 0.0, "davi": 0.0}
    assert stamps(store).items() >= before.items()


def test_a_file_that_vanishes_in_the_middle_does_not_stop_the_others(classroom, tmp_path):
    store, folder = Store(tmp_path / "turma"), assignment.load(TOY)
    handed = [replace(s, source=Vanishing(s.source)) if s.student == "ana" else s for s in collect(classroom)]
    found = grade.grade(folder, handed, SEED, store, jobs=2)
    assert {e.student: r.outcome for e, r in found}["ana"] == rows.BOX
    assert points(found)["bruno"] == 1.5
    assert points(run(TOY, classroom, store, rerun=True))["ana"] == 3.0


class Vanishing:
    """Uma entrega que se lê uma vez e depois some."""

    def __init__(self, source):
        self.sources = [source]

    def __call__(self):
        if not self.sources:
            raise FileNotFoundError("sumiu")
        return self.sources.pop()()


def test_a_damaged_result_is_done_again(classroom, tmp_path):
    store = Store(tmp_path / "turma")
    run(TOY, classroom, store)
    victim = next((store.path / "resultados").glob("*.json"))
    victim.write_text('{"student": "an', "utf8")
    assert points(run(TOY, classroom, store)) == {"ana": 3.0, "bruno": 1.5, "caio": 0.0, "davi": 0.0}
    json.loads(victim.read_text("utf8"))


def test_rerun_repeats_only_what_the_machine_failed(classroom, tmp_path):
    store = Store(tmp_path / "turma")
    deaf = "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    (classroom / "lenta.ipynb").write_bytes(notebook(RIGHT, deaf))
    run(TOY, classroom, store)
    before = stamps(store)
    run(TOY, classroom, store)
    assert stamps(store) == before
    found = run(TOY, classroom, store, rerun=True)
    changed = [name for name, stamp in stamps(store).items() if stamp != before[name]]
    assert changed == [f"{next(e.key for e, _ in found if e.student == 'lenta')}.json"]
    assert "--rerun" in grade.summary(found)


def test_a_changed_tolerance_regrades_and_keeps_the_manual_marks(classroom, tmp_path):
    folder = shutil.copytree(TOY, tmp_path / "lista")
    store = Store(tmp_path / "turma")
    run(folder, classroom, store)
    assert main(["merge", str(store.path)]) == 0
    sheet = store.manual.read_text("utf-8-sig").splitlines()
    header = next(csv.reader([sheet[0]], delimiter=";"))
    mark = header.index("nota")
    typed = [line.split(";") for line in sheet]
    row = next(line for line in typed if line[0].strip('"') == "ana")
    row[mark] = "1,5"
    store.manual.write_text("\n".join(";".join(line) for line in typed) + "\n", "utf-8-sig")
    text = (folder / "grading.py").read_text("utf8")
    (folder / "grading.py").write_text(text.replace("close()),", "close(rtol=1.0)),"), "utf8")
    assert points(run(folder, classroom, store))["bruno"] == 2.5
    assert main(["merge", str(store.path)]) == 0
    kept = csv.DictReader(io.StringIO(store.manual.read_text("utf-8-sig")), delimiter=";")
    assert next(line for line in kept if line["aluno"] == "ana")["nota"] == "1,5"


# A linha de comando, com uma lista de fora do repositório e um zip como o do Moodle


def moodle_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        for i, (name, content) in enumerate({
            "Aluna Ção": notebook(RIGHT, text=(make.answer_box("q3", "Porque <b>sim</b>."),)),
            "Aluno Três": notebook(WRONG_DOUBLE),
            "Aluna Sem Nada": b"",
        }.items()):  # fmt: skip
            z.writestr(f"{name}_{100 + i}_assignsubmission_file_/minha lista.ipynb", content)
    return path


def test_from_a_private_list_to_the_published_grades(tmp_path, capsys):
    private = shutil.copytree(TOY, tmp_path / "fora do repositório" / "prova")
    seed = tmp_path / "semente"
    seed.write_bytes(SEED)
    out = tmp_path / "turma"
    assert main(["make", str(private), "--out", str(tmp_path / "feito")]) == 0
    assert {f.name for f in (tmp_path / "feito").iterdir()} == {"prova.ipynb", "prova-gabarito.ipynb"}
    handed = moodle_zip(tmp_path / "envios.zip")
    assert main(["grade", str(private), str(handed), "--seed-file", str(seed), "--out", str(out)]) == 0
    assert main(["merge", str(out)]) == 0
    assert main(["publish", str(out)]) == 0
    said = capsys.readouterr().out
    assert "nota máxima" in said and "Entregas: 3; 2 corrigida; 1 ilegível" in said
    published = out / "publicado"
    grades = list(csv.DictReader(io.StringIO((published / "notas.csv").read_text("utf-8-sig")), delimiter=";"))
    assert [line["nome"] for line in grades] == ["Aluna Ção", "Aluna Sem Nada", "Aluno Três"]
    with zipfile.ZipFile(published / "devolutivas.zip") as z:
        assert {n.split("/")[0] for n in z.namelist()} == {
            f"{n}_{100 + i}_assignsubmission_file_" for i, n in enumerate(("Aluna Ção", "Aluno Três", "Aluna Sem Nada"))
        }
        page = z.read(next(n for n in z.namelist() if "102" not in n and "101" in n)).decode()
    assert "Some o vetor com ele mesmo." in page
    drawn = assignment.draw(assignment.load(private), SEED, "101")["q1_vector"]["x"]
    assert not any(f"{value:.3f}".replace(".", mark) in page for value in drawn for mark in ".,")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grade", str(TOY), "{tmp}/nada", "--seed-file", "{tmp}/semente", "--out", "{tmp}/o"], "nada"),
        (["grade", str(TOY), "{tmp}", "--seed-file", "{tmp}/outra", "--out", "{tmp}/o"], "semente da turma não existe"),
        (["grade", "{tmp}", "{tmp}", "--seed-file", "{tmp}/semente", "--out", "{tmp}/o"], "não tem o arquivo list.md"),
        (["merge", "{tmp}"], "não é a pasta de uma correção"),
        (["publish", "{tmp}"], "não é a pasta de uma correção"),
        (["grade", str(TOY), "{tmp}/e", "--seed-file", "{tmp}/semente", "--out", "{tmp}/o", "--dask", "tcp://127.0.0.1:9"],
         "Não há um escalonador do Dask"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(tmp_path, arguments, says):
    (tmp_path / "semente").write_bytes(SEED)
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "ana.ipynb").write_bytes(notebook(RIGHT))
    command = [sys.executable, "-m", "grading", *(a.replace("{tmp}", str(tmp_path)) for a in arguments)]
    result = subprocess.run(command, cwd=TOY.parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert says in result.stderr and result.stderr.strip().splitlines()[-1].startswith("Erro: ")


# O aglomerado


@pytest.fixture
def cluster(tmp_path):
    """Um escalonador e dois trabalhadores, cada um no seu processo; quem morre não renasce."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"cwd": TOY.parents[2], "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    options = ["--no-dashboard", "--local-directory", str(tmp_path)]
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], **quiet)]
    started += [subprocess.Popen([*worker, *options], **quiet) for _ in range(2)]
    try:
        from distributed import Client

        deadline = time.monotonic() + 60
        with Client(address, timeout=60) as client:
            while len(client.nthreads()) < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert len(client.nthreads()) == 2
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_that_loses_a_worker_gives_the_same_grades(cluster, tmp_path):
    address, workers = cluster
    handed = tmp_path / "entregas"
    handed.mkdir()
    for i in range(8):
        code = "import time; time.sleep(0.3)" + (RIGHT if i % 2 else WRONG_DOUBLE)
        (handed / f"aluno{i}.ipynb").write_bytes(notebook(code))
    killed = []

    def kill_one(what, done, total):
        if what == "entregas" and done == 2 and not killed:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    far = run(TOY, handed, Store(tmp_path / "longe"), dask=address, progress=kill_one)
    near = run(TOY, handed, Store(tmp_path / "perto"))
    assert killed and workers[0].wait() == -signal.SIGKILL
    assert points(far) == points(near) == {f"aluno{i}": 3.0 if i % 2 else 1.5 for i in range(8)}
    kept = {"seconds": 0.0}
    assert [rows.Row.from_json(r.to_json() | kept) for _, r in far] == [
        rows.Row.from_json(r.to_json() | kept) for _, r in near
    ]
    assert len(list((tmp_path / "longe" / "resultados").glob("*.json"))) == 8
