"""Soluções erradas plausíveis das listas da penalidade de gradiente e da Dirac-GAN, e o que cada uma perde.

Dados puros: ``WRONG[lista][descrição]`` tem ``replace`` (nome → código que o redefine, no fim do gabarito) e ``loses``
(todas as verificações que deixam de estar certas, e só elas). O código usa só o que a lista importa. Na da Dirac-GAN, o
treinamento do gabarito já rodou: quem muda uma perda só muda o gerador se treinar de novo (``G``).
"""

Q1 = ["q1_equal", "q1_unequal"]
Q3 = ["q3_linear", "q3_quadratic", "q3_graph"]
Q4 = ["q4_epsilon", "q4_value", "q4_gradient"]
BY_SUM = ["q6_error"]  # o erro da soma usa slope

PENALTY = {
    "W1 sem ordenar as amostras": {
        "replace": {"w1_samples": "def w1_samples(x, y): return np.abs(x - y).mean()"},
        "loses": Q1,
    },
    "a diferença das médias no lugar da W1": {
        "replace": {
            "w1_samples": "def w1_samples(x, y): return abs(x.mean() - y.mean())",
            "w1_discrete": "def w1_discrete(x, p, y, q): return abs(p @ x - q @ y)",
        },
        "loses": [*Q1, "q1_discrete"],
    },
    "a amostra maior cortada no tamanho da menor": {
        "replace": {
            "w1_samples": "def w1_samples(x, y):\n"
            "    n = min(len(x), len(y))\n"
            "    return np.abs(np.sort(x[:n]) - np.sort(y[:n])).mean()"
        },
        "loses": ["q1_unequal"],
    },
    "quantis interpolados, que só servem em tamanhos iguais": {
        "replace": {
            "w1_samples": "def w1_samples(x, y):\n"
            "    u = np.linspace(0, 1, max(len(x), len(y)))\n"
            "    return np.abs(np.quantile(x, u) - np.quantile(y, u)).mean()"
        },
        "loses": ["q1_unequal"],
    },
    "as repetições jogadas fora": {
        "replace": {
            "w1_samples": "def w1_samples(x, y):\n"
            "    x, y = np.unique(x), np.unique(y)\n"
            "    return w1_discrete(x, np.full(len(x), 1 / len(x)), y, np.full(len(y), 1 / len(y)))"
        },
        "loses": Q1,
    },
    "a soma dos pares ordenados, sem dividir": {
        "replace": {"w1_samples": "def w1_samples(x, y): return np.abs(np.sort(x) - np.sort(y)).sum()"},
        "loses": Q1,
    },
    "os pontos ordenados sem levar as probabilidades": {
        "replace": {
            "w1_discrete": "def w1_discrete(x, p, y, q):\n"
            "    excess = np.cumsum(np.concatenate([p, -q]))[:-1]\n"
            "    return (np.abs(excess) * np.diff(np.sort(np.concatenate([x, y])))).sum()"
        },
        "loses": [*Q1, "q1_discrete"],
    },
    "a integral de F - F_g sem o módulo": {
        "replace": {
            "w1_discrete": "def w1_discrete(x, p, y, q):\n"
            "    points = np.concatenate([x, y])\n"
            "    order = np.argsort(points)\n"
            "    return abs((np.cumsum(np.concatenate([p, -q])[order])[:-1] * np.diff(points[order])).sum())"
        },
        "loses": [*Q1, "q1_discrete"],
    },
    "o crítico ótimo com o sinal trocado": {
        "replace": {
            "right": "right = optimal_critic",
            "optimal_critic": "def optimal_critic(x, p, y, q): return tuple(-f for f in right(x, p, y, q))",
        },
        "loses": ["q1_critic"],
    },
    "o crítico de um deslocamento, em todos os casos": {
        "replace": {
            "optimal_critic": "def optimal_critic(x, p, y, q):\n"
            "    sign = np.sign(p @ x - q @ y)\n"
            "    return sign * x, sign * y"
        },
        "loses": ["q1_critic"],
    },
    "os valores do crítico na ordem dos pontos, e não na da entrada": {
        "replace": {
            "optimal_critic": "def optimal_critic(x, p, y, q):\n"
            "    points = np.concatenate([x, y])\n"
            "    order = np.argsort(points)\n"
            "    excess = np.cumsum(np.concatenate([p, -q])[order])[:-1]\n"
            "    f = np.concatenate([[0.0], np.cumsum(-np.sign(excess) * np.diff(points[order]))])\n"
            "    return f[: len(x)], f[len(x) :]"
        },
        "loses": ["q1_critic"],
    },
    "um crítico íngreme demais, que passa da W1": {
        "replace": {
            "right": "right = optimal_critic",
            "optimal_critic": "def optimal_critic(x, p, y, q): return tuple(2 * f for f in right(x, p, y, q))",
        },
        "loses": ["q1_critic"],
    },
    "a estimativa da W1 no lugar da perda do crítico": {
        "replace": {
            "critic_losses": "def critic_losses(h_real, h_fake): return h_real.mean() - h_fake.mean(), -h_fake.mean()"
        },
        "loses": ["q2_losses"],
    },
    "o gerador que quer notas baixas": {
        "replace": {
            "critic_losses": "def critic_losses(h_real, h_fake): return h_fake.mean() - h_real.mean(), h_fake.mean()"
        },
        "loses": ["q2_losses"],
    },
    "uma sigmoide no fim do crítico": {
        "replace": {
            "critic_losses": "def critic_losses(h_real, h_fake):\n"
            "    real, fake = h_real.sigmoid(), h_fake.sigmoid()\n"
            "    return fake.mean() - real.mean(), -fake.mean()"
        },
        "loses": ["q2_losses"],
    },
    "notas (B, 1) vezes rótulos (B,)": {
        "replace": {"labelled_loss": "def labelled_loss(h, y): return torch.mean(-h * y)"},
        "loses": ["q2_labels"],
    },
    "a soma no lote, e não a média": {
        "replace": {"labelled_loss": "def labelled_loss(h, y): return -(h.flatten() * y.flatten()).sum()"},
        "loses": ["q2_labels"],
    },
    "a norma do lote inteiro": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)\n"
            "    return grad.norm().expand(len(x))"
        },
        "loses": [*Q3, "q4_value", "q4_gradient", *BY_SUM],
    },
    "a norma em um eixo só, que serve para vetores e não para imagens": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)\n"
            "    return grad.norm(2, dim=1)"
        },
        "loses": [*Q3, "q4_value", "q4_gradient", *BY_SUM],
    },
    "o quadrado da norma": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)\n"
            "    return grad.flatten(1).square().sum(1)"
        },
        "loses": [*Q3, "q4_value", "q4_gradient", *BY_SUM],
    },
    "a média das notas, que divide o gradiente por B": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).mean(), x, create_graph=True)\n"
            "    return grad.flatten(1).norm(dim=1)"
        },
        "loses": [*Q3, "q4_value", "q4_gradient", *BY_SUM],
    },
    "sem create_graph: um número sem história": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x)\n"
            "    return grad.flatten(1).norm(dim=1)"
        },
        "loses": ["q3_graph", "q4_gradient"],
    },
    "grad_outputs de forma (B, 1), que não serve para notas (B,)": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach().requires_grad_(True)\n"
            "    ones = torch.ones(len(x), 1, dtype=x.dtype)\n"
            "    (grad,) = torch.autograd.grad(D(x), x, grad_outputs=ones, create_graph=True)\n"
            "    return grad.flatten(1).norm(dim=1)"
        },
        "loses": ["q3_linear", "q3_quadratic", "q4_value", "q4_gradient"],
    },
    "sem detach: o gerador recebe gradiente, e x passa a pedir": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x.requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)\n"
            "    return grad.flatten(1).norm(dim=1)"
        },
        "loses": ["q3_graph", "q4_gradient"],
    },
    "slope certa, mas que marca o tensor de quem chama": {
        "replace": {
            "slope": "def slope(D, x):\n"
            "    x = x.detach() if x.grad_fn is not None else x\n"
            "    x.requires_grad_(True)\n"
            "    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)\n"
            "    return grad.flatten(1).norm(dim=1)"
        },
        "loses": ["q3_graph"],
    },
    "um ε só para o lote": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand((), dtype=real.dtype)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).square().mean()"
        },
        "loses": ["q4_epsilon"],
    },
    "um ε por coordenada: os pontos saem do segmento": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand_like(real)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).square().mean()"
        },
        "loses": ["q4_epsilon"],
    },
    "ε gaussiano": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.randn(len(real), *[1] * (real.dim() - 1), dtype=real.dtype)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).square().mean()"
        },
        "loses": ["q4_epsilon"],
    },
    "ε espaçado por igual, sem sorteio": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.linspace(0, 1, len(real), dtype=real.dtype).reshape(-1, *[1] * (real.dim() - 1))\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).square().mean()"
        },
        "loses": ["q4_epsilon"],
    },
    "a semente fixada dentro da função": {
        "replace": {
            "right": "right = gradient_penalty",
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    torch.manual_seed(0)\n"
            "    return right(D, real, fake)",
        },
        "loses": ["q4_epsilon"],
    },
    "a penalidade cobrada nos dados": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake): return (slope(D, real) - 1).square().mean()"
        },
        "loses": ["q4_epsilon"],
    },
    "o sorteio (B, 1, 1, 1), que só serve para imagens": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand(len(real), 1, 1, 1, dtype=real.dtype)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).square().mean()"
        },
        "loses": Q4,
    },
    "o do documento com ones_like: a norma sai √B vezes maior": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand(len(real), 1, 1, 1, dtype=real.dtype)\n"
            "    x = (eps * real + (1 - eps) * fake).requires_grad_(True)\n"
            "    h = D(x)\n"
            "    (grad,) = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True)\n"
            "    return (grad.view(len(grad), -1).norm(2, dim=1) - 1).square().mean()"
        },
        "loses": Q4,
    },
    "a penalidade de um lado só": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake) - 1).clamp(min=0).square().mean()"
        },
        "loses": ["q4_value", "q4_gradient"],
    },
    "o quadrado da média, em vez da média dos quadrados": {
        "replace": {
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    eps = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype)\n"
            "    return (slope(D, eps * real + (1 - eps) * fake).mean() - 1).square()"
        },
        "loses": ["q4_value", "q4_gradient"],
    },
    "a penalidade calculada fora do grafo": {
        "replace": {
            "right": "right = gradient_penalty",
            "gradient_penalty": "def gradient_penalty(D, real, fake):\n"
            "    return torch.tensor(right(D, real, fake).item(), dtype=real.dtype)",
        },
        "loses": ["q4_gradient"],
    },
    "recorte que só corta por cima": {
        "replace": {
            "clip_weights": "def clip_weights(critic, c):\n"
            "    with torch.no_grad():\n"
            "        for p in critic.parameters():\n"
            "            p.clamp_(max=c)"
        },
        "loses": ["q5_clip"],
    },
    "recorte da norma, e não de cada peso": {
        "replace": {
            "clip_weights": "def clip_weights(critic, c):\n"
            "    with torch.no_grad():\n"
            "        for p in critic.parameters():\n"
            "            p.mul_(min(1.0, c / p.norm().item()))"
        },
        "loses": ["q5_clip"],
    },
    "recorte numa cópia": {
        "replace": {
            "clip_weights": "def clip_weights(critic, c):\n"
            "    for p in critic.parameters():\n"
            "        p = p.clamp(-c, c)"
        },
        "loses": ["q5_clip"],
    },
    "o limite sem a raiz de n_0": {
        "replace": {
            "slope_bound": "def slope_bound(widths, c): return c ** (len(widths) - 1) * np.prod(widths[:-1])"
        },
        "loses": ["q5_bound"],
    },
    "o limite com a norma de cada camada sem a largura": {
        "replace": {"slope_bound": "def slope_bound(widths, c): return c ** (len(widths) - 1) * np.sqrt(widths[0])"},
        "loses": ["q5_bound"],
    },
    "o recorte na direção da diferença": {
        "replace": {
            "right": "right = linear_critic",
            "linear_critic": "def linear_critic(gap, constraint, strength):\n"
            "    if constraint == 'clip':\n"
            "        return strength * gap / np.abs(gap).max()\n"
            "    return right(gap, constraint, strength)",
        },
        "loses": ["q5_linear"],
    },
    "as fórmulas da reta, componente a componente": {
        "replace": {
            "linear_critic": "def linear_critic(gap, constraint, strength):\n"
            "    sign, size = np.sign(gap), np.abs(gap)\n"
            "    penalty, zero_centered = sign * (1 + size / (2 * strength)), gap / (2 * strength)\n"
            "    linear = {'clip': strength * sign, 'lipschitz': strength * sign}\n"
            "    return (linear | {'penalty': penalty, 'zero_centered': zero_centered})[constraint]"
        },
        "loses": ["q5_linear"],
    },
    "a penalidade como se fosse uma restrição": {
        "replace": {
            "right": "right = linear_critic",
            "linear_critic": "def linear_critic(gap, constraint, strength):\n"
            "    if constraint == 'penalty':\n"
            "        return gap / np.linalg.norm(gap)\n"
            "    return right(gap, constraint, strength)",
        },
        "loses": ["q5_linear"],
    },
    "linhas e colunas trocadas": {
        "replace": {
            "right": "right = cross_norms",
            "cross_norms": "def cross_norms(D, x): return right(D, x).T",
        },
        "loses": ["q6_cross"],
    },
    "o crítico posto em modo de avaliação": {
        "replace": {
            "cross_norms": "def cross_norms(D, x):\n"
            "    D.eval()\n"
            "    return torch.autograd.functional.jacobian(lambda x: D(x).flatten(), x).flatten(2).norm(dim=2)"
        },
        "loses": ["q6_cross", "q6_error"],
    },
    "uma amostra de cada vez, sem o lote": {
        "replace": {
            "cross_norms": "def cross_norms(D, x):\n"
            "    D.eval()\n"
            "    norms = torch.diag(torch.cat([slope(D, v[None]) for v in x])).detach()\n"
            "    D.train()\n"
            "    return norms"
        },
        "loses": ["q6_cross", "q6_error"],
    },
    "a soma das normas, e não a norma da soma": {
        "replace": {
            "sum_error": "def sum_error(D, x):\n"
            "    cross = cross_norms(D, x)\n"
            "    return (cross.sum(0) - cross.diagonal()).abs() / cross.diagonal()"
        },
        "loses": ["q6_error"],
    },
    "o erro relativo ao que se mediu": {
        "replace": {
            "sum_error": "def sum_error(D, x):\n"
            "    own, measured = cross_norms(D, x).diagonal(), slope(D, x).detach()\n"
            "    return (measured - own).abs() / measured"
        },
        "loses": ["q6_error"],
    },
    "constantes em toda parte": {
        "replace": {
            "w1_samples": "def w1_samples(x, y): return 1.0",
            "w1_discrete": "def w1_discrete(x, p, y, q): return 1.0",
            "optimal_critic": "def optimal_critic(x, p, y, q): return np.zeros(len(x)), np.zeros(len(y))",
            "critic_losses": "def critic_losses(h_real, h_fake): return h_real.sum() * 0, h_fake.sum() * 0",
            "labelled_loss": "def labelled_loss(h, y): return h.sum() * 0",
            "slope": "def slope(D, x): return torch.ones(len(x), dtype=x.dtype)",
            "gradient_penalty": "def gradient_penalty(D, real, fake): return 0 * D(real).sum()",
            "clip_weights": "def clip_weights(critic, c): pass",
            "slope_bound": "def slope_bound(widths, c): return 1.0",
            "linear_critic": "def linear_critic(gap, constraint, strength): return np.ones(len(gap))",
            "cross_norms": "def cross_norms(D, x): return torch.eye(len(x), dtype=x.dtype)",
            "sum_error": "def sum_error(D, x): return torch.zeros(len(x), dtype=x.dtype)",
        },
        "loses": [
            *Q1, "q1_discrete", "q1_critic", "q2_losses", "q2_labels", *Q3, *Q4, "q5_clip", "q5_bound", "q5_linear",
            "q6_cross", "q6_error",
        ],
    },
}  # fmt: skip

