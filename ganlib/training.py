"""O treinamento, à vista: uma configuração congelada e um laço que cabe na tela.

    run = Training(Config(data="ring", loss="minimax"))
    for metrics in run.steps(5_000):
        print(metrics["step"], metrics["grad_norm"])
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import data as datasets
from ganlib import losses, networks
from ganlib.errors import CheckpointError, TrainingDiverged, choose
from ganlib.files import replacing

CHECKPOINT_VERSION = 1

OPTIMIZERS = {
    # fused: um laço em C++ por passo em vez de um por tensor.
    "adam": lambda params, lr, betas: torch.optim.Adam(params, lr, betas=betas, fused=True),
    "sgd": lambda params, lr, betas: torch.optim.SGD(params, lr, fused=True),
}


@dataclass(frozen=True)
class Config:
    """Tudo o que define um treinamento. Dados, perda e rede podem ser um nome ou um objeto.

    Attributes:
        data: nome em ``data.DATA``, um ``Data`` ou um tensor ``(N, d)``.
        loss: nome em ``losses.LOSSES`` ou um ``Loss``.
        network: nome em ``networks.NETWORKS`` ou um ``Pair``.
        latent, hidden: dimensão do ruído e larguras escondidas da rede ``"mlp"`` (as outras têm as suas).
        batch: amostras por passo.
        lr, d_lr: taxas de aprendizado do gerador e do discriminador (``None``: a mesma).
        betas: médias móveis do Adam.
        optimizer: ``"adam"`` ou ``"sgd"``.
        d_steps: passos do discriminador por passo do gerador.
        models: ``None``, ou o número K de pares treinados juntos (rede ``"mlp"``).
        seed: semente de tudo o que é sorteado: pesos, lotes e ruído.
        log_every: de quantos em quantos passos as métricas são lidas do dispositivo.
        device: ``"cpu"``, ``"cuda"``, …
    """

    data: str | datasets.Data | Tensor = "ring"
    loss: str | losses.Loss = "non_saturating"
    network: str | networks.Pair = "mlp"
    latent: int = 2
    hidden: tuple[int, ...] = (128, 128)
    batch: int = 256
    lr: float = 1e-3
    d_lr: float | None = None
    betas: tuple[float, float] = (0.5, 0.999)
    optimizer: str = "adam"
    d_steps: int = 1
    models: int | None = None
    seed: int = 0
    log_every: int = 100
    device: str = "cpu"

    def __post_init__(self):
        for name in ("batch", "d_steps", "log_every", "latent", "lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} deve ser positivo; recebi {getattr(self, name)}")
        if self.models is not None and self.models < 1:
            raise ValueError(f"models deve ser None ou um inteiro positivo; recebi {self.models}")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError("device='cuda' foi pedido, mas o PyTorch não encontra uma GPU; use device='cpu'")


class Training:
    """Um treinamento em andamento.

    Com ``models=K``, toda quantidade "por modelo" tem forma ``(K,)``; sem, é um escalar.

    Attributes:
        config, data, loss: o que foi pedido, já resolvido em objetos.
        G, D: o gerador e o discriminador (que devolve logits).
        step: passos do gerador já dados.
    """

    def __init__(self, config: Config):
        self.config = config
        self.loss = losses.get(config.loss)
        self.data = datasets.get(config.data).to(config.device)
        with torch.random.fork_rng(devices=[]):  # os pesos saem da semente sem mexer no gerador global
            torch.manual_seed(config.seed)
            options = {"models": config.models}
            if config.network == "mlp":
                options |= {"latent": config.latent, "hidden": config.hidden}
            pair = networks.get(config.network, self.data.x.shape[1], **options)
        self.G, self.D, self.latent = pair.G.to(config.device), pair.D.to(config.device), pair.latent
        self.g_params, self.d_params = list(self.G.parameters()), list(self.D.parameters())
        make = choose("otimizador", config.optimizer, OPTIMIZERS)
        self.g_optimizer = make(self.g_params, config.lr, config.betas)
        self.d_optimizer = make(self.d_params, config.d_lr or config.lr, config.betas)
        self.rng = torch.Generator(config.device).manual_seed(config.seed)
        self.lead = () if config.models is None else (config.models,)
        self.step = 0

    # Nomes e dados são comparados à parte; onde se roda e de quanto em quanto se olha não muda o resultado.
    NOT_COMPARED = ("data", "loss", "network", "device", "log_every")

    # O laço

    def steps(self, n: int) -> Iterator[dict[str, Any]]:
        """Dá ``n`` passos do gerador; a cada ``log_every`` (e no último) devolve as métricas.

        Yields:
            ``step`` e, por modelo: ``d_loss``, ``g_loss`` (nats), ``d_real``, ``d_fake`` (D médio, em [0, 1]) e
            ``grad_norm`` (``‖∇_θ L_G‖`` do passo do gerador).

        Raises:
            TrainingDiverged: uma métrica deixou de ser finita; diz em que passo.
        """
        last = self.step + n
        while self.step < last:
            for _ in range(self.config.d_steps):
                d_loss, h_real, h_fake = self.d_step()
            g_loss = self.g_step()
            self.step += 1
            if self.step % self.config.log_every == 0 or self.step == last:
                # O único ponto em que o dispositivo é esperado.
                yield self._metrics(d_loss=d_loss, g_loss=g_loss, d_real=h_real.sigmoid(), d_fake=h_fake.sigmoid())

    def d_step(self) -> tuple[Tensor, Tensor, Tensor]:
        """Um passo do discriminador com G congelado. Devolve perda e logits, ``(…, B)``."""
        real = self.real()
        with torch.no_grad():
            fake = self.G(self.noise())
        h_real, h_fake = self.D(real), self.D(fake)
        loss = self.loss.discriminator(h_real, h_fake)
        self._update(self.d_optimizer, self.d_params, loss)
        return loss.detach(), h_real.detach(), h_fake.detach()

    def g_step(self) -> Tensor:
        """Um passo do gerador com D congelado. Devolve a perda, ``(…, B)``."""
        loss = self.generator_loss(self.loss)
        self._update(self.g_optimizer, self.g_params, loss)
        return loss.detach()

    def generator_loss(self, loss: losses.Loss) -> Tensor:
        """A perda do gerador num lote novo, ``(…, B)``, com o grafo até θ."""
        h_fake = self.D(self.G(self.noise()))
        return loss.generator(h_fake, self.D(self.real())) if loss.needs_real else loss.generator(h_fake)

    def _update(self, optimizer: torch.optim.Optimizer, params: list[nn.Parameter], loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        # Média no lote, soma nos modelos: assim cada modelo recebe o gradiente que teria sozinho.
        # inputs=params: o outro jogador fica congelado, e os gradientes dele nem são calculados.
        loss.mean(-1).sum().backward(inputs=params)
        optimizer.step()

    # O que se sorteia

    def real(self) -> Tensor:
        """Um lote de dados, ``(…, B, d)``."""
        shape = (*self.lead, self.config.batch)
        return self.data.x[torch.randint(len(self.data), shape, generator=self.rng, device=self.rng.device)]

    def noise(self) -> Tensor:
        """Um lote de ruído ``z ~ N(0, I)``, ``(…, B, latent)``."""
        shape = (*self.lead, self.config.batch, self.latent)
        return torch.randn(shape, generator=self.rng, device=self.rng.device)

    @torch.no_grad()
    def sample(self, n: int, seed: int = 0) -> Tensor:
        """``n`` amostras de G, ``(…, n, d)``. Tem semente própria: olhar não muda o treinamento."""
        rng = torch.Generator(self.rng.device).manual_seed(seed)
        z = torch.randn((*self.lead, n, self.latent), generator=rng, device=self.rng.device)
        was_training = self.G.training
        x = self.G.eval()(z)
        self.G.train(was_training)
        return x

    # O que se mede

    def gradient_norms(self, names: Iterable[str | losses.Loss]) -> list[Tensor]:
        """``‖∇_θ L_G‖`` por modelo para cada perda, com o D de agora e o mesmo lote. Medir não muda o treinamento."""
        stream = self.rng.get_state()
        buffers = [(b, b.clone()) for b in (*self.G.buffers(), *self.D.buffers())]  # médias da normalização de lote
        norms = []
        for loss in map(losses.get, names):
            total = self.generator_loss(loss).mean(-1).sum()
            norms.append(self._norm(torch.autograd.grad(total, self.g_params)))
            self.rng.set_state(stream)
            for buffer, kept in buffers:
                buffer.copy_(kept)
        return norms

    def _norm(self, grads: Iterable[Tensor]) -> Tensor:
        # Em float64: um gradiente de 1e-25 ao quadrado ainda existe.
        flat = [g.double().square() for g in grads]
        return sum(g.sum() if not self.lead else g.flatten(1).sum(1) for g in flat).sqrt()

    def _metrics(self, **per_sample: Tensor) -> dict[str, Any]:
        values = {name: v.mean(-1) for name, v in per_sample.items()}
        values["grad_norm"] = self._norm(p.grad for p in self.g_params)
        metrics: dict[str, Any] = {name: v.cpu().numpy() for name, v in values.items()}
        for name, v in metrics.items():
            if not np.isfinite(v).all():
                where = "" if not self.lead else f" (modelos {np.flatnonzero(~np.isfinite(v)).tolist()})"
                raise TrainingDiverged(
                    f"o treinamento divergiu: {name} deixou de ser finito no passo {self.step}{where}; "
                    "diminua a taxa de aprendizado ou retome do último ponto salvo"
                )
        return {"step": self.step} | {k: v if self.lead else float(v) for k, v in metrics.items()}

    # Salvar e retomar

    def fingerprint(self) -> dict[str, Any]:
        """O que precisa ser igual para um estado servir neste treinamento."""
        c = self.config
        named = {"loss": self.loss.name, "network": c.network if isinstance(c.network, str) else "personalizado"}
        scalars = {k: v for k, v in asdict_shallow(c).items() if k not in self.NOT_COMPARED}
        shapes = {f"{who}.{k}": list(v.shape) for who in "GD" for k, v in getattr(self, who).state_dict().items()}
        digest = hashlib.sha256(self.data.x.cpu().numpy().tobytes()).hexdigest()
        return {**named, **scalars, "shapes": shapes, "data": f"{self.data.name}:{digest}"}

    def state(self) -> dict[str, Any]:
        """Um dicionário com tudo o que é preciso para continuar, bit a bit, de onde se parou."""
        return {
            "version": CHECKPOINT_VERSION,
            "config": self.fingerprint(),
            "step": self.step,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "g_optimizer": self.g_optimizer.state_dict(),
            "d_optimizer": self.d_optimizer.state_dict(),
            "rng": self.rng.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continua de ``state``. Nada é mudado se ele for de outro treinamento.

        Raises:
            CheckpointError: versão, configuração, formas ou dados diferentes; diz quais.
        """
        if state.get("version") != CHECKPOINT_VERSION:
            raise CheckpointError(
                f"o ponto de retomada é da versão {state.get('version')}; esta ganlib lê a {CHECKPOINT_VERSION}"
            )
        mine, theirs = self.fingerprint(), state["config"]
        different = [k for k in mine if mine[k] != theirs.get(k)]
        if different:
            k = different[0]
            raise CheckpointError(
                f"o ponto de retomada é de outro treinamento: diferem {', '.join(different)} "
                f"(lá {k}={_short(theirs.get(k))}; aqui {k}={_short(mine[k])})"
            )
        self.G.load_state_dict(state["G"])
        self.D.load_state_dict(state["D"])
        self.g_optimizer.load_state_dict(state["g_optimizer"])
        self.d_optimizer.load_state_dict(state["d_optimizer"])
        self.rng.set_state(state["rng"].cpu())
        self.step = state["step"]

    def save(self, path: str | Path) -> None:
        """Grava ``state()`` de forma atômica: ou o arquivo novo está inteiro, ou o antigo continua lá.

        Raises:
            TrainingDiverged: há NaN ou infinito nos pesos; o arquivo antigo não é tocado.
        """
        if not all(bool(torch.isfinite(p).all()) for p in [*self.g_params, *self.d_params]):
            raise TrainingDiverged(f"há pesos não finitos no passo {self.step}: não vou gravar por cima de {path}")
        with replacing(path) as file:
            torch.save(self.state(), file)

    def resume(self, path: str | Path) -> None:
        """Lê um arquivo de ``save`` e continua dele.

        Raises:
            CheckpointError: o arquivo não existe, está danificado ou é de outro treinamento.
        """
        try:
            state = torch.load(path, map_location=self.config.device, weights_only=True)
        except FileNotFoundError:
            raise CheckpointError(f"não há ponto de retomada em {path}") from None
        except Exception as error:  # pickle, zip e torch falham de muitas maneiras num arquivo truncado
            raise CheckpointError(f"o ponto de retomada {path} está danificado ({type(error).__name__})") from error
        self.load(state)


def asdict_shallow(config: Config) -> dict[str, Any]:
    """Os campos da configuração, sem copiar tensores; tuplas viram listas, como voltam de um arquivo."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(config).items()}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def collect(metrics: Iterable[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Junta as métricas de um laço em vetores: ``(T,)`` ou, com K modelos, ``(T, K)``.

    Example: ``history = collect(run.steps(5_000))``.
    """
    rows = list(metrics)
    if not rows:
        raise ValueError("não há métricas para juntar: o laço não deu nenhum passo")
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
