"""A lista da Dirac-GAN: o campo, os autovalores, os passos, e um treinamento pequeno julgado pelas amostras."""

from itertools import permutations

import numpy as np

from grading.assignment import Assignment, Check, Question, Written, close

# Produtos e sigmoides em float64: a exponencial de -600 tem 600 vezes o erro relativo do expoente, que é 1e-16.
FIELD = close(1e-8)
# Vale derivar por diferenças finitas, que erram até 1e-6; esquecer um termo muda a resposta em mais de 1e-2.
JACOBIAN = close(1e-5, atol=1e-5)
# Vale buscar o mínimo numericamente, com a precisão padrão do scipy, 1e-5.
MINIMUM = close(1e-4, atol=1e-4)
# Dezenas de passos num campo suave, que não amplia erros de 1e-16 por mais que umas centenas.
PATH = close(1e-8, atol=1e-10)
# Longe das raízes duplas, em que um erro de 1e-16 viraria um de 1e-8.
EIGEN = 1e-8
MODULUS = close(1e-8)
# O enunciado pede 1e-6 e 1e-8.
RATE = close(1e-6)
GROWTH = close(1e-8)
# Perdas e derivadas de redes pequenas em float64.
LOSSES = close(1e-8, atol=1e-10)

# Os dados da questão 5: data.ring(modes=4, std=0.2).
CENTERS = 2 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
STD = 0.2
SHAPES = [(32, 2), (32,), (32, 32), (32,), (2, 32), (2,)]


# O jogo


def states(rng):
    """Estados de perto e de longe, com D ganhando e perdendo, numa matriz (2, 3, 2) e num vetor só."""
    near = rng.uniform(0.3, 2, (3, 2)) * rng.choice([-1, 1], (3, 2))
    # θψ: 1 - σ perde tudo no primeiro, e a exponencial transborda no segundo; entre 700 e 750 ela se perde aos poucos.
    logits = np.array([rng.uniform(low, high) for low, high in ((40, 600), (800, 3000), (-600, -40), (-600, -40))])
    theta = rng.uniform(5, 30, 4) * rng.choice([-1, 1], 4)
    far = np.stack([theta, logits / theta], axis=-1)
    return {"states": [np.stack([near, far[:3]]), far[3]], "gamma": float(rng.uniform(0.2, 2))}


def anywhere(rng):
    """Estados em que todos os termos contam."""
    found = rng.uniform(0.4, 1.6, (3, 2)) * rng.choice([-1, 1], (3, 2))
    return {"states": list(found), "gamma": float(rng.uniform(0.2, 2))}


def brakes(rng):
    """γ, s, a e b: um caso que gira e outro que não, os dois longe da raiz dupla."""
    found = {}
    while len(found) < 2:
        gamma, s, a, b = rng.uniform(0.1, 2), rng.uniform(0.3, 1.5), *rng.uniform(0.3, 3, 2)
        gap = b**2 * (gamma + s**2 / 2) ** 2 - a * b
        if abs(gap) > 0.2:
            found[bool(gap > 0)] = [float(v) for v in (gamma, s, a, b)]
    return {"cases": [found[False], found[True]]}


def noises(rng):
    """s, a e b: um caso em que falta freio e outro em que sobra."""
    a = float(rng.uniform(0.4, 2.5))
    b = float(a * rng.choice([rng.uniform(0.3, 0.7), rng.uniform(1.5, 3)]))  # com a = b, a raiz de a/b não se vê
    best = np.sqrt(2 * np.sqrt(a / b))
    return {"cases": [[float(best * rng.uniform(0.3, 0.8)), a, b], [float(best * rng.uniform(1.2, 2)), a, b]]}


def pair(answer):
    """Dois números, reais ou complexos, se a resposta é isso; None se não."""
    plain = isinstance(answer, np.ndarray) and answer.shape == (2,) and answer.dtype.kind in "ifc"
    return answer.astype(complex) if plain and np.isfinite(answer).all() else None


