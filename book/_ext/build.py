"""Constrói o livro: executa os capítulos, faz as páginas e os notebooks, e só então publica tudo em ``_build``.

    python book/_ext/build.py

Cada etapa diz o que fez e quanto levou. Um capítulo só é executado de novo se o seu código, a ganlib ou as
dependências mudaram. Se algo falha, o que estava publicado continua como estava.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import site_identity

ROOT = Path(__file__).resolve().parents[2]


class BuildError(Exception):
    """O livro não pôde ser construído; a mensagem diz onde e por quê."""


# O que invalida o que


def digest(root: Path, patterns: Iterable[str], *facts: str) -> str:
    """Resumo dos arquivos de ``root`` que casam com os padrões (nomes e conteúdos) e de outros fatos."""
    h = hashlib.sha256("\0".join((sys.version, *facts)).encode())
    for pattern in patterns:
        for file in sorted(root.glob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".mo":
                h.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return h.hexdigest()[:16]


def execution_key(root: Path) -> str:
    """O que muda o resultado de uma célula sem mudar a célula: a ganlib e as versões (os dados vêm com elas)."""
    return digest(root, ["ganlib/**/*.py", "requirements.lock"])


def pages_key(root: Path) -> str:
    """O que muda todas as páginas de uma vez."""
    sources = ["book/_ext/*.py", "book/_templates/**/*", "book/static/**/*", "book/locales/**/*", "book/*.bib"]
    patterns = ["ganlib/**/*.py", "grading/*.py", "exercises/**/*", "requirements.lock", "_config.yml", "_toc.yml"]
    return digest(root, [*patterns, *sources, "book/redirects.yml"], str(site_identity.repository()))


# Execução


@dataclass(frozen=True)
class Failure:
    """Uma célula que falhou: qual capítulo, qual célula de código (a partir de 1) e o erro."""

    chapter: str
    cell: int
    error: str

    def __str__(self) -> str:
        return f"{self.chapter}, célula de código {self.cell}:\n{plain(self.error).strip()}"


def plain(text: str) -> str:
    """O texto sem as cores do terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def chapters(source: Path) -> list[Path]:
    """Os capítulos executáveis: os arquivos MyST com cabeçalho de notebook."""
    from myst_nb.core.read import is_myst_markdown_notebook

    return [f for f in sorted(source.glob("*.md")) if is_myst_markdown_notebook(f.read_text("utf8"))]


def run_notebook(notebook, chapter: str):
    """Executa um notebook numa pasta vazia; devolve ``(notebook, segundos, falha ou None)``."""
    from jupyter_cache.executors.utils import single_nb_execution

    os.environ["OMP_NUM_THREADS"] = "1"  # um núcleo por capítulo: dois processos de duas threads se atrapalham
    with tempfile.TemporaryDirectory() as cwd:
        # O kernel avisa que fala por TCP sem cifra; é só na própria máquina, e o aviso se repetiria a cada capítulo.
        quiet = {"extra_arguments": ["--log-level=ERROR"]}
        result = single_nb_execution(notebook, cwd=cwd, timeout=600, allow_errors=False, **quiet)
    if result.err is None:
        return result.nb, result.time, None
    code = [c for c in result.nb.cells if c.cell_type == "code"]
    # A última célula que chegou a começar é a que falhou, ou a que estourou o tempo e não deixou erro na saída.
    number = max((i for i, c in enumerate(code, start=1) if c.get("execution_count") or c.get("outputs")), default=1)
    errors = [o for o in code[number - 1].get("outputs", []) if o.output_type == "error"]
    said = "\n".join(errors[-1].traceback) if errors else f"{result.err}\n{code[number - 1].source}"
    return result.nb, result.time, Failure(chapter, number, said)


def execute(files: list[Path], cache_folder: Path, workers: int, say: Callable[[str], None] = print) -> None:
    """Executa em paralelo os capítulos que faltam no cache e guarda cada um assim que termina.

    Raises:
        BuildError: alguma célula falhou; os outros capítulos são executados e guardados mesmo assim.
    """
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn
    from myst_nb.core.read import myst_nb_reader_plugin

    cache = get_cache(str(cache_folder))
    missing, failures = {}, []
    for file in files:
        notebook = myst_nb_reader_plugin(str(file))
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            missing[file] = notebook
    say(f"Capítulos: {len(files)}, dos quais {len(missing)} a executar ({workers} por vez)")
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(run_notebook, nb, file.name): file for file, nb in missing.items()}
        for done, future in enumerate(as_completed(running), start=1):
            file = running[future]
            notebook, seconds, failure = future.result()
            say(f"  [{done}/{len(missing)}] {file.stem}: {'FALHOU' if failure else 'pronto'} em {seconds:.1f} s")
            if failure:
                failures.append(failure)
            else:
                bundle = CacheBundleIn(notebook, str(file), data={"execution_seconds": seconds})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    if failures:
        raise BuildError("\n\n".join(map(str, failures)))


# Páginas, notebooks e wheel


