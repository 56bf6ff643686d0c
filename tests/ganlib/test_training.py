"""O treinamento: determinístico, retomável bit a bit, e claro quando algo está errado."""

import math

import numpy as np
import pytest
import torch

from ganlib import CheckpointError, Config, Loss, Training, TrainingDiverged, collect, losses, networks

SMALL = {"hidden": (16, 16), "batch": 32, "log_every": 5}


def weights(run: Training) -> list[torch.Tensor]:
    return [p.detach().clone() for p in [*run.g_params, *run.d_params]]


def equal(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_same_seed_gives_the_same_run_and_the_global_generator_is_untouched():
    torch.manual_seed(123)
    before = torch.get_rng_state()
    runs = [Training(Config(**SMALL, seed=s)) for s in (0, 0, 1)]
    for run in runs:
        collect(run.steps(7))
    assert torch.equal(before, torch.get_rng_state())
    assert equal(weights(runs[0]), weights(runs[1]))
    assert not equal(weights(runs[0]), weights(runs[2]))


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
@pytest.mark.parametrize("options", [{}, {"models": 3}, {"optimizer": "sgd", "d_steps": 2}])
def test_resuming_is_bit_for_bit_the_undisturbed_run(tmp_path, loss, options):
    config = Config(loss=loss, **SMALL, **options)
    whole, first, second = Training(config), Training(config), Training(config)
    collect(whole.steps(20))
    collect(first.steps(8))
    first.save(tmp_path / "ponto.pt")
    second.resume(tmp_path / "ponto.pt")
    assert second.step == 8
    collect(second.steps(12))
    assert equal(weights(whole), weights(second))
    assert equal([whole.noise()], [second.noise()])


def test_batch_norm_statistics_are_resumed_too(tmp_path):
    config = Config(data="digits", network="document", batch=16, log_every=1)
    whole, first, second = Training(config), Training(config), Training(config)
    collect(whole.steps(2))
    collect(first.steps(1))
    second.load(first.state())
    collect(second.steps(1))
    assert equal(whole.G.buffers(), second.G.buffers())


def test_each_player_moves_only_in_its_own_step():
    run = Training(Config(**SMALL))
    g, d = [p.detach().clone() for p in run.g_params], [p.detach().clone() for p in run.d_params]
    run.d_step()
    assert equal(g, run.g_params)
    assert not equal(d, run.d_params)
    d = [p.detach().clone() for p in run.d_params]
    run.g_step()
    assert equal(d, run.d_params)
    assert not equal(g, run.g_params)


def test_the_step_is_the_plain_one_written_by_hand():
    """O laço contra a versão mais direta possível, com Adam padrão e sem congelar ninguém."""
    run, twin = (Training(Config(loss="minimax", **SMALL)) for _ in range(2))
    g_adam = torch.optim.Adam(twin.G.parameters(), 1e-3, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(twin.D.parameters(), 1e-3, betas=(0.5, 0.999))
    for _ in range(3):
        collect(run.steps(1))
        real, z = twin.real(), twin.noise()
        d_adam.zero_grad()
        (-(twin.D(real).sigmoid().log()).mean() - (1 - twin.D(twin.G(z)).sigmoid()).log().mean()).backward()
        d_adam.step()
        g_adam.zero_grad()
        (1 - twin.D(twin.G(twin.noise())).sigmoid()).log().mean().backward()
        g_adam.step()
    for a, b in zip(weights(run), weights(twin), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_each_stacked_model_trains_as_if_alone():
    """K modelos num eixo = K treinamentos separados com os mesmos lotes (SGD: sem estado que disfarce)."""
    config = Config(loss="minimax", models=3, optimizer="sgd", lr=0.1, **SMALL)
    run = Training(config)
    alone = [Training(Config(loss="minimax", optimizer="sgd", lr=0.1, **SMALL)) for _ in range(3)]
    with torch.no_grad():
        for k, single in enumerate(alone):
            for big, small in zip([*run.g_params, *run.d_params], [*single.g_params, *single.d_params], strict=True):
                small.copy_(big[k].T if small.dim() == 2 else big[k].squeeze(0))
    for _ in range(10):
        draws = {name: getattr(run, name)() for name in ("real", "noise")}
        for k, single in [(None, run), *enumerate(alone)]:
            single.real = lambda k=k, d=draws: d["real"] if k is None else d["real"][k]
            single.noise = lambda k=k, d=draws: d["noise"] if k is None else d["noise"][k]
            single.d_step()
            single.g_step()
        del run.real, run.noise
    for k, single in enumerate(alone):
        for big, small in zip([*run.g_params, *run.d_params], [*single.g_params, *single.d_params], strict=True):
            mine = big[k].T if small.dim() == 2 else big[k].squeeze(0)
            torch.testing.assert_close(mine, small, rtol=0, atol=1e-6)


def test_gradient_norms_agree_with_finite_differences_and_disturb_nothing():
    run = Training(Config(loss="minimax", data=torch.randn(100, 1), latent=1, hidden=(4,), batch=8))
    run.G.double(), run.D.double()
    z = torch.randn(8, 1, dtype=torch.float64)
    run.noise = lambda: z
    before = weights(run)
    norm = run.gradient_norms(["minimax"])[0].item()
    assert equal(before, weights(run))

    def loss() -> float:
        return run.generator_loss(losses.get("minimax")).mean().item()

    total, eps = 0.0, 1e-6
    with torch.no_grad():
        for p in run.g_params:
            flat = p.view(-1)
            for i in range(flat.numel()):
                kept = flat[i].item()
                flat[i] = kept + eps
                up = loss()
                flat[i] = kept - eps
                down = loss()
                flat[i] = kept
                total += ((up - down) / (2 * eps)) ** 2
    assert norm == pytest.approx(math.sqrt(total), rel=1e-6)


@pytest.mark.parametrize("options", [{}, {"data": "digits", "network": "document", "batch": 8}])
def test_gradient_norms_use_the_same_batch_for_every_loss_and_disturb_nothing(options):
    run, twin = (Training(Config(**(SMALL | options))) for _ in range(2))
    a, b = run.gradient_norms(["minimax", "minimax"])
    assert torch.equal(a, b)
    collect(run.steps(2)), collect(twin.steps(2))
    assert equal([*weights(run), *run.G.buffers()], [*weights(twin), *twin.G.buffers()])


def test_looking_at_samples_does_not_change_the_training():
    run, twin = (Training(Config(**SMALL)) for _ in range(2))
    collect(run.steps(3))
    x = run.sample(10)
    assert x.shape == (10, 2)
    assert torch.equal(x, run.sample(10))
    collect(run.steps(3))
    collect(twin.steps(6))
    assert equal(weights(run), weights(twin))


def test_metrics_come_every_log_every_steps_and_at_the_last():
    run = Training(Config(**SMALL))
    assert [m["step"] for m in run.steps(12)] == [5, 10, 12]
    history = collect(Training(Config(**SMALL, models=2)).steps(10))
    assert history["grad_norm"].shape == (2, 2)
    assert set(history) == {"step", "d_loss", "g_loss", "d_real", "d_fake", "grad_norm"}
    assert np.all((history["d_fake"] >= 0) & (history["d_fake"] <= 1))


def test_any_part_may_be_an_object():
    pair = networks.mlp(1, latent=3, hidden=(8,))
    mine = Loss(lambda real, fake: (real - 1) ** 2 + fake**2, lambda fake, real: (fake - real) ** 2, needs_real=True)
    run = Training(Config(data=torch.randn(50, 1), network=pair, loss=mine, batch=4, log_every=1))
    assert collect(run.steps(2))["g_loss"].shape == (2,)
    assert run.G is pair.G


def test_nan_stops_the_run_and_names_the_step_and_the_models():
    broken = Loss(lambda real, fake: fake - real, lambda fake: fake * float("nan"))
    run = Training(Config(loss=broken, **(SMALL | {"log_every": 1})))
    with pytest.raises(TrainingDiverged, match="g_loss deixou de ser finito no passo 1"):
        collect(run.steps(20))
    run = Training(Config(loss="minimax", models=3, **SMALL))
    with torch.no_grad():
        run.d_params[0][1] = float("nan")
    with pytest.raises(TrainingDiverged, match=r"d_loss deixou de ser finito no passo 5 \(modelos \[1\]\)"):
        collect(run.steps(5))


def test_broken_weights_are_never_saved_over_good_ones(tmp_path):
    run = Training(Config(**SMALL))
    run.save(tmp_path / "ponto.pt")
    good = (tmp_path / "ponto.pt").read_bytes()
    with torch.no_grad():
        run.g_params[0].fill_(float("inf"))
    with pytest.raises(TrainingDiverged, match="não vou gravar por cima"):
        run.save(tmp_path / "ponto.pt")
    assert (tmp_path / "ponto.pt").read_bytes() == good


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    run = Training(Config(**SMALL))
    run.save(tmp_path / "ponto.pt")
    good = (tmp_path / "ponto.pt").read_bytes()

    def full_disk(state, file):
        file.write(b"metade")
        raise OSError("disco cheio")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="disco cheio"):
        run.save(tmp_path / "ponto.pt")
    assert [f.name for f in tmp_path.iterdir()] == ["ponto.pt"]
    assert (tmp_path / "ponto.pt").read_bytes() == good


@pytest.mark.parametrize(
    ("other", "said"),
    [({"hidden": (8,)}, "hidden"), ({"loss": "minimax"}, "loss"), ({"data": "grid"}, "data"), ({"seed": 3}, "seed")],
)
def test_a_checkpoint_of_another_run_is_refused_before_anything_changes(tmp_path, other, said):
    Training(Config(**SMALL)).save(tmp_path / "ponto.pt")
    run = Training(Config(**(SMALL | other)))
    before = weights(run)
    with pytest.raises(CheckpointError, match=f"de outro treinamento: diferem .*{said}"):
        run.resume(tmp_path / "ponto.pt")
    assert equal(before, weights(run))


def test_damaged_missing_and_newer_checkpoints_say_so(tmp_path):
    run = Training(Config(**SMALL))
    file = tmp_path / "ponto.pt"
    with pytest.raises(CheckpointError, match="não há ponto de retomada"):
        run.resume(file)
    run.save(file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="está danificado"):
        run.resume(file)
    with pytest.raises(CheckpointError, match="é da versão 99; esta ganlib lê a 1"):
        run.load(run.state() | {"version": 99})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": 0}, "batch deve ser positivo; recebi 0"),
        ({"lr": -1.0}, "lr deve ser positivo"),
        ({"lr": float("nan")}, "lr deve ser positivo"),
        ({"models": 0}, "models deve ser None ou um inteiro positivo"),
    ],
)
def test_a_bad_configuration_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Config(**options)


def test_an_unknown_optimizer_lists_the_valid_ones():
    with pytest.raises(ValueError, match="otimizador: o nome 'adamw' não existe; escolha entre adam, sgd"):
        Training(Config(optimizer="adamw"))


def test_cuda_where_there_is_none_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="não encontra uma GPU; use device='cpu'"):
        Config(device="cuda")


def test_an_empty_loop_has_nothing_to_collect():
    with pytest.raises(ValueError, match="o laço não deu nenhum passo"):
        collect(Training(Config(**SMALL)).steps(0))
