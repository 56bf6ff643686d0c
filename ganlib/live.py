"""Treinar num notebook, vendo: as perdas, a norma do gradiente e as amostras, atualizadas no lugar.

    history = train(Config(data="ring", loss="minimax"), 2_000)

Quando ninguém está olhando (o livro que se constrói, um teste), nada é mostrado.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganlib import plotting, sheet
from ganlib.config import Config
from ganlib.folder import Folder, Row
from ganlib.progress import progress_bar
from ganlib.running import Watch, follow
from ganlib.training import Training, collect

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def train(
    run: Training | Config,
    steps: int,
    *,
    plot: bool = True,
    final: bool = False,
    folder: str | Path | None = None,
    save_every: int = 1000,
    keep: int = 2,
) -> dict[str, np.ndarray]:
    """Treina até o passo ``steps`` e devolve as métricas, como ``collect``.

    Interromper a célula para entre dois passos, e ``run`` continua bom; rodá-la de novo continua.

    Args:
        run: um treinamento, ou a configuração de um.
        steps: até que passo, contado do zero.
        plot: mostra a figura e a barra enquanto treina, se há alguém olhando.
        final: se não há, mostra a figura uma vez, no fim.
        folder: onde gravar pontos de retomada e ``metricas.csv``; se já há um ponto lá, continua dele, e as métricas
            devolvidas são todas, desde o começo.
        save_every, keep: de quantos em quantos passos se grava, e quantos pontos ficam.

    Returns:
        Métrica → vetor ``(T,)`` ou, com K modelos, ``(T, K)``.

    Raises:
        ValueError: o treinamento já passou de ``steps`` e não há métricas para devolver.
        TrainingDiverged, CheckpointError, OSError: como em ``running.follow`` e ``Folder.open``.
    """
    run = Training(run) if isinstance(run, Config) else run
    place = None if folder is None else Folder(folder, keep)
    rows = place.open(run, steps) if place else []
    if run.step >= steps and not rows:
        raise ValueError(f"o treinamento já está no passo {run.step}: peça um passo maior que {steps}")
    live = plot and someone_is_watching()
    with ExitStack() as stack:
        watches = [stack.enter_context(w(run, steps)) for w in (progress_bar, live_plot) if live]

        def watch(run: Training, now: Row, rows: list[Row]) -> None:
            for each in watches:
                each(run, now, rows)

        follow(run, steps, rows, folder=place, save_every=save_every, watch=watch)
    if final and not live:
        show(run, collect(rows))
    return collect(rows)


def someone_is_watching() -> bool:
    """Se o código roda num notebook aberto por uma pessoa.

    Quem executa um notebook sem ninguém diante dele (nbclient, nbval, o livro) avisa, a cada célula, que não há quem
    responda a um ``input()``; o Jupyter, o Colab e o VS Code avisam que há.
    """
    kernel = getattr(_shell(), "kernel", None)
    return kernel is not None and bool(kernel.get_parent().get("content", {}).get("allow_stdin"))


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


@contextmanager
def live_plot(run: Training, steps: int) -> Iterator[Watch]:
    """Uma figura do notebook que se atualiza no lugar, gastando no máximo um décimo do tempo."""
    plot = _LivePlot()
    yield plot
    plot.finish(run)


class _LivePlot:
    def __init__(self):
        self.handle, self.due, self.drawn, self.rows = None, 0.0, -1, []

    def __call__(self, run: Training, now: Row, rows: list[Row]) -> None:
        self.rows = rows
        if rows and time.monotonic() >= self.due:
            self.draw(run)

    def draw(self, run: Training) -> None:
        from IPython.display import display

        start = time.monotonic()
        fig = figure(run, collect(self.rows))
        if self.handle is None:
            self.handle = display(fig, display_id=True)
        else:
            self.handle.update(fig)
        took = time.monotonic() - start
        self.due, self.drawn = start + max(1.0, 10 * took), run.step

    def finish(self, run: Training) -> None:
        if self.rows and self.drawn != run.step:
            self.draw(run)


def show(run: Training, history: dict[str, np.ndarray]) -> None:
    """Mostra a figura uma vez; fora de um notebook, não faz nada."""
    if _shell() is not None:
        from IPython.display import display

        display(figure(run, history))


def figure(run: Training, history: dict[str, np.ndarray]) -> "Figure":
    """As perdas, a norma do gradiente do gerador e as amostras de agora, lado a lado.

    Com vários modelos, a mediana e os extremos, e as amostras do primeiro.
    """
    import matplotlib.pyplot as plt

    fig, (losses, norm, samples) = plotting.figure(1, 3, width=11, height=3.4)
    for ax, names in ((losses, {"d_loss": "discriminador", "g_loss": "gerador"}), (norm, {"grad_norm": ""})):
        for name, label in names.items():
            color = plotting.COLORS["real" if name == "d_loss" else "fake"]
            if run.lead:
                plotting.band(ax, history["step"], history[name], label=label, color=color)
            else:
                ax.plot(history["step"], history[name], color=color, label=label)
        ax.set_xlabel("passo")
    losses.set_title("perdas")
    losses.legend()
    norm.set(title="norma do gradiente de G", yscale="log")
    sheet.draw(samples, run)
    samples.set_title("amostras" + (" (modelo 0)" if run.lead else ""))
    plt.close(fig)  # senão o notebook a mostraria de novo no fim da célula
    return fig
