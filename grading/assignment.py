"""Uma lista de exercícios: o que se pergunta, quanto vale, com que entradas e como se compara.

Uma pasta por lista, com três arquivos::

    list.md      o enunciado e as soluções: um notebook MyST, de que saem o do aluno e o gabarito
    probes.py    uma função por verificação, que roda dentro da caixa: ``def nome(names, **entradas)``
    grading.py   ``ASSIGNMENT``, uma :class:`Assignment`; é do instrutor e roda fora da caixa
"""

import hashlib
import hmac
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grading.errors import GradingError

Answer = Any  # o que atravessa a parede: None, bool, int, float, str, np.ndarray, e listas e dicionários deles
Compare = Callable[[Answer, Answer, Mapping[str, Answer]], bool]

FILES = ("list.md", "probes.py", "grading.py")


def no_inputs(rng: np.random.Generator) -> dict[str, Answer]:
    """Uma verificação sem entradas."""
    return {}


def close(rtol: float = 1e-6, atol: float = 0.0) -> Compare:
    """Mesma forma e mesmos números, a menos de ``atol + rtol·|esperado|``; infinitos coincidem, e NaN nunca serve."""

    def compare(answer: Answer, expected: Answer, inputs: Mapping[str, Answer]) -> bool:
        if isinstance(expected, dict):
            same = isinstance(answer, dict) and answer.keys() == expected.keys()
            return same and all(compare(answer[k], expected[k], inputs) for k in expected)
        if isinstance(expected, list):
            same = isinstance(answer, list) and len(answer) == len(expected)
            return same and all(compare(a, e, inputs) for a, e in zip(answer, expected, strict=True))
        if expected is None or isinstance(expected, bool | str):
            return type(answer) is type(expected) and answer == expected
        a, e = _numbers(answer), _numbers(expected)
        return a is not None and a.shape == e.shape and bool(np.isclose(a, e, rtol, atol).all())

    return compare


def exact(answer: Answer, expected: Answer, inputs: Mapping[str, Answer]) -> bool:
    """Igual ao do gabarito: mesmo tipo, mesma forma, mesmos valores."""
    return close(0.0)(answer, expected, inputs)


def _numbers(value: Answer) -> np.ndarray | None:
    """Um número ou uma matriz de números; um booleano, um texto ou um objeto não são números."""
    if isinstance(value, bool) or not isinstance(value, int | float | complex | np.ndarray):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "biufc" else None


@dataclass(frozen=True)
class Check:
    """Uma verificação automática.

    Attributes:
        name: o nome da função em ``probes.py``.
        points: quanto vale; tudo ou nada.
        hint: o que dizer a quem errou; nunca contém as entradas nem a resposta.
        inputs: ``rng → entradas``, sorteadas para cada aluno com a semente da turma; viram argumentos da função.
        compare: ``(resposta, esperada, entradas) → certo?``; roda fora da caixa.
        needs_key: se a resposta esperada é a do gabarito com as mesmas entradas. Sem isso ``compare`` recebe None e
            julga a resposta pelo que ela é (amostras, pesos), e o gabarito não roda de novo para cada aluno.
    """

    name: str
    points: float
    hint: str
    inputs: Callable[[np.random.Generator], dict[str, Answer]] = no_inputs
    compare: Compare = field(default_factory=close)
    needs_key: bool = True


@dataclass(frozen=True)
class Question:
    """Uma questão com verificações automáticas; ``id`` é o rótulo do exercício em ``list.md``."""

    id: str
    title: str
    checks: tuple[Check, ...]

    @property
    def points(self) -> float:
        """A soma dos pontos das verificações."""
        return sum(check.points for check in self.checks)


@dataclass(frozen=True)
class Written:
    """Uma questão de texto, corrigida à mão; ``rubric`` é o que o corretor lê ao lado das respostas."""

    id: str
    title: str
    points: float
    rubric: str


@dataclass(frozen=True)
class Assignment:
    """A lista inteira.

    Attributes:
        title: o título, como o aluno lê.
        chapter: o capítulo do livro a que pertence (o nome do arquivo, sem extensão).
        minutes: quanto tempo se espera que um aluno leve.
        questions: na ordem da lista.
        withheld: nomes da ganlib que responderiam a uma questão e que a caixa não tem: ``"losses"`` (o módulo todo)
            ou ``"divergences.jsd"`` (um nome, onde é definido).
        seconds: limite de relógio de uma entrega, do começo ao fim. Uma célula e uma verificação têm um terço dele.
        memory_mib: limite do espaço de endereçamento (o torch sozinho ocupa cerca de 2.000).
    """

    title: str
    chapter: str
    minutes: int
    questions: tuple[Question | Written, ...]
    withheld: tuple[str, ...] = ()
    seconds: float = 30.0
    memory_mib: int = 4096

    @property
    def checks(self) -> tuple[Check, ...]:
        """Todas as verificações automáticas, na ordem."""
        return tuple(c for q in self.questions if isinstance(q, Question) for c in q.checks)

    @property
    def written(self) -> tuple[Written, ...]:
        """As questões corrigidas à mão, na ordem."""
        return tuple(q for q in self.questions if isinstance(q, Written))

    @property
    def points(self) -> float:
        """O total da lista."""
        return sum(q.points for q in self.questions)


