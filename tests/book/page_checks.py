"""O que toda página do livro cumpre. Cada função recebe o HTML de uma página e devolve a lista dos problemas."""

import re
from collections import Counter
from collections.abc import Iterator

from bs4 import BeautifulSoup, NavigableString, Tag

LANGUAGE = "pt-BR"

# Palavras que existem em inglês e não em português («for» existe nas duas); onde aparecem, algo ficou por traduzir.
ENGLISH_WORDS = re.compile(
    r"(?<!/)\b(the|of|and|with|this|that|is|are|was|were|to|from|(?<!CC )by|on|or|not|your|you|click|search|toggle|"
    r"previous|next|page|show|hide|hidden|content|contents|launch|skip|back|copy|copied|"
    r"theorem|lemma|proof|proposition|definition|corollary|remark|exercise|solution|equation|"
    r"warning|attention|important|caution|hint|see also|section|chapter|edition|pages|navigation)\b",
    re.IGNORECASE,
)
READ_ATTRIBUTES = ("title", "aria-label", "alt", "placeholder", "data-bs-title", "data-tooltip")
NOT_PROSE = ("script", "style", "code", "pre", "kbd", "samp", "math", "noscript")

# O que sobra de MyST ou de LaTeX quando algo não foi interpretado.
RESIDUES = re.compile(
    r"\$\$|(?<![\w$])\$[^$\s\d][^$\n]*\$|\{(?:eq|ref|numref|doc|cite(?::\w+)?|prf:ref|glue:\w+|term|math)\}`|"
    r"^\s*:::|```|\\(?:frac|begin|end|sigma|mathbb|label|text)\b|\[\[|^\(\w+-[\w-]+\)=",
    re.MULTILINE,
)

