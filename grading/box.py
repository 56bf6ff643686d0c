"""A caixa: o bubblewrap em volta de ``inside``, limites, e um prazo de relógio do lado de fora."""

import ctypes.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grading import seccomp, wire
from grading.errors import GradingError
from grading.runtime import NOBODY, Runtime

MAX_FRAMES_BYTES = 16 << 20  # de uma entrega; o gabarito, que responde por muitos alunos, pede mais
MAX_FRAMES = 10_000  # linhas: uma por célula que falha e por pergunta
BYTES_PER_VALUE = 16  # um valor ocupa na memória até 30 vezes o que ocupa no JSON ("{},"); uma resposta tem números
DISK_BYTES = 64 << 20  # /tmp, que mora na memória
GRACE = 2.0  # segundos para o bubblewrap montar a caixa e para ela morrer

# Como a caixa terminou.
END = "fim"
DIED = "morto"
TIMEOUT = "tempo"
FLOOD = "excesso"
FAILED = "caixa"


@dataclass(frozen=True)
class Outcome:
    """O que saiu da caixa.

    Attributes:
        frames: as linhas que se leram como um objeto JSON, na ordem. Não confie nelas.
        ended: como terminou: END, DIED, TIMEOUT, FLOOD (respostas demais) ou FAILED (não chegou a começar).
        detail: para o instrutor: o que disse o bubblewrap, ou o sinal que matou o processo.
        killed: se o sistema matou o processo (SIGKILL que não foi nosso): é falta de memória.
        seconds: quanto durou.
    """

    frames: list[dict[str, Any]]
    ended: str
    detail: str
    killed: bool
    seconds: float


def check() -> None:
    """Confere, uma vez por processo, que a caixa funciona aqui.

    Raises:
        GradingError: diz o que falta e o que fazer.
    """
    problem = _problem()
    if problem:
        raise GradingError(problem)


@lru_cache(maxsize=1)
def _problem() -> str:
    instead = "Para notebooks em que você confia (os seus), use --no-sandbox"
    if sys.platform != "linux":
        return f"A caixa só existe no Linux; no Windows, use o WSL2; no macOS, uma máquina virtual. {instead}."
    if shutil.which("bwrap") is None or ctypes.util.find_library("seccomp") is None:
        return f"Falta o bubblewrap; no Debian ou Ubuntu: sudo apt-get install bubblewrap libseccomp2. {instead}."
    command = [*_identity(), "bwrap", *_namespaces(), "--ro-bind", "/", "/", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return ""
    return (
        f"O bubblewrap não conseguiu abrir uma caixa ({tried.stderr.strip()[-200:]}). Desde o Ubuntu 24.04, o AppArmor "
        "o proíbe até que se instale o perfil dele: sudo apt-get install apparmor-profiles && sudo ln -s "
        "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && sudo systemctl reload apparmor; "
        f"num contêiner, é preciso permitir espaços de nomes de usuário. {instead}."
    )


def _identity() -> list[str]:
    """Como root, a caixa roda como ninguém: o kernel não aplica ao root o limite de processos, e o confina menos."""
    nobody = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *nobody, "--"] if os.geteuid() == 0 else []


def _namespaces() -> list[str]:
    # as-pid-1: sem um bwrap lá dentro, cujos arquivos abertos e ambiente se leriam em /proc/1.
    isolated = ["--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1"]
    return [*isolated, "--hostname", "caixa", "--die-with-parent", "--new-session", "--clearenv"]


def command(runtime: Runtime, answers: int, filter_: int) -> list[str]:
    """A linha de comando da caixa: /usr e o Python só para leitura, um /tmp pequeno, e mais nada onde escrever."""
    arguments = [*_identity(), "bwrap", *_namespaces()]
    for name in ("usr", "lib", "lib64", "bin", "sbin"):
        path = f"/{name}"
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            arguments += ["--ro-bind", path, path]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    # O /tmp vem antes do que se monta: o ambiente pode morar nele (um clone em /tmp), e ficaria coberto.
    arguments += ["--proc", "/proc", "--dev", "/dev", "--size", str(DISK_BYTES), "--tmpfs", "/tmp"]
    for source, target in runtime.binds:
        arguments += ["--ro-bind", source, target]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--seccomp", str(filter_)]
    return [*arguments, *environment_options(), "--", runtime.python, "-s", "/box/inside.py", str(answers)]


def environment() -> dict[str, str]:
    """O ambiente de quem está na caixa: nada do instrutor."""
    fixed = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"}
    return fixed | {
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "USER": "aluno",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": "/box",
        "MPLCONFIGDIR": "/box/matplotlib",
    }


def environment_options() -> list[str]:
    """O ambiente, como opções do bubblewrap."""
    return [word for name, value in environment().items() for word in ("--setenv", name, value)]


