"""As afirmações do capítulo sobre a prova de convergência, cada uma por dois caminhos independentes."""

import itertools
import math

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import entropy, lognorm, norm

from ganlib import dirac, dynamics, flows, losses, theory, transport

LOG2, LOG4 = math.log(2), math.log(4)
SEEDS = range(4)


def best_response(p, q, start=None):
    """O maior V contra q, procurado nos logits sem usar a fórmula de D*; e o D encontrado."""
    h = torch.zeros(len(p), dtype=torch.float64) if start is None else torch.tensor(start, dtype=torch.float64)
    h.requires_grad_()
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    optimizer = torch.optim.LBFGS([h], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15)

    def cost():
        optimizer.zero_grad()
        # A perda do discriminador por par (dado, amostra), ponto a ponto.
        real = losses.cross_entropy_discriminator(h, torch.full_like(h, -1e4))
        value = p @ real - q @ losses.minimax_generator(h)
        value.backward()
        return value

    optimizer.step(cost)
    return -cost().item(), torch.sigmoid(h.detach()).numpy()


# O teorema


@pytest.mark.claim("teo-conv-minimo", "eq-conv-minimo", "eq-conv-se-e-so-se")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_response_is_worth_minus_log_four_at_the_data_and_more_elsewhere(seed):
    rng = np.random.default_rng(seed)
    p, other = rng.dirichlet(np.ones(5), 2)
    assert best_response(p, p)[0] == pytest.approx(-LOG4, abs=1e-10)
    assert best_response(p, other)[0] > -LOG4 + 1e-3
    assert best_response(p, other)[0] == pytest.approx(-LOG4 + 2 * theory.jsd(p, other), abs=1e-8)


@pytest.mark.claim("teo-conv-minimo", "eq-conv-minimo")
def test_the_minimum_over_generators_is_at_the_data():
    p = np.array([0.5, 0.3, 0.2])
    found = minimize(lambda w: best_response(p, softmax(w))[0], np.array([0.3, -1.0, 1.0]), tol=1e-9)
    assert found.fun == pytest.approx(-LOG4, abs=1e-7)
    assert softmax(found.x) == pytest.approx(p, abs=2e-3)


@pytest.mark.claim("teo-conv-minimo")
def test_outside_the_data_the_best_discriminator_stays_where_it_was():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    for last in (-3.0, 0.0, 2.0):
        value, d = best_response(p, p, [1.0, -1.0, 0.5, last])
        assert value == pytest.approx(-LOG4, abs=1e-10)
        assert d[:3] == pytest.approx(0.5, abs=1e-5)
        assert d[3] == pytest.approx(theory.sigmoid(last))


def is_nash(p, q, d):
    """Nenhum dos dois melhora: o gerador pode ir a qualquer ponto, e o discriminador, ao melhor."""
    value = theory.value(p, q, d)
    by_generator = min(theory.value(p, e, d) for e in np.eye(len(p)))
    return by_generator >= value - 1e-9 and best_response(p, q)[0] <= value + 1e-9


@pytest.mark.claim("teo-conv-nash", "eq-conv-nash")
def test_at_nash_the_discriminator_is_one_half_on_the_data_and_no_more_elsewhere():
    p = np.array([0.5, 0.3, 0.2, 0.0])
    for last in (0.0, 0.3, 0.5):
        assert is_nash(p, p, np.array([0.5, 0.5, 0.5, last]))
    for last in (0.51, 0.9):
        assert not is_nash(p, p, np.array([0.5, 0.5, 0.5, last]))
    assert not is_nash(p, p, np.array([0.5, 0.5, 0.45, 0.2]))


@pytest.mark.claim("teo-conv-nash")
def test_no_other_pair_on_a_grid_is_an_equilibrium():
    p = np.array([0.5, 0.5, 0.0])
    shares = [np.array(s) / 6 for s in itertools.product(range(7), repeat=3) if sum(s) == 6]
    levels = np.linspace(0, 1, 7)[1:-1]
    found = [
        (q, d)
        for q in shares
        for d in map(np.array, itertools.product(levels, repeat=3))
        # O discriminador já responde bem? Só então se procura o melhor.
        if theory.value(p, q, d) >= -LOG4 + 2 * theory.jsd(p, q) - 1e-6 and is_nash(p, q, d)
    ]
    assert found
    for q, d in found:
        assert q == pytest.approx(p)
        assert d[:2] == pytest.approx(0.5)
        assert d[2] <= 0.5


# Os passos


