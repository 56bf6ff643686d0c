"""O construtor ``notebooks``: um notebook limpo do Colab por capítulo, das mesmas árvores que fazem a página.

O texto vem da árvore resolvida (``notebook_markdown``); o código, da fonte, na ordem dela; as saídas, do cache de
execução de onde a página também as tira. Um notebook não guarda datas nem tempos: da mesma fonte saem os mesmos bytes.
"""

import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import site_identity
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin
from myst_nb.core.render import base_render_priority
from myst_nb.ext.glue import GLUE_PREFIX
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_markdown import ChapterMarkdown, CodeCell, Piece
from sphinx.builders import Builder
from sphinx.errors import SphinxError
from sphinx.util import logging

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]

INTRODUCTION = """\
Este é o notebook de um capítulo do livro *{book}*.{page} Execute as células em ordem, de cima para baixo.

> **Antes de começar.** Tudo aqui roda na CPU. Para usar uma GPU no Colab, escolha *Ambiente de execução → Alterar o
> tipo de ambiente de execução → GPU*. A primeira célula instala a `ganlib` {version}, o módulo de treinamento do
> curso, se essa versão ainda não estiver instalada; ela não mexe no PyTorch nem no NumPy."""

LICENCE = """\
---

Texto e figuras: licença [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/deed.pt-br). Código: licença MIT."""


def as_form(cell: NotebookNode, title: str) -> NotebookNode:
    """Uma célula que começa dobrada, no Colab e no Jupyter, com um título no lugar do código."""
    cell.source = f'#@title {title} {{ display-mode: "form" }}\n{cell.source}'
    cell.metadata.update(cellView="form", jupyter={"source_hidden": True})
    return cell


def clean_outputs(outputs: list[NotebookNode], alts: list[str], position: int) -> list[NotebookNode]:
    """As saídas que a página mostra, com o texto alternativo das figuras.

    Saem os valores guardados para o texto (``glue``) e o que foi escrito em ``stderr`` (barras de progresso).
    """
    alts = iter(alts)
    result = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            continue
        if "data" in output:
            data = {kind: value for kind, value in output.data.items() if not kind.startswith(GLUE_PREFIX)}
            if not data:
                continue
            metadata = {}
            images = [kind for kind in data if kind.startswith("image/")]
            if images and (alt := next(alts, "")):
                metadata = {kind: {"alt": alt} for kind in images}
                data["text/plain"] = alt
            output = NotebookNode(output, data=NotebookNode(data), metadata=NotebookNode(metadata))
        if output.output_type == "execute_result":
            output.execution_count = position
        result.append(output)
    return result


