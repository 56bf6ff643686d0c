"""``make release-check``: prova tudo o que se pode provar de um lançamento antes de a etiqueta existir.

    python -m release.check
    python -m release.check --tag v1.2.3

Precisa do livro construído. Cada conferência recebe a raiz do repositório e a etiqueta (vazia, se ainda não há) e
devolve a lista dos problemas, cada um com o que fazer.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import build
import redirects
import site_identity
import yaml

from release import ROOT, ReleaseError, workflows
from release.changelog import sections
from release.notebooks import git

# O que já é um teste não se escreve de novo: aqui só se roda.
PROOFS = (
    "tests/test_project.py",
    "tests/book/test_redirects.py::test_the_redirects_of_the_book_are_sound",
    "tests/book/test_page_sample.py::test_published_book_passes_every_check",
)


def version_is_one(root: Path, tag: str) -> list[str]:
    """A versão é a mesma em ganlib/version.py, em CITATION.cff, no CHANGELOG e na etiqueta."""
    version = site_identity.ganlib_version(root)
    others = {
        "CITATION.cff": str(yaml.safe_load((root / "CITATION.cff").read_text("utf8"))["version"]),
        "a versão mais nova de CHANGELOG.md": next((s.version for s in _changes(root)), "nenhuma"),
        **({"a etiqueta": tag.removeprefix("v")} if tag else {}),
    }
    return [f"ganlib/version.py diz {version}, e {where}, {said}" for where, said in others.items() if said != version]


def changelog_is_dated(root: Path, tag: str) -> list[str]:
    """A versão tem, no CHANGELOG, uma data que não é futura, igual à da CITATION.cff, e diz o que mudou."""
    section = next(iter(_changes(root)), None)
    if section is None:
        return ["CHANGELOG.md não tem nenhuma versão: falta «## X.Y.Z (AAAA-MM-DD)»"]
    problems = [] if section.body else [f"CHANGELOG.md não diz o que mudou na versão {section.version}"]
    try:
        date = datetime.date.fromisoformat(section.date)
    except ValueError:
        return [*problems, f"CHANGELOG.md: «{section.date}» não é a data da versão {section.version} (AAAA-MM-DD)"]
    if date > datetime.date.today():
        problems.append(f"CHANGELOG.md: {date} ainda não chegou")
    cited = str(yaml.safe_load((root / "CITATION.cff").read_text("utf8"))["date-released"])
    return problems + ([] if cited == str(date) else [f"CHANGELOG.md diz {date}, e CITATION.cff diz {cited}"])


def tag_is_new(root: Path, tag: str) -> list[str]:
    """A etiqueta desta versão não está em outro commit."""
    name = f"v{site_identity.ganlib_version(root)}"
    if name not in git(root, "tag", "--list").splitlines():
        return [f"a etiqueta {tag} não existe neste clone: busque as etiquetas com git fetch --tags"] if tag else []
    if git(root, "rev-list", "-1", name) != git(root, "rev-parse", "HEAD"):
        return [f"a etiqueta {name} já está em outro commit: aumente a versão em ganlib/version.py"]
    return []


def tree_is_clean(root: Path, tag: str) -> list[str]:
    """Tudo o que há na pasta está no commit."""
    return [f"fora do commit: {line}" for line in git(root, "status", "--porcelain").splitlines()]


def old_addresses_work(root: Path, tag: str) -> list[str]:
    """Todo slug de uma versão publicada ainda é uma página, ou leva a uma por ``book/redirects.yml``."""
    now = _slugs((root / "_toc.yml").read_text("utf8")) | set(redirects.read(root / "book" / redirects.FILE))
    published = {
        slug: name
        for name in git(root, "tag", "--list", "v*", "--sort=v:refname").splitlines()
        for slug in _slugs(git(root, "show", f"{name}:_toc.yml"))
    }
    return [
        f"«{slug}», publicado em {name}, sumiu: diga em book/redirects.yml para onde foi"
        for slug, name in published.items()
        if slug not in now
    ]


def wheel_is_sound(root: Path, tag: str) -> list[str]:
    """O wheel se faz, sai igual duas vezes, é o que está com os notebooks e, sozinho, se instala e se importa."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            first, second = (build.wheel(Path(scratch, name), root) for name in "ab")
        except build.BuildError as error:
            return [str(error)]
        problems = [] if first.read_bytes() == second.read_bytes() else ["o wheel feito duas vezes não é igual"]
        published = root / "_build" / "notebooks" / first.name
        if not published.exists() or published.read_bytes() != first.read_bytes():
            problems.append(f"o wheel com os notebooks não é o deste código: rode make book ({published})")
        return problems + _installs(first, Path(scratch, "env"), site_identity.ganlib_version(root))