# Os atributos que fazem o navegador pedir um arquivo.
LOADING = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
}
LOADING_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest", "apple-touch-icon"}
FOREIGN = re.compile(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", re.IGNORECASE)


def wrong_language(html: str) -> list[str]:
    """A página diz em que língua está."""
    page = BeautifulSoup(html, "html.parser")
    language = page.html.get("lang") if page.html else None
    return [] if language == LANGUAGE else [f"<html> diz lang={language!r}, e não {LANGUAGE!r}"]


def prose(page: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """Cada texto que se lê na página e de onde vem; código, fórmulas, referências e lang="en" ficam fora."""
    skip = [*page.select(",".join(NOT_PROSE)), *page.select('[lang^="en"], .citation, .notranslate, .sig')]
    skipped = {id(node) for tag in skip for node in (tag, *tag.descendants)}

    for text in page.find_all(string=True):
        if type(text) is NavigableString and text.strip() and id(text) not in skipped:
            yield f"<{text.parent.name}>", " ".join(text.split())
    for tag in page.find_all(True):
        if id(tag) in skipped:
            continue
        cites = tag.name == "a" and "referencias.html#" in tag.get("href", "")  # o título é o da obra citada
        for name in () if cites else READ_ATTRIBUTES:
            if value := tag.get(name, "").strip():
                yield f"<{tag.name} {name}>", value


def english_strings(html: str) -> list[str]:
    """Nada do que se lê na página está em inglês."""
    page = BeautifulSoup(html, "html.parser")
    return [
        f"em inglês, em {where}: «{text[:80]}» («{found[0]}»)"
        for where, text in prose(page)
        if (found := ENGLISH_WORDS.search(text))
    ]


def residues(html: str) -> list[str]:
    """Nenhuma marcação chegou crua à página."""
    page = BeautifulSoup(html, "html.parser")
    for tag in page.select("script, style, code, pre, .highlight, .sig, math annotation"):
        tag.decompose()
    return [f"marcação não interpretada: «{found[0][:60]}»" for found in RESIDUES.finditer(page.get_text())]


def foreign_requests(html: str) -> list[str]:
    """A página não pede nada a outra máquina."""
    page = BeautifulSoup(html, "html.parser")
    wanted = [(tag, tag.get(name, "")) for kind, names in LOADING.items() for tag in page(kind) for name in names]
    for link in page("link"):
        if LOADING_RELATIONS & set(link.get("rel", [])):
            wanted.append((link, link.get("href", "")))
    problems = [f"<{tag.name}> pede {address}" for tag, address in wanted if FOREIGN.search(address)]
    for tag in page("style"):
        problems += foreign_styles(tag.get_text())
    for tag in page.find_all(style=True):
        problems += foreign_styles(tag["style"])
    for script in page("script", src=False):
        if found := FOREIGN.search(script.get_text()):
            problems.append(f"um script na página traz o endereço {found[0]}")
    return problems


def foreign_styles(css: str) -> list[str]:
    """Uma folha de estilo não pede nada a outra máquina."""
    asked = re.findall(r"@import\s+(?:url\()?[\"']?([^\"')\s;]+)|url\(\s*[\"']?([^\"')]+)", css)
    return [f"o estilo pede {a or b}" for a, b in asked if not b.startswith("data:") and FOREIGN.match(a or b)]


def images_without_alt(html: str) -> list[str]:
    """Toda imagem tem texto alternativo; no texto do capítulo, um que diga o que ela mostra."""
    page = BeautifulSoup(html, "html.parser")
    problems = []
    for image in page("img"):
        alt = image.get("alt")
        in_text = image.find_parent("article") is not None
        if alt is None or (in_text and (not alt.strip() or re.search(r"\.(png|svg|jpe?g)$", alt))):
            problems.append(f"imagem sem texto alternativo: {image.get('src')}")
    return problems


def unnumbered_equations(html: str) -> list[str]:
    """Toda equação destacada tem número, fora das demonstrações, dos exercícios e das soluções."""
    page = BeautifulSoup(html, "html.parser")
    return [
        f"equação sem número: «{equation.get_text(' ', strip=True)[:60]}»"
        for equation in page.select(".equacao")
        if not equation.select_one(".eqno") and not equation.find_parent(_may_omit_numbers)
    ]


def _may_omit_numbers(tag: Tag) -> bool:
    classes = set(tag.get("class", []))
    theorems = {"theorem", "proposition", "lemma", "corollary", "definition"}
    return bool(classes & {"exercise", "solution"}) or ("proof" in classes and not classes & theorems)


def errors_on_page(html: str) -> list[str]:
    """Nenhuma fórmula e nenhuma marcação saiu como erro."""
    page = BeautifulSoup(html, "html.parser")
    found = page.select(".erro-de-formula, merror, .problematic, .system-message, .cell_output .traceback")
    return [f"erro na página: «{tag.get_text(' ', strip=True)[:80]}»" for tag in found]


def repeated_ids(html: str) -> list[str]:
    """Cada ``id`` aparece uma vez."""
    counts = Counter(tag["id"] for tag in BeautifulSoup(html, "html.parser").find_all(id=True))
    return [f"id repetido: {name} ({count} vezes)" for name, count in counts.items() if count > 1]


def broken_links(html: str, page_name: str, targets: dict[str, set[str]]) -> list[str]:
    """Todo link interno leva a uma página que existe e, nela, a um ``id`` que existe.

    Args:
        html: a página.
        page_name: o seu nome, ``"sigmoide.html"``.
        targets: de cada página do livro, os seus ``id``; de um arquivo que não é página, o conjunto vazio.
    """
    problems = []
    for link in BeautifulSoup(html, "html.parser").find_all("a", href=True):
        address = link["href"]
        if re.match(r"[a-z][a-z0-9+.-]*:|//", address):
            continue
        name, _, anchor = address.partition("#")
        name = name.split("?")[0] or page_name
        if name not in targets:
            problems.append(f"link para {name}, que não existe")
        elif anchor and anchor not in targets[name]:
            problems.append(f"link para {name}#{anchor}, que não existe")
    return problems


CHECKS = (
    wrong_language,
    english_strings,
    residues,
    foreign_requests,
    images_without_alt,
    unnumbered_equations,
    errors_on_page,
    repeated_ids,
)


def link_targets(folder) -> dict[str, set[str]]:
    """De cada arquivo do livro construído, os ``id`` para os quais um link pode apontar."""
    targets = {}
    for file in folder.rglob("*"):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            page = BeautifulSoup(file.read_text("utf8"), "html.parser") if file.suffix == ".html" else None
            targets[name] = {tag["id"] for tag in page.find_all(id=True)} if page else set()
    return targets


def page_problems(folder) -> list[str]:
    """Os problemas de todas as páginas e folhas de estilo de um livro construído, cada um com o arquivo."""
    targets = link_targets(folder)
    problems = []
    for file in sorted(folder.glob("*.html")):
        html = file.read_text("utf8")
        found = [problem for check in CHECKS for problem in check(html)] + broken_links(html, file.name, targets)
        problems += [f"{file.name}: {problem}" for problem in found]
    for file in sorted(folder.rglob("*.css")):
        problems += [f"{file.name}: {problem}" for problem in foreign_styles(file.read_text("utf8"))]
    return problems
