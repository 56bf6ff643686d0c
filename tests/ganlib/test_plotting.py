"""As figuras: vírgula decimal e dados na forma certa."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ganlib import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def labels(axis) -> list[str]:
    axis.axes.figure.canvas.draw()
    return [t.get_text() for t in axis.get_ticklabels()]


def test_linear_axes_have_decimal_commas_and_logarithmic_ones_powers():
    _, (a, b) = plotting.figure(1, 2)
    a.plot([0, 1], [0.001, 0.5])
    b.loglog([1e-3, 1], [1e-3, 1])
    assert any("," in text for text in labels(a.yaxis))
    assert not any("." in text for text in labels(a.yaxis) + labels(a.xaxis))
    assert any("10^" in text for text in labels(b.yaxis))


def test_a_band_spans_the_extremes_of_the_runs():
    _, ax = plotting.figure()
    runs = np.array([[1.0, 2, 9], [2, 3, 4]])
    plotting.band(ax, [0, 1], runs, label="x", color="C0")
    assert ax.lines[0].get_ydata().tolist() == [2, 3]
    vertices = ax.collections[0].get_paths()[0].vertices
    assert (vertices[:, 1].min(), vertices[:, 1].max()) == (1, 9)


def test_a_band_of_the_wrong_shape_is_refused():
    _, ax = plotting.figure()
    with pytest.raises(ValueError, match=r"forma \(T, K\) com T=3; recebi \(2, 5\)"):
        plotting.band(ax, [0, 1, 2], np.zeros((2, 5)), label="x", color="C0")


def test_a_sheet_of_images_keeps_every_pixel():
    _, ax = plotting.figure()
    plotting.images(ax, np.linspace(-1, 1, 5 * 4).reshape(5, 4), (2, 2), cols=3)
    sheet = ax.images[0].get_array()
    assert sheet.shape == (4, 6)
    assert np.asarray(sheet[2:4, 0:2]).ravel().tolist() == pytest.approx(np.linspace(-1, 1, 20)[12:16].tolist())


def test_each_role_has_its_own_colour_and_dash():
    roles = ["minimax", "non_saturating", "wasserstein"]
    assert len({plotting.COLORS[r] for r in roles}) == len({plotting.DASHES[r] for r in roles}) == 3
