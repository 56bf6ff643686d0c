"""A turma inteira: o que falta corrigir, o gabarito de cada aluno, cada resultado em disco assim que sai."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grading import engine, make, rows
from grading.assignment import ListFolder, student_token
from grading.rows import Row
from grading.store import Entry, Index, Store, result_key
from grading.submissions import Submission, UnreadableSubmission

Progress = Callable[[str, int, int], None]  # (o que se faz, quantos prontos, de quantos)


@dataclass(frozen=True)
class Plan:
    """Uma entrega, o lugar do resultado dela, e se ainda é preciso corrigi-la."""

    submission: Submission
    key: str
    pending: bool


def plan(folder: ListFolder, submissions: Sequence[Submission], seed: bytes, store: Store, versions: Sequence[str],
         rerun: bool) -> list[Plan]:  # fmt: skip
    """Que entregas faltam; as que não se leem já ganham a sua linha."""
    digest, found = folder.digest(), []
    for s in submissions:
        if not s.file:
            found.append(Plan(s, "", False))
            continue
        token = student_token(seed, s.student)
        try:
            key = result_key(s.read(), digest, token, versions)
        except UnreadableSubmission as error:
            key = result_key(s.file.encode("utf8", "replace"), digest, token, versions)
            store.save(key, engine.unreadable(folder, s.student, s.file, "", str(error)))
            found.append(Plan(s, key, False))
            continue
        row = store.result(key)
        found.append(Plan(s, key, row is None or (rerun and row.outcome in rows.RERUN)))
    return found


def grade(folder: ListFolder, submissions: Sequence[Submission], seed: bytes, store: Store, *, jobs: int,
          dask: str | None = None, sandbox: bool = True, rerun: bool = False,
          progress: Progress = lambda what, done, total: None) -> list[tuple[Entry, Row | None]]:  # fmt: skip
    """Corrige o que falta e guarda cada resultado assim que sai; o que estava pronto não se repete.

    Args:
        folder: a lista.
        submissions: as entregas (veja ``submissions.collect``).
        seed: a semente da turma.
        store: onde ficam os resultados.
        jobs: quantas caixas ao mesmo tempo nesta máquina.
        dask: o endereço de um escalonador, para corrigir num aglomerado.
        sandbox: sem isso, roda sem caixa; só para notebooks em que se confia.
        rerun: refaz as que passaram do tempo ou da memória, ou em que a caixa falhou.
        progress: chamada a cada resultado.

    Raises:
        GradingError: a lista, o gabarito ou a caixa não funcionam aqui; nenhuma entrega levanta exceção.
    """
    package = engine.Package.of(folder, sandbox)
    _, runtime = engine.place(package)
    plans = plan(folder, submissions, seed, store, runtime.versions, rerun)
    entries = tuple(_entry(p) for p in plans)
    store.save_index(Index(str(folder.path), folder.digest(), entries))
    pending = [p for p in plans if p.pending]
    inputs = {p.key: engine.encoded_inputs(folder, seed, p.submission.student) for p in pending}
    expected = _expected(package, folder, inputs, jobs, dask, progress)
    started: list[Plan] = []

    def works() -> Iterator[engine.Work]:
        for p in pending:
            s = p.submission
            try:
                content = s.read()
            except (UnreadableSubmission, OSError) as error:  # estava lá há pouco, quando se fez o plano
                message = f"O arquivo mudou durante a correção ({error}); rode de novo com --rerun"
                store.save(p.key, engine.box_failure(folder, s.student, s.file, "", message))
                continue
            started.append(p)
            yield engine.Work(package, s.student, s.file, content, inputs[p.key], expected[p.key])

    progress("entregas", 0, len(pending))
    for done, (i, result) in enumerate(engine.run_all(engine.grade_one, works(), jobs, dask), start=1):
        s = started[i].submission
        if isinstance(result, Exception):
            message = f"A máquina não conseguiu corrigir ({type(result).__name__}: {result}); rode de novo com --rerun"
            result = engine.box_failure(folder, s.student, s.file, "", message)
        store.save(started[i].key, result)
        progress("entregas", done, len(pending))
    return store.rows()


def _entry(p: Plan) -> Entry:
    s = p.submission
    return Entry(s.student, s.name, s.email, s.file, s.folder, s.modified, s.enrolled, p.key)


def _expected(package: engine.Package, folder: ListFolder, inputs: dict, jobs: int, dask: str | None,
              progress: Progress) -> dict[str, dict]:  # fmt: skip
    """As respostas do gabarito às entradas de cada entrega pendente, uma caixa para muitos alunos."""
    cells = [cell.text for cell in make.parse(folder) if cell.kind == "code"]
    keys = list(inputs)
    size = max(1, min(engine.KEY_BATCH, -(-len(keys) // jobs)))
    batches = [keys[i : i + size] for i in range(0, len(keys), size)]
    items = [(package, cells, [inputs[k] for k in batch]) for batch in batches]
    found: dict[str, dict] = {}
    progress("gabarito", 0, len(batches))
    for done, (i, answers) in enumerate(engine.run_all(_key_batch, items, jobs, dask), start=1):
        if isinstance(answers, Exception):
            raise answers
        found.update(zip(batches[i], answers, strict=True))
        progress("gabarito", done, len(batches))
    return found


def _key_batch(item: tuple[engine.Package, list[str], list[dict]]) -> list[dict]:
    return engine.key_answers(*item)


def summary(found: Sequence[tuple[Entry, Row | None]]) -> str:
    """O resumo que se lê no fim: quantas de cada tipo, e o que fazer com elas."""
    handed = [row for entry, row in found if entry.file]
    outcomes = Counter("por corrigir" if row is None else row.outcome for row in handed)
    checks = Counter(check.outcome for row in handed if row for check in row.checks.values())
    lines = [f"Entregas: {len(handed)}" + "".join(f"; {n} {name}" for name, n in outcomes.most_common())]
    absent = sum(not entry.file for entry, _ in found)
    strangers = sum(not entry.enrolled for entry, _ in found)
    lines.append("Verificações: " + "; ".join(f"{n} {name}" for name, n in checks.most_common()))
    lines += [f"Sem entrega: {absent}"] if absent else []
    lines += [f"Fora da lista de alunos: {strangers} (confira os nomes dos arquivos)"] if strangers else []
    again = sum(outcomes[name] for name in rows.RERUN)
    lines += [f"Para rodar de novo (tempo, memória ou caixa): {again}; repita o comando com --rerun"] if again else []
    return "\n".join(lines)
