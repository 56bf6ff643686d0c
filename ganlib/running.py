"""O laço em volta do laço: treinar até um passo, olhando, gravando e parando sempre entre dois passos.

A linha de comando (``cli``) e o notebook (``live``) usam o mesmo ``follow``; o que muda é quem olha (``Watch``).
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ganlib.folder import Folder, Row
from ganlib.training import Training

# Chamada várias vezes por segundo com o treinamento, as métricas de agora e as guardadas até aqui.
Watch = Callable[[Training, Row, list[Row]], Any]


def follow(
    run: Training,
    steps: int,
    rows: list[Row],
    *,
    folder: Folder | None = None,
    save_every: int = 1000,
    watch: Watch = lambda run, now, rows: None,
) -> list[Row]:
    """Treina até o passo ``steps`` (contado do zero, não de agora).

    Args:
        rows: as métricas já guardadas; as novas são acrescentadas a elas, uma linha a cada ``log_every`` passos e no
            último. O que se olha entre uma linha e outra não muda nem o treinamento nem as linhas.
        folder: onde gravar, já aberta; sem ela nada é gravado.
        save_every: de quantos em quantos passos se grava um ponto de retomada; o último passo sempre é gravado.
        watch: quem olha.

    Returns:
        ``rows``.

    Raises:
        TrainingDiverged: uma métrica deixou de ser finita; o último ponto gravado continua bom.
        KeyboardInterrupt: Ctrl-C. Com um processo só, o passo em curso termina e, com pasta, um ponto é gravado antes;
            um segundo Ctrl-C para na hora.
        OSError: não foi possível gravar; o último ponto gravado continua bom.
    """
    log_every, pace = run.config.log_every, _Pace()
    with _asked_to_stop(run.ranks.world == 1) as stop:
        while run.step < steps:
            boundary = min(steps, *(_next_multiple(run.step, every) for every in (log_every, save_every)))
            # Vários processos medem juntos: precisam parar para olhar nos mesmos passos.
            n = boundary - run.step if run.ranks.world > 1 else min(boundary - run.step, pace.steps)
            with pace.measure(n):
                (now,) = run.steps(n)
            if run.step % log_every == 0 or run.step == steps:
                rows.append(now)
                if folder:
                    folder.add(run, now)
            watch(run, now, rows)
            stopping = stop()
            if folder and (run.step % save_every == 0 or run.step == steps or stopping):
                folder.save(run)
            if stopping:
                raise KeyboardInterrupt
    return rows


def _next_multiple(step: int, every: int) -> int:
    return (step // every + 1) * every


class _Pace:
    """Quantos passos dar entre duas olhadas: os que cabem num décimo de segundo, crescendo aos poucos."""

    SECONDS = 0.1

    def __init__(self):
        self.steps = 1

    @contextmanager
    def measure(self, n: int) -> Iterator[None]:
        start = time.perf_counter()
        yield
        per_step = (time.perf_counter() - start) / n
        self.steps = max(1, min(2 * self.steps, int(self.SECONDS / per_step)))


@contextmanager
def _asked_to_stop(enabled: bool) -> Iterator[Callable[[], bool]]:
    """Durante o bloco, o primeiro Ctrl-C é só anotado, para que o passo termine; o segundo interrompe na hora."""
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    # Fora da thread principal o Python não deixa trocar o tratador; e quem ignora o Ctrl-C (nohup) continua a ignorar.
    if not enabled or threading.current_thread() is not threading.main_thread() or not callable(before):
        yield asked.is_set
        return

    def note(*_):
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