class NotebookBuilder(Builder):
    """Escreve ``<capítulo>.ipynb`` para cada página que tem células de código."""

    name = "notebooks"
    format = "notebook"
    epilog = "Os notebooks estão em %(outdir)s."
    allow_parallel = True

    def get_outdated_docs(self) -> Iterator[str]:
        """Todos, sempre: escrever é rápido, e um aviso não pode sumir na segunda construção."""
        return iter(self.env.found_docs)

    def get_target_uri(self, docname: str, typ: str | None = None) -> str:
        """O endereço da página, relativo à raiz do livro publicado."""
        return f"{docname}.html"

    def get_relative_uri(self, from_: str, to: str, typ: str | None = None) -> str:
        """Também relativo à raiz: quem lê o notebook não está dentro do site."""
        return self.get_target_uri(to)

    def page_link(self, docname: str, uri: str) -> str | None:
        """Para onde aponta, no notebook de ``docname``, uma referência ao endereço ``uri`` do livro.

        Sem endereço publicado, a outro notebook se chega pelo arquivo vizinho; o resto fica como texto (None).
        """
        if base := site_identity.base_url():
            return base + uri
        page = uri.partition("#")[0].removesuffix(".html")
        return f"{page}.ipynb" if page != docname and self.executed(page) else None

    @cache  # noqa: B019 (o construtor vive tanto quanto o processo)
    def executed(self, docname: str) -> NotebookNode | None:
        """O capítulo com as saídas que a página mostra, ou None se a página não tem código.

        O notebook que o myst-nb grava em ``jupyter_execute`` não serve: sem saídas, se elas vieram do cache.
        """
        if "kernelspec" not in self.env.metadata.get(docname, {}):
            return None
        notebook = myst_nb_reader_plugin(self.env.doc2path(docname))
        if not any(cell.cell_type == "code" for cell in notebook.cells):
            return None
        try:
            cache = get_cache(self.env.mystnb_config.execution_cache_path)
            return cache.merge_match_into_notebook(notebook, cell_meta=())[1]
        except KeyError:
            raise SphinxError(f"«{docname}» não está no cache de execução: construa antes as páginas.") from None

    def prepare_writing(self, docnames: set[str]) -> None:
        """Tira da pasta os notebooks de capítulos que já não existem."""
        for path in Path(self.outdir).glob("*.ipynb"):
            if not self.executed(path.stem):
                path.unlink()

    def write_doc(self, docname: str, doctree) -> None:
        """Escreve o notebook de um capítulo."""
        executed = self.executed(docname)
        if executed is None:
            return
        self.fignumbers = self.env.toc_fignumbers.get(docname, {})  # é onde o Sphinx procura os números
        pieces = ChapterMarkdown(self, docname).blocks(doctree)
        notebook = self.assemble(docname, executed, pieces)
        Path(self.outdir, f"{docname}.ipynb").write_text(nbformat.writes(notebook) + "\n", encoding="utf8")

    def assemble(self, docname: str, executed: NotebookNode, pieces: list[Piece]) -> NotebookNode:
        """Junta o texto, o código e as saídas num notebook."""
        base = site_identity.base_url()
        version = site_identity.ganlib_version()
        introduction = INTRODUCTION.format(
            book=self.config.project,
            page=f" A [página do capítulo]({base}{docname}.html) traz o mesmo texto." if base else "",
            version=version,
        )
        title, *pieces = pieces
        cells = [
            new_markdown_cell(f"{title}\n\n{introduction}"),
            new_code_cell(site_identity.install_cell()),
            *self.body(executed, pieces),
            new_markdown_cell(LICENCE),
        ]
        for position, cell in enumerate(cells):
            cell.id = f"{docname.replace('_', '-')[:50]}-{position}"
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "colab": {"name": f"{docname}.ipynb", "provenance": []},
        }
        if "accelerator" in executed.metadata:
            metadata["accelerator"] = executed.metadata["accelerator"]
        return new_notebook(cells=cells, metadata=metadata)

    def body(self, executed: NotebookNode, pieces: list[Piece]) -> Iterator[NotebookNode]:
        """As células do capítulo: todo o código, na ordem da fonte, e o texto, uma célula por seção."""
        sources = {index: cell for index, cell in enumerate(executed.cells) if cell.cell_type == "code"}
        positions = {index: position for position, index in enumerate(sources, start=2)}  # a 1 é a instalação
        markdown: list[str] = []

        def flush() -> Iterator[NotebookNode]:
            if markdown:
                yield new_markdown_cell("\n\n".join(markdown))
                markdown.clear()

        # Ao fim, um lugar fictício recolhe as células que a página esconde depois da última visível.
        for piece in [*pieces, CodeCell(len(executed.cells))]:
            if isinstance(piece, str):
                if re.match("#+ ", piece):
                    yield from flush()
                markdown.append(piece)
                continue
            yield from flush()
            for index in [index for index in sources if index <= piece.index]:
                place = piece if index == piece.index else CodeCell(index)
                yield self.code_cell(sources.pop(index), place, positions[index])
            markdown.extend(piece.captions)
        yield from flush()

    def code_cell(self, source: NotebookNode, place: CodeCell, position: int) -> NotebookNode:
        """Uma célula de código: o texto da fonte, as saídas da execução e as etiquetas que os testes leem."""
        tags = list(source.metadata.get("tags", []))
        cell = new_code_cell(
            source.source,
            execution_count=position,
            outputs=clean_outputs(source.outputs, place.alts, position),
            metadata={"tags": tags} if tags else {},
        )
        if place.in_solution:
            return as_form(cell, "Solução")
        if {"hide-input", "remove-input", "remove-cell", "hide-cell"} & set(tags):
            return as_form(cell, "Código da figura" if place.captions else "Código auxiliar")
        return cell


def allow_mime_types(app, config) -> None:
    """Diz ao myst-nb que este construtor aceita as mesmas saídas que a página."""
    allowed = [(NotebookBuilder.name, kind, priority) for kind, priority in base_render_priority()["html"].items()]
    config.nb_mime_priority_overrides = [*config.nb_mime_priority_overrides, *allowed]


def remove_page_assets(app, exception) -> None:
    """Apaga os estilos que outras extensões copiam para a pasta de qualquer construtor."""
    if app.builder.name == NotebookBuilder.name:
        shutil.rmtree(Path(app.outdir, "_static"), ignore_errors=True)


def setup(app):
    """Registra o construtor no Sphinx."""
    app.add_builder(NotebookBuilder)
    app.connect("config-inited", allow_mime_types)
    app.connect("build-finished", remove_page_assets, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
