"""Métricas de amostras com modos conhecidos (anel, grade), cada uma ao lado do seu teto e dos seus pisos.

O resto mora perto: ``distances`` (W1, W1 fatiada, MMD, JSD), ``gradients`` (normas de gradientes) e ``features``
(distância de Fréchet e classes, para dígitos).

Amostras ``x`` têm forma ``(n, d)`` ou ``(K, n, d)``; o resultado é um escalar ou ``(K,)``. Nenhuma métrica destas basta
sozinha: o ruído tem KL reversa quase nula, e um modo só tem uma ótima fração boa. Por isso ``report`` mostra as três,
e para cada uma o valor de um amostrador perfeito (o teto) e o de dois amostradores inúteis (os pisos). Para
acrescentar uma métrica à tabela: escreva a função e ponha uma linha em ``report``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganlib.data import Data, mixture
from ganlib.notebook import decimal_comma


def nearest_mode(x: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Distância ao centro mais próximo e o índice dele, ``(…, n)`` cada.

    Raises:
        ValueError: amostras e centros de dimensões diferentes.
    """
    if x.shape[-1] != centers.shape[-1]:
        raise ValueError(f"as amostras têm dimensão {x.shape[-1]} e os centros, {centers.shape[-1]}")
    # Por diferenças: a fórmula ‖a‖² + ‖b‖² - 2ab, em float32, erra 4 % de um desvio perto dos centros do anel.
    distance, index = torch.cdist(x, centers.to(x), compute_mode="donot_use_mm_for_euclid_dist").min(-1)
    return distance, index


def high_quality_share(x: Tensor, centers: Tensor, std: float, within: float = 3.0) -> Tensor:
    """Fração das amostras a até ``within`` desvios de algum centro, entre 0 e 1 (Srivastava et al., 2017).

    Teto em 2-D (gaussiana perfeita): ``perfect_share(within)``, 98,889 % para 3 desvios. Acima dele há concentração
    demais, não qualidade. Piso: 0, longe de todos os centros; um modo só também chega ao teto. Não tem viés; o seu
    erro padrão com n amostras é ``√(s(1-s)/n)``: 0,33 pontos no teto com n = 1000.
    """
    return (nearest_mode(x, centers)[0] <= within * std).float().mean(-1)


def perfect_share(within: float = 3.0, dim: int = 2) -> float:
    """A fração de uma gaussiana isotrópica a até ``within`` desvios do centro: em 2-D, ``1 - e^{-within²/2}``.

    Em dimensão ``dim``, ``P(χ²_dim ≤ within²)``. Vale para a mistura quando os modos não se sobrepõem.
    """
    half = torch.tensor([dim / 2, within**2 / 2], dtype=torch.float64)
    return torch.special.gammainc(half[0], half[1]).item()


def mode_histogram(x: Tensor, centers: Tensor, std: float | None = None, within: float = 3.0) -> Tensor:
    """Quantas amostras caem em cada modo, ``(…, M)``; com ``std``, só as a até ``within`` desvios do centro."""
    distance, index = nearest_mode(x, centers)
    hits = torch.nn.functional.one_hot(index, len(centers))
    if std is not None:
        hits = hits * (distance <= within * std)[..., None]
    return hits.sum(-2)


def modes_covered(
    x: Tensor, centers: Tensor, std: float, within: float = 3.0, min_share: float = 0.1
) -> Tensor:
    """Número de modos com ao menos ``min_share`` da parte justa ``n/M`` de amostras de boa qualidade.

    Teto: ``M``. Piso: 0 (amostras longe de todos os centros), mas o ruído cobre modos largos por acaso: veja
    ``report``. Com menos de umas 30 amostras por modo, até um amostrador perfeito pode perder um modo por azar.
    """
    count = mode_histogram(x, centers, std, within)
    return (count >= min_share * x.shape[-2] / len(centers)).sum(-1)


