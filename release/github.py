"""Publica no GitHub o lançamento de uma etiqueta, com o que ``release.assets`` juntou. Precisa do comando ``gh``.

    python -m release.github v1.2.3
"""

import subprocess
import sys
from pathlib import Path

import site_identity

from release import ROOT, ReleaseError
from release.assets import NOTES


def gh(*arguments: str) -> subprocess.CompletedProcess:
    """Um comando do ``gh``, no repositório, terminado."""
    try:
        return subprocess.run(["gh", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ReleaseError("Falta o comando gh, do GitHub: instale-o, ou deixe que a etiqueta publique.") from None


def publish(tag: str, folder: Path) -> None:
    """Cria o lançamento, ou completa o que já existe: rodar de novo não estraga nada.

    Raises:
        ReleaseError: a etiqueta não é a desta versão, não há arquivos, ou o GitHub recusou.
    """
    version = site_identity.ganlib_version()
    if tag != f"v{version}":
        raise ReleaseError(f"A etiqueta {tag} não é a da versão {version}: devia ser v{version}.")
    files = [str(file) for file in sorted(folder.glob("*")) if file.name != NOTES]
    if not files or not (folder / NOTES).exists():
        raise ReleaseError(f"Não há o que publicar em {folder}: rode make release-assets.")
    notes = ["--title", tag, "--notes-file", str(folder / NOTES)]
    if gh("release", "view", tag).returncode:
        result = gh("release", "create", tag, "--verify-tag", *notes, *files)
    else:
        result = gh("release", "edit", tag, *notes)
        result = result if result.returncode else gh("release", "upload", tag, "--clobber", *files)
    if result.returncode:
        raise ReleaseError(f"O GitHub recusou: {result.stderr.strip()}")


def main() -> int:
    tag = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        publish(tag, ROOT / "_build" / "release")
    except ReleaseError as error:
        print(f"O lançamento não foi publicado. {error}", file=sys.stderr)
        return 1
    print(f"Lançamento {tag} publicado.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
