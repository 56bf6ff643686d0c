"""A pasta de um treinamento, escrita enquanto ele anda e lida quando continua.

    config.json     o que foi pedido, e com que versões
    metricas.csv    uma linha a cada log_every passos e no último; com K modelos, uma coluna por modelo
    pontos/         pontos de retomada
    amostras.png    a folha de amostras do fim

Depois de qualquer interrupção, a pasta fica como a de um treinamento que não parou: as linhas posteriores ao ponto de
retomada são descartadas e escritas de novo. Com vários processos, só o primeiro escreve; todos leem.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganlib import checkpoints
from ganlib.errors import CheckpointError
from ganlib.files import PARTIAL, replacing
from ganlib.training import Training
from ganlib.version import __version__

CONFIG, METRICS, POINTS, SAMPLES = "config.json", "metricas.csv", "pontos", "amostras.png"

Row = dict[str, Any]


class Folder:
    """Onde um treinamento grava.

    Args:
        path: a pasta; é criada se não existir.
        keep: quantos pontos de retomada ficam.

    Attributes:
        damaged: os pontos danificados que ``open`` encontrou e pôs de lado.
    """

    def __init__(self, path: str | Path, keep: int = 2):
        self.path, self.keep = Path(path), keep
        self.damaged: list[Path] = []
        self.points, self.samples = self.path / POINTS, self.path / SAMPLES
        self._metrics, self._config = self.path / METRICS, self.path / CONFIG

    def used(self) -> list[str]:
        """O que um treinamento já deixou nesta pasta."""
        return [name for name in (CONFIG, METRICS, POINTS, SAMPLES) if (self.path / name).exists()]

    def open(self, run: Training, steps: int) -> list[Row]:
        """Põe ``run`` no ponto inteiro mais novo da pasta, se houver algum, e a pasta no mesmo passo.

        Args:
            steps: até que passo se vai; só é anotado.

        Returns:
            As métricas já gravadas, até o passo de ``run``.

        Raises:
            CheckpointError: a pasta é de outro treinamento, ou os processos leram pontos diferentes.
            OSError: a pasta não pode ser escrita.
        """
        about = self._describe(run, steps)
        found = next(checkpoints.readable(self.points, run.device), None)
        if found:
            run.load(found[1])
            run.last_checkpoint = found[0]
        else:
            self._check_config(about)
        self._agree(run)
        rows = [row for row in read_metrics(self._metrics) if row["step"] <= run.step]
        if run.ranks.rank == 0:
            self.points.mkdir(parents=True, exist_ok=True)
            self._clean(run)
            _replace(self._config, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
            _replace(self._metrics, "".join([*(_line(cells(row)) for row in rows[:1]), *map(_values, rows)]))
        run.ranks.wait()
        return rows

    def add(self, run: Training, row: Row) -> None:
        """Acrescenta uma linha a ``metricas.csv``."""
        if run.ranks.rank == 0:
            with self._metrics.open("a") as file:
                file.write(("" if file.tell() else _line(cells(row))) + _values(row))

    def save(self, run: Training) -> None:
        """Grava um ponto de retomada; antes dele, as métricas chegam ao disco."""
        if run.ranks.rank == 0:
            with self._metrics.open("a") as file:
                os.fsync(file.fileno())
        run.save_in(self.points, self.keep)

    def _describe(self, run: Training, steps: int) -> dict[str, Any]:
        about = {
            "config": run.config.comparable() | {"data": run.data.name},
            "steps": steps,
            "device": run.device,
            "processes": run.ranks.world,
            "speed": asdict(run.speed),
            "ganlib": __version__,
            "torch": torch.__version__,
        }
        return json.loads(json.dumps(about, default=float))  # como voltará do arquivo

    def _check_config(self, about: dict[str, Any]) -> None:
        """Sem nenhum ponto inteiro, o que diz de quem é a pasta é ``config.json``."""
        if not self._config.exists():
            return
        try:
            theirs = dict(json.loads(self._config.read_text())["config"])
        except (ValueError, KeyError, TypeError):
            raise CheckpointError(f"{self._config} não é da ganlib: indique outra pasta") from None
        different = [k for k, v in about["config"].items() if theirs.get(k) != v]
        if different:
            raise CheckpointError(f"a pasta {self.path} é de outro treinamento: diferem {', '.join(different)}")

    def _agree(self, run: Training) -> None:
        step = torch.tensor(float(run.step), dtype=torch.float64, device=run.device)
        run.ranks.average([step])
        if step.item() != run.step:
            raise CheckpointError(
                f"este processo continua do passo {run.step} e outro, não: todos precisam ver a mesma pasta {self.path}"
            )

    def _clean(self, run: Training) -> None:
        """Apaga os parciais que um processo morto deixou e põe de lado os pontos danificados, mais novos que o lido."""
        for folder in (self.path, self.points):
            for file in folder.glob(f"*{PARTIAL}"):
                file.unlink()
        for file in checkpoints.newest_first(self.points):
            if file == run.last_checkpoint:
                break
            self.damaged.append(file.rename(file.with_name(f"danificado-{file.name}")))


# metricas.csv


def cells(row: Row) -> dict[str, float]:
    """Uma linha como colunas de números: ``d_loss``, ou ``d_loss_0, d_loss_1, …`` com vários modelos."""
    flat: dict[str, float] = {}
    for name, value in row.items():
        flat |= {name: value} if np.ndim(value) == 0 else {f"{name}_{k}": v for k, v in enumerate(value)}
    return flat


def _line(values: Iterable[Any]) -> str:
    return ",".join(map(str, values)) + "\n"


def _values(row: Row) -> str:
    # repr de um float volta, lido, ao mesmo número.
    return _line(v if name == "step" else repr(float(v)) for name, v in cells(row).items())


def read_metrics(path: str | Path) -> list[Row]:
    """As linhas inteiras de um ``metricas.csv``, na forma em que ``Training.steps`` as dá; sem arquivo, nenhuma.

    Raises:
        CheckpointError: o arquivo não é um ``metricas.csv`` da ganlib.
    """
    path = Path(path)
    if not path.exists():
        return []
    # O que vem depois do último fim de linha é uma linha que não terminou de ser escrita.
    header, *lines = [line.split(",") for line in path.read_text().split("\n")[:-1]] or [["step"]]
    try:
        if header[0] != "step":
            raise ValueError
        return [_row(header, line) for line in lines]
    except ValueError:
        raise CheckpointError(f"{path} não é da ganlib: apague-o ou indique outra pasta") from None


def _row(header: list[str], line: list[str]) -> Row:
    row: Row = {"step": int(line[0])}
    for column, text in zip(header[1:], line[1:], strict=True):
        name, model = re.fullmatch(r"(.*?)(_\d+)?", column).groups()
        if model:
            row.setdefault(name, []).append(float(text))
        else:
            row[name] = float(text)
    return {k: np.array(v) if isinstance(v, list) else v for k, v in row.items()}


def _replace(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
