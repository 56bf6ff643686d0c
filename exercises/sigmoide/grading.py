"""A lista da sigmoide: precisão nas caudas, perdas em função do logit, pesos das amostras e a BCELoss."""

import numpy as np

from grading.assignment import Assignment, Check, Question, Written, close

# Em float32 uma resposta certa erra poucas unidades de 6e-8, por qualquer caminho; as ingênuas, de 1e-3 a 1.
SINGLE = close(1e-5)
# Em float64, poucas unidades de 1e-16. A softplus com o limiar padrão do PyTorch (20) erra ao menos 5e-13 em h < 25.
DOUBLE = close(1e-13)
# Somas de 18 parcelas em float64: o cancelamento entre elas custa poucos algarismos dos 16.
SUMS = close(1e-9)
# A medida depende de σ em float32, que perto de 1 anda aos saltos de 6e-8; nos logits sorteados, isso é menos de 2e-4.
MEASURED = close(1e-3)


def logits(rng, *intervals, shape=(3, 4), dtype=np.float32):
    """Logits com a mesma parte de cada intervalo, embaralhados: nenhum aluno recebe só casos fáceis."""
    each = int(np.prod(shape)) // len(intervals)
    values = np.concatenate([rng.uniform(low, high, each) for low, high in intervals])
    return rng.permutation(values).reshape(shape).astype(dtype)


def any_size(*names):
    """Logits moderados e enormes, dos dois sinais."""
    intervals = (-3, -0.1), (0.1, 3), (-1e4, -100), (100, 1e4)
    return lambda rng: {name: logits(rng, *intervals, shape=(2, 6)) for name in names}


def both_tails(*names):
    """De 17 em diante, 1 - σ(h) calculado por subtração é 0 em float32."""
    return lambda rng: {name: logits(rng, (-80, -17), (-4, 4), (17, 80)) for name in names}


def with_zero(rng):
    """Logits de todos os tamanhos, e o bico em 0."""
    h = logits(rng, (-80, -17), (-1e4, -100), (-4, -0.1), (0.1, 4), (17, 80), (100, 1e4), shape=(12,))
    return {"h": np.append(h, np.float32(0))}


def in_double(rng):
    """Onde log(1 + e^h) ingênuo perde os algarismos, e onde o limiar padrão do PyTorch os joga fora."""
    return {"h": logits(rng, (-700, -40), (-40, -10), (20.5, 25), dtype=np.float64)}


def levels(rng):
    """Níveis de 1e-6 a 0,95, longe de ½, em que o logit seria 0 e o erro relativo dele não teria sentido."""
    return {"epsilon": np.append(10.0 ** rng.uniform(-6, -1, 4), rng.uniform(0.6, 0.95))}


def batch(rng):
    """Logits de -40 a 4, para que os pesos das duas perdas difiram muito, e fatores sem nenhuma simetria."""
    h = logits(rng, (-40, -10), (-3, 4), shape=(6,), dtype=np.float64)
    return {"h": h, "slopes": rng.normal(size=(6, 3)), "jacobians": rng.normal(size=(6, 3, 4))}


def measured(rng):
    """Com alvo 1, só até 8, antes que σ ande aos saltos; com alvo 0, além de 18, onde tudo se perdeu."""
    return {
        "rejected": logits(rng, (-60, -30), (-25, -5), (-3, 8)),
        "accepted": logits(rng, (-50, -30), (-25, 10), (18, 60)),
    }


def fractions(first, last):
    """Três frações cujos limiares ficam a ao menos um quarto de unidade de um inteiro: o arredondamento não decide."""

    def inputs(rng):
        n = rng.choice(np.arange(first, last + 1), size=3, replace=False)
        return {"fractions": [float(np.exp(12 * np.log(10) - (k - rng.uniform(0.25, 0.75)))) for k in n]}

    return inputs


TAILS = (
    Check(
        "q1_complement", 0.5,
        "Subtrair dois números quase iguais perde algarismos; há uma propriedade da sigmoide que dispensa a subtração.",
        both_tails("h"), SINGLE,
    ),
    Check(
        "q1_derivative", 0.5,
        "A derivada é par: compare a sua resposta em h e em -h. Em que cauda a sua conta perde algarismos?",
        both_tails("h"), SINGLE,
    ),
    Check(
        "q1_saturation", 0.5,
        "Escreva cada inclinação em função de σ e resolva a desigualdade no logit. Em que ponta cada perda satura?",
        levels, SUMS,
    ),
)  # fmt: skip

SOFTPLUS = (
    Check(
        "q2_large", 0.5,
        "Confira se algum logit grande faz a sua conta passar por um infinito, e se ela serve também nos moderados.",
        any_size("h"), SINGLE,
    ),
    Check(
        "q2_precise", 0.5,
        "Em float64 o erro relativo é da ordem de 1e-16: procure onde uma parcela pequena se soma a 1, ou se perde.",
        in_double, DOUBLE,
    ),
    Check(
        "q2_slope", 0.5,
        "Derive por autograd em 0, em logits enormes e em logits muito negativos, e compare com a derivada exata.",
        with_zero, SINGLE,
    ),
)  # fmt: skip