def same_eigenvalues(answer, expected, inputs):
    """Os mesmos dois números em cada caso, em qualquer ordem."""
    if not isinstance(answer, list) or len(answer) != len(expected):
        return False
    for found, wanted in zip(map(pair, answer), map(pair, expected), strict=True):
        if found is None or not any(np.abs(found - list(p)).max() <= EIGEN for p in permutations(wanted)):
            return False
    return True


# Passos


def starts(rng):
    """Sem freio e com freio, de um começo em que o logit não é pequeno."""
    start = rng.uniform(0.8, 1.8, 2) * rng.choice([-1, 1], 2)
    gammas = [0.0, float(rng.uniform(0.2, 1.5))]
    return {"start": start, "steps": int(rng.integers(20, 60)), "lr": float(rng.uniform(0.1, 0.6)), "gammas": gammas}


def linear_games(rng):
    """Autovalores complexos e reais, taxas que convergem e que não, e a que faz os alternados divergirem."""
    found = []
    for damping, low, high in ((0, 0.1, 0.8), (0.7, 0.2, 1.2), (4, 0.1, 0.3), (0, 2.2, 3)):
        f = rng.uniform(0.4, 1.5)
        k, lr = damping * f * rng.uniform(0.8, 1.2), rng.uniform(low, high) / f
        found += [[float(f), float(k), float(lr), rule] for rule in ("simultaneous", "alternating")]
    return {"cases": found}


def limits(rng):
    """Freio abaixo e acima do crítico, nas duas regras."""
    found = []
    for low, high in ((0.2, 1.6), (2.5, 6)):
        f = rng.uniform(0.3, 1.5)
        found += [[float(f), float(f * rng.uniform(low, high)), rule] for rule in ("simultaneous", "alternating")]
    return {"cases": found}


def long_runs(rng):
    """Taxas tão pequenas que h² se perde ao lado de 1, e corridas tão longas que o raio não cabe num float64."""
    tiny = [int(rng.integers(10**8, 10**9)), float(10 ** rng.uniform(-6, -5))]
    huge = [int(rng.integers(10**6, 10**7)), float(rng.uniform(0.1, 0.5))]
    return {"cases": [tiny, huge]}


# As perdas


def network(rng):
    return [rng.normal(size=s) for s in ((5, 2), (5,), (1, 5), (1,))]


def batches(rng):
    """Um discriminador comum e um muito seguro, em que 1 - σ(h) arredonda para zero."""
    real, fake = rng.normal(size=(2, 6, 2))
    sure = float(rng.uniform(4000, 8000))  # com os dois sinais: um dos dois erra em cada amostra
    weights = {"weights": network(rng), "confidences": [1.0, sure, -sure]}
    return weights | {"real": real, "fake": fake, "gamma": float(rng.uniform(0.3, 3))}


def fakes(rng):
    drawn = batches(rng)
    return {name: drawn[name] for name in ("weights", "fake", "confidences")}


def averages(rng):
    return {"weights": network(rng), "others": network(rng), "beta": float(rng.uniform(0.3, 0.9))}


# O treinamento: os pesos vêm de dentro, o ruído é sorteado aqui


def noise(rng):
    """Com 4.000 amostras, uma fração de 0,9 tem erro padrão de 0,005."""
    return {"z": rng.normal(size=(4000, 2))}


def generated(answer, z):
    """As amostras do gerador com estes pesos; None se eles não são os de um gerador da arquitetura pedida."""
    if not isinstance(answer, list) or len(answer) != len(SHAPES):
        return None
    x = z
    for i, (part, shape) in enumerate(zip(answer, SHAPES, strict=True)):
        if not isinstance(part, np.ndarray) or part.dtype.kind != "f" or part.shape != shape:
            return None
        if not np.abs(part).max() < 1e6:  # nem infinitos nem NaN
            return None
        part = part.astype(np.float64)
        x = x @ part.T if part.ndim == 2 else x + part
        if i in (1, 3):
            x = np.maximum(x, 0)
    return x


