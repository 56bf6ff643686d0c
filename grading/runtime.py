"""O que se vê de dentro da caixa: o Python deste ambiente, a ganlib sem os nomes retidos, e o programa ``inside``.

Nada do repositório é montado: a ganlib é uma cópia, numa pasta temporária, e a instalação editável aponta para uma
pasta que na caixa não existe.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grading.errors import GradingError

HERE = Path(__file__).parent
NOBODY = 65534
# Os módulos de que o resultado de uma entrega depende; os outros só o recolhem, guardam e mostram.
DECISIVE = ("assignment", "box", "engine", "inside", "notebook", "rows", "runtime", "seccomp", "wire")


@dataclass(frozen=True)
class Runtime:
    """O que a caixa monta, só para leitura.

    Attributes:
        binds: pares (de onde, para onde).
        python: o interpretador, como se chama lá dentro.
        versions: o que, mudando, muda um resultado: o corretor, a ganlib da caixa e o torch.
    """

    binds: tuple[tuple[str, str], ...]
    python: str
    versions: tuple[str, ...]


@contextmanager
def prepare(withheld: Iterable[str] = ()) -> Iterator[Runtime]:
    """Prepara o que a caixa monta, e o apaga no fim.

    Raises:
        GradingError: um nome retido não existe na ganlib.
    """
    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        root = Path(scratch)
        root.chmod(0o755)  # a caixa pode rodar como outro usuário
        library = root / "box"
        ganlib_copy(library / "ganlib", withheld)
        for name in ("inside.py", "wire.py"):
            shutil.copy(HERE / name, library)
        fonts(library / "matplotlib")
        compiled = [sys.executable, "-m", "compileall", "-q", str(library)]
        subprocess.run(compiled, check=True, capture_output=True)
        for path in (library, *library.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (root / "vazia").mkdir(mode=0o755)
        python = _python(root)
        hidden = [(str(root / "vazia"), str(p)) for p in installed_copies(Path(t) for _, t in python)]
        decisive = [HERE / f"{name}.py" for name in DECISIVE]
        versions = (_digest(decisive), _digest(library.rglob("*.py")), importlib.metadata.version("torch"))
        yield Runtime((*python, *hidden, (str(library), "/box")), sys.executable, versions)


def installed_copies(roots: Iterable[Path]) -> list[Path]:
    """Onde a ganlib inteira está instalada, nas pastas que a caixa monta: lugares a cobrir."""
    patterns = ("ganlib", "site-packages/ganlib", "lib*/python3*/site-packages/ganlib", "local/lib/python3*/*/ganlib")
    return sorted({p for root in roots for pattern in patterns for p in root.glob(pattern) if p.is_dir()})


def ganlib_copy(target: Path, withheld: Iterable[str]) -> None:
    """A ganlib sem os módulos (``"losses"``) e os nomes (``"divergences.jsd"``, onde são definidos) retidos.

    Os outros módulos deixam de importá-los; e, com algo retido, o ``__init__`` perde os atalhos, que importariam o que
    falta: usa-se ``ganlib.data``, por extenso.

    Raises:
        GradingError: um nome retido não existe.
    """
    source = Path(importlib.util.find_spec("ganlib").origin).parent  # acha o pacote sem importá-lo
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    withheld = set(withheld)
    for name in withheld:
        module, _, attribute = name.partition(".")
        file = target / f"{module}.py"
        if not file.is_file():
            raise GradingError(f"A lista retém ganlib.{name}, mas a ganlib não tem o módulo {module}")
        if attribute:
            file.write_text(without(file.read_text("utf8"), attribute, f"ganlib.{module}"), "utf8")
        else:
            file.unlink()
    if withheld:
        (target / "__init__.py").write_text("from ganlib.version import __version__\n", "utf8")
        for file in target.glob("*.py"):
            file.write_text(without_imports(file.read_text("utf8"), withheld), "utf8")


def without(source: str, name: str, module: str) -> str:
    """O código sem a função, classe ou variável ``name`` definida no nível do módulo.

    Raises:
        GradingError: o módulo não define esse nome.
    """
    cut = []
    for node in ast.parse(source).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if name in {getattr(node, "name", None), *(getattr(t, "id", None) for t in targets)}:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            cut.append((first, node.end_lineno, ""))
    if not cut:
        raise GradingError(f"A lista retém {module}.{name}, que não é definido ali")
    return _replaced(source, cut)


def without_imports(source: str, withheld: set[str]) -> str:
    """O código sem os ``from ganlib…`` que trazem um nome ou um módulo retido; o resto de cada linha fica."""
    cut = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != "ganlib":
            continue
        prefix = node.module.partition(".")[2]
        path = {alias: f"{prefix}.{alias.name}".lstrip(".") for alias in node.names}
        kept = [alias for alias in node.names if not {prefix, path[alias]} & withheld]
        if len(kept) < len(node.names):
            rest = ast.unparse(ast.ImportFrom(node.module, kept, node.level)) if kept else "pass"
            cut.append((node.lineno, node.end_lineno, " " * node.col_offset + rest))
    return _replaced(source, cut)


def _replaced(source: str, cut: list[tuple[int, int, str]]) -> str:
    """O código com cada intervalo de linhas trocado por uma linha, sem mudar o número das outras."""
    lines = source.splitlines()
    for first, last, new in cut:
        lines[first - 1 : last] = [new, *[""] * (last - first)]
    return "\n".join(lines) + "\n"


def fonts(target: Path) -> None:
    """O cache de fontes do matplotlib, que cada caixa levaria segundos para refazer."""
    target.mkdir()
    if importlib.util.find_spec("matplotlib"):
        environment = os.environ | {"MPLCONFIGDIR": str(target)}
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=environment, check=True, capture_output=True)


def _python(scratch: Path) -> list[tuple[str, str]]:
    """As pastas do Python deste ambiente que não estão em /usr."""
    roots = {Path(p).resolve() for p in (sys.base_prefix, sys.prefix)}
    packages = (Path(p) for p in sys.path if p.endswith(("site-packages", "dist-packages")))
    roots |= {p.resolve() for p in packages if p.is_dir()}
    roots = {r for r in roots if not r.is_relative_to("/usr")}
    outer = sorted(r for r in roots if not any(r != other and r.is_relative_to(other) for other in roots))
    if os.geteuid() != 0:
        return [(str(r), str(r)) for r in outer]
    return [(str(_readable(r, scratch / f"python{i}")), str(r)) for i, r in enumerate(outer)]


def _readable(folder: Path, copy: Path) -> Path:
    """Como root a caixa roda como ninguém, que talvez não chegue até a pasta: então uma cópia, de elos se possível."""
    if all(p.stat().st_mode & 0o005 == 0o005 for p in (folder, *folder.parents)):
        return folder

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:  # outro sistema de arquivos
            shutil.copy2(source, target)

    shutil.copytree(folder, copy, symlinks=True, copy_function=link, ignore=shutil.ignore_patterns("__phello__*"))
    copy.chmod(0o755)
    return copy


def _digest(files: Iterable[Path]) -> str:
    h = hashlib.sha256()
    for file in sorted(files):
        h.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return h.hexdigest()
