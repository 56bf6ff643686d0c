"""O erro que o instrutor lê."""


class GradingError(Exception):
    """Algo que o instrutor pode consertar; a mensagem é uma frase em português que diz o quê e como."""
