"""A bibliografia em português: «e» entre autores, «Em» antes dos anais, títulos como foram publicados."""

from dataclasses import dataclass, field

import sphinxcontrib.bibtex.plugin
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as Plain
from pybtex.style.template import Node, names, sentence
from pybtex.style.template import field as entry_field
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

WORDS = {
    "In": "Em",
    "in": "em",
    "of": "de",
    "and": "e",
    "editor": "editor",
    "editors": "editores",
    "edition": "edição",
    "Volume": "Volume",
    "volume": "volume",
    "Number": "Número",
    "number": "número",
    "pages": "páginas",
    "chapter": "capítulo",
    "PhD thesis": "Tese de doutorado",
    "Master's thesis": "Dissertação de mestrado",
    "Technical Report": "Relatório técnico",
    "URL:": "Disponível em:",
    " (visited on ": " (acesso em ",
}


def translate(template):
    """Traduz as palavras fixas de um modelo do pybtex, e só elas: o que vem do ``.bib`` não muda."""
    if isinstance(template, Node):
        template.children = [translate(child) for child in template.children]
        return template
    if isinstance(template, list):
        return [translate(child) for child in template]
    return WORDS.get(template, template) if isinstance(template, str) else template


class PortugueseStyle(Plain):
    """O estilo ``plain`` do pybtex, ordenado por autor, em português."""

    def format_entry(self, label, entry, bib_data=None):
        """Formata uma referência com as palavras fixas traduzidas."""
        name = f"get_{entry.type}_template"
        template = getattr(self, name)
        setattr(self, name, lambda e: translate(template(e)))
        try:
            return super().format_entry(label, entry, bib_data)
        finally:
            delattr(self, name)

    def format_names(self, role, as_sentence=True):
        """Os nomes separados por vírgula, com «e» antes do último."""
        people = names(role, sep=", ", sep2=" e ", last_sep=" e ")
        return sentence[people] if as_sentence else people

    def format_title(self, e, which_field, as_sentence=True):
        """O título com as maiúsculas de quem o publicou."""
        title = entry_field(which_field)
        return sentence[title] if as_sentence else title


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")", sep="; ", sep2="; ", last_sep="; ")


def _people() -> PersonStyle:
    return PersonStyle(sep=", ", sep2=" e ", last_sep=" e ")


@dataclass
class AuthorYearPortuguese(AuthorYearReferenceStyle):
    """Citações por autor e ano: «(Arjovsky e Bottou, 2017)»."""

    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_author: BracketStyle = field(default_factory=_round)
    bracket_label: BracketStyle = field(default_factory=_round)
    bracket_year: BracketStyle = field(default_factory=_round)
    person: PersonStyle = field(default_factory=_people)


def setup(app):
    """Registra os dois estilos, que ``_config.yml`` nomeia."""
    register_plugin("pybtex.style.formatting", "portuguese", PortugueseStyle)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "author_year_portuguese", AuthorYearPortuguese
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
