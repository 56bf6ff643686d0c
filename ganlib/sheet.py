"""A folha de amostras de um treinamento: imagens numa grade, pontos em 2-D com os dados, histogramas em 1-D.

Usa a média móvel do gerador quando há uma.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganlib import plotting
from ganlib.files import replacing
from ganlib.training import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MODELS = 16


def default_samples(run: Training) -> int:
    """Quantas amostras se mostram quando não se diz quantas: 64 imagens ou 2.000 pontos."""
    return 64 if run.data.image_shape else 2_000


def draw(ax: "Axes", run: Training, n: int | None = None, *, model: int = 0) -> None:
    """Desenha ``n`` amostras de G (as do modelo ``model``, se forem vários) em ``ax``, ao lado dos dados."""
    drawn = _sample(run, n)
    _draw(ax, run, drawn if not run.lead else drawn[model])


def _sample(run: Training, n: int | None) -> np.ndarray:
    return run.sample(n or default_samples(run), average=run.average is not None).float().cpu().numpy()


def _draw(ax: "Axes", run: Training, fake: np.ndarray) -> None:
    """``fake`` tem forma ``(n, d)``."""
    if run.data.image_shape:
        plotting.images(ax, fake, run.data.image_shape)
        return
    # Os primeiros, e não todos: a figura compara duas nuvens do mesmo tamanho.
    real = run.data.x[: len(fake)].cpu().numpy()
    if fake.shape[1] == 1:
        low, high = np.quantile(real, [0, 1]) + np.array([-0.25, 0.25]) * np.ptp(real)
        bins = np.linspace(low, high, 60)
        for role, x, label in (("real", real, "dados"), ("fake", fake, "geradas")):
            # O que cai fora da janela conta na última barra: um gerador longe dos dados aparece na borda.
            seen = np.clip(x[:, 0], low, high)
            ax.hist(seen, bins, density=True, alpha=0.5, color=plotting.COLORS[role], label=label)
    else:
        # Com mais de duas coordenadas, as duas primeiras. A janela é a dos dados, com folga.
        plotting.samples(ax, real[:, :2], fake[:, :2], limit=1.5 * float(np.abs(real[:, :2]).max()))
    # Embaixo: dentro, cobriria amostras.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), ncols=2, markerscale=3)


def figure(run: Training, n: int | None = None) -> "Figure":
    """A folha inteira: um painel, ou um por modelo (os ``MOST_MODELS`` primeiros)."""
    drawn = _sample(run, n)
    if not run.lead:
        fig, ax = plotting.figure(width=6, height=6)
        _draw(ax, run, drawn)
        ax.set_title(f"{run.data.name}, passo {run.step}" + _averaged(run))
        return fig
    shown = min(run.lead[0], MOST_MODELS)
    cols = min(shown, 4)
    fig, axes = plotting.figure(-(-shown // cols), cols, width=3 * cols, height=3, squeeze=False)
    for k, ax in enumerate(axes.flat):
        if k < shown:
            _draw(ax, run, drawn[k])
            ax.set_title(f"modelo {k}")
        else:
            ax.set_axis_off()
    some = f", {shown} de {run.lead[0]} modelos" if shown < run.lead[0] else ""
    fig.suptitle(f"{run.data.name}, passo {run.step}{some}" + _averaged(run))
    return fig


def _averaged(run: Training) -> str:
    return ", média móvel de G" if run.average else ""


def save(run: Training, path: str | Path, n: int | None = None) -> None:
    """Grava a folha em PNG, de forma atômica.

    Raises:
        OSError: a pasta não pode ser escrita ou o disco encheu.
    """
    import matplotlib.pyplot as plt

    fig = figure(run, n)
    try:
        with replacing(path) as file:
            fig.savefig(file, format="png")
    finally:
        plt.close(fig)
