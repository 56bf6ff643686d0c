"""A lista da penalidade e da distância de Wasserstein: W1 na reta, as perdas, a penalidade e o que a estraga."""

import numpy as np

from grading.assignment import Assignment, Check, Question, Written, close

# Somas e produtos de poucos números em float64.
EXACT = close(1e-9, atol=1e-12)
# Normas, derivadas e quocientes em float64: poucos algarismos dos 16 se perdem.
SLOPES = close(1e-8, atol=1e-10)
# Quem sorteia ε em float32 põe x̂ a 1e-7 (relativo) do segmento; as derivadas multiplicam isso por menos de 10.
SINGLE_EPS = close(1e-5, atol=1e-6)
# Subtraem-se normas quase iguais e, sem normalização de lote, a resposta é zero.
ERRORS = close(1e-6, atol=1e-9)


# Conjuntos de pontos na reta


def crossing(rng, n, m):
    """Duas amostras cujas funções de distribuição se cruzam: com a diferença das médias não se acerta a W1."""
    x, y = rng.normal(size=n), rng.choice([-1.0, 1.0], m) * rng.uniform(1.5, 4, m) + rng.normal(size=m) / 4
    y[:2] = -2.5, 2.5
    x[-1], y[-1] = x[0], y[2]  # há repetições
    return x + rng.uniform(-1, 1), y


def equal_sizes(rng):
    n = int(rng.integers(9, 16))
    x, y = crossing(rng, n, n)
    return {"x": rng.permutation(x), "y": rng.permutation(y)}


def unequal_sizes(rng):
    """Tamanhos sem divisor comum e bem diferentes, para que cortar ou interpolar a maior não sirva."""
    x, y = crossing(rng, *((7, 12), (12, 7), (9, 16), (16, 9), (8, 15))[rng.integers(5)])
    return {"x": rng.permutation(x), "y": rng.permutation(y)}


def discrete(rng):
    """Pontos de uma grade de meio em meio, com repetições dentro de cada lado e de um lado no outro.

    Sorteia de novo enquanto a diferença das médias não for bem menor que a W1.
    """
    while True:
        x, y = (rng.choice(np.arange(-6, 7), n, replace=False) / 2 for n in (7, 5))
        x, y = np.append(x, x[0]), np.append(y, x[1])
        p, q = (rng.dirichlet(np.ones(len(v))) for v in (x, y))
        order_x, order_y = rng.permutation(len(x)), rng.permutation(len(y))
        found = {"x": x[order_x], "p": p[order_x], "y": y[order_y], "q": q[order_y]}
        if abs(p @ x - q @ y) < 0.8 * distance(**found):
            return found


def distance(x, p, y, q):
    """A W1 exata, pela integral de |F - F_g|."""
    points, where = np.unique(np.concatenate([x, y]), return_inverse=True)
    excess = np.cumsum(np.bincount(where, np.concatenate([p, -q])))[:-1]
    return float(np.abs(excess) @ np.diff(points))


def optimal(answer, expected, inputs):
    """Um crítico ótimo qualquer: 1-Lipschitz em todos os pontos, e com o valor da W1."""
    points = np.concatenate([inputs["x"], inputs["y"]])
    mass = np.concatenate([inputs["p"], -inputs["q"]])
    values = vector(answer, len(inputs["x"]), len(inputs["y"]))
    if values is None:
        return False
    # Pontos de no máximo 3 em módulo, e poucas parcelas: 1e-9 é folga para o arredondamento, e nada mais.
    steep = np.abs(values[:, None] - values) - np.abs(points[:, None] - points)
    return bool(steep.max() <= 1e-9 and abs(mass @ values - distance(**inputs)) <= 1e-9)


def vector(answer, *sizes):
    """Os vetores da resposta, juntos, se têm estes tamanhos e são números finitos; None se não."""
    if not isinstance(answer, list) or len(answer) != len(sizes):
        return None
    for part, size in zip(answer, sizes, strict=True):
        if not isinstance(part, np.ndarray) or part.dtype.kind not in "iuf" or part.shape != (size,):
            return None
    joined = np.concatenate(answer).astype(np.float64)
    return joined if np.isfinite(joined).all() else None


# Perdas


def scores(rng):
    """Lotes de tamanhos diferentes, de médias longe de zero e uma da outra."""
    fake = rng.normal(size=(8, 1)) + rng.uniform(1, 3)
    return {"h_real": rng.normal(size=(5, 1)) - rng.uniform(1, 3), "h_fake": fake}


