"""Constrói um livro pequeno como o livro de verdade é construído: a mesma configuração, com avisos como erros."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).parent / "sample_book"


def build_pages(source: Path, out: Path, **environment: str) -> subprocess.CompletedProcess:
    """Constrói as páginas de ``source`` em ``out/_build/html``; o resultado traz o código de saída e o que foi dito."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(source), "--path-output", str(out)]
    command += ["--config", str(ROOT / "_config.yml"), "--toc", str(source / "_toc.yml"), "-W", "-n", "--keep-going"]
    defaults = {"GANLIB_BOOK_CACHE": str(out / "cache"), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    merged = {name: value for name, value in {**os.environ, **defaults, **environment}.items() if value}
    return subprocess.run(command, cwd=ROOT, env=merged, capture_output=True, text=True, check=False)
