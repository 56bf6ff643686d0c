// O pouco que a página faz: as frases da busca, copiar código, e dar foco pelo teclado às fórmulas e figuras que rolam.
Documentation.addTranslations({
  messages: {
    "Search Results": "Resultados da busca",
    "Hide Search Matches": "Ocultar os destaques da busca",
    "Search finished, found ${resultCount} page(s) matching the search query.": "Trechos encontrados: ${resultCount}.",
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
      "Nada foi encontrado. Confira a grafia das palavras ou tente outras.",
  },
  plural_expr: "n != 1",
  locale: "pt_BR",
});

const addCopyButtons = () => {
  for (const pre of document.querySelectorAll(".cell_input .highlight > pre, .bd-content div[class*=highlight-] > .highlight > pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "botao-copiar";
    button.textContent = "Copiar";
    button.setAttribute("aria-label", "Copiar o código");
    button.addEventListener("click", async () => {
      let outcome = "Copiado";
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch {
        outcome = "Não foi possível copiar";
      }
      button.textContent = outcome;
      setTimeout(() => (button.textContent = "Copiar"), 2000);
    });
    pre.parentElement.append(button);
  }
};

const focusWideBoxes = () => {
  for (const box of document.querySelectorAll(".formula, .bd-content figure")) {
    const what = box.matches("figure") ? "Figura larga" : "Fórmula larga";
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", box.matches("figure") ? "figure" : "group");
      box.setAttribute("aria-label", `${what}: role para o lado`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
};

addCopyButtons();
focusWideBoxes();
document.fonts.ready.then(focusWideBoxes);
addEventListener("resize", focusWideBoxes);