def mixed_batch(rng):
    """Um lote com os dois rótulos, em que a média das notas vezes a dos rótulos é outra coisa."""
    y = rng.permutation(np.repeat([1.0, -1.0], (4, 4) if rng.random() < 0.5 else (5, 3)))
    shapes = [[[8], [8]], [[8, 1], [8]], [[8], [8, 1]], [[8, 1], [8, 1]], [[8, 1, 1, 1], [8]]]
    return {"h": rng.normal(size=8) + 2 * y, "y": y, "shapes": shapes}


# Críticos


FORMS = ((6, 12), (6, 3, 4), (6, 3, 2, 2), (6, 2, 1, 3, 2))  # vetores, sequências, imagens e um eixo a mais


def symmetric(rng, d):
    """Uma matriz simétrica: o gradiente do crítico quadrático é Ax + w."""
    a = rng.normal(size=(d, d)) / np.sqrt(d)
    return (a + a.T) / 2


def direction(rng, d, *intervals):
    """Um vetor de norma num dos intervalos: nunca perto de 1, em que a penalidade seria quase zero."""
    low, high = intervals[rng.integers(len(intervals))]
    w = rng.normal(size=d)
    return w / np.linalg.norm(w) * rng.uniform(low, high)


def linear_critics(rng):
    w = direction(rng, 12, (0.4, 0.8), (1.5, 3))
    return {"w": w, "batches": [rng.normal(size=s) for s in FORMS], "shapes": [[], [1], [1, 1, 1]]}


def quadratic_critics(rng):
    batches = [rng.normal(size=s) for s in FORMS]
    return {"a": symmetric(rng, 12), "w": rng.normal(size=12), "batches": batches, "shapes": [[1], [], [1, 1, 1], [1]]}


def graph(rng):
    """Pesos diferentes em cada amostra: o gradiente de uma média não serve."""
    sample = {"x": rng.normal(size=(5, 3, 2)), "weights": rng.uniform(0.5, 2, 5) * rng.choice([-1, 1], 5)}
    return {"a": symmetric(rng, 6), "w": rng.normal(size=6)} | sample


# A penalidade


def segments(rng):
    """Muitas amostras, para julgar a distribuição de ε, e nenhum par perto demais para que se leia o ε deles."""
    pairs = []
    for shape in ((400, 6), (400, 1, 2, 3)):
        fake = rng.normal(size=shape)
        pairs.append([fake + rng.choice([-1, 1], shape) * rng.uniform(0.5, 3, shape), fake])
    return {"w": rng.normal(size=6), "pairs": pairs}


def on_segments(answer, expected, inputs):
    """Um ε por amostra, o mesmo em todas as coordenadas, uniforme em [0, 1] e sorteado de novo a cada chamada."""
    if not isinstance(answer, list) or len(answer) != len(inputs["pairs"]):
        return False
    for seen, (real, fake) in zip(answer, inputs["pairs"], strict=True):
        if not isinstance(seen, list) or len(seen) != 2:
            return False
        draws = [epsilon(points, real, fake) for points in seen]
        # Entre dois sorteios de 400, a correlação tem desvio 0,05: 0,4 são oito desvios.
        if any(e is None for e in draws) or abs(np.corrcoef(draws)[0, 1]) > 0.4:
            return False
    return True


def epsilon(points, real, fake):
    """O ε de cada amostra, se ela está no seu segmento e se eles parecem uniformes; None se não."""
    if not isinstance(points, np.ndarray) or points.dtype.kind != "f" or points.shape != real.shape:
        return None
    each = ((points - fake) / (real - fake)).reshape(len(real), -1)
    # ε em float32 erra 1e-7; o ponto também, e se divide pelo comprimento, que é ao menos 0,5.
    if not np.isfinite(each).all() or np.ptp(each, axis=1).max() > 1e-4:
        return None
    e = np.sort(each.mean(1))
    levels = np.arange(1, len(e) + 1) / len(e)
    # Kolmogorov–Smirnov: acima de 3,2/√n, uma resposta certa cai uma vez em 4·10⁸.
    far = max(np.abs(e - levels).max(), np.abs(e - levels + 1 / len(e)).max())
    inside = e[0] > -1e-4 and e[-1] < 1 + 1e-4
    return each.mean(1) if inside and far < 3.2 / np.sqrt(len(e)) else None


