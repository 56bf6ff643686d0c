"""Dados: cada conjunto é um único tensor, e um lote é um índice nele.

Para acrescentar um conjunto: escreva uma função que devolva ``Data`` e ponha uma linha em ``DATA``.
"""

import hashlib
import math
import os
import tempfile
import urllib.error
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganlib.errors import DataUnavailable, choose
from ganlib.files import replacing


@dataclass(frozen=True)
class Data:
    """Um conjunto de dados.

    Attributes:
        x: amostras, ``(N, d)``, float32.
        name: o nome do conjunto.
        labels: rótulos inteiros ``(N,)``, se houver.
        centers: centros dos modos ``(M, d)``, se os modos forem conhecidos.
        std: desvio-padrão de cada modo, se conhecido.
        image_shape: ``(altura, largura)`` quando cada linha de ``x`` é uma imagem em [-1, 1].
    """

    x: Tensor
    name: str = "personalizado"
    labels: Tensor | None = None
    centers: Tensor | None = None
    std: float | None = None
    image_shape: tuple[int, int] | None = None

    def __post_init__(self):
        if self.x.dim() != 2 or not self.x.is_floating_point() or len(self.x) == 0:
            raise ValueError(
                f"os dados devem ser um tensor (N, d) de ponto flutuante, não vazio; recebi {tuple(self.x.shape)} "
                f"de {self.x.dtype}"
            )
        if not bool(torch.isfinite(self.x).all()):
            raise ValueError("os dados têm NaN ou infinito: limpe-os antes de treinar")

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: str | torch.device) -> "Data":
        """O mesmo conjunto com as amostras no dispositivo."""
        return replace(self, x=self.x.to(device))


def mixture(centers: Tensor, std: float, n: int, seed: int, name: str) -> Data:
    """``n`` amostras de uma mistura uniforme de gaussianas isotrópicas com estes centros ``(M, d)``."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(centers), (n,), generator=rng)
    x = centers[labels] + std * torch.randn(n, centers.shape[1], generator=rng)
    return Data(x, name, labels=labels, centers=centers, std=std)


def ring(n: int = 20_000, modes: int = 8, radius: float = 2.0, std: float = 0.02, seed: int = 0) -> Data:
    """O anel de gaussianas em 2-D. O passo do ângulo é 2π/modos: ``linspace(0, 2π, 8)`` só faz 7 modos distintos."""
    angle = 2 * math.pi * torch.arange(modes) / modes
    return mixture(radius * torch.stack([angle.cos(), angle.sin()], dim=1), std, n, seed, "ring")


def grid(n: int = 20_000, side: int = 5, spacing: float = 1.0, std: float = 0.05, seed: int = 0) -> Data:
    """A grade ``side × side`` de gaussianas em 2-D, centrada na origem."""
    axis = spacing * (torch.arange(side) - (side - 1) / 2)
    return mixture(torch.cartesian_prod(axis, axis), std, n, seed, "grid")


def gaussian(n: int = 20_000, mean: float = 0.0, std: float = 1.0, seed: int = 0) -> Data:
    """Uma gaussiana em 1-D: ``x`` tem forma ``(n, 1)``."""
    return mixture(torch.tensor([[mean]]), std, n, seed, "gaussian")


def digits(size: int = 28) -> Data:
    """Os 1.797 dígitos manuscritos do scikit-learn (8×8), ampliados por interpolação bilinear, em [-1, 1].

    Fonte: Alpaydin e Kaynak (1998), repositório da UCI. Não precisa de rede.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32)[:, None]
    if size != images.shape[-1]:
        images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    return Data(
        images.flatten(1) / 8 - 1, "digits", labels=torch.tensor(raw.target), image_shape=(size, size)
    )


# Quantas imagens de cada dígito há no MNIST (treino e teste juntos): contagem pública, que um arquivo trocado não tem.
MNIST_COUNTS = (6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958)


