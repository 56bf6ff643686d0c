"""Um processo morto a qualquer momento continua de onde estava, bit a bit.

Para muitas mortes: ``python -m tests.ganlib.test_killed 200`` (2 a 5 s cada uma).
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import torch

from ganlib import checkpoints, cli
from ganlib.files import PARTIAL

SAVE_EVERY = 10
TRAIN = [
    "train", "--data", "ring", "--hidden", "8", "8", "--batch", "16", "--ema", "0.9", "--log-every", "5",
    "--save-every", str(SAVE_EVERY), "--device", "cpu", "--threads", "1", "--samples", "10",
]
PATIENCE = 120  # segundos


def launch(*command: str) -> subprocess.Popen:
    """``python -m …`` em outro processo."""
    alone = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=alone | {"OMP_NUM_THREADS": "1"},
    )


def newest_step(folder: Path) -> int:
    """O passo do ponto de retomada mais novo da pasta, ou 0."""
    return max((int(f.stem.removeprefix("passo-")) for f in checkpoints.newest_first(folder / "pontos")), default=0)


def wait_for(what, process: subprocess.Popen) -> None:
    """Espera que ``what()`` seja verdade ou que o processo termine."""
    limit = time.monotonic() + PATIENCE
    while not what() and process.poll() is None:
        assert time.monotonic() < limit, f"nada aconteceu em {PATIENCE} s"
        time.sleep(0.0005)


def newest(folder: Path) -> dict:
    return checkpoints.read(checkpoints.newest_first(folder / "pontos")[0])


def assert_same_state(a, b) -> None:
    """Igual bit a bit: pesos, média móvel, otimizadores e gerador de números."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same_state(a[key], b[key])
    elif isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            assert_same_state(x, y)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def assert_same_folder(ours: Path, whole: Path) -> None:
    """A pasta é a de um treinamento que não parou, sem nada a mais."""
    assert_same_state(newest(ours), newest(whole))
    assert (ours / "metricas.csv").read_bytes() == (whole / "metricas.csv").read_bytes()
    names = [sorted(str(f.relative_to(d)) for f in d.rglob("*")) for d in (ours, whole)]
    assert names[0] == names[1], "sobrou um parcial, ou falta um arquivo"


def kill_and_resume(folder: Path, kills: int, seed: int = 0) -> dict[str, int]:
    """Treina com ``--resume`` matando o processo ``kills`` vezes em momentos ao acaso, e compara com quem não parou.

    Cada morte cai de 0 a 2 gravações depois do começo do processo e até 20 ms além: no meio de um passo, de uma
    gravação, de uma linha de métricas, da limpeza ou da partida.

    Returns:
        Onde as mortes caíram: antes do primeiro ponto, e deixando um parcial ou uma linha pela metade.
    """
    draw = random.Random(seed)
    steps = SAVE_EVERY * 3 * (kills + 1)
    ours, whole = folder / "morto", folder / "inteiro"
    command = ["ganlib", *TRAIN, "--steps", str(steps), "--out", str(ours), "--resume"]
    landed = {"antes de gravar": 0, "com um parcial": 0, "com uma linha pela metade": 0}
    for _ in range(kills):
        begun, goal = newest_step(ours), draw.choice((0, 0, 1, 2)) * SAVE_EVERY
        stamp = (ours / "config.json").stat().st_mtime_ns if (ours / "config.json").exists() else 0
        process = launch(*command)

        def ready(begun=begun, goal=goal, stamp=stamp) -> bool:
            config = ours / "config.json"
            return config.exists() and config.stat().st_mtime_ns != stamp and newest_step(ours) >= begun + goal

        wait_for(ready, process)
        time.sleep(draw.uniform(0, 0.02))
        assert process.poll() is None, f"terminou antes de ser morto:\n{process.communicate()[1]}"
        process.kill()
        process.communicate()
        landed["antes de gravar"] += newest_step(ours) == begun
        landed["com um parcial"] += any(ours.rglob(f"*{PARTIAL}"))
        metrics = ours / "metricas.csv"
        landed["com uma linha pela metade"] += metrics.exists() and metrics.read_text()[-1:] not in ("\n", "")
    process = launch(*command)
    assert process.communicate(timeout=PATIENCE)[1].count("danificado") == 0
    assert process.returncode == 0
    assert cli.main([*TRAIN, "--steps", str(steps), "--out", str(whole)]) == 0
    assert_same_folder(ours, whole)
    return landed


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_where_an_undisturbed_run_ends(tmp_path):
    kill_and_resume(tmp_path, kills=3)


