"""Os notebooks gerados: o que o Colab mostra é o capítulo inteiro, com os números da página e o código da fonte."""

import shutil
from copy import deepcopy
from pathlib import Path

import notebook_checks as checks
import pytest
from build import ROOT, jupyter_book
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_markdown import escape, expand_macros
from notebooks import clean_outputs
from site_identity import INSTALL, ganlib_version

SAMPLE = Path(__file__).parent / "sample_book"
SITE = checks.NOTEBOOKS.with_name("html")
HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""


def build_notebooks(source: Path, out: Path, repository: str = "nenhum"):
    """Constrói os notebooks de ``source`` sobre as árvores que houver em ``out``; um aviso é um erro."""
    return jupyter_book(source, out, "notebooks", GITHUB_REPOSITORY=repository)


def all_text(notebook) -> str:
    return "\n\n".join(checks.texts(notebook))


# O livro de verdade


@pytest.mark.site
@pytest.mark.parametrize("slug", checks.chapters())
def test_every_published_notebook_is_its_chapter_and_nothing_of_myst_is_left(slug):
    notebook = checks.read(slug)
    source = ROOT / "book" / f"{slug}.md"
    assert checks.problems(notebook, slug, source, checks.NOTEBOOKS, ganlib_version()) == []
    assert checks.numbers_differ(notebook, (SITE / f"{slug}.html").read_text("utf8")) == []


@pytest.mark.site
def test_the_wheel_lies_beside_the_notebooks_and_nothing_else():
    expected = {f"{slug}.ipynb" for slug in checks.chapters()} | {f"ganlib-{ganlib_version()}-py3-none-any.whl"}
    assert checks.NOTEBOOKS.exists(), "rode «make book»"
    assert {path.name for path in checks.NOTEBOOKS.iterdir()} == expected | {"listas"}
    lists = {f"{file.parent.name}.ipynb" for file in (ROOT / "exercises").glob("*/grading.py")}
    assert {path.name for path in (checks.NOTEBOOKS / "listas").iterdir()} == lists


# O livro de amostra, publicado e não publicado


@pytest.fixture(scope="module")
def published(built_sample) -> Path:
    out = built_sample.parents[1]
    result = build_notebooks(SAMPLE, out, "pessoa/curso")
    assert result.returncode == 0, result.stdout + result.stderr
    return out / "_build" / "notebooks"


@pytest.fixture(scope="module")
def unpublished(published) -> Path:
    """Os mesmos notebooks sem repositório; numa cópia, porque a construção reescreve a pasta."""
    kept = {path.name: path.read_bytes() for path in published.iterdir()}
    result = build_notebooks(SAMPLE, published.parents[1])
    assert result.returncode == 0, result.stdout + result.stderr
    copy = published.with_name("sem_repositorio")
    copy.mkdir()
    for path in published.iterdir():
        path.rename(copy / path.name)
    for name, content in kept.items():
        (published / name).write_bytes(content)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["amostra", "vizinha"])
def test_the_sample_passes_every_check_with_and_without_an_address(slug, published, unpublished, built_sample):
    page = (built_sample / f"{slug}.html").read_text("utf8")
    for folder in (published, unpublished):
        notebook = checks.read(slug, folder)
        assert checks.problems(notebook, slug, SAMPLE / f"{slug}.md", folder, ganlib_version()) == []
        assert checks.numbers_differ(notebook, page) == []


@pytest.mark.slow
def test_only_chapters_with_code_become_notebooks(published):
    assert sorted(path.name for path in published.iterdir()) == ["amostra.ipynb", "vizinha.ipynb"]


@pytest.mark.slow
def test_with_an_address_references_and_citations_lead_to_the_page(published):
    text = all_text(checks.read("amostra", published))
    site = "https://pessoa.github.io/curso"
    assert f"[(1.2)]({site}/amostra.html#equation-eq-amostra-derivada)" in text
    assert f"[Teorema 1.2]({site}/amostra.html#teo-amostra)" in text
    assert f"[Figura 1.1]({site}/amostra.html#fig-amostra)" in text
    assert f"[(2.1)]({site}/vizinha.html#equation-eq-vizinha-gradiente)" in text
    assert f"]({site}/referencias.html#" in text
    assert f"({site}/amostra.html)" in checks.read("amostra", published).cells[0].source
    install = checks.code_cells(checks.read("amostra", published))[0].source
    assert '"https://raw.githubusercontent.com/pessoa/curso/notebooks"' in install


