"""Os endereços antigos continuam valendo: cada slug de ``redirects.yml`` vira uma página que leva ao novo.

A página leva o leitor sem script (meta refresh); com script, leva também ao mesmo lugar dentro da página.
"""

from collections.abc import Iterator, Set
from pathlib import Path

import site_identity
import yaml
from sphinx.errors import ExtensionError

FILE = "redirects.yml"


def read(file: Path) -> dict[str, str]:
    """O que o arquivo diz: ``{slug antigo: slug novo}``; sem arquivo, nada mudou de endereço.

    Raises:
        ValueError: o arquivo não é uma lista de pares ``antigo: novo``, ou um slug antigo se repete.
    """
    tree = yaml.compose(file.read_text("utf8")) if file.exists() else None
    if tree is None:
        return {}
    if not isinstance(tree, yaml.MappingNode) or any(
        not isinstance(node, yaml.ScalarNode) or not node.value for pair in tree.value for node in pair
    ):
        raise ValueError(f"{file.name}: cada linha é «slug_antigo: slug_novo», sem «.html» e sem listas")
    redirects: dict[str, str] = {}
    for old, new in tree.value:  # pela árvore, e não pelo dicionário, que calaria uma repetição
        if old.value in redirects:
            raise ValueError(f"{file.name}: «{old.value}» aparece duas vezes; deixe só o endereço atual")
        redirects[old.value] = new.value
    return redirects


def problems(redirects: dict[str, str], pages: Set[str]) -> list[str]:
    """O que há de errado, uma frase por linha: cada uma diz como se conserta.

    Args:
        redirects: de :func:`read`.
        pages: os slugs das páginas que o livro tem.
    """
    found = []
    for old, new in redirects.items():
        if old in pages:
            found.append(f"«{old}» é uma página do livro, que o desvio esconderia: tire a linha «{old}: {new}»")
        if new in redirects:
            found.append(f"«{old}» leva a «{new}», que também mudou: aponte direto para a página de hoje")
        elif new not in pages:
            found.append(f"«{old}» leva a «{new}», que não é uma página do livro: corrija o slug novo")
    return found


def load(app) -> dict[str, str]:
    """Os desvios do livro, conferidos: um errado impede a construção."""
    try:
        redirects = read(Path(app.srcdir, FILE))
    except (ValueError, yaml.YAMLError) as error:
        raise ExtensionError(f"{FILE} não pôde ser lido: {error}") from None
    if found := problems(redirects, app.env.found_docs):
        raise ExtensionError("\n".join(f"{FILE}: {problem}." for problem in found))
    return redirects


def pages(app) -> Iterator[tuple[str, dict, str]]:
    """As páginas que desviam, na forma que o Sphinx espera de ``html-collect-pages``."""
    base = site_identity.base_url() or ""
    for old, new in load(app).items():
        target = app.builder.get_relative_uri(old, new)
        title = app.env.titles[new].astext()
        context = {"title": title, "target": target, "canonical": base + app.builder.get_target_uri(new)}
        yield old, context, "redirect.html"


def setup(app) -> dict[str, bool]:
    """Registra a conferência, que vem antes de tudo o que se escreve, e as páginas."""
    app.connect("env-check-consistency", lambda app, env: load(app))
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
