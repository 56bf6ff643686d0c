"""Onde o livro é publicado e de onde se instala a ganlib: o único lugar que sabe o dono e o nome do repositório."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS_BRANCH = "notebooks"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_REMOTE = re.compile(r"(?:https?://(?:[^@/]+@)?|ssh://git@|git@)github\.com[/:](?P<name>[^/\s]+/[^/\s]+?)(?:\.git)?/?")


INSTALL = """\
# Instala exatamente a versão da ganlib com que este notebook foi escrito, se ela ainda não estiver aqui.
import importlib.metadata
import os

version = "{version}"
base = os.environ.get("GANLIB_WHEEL_BASE", "{base}")
installed = {{package.version for package in importlib.metadata.distributions(name="ganlib")}}
if version not in installed:
    %pip install -q --no-deps {{base}}/ganlib-{{version}}-py3-none-any.whl"""


def repository() -> str | None:
    """O repositório como ``"dono/nome"``: de GITHUB_REPOSITORY ou do remoto ``origin``; senão, None.

    Um endereço nunca é inventado: um remoto que não é do GitHub (uma pasta, por exemplo) dá None.
    """
    name = os.environ.get("GITHUB_REPOSITORY") or _from_remote(_origin())
    return name if name and _NAME.fullmatch(name) else None


def base_url() -> str | None:
    """O endereço publicado do livro, ``https://dono.github.io/nome/``, ou None sem repositório."""
    name = repository()
    if name is None:
        return None
    owner, project = name.split("/")
    host = f"https://{owner.lower()}.github.io/"
    return host if project.lower() == f"{owner.lower()}.github.io" else f"{host}{project}/"


def notebook_path(slug: str) -> str:
    """O notebook de um capítulo, relativo à raiz do livro publicado."""
    return f"notebooks/{slug}.ipynb"


def colab_url(slug: str) -> str | None:
    """O endereço que abre no Colab o notebook gerado do capítulo, ou None sem repositório."""
    name = repository()
    return name and f"https://colab.research.google.com/github/{name}/blob/{NOTEBOOKS_BRANCH}/{slug}.ipynb"


def ganlib_version(root: Path = ROOT) -> str:
    """A versão escrita em ``ganlib/version.py``, lida sem importar o pacote."""
    return re.search(r'__version__ = "([^"]+)"', (root / "ganlib" / "version.py").read_text("utf8"))[1]


def wheel_base(folder: str = ".") -> str:
    """De onde o notebook instala a ganlib: o endereço publicado ou, sem repositório, uma pasta perto do notebook."""
    name = repository()
    return f"https://raw.githubusercontent.com/{name}/{NOTEBOOKS_BRANCH}" if name else folder


def install_cell(folder: str = ".") -> str:
    """A célula que instala, num notebook, exatamente esta versão da ganlib."""
    return INSTALL.format(version=ganlib_version(), base=wheel_base(folder))


def _from_remote(url: str) -> str | None:
    match = _REMOTE.fullmatch(url.strip())
    return match["name"] if match else None


def _origin() -> str:
    command = ["git", "-C", str(ROOT), "config", "--get", "remote.origin.url"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:  # sem git instalado também não há endereço
        return ""
