"""O programa que roda dentro da caixa: executa as células de um aluno, faz as perguntas e entrega as respostas.

    python inside.py DESCRITOR < trabalho.json

Uma linha de JSON por coisa que acontece. Nada aqui precisa resistir ao aluno: quem confere está do lado de fora, e o
que quer que ele estrague (o json, o numpy, este módulo) só estraga as próprias respostas.
"""

import builtins
import json
import linecache
import os
import re
import resource
import signal
import sys
import types
from typing import Any

import wire


class TimeUp(BaseException):
    """A célula ou a pergunta passou do tempo dela."""


class MissingName(Exception):
    """O notebook não definiu o nome pedido."""


class Names:
    """Os nomes globais do notebook, como atributos."""

    def __init__(self, namespace: dict):
        self.__dict__["_namespace"] = namespace

    def __getattr__(self, name: str) -> Any:
        try:
            return self._namespace[name]
        except KeyError:
            raise MissingName(name) from None


class Nothing(types.ModuleType):
    """Aceita qualquer uso e não faz nada: o google.colab, o que se exibe."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **options: Any) -> "Nothing":
        return self


class Shell:
    """O que ``%``, ``%%`` e ``!`` viram: nada, a não ser os que só medem o tempo, que executam o que medem."""

    def __init__(self, run):
        self.run = run

    def run_line_magic(self, name: str, line: str = "", *_: Any, **__: Any) -> None:
        """Nada: uma linha que começa com % não define nomes."""

    def run_cell_magic(self, name: str, line: str = "", cell: str = "") -> None:
        """Executa a célula, se ela só está sendo medida ou calada."""
        if name in ("time", "timeit", "capture"):
            self.run(cell)

    def system(self, command: str) -> None:
        """Um comando do sistema não roda."""

    def getoutput(self, command: str, **_: Any) -> list[str]:
        """Um comando do sistema não roda, e não diz nada."""
        return []

    def __getattr__(self, name: str) -> Any:
        return Nothing(name)


def limit(job: dict) -> None:
    """Os limites do processo; um só, porque a caixa não deixa criar outros."""
    memory, seconds = job["memory_mib"] << 20, int(job["seconds"]) + 5
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 64),
        (resource.RLIMIT_SIGPENDING, 1024),  # também os timers, que sem isso gastariam os de quem corrige
        (resource.RLIMIT_CORE, 1),  # zero não basta onde um programa recolhe as quedas; um byte é o que o kernel recusa
    ):
        resource.setrlimit(what, (value, value))


def seal(program: dict | None) -> None:
    """Daqui em diante ninguém troca de programa nem deixa de morrer com quem abriu a caixa (veja ``seccomp.seal``)."""
    if program is None:
        return
    import ctypes

    class Program(ctypes.Structure):
        _fields_ = (("size", ctypes.c_ushort), ("code", ctypes.c_char_p))

    code = bytes.fromhex(program["code"])
    filtered = Program(len(code) // 8, code)
    every_thread = 1
    if ctypes.CDLL(None, use_errno=True).syscall(program["call"], 1, every_thread, ctypes.byref(filtered)):
        raise OSError(ctypes.get_errno(), "a caixa não se fechou")


def translated(source: str) -> str:
    """O código sem ``%`` nem ``!``. As linhas simples se traduzem aqui; o resto, pelo IPython, que custa a importar."""
    plain = re.sub(r"(?m)^([ \t]*)[%!](?!%).*$", r"\1pass", source)
    try:
        compile(plain, "<célula>", "exec")
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)
    return plain


def outcome(error: BaseException) -> str:
    """Que tipo de falha é: tempo, memória, em branco, ou erro."""
    if isinstance(error, TimeUp):
        return "tempo"
    # O torch e o numpy dizem a falta de memória cada um a seu modo.
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "not enough memory" in str(error):
        return "memória"
    return "não respondida" if isinstance(error, MissingName | NotImplementedError) else "erro"


def main() -> None:
    answers = int(sys.argv[1])
    job = json.load(sys.stdin)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(quiet, descriptor)
    for module in job["preload"]:
        __import__(module)

    def send(**frame: Any) -> None:
        line = (json.dumps(frame) + "\n").encode()
        while line:
            line = line[os.write(answers, line) :]

    def timed(action, *args: Any, **options: Any) -> Any:
        signal.setitimer(signal.ITIMER_REAL, job["seconds"] / 3)
        try:
            return action(*args, **options)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def up(*_: Any) -> None:
        raise TimeUp

    namespace: dict = {"__name__": "__main__", "__builtins__": builtins}

    def run(source: str) -> None:
        name = f"<célula {len(linecache.cache)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # para inspect e o torch
        exec(compile(source, name, "exec"), namespace)

    def cell(source: str) -> None:
        try:
            compile(source, "<célula>", "exec")
        except SyntaxError:
            source = translated(source)
        run(source)

    shell = Shell(run)
    builtins.get_ipython = namespace["get_ipython"] = lambda: shell
    builtins.display = Nothing("display")
    for name in ("google", "google.colab"):
        sys.modules[name] = Nothing(name)
    signal.signal(signal.SIGALRM, up)
    limit(job)
    seal(job["seal"])
    os.write(2, wire.OPENED)
    os.dup2(quiet, 2)  # só depois de abrir: antes disso, o que se diz aqui é uma falha da caixa

    for number, source in enumerate(job["cells"], start=1):
        try:
            timed(cell, source)
        except BaseException as error:
            send(cell=number, outcome=outcome(error), error=type(error).__name__)
    probes: dict = {"__name__": "probes"}
    exec(compile(job["probes"], "probes.py", "exec"), probes)
    names = Names(namespace)
    for question in job["questions"]:
        try:
            inputs = {key: wire.decode(value) for key, value in question["inputs"].items()}
            answer = timed(lambda q=question, i=inputs: wire.encode(probes[q["name"]](names, **i)))
            send(check=question["id"], answer=answer)
        except BaseException as error:
            send(check=question["id"], outcome=outcome(error), error=type(error).__name__)
    send(end=True)
    os._exit(0)  # nada do aluno roda na saída


if __name__ == "__main__":
    main()
