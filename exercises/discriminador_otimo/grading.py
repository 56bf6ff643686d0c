"""A lista do discriminador ótimo: D*, valor do jogo e JSD, por somas e por quadratura, e o gradiente que some."""

import numpy as np

from grading.assignment import Assignment, Check, Question, Written, close

# Somas e quocientes de poucos números em float64.
SUMS = close(1e-9)
# Logits até 1e4: os algarismos que se cancelam custam 1e-12, e perto da raiz a resposta pode ser quase zero.
LOGITS = close(1e-9, atol=1e-9)
# log p e log q até 5000: a diferença erra 1e-12, que é o erro relativo de D*. O enunciado pede 1e-8.
FROM_LOGS = close(1e-8)
# O enunciado pede 1e-8 de erro absoluto; amostras sorteadas dariam 1e-3.
QUADRATURE = close(0.0, atol=1e-8)
# O enunciado pede estes erros relativos; log 2 - JSD e diferenças finitas da JSD, longe, erram por 100 %.
LEFT = close(1e-6)
GRADIENT = close(1e-5)
PEAK = close(1e-3)
# Cada logaritmo erra no máximo 1e-5; a resposta fica a mais de 5e-3 (em termos relativos) da assíntota -1/8.
RATE = close(1e-4)


def split(rng, both, only_real, only_fake, neither=0):
    """Probabilidades p e q com pontos só de p, só de q, dos dois e de nenhum, embaralhados, e onde é cada coisa."""
    kind = rng.permutation(np.repeat([0, 1, 2, 3], [both, only_real, only_fake, neither]))
    p, q = (np.where(np.isin(kind, seen), rng.uniform(0.2, 1.0, len(kind)), 0.0) for seen in ((0, 1), (0, 2)))
    return p / p.sum(), q / q.sum(), kind


def with_zeros(rng):
    """Pontos de todos os tipos, até os que não têm massa alguma."""
    p, q, _ = split(rng, 4, 2, 2, 2)
    return {"p": p, "q": q}


def tiny_densities(rng):
    """Logaritmos tão negativos que a exponencial deles é zero, com diferenças de todos os tamanhos."""
    log_q = rng.uniform(-4000, -800, 8)
    gap = rng.permutation(np.concatenate([rng.uniform(-600, -5, 3), rng.uniform(-3, 3, 3), rng.uniform(5, 600, 2)]))
    return {"log_p": log_q + gap, "log_q": log_q}


def two_scales(rng):
    """Uma gaussiana mais estreita ou mais larga que a dos dados; com x longe, as densidades são zero em float64."""
    s = rng.uniform(0.4, 0.8) if rng.random() < 0.5 else rng.uniform(1.3, 2.5)
    x = np.concatenate([rng.uniform(-60, -45, 2), rng.uniform(-4, 4, 5), rng.uniform(45, 60, 2)])
    return {"x": x, "mu": float(rng.uniform(0.5, 4) * rng.choice([-1, 1])), "s": float(s)}


def judged(rng):
    """Um discriminador que tem certeza onde só há dados ou só há geradas, e outro que tem certeza e erra."""
    p, q, kind = split(rng, 3, 2, 2)
    d = np.select([kind == 1, kind == 2], [1.0, 0.0], rng.uniform(0.1, 0.9, len(kind)))
    sure = np.where(np.arange(len(kind)) == np.flatnonzero(kind == 0)[0], 0.0, d)
    return {"p": p, "q": q, "d": d, "sure": sure}


def overlaps(rng):
    """Um par com massa em comum e outro sem: ``apart`` mora só onde p é nula."""
    p, q, _ = split(rng, 3, 2, 3)
    apart = np.where(p == 0, rng.uniform(0.2, 1.0, len(p)), 0.0)
    return {"p": p, "q": q, "apart": apart / apart.sum()}


def any_discriminator(rng):
    """Sem zeros: aqui só se pergunta a conta."""
    p, q, _ = split(rng, 6, 0, 0)
    return {"p": p, "q": q, "d": rng.uniform(0.05, 0.95, 6)}


def shifts(*intervals):
    """Um deslocamento em cada intervalo."""
    return lambda rng: {"mus": [float(rng.uniform(low, high)) for low, high in intervals]}


def scale(rng):
    """Uma escala longe de 1, para que não se possa esquecê-la."""
    return {"r": float(rng.uniform(0.2, 0.7) if rng.random() < 0.5 else rng.uniform(1.5, 5))}


def interval(rng):
    """De perto até longe: nenhum par dá a inclinação limite."""
    return {"mu_1": float(rng.uniform(3, 5)), "mu_2": float(rng.uniform(7, 12))}


def logistic(rng):
    """Uma família que não está no capítulo."""
    return {"s": float(rng.uniform(0.5, 2))} | shifts((0.5, 2), (3, 6), (8, 15))(rng)


OPTIMUM = (
    Check(
        "q1_discriminator", 0.5,
        "Confira quem é o numerador, e o que acontece onde só uma das densidades é nula e onde as duas são.",
        with_zeros, SUMS,
    ),
    Check(
        "q1_from_logs", 0.5,
        "A exponencial de -2000 é zero em float64. De que combinação dos dois logaritmos D* depende?",
        tiny_densities, FROM_LOGS,
    ),
    Check(
        "q1_logit", 0.5,
        "Escreva o log das duas densidades por extenso, com as normalizações, e só então subtraia. E longe da origem?",
        two_scales, LOGITS,
    ),
)  # fmt: skip