def judged(answer, inputs):
    """A fração de boas, a parte de cada modo em relação à justa e a largura relativa; None se não há amostras."""
    x = generated(answer, inputs["z"])
    if x is None:
        return None
    distance = np.linalg.norm(x[:, None] - CENTERS, axis=-1)
    good, mode = distance.min(1) <= 3 * STD, distance.argmin(1)
    if not good.any():
        return 0.0, np.zeros(4), 0.0
    width = np.sqrt((distance.min(1)[good] ** 2).mean() / 2) / STD
    return float(good.mean()), np.bincount(mode[good], minlength=4) / (len(x) / 4), float(width)


# O gabarito, em 64 sementes, passa em tudo: boas ≥ 0,93; partes de 0,83 a 1,07; largura de 0,36 a 0,59. Com 30 % dos
# passos, em 16 sementes, boas ≤ 0,82; com 10 %, boas ≤ 0,12; com um modo sorteado em dobro, a maior parte é 1,5.


def near(answer, expected, inputs):
    """Ao menos 60 % de boas: sem treino, quase nenhuma; num modo só, todas."""
    found = judged(answer, inputs)
    return bool(found and found[0] >= 0.6)


def modes(answer, expected, inputs):
    """Todo modo com ao menos metade da parte justa."""
    found = judged(answer, inputs)
    return bool(found and found[1].min() >= 0.5)


def quality(answer, expected, inputs):
    """Todos os modos e ao menos 85 % de boas."""
    found = judged(answer, inputs)
    return bool(found and found[1].min() >= 0.5 and found[0] >= 0.85)


def balance(answer, expected, inputs):
    """Tudo isso, com os modos equilibrados e sem se amontoar nos centros."""
    found = judged(answer, inputs)
    if not found or found[0] < 0.85:
        return False
    return bool(found[1].min() >= 0.7 and found[1].max() <= 1.3 and 0.2 <= found[2] <= 1.25)


GAME = (
    Check(
        "q1_minimax", 0.25,
        "Derive cada perda no seu parâmetro, com o sinal da descida. Longe, veja se alguma exponencial transborda.",
        states, FIELD,
    ),
    Check(
        "q1_non_saturating", 0.25,
        "Só muda a perda do gerador: o peso dele é outro, e o do discriminador, o mesmo.",
        states, FIELD,
    ),
    Check(
        "q1_jacobian", 0.5,
        "Compare com diferenças finitas do seu próprio campo, num estado em que nem θ nem ψ sejam zero.",
        anywhere, JACOBIAN,
    ),
)  # fmt: skip

EQUILIBRIUM = (
    Check(
        "q2_eigenvalues", 0.5,
        "Monte a jacobiana: que entrada cada freio muda, e por quanto as taxas multiplicam cada linha?",
        brakes, same_eigenvalues,
    ),
    Check(
        "q2_best", 0.5,
        "Com duas taxas o freio crítico muda; e o ruído já paga uma parte dele, ou mais que isso.",
        noises, MINIMUM,
    ),
)  # fmt: skip

STEPS = (
    Check(
        "q3_simultaneous", 0.25,
        "Os dois gradientes são calculados no mesmo estado, antes de qualquer um andar.",
        starts, PATH,
    ),
    Check(
        "q3_alternating", 0.25,
        "O discriminador anda primeiro, e o gerador usa o discriminador novo; confira um passo à mão.",
        starts, PATH,
    ),
    Check(
        "q3_multiplier", 0.5,
        "Escreva a matriz de um passo e olhe os dois autovalores, no caso em que são complexos e no caso em que não.",
        linear_games, MODULUS,
    ),
    Check(
        "q3_rate", 0.5,
        "Há dois regimes, conforme os autovalores do passo sejam complexos ou reais; teste com a sua multiplier.",
        limits, RATE,
    ),
    Check(
        "q3_growth", 0.5,
        "Não simule: cada passo multiplica o raio pelo mesmo número. Se a taxa é minúscula, onde o quadrado dela some?",
        long_runs, GROWTH,
    ),
)  # fmt: skip

