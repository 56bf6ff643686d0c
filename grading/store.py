"""A correção de uma turma em disco: um arquivo por entrega, escrito assim que sai, e o índice da turma.

Em ``DIR``::

    resultados/<chave>.json   uma Row; a chave resume tudo de que ela depende
    turma.json                que entregas há, de quem, e a chave do resultado de cada uma
    manual.csv                as notas à mão (de marks); correções automáticas nunca o apagam
    publicado/                o que vai para os alunos (de publish)

Toda escrita é atômica: quem interrompe acha o que já estava pronto, inteiro.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from grading.errors import GradingError
from grading.rows import Row


@dataclass(frozen=True)
class Entry:
    """Uma entrega no índice da turma.

    Attributes:
        student: o aluno (o identificador do LMS ou da lista de alunos).
        name: o nome dele, para as planilhas; "" se não se sabe.
        email: o endereço dele; "" se não se sabe.
        file: o caminho da entrega dentro da pasta ou do zip; "" para quem não entregou.
        folder: a pasta do Moodle (``Nome_123_assignsubmission_file_``); "" se a entrega não veio assim.
        modified: quando foi entregue, ISO 8601 com fuso, ou "" se não se sabe.
        enrolled: se está na lista de alunos; verdadeiro para todos quando não há lista.
        key: a chave do resultado; "" enquanto não foi corrigida, ou se não há entrega.
    """

    student: str
    name: str = ""
    email: str = ""
    file: str = ""
    folder: str = ""
    modified: str = ""
    enrolled: bool = True
    key: str = ""


@dataclass(frozen=True)
class Index:
    """O índice da turma: a lista corrigida, o resumo dela e as entregas, na ordem em que foram achadas."""

    folder: str
    digest: str
    entries: tuple[Entry, ...]


def write(path: Path, content: bytes | str) -> None:
    """Escreve o arquivo inteiro ou nada: um vizinho com o conteúdo, e uma troca."""
    data = content.encode("utf8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".parcial")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


class Store:
    """A pasta de uma correção."""

    def __init__(self, path: Path | str):
        self.path = Path(path)

    @property
    def manual(self) -> Path:
        """A planilha das notas à mão."""
        return self.path / "manual.csv"

    @property
    def published(self) -> Path:
        """O que vai para os alunos."""
        return self.path / "publicado"

    def result(self, key: str) -> Row | None:
        """O resultado guardado com esta chave; None se não há, ou se o arquivo não se lê (será refeito)."""
        try:
            return Row.from_json(json.loads((self.path / "resultados" / f"{key}.json").read_text("utf8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def save(self, key: str, row: Row) -> None:
        """Guarda um resultado."""
        write(self.path / "resultados" / f"{key}.json", json.dumps(row.to_json(), ensure_ascii=False, indent=1))

    def save_index(self, index: Index) -> None:
        """Guarda o índice da turma."""
        write(self.path / "turma.json", json.dumps(asdict(index), ensure_ascii=False, indent=1))

    def index(self) -> Index:
        """O índice da turma.

        Raises:
            GradingError: a pasta não é a de uma correção.
        """
        try:
            data = json.loads((self.path / "turma.json").read_text("utf8"))
            return Index(data["folder"], data["digest"], tuple(Entry(**e) for e in data["entries"]))
        except FileNotFoundError:
            message = f"{self.path} não é a pasta de uma correção: rode antes python -m grading grade"
            raise GradingError(message) from None
        except (ValueError, KeyError, TypeError) as error:
            raise GradingError(f"{self.path / 'turma.json'} está danificado ({error}): corrija de novo") from None

    def rows(self) -> list[tuple[Entry, Row | None]]:
        """Cada entrega do índice com o seu resultado (None para quem não entregou ou ainda não foi corrigido)."""
        return [(e, self.result(e.key) if e.key else None) for e in self.index().entries]


def result_key(content: bytes, folder_digest: str, token: str, versions: Iterable[str]) -> str:
    """A chave de um resultado: muda a entrega, a lista, o aluno ou um programa, e a chave é outra."""
    h = hashlib.sha256()
    for part in (hashlib.sha256(content).hexdigest(), folder_digest, token, *versions):
        h.update(f"{len(part)}\0{part}".encode())
    return h.hexdigest()
