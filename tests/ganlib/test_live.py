"""Olhar um treinamento não o muda: nem no notebook, nem no terminal; e sem ninguém olhando nada aparece."""

import base64
import io
import re
import signal
import sys
import threading

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel
from matplotlib.image import imread

from ganlib import Config, Training, checkpoints, collect, data, live, networks, plotting, progress, running, sheet

TINY = Config(hidden=(4,), batch=8, log_every=5)
K = Config(hidden=(4,), batch=8, log_every=5, models=3)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def weights_equal(a: Training, b: Training) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a._everything(), b._everything(), strict=True))


# O laço


@pytest.mark.parametrize("config", [TINY, K], ids=["um", "varios"])
@pytest.mark.parametrize("seconds", [0.0, 1e9], ids=["olha a cada passo", "olha quando guarda"])
def test_how_often_one_looks_changes_nothing(config, seconds, monkeypatch):
    monkeypatch.setattr(running._Pace, "SECONDS", seconds)
    looked = []
    followed, plain = Training(config), Training(config)
    rows = running.follow(followed, 23, [], watch=lambda run, now, rows: looked.append((run.step, now["step"])))
    assert equal(collect(rows), collect(plain.steps(23)))
    assert weights_equal(followed, plain)
    steps = [step for step, _ in looked]
    assert steps == [now for _, now in looked]
    assert steps[-1] == 23
    assert steps == list(range(1, 24)) if seconds == 0 else {5, 10, 15, 20} <= set(steps)


def test_many_steps_fit_between_two_looks_when_steps_are_fast(monkeypatch):
    monkeypatch.setattr(running._Pace, "SECONDS", 1e9)
    looks = []
    running.follow(Training(Config(hidden=(4,), batch=8, log_every=64)), 128, [], watch=lambda *a: looks.append(a))
    assert len(looks) == 8, "1, 2, 4, …, 32, o resto até 64, e 64"


def test_outside_the_main_thread_it_also_trains():
    rows = []
    thread = threading.Thread(target=lambda: running.follow(Training(TINY), 5, rows))
    thread.start()
    thread.join()
    assert [row["step"] for row in rows] == [5]


