"""Junta em ``_build/release`` o que se anexa a um lançamento: o livro em zip, o PDF (se foi feito), o wheel e as notas.

    python -m release.assets
"""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

import site_identity

from release import ROOT, ReleaseError
from release.changelog import sections

NOTES = "notas.md"
SUMS = "SHA256SUMS"
# O que é, onde a construção o deixa, e se o lançamento pode sair sem ele.
PARTS = (
    ("o zip do livro", "_build/*.zip", True),
    ("o PDF do livro", "_build/*.pdf", False),
    ("o wheel da ganlib", "_build/notebooks/ganlib-{version}-*.whl", True),
)


def find(root: Path, version: str) -> list[Path]:
    """Os arquivos do lançamento, na ordem de ``PARTS``.

    Raises:
        ReleaseError: falta um que não pode faltar, ou há mais de um onde se espera um só.
    """
    files = []
    for what, pattern, required in PARTS:
        found = sorted(root.glob(pattern.format(version=version)))
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise ReleaseError(f"Há mais de um arquivo onde se espera {what}: {names}. Rode make clean e faça de novo.")
        if required and not found:
            raise ReleaseError(f"Falta {what} em {pattern.format(version=version)}.")
        files += found
    return files


def notes(changelog: str, version: str) -> str:
    """O que mudou nesta versão, como está no CHANGELOG.

    Raises:
        ReleaseError: o CHANGELOG não fala dela.
    """
    for section in sections(changelog):
        if section.version == version and section.body:
            return section.body + "\n"
    raise ReleaseError(f"CHANGELOG.md não diz o que mudou na versão {version}.")


def collect(root: Path, version: str) -> list[Path]:
    """Refaz ``_build/release`` inteira e devolve o que ficou nela; se algo falta, o que estava lá continua.

    Raises:
        ReleaseError: ver :func:`find` e :func:`notes`.
    """
    target = root / "_build" / "release"
    found, said = find(root, version), notes((root / "CHANGELOG.md").read_text("utf8"), version)
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fresh = Path(scratch) / "release"
        fresh.mkdir()
        copies = [Path(shutil.copy(file, fresh)) for file in found]
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in copies]
        (fresh / SUMS).write_text("".join(sums), "utf8")
        (fresh / NOTES).write_text(said, "utf8")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return sorted(target.iterdir())


def main() -> int:
    try:
        made = collect(ROOT, site_identity.ganlib_version())
    except ReleaseError as error:
        print(f"Os arquivos do lançamento não foram juntados. {error}", file=sys.stderr)
        return 1
    for file in made:
        size = f"{file.stat().st_size / 1e6:.1f}".replace(".", ",")
        print(f"  {file.relative_to(ROOT)}: {size} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
