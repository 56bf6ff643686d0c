"""A busca sem acentos: «exercicio» encontra «exercício», e «equacao» encontra «equações»."""

import re
import unicodedata
from importlib import resources

import snowballstemmer
from sphinx.search import languages
from sphinx.search.pt import SearchPortuguese


def fold(word: str) -> str:
    """Tira maiúsculas e acentos, e leva o plural em «-ões» ao singular: ``fold("Equações") == "equacao"``."""
    decomposed = unicodedata.normalize("NFD", word.lower())
    return re.sub(r"oes$", "ao", "".join(c for c in decomposed if not unicodedata.combining(c)))


# O mesmo que fold, no navegador, em volta do radicalizador que o Sphinx já traz.
_FOLDING_STEMMER = r"""
const fold = (word) =>
  word.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/oes$/, "ao");
var Stemmer = function () {
  const stemmer = new PortugueseStemmer();
  this.stemWord = (word) => stemmer.stemWord(fold(word));
};

// O trecho mostrado também é procurado sem acentos: o do Sphinx não acharia «exercici» em «exercício».
if (typeof Search !== "undefined")
  Search.makeSearchSummary = (page, stems, anchor) => {
    const text = Search.htmlToText(page, anchor).replace(/\s+/g, " ").trim();
    const plain = text.split("").map((c) => c.normalize("NFD")[0].toLowerCase()).join("");
    const start = Math.max(0, Math.max(...[...stems].map((stem) => plain.indexOf(stem))) - 120);
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = (start ? "…" : "") + text.slice(start, start + 240) + (start + 240 < text.length ? "…" : "");
    return summary;
  };
"""


class FoldedPortuguese(SearchPortuguese):
    """O português do Sphinx com os acentos dobrados dos dois lados: no índice e na pergunta."""

    js_stemmer_rawcode = None

    def init(self, options: dict[str, str]) -> None:
        """Prepara o radicalizador e o código que o navegador usa."""
        self.stemmer = snowballstemmer.stemmer("portuguese")
        scripts = resources.files("sphinx.search") / "minified-js"
        sources = [(scripts / name).read_text("utf-8") for name in ("base-stemmer.js", "portuguese-stemmer.js")]
        self.js_stemmer_code = "\n".join([*sources, _FOLDING_STEMMER])

    def stem(self, word: str) -> str:
        """O radical de uma palavra, sem acentos."""
        return self.stemmer.stemWord(fold(word))


def setup(app):
    """Troca o português do Sphinx pelo nosso."""
    languages["pt"] = FoldedPortuguese
    return {"parallel_read_safe": True, "parallel_write_safe": True}
