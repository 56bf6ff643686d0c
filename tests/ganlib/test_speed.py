"""Cada interruptor de velocidade contra o caminho simples, e nenhuma espera escondida no passo."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganlib import Config, Loss, Speed, Training, collect, networks, optimization, penalties
from ganlib.losses import LOSSES
from ganlib.speed import Replay

RING = Config(hidden=(16, 16), batch=32, log_every=1)
DIGITS = Config(data="digits", network="document", batch=16, log_every=1)
CONV = Config(data="digits", network=lambda d: networks.dcgan(d, width=8, latent=8), batch=8, log_every=1)


def weights(run: Training) -> list[torch.Tensor]:
    return [*run.g_params, *run.d_params, *run.G.buffers()]


def trained(config: Config, steps: int = 3, **speed) -> Training:
    run = Training(replace(config, speed=Speed(**speed)))
    collect(run.steps(steps))
    return run


@pytest.mark.parametrize("flag", ["device_data", "freeze"])
@pytest.mark.parametrize(
    "config",
    [RING, DIGITS, CONV, replace(RING, penalty="r1_r2", loss="relativistic", d_steps=3), replace(RING, models=3)],
    ids=["anel", "document", "dcgan", "r1_r2", "modelos"],
)
def test_device_data_and_freezing_change_no_bit(flag, config):
    fast, plain = trained(config), trained(config, **{flag: False})
    assert all(torch.equal(a, b) for a, b in zip(weights(fast), weights(plain), strict=True))


def gradient_gap(config: Config, **speed) -> float:
    """``‖g - g'‖/‖g‖`` do gradiente inteiro, com e sem o interruptor, no primeiro lote: o pior dos dois jogadores."""
    gaps = []
    runs = [Training(replace(config, speed=Speed(**s))) for s in ({}, speed)]
    for step in ("d_step", "g_step"):
        for run in runs:
            with run.speed.matmul(run.device):
                getattr(run, step)()
        params = [run.d_params if step == "d_step" else run.g_params for run in runs]
        a, b = (torch.cat([p.grad.flatten() for p in side]) for side in params)
        gaps.append(((a - b).norm() / a.norm()).item())
        if step == "d_step":  # o gerador seguinte vê o mesmo discriminador
            runs[1].D.load_state_dict(runs[0].D.state_dict())
    return max(gaps)


WGAN_GP = replace(RING, data="digits", hidden=(256, 256), batch=128, penalty="gradient_penalty", loss="wasserstein")


@pytest.mark.parametrize("config", [WGAN_GP, DIGITS], ids=["wgan_gp", "document"])
def test_fast_matmul_agrees_with_the_plain_path_to_1e_4(config):
    assert gradient_gap(config, fast_matmul=True) < 1e-4


@pytest.mark.parametrize("config", [RING, WGAN_GP, replace(RING, models=3, loss="relativistic", instance_noise=0.3)])
def test_one_pass_of_the_discriminator_agrees_with_two_to_1e_4(config):
    assert gradient_gap(config, one_pass=True) < 1e-4
    assert trained(config, one_pass=True).step == 3


@pytest.mark.parametrize(
    ("options", "said"), [({"d_norm": "batch"}, "BatchNorm1d"), ({"dropout": 0.5}, "Dropout")]
)
def test_one_pass_is_refused_where_the_discriminator_would_notice(options, said):
    config = replace(RING, network=lambda d: networks.mlp(d, hidden=(8,), **options), speed=Speed(one_pass=True))
    with pytest.raises(ValueError, match=f"one_pass junta .* e D tem {said}: desligue um dos dois"):
        Training(config)


def test_channels_last_agrees_with_the_plain_path_to_1e_4():
    assert gradient_gap(CONV, channels_last=True) < 1e-4


@pytest.mark.parametrize(("config", "tolerance"), [(WGAN_GP, 0.05), (DIGITS, 0.15), (CONV, 0.25)])
def test_bf16_agrees_with_the_plain_path_within_its_rounding(config, tolerance):
    """bfloat16 tem 8 bits de mantissa, 0,4 % por operação: alguns por cento no gradiente inteiro.

    No começo os termos dos dados e das amostras quase se cancelam no gradiente de D, e o erro relativo cresce com isso.
    """
    gap = gradient_gap(config, bf16=True)
    assert 1e-5 < gap < tolerance


def test_bf16_leaves_weights_losses_and_penalties_in_float32():
    seen = {}

    def penalty(D, real, fake, rng):
        seen["inside"] = D(real).dtype
        return penalties.r1(D, real)

    run = trained(replace(RING, penalty=penalty), bf16=True)
    assert seen["inside"] == torch.float32
    assert run.logits(run.real()).dtype == torch.float32
    assert {p.dtype for p in weights(run)} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):  # o exemplo ruim: assim a penalidade seria em bf16
        assert run.D(run.real()).dtype == torch.bfloat16


