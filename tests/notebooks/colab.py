"""Um Colab de mentira: um ambiente com o que ele traz, e cada notebook executado nele como um aluno o executa.

O ambiente é feito uma vez por ``requirements.lock``, em ``_build``. Cada notebook roda num ambiente filho, vazio, que
só enxerga os pacotes do pai: todos começam sem a ganlib, e a célula de instalação trabalha de verdade, mesmo em
paralelo.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[2]
# O que o Colab já traz e os capítulos usam, e as ferramentas que os executam. Nem a ganlib nem o livro.
PACKAGES = ["numpy", "matplotlib", "scikit-learn", "scipy", "tqdm", "ipykernel", "nbval", "pytest"]
_VERSIONS = """
import importlib.metadata as m, json
print(json.dumps({d.name.lower(): [d.version, str(d.locate_file(""))] for d in m.distributions()}))
"""
_RUN_CELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_cell(sys.stdin.read()).raise_error()
"""
# Um valor de glue não aparece no notebook publicado, mas a célula o escreve de novo quando roda.
_CONFTEST = """
def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("application/papermill.record/text/plain",)
"""


def environment(lock: Path = ROOT / "requirements.lock", folder: Path = ROOT / "_build") -> Path:
    """O Python do ambiente limpo com as versões de ``lock``; feito na primeira vez (cerca de um minuto)."""
    key = hashlib.sha256(f"{sys.version}\n{PACKAGES}\n{lock.read_text()}".encode()).hexdigest()[:12]
    target = folder / f"colab-env-{key}"
    python, ready = target / "bin" / "python", target / "pronto"
    if not ready.exists():
        for old in folder.glob("colab-env-*"):
            shutil.rmtree(old)
        _call([sys.executable, "-m", "venv", str(target)])
        torch = next(line for line in lock.read_text().splitlines() if re.match("torch[=>]=", line))
        index = ["--index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        # Primeiro e sozinho, para que nenhum outro pacote escolha a versão do torch.
        _call([*install, *index, torch])
        _call([*install, "-c", str(lock), *PACKAGES])
        ready.touch()
    return python


def _call(command: list[str], **options) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"«{' '.join(command)}» falhou:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve uma pasta por http neste computador: devolve o endereço e a lista, viva, do que foi pedido."""
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code="-", size="-"):
            requests.append(f"{self.path} {int(code)}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Run:
    """O que aconteceu com um notebook: ``failure`` é o relatório do nbval, ou vazio se tudo passou."""

    failure: str
    versions: dict[str, tuple[str, Path]]
    python: Path
    environment: dict[str, str]

    def run_cell(self, source: str) -> str:
        """Executa mais uma célula, num processo novo do mesmo ambiente, e devolve o que ela escreveu."""
        return _call([str(self.python), "-c", _RUN_CELL], input=source, env=self.environment)


def run(notebook: Path, folder: Path, parent: Path, base: str) -> Run:
    """Executa um notebook com o nbval, numa pasta e num ambiente só dele.

    Args:
        notebook: o arquivo gerado pelo livro; o que roda é uma cópia.
        folder: uma pasta vazia.
        parent: o Python do ambiente limpo, de :func:`environment`.
        base: de onde a célula de instalação baixa o wheel; vazio, do endereço que está no notebook.
    """
    child = folder / "env"
    _call([str(parent), "-m", "venv", "--without-pip", str(child)])
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(child), "platbase": str(child)}))
    inherited = sysconfig.get_path("purelib", vars={"base": str(parent.parents[1]), "platbase": str(parent.parents[1])})
    (packages / "colab.pth").write_text(inherited)
    hidden = ("PYTHON", "MPL", "PYTEST", "JUPYTER", "VIRTUAL_ENV", "GANLIB", "GITHUB", "COV_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    clean |= {
        "COLAB_RELEASE_TAG": "teste",
        **({"GANLIB_WHEEL_BASE": base} if base else {}),
        "IPYTHONDIR": str(folder / "ipython"),
        "NO_PROXY": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    copy = shutil.copy(notebook, folder)
    (folder / "conftest.py").write_text(_CONFTEST)
    python = child / "bin" / "python"
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600", "-p", "no:cacheprovider", "--color=no"]
    command = [str(python), "-m", "pytest", "-q", "--tb=short", "--rootdir", str(folder), *options, copy]
    result = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    versions = json.loads(_call([str(python), "-c", _VERSIONS], env=clean))
    return Run(
        failure="" if result.returncode == 0 else result.stdout + result.stderr,
        versions={name: (version, Path(where)) for name, (version, where) in versions.items()},
        python=python,
        environment=clean,
    )
