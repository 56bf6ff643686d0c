"""A página em português do Brasil até a última palavra que o Sphinx, as extensões e o tema escrevem.

Os catálogos ficam em ``book/locales``; cada um vai para a frente do catálogo que a própria extensão traz, qualquer que
seja o seu domínio (o ``locale_dirs`` do Sphinx só alcança o domínio dele). Não é preciso compilar arquivos ``.mo``.
"""

from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import sphinx.locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).resolve().parents[1] / "locales" / "pt_BR" / "LC_MESSAGES"

# Os quatro avisos do livro: o título é o mesmo na página e no notebook.
ADMONITION_TITLES = {
    "important": "⚠️ Importante",
    "attention": "❗ Atenção",
    "tip": "✔️ Destaque",
    "note": "🔑 Guarde isto",
}
PROOF_TITLE = "Demonstração"


def read_catalogue(path: Path) -> GNUTranslations:
    """Lê um ``.po`` como catálogo do gettext, sem gravar nada."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale="pt_BR")
    if path.stem == "sphinx":
        for name, title in ADMONITION_TITLES.items():
            catalogue.add(name.capitalize(), title)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def install_catalogues(app, config) -> None:
    """Põe os catálogos do livro na frente dos que o Sphinx e as extensões carregaram."""
    for path in sorted(LOCALES.glob("*.po")):
        domain = ("general", path.stem)
        ours = read_catalogue(path)
        if theirs := sphinx.locale.translators.get(domain):
            ours.add_fallback(theirs)
        sphinx.locale.translators[domain] = ours
        if path.stem == "sphinx":
            app.translator = ours  # é deste que os modelos das páginas leem


def setup(app):
    """Instala os catálogos antes que qualquer extensão escreva um título."""
    app.connect("config-inited", install_catalogues, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
