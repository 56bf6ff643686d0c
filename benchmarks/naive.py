"""Os laços ingênuos: como a maior parte do código público treina uma GAN em PyTorch.

Escritos do zero, com os hábitos que se veem por toda parte: um ``DataLoader`` sobre um ``Dataset`` que transforma uma
imagem por vez (o que ``ToTensor`` e ``Normalize`` do torchvision fazem no MNIST), ``Adam`` como vem, o ruído feito em
NumPy, D sem congelar no passo de G, G sem congelar no passo do crítico da WGAN-GP, e ``.item()`` a cada passo.

Cada passo (``gan_step``, ``critic_step``…) recebe o lote e o ruído e devolve as perdas: os testes as comparam, e aos
gradientes, com os da ganlib. ``loop`` junta tudo e não termina nunca: cada ``next`` é um passo do gerador.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks import works
from benchmarks.works import Work
from ganlib.networks import Pair

PENALTY_WEIGHT = 10.0


class Pictures(Dataset):
    """Imagens uint8 lidas uma a uma, como o MNIST do torchvision com ``Resize``, ``ToTensor`` e ``Normalize``."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, size: int):
        self.images, self.labels, self.size = torch.from_numpy(images), torch.from_numpy(labels), size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture, label = Image.fromarray(self.images[index].numpy()), int(self.labels[index])
        if picture.size != (self.size, self.size):
            picture = picture.resize((self.size, self.size), Image.Resampling.BILINEAR)
        return normalize(to_tensor(picture)), label


def to_tensor(picture: Image.Image) -> Tensor:
    """Imagem PIL em tons de cinza → tensor ``(1, altura, largura)`` em [0, 1]."""
    array = np.array(picture, copy=True)
    channels_first = torch.from_numpy(array).view(picture.height, picture.width, 1).permute(2, 0, 1).contiguous()
    return channels_first.to(torch.float32).div(255)


def normalize(x: Tensor, mean: float = 0.5, std: float = 0.5) -> Tensor:
    """``(x - mean) / std``, com as constantes refeitas a cada imagem, como na transformação pública."""
    shift, scale = (torch.as_tensor([v], dtype=x.dtype).view(-1, 1, 1) for v in (mean, std))
    return x.clone().sub_(shift).div_(scale)


class Points(Dataset):
    """Pontos do plano, um a um."""

    def __init__(self, x: Tensor):
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.x[index], 0


def batches(work: Work) -> Iterator[Tensor]:
    """Lotes ``(B, d)`` para sempre, uma época depois da outra."""
    dataset = Points(works.points()) if work.image_size is None else Pictures(*works.pixels(), work.image_size)
    loader = DataLoader(dataset, batch_size=work.batch, shuffle=True, num_workers=0, drop_last=True)
    while True:
        for x, _ in loader:
            yield x.flatten(1)