@pytest.mark.claim("eq-conv-empurra")
def test_the_mean_in_z_is_the_mean_over_generated_samples():
    def loss(x):
        return losses.minimax_generator(torch.tensor(1.0 - x, dtype=torch.float64)).item()

    in_z = quad(lambda z: norm.pdf(z) * loss(math.exp(z)), -10, 10, epsabs=1e-12)[0]
    in_x = quad(lambda x: lognorm.pdf(x, 1) * loss(x), 0, np.inf, epsabs=1e-12, limit=200)[0]
    assert in_z == pytest.approx(in_x, abs=1e-9)


@pytest.mark.claim("eq-conv-ponto")
@pytest.mark.parametrize("sigma", [1.0, 0.1, 0.01])
def test_a_point_is_never_met_by_a_density_however_narrow(sigma):
    # Em malhas cada vez mais finas, a massa que cai na célula do ponto tende a zero.
    jsds = []
    for cells in (10, 1000, 100_000):
        width = sigma / cells
        hit = norm.cdf(width / 2, 0, sigma) - norm.cdf(-width / 2, 0, sigma)
        jsds.append(float(theory.jsd([1, 0], [hit, 1 - hit])))
    assert jsds == sorted(jsds)
    assert jsds[-1] == pytest.approx(LOG2, abs=1e-4)
    x = sigma * norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    moved = transport.w1([0.0], [1.0], x, np.full(20_000, 1 / 20_000))
    assert moved == pytest.approx(sigma * math.sqrt(2 / math.pi), rel=1e-3)


# A descida em p_g


@pytest.mark.claim("prop-conv-convexa", "eq-conv-hessiana")
def test_the_derivatives_of_the_value_against_the_best_discriminator():
    p, q = sp.symbols("p q", positive=True)
    U = p * sp.log(p / (p + q)) + q * sp.log(q / (p + q))
    assert sp.simplify(sp.diff(U, q) - sp.log(1 - p / (p + q))) == 0
    assert sp.simplify(sp.diff(U, q, 2) - p / (q * (p + q))) == 0


@pytest.mark.claim("prop-conv-convexa", "eq-conv-hessiana")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_value_bends_upwards_between_any_two_generators(seed):
    rng = np.random.default_rng(seed)
    p, a, b = rng.dirichlet(np.full(5, 0.4), 3)
    for t in (0.2, 0.5, 0.9):
        assert best_response(p, (1 - t) * a + t * b)[0] <= (1 - t) * best_response(p, a)[0] + t * best_response(p, b)[0]
    # A descida da ganlib é a deste gradiente, projetado.
    cost = np.log1p(-p / (p + a))
    assert flows.velocity(p, a, "minimax", "probability") == pytest.approx(cost.mean() - cost, rel=1e-9)


@pytest.mark.claim("teo-conv-fluxo", "eq-conv-exponencial")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_flow_reaches_the_data_at_least_as_fast_as_promised(seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(5), 2)
    times = np.linspace(0, 20, 41)
    path = flows.flow(p, q, times, "minimax", "probability")
    gap = np.linalg.norm(path - p, axis=1)
    m = p.min() / (1 + p.min())
    assert (gap <= np.exp(-m * times) * gap[0] * (1 + 1e-6) + 1e-9).all()
    assert path.min() > 0
    assert gap[-1] < 0.05 * gap[0]


@pytest.mark.claim("teo-conv-fluxo", "eq-conv-sem-plato")
def test_in_the_space_of_distributions_there_is_no_plateau():
    rng = np.random.default_rng(0)
    for scale in (1.0, 0.1, 0.02):  # com 0,02, quase toda a massa num ponto só
        for p, q in rng.dirichlet(np.full(6, scale), (50, 2)):
            p, q = (np.maximum(a, 1e-30) / np.maximum(a, 1e-30).sum() for a in (p, q))
            speed = np.linalg.norm(flows.velocity(p, q, "minimax", "probability"))
            m = (p + q) / 2
            assert speed >= math.sqrt(2) * (entropy(p, m) + entropy(q, m)) / 2 - 1e-12


# A parametrização


@pytest.mark.claim("eq-conv-softmax")
@pytest.mark.parametrize("loss", sorted(flows.COSTS))
def test_by_softmax_every_symbol_moves_in_proportion_to_its_mass(loss):
    rng = np.random.default_rng(0)
    p, w = rng.dirichlet(np.ones(4)), torch.from_numpy(rng.normal(size=4)).requires_grad_()
    q = torch.softmax(w, 0)
    h = torch.from_numpy(np.log(p)) - q.detach().log()  # D* parado
    generator = {"minimax": losses.minimax_generator, "non_saturating": losses.non_saturating_generator}[loss]
    (grad,) = torch.autograd.grad(q @ generator(h), w)
    assert flows.velocity(p, w.detach().numpy(), loss, "softmax") == pytest.approx(-grad.numpy(), rel=1e-9)
    q, c = q.detach().numpy(), generator(h).numpy()
    assert -grad.numpy() == pytest.approx(-q * (c - q @ c), rel=1e-9)


