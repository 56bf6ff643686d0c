"""Notas à mão, atraso, entregas repetidas, total."""

import csv
import io
import os
from datetime import datetime

import pytest
from bs4 import BeautifulSoup
from classroom import Classroom, make_row, tiny_list
from hypothesis import given
from hypothesis import strategies as st

from grading import gradebook as book
from grading import marks, rows, sheets
from grading.errors import GradingError
from grading.gradebook import gradebook
from grading.policy import Policy

DEADLINE = datetime.fromisoformat("2026-05-10T23:59:00-03:00")
BEFORE, AFTER = "2026-05-10T23:00:00-03:00", "2026-05-11T00:00:00-03:00"


@pytest.fixture
def room(tmp_path):
    return Classroom(tmp_path, tiny_list(tmp_path / "lista"))


def table(room) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(room.store.manual.read_text("utf-8-sig"), newline=""), delimiter=";"))


def fill(room, **cells) -> None:
    """Digita em manual.csv: ``fill(room, a1={"nota": "3"})``."""
    found = table(room)
    for line in found:
        line.update(cells.get(line["aluno"], {}))
    header = list(dict.fromkeys(k for line in found for k in line))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, delimiter=";", restval="")
    writer.writeheader()
    writer.writerows(found)
    room.store.manual.write_text(text.getvalue(), "utf-8-sig", newline="")


def sheet(tmp_path, text: str, encoding: str = "utf8"):
    path = tmp_path / "volta.csv"
    path.write_bytes(text.encode(encoding))
    return path


def grade(room, student: str = "a1", policy=None) -> book.Grade:
    return next(g for g in gradebook(room.store, room.folder, policy) if g.chosen.student == student)


# A planilha


def test_sheet_has_a_line_for_each_delivery_and_says_which_answers_are_blank(room):
    room.add("a1", make_row("a1"), name="Aluna Um")
    room.add("a2", make_row("a2", text=""), name="Aluno Dois")
    room.add("a3", name="Aluna Três")
    said = marks.write_sheet(room.store, room.folder)
    lines = table(room)
    assert [(x["aluno"], x["nome"], x["questão"], x["pontos máximos"], x["nota"], x["aviso"]) for x in lines] == [
        ("a1", "Aluna Um", "q3", "4", "", ""),
        ("a2", "Aluno Dois", "q3", "4", "", marks.EMPTY),
    ]
    assert "0 dadas, de 2" in said
    assert room.store.manual.read_bytes().startswith(b"\xef\xbb\xbfaluno;nome;")


def test_typed_marks_comments_and_extra_columns_stay_when_students_and_questions_come(room, tmp_path):
    room.add("a1", make_row("a1"))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "3,25", "comentário": "Bom;\n\"cite\" a fonte", "corretora": "Aluna Ção"})
    room.add("a0", make_row("a0"))
    room.folder = tiny_list(tmp_path / "lista", extra="q4")
    room.save()
    marks.write_sheet(room.store, room.folder)
    lines = {(x["aluno"], x["questão"]): x for x in table(room)}
    assert set(lines) == {("a0", "q3"), ("a1", "q3"), ("a0", "q4"), ("a1", "q4")}
    kept = lines["a1", "q3"]
    assert (kept["nota"], kept["comentário"], kept["corretora"]) == ("3,25", 'Bom;\n"cite" a fonte', "Aluna Ção")
    assert lines["a0", "q3"]["nota"] == lines["a1", "q4"]["nota"] == ""


def test_a_mark_given_to_another_version_of_the_answer_stays_and_warns_until_someone_clears_it(room):
    room.add("a1", make_row("a1", text="Primeira."))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "4"})
    marks.write_sheet(room.store, room.folder)
    assert table(room)[0]["aviso"] == "" and not grade(room).notices
    room.change("a1", make_row("a1", text="Segunda."))
    assert "a resposta mudou depois da nota à mão: q3" in grade(room).notices
    for _ in range(2):
        assert "mudaram depois da nota: 1" in marks.write_sheet(room.store, room.folder)
        assert (table(room)[0]["nota"], table(room)[0]["aviso"]) == ("4", marks.CHANGED)
    assert grade(room).total == 10 and "a resposta mudou depois da nota à mão: q3" in grade(room).notices
    fill(room, a1={"aviso": ""})
    marks.write_sheet(room.store, room.folder)
    assert table(room)[0]["aviso"] == "" and not grade(room).notices


