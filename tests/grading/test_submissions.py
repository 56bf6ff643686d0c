"""As entregas: de quem é cada arquivo, e o que uma pasta ou um zip hostil não consegue."""

import os
import socket
import stat
import struct
import time
import tracemalloc
import unicodedata
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import archives
from grading.errors import GradingError
from grading.roster import Roster, Student
from grading.store import Entry
from grading.submissions import MAX_NOTEBOOKS, Submission, UnreadableSubmission, collect

DEFLATED = zipfile.ZIP_DEFLATED
BOOK = b'{"cells": []}'
ONE, TWO = "Aluna Ção_101_assignsubmission_file_", "Aluno Dois_102_assignsubmission_file"
SHEET = Roster(
    (Student("101", "Aluna Ção", "um@exemplo.br", "2026-09-14T21:51:00-03:00"), Student("102", "Aluno Dois")),
    worksheet=True,
)
CLASS = Roster((Student("20230001", "Aluna Ção", "um@exemplo.br"), Student("20230002", "Aluno Dois")))


def folder(root: Path, *names: str, content: bytes = BOOK) -> Path:
    """Uma pasta com estes arquivos; um nome que acaba em barra é uma pasta vazia."""
    for name in names:
        path = root / name
        path.mkdir(parents=True) if name.endswith("/") else path.parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(content)
    return root


