"""Envia ao GitHub o ramo ``notebooks``, o que o Colab abre: os notebooks gerados e os wheels da ganlib.

    python -m release.notebooks

O ramo tem um commit só, sem história: são arquivos gerados. Os wheels das versões anteriores ficam, porque um notebook
que alguém guardou instala a versão com que foi escrito; e o notebook de um slug antigo continua lá, com o capítulo de
hoje, porque alguém guardou o endereço.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import site_identity

from release import ROOT, ReleaseError

AUTHOR = "Autores do curso O gradiente evanescente em GANs"


def git(repository: Path, *arguments: str, index: Path | None = None) -> str:
    """O que um comando do git respondeu.

    Raises:
        ReleaseError: o comando falhou.
    """
    who = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in
           (("NAME", AUTHOR), ("EMAIL", "noreply@github.com"))}
    environment = os.environ | who | ({"GIT_INDEX_FILE": str(index)} if index else {})
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise ReleaseError(f"«git {' '.join(arguments)}» falhou: {result.stderr.strip()}")
    return result.stdout.strip("\n")


def renamed(file: Path) -> dict[str, str]:
    """Os slugs que mudaram, de ``redirects.yml``: ``{antigo: novo}``. Sem PyYAML: quem roda isto não tem ambiente."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf8").splitlines()) if file.exists() else ()
    return {old.strip(): new.strip() for old, _, new in (line.partition(":") for line in lines if line)}


def gather(made: Path, target: Path, slugs: dict[str, str]) -> None:
    """Copia para ``target`` o wheel e os notebooks de ``made`` (os das listas também), e cada um sob o seu nome antigo.

    Raises:
        ReleaseError: falta um notebook, ou o wheel desta versão.
    """
    wheel = made / f"ganlib-{site_identity.ganlib_version()}-py3-none-any.whl"
    notebooks = sorted(made.rglob("*.ipynb"))
    if not notebooks or not wheel.exists():
        raise ReleaseError(f"Não há notebooks em {made}, ou falta o wheel {wheel.name}: rode make book.")
    for file in (*notebooks, wheel):
        copy = target / file.relative_to(made)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for old, new in slugs.items():
        if (made / f"{new}.ipynb").exists():  # uma página sem código não tem notebook
            shutil.copy(made / f"{new}.ipynb", target / f"{old}.ipynb")


def push(repository: Path, made: Path, slugs: dict[str, str], remote: str = "origin") -> bool:
    """Põe no ramo do repositório remoto o que está em ``made``.

    Returns:
        Se havia algo a enviar: o ramo que já é igual fica como está.

    Raises:
        ReleaseError: falta o que enviar, ou o git recusou (alguém enviou o ramo ao mesmo tempo, por exemplo).
    """
    branch = f"refs/heads/{site_identity.NOTEBOOKS_BRANCH}"
    before = git(repository, "ls-remote", remote, branch).partition("\t")[0]
    with tempfile.TemporaryDirectory() as scratch:
        index, files = Path(scratch) / "index", Path(scratch) / "ramo"
        files.mkdir()
        gather(made, files, slugs)
        if before:
            git(repository, "fetch", "--quiet", "--depth=1", remote, branch)
            for line in git(repository, "ls-tree", before).splitlines():
                facts, name = line.split("\t")
                if name.endswith(".whl") and not (files / name).exists():
                    git(repository, "update-index", "--add", "--cacheinfo", f"100644,{facts.split()[2]},{name}",
                        index=index)
        for file in sorted(path for path in files.rglob("*") if path.is_file()):
            blob = git(repository, "hash-object", "-w", "--no-filters", str(file))
            name = file.relative_to(files).as_posix()
            git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", index=index)
        tree = git(repository, "write-tree", index=index)
    if before and git(repository, "rev-parse", f"{before}^{{tree}}") == tree:
        return False
    source = git(repository, "rev-parse", "HEAD")
    commit = git(repository, "commit-tree", tree, "-m", f"Notebooks gerados de {source}")
    git(repository, "push", "--quiet", f"--force-with-lease={branch}:{before}", remote, f"{commit}:{branch}")
    return True


def main() -> int:
    try:
        sent = push(ROOT, ROOT / "_build" / "notebooks", renamed(ROOT / "book" / "redirects.yml"))
    except ReleaseError as error:
        print(f"O ramo {site_identity.NOTEBOOKS_BRANCH} não foi enviado. {error}", file=sys.stderr)
        return 1
    print(f"Ramo {site_identity.NOTEBOOKS_BRANCH}: {'enviado' if sent else 'já estava em dia'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
