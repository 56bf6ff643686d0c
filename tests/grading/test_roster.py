"""A lista de alunos: o que se lê, o que é recusado, e a quem um nome de arquivo serve."""

import csv
import io
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.errors import GradingError
from grading.roster import Roster, Student, bare, moment, plain, read_roster, tidy

WORKSHEET = """\ufeffIdentificador,"Nome completo","Endereço de email",Status,Nota,"Nota máxima",\
"Nota pode ser alterada","Última modificação (envio)","Última modificação (nota)","Comentários de feedback"\r
Participante101,"Aluna Ção",um@exemplo.br,"Enviado para avaliação -  - ",,"100,00",Sim,\
"segunda-feira, 14 set. 2026, 21:51",-,"linha 1\nlinha 2"\r
Participante 102,"Aluno Dois",dois@exemplo.br,"Nenhum envio -  - ",,"100,00",Sim,-,-,\r
"""
ENGLISH = """Identifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)"
Participant 101,"Aluna Ção",um@exemplo.br,Submitted,,100.00,Yes,"Monday, 14 September 2026, 9:51\u202fPM",-
"""


@pytest.fixture(autouse=True)
def brasilia(monkeypatch):
    """O fuso desta máquina, para as datas sem fuso."""
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def csv_of(tmp_path):
    """Escreve um CSV e o lê como lista de alunos."""

    def make(content: str | bytes, encoding: str = "utf8") -> Roster:
        path = tmp_path / "turma.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_roster(path)

    return make


# Leitura


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_any_delimiter_and_encoding(csv_of, delimiter, encoding):
    lines = ["Matrícula|Nome completo|E-mail", "20230001|Aluna Ção|um@exemplo.br", "", "20230002|Aluno Três|"]
    roster = csv_of("\r\n".join(lines).replace("|", delimiter), encoding)
    assert roster.students == (Student("20230001", "Aluna Ção", "um@exemplo.br"), Student("20230002", "Aluno Três"))
    assert not roster.worksheet


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,nome", "a1,Aluna Um"),
        ("RA;Nome do aluno", "a1;Aluna Um"),
        ("Nome;Sobrenome;Número de identificação", "Aluna;Um;a1"),
        ("First name,Last name,ID number,Email address", "Aluna,Um,a1,"),
        ("Student ID\tName", "a1\tAluna Um"),
        ("NUSP;curso;Aluna", "a1;X;Aluna Um"),
        ("MATRÍCULA;Nome", "a1;Aluna Um"),
    ],
)
def test_headers_in_portuguese_and_english(csv_of, header, row):
    assert csv_of(f"{header}\n{row}\n").students == (Student("a1", "Aluna Um"),)


@pytest.mark.parametrize("text", [WORKSHEET, ENGLISH])
def test_moodle_worksheet_as_downloaded(csv_of, text):
    roster = csv_of(text)
    assert roster.worksheet
    assert roster.students[0] == Student("101", "Aluna Ção", "um@exemplo.br", "2026-09-14T21:51:00-03:00")
    assert all(s.modified == "" for s in roster.students[1:])


def test_blind_worksheet_has_no_names(csv_of):
    assert csv_of("Identificador,Status,Nota\nParticipante101,x,\n").students == (Student("101"),)


def test_classroom_export_is_known_by_email(csv_of):
    text = "Last Name,First Name,Email Address,Lista\nDate,,,2026-05-10\nPoints,,,100\nUm,Aluna,um@exemplo.br,\n"
    assert csv_of(text).students == (Student("um@exemplo.br", "Aluna Um", "um@exemplo.br"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "vazia"),
        ("id,nome\n", "nenhum aluno"),
        ("curso,nome\nX,Aluna Um\n", "identificador"),
        ("id,curso\na1,X\n", "o nome"),
        ("id,nome\na1,Aluna Um\nA1,Aluno Dois\n", "a1 se repete"),
        ("id,nome\na1,Aluna Um\n,Aluno Dois\n", "linha 3"),
    ],
)
def test_bad_roster_is_one_sentence(csv_of, text, says):
    with pytest.raises(GradingError, match=says) as error:
        csv_of(text)
    assert "\n" not in str(error.value)


def test_missing_roster_is_one_sentence(tmp_path):
    with pytest.raises(GradingError, match="não existe"):
        read_roster(tmp_path / "falta.csv")


WORDS = st.text(string.ascii_letters + "áçãõéÉ ,;\t\"'\n-.", min_size=1, max_size=12).filter(lambda t: plain(t))


