"""As listas de exercícios: ``{listas}`` escreve a tabela, e os notebooks dos alunos vão para ``notebooks/listas``."""

import re
from pathlib import Path

import nbformat
import site_identity
from sphinx.util.docutils import SphinxDirective

from grading import assignment, make
from grading.assignment import ListFolder

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "exercises"


def folders(exercises: Path = EXERCISES) -> list[ListFolder]:
    """As listas do curso, na ordem dos capítulos a que pertencem."""
    chapters = re.findall(r"(?m)^\s*- file: (\S+)", (ROOT / "_toc.yml").read_text("utf8"))
    found = [assignment.load(file.parent) for file in sorted(exercises.glob("*/grading.py"))]
    return sorted(found, key=lambda folder: chapters.index(folder.assignment.chapter))


def table(lists: list[ListFolder]) -> str:
    """A tabela das listas, em MyST: cada uma com o capítulo, os pontos, o tempo e de onde se baixa."""
    rows = ["| Lista | Capítulo | Questões | Vale | Tempo esperado | Notebook do aluno |", "|---|---|---|---|---|---|"]
    for folder in lists:
        a = folder.assignment
        written = len(a.written)
        by_hand = f" ({written} à mão)" if written else ""
        path = f"listas/{folder.name}"
        links = [f"<a href=\"{site_identity.notebook_path(path)}\" download>baixar</a>"]
        if colab := site_identity.colab_url(path):
            links.append(f'<a href="{colab}">abrir no Colab</a>')
        cells = (a.title, f"{{doc}}`{a.chapter}`", f"{len(a.questions)}{by_hand}", make.points(a.points),
                 make.duration(a.minutes), ", ".join(links))  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


class Listas(SphinxDirective):
    """A tabela das listas de exercícios."""

    def run(self) -> list:
        lists = folders()
        for folder in lists:
            for name in assignment.FILES:
                self.env.note_dependency(str(folder.path / name))
        return self.parse_text_to_nodes(table(lists))


def write_notebooks(app, exception) -> None:
    """Escreve os notebooks dos alunos ao lado dos capítulos."""
    ours = Path(app.srcdir) == ROOT / "book"  # outro livro (o de amostra) não tem as nossas listas
    if exception is None and ours and app.builder.name == "notebooks":
        target = Path(app.outdir, "listas")
        target.mkdir(exist_ok=True)
        for folder in folders():
            made = make.notebooks(folder, site_identity.install_cell(".."))
            (target / f"{folder.name}.ipynb").write_text(nbformat.writes(made.student) + "\n", "utf8")


def setup(app) -> dict[str, bool]:
    """Registra a diretiva e a escrita dos notebooks."""
    app.add_directive("listas", Listas)
    app.connect("build-finished", write_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
