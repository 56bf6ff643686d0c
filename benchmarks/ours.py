"""O lado da ganlib: a configuração de cada trabalho e de cada variante."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import naive, works
from benchmarks.works import Work
from ganlib import Config, Speed, Training
from ganlib.networks import MLP, Pair, mlp

# O que cada variante liga. "models" é a simples, com K pares de uma vez; "eager", a simples numa GPU.
VARIANTS: dict[str, Speed] = {
    "plain": Speed(),
    "fast": Speed(fast_matmul=True, one_pass=True),
    "one_pass": Speed(one_pass=True),
    "bf16": Speed(channels_last=True, bf16=True),
    "models": Speed(),
    "eager": Speed(),
    "graph": Speed(cuda_graphs=True),
}


def images(size: int) -> Tensor:
    """As mesmas imagens do laço ingênuo, já em [-1, 1] e num tensor só, ``(N, size²)``."""
    x = torch.from_numpy(works.pixels()[0]).float()[:, None] / 127.5 - 1
    if size != x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    return x.flatten(1)


def pair(work: Work) -> Pair:
    """O par do laço ingênuo, com os discriminadores e as redes lado a lado que a ganlib oferece.

    Os pesos têm as mesmas formas, na mesma ordem; só muda quem sabe que vai ser derivado duas vezes (``MLP``).
    """
    match work.name:
        case "mlp" | "wgan_gp":
            return naive.mlp_784()._replace(D=MLP((784, 512, 256, 1), activation="leaky_relu", logits=True))
        case "ring":
            return mlp(2, latent=2, hidden=(128, 128))
        case "models":
            return mlp(2, latent=2, hidden=(64, 64), models=work.models)
    return naive.PAIRS[work.name]()


def config(work: Work, variant: str, device: str = "cpu", seed: int = 0) -> Config:
    """A configuração da ganlib para este trabalho, com o par de redes que a semente dá."""
    torch.manual_seed(seed)
    return Config(
        data=works.points() if work.image_size is None else images(work.image_size),
        loss="wasserstein" if work.wasserstein else "non_saturating",
        penalty="gradient_penalty" if work.wasserstein else None,
        network=pair(work),
        batch=work.batch,
        lr=2e-4,
        betas=(0.5, 0.999),
        d_steps=work.d_steps,
        update="alternating_shared" if work.shared else "alternating",
        models=work.models,
        seed=seed,
        device=device,
        speed=VARIANTS[variant],
    )


def steps(run: Training) -> Callable[[int], None]:
    """Uma função que dá n passos do gerador, como quem usa a ganlib: as métricas do último são lidas."""

    def advance(n: int) -> None:
        for _ in run.steps(n):
            pass

    return advance