def test_a_mark_of_someone_who_left_is_kept_and_does_not_count(room):
    room.add("a1", make_row("a1"))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "4"})
    room.entries.clear()
    room.add("a1")
    room.add("a2", make_row("a2"))
    assert "não contam: 1" in marks.write_sheet(room.store, room.folder)
    kept = table(room)[-1]
    assert (kept["aluno"], kept["nota"], kept["aviso"]) == ("a1", "4", marks.ORPHAN)
    assert grade(room).total == 0 and "não conta" in grade(room).notices[0]
    assert marks.merge(room.store, room.folder, room.store.manual)  # a cópia devolvida traz a linha, e é aceita


def test_an_answer_nobody_could_read_yet_does_not_change_a_mark(room):
    room.add("a1", make_row("a1"))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "4"})
    room.change("a1", make_row("a1", text="", outcome=rows.BOX))
    marks.write_sheet(room.store, room.folder)
    assert (table(room)[0]["nota"], table(room)[0]["aviso"]) == ("4", "")


@pytest.mark.parametrize("encoding", ["utf8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
@pytest.mark.parametrize(
    ("delimiter", "mark"), [(";", "2,5"), (";", "2.5"), (",", "2.5"), (",", '"2,5"'), ("\t", " 2,50 ")]
)
def test_sheets_are_read_as_excel_in_brazil_saves_them(tmp_path, delimiter, mark, encoding):
    lines = (("Questão", "ALUNO", "Nota", "Comentário"), ("q3", "a1", mark, "Atenção: coração"))
    path = sheet(tmp_path, "\r\n".join(delimiter.join(line) for line in lines) + "\r\n\r\n", encoding)
    (line,) = marks.read_sheet(path, {"q3": 4.0}, {"a1"})
    assert (line.key, line.mark, line.comment, line.number) == (("a1", "q3"), 2.5, "Atenção: coração", 2)


def test_a_sheet_with_errors_is_refused_whole_and_the_message_says_every_line(room, tmp_path):
    room.add("a1", make_row("a1"))
    room.add("a2", make_row("a2"))
    marks.write_sheet(room.store, room.folder)
    before = room.store.manual.read_bytes()
    bad = sheet(tmp_path, "aluno;questão;nota\na1;q3;4,5\na2;q3;dois\na9;q3;1\na1;q1;1\na2;q3;-1\n\na2;q3;3\na2;q3;2\n")
    with pytest.raises(GradingError) as error:
        marks.merge(room.store, room.folder, bad)
    said = str(error.value)
    for part in ("linha 2: a nota 4,5 não está entre 0 e 4", "linha 3: a nota 'dois' não é um número",
                 "linha 4: o aluno 'a9' não tem entrega", "linha 5: a questão 'q1' não é uma das corrigidas à mão (q3)",
                 "linha 6: a nota -1", "linha 9: outra nota para o mesmo aluno e questão da linha"):  # fmt: skip
        assert part in said
    assert room.store.manual.read_bytes() == before


@pytest.mark.parametrize("mark", ["nan", "inf", "1e3", "7/mai", "1.000,5", "--1", "²", "1 2", "=1+1"])
def test_what_is_not_a_plain_number_is_not_a_mark(tmp_path, mark):
    with pytest.raises(GradingError, match="não é um número"):
        marks.read_sheet(sheet(tmp_path, f"aluno;questão;nota\na1;q3;{mark}\n"), {"q3": 4.0}, {"a1"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "vazia"),
        (b"\n\n", "vazia"),
        (b"PK\x03\x04resto", "CSV UTF-8"),
        (b"aluno;nota\na1;2\n", "não tem a coluna questão"),
        (b'aluno;quest\xc3\xa3o;nota\na1;q3;"' + b"x" * 200_000, "não é um CSV"),
    ],
)
def test_a_file_that_is_not_a_sheet_says_what_to_do(tmp_path, content, said):
    path = tmp_path / "planilha.csv"
    path.write_bytes(content)
    with pytest.raises(GradingError, match=said):
        marks.read_sheet(path, {"q3": 4.0}, {"a1"})
    with pytest.raises(GradingError, match="não existe"):
        marks.read_sheet(tmp_path / "outra.csv", {}, ())
    with pytest.raises(GradingError, match="não se lê"):
        marks.read_sheet(tmp_path, {}, ())


def test_errors_typed_into_manual_csv_are_told_and_nothing_is_overwritten(room):
    room.add("a1", make_row("a1"))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "40"})
    before = room.store.manual.read_bytes()
    for call in (marks.write_sheet, gradebook):
        with pytest.raises(GradingError, match="linha 2: a nota 40 não está entre 0 e 4"):
            call(room.store, room.folder)
    assert room.store.manual.read_bytes() == before


