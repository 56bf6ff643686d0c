"""De uma entrega a uma linha, e da turma a todas: nesta máquina ou num aglomerado, pela mesma função pura."""

import atexit
import builtins
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeVar

from grading import assignment, box, notebook, rows, runtime, wire
from grading.assignment import FILES, ListFolder
from grading.errors import GradingError
from grading.rows import CheckResult, Row

PRELOAD = ("torch",)
KEY_BATCH = 50  # alunos por caixa do gabarito
KEY_BYTES = 512 << 20

T, R = TypeVar("T"), TypeVar("R")


@dataclass(frozen=True)
class Package:
    """Uma lista que viaja até outra máquina: o nome e o conteúdo dos três arquivos."""

    name: str
    files: tuple[tuple[str, bytes], ...]
    sandbox: bool = True

    @classmethod
    def of(cls, folder: ListFolder, sandbox: bool = True) -> "Package":
        """A lista, pronta para viajar."""
        return cls(folder.name, tuple((name, (folder.path / name).read_bytes()) for name in FILES), sandbox)


@dataclass(frozen=True)
class Work:
    """Uma entrega a corrigir. As entradas e as respostas esperadas vão codificadas (veja ``wire``)."""

    package: Package
    student: str
    file: str
    content: bytes
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]


_open = ExitStack()
_lock = Lock()
atexit.register(_open.close)


def place(package: Package) -> tuple[ListFolder, runtime.Runtime]:
    """A lista em disco e o que a caixa dela monta, uma vez por processo; apagados quando ele termina."""
    with _lock:  # lru_cache não impede que duas threads preparem a mesma coisa
        return _place(package)


@lru_cache(maxsize=8)
def _place(package: Package) -> tuple[ListFolder, runtime.Runtime]:
    if package.sandbox:
        box.check()
    folder = Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="list-"))) / package.name
    folder.mkdir()
    for name, content in package.files:
        (folder / name).write_bytes(content)
    loaded = assignment.load(folder)
    return loaded, _open.enter_context(runtime.prepare(loaded.assignment.withheld))


def _job(folder: ListFolder, cells: Sequence[str], questions: Sequence[dict], seconds: float) -> dict[str, Any]:
    limits = {"seconds": seconds, "memory_mib": folder.assignment.memory_mib}
    return {"cells": cells, "probes": folder.probes, "questions": questions, "preload": PRELOAD} | limits


def encoded_inputs(folder: ListFolder, seed: bytes, student: str) -> dict[str, Any]:
    """As entradas de um aluno, prontas para viajar.

    Raises:
        GradingError: ``grading.py`` sorteia algo que não atravessa.
    """
    drawn = assignment.draw(folder, seed, student)
    try:
        return {check: {k: wire.encode(v) for k, v in values.items()} for check, values in drawn.items()}
    except wire.WireError as error:
        raise GradingError(f"As entradas sorteadas por {folder.path / 'grading.py'} não servem: {error}") from error


def grade_one(work: Work) -> Row:
    """Corrige uma entrega. O que o aluno fizer vira uma linha; nunca uma exceção.

    Raises:
        GradingError: esta máquina não consegue abrir uma caixa.
    """
    folder, prepared = place(work.package)
    who = {"student": work.student, "file": work.file, "digest": hashlib.sha256(work.content).hexdigest()}
    a = folder.assignment
    try:
        submitted = notebook.read(work.content)
    except notebook.UnreadableNotebook as error:
        return unreadable(folder, **who, message=str(error))
    texts = notebook.written(submitted, (q.id for q in a.written))
    questions = [{"id": c.name, "name": c.name, "inputs": work.inputs[c.name]} for c in a.checks]
    out = box.run(_job(folder, submitted.code, questions, a.seconds), prepared, work.package.sandbox)
    answers = box.frames_by(out.frames, "check")
    checks = {c.name: _judge(c, answers.get(c.name), out, work) for c in a.checks}
    outcome, message = _ending(out, a.seconds)
    return Row(
        **who, outcome=outcome, message=message, checks=checks, written=texts, cells=_failed_cells(out, submitted),
        code_digest=notebook.code_digest(submitted), seconds=round(out.seconds, 3),
    )  # fmt: skip


def unreadable(folder: ListFolder, student: str, file: str, digest: str, message: str) -> Row:
    """A linha de uma entrega que não se lê: nenhuma questão respondida, e a razão."""
    checks = {c.name: CheckResult(rows.MISSING) for c in folder.assignment.checks}
    blank = {q.id: "" for q in folder.assignment.written}
    return Row(student, file, digest, rows.UNREADABLE, message, checks, blank)


def box_failure(folder: ListFolder, student: str, file: str, digest: str, message: str) -> Row:
    """A linha de uma entrega que a máquina não conseguiu corrigir: não é um zero, é para rodar de novo."""
    checks = {c.name: CheckResult(rows.BOX) for c in folder.assignment.checks}
    return Row(student, file, digest, rows.BOX, message, checks, {q.id: "" for q in folder.assignment.written})


def _judge(check: assignment.Check, frame: dict | None, out: box.Outcome, work: Work) -> CheckResult:
    if frame is None:
        return CheckResult(_silence(out))
    if "answer" not in frame:
        said = frame.get("outcome")
        known = isinstance(said, str) and said in (rows.MISSING, rows.CRASH, rows.TIMEOUT, rows.MEMORY)
        return CheckResult(said if known else rows.CRASH)
    try:
        answer = wire.decode(frame["answer"])
    except wire.WireError:
        return CheckResult(rows.WRONG)
    inputs = {k: wire.decode(v) for k, v in work.inputs[check.name].items()}
    expected = wire.decode(work.expected[check.name]) if check.needs_key else None
    try:
        right = check.compare(answer, expected, inputs)
    except Exception:  # a comparação é do instrutor e a resposta é de quem quiser: o tropeço é de quem compara
        return CheckResult(rows.BOX)
    return CheckResult(rows.RIGHT, check.points) if right is True else CheckResult(rows.WRONG)


