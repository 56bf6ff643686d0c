"""A medida de uma linha: base, ganlib e piso, um de cada vez e em rodízio, no mesmo processo.

Uma rodada dá alguns passos de cada lado, um logo depois do outro; a razão é tirada dentro da rodada, onde a máquina
estava igual para todos, e o que se publica é a mediana das rodadas. Milissegundos mudam de uma máquina e de um momento
a outro; razões, pouco.
"""

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import floors, naive, ours
from benchmarks.rows import Row
from benchmarks.works import WORKS
from ganlib import Training

BLOCK_SECONDS = 0.15  # o bastante para o relógio, e pouco para a máquina mudar no meio de uma rodada
MAX_STEPS = 200
NAIVE_TOLERANCE = 0.15

Steps = Callable[[int], object]


def sides(row: Row) -> dict[str, Steps]:
    """Os três lados da linha, ``{"base", "ours", "floor"}``: cada um é uma função que dá n passos."""
    work = WORKS[row.work]

    def ganlib_side(variant: str) -> Steps:
        return ours.steps(Training(ours.config(work, variant, row.device)))

    speed = ours.VARIANTS[row.variant]
    floor_step = floors.step(work, device=row.device, bf16=speed.bf16, one_pass=speed.one_pass)

    def floor_side(n: int) -> None:
        with speed.matmul(row.device):
            repeat(floor_step, n)

    loop = naive.loop(work) if row.base == "naive" else None
    base = ganlib_side(row.base) if loop is None else lambda n: repeat(loop.__next__, n)
    return {"base": base, "ours": ganlib_side(row.variant), "floor": floor_side}


def repeat(step: Callable[[], object], n: int) -> None:
    for _ in range(n):
        step()


def waited(steps: Steps, device: str) -> Steps:
    """Os mesmos passos, até o dispositivo acabar de fazê-los."""

    def run(n: int) -> None:
        steps(n)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def rotate(
    sides: dict[str, Steps],
    steps: int,
    rounds: int,
    after_round: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Os segundos por passo de cada lado em cada rodada, A B C A B C…"""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start = clock()
            side(steps)
            times[name].append((clock() - start) / steps)
        after_round()
    return times


def steps_per_round(side: Steps, clock: Callable[[], float] = time.perf_counter) -> int:
    """Quantos passos enchem ``BLOCK_SECONDS``, entre 1 e ``MAX_STEPS``."""
    start = clock()
    side(2)
    one = (clock() - start) / 2
    return max(1, min(MAX_STEPS, round(BLOCK_SECONDS / one)))


def quotient(above: Sequence[float], below: Sequence[float]) -> float:
    """A mediana, sobre as rodadas, do quociente de dois lados."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def quartiles(above: Sequence[float], below: Sequence[float]) -> tuple[float, float]:
    """O primeiro e o terceiro quartis dos quocientes."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    if len(ratios) == 1:
        return ratios[0], ratios[0]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return low, high


def summary(row: Row, times: dict[str, list[float]], steps: int) -> dict[str, Any]:
    """O que se guarda de uma linha: razões, medianas em ms (por modelo, se houver vários) e onde foi medida.

    ``naive_check`` é o quociente medido dividido pelo de referência; ``ceiling`` é a razão que teria um passo igual ao
    piso: nesta máquina, nada passa dela.
    """
    models = WORKS[row.work].models or 1
    # O laço ingênuo treina um modelo por vez; os outros dois lados, todos de uma vez.
    each = {"base": times["base"], **{side: [t / models for t in times[side]] for side in ("ours", "floor")}}
    base, mine, floor = (each[side] for side in ("base", "ours", "floor"))
    ratio = quotient(base, mine)
    return {
        "name": row.name,
        "work": row.work,
        "title": WORKS[row.work].title,
        "variant": row.variant,
        "base": row.base,
        "threads": row.threads,
        "device": row.device,
        "device_name": torch.cuda.get_device_name() if row.device == "cuda" else cpu_name(),
        "ratio": ratio,
        "ratio_quartiles": quartiles(base, mine),
        "target": row.target,
        "floor_share": quotient(floor, mine),
        "floor_target": row.floor_target,
        "ceiling": quotient(base, floor),
        "naive_check": None if row.reference is None else ratio / row.reference,
        **{f"{side}_ms": 1e3 * statistics.median(values) for side, values in each.items()},
        "rounds": len(base),
        "steps_per_round": steps,
        "torch": torch.__version__,
        "cpu": cpu_name(),
    }


def measure(row: Row, rounds: int, after_round: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Mede uma linha neste processo, que deve ser só dela (threads e modo dos produtos são do processo inteiro)."""
    torch.set_num_threads(row.threads)
    all_sides = {name: waited(side, row.device) for name, side in sides(row).items()}
    for side in all_sides.values():  # aquecimento: o primeiro passo cria estados, escolhe algoritmos, grava grafos
        side(3)
    steps = max(1, min(steps_per_round(side) for side in (all_sides["base"], all_sides["ours"])))
    for side in all_sides.values():
        side(steps)
    return summary(row, rotate(all_sides, steps, rounds, after_round), steps)


def cpu_name() -> str:
    """O processador, com família e modelo onde o Linux os diz: há nomes que escondem a geração."""
    try:
        lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in reversed(list(lines))}
    name = facts.get("model name") or platform.machine()
    return f"{name}, família {facts['cpu family']}, modelo {facts['model']}" if "cpu family" in facts else name
