"""O livro de amostra, construído uma vez por sessão de testes, e o livro de verdade, que precisa existir."""

from pathlib import Path

import pytest
from build import ROOT, jupyter_book

SAMPLE = Path(__file__).parent / "sample_book"


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory) -> Path:
    """A pasta das páginas do livro de amostra, construído num repositório fictício, sem um aviso sequer."""
    out = tmp_path_factory.mktemp("amostra")
    result = jupyter_book(SAMPLE, out, GITHUB_REPOSITORY="pessoa/curso")
    assert result.returncode == 0, result.stdout + result.stderr
    return out / "_build" / "html"


@pytest.fixture(scope="session")
def site() -> Path:
    """A pasta do livro construído; sem ela o teste falha, nunca é pulado."""
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").exists():
        pytest.fail("O livro não foi construído: rode «make book» antes deste teste.", pytrace=False)
    return folder