def test_leading_zeros_that_excel_ate_are_put_back(room):
    room.add("00123", make_row("00123"))
    marks.write_sheet(room.store, room.folder)
    fill(room, **{"00123": {"aluno": "123", "nota": "3"}})
    marks.write_sheet(room.store, room.folder)
    assert [(x["aluno"], x["nota"]) for x in table(room)] == [("00123", "3")]


def test_several_markers_sheets_add_up_and_blank_cells_erase_nothing(room, tmp_path):
    room.add("a1", make_row("a1"))
    room.add("a2", make_row("a2"))
    marks.merge(room.store, room.folder, sheet(tmp_path, "aluno;questão;nota;comentário\na1;q3;3;Bom\na2;q3;;\n"))
    said = marks.merge(room.store, room.folder, sheet(tmp_path, "aluno,questão,nota,comentário\na1,q3,,\na2,q3,1.5,\n"))
    assert [(x["nota"], x["comentário"]) for x in table(room)] == [("3", "Bom"), ("1,5", "")]
    assert "2 dadas, de 2" in said
    marks.merge(room.store, room.folder, sheet(tmp_path, "aluno;questão;nota;comentário\na1;q3;3;\na2;q3;;Vago\n"))
    assert [(x["nota"], x["comentário"]) for x in table(room)] == [("3", "Bom"), ("1,5", "Vago")]


def test_a_conflict_names_the_line_and_both_values_and_force_takes_the_new_one(room, tmp_path):
    room.add("a1", make_row("a1"), name="Aluna Um")
    marks.merge(room.store, room.folder, sheet(tmp_path, "aluno;questão;nota;comentário\na1;q3;3;Bom\n"))
    before = room.store.manual.read_bytes()
    other = sheet(tmp_path, "aluno;questão;nota;comentário\na1;q3;2;Ruim\n")
    with pytest.raises(GradingError) as error:
        marks.merge(room.store, room.folder, other)
    assert "linha 2 (Aluna Um, q3): nota 2 na planilha e 3 em manual.csv" in str(error.value)
    assert "comentário «Ruim» na planilha e «Bom» em manual.csv" in str(error.value)
    assert room.store.manual.read_bytes() == before
    marks.merge(room.store, room.folder, other, force=True)
    assert (table(room)[0]["nota"], table(room)[0]["comentário"]) == ("2", "Ruim")


def test_a_marker_who_read_an_older_answer_leaves_a_warning(room, tmp_path):
    room.add("a1", make_row("a1", text="Primeira."))
    marks.write_sheet(room.store, room.folder)
    copy = sheet(tmp_path, room.store.manual.read_text("utf-8-sig").replace("q3;4;;", "q3;4;3;"))
    room.change("a1", make_row("a1", text="Segunda."))
    marks.merge(room.store, room.folder, copy)
    assert (table(room)[0]["nota"], table(room)[0]["aviso"]) == ("3", marks.CHANGED)


def test_a_merge_that_cannot_write_leaves_the_old_sheet(room, tmp_path, monkeypatch):
    room.add("a1", make_row("a1"))
    marks.write_sheet(room.store, room.folder)
    before = room.store.manual.read_bytes()

    def broken(*paths):
        raise OSError("disco cheio")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disco cheio"):
        marks.merge(room.store, room.folder, sheet(tmp_path, "aluno;questão;nota\na1;q3;3\n"))
    assert room.store.manual.read_bytes() == before
    assert not list(room.store.path.glob("*.parcial"))


