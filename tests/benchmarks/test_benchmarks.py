"""As medidas são honestas: os dois lados treinam a mesma coisa, e o piso faz as contas do passo, nem mais nem menos."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks import __main__ as command
from benchmarks import floors, measure, naive, ours, report, rows, works
from benchmarks.rows import ROWS, Row
from benchmarks.works import WORKS
from ganlib import Speed, Training

ALONE = [name for name, work in WORKS.items() if not work.models]


# Os dois lados treinam a mesma coisa


def both(name: str) -> tuple[naive.Naive, Training]:
    """O laço ingênuo e a ganlib com os mesmos pesos e sem dropout, que cada um sortearia à sua maneira."""
    work = replace(WORKS[name], batch=16)
    run = Training(ours.config(work, "plain"))
    pair = naive.PAIRS[name]()
    for mine, theirs in ((pair.G, run.G), (pair.D, run.D)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            a.data.copy_(b.data)
    for module in (*pair.D.modules(), *run.D.modules()):
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    return naive.Naive(pair.G, pair.D), run


def gradients(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def agree(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool((a - b).norm() <= 1e-4 * b.norm())


@pytest.mark.parametrize("name", ["mlp", "dcgan", "ring"])
def test_naive_gan_step_has_the_losses_and_gradients_of_ganlib(name, monkeypatch):
    loop, run = both(name)
    real, z = run.real(), run.noise()
    monkeypatch.setattr(run, "noise", lambda: z)
    d_loss = run.discriminator_loss(real, run.generate(z).detach())[0].mean()
    d_loss.backward(inputs=run.d_params)
    g_loss = run.generator_loss(run.loss).mean()
    g_loss.backward(inputs=run.g_params)
    assert loop.gan_step(real, z) == pytest.approx((d_loss.item(), g_loss.item()), rel=1e-5)
    assert agree(gradients(loop.D), gradients(run.D))
    assert agree(gradients(loop.G), gradients(run.G))


def test_naive_critic_step_has_the_loss_and_gradients_of_ganlib(monkeypatch):
    loop, run = both("wgan_gp")
    real, z, alpha = run.real(), run.noise(), torch.rand(16, 1)
    monkeypatch.setattr(run.draws, "uniform", lambda shape: alpha)
    d_loss = run.discriminator_loss(real, run.generate(z).detach())[0].mean()
    d_loss.backward(inputs=run.d_params)
    assert loop.critic_step(real, z, alpha) == pytest.approx(d_loss.item(), rel=1e-5)
    assert agree(gradients(loop.D), gradients(run.D))
    assert all(p.grad is not None for p in loop.G.parameters()), "o código público volta até G no passo do crítico"


def test_naive_wasserstein_generator_step_has_the_loss_and_gradients_of_ganlib(monkeypatch):
    loop, run = both("wgan_gp")
    z = run.noise()
    monkeypatch.setattr(run, "noise", lambda: z)
    g_loss = run.generator_loss(run.loss).mean()
    g_loss.backward(inputs=run.g_params)
    assert loop.wasserstein_generator_step(z) == pytest.approx(g_loss.item(), rel=1e-5)
    assert agree(gradients(loop.G), gradients(run.G))


def test_each_of_the_k_models_is_the_network_the_naive_loop_trains():
    work = WORKS["models"]
    run = Training(ours.config(work, "models"))
    for mine, theirs in zip(naive.PAIRS["models"]()[:2], (run.G, run.D), strict=True):
        shapes = [tuple(p.shape) for p in mine.parameters()]
        # A ganlib guarda os pesos como (K, entrada, saída) e os vieses como (K, 1, saída).
        assert shapes == [
            tuple(p.shape[:0:-1]) if name.endswith("weight") else tuple(p.shape[2:])
            for name, p in theirs.named_parameters()
        ]
        assert all(len(p) == work.models for p in theirs.parameters())


def test_the_naive_loader_gives_the_same_images_one_at_a_time():
    images, labels = works.pixels()
    whole, resized = ours.images(28), ours.images(32)
    small, large = (naive.Pictures(images, labels, size) for size in (28, 32))
    for i in (0, 7, 9_999):
        x, label = small[i]
        assert x.shape == (1, 28, 28) and label == labels[i]
        torch.testing.assert_close(x.flatten(), whole[i], atol=1e-6, rtol=0)
        # A PIL amplia e arredonda em uint8: meio nível de 127,5, mais o dos seus pesos inteiros.
        torch.testing.assert_close(large[i][0].flatten(), resized[i], atol=2 / 127.5, rtol=0)
    assert whole.min() == -1 and whole.max() == 1


@pytest.mark.parametrize("name", ["wgan_gp", "ring"])
def test_the_naive_loop_never_ends_and_trains_both_players(name):
    work = replace(WORKS[name], batch=8)
    loop = naive.loop(work)
    losses = [next(loop) for _ in range(3)]
    assert len({loss for pair in losses for loss in pair}) == 6


# O piso


class Flops(TorchDispatchMode):
    """Os FLOPs de produtos e convoluções. (O ``FlopCounterMode`` do PyTorch não aceita ``autograd.grad`` em folhas.)"""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.count[str(func._overloadpacket)] += formula(*args, **(kwargs or {}), out_val=out)
        return out


def flops(step) -> Counter:
    with Flops() as seen:
        step()
    return seen.count


@pytest.mark.parametrize(
    ("name", "variant"), [*((name, "plain") for name in WORKS), ("ring", "one_pass"), ("wgan_gp", "fast")]
)
def test_the_floor_does_exactly_the_products_of_our_step(name, variant):
    work = replace(WORKS[name], batch=8)
    count = flops(Training(ours.config(work, variant)).advance)
    floor = floors.step(work, one_pass=ours.VARIANTS[variant].one_pass)
    assert count == flops(floor) and sum(count.values()) > 0


def test_an_unfrozen_step_does_more_than_the_floor(monkeypatch):
    """O exemplo ruim do teste acima: sem congelar, sobram produtos, e a comparação os vê."""
    work = replace(WORKS["mlp"], batch=8)
    monkeypatch.setitem(ours.VARIANTS, "plain", Speed(freeze=False))
    unfrozen = flops(Training(ours.config(work, "plain")).advance)
    assert sum(unfrozen.values()) > sum(flops(floors.step(work)).values())


def test_the_bf16_floor_counts_the_same_in_bfloat16():
    work = replace(WORKS["dcgan"], batch=2)
    assert flops(floors.step(work, bf16=True)) == flops(floors.step(work))
    G, D = floors.FLOORS["dcgan"](work, dtype=torch.bfloat16)
    assert {p.dtype for p in (*G.parameters(), *D.parameters())} == {torch.bfloat16}


@pytest.mark.parametrize("name", list(WORKS))
def test_the_floor_moves_as_many_weights_as_our_linear_and_convolutional_layers_have(name):
    work = replace(WORKS[name], batch=2)
    run = Training(ours.config(work, "plain"))
    norms = [m for m in (*run.G.modules(), *run.D.modules()) if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    ours_count = sum(p.numel() for p in (*run.g_params, *run.d_params))
    ours_count -= sum(p.numel() for m in norms for p in m.parameters())
    assert sum(p.numel() for net in floors.FLOORS[name](work) for p in net.parameters()) == ours_count


def test_the_floor_runs_adam_once_a_player_step_on_every_weight(monkeypatch):
    moved = []
    monkeypatch.setattr(torch, "_fused_adam_", lambda params, *_, **__: moved.append(sum(p.numel() for p in params)))
    work = replace(WORKS["wgan_gp"], batch=2)
    floors.step(work)()
    sizes = [sum(p.numel() for p in net.parameters()) for net in floors.FLOORS["wgan_gp"](work)]
    assert moved == [sizes[1]] * 5 + [sizes[0]]


# As contas sobre os tempos

TIMES = {"base": [3.0, 30.0, 3.2], "ours": [1.0, 10.0, 2.0], "floor": [0.5, 8.0, 1.5]}


def test_ratios_are_taken_within_a_round():
    """Na segunda rodada a máquina estava dez vezes mais lenta: a razão dela não muda."""
    assert measure.quotient(TIMES["base"], TIMES["ours"]) == 3.0
    assert measure.quartiles(TIMES["base"], TIMES["ours"]) == pytest.approx((2.3, 3.0))
    assert measure.quartiles([3.0], [2.0]) == (1.5, 1.5)


def test_summary_says_ratio_share_ceiling_and_medians():
    row = measure.summary(Row("mlp", "plain", 2, target=2.0, floor_target=0.7, reference=2.0), TIMES, steps=10)
    assert row["ratio"] == 3.0 and row["naive_check"] == 1.5
    assert row["floor_share"] == 0.75 and row["ceiling"] == pytest.approx(3.75)
    assert (row["base_ms"], row["ours_ms"], row["floor_ms"]) == (3_200.0, 2_000.0, 1_500.0)
    assert row["rounds"] == 3 and row["steps_per_round"] == 10


def test_with_k_models_our_step_and_the_floor_are_shared_by_all():
    row = measure.summary(ROWS["models/models/T1"], TIMES, steps=10)
    assert row["ratio"] == pytest.approx(80 * 3.0) and row["floor_share"] == pytest.approx(0.75)
    assert row["base_ms"] == 3_200.0 and row["ours_ms"] == pytest.approx(2_000.0 / 80)


def test_sides_take_turns_and_times_are_per_step():
    now, calls, dots = [0.0], [], []

    def side(name, seconds):
        def run(n):
            calls.append((name, n))
            now[0] += seconds * n

        return run

    times = measure.rotate(
        {"base": side("base", 3.0), "ours": side("ours", 1.0)}, 5, 2, lambda: dots.append(1), clock=lambda: now[0]
    )
    assert calls == [("base", 5), ("ours", 5)] * 2 and len(dots) == 2
    assert times == {"base": [3.0, 3.0], "ours": [1.0, 1.0]}


@pytest.mark.parametrize(("seconds", "steps"), [(10.0, 1), (measure.BLOCK_SECONDS / 20, 20), (1e-9, 200)])
def test_a_round_lasts_a_fraction_of_a_second(seconds, steps):
    now = [0.0]

    def side(n):
        now[0] += seconds * n

    assert measure.steps_per_round(side, clock=lambda: now[0]) == steps


# As linhas


def test_every_row_names_a_work_and_a_variant_that_exist():
    assert len(ROWS) == len({(r.work, r.variant, r.threads, r.device) for r in ROWS.values()})
    for row in ROWS.values():
        assert row.work in WORKS and row.variant in ours.VARIANTS
        assert row.base == "naive" or row.base in ours.VARIANTS
    assert set(WORKS) == set(naive.PAIRS) == set(floors.FLOORS) == {row.work for row in ROWS.values()}


def test_rows_are_chosen_by_name():
    assert rows.select() == list(ROWS.values())
    assert rows.select(["mlp/fast/T2"]) == [ROWS["mlp/fast/T2"]]
    with pytest.raises(ValueError, match=r"linha: o nome 'mlp/T2' não existe; escolha entre dcgan/bf16/T2"):
        rows.select(["mlp/T2"])


def test_what_this_machine_cannot_measure_is_said():
    kept, said = rows.runnable(rows.select(), cores=2, gpu=False)
    assert kept == [r for r in ROWS.values() if r.device == "cpu"]
    assert said == ["GPU: não medido (o PyTorch não encontra uma)"]
    kept, said = rows.runnable(rows.select(["mlp/plain/T2", "mlp/graph/cuda"]), cores=1, gpu=True)
    assert kept == [ROWS["mlp/graph/cuda"]] and said == ["mlp/plain/T2: não medido (há 1 núcleo só)"]


# O que se mostra e se guarda

FIELDS = {
    *("name", "work", "title", "variant", "base", "threads", "device", "device_name", "ratio", "ratio_quartiles"),
    *("target", "floor_share", "floor_target", "ceiling", "naive_check", "base_ms", "ours_ms", "floor_ms"),
    *("rounds", "steps_per_round", "torch", "cpu"),
}


def made_up(name: str = "mlp/plain/T2") -> dict:
    return measure.summary(ROWS[name], TIMES, steps=10)


def test_the_table_says_plainly_what_was_reached_and_what_was_missed():
    reached, missed = made_up("mlp/plain/T2"), made_up("mlp/fast/T2") | {"ratio": 2.9, "floor_share": 0.69}
    text = report.table([reached, missed], ["GPU: não medido"])
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "3,00× [2,30–3,00]" in text and "≥ 2,0× ✓" in text and "1,50 ✗" in text
    assert "≥ 3,0× ✗" in text and "≥ 70 % ✗" in text
    assert "GPU: não medido" in lines
    assert all(len(line) <= 160 for line in text.splitlines())


def test_the_file_is_replaced_whole(tmp_path):
    path = tmp_path / "new" / "bench.json"
    report.write(path, [made_up()], ["GPU: não medido"])
    before = path.read_text()
    with pytest.raises(TypeError):
        report.write(path, [{"ratio": object()}])
    assert path.read_text() == before and [p.name for p in path.parent.iterdir()] == ["bench.json"]
    content = json.loads(before)
    assert content["notes"] == ["GPU: não medido"] and set(content["rows"][0]) == FIELDS


def test_a_missed_target_is_a_report_and_not_an_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "in_its_own_process", lambda row, rounds, after: made_up(row.name) | {"ratio": 0.5})
    out, save = tmp_path / "a.json", tmp_path / "b.json"
    arguments = ["--quick", "--rows", "mlp/plain/T2", "mlp/graph/cuda", "--out", str(out), "--save", str(save)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 0.0, 0.0))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    command.main()
    said = capsys.readouterr().out
    assert "≥ 2,0× ✗" in said and "GPU: não medido" in said and f"gravado em {out}" in said
    assert "atenção: a carga da máquina era 1,5 antes de começar" in said
    assert json.loads(out.read_text()) == json.loads(save.read_text())


def test_a_row_that_breaks_stops_with_its_name_and_reason(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--rows", "nada"])
    with pytest.raises(SystemExit, match="linha: o nome 'nada' não existe"):
        command.main()

    broken = "import sys; sys.exit('quebrou por isto')"
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda line, **options: popen([sys.executable, "-c", broken], **options))
    with pytest.raises(command.MeasureFailed, match=r"a medida mlp/plain/T1 falhou:\nquebrou por isto"):
        command.in_its_own_process(ROWS["mlp/plain/T1"], 1, lambda: None)


def test_a_row_is_measured_in_this_process_with_its_threads(monkeypatch):
    monkeypatch.setattr(measure, "BLOCK_SECONDS", 0.005)
    threads, seen = torch.get_num_threads(), []
    try:
        row = measure.measure(ROWS["ring/plain/T1"], 2, lambda: seen.append(torch.get_num_threads()))
    finally:
        torch.set_num_threads(threads)
    assert seen == [1, 1] and row["rounds"] == 2 and set(row) == FIELDS
    assert all(row[f"{side}_ms"] > 0 for side in ("base", "ours", "floor"))
    assert json.loads(json.dumps(row)) == {**row, "ratio_quartiles": list(row["ratio_quartiles"])}


@pytest.mark.slow
def test_the_command_measures_in_processes_of_their_own_and_writes_valid_json(tmp_path):
    out = tmp_path / "bench.json"
    line = [sys.executable, "-m", "benchmarks", "--quick", "--rows", "ring/plain/T1", "mlp/fast/T1", "--out", str(out)]
    run = subprocess.run(line, cwd=command.ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "anel 2-D" in run.stdout and "rodada" in run.stderr
    measured = json.loads(out.read_text())["rows"]
    assert [row["name"] for row in measured] == ["ring/plain/T1", "mlp/fast/T1"]
    assert all(set(row) == FIELDS and row["ratio"] > 0 and row["rounds"] == 2 for row in measured)
