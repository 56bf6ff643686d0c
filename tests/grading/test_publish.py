"""O que sai de uma correção: planilhas, devolutivas, cópias, retrato da turma."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from classroom import Classroom, make_row, tiny_list

from grading import class_page, feedback, marks, publish, rows, stats
from grading import gradebook as book
from grading.errors import GradingError
from grading.gradebook import gradebook
from grading.policy import Policy
from grading.publish import file_names

DEADLINE = datetime.fromisoformat("2026-05-10T23:59:00-03:00")
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "markdown": "**a** [x](javascript:alert(1)) `b`",
    "math": "$\\frac{1$",
    "formula": '=HYPERLINK("http://exemplo.invalid";"x")',
    "path": "../../etc/passwd",
    "windows": "..\\..\\CON",
    "nul": "Aluna\x00Um\x07\r\nDois",
    "long": "Aluna " + "Comprida " * 800,
    "direction": "\u202eodnuges onulA\u2066",
    "arabic": "طالبة رقم واحد",
    "entity": "&lt;b&gt; & \" '",
}
PT = (
    'Identificador,"Nome completo","Endereço de email",Status,Nota,"Nota máxima","Nota pode ser alterada",'
    '"Última modificação (envio)","Última modificação (nota)","Comentários de feedback"\r\n'
    'Participante102,"Aluno Dois",,"Enviado para avaliação -  - ",,"10,00",Sim,"segunda-feira, 14 set. 2026",-,\r\n'
    'Participante101,"Aluna Um",,"Enviado para avaliação -  - ","1,00","10,00",Sim,-,-,"Oi; tudo, ""bem""?"\r\n'
    'Participante103,"Aluna Três",,"Nenhum envio -  - ",,"10,00",Sim,-,-,\r\n'
    'Participante999,"Alguém de Fora",,"Nenhum envio -  - ",,"10,00",Sim,-,-,\r\n'
)


@pytest.fixture
def room(tmp_path):
    return Classroom(tmp_path, tiny_list(tmp_path / "lista"))


@pytest.fixture
def three(room):
    """Uma nota fechada, uma pendente, uma ausência."""
    room.add("a1", make_row("a1", q1_b=rows.WRONG), name="Aluna Um", folder="Aluna Um_101_assignsubmission_file_")
    room.add("a2", make_row("a2"), name="Aluno Dois", folder="Aluno Dois_102_assignsubmission_file")
    room.add("a3", name="Aluna Três")
    mark(room, "a1;q3;2,5;Boa ideia.\nFalta <provar> & citar.")
    return room


def mark(room, *lines: str) -> None:
    path = room.store.path / "volta.csv"
    quoted = ["{};{};{};\"{}\"".format(*line.split(";")) for line in lines]
    path.write_text("aluno;questão;nota;comentário\n" + "\n".join(quoted), "utf8")
    marks.merge(room.store, room.folder, path)


def run(room, **options) -> str:
    return publish.publish(room.store, room.folder, **options)


def read(room, name: str, delimiter: str = ";") -> list[list[str]]:
    text = (room.store.published / name).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def snapshot(room) -> dict[str, bytes]:
    root = room.store.published
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def page(html: str) -> BeautifulSoup:
    """A página, depois de conferir que ela não roda nem pede nada."""
    found = BeautifulSoup(html, "html.parser")
    assert html.startswith("<!doctype html>") and found.html["lang"] == "pt-BR"
    assert not found.find_all(["script", "img", "iframe", "link", "object", "form", "base", "a"])
    ours = re.sub(r"<bdi>.*?</bdi>|<text.*?</text>", "", html, flags=re.S)
    assert not re.findall(r"@import|https?:|url\((?!#)", ours)
    assert not [t for t in found.find_all(True) for a in t.attrs if a.startswith("on")]
    assert "default-src 'none'" in found.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert not set(html) & set("\x00\x07\r\u202e\u2066")
    return found


# A pasta


def test_publishing_writes_everything_and_says_what_matters(three):
    said = run(three)
    assert set(snapshot(three)) == {
        "LEIA-ME.txt", "notas.csv", "moodle_notas.csv", "devolutivas.zip", "identicas.csv", "turma.html",
        "devolutivas/a1.html", "devolutivas/a2.html", "devolutivas/a3.html",
    }  # fmt: skip
    assert all(name in snapshot(three)["LEIA-ME.txt"].decode() for name in publish_names(three))
    assert "Alunos: 3; corrigida: 1; pendente: 1; não entregou: 1" in said
    assert "Sem o número do Moodle, fora de moodle_notas.csv: Aluna Três" in said


def publish_names(room) -> set[str]:
    return {name.split("/")[0] for name in snapshot(room)} - {"LEIA-ME.txt"}


def test_publishing_twice_gives_the_same_bytes_and_leaves_nothing_behind(three):
    run(three)
    first = snapshot(three)
    (three.store.published / "antigo.txt").write_text("sobra")
    run(three)
    assert snapshot(three) == first
    assert not list(three.store.path.glob("*.parcial"))


@pytest.mark.parametrize("broken", ["worksheet", "rename", "write"])
def test_a_publication_that_fails_leaves_the_old_one(three, tmp_path, monkeypatch, broken):
    run(three)
    before = snapshot(three)
    mark(three, "a2;q3;4;")
    if broken == "worksheet":
        (tmp_path / "x.csv").write_text("a;b\n1;2\n")
        with pytest.raises(GradingError, match="não é a de notas do Moodle"):
            run(three, worksheet=tmp_path / "x.csv")
    else:
        method, original = ("rename", Path.rename) if broken == "rename" else ("write_bytes", Path.write_bytes)

        def fail(self, argument):
            if self.name in ("novo", "turma.html"):
                raise OSError("disco cheio")
            return original(self, argument)

        monkeypatch.setattr(Path, method, fail)
        with pytest.raises(OSError, match="disco cheio"):
            run(three)
    assert snapshot(three) == before
    assert not list(three.store.path.glob("*.parcial"))


def test_importing_draws_nothing_and_never_loads_torch():
    program = "import sys, grading.publish, grading.marks; print({'torch', 'ganlib', 'matplotlib'} & {*sys.modules})"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"


# notas.csv


def test_grades_sheet_opens_in_brazilian_excel(three):
    run(three, policy=Policy(DEADLINE, 10))
    assert (three.store.published / "notas.csv").read_bytes().startswith(b"\xef\xbb\xbfaluno;nome;")
    header, *lines = read(three, "notas.csv")
    assert header[2:] == ["q1: O dobro (de 3)", "q2: O triplo (de 3)", "q3: Por escrito (de 4)", "automática", "à mão",
                          "atraso (dias)", "desconto", "total (de 10)", "situação", "avisos"]  # fmt: skip
    found = {line[0]: line[2:] for line in lines}
    assert found["a1"][:9] == ["1", "3", "2,5", "4", "2,5", "0", "0", "6,5", "corrigida"]
    assert found["a2"][:9] == ["3", "3", "", "6", "", "0", "", "", "pendente"]
    assert found["a3"][:9] == ["0", "0", "0", "0", "0", "0", "0", "0", "não entregou"]
    assert "falta a nota à mão: q3" in found["a2"][9]


def test_strangers_are_listed_apart_and_get_no_feedback(three):
    three.add("x9", make_row("x9"), name="Aluno X", enrolled=False, folder="Aluno X_109_assignsubmission_file_")
    assert "Fora da lista de alunos: 1" in run(three)
    assert [line[0] for line in read(three, "fora_da_lista.csv")[1:]] == ["x9"]
    rest = snapshot(three)
    assert "devolutivas/x9.html" not in rest
    for name in ("notas.csv", "moodle_notas.csv", "turma.html", "devolutivas.zip"):
        assert b"Aluno X" not in rest[name]


# O Moodle


@pytest.mark.parametrize(("encoding", "delimiter", "ending"), [("utf-8-sig", ",", "\r\n"), ("latin-1", ";", "\n")])
def test_the_downloaded_worksheet_keeps_its_shape_and_only_gets_grades(three, tmp_path, encoding, delimiter, ending):
    table = list(csv.reader(io.StringIO(PT, newline="")))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(table)
    path = tmp_path / "Notas.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    said = run(three, worksheet=path)
    table[2][4], table[3][4] = "6,50", "0,00"
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(table)
    assert (three.store.published / "moodle_notas.csv").read_bytes() == text.getvalue().encode(encoding)
    assert "sem aluno aqui, que não mudaram: Participante999" in said


def test_an_english_worksheet_in_another_scale_gets_points_with_a_point(three, tmp_path):
    path = tmp_path / "Grades.csv"
    path.write_text(
        "Identifier,Full name,Status,Grade,Maximum grade,Last modified (grade)\n"
        "Participant 101,Aluna Um,Submitted,,100.00,-\nParticipant 102,Aluno Dois,Submitted,7.00,100.00,-\n"
    )
    said = run(three, worksheet=path)
    assert [line[3] for line in read(three, "moodle_notas.csv", ",")] == ["Grade", "65.00", "7.00"]
    assert "No Moodle a tarefa vale 100, e a lista 10" in said
    assert "Alunos que não estão na planilha do Moodle: Aluna Três" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [("Identificador,Nota\nParticipante101,\n", "Nota máxima"),
     ("Identificador,Nota,Nota máxima\nParticipante101,,dez\n", "linha 2, tem a nota máxima 'dez'"),
     ("Identificador,Nota,Nota máxima\nParticipante101,,0\n", "linha 2, tem a nota máxima '0'")],
)  # fmt: skip
def test_a_worksheet_without_a_maximum_is_refused(three, tmp_path, content, said):
    (tmp_path / "x.csv").write_text(content, "utf8")
    with pytest.raises(GradingError, match=said):
        run(three, worksheet=tmp_path / "x.csv")


def test_a_number_that_belongs_to_someone_else_gives_nobody_a_grade(room, tmp_path):
    room.add("101", name="Aluna Um")  # matrícula 101; na tarefa, o 101 é outra pessoa
    room.add("777", name="Aluno Sete", email="SETE@exemplo.invalid")
    room.add("888", name="Aluno Oito")  # a lista de alunos era a planilha: o identificador é o número
    room.add("889", name="Aluno Oito")
    room.add("b2", make_row("b2"), name="Aluna Um", folder="Aluna Um_55_assignsubmission_file_")
    room.add("c3", make_row("c3"), name="Aluna Ção", folder="Aluna Ção_60_assignsubmission_file_")
    mark(room, "b2;q3;4;", "c3;q3;4;")
    path = tmp_path / "x.csv"
    path.write_text(
        "Identificador,Nome completo,Endereço de email,Nota,Nota máxima\n"
        "Participante101,Outra Pessoa,,,10\nParticipante5,Outro Nome,sete@exemplo.invalid,,10\n"
        "Participante70,Aluno Oito,,,10\nParticipante889,Aluno Oito,,,10\nParticipante61,Aluna Ção,,,10\n"
        "Participante55,Aluna Um,,,10\n",
        "utf8",
    )
    run(room, worksheet=path)
    given = {line[0]: line[3] for line in read(room, "moodle_notas.csv", ",")[1:]}
    assert given == {"Participante101": "", "Participante5": "0.00", "Participante70": "", "Participante889": "0.00",
                     "Participante61": "", "Participante55": "10.00"}  # fmt: skip


def test_without_a_worksheet_one_is_written_with_moodles_headers(three):
    run(three)
    header, *lines = read(three, "moodle_notas.csv", ",")
    assert {"Identificador", "Nota", "Última modificação (nota)"} <= set(header)  # os que o Moodle exige
    assert [(line[0], line[4]) for line in lines] == [("Participante101", "6,5"), ("Participante102", "")]


def test_feedback_zip_has_moodles_own_folder_names(three):
    run(three)
    with zipfile.ZipFile(three.store.published / "devolutivas.zip") as archive:
        assert archive.namelist() == ["Aluna Um_101_assignsubmission_file_/devolutiva.html",
                                      "Aluno Dois_102_assignsubmission_file/devolutiva.html"]  # fmt: skip
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read(archive.namelist()[0]) == (three.store.published / "devolutivas" / "a1.html").read_bytes()


@pytest.mark.parametrize(
    "folder",
    ["../x_1_assignsubmission_file_", "a/b_1_assignsubmission_file_", "a\\b_1_assignsubmission_file_", "sem número",
     "..", "a\x00_1_assignsubmission_file_", "x_1_outra_file_", "x_y_1_assignsubmission_file_"],
)  # fmt: skip
def test_a_folder_that_moodle_would_not_write_stays_out_of_the_zip(room, folder):
    room.add("a1", make_row("a1"), name="Aluna Um", folder=folder)
    assert "fora de devolutivas.zip: Aluna Um" in run(room)
    with zipfile.ZipFile(room.store.published / "devolutivas.zip") as archive:
        assert archive.namelist() == []


# Nomes e cópias


def test_file_names_fit_any_system_and_never_collide():
    students = ["20261234", "../../etc/passwd", "..", "", "CON", "nul.txt", "abc", "ABC", "a/b", "a\\b", "a\x00b",
                "x" * 300, "Ção", "Cao", "طالبة", ".oculto", "a b"]  # fmt: skip
    names = file_names(students)
    assert list(names) == students and names["20261234"] == "20261234" and names["abc"] == "abc"
    assert len({name.casefold() for name in names.values()}) == len(students)
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name)
        assert not re.fullmatch(r"(?i)(con|nul)(\..*)?", name)


def test_identical_deliveries_are_grouped_by_bytes_or_by_code(room):
    room.add("a1", make_row("a1", digest="igual", code_digest="c1"), name="Aluna Um")
    room.add("a2", make_row("a2", digest="igual", code_digest="c1"), name="Aluno Dois")
    room.add("a3", make_row("a3", code_digest="c3"))
    room.add("a4", make_row("a4", code_digest="c3", **dict.fromkeys(("q1_a", "q1_b", "q2_a"), rows.MISSING)))
    room.add("a5", make_row("a5", code_digest="c5"))
    room.add("a5", make_row("a5", code_digest="c5", file="de novo.ipynb"))
    room.add("a6", make_row("a6"))
    room.add("a7", make_row("a7", digest=""))
    room.add("a8", make_row("a8", digest=""))
    assert "Grupos de entregas iguais: 2" in run(room)
    lines = read(room, "identicas.csv")[1:]
    assert [line[:3] for line in lines] == [["1", "arquivo", "a1"], ["1", "arquivo", "a2"], ["2", "código", "a3"],
                                            ["2", "código", "a4"]]  # fmt: skip
    assert [line[5] for line in lines] == ["", "", "", publish.BLANK]


def test_a_copy_that_a_third_one_only_reformatted_is_told_too(room):
    for student, digest in (("a1", "igual"), ("a2", "igual"), ("a3", "outro")):
        room.add(student, make_row(student, digest=digest, code_digest="c"))
    run(room)
    assert [line[:3] for line in read(room, "identicas.csv")[1:]] == [
        ["1", "arquivo", "a1"],
        ["1", "arquivo", "a2"],
        ["2", "código", "a1"],
        ["2", "código", "a2"],
        ["2", "código", "a3"],
    ]


# A devolutiva


def devolutiva(room, student: str = "a1", policy: Policy | None = None) -> str:
    grade = next(g for g in gradebook(room.store, room.folder, policy) if g.chosen.student == student)
    return feedback.feedback(grade, room.folder, policy)


def test_feedback_says_the_grade_each_outcome_the_hints_and_the_comment(three):
    text = page(devolutiva(three)).get_text()
    assert "Aluna Um" in text and "6,5 de 10 pontos" in text and "Automática: 4. À mão: 2,5." in text
    assert "Questão 1: O dobro1 / 3Verificação 1: ✓ certa1 / 1Verificação 2: ✗ erradaDica: Veja <a> forma.0 / 2" in text
    assert "Boa ideia.\nFalta <provar> & citar." in text and "2,5 / 4" in text
    assert "Some & confira." not in text and "Multiplique." not in text, "só quem errou lê a dica"
    assert "O SHA-256 do arquivo começa por d-a1-x.ipynb" in text


def test_feedback_never_shows_what_the_student_wrote_nor_the_names_of_the_hidden_checks(room):
    row = make_row("a1", text="SEGREDO do texto", file="SEGREDO.ipynb", digest="ab" * 32, q1_a=rows.WRONG)
    room.add("a1", row, name="Aluna Um", folder="Aluna Um_1_assignsubmission_file_")
    html = devolutiva(room)
    assert "SEGREDO" not in html and "q1_a" not in html and "Quatro pontos" not in html and "abababababab" in html


@pytest.mark.parametrize("outcome", rows.CHECK_OUTCOMES)
def test_every_outcome_has_words_a_letter_and_points(room, outcome):
    room.add("a1", make_row("a1", q1_b=outcome))
    text = page(devolutiva(room)).get_text()
    assert feedback.WORDS[outcome][1] in text
    assert ("Veja <a> forma." in text) is (outcome not in (rows.RIGHT, rows.BOX))
    assert ("Tempo e memória" in text) is (outcome in (rows.TIMEOUT, rows.MEMORY))
    after = {rows.RIGHT: "2 / 2", rows.BOX: "… / 2"}.get(outcome, "Dica: Veja <a> forma.0 / 2")
    assert feedback.WORDS[outcome][1] + after in text


def test_failed_cells_are_explained_and_their_names_escaped(room):
    room.add("a1", make_row("a1", cells=[(2, "NameError"), (5, "<b>Exception</b>")]))
    text = page(devolutiva(room)).get_text()
    assert "Célula de código 2: NameError: um nome usado antes de ser definido" in text
    assert "Célula de código 5: <b>Exception</b>" in text
    room.change("a1", make_row("a1"))
    assert "Células que falharam" not in devolutiva(room)


def test_late_and_repeated_deliveries_are_told(room):
    room.add("a1", make_row("a1", file="a.ipynb"), modified="2026-05-12T10:00:00-03:00")
    room.add("a1", make_row("a1", file="b.ipynb"), modified="2026-05-12T11:00:00-03:00")
    mark(room, "a1;q3;4;")
    text = page(devolutiva(room, policy=Policy(DEADLINE, 7.5))).get_text()
    assert "Entregue com 2 dias de atraso: desconto de 15 % (1,5 ponto)." in text and "8,5 de 10 pontos" in text
    assert "Feita em 12/05/2026 às 11:00 (UTC-03:00). É a 2ª das suas 2 entregas" in text
    assert "2 dias de atraso, sem desconto." in page(devolutiva(room, policy=Policy(DEADLINE))).get_text()
    assert "atraso" not in devolutiva(room)


@pytest.mark.parametrize(
    ("row", "said"),
    [(None, "Não há entrega sua para esta lista."),
     (make_row("a1", outcome=rows.BOX, message="A caixa não abriu (detalhe)"), "falta uma parte da correção"),
     (make_row("a1", outcome=rows.TIMEOUT, message="O notebook não terminou"), "O notebook não terminou."),
     (make_row("a1", outcome=rows.UNREADABLE, message="O arquivo está vazio"), "não pôde ser lida")],
)  # fmt: skip
def test_every_situation_has_its_sentence(room, row, said):
    room.add("a1", row)
    text = page(devolutiva(room)).get_text()
    assert said in text and "detalhe" not in text


def test_too_late_has_its_sentence(room):
    room.add("a1", make_row("a1"), modified="2026-06-12T10:00:00-03:00")
    assert "depois do último dia" in devolutiva(room, policy=Policy(DEADLINE, max_days=1))


# A turma


def test_every_outcome_has_its_own_letter_and_colour():
    assert tuple(stats.MARKS) == rows.CHECK_OUTCOMES == tuple(feedback.WORDS)
    letters, colours = zip(*stats.MARKS.values(), strict=True)
    assert len(set(letters)) == len(set(colours)) == len(rows.CHECK_OUTCOMES)
    for colour in colours:  # letra preta por cima: contraste de ao menos 4,5 (WCAG)
        linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
                  for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))]  # fmt: skip
        assert (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) / 0.05 >= 4.5


def test_numbers_count_what_happened_and_leave_out_what_nobody_knows(room):
    room.add("a1", make_row("a1", q1_a=rows.WRONG))
    room.add("a2", make_row("a2", q1_a=rows.BOX))
    room.add("a3", make_row("a3"))
    room.add("a4")
    mark(room, "a1;q3;4;", "a3;q3;4;")
    numbers = stats.summarise(gradebook(room.store, room.folder), room.folder)
    assert numbers.right == {"q1_a": (1, 2), "q1_b": (3, 3), "q2_a": (3, 3)}
    assert numbers.totals == [9.0, 10.0] and numbers.students == 4
    assert dict(numbers.situations) == {book.DONE: 2, book.PENDING: 1, book.ABSENT: 1}
    counts = [n for *_, n in stats.bins(numbers, 10.0)]
    assert counts == [0] * 9 + [2]


def test_class_page_says_in_text_what_the_plots_draw(three):
    run(three)
    found = page((three.store.published / "turma.html").read_text("utf8"))
    totals, checks, matrix = found.find_all("table")
    assert [c.get_text() for c in checks.find_all("tr")[2].find_all(["th", "td"])] == ["q1_b", "1 de 2", "50 %"]
    assert totals.find_all("tr")[7].get_text() == "de 6 a 71"
    lines = {tr.th.get_text(): [td.get_text() for td in tr.find_all("td")] for tr in matrix.tbody.find_all("tr")}
    assert lines == {"Aluna Um": ["C", "E", "C", "6,5"], "Aluno Dois": ["C", "C", "C", "pendente"]}
    drawn = found.find_all("svg")
    assert len(drawn) == 3 and all(svg["aria-label"] and svg["role"] == "img" for svg in drawn)
    letters = [t.get_text() for t in drawn[2].find_all("text")]
    assert letters.count("C") == 5 and letters.count("E") == 1 and {"Aluna Um", "q1_b"} <= set(letters)
    assert "média 6,5, mediana 6,5, de 6,5 a 6,5. 1 pendentes ficaram de fora." in found.get_text()


@pytest.mark.parametrize("handed", [0, 1])
def test_class_page_of_an_empty_class_and_of_one_student(room, handed):
    if handed:
        room.add("a1", make_row("a1", outcome=rows.BOX))
    grades = gradebook(room.store, room.folder)
    assert page(class_page.class_page(grades, room.folder)).find_all("svg").__len__() == 2 * handed
    run(room)


# O que vier de fora


def test_hostile_names_and_identifiers_reach_no_page_sheet_or_path_alive(room):
    for i, text in enumerate(HOSTILE.values()):
        row = make_row(text, text=text, file=f"{text}/x.ipynb", q1_a=rows.WRONG, digest=f"{i:064d}", code_digest="c",
                       message=text)  # fmt: skip
        room.add(text, row, name=text, email=text, folder=f"{text}_{i}_assignsubmission_file_")
    said = run(room)
    assert not set(said) & set("\x00\x07\u202e")
    outside = room.store.path.parent
    assert {p.name for p in outside.iterdir()} == {"correção", "lista"}
    for name, content in snapshot(room).items():
        if name.endswith(".html"):
            found = page(content.decode("utf8"))
            assert len(found.find_all("bdi")) >= 1 and "alert(1)</script>" not in content.decode("utf8")
        if name.endswith(".csv"):
            for line in read(room, name, "," if name.startswith("moodle") else ";"):
                alive = [c for c in line if c.startswith(tuple("=+@\t\r")) or re.match(r"-.", c)]
                assert not alive, name
                assert not set("".join(line)) & set("\x00\x07\u202e\n")
                assert max(map(len, line)) < 2000
    names = [p.name for p in (room.store.published / "devolutivas").iterdir()]
    assert len(names) == len(HOSTILE) and all(re.fullmatch(r"[\w.-]{1,90}\.html", name, re.A) for name in names)
    with zipfile.ZipFile(room.store.published / "devolutivas.zip") as archive:
        for name in archive.namelist():
            assert name.count("/") == 1 and not name.startswith("/") and "\\" not in name and "\x00" not in name


def test_a_hostile_title_hint_and_rubric_are_escaped_too(three):
    html = devolutiva(three)
    assert "Lista &lt;b&gt;mínima&lt;/b&gt;" in html and not page(html).find_all("b")
    run(three)
    assert "<b>mínima" not in (three.store.published / "turma.html").read_text("utf8")