@pytest.mark.slow
def test_without_an_address_nothing_is_invented(unpublished):
    notebook = checks.read("amostra", unpublished)
    text = all_text(notebook)
    assert "A (1.2) segue de (1.1)" in text and "diz o Teorema 1.2" in text and "A Figura 1.1 mostra" in text
    assert "[(2.1)](vizinha.ipynb)" in text
    assert "github" not in text and "veja a Referências" in text
    assert '"GANLIB_WHEEL_BASE", ".")' in checks.code_cells(notebook)[0].source


@pytest.mark.slow
def test_the_same_source_gives_the_same_bytes(published):
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    (published / "capitulo_que_saiu.ipynb").write_text("{}")
    shutil.rmtree(published.parent / ".doctrees")  # as árvores são refeitas; as execuções, não
    result = build_notebooks(SAMPLE, published.parents[1], "pessoa/curso")
    assert result.returncode == 0, result.stderr
    assert {path.name: path.read_bytes() for path in published.iterdir()} == before


@pytest.mark.slow
def test_boxes_have_the_titles_of_the_page(published):
    text = all_text(checks.read("amostra", published))
    for title in (
        "Definição 1.1 (Saturação)", "Teorema 1.2 (Cauda esquerda)", "Demonstração", "Corolário 1.3",
        "⚠️ Importante", "❗ Atenção", "✔️ Destaque", "🔑 Guarde isto", "Correção ao documento-base",
        "Exercício 1.1 (A cauda direita)",
    ):  # fmt: skip
        assert f"> **{title}**\n" in text
    assert "<summary>Solução do Exercício 1.1 (A cauda direita)</summary>" in text
    assert "é 0,250." in text, "o valor de glue aparece no texto"


# Um capítulo com o que a amostra não tem

ODD = (
    HEADER
    + r"""
# O $\Gt$ e o `código`

2 * 3, a_b, R\$ 5, x[0], &lt;b&gt;.

- um
  - dois
    1. três

Um rodapé[^a]; H{sub}`2`O; linha quebrada\
aqui.

[^a]: O rodapé, com $\R$.

```{list-table} Título
:header-rows: 1
* - a
  - b
* - $\lVert x \rVert$
  - `a|b`

    outro parágrafo
```

```python
def f(x):
    return x
```

```{code-cell} python
:tags: [remove-cell]
hidden = 3
```

```{exercise-start} Com $\Gt < 1$
:label: ex-odd
```

Enunciado:

```{code-cell} python
print(hidden)
```

Continue.

```{exercise-end}
```

```{solution-start} ex-odd
:label: sol-odd
:class: dropdown
```

Antes.

```{code-cell} python
hidden + 1
```

Depois.

```{solution-end}
```

```{code-cell} python
:tags: [remove-cell]
last = 1
```
"""
)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """O capítulo acima, construído, com outro que tem um nó desconhecido."""
    source, out = tmp_path_factory.mktemp("fonte"), tmp_path_factory.mktemp("estranho")
    chapters = "".join(f"      - file: {slug}\n" for slug in ("estranho", "desconhecido"))
    toc = f"format: jb-book\nroot: index\nparts:\n  - numbered: true\n    chapters:\n{chapters}"
    (source / "_toc.yml").write_text(toc)
    (source / "referencias.bib").write_text("")
    (source / "index.md").write_text("# Início\n")
    (source / "estranho.md").write_text(ODD)
    raw = "```{raw} html\n<video></video>\n```\n"
    (source / "desconhecido.md").write_text(HEADER + f"# Desconhecido\n\n{raw}\n```{{code-cell}} python\n1\n```\n")
    result = build_notebooks(source, out)
    return source, out / "_build" / "notebooks", result