TRAINING_LOSSES = (
    Check(
        "q4_discriminator", 0.5,
        "Confira o valor com logits enormes, o fator da R1 e onde ela é cobrada, e quem recebe gradiente.",
        batches, LOSSES,
    ),
    Check(
        "q4_generator", 0.25,
        "É a perda não saturante, escrita com o logit; aqui o gradiente tem de chegar às amostras.",
        fakes, LOSSES,
    ),
    Check(
        "q4_average", 0.25,
        "Confira qual das duas redes leva β, e que só a média muda.",
        averages, LOSSES,
    ),
)  # fmt: skip

SAMPLES = (
    Check(
        "q5_near", 0.5,
        "As amostras ainda estão longe dos modos: confira os sinais das perdas, e se os dois jogadores andam mesmo.",
        noise, near, needs_key=False,
    ),
    Check(
        "q5_modes", 0.5,
        "Conte as amostras boas de cada modo: algum ficou com menos da metade do que lhe cabe.",
        noise, modes, needs_key=False,
    ),
    Check(
        "q5_quality", 0.5,
        "Há amostras demais entre os modos: treine até o fim, e devolva a média móvel, e não o último gerador.",
        noise, quality, needs_key=False,
    ),
    Check(
        "q5_balance", 0.5,
        "Compare as partes dos modos entre si, e a largura das suas amostras com a dos dados.",
        noise, balance, needs_key=False,
    ),
)  # fmt: skip

READING = """\
0,50  (a) 2ª linha: longe, σ(θψ) evanesce e o crescimento quase para (0,25); 8ª: a linearização é local, e o passo
      grande salta para fora de onde ela vale (0,25).
0,25  (b) o melhor é γ = 1, o crítico; freio demais deixa um autovalor lento (o discriminador quase não anda); 1,9 passa
      do limite dos alternados (1,66) e não do dos simultâneos (4).
0,25  (c) alternados não acrescentam energia; a R1 freia; a média apaga a oscilação que sobra; nada diz de modos (ou de
      Adam, ruído do lote, generalização).
Se as funções de q3 estavam erradas, corrija a leitura que o aluno fez dos números dele."""

PROOF = """\
Item 1 (0,50)
  0,25  campo perpendicular ao estado.
  0,25  Pitágoras, com a norma do campo igual a σ r; a igualdade é exata, sem aproximação.
Item 2 (0,50)
  0,25  supõe r limitado e obtém σ(θψ) ≥ c > 0, por θψ ≥ -r²/2.
  0,25  fator ao menos √(1 + h²c²) em cada passo, e a contradição. "Cresce, logo vai a infinito": zero no item.
Item 3 (0,50)
  0,25  1 ± ih/2, módulo √(1 + h²/4), igual ao do item 1 com σ = ½.
  0,25  alternado: matriz na ordem certa, determinante 1 e traço 2 - h²/4, módulo 1 para 0 < h ≤ 4. Quem para em h < 4
        não perde; quem diz "para todo h" perde 0,10.
Item 4 (0,50)
  0,25  módulo ao quadrado 1 - hγ + h²/4 (com γ ≤ 1, autovalores complexos ou iguais), menor que 1 se e só se h < 4γ.
  0,25  o melhor é h = 2γ, com módulo √(1 - γ²).
Outra convenção de sinal de ψ não desconta."""

ASSIGNMENT = Assignment(
    title="A Dirac-GAN e um treinamento pequeno",
    chapter="dirac_gan",
    minutes=210,
    questions=(
        Question("q1", "O campo e a jacobiana", GAME),
        Question("q2", "Os autovalores no equilíbrio", EQUILIBRIUM),
        Question("q3", "Do fluxo aos passos", STEPS),
        Question("q4", "As perdas do treinamento", TRAINING_LOSSES),
        Question("q5", "Um treinamento, julgado pelas amostras", SAMPLES),
        Written("q6", "O que se viu", 1.0, READING),
        Written("q7", "Passos simultâneos abrem a espiral, demonstrado", 2.0, PROOF),
    ),
    # dirac e dynamics têm o jogo e os passos; losses e penalties, as perdas e a R1; optimization, a média móvel e as
    # regras de passo; training, live e protocol treinam; theory tem a sigmoide estável.
    withheld=("dirac", "dynamics", "losses", "penalties", "theory", "optimization", "training", "live", "protocol"),
    seconds=90,
)