def reverse_kl(x: Tensor, centers: Tensor) -> Tensor:
    """``KL(q‖u)``, em nats, entre o histograma dos modos (cada amostra no mais próximo) e o uniforme.

    Teto de qualidade: 0. Tudo num modo só: ``log M``. A estimativa por contagens tem viés para cima: um amostrador
    perfeito dá em média ``(M-1)/2n``. Não vê a distância ao modo: ruído simétrico também dá quase 0.
    """
    uniform = torch.full((len(centers),), 1 / len(centers), dtype=torch.float64)
    return histogram_kl(mode_histogram(x, centers), uniform)


def histogram_kl(count: Tensor, fair: Tensor) -> Tensor:
    """``KL(q‖fair)``, em nats e em float64, com q as frequências de ``count`` ``(…, M)``.

    Infinita se há contagem onde ``fair`` ``(M,)`` é 0.
    """
    q = count.double() / count.sum(-1, keepdim=True)
    return (torch.special.xlogy(q, q) - torch.special.xlogy(q, fair.to(q))).sum(-1)


# O relatório: a amostra, o teto e os pisos, lado a lado


@dataclass(frozen=True)
class Measure:
    """Uma métrica da amostra ao lado das suas referências.

    Attributes:
        label: o título da coluna, com a unidade.
        sample: o valor da amostra, 0-dim ou ``(K,)``, em float64.
        ceiling: o valor médio de um amostrador perfeito com o mesmo n.
        spread: o desvio-padrão desse valor entre repetições; ``None`` se só houve uma.
        floors: o valor de cada amostrador inútil, na ordem de ``Report.floors``.
        decimals: casas decimais na tabela.
    """

    label: str
    sample: Tensor
    ceiling: float
    spread: float | None
    floors: tuple[float, ...]
    decimals: int = 3


@dataclass(frozen=True)
class Report:
    """Uma tabela de medidas; ``print(report)`` a mostra, e ``report["nome"]`` devolve a ``Measure``.

    Attributes:
        title: o que foi medido, e com quantas amostras.
        measures: nome da métrica → medida.
        floors: os nomes dos amostradores inúteis.
        notes: uma frase por linha, abaixo da tabela.
    """

    title: str
    measures: dict[str, Measure]
    floors: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Measure:
        return self.measures[name]

    def __str__(self) -> str:
        columns = list(self.measures.values())
        models = columns[0].sample
        names = ["amostra"] if models.dim() == 0 else [f"modelo {k}" for k in range(len(models))]
        names = ["", *names, "teto: amostrador perfeito", *(f"piso: {floor}" for floor in self.floors)]
        texts = [
            [
                m.label,
                *(_number(value, m.decimals) for value in m.sample.reshape(-1).tolist()),
                _number(m.ceiling, m.decimals, m.spread),
                *(_number(value, m.decimals) for value in m.floors),
            ]
            for m in columns
        ]
        padded = [[text.rjust(max(map(len, column))) for text in column] for column in texts]
        names = [name.ljust(max(map(len, names))) for name in names]
        return "\n".join([self.title, *map("  ".join, zip(names, *padded, strict=True)), *self.notes])


def _number(value: float, decimals: int, spread: float | None = None) -> str:
    text = decimal_comma(value, f"{{:.{decimals}f}}")
    return f"{text} ± {_number(spread, decimals)}" if spread else text