@given(st.text(alphabet="'=+-@\t\r\n＝ab1 "))
def test_neutral_is_undone_exactly_and_is_never_a_formula(text):
    cell = sheets.neutral(text)
    assert sheets.original(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_hostile_identifiers_and_comments_survive_the_round_trip(room):
    students = ["=1+1", "'=1+1", "../../x", "a;b\"c", "\u202enome", "00", "x" * 5000]
    for student in students:
        room.add(student, make_row(student), name="=cmd|' /C calc'!A0\x00\n<script>")
    marks.write_sheet(room.store, room.folder)
    fill(room, **{sheets.neutral("=1+1"): {"nota": "1", "comentário": "-0,5 pelo sinal"}})
    marks.write_sheet(room.store, room.folder)
    text = room.store.manual.read_text("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text, newline=""), delimiter=";") for cell in line]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))] and "\x00" not in text
    assert {sheets.original(x["aluno"]) for x in table(room)} == set(students)
    typed = grade(room, "=1+1")
    assert (typed.manual, typed.comments["q3"]) == (1.0, "-0,5 pelo sinal")


def test_answers_page_shows_every_answer_escaped_with_the_rubric(room):
    room.add("a1", make_row("a1", text="<script>alert(1)</script>\n\x00</pre><img src=x>\u202e"), name="<i>Aluna</i>")
    room.add("a2", make_row("a2", text=""))
    room.add("a3", make_row("a3", text="", outcome=rows.UNREADABLE))
    room.add("a4", make_row("a4", text="", outcome=rows.BOX))
    marks.write_sheet(room.store, room.folder)
    html = (room.store.path / "respostas.html").read_text("utf8")
    page = BeautifulSoup(html, "html.parser")
    assert page.html["lang"] == "pt-BR" and not page.find_all(["script", "img", "i"])
    (answer,) = page.find_all("pre")
    assert answer.get_text() == "<script>alert(1)</script>\n</pre><img src=x>"
    assert "Quatro pontos <se> disser por quê." in page.get_text()
    states = [p.get_text() for p in page.find_all("p", class_="wait")]
    assert states == [f"({marks.EMPTY})", f"({marks.BROKEN})", f"({marks.WAITING})"]


# A nota


def test_total_adds_automatic_and_manual_points_and_waits_for_missing_marks(room):
    room.add("a1", make_row("a1", q1_b=rows.WRONG))
    waiting = grade(room)
    assert (waiting.automatic, waiting.manual, waiting.total, waiting.situation) == (4.0, None, None, book.PENDING)
    assert "falta a nota à mão: q3" in waiting.notices
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "2,5"})
    done = grade(room)
    assert (done.questions, done.total, done.situation) == ({"q1": 1.0, "q2": 3.0, "q3": 2.5}, 6.5, book.DONE)
    assert not done.notices and not done.rerun


def test_the_last_delivery_by_the_deadline_counts_and_the_others_are_told(room):
    for modified, file, outcome in [
        ("2026-05-09T10:00:00-03:00", "b.ipynb", rows.WRONG),
        (AFTER, "c.ipynb", rows.WRONG),
        ("2026-05-11T01:00:00+00:00", "a.ipynb", rows.RIGHT),  # 22h do dia 10 em Brasília: a última a tempo
    ]:
        room.add("a1", make_row("a1", file=file, q2_a=outcome), modified=modified)
    chosen = grade(room, policy=Policy(DEADLINE, 10)).chosen
    assert (chosen.entry.file, chosen.days_late, chosen.position, chosen.count) == ("a.ipynb", 0, 2, 3)
    assert chosen.others == (
        "b.ipynb (substituída)",
        "c.ipynb (depois do prazo, não substitui a que foi feita a tempo)",
    )
    assert grade(room).chosen.entry.file == "c.ipynb"  # sem prazo, a última


@pytest.mark.parametrize("modified", ["", "ontem", "9999-99-99"])
def test_without_dates_the_last_file_counts_with_a_notice(room, modified):
    room.add("a1", make_row("a1", file="a.ipynb"), modified=BEFORE)
    room.add("a1", make_row("a1", file="b.ipynb"), modified=modified)
    found = grade(room, policy=Policy(DEADLINE, 10))
    assert found.chosen.entry.file == "b.ipynb" and found.penalty is None
    assert "não se sabe quando foram feitas as entregas: vale a última na ordem dos arquivos" in found.notices


@pytest.mark.parametrize(
    ("modified", "days"),
    [(BEFORE, 0), ("2026-05-10T23:59:00-03:00", 0), ("2026-05-10T23:59:01-03:00", 1), ("2026-05-11T23:59:00-03:00", 1),
     ("2026-05-12T02:59:01+00:00", 2), ("2026-05-30T00:00:00-03:00", 20)],
)  # fmt: skip
def test_each_started_day_of_delay_costs_its_percentage_and_never_more_than_everything(room, modified, days):
    room.add("a1", make_row("a1"), modified=modified)
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "4"})
    late = grade(room, policy=Policy(DEADLINE, 10))
    assert (late.chosen.days_late, late.penalty, late.total) == (days, min(10.0, days), max(0.0, 10.0 - days))
    noted = grade(room, policy=Policy(DEADLINE))
    assert (noted.penalty, noted.total) == (0, 10)
    assert any("atraso, sem desconto" in notice for notice in noted.notices) is (days > 0)