def _silence(out: box.Outcome) -> str:
    """O que houve com uma pergunta que ninguém respondeu."""
    if out.ended == box.DIED:
        return rows.MEMORY if out.killed else rows.CRASH
    return {box.TIMEOUT: rows.TIMEOUT, box.FAILED: rows.BOX}.get(out.ended, rows.CRASH)


def _ending(out: box.Outcome, seconds: float) -> tuple[str, str]:
    if out.ended == box.DIED:
        if out.killed:
            return rows.MEMORY, "O sistema matou o processo por falta de memória"
        return rows.CRASH, "O processo do notebook terminou antes do fim (uma saída à força ou uma falha do Python)"
    return {
        box.END: (rows.GRADED, ""),
        box.TIMEOUT: (rows.TIMEOUT, f"O notebook não terminou em {seconds:g} segundos"),
        box.FLOOD: (rows.CRASH, "O notebook entregou respostas demais"),
        box.FAILED: (rows.BOX, f"A caixa não abriu ({out.detail}); rode de novo com --rerun"),
    }[out.ended]


def _failed_cells(out: box.Outcome, submitted: notebook.Notebook) -> list[tuple[int, str]]:
    """As células que falharam, com o nome da exceção se for uma das do Python (uma classe pode ter qualquer nome)."""
    found = []
    for number, frame in box.frames_by(out.frames, "cell").items():
        if isinstance(number, int) and 1 <= number <= len(submitted.code):
            name = frame.get("error")
            value = getattr(builtins, name, None) if isinstance(name, str) else None
            known = isinstance(value, type) and issubclass(value, BaseException)
            other = "TimeoutError" if frame.get("outcome") == rows.TIMEOUT else "Exception"
            found.append((int(number), name if known else other))  # True também é um número
    return sorted(found)


# O gabarito


def key_answers(package: Package, cells: Sequence[str], inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As respostas do gabarito às entradas de cada aluno, codificadas, numa caixa só.

    Raises:
        GradingError: o gabarito falhou em alguma pergunta.
    """
    folder, prepared = place(package)
    asked = [c for c in folder.assignment.checks if c.needs_key]
    pairs = [(i, c.name) for i in range(len(inputs)) for c in asked]
    questions = [{"id": f"{i}/{name}", "name": name, "inputs": inputs[i][name]} for i, name in pairs]
    seconds = folder.assignment.seconds * (1 + len(inputs))
    out = box.run(_job(folder, cells, questions, seconds), prepared, package.sandbox, max_bytes=KEY_BYTES)
    failed = [f"célula {f['cell']} ({f.get('error')})" for f in out.frames if "cell" in f]
    answers = {f["check"]: f["answer"] for f in out.frames if "answer" in f}
    silent = dict.fromkeys(q["name"] for q in questions if q["id"] not in answers)
    if out.ended != box.END or failed or silent:
        raise GradingError(
            f"O gabarito de {folder.name} não responde ({out.ended}; {out.detail}): "
            + "; ".join([*failed, *(f"{name} ({_why(out, name)})" for name in silent)])
        )
    return [{c.name: answers[f"{i}/{c.name}"] for c in asked} for i in range(len(inputs))]


def _why(out: box.Outcome, name: str) -> str:
    errors = [f for f in out.frames if str(f.get("check", "")).endswith(f"/{name}") and "answer" not in f]
    return errors[0].get("error", "sem resposta") if errors else "sem resposta"


# A turma


def run_all(
    function: Callable[[T], R], items: Iterable[T], jobs: int, dask: str | None = None
) -> Iterator[tuple[int, R | Exception]]:
    """Aplica a função a cada item e devolve ``(posição, resultado ou exceção)`` à medida que ficam prontos.

    Os itens são tirados aos poucos: uma turma de milhares não precisa caber na memória.

    Args:
        jobs: quantos de cada vez nesta máquina; cada um espera por uma caixa, e threads bastam.
        dask: o endereço de um escalonador (``tcp://…``); os que um trabalhador perder, outro refaz.

    Raises:
        GradingError: não há escalonador nesse endereço.
    """
    if dask:
        with _dask_client(dask) as client:
            window = 4 * max(1, sum(client.nthreads().values()))
            yield from _windowed(lambda item: client.submit(function, item, pure=False, retries=2), items, window)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from _windowed(lambda item: pool.submit(function, item), items, 2 * jobs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # quem interrompe espera só pelos que já começaram


def _windowed(submit: Callable[[T], Any], items: Iterable[T], window: int) -> Iterator[tuple[int, Any]]:
    """No máximo ``window`` futuros em andamento; os do Dask e os da biblioteca padrão têm a mesma cara."""
    done: SimpleQueue = SimpleQueue()
    source, running = enumerate(items), 0
    for i, item in islice(source, window):
        submit(item).add_done_callback(lambda future, i=i: done.put((i, future)))
        running += 1
    while running:
        i, future = done.get()
        running -= 1
        error = future.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        yield i, error if error is not None else future.result()
        for j, item in islice(source, 1):
            submit(item).add_done_callback(lambda future, i=j: done.put((i, future)))
            running += 1


def _dask_client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise GradingError("Para --dask, instale o distributed: pip install distributed") from None
    try:
        return Client(address, timeout=20)
    except (OSError, TimeoutError, ValueError) as error:
        raise GradingError(f"Não há um escalonador do Dask em {address} ({type(error).__name__})") from error