DISCRETE = (
    Check(
        "q2_value", 0.5,
        "Há dois casos a separar: certeza onde não há massa a errar, e certeza errada onde há. Não limite D por fora.",
        judged, SUMS,
    ),
    Check(
        "q2_jsd", 0.5,
        "Confira os pontos em que uma das probabilidades é nula, a unidade (nats) e o valor em suportes disjuntos.",
        overlaps, SUMS,
    ),
    Check(
        "q2_bound", 0.5,
        "Compare V(G, D) com V(G, D*) e isole a divergência. No discriminador ótimo o limite é a própria JSD.",
        any_discriminator, SUMS,
    ),
)  # fmt: skip

GAUSSIANS = (
    Check(
        "q3_value", 0.5,
        "São duas esperanças, cada uma com a sua densidade. A grade cobre as duas gaussianas, com pontos que bastem?",
        shifts((0.1, 0.5), (1, 3), (4, 6), (6, 8)), QUADRATURE,
    ),
    Check(
        "q3_jsd", 0.5,
        "Confira o fator ½ e a constante que ligam a JSD ao valor do jogo, e os limites 0 e log 2.",
        shifts((0.1, 0.5), (1, 3), (4, 6), (6, 8)), QUADRATURE,
    ),
    Check(
        "q3_left", 0.5,
        "Longe, a JSD arredonda para log 2: escreva o que falta como integral de termos positivos. Onde está a massa?",
        shifts((1, 4), (5, 8), (16, 19), (19, 22)), LEFT,
    ),
)  # fmt: skip

GRADIENTS = (
    Check(
        "q4_saturating", 0.5,
        "É uma esperança sobre as amostras geradas, com três fatores: o peso da amostra, a inclinação de h* e dG/dmu.",
        shifts((0.3, 1), (1, 3), (3, 5), (5, 7)), GRADIENT,
    ),
    Check(
        "q4_non_saturating", 0.5,
        "O que muda em relação à perda minimax é só o peso de cada amostra. Confira o sinal.",
        shifts((0.3, 1), (1, 3), (4, 8), (15, 22)), GRADIENT,
    ),
    Check(
        "q4_far", 0.5,
        "É a mesma função, longe: uma grade estreita, uma tolerância absoluta ou uma subtração perdem tudo ali.",
        shifts((14, 17), (17, 20), (20, 22)), GRADIENT,
    ),
    Check(
        "q4_peak", 0.5,
        "Ache o máximo com r = 1 e depois pense em como o ponto e a derivada mudam quando tudo é esticado por r.",
        scale, PEAK,
    ),
)  # fmt: skip

TAILS = (
    Check(
        "q5_rate", 0.5,
        "É um quociente de diferenças entre dois pontos, em função de mu ao quadrado; não é o valor do limite.",
        interval, RATE,
    ),
    Check(
        "q5_logistic", 0.5,
        "Aqui a inclinação de h* depende de x. Teste com a gaussiana, e confira se o intervalo de integração é largo.",
        logistic, GRADIENT,
    ),
)  # fmt: skip

PROOF = """\
Item 1 (0,75)
  0,25  reduz a um problema em cada ponto e acha a/(a + b), e diz por que é um máximo (concavidade, ou o sinal de f').
  0,25  trata os casos a = 0 < b e b = 0 < a; diz que onde p = q = 0 o discriminador é livre.
  0,25  unicidade em (p_data + p_g)-quase todo ponto (basta "onde há massa"), com justificativa.
Item 2 (0,50)
  0,25  escreve D* = p/(2m) e 1 - D* = q/(2m), com m = (p + q)/2.
  0,25  separa os dois log 2 usando que p e q integram 1, e reconhece as duas KL.
Item 3 (0,75)
  0,25  limite de baixo, com igualdade se e só se p = q em quase todo ponto.
  0,25  limite de cima, por p ≤ 2m (ou por V ≤ 0, que também serve).
  0,25  igualdade em log 2 se e só se pq = 0 em quase todo ponto. Só que suportes disjuntos dão log 2: 0,10.
Item 4 (0,50)
  0,25  a integral vale 2 log 2, por g_sat = 2 JSD', e um g_sat ≥ c > 0 em toda parte teria integral infinita.
  0,25  g_ns = μ - g_sat não é a derivada de algo limitado (é a de KL - 2 JSD, que cresce como μ²/2).
Esquecer que as densidades se referem a uma mesma medida não desconta. Dizer que g_sat tende a 0 só porque a integral
converge é errado em geral (falta monotonia): desconte 0,10 e comente."""

ASSIGNMENT = Assignment(
    title="O discriminador ótimo, a JSD e o gradiente que some",
    chapter="gradiente_evanescente",
    minutes=165,
    questions=(
        Question("q1", "O discriminador ótimo e o seu logit", OPTIMUM),
        Question("q2", "O valor do jogo, por somas exatas", DISCRETE),
        Question("q3", "Gaussianas, por quadratura", GAUSSIANS),
        Question("q4", "O gradiente do gerador contra D*", GRADIENTS),
        Question("q5", "Com que pressa ele some", TAILS),
        Written("q6", "O valor do jogo, demonstrado", 2.5, PROOF),
    ),
    # theory e divergences têm as formas fechadas; distances, a JSD de contagens e o limite inferior; flows, o gradiente
    # contra D*; losses, o valor por amostra; e com uma KL se faz a JSD.
    withheld=(
        "theory",
        "divergences",
        "distances",
        "flows",
        "losses",
        "metrics.histogram_kl",
        "metrics.reverse_kl",
    ),
    seconds=30,
)
