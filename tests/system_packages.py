"""Os pacotes do Debian de que ``make test`` precisa: instala como root ou na CI; senão, diz a linha exata."""

import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

# pacote → comando, arquivo (/…) ou biblioteca (lib…) que ele traz
PACKAGES = {
    "chromium": "chromium",
    "hunspell": "hunspell",
    "hunspell-pt-br": "/usr/share/hunspell/pt_BR.dic",
    "bubblewrap": "bwrap",
    "libseccomp2": "libseccomp",
}


def found(path: str) -> str | None:
    """Onde está o comando, o arquivo (se o caminho for absoluto) ou a biblioteca (``lib…``); None se não existe."""
    if path.startswith("lib"):
        return ctypes.util.find_library(path.removeprefix("lib"))
    return shutil.which(path) if not path.startswith("/") else path if os.path.exists(path) else None


def missing(packages: Mapping[str, str], found: Callable[[str], str | None] = found) -> list[str]:
    """Os pacotes cujo comando ou arquivo não se encontra."""
    return [package for package, brings in packages.items() if found(brings) is None]


def install_line(packages: list[str], root: bool) -> str:
    """A linha exata que instala os pacotes."""
    sudo = "" if root else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"


def may_install(root: bool, ci: bool, which: Callable[[str], str | None] = shutil.which) -> bool:
    """Só instalamos sem perguntar como root ou na integração contínua, e só onde há apt-get."""
    return which("apt-get") is not None and (root or ci)


def main() -> int:
    absent = missing(PACKAGES)
    if not absent:
        return 0
    root, ci = os.geteuid() == 0, bool(os.environ.get("CI"))
    line = install_line(absent, root)
    if not may_install(root, ci):
        print(f"Faltam pacotes do sistema para os testes. Instale-os e rode de novo:\n  {line}", file=sys.stderr)
        return 1
    print(f"Instalando {', '.join(absent)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(line, shell=True, env=environment, capture_output=True, text=True, check=False)
    if result.returncode or missing(PACKAGES):
        print(f"Não consegui instalar {', '.join(absent)}:\n{result.stderr[-2000:]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