def run(job: dict[str, Any], runtime: Runtime, sandbox: bool = True, max_bytes: int = MAX_FRAMES_BYTES) -> Outcome:
    """Roda um trabalho (veja ``inside``) numa caixa nova e espera até que ela morra.

    Args:
        job: ``cells``, ``probes``, ``questions``, ``preload``, ``seconds``, ``memory_mib``.
        runtime: o que a caixa monta.
        sandbox: sem isso, roda sem caixa alguma; só para notebooks em que se confia.
        max_bytes: quanto se aceita ler.
    """
    started = time.monotonic()
    reader, writer = os.pipe()
    filter_ = seccomp.program() if sandbox else None
    job = job | {"seal": seccomp.seal() if sandbox else None}
    try:
        with tempfile.TemporaryFile() as job_file, tempfile.TemporaryFile() as errors:
            job_file.write(json.dumps(job).encode())
            job_file.seek(0)
            if sandbox:
                arguments, passed = command(runtime, writer, filter_), (writer, filter_)
                env = {"PATH": os.environ.get("PATH", os.defpath)}  # o ambiente do instrutor não entra nem no bwrap
            else:
                library = next(source for source, target in runtime.binds if target == "/box")
                arguments, passed = [runtime.python, "-s", f"{library}/inside.py", str(writer)], (writer,)
                places = {"PYTHONPATH": library, "MPLCONFIGDIR": f"{library}/matplotlib"}
                env = os.environ | environment() | places | {"HOME": tempfile.gettempdir()}
            process = subprocess.Popen(
                arguments, stdin=job_file, stdout=subprocess.DEVNULL, stderr=errors, pass_fds=passed, env=env,
                cwd="/", start_new_session=True,
            )  # fmt: skip
            os.close(writer)
            writer = -1
            try:
                data, verdict = _listen(process, reader, started + job["seconds"] + GRACE, max_bytes)
            finally:
                _kill(process)
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 4000))
            said = errors.read()
    finally:
        for descriptor in (reader, writer, filter_):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
    frames = _frames(data, max_bytes // BYTES_PER_VALUE)
    code = process.returncode
    began = said.endswith(wire.OPENED)
    if verdict is None:
        verdict = (END if any(frame.get("end") is True for frame in frames) else DIED) if began else FAILED
    elif not began and verdict == TIMEOUT:
        verdict = FAILED  # nem o torch chegou a ser importado: a máquina é que está lenta
    killed = verdict == DIED and code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    detail = f"código {code}" + ("" if began else f": {said[-500:].decode('utf8', 'replace').strip()}")
    return Outcome(frames, verdict, detail, killed, time.monotonic() - started)


def _listen(process: subprocess.Popen, reader: int, deadline: float, max_bytes: int) -> tuple[bytes, str | None]:
    """Lê até o fim do cano, o prazo ou o excesso; devolve o que leu e por que parou (None: o cano fechou)."""
    chunks, total = [], 0
    os.set_blocking(reader, False)  # quem escreve pode reabrir o cano e tomar de volta o que o seletor viu
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return b"".join(chunks), TIMEOUT
            if not selector.select(min(left, 1.0)):
                if process.poll() is not None:  # morreu, e alguém de fora ainda segura o cano
                    return b"".join(chunks), None
                continue
            try:
                chunk = os.read(reader, 1 << 16)
            except BlockingIOError:
                continue
            if not chunk:
                return b"".join(chunks), _wait(process, deadline)
            chunks.append(chunk)
            total += len(chunk)
            if total > max_bytes:
                return b"".join(chunks), FLOOD


def _wait(process: subprocess.Popen, deadline: float) -> str | None:
    """O cano fechou; o processo tem até o prazo para terminar (fechar o cano não dá direito a ficar)."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return TIMEOUT
    return None


def _kill(process: subprocess.Popen) -> None:
    """Mata a caixa; com o bubblewrap morre tudo o que está nela."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _frames(data: bytes, values: int) -> list[dict[str, Any]]:
    """As linhas que são objetos: as primeiras, e só enquanto os valores de todas não passarem de ``values``."""
    found = []
    for line in data.split(b"\n", MAX_FRAMES)[:MAX_FRAMES]:
        values -= sum(map(line.count, (b",", b"[", b"{")))
        if values < 0:
            break
        try:
            frame = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(frame, dict):
            found.append(frame)
    return found


def frames_by(frames: Sequence[dict[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    """As linhas que têm ``key``, pelo valor dela; a primeira de cada uma vale."""
    found: dict[Any, dict[str, Any]] = {}
    for frame in frames:
        if isinstance(frame.get(key), int | str):
            found.setdefault(frame[key], frame)
    return found