def test_the_matmul_setting_is_given_back_even_when_a_step_fails():
    def broken(real, fake):
        assert torch.get_float32_matmul_precision() == "medium"
        raise RuntimeError("quebrou")

    run = Training(replace(RING, loss=Loss(broken, broken), speed=Speed(fast_matmul=True)))
    with pytest.raises(RuntimeError, match="quebrou"):
        run.advance()
    assert torch.get_float32_matmul_precision() == "highest"
    trained(RING)
    assert torch.get_float32_matmul_precision() == "highest"


def test_channels_last_reaches_the_convolutions():
    run = trained(CONV, channels_last=True)
    layers = [p for p in run.d_params if p.dim() == 4 and p.shape[1] > 1]
    assert layers and all(p.is_contiguous(memory_format=torch.channels_last) for p in layers)


class NoWaiting(TorchDispatchMode):
    """Acusa toda operação que, numa GPU, faria a CPU esperar (``.item()``, ``bool(tensor)``, máscaras)."""

    WAITS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.equal.default)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in self.WAITS:
            raise AssertionError(f"{func} espera pelo dispositivo")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "options",
    [
        *({"loss": loss} for loss in LOSSES),
        *({"penalty": penalty, "loss": "wasserstein"} for penalty in penalties.PENALTIES),
        *({"update": update} for update in optimization.UPDATES),
        {"instance_noise": 0.1, "instance_noise_steps": 10, "ema": 0.9, "clip": 0.1, "real_label": 0.9},
        {"models": 3, "d_steps": 2},
    ],
    ids=str,
)
def test_no_step_waits_for_the_device(options):
    """O que se grava num grafo CUDA não pode esperar por ele; na CPU, vê-se que nenhuma operação pede isso."""
    run = Training(replace(RING, **options))
    with NoWaiting():
        run.advance()
    assert run.step == 1


def test_a_loss_that_waits_is_seen():
    """O exemplo ruim do teste acima."""
    waits = Loss(lambda real, fake: fake - real * real.mean().item(), lambda fake: -fake)
    with NoWaiting(), pytest.raises(AssertionError, match="espera pelo dispositivo"):
        Training(replace(RING, loss=waits)).advance()


@pytest.mark.parametrize(
    ("speed", "said"),
    [
        ({"cuda_graphs": True}, "cuda_graphs só existe em GPU, e o dispositivo é 'cpu': desligue-o"),
        ({"channels_last": True}, r"channels_last só faz sentido em redes convolucionais \('dcgan', 'resnet'\)"),
    ],
)
def test_combinations_that_make_no_sense_are_refused_by_name(speed, said):
    with pytest.raises(ValueError, match=said):
        Training(replace(RING, speed=Speed(**speed)))


@pytest.mark.parametrize(
    ("speed", "world", "said"),
    [
        ({"device_data": False}, 1, "device_data=False precisa dela: escolha um só"),
        ({"freeze": False}, 1, "freeze=False é o caminho simples: escolha um só"),
        ({}, 2, "com torchrun, desligue-o"),
    ],
)
def test_what_does_not_go_with_a_recorded_step_is_refused_by_name(speed, world, said):
    with pytest.raises(ValueError, match=f"cuda_graphs .*{said}"):
        Speed(cuda_graphs=True, **speed).check("cuda", world, torch.nn.Identity(), torch.nn.Identity())


def test_bf16_is_refused_on_a_gpu_that_does_not_have_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    with pytest.raises(ValueError, match="a GPU Tesla T4 não calcula em bfloat16: desligue bf16"):
        Speed(bf16=True).check("cuda", 1, torch.nn.Identity(), torch.nn.Identity())


class FakeGraph:
    """Uma GPU de mentira: gravar não executa nada; repetir não é preciso aqui."""

    def register_generator_state(self, rng): ...


@pytest.fixture
def fake_gpu(monkeypatch):
    from contextlib import nullcontext

    class Stream:
        def wait_stream(self, other): ...

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda s: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda g: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)


@pytest.mark.parametrize("optimizer", sorted(optimization.OPTIMIZERS))
def test_the_warm_up_of_a_recorded_step_is_undone(fake_gpu, optimizer):
    config = replace(RING, optimizer=optimizer)
    run, twin = Training(config), Training(config)
    calls = []

    def step():
        calls.append(1)
        return run._play() if len(calls) <= Replay.WARM_UP else {}  # gravar não executa

    Replay(step, run.draws.rng, run._everything)
    assert len(calls) == Replay.WARM_UP + 1
    for a, b in zip(weights(run), weights(twin), strict=True):
        assert torch.equal(a, b)
    assert not any(t.any() for o in (run.g_optimizer, run.d_optimizer) for t in optimization.state_tensors(o))
    collect(run.steps(3)), collect(twin.steps(3))
    for a, b in zip(weights(run), weights(twin), strict=True):
        assert torch.equal(a, b)