def test_too_late_is_zero_with_its_own_situation(room):
    room.add("a1", make_row("a1"), modified="2026-05-13T00:00:00-03:00")
    assert grade(room, policy=Policy(DEADLINE, max_days=3)).situation == book.PENDING
    late = grade(room, policy=Policy(DEADLINE, max_days=2))
    assert (late.situation, late.total, late.chosen.entry) == (book.TOO_LATE, 0.0, None)
    assert "outra entrega: x.ipynb (fora do prazo, 3 dias depois)" in late.notices


@pytest.mark.parametrize("bad", [{"percent_per_day": -1}, {"percent_per_day": 101}, {"max_days": -1},
                                 {"percent_per_day": float("nan")}])  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(bad):
    with pytest.raises(GradingError):
        Policy(DEADLINE, **bad)


def test_absent_students_get_zero_and_strangers_come_last(room):
    room.add("z", name="Ágata Um")
    room.add("estranho", make_row("estranho"), name="Aluno A", enrolled=False)
    room.add("b", name="aluno b")
    found = gradebook(room.store, room.folder)
    assert [g.chosen.student for g in found] == ["z", "b", "estranho"]
    assert [(g.total, g.situation) for g in found[:2]] == [(0.0, book.ABSENT)] * 2
    assert not found[2].chosen.enrolled


@pytest.mark.parametrize("broken", [{"outcome": rows.BOX}, {"q1_a": rows.BOX}])
def test_a_broken_box_is_pending_never_zero(room, broken):
    room.add("a1", make_row("a1", **broken))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "4"})
    found = grade(room)
    assert (found.automatic, found.total, found.situation, found.rerun) == (None, None, book.PENDING, True)
    assert found.questions["q1"] is None


@pytest.mark.parametrize("again", [rows.TIMEOUT, rows.MEMORY])
def test_time_and_memory_count_as_wrong_and_are_flagged_for_rerun(room, again):
    room.add("a1", make_row("a1", q2_a=again))
    room.add("a2", make_row("a2", outcome=again, message="Acabou o tempo"))
    marks.write_sheet(room.store, room.folder)
    fill(room, a1={"nota": "0"}, a2={"nota": "0"})
    assert (grade(room).total, grade(room).rerun, grade(room).situation) == (3.0, True, book.DONE)
    assert grade(room, "a2").rerun and "Acabou o tempo" in grade(room, "a2").notices
    room.change("a1", make_row("a1"))
    assert not grade(room).rerun


def test_an_ungraded_delivery_and_an_ungraded_check_are_pending(room):
    room.add("a1", file="x.ipynb")
    room.add("a2", make_row("a2", checks={}))
    for student in ("a1", "a2"):
        found = grade(room, student)
        assert (found.total, found.situation) == (None, book.PENDING)


def test_an_unreadable_delivery_is_zero_and_says_so(room):
    row = make_row("a1", text="", outcome=rows.UNREADABLE, message="O arquivo está vazio",
                   **dict.fromkeys(("q1_a", "q1_b", "q2_a"), rows.MISSING))  # fmt: skip
    room.add("a1", row)
    assert (grade(room).total, grade(room).situation) == (0.0, book.BROKEN)
    assert "O arquivo está vazio" in grade(room).notices


def test_a_list_that_changed_after_grading_is_not_published(room, tmp_path):
    room.add("a1", make_row("a1"))
    assert gradebook(room.store, room.folder)
    changed = tiny_list(tmp_path / "lista", extra="q4")
    with pytest.raises(GradingError, match="mudou depois desta correção"):
        gradebook(room.store, changed)


def test_a_folder_that_is_no_correction_says_what_to_do(tmp_path, room):
    room.store.path = tmp_path / "vazia"
    for call in (marks.write_sheet, gradebook):
        with pytest.raises(GradingError, match="rode antes"):
            call(room.store, room.folder)


@pytest.mark.parametrize(("value", "rounded"), [(0.1 + 0.2, 0.3), (7.125, 7.13), (2.675, 2.68), (1.005, 1.01), (0, 0)])
def test_points_round_half_up_to_two_places(value, rounded):
    assert book.cents(value) == rounded
