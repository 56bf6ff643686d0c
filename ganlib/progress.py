"""Quem olha um treinamento no terminal: uma barra, ou uma linha de vez em quando onde ninguém a veria andar.

Cada função é um contexto que dá um ``running.Watch``.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
from tqdm import tqdm

from ganlib.folder import Row
from ganlib.notebook import decimal_comma
from ganlib.running import Watch
from ganlib.training import Training

LINE_SECONDS = 30.0


def on_terminal(run: Training, steps: int) -> AbstractContextManager[Watch]:
    """A barra se o stderr é um terminal; linhas se não é."""
    return progress_bar(run, steps) if sys.stderr.isatty() else lines(run, steps)


@contextmanager
def progress_bar(run: Training, steps: int) -> Iterator[Watch]:
    """Uma barra com o tempo que falta, o dispositivo e as perdas, em stderr."""
    layout = "{percentage:3.0f}% {bar:10} {n}/{total} · faltam {remaining} · {desc}"
    with tqdm(total=steps, initial=run.step, bar_format=layout, dynamic_ncols=True, file=sys.stderr) as bar:
        bar.set_description_str(str(run.device))

        def watch(run: Training, now: Row, rows: list[Row]) -> None:
            bar.set_description_str(f"{run.device} · {describe(now)}", refresh=False)
            bar.update(run.step - bar.n)

        yield watch


@contextmanager
def lines(run: Training, steps: int) -> Iterator[Watch]:
    """Uma linha inteira a cada ``LINE_SECONDS`` e no fim, em stderr."""
    started, first = time.monotonic(), run.step
    last = started

    def watch(run: Training, now: Row, rows: list[Row]) -> None:
        nonlocal last
        clock = time.monotonic()
        if clock - last < LINE_SECONDS and run.step < steps:
            return
        last = clock
        left = tqdm.format_interval((clock - started) / (run.step - first) * (steps - run.step))
        percent = f"{100 * run.step // steps} %"
        print(f"passo {run.step}/{steps} ({percent}) · faltam {left} · {describe(now)}", file=sys.stderr, flush=True)

    yield watch


def describe(now: Row) -> str:
    """As perdas e a norma do gradiente numa linha; com vários modelos, as medianas."""
    shown = (("perdas D", "d_loss", "{:.3f}"), ("G", "g_loss", "{:.3f}"), ("‖∇L_G‖", "grad_norm", "{:.1e}"))
    text = " · ".join(f"{label} {decimal_comma(float(np.median(now[name])), fmt)}" for label, name, fmt in shown)
    models = np.size(now["d_loss"])
    return text if models == 1 else f"{text} (medianas de {models})"
