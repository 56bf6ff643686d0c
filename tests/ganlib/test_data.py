"""Os dados: modos onde deveriam estar, e um MNIST que só entra inteiro."""

import gzip
import hashlib
import io
import json
import re
import urllib.error
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from ganlib import data
from ganlib.errors import DataUnavailable


def test_ring_has_as_many_distinct_modes_as_asked():
    ring = data.ring(n=8_000)
    assert len(torch.unique(ring.centers.round(decimals=4), dim=0)) == 8
    torch.testing.assert_close(ring.centers.norm(dim=1), torch.full((8,), 2.0))
    spread = (ring.x - ring.centers[ring.labels]).std(0)
    assert spread.tolist() == pytest.approx([0.02, 0.02], rel=0.05)


def test_linspace_from_zero_to_two_pi_makes_seven_modes():
    angle = torch.linspace(0, 2 * torch.pi, 8)
    points = torch.stack([angle.cos(), angle.sin()], 1).round(decimals=4) + 0.0  # +0.0 tira o -0
    assert len(torch.unique(points, dim=0)) == 7


def test_grid_is_centred_and_square():
    grid = data.grid(n=1_000, side=5, spacing=1.0)
    assert grid.centers.shape == (25, 2)
    assert grid.centers.mean(0).tolist() == pytest.approx([0, 0])
    assert (grid.centers[0].tolist(), grid.centers[-1].tolist()) == ([-2, -2], [2, 2])


def test_gaussian_has_the_mean_and_deviation_asked():
    x = data.gaussian(n=100_000, mean=3.0, std=0.5).x
    assert x.shape == (100_000, 1)
    assert (x.mean().item(), x.std().item()) == pytest.approx((3.0, 0.5), rel=0.01)


def test_digits_are_the_real_ones_at_28_by_28_in_minus_one_to_one():
    digits = data.digits()
    assert digits.x.shape == (1797, 784)
    assert (digits.x.min().item(), digits.x.max().item()) == (-1, 1)
    original = data.digits(size=8).x
    pooled = torch.nn.functional.interpolate(
        digits.x.view(-1, 1, 28, 28), size=(8, 8), mode="bilinear", antialias=True
    ).flatten(1)
    correlation = np.corrcoef(pooled.flatten().numpy(), original.flatten().numpy())[0, 1]
    assert correlation > 0.95


def test_the_same_seed_gives_the_same_data_and_another_does_not():
    assert torch.equal(data.ring(seed=1).x, data.ring(seed=1).x)
    assert not torch.equal(data.ring(seed=1).x, data.ring(seed=2).x)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (torch.zeros(3), r"tensor \(N, d\)"),
        (torch.zeros(3, 2, dtype=torch.int64), "ponto flutuante"),
        (torch.zeros(0, 2), "não vazio"),
        (torch.full((3, 2), float("nan")), "NaN ou infinito"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused(bad, said):
    with pytest.raises(ValueError, match=said):
        data.get(bad)


def test_unknown_data_lists_the_valid_ones():
    with pytest.raises(ValueError, match="dados: o nome 'cifar' não existe; escolha entre digits, gaussian, grid"):
        data.get("cifar")


# O MNIST de mentira: o protocolo do OpenML, servido daqui, com 70 imagens no lugar de 70.000.

SMALL_COUNTS = (7,) * 10


def fake_arff() -> bytes:
    rng = np.random.default_rng(0)
    header = ["@RELATION mnist_784"] + [f"@ATTRIBUTE pixel{i} REAL" for i in range(784)]
    header += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    rows = [",".join(map(str, [*rng.integers(0, 256, 784), k % 10])) for k in range(70)]
    return "\n".join(header + rows).encode()


class FakeOpenML:
    """Responde ao que ``fetch_openml`` pergunta; ``corrupt`` troca um byte do arquivo depois da soma."""

    def __init__(self, corrupt: bool = False):
        arff = fake_arff()
        self.md5 = hashlib.md5(arff).hexdigest()
        self.arff = arff.replace(b",9\n", b",8\n", 1) if corrupt else arff
        self.requests = []

    def __call__(self, request, *args, **kwargs):
        url = request if isinstance(request, str) else request.full_url
        self.requests.append(url)
        description = {
            "id": "554", "name": "mnist_784", "version": "1", "format": "ARFF", "file_id": "52667", "status": "active",
            "description": "dígitos", "md5_checksum": self.md5, "default_target_attribute": "class",
            "url": "https://openml.invalid/data/v1/download/52667/mnist_784.arff",
        }
        feature = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
        pixels = [
            feature | {"index": str(i), "name": f"pixel{i}", "data_type": "numeric", "is_target": "false"}
            for i in range(784)
        ]
        target = feature | {"index": "784", "name": "class", "data_type": "nominal", "is_target": "true"}
        features = {"data_features": {"feature": [*pixels, target]}}
        if "/list/" in url:
            body = json.dumps({"data": {"dataset": [{"did": 554, "version": 1, "status": "active"}]}}).encode()
        elif "/features/" in url:
            body = json.dumps(features).encode()
        elif "/qualities/" in url:
            qualities = {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "70"}]}}
            body = json.dumps(qualities).encode()
        elif "/download/" in url:
            body = self.arff
        elif re.search(r"/data/\d+$", url):
            body = json.dumps({"data_set_description": description}).encode()
        else:
            raise AssertionError(f"pedido inesperado: {url}")
        response = io.BytesIO(gzip.compress(body))
        response.headers = {"Content-Length": str(len(response.getvalue()))}
        response.info = lambda: {"Content-Encoding": "gzip"}
        return response