def test_a_program_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running.follow(Training(TINY), 6, [], watch=lambda *a: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# train


@pytest.mark.parametrize("config", [TINY, K], ids=["um", "varios"])
def test_train_gives_what_collect_gives(config):
    run = Training(config)
    history = live.train(run, 12)
    assert equal(history, collect(Training(config).steps(12)))
    assert run.step == 12


@pytest.mark.parametrize("config", [TINY, K], ids=["um", "varios"])
def test_with_a_folder_it_resumes_and_gives_the_whole_history(config, tmp_path):
    first = live.train(config, 10, folder=tmp_path, save_every=4)
    kept = [f.name for f in checkpoints.newest_first(tmp_path / "pontos")]
    assert kept == ["passo-000000010.pt", "passo-000000008.pt"]
    run = Training(config)
    history = live.train(run, 20, folder=tmp_path)
    whole = Training(config)
    assert equal(history, collect(whole.steps(20)))
    assert weights_equal(run, whole)
    assert equal({k: v[:2] for k, v in history.items()}, first)
    assert equal(live.train(config, 20, folder=tmp_path), history), "rodar a célula de novo não treina nada"


def test_interrupting_leaves_the_run_between_two_steps(monkeypatch):
    run, whole = Training(TINY), Training(TINY)
    advance = Training.advance

    def pressed(self):
        seen = advance(self)
        if self is run and self.step == 7:
            signal.raise_signal(signal.SIGINT)
        return seen

    monkeypatch.setattr(Training, "advance", pressed)
    with pytest.raises(KeyboardInterrupt):
        live.train(run, 20)
    assert 7 <= run.step < 20
    live.train(run, 20)
    list(whole.steps(20))
    assert weights_equal(run, whole)


def test_asking_for_a_step_already_passed_is_said():
    run = Training(TINY)
    live.train(run, 5)
    with pytest.raises(ValueError, match="já está no passo 5: peça um passo maior que 3"):
        live.train(run, 3)


def test_outside_a_notebook_nothing_is_shown(capfd):
    live.train(TINY, 10, final=True)
    assert capfd.readouterr() == ("", "")
    assert not plt.get_fignums()


# A figura e a folha


def drawn(monkeypatch, name: str) -> list:
    """As chamadas que ``plotting.<name>`` recebe."""
    calls = []
    original = getattr(plotting, name)
    monkeypatch.setattr(plotting, name, lambda ax, *a, **k: (calls.append(a), original(ax, *a, **k)))
    return calls


@pytest.mark.parametrize("ema", [None, 0.5])
def test_the_sheet_shows_the_samples_of_the_average_when_there_is_one(monkeypatch, ema):
    run = Training(Config(hidden=(4,), batch=8, ema=ema))
    list(run.steps(5))
    calls = drawn(monkeypatch, "samples")
    fig = sheet.figure(run, 50)
    ((real, fake),) = calls
    assert np.array_equal(fake, run.sample(50, average=ema is not None))
    assert real.shape == (50, 2)
    assert ("média móvel" in fig.axes[0].get_title()) is (ema is not None)


def test_images_points_and_curves_have_their_own_sheets(monkeypatch, tmp_path):
    images, points = drawn(monkeypatch, "images"), drawn(monkeypatch, "samples")
    for name, n in (("digits", 64), ("gaussian", 2000), ("ring", 2000)):
        run = Training(Config(data=name, hidden=(4,), batch=8))
        assert sheet.default_samples(run) == n
        sheet.save(run, tmp_path / f"{name}.png")
        assert imread(tmp_path / f"{name}.png").std() > 0.01
    assert [(x.shape, shape) for x, shape in images] == [((64, 784), (28, 28))]
    assert [fake.shape for _, fake in points] == [(2000, 2)]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["digits.png", "gaussian.png", "ring.png"]
    assert not plt.get_fignums(), "nenhuma figura fica aberta"


def test_data_in_many_dimensions_show_the_first_two(monkeypatch):
    run = Training(Config(data=torch.randn(100, 5), hidden=(4,), batch=8))
    calls = drawn(monkeypatch, "samples")
    sheet.figure(run, 30)
    assert [x.shape for x in calls[0]] == [(30, 2), (30, 2)]


def test_one_dimensional_samples_outside_the_window_are_counted_at_its_edge():
    run = Training(Config(data=data.gaussian(n=500), latent=1, hidden=(4,), batch=8))
    with torch.no_grad():
        for p in run.g_params:
            p.fill_(50.0)
    ax = sheet.figure(run, 100).axes[0]
    heights = np.array([bar.get_height() for bar in ax.containers[1]])
    widths = np.array([bar.get_width() for bar in ax.containers[1]])
    assert (heights * widths).sum() == pytest.approx(1)
    assert heights[-1] * widths[-1] == pytest.approx(1)


def test_each_model_has_a_panel_up_to_sixteen(monkeypatch):
    calls = drawn(monkeypatch, "samples")
    fig = sheet.figure(Training(K), 10)
    assert [ax.get_title() for ax in fig.axes] == ["modelo 0", "modelo 1", "modelo 2"]
    assert not np.array_equal(calls[0][1], calls[1][1])
    many = sheet.figure(Training(Config(hidden=(2,), batch=4, models=18)), 5)
    assert len(many.axes) == 16
    assert "16 de 18 modelos" in many.get_suptitle()


@pytest.mark.parametrize("config", [TINY, K], ids=["um", "varios"])
def test_the_live_figure_shows_the_history(config):
    run = Training(config)
    history = collect(run.steps(20))
    losses, norm, samples = live.figure(run, history).axes
    line = norm.lines[0]
    assert np.array_equal(line.get_xdata(), [5, 10, 15, 20])
    expected = history["grad_norm"] if config is TINY else np.median(history["grad_norm"], axis=1)
    assert np.allclose(line.get_ydata(), expected)
    assert [t.get_text() for t in losses.get_legend().get_texts()] == ["discriminador", "gerador"]
    assert samples.get_title() == ("amostras" if config is TINY else "amostras (modelo 0)")


def test_drawing_takes_at_most_a_tenth_of_the_time(monkeypatch):
    clock = [0.0]
    draws = []

    def slow_figure(run, history):
        draws.append(clock[0])
        clock[0] += 3.0  # desenhar custa 3 s
        return "figura"

    class Handle:
        def update(self, fig):
            pass

    import IPython.display

    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(live, "figure", slow_figure)
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: Handle())
    plot = live._LivePlot()
    run, rows = Training(TINY), [{"step": 1}]
    for _ in range(1000):
        clock[0] += 0.1
        plot(run, rows[0], rows)
    assert len(draws) >= 4
    assert 3.0 * len(draws) <= 0.1 * clock[0] + 3.0


