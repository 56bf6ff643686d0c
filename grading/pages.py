"""O que as páginas têm em comum: um arquivo só, sem scripts nem pedidos à rede, claro ou escuro, bom num telefone."""

from html import escape

from grading.sheets import one_line, visible

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --muted: #5a626b; --page: #fff; --box: #f4f6f8; --line: #d5dae0;
  --good: #0a6b3d; --bad: #b3261e; --wait: #8a5300; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8eaed; --muted: #a5adb6; --page: #14171a; --box: #1e2226; --line: #3b4249;
    --good: #6fd39b; --bad: #ff9c92; --wait: #ffc46b; } }
* { box-sizing: border-box; }
body { background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 46rem; overflow-wrap: anywhere; padding: 1.2rem 1rem 3rem; }
body.wide { max-width: 70rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .2rem 0 .4rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, ul { margin: .5rem 0; } ul { padding-left: 1.3rem; }
a { color: inherit; }
small, .muted { color: var(--muted); } small { display: block; font-size: .9rem; }
.box { background: var(--box); border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0;
  padding: .7rem 1rem; }
.box > :first-child { margin-top: 0; } .box > :last-child { margin-bottom: 0; }
.total { font-size: 2.2rem; font-weight: 650; line-height: 1.1; margin: 0; }
.total span { color: var(--muted); font-size: 1rem; font-weight: 400; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.good, .bad, .wait { font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .5rem .45rem 0; text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th, .muted { font-weight: 400; } thead th { color: var(--muted); font-size: .9rem; }
tr.question > * { border-bottom-width: 2px; font-weight: 600; padding-top: 1.1rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
pre, .lines { white-space: pre-wrap; }
pre { background: var(--box); border-radius: .4rem; font: .92rem/1.45 ui-monospace, monospace; margin: .4rem 0;
  overflow-wrap: anywhere; padding: .6rem .8rem; }
.scroll { overflow-x: auto; }
"""

# Nenhum texto de aluno chega aqui sem escape; se um dia chegasse, o navegador ainda assim não rodaria nem pediria nada.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def text(value: str, limit: int = 120) -> str:
    """Texto alheio numa linha, pronto para o HTML e isolado: letras da direita para a esquerda não mexem no resto."""
    return f"<bdi>{escape(one_line(value, limit))}</bdi>"


def lines(value: str) -> str:
    """Texto alheio de várias linhas, pronto para o HTML (dentro de ``<pre>`` ou da classe ``lines``)."""
    return escape(visible(value))


def page(title: str, body: str, style: str = "", wide: bool = False) -> str:
    """Uma página inteira; ``body`` já é HTML, ``title`` é texto."""
    return f"""<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="robots" content="noindex">
<title>{escape(one_line(title))}</title>
<style>{STYLE}{style}</style>
</head>
<body{' class="wide"' if wide else ""}>
{body}
</body>
</html>
"""
