"""Pontos de retomada: atômicos, com soma, da versão certa; retomar é bit a bit o treinamento sem interrupção."""

import io
import itertools
from dataclasses import replace

import pytest
import torch

from ganlib import (
    CheckpointError,
    Config,
    Speed,
    Training,
    TrainingDiverged,
    checkpoints,
    collect,
    losses,
    networks,
    penalties,
)

SMALL = {"hidden": (16, 16), "batch": 32, "log_every": 5}
TINY = {"hidden": (4,), "batch": 8, "log_every": 5}


def weights(run: Training) -> list[torch.Tensor]:
    return [p.detach().clone() for p in [*run.g_params, *run.d_params]]


def equal(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("loss", "penalty"), [*itertools.product(sorted(losses.LOSSES), [None, *sorted(penalties.PENALTIES)])]
)
def test_resuming_is_bit_for_bit_the_undisturbed_run_for_every_loss_and_penalty(tmp_path, loss, penalty):
    assert_resumes(Config(loss=loss, penalty=penalty, **TINY), tmp_path / "ponto.pt")


OTHER_CHOICES = {
    "modelos": {"models": 3},
    "sgd": {"optimizer": "sgd", "d_steps": 2},
    "recorte": {"optimizer": "rmsprop", "clip": 0.1},
    "media_e_ruido": {"ema": 0.9, "instance_noise": 0.3, "instance_noise_steps": 6},
    "rotulos": {"real_label": 0.9, "fake_label": 0.1},
    "compartilhada": {"update": "alternating_shared"},
    "extragradiente": {"update": "extragradient"},
    "consenso": {"update": "consensus"},
    "dropout_e_espectral": {"network": lambda d: networks.mlp(d, hidden=(8,), dropout=0.5, d_norm="spectral")},
    "lote_e_camada": {"network": lambda d: networks.mlp(d, hidden=(8,), g_norm="batch", d_norm="layer")},
}


@pytest.mark.parametrize("name", OTHER_CHOICES)
def test_resuming_is_bit_for_bit_the_undisturbed_run_for_every_other_choice(tmp_path, name):
    assert_resumes(Config(**TINY, **OTHER_CHOICES[name]), tmp_path / "ponto.pt")


def assert_resumes(config: Config, file) -> None:
    whole, first, second = Training(config), Training(config), Training(config)
    collect(whole.steps(6))
    collect(first.steps(2))
    first.save(file)
    collect(second.steps(1))  # o que havia antes não importa
    assert second.resume(file) == file
    assert second.step == 2
    collect(second.steps(4))
    assert equal(whole._everything(), second._everything())
    assert equal([whole.noise()], [second.noise()])


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
    [({"hidden": (8,)}, "hidden"), ({"loss": "minimax"}, "loss"), ({"data": "grid"}, "data"), ({"seed": 3}, "seed"),
     ({"penalty": "r1"}, "penalty"), ({"ema": 0.9}, "ema")],
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
    whole = file.read_bytes()
    for damaged in (whole[:1000], whole[:-1], whole[:5000] + b"\0" + whole[5001:], b""):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="está danificado"):
            run.resume(file)
    with pytest.raises(CheckpointError, match="é da versão 99; esta ganlib lê a 2"):
        run.load(run.state() | {"version": 99})


def test_a_file_of_another_program_or_a_folder_is_refused(tmp_path):
    run = Training(Config(**SMALL))
    file = tmp_path / "outro.pt"
    torch.save(run.state(), file)
    with pytest.raises(CheckpointError, match="está danificado ou não é da ganlib"):
        run.resume(file)
    with pytest.raises(CheckpointError, match="não há ponto de retomada inteiro na pasta"):
        run.resume(tmp_path)
    with pytest.raises(CheckpointError, match="não consigo ler"):
        checkpoints.read(tmp_path)


def test_nothing_in_a_file_is_executed(tmp_path):
    """Um pickle hostil com a soma certa também não passa: só tensores e tipos simples são lidos."""

    class Hostile:
        def __reduce__(self):
            return (print, ("executado",))

    payload = io.BytesIO()
    torch.save({"x": Hostile()}, payload)
    checkpoints.write(tmp_path / "bom.pt", {"x": torch.ones(2)})
    assert torch.equal(checkpoints.read(tmp_path / "bom.pt")["x"], torch.ones(2))
    checkpoints.write(tmp_path / "mau.pt", {"x": Hostile()})
    with pytest.raises(CheckpointError, match="traz mais do que tensores e números"):
        checkpoints.read(tmp_path / "mau.pt")


def test_the_newest_readable_file_is_used_and_a_torn_one_never(tmp_path):
    config = Config(**SMALL)
    run = Training(config)
    for _ in range(3):
        collect(run.steps(1))
        run.save_in(tmp_path, keep=3)
    newest = checkpoints.newest_first(tmp_path)[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    again = Training(config)
    assert again.resume(tmp_path).name == "passo-000000002.pt"
    assert again.step == 2
    collect(again.steps(1))
    assert equal(weights(run), weights(again))


def test_old_files_and_what_a_killed_process_left_are_cleaned(tmp_path):
    run = Training(Config(**SMALL))
    (tmp_path / "passo-000000001.pt.1a2b3c4d.parcial").write_bytes(b"metade")
    (tmp_path / "passo-000000001.pt.copia").write_bytes(b"minha")
    (tmp_path / "anotacoes.txt").write_text("minhas")
    for _ in range(4):
        collect(run.steps(1))
        run.save_in(tmp_path, keep=2)
    names = sorted(f.name for f in tmp_path.iterdir())
    assert names == ["anotacoes.txt", "passo-000000001.pt.copia", "passo-000000003.pt", "passo-000000004.pt"]


def test_others_on_the_machine_read_it_as_they_read_any_new_file(tmp_path):
    (tmp_path / "qualquer").touch()
    checkpoints.write(tmp_path / "ponto.pt", {"x": torch.ones(2)})
    assert (tmp_path / "ponto.pt").stat().st_mode == (tmp_path / "qualquer").stat().st_mode


def test_a_checkpoint_may_be_read_where_speed_differs(tmp_path):
    config = Config(**SMALL)
    first = Training(config)
    collect(first.steps(1))
    first.save(tmp_path / "ponto.pt")
    second = Training(replace(config, speed=Speed(freeze=False, fast_matmul=True), log_every=1))
    second.resume(tmp_path / "ponto.pt")
    assert equal(weights(first), weights(second))