def archive(path: Path, *members: str | zipfile.ZipInfo, content: bytes = BOOK, how: int = DEFLATED) -> Path:
    """Um zip com estes membros."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", how) as z:
        warnings.simplefilter("ignore")  # o módulo avisa de nomes repetidos, que aqui são de propósito
        for member in members:
            z.writestr(member, content)
    return path


@pytest.fixture(params=["folder", "zip"])
def handed(request, tmp_path):
    """A mesma entrega numa pasta e num zip."""

    def make(*names: str) -> Path:
        if request.param == "zip":
            return archive(tmp_path / "entregas.zip", *names)
        return folder(tmp_path / "entregas", *names)

    return make


def rows(found) -> list[tuple[str, str]]:
    return [(s.student, s.file) for s in found]


def only(path: Path, roster: Roster | None = None):
    """A única entrega que há."""
    (found,) = collect(path, roster)
    return found


def refused(submission) -> str:
    """Por que não se lê: uma frase que diz o que fazer."""
    with pytest.raises(UnreadableSubmission) as error:
        submission.read()
    message = str(error.value)
    assert "\n" not in message and "entregue" in message
    return message


# O que há, e onde


def test_a_submission_has_what_the_index_needs():
    names = {f.name for f in fields(Submission)}
    assert {f.name for f in fields(Entry)} - {"key"} <= names


def test_moodle_folders_with_and_without_the_final_underscore(handed):
    found = collect(handed(f"{ONE}/lista.ipynb", f"{TWO}/sub/Lista 1.IPYNB"))
    assert rows(found) == [("101", f"{ONE}/lista.ipynb"), ("102", f"{TWO}/sub/Lista 1.IPYNB")]
    assert [(s.name, s.folder) for s in found] == [("Aluna Ção", ONE), ("Aluno Dois", TWO)]
    assert all(s.enrolled and s.modified == "" and s.read() == BOOK for s in found)


def test_old_flat_moodle(handed):
    found = collect(handed(f"{ONE}lista.ipynb", f"{TWO}_lista_2_final.ipynb"))
    assert [(s.student, s.name) for s in found] == [("101", "Aluna Ção"), ("102", "Aluno Dois")]
    assert [s.folder for s in found] == [ONE, f"{TWO}_"]


def test_moodle_one_level_down_and_underscores_in_the_name(handed):
    s = only(handed("turma/Aluna_Ção_101_assignsubmission_file_/x.ipynb"))
    assert (s.student, s.name, s.folder) == ("101", "Aluna Ção", ONE)  # o Moodle não importaria de volta com "_"


def test_online_text_is_ignored(handed):
    found = collect(handed(f"{ONE}/x.ipynb", "Aluna Ção_101_assignsubmission_onlinetext/onlinetext.html"))
    assert rows(found) == [("101", f"{ONE}/x.ipynb")]


def test_only_online_text_is_nothing(handed):
    with pytest.raises(GradingError, match="nenhuma entrega"):
        collect(handed("Aluna Ção_101_assignsubmission_onlinetext_/onlinetext.html"))


def test_a_student_cannot_name_someone_else_inside_the_own_folder(handed):
    inner = f"{ONE}/{TWO}/102 Aluno Dois_102_assignsubmission_file_.ipynb"
    assert rows(collect(handed(inner))) == [("101", inner)]
    assert rows(collect(handed(inner), SHEET)) == [("101", inner), ("102", "")]


def test_nor_in_the_name_of_a_flat_file(handed):
    s = only(handed(f"{ONE}x_102_assignsubmission_file_y.ipynb"))
    assert (s.student, s.folder) == ("101", ONE)


def test_what_the_system_leaves_behind_is_no_submission(handed):
    names = [f"{ONE}/.ipynb_checkpoints/x-checkpoint.ipynb", f"{ONE}/.DS_Store", f"__MACOSX/{ONE}/._x.ipynb",
             ".DS_Store", "__MACOSX/._a.ipynb", "~$a.docx", "Thumbs.db", ".ipynb_checkpoints/a.ipynb"]  # fmt: skip
    assert rows(collect(handed(f"{ONE}/x.ipynb", *names))) == [("101", f"{ONE}/x.ipynb")]


def test_two_notebooks_are_two_submissions_and_the_rest_is_not_read(handed):
    found = collect(handed(f"{ONE}/a.ipynb", f"{ONE}/b.ipynb", f"{ONE}/dados.csv", f"{ONE}/figura.png"))
    assert rows(found) == [("101", f"{ONE}/a.ipynb"), ("101", f"{ONE}/b.ipynb")]


def test_too_many_notebooks_are_one_row(handed):
    s = only(handed(*(f"{ONE}/{i}.ipynb" for i in range(MAX_NOTEBOOKS + 1))))
    assert "11 notebooks" in refused(s)
    assert s.student == "101"


@pytest.mark.parametrize("kind", ["pdf", "py", "zip", "ipynb.txt"])
def test_a_student_without_a_notebook_gets_a_row_that_says_so(handed, kind):
    found = collect(handed(f"{ONE}/lista.{kind}", f"{TWO}/x.ipynb", f"Aluno Três.{kind}"))
    assert [s.student for s in found] == ["101", "102", "Aluno Três"]
    assert f".{kind.split('.')[-1]}" in refused(found[0]) and refused(found[2])
    assert found[1].read() == BOOK


def test_the_message_never_carries_text_of_the_student(handed):
    s = only(handed(f"{ONE}/x.<b>oi", f"{ONE}/y.nota-dez-por-favor"))
    assert "oi" not in s.problem and "dez" not in s.problem and "sem extensão" in s.problem


def test_an_empty_moodle_folder_is_a_row(tmp_path):
    zipped = archive(tmp_path / "a.zip", f"{ONE}/", f"{TWO}/.DS_Store")
    for path in (folder(tmp_path / "a", f"{ONE}/", f"{TWO}/.DS_Store"), zipped):
        assert [s.student for s in collect(path) if "nenhum arquivo" in refused(s)] == ["101", "102"]


@pytest.mark.parametrize("names", [[], ["vazia/"], [".DS_Store"], ["notas.csv"]])
def test_nothing_to_grade_is_an_error(handed, tmp_path, names):
    path = handed(*names)
    if not names:
        path.mkdir(exist_ok=True) if path.suffix != ".zip" else None
    with pytest.raises(GradingError, match="nenhuma entrega") as error:
        collect(path, CLASS)
    assert "\n" not in str(error.value)


def test_what_is_neither_a_folder_nor_a_zip_is_an_error(tmp_path):
    (tmp_path / "x.ipynb").write_bytes(BOOK)
    os.mkfifo(tmp_path / "fifo")
    for name, says in [("x.ipynb", "não é um zip"), ("falta", "não existe"), ("fifo", "não é uma pasta nem um zip")]:
        with pytest.raises(GradingError, match=says):
            collect(tmp_path / name)


# De quem é


def test_a_plain_folder_without_roster_goes_by_file_name(handed):
    names = "Aluna Um.ipynb", "Aluna Um (1).ipynb", "Cópia de Cópia de Aluno Dois.ipynb", "b - Copy.IPYNB"
    found = collect(handed(*names))
    assert sorted(s.student for s in found) == ["Aluna Um", "Aluna Um", "Aluno Dois", "b"]
    assert all(s.enrolled and not s.warning for s in found)


def test_nested_folders_without_roster_go_by_folder(handed):
    found = collect(handed("Aluna Um/lista1.ipynb", "Aluno Dois/lista1.ipynb", "Aluno Dois/relatorio.pdf"))
    assert rows(found) == [("Aluna Um", "Aluna Um/lista1.ipynb"), ("Aluno Dois", "Aluno Dois/lista1.ipynb")]


def test_the_same_name_in_two_folders_is_two_students(handed):
    found = collect(handed("A/Aluna Um.ipynb", "A/Aluno Dois.ipynb", "B/Aluna Um.ipynb", "B/Aluno Três.ipynb"))
    assert [s.student for s in found] == ["A - Aluna Um", "Aluno Dois", "B - Aluna Um", "Aluno Três"]


def test_a_plain_folder_with_roster(handed):
    found = collect(handed("lista1_20230001.ipynb", "ALUNO_DOIS lista.ipynb", "turma.csv"), CLASS)
    assert sorted(s.student for s in found) == ["20230001", "20230002"]
    assert all(s.enrolled and s.name for s in found)


def test_the_folder_says_more_than_the_file_inside_it(handed):
    s, absent = collect(handed("Aluna Ção/20230002.ipynb"), CLASS)
    assert (s.student, absent.student, absent.file) == ("20230001", "20230002", "")


def test_unmatched_and_ambiguous_names_are_warned_of(handed):
    found = collect(handed("lista1.ipynb", "20230001 e 20230002.ipynb"), CLASS)
    strangers = {s.student: s for s in found if s.file}
    assert set(strangers) == {"lista1", "20230001 e 20230002"}
    assert not any(s.enrolled for s in strangers.values()) and all(s.read() == BOOK for s in strangers.values())
    assert "ninguém" in strangers["lista1"].warning and "lista1.ipynb" in strangers["lista1"].warning
    assert "Aluna Ção, Aluno Dois" in strangers["20230001 e 20230002"].warning
    assert [(s.student, s.enrolled) for s in found if not s.file] == [("20230001", True), ("20230002", True)]


def test_the_worksheet_gives_name_email_and_date(handed):
    found = collect(handed(f"{ONE}/x.ipynb", "Aluno Três_103_assignsubmission_file/x.ipynb"), SHEET)
    assert found[0].email == "um@exemplo.br" and found[0].modified == "2026-09-14T21:51:00-03:00"
    assert (found[1].student, found[1].name, found[1].enrolled) == ("103", "Aluno Três", False)
    assert rows(found)[2:] == [("102", "")] and found[2].modified == ""


def test_a_moodle_folder_with_another_roster_goes_by_name(handed):
    """O número do Moodle só vale junto com o nome: numa lista de matrículas ele pode ser o de outra pessoa."""
    roster = Roster((Student("m1", "Aluna Ção"), Student("101", "Aluno Dois"), Student("103", "Aluno Três")))
    names = ["Aluno Nove_101_assignsubmission_file_", "Aluno Três_103_assignsubmission_file_"]
    found = collect(handed("Aluna Ção_900_assignsubmission_file_/x.ipynb", *(f"{n}/x.ipynb" for n in names)), roster)
    assert [(s.student, s.enrolled) for s in found] == [
        ("m1", True),
        ("101 (fora da lista)", False),
        ("103", True),
        ("101", True),
    ]
    assert found[0].folder == "Aluna Ção_900_assignsubmission_file_"


def test_a_file_that_is_no_notebook_of_a_stranger_and_of_a_student(handed):
    found = collect(handed("Aluna Ção.csv", "Aluno Nove.csv", "Aluno Nove.pdf"), CLASS)
    assert [(s.student, s.enrolled, bool(s.file)) for s in found] == [
        ("20230001", True, True),
        ("Aluno Nove", False, True),
        ("20230002", True, False),
    ]


def test_accents_in_both_normal_forms_are_the_same_student(handed):
    found = collect(handed(*(f"{unicodedata.normalize(form, ONE)}/{form}.ipynb" for form in ("NFC", "NFD"))), SHEET)
    assert [(s.student, s.folder, s.read()) for s in found[:2]] == [("101", ONE, BOOK)] * 2
    assert rows(found)[2:] == [("102", "")]


def test_control_characters_never_reach_the_index(handed):
    s = only(handed("Aluna\x1b[31m\u202e Um\n.ipynb"))
    assert s.student == "Aluna[31m Um" and s.file.isprintable() and s.read() == BOOK


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_no_name_breaks_the_reading_of_a_zip(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "nomes.zip"
    archive(path, *(n.replace("\0", "").encode("utf8", "ignore").decode() or "x" for n in names))
    for roster in (None, CLASS):
        try:
            found = collect(path, roster)
        except GradingError:
            continue
        for s in found:
            s.file.encode("utf8"), s.student.encode("utf8")
            assert s.student and ".." not in Path(s.file).parts and not s.file.startswith("/")


# Nomes de zips antigos


def named(path: Path, raw: bytes) -> Path:
    """Um zip sem a marca de UTF-8, cujo membro tem este nome em bytes."""
    holder = b"x" * len(raw)
    content = archive(path, holder.decode()).read_bytes()
    path.write_bytes(content.replace(holder, raw))
    return path


@pytest.mark.parametrize("encoding", ["utf8", "cp850"])
def test_zip_names_without_the_utf8_mark(tmp_path, encoding):
    s = only(named(tmp_path / "a.zip", f"{ONE}/Questão é.ipynb".encode(encoding)))
    assert (s.name, s.file) == ("Aluna Ção", f"{ONE}/Questão é.ipynb") and s.read() == BOOK


def test_a_name_on_disk_that_is_not_utf8(tmp_path):
    (tmp_path / "a").mkdir()
    with open(os.fsencode(tmp_path / "a") + "/Ção.ipynb".encode("latin-1"), "wb") as f:
        f.write(BOOK)
    s = only(tmp_path / "a")
    assert s.student == "Ção" and s.read() == BOOK


# Tamanho


@pytest.fixture
def small(monkeypatch):
    """Um limite que se testa sem 50 MiB."""
    monkeypatch.setattr(archives, "MAX_BYTES", 1 << 20)


def test_the_limit_is_fifty_mebibytes():
    assert archives.MAX_BYTES == 50 << 20


@pytest.mark.parametrize("extra", [0, 1])
def test_a_notebook_over_the_limit_is_refused(tmp_path, small, extra):
    content = os.urandom((1 << 20) + extra)
    paths = folder(tmp_path / "a", "x.ipynb", content=content), archive(tmp_path / "a.zip", "x.ipynb", content=content)
    for s in map(only, paths):
        if extra:
            assert "limpe as saídas" in refused(s)
        else:
            assert s.read() == content


def test_a_sparse_giant_is_refused_without_being_read(tmp_path):
    folder(tmp_path, "x.ipynb")
    os.truncate(tmp_path / "x.ipynb", 40 << 30)
    tracemalloc.start()
    assert "limpe as saídas" in refused(only(tmp_path))
    assert tracemalloc.get_traced_memory()[1] < 150 << 20
    tracemalloc.stop()


def test_a_bomb_that_admits_its_size_is_refused_at_once(tmp_path):
    path = tmp_path / "bomba.zip"
    with zipfile.ZipFile(path, "w", DEFLATED) as z, z.open("x.ipynb", "w") as f:
        for _ in range(60):
            f.write(bytes(1 << 20))
    tracemalloc.start()
    assert "50 MiB" in refused(only(path))
    assert tracemalloc.get_traced_memory()[1] < 5 << 20
    tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path, small):
    path = archive(tmp_path / "mentira.zip", "x.ipynb", content=bytes(8 << 20))
    declared, lie = struct.pack("<L", 8 << 20), struct.pack("<L", 100_000)
    path.write_bytes(path.read_bytes().replace(declared, lie))
    tracemalloc.start()
    assert "danificado" in refused(only(path))
    assert tracemalloc.get_traced_memory()[1] < 5 << 20
    tracemalloc.stop()


def test_what_is_too_repetitive_is_refused_and_what_is_small_is_not(tmp_path):
    assert "repetição" in refused(only(archive(tmp_path / "a.zip", "x.ipynb", content=b"a" * (4 << 20))))
    assert len(only(archive(tmp_path / "b.zip", "x.ipynb", content=b"a" * 900_000)).read()) == 900_000


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_explode_are_refused(tmp_path, how):
    assert "comprimido" in refused(only(archive(tmp_path / "a.zip", "x.ipynb", how=how)))


def test_stored_members_are_read(tmp_path):
    assert only(archive(tmp_path / "a.zip", "x.ipynb", how=zipfile.ZIP_STORED)).read() == BOOK


def test_too_many_files_are_an_error(handed, monkeypatch):
    path = handed(*(f"{i}.ipynb" for i in range(6)))
    assert len(collect(path)) == 6
    monkeypatch.setattr(archives, "MAX_FILES", 5)
    with pytest.raises(GradingError, match="mais de 5 arquivos"):
        collect(path)


def test_two_hundred_students_are_listed_without_reading_them(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", *(f"Aluno {i}_{i}_assignsubmission_file_/x.ipynb" for i in range(200)))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # ler um membro aqui seria um erro
    assert len(collect(path, SHEET)) == 200


# Zips hostis


def info(name: str, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr, made.flag_bits, made.compress_type = mode << 16, flags, DEFLATED
    return made


CLIMBERS = ["../x.ipynb", "/x.ipynb", "C:/x.ipynb", "C:x.ipynb", "..\\x.ipynb", f"{ONE}\\x.ipynb", f"{ONE}/../x.ipynb"]


@pytest.mark.parametrize("name", CLIMBERS)
def test_a_member_that_climbs_is_a_row_with_a_problem(tmp_path, name):
    found = collect(archive(tmp_path / "a.zip", name, f"{TWO}/x.ipynb"))
    bad, good = sorted(found, key=lambda s: not s.problem)
    assert "caminho" in refused(bad) and ".." not in bad.file and good.read() == BOOK


def test_a_name_with_a_zero_byte_is_a_row_with_a_problem(tmp_path):
    assert "caminho" in refused(only(named(tmp_path / "a.zip", b"a.ipynb\0.pdf")))


def test_dots_in_a_name_do_not_climb(handed):
    assert only(handed("Aluna Um..ipynb")).read() == BOOK


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_member_that_is_not_a_file_is_a_row_with_a_problem(tmp_path, mode):
    found = collect(archive(tmp_path / "a.zip", info(f"{ONE}/x.ipynb", mode | 0o777), f"{TWO}/x.ipynb"))
    assert "atalho" in refused(found[0]) and found[1].read() == BOOK


def test_an_ordinary_member_with_a_mode_is_read(tmp_path):
    assert only(archive(tmp_path / "a.zip", info("x.ipynb", stat.S_IFREG | 0o644))).read() == BOOK


def test_an_encrypted_member_is_a_row_with_a_problem(tmp_path):
    path = archive(tmp_path / "a.zip", f"{ONE}/x.ipynb", f"{TWO}/x.ipynb")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    found = collect(path)
    assert "senha" in refused(found[0]) and found[1].read() == BOOK


def test_a_repeated_member_name_is_one_row_with_a_problem(tmp_path):
    found = collect(archive(tmp_path / "a.zip", f"{ONE}/x.ipynb", f"{TWO}/x.ipynb", f"{ONE}/x.ipynb"))
    assert rows(found) == [("101", f"{ONE}/x.ipynb"), ("102", f"{TWO}/x.ipynb")]
    assert "mesmo nome" in refused(found[0]) and found[1].read() == BOOK


def test_a_damaged_member_is_a_row_and_the_others_are_read(tmp_path):
    path = archive(tmp_path / "a.zip", f"{ONE}/x.ipynb", f"{TWO}/x.ipynb", content=os.urandom(1000))
    content = bytearray(path.read_bytes())
    content[200:300] = bytes(100)
    path.write_bytes(content)
    found = collect(path)
    assert "danificado" in refused(found[0]) and len(found[1].read()) == 1000


@pytest.mark.parametrize("cut", [0, 10, 200, -30, -1])
def test_a_cut_zip_is_one_sentence(tmp_path, cut):
    path = archive(tmp_path / "a.zip", f"{ONE}/x.ipynb", f"{TWO}/x.ipynb")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(GradingError, match="danificado"):
        collect(path)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_any_corruption_is_a_row_or_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "corrompido.zip"
    content = bytearray(archive(path, f"{ONE}/x.ipynb", f"{TWO}/y.pdf").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = collect(path)
    except GradingError:
        return
    for s in found:
        try:
            s.read()
        except UnreadableSubmission as error:
            assert str(error)


# Pastas hostis


def test_links_and_pipes_in_a_folder_are_never_followed_nor_waited_for(tmp_path, monkeypatch):
    secret = folder(tmp_path / "fora", "segredo.ipynb", content=b"segredo")
    root = folder(tmp_path / "a", "Aluna Um.ipynb")
    (root / "Atalho.ipynb").symlink_to(secret / "segredo.ipynb")
    (root / "Pasta").symlink_to(secret)
    (root / "Laço").symlink_to(root)
    os.mkfifo(root / "Cano.ipynb")
    monkeypatch.chdir(root)  # o caminho de uma tomada é curto
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("Tomada.ipynb")
    start = time.monotonic()
    found = {s.student: s for s in collect(root)}
    assert set(found) == {"Aluna Um", "Atalho", "Pasta", "Laço", "Cano", "Tomada"}
    assert found.pop("Aluna Um").read() == BOOK
    assert all("atalho" in refused(s) for s in found.values())
    assert time.monotonic() - start < 1


def test_a_file_that_becomes_a_link_or_a_pipe_after_the_search_is_refused(tmp_path):
    root = folder(tmp_path / "a", "x.ipynb", "y.ipynb", "z.ipynb")
    x, y, z = collect(root)
    for s in (x, y, z):
        (root / s.file).unlink()
    (root / "x.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(root / "y.ipynb")
    assert refused(x) and refused(y) and refused(z)


def test_a_device_is_refused():
    with pytest.raises(UnreadableSubmission):
        archives._read_file("/dev/zero")


def test_a_folder_inside_that_does_not_open_is_a_row(tmp_path, monkeypatch):
    root = folder(tmp_path, f"{ONE}/x.ipynb", f"{TWO}/x.ipynb")
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith(ONE):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = collect(root)
    assert sorted(s.student for s in found) == ["101", "102"]
    assert [refused(s) for s in found if s.student == "101"]


def test_a_root_that_does_not_open_is_one_sentence(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(GradingError, match="Não consegui ler"):
        collect(tmp_path)


def test_nothing_is_written(handed):
    path = handed(f"{ONE}/x.ipynb")
    before = sorted(p for p in path.parent.rglob("*"))
    assert only(path).read() == BOOK
    assert sorted(p for p in path.parent.rglob("*")) == before


def test_an_absent_student_has_nothing_to_read(handed):
    absent = collect(handed("20230001.ipynb"), CLASS)[1]
    assert absent.file == "" and refused(absent)


def test_many_threads_may_read_the_same_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", DEFLATED) as z:
        for i in range(60):
            z.writestr(f"Aluno {i}_{i}_assignsubmission_file_/x.ipynb", str(i) * 5000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda s: (s.student, s.read()), collect(path) * 5))
    assert all(content == student.encode() * 5000 for student, content in found)