# No terminal


def watch_all(watcher, run, steps) -> None:
    with watcher(run, steps) as watch:
        running.follow(run, steps, [], watch=watch)


def test_without_a_terminal_there_are_whole_lines_and_few(capsys, monkeypatch):
    watch_all(progress.on_terminal, Training(TINY), 40)
    err = capsys.readouterr().err
    assert re.fullmatch(r"passo 40/40 \(100 %\) · faltam 00:00 · perdas D \S+ · G \S+ · ‖∇L_G‖ \S+\n", err)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    run = Training(TINY)
    list(run.steps(10))
    watch_all(progress.on_terminal, run, 40)
    err = capsys.readouterr().err
    assert "\r" not in err
    assert [int(n) for n in re.findall(r"^passo (\d+)/40", err, re.M)][-1] == 40
    assert err.count("\n") >= 6 and "faltam ?" not in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_with_what_is_left_the_device_and_the_losses(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run = Training(K)
    list(run.steps(10))
    watch_all(progress.on_terminal, run, 40)
    shown = terminal.getvalue().split("\r")
    assert any(" 25%" in s and "10/40" in s for s in shown), "a barra começa de onde se continua"
    assert re.search(r"100% .*40/40 · faltam 00:00 · cpu · perdas D \S+ · G \S+ · .* \(medianas de 3\)", shown[-1])
    assert not re.search(r"it/s|\?it", terminal.getvalue())


# Num notebook de verdade


@pytest.fixture(scope="module")
def cell():
    """Executa uma célula num kernel, com ou sem alguém olhando: as saídas."""
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--HistoryManager.enabled=False"])

    def execute(code: str, watched: bool) -> list:
        said = []
        client.execute_interactive(code, allow_stdin=watched, stdin_hook=print, output_hook=said.append, timeout=120)
        return [m for m in said if m["msg_type"] not in ("status", "execute_input")]

    execute("from ganlib import Config, live\nc = Config(hidden=(4,), batch=8, log_every=5)", watched=False)
    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_someone_watching_sees_one_figure_that_updates_in_place(cell):
    said = cell("live.train(c, 400);", watched=True)
    kinds = [m["msg_type"] for m in said]
    assert set(kinds) == {"stream", "display_data", "update_display_data"}, said
    assert kinds.count("display_data") == 1
    ids = {m["content"]["transient"]["display_id"] for m in said if "display" in m["msg_type"]}
    assert len(ids) == 1
    figure = [m for m in said if "display" in m["msg_type"]][-1]["content"]["data"]["image/png"]
    assert imread(io.BytesIO(base64.b64decode(figure))).std() > 0.01
    bar = "".join(m["content"]["text"] for m in said if m["msg_type"] == "stream")
    assert {m["content"]["name"] for m in said if m["msg_type"] == "stream"} == {"stderr"}
    assert "400/400" in bar


@pytest.mark.slow
def test_with_nobody_watching_a_notebook_prints_nothing_and_shows_one_figure_if_asked(cell):
    assert cell("h = live.train(c, 40)", watched=False) == []
    said = cell("h = live.train(c, 40, final=True)", watched=False)
    assert [(m["msg_type"], "image/png" in m["content"]["data"]) for m in said] == [("display_data", True)]
    assert cell("h = live.train(c, 40, plot=False)", watched=True) == []


def test_a_custom_network_and_loss_train_in_a_folder_too(tmp_path):
    config = Config(network=lambda d: networks.mlp(d, hidden=(4,)), data=torch.randn(64, 3), batch=8, log_every=5)
    live.train(config, 5, folder=tmp_path)
    assert '"network": "personalizado"' in (tmp_path / "config.json").read_text()
    assert len(live.train(config, 10, folder=tmp_path)["step"]) == 2