LOSSES = (
    Check(
        "q3_discriminator", 0.5,
        "O discriminador quer o logit alto nos dados e baixo nas amostras geradas: confira o sinal em cada parcela.",
        any_size("real", "fake"), SINGLE,
    ),
    Check(
        "q3_minimax", 0.5,
        "Escreva o logaritmo de 1 - D em função do logit. Confira o sinal, a forma e os logits enormes.",
        any_size("fake"), SINGLE,
    ),
    Check(
        "q3_non_saturating", 0.5,
        "Escreva o logaritmo de D em função do logit. Confira o sinal, a forma e os logits enormes.",
        any_size("fake"), SINGLE,
    ),
)  # fmt: skip

WEIGHTS = (
    Check(
        "q4_discriminator_weights", 0.5,
        "Compare com o autograd em logits moderados; depois veja se nas caudas algum peso pequeno vira 0.",
        both_tails("real", "fake"), SINGLE,
    ),
    Check(
        "q4_generator_weights", 0.5,
        "Confira a ordem do par, os sinais e as caudas: cada peso some numa ponta só.",
        both_tails("fake"), SINGLE,
    ),
    Check(
        "q4_gradient", 0.5,
        "São três fatores por amostra e uma média no lote. Monte um caso com B = d = p = 1 e faça a conta à mão.",
        batch, SUMS,
    ),
)  # fmt: skip

MEASURES = (
    Check(
        "q5_slope", 0.25,
        "É a derivada por amostra, medida com a sigmoide e a entropia cruzada da probabilidade, na precisão de h.",
        measured, MEASURED,
    ),
    Check(
        "q5_lost_left", 0.5,
        "Com alvo 1, os logits são negativos. Confira com que derivada exata você compara, e desde que n procura.",
        fractions(29, 55),
    ),
    Check(
        "q5_lost_right", 0.5,
        "Com alvo 0, os logits são positivos. Confira se a conta toda é feita no tipo pedido.",
        # Até 33 quem corta é a BCELoss; depois, 1 - σ em float64 anda aos saltos.
        fractions(29, 33),
    ),
)  # fmt: skip

READING = """\
0,25  (a) 30, 35, 42 e 49; de 2,3 a 2,5 unidades por divisão; uma exponencial em |h|.
0,25  (b) σ arredonda para 1: em 17 (float32, nada muda com a fração) e em 37 (float64, onde a coluna para).
0,25  (c) gradiente da ordem de 1e-10, em vez de quase -1; o conserto é a perda em função do logit.
Basta a ideia. Se os números de q5 estavam errados, corrija a leitura que o aluno fez deles."""

PROOF = """\
Item 1 (0,75)
  0,25  demonstra σ' = σ(1 - σ).
  0,25  regra da cadeia na perda e cancelamento de 1 - σ, com o sinal certo; diz que 1 - σ não se anula.
  0,25  ∂h/∂θ = Jᵀ∇ₓh, com a transposta no lugar, porque h só depende de θ por meio da amostra.
Item 2 (0,75)
  0,25  hipóteses: perda com esperança finita em θ₀; h derivável em θ para quase todo z; sup de ‖∂h/∂θ‖ numa bola (ou a
        constante de Lipschitz nela) com esperança finita. Pedir só que E‖∂h/∂θ‖ seja finita em θ₀ não basta.
  0,25  convergência dominada no quociente de diferenças, ou o teorema de derivação sob a integral, com as hipóteses.
  0,25  |ℓ'| = σ ≤ 1: a perda é 1-Lipschitz no logit, e por isso a dominação feita para h serve para ela.
Item 3 (0,50)
  0,25  exemplo correto, com a conta: σ tende a 0, e o produto não.
  0,25  hipótese a mais que baste (E‖Jᵀ∇ₓh‖² limitada; ou D e ∇ₓD tendendo a 0 juntos, com J limitada), e por quê.
Trocar derivada e esperança sem dizer nada zera o item 2. Quem atribui a σ' o que é de σ perde o segundo quarto do item
1. Outra notação não desconta; quem fez tudo em uma dimensão perde só o terceiro quarto do item 1."""

ASSIGNMENT = Assignment(
    title="Sigmoide, perdas estáveis e o gradiente do gerador",
    chapter="sigmoide",
    minutes=150,
    questions=(
        Question("q1", "As caudas da sigmoide", TAILS),
        Question("q2", "A softplus, sem estouro", SOFTPLUS),
        Question("q3", "As três perdas", LOSSES),
        Question("q4", "O peso de cada amostra", WEIGHTS),
        Question("q5", "Onde a BCELoss perde o gradiente", MEASURES),
        Written("q6", "O que a medida diz", 0.75, READING),
        Written("q7", "O gradiente da perda minimax, demonstrado", 2.0, PROOF),
    ),
    # Os jogos de dirac têm as perdas com as derivadas, e layers.ACTIVATIONS, uma softplus pronta.
    withheld=("losses", "theory", "dirac", "layers.ACTIVATIONS"),
    seconds=30,
)
