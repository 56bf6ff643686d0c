"""A versão do pacote, no único lugar em que ela é escrita."""

__version__ = "0.1.0"