def mnist(cache: str | Path | None = None) -> Data:
    """Os 70.000 dígitos do MNIST (28×28), em [-1, 1], pelo OpenML.

    A primeira chamada baixa cerca de 15 MB, confere a soma MD5 que o OpenML publica e as contagens por dígito, e guarda
    ``mnist_784.npz`` em ``cache`` (por padrão ``~/.cache/ganlib``); as seguintes leem esse arquivo, sem rede.

    Raises:
        DataUnavailable: sem rede, download corrompido ou arquivo em cache danificado.
    """
    folder = Path(cache or os.environ.get("GANLIB_CACHE", "~/.cache/ganlib")).expanduser()
    file = folder / "mnist_784.npz"
    pixels, labels = _read_archive(file) if file.exists() else _download_mnist(folder, file)
    return Data(
        torch.from_numpy(pixels).float() / 127.5 - 1,
        "mnist",
        labels=torch.from_numpy(labels.astype(np.int64)),
        image_shape=(28, 28),
    )


def _digest(pixels: np.ndarray, labels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()


def _read_archive(file: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            pixels, labels, digest = archive["pixels"], archive["labels"], str(archive["sha256"])
    except Exception as error:  # um zip truncado falha de muitas maneiras; todas querem dizer a mesma coisa
        raise DataUnavailable(f"o arquivo {file} está danificado ({error}); apague-o e tente de novo") from error
    if digest != _digest(pixels, labels):
        raise DataUnavailable(f"o arquivo {file} está danificado (o SHA-256 não confere); apague-o e tente de novo")
    return pixels, labels


def _download_mnist(folder: Path, file: Path) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    try:
        import pandas  # noqa: F401
        parser = "auto"
    except ImportError:
        parser = "liac-arff"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataUnavailable(f"não consigo escrever em {folder} ({error}); indique outra pasta em cache=") from error
    try:
        with _progress("MNIST"), tempfile.TemporaryDirectory(dir=folder) as scratch, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # o scikit-learn avisa em inglês antes de falhar; nós dizemos no fim
            raw = fetch_openml(
                "mnist_784", version=1, as_frame=False, parser=parser, data_home=scratch, n_retries=1, delay=0.5
            )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DataUnavailable(
            f"não foi possível baixar o MNIST do OpenML ({error}); verifique a rede ou use data='digits', "
            "que já vem instalado"
        ) from error
    except (ValueError, OSError, EOFError) as error:
        raise DataUnavailable(f"o download do MNIST veio corrompido ({error}); tente de novo") from error
    pixels, labels = raw.data.astype(np.uint8), raw.target.astype(np.uint8)
    counts = tuple(np.bincount(labels, minlength=10).tolist())
    if pixels.shape[1:] != (784,) or counts != MNIST_COUNTS:
        raise DataUnavailable(f"o que chegou do OpenML não é o MNIST: forma {pixels.shape}, contagens {counts}")
    with replacing(file) as partial:
        np.savez_compressed(partial, pixels=pixels, labels=labels, sha256=_digest(pixels, labels))
    return pixels, labels


@contextmanager
def _progress(label: str):
    """Mostra uma barra enquanto o scikit-learn lê da rede: ele não oferece um gancho para isso."""
    from sklearn.datasets import _openml
    from tqdm import tqdm

    original = _openml.urlopen

    def urlopen(*args, **kwargs):
        response = original(*args, **kwargs)
        total = int(response.headers.get("Content-Length") or 0) or None
        bar = tqdm(total=total, unit="B", unit_scale=True, desc=label, leave=False)
        read = response.read

        def counted(*a, **k):
            chunk = read(*a, **k)
            bar.update(len(chunk))
            if not chunk:
                bar.close()
            return chunk

        response.read = counted
        return response

    _openml.urlopen = urlopen
    try:
        yield
    finally:
        _openml.urlopen = original


DATA: dict[str, Callable[..., Data]] = {
    "ring": ring,
    "grid": grid,
    "gaussian": gaussian,
    "digits": digits,
    "mnist": mnist,
}


def get(data: str | Data | Tensor, **options) -> Data:
    """O conjunto com este nome, o próprio ``Data``, ou um tensor ``(N, d)`` embrulhado.

    Raises:
        ValueError: o nome não existe (a mensagem lista os válidos) ou o tensor não serve.
        DataUnavailable: os dados não puderam ser obtidos.
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, Tensor):
        return Data(data)
    return choose("dados", data, DATA)(**options)