def report(x: Tensor, data: Data, *, within: float = 3.0, trials: int = 20, seed: int = 999) -> Report:
    """Modos cobertos, fração boa (%) e KL reversa (nats) da amostra, ao lado do teto e de dois pisos.

    - Teto: ``trials`` amostras novas da própria mistura (uniforme nos modos), com o mesmo n e outra semente; média ±
      desvio.
      A fração boa tem também um teto analítico, ``perfect_share`` (98,889 % em 2-D com 3 desvios): **acima dele é
      concentração demais, não qualidade**, e a tabela diz quais modelos passam dele por mais de 3 erros padrão.
    - Piso "ruído": uma gaussiana com a média e o desvio de cada coordenada dos dados. Sabe a escala e nada dos modos.
    - Piso "um modo só": a gaussiana exata do primeiro centro. Tem ótima fração boa: por isso uma métrica só não basta.

    Um gerador não treinado não é usado como piso porque depende da rede: costuma dar quase um ponto só.

    Args:
        x: ``(n, d)`` ou ``(K, n, d)``.
        data: um conjunto com ``centers`` e ``std`` (anel, grade).
        seed: a semente do teto e dos pisos; deve ser outra que não a dos dados.

    Returns:
        Medidas ``modes_covered``, ``high_quality_share`` (em %) e ``reverse_kl``, cada ``sample`` 0-dim ou ``(K,)``.

    Raises:
        ValueError: os dados não têm modos conhecidos, ou a forma de ``x`` não serve.
    """
    if data.centers is None or data.std is None:
        raise ValueError(
            f"o relatório precisa de modos conhecidos (centers e std), e o conjunto {data.name!r} não os tem; "
            "use ring ou grid, ou as funções de distances e features"
        )
    check_samples(x, data)
    centers, std, n = data.centers, data.std, x.shape[-2]
    ceiling = mixture(centers, std, trials * n, seed, data.name).x.unflatten(0, (trials, n))
    noise = like(data.x, n, seed + 1)
    single = mixture(centers[:1], std, n, seed + 2, data.name).x

    def measure(label: str, metric: Callable[[Tensor], Tensor], decimals: int) -> Measure:
        perfect = metric(ceiling).double()
        floors = (metric(noise).item(), metric(single).item())
        spread = perfect.std().item() if trials > 1 else None
        return Measure(label, metric(x).double().cpu(), perfect.mean().item(), spread, floors, decimals)

    share = measure(f"a até {within:g}σ (%)", lambda s: 100 * high_quality_share(s, centers, std, within), 2)
    measures = {
        "modes_covered": measure(f"modos (de {len(centers)})", lambda s: modes_covered(s, centers, std, within), 1),
        "high_quality_share": share,
        "reverse_kl": measure("KL reversa (nats)", lambda s: reverse_kl(s, centers), 4),
    }
    top = perfect_share(within, x.shape[-1])
    notes = [f"Teto analítico da fração boa: {_number(100 * top, 3)} %; acima dele há concentração demais."]
    above = share.sample / 100 > top + 3 * (top * (1 - top) / n) ** 0.5
    if above.any():
        who = "a amostra" if above.dim() == 0 else "modelo " + ", ".join(map(str, above.nonzero()[:, 0].tolist()))
        notes.append(f"Acima do teto, por mais de 3 erros padrão: {who}.")
    return Report(f"{data.name}, n = {n}", measures, ("ruído", "um modo só"), tuple(notes))


def like(x: Tensor, n: int, seed: int) -> Tensor:
    """Ruído na escala certa: ``n`` amostras da gaussiana com a média e o desvio de cada coordenada de ``x``."""
    rng = torch.Generator().manual_seed(seed)
    x = x.cpu()
    return x.mean(0) + x.std(0, correction=0) * torch.randn(n, x.shape[1], generator=rng, dtype=x.dtype)


def check_samples(x: Tensor, data: Data) -> None:
    """Confere que ``x`` é ``(n, d)`` ou ``(K, n, d)``, com n ≥ 1 e o d dos dados.

    Raises:
        ValueError: a forma não serve; a mensagem diz as duas.
    """
    d = data.x.shape[1]
    if x.dim() not in (2, 3) or x.shape[-1] != d or x.numel() == 0:
        raise ValueError(f"as amostras devem ter forma (n, {d}) ou (K, n, {d}), como os dados; recebi {tuple(x.shape)}")