@pytest.mark.slow
def test_an_unknown_node_fails_the_build_and_names_the_chapter(odd):
    result = odd[2]
    assert result.returncode != 0
    warnings = [line for line in result.stderr.splitlines() if "WARNING:" in line]
    assert len(warnings) == 1, result.stderr
    assert "não sei escrever «raw» no notebook do capítulo «desconhecido»" in warnings[0]


@pytest.mark.slow
def test_hidden_cells_survive_and_odd_markup_is_plain_markdown(odd):
    source, folder, _ = odd
    notebook = checks.read("estranho", folder)
    assert checks.problems(notebook, "estranho", source / "estranho.md", folder, ganlib_version()) == []
    text = all_text(notebook)
    for expected in (
        r"# 1. O $G_\theta$ e o `código`",
        r"2 \* 3, a\_b, R\$ 5, x\[0\], \<b\>.",
        "- um\n  - dois\n    1. três",
        "rodapé<sup>1</sup>; H<sub>2</sub>O; linha quebrada<br>aqui.",
        r"<sup>1</sup> O rodapé, com $\mathbb{R}$.",
        "**Tabela 1.1.** Título\n\n| a | b |\n| --- | --- |\n| $\\lVert x \\rVert$ | `a\\|b`<br>outro parágrafo |",
        "```python\ndef f(x):\n    return x\n```",
        r"> **Exercício 1.1 (Com $G_\theta \lt 1$)**",
        "> Continue.",
        "<summary>Solução do Exercício 1.1 (Com $G_\\theta \\lt 1$)</summary>\n\nAntes.\n\n</details>",
        "(continuação)</summary>\n\nDepois.\n\n</details>",
    ):
        assert expected in text, expected
    first_lines = [cell.source.splitlines()[0] for cell in checks.code_cells(notebook)[1:]]
    auxiliary = '#@title Código auxiliar { display-mode: "form" }'
    assert first_lines == [auxiliary, "print(hidden)", '#@title Solução { display-mode: "form" }', auxiliary]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\Gt(z)", r"G_\theta(z)"),
        (r"\sigma\circ\hphi", r"\sigma\circ h_\phi"),
        (r"x_\R^\E", r"x_{\mathbb{R}}^{\mathbb{E}}"),
        (r"\Etilde", r"\Etilde"),
        (r"\LGt", r"L_{G_\theta}"),
    ],
)
def test_macros_are_written_out_as_the_page_reads_them(latex, expected):
    macros = {"Gt": r"G_\theta", "hphi": r"h_\phi", "R": r"\mathbb{R}", "E": r"\mathbb{E}", "LGt": r"L_\Gt"}
    assert expand_macros(latex, macros) == expected


def test_plain_text_stays_plain_text():
    assert escape("a_b *c*\n`d` [e] <f> $g$ ~h~ & \\") == r"a\_b \*c\* \`d\` \[e\] \<f\> \$g\$ \~h\~ & \\"
    assert escape("&lt;") == "&amp;lt;", "o texto «&lt;» não vira «<»"


def test_outputs_keep_the_figure_with_its_alt_and_lose_glue_and_progress_bars():
    outputs = [
        new_output("stream", name="stderr", text="100%|████|"),
        new_output("display_data", data={"application/papermill.record/text/plain": "x"}),
        new_output("display_data", data={"image/png": "aGk=", "text/plain": "<Figure size 640x480 with 1 Axes>"}),
        new_output("execute_result", data={"text/plain": "1"}, execution_count=99),
    ]
    figure, result = clean_outputs(outputs, ["Uma reta."], position=4)
    assert figure.data == {"image/png": "aGk=", "text/plain": "Uma reta."}
    assert figure.metadata == {"image/png": {"alt": "Uma reta."}}
    assert result.execution_count == 4


# Cada verificação vê o defeito que procura

SOURCE = (
    HEADER
    + r"""# Título

```{code-cell} python
:tags: [nbval-check-output]
print(1)
```

```{code-cell} python
---
mystnb:
  image:
    alt: Uma reta.
  figure:
    caption: A reta.
---
plt.show()
```

```{solution-start} ex-x
```

Texto.

```{code-cell} python
print(2)
```

```{solution-end}
```
"""
)