@dataclass(frozen=True)
class ListFolder:
    """A pasta de uma lista, lida e conferida."""

    path: Path
    assignment: Assignment

    @property
    def name(self) -> str:
        """O nome da pasta, que é o da lista."""
        return self.path.name

    @property
    def source(self) -> str:
        """O texto de ``list.md``."""
        return (self.path / "list.md").read_text("utf8")

    @property
    def probes(self) -> str:
        """O texto de ``probes.py``."""
        return (self.path / "probes.py").read_text("utf8")

    def digest(self) -> str:
        """Resumo do conteúdo dos três arquivos: muda um, e a turma é corrigida de novo."""
        h = hashlib.sha256()
        for name in FILES:
            content = (self.path / name).read_bytes()
            h.update(f"{name}\0{len(content)}\0".encode() + content)
        return h.hexdigest()


def load(path: Path | str) -> ListFolder:
    """Lê a pasta de uma lista, que pode estar fora do repositório.

    Raises:
        GradingError: falta um arquivo, ``grading.py`` não roda, ou as três partes não combinam.
    """
    path = Path(path).resolve()
    for name in FILES:
        if not (path / name).is_file():
            raise GradingError(f"A lista {path} não tem o arquivo {name}; uma lista tem {', '.join(FILES)}")
    spec = importlib.util.spec_from_file_location(f"_list_{path.name}", path / "grading.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise GradingError(f"{path / 'grading.py'} não roda: {type(error).__name__}: {error}") from error
    assignment = getattr(module, "ASSIGNMENT", None)
    if not isinstance(assignment, Assignment):
        raise GradingError(f"{path / 'grading.py'} tem de definir ASSIGNMENT, uma grading.assignment.Assignment")
    folder = ListFolder(path, assignment)
    problems = _problems(folder)
    if problems:
        raise GradingError(f"A lista {path.name} não está inteira: " + "; ".join(problems))
    return folder


def _problems(folder: ListFolder) -> list[str]:
    a = folder.assignment
    names = [c.name for c in a.checks]
    ids = [q.id for q in a.questions]
    defined = set(re.findall(r"(?m)^def (\w+)\(", folder.probes))
    labels = re.findall(r"(?m)^```+\{exercise-start\}[^\n]*\n:label: (\S+)", folder.source)
    found = [f"{n} aparece duas vezes" for n in sorted({x for x in names + ids if (names + ids).count(x) > 1})]
    found += [f"falta a função {n} em probes.py" for n in names if n not in defined]
    found += [f"a questão {i} não é um exercício de list.md" for i in ids if i not in labels]
    found += [f"o exercício {x} de list.md não está em grading.py" for x in labels if x not in ids]
    found += [f"{c.name} vale {c.points} pontos" for c in a.checks if not c.points > 0]
    found += [f"{q.id} vale {q.points} pontos" for q in a.questions if not q.points > 0]
    return found


# Sementes


def student_token(seed: bytes, student: str) -> str:
    """O que identifica o aluno nos arquivos sem revelar a semente da turma: um HMAC, em hexadecimal."""
    return hmac.new(seed, f"aluno\0{student}".encode(), hashlib.sha256).hexdigest()


def draw(folder: ListFolder, seed: bytes, student: str) -> dict[str, dict[str, Answer]]:
    """As entradas de cada verificação para este aluno: só dependem da semente da turma, do aluno e da lista."""
    found = {}
    for check in folder.assignment.checks:
        message = f"entradas\0{folder.name}\0{check.name}\0{student}".encode()
        found[check.name] = check.inputs(np.random.default_rng(list(hmac.digest(seed, message, "sha256"))))
    return found


def read_seed(path: Path | str) -> bytes:
    """A semente da turma, de um arquivo do instrutor.

    Raises:
        GradingError: o arquivo não existe, ou tem menos de 16 bytes.
    """
    path = Path(path)
    advice = f"crie uma com: head -c 32 /dev/urandom > {path} (e guarde uma cópia: sem ela não se repete a correção)"
    if not path.is_file():
        raise GradingError(f"O arquivo da semente da turma não existe: {path}; {advice}")
    seed = path.read_bytes().strip()
    if len(seed) < 16:
        raise GradingError(f"A semente da turma em {path} tem {len(seed)} bytes, e precisa de ao menos 16; {advice}")
    return seed
