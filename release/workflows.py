"""Confere os fluxos de ``.github/workflows``: o esquema do GitHub, a segurança (zizmor) e as regras da casa.

    python -m release.workflows

As regras da casa: um fluxo é fino (cada passo roda um alvo do Makefile, que se roda igual na própria máquina), só lê o
repositório a não ser onde diz o contrário, prende cada ação a um commit, tem hora para parar e não corre em paralelo
consigo mesmo.
"""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from release import ROOT

PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
CONFIG = ("--config", str(ROOT / ".github" / "zizmor.yml"))
LOCAL = "./.github/workflows/"
# O que prepara a máquina do GitHub e não faria sentido na de ninguém.
PREPARATIONS = {"gh auth setup-git", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"}


def targets(makefile: str) -> set[str]:
    """Os alvos de um Makefile."""
    return set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))


def unpinned(text: str) -> list[str]:
    """As ações que não estão presas a um commit, com a versão num comentário, e as presas a mais de um."""
    used = re.findall(r"^\s*(?:- )?uses:\s*(.+?)\s*$", text, re.MULTILINE)
    problems = [
        f"«{action}» não está presa a um commit: escreva dono/ação@commit-de-40-dígitos # vX.Y.Z"
        for action in used
        if not action.startswith(LOCAL) and not PINNED.fullmatch(action)
    ]
    versions: dict[str, set[str]] = {}
    for action in used:
        versions.setdefault(action.split("@")[0], set()).add(action)
    return problems + [f"{name} está presa a mais de um commit" for name, seen in versions.items() if len(seen) > 1]


def policy(text: str, known: set[str]) -> list[str]:
    """O que um fluxo tem de errado pelas regras da casa.

    Args:
        text: o arquivo.
        known: os alvos do Makefile.
    """
    workflow = yaml.safe_load(text)
    problems = unpinned(text)
    if workflow.get("permissions") != {"contents": "read"}:
        problems.append("o fluxo inteiro só lê: «permissions: contents: read» no alto, e o que for a mais no trabalho")
    if not {"group", "cancel-in-progress"} <= set(workflow.get("concurrency") or {}):
        problems.append("falta «concurrency», com group e cancel-in-progress")
    for name, job in workflow["jobs"].items():
        if "steps" not in job:
            continue
        if "timeout-minutes" not in job:
            problems.append(f"o trabalho «{name}» não tem hora para parar: falta timeout-minutes")
        for command in (step["run"] for step in job["steps"] if "run" in step):
            problems += thick(command.strip(), known)
    return problems


def thick(command: str, known: set[str]) -> list[str]:
    """O que há de errado num passo que devia ser só um alvo do Makefile."""
    if command in PREPARATIONS:
        return []
    match = re.fullmatch(r'make (?P<target>[\w-]+)(?: [A-Z]+=(?:[\w./-]+|"\$[A-Z_]+"))*', command)
    if match is None:
        return [f"«{command.splitlines()[0]}» não é um alvo do Makefile: ponha a lógica num script do repositório"]
    return [] if match["target"] in known else [f"o Makefile não tem o alvo «{match['target']}»"]


def tools(folder: Path) -> list[str]:
    """O que o esquema do GitHub e o zizmor dizem dos fluxos de ``folder``, sem usar a rede."""
    programs = Path(sys.executable).parent
    flows = [str(file) for file in sorted(folder.glob("*.yml"))]
    commands = [
        [str(programs / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *flows],
        [str(programs / "zizmor"), "--offline", "--no-progress", "--quiet", "--color=never", *CONFIG, *flows],
    ]
    problems = []
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            problems.append(f"{Path(command[0]).name} recusou:\n{(result.stdout + result.stderr).strip()}")
    return problems


def problems(root: Path = ROOT) -> list[str]:
    """Tudo o que há de errado nos fluxos de um repositório."""
    folder = root / ".github" / "workflows"
    known = targets((root / "Makefile").read_text("utf8"))
    files = sorted(folder.glob("*.yml"))
    if not files:
        return [f"não há fluxos em {folder}"]
    found = [f"{file.name}: {problem}" for file in files for problem in policy(file.read_text("utf8"), known)]
    return found + tools(folder)


def main() -> int:
    found = problems()
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