class Logit(nn.Sequential):
    """Camadas que terminam em uma coluna: devolve ``(B,)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(-1)


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


def mlp_784() -> Pair:
    """G 100-128-256-512-1024-784 com normalização de lote da segunda camada em diante; D 784-512-256-1."""
    layers: list[nn.Module] = [nn.Linear(100, 128), leaky()]
    for n_in, n_out in ((128, 256), (256, 512), (512, 1024)):
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), leaky()]
    G = nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())
    D = Logit(nn.Linear(784, 512), leaky(), nn.Linear(512, 256), leaky(), nn.Linear(256, 1))
    return Pair(G, D, 100)


def dcgan_32() -> Pair:
    """DCGAN de 32 pixels: G amplia 8 → 16 → 32 com três convoluções; D tem quatro, de passo 2, com dropout."""
    G = nn.Sequential(
        *(nn.Linear(100, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, padding=1), nn.BatchNorm2d(128), leaky()),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1), nn.BatchNorm2d(64), leaky()),
        *(nn.Conv2d(64, 1, 3, padding=1), nn.Tanh(), nn.Flatten()),
    )
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 32, 32))]
    for n_in, n_out in ((1, 16), (16, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), leaky(), nn.Dropout2d(0.25)]
        layers += [nn.BatchNorm2d(n_out)] if n_in > 1 else []
    return Pair(G, Logit(*layers, nn.Flatten(), nn.Linear(128 * 2 * 2, 1)), 100)


def plane(hidden: int) -> Pair:
    """Duas MLPs de duas camadas escondidas com ReLU, para pontos no plano."""

    def layers(n_out: int) -> tuple[nn.Module, ...]:
        return nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, n_out)

    return Pair(nn.Sequential(*layers(2)), Logit(*layers(1)), 2)


PAIRS: dict[str, Callable[[], Pair]] = {
    "mlp": mlp_784,
    "wgan_gp": mlp_784,
    "dcgan": dcgan_32,
    "ring": lambda: plane(128),
    "models": lambda: plane(64),
}


class Naive:
    """Um par de redes com os seus otimizadores, e os passos de cada jogador.

    Args:
        G, D: as redes; D devolve logits.
    """

    def __init__(self, G: nn.Module, D: nn.Module):
        self.G, self.D = G, D
        self.g_optimizer = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.d_optimizer = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.bce = nn.BCELoss()

    def gan_step(self, real: Tensor, z: Tensor) -> tuple[float, float]:
        """Um passo de G e um de D com as mesmas amostras; devolve ``(perda de D, perda de G)``, antes dos passos."""
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        self.g_optimizer.zero_grad()
        fake = self.G(z)
        g_loss = self.bce(torch.sigmoid(self.D(fake)), ones)
        g_loss.backward()  # calcula também os gradientes de D, que ninguém usa
        self.g_optimizer.step()

        self.d_optimizer.zero_grad()
        real_loss = self.bce(torch.sigmoid(self.D(real)), ones)
        fake_loss = self.bce(torch.sigmoid(self.D(fake.detach())), zeros)
        d_loss = real_loss + fake_loss
        d_loss.backward()
        self.d_optimizer.step()
        return d_loss.item(), g_loss.item()

    def critic_step(self, real: Tensor, z: Tensor, alpha: Tensor) -> float:
        """Um passo do crítico da WGAN-GP; a perda volta até G, que não será atualizado."""
        self.d_optimizer.zero_grad()
        fake = self.G(z)
        wasserstein = self.D(fake).mean() - self.D(real).mean()
        d_loss = wasserstein + PENALTY_WEIGHT * gradient_penalty(self.D, real.data, fake.data, alpha)
        d_loss.backward()
        self.d_optimizer.step()
        return d_loss.item()

    def wasserstein_generator_step(self, z: Tensor) -> float:
        """Um passo de G da WGAN-GP."""
        self.g_optimizer.zero_grad()
        g_loss = -self.D(self.G(z)).mean()
        g_loss.backward()
        self.g_optimizer.step()
        return g_loss.item()


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """``E[(‖∇_x D(x̂)‖ - 1)²]`` em ``x̂ = α real + (1 - α) fake``."""
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    h = D(between)
    (gradients,) = torch.autograd.grad(
        outputs=h, inputs=between, grad_outputs=torch.ones_like(h), create_graph=True, retain_graph=True
    )
    return ((gradients.view(len(real), -1).norm(2, dim=1) - 1) ** 2).mean()


def loop(work: Work, seed: int = 0) -> Iterator[tuple[float, float]]:
    """O treinamento inteiro: cada ``next`` é um passo do gerador (e os de D que lhe cabem).

    Com ``work.models``, treina um só par: os K viriam um depois do outro, cada um ao mesmo custo.
    """
    torch.manual_seed(seed)
    random = np.random.RandomState(seed)
    pair = PAIRS[work.name]()
    naive, real = Naive(pair.G, pair.D), batches(work)

    def noise() -> Tensor:
        return torch.Tensor(random.normal(0, 1, (work.batch, pair.latent)))

    while True:
        if not work.wasserstein:
            yield naive.gan_step(next(real), noise())
            continue
        for _ in range(work.d_steps):
            alpha = torch.Tensor(random.random((work.batch, 1)))
            d_loss = naive.critic_step(next(real), noise(), alpha)
        yield d_loss, naive.wasserstein_generator_step(noise())
