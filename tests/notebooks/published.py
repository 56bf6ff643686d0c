"""Toda semana: os notebooks publicados ainda rodam com as versões que o Colab tem hoje?

    python -m tests.notebooks.published _build/notebooks
    python -m tests.notebooks.published pasta-do-ramo --wheel published

Lê a lista que o Colab publica, faz um ambiente só com o torch, o numpy, o matplotlib, o scikit-learn, o scipy e o tqdm
dela, neste Python, e executa cada notebook como um aluno, sem cache nenhum. Só usa a biblioteca padrão.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from tests.notebooks import colab

# Onde o Colab publica as versões do ambiente que oferece; a lista chega a ele em um ou dois dias.
FREEZE = "https://raw.githubusercontent.com/googlecolab/backend-info/main/pip-freeze.txt"
WATCHED = ("torch", "numpy", "matplotlib", "scikit-learn", "scipy", "tqdm")
_VERSION = r"\d+(?:\.\d+)*(?:(?:a|b|rc|\.post|\.dev)\d+)*"


class WeeklyError(Exception):
    """Não deu para conferir; a mensagem diz por quê. Nada se conclui sobre os notebooks."""


def read_freeze(text: str) -> dict[str, str]:
    """As versões de uma saída do ``pip freeze``: ``{nome: versão}``, sem a variante (``+cu128``).

    Um pacote instalado de um endereço (``torch @ https://…/torch-2.1.0%2Bcu118-….whl``) tem a versão no nome do wheel;
    os que vêm de uma pasta ou do git não têm versão e ficam de fora.
    """
    versions = {}
    for line in text.splitlines():
        pinned = re.fullmatch(rf"([\w.-]+)==({_VERSION})(?:\+[\w.]+)?", line.strip())
        wheel = re.match(rf"([\w.-]+) @ https?://\S*/[\w.]+-({_VERSION})(?:\+[\w.]+)?-\S+\.whl", unquote(line.strip()))
        if found := pinned or wheel:
            versions[re.sub(r"[-_.]+", "-", found[1]).lower()] = found[2]
    return versions


def watched(versions: dict[str, str]) -> dict[str, str]:
    """Das versões do Colab, as que os capítulos usam.

    Raises:
        WeeklyError: a lista não traz alguma delas: o endereço mudou, ou a forma.
    """
    if missing := [name for name in WATCHED if name not in versions]:
        raise WeeklyError(f"A lista do Colab não diz a versão de {', '.join(missing)}: o endereço ou a forma mudou?")
    return {name: versions[name] for name in WATCHED}


def constraints(pins: dict[str, str], has_wheel: Callable[[str], bool]) -> list[str]:
    """Uma linha por pacote: a versão exata ou, se ela não tem wheel para este Python, a partir dela.

    O Colab tem um Python só; nos outros, uma versão que nunca foi feita para eles não é o que um aluno teria.
    """
    exact = {name: f"{name}=={version}" for name, version in pins.items()}
    return [line if has_wheel(line) else f"{name}>={pins[name]}" for name, line in exact.items()]


def fetch(address: str) -> str:
    """O texto que está em ``address``."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.read().decode("utf8")
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise WeeklyError(f"A lista do Colab não pôde ser lida em {address}: {error}.") from None


def pip_has_wheel(requirement: str) -> bool:
    """Se há um wheel que serve a este Python; uma falha de rede não é uma resposta."""
    index = os.environ.get("TORCH_INDEX") if requirement.startswith("torch==") else None
    command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--no-deps"]
    command += ["--only-binary=:all:", *(["--index-url", index] if index else []), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode and "No matching distribution" not in result.stderr:
        raise WeeklyError(f"O pip não pôde procurar {requirement}:\n{result.stderr.strip()}")
    return result.returncode == 0


def run_all(notebooks: list[Path], python: Path, base: str, folder: Path, say: Callable[[str], None]) -> list[str]:
    """Executa os notebooks, alguns por vez, diz como foi cada um e devolve os relatórios dos que falharam."""

    def one(notebook: Path) -> str:
        place, start = folder / notebook.stem, time.monotonic()
        place.mkdir()
        failure = colab.run(notebook, place, python, base).failure
        say(f"  {notebook.stem}: {'FALHOU' if failure else 'passou'} em {time.monotonic() - start:.0f} s")
        return failure and f"{notebook.name}:\n{failure}"

    with ThreadPoolExecutor(int(os.environ.get("NBVAL_JOBS", "2"))) as pool:
        return [failure for failure in pool.map(one, notebooks) if failure]


def weekly(folder: Path, freeze: str, published: bool, say: Callable[[str], None] = print) -> list[str]:
    """Confere os notebooks de ``folder`` com as versões da lista em ``freeze``; devolve os relatórios das falhas.

    Args:
        folder: os notebooks, com o wheel ao lado.
        freeze: o endereço da lista do Colab.
        published: instalar o wheel do endereço que está nos notebooks, e não o de ``folder``.
        say: para onde vai o andamento.

    Raises:
        WeeklyError: não deu para conferir.
    """
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise WeeklyError(f"Não há notebooks em {folder}.")
    os.environ["PIP_NO_CACHE_DIR"] = "1"
    pins = watched(read_freeze(fetch(freeze)))
    lines = constraints(pins, pip_has_wheel)
    say(f"Python {sys.version.split()[0]}, com {', '.join(lines)}")
    with tempfile.TemporaryDirectory() as scratch, colab.serve(folder) as (address, _):
        lock = Path(scratch) / "versoes.txt"
        lock.write_text("\n".join(lines) + "\n", "utf8")
        try:
            python = colab.environment(lock, Path(scratch))
        except AssertionError as error:
            raise WeeklyError(f"O ambiente do Colab não pôde ser feito: {error}") from None
        return run_all(notebooks, python, "" if published else address, Path(scratch), say)


def main() -> int:
    parser = argparse.ArgumentParser(description="Executa os notebooks publicados com as versões do Colab de hoje.")
    parser.add_argument("folder", type=Path, help="a pasta dos notebooks, com o wheel ao lado")
    parser.add_argument("--freeze", default=FREEZE, help="o endereço da lista de versões do Colab")
    parser.add_argument("--wheel", choices=("here", "published"), default="here",
                        help="de onde a primeira célula instala a ganlib: da pasta ou do endereço publicado")
    options = parser.parse_args()
    try:
        failures = weekly(options.folder, options.freeze, options.wheel == "published",
                          say=lambda text: print(text, flush=True))
    except WeeklyError as error:
        print(f"Não deu para conferir. {error}", file=sys.stderr)
        return 2
    print("\n\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    print(f"Notebooks que falharam: {len(failures)}.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