@pytest.mark.slow
def test_killed_with_its_newest_checkpoint_torn_it_goes_on_from_the_one_before(tmp_path):
    ours, whole = tmp_path / "morto", tmp_path / "inteiro"
    command = [*TRAIN, "--steps", "200", "--out", str(ours), "--resume"]
    process = launch("ganlib", *command)
    wait_for(lambda: newest_step(ours) >= 3 * SAVE_EVERY, process)
    process.kill()
    process.communicate()
    torn, good, *_ = checkpoints.newest_first(ours / "pontos")
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    (ours / "pontos" / f"{torn.name}.abcdefgh{PARTIAL}").write_bytes(b"um parcial")
    again = launch("ganlib", *command)
    err = again.communicate(timeout=PATIENCE)[1]
    assert again.returncode == 0
    assert re.search(rf"danificado foi posto de lado: .*danificado-{torn.name}", err)
    assert f"de {good}" in err
    (ours / "pontos" / f"danificado-{torn.name}").unlink()
    assert cli.main([*TRAIN, "--steps", "200", "--out", str(whole)]) == 0
    assert_same_folder(ours, whole)


# Vários processos


def torchrun(*argv: str, restarts: int = 0) -> list[str]:
    return [
        "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", str(restarts),
        "-m", "ganlib", *TRAIN, *argv,
    ]


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory) -> Path:
    """A pasta de um treinamento de 100 passos em dois processos, sem interrupção."""
    folder = tmp_path_factory.mktemp("torchrun") / "inteiro"
    process = launch(*torchrun("--steps", "100", "--out", str(folder)))
    err = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, err
    assert err.count("Começo do zero") == err.count("Pronto, no passo 100") == 1, "só o primeiro processo fala"
    return folder


@pytest.mark.slow
def test_two_ranks_are_one_process_with_the_joined_batch(two_ranks, tmp_path):
    assert cli.main([*TRAIN, "--steps", "100", "--out", str(tmp_path)]) == 0
    ours, alone = (d / "metricas.csv" for d in (two_ranks, tmp_path))
    rows = [[line.split(",") for line in file.read_text().splitlines()] for file in (ours, alone)]
    assert rows[0][0] == rows[1][0] and len(rows[0]) == len(rows[1]) == 21
    for row, other in zip(rows[0][1:], rows[1][1:], strict=True):
        assert row[0] == other[0]
        # A soma dos gradientes em outra ordem muda o último bit, e o Adam o amplia a cada passo.
        assert [float(v) for v in row[1:]] == pytest.approx([float(v) for v in other[1:]], rel=1e-3, abs=1e-5)
    first, second = newest(two_ranks), newest(tmp_path)
    assert first["config"] == second["config"]
    assert torch.equal(first["rng"], second["rng"])
    for who in ("G", "D", "average"):
        for key, weights in first[who].items():
            torch.testing.assert_close(weights, second[who][key], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_torchrun_restarts_a_killed_worker_and_ends_where_an_undisturbed_run_ends(two_ranks, tmp_path):
    ours = tmp_path / "morto"
    process = launch(*torchrun("--steps", "100", "--out", str(ours), "--resume", restarts=1))
    wait_for(lambda: newest_step(ours) >= 3 * SAVE_EVERY, process)
    workers = psutil.Process(process.pid).children()
    next(w for w in workers if w.environ()["RANK"] == "0").kill()  # o que grava
    err = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, err
    assert len(re.findall(r"Continuo do passo \d+0, de", err)) == 1
    assert "cli.py" not in err, "o processo que sobrou diz uma frase, não uma pilha"
    assert_same_folder(ours, two_ranks)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(kill_and_resume(Path(scratch), kills=int(sys.argv[1]), seed=int(sys.argv[2]) if sys.argv[2:] else 0))