@pytest.mark.claim("eq-conv-tempo")
def test_the_time_of_an_abandoned_mode_grows_as_one_over_its_mass():
    p = np.array([0.5, 0.5])

    def time(eps, loss):
        def pace(u):  # u = log q; dt/du = q / q̇, da velocidade da ganlib
            q = math.exp(u)
            # As velocidades somam zero; a segunda é a que não sofre cancelamento.
            v = flows.velocity(p, [math.log1p(-q), u], loss, "softmax")[1]
            return 1 / ((1 - q) * 2 * v)

        ends = np.linspace(math.log(eps), math.log(0.25), 60)
        return sum(quad(pace, a, b)[0] for a, b in itertools.pairwise(ends))

    for eps, close in ((1e-4, 2e-2), (1e-7, 1e-3)):
        assert time(eps, "non_saturating") * 2 * math.log(3) * eps == pytest.approx(1, abs=close)
    ratios = [time(eps, "minimax") * 2 * eps * math.log(1 / eps) for eps in (1e-3, 1e-6, 1e-12, 1e-24)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == pytest.approx(1, abs=0.05)


# Dois jogadores


@pytest.mark.claim("prop-conv-sem-nash", "eq-conv-sem-nash")
def test_two_data_points_and_one_generated_point_have_no_equilibrium():
    # Pontos: -1, 1 e um terceiro qualquer; o gerador é um deles, inteiro.
    p = np.array([0.5, 0.5, 0.0])
    values = []
    for theta in range(3):
        q = np.eye(3)[theta]
        best = np.nan_to_num(theory.optimal_discriminator(p, q), nan=0.5)
        values.append(theory.jsd(p, q))
        stays = theory.value(p, q, best)
        moves = [theory.value(p, np.eye(3)[other], best) for other in range(3) if other != theta]
        assert min(moves) < stays - 1  # sempre há para onde fugir
    assert values == pytest.approx([0.75 * math.log(4 / 3)] * 2 + [LOG2])
    m = np.array([0.75, 0.25])
    assert values[0] == pytest.approx(entropy([1, 0], m) / 2 + entropy([0.5, 0.5], m) / 2)


def jacobian(s):
    """A jacobiana do fluxo simultâneo em (θ, a, b) = 0, por autograd nas perdas da ganlib."""
    nodes, weights = (torch.from_numpy(v) for v in np.polynomial.hermite_e.hermegauss(40))
    weights = weights / weights.sum()

    def field(state):
        theta, a, b = state
        real, fake = a * s * nodes + b, a * (theta + s * nodes) + b
        d_loss = weights @ losses.cross_entropy_discriminator(real, fake)
        g_loss = weights @ losses.minimax_generator(fake)
        (g,) = torch.autograd.grad(g_loss, theta, create_graph=True)
        d = torch.autograd.grad(d_loss, (a, b), create_graph=True)
        return torch.stack([-g, -d[0], -d[1]])

    origin = tuple(torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(3))
    rows = [torch.stack(torch.autograd.grad(f, origin, retain_graph=True, allow_unused=False)) for f in field(origin)]
    return torch.stack(rows).detach().numpy()


@pytest.mark.claim("prop-conv-local", "eq-conv-autovalores")
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 3.0])
def test_the_width_of_the_data_damps_the_game_as_instance_noise_does(s):
    found = np.sort_complex(np.linalg.eigvals(jacobian(s)))
    root = np.sqrt(complex(s**4 / 16 - 0.25))
    expected = np.sort_complex(np.array([-(s**2) / 4 + root, -(s**2) / 4 - root, -0.5]))
    assert found == pytest.approx(expected, abs=1e-9)
    if s:
        assert found.real.max() < 0
        pair = dirac.get("instance_noise", std=s).eigenvalues
        for value in pair:
            assert np.abs(found - value).min() < 1e-9
    else:
        assert np.abs(found - 0.5j).min() < 1e-12


@pytest.mark.claim("prop-conv-local")
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
def test_near_the_equilibrium_the_flow_shrinks_at_the_rate_of_the_eigenvalues(s):
    times = np.linspace(0, 40, 2001)
    path = dynamics.flow(dirac.get("instance_noise", std=s), [1e-3, 0.0], times)
    radius = np.linalg.norm(path, axis=1) * np.exp(s**2 * times / 4)
    # Sem a taxa sobra uma oscilação: os seus máximos são todos iguais.
    peaks = [radius[i : i + 500].max() for i in range(0, 2000, 500)]
    assert max(peaks) == pytest.approx(min(peaks), rel=0.02)
