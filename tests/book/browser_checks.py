"""O que só se vê num navegador: o que a página pede, diz no console e mostra. Cada função devolve os problemas."""

import contextlib
import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from os import environ
from pathlib import Path
from urllib.parse import quote

from page_checks import english_strings
from playwright.sync_api import Browser, Page, sync_playwright

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

UNTYPESET = r"""() => {
  const problems = [];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  for (const math of document.querySelectorAll("math")) {
    const box = math.getBoundingClientRect();
    const empty = box.width < 1 || box.height < 1;
    if (visible(math) && empty) problems.push("fórmula sem tamanho: " + math.textContent.slice(0, 40));
  }
  for (const error of document.querySelectorAll("merror, .erro-de-formula"))
    problems.push("fórmula com erro: " + error.textContent.slice(0, 40));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (text.parentElement.closest("script, style, code, pre, noscript")) continue;
    const found = text.data.match(/\$\$|\\[a-zA-Z]{2,}|\\\\/);
    if (found && visible(text.parentElement)) problems.push("fórmula não composta: " + text.data.trim().slice(0, 40));
  }
  return problems;
}"""

OVERFLOW = """() => {
  const root = document.scrollingElement;
  if (root.scrollWidth <= innerWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
  const names = wide.slice(0, 3).map((e) => e.tagName.toLowerCase() + (e.className ? "." + e.className : ""));
  return [`a página tem ${root.scrollWidth} px numa tela de ${innerWidth}: ${names.join(", ")}`];
}"""

UNREACHABLE = """() => [...document.querySelectorAll("body *")].filter((e) => {
  const scrolls = /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
  return scrolls && e.tabIndex < 0 && !e.querySelector("a, button, input, [tabindex='0']") && e.checkVisibility();
}).map((e) => "caixa que rola e o teclado não alcança: " + e.tagName.toLowerCase() + "." + e.className)"""


DISTORTED = """async () => {
  const problems = [];
  for (const image of document.images) {
    if (!image.checkVisibility()) continue;
    image.loading = "eager";  // uma figura adiada ainda não tem tamanho
    await image.decode().catch(() => {});
    const [natural, shown] = [image.naturalWidth / image.naturalHeight, image.width / image.height];
    if (Math.abs(natural / shown - 1) > 0.03) problems.push("imagem deformada: " + image.alt.slice(0, 40));
  }
  return problems;
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """O navegador pode desistir de um pedido ao fechar a aba: não é notícia."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve uma pasta em loopback, numa porta livre; dá o endereço, terminado em barra."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """O Chromium da máquina: o da variável CHROMIUM ou o do PATH."""
    executable = environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not executable:
        raise RuntimeError("Não há Chromium: instale o pacote «chromium» ou diga na variável CHROMIUM onde ele está.")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def watched(browser: Browser, base: str, mode: str) -> Iterator[tuple[Page, list[str]]]:
    """Uma aba no modo de cor do sistema (``light`` ou ``dark``) e a lista do que dá errado nela.

    Pedidos a outra máquina são anotados e barrados: o teste não sai da máquina.
    """
    problems: list[str] = []
    context = browser.new_context(viewport=WIDE, color_scheme=mode, locale="pt-BR")
    page = context.new_page()

    def guard(route):
        url = route.request.url
        if url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"pedido a outra máquina: {url}")
            route.abort()

    def heard(message):
        if message.type in ("error", "warning"):
            problems.append(f"console ({message.type}): {message.text}")

    context.route("**/*", guard)
    page.on("console", heard)
    page.on("pageerror", lambda error: problems.append(f"erro de script: {error}"))
    page.on("response", lambda r: r.status >= 400 and problems.append(f"pedido que falhou ({r.status}): {r.url}"))
    try:
        yield page, problems
    finally:
        context.close()


def page_problems(page: Page, problems: list[str], url: str) -> list[str]:
    """Abre uma página larga, estreita-a a 390 px, e devolve tudo o que deu errado."""
    del problems[:]
    page.set_viewport_size(WIDE)
    page.goto(url, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => null)")
    found = page.evaluate(UNTYPESET) + english_strings(page.content())
    page.set_viewport_size(NARROW)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 350)))")
    found += page.evaluate(OVERFLOW) + page.evaluate(UNREACHABLE) + page.evaluate(DISTORTED)
    return [*problems, *found]


def mode_problems(page: Page, mode: str) -> list[str]:
    """A página aberta segue o modo de cor do sistema; no escuro, as figuras se invertem, menos as fotografias."""
    theme = page.evaluate("document.documentElement.dataset.theme")
    problems = [] if theme == mode else [f"no modo {mode} do sistema, a página está no modo {theme!r}"]
    for image in page.query_selector_all("article img"):
        photograph = "fotografia" in (image.get_attribute("class") or "")
        inverted = "invert" in image.evaluate("e => getComputedStyle(e).filter")
        if inverted != (mode == "dark" and not photograph):
            problems.append(f"figura {'invertida' if inverted else 'não invertida'} no modo {mode}")
    return problems


def search_problems(page: Page, base: str, query: str, expected: str) -> list[str]:
    """A busca encontra a página esperada, em português."""
    page.set_viewport_size(WIDE)
    page.goto(f"{base}search.html?q={quote(query)}", wait_until="load")
    page.wait_for_selector("#search-results .search-summary:not(:empty)")
    page.wait_for_timeout(400)  # os trechos chegam um a um
    links = [link.get_attribute("href") or "" for link in page.query_selector_all("#search-results li a")]
    problems = [] if any(expected in link for link in links) else [f"«{query}» não encontra {expected}: {links}"]
    return problems + english_strings(page.inner_html("#search-results"))


def first_load(page: Page, url: str) -> int:
    """Quantos bytes, antes de compressão, a página pede na primeira visita."""
    finished = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.goto(url, wait_until="networkidle")
    return sum(len(request.response().body()) for request in list(finished))
