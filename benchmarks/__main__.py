"""Mede a ganlib contra os laços ingênuos e contra o piso: python -m benchmarks

Cada linha roda num processo só seu. O resultado é uma tabela e ``_build/bench.json``; um alvo perdido aparece com ✗ e
não é um erro.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks import report, rows
from benchmarks.measure import measure
from benchmarks.rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, QUICK_ROUNDS = 15, 2
BUSY = 0.5  # carga média do último minuto acima da qual a máquina não está quieta


class MeasureFailed(Exception):
    """O processo de uma linha terminou com erro; a mensagem traz o que ele disse."""


def arguments(line: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="+", metavar="LINHA", help=f"só estas linhas: {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, help=f"rodadas por linha (por padrão, {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help=f"só {QUICK_ROUNDS} rodadas: para ver se funciona")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "bench.json", help="onde gravar o resultado")
    parser.add_argument("--save", type=Path, metavar="ARQUIVO", help="grava também aqui, por exemplo para publicar")
    parser.add_argument("--worker", metavar="LINHA", help=argparse.SUPPRESS)
    options = parser.parse_args(line)
    if options.rounds is None:
        options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error(f"--rounds deve ser ao menos 1; recebi {options.rounds}")
    return options


def work(row: Row, rounds: int) -> None:
    """O processo de uma linha: um ponto por rodada na saída e, no fim, o resultado em JSON."""
    result = measure(row, rounds, lambda: print(".", flush=True))
    print(json.dumps(result), flush=True)


def in_its_own_process(row: Row, rounds: int, after_round: Callable[[], object]) -> dict[str, Any]:
    """Mede uma linha num processo novo.

    Raises:
        MeasureFailed: o processo terminou com erro.
    """
    command = [sys.executable, "-m", "benchmarks", "--worker", row.name, "--rounds", str(rounds)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(row.threads)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        for line in process.stdout:
            if line.strip() == ".":
                after_round()
            else:
                last = line
        said = process.stderr.read()
    if process.returncode:
        raise MeasureFailed(f"a medida {row.name} falhou:\n{said.strip()}")
    return json.loads(last)


def busy() -> list[str]:
    """Um aviso, se outros programas ocupam a máquina: as linhas de duas threads são as primeiras a perder o sentido."""
    load = os.getloadavg()[0]
    return [f"atenção: a carga da máquina era {report.number(load, 1)} antes de começar"] if load > BUSY else []


def main() -> None:
    options = arguments()
    try:
        if options.worker:
            return work(rows.select([options.worker])[0], options.rounds)
        chosen, notes = rows.runnable(
            rows.select(options.rows), cores=os.cpu_count() or 1, gpu=torch.cuda.is_available()
        )
        notes += busy()
        results = []
        with tqdm(total=len(chosen) * options.rounds, unit="rodada", leave=False) as bar:
            for row in chosen:
                bar.set_description(row.name)
                results.append(in_its_own_process(row, options.rounds, bar.update))
    except (MeasureFailed, ValueError) as error:
        sys.exit(str(error))
    print(report.table(results, notes))
    for path in filter(None, (options.out, options.save)):
        report.write(path, results, notes)
        print(f"gravado em {path}")


if __name__ == "__main__":
    main()
