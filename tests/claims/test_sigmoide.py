"""As afirmações do capítulo sobre a sigmoide, cada uma por dois caminhos independentes."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
import torch

from ganlib import losses, theory

# Logits moderados e extremos; as contas de referência são feitas com 60 algarismos, da definição.
LOGITS = np.array([-700.0, -100.0, -37.0, -10.0, -2.5, -0.3, 0.0, 0.3, 2.5, 10.0, 37.0, 100.0, 700.0])
EXACT = {"rtol": 1e-13, "atol": 0}


def sigma(h):
    """A definição, ao pé da letra."""
    return 1 / (1 + mp.exp(-h))


def reference(function, logits=LOGITS):
    """Os valores de uma função de mpmath em cada logit, como números de float64."""
    with mp.workdps(700):  # 1 - σ(700) só aparece depois de 304 algarismos
        return np.array([float(function(mp.mpf(h))) for h in logits])


def derivatives(loss, logits=LOGITS):
    """O valor, a primeira e a segunda derivadas de uma perda em cada logit, por diferenciação automática."""
    h = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    value = loss(h)
    (first,) = torch.autograd.grad(value.sum(), h, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), h)
    return [t.detach().numpy() for t in (value, first, second)]


# Quatro propriedades


@pytest.mark.claim("prop-sigmoide-simetria", "eq-sigmoide-simetria")
def test_changing_the_sign_of_the_logit_swaps_real_and_fake():
    np.testing.assert_allclose(theory.sigmoid(LOGITS), reference(sigma), **EXACT)
    np.testing.assert_allclose(theory.sigmoid(-LOGITS), reference(lambda h: 1 - sigma(h)), **EXACT)


@pytest.mark.claim("prop-sigmoide-derivada", "eq-derivada-sigmoide")
def test_the_derivative_is_d_times_one_minus_d():
    h = sp.symbols("h", real=True)
    slope = sp.lambdify(h, sp.diff(1 / (1 + sp.exp(-h)), h), "mpmath")
    np.testing.assert_allclose(theory.sigmoid_prime(LOGITS), reference(slope), **EXACT)
    np.testing.assert_allclose(theory.sigmoid_prime(LOGITS), reference(lambda h: sigma(h) * (1 - sigma(h))), **EXACT)


@pytest.mark.claim("prop-sigmoide-derivada", "eq-derivada-sigmoide")
def test_the_sigmoid_increases_and_is_steepest_at_zero_only():
    h = np.linspace(-30, 30, 6001)
    step = 1e-4
    slope = (theory.sigmoid(h + step) - theory.sigmoid(h - step)) / (2 * step)
    np.testing.assert_allclose(slope, theory.sigmoid_prime(h), rtol=1e-8, atol=1e-11)
    assert (theory.sigmoid_prime(h) > 0).all()
    assert theory.sigmoid_prime(0.0) == 1 / 4 == slope.max().round(8)
    assert (theory.sigmoid_prime(h[np.abs(h) > 1e-3]) < 1 / 4).all()
    np.testing.assert_allclose(theory.sigmoid_prime(-h), slope, rtol=1e-8, atol=1e-11)


@pytest.mark.claim("prop-sigmoide-logit", "eq-logit")
def test_the_sigmoid_and_the_log_odds_undo_each_other():
    d = np.array([1e-300, 1e-9, 0.01, 0.3, 0.5, 0.7, 0.99])
    np.testing.assert_allclose(theory.sigmoid(np.log(d / (1 - d))), d, rtol=1e-12)
    np.testing.assert_allclose(reference(lambda h: mp.log(sigma(h) / (1 - sigma(h)))), LOGITS, rtol=1e-15)
    # log D - log(1-D), com os logaritmos da biblioteca, é o logit.
    np.testing.assert_allclose(theory.log_sigmoid(LOGITS) - theory.log_one_minus_sigmoid(LOGITS), LOGITS, rtol=1e-13)


@pytest.mark.claim("prop-sigmoide-caudas", "eq-sigmoide-cauda")
def test_on_the_left_the_sigmoid_is_the_exponential_up_to_its_square():
    with mp.workdps(700):
        odds = np.array([float(mp.exp(h)) for h in LOGITS])
    np.testing.assert_allclose(theory.sigmoid(LOGITS), odds * reference(lambda h: 1 - sigma(h)), **EXACT)
    h = np.linspace(-12, 30, 421)  # onde a folga ainda cabe em float64
    assert (np.exp(h) - np.exp(2 * h) < theory.sigmoid(h)).all()
    assert (theory.sigmoid(h) < np.exp(h)).all()


@pytest.mark.claim("prop-sigmoide-caudas", "eq-derivada-cauda")
def test_the_derivative_decays_like_the_exponential_on_both_sides():
    h = np.linspace(-16, 16, 321)
    ratio = theory.sigmoid_prime(h) * np.exp(np.abs(h))
    assert (ratio >= 1 / 4 * (1 - 1e-15)).all() and (ratio < 1).all()
    # As cotas são as melhores: ¼ é atingido em 0, e 1 é o limite.
    assert h[ratio.argmin()] == pytest.approx(0, abs=1e-12) and ratio.min() == pytest.approx(1 / 4, rel=1e-12)
    assert (theory.sigmoid_prime([-700.0, 700.0]) * np.exp(700)) == pytest.approx([1, 1], rel=1e-12)


# Os dois logaritmos


@pytest.mark.claim("eq-logs-softplus")
def test_the_two_logarithms_are_softplus_seen_from_opposite_sides():
    log_d, log_one_minus_d = reference(lambda h: mp.log(sigma(h))), reference(lambda h: mp.log(1 - sigma(h)))
    h = torch.from_numpy(LOGITS)
    for ours in (theory.log_sigmoid(LOGITS), -losses.softplus(-h).numpy(), -losses.non_saturating_generator(h).numpy()):
        np.testing.assert_allclose(ours, log_d, **EXACT)
    for ours in (
        theory.log_one_minus_sigmoid(LOGITS),
        -losses.softplus(h).numpy(),
        losses.minimax_generator(h).numpy(),
    ):
        np.testing.assert_allclose(ours, log_one_minus_d, **EXACT)
    # O discriminador soma os dois: log σ alto nos reais, log(1-σ) alto nos gerados.
    real, fake = h[:, None], h[None, :]
    ours = losses.cross_entropy_discriminator(real, fake).numpy()
    np.testing.assert_allclose(ours, -log_d[:, None] - log_one_minus_d[None, :], **EXACT)


@pytest.mark.claim("eq-inclinacao-logs")
def test_each_logarithm_is_flat_at_one_end_only():
    _, minimax, _ = derivatives(losses.minimax_generator)
    _, non_saturating, _ = derivatives(losses.non_saturating_generator)
    d, one_minus_d = reference(sigma), reference(lambda h: 1 - sigma(h))
    for ours in (minimax, theory.saturating_slope(LOGITS)):
        np.testing.assert_allclose(ours, -d, **EXACT)
    for ours in (non_saturating, theory.non_saturating_slope(LOGITS)):
        np.testing.assert_allclose(ours, -one_minus_d, **EXACT)


@pytest.mark.claim("eq-inclinacao-logs")
def test_the_slopes_are_the_finite_differences_of_the_values():
    h, step = np.linspace(-20, 20, 401), 1e-5

    def difference(function):
        return (function(h + step) - function(h - step)) / (2 * step)

    np.testing.assert_allclose(difference(theory.log_one_minus_sigmoid), theory.saturating_slope(h), atol=1e-9)
    np.testing.assert_allclose(-difference(theory.log_sigmoid), theory.non_saturating_slope(h), atol=1e-9)


@pytest.mark.claim("eq-curvatura-logs")
def test_sigma_prime_is_the_curvature_of_both_logarithms():
    # Longe de zero, a segunda derivada do softplus do PyTorch perde algarismos: a comparação fica no meio.
    h = np.linspace(-15, 15, 121)
    _, _, minimax = derivatives(losses.minimax_generator, h)
    _, _, non_saturating = derivatives(losses.non_saturating_generator, h)
    np.testing.assert_allclose(minimax, -theory.sigmoid_prime(h), rtol=1e-7)
    np.testing.assert_allclose(-non_saturating, -theory.sigmoid_prime(h), rtol=1e-7)


# A culpa não é de σ′


@pytest.mark.claim("eq-cancelamento")
def test_the_two_factors_of_the_chain_rule_multiply_to_minus_sigmoid():
    d, h = sp.symbols("D h", real=True)
    outer, inner = sp.diff(sp.log(1 - d), d), sp.diff(1 / (1 + sp.exp(-h)), h)
    outer, inner = sp.lambdify(d, outer, "mpmath"), sp.lambdify(h, inner, "mpmath")
    product = reference(lambda h: outer(sigma(h)) * inner(h))
    np.testing.assert_allclose(product, theory.saturating_slope(LOGITS), **EXACT)
    # A tabela: σ′ some nas duas pontas; o produto, só na esquerda, porque à direita f′ explode.
    left, right = reference(lambda h: outer(sigma(h)), [-30.0, 30.0])
    assert left == pytest.approx(-1, abs=1e-12) and right == pytest.approx(-np.exp(30), rel=1e-12)
    np.testing.assert_allclose(theory.sigmoid_prime([-30.0, 30.0]), np.exp(-30), rtol=1e-12)
    np.testing.assert_allclose(theory.saturating_slope([-30.0, 30.0]), [-np.exp(-30), -1], rtol=1e-12)


@pytest.mark.claim("prop-saturacao-minimax", "eq-saturacao-limiar")
@pytest.mark.parametrize("epsilon", [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999])
def test_the_minimax_slope_is_below_epsilon_exactly_up_to_the_logit_of_epsilon(epsilon):
    threshold = np.log(epsilon / (1 - epsilon))
    h = threshold + np.array([-50.0, -5.0, -1e-6, 1e-6, 5.0, 50.0])
    _, slope, _ = derivatives(losses.minimax_generator, h)
    assert ((np.abs(slope) <= epsilon) == (h <= threshold)).all()


@pytest.mark.claim("prop-saturacao-minimax", "eq-necessaria-nao-suficiente")
def test_a_small_sigma_prime_is_necessary_but_not_sufficient():
    _, slope, _ = derivatives(losses.minimax_generator)
    product = reference(lambda h: 1 - sigma(h)) * np.abs(slope)
    np.testing.assert_allclose(theory.sigmoid_prime(LOGITS), product, **EXACT)
    assert (theory.sigmoid_prime(LOGITS) <= np.abs(slope)).all()
    # À direita, σ′ tende a zero e a inclinação tende a -1.
    assert theory.sigmoid_prime(700.0) < 1e-300 and slope[-1] == -1


@pytest.mark.claim("eq-inclinacao-quadratica")
def test_the_quadratic_loss_does_inherit_sigma_prime():
    _, slope, _ = derivatives(lambda h: (torch.sigmoid(h) - 1) ** 2)
    left = LOGITS <= 10  # à direita, 1 - σ perde algarismos no PyTorch
    one_minus_d = -theory.non_saturating_slope(LOGITS)
    np.testing.assert_allclose(slope[left], (-2 * one_minus_d * theory.sigmoid_prime(LOGITS))[left], rtol=1e-8)
    np.testing.assert_allclose(slope[left], (-2 * theory.sigmoid(LOGITS) * one_minus_d**2)[left], rtol=1e-8)
    # Na ponta esquerda, como 2e^h.
    assert slope[0] / np.exp(-700) == pytest.approx(-2, rel=1e-12)


# No computador


@pytest.mark.claim("eq-limiares-sigmoide")
@pytest.mark.parametrize(("dtype", "bits"), [(np.float16, 11), (np.float32, 24), (np.float64, 53)])
def test_the_rounded_sigmoid_becomes_one_and_zero_where_predicted(dtype, bits):
    u, largest = dtype(2.0**-bits), np.finfo(dtype).max
    one = dtype(1)
    assert one + u == one and one + np.nextafter(u, one) > one  # u é o maior que some na soma

    def rounded(h):
        with np.errstate(over="ignore"):
            return one / (one + np.exp(-dtype(h)))

    up, down = -np.log(float(u)), -np.log(float(largest))
    # A folga é a da exponencial e a do próprio logit, arredondados.
    slack = 4 * float(np.spacing(dtype(abs(down)))) + 4 * float(np.finfo(dtype).eps)
    for h in np.linspace(slack, 3, 40):
        assert rounded(up + h) == 1 and rounded(up - h) < 1
        assert rounded(down - h) == 0 and rounded(down + h) > 0


@pytest.mark.claim("eq-limiares-sigmoide")
@pytest.mark.parametrize(("dtype", "last", "lowest"), [(torch.float32, 16, -88), (torch.float64, 36, -709)])
def test_the_naive_losses_break_at_the_thresholds_and_softplus_does_not(dtype, last, lowest):
    def slopes(loss, *logits):
        h = torch.tensor(logits, dtype=dtype, requires_grad=True)
        return torch.autograd.grad(loss(h).sum(), h)[0].isfinite().tolist()

    assert slopes(lambda h: torch.log(1 - torch.sigmoid(h)), last, last + 1) == [True, False]
    assert slopes(lambda h: -torch.log(torch.sigmoid(h)), lowest, lowest - 1) == [True, False]
    for loss in (losses.minimax_generator, losses.non_saturating_generator):
        assert slopes(loss, last, last + 1, lowest, lowest - 1) == [True] * 4


@pytest.mark.claim("eq-softplus-estavel")
def test_the_stable_softplus_is_exact_to_the_last_digit():
    exact = reference(lambda h: mp.log(1 + mp.exp(h)))
    stable = np.maximum(LOGITS, 0) + np.log1p(np.exp(-np.abs(LOGITS)))
    np.testing.assert_allclose(stable, exact, rtol=1e-15)
    np.testing.assert_allclose(losses.softplus(torch.from_numpy(LOGITS)).numpy(), exact, rtol=1e-15)
    # Logo acima de 20, o limiar padrão do PyTorch erraria 2e-9.
    between = np.linspace(20.5, 45, 50)
    ours = losses.softplus(torch.from_numpy(between)).numpy()
    np.testing.assert_allclose(ours, reference(lambda h: mp.log(1 + mp.exp(h)), between), rtol=1e-15)
