"""Dois processos com meio lote cada um são um processo com o lote inteiro."""

import os
import socket
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from ganlib import Config, Training, collect, distributed
from ganlib.distributed import Ranks

BASE = Config(hidden=(8, 8), batch=16, log_every=2)
CASES = {
    "nao_saturante": BASE,
    "wgan_gp": replace(BASE, loss="wasserstein", penalty="gradient_penalty", d_steps=2),
    "relativistica": replace(BASE, loss="relativistic", penalty="r1_r2", ema=0.9),
    "ruido_e_rotulos": replace(BASE, instance_noise=0.3, instance_noise_steps=5, real_label=0.9, clip=0.5),
    "extragradiente": replace(BASE, update="extragradient", optimizer="sgd"),
    "consenso": replace(BASE, update="consensus", optimizer="rmsprop"),
    "modelos": replace(BASE, models=3),
}


def result(config: Config) -> dict:
    run = Training(config)
    history = collect(run.steps(4))
    norms = run.gradient_norms(["minimax"])
    return {"state": run.state(), "history": history, "norms": [n.tolist() for n in norms]}


def worker(rank: int, port: int, folder: str) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    assert distributed.start("cpu") == "cpu"
    for name, config in CASES.items():
        torch.save(result(config), f"{folder}/{name}-{rank}.pt")
    run = Training(BASE)
    collect(run.steps(1))
    run.save(f"{folder}/salvo.pt")
    try:
        Training(replace(BASE, data="digits", network="document"))
    except ValueError as error:
        torch.save(str(error), f"{folder}/recusa-{rank}.pt")
    assert run.ranks == Ranks(rank, 2)
    distributed.stop()
    assert not dist.is_initialized()


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processos")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mp.spawn(worker, args=(port, str(folder)), nprocs=2)
    return folder


def load(folder, name):
    return torch.load(folder / f"{name}.pt", weights_only=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_two_ranks_are_one_process_with_the_joined_batch(two_ranks, name):
    first, second = (load(two_ranks, f"{name}-{rank}") for rank in range(2))
    alone = result(CASES[name])
    for who in "GD":
        for key, mine in alone["state"][who].items():
            assert torch.equal(first["state"][who][key], second["state"][who][key])
            # A soma em outra ordem muda o último bit, e o Adam amplia: 1e-5 em quatro passos.
            torch.testing.assert_close(first["state"][who][key], mine, rtol=1e-4, atol=1e-5)
    assert torch.equal(first["state"]["rng"], alone["state"]["rng"])
    for key, values in alone["history"].items():
        assert first["history"][key] == pytest.approx(values, rel=1e-3, abs=1e-5)
    assert first["norms"][0] == pytest.approx(alone["norms"][0], rel=1e-3)


@pytest.mark.slow
def test_what_two_ranks_save_one_process_resumes(two_ranks):
    run = Training(BASE)
    run.resume(two_ranks / "salvo.pt")
    assert run.step == 1


@pytest.mark.slow
def test_batch_norm_between_cpu_ranks_is_refused(two_ranks):
    assert "a normalização de lote entre vários processos precisa de GPUs" in load(two_ranks, "recusa-1")


def test_batch_norm_becomes_synchronised_on_gpus_and_stays_as_it_is_alone():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    assert type(Ranks(0, 1).prepare(net, "cpu")[1]) is nn.BatchNorm1d
    assert isinstance(Ranks(0, 2).prepare(net, "cuda:0")[1], nn.SyncBatchNorm)


def test_a_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "current", lambda: Ranks(0, 3))
    with pytest.raises(ValueError, match=r"o lote \(16\) não se divide entre 3 processos"):
        Training(BASE)


def test_without_torchrun_nothing_is_started(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert distributed.start("cpu") == "cpu"
    assert distributed.current() == Ranks(0, 1)
    distributed.stop()
