"""O que os capítulos usam para escrever números: vírgula decimal, e um valor calculado que o texto repete."""

import re
from typing import Any


def decimal_comma(value: Any, fmt: str = "{:.3f}") -> str:
    """Formata um número como se escreve em português: ``decimal_comma(1234.5, "{:,.1f}") == "1.234,5"``.

    Notação científica vira potência de dez: ``decimal_comma(3.2e-7, "{:.1e}") == "3,2·10⁻⁷"``.
    """
    text = fmt.format(value).translate(str.maketrans(",.-", ".,−"))
    scientific = re.fullmatch(r"(.*\d)[eE]([+−]\d+)(.*)", text)
    if scientific is None:
        return text
    mantissa, exponent, rest = scientific.groups()
    power = str(int(exponent.replace("−", "-"))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{power}{rest}"


def glue(name: str, value: Any, fmt: str = "{:.3f}") -> None:
    """Guarda na saída da célula, sem mostrar nada, o valor formatado que o texto cita com ``{glue:text}``.

    Funciona com e sem o livro instalado: fora dele, a saída simplesmente não aparece.

    Args:
        name: o nome citado no texto; único no capítulo.
        value: número ou texto (um texto é guardado como está).
        fmt: formato de ``str.format`` aplicado a números.
    """
    from IPython.display import display

    text = value if isinstance(value, str) else decimal_comma(value, fmt)
    display(
        {"application/papermill.record/text/plain": repr(text)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
    )
