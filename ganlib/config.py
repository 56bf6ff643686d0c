"""A configuração: tudo o que define um treinamento, num objeto congelado."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganlib import data as datasets
from ganlib import losses, networks, optimization, penalties
from ganlib.errors import choose
from ganlib.speed import Speed


@dataclass(frozen=True)
class Config:
    """Tudo o que define um treinamento. Dados, perda, rede e penalidade podem ser um nome ou um objeto.

    Attributes:
        data: nome em ``data.DATA``, um ``Data`` ou um tensor ``(N, d)``.
        loss: nome em ``losses.LOSSES`` ou um ``Loss``.
        network: nome em ``networks.NETWORKS``, um ``Pair``, ou uma função ``d → Pair``.
        latent, hidden: dimensão do ruído e larguras escondidas da rede ``"mlp"`` (as outras têm as suas).
        batch: amostras por passo (com vários processos, a soma deles).
        lr, d_lr: taxas de aprendizado do gerador e do discriminador (``None``: a mesma).
        betas: médias móveis do Adam.
        optimizer: ``"adam"``, ``"rmsprop"`` ou ``"sgd"``.
        d_steps: passos do discriminador por passo do gerador.
        update: ``"alternating"``, ``"alternating_shared"`` (poupa uma passagem por G), ``"simultaneous"``,
            ``"extragradient"`` ou ``"consensus"``.
        consensus_weight: γ da regra ``"consensus"``.
        real_label, fake_label: rótulos do discriminador, α e β; 1 e 0 são os sem suavização.
        penalty: nome em ``penalties.PENALTIES``, uma função, ou ``None``.
        penalty_weight: λ ou γ da penalidade.
        clip: recorta os pesos do discriminador a ``[-clip, clip]`` depois de cada passo dele.
        instance_noise: desvio-padrão do ruído somado a tudo o que o discriminador vê.
        instance_noise_steps: em quantos passos do gerador esse ruído cai, em linha reta, a zero (``None``: não cai).
        ema: decaimento da média móvel do gerador, como 0,999 (``None``: sem ela).
        models: ``None``, ou o número K de pares treinados juntos (rede ``"mlp"``).
        seed: semente de tudo o que é sorteado: pesos, lotes e ruído.
        log_every: de quantos em quantos passos as métricas são lidas do dispositivo.
        device: ``"cpu"``, ``"cuda"``, …
        speed: os interruptores de velocidade.
    """

    data: str | datasets.Data | Tensor = "ring"
    loss: str | losses.Loss = "non_saturating"
    network: str | networks.Pair | Callable[[int], networks.Pair] = "mlp"
    latent: int = 2
    hidden: tuple[int, ...] = (128, 128)
    batch: int = 256
    lr: float = 1e-3
    d_lr: float | None = None
    betas: tuple[float, float] = (0.5, 0.999)
    optimizer: str = "adam"
    d_steps: int = 1
    update: str = "alternating"
    consensus_weight: float = 1.0
    real_label: float = 1.0
    fake_label: float = 0.0
    penalty: str | penalties.Penalty | None = None
    penalty_weight: float = 10.0
    clip: float | None = None
    instance_noise: float = 0.0
    instance_noise_steps: int | None = None
    ema: float | None = None
    models: int | None = None
    seed: int = 0
    log_every: int = 100
    device: str = "cpu"
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self):
        for name in ("batch", "d_steps", "log_every", "latent", "lr", "d_lr", "clip", "instance_noise_steps"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} deve ser positivo; recebi {value}")
        for name in ("instance_noise", "penalty_weight", "consensus_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} não pode ser negativo; recebi {getattr(self, name)}")
        if self.models is not None and self.models < 1:
            raise ValueError(f"models deve ser None ou um inteiro positivo; recebi {self.models}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema deve estar entre 0 e 1, como 0.999, ou ser None; recebi {self.ema}")
        choose("otimizador", self.optimizer, optimization.OPTIMIZERS)
        choose("regra de atualização", self.update, optimization.UPDATES)
        if not self.update.startswith("alternating") and self.d_steps != 1:
            raise ValueError(f"update={self.update!r} move os dois jogadores juntos: use d_steps=1")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError("device='cuda' foi pedido, mas o PyTorch não encontra uma GPU; use device='cpu'")

    def resolved_loss(self) -> losses.Loss:
        """A perda com os rótulos pedidos."""
        return losses.smooth(losses.get(self.loss), self.real_label, self.fake_label)

    def noise_std(self, step: int) -> float:
        """O desvio-padrão do ruído de instância no passo ``step``."""
        if self.instance_noise_steps is None:
            return self.instance_noise
        return self.instance_noise * max(0.0, 1 - step / self.instance_noise_steps)

    # Onde se roda, com que velocidade e de quanto em quanto se olha não define o treinamento.
    NOT_COMPARED = ("device", "log_every", "speed")

    def comparable(self) -> dict[str, Any]:
        """Os campos que dois treinamentos precisam ter iguais, como voltam de um arquivo (tuplas viram listas)."""
        values = {k: v for k, v in vars(self).items() if k not in (*self.NOT_COMPARED, "data")}
        values["loss"] = losses.get(self.loss).name
        for name in ("network", "penalty"):
            if not isinstance(values[name], str | None):
                values[name] = "personalizado"
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
