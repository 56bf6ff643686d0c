"""O argparse em português: as suas frases, num lugar só, e os tipos de valor que a linha de comando aceita."""

import argparse
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# O que o argparse diz a quem usa o programa, nas versões 3.11 a 3.14 do Python. O que ele só diz a quem o programa
# (um parser mal construído) fica em inglês.
PORTUGUESE = {
    "usage: ": "uso: ",
    "positional arguments": "argumentos",
    "subcommands": "comandos",
    "options": "opções",
    "show this help message and exit": "mostra esta ajuda e sai",
    "show program's version number and exit": "mostra a versão e sai",
    "argument %(argument_name)s: %(message)s": "em %(argument_name)s: %(message)s",
    "argument '%(argument_name)s' is deprecated": "o argumento %(argument_name)s está em desuso",
    "command '%(parser_name)s' is deprecated": "o comando %(parser_name)s está em desuso",
    "option '%(option)s' is deprecated": "a opção %(option)s está em desuso",
    "the following arguments are required: %s": "falta o argumento %s",
    "one of the arguments %s is required": "falta um destes argumentos: %s",
    "unrecognized arguments: %s": "não conheço o argumento %s",
    "not allowed with argument %s": "não se combina com %s",
    "ignored explicit argument %r": "não recebe um valor; veio %r",
    "expected one argument": "falta o valor",
    "expected at most one argument": "no máximo um valor",
    "expected at least one argument": "falta ao menos um valor",
    "expected %s argument": "espero %s valor",
    "expected %s arguments": "espero %s valores",
    "ambiguous option: %(option)s could match %(matches)s": "a opção %(option)s pode ser %(matches)s: diga qual",
    "unexpected option string: %s": "não esperava a opção %s",
    "invalid %(type)s value: %(value)r": "o valor %(value)r não serve (%(type)s)",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r não existe; escolha entre %(choices)s",
    "invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)": (
        "%(value)r não existe (seria %(closest)r?); escolha entre %(choices)s"
    ),
    "unknown parser %(parser_name)r (choices: %(choices)s)": "o comando %(parser_name)r não existe; há %(choices)s",
    "can't open '%(filename)s': %(error)s": "não consigo abrir %(filename)s (%(error)s)",
    " (default: %(default)s)": " (padrão: %(default)s)",
    "%(prog)s: error: %(message)s\n": "%(prog)s: erro: %(message)s\n",
    "%(prog)s: warning: %(message)s\n": "%(prog)s: aviso: %(message)s\n",
}


@contextmanager
def in_portuguese() -> Iterator[None]:
    """Dentro do bloco, o argparse fala português; fora, como antes.

    O argparse passa cada frase por um ``_``, mas o gettext só traduz a partir de arquivos compilados: trocar o ``_``
    dele é mais simples do que trazer um.
    """
    before = argparse._, argparse.ngettext
    argparse._ = lambda text: PORTUGUESE.get(text, text)
    argparse.ngettext = lambda one, many, n: argparse._(one if n == 1 else many)
    try:
        yield
    finally:
        argparse._, argparse.ngettext = before


class Parser(argparse.ArgumentParser):
    """Um parser que não adivinha abreviações e cujo erro é uma frase só, sem repetir o uso."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: erro: {message}; veja {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=32)


def integer(text: str) -> int:
    """Um inteiro que cabe em 64 bits."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} não é um número inteiro") from None
    if abs(value) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} não cabe em 64 bits")
    return value


def positive(text: str) -> int:
    """Um inteiro a partir de 1."""
    value = integer(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"deve ser um inteiro positivo; recebi {value}")
    return value


def number(text: str) -> float:
    """Um número finito, com ponto decimal."""
    try:
        value = float(text)
    except ValueError:
        hint = "; o separador decimal aqui é o ponto, como em 0.001" if "," in text else ""
        raise argparse.ArgumentTypeError(f"{text!r} não é um número{hint}") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"deve ser um número finito; recebi {text}")
    return value