def _installs(wheel: Path, env: Path, version: str) -> list[str]:
    """O que dá errado ao instalar o wheel, só ele, num ambiente vazio que enxerga os pacotes deste."""
    python = env / "bin" / "python"
    base = {"base": str(env), "platbase": str(env)}
    code = "import ganlib; print(ganlib.__version__, ganlib.__file__)"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    said = ""
    for command in ([sys.executable, "-m", "venv", "--without-pip", str(env)], pip, [str(python), "-I", "-c", code]):
        if command[0] == str(python):  # as dependências, que o Colab já traz, só depois de instalar
            Path(sysconfig.get_path("purelib", vars=base), "daqui.pth").write_text(sysconfig.get_path("purelib"))
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=env.parent)
        if result.returncode:
            return [f"o wheel não se instala ou não se importa num ambiente vazio:\n{result.stderr.strip()[-2000:]}"]
        said = result.stdout
    installed, _, where = said.strip().partition(" ")
    right = installed == version and Path(where).is_relative_to(env)
    return [] if right else [f"no ambiente vazio, a ganlib é a {installed}, de {where}, e não a {version} do wheel"]


def notebooks_name_this_version(root: Path, tag: str) -> list[str]:
    """A primeira célula de código de cada notebook instala esta versão."""
    version, folder = site_identity.ganlib_version(root), root / "_build" / "notebooks"
    files = sorted(folder.rglob("*.ipynb"))
    problems = [] if files else [f"não há notebooks em {folder}: rode make book"]
    for file in files:
        cells = json.loads(file.read_text("utf8"))["cells"]
        first = next(("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"), "")
        if f'\nversion = "{version}"\n' not in first or "%pip install" not in first:
            problems.append(f"{file.relative_to(folder)} não instala a ganlib {version}: rode make book")
    return problems


def documents_point_at_files(root: Path, tag: str) -> list[str]:
    """Os links dos documentos da raiz (README, CONTRIBUTING…) para arquivos do repositório levam a um que existe."""
    return [
        f"{file.name} aponta para {target}, que não existe"
        for file in sorted(root.glob("*.md"))
        for target in re.findall(r"\]\((?!\w+:|#)([^)\s#]+)", file.read_text("utf8"))
        if not (root / target).exists()
    ]


def workflows_are_sound(root: Path, tag: str) -> list[str]:
    """Os fluxos de .github/workflows passam no esquema do GitHub, no zizmor e nas regras da casa."""
    return workflows.problems(root)


def tests_prove_the_rest(root: Path, tag: str) -> list[str]:
    """As dependências são as mesmas em todo lugar, os desvios estão certos e nenhum link interno está quebrado."""
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", *PROOFS]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return [result.stdout[-4000:] + result.stderr[-2000:]] if result.returncode else []


CHECKS = (
    version_is_one,
    changelog_is_dated,
    tag_is_new,
    tree_is_clean,
    old_addresses_work,
    wheel_is_sound,
    notebooks_name_this_version,
    documents_point_at_files,
    workflows_are_sound,
    tests_prove_the_rest,
)


def _changes(root: Path):
    return sections((root / "CHANGELOG.md").read_text("utf8"))


def _slugs(toc: str) -> set[str]:
    """Todas as páginas de um ``_toc.yml``."""
    tree = yaml.safe_load(toc)
    return {tree["root"], *re.findall(r"^\s*- file: (\S+)$", toc, re.MULTILINE)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Prova o que se pode provar de um lançamento.")
    parser.add_argument("--tag", default="", help="a etiqueta, se já existe: vX.Y.Z")
    tag = parser.parse_args().tag
    failed = 0
    for check in CHECKS:
        try:
            problems = check(ROOT, tag)
        except (ReleaseError, OSError, ValueError) as error:
            problems = [f"não deu para conferir: {error}"]
        failed += bool(problems)
        print(f"{'✘' if problems else '✔'} {check.__doc__.splitlines()[0]}", flush=True)
        for problem in problems:
            print("    " + problem.replace("\n", "\n    "), flush=True)
    verdict = f"Falta consertar: {failed} de {len(CHECKS)}." if failed else "Pronto para lançar."
    print(f"\n{site_identity.ganlib_version()}: {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