def values(rng):
    """Críticos lineares, em que ε não conta, com inclinação menor e maior que 1; e um quadrático com x = y."""
    w = [direction(rng, 12, (0.3, 0.7)), direction(rng, 12, (1.6, 3))]
    pairs = [[rng.normal(size=s), rng.normal(size=s)] for s in FORMS]
    return {"w": w, "pairs": pairs, "a": symmetric(rng, 12), "x": rng.normal(size=(6, 3, 2, 2))}


def penalty_gradients(rng):
    real, fake = rng.normal(size=(2, 5, 3, 4))
    return {"w": direction(rng, 12, (0.3, 0.7)), "a": symmetric(rng, 12), "real": real, "fake": fake}


# Restrições


def some_weights(rng):
    """Pesos dos dois lados do limite, com os dois sinais."""
    shapes = (5, 4), (5,), (1, 5), (1,)
    return {"weights": [rng.normal(size=s) for s in shapes], "c": float(rng.uniform(0.3, 0.7))}


def some_widths(rng):
    """De nenhuma a três camadas escondidas."""
    cases = []
    for hidden in range(4):
        widths = [*rng.integers(2, 9, 1 + hidden).tolist(), 1]
        cases.append([widths, float(rng.uniform(0.05, 0.4))])
    return {"cases": cases}


def gaps(rng):
    """Componentes de tamanhos diferentes: a direção do canto do cubo não é a da diferença."""
    gap = np.array([0.4, 1.0, 2.5]) * rng.uniform(0.8, 1.2, 3) * rng.choice([-1, 1], 3)
    names = "clip", "lipschitz", "penalty", "zero_centered"
    strengths = rng.uniform(0.2, 0.8), rng.uniform(1.5, 3), rng.uniform(0.5, 4), rng.uniform(0.5, 4)
    return {"gap": rng.permutation(gap), "cases": [[n, float(s)] for n, s in zip(names, strengths, strict=True)]}


# Normalização de lote


def normalised(rng):
    """Pesos grandes o bastante para que a tangente hiperbólica não seja quase linear, e amostras de três eixos."""
    sizes = (7, 6), (7,), (7,), (7,), (1, 7), (1,)
    weights = [rng.normal(size=s) for s in sizes]
    weights[2] = rng.uniform(0.8, 2, 7)
    return {"weights": weights, "x": rng.normal(size=(6, 2, 3))}


LINE = (
    Check(
        "q1_equal", 0.25,
        "Nem a diferença das médias nem a média das diferenças na ordem dada servem. Que par custa menos transportar?",
        equal_sizes, EXACT,
    ),
    Check(
        "q1_unequal", 0.5,
        "Com tamanhos diferentes não há um par para cada número: compare as funções de distribuição em cada intervalo.",
        unequal_sizes, EXACT,
    ),
    Check(
        "q1_discrete", 0.5,
        "Confira se cada probabilidade acompanha o seu ponto ao ordenar, e se os pontos repetidos contam todos.",
        discrete, EXACT,
    ),
    Check(
        "q1_critic", 0.5,
        "Confira o sinal (notas altas onde sobram dados), a inclinação entre pontos vizinhos e a ordem dos valores.",
        discrete, optimal, needs_key=False,
    ),
)  # fmt: skip

LOSSES = (
    Check(
        "q2_losses", 0.25,
        "Cada jogador minimiza a sua: confira os dois sinais, e que os lotes podem ter tamanhos diferentes.",
        scores, EXACT,
    ),
    Check(
        "q2_labels", 0.5,
        "Imprima a forma do produto quando as notas são (B, 1) e os rótulos, (B,). Quantos números há nele?",
        mixed_batch, EXACT,
    ),
)  # fmt: skip

SLOPE = (
    Check(
        "q3_linear", 0.5,
        "Todas as amostras têm a mesma inclinação, em qualquer forma de x e da nota; confira as formas uma a uma.",
        linear_critics, SLOPES,
    ),
    Check(
        "q3_quadratic", 0.5,
        "Cada amostra tem a sua inclinação: confira que a norma junta os eixos de uma amostra, e não os do lote.",
        quadratic_critics, SLOPES,
    ),
    Check(
        "q3_graph", 0.5,
        "Derive o resultado nos parâmetros do crítico, com x vindo de um gerador, e veja que gradientes aparecem.",
        graph, SLOPES,
    ),
)  # fmt: skip

