"""Um notebook se lê sem que se confie nele, e o que não é um notebook diz por quê."""

import json
import time

import pytest
from desk import notebook
from nbformat import v3

from grading import make
from grading import notebook as reading
from grading.notebook import UnreadableNotebook

CELL = {"cell_type": "code", "source": "x", "metadata": {}, "outputs": [], "execution_count": None}
MANY_CELLS = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [CELL] * 2001}).encode()
# Poucos MiB que, na memória do corretor, seriam GiB, e um formato antigo que levaria minutos para converter.
EMPTY_OBJECTS = b'{"nbformat": 4, "cells": [], "x": [' + b"{}," * (6 << 20) + b"0]}"
SLOW_OLD = b'{"nbformat": 2, "worksheets": [{"cells": [' + b'{"cell_type": "code"},' * 300_000 + b"{}]}]}"


def test_code_and_text_are_read_in_order():
    found = reading.read(notebook("a = 1", "b = 2", text=("olá",)))
    assert found == reading.Notebook(("a = 1", "b = 2"), ("olá",))


def test_an_old_format_is_converted():
    sheet = v3.new_worksheet(cells=[v3.new_code_cell(input="a = 1")])
    old = v3.writes_json(v3.new_notebook(worksheets=[sheet]))
    assert reading.read(old.encode()).code == ("a = 1",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "vazio"),
        (b"  \n", "vazio"),
        (b"n\xc3\xa3o sou um notebook", "não é um notebook"),
        (b"\x80\x81\x82", "não é um notebook"),
        (b"[]", "não é um notebook"),
        (b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "não é um notebook"),
        (b'{"nbformat": 99, "cells": []}', "não é um notebook"),
        (b"[" * 200_000, "não é um notebook"),
        (MANY_CELLS, "células demais"),
        (notebook("x" * (5 << 20)), "código demais"),
        (EMPTY_OBJECTS, "saídas demais"),
        (EMPTY_OBJECTS.replace(b"{},", b"'',"), "saídas demais"),
        (SLOW_OLD, "não é um notebook"),
        (b'{"nbformat": [4], "cells": []}', "não é um notebook"),
    ],
)
def test_what_is_not_a_notebook_says_why(content, says):
    with pytest.raises(UnreadableNotebook, match=says):
        reading.read(content)


def test_a_lone_surrogate_does_not_break_what_comes_after():
    assert reading.read(notebook("a = 1").replace(b"a = 1", b"a = '\\ud800'")).code[0].encode("utf8")


def answers(*texts):
    return reading.written(reading.Notebook((), texts), ["q3"])["q3"]


def test_the_written_answer_is_between_the_marks():
    box = make.answer_box("q3", "Porque sim.\n\n$x^2$")
    assert answers(box) == "Porque sim.\n\n$x^2$"
    assert answers(make.answer_box("q3")) == ""
    assert answers("sem marcas") == ""
    assert answers(make.answer_box("q30", "outra")) == ""


def test_repeated_and_unclosed_boxes_lose_nothing():
    box = make.answer_box("q3", "Porque sim.")
    assert answers(box, box) == "Porque sim."
    assert answers(box, make.answer_box("q3", "E mais.")) == "Porque sim.\n\nE mais."
    assert answers(box.replace("<!-- fim da resposta q3 -->", "")) == "Porque sim."
    assert len(answers(make.answer_box("q3", "x" * 50_000))) == reading.MAX_WRITTEN


def test_the_code_digest_ignores_comments_and_spaces_and_nothing_else():
    def digest(*code):
        return reading.code_digest(reading.Notebook(code, ()))

    assert digest("a = 1  # um\n") == digest("a=1\n\n# outro")
    assert digest("a = 1") != digest("a = 2")
    assert digest("if a:\n    b\nc") != digest("if a:\n    b\n    c")
    assert digest("%time a") == digest("%time  a")
    assert digest("a", "b") != digest("ab")


def test_the_code_digest_of_endless_code_is_quick():
    start = time.perf_counter()
    for source in ("a+", "(", "'\n", "$", "\\\n", '"""a'):
        assert reading.code_digest(reading.Notebook((source * (1 << 20),), ()))
    assert time.perf_counter() - start < 3