FIELD = ["q1_minimax", "q1_non_saturating"]
PATHS = ["q3_simultaneous", "q3_alternating"]
Q5 = ["q5_near", "q5_modes", "q5_quality", "q5_balance"]

# O treinamento do gabarito, com o que cada erro muda nele.
LOOP = """def train(seed, steps=1000, points=ring.x, averaged=True, move=True):
    torch.manual_seed(seed)
    G = new_generator()
    average = copy.deepcopy(G)
    D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    G_step, D_step = (torch.optim.Adam(net.parameters(), 4e-3, betas=(0.0, 0.99)) for net in (G, D))
    for _ in range(steps):
        real = points[torch.randint(len(points), (128,))]
        D_step.zero_grad()
        discriminator_loss(D, real, G(torch.randn(128, 2)), 0.1).backward()
        D_step.step()
        G_step.zero_grad()
        generator_loss(D, G(torch.randn(128, 2))).backward()
        if move:
            G_step.step()
        update_average(average, G, 0.99)
    return average if averaged else G"""

DIRAC = {
    "o gerador com o sinal da perda do discriminador": {
        "replace": {
            "right": "right = field",
            "field": "def field(state, loss, gamma): return right(state, loss, gamma) * [-1, 1]",
        },
        "loses": [*FIELD, *PATHS],
    },
    "a sigmoide que transborda": {
        "replace": {
            "field": "def field(state, loss, gamma):\n"
            "    theta, psi = state[..., 0], state[..., 1]\n"
            "    with np.errstate(all='ignore'):\n"
            "        fake = np.exp(theta * psi) / (1 + np.exp(theta * psi))\n"
            "        weight = fake if loss == 'minimax' else np.exp(-theta * psi) / (1 + np.exp(-theta * psi))\n"
            "    return np.stack([psi * weight, -theta * fake - gamma * psi], axis=-1)"
        },
        "loses": FIELD,
    },
    "a não saturante por 1 - σ, que se perde quando o gerador ganha": {
        "replace": {
            "field": "def field(state, loss, gamma):\n"
            "    theta, psi = state[..., 0], state[..., 1]\n"
            "    fake = np.exp(-np.logaddexp(0, -theta * psi))\n"
            "    weight = fake if loss == 'minimax' else 1 - fake\n"
            "    return np.stack([psi * weight, -theta * fake - gamma * psi], axis=-1)"
        },
        "loses": ["q1_non_saturating"],
    },
    "a não saturante também no discriminador": {
        "replace": {
            "right": "right = field",
            "field": "def field(state, loss, gamma):\n"
            "    theta, psi = state[..., 0], state[..., 1]\n"
            "    weight = np.exp(-np.logaddexp(0, theta * psi if loss == 'non_saturating' else -theta * psi))\n"
            "    return np.stack([psi * weight, -theta * weight - gamma * psi], axis=-1)",
        },
        "loses": ["q1_non_saturating"],
    },
    "a R1 sem o ½": {
        "replace": {
            "right": "right = field",
            "field": "def field(state, loss, gamma): return right(state, loss, 2 * gamma)",
        },
        "loses": [*FIELD, *PATHS],
    },
    "a R1 também no gerador": {
        "replace": {
            "right": "right = field",
            "field": "def field(state, loss, gamma):\n"
            "    return right(state, loss, gamma) - gamma * state * [1, 0]",
        },
        "loses": [*FIELD, *PATHS],
    },
    "a jacobiana do equilíbrio em todo estado": {
        "replace": {"jacobian": "def jacobian(state, gamma): return np.array([[0, 0.5], [-0.5, -gamma]])"},
        "loses": ["q1_jacobian"],
    },
    "a jacobiana transposta": {
        "replace": {
            "right": "right = jacobian",
            "jacobian": "def jacobian(state, gamma): return right(state, gamma).T",
        },
        "loses": ["q1_jacobian"],
    },
    "o ruído só na amostra gerada": {
        "replace": {
            "eigenvalues": "def eigenvalues(gamma, s, a, b):\n"
            "    return np.linalg.eigvals(np.array([[0, a / 2], [-b / 2, -b * (gamma + s**2 / 4)]]))",
            "best_gamma": "def best_gamma(s, a, b): return max(0.0, np.sqrt(a / b) - s**2 / 4)",
        },
        "loses": ["q2_eigenvalues", "q2_best"],
    },
    "as taxas nas colunas": {
        "replace": {
            "eigenvalues": "def eigenvalues(gamma, s, a, b):\n"
            "    return np.linalg.eigvals(np.array([[0, b / 2], [-a / 2, -a * (gamma + s**2 / 2)]]))"
        },
        "loses": ["q2_eigenvalues"],
    },
    "o freio fora da taxa do discriminador": {
        "replace": {
            "eigenvalues": "def eigenvalues(gamma, s, a, b):\n"
            "    return np.linalg.eigvals(np.array([[0, a / 2], [-b / 2, -gamma - s**2 / 2]]))"
        },
        "loses": ["q2_eigenvalues"],
    },
    "só a parte real dos autovalores": {
        "replace": {
            "right": "right = eigenvalues",
            "eigenvalues": "def eigenvalues(gamma, s, a, b): return np.real(right(gamma, s, a, b))",
        },
        "loses": ["q2_eigenvalues"],
    },
    "o γ crítico das taxas iguais": {
        "replace": {"best_gamma": "def best_gamma(s, a, b): return max(0.0, 1 - s**2 / 2)"},
        "loses": ["q2_best"],
    },
    "um peso negativo quando o ruído freia demais": {
        "replace": {"best_gamma": "def best_gamma(s, a, b): return np.sqrt(a / b) - s**2 / 2"},
        "loses": ["q2_best"],
    },
    "sempre simultâneos": {
        "replace": {
            "right": "right = trajectory",
            "trajectory": "def trajectory(start, steps, lr, rule, gamma):\n"
            "    return right(start, steps, lr, 'simultaneous', gamma)",
        },
        "loses": ["q3_alternating"],
    },
    "o gerador primeiro": {
        "replace": {
            "trajectory": "def trajectory(start, steps, lr, rule, gamma):\n"
            "    path = [np.array(start, dtype=float)]\n"
            "    for _ in range(steps):\n"
            "        state = path[-1] + lr * field(path[-1], 'minimax', gamma)\n"
            "        if rule == 'alternating':\n"
            "            state[1] = path[-1][1]\n"
            "            state[1] += lr * field(state, 'minimax', gamma)[1]\n"
            "        path.append(state)\n"
            "    return np.stack(path)"
        },
        "loses": ["q3_alternating"],
    },
    "alternados mesmo quando se pedem simultâneos": {
        "replace": {
            "right": "right = trajectory",
            "trajectory": "def trajectory(start, steps, lr, rule, gamma):\n"
            "    return right(start, steps, lr, 'alternating', gamma)",
        },
        "loses": ["q3_simultaneous"],
    },
    "a trajetória sem o começo": {
        "replace": {
            "right": "right = trajectory",
            "trajectory": "def trajectory(start, steps, lr, rule, gamma):\n"
            "    return right(start, steps, lr, rule, gamma)[1:]",
        },
        "loses": PATHS,
    },
    "a raiz do determinante, mesmo com autovalores reais": {
        "replace": {
            "multiplier": "def multiplier(f, k, lr, rule):\n"
            "    return np.sqrt(abs(1 - lr * k + (lr**2 * f**2 if rule == 'simultaneous' else 0)))"
        },
        "loses": ["q3_multiplier"],
    },
    "o raio espectral do fluxo, e^{h Re λ}": {
        "replace": {
            "multiplier": "def multiplier(f, k, lr, rule):\n"
            "    return np.exp(lr * np.linalg.eigvals(np.array([[0, f], [-f, -k]])).real.max())"
        },
        "loses": ["q3_multiplier"],
    },
    "a maior taxa só do regime complexo": {
        "replace": {
            "largest_rate": "def largest_rate(f, k, rule):\n"
            "    return k / f**2 if rule == 'simultaneous' else (np.sqrt(k**2 + 4 * f**2) - k) / f**2"
        },
        "loses": ["q3_rate"],
    },
    "nos alternados, só o determinante": {
        "replace": {
            "right": "right = largest_rate",
            "largest_rate": "def largest_rate(f, k, rule):\n"
            "    return 2 / k if rule == 'alternating' else right(f, k, rule)",
        },
        "loses": ["q3_rate"],
    },
    "a maior taxa numa grade grossa": {
        "replace": {
            "largest_rate": "def largest_rate(f, k, rule):\n"
            "    rates = np.linspace(0.001, 50, 50_000)[: 5000]\n"
            "    return next(h for h in rates if multiplier(f, k, h, rule) >= 1)"
        },
        "loses": ["q3_rate"],
    },
    "log(1 + h²), que perde o quadrado da taxa": {
        "replace": {"log_growth": "def log_growth(steps, lr): return steps * np.log(1 + lr**2) / 2"},
        "loses": ["q3_growth"],
    },
    "o logaritmo de r² no lugar do de r": {
        "replace": {"log_growth": "def log_growth(steps, lr): return steps * np.log1p(lr**2)"},
        "loses": ["q3_growth"],
    },
    "a aproximação nh²/2, com qualquer taxa": {
        "replace": {"log_growth": "def log_growth(steps, lr): return steps * lr**2 / 2"},
        "loses": ["q3_growth"],
    },
    "a entropia cruzada com a sigmoide à parte": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(D, real, fake, gamma):\n"
            "    real = real.detach().requires_grad_(True)\n"
            "    h_real, h_fake = D(real), D(fake.detach())\n"
            "    (grad,) = torch.autograd.grad(h_real.sum(), real, create_graph=True)\n"
            "    on_real, on_fake = torch.log(torch.sigmoid(h_real)), torch.log(1 - torch.sigmoid(h_fake))\n"
            "    return -on_real.mean() - on_fake.mean() + gamma / 2 * grad.square().sum(1).mean()",
            "generator_loss": "def generator_loss(D, fake): return -torch.log(torch.sigmoid(D(fake))).mean()",
        },
        "loses": ["q4_discriminator", "q4_generator"],
    },
    "a R1 cobrada nas amostras geradas (R2)": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(D, real, fake, gamma):\n"
            "    fake = fake.detach().requires_grad_(True)\n"
            "    h_real, h_fake = D(real), D(fake)\n"
            "    (grad,) = torch.autograd.grad(h_fake.sum(), fake, create_graph=True)\n"
            "    r2 = grad.square().sum(1).mean() / 2\n"
            "    return F.softplus(-h_real).mean() + F.softplus(h_fake).mean() + gamma * r2"
        },
        "loses": ["q4_discriminator"],
    },
    "a R1 sem create_graph": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(D, real, fake, gamma):\n"
            "    real = real.detach().requires_grad_(True)\n"
            "    h_real, h_fake = D(real), D(fake.detach())\n"
            "    (grad,) = torch.autograd.grad(h_real.sum(), real, retain_graph=True)\n"
            "    r1 = grad.square().sum(1).mean() / 2\n"
            "    return F.softplus(-h_real).mean() + F.softplus(h_fake).mean() + gamma * r1"
        },
        "loses": ["q4_discriminator"],
    },
    "a perda do discriminador sem detach": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(D, real, fake, gamma):\n"
            "    real = real.detach().requires_grad_(True)\n"
            "    h_real, h_fake = D(real), D(fake)\n"
            "    (grad,) = torch.autograd.grad(h_real.sum(), real, create_graph=True)\n"
            "    r1 = grad.square().sum(1).mean() / 2\n"
            "    return F.softplus(-h_real).mean() + F.softplus(h_fake).mean() + gamma * r1"
        },
        "loses": ["q4_discriminator"],
    },
    "a perda minimax no lugar da não saturante": {
        "replace": {"generator_loss": "def generator_loss(D, fake): return -F.softplus(D(fake)).mean()"},
        "loses": ["q4_generator"],
    },
    "o gerador que foge: a perda com o sinal trocado, e treinado assim": {
        "replace": {
            "generator_loss": "def generator_loss(D, fake): return F.softplus(D(fake)).mean()",
            "G": "G = train(0)",
        },
        "loses": ["q4_generator", *Q5],
    },
    "os papéis de β trocados na média": {
        "replace": {
            "update_average": "def update_average(average, G, beta):\n"
            "    with torch.no_grad():\n"
            "        for m, theta in zip(average.parameters(), G.parameters()):\n"
            "            m.lerp_(theta, beta)"
        },
        "loses": ["q4_average"],
    },
    "a média escrita no gerador": {
        "replace": {
            "right": "right = update_average",
            "update_average": "def update_average(average, G, beta): right(G, average, beta)",
        },
        "loses": ["q4_average"],
    },
    "sem treinar": {
        "replace": {"G": "torch.manual_seed(0)\nG = new_generator()"},
        "loses": Q5,
    },
    "outra arquitetura": {
        "replace": {"G": "G = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))"},
        "loses": Q5,
    },
    "um gerador de números que não são números": {
        "replace": {"G": "G = new_generator()\nG[4].bias.data.fill_(float('nan'))"},
        "loses": Q5,
    },
    "um décimo do treinamento": {
        "replace": {"train": LOOP, "G": "G = train(0, steps=100)"},
        "loses": Q5,
    },
    "um gerador que não anda": {
        "replace": {"train": LOOP, "G": "G = train(0, steps=200, move=False)"},
        "loses": Q5,
    },
    "colapso num modo só": {
        "replace": {
            "G": "G = copy.deepcopy(G)\n"
            "with torch.no_grad():\n"
            "    G[4].weight.mul_(0.02)\n"
            "    G[4].bias.copy_(ring.centers[1])"
        },
        "loses": ["q5_modes", "q5_quality", "q5_balance"],
    },
    "treinado em três dos quatro modos": {
        "replace": {"train": LOOP, "G": "G = train(0, points=ring.x[ring.labels != 2])"},
        "loses": ["q5_modes", "q5_quality", "q5_balance"],
    },
    "um modo sorteado em dobro": {
        "replace": {"train": LOOP, "G": "G = train(0, points=torch.cat([ring.x, ring.x[ring.labels == 1]]))"},
        "loses": ["q5_balance"],
    },
    "constantes em toda parte": {
        "replace": {
            "field": "def field(state, loss, gamma): return np.zeros_like(state)",
            "jacobian": "def jacobian(state, gamma): return np.zeros((2, 2))",
            "eigenvalues": "def eigenvalues(gamma, s, a, b): return np.array([0.5j, -0.5j])",
            "best_gamma": "def best_gamma(s, a, b): return 1.0",
            "trajectory": "def trajectory(start, steps, lr, rule, gamma): return np.tile(start, (steps + 1, 1))",
            "multiplier": "def multiplier(f, k, lr, rule): return 1.0",
            "largest_rate": "def largest_rate(f, k, rule): return 2.0",
            "log_growth": "def log_growth(steps, lr): return 1.0",
            "discriminator_loss": "def discriminator_loss(D, real, fake, gamma): return 0 * D(real).sum()",
            "generator_loss": "def generator_loss(D, fake): return 0 * D(fake).sum()",
            "update_average": "def update_average(average, G, beta): pass",
            "G": "G = new_generator()\nfor p in G.parameters():\n    p.data.zero_()",
        },
        "loses": [
            *FIELD, "q1_jacobian", "q2_eigenvalues", "q2_best", *PATHS, "q3_multiplier", "q3_rate", "q3_growth",
            "q4_discriminator", "q4_generator", "q4_average", *Q5,
        ],
    },
}  # fmt: skip

WRONG = {"penalidade_e_wasserstein": PENALTY, "dirac_gan": DIRAC}
