"""Um estilo só para todas as figuras: cores que daltônicos distinguem, vírgula decimal, fundo branco.

No tema escuro o livro inverte a luminosidade das figuras; por isso elas são desenhadas uma vez, sobre branco. A
matplotlib só é importada quando uma função daqui é chamada.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paleta de Okabe e Ito (2008), com um papel fixo para cada cor no livro inteiro.
COLORS = {
    "real": "#0072B2",
    "fake": "#D55E00",
    "minimax": "#D55E00",
    "non_saturating": "#009E73",
    "wasserstein": "#CC79A7",
    "discriminator": "#0072B2",
    "neutral": "#595959",
    "highlight": "#E69F00",
}
CYCLE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#595959"]
# O traço repete o que a cor diz: a figura se lê sem cor.
DASHES = {"minimax": "-", "non_saturating": "--", "wasserstein": ":", "real": "-", "fake": "--"}

STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.titlesize": 11.5,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "image.cmap": "cividis",
}


def figure(rows: int = 1, cols: int = 1, *, width: float = 7.5, height: float = 3.2, **options) -> "tuple[Figure, Any]":
    """Figura e eixos no estilo do livro; ``width`` e ``height`` em polegadas, a altura por linha.

    Returns:
        ``(fig, ax)``; com mais de um painel, ``ax`` é um vetor como o de ``plt.subplots``.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams.update(STYLE | {"axes.prop_cycle": mpl.cycler(color=CYCLE)})
    if _in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")
    fig, axes = plt.subplots(rows, cols, figsize=(width, rows * height), **options)
    for ax in np.atleast_1d(axes).flat:
        decimal_commas(ax)
    return fig, axes


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def decimal_commas(ax: "Axes") -> None:
    """Põe vírgula decimal nos números dos eixos lineares (os logarítmicos mostram potências)."""
    from matplotlib.ticker import ScalarFormatter

    class Comma(ScalarFormatter):
        def __call__(self, x, pos=None):
            return super().__call__(x, pos).replace(".", ",")

        def get_offset(self):
            return super().get_offset().replace(".", ",")

    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "linear":
            axis.set_major_formatter(Comma())


def band(ax: "Axes", x: Sequence[float], runs: np.ndarray, *, label: str, color: str, **line) -> None:
    """Mediana (linha) e extremos (faixa) de várias sementes; ``runs`` tem forma ``(T, K)``."""
    runs = np.asarray(runs)
    if runs.ndim != 2 or len(runs) != len(x):
        raise ValueError(f"runs deve ter forma (T, K) com T={len(x)}; recebi {runs.shape}")
    ax.fill_between(x, runs.min(1), runs.max(1), color=color, alpha=0.18, linewidth=0)
    ax.plot(x, np.median(runs, axis=1), color=color, label=label, **line)


def samples(ax: "Axes", real: Any, fake: Any = None, *, size: float = 4, limit: float | None = None) -> None:
    """Amostras em 2-D: reais (círculos azuis) e geradas (cruzes laranja), na mesma escala nos dois eixos."""
    groups = [("real", real, "o", "dados"), ("fake", fake, "x", "geradas")]
    for role, x, marker, label in groups:
        if x is not None:
            x = np.asarray(x)
            ax.scatter(*x.T, s=size, marker=marker, color=COLORS[role], alpha=0.6, label=label, linewidths=0.7)
    ax.set_aspect("equal")
    if limit:
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit))


def images(ax: "Axes", x: Any, shape: tuple[int, int], *, cols: int = 8) -> None:
    """Uma folha de imagens em [-1, 1]: ``x`` tem forma ``(n, altura·largura)``."""
    x = np.asarray(x).reshape(-1, *shape)
    rows = -(-len(x) // cols)
    sheet = np.full((rows * shape[0], cols * shape[1]), -1.0)
    for i, image in enumerate(x):
        r, c = divmod(i, cols)
        sheet[r * shape[0] : (r + 1) * shape[0], c * shape[1] : (c + 1) * shape[1]] = image
    ax.imshow(sheet, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
