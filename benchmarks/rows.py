"""As linhas da tabela: o que se mede, com quantas threads, e o que se quer alcançar.

Os alvos e os quocientes da referência foram postos num Zen 5 de dois núcleos. Para acrescentar uma medida: uma linha em
``ROWS``.
"""

from dataclasses import dataclass

from ganlib.errors import choose


@dataclass(frozen=True)
class Row:
    """Uma medida: a ganlib numa variante contra uma base, com o piso ao lado, num processo só seu.

    Attributes:
        work: nome em ``works.WORKS``.
        variant: nome em ``ours.VARIANTS``.
        threads: threads do PyTorch.
        target: quantas vezes mais rápida que a base a ganlib deve ser, ou ``None`` se a linha só informa.
        floor_target: que fração do piso (de 0 a 1) ela deve alcançar, ou ``None``.
        reference: o quociente entre o script público e um passo limpo medido na máquina de referência; o do laço
            ingênuo pela variante simples deve ficar a 15 % dele, senão a base foi mal escrita ou a máquina é outra.
        device: ``"cpu"`` ou ``"cuda"``.
        base: ``"naive"``, o laço ingênuo, ou uma variante da própria ganlib.
    """

    work: str
    variant: str
    threads: int = 1
    target: float | None = None
    floor_target: float | None = None
    reference: float | None = None
    device: str = "cpu"
    base: str = "naive"

    @property
    def name(self) -> str:
        """Como se pede a linha: ``mlp/plain/T2``, ou ``mlp/graph/cuda``."""
        return f"{self.work}/{self.variant}/{'cuda' if self.device == 'cuda' else f'T{self.threads}'}"


ROWS = {
    row.name: row
    for row in (
        Row("mlp", "plain", 1, reference=1.66),
        Row("mlp", "fast", 1, floor_target=0.70),
        Row("mlp", "plain", 2, target=2.0, reference=2.0),
        Row("mlp", "fast", 2, target=3.0, floor_target=0.70),
        Row("wgan_gp", "plain", 1, target=1.8, reference=1.8),
        Row("wgan_gp", "fast", 1, target=3.0, floor_target=0.60),
        Row("ring", "plain", 1, target=1.5, reference=1.57),
        # Nas matrizes do anel o caminho rápido dos produtos não compensa: "tudo ligado" é um só lote em D.
        Row("ring", "one_pass", 1, floor_target=0.70),
        Row("models", "models", 1, target=8.0),
        # O MKL gasta numa camada de 64 para 1, K vezes, quase o que gasta numa de 64 para 64; o oneDNN não.
        Row("models", "fast", 1, target=8.0),
        Row("dcgan", "plain", 2, reference=1.87),
        Row("dcgan", "bf16", 2, target=3.0),
        Row("mlp", "graph", target=8.0, device="cuda", base="eager"),
        Row("wgan_gp", "graph", target=8.0, device="cuda", base="eager"),
    )
}


def select(names: list[str] | None = None) -> list[Row]:
    """As linhas com estes nomes, ou todas.

    Raises:
        ValueError: um nome não existe; a mensagem lista os válidos.
    """
    return [choose("linha", name, ROWS) for name in names] if names else list(ROWS.values())


def runnable(rows: list[Row], *, cores: int, gpu: bool) -> tuple[list[Row], list[str]]:
    """As linhas que esta máquina pode medir, e o que dizer das outras."""
    kept = [r for r in rows if (gpu if r.device == "cuda" else r.threads <= cores)]
    left_out = [r for r in rows if r not in kept]
    said = ["GPU: não medido (o PyTorch não encontra uma)"] if any(r.device == "cuda" for r in left_out) else []
    said += [f"{r.name}: não medido (há {cores} núcleo só)" for r in left_out if r.device == "cpu"]
    return kept, said
