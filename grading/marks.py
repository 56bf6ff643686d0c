"""As notas à mão: a planilha que o corretor preenche, a página com as respostas, e a volta das planilhas preenchidas.

Nenhuma nota digitada se perde: nem quando a entrega muda, nem quando o aluno ou a questão somem, nem numa planilha com
erros, que é recusada inteira. Para apagar uma nota, apague-a em ``manual.csv``.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from grading import pages, sheets
from grading.assignment import ListFolder
from grading.errors import GradingError
from grading.policy import Chosen, Policy, deliveries
from grading.rows import BOX, UNREADABLE
from grading.store import Store, write

HEADER = ("aluno", "nome", "questão", "pontos máximos", "nota", "comentário", "resumo", "aviso")

CHANGED = "a resposta mudou depois da nota: releia, corrija a nota se preciso e apague este aviso"
EMPTY = "resposta em branco"
BROKEN = "a entrega não se lê"
WAITING = "a entrega ainda não foi corrigida"
ORPHAN = "este aluno não tem entrega que valha, ou a questão saiu da lista: a nota não conta"

Key = tuple[str, str]  # (aluno, questão)


@dataclass(frozen=True)
class Line:
    """Uma linha da planilha: a nota de um aluno numa questão.

    Attributes:
        mark: a nota; None se falta.
        digest: resumo da resposta a que a nota foi dada.
        notice: o que o corretor deve saber.
        extra: as colunas que o instrutor acrescentou.
        number: o número da linha no arquivo, como o Excel o mostra.
    """

    student: str
    question: str
    mark: float | None = None
    comment: str = ""
    name: str = ""
    digest: str = ""
    notice: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    number: int = 0

    @property
    def key(self) -> Key:
        """O que identifica a linha."""
        return self.student, self.question

    @property
    def typed(self) -> bool:
        """Se alguém digitou algo aqui."""
        return self.mark is not None or bool(self.comment)


def text_digest(text: str) -> str:
    """Resumo curto de uma resposta; começa com letra para que o Excel não o tome por um número."""
    return "r" + hashlib.sha256(text.encode("utf8", "replace")).hexdigest()[:11]


def read_sheet(path: Path | str, maxima: Mapping[str, float], students: Collection[str],
               others: Collection[Key] | None = None) -> list[Line]:  # fmt: skip
    """Lê uma planilha de notas (veja ``sheets.read``), com as colunas em qualquer ordem.

    Args:
        path: o arquivo.
        maxima: questão → pontos máximos.
        students: os alunos da turma; um zero à esquerda que o Excel comeu é reposto.
        others: pares (aluno, questão) de fora da turma ou da lista que se aceitam; None: qualquer um.

    Raises:
        GradingError: falta uma coluna, ou há linhas erradas; a mensagem diz todas.
    """
    table = sheets.read(path)
    places = {name: table.column(name) for name in HEADER}
    missing = [name for name in ("aluno", "questão", "nota") if places[name] is None]
    if missing:
        lacking, all_of_them = " nem ".join(missing), ", ".join(HEADER)
        raise GradingError(f"A planilha {path} não tem a coluna {lacking}; as colunas são {all_of_them}")
    extra = [i for i, title in enumerate(table.header) if title.strip() and i not in places.values()]
    unpadded = {s.lstrip("0"): s for s in students}
    found: dict[Key, Line] = {}
    problems = []
    for n, row in enumerate(table.rows, start=2):
        cells = {name: _cell(row, place) for name, place in places.items()}
        if not any(cell.strip() for cell in row):
            continue
        student, question = cells["aluno"], cells["questão"].strip()
        if student not in students:
            student = unpadded.get(student.strip().lstrip("0"), student)
        try:
            mark = sheets.number(cells["nota"])
        except ValueError:
            mark = None
            problems.append(f"linha {n}: a nota {sheets.one_line(cells['nota'], 30)!r} não é um número")
        notice, digest, comment = cells["aviso"].strip(), cells["resumo"].strip(), cells["comentário"].strip()
        more = {table.header[i]: _cell(row, i) for i in extra}
        line = Line(student, question, mark, comment, cells["nome"], digest, notice, more, n)
        problems += _problems(line, maxima, students, others)
        before = found.setdefault(line.key, line)
        if before is not line and line.typed:
            if before.typed and (before.mark, before.comment) != (line.mark, line.comment):
                problems.append(f"linha {n}: outra nota para o mesmo aluno e questão da linha {before.number}")
            found[line.key] = line
    if problems:
        raise GradingError(f"A planilha {path} tem erros, e nada foi mudado: " + "; ".join(problems))
    return list(found.values())


def _cell(row: list[str], place: int | None) -> str:
    return sheets.original(row[place]) if place is not None and place < len(row) else ""


def _problems(line: Line, maxima: Mapping[str, float], students: Collection[str],
              others: Collection[Key] | None) -> list[str]:  # fmt: skip
    found = []
    if line.typed and others is not None and line.key not in others:
        if line.student not in students:
            found.append(f"o aluno {sheets.one_line(line.student, 40)!r} não tem entrega nesta correção")
        if line.question not in maxima:
            name, known = sheets.one_line(line.question, 40), ", ".join(maxima)
            found.append(f"a questão {name!r} não é uma das corrigidas à mão ({known})")
    top = maxima.get(line.question)
    if line.mark is not None and top is not None and not 0 <= line.mark <= top:
        found.append(f"a nota {sheets.decimal(line.mark)} não está entre 0 e {sheets.decimal(top)}")
    return [f"linha {line.number}: {problem}" for problem in found]


def manual_lines(store: Store, folder: ListFolder, students: Collection[str]) -> dict[Key, Line]:
    """As linhas de ``manual.csv``; nenhuma se ele ainda não existe.

    Raises:
        GradingError: alguém digitou ali algo que não serve.
    """
    if not store.manual.exists():
        return {}
    return {line.key: line for line in read_sheet(store.manual, _maxima(folder), students)}


def _maxima(folder: ListFolder) -> dict[str, float]:
    return {q.id: q.points for q in folder.assignment.written}


def _current(store: Store, folder: ListFolder, policy: Policy) -> tuple[list[Chosen], dict[Key, Line]]:
    """Quem entregou, e as linhas de ``manual.csv`` postas em dia com as entregas, questão por questão."""
    everyone = deliveries(store, policy)
    chosen = [c for c in everyone if c.entry is not None]
    before = manual_lines(store, folder, {c.student for c in everyone})
    now: dict[Key, Line] = {}
    for question in folder.assignment.written:
        for c in chosen:
            key = c.student, question.id
            now[key] = _updated(before.pop(key, Line(*key)), c)
    now |= {key: replace(line, notice=ORPHAN) for key, line in before.items() if line.typed}
    return chosen, now


def _updated(line: Line, chosen: Chosen) -> Line:
    line = replace(line, name=sheets.one_line(chosen.name))
    row = chosen.row
    if row is None or row.outcome == BOX:  # a resposta ainda não se conhece: nada a comparar
        return line if line.mark is not None else replace(line, notice=WAITING)
    text = row.written.get(line.question, "")
    digest = text_digest(text)
    notice = BROKEN if row.outcome == UNREADABLE else "" if text else EMPTY
    if line.mark is not None and (line.notice == CHANGED or line.digest not in ("", digest)):
        notice = CHANGED  # fica até que alguém o apague
    return replace(line, digest=digest, notice=notice)


def write_sheet(store: Store, folder: ListFolder, policy: Policy | None = None) -> str:
    """Cria ``manual.csv`` e ``respostas.html``, ou os põe em dia com as entregas; diz o que falta corrigir.

    Raises:
        GradingError: a pasta não é a de uma correção, ou ``manual.csv`` tem erros (e fica como está).
    """
    chosen, lines = _current(store, folder, policy or Policy())
    _save(store, folder, lines)
    write(store.path / "respostas.html", answers_page(folder, chosen))
    return _report(lines)


def _save(store: Store, folder: ListFolder, lines: Mapping[Key, Line]) -> None:
    maxima = _maxima(folder)
    extra = list(dict.fromkeys(title for line in lines.values() for title in line.extra))
    rows = []
    for line in lines.values():
        top = sheets.decimal(maxima.get(line.question))
        mark = sheets.decimal(line.mark)
        cells = [line.student, line.name, line.question, top, mark, line.comment, line.digest, line.notice]
        rows.append([sheets.neutral(cell) for cell in (*cells, *(line.extra.get(title, "") for title in extra))])
    write(store.manual, sheets.dump([*HEADER, *extra], rows))


def _report(lines: Mapping[Key, Line]) -> str:
    counted = [line for line in lines.values() if line.notice != ORPHAN]
    said = [f"Notas à mão: {sum(line.mark is not None for line in counted)} dadas, de {len(counted)}."]
    changed = sum(line.notice == CHANGED for line in counted)
    orphans = len(lines) - len(counted)
    said += [f"Respostas que mudaram depois da nota: {changed} (veja a coluna aviso)."] if changed else []
    said += [f"Notas sem entrega ou sem questão, que não contam: {orphans} (veja a coluna aviso)."] if orphans else []
    return "\n".join(said)


def merge(store: Store, folder: ListFolder, sheet: Path | str, force: bool = False,
          policy: Policy | None = None) -> str:  # fmt: skip
    """Junta uma planilha preenchida a ``manual.csv``; várias, uma depois da outra.

    Uma célula vazia não apaga nada. Uma nota ou um comentário diferente do que já está lá é um conflito, e a planilha
    inteira é recusada, a não ser com ``force``: então vale o que está sendo juntado.

    Raises:
        GradingError: a planilha ou ``manual.csv`` tem erros, ou há conflitos; a mensagem diz todos, e nada muda.
    """
    chosen, now = _current(store, folder, policy or Policy())
    lines = read_sheet(sheet, _maxima(folder), {c.student for c in chosen}, now.keys())
    conflicts: list[str] = []
    for line in lines:
        if line.typed:
            old = now[line.key]
            conflicts += _conflicts(old, line)
            now[line.key] = _merged(old, line)
    if conflicts and not force:
        advice = "para que valha a planilha, junte-a com --force"
        raise GradingError(f"A planilha {sheet} discorda de {store.manual} ({advice}): " + "; ".join(conflicts))
    _save(store, folder, now)
    write(store.path / "respostas.html", answers_page(folder, chosen))
    return _report(now)


def _conflicts(old: Line, new: Line) -> list[str]:
    where = f"linha {new.number} ({sheets.one_line(old.name or old.student, 40)}, {old.question})"
    found = []
    if None not in (old.mark, new.mark) and old.mark != new.mark:
        found.append(f"{where}: nota {sheets.decimal(new.mark)} na planilha e {sheets.decimal(old.mark)} em manual.csv")
    if old.comment and new.comment and old.comment != new.comment:
        ours, theirs = (sheets.one_line(line.comment, 40) for line in (old, new))
        found.append(f"{where}: comentário «{theirs}» na planilha e «{ours}» em manual.csv")
    return found


def _merged(old: Line, new: Line) -> Line:
    mark = old.mark if new.mark is None else new.mark
    notice = old.notice
    if mark != old.mark and old.notice != ORPHAN:  # quem deu esta nota leu a resposta do resumo que veio com ela
        notice = CHANGED if new.digest and new.digest != old.digest else ""
    return replace(old, mark=mark, comment=new.comment or old.comment, notice=notice, extra={**old.extra, **new.extra})


def answers_page(folder: ListFolder, chosen: list[Chosen]) -> str:
    """As respostas de texto de todos, questão por questão, com o que o corretor deve procurar."""
    a = folder.assignment
    intro = "<p>Para quem corrige: tem o nome dos alunos. As notas vão em <code>manual.csv</code>.</p>"
    parts = [f"<h1>Respostas: {pages.text(a.title)}</h1>", intro]
    for q in a.written:
        top = sheets.decimal(q.points)
        parts.append(f"<h2>{pages.text(q.id)}: {pages.text(q.title)} (de 0 a {top})</h2>")
        parts.append(f'<div class="box lines">{pages.lines(q.rubric)}</div>')
        for c in chosen:
            parts.append(f'<h3>{pages.text(c.shown)} <span class="muted">{pages.text(c.student)}</span></h3>')
            text = c.row.written.get(q.id, "") if c.row else ""
            state = _updated(Line(c.student, q.id), c).notice
            parts.append(f"<pre>{pages.lines(text)}</pre>" if text else f'<p class="wait">({state or EMPTY})</p>')
    return pages.page(f"Respostas: {a.title}", "\n".join(parts))
