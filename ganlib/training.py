"""O treinamento, à vista: uma configuração congelada e um laço que cabe na tela.

    run = Training(Config(data="ring", loss="minimax"))
    for metrics in run.steps(5_000):
        print(metrics["step"], metrics["grad_norm"])
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import checkpoints, distributed, losses, networks, optimization, penalties
from ganlib import data as datasets
from ganlib.config import Config
from ganlib.draws import Draws
from ganlib.errors import CheckpointError, TrainingDiverged
from ganlib.speed import Replay

CHECKPOINT_VERSION = 2


class Training:
    """Um treinamento em andamento.

    Com ``models=K``, toda quantidade "por modelo" tem forma ``(K,)``; sem, é um escalar.

    Attributes:
        config, data, loss, penalty: o que foi pedido, já resolvido em objetos.
        G, D: o gerador e o discriminador (que devolve logits).
        average: a média móvel de G, se pedida.
        draws: de onde sai tudo o que é sorteado.
        step: passos do gerador já dados.
        last_checkpoint: o último arquivo gravado ou lido, se algum.
    """

    def __init__(self, config: Config):
        self.config, self.device, self.speed = config, config.device, config.speed
        self.loss, self.penalty = config.resolved_loss(), penalties.get(config.penalty)
        self.data = datasets.get(config.data)
        self.ranks = distributed.current()
        self.lead = () if config.models is None else (config.models,)
        self.draws = Draws(
            config.seed, self.device, batch_dim=len(self.lead), rank=self.ranks.rank, world=self.ranks.world
        )
        if config.batch % self.ranks.world:
            raise ValueError(f"o lote ({config.batch}) não se divide entre {self.ranks.world} processos")
        self.batch = config.batch // self.ranks.world

        self.G, self.D, self.latent = self._networks()
        self.speed.check(self.device, self.ranks.world, self.G, self.D)
        if self.speed.device_data:
            self.data = self.data.to(self.device)
        self.g_params, self.d_params = list(self.G.parameters()), list(self.D.parameters())
        make = partial(
            optimization.OPTIMIZERS[config.optimizer], betas=config.betas, capturable=self.device.startswith("cuda")
        )
        self.g_optimizer = make(self.g_params, config.lr)
        self.d_optimizer = make(self.d_params, config.d_lr or config.lr)
        self.average = None if config.ema is None else optimization.Average(self.G, config.ema)
        for module in (*self.G.modules(), *self.D.modules()):
            if isinstance(module, networks.Dropout):
                module.uniform = self.draws.uniform
        self.noise_std = torch.tensor(config.instance_noise, device=self.device)
        self.replay: Replay | None = None
        self.step = 0
        self.last_checkpoint: Path | None = None

    # O laço

    def steps(self, n: int) -> Iterator[dict[str, Any]]:
        """Dá ``n`` passos do gerador; a cada ``log_every`` (e no último) devolve as métricas.

        Yields:
            ``step`` e, por modelo: ``d_loss``, ``g_loss`` (nats, nas perdas logarítmicas), ``penalty`` (sem o peso, se
            houver penalidade), ``d_real``, ``d_fake`` (D médio, em [0, 1]) e ``grad_norm`` (``‖∇_θ L_G‖`` do passo).

        Raises:
            TrainingDiverged: uma métrica deixou de ser finita; diz em que passo e qual é o último ponto salvo.
        """
        last = self.step + n
        while self.step < last:
            seen = self.advance()
            if self.step % self.config.log_every == 0 or self.step == last:
                yield self._metrics(seen)  # o único ponto em que o dispositivo é esperado

    def advance(self) -> dict[str, Tensor]:
        """Um passo do gerador e os do discriminador que lhe cabem. Devolve perdas e logits por amostra, ``(…, B)``."""
        if self.config.instance_noise:
            self.noise_std.fill_(self.config.noise_std(self.step))
        with self.speed.matmul(self.device):
            if self.speed.cuda_graphs and self.replay is None:
                self.replay = Replay(self._play, self.draws.rng, self._everything)
            seen = self.replay() if self.replay else self._play()
        self.step += 1
        return seen

    def _play(self) -> dict[str, Tensor]:
        seen = optimization.UPDATES[self.config.update](self)
        if self.average:
            self.average.update(self.G)
        return seen

    def d_step(self) -> dict[str, Tensor]:
        """Um passo do discriminador com G congelado."""
        loss, seen = self.discriminator_loss(self.real(), self.frozen_fake())
        self.move_d(loss)
        return seen

    def g_step(self) -> dict[str, Tensor]:
        """Um passo do gerador com D congelado."""
        loss = self.generator_loss(self.loss)
        self.move_g(loss)
        return {"g_loss": loss.detach()}

    def move_d(self, loss: Tensor) -> None:
        """Um passo do otimizador do discriminador sobre esta perda, ``(…, B)``, e o recorte, se houver."""
        self._update(self.d_optimizer, self.d_params, loss)
        self._constrain()

    def move_g(self, loss: Tensor) -> None:
        """Um passo do otimizador do gerador sobre esta perda, ``(…, B)``."""
        self._update(self.g_optimizer, self.g_params, loss)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """A perda do discriminador com a penalidade, ``(…, B)``, e o que se vê dela."""
        h_real, h_fake = self.both_logits(real, fake)
        loss = self.loss.discriminator(h_real, h_fake)
        seen = {"d_loss": loss.detach(), "h_real": h_real.detach(), "h_fake": h_fake.detach()}
        if self.penalty:
            value = self.penalty(self.D, real, fake, self.draws)  # sem bf16: sempre em float32
            if value.dim() and value.shape != loss.shape:
                raise ValueError(f"a penalidade deve ter a forma {tuple(loss.shape)}; veio {tuple(value.shape)}")
            loss = loss + self.config.penalty_weight * value
            seen["penalty"] = value.detach().expand_as(loss)
        return loss, seen

    def generator_loss(self, loss: losses.Loss, fake: Tensor | None = None) -> Tensor:
        """A perda do gerador, ``(…, B)``, com o grafo até θ, num lote novo ou em ``fake``."""
        h_fake = self.logits(self.generate(self.noise()) if fake is None else fake)
        return loss.generator(h_fake, self.logits(self.real())) if loss.needs_real else loss.generator(h_fake)

    def _update(self, optimizer: optimization.Adam, params: list[nn.Parameter], loss: Tensor) -> None:
        optimizer.zero_grad()
        # inputs=params: o outro jogador fica congelado, e os gradientes dele nem são calculados.
        _total(loss).backward(inputs=params if self.speed.freeze else None)
        self.ranks.average([p.grad for p in params])
        optimizer.step()

    # O que as regras que movem os dois jogadores juntos usam

    def both_losses(self) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """As perdas totais dos dois jogadores no mesmo lote, com o grafo até θ e φ, e o que se vê delas."""
        real, fake = self.real(), self.generate(self.noise())
        d_loss, seen = self.discriminator_loss(real, fake)
        h_fake = self.logits(fake)
        g_loss = self.loss.generator(h_fake, self.logits(real)) if self.loss.needs_real else self.loss.generator(h_fake)
        return _total(d_loss), _total(g_loss), seen | {"g_loss": g_loss.detach()}

    def apply(self, d_grads: Sequence[Tensor], g_grads: Sequence[Tensor]) -> None:
        """Um passo de cada otimizador com estes gradientes."""
        self.ranks.average([*d_grads, *g_grads])
        for p, g in zip((*self.d_params, *self.g_params), (*d_grads, *g_grads), strict=True):
            p.grad = g.detach()
        self.d_optimizer.step()
        self.g_optimizer.step()
        self._constrain()

    def _constrain(self) -> None:
        if self.config.clip is not None:
            penalties.clip_weights(self.d_params, self.config.clip)

    # As redes e o que entra nelas

    def generate(self, z: Tensor) -> Tensor:
        """``G(z)``, ``(…, B, d)``."""
        return self.speed.call(self.G, z)

    def frozen_fake(self) -> Tensor:
        """Um lote de amostras de G sem o grafo até θ: para o passo do discriminador, são constantes."""
        with torch.set_grad_enabled(not self.speed.freeze):
            return self.generate(self.noise())

    def logits(self, x: Tensor) -> Tensor:
        """``h(x)``, ``(…, B)``, com o ruído de instância somado a x se houver."""
        return self.speed.call(self.D, self.blurred(x))

    def both_logits(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """``h(real)`` e ``h(fake)``, ``(…, B)`` cada."""
        if not self.speed.one_pass:
            return self.logits(real), self.logits(fake)
        x = torch.cat([self.blurred(real), self.blurred(fake)], len(self.lead))
        return self.speed.call(self.D, x).chunk(2, -1)

    def blurred(self, x: Tensor) -> Tensor:
        """``x`` com o ruído de instância, se houver."""
        return x + self.noise_std * self.draws.normal(x.shape) if self.config.instance_noise else x

    def real(self) -> Tensor:
        """Um lote de dados, ``(…, B, d)``."""
        index = self.draws.indices(len(self.data), (*self.lead, self.batch)).to(self.data.x.device)
        # index_select: os mesmos números de x[index], em um sexto do tempo.
        return self.data.x.index_select(0, index.flatten()).view(*index.shape, -1).to(self.device)

    def noise(self) -> Tensor:
        """Um lote de ruído ``z ~ N(0, I)``, ``(…, B, latent)``."""
        return self.draws.normal((*self.lead, self.batch, self.latent))

    @torch.no_grad()
    def sample(self, n: int, seed: int = 0, *, average: bool = False) -> Tensor:
        """``n`` amostras de G, ``(…, n, d)``. Tem semente própria: olhar não muda o treinamento.

        Args:
            average: usa a média móvel de G.

        Raises:
            ValueError: a média foi pedida e este treinamento não a faz.
        """
        if average and self.average is None:
            raise ValueError("este treinamento não faz a média móvel de G: use Config(ema=0.999)")
        G = self.average.network if average else self.G
        z = Draws(seed, self.device).normal((*self.lead, n, self.latent))
        was_training = G.training
        x = G.eval()(z)
        G.train(was_training)
        return x

    def _networks(self) -> tuple[nn.Module, nn.Module, int]:
        config, d = self.config, self.data.x.shape[1]
        with torch.random.fork_rng(devices=[]):  # os pesos saem da semente sem mexer no gerador global
            torch.manual_seed(config.seed)
            options = {"models": config.models} if config.models else {}
            if config.network == "mlp":
                options |= {"latent": config.latent, "hidden": config.hidden}
            pair = networks.get(config.network, d, **options)
        G, D = (self.speed.place(self.ranks.prepare(net, self.device), self.device) for net in pair[:2])
        self.ranks.copy_from_first(G, D)
        self._check_shapes(G, D, pair.latent)
        return G, D, pair.latent

    @torch.no_grad()
    def _check_shapes(self, G: nn.Module, D: nn.Module, latent: int) -> None:
        d, n = self.data.x.shape[1], 2
        training = G.training, D.training
        x = G.eval()(torch.zeros(*self.lead, n, latent, device=self.device))
        if x.shape != (*self.lead, n, d):
            raise ValueError(f"o gerador faz amostras de forma {tuple(x.shape)}; os dados pedem {(*self.lead, n, d)}")
        h = D.eval()(x)
        if h.shape != (*self.lead, n):
            raise ValueError(
                f"o discriminador deve devolver um logit por amostra, {(*self.lead, n)}; devolveu {tuple(h.shape)}"
            )
        G.train(training[0]), D.train(training[1])

    # O que se mede

    def gradient_norms(self, names: Iterable[str | losses.Loss]) -> list[Tensor]:
        """``‖∇_θ L_G‖`` por modelo para cada perda, com o D de agora e o mesmo lote. Medir não muda o treinamento."""
        stream = self.draws.rng.get_state()
        buffers = [(b, b.clone()) for b in (*self.G.buffers(), *self.D.buffers())]  # médias da normalização de lote
        norms = []
        for loss in map(losses.get, names):
            grads = torch.autograd.grad(_total(self.generator_loss(loss)), self.g_params)
            self.ranks.average(grads)
            norms.append(self._norm(grads))
            self.draws.rng.set_state(stream)
            for buffer, kept in buffers:
                buffer.copy_(kept)
        return norms

    def _norm(self, grads: Iterable[Tensor]) -> Tensor:
        # Em float64: um gradiente de 1e-25 ao quadrado ainda existe.
        flat = [g.double().square() for g in grads]
        return sum(g.sum() if not self.lead else g.flatten(1).sum(1) for g in flat).sqrt()

    def _metrics(self, seen: dict[str, Tensor]) -> dict[str, Any]:
        probabilities = {"d_real": seen["h_real"].sigmoid(), "d_fake": seen["h_fake"].sigmoid()}
        seen = {k: v for k, v in seen.items() if k not in ("h_real", "h_fake")} | probabilities
        means = {name: v.mean(-1) for name, v in seen.items()}
        self.ranks.average(list(means.values()))
        means["grad_norm"] = self._norm(p.grad for p in self.g_params)
        metrics: dict[str, Any] = {name: v.cpu().numpy() for name, v in means.items()}
        for name, v in metrics.items():
            if not np.isfinite(v).all():
                where = "" if not self.lead else f" (modelos {np.flatnonzero(~np.isfinite(v)).tolist()})"
                saved = f"o último ponto salvo é {self.last_checkpoint}" if self.last_checkpoint else "nada foi salvo"
                raise TrainingDiverged(
                    f"o treinamento divergiu: {name} deixou de ser finito no passo {self.step}{where}; "
                    f"diminua a taxa de aprendizado ou retome de antes ({saved})"
                )
        return {"step": self.step} | {k: v if self.lead else float(v) for k, v in metrics.items()}

    # Salvar e retomar

    @cached_property
    def _data_digest(self) -> str:
        return f"{self.data.name}:{hashlib.sha256(self.data.x.cpu().numpy().tobytes()).hexdigest()}"

    def fingerprint(self) -> dict[str, Any]:
        """O que precisa ser igual para um estado servir neste treinamento."""
        shapes = {f"{who}.{k}": list(v.shape) for who in "GD" for k, v in getattr(self, who).state_dict().items()}
        return {**self.config.comparable(), "shapes": shapes, "data": self._data_digest}

    def _everything(self) -> list[Tensor]:
        """Todos os tensores que um passo muda."""
        networks = [self.G, self.D, *([self.average.network] if self.average else [])]
        weights = [t for net in networks for t in (*net.parameters(), *net.buffers())]
        moments = [optimization.state_tensors(o) for o in (self.g_optimizer, self.d_optimizer)]
        return [*weights, *moments[0], *moments[1]]

    def state(self) -> dict[str, Any]:
        """Um dicionário com tudo o que é preciso para continuar, bit a bit, de onde se parou."""
        return {
            "version": CHECKPOINT_VERSION,
            "config": self.fingerprint(),
            "step": self.step,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
            "g_optimizer": self.g_optimizer.state_dict(),
            "d_optimizer": self.d_optimizer.state_dict(),
            "rng": self.draws.rng.get_state(),
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
        different = [k for k in {**mine, **theirs} if k not in mine or k not in theirs or mine[k] != theirs[k]]
        if different:
            k = different[0]
            raise CheckpointError(
                f"o ponto de retomada é de outro treinamento: diferem {', '.join(different)} "
                f"(lá {k}={_short(theirs.get(k))}; aqui {k}={_short(mine.get(k))})"
            )
        self.G.load_state_dict(state["G"])
        self.D.load_state_dict(state["D"])
        if self.average:
            self.average.network.load_state_dict(state["average"])
        self.g_optimizer.load_state_dict(state["g_optimizer"])
        self.d_optimizer.load_state_dict(state["d_optimizer"])
        self.draws.rng.set_state(state["rng"].cpu())
        self.replay = None  # o passo gravado apontava para os tensores de antes
        self.step = state["step"]

    def save(self, path: str | Path) -> Path:
        """Grava ``state()`` de forma atômica: ou o arquivo novo está inteiro, ou o antigo continua lá.

        Com vários processos, só o primeiro grava, e todos esperam por ele.

        Raises:
            TrainingDiverged: há NaN ou infinito nos pesos; o arquivo antigo não é tocado.
            OSError: a pasta não pode ser escrita ou o disco encheu; o arquivo antigo não é tocado.
        """
        if not all(bool(torch.isfinite(p).all()) for p in [*self.g_params, *self.d_params]):
            raise TrainingDiverged(f"há pesos não finitos no passo {self.step}: não vou gravar por cima de {path}")
        if self.ranks.rank == 0:
            checkpoints.write(path, self.state())
        self.ranks.wait()
        self.last_checkpoint = Path(path)
        return self.last_checkpoint

    def save_in(self, folder: str | Path, keep: int = 2) -> Path:
        """Grava ``passo-N.pt`` na pasta e apaga os mais antigos, menos os ``keep`` últimos."""
        path = self.save(checkpoints.file_of(folder, self.step))
        if self.ranks.rank == 0:
            checkpoints.prune(path, keep)
        return path

    def resume(self, path: str | Path) -> Path:
        """Continua de um arquivo de ``save`` ou, numa pasta, do mais novo que estiver inteiro. Devolve qual foi.

        Raises:
            CheckpointError: não existe, está danificado ou é de outro treinamento.
        """
        path = Path(path)
        if path.is_dir():
            path, state = next(checkpoints.readable(path, self.device), (path, None))
            if state is None:
                raise CheckpointError(f"não há ponto de retomada inteiro na pasta {path}")
        else:
            state = checkpoints.read(path, self.device)
        self.load(state)
        self.last_checkpoint = path
        return path


def _total(loss: Tensor) -> Tensor:
    """Média no lote, soma nos modelos: assim cada modelo recebe o gradiente que teria sozinho."""
    return loss.mean(-1).sum()


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
