"""O que só uma GPU mostra. Sem uma, estes testes são pulados, e o resumo diz que foram."""

from dataclasses import replace

import pytest
import torch

from ganlib import Config, Speed, Training, collect, networks, penalties

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="precisa de uma GPU")

RING = Config(hidden=(64, 64), batch=64, log_every=1, device="cuda" if torch.cuda.is_available() else "cpu")
CASES = {
    "nao_saturante": RING,
    "wgan_gp": replace(RING, loss="wasserstein", penalty="gradient_penalty", d_steps=5, ema=0.9),
    "document": replace(RING, data="digits", network="document"),
    "ruido": replace(RING, instance_noise=0.2, instance_noise_steps=20, clip=0.5),
    "extragradiente": replace(RING, update="extragradient", optimizer="rmsprop"),
    "relativistica": replace(RING, loss="relativistic", penalty="r1_r2", models=4),
    "dropout": replace(RING, network=lambda d: networks.mlp(d, hidden=(64,), dropout=0.3)),
}


def trained(config: Config, steps: int, **speed) -> Training:
    run = Training(replace(config, speed=Speed(**speed)))
    collect(run.steps(steps))
    return run


@pytest.mark.parametrize("name", sorted(CASES))
def test_n_replays_of_a_recorded_step_are_n_eager_steps(name):
    eager, recorded = trained(CASES[name], 12), trained(CASES[name], 12, cuda_graphs=True)
    assert recorded.replay is not None
    for a, b in zip(eager._everything(), recorded._everything(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert torch.equal(eager.draws.rng.get_state(), recorded.draws.rng.get_state())


def test_a_recorded_run_is_resumed_where_it_stopped(tmp_path):
    config = replace(CASES["wgan_gp"], speed=Speed(cuda_graphs=True))
    whole, first, second = Training(config), Training(config), Training(config)
    collect(whole.steps(8))
    collect(first.steps(3))
    first.save(tmp_path / "ponto.pt")
    collect(second.steps(1))
    second.resume(tmp_path / "ponto.pt")
    collect(second.steps(5))
    for a, b in zip(whole._everything(), second._everything(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_data_left_on_the_cpu_give_the_same_run():
    kept, copied = trained(RING, 5), trained(RING, 5, device_data=False)
    assert copied.data.x.device.type == "cpu"
    for a, b in zip(kept.g_params, copied.g_params, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("speed", [{"fast_matmul": True}, {"bf16": True}, {"channels_last": True, "bf16": True}])
def test_the_fast_paths_train(speed):
    config = replace(RING, data="digits", network=lambda d: networks.dcgan(d, width=16))
    assert len(collect(trained(config, 2, **speed).steps(2))["step"]) == 2


@pytest.mark.parametrize("name", sorted(penalties.PENALTIES))
def test_penalties_work_on_the_gpu(name):
    D = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 1)).cuda()
    real, fake = torch.rand(2, 3, 1, 28, 28, device="cuda")
    value = penalties.PENALTIES[name](D, real, fake, None)
    assert value.shape == (3,) and value.device.type == "cuda"
