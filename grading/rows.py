"""O resultado de uma entrega, como vai para o disco."""

from dataclasses import asdict, dataclass, field
from typing import Any

# O que pode acontecer com uma verificação.
RIGHT = "certa"
WRONG = "errada"
MISSING = "não respondida"  # o nome pedido não existe, ou a lacuna ficou em branco
CRASH = "erro"  # o código do aluno levantou uma exceção, ou o processo dele morreu
TIMEOUT = "tempo"
MEMORY = "memória"
BOX = "caixa"  # a culpa não é do aluno: a caixa ou a comparação falhou
CHECK_OUTCOMES = (RIGHT, WRONG, MISSING, CRASH, TIMEOUT, MEMORY, BOX)

# O que pode acontecer com a entrega inteira.
GRADED = "corrigida"
UNREADABLE = "ilegível"  # não é um notebook, ou é grande demais
SUBMISSION_OUTCOMES = (GRADED, UNREADABLE, CRASH, TIMEOUT, MEMORY, BOX)

# Os que vale a pena rodar de novo, sem repetir os outros.
RERUN = (TIMEOUT, MEMORY, BOX)


@dataclass(frozen=True)
class CheckResult:
    """Uma verificação: o que houve e quantos pontos deu."""

    outcome: str
    points: float = 0.0


@dataclass(frozen=True)
class Row:
    """Uma entrega corrigida. Nenhum texto aqui vem do aluno, a não ser ``written``.

    Attributes:
        student: o aluno, como o LMS ou a lista de alunos o identifica.
        file: o caminho da entrega dentro da pasta ou do zip.
        digest: SHA-256 dos bytes da entrega.
        outcome: um de ``SUBMISSION_OUTCOMES``.
        message: uma frase nossa que explica o ``outcome``, ou "".
        checks: nome da verificação → resultado; uma entrada por verificação da lista.
        written: questão → o texto do aluno, como ele o escreveu (não confie nele: escape).
        cells: as células que falharam, ``(número a partir de 1, nome da exceção)``; o nome é um dos do Python, ou
            "Exception".
        seconds: quanto a caixa ficou aberta.
        code_digest: resumo do código sem comentários nem espaços, para achar entregas idênticas; "" se não se leu.
    """

    student: str
    file: str
    digest: str
    outcome: str
    message: str = ""
    checks: dict[str, CheckResult] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    cells: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0
    code_digest: str = ""

    @property
    def points(self) -> float:
        """A soma das verificações automáticas."""
        return sum(check.points for check in self.checks.values())

    def to_json(self) -> dict[str, Any]:
        """Um dicionário para o JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Row":
        """O inverso de :meth:`to_json`."""
        checks = {name: CheckResult(**check) for name, check in data["checks"].items()}
        return cls(**data | {"checks": checks, "cells": [tuple(cell) for cell in data["cells"]]})