def jupyter_book(source: Path, out: Path, builder: str = "html", **environment: str) -> subprocess.CompletedProcess:
    """Roda o Jupyter Book sobre ``source`` com a configuração do livro; avisos são erros.

    Args:
        source: pasta dos capítulos; o sumário é o ``_toc.yml`` dela ou o da pasta acima.
        out: as páginas vão para ``out/_build/<builder>``.
        builder: ``"html"`` ou ``"notebooks"``.
        environment: variáveis de ambiente; um texto vazio retira a variável.

    Returns:
        O processo terminado, com o código de saída e o que foi dito.
    """
    toc = next(folder / "_toc.yml" for folder in (source, source.parent) if (folder / "_toc.yml").exists())
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)]
    command += ["--config", str(ROOT / "_config.yml"), "--toc", str(toc), "--path-output", str(out)]
    command += ["-W", "-n", "--keep-going"]
    command += ["--builder", "html"] if builder == "html" else ["--builder", "custom", "--custom-builder", builder]
    defaults = {
        "GANLIB_BOOK_CACHE": str(out / "cache"),
        "OMP_NUM_THREADS": "1",
        "SOURCE_DATE_EPOCH": "0",  # mesma entrada, mesmos bytes
    }
    merged = {name: value for name, value in (os.environ | defaults | environment).items() if value}
    return subprocess.run(command, cwd=ROOT, env=merged, capture_output=True, text=True, check=False)


def sphinx(root: Path, work: Path, cache_folder: Path, builder: str) -> Path:
    """Faz as páginas (``html``) ou os notebooks (``notebooks``) do livro em ``root`` e devolve a pasta feita.

    Raises:
        BuildError: houve um aviso ou um erro; a mensagem traz todos.
    """
    result = jupyter_book(root / "book", work, builder, GANLIB_BOOK_CACHE=str(cache_folder))
    (work / f"{builder}.log").write_text(result.stdout + result.stderr, "utf8")
    if result.returncode:
        lines = [line for line in plain(result.stderr).splitlines() if "WARNING" in line or "ERROR" in line]
        raise BuildError("\n".join(lines) or result.stdout[-3000:] + result.stderr[-3000:])
    return work / "_build" / builder


def wheel(folder: Path, root: Path = ROOT) -> Path:
    """Faz o wheel da ganlib em ``folder``; o mesmo código dá os mesmos bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        clean = Path(scratch) / "src"  # uma cópia limpa: o setuptools não deixa build/ no repositório
        clean.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, clean)
        shutil.copytree(root / "ganlib", clean / "ganlib", ignore=shutil.ignore_patterns("__pycache__"))
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", scratch]
        environment = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}
        result = subprocess.run([*command, str(clean)], env=environment, capture_output=True, text=True, check=False)
        made = list(Path(scratch).glob("*.whl"))
        if result.returncode or len(made) != 1:
            raise BuildError(f"o wheel da ganlib não pôde ser feito:\n{result.stderr}")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made[0], folder))


def publish(made: Path, target: Path) -> None:
    """Troca ``target`` por uma cópia de ``made``: quem olha vê a pasta antiga ou a nova, nunca metade."""
    fresh, old = target.with_name(target.name + ".novo"), target.with_name(target.name + ".velho")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(made, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def build(root: Path, workers: int, say: Callable[[str], None] = print) -> None:
    """Constrói tudo em ``root/_build``.

    Raises:
        BuildError: algo falhou; o que já estava publicado continua lá.
    """
    out, start = root / "_build", time.monotonic()
    cache_folder = out / "cache" / execution_key(root)
    for stale in (out / "cache").glob("*"):
        if stale != cache_folder:
            shutil.rmtree(stale)
    execute(chapters(root / "book"), cache_folder, workers, say)

    # As páginas de uma construção que falhou não são reaproveitadas: seus avisos não se repetiriam na próxima.
    work, stamp = out / "sphinx", out / "sphinx" / "chave"
    if not stamp.exists() or stamp.read_text() != pages_key(root):
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    made = {}
    for builder, label in (("html", "Páginas prontas"), ("notebooks", "Notebooks prontos")):
        before = time.monotonic()
        made[builder] = sphinx(root, work, cache_folder, builder)
        say(f"{label} em {time.monotonic() - before:.1f} s")
    wheel(made["notebooks"], root)
    publish(made["notebooks"], out / "notebooks")
    shutil.copytree(made["notebooks"], made["html"] / "notebooks", dirs_exist_ok=True)
    publish(made["html"], out / "html")
    stamp.write_text(pages_key(root))
    say(
        f"\nLivro pronto em {time.monotonic() - start:.0f} s.\n"
        f"  Páginas:   {out / 'html' / 'index.html'}  (make serve)\n"
        f"  Notebooks: {out / 'notebooks'}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Constrói o livro em _build.")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="capítulos executados por vez")
    arguments = parser.parse_args()
    try:
        build(ROOT, arguments.jobs, say=lambda text: print(text, flush=True))
    except BuildError as error:
        print(f"\nO livro não foi construído:\n\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
