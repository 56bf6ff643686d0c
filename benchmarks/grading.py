"""O corretor contra o piso dele, ``bwrap`` + ``import torch``, em rodízio: python -m benchmarks.grading

Com ``--students N``, corrige também uma turma de N cópias do gabarito de cada lista de exercícios, e compara o tempo
com o do gabarito sozinho.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from tqdm import tqdm

from benchmarks.measure import cpu_name
from grading import assignment, box, engine, grade, make, seccomp
from grading.store import Store
from grading.submissions import collect

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / "tests" / "grading" / "toy"
TARGET = 0.85
SLACK = 1.3  # do tempo do gabarito × alunos ÷ núcleos


def seconds(action: Callable[[], object]) -> float:
    """Quanto leva uma vez."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@contextmanager
def floor(runtime) -> Iterator[Callable[[], None]]:
    """O mínimo: a mesma caixa, e dentro dela só ``import torch`` e a saída sem o fim de festa do interpretador."""
    filter_ = seccomp.program()
    try:
        arguments = box.command(runtime, 2, filter_)
        line = [*arguments[: arguments.index("-s")], "-c", "import torch, os; os._exit(0)"]

        def action() -> None:
            os.lseek(filter_, 0, os.SEEK_SET)
            subprocess.run(line, pass_fds=(filter_,), check=True, cwd="/")

        yield action
    finally:
        os.close(filter_)


def one(folder: assignment.ListFolder) -> Callable[[], object]:
    """Corrigir uma vez o gabarito da lista, com tudo o que uma entrega custa."""
    package = engine.Package.of(folder)
    made = nbformat.writes(make.notebooks(folder, "").key).encode()
    inputs = engine.encoded_inputs(folder, b"0" * 32, "aluno")
    cells = [cell.text for cell in make.parse(folder) if cell.kind == "code"]
    (expected,) = engine.key_answers(package, cells, [inputs])
    work = engine.Work(package, "aluno", "x.ipynb", made, inputs, expected)

    def action() -> None:
        row = engine.grade_one(work)
        assert row.points == sum(c.points for c in folder.assignment.checks), row

    return action


def share(rounds: int) -> str:
    """O quociente piso ÷ corretor, na lista de brinquedo, em rodízio."""
    folder = assignment.load(TOY)
    times: dict[str, list[float]] = {"piso": [], "corretor": []}
    _, runtime = engine.place(engine.Package.of(folder))
    graded = one(folder)
    with floor(runtime) as bare:
        for _ in tqdm(range(rounds), desc="rodadas", leave=False):
            times["piso"].append(seconds(bare))
            times["corretor"].append(seconds(graded))
    quotients = [a / b for a, b in zip(times["piso"], times["corretor"], strict=True)]
    low, middle, high = (statistics.quantiles(quotients, n=4) if rounds > 1 else quotients * 3)
    ours = statistics.median(times["corretor"])
    mark = "✓" if middle >= TARGET else "✗"
    return (
        f"piso (caixa + import torch): {statistics.median(times['piso']):.3f} s; "
        f"uma entrega de brinquedo: {ours:.3f} s\n"
        f"parcela do piso: {middle:.0%} [{low:.0%}–{high:.0%}], alvo {TARGET:.0%} {mark}; "
        f"{3600 / ours:,.0f} entregas por hora e núcleo"
    ).replace(".", ",")


def classroom(folder: assignment.ListFolder, students: int, jobs: int) -> str:
    """Uma turma inteira de cópias do gabarito, contra o tempo do gabarito sozinho."""
    action = one(folder)
    alone = statistics.median(seconds(action) for _ in range(3))
    key = nbformat.writes(make.notebooks(folder, "").key)
    with tempfile.TemporaryDirectory() as scratch:
        handed = Path(scratch) / "entregas"
        handed.mkdir()
        for i in range(students):
            (handed / f"aluno{i:04d}.ipynb").write_text(key, "utf8")
        store = Store(Path(scratch) / "turma")
        with tqdm(total=students, desc=folder.name, leave=False) as bar:

            def progress(what: str, done: int, total: int) -> None:
                if what == "entregas":
                    bar.update(done - bar.n)

            took = seconds(
                lambda: grade.grade(folder, collect(handed, None), b"0" * 32, store, jobs=jobs, progress=progress)
            )
        perfect = sum(row.points == sum(c.points for c in folder.assignment.checks) for _, row in store.rows())
    ratio = took / (alone * students / jobs)
    mark = "✓" if ratio <= SLACK else "✗"
    return (
        f"{folder.name}: {students} alunos em {took:.0f} s com {jobs} de cada vez ({perfect} com a nota do gabarito); "
        f"o gabarito sozinho leva {alone:.2f} s; {ratio:.2f} × gabarito × alunos ÷ núcleos, alvo {SLACK} {mark}"
    ).replace(".", ",")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="rodadas (por padrão, 15)")
    parser.add_argument("--students", type=int, default=0, metavar="N", help="também uma turma de N alunos por lista")
    parser.add_argument("--lists", nargs="+", type=Path, metavar="PASTA", help="só estas listas")
    options = parser.parse_args()
    print(f"{cpu_name()}, {os.cpu_count()} núcleos, carga {os.getloadavg()[0]:.1f}")
    print(share(options.rounds))
    if options.students:
        for path in options.lists or sorted(p.parent for p in (ROOT / "exercises").glob("*/grading.py")):
            print(classroom(assignment.load(path), options.students, os.cpu_count() or 1))


if __name__ == "__main__":
    main()
