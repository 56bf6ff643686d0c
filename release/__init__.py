"""Publicar o livro: o que os fluxos de ``.github/workflows`` rodam, e que se roda igual na própria máquina.

``workflows`` confere os próprios fluxos; ``check``, o lançamento; ``assets`` junta os arquivos dele e ``github`` os
publica; ``notebooks`` envia o ramo que o Colab abre; ``links`` confere os endereços de fora. O que roda depois dos
testes, sem ambiente preparado (``notebooks`` e ``github``), só usa a biblioteca padrão.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A versão e o repositório são ditos num lugar só, que é do livro (site_identity.py). Na frente: há um pacote «build».
sys.path.insert(0, str(ROOT / "book" / "_ext"))


class ReleaseError(Exception):
    """A publicação não pôde seguir; a mensagem diz por quê e o que fazer."""
