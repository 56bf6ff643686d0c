"""Um protocolo só para comparar remédios: a mesma tabela, linha a linha, em todos os capítulos.

Cada remédio é um jogo (perda, penalidade, rede…) levado a duas situações, com as mesmas sementes:

- **D à frente**: o gerador é posto fora do anel, em torno de (3, 3), e congelado; o discriminador treina sozinho.
  Mede-se o que sobra ao gerador: ``‖∇_x D‖`` nas amostras dele e ``‖∇_θ L_G‖`` da sua própria perda.
- **Jogo equilibrado**: os dois treinam desde o começo. Medem-se os modos cobertos e a fração de boa qualidade.

    rows = [protocol.measure(remedy) for remedy in (protocol.MINIMAX, mine)]
    print(protocol.table(rows))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ganlib import data, gradients, memory, metrics
from ganlib.config import Config
from ganlib.layers import Pair
from ganlib.notebook import decimal_comma
from ganlib.training import Training


@dataclass(frozen=True)
class Remedy:
    """Um jogo a medir.

    Attributes:
        name: o título da linha.
        changes: o que ele muda em D*, em poucas palavras.
        options: os campos de ``Config`` que diferem dos do protocolo.
        network: ``(d, models) → Pair``, se as redes não são as MLPs do protocolo; ``G.layers[-1]`` deve ter viés.
        stacked: se as redes aceitam o eixo dos modelos; as que não aceitam são treinadas uma a uma, com menos sementes.
    """

    name: str
    changes: str
    options: Mapping[str, Any] = field(default_factory=dict)
    network: Callable[[int, int | None], Pair] | None = None
    stacked: bool = True


MINIMAX = Remedy("minimax", "nada: p/(p+q)", {"loss": "minimax"})


@dataclass(frozen=True)
class Protocol:
    """As duas situações, iguais para todos.

    Attributes:
        ring_std: desvio de cada um dos oito modos, num anel de raio 2.
        hidden, batch, lr: larguras das MLPs, amostras por passo e taxa do Adam (β1 = 0,5).
        seeds: quantos pares; ``few_seeds`` para as redes que não se empilham.
        head_start: passos só de D diante do gerador congelado.
        center: em torno de onde fica o gerador congelado.
        steps: passos do gerador no jogo equilibrado.
        samples: amostras por par em cada medida.
    """

    ring_std: float = 0.05
    hidden: tuple[int, ...] = (64, 64)
    batch: int = 64
    lr: float = 1e-3
    seeds: int = 16
    few_seeds: int = 3
    head_start: int = 500
    center: tuple[float, float] = (3.0, 3.0)
    steps: int = 1500
    samples: int = 1000

    def ring(self) -> data.Data:
        """Os dados do protocolo."""
        return data.ring(std=self.ring_std)

    def runs(self, remedy: Remedy) -> Iterator[Training]:
        """Treinamentos novos deste remédio: um, com o eixo dos modelos, ou um por semente."""
        models = self.seeds if remedy.stacked else None
        common = {"hidden": self.hidden, "batch": self.batch, "lr": self.lr, "log_every": self.steps}
        config = replace(Config(self.ring(), "minimax", models=models, **common), **remedy.options)
        if remedy.network:
            config = replace(config, network=lambda d: remedy.network(d, models))
        for seed in range(1 if remedy.stacked else self.few_seeds):
            yield Training(replace(config, seed=seed))


PROTOCOL = Protocol()


@dataclass(frozen=True)
class Row:
    """O que o protocolo mediu de um remédio; cada vetor tem um valor por par de redes.

    Attributes:
        remedy: o remédio.
        d_fake: a média de D = σ(h) nas amostras, com D à frente.
        slope: a mediana de ``‖∇_x D‖`` (do logit) nas amostras, com D à frente.
        gradient: ``‖∇_θ L_G‖``, com D à frente.
        modes: modos cobertos, de 8, no fim do jogo equilibrado.
        quality: fração das amostras a até 3 desvios de um modo, no fim do jogo equilibrado.
        work: multiplicações e somas de um passo do gerador e dos de D que lhe cabem, por par.
    """

    remedy: Remedy
    d_fake: np.ndarray
    slope: np.ndarray
    gradient: np.ndarray
    modes: np.ndarray
    quality: np.ndarray
    work: int


def measure(remedy: Remedy, protocol: Protocol = PROTOCOL) -> Row:
    """Leva o remédio às duas situações do protocolo.

    Raises:
        TrainingDiverged: algum treinamento deixou de ser finito.
    """
    ahead = [_with_d_ahead(run, protocol) for run in protocol.runs(remedy)]
    balanced = [_balanced(run, protocol) for run in protocol.runs(remedy)]
    columns = [np.concatenate(column) for column in (*zip(*ahead, strict=True), *zip(*balanced, strict=True))]
    return Row(remedy, *columns, work=_work(remedy, protocol))


def _with_d_ahead(run: Training, protocol: Protocol) -> list[np.ndarray]:
    with torch.no_grad():
        run.G.layers[-1].bias.copy_(torch.tensor(protocol.center))
    for _ in range(protocol.head_start):
        run.d_step()
    (norm,) = run.gradient_norms([run.loss])
    fake = run.sample(protocol.samples)
    run.D.eval()  # por amostra: a normalização de lote com as médias acumuladas, e sem dropout
    with torch.no_grad():
        d_fake = run.D(fake).sigmoid().mean(-1)
    slope = gradients.input_gradient_norms(run.D, fake).median(-1).values
    return [_per_model(v) for v in (d_fake, slope, norm)]


def _balanced(run: Training, protocol: Protocol) -> list[np.ndarray]:
    for _ in run.steps(protocol.steps):
        pass
    x, ring = run.sample(protocol.samples), run.data
    modes = metrics.modes_covered(x, ring.centers, ring.std)
    return [_per_model(v) for v in (modes, metrics.high_quality_share(x, ring.centers, ring.std))]


def _per_model(value: torch.Tensor) -> np.ndarray:
    return np.atleast_1d(value.detach().cpu().numpy().astype(np.float64))


def _work(remedy: Remedy, protocol: Protocol) -> int:
    run = next(protocol.runs(replace(remedy, stacked=False)))
    c = run.config
    step = memory.work(Pair(run.G, run.D, run.latent), c.batch, loss=run.loss, penalty=c.penalty)
    return c.d_steps * (step.d_step + step.penalty) + step.g_step


def spread(values: np.ndarray, fmt: str) -> str:
    """``mediana [mínimo; máximo]``, com vírgula decimal."""
    low, middle, high = (decimal_comma(v, fmt) for v in (values.min(), np.median(values), values.max()))
    return f"{middle} [{low}; {high}]"


def table(rows: Sequence[Row], baseline: Row | None = None) -> str:
    """A tabela em texto: mediana e extremos das sementes; o custo é relativo ao da primeira linha (ou ``baseline``)."""
    base = baseline or rows[0]
    head = ["remédio", "D* passa a ser", "‖∇ₓD‖", "‖∇_θ L_G‖", "modos (de 8)", "boas (%)", "custo", "n"]
    body = [
        [
            row.remedy.name,
            row.remedy.changes,
            spread(row.slope, "{:.2g}"),
            spread(row.gradient, "{:.1e}"),
            spread(row.modes, "{:.0f}"),
            spread(100 * row.quality, "{:.0f}"),
            decimal_comma(row.work / base.work, "{:.1f}") + "×",
            str(len(row.modes)),
        ]
        for row in rows
    ]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (head, *body)]
    return "\n".join("  ".join(line).rstrip() for line in padded)
