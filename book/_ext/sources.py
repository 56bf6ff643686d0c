"""O que se lê das fontes de um pacote, sem as executar: módulos, quem importa quem, assinaturas."""

import ast
import graphlib
import importlib.util
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sphinx.errors import ExtensionError

# Módulos


@lru_cache
def tree(module: str) -> ast.Module:
    """A árvore de um módulo."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ExtensionError(f"o módulo {module} não existe")
    return ast.parse(Path(spec.origin).read_text("utf8"))


@lru_cache
def public_modules(package: str) -> tuple[str, ...]:
    """Os módulos de um pacote, menos os que começam por ``_``; o nome é completo, ``"ganlib.losses"``."""
    folders = importlib.util.find_spec(package).submodule_search_locations
    return tuple(f"{package}.{m.name}" for m in pkgutil.iter_modules(folders) if not m.name.startswith("_"))


def siblings(module: str) -> tuple[str, ...]:
    """Os módulos do pacote em que ``module`` está, ele também."""
    return public_modules(module.partition(".")[0])


def imported(module: str, *, types: bool = True) -> dict[str, str]:
    """De cada nome que um módulo importa, o nome completo.

    Args:
        module: o módulo.
        types: também os nomes que só as anotações usam, importados sob ``TYPE_CHECKING``.
    """
    ifs = [] if types else [node for node in ast.walk(tree(module)) if isinstance(node, ast.If)]
    blocks = [node for node in ifs if ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {id(node) for block in blocks for node in ast.walk(block)}
    found = {}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and id(node) not in skipped:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import) and id(node) not in skipped:
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
    return found


def imports(module: str) -> list[str]:
    """Os módulos do mesmo pacote que ``module`` importa quando roda, em ordem alfabética."""
    names = imported(module, types=False).values()
    return sorted(other for other in siblings(module) if any(f"{name}.".startswith(f"{other}.") for name in names))


def layers(package: str) -> list[list[str]]:
    """Os módulos em camadas: cada um só importa os das camadas anteriores.

    Raises:
        ExtensionError: há uma volta; diz qual.
    """
    sorter = graphlib.TopologicalSorter({module: imports(module) for module in public_modules(package)})
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise ExtensionError(f"os módulos se importam em círculo: {' → '.join(error.args[1])}") from None
    result = []
    while sorter.is_active():
        result.append(sorted(sorter.get_ready()))
        sorter.done(*result[-1])
    return result


def assignments(module: str) -> Iterator[tuple[str, ast.expr]]:
    """Os nomes públicos que começam por maiúscula e o que o módulo lhes atribui: tabelas, constantes, tipos."""
    for node in tree(module).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id[0].isupper() and node.value:
            yield target.id, node.value


# Assinaturas


def signature(thing) -> tuple[str, str | None]:
    """Os parâmetros de uma função ou de uma classe, e o que ela devolve, como estão na fonte.

    O Python não serve para isto: ele já trocou cada apelido de tipo (``ArrayLike``, ``Penalty``) pelo que ele vale.
    """
    module = thing.__module__
    node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    if isinstance(node, ast.ClassDef):
        inits = [child for child in node.body if getattr(child, "name", "") == "__init__"]
        parameters, returns = inits[0].args if inits else class_fields(node), None
    else:
        parameters, returns = node.args, node.returns
    if parameters.args and parameters.args[0].arg == "self":
        del parameters.args[0]
    for one in ast.walk(parameters):
        if isinstance(one, ast.arg) and one.annotation:
            one.annotation = ast.Name(annotation(one.annotation, module))
    written = ast.unparse(parameters)
    bare = isinstance(node, ast.ClassDef) and not written
    return "" if bare else f"({written})", returns and annotation(returns, module)


def class_fields(node: ast.ClassDef) -> ast.arguments:
    """Os campos de uma ``dataclass`` ou de uma tupla com nomes, como parâmetros."""
    found = [child for child in node.body if isinstance(child, ast.AnnAssign)]
    parameters = [ast.arg(field.target.id, field.annotation) for field in found]
    defaults = [field.value for field in found if field.value]
    for i, value in enumerate(defaults):
        if ast.unparse(value).startswith("field(default_factory="):
            defaults[i] = ast.Call(value.keywords[0].value, [], [])
    return ast.arguments(posonlyargs=[], args=parameters, kwonlyargs=[], kw_defaults=[], defaults=defaults)


def annotation(node: ast.expr, module: str) -> str:
    """Uma anotação com o nome completo de cada tipo; o ``~`` faz o Sphinx mostrar só o fim dele."""
    names = full_names(module)

    def full(match: re.Match) -> str:
        first, dot, rest = match[0].partition(".")
        return f"~{origin(names[first] + dot + rest, module)}" if first in names else match[0]

    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)
    return re.sub(r"(?<![\w.'\"])[A-Za-z_][\w.]*", full, text)


@lru_cache
def full_names(module: str) -> dict[str, str]:
    """De cada nome que as anotações de um módulo podem usar, o nome completo."""
    own = [node.name for node in tree(module).body if isinstance(node, ast.ClassDef)]
    own += [name for name, _ in assignments(module)]
    return imported(module) | {name: f"{module}.{name}" for name in own}


def origin(name: str, near: str) -> str:
    """O módulo do mesmo pacote em que um nome foi definido: ``ganlib.networks.Pair`` é ``ganlib.layers.Pair``."""
    module, _, last = name.rpartition(".")
    if module not in siblings(near) or last not in (known := imported(module)):
        return name
    return origin(known[last], near)
