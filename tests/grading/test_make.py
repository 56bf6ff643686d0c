"""Da lista saem o notebook do aluno, que não mostra solução alguma, e o gabarito; e os dois se provam."""

import shutil

import nbformat
import pytest
from desk import TOY

from grading import assignment, make, rows
from grading.errors import GradingError

INSTALL = "import ganlib_instalada"


def edited(tmp_path, old, new, name="list.md"):
    folder = shutil.copytree(TOY, tmp_path / "lista")
    text = (folder / name).read_text("utf8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), "utf8")
    return assignment.load(folder)


def text(nb):
    return "\n".join(cell.source for cell in nb.cells)


def test_the_student_sees_the_questions_and_no_solution(toy):
    student = make.notebooks(toy, INSTALL).student
    nbformat.validate(student)
    shown = text(student)
    assert "## Questão 1 (1,5 ponto): O dobro" in shown and "**Vale** 5 pontos" in shown and "10 min" in shown
    assert "assert double(torch.tensor([1.0])).shape" in shown and INSTALL in shown
    assert '"""O dobro de cada elemento de ``x``, de qualquer forma."""\n    raise NotImplementedError' in shown
    for secret in ("factor", "torch.randn(n)", "Basta multiplicar", "sucessor"):
        assert secret not in shown
    assert shown.count("início da resposta q3") == 1 and "início da resposta q1" not in shown


def test_the_key_has_everything(toy):
    shown = text(make.notebooks(toy, INSTALL).key)
    assert "x * factor" in shown and "Basta multiplicar" in shown and "Gabarito: " in shown


def test_the_same_list_gives_the_same_bytes(toy):
    first, second = (nbformat.writes(make.notebooks(toy, INSTALL).student) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Uma lista de brinquedo, para", "Veja: `return x * factor`. Para", "mostraria linhas da solução: return x"),
        ("    ### FIM DA SOLUÇÃO\n", "", "há um «### INÍCIO DA SOLUÇÃO» sem"),
        ("assert double", "### INÍCIO DA SOLUÇÃO\n### FIM DA SOLUÇÃO\nassert double", "fora de uma solução"),
        ("Diga por que", "Veja {ref}`sec-sigmoide`. Diga por que", "apareceria cru no Colab"),
        ("Diga por que", "```{note}\nOi\n```\n\nDiga por que", "apareceria cru no Colab"),
        ("```{solution-start} q3\n:label: sol-q3\n```\n", "", "abrem e fecham fora de ordem"),
        ("```{solution-start} q3", "```{solution-start} q9", "a solução de q9 não tem questão"),
    ],
)
def test_a_malformed_list_is_refused(tmp_path, old, new, says):
    with pytest.raises(GradingError, match=says):
        make.notebooks(edited(tmp_path, old, new), INSTALL)


def test_an_open_solution_is_refused(tmp_path):
    folder = edited(tmp_path, "dois sucessores.\n```{solution-end}\n```\n", "dois sucessores.\n")
    with pytest.raises(GradingError, match="a solução de q3 não fecha"):
        make.notebooks(folder, INSTALL)


@pytest.mark.slow
def test_the_key_gets_full_marks_and_the_blank_zero(toy):
    key, blank = make.verify(toy, make.notebooks(toy, INSTALL))
    assert key.points == 3.0 and blank.points == 0.0
    assert {check.outcome for check in blank.checks.values()} == {rows.MISSING}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "says", "name"),
    [
        ("return x * factor", "return x + factor", "não tira a nota máxima", "list.md"),
        ("names.sample(n)", "torch.randn(n)", "não tira zero", "probes.py"),
        ("names.double", "names.dobro", "não responde", "probes.py"),
    ],
)
def test_a_list_whose_key_or_blank_lies_is_refused(tmp_path, old, new, says, name):
    folder = edited(tmp_path, old, new, name)
    if "nota máxima" in says:  # sem gabarito por perto, a comparação é com o que grading.py diz
        file = folder.path / "grading.py"
        rule = "lambda a, e, i: bool((a == 2 * i['x']).all())"
        file.write_text(file.read_text("utf8").replace("close()),", f"{rule}),"), "utf8")
        folder = assignment.load(folder.path)
    with pytest.raises(GradingError, match=says):
        make.verify(folder, make.notebooks(folder, INSTALL))