PENALTY = (
    Check(
        "q4_epsilon", 0.5,
        "Anote os pontos em que D é chamado: cada um no segmento do seu par, com um sorteio por amostra, sempre novo.",
        segments, on_segments, needs_key=False,
    ),
    Check(
        "q4_value", 0.5,
        "Com um crítico linear o valor se faz à mão; confira-o em várias formas e com inclinação menor que 1.",
        values, SINGLE_EPS,
    ),
    Check(
        "q4_gradient", 0.5,
        "Chame backward na penalidade e veja quem recebeu gradiente: o crítico tem de receber, e o gerador, não.",
        penalty_gradients, SINGLE_EPS,
    ),
)  # fmt: skip

CONSTRAINTS = (
    Check(
        "q5_clip", 0.25,
        "Confira que o módulo recebido muda, que os vieses também, e que quem já estava no intervalo fica como estava.",
        some_weights, EXACT,
    ),
    Check(
        "q5_bound", 0.25,
        "Ponha todos os pesos iguais a c, com todas as unidades ativas, e calcule o gradiente dessa rede.",
        some_widths, EXACT,
    ),
    Check(
        "q5_linear", 0.5,
        "Escreva w como tamanho vezes direção. Em que restrição a melhor direção não é a da diferença das médias?",
        gaps, EXACT,
    ),
)  # fmt: skip

BATCH_NORM = (
    Check(
        "q6_cross", 0.5,
        "Derive uma nota de cada vez em todas as amostras. Linha é nota, coluna é amostra; não mude o modo do crítico.",
        normalised, SLOPES,
    ),
    Check(
        "q6_error", 0.5,
        "A soma é das derivadas, antes da norma; o denominador é a norma da derivada da própria nota.",
        normalised, ERRORS,
    ),
)  # fmt: skip

READING = """\
0,25  (a) nenhuma e de camada; a de camada usa só a amostra; o lote maior não resolve (o erro segue grande).
0,25  (b) mede zero, porque a soma das unidades normalizadas no lote é zero e a soma das notas não depende de x; a
      penalidade vale 1 e não muda os pesos. Só a constatação, sem o porquê: 0,10."""

PROOF = """\
Item 1 (0,75)
  0,25  desigualdade: E_p[f] - E_q[f] = E_π[f(x) - f(y)] ≤ E_π|x - y|, com a existência por |f(x)| ≤ |f(0)| + |x|.
  0,25  acoplamento (x, x + μ), que dá W1 ≤ |μ|.
  0,25  f(x) = -sinal(μ) x, com o sinal certo, que dá W1 ≥ |μ|. Só "por dualidade": zero neste quarto.
Item 2 (0,75)
  0,25  escreve a diferença como E[f(x) - f(x + μ)], com integrando ≤ |μ|, e conclui a igualdade em quase todo x.
  0,25  passa de quase todo x a todo x, por continuidade (f é Lipschitz) e densidade positiva.
  0,25  conclui que f é reta entre x e x + μ (as duas desigualdades são igualdades) e, portanto, em toda a reta.
        Quem supõe f derivável e mostra |f'| = 1 em quase todo ponto perde 0,15 deste quarto.
Item 3 (0,50)
  0,25  |w| = 1 + |μ|/(2λ), com o sinal de -μ, justificando o sinal (ou comparando os dois ramos).
  0,25  estimativa |μ|(1 + |μ|/(2λ)) > W1, e a penalidade como preço: a inclinação passa de 1 para todo λ finito.
Trocar os papéis de p e q do começo ao fim, com coerência, não desconta."""

ASSIGNMENT = Assignment(
    title="A distância de Wasserstein e uma penalidade para qualquer forma",
    chapter="wasserstein",
    minutes=180,
    questions=(
        Question("q1", "A distância na reta", LINE),
        Question("q2", "As perdas do crítico", LOSSES),
        Question("q3", "O gradiente de cada amostra", SLOPE),
        Question("q4", "A penalidade de gradiente", PENALTY),
        Question("q5", "O que cada restrição faz com o crítico", CONSTRAINTS),
        Question("q6", "A normalização de lote e a penalidade", BATCH_NORM),
        Written("q7", "O que a medida diz", 0.5, READING),
        Written("q8", "A distância entre duas gaussianas, demonstrada", 2.0, PROOF),
    ),
    # transport e distances têm a W1 e o crítico; penalties, a penalidade, a norma e o recorte; gradients, as normas por
    # amostra; losses, as perdas; e training as junta.
    withheld=("transport", "distances", "penalties", "gradients", "losses", "training"),
    seconds=30,
)