@contextmanager
def openml(monkeypatch, server):
    from sklearn.datasets import _openml

    with monkeypatch.context() as patch:
        patch.setattr(_openml, "urlopen", server)
        patch.setattr(data, "MNIST_COUNTS", SMALL_COUNTS)
        yield server


def test_mnist_is_downloaded_once_and_then_read_from_the_cache(monkeypatch, tmp_path, capsys):
    with openml(monkeypatch, FakeOpenML()) as server:
        first = data.mnist(tmp_path)
    assert "MNIST" in capsys.readouterr().err, "o download mostra o progresso"
    assert any("download" in url for url in server.requests)
    assert first.x.shape == (70, 784)
    assert first.image_shape == (28, 28)
    assert (first.x.min().item(), first.x.max().item()) == (-1, 1)
    assert [f.name for f in tmp_path.iterdir()] == ["mnist_784.npz"], "nada mais fica para trás"

    def no_network(*args, **kwargs):
        raise AssertionError("não deveria usar a rede")

    with openml(monkeypatch, no_network):
        assert torch.equal(data.mnist(tmp_path).x, first.x)


def test_mnist_without_a_network_says_what_to_do(monkeypatch, tmp_path):
    def offline(*args, **kwargs):
        raise urllib.error.URLError("sem rota")

    with openml(monkeypatch, offline), pytest.raises(DataUnavailable, match=r"verifique a rede ou use data='digits'"):
        data.mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_mnist_download_is_refused_and_leaves_nothing(monkeypatch, tmp_path):
    with openml(monkeypatch, FakeOpenML(corrupt=True)), pytest.raises(DataUnavailable, match="veio corrompido"):
        data.mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_the_cache_is_written_leaves_nothing(monkeypatch, tmp_path):
    def full_disk(file, **arrays):
        file.write(b"metade")
        raise OSError("disco cheio")

    with openml(monkeypatch, FakeOpenML()):
        monkeypatch.setattr(np, "savez_compressed", full_disk)
        with pytest.raises(OSError, match="disco cheio"):
            data.mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "arquivo").write_text("não é uma pasta")
    with openml(monkeypatch, FakeOpenML()), pytest.raises(DataUnavailable, match=r"não consigo escrever em .*arquivo"):
        data.mnist(tmp_path / "arquivo" / "pasta")


def test_another_dataset_in_place_of_mnist_is_refused(monkeypatch, tmp_path):
    with openml(monkeypatch, FakeOpenML()):
        monkeypatch.setattr(data, "MNIST_COUNTS", (1,) * 10)
        with pytest.raises(DataUnavailable, match="não é o MNIST"):
            data.mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"lixo"])
def test_a_damaged_cache_file_is_named(monkeypatch, tmp_path, damage):
    with openml(monkeypatch, FakeOpenML()):
        data.mnist(tmp_path)
    file = tmp_path / "mnist_784.npz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataUnavailable, match=r"mnist_784.npz está danificado .* apague-o"):
        data.mnist(tmp_path)


def test_a_cache_file_with_other_pixels_is_refused(monkeypatch, tmp_path):
    np.savez(tmp_path / "mnist_784.npz", pixels=np.zeros((70, 784), np.uint8), labels=np.zeros(70), sha256="outro")
    with pytest.raises(DataUnavailable, match="SHA-256"):
        data.mnist(tmp_path)
