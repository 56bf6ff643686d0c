"""Distâncias entre duas amostras: W1 exata em 1-D, W1 fatiada, MMD e estimativas da JSD.

Amostras ``x`` (em geral, geradas) têm forma ``(n, d)`` ou ``(K, n, d)``; ``y`` (em geral, dados) tem ``(m, d)``,
comum a todos os modelos, ou ``(K, m, d)``. O resultado é 0-dim ou ``(K,)``, em float64. O teto de qualidade de todas
é 0, mas duas amostras da **mesma** distribuição não dão 0: o valor a alcançar é a distância entre duas amostras de
dados do mesmo tamanho. O piso útil é a distância dos dados ao ruído (``metrics.like``).

Para acrescentar uma distância: escreva uma função ``(x, y, …)`` que comece por ``_pair`` e diga no texto a unidade, o
viés e a fonte.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganlib.losses import softplus

# Quantos números em float64 um bloco intermediário pode ter: 2 MB, que cabem no cache da CPU.
BLOCK = 2**18


def _pair(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """As duas amostras em float64 no mesmo dispositivo, depois de conferidas as formas."""
    for name, s in (("x", x), ("y", y)):
        if s.dim() not in (2, 3) or s.numel() == 0:
            raise ValueError(f"{name} deve ter forma (n, d) ou (K, n, d), sem eixo vazio; recebi {tuple(s.shape)}")
    if x.shape[-1] != y.shape[-1] or (x.dim() == y.dim() == 3 and len(x) != len(y)):
        raise ValueError(
            f"as duas amostras devem ter o mesmo d (e o mesmo K): recebi {tuple(x.shape)} e {tuple(y.shape)}"
        )
    return x.double(), y.to(x.device).double()


# Wasserstein


def w1(x: Tensor, y: Tensor | Callable[[Tensor], Tensor]) -> Tensor:
    """W1 em 1-D, exata: ``∫₀¹ |F_x⁻¹(u) - F_y⁻¹(u)| du``, na unidade dos dados (Villani, 2009).

    Duas amostras podem ter tamanhos quaisquer. Contra uma função quantil, cada degrau ``((i-1)/n, i/n)`` é partido onde
    ``Q(u) = x_(i)`` e integrado por tanh-sinh: erro da ordem de 1e-12 se Q é suave (cada salto de Q custa até
    salto/10n).

    Teto de qualidade 0. Viés para cima: com a distribuição certa, o valor médio cai como ``1/√n``. Na reta, W1 do
    deslocamento é o deslocamento.

    Args:
        x: ``(n,)``, ``(n, 1)`` ou ``(K, n, 1)``.
        y: uma amostra, nas mesmas formas, ou a função quantil ``u ↦ F⁻¹(u)`` de tensores float64 em (0, 1): por exemplo
            ``torch.special.ndtri``.

    Raises:
        ValueError: amostra que não é de 1-D, ou função que não é quantil.
    """
    a = _line(x).sort(-1).values
    if callable(y):
        return torch.stack([_w1_to_quantile(row, y) for row in a.reshape(-1, a.shape[-1])]).reshape(a.shape[:-1])
    b = _line(y).to(a.device).sort(-1).values
    if a.dim() == b.dim() == 2 and len(a) != len(b):
        raise ValueError(f"as duas amostras devem ter o mesmo K: recebi {tuple(x.shape)} e {tuple(y.shape)}")
    return _w1_sorted(a, b)


def _line(x: Tensor) -> Tensor:
    if x.numel() == 0 or x.dim() > 3 or x.dim() == 0 or (x.dim() > 1 and x.shape[-1] != 1):
        raise ValueError(
            f"w1 é só para 1-D, com forma (n,), (n, 1) ou (K, n, 1); recebi {tuple(x.shape)}. "
            "Em mais dimensões, use sliced_w1"
        )
    return x.double() if x.dim() == 1 else x.squeeze(-1).double()


def _w1_sorted(a: Tensor, b: Tensor) -> Tensor:
    """W1 entre amostras ordenadas no último eixo, ``(…, n)`` e ``(…, m)``."""
    n, m = a.shape[-1], b.shape[-1]
    if n == m:
        return (a - b).abs().mean(-1)
    # As duas funções quantil são degraus em i/n e j/m; em inteiros, i·m e j·n sobre n·m, sem arredondamento.
    cuts = torch.cat([torch.arange(n, device=a.device) * m, torch.arange(m, device=a.device) * n]).unique()
    width = torch.diff(cuts, append=cuts.new_tensor([n * m])).double() / (n * m)
    return ((a[..., cuts // m] - b[..., cuts // n]).abs() * width).sum(-1)


def _w1_to_quantile(a: Tensor, quantile: Callable[[Tensor], Tensor]) -> Tensor:
    """W1 entre uma amostra ordenada ``(n,)`` e a distribuição com esta função quantil."""
    n = len(a)
    step = torch.arange(n + 1, dtype=torch.float64, device=a.device) / n
    low, high = step[:-1], step[1:]

    def q(u: Tensor) -> Tensor:
        # Nas pontas Q pode ser infinita; o que se perde aqui é da ordem de 1e-16.
        return torch.as_tensor(quantile(u.clamp(1e-300, 1 - 2**-53)), dtype=u.dtype, device=u.device)

    middle = q((low + high) / 2)
    if middle.shape != a.shape or bool((middle.diff() < 0).any()):
        raise ValueError(
            f"y deve ser uma função quantil crescente, um valor por nível: de níveis {tuple(a.shape)} "
            f"devolveu {tuple(middle.shape)}" + (", e decresce" if middle.shape == a.shape else "")
        )
    left, right = low, high
    for _ in range(60):  # bisseção: Q cruza x_(i) no máximo uma vez em cada degrau
        half = (left + right) / 2
        below = q(half) < a
        left, right = torch.where(below, half, left), torch.where(below, right, half)
    t = torch.linspace(-3.2, 3.2, 65, dtype=torch.float64, device=a.device)
    node = torch.sigmoid(math.pi * torch.sinh(t))
    weight = 0.1 * math.pi * torch.cosh(t) * node * torch.sigmoid(-math.pi * torch.sinh(t))

    def integral(start: Tensor, end: Tensor) -> Tensor:
        gap = a[:, None] - q(start[:, None] + (end - start)[:, None] * node)
        return ((gap @ weight) * (end - start)).sum()

    return integral(low, right) - integral(right, high)


def sliced_w1(x: Tensor, y: Tensor, projections: int = 128, rng: int | torch.Generator = 0) -> Tensor:
    """W1 fatiada: a média, em direções ao acaso da esfera, da W1 exata das projeções (Rabin et al., 2012).

    Na unidade dos dados. Para um deslocamento v vale ``‖v‖ E|u₁|``: em 2-D, ``2‖v‖/π``; em d grande, cerca de
    ``‖v‖ √(2/πd)``: não compare dimensões diferentes. Viés para cima, como o de ``w1``; o erro das direções é da
    ordem de ``1/√projections``, mas é o mesmo para todos os modelos, que usam as mesmas direções.

    Args:
        x: ``(n, d)`` ou ``(K, n, d)``.
        y: ``(m, d)`` ou ``(K, m, d)``; m pode ser diferente de n.
        projections: quantas direções.
        rng: uma semente (as direções são sempre as mesmas) ou um gerador (que avança). O gerador global não é tocado.

    Raises:
        ValueError: formas que não combinam, ou nenhuma direção.
    """
    x, y = _pair(x, y)
    if projections < 1:
        raise ValueError(f"é preciso ao menos uma direção; recebi projections={projections}")
    if not isinstance(rng, torch.Generator):
        rng = torch.Generator().manual_seed(rng)
    directions = torch.randn(x.shape[-1], projections, generator=rng, dtype=torch.float64, device=rng.device)
    directions = (directions / directions.norm(dim=0)).to(x.device)
    per_direction = max(x.shape[:-1].numel(), y.shape[:-1].numel())
    total = 0.0
    for block in directions.split(max(1, BLOCK // per_direction), dim=1):
        a, b = ((s @ block).transpose(-1, -2).sort(-1).values for s in (x, y))
        total = total + _w1_sorted(a, b).sum(-1)
    return total / projections


# MMD


def median_bandwidth(y: Tensor, at_most: int = 1000) -> float:
    """A mediana das distâncias entre os pontos de ``y`` ``(…, m, d)``: a largura usual (Gretton et al., 2012).

    Com mais de ``at_most`` pontos, usa ``at_most`` deles, igualmente espaçados na ordem dada.

    Raises:
        ValueError: menos de dois pontos, ou mais da metade das distâncias nula ou não finita.
    """
    points = y.double().flatten(0, -2)
    keep = torch.linspace(0, len(points) - 1, min(len(points), at_most), dtype=torch.float64).long()
    median = torch.nn.functional.pdist(points[keep]).median().item() if len(points) > 1 else 0.0
    if not 0 < median < math.inf:
        raise ValueError(
            f"a mediana das distâncias de {len(points)} pontos é {median:g}: não serve de largura; passe bandwidth="
        )
    return median


def mmd2(
    x: Tensor, y: Tensor, bandwidth: float | Sequence[float] | None = None, *, biased: bool = False
) -> Tensor:
    """MMD² com núcleo ``exp(-‖a-b‖²/2s²)``, ou a média dele em várias larguras s (Gretton et al., 2012). Sem unidade.

    A estatística U (padrão) não tem viés, e por isso pode ser um pouco negativa: com a distribuição certa, oscila em
    torno de 0, com desvio da ordem de ``1/n``. A versão com viés (estatística V) nunca é negativa, e nesse caso dá em
    média ``(1/n + 1/m)(1 - E k)``. Entre 0 e 2; o piso depende da largura.

    A largura padrão é a mediana das distâncias **de y**, e não a das duas amostras juntas como no artigo: assim todos
    os modelos são medidos com o mesmo núcleo. Para modos muito mais estreitos que a distância entre eles, passe
    também uma largura da ordem do modo.

    Memória: uns 10 MB além das amostras, para qualquer n. Tempo: ``O(K (n² + nm))``, uns 2 s para n = m = 10 000.

    Args:
        x: ``(n, d)`` ou ``(K, n, d)``, n ≥ 2.
        y: ``(m, d)`` ou ``(K, m, d)``, m ≥ 2.
        bandwidth: uma largura, várias, ou ``None`` (mediana de y), na unidade dos dados.
        biased: usa a estatística V.

    Raises:
        ValueError: formas que não combinam, menos de duas amostras, ou larguras não positivas.
    """
    x, y = _pair(x, y)
    if min(x.shape[-2], y.shape[-2]) < 2:
        raise ValueError(f"a MMD precisa de ao menos 2 amostras de cada lado; recebi {x.shape[-2]} e {y.shape[-2]}")
    if bandwidth is None:
        bandwidth = median_bandwidth(y)
    scales = [bandwidth] if isinstance(bandwidth, int | float) else list(bandwidth)
    if len(scales) == 0 or not all(0 < s < math.inf for s in scales):
        raise ValueError(f"as larguras do núcleo devem ser números positivos; recebi {bandwidth}")
    shift = y.flatten(0, -2).mean(0)  # perto da origem, ‖a‖² + ‖b‖² - 2ab cancela menos
    x, y = x - shift, y - shift

    def within(s: Tensor) -> Tensor:
        n = len(s)
        total = _kernel_sum(s, s, scales)
        return total / n**2 if biased else (total - n) / (n * (n - 1))  # a diagonal vale exatamente n

    xs, ys = (list(s) if s.dim() == 3 else [s] for s in (x, y))
    models = max(len(xs), len(ys))
    xx, yy = [within(s) for s in xs], [within(s) for s in ys]
    xs, ys, xx, yy = (side * (models // len(side)) for side in (xs, ys, xx, yy))
    cross = [_kernel_sum(a, b, scales) / (len(a) * len(b)) for a, b in zip(xs, ys, strict=True)]
    value = torch.stack(xx) + torch.stack(yy) - 2 * torch.stack(cross)
    return value if x.dim() == 3 or y.dim() == 3 else value[0]


def _kernel_sum(a: Tensor, b: Tensor, scales: Sequence[float]) -> Tensor:
    """A soma do núcleo sobre todos os pares de ``(n, d)`` e ``(m, d)``, em blocos de linhas."""
    total = a.new_zeros(())
    for rows in a.split(max(1, BLOCK // len(b))):
        square = torch.cdist(rows, b).square_()
        total += sum(torch.exp(square * (-0.5 / s**2)).sum() for s in scales) / len(scales)
    return total


# JSD


def jsd_of_counts(a: Tensor, b: Tensor) -> Tensor:
    """JSD, em nats, entre as frequências de duas contagens ``(…, M)``, por substituição (Lin, 1991). De 0 a log 2.

    Serve para modos: ``jsd_of_counts(metrics.mode_histogram(x, centers), torch.ones(M))`` compara com o uniforme.

    Viés para cima: com a mesma distribuição nos dois lados, em média ``(M-1)(1/n + 1/m)/8``, com M as casas de
    probabilidade positiva e n, m grandes (contra frequências exatas, sem o 1/m).

    Raises:
        ValueError: números diferentes de casas, contagens negativas ou todas nulas.
    """
    if a.shape[-1:] != b.shape[-1:]:
        raise ValueError(f"as contagens devem ter as mesmas casas; recebi {tuple(a.shape)} e {tuple(b.shape)}")
    p, q = a.double(), b.to(a.device).double()
    if bool((p < 0).any() | (q < 0).any()) or not bool((p.sum(-1) > 0).all() & (q.sum(-1) > 0).all()):
        raise ValueError("as contagens devem ser não negativas, com soma positiva")
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    m = (p + q) / 2
    m = torch.where(m > 0, m, 1)  # casa vazia dos dois lados: não conta
    return (torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)).sum(-1) / 2


def jsd_histogram(x: Tensor, y: Tensor, bins: int = 32) -> Tensor:
    """JSD, em nats, entre os histogramas de duas amostras em 1-D ou 2-D. De 0 a log 2.

    A grade é a de y: ``bins`` casas iguais por eixo, do mínimo ao máximo de y, mais uma de cada lado para o que cai
    fora; é a mesma para todos os modelos.

    Dois vieses opostos: juntar pontos em casas só diminui a JSD (processar dados não cria informação); contar com
    poucas amostras a aumenta (ver ``jsd_of_counts``, com M as casas ocupadas). Com casas de mais, tende a log 2.

    Args:
        x: ``(n, d)`` ou ``(K, n, d)``, d = 1 ou 2.
        y: ``(m, d)`` ou ``(K, m, d)``.

    Raises:
        ValueError: formas que não combinam, d > 2, menos de uma casa, ou y não finita ou constante num eixo.
    """
    x, y = _pair(x, y)
    d = x.shape[-1]
    if d > 2:
        raise ValueError(f"o histograma serve em 1-D e 2-D; recebi d = {d}: use mmd2, sliced_w1 ou jsd_lower_bound")
    if bins < 1:
        raise ValueError(f"é preciso ao menos uma casa por eixo; recebi bins={bins}")
    low, high = (f(y.flatten(0, -2), dim=0) for f in (torch.amin, torch.amax))
    if not bool((high > low).all() & torch.isfinite(high - low).all()):
        raise ValueError("y deve ser finita e variar em cada eixo para definir a grade do histograma")

    def counts(s: Tensor) -> Tensor:
        cell = ((s - low) / (high - low) * bins).nan_to_num().floor().clamp(0, bins - 1).long() + 1
        cell = torch.where(s > high, bins + 1, torch.where(s >= low, cell, 0))  # o que não é finito também cai fora
        flat = cell[..., 0] if d == 1 else cell[..., 0] * (bins + 2) + cell[..., 1]
        zeros = torch.zeros(*s.shape[:-2], (bins + 2) ** d, dtype=torch.float64, device=s.device)
        return zeros.scatter_add(-1, flat, torch.ones_like(flat, dtype=torch.float64))

    return jsd_of_counts(counts(x), counts(y))


def jsd_lower_bound(real: Tensor, fake: Tensor) -> Tensor:
    """``V/2 + log 2``, em nats: o limite inferior da JSD que um discriminador dá (Goodfellow et al., 2014).

    ``V = E log σ(real) + E log(1 - σ(fake))``. Para **qualquer** D fixo, a esperança é no máximo a JSD, com igualdade
    em D*: o viés é para baixo, sempre, e D ≡ ½ dá 0; um D ruim dá valores negativos. Isso só vale em amostras que D
    não viu: nas do próprio treino, um D que as decorou dá log 2 mesmo que a JSD seja 0.

    Args:
        real: logits dos dados, ``(B,)`` ou ``(K, B)``.
        fake: logits das amostras geradas, ``(B',)`` ou ``(K, B')``.

    Raises:
        ValueError: formas que não são de logits, ou K diferentes.
    """
    for h in (real, fake):
        if h.dim() not in (1, 2) or h.numel() == 0 or (h.dim() == 2 and h.shape[1] == 1):
            raise ValueError(
                f"os logits devem ter forma (B,) ou (K, B); recebi {tuple(real.shape)} e {tuple(fake.shape)} "
                "(de (B, 1), tire o eixo com squeeze(-1))"
            )
    if real.shape[:-1] != fake.shape[:-1]:
        raise ValueError(f"os logits devem ter o mesmo K; recebi {tuple(real.shape)} e {tuple(fake.shape)}")
    value = -softplus(-real.double()).mean(-1) - softplus(fake.double()).mean(-1)
    return value / 2 + math.log(2)
