"""O treinamento: determinístico, retomável bit a bit, e claro quando algo está errado."""

import math

import numpy as np
import pytest
import torch

from ganlib import Config, Loss, Training, TrainingDiverged, collect, losses, networks, penalties

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


def test_a_penalty_is_added_with_its_weight_and_reported_without_it():
    plain, run = Training(Config(**SMALL)), Training(Config(**SMALL, penalty="r1", penalty_weight=3.0))
    real, fake = plain.real(), plain.frozen_fake()
    base, _ = plain.discriminator_loss(real, fake)
    total, seen = run.discriminator_loss(real, fake)
    torch.testing.assert_close(total, base + 3.0 * penalties.r1(run.D, real))
    assert torch.equal(seen["d_loss"], base.detach())
    torch.testing.assert_close(seen["penalty"], penalties.r1(run.D, real).detach())
    assert "penalty" in collect(run.steps(1))


def test_a_penalty_may_be_any_function_even_of_the_whole_batch():
    run = Training(Config(**SMALL, penalty=lambda D, real, fake, rng: D(real).mean() ** 2))
    assert collect(run.steps(5))["penalty"].shape == (1,)
    bad = Training(Config(**SMALL, penalty=lambda D, real, fake, rng: D(real)[:, None]))
    with pytest.raises(ValueError, match=r"a penalidade deve ter a forma \(32,\); veio \(32, 1\)"):
        bad.advance()


def test_smoothed_labels_reach_the_discriminator_and_not_the_generator():
    run = Training(Config(**SMALL, real_label=0.9, fake_label=0.1))
    h = torch.tensor([0.3, -2.0])
    assert torch.equal(run.loss.discriminator(h, -h), losses.cross_entropy_with_labels(h, -h, 0.9, 0.1))
    assert torch.equal(run.loss.generator(h), losses.non_saturating_generator(h))
    with pytest.raises(ValueError, match="a perda 'hinge' não tem rótulos para suavizar"):
        Training(Config(**SMALL, loss="hinge", real_label=0.9))


def test_clipping_holds_after_every_step_of_the_discriminator():
    run = Training(Config(**SMALL, loss="wasserstein", optimizer="rmsprop", clip=0.01, d_steps=2))
    for _ in range(3):
        run.advance()
        assert max(p.abs().max().item() for p in run.d_params) <= 0.01
    assert max(p.abs().max().item() for p in run.g_params) > 0.01


def test_instance_noise_has_the_asked_width_and_falls_in_a_straight_line_to_zero():
    config = Config(**SMALL, instance_noise=0.5, instance_noise_steps=10)
    assert [config.noise_std(s) for s in (0, 5, 10, 99)] == [0.5, 0.25, 0.0, 0.0]
    assert Config(instance_noise=0.5).noise_std(10_000) == 0.5
    run, seen = Training(config), []
    run.D.forward = lambda x: seen.append(x) or torch.zeros(x.shape[:-1])
    x = torch.zeros(20_000, 2)
    for step in (0, 5, 10):
        run.noise_std.fill_(config.noise_std(step))
        run.logits(x)
    assert [v.std().item() for v in seen] == pytest.approx([0.5, 0.25, 0.0], abs=0.01)


def test_the_schedule_of_the_noise_follows_the_steps_of_the_run():
    run = Training(Config(**SMALL, instance_noise=0.5, instance_noise_steps=4))
    widths = []
    for _ in range(6):
        run.advance()
        widths.append(run.noise_std.item())
    assert widths == [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]


def test_dropout_draws_from_the_stream_of_the_run():
    config = Config(**SMALL, network=lambda d: networks.mlp(d, hidden=(16,), dropout=0.5))
    torch.manual_seed(1)
    run = Training(config)
    before = torch.get_rng_state()
    collect(run.steps(3))
    assert torch.equal(before, torch.get_rng_state())
    twin = Training(config)
    torch.manual_seed(99)
    collect(twin.steps(3))
    assert equal(weights(run), weights(twin))


@pytest.mark.parametrize(
    ("G", "D", "said"),
    [
        (networks.MLP((2, 3)), networks.MLP((2, 1), logits=True), r"forma \(2, 3\); os dados pedem \(2, 2\)"),
        (networks.MLP((2, 2)), networks.MLP((2, 1)), r"um logit por amostra, \(2,\); devolveu \(2, 1\)"),
    ],
)
def test_networks_that_do_not_fit_the_data_are_refused_saying_both_sides(G, D, said):
    with pytest.raises(ValueError, match=said):
        Training(Config(**SMALL, network=networks.Pair(G, D, 2)))


def test_the_run_that_diverged_names_the_last_good_checkpoint(tmp_path):
    run = Training(Config(**(SMALL | {"log_every": 1})))
    collect(run.steps(2))
    run.save_in(tmp_path)
    with torch.no_grad():
        run.g_params[0].fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match=r"no passo 3; .* \(o último ponto salvo é .*passo-000000002.pt\)"):
        collect(run.steps(1))


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


def test_cuda_where_there_is_none_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="não encontra uma GPU; use device='cpu'"):
        Config(device="cuda")


def test_an_empty_loop_has_nothing_to_collect():
    with pytest.raises(ValueError, match="o laço não deu nenhum passo"):
        collect(Training(Config(**SMALL)).steps(0))