PAGE = """
<div class="equacao"><div><math></math></div><span class="eqno">(1.1)</span></div>
<div><p class="admonition-title">Teorema 1.2 (Nome <math>x</math>)</p></div>
<span class="caption-number">Figura 1.1 </span>
"""


def good_notebook():
    """Um notebook sem defeito, igual ao que o construtor faria de SOURCE."""
    form = {"cellView": "form", "jupyter": {"source_hidden": True}}
    figure = new_output("display_data", data={"image/png": "aGk="}, metadata={"image/png": {"alt": "Uma reta."}})
    one = new_output("stream", name="stdout", text="1\n")
    solution = '#@title Solução { display-mode: "form" }\nprint(2)'
    body = "$$\\sigma(h) \\lt \\mathbb{E}, \\tag{1.1}$$\n\n> **Teorema 1.2 (Nome $x$)**\n>\n> [página](https://a.br/x)"
    cells = [
        new_markdown_cell("# Título\n\nAmbiente de execução → GPU"),
        new_code_cell(INSTALL.format(version="9.9", base=".")),
        new_markdown_cell(body),
        new_code_cell("print(1)", outputs=[one], execution_count=2, metadata={"tags": ["nbval-check-output"]}),
        new_code_cell("plt.show()", outputs=[figure], execution_count=3),
        new_markdown_cell(
            "**Figura 1.1.** Uma reta.\n\nA reta, em `{código}`.\n\n```python\n$x = {}\n```\n\n[(2.1)](outro.ipynb)"
        ),
        new_markdown_cell("<details>\n<summary>Solução</summary>\n\nTexto.\n\n</details>"),
        new_code_cell(solution, execution_count=4, metadata=form),
        new_markdown_cell("CC BY 4.0, MIT"),
    ]
    for position, cell in enumerate(cells):
        cell.id = f"exemplo-{position}"
    kernel = {"name": "python3", "display_name": "Python 3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "colab": {"name": "exemplo.ipynb"}})


def all_problems(notebook, tmp_path) -> list[str]:
    source = tmp_path / "exemplo.md"
    source.write_text(SOURCE)
    (tmp_path / "outro.ipynb").touch()
    found = checks.problems(notebook, "exemplo", source, tmp_path, "9.9")
    return [*found, *checks.numbers_differ(notebook, PAGE)]


def test_a_sound_notebook_has_no_problem(tmp_path):
    assert all_problems(good_notebook(), tmp_path) == []


def appended(text):
    """Um defeito no texto: acrescenta ``text`` ao fim de uma célula de texto."""
    return lambda cells: cells[2].update(source=f"{cells[2].source}\n\n{text}")


def replaced(position, old, new):
    """Um defeito numa célula: troca ``old`` por ``new``."""

    def damage(cells):
        assert old in cells[position].source
        cells[position].source = cells[position].source.replace(old, new)

    return damage


DEFECTS = {
    "diretiva": (appended("> ```{note}\n> x\n> ```"), "uma diretiva"),
    "dois-pontos": (appended(":::{note}\nx\n:::"), "um bloco «:::»"),
    "papel": (appended("veja {eq}`eq-x`"), "um papel"),
    "glue": (appended("vale {glue:text}`x`"), "um papel"),
    "rótulo": (appended("$$ x $$ (eq-x)"), "o rótulo de uma equação"),
    "âncora": (appended("(sec-x)="), "uma âncora"),
    "ligação-interna": (appended("[x](#sec-x)"), "não leva a lugar nenhum"),
    "ligação-fonte": (appended("[x](outro.md)"), "não leva a lugar nenhum"),
    "ligação-vazia": (appended("[](https://a.br)"), "não tem texto"),
    "ligação-perdida": (appended("[x](nenhum.ipynb)"), "notebook que não existe"),
    "imagem-sem-alt": (appended("![](data:image/png;base64,aGk=)"), "texto alternativo"),
    "anexo": (appended("![x](attachment:x.png)"), "anexos"),
    "macro": (appended(r"$\Gt$"), "usa algo do livro"),
    "macro-em-citação": (appended("> $$\\hphi$$"), "usa algo do livro"),
    "figura-sem-alt": (lambda cells: cells[4].outputs[0].update(metadata={}), "não tem texto alternativo"),
    "figura-sem-descrição": (replaced(5, "Uma", "Outra"), "some quando a célula roda"),
    "código-mudado": (replaced(3, "1", "2"), "célula de código 1 não é a da fonte"),
    "código-que-falta": (lambda cells: cells.pop(3), "a fonte tem 3 células"),
    "outra-versão": (replaced(1, "9.9", "9.8"), "não instala a ganlib 9.9"),
    "instala-dependências": (replaced(1, "--no-deps ", ""), "sozinho"),
    "instala-sempre": (replaced(1, "    %pip", "%pip"), "dentro de uma condição"),
    "sem-título": (replaced(0, "# ", ""), "título do capítulo"),
    "sem-gpu": (replaced(0, "Ambiente", ""), "GPU"),
    "solução-à-vista": (lambda cells: cells[7].metadata.clear(), "está à vista"),
    "solução-sem-título": (replaced(7, '#@title Solução { display-mode: "form" }\n', ""), "está à vista"),
    "texto-da-solução-à-vista": (replaced(6, "<details>", ""), "não fecha"),
    "solução-citada": (lambda cells: cells[6].update(source="> **Solução**"), "fora de <details>"),
    "saída-que-falta": (lambda cells: cells[3].update(outputs=[]), "nbval não a conferiria"),
    "célula-não-executada": (lambda cells: cells[3].update(execution_count=None), "nbval não a conferiria"),
    "etiqueta-perdida": (lambda cells: cells[3].metadata.clear(), "nbval não a conferiria"),
    "figura-que-falta": (lambda cells: cells[4].update(outputs=[]), "devia mostrar uma figura"),
    "erro": (
        lambda cells: cells[7].outputs.append(new_output("error", ename="E", evalue="", traceback=[])),
        "célula de código 3 falhou",
    ),
    "stderr": (
        lambda cells: cells[7].outputs.append(new_output("stream", name="stderr", text="x")),
        "publica stderr",
    ),
    "glue-na-saída": (
        lambda cells: cells[7].outputs.append(
            new_output("display_data", data={"application/papermill.record/text/plain": "x"})
        ),
        "valor de glue",
    ),
    "glue-conferido": (replaced(3, "print(1)", "glue('x', 1)"), "separe as duas"),
    "número-de-equação": (replaced(2, "1.1", "1.7"), "as equações do notebook"),
    "número-de-teorema": (replaced(2, "Teorema 1.2", "Teorema 1.3"), "Teorema 1.2"),
    "número-de-figura": (replaced(5, "Figura 1.1", "Figura 1.2"), "«Figura 1.1» não tem legenda"),
    "tempo-de-execução": (lambda cells: cells[3].metadata.update(execution={}), "metadados que mudam"),
    "identificador": (lambda cells: cells[3].update(id="a1b2c3"), "não é estável"),
    "licença": (replaced(8, "CC BY 4.0", ""), "licença"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_check_sees_the_defect_it_looks_for(name, tmp_path):
    damage, expected = DEFECTS[name]
    notebook = deepcopy(good_notebook())
    damage(notebook.cells)
    found = all_problems(notebook, tmp_path)
    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize("key", ["colab", "kernelspec"])
def test_lost_metadata_is_seen(key, tmp_path):
    notebook = good_notebook()
    del notebook.metadata[key]
    assert all_problems(notebook, tmp_path)


def test_a_missing_notebook_is_a_failure_that_says_what_to_do(tmp_path):
    with pytest.raises(AssertionError, match="make book"):
        checks.read("exemplo", tmp_path)


def test_chapters_are_those_of_the_table_of_contents_that_have_code(tmp_path):
    (tmp_path / "book").mkdir()
    for slug, text in {"a": "```{code-cell} python\n```", "b": "# prosa", "fora": "```{code-cell} python\n```"}.items():
        (tmp_path / "book" / f"{slug}.md").write_text(text)
    (tmp_path / "_toc.yml").write_text("parts:\n- chapters:\n  - file: a\n  - file: b\n")
    assert checks.chapters(tmp_path) == ["a"]