@given(
    names=st.lists(WORDS, min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_what_is_read(tmp_path_factory, names, delimiter, encoding, quoting):
    out = io.StringIO()
    rows = [["Matrícula", "Nome completo"], *([f"{i:06d}", name] for i, name in enumerate(names))]
    csv.writer(out, delimiter=delimiter, quoting=quoting).writerows(rows)
    path = tmp_path_factory.getbasetemp() / "ida-e-volta.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    assert [s.name for s in read_roster(path).students] == [tidy(name) for name in names]


@given(st.one_of(st.binary(max_size=200), st.text("id,;\t\n\r\"nomeã '\0=", max_size=60).map(str.encode)))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_roster_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "qualquer.csv"
    path.write_bytes(b"id,nome\n" * (len(content) % 2) + content)
    try:
        roster = read_roster(path)
    except GradingError as error:
        assert str(path) in str(error)
    else:
        assert roster.students and all(s.id for s in roster.students)


# Datas


@pytest.mark.parametrize(
    "text",
    [
        "segunda-feira, 14 set. 2026, 21:51",
        "segunda-feira, 14 set 2026, 21:51",
        "segunda, 14 de setembro de 2026, 21:51",
        "14 Setembro 2026, 21:51 PM",
        "14/09/2026 21:51",
        "Monday, 14 September 2026, 9:51 PM",
        "Monday, September 14, 2026, 9:51 PM",
        "2026-09-14 21:51",
        "2026-09-14T21:51:00-03:00",
        "14 set 2026 21h51",
    ],
)
def test_moodle_dates(text):
    assert moment(text) == "2026-09-14T21:51:00-03:00"


def test_noon_and_midnight():
    assert moment("1 March 2026, 12:05 AM").startswith("2026-03-01T00:05")
    assert moment("1 March 2026, 12:05 PM").startswith("2026-03-01T12:05")
    assert moment("domingo, 1 março 2026, 00:05").startswith("2026-03-01T00:05")


@pytest.mark.parametrize("text", ["", "-", "ontem às 21:51", "31 fev 2026, 10:00", "14 set 2026", "14 set 2026, 25:00"])
def test_a_date_not_understood_is_no_date(text):
    assert moment(text) == ""


@given(st.text("0123456789:-/ ,.hTZ+apmsetjan", max_size=30))
def test_no_date_raises(text):
    assert moment(text) == "" or moment(text)[10] == "T"


# De quem é um nome

CLASS = Roster(
    (
        Student("20230001", "Aluna Ção Um", "um@exemplo.br"),
        Student("20230002", "Aluno Três", "tres@exemplo.br"),
        Student("20230003", "Aluno Três Dois"),
        Student("20230004", "Aluna", "20230001@exemplo.br"),
        Student("7", "Aluno Sete"),
        Student("AB-12.c", "Aluna Igual"),
        Student("20230008", "Aluna Igual"),
    )
)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("20230001", "20230001"),
        ("lista1_20230001-final", "20230001"),
        ("um@exemplo.br lista", "20230001"),
        ("ALUNA CAO UM lista 1", "20230001"),
        ("aluna_cao-um", "20230001"),
        ("AlunaÇãoUmLista1", "20230001"),
        ("Aluna C\u0327a\u0303o Um", "20230001"),
        ("Aluno Três - lista1", "20230002"),
        ("Aluno Três Dois - lista1", "20230003"),
        ("Aluna", "20230004"),
        ("20230001@exemplo.br", "20230004"),
        ("7", "7"),
        ("7 - Aluno Sete", "7"),
        ("lista ab-12.C", "AB-12.c"),
    ],
)
def test_a_name_that_belongs_to_one_student(text, id_):
    assert [s.id for s in CLASS.match(text)] == [id_]


@pytest.mark.parametrize(
    "text",
    ["", "lista1", "120230001", "20230001a", "Alunas Ção Um", "Aluna Ção Uma", "lista 7", "7a", "7 - lista",
     "Aluna Nova", "lista de Aluno Três", "outraum@exemplo.br"],
)  # fmt: skip
def test_a_name_that_belongs_to_nobody(text):
    assert CLASS.match(text) == []


@pytest.mark.parametrize("text", ["20230001 e 20230002", "Aluno Três 20230001", "Aluna Igual"])
def test_a_name_that_belongs_to_two_students_is_ambiguous(text):
    assert len(CLASS.match(text)) == 2


def test_only_one_student_may_have_a_full_name():
    assert CLASS.named("aluno  tres").id == "20230002"
    assert CLASS.named("Aluna Igual") is None and CLASS.named("") is None


WORD = st.text("abcçãéõz", min_size=2, max_size=6)
NAME = st.lists(WORD, min_size=2, max_size=4)


@given(st.lists(NAME, min_size=1, max_size=5, unique_by=lambda n: plain("".join(n))), st.data())
@settings(deadline=None)
def test_a_full_name_is_found_however_it_is_written(names, data):
    roster = Roster(tuple(Student(f"{i:06d}", " ".join(name).title()) for i, name in enumerate(names)))
    i = data.draw(st.integers(0, len(names) - 1))
    written = data.draw(st.sampled_from([" ", "_", "-", " - "])).join(names[i])
    written = data.draw(st.sampled_from([str.upper, str.title, str.lower, bare]))(written)
    found = roster.match(written + data.draw(st.sampled_from(["", " - lista 1", "_lista", "1"])))
    assert [s.id for s in found] == [f"{i:06d}"]
    alone = Roster((roster.students[i],))
    assert alone.match(" ".join(names[i]) + "zé") == []  # o nome de outra pessoa que começa igual


@given(st.text(max_size=40))
def test_no_text_breaks_the_matching(text):
    assert all(s in CLASS.students for s in CLASS.match(text))


def test_a_class_of_five_hundred_is_matched_quickly():
    roster = Roster(tuple(Student(f"2023{i:04d}", f"Aluna Número {i:04d}", f"a{i:04d}@exemplo.br") for i in range(500)))
    start = time.process_time()
    assert all(roster.match(f"lista_2023{i:04d}")[0].id == f"2023{i:04d}" for i in range(0, 500, 25))
    assert time.process_time() - start < 2
