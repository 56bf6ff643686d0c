"""Soluções erradas plausíveis das listas da sigmoide e do discriminador ótimo, e as verificações que cada uma perde.

Dados puros: ``WRONG[lista][descrição]`` tem ``replace`` (nome da função → código que a redefine, no fim do gabarito) e
``loses`` (todas as verificações que deixam de estar certas, e só elas). O código usa só o que a lista importa.
"""

SIGMOIDE = {
    "a probabilidade de ser falsa, por subtração": {
        "replace": {"complement": "def complement(h): return 1 - torch.sigmoid(h)"},
        "loses": ["q1_complement"],
    },
    "σ(1 - σ), que perde a cauda direita": {
        "replace": {"sigmoid_prime": "def sigmoid_prime(h):\n    s = torch.sigmoid(h)\n    return s * (1 - s)"},
        "loses": ["q1_derivative"],
    },
    "a derivada pelo autograd, que faz a mesma conta": {
        "replace": {"sigmoid_prime": "def sigmoid_prime(h): return slope(torch.sigmoid, h)"},
        "loses": ["q1_derivative"],
    },
    "as pontas da saturação trocadas": {
        "replace": {
            "saturation_logits": "def saturation_logits(epsilon): return -torch.logit(epsilon), torch.logit(epsilon)"
        },
        "loses": ["q1_saturation"],
    },
    "a aproximação log ε no lugar do logit de ε": {
        "replace": {
            "saturation_logits": "def saturation_logits(epsilon): return torch.log(epsilon), -torch.log(epsilon)"
        },
        "loses": ["q1_saturation"],
    },
    "softplus ingênua": {
        "replace": {"softplus": "def softplus(h): return torch.log(1 + torch.exp(h))"},
        "loses": ["q2_large", "q2_precise", "q2_slope", "q3_discriminator", "q3_minimax", "q3_non_saturating"],
    },
    "softplus com log1p, que ainda transborda": {
        "replace": {"softplus": "def softplus(h): return torch.log1p(torch.exp(h))"},
        "loses": ["q2_large", "q2_slope", "q3_discriminator", "q3_minimax", "q3_non_saturating"],
    },
    "softplus com log no lugar de log1p": {
        "replace": {
            "softplus": "def softplus(h):\n"
            "    return torch.maximum(h, torch.zeros_like(h)) + torch.log(1 + torch.exp(-h.abs()))"
        },
        "loses": ["q2_precise"],
    },
    "softplus com where: valor certo, inclinação NaN": {
        "replace": {"softplus": "def softplus(h): return torch.where(h > 40, h, torch.log1p(torch.exp(h)))"},
        "loses": ["q2_slope"],
    },
    "softplus com relu: inclinação 0 no bico": {
        "replace": {"softplus": "def softplus(h): return torch.relu(h) + torch.log1p(torch.exp(-h.abs()))"},
        "loses": ["q2_slope"],
    },
    "softplus com clamp: inclinação 1 no bico": {
        "replace": {"softplus": "def softplus(h): return h.clamp(min=0) + torch.log1p(torch.exp(-h.abs()))"},
        "loses": ["q2_slope"],
    },
    "softplus do PyTorch, com o limiar padrão": {
        "replace": {"softplus": "def softplus(h): return F.softplus(h)"},
        "loses": ["q2_precise"],
    },
    "softplus trocada pela relu": {
        "replace": {"softplus": "def softplus(h): return torch.relu(h)"},
        "loses": ["q2_large", "q2_precise", "q2_slope", "q3_discriminator", "q3_minimax", "q3_non_saturating"],
    },
    "os dois lados do discriminador trocados": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(real, fake):\n"
            "    return softplus(real) + softplus(-fake)"
        },
        "loses": ["q3_discriminator"],
    },
    "o valor do jogo em vez da perda do discriminador": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(real, fake):\n"
            "    return -softplus(-real) - softplus(fake)"
        },
        "loses": ["q3_discriminator"],
    },
    "a média no lote em vez de uma perda por amostra": {
        "replace": {
            "discriminator_loss": "def discriminator_loss(real, fake):\n"
            "    return (softplus(-real) + softplus(fake)).mean()",
            "minimax_loss": "def minimax_loss(fake): return -softplus(fake).mean()",
            "non_saturating_loss": "def non_saturating_loss(fake): return softplus(-fake).mean()",
        },
        "loses": ["q3_discriminator", "q3_minimax", "q3_non_saturating"],
    },
    "minimax e não saturante trocadas": {
        "replace": {
            "minimax_loss": "def minimax_loss(fake): return softplus(-fake)",
            "non_saturating_loss": "def non_saturating_loss(fake): return -softplus(fake)",
        },
        "loses": ["q3_minimax", "q3_non_saturating"],
    },
    "a minimax com o sinal da perda do discriminador": {
        "replace": {"minimax_loss": "def minimax_loss(fake): return softplus(fake)"},
        "loses": ["q3_minimax"],
    },
    "a minimax pela fórmula do livro, sem cuidado": {
        "replace": {"minimax_loss": "def minimax_loss(fake): return torch.log(1 - torch.sigmoid(fake))"},
        "loses": ["q3_minimax"],
    },
    "a não saturante pela fórmula do livro, sem cuidado": {
        "replace": {"non_saturating_loss": "def non_saturating_loss(fake): return -torch.log(torch.sigmoid(fake))"},
        "loses": ["q3_non_saturating"],
    },
    "os pesos com -σ(h) no lugar de -σ(-h)": {
        "replace": {
            "discriminator_weights": "def discriminator_weights(real, fake):\n"
            "    return -torch.sigmoid(real), torch.sigmoid(fake)",
            "generator_weights": "def generator_weights(fake): return -torch.sigmoid(fake), -torch.sigmoid(fake)",
        },
        "loses": ["q4_discriminator_weights", "q4_generator_weights"],
    },
    "os pesos certos, escritos com 1 - σ": {
        "replace": {
            "discriminator_weights": "def discriminator_weights(real, fake):\n"
            "    return -(1 - torch.sigmoid(real)), torch.sigmoid(fake)",
            "generator_weights": "def generator_weights(fake): return -torch.sigmoid(fake), -(1 - torch.sigmoid(fake))",
        },
        "loses": ["q4_discriminator_weights", "q4_generator_weights"],
    },
    "a culpa posta em σ′": {
        "replace": {
            "generator_weights": "def generator_weights(fake):\n"
            "    return -torch.sigmoid(fake) * torch.sigmoid(-fake), -torch.sigmoid(-fake)",
        },
        "loses": ["q4_generator_weights"],
    },
    "o par do gerador na ordem trocada": {
        "replace": {
            "generator_weights": "def generator_weights(fake): return -torch.sigmoid(-fake), -torch.sigmoid(fake)"
        },
        "loses": ["q4_generator_weights"],
    },
    "a soma no lote em vez da média": {
        "replace": {
            "generator_gradient": "def generator_gradient(h, slopes, jacobians, loss):\n"
            "    w = -torch.sigmoid(h) if loss == 'minimax' else -torch.sigmoid(-h)\n"
            "    return torch.einsum('b,bd,bdp->p', w, slopes, jacobians)"
        },
        "loses": ["q4_gradient"],
    },
    "o gradiente com o sinal da descida": {
        "replace": {
            "generator_gradient": "def generator_gradient(h, slopes, jacobians, loss):\n"
            "    w = torch.sigmoid(h) if loss == 'minimax' else torch.sigmoid(-h)\n"
            "    return torch.einsum('b,bd,bdp->p', w, slopes, jacobians) / len(h)"
        },
        "loses": ["q4_gradient"],
    },
    "o gradiente da média dos fatores, e não a média dos produtos": {
        "replace": {
            "generator_gradient": "def generator_gradient(h, slopes, jacobians, loss):\n"
            "    w = -torch.sigmoid(h) if loss == 'minimax' else -torch.sigmoid(-h)\n"
            "    return w.mean() * (slopes.mean(0) @ jacobians.mean(0))"
        },
        "loses": ["q4_gradient"],
    },
    "o mesmo gradiente para as duas perdas": {
        "replace": {
            "generator_gradient": "def generator_gradient(h, slopes, jacobians, loss):\n"
            "    return torch.einsum('b,bd,bdp->p', -torch.sigmoid(h), slopes, jacobians) / len(h)"
        },
        "loses": ["q4_gradient"],
    },
    "a função de logits no lugar da BCELoss: não há o que medir": {
        "replace": {
            "bce_slope": "def bce_slope(h, target):\n"
            "    y = torch.full_like(h, target)\n"
            "    return slope(lambda x: F.binary_cross_entropy_with_logits(x, y, reduction='none'), h)"
        },
        "loses": ["q5_slope", "q5_lost_left", "q5_lost_right"],
    },
    "a BCELoss com a média que ela tira sozinha": {
        "replace": {
            "bce_slope": "def bce_slope(h, target):\n"
            "    return slope(lambda x: F.binary_cross_entropy(torch.sigmoid(x), torch.full_like(x, target)), h)"
        },
        "loses": ["q5_slope", "q5_lost_left", "q5_lost_right"],
    },
    "a medida sempre em float32": {
        "replace": {
            "first_lost": "def first_lost(target, dtype, fraction):\n"
            "    n = torch.arange(1, 101).float()\n"
            "    lost = bce_slope(-n if target == 1 else n, target).abs() < fraction * torch.sigmoid(n)\n"
            "    return int(n[lost][0])"
        },
        "loses": ["q5_lost_right"],
    },
    "o último n que se salva, em vez do primeiro que se perde": {
        "replace": {
            "first_lost": "def first_lost(target, dtype, fraction):\n"
            "    n = torch.arange(1, 101).to(dtype)\n"
            "    lost = bce_slope(-n if target == 1 else n, target).abs() < fraction * torch.sigmoid(n)\n"
            "    return int(n[lost][0]) - 1"
        },
        "loses": ["q5_lost_left", "q5_lost_right"],
    },
    "o lado trocado: o logit em que a perda vai bem": {
        "replace": {
            "first_lost": "def first_lost(target, dtype, fraction):\n"
            "    n = torch.arange(1, 101).to(dtype)\n"
            "    lost = bce_slope(n if target == 1 else -n, target).abs() < fraction\n"
            "    return int(n[lost][0])"
        },
        "loses": ["q5_lost_left", "q5_lost_right"],
    },
    "números decorados da tabela do próprio notebook": {
        "replace": {
            "first_lost": "def first_lost(target, dtype, fraction):\n"
            "    return 17 if target == 0 and dtype == torch.float32 else 30"
        },
        "loses": ["q5_lost_left", "q5_lost_right"],
    },
    "constantes em toda parte": {
        "replace": {
            "complement": "def complement(h): return torch.full_like(h, 0.5)",
            "sigmoid_prime": "def sigmoid_prime(h): return torch.full_like(h, 0.25)",
            "saturation_logits": "def saturation_logits(epsilon): return 0 * epsilon - 1, 0 * epsilon + 1",
            "softplus": "def softplus(h): return 0.5 * h + 0.693147",
            "minimax_loss": "def minimax_loss(fake): return torch.zeros_like(fake)",
            "generator_weights": "def generator_weights(fake): return -torch.ones_like(fake), -torch.ones_like(fake)",
            "bce_slope": "def bce_slope(h, target): return torch.zeros_like(h)",
        },
        "loses": [
            "q1_complement", "q1_derivative", "q1_saturation", "q2_large", "q2_precise", "q2_slope", "q3_discriminator",
            "q3_minimax", "q3_non_saturating", "q4_generator_weights", "q5_slope", "q5_lost_left", "q5_lost_right",
        ],
    },
}  # fmt: skip

DISCRIMINADOR_OTIMO = {
    "D* com os papéis trocados": {
        "replace": {
            "optimal_discriminator": "def optimal_discriminator(p, q):\n"
            "    total = p + q\n"
            "    return np.where(total > 0, q / np.where(total > 0, total, 1.0), 0.5)"
        },
        "loses": ["q1_discriminator"],
    },
    "D* com NaN onde não há massa": {
        "replace": {"optimal_discriminator": "def optimal_discriminator(p, q): return p / (p + q)"},
        "loses": ["q1_discriminator"],
    },
    "D* com um ε no denominador": {
        "replace": {"optimal_discriminator": "def optimal_discriminator(p, q): return (p + 1e-8) / (p + q + 2e-8)"},
        "loses": ["q1_discriminator"],
    },
    "a exponencial antes da diferença dos logaritmos": {
        "replace": {
            "discriminator_from_logs": "def discriminator_from_logs(log_p, log_q):\n"
            "    return np.exp(log_p) / (np.exp(log_p) + np.exp(log_q))"
        },
        "loses": ["q1_from_logs"],
    },
    "D* pequeno calculado como 1 - σ": {
        "replace": {
            "discriminator_from_logs": "def discriminator_from_logs(log_p, log_q):\n"
            "    return 1 - 1 / (1 + np.exp(log_q - log_p))"
        },
        "loses": ["q1_from_logs"],
    },
    "o logit ótimo sem o log s da normalização": {
        "replace": {
            "optimal_logit": "def optimal_logit(x, mu, s): return -(x**2) / 2 + ((x - mu) / s) ** 2 / 2"
        },
        "loses": ["q1_logit"],
    },
    "o logit ótimo com o sinal trocado": {
        "replace": {
            "optimal_logit": "def optimal_logit(x, mu, s): return x**2 / 2 - ((x - mu) / s) ** 2 / 2 - np.log(s)"
        },
        "loses": ["q1_logit"],
    },
    "a reta do caso s = 1, em todos os casos": {
        "replace": {"optimal_logit": "def optimal_logit(x, mu, s): return mu**2 / 2 - mu * x"},
        "loses": ["q1_logit"],
    },
    "o logaritmo da razão das densidades, que some longe": {
        "replace": {
            "optimal_logit": "def optimal_logit(x, mu, s):\n"
            "    with np.errstate(all='ignore'):\n"
            "        return np.log(density(x) / (density((x - mu) / s) / s))"
        },
        "loses": ["q1_logit"],
    },
    "o valor sem 0 log 0 = 0": {
        "replace": {
            "value": "def value(p, q, d):\n"
            "    with np.errstate(all='ignore'):\n"
            "        return (p * np.log(d) + q * np.log(1 - d)).sum()"
        },
        "loses": ["q2_value"],
    },
    "o valor com D limitado por fora, que esconde o infinito": {
        "replace": {
            "value": "def value(p, q, d):\n"
            "    d = np.clip(d, 1e-12, 1 - 1e-12)\n"
            "    return (p * np.log(d) + q * np.log(1 - d)).sum()"
        },
        "loses": ["q2_value"],
    },
    "a entropia cruzada em vez do valor": {
        "replace": {
            "value": "def value(p, q, d):\n"
            "    with np.errstate(all='ignore'):\n"
            "        a, b = np.where(p > 0, p * np.log(d), 0.0), np.where(q > 0, q * np.log1p(-d), 0.0)\n"
            "    return -(a.sum() + b.sum()) / 2"
        },
        "loses": ["q2_value", "q2_bound"],
    },
    "a soma das duas KL, sem o meio": {
        "replace": {
            "jsd": "def jsd(p, q):\n"
            "    m = (p + q) / 2\n"
            "    return sum((a[a > 0] * np.log(a[a > 0] / m[a > 0])).sum() for a in (p, q))"
        },
        "loses": ["q2_jsd"],
    },
    "a JSD em bits": {
        "replace": {
            "jsd": "def jsd(p, q):\n"
            "    m = (p + q) / 2\n"
            "    return sum((a[a > 0] * np.log2(a[a > 0] / m[a > 0])).sum() for a in (p, q)) / 2"
        },
        "loses": ["q2_jsd"],
    },
    "a média das KL entre p e q, sem a mistura": {
        "replace": {
            "jsd": "def jsd(p, q):\n"
            "    with np.errstate(all='ignore'):\n"
            "        return (p * np.log(p / q) + q * np.log(q / p)).sum() / 2"
        },
        "loses": ["q2_jsd"],
    },
    "o limite inferior sem o meio": {
        "replace": {"jsd_bound": "def jsd_bound(p, q, d): return np.log(4) + value(p, q, d)"},
        "loses": ["q2_bound"],
    },
    "a JSD verdadeira em vez do limite que d dá": {
        "replace": {"jsd_bound": "def jsd_bound(p, q, d): return jsd(p, q)"},
        "loses": ["q2_bound"],
    },
    "as esperanças com amostras sorteadas": {
        "replace": {
            "gaussian_value": "def gaussian_value(mu):\n"
            "    z = np.random.default_rng(0).normal(size=200_000)\n"
            "    on_real, on_fake = np.logaddexp(0, mu * (z - mu / 2)), np.logaddexp(0, -mu * (z + mu / 2))\n"
            "    return -(on_real.mean() + on_fake.mean())"
        },
        "loses": ["q3_value", "q3_jsd", "q3_left"],
    },
    "a grade que só cobre os dados": {
        "replace": {
            "gaussian_value": "def gaussian_value(mu):\n"
            "    x = np.linspace(-5, 5, 2001)\n"
            "    h = mu * (mu / 2 - x)\n"
            "    y = density(x) * np.logaddexp(0, -h) + density(x - mu) * np.logaddexp(0, h)\n"
            "    return -y.sum() * (x[1] - x[0])"
        },
        "loses": ["q3_value", "q3_jsd", "q3_left"],
    },
    "só a esperança das amostras geradas": {
        "replace": {
            "gaussian_value": "def gaussian_value(mu):\n"
            "    x, dx = grid(mu)\n"
            "    return -(density(x - mu) * np.logaddexp(0, mu * (mu / 2 - x))).sum() * dx"
        },
        "loses": ["q3_value", "q3_jsd", "q3_left"],
    },
    "a JSD que esquece o meio": {
        "replace": {"gaussian_jsd": "def gaussian_jsd(mu): return 2 * np.log(2) + gaussian_value(mu)"},
        "loses": ["q3_jsd"],
    },
    "a aproximação de perto, μ²/8": {
        "replace": {"gaussian_jsd": "def gaussian_jsd(mu): return min(mu**2 / 8, np.log(2))"},
        "loses": ["q3_jsd"],
    },
    "o que falta, por subtração": {
        "replace": {"budget_left": "def budget_left(mu): return np.log(2) - gaussian_jsd(mu)"},
        "loses": ["q3_left"],
    },
    "o gradiente por diferenças finitas da JSD": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu):\n"
            "    return (gaussian_jsd(mu + 1e-3) - gaussian_jsd(mu - 1e-3)) / 1e-3"
        },
        "loses": ["q4_far"],
    },
    "a derivada da JSD, sem o dobro": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu):\n"
            "    x, dx = grid(mu)\n"
            "    return mu / 2 * (density(x - mu) * np.exp(-np.logaddexp(0, mu * (x - mu / 2)))).sum() * dx"
        },
        "loses": ["q4_saturating", "q4_far", "q4_peak"],
    },
    "o peso médio, sem a inclinação do logit": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu):\n"
            "    x, dx = grid(mu)\n"
            "    return (density(x - mu) * np.exp(-np.logaddexp(0, mu * (x - mu / 2)))).sum() * dx"
        },
        "loses": ["q4_saturating", "q4_far", "q4_peak", "q5_rate"],
    },
    "a esperança tomada nos dados": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu):\n"
            "    x, dx = grid(mu)\n"
            "    return mu * (density(x) * np.exp(-np.logaddexp(0, mu * (x - mu / 2)))).sum() * dx"
        },
        "loses": ["q4_saturating", "q4_far", "q4_peak", "q5_rate"],
    },
    "a assíntota em toda parte": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu): return np.sqrt(np.pi / 2) * np.exp(-(mu**2) / 8)"
        },
        "loses": ["q4_saturating", "q4_far", "q4_peak", "q5_rate"],
    },
    "o gradiente com o sinal da descida": {
        "replace": {
            "non_saturating_gradient": "def non_saturating_gradient(mu): return saturating_gradient(mu) - mu",
        },
        "loses": ["q4_non_saturating"],
    },
    "os dois gradientes trocados": {
        "replace": {
            "saturating_gradient": "def saturating_gradient(mu):\n"
            "    x, dx = grid(mu)\n"
            "    return mu * (density(x - mu) * np.exp(-np.logaddexp(0, mu * (mu / 2 - x)))).sum() * dx",
            "non_saturating_gradient": "def non_saturating_gradient(mu):\n"
            "    return mu - saturating_gradient(mu)",
        },
        "loses": ["q4_saturating", "q4_non_saturating", "q4_far", "q4_peak", "q5_rate"],
    },
    "o máximo que não muda com a escala": {
        "replace": {"peak": "def peak(r): return 1.63626, 0.46732"},
        "loses": ["q4_peak"],
    },
    "o máximo com a altura sem a escala": {
        "replace": {"peak": "def peak(r): return 1.63626 * r, 0.46732"},
        "loses": ["q4_peak"],
    },
    "o máximo da JSD′ no lugar do de g_sat": {
        "replace": {"peak": "def peak(r): return 1.63626 * r, 0.23366 / r"},
        "loses": ["q4_peak"],
    },
    "a taxa do limite, e não a medida": {
        "replace": {"log_slope": "def log_slope(mu_1, mu_2): return -1 / 8"},
        "loses": ["q5_rate"],
    },
    "a inclinação em μ, e não em μ²": {
        "replace": {
            "log_slope": "def log_slope(mu_1, mu_2):\n"
            "    return np.log(saturating_gradient(mu_2) / saturating_gradient(mu_1)) / (mu_2 - mu_1)"
        },
        "loses": ["q5_rate"],
    },
    "a família qualquer com a inclinação da gaussiana": {
        "replace": {
            "shift_gradient": "def shift_gradient(log_density, score, mu):\n"
            "    x = np.linspace(-80, mu + 80, 40_001)\n"
            "    a, b = log_density(x), log_density(x - mu)\n"
            "    return mu * np.exp(a + b - np.logaddexp(a, b)).sum() * (x[1] - x[0])"
        },
        "loses": ["q5_logistic"],
    },
    "a família qualquer integrada perto demais": {
        "replace": {
            "shift_gradient": "def shift_gradient(log_density, score, mu):\n"
            "    x = np.linspace(-2, 2, 20_001)\n"
            "    a, b = log_density(x), log_density(x - mu)\n"
            "    weight = np.exp(a + b - np.logaddexp(a, b))\n"
            "    return (weight * (score(x - mu) - score(x))).sum() * (x[1] - x[0])"
        },
        "loses": ["q5_logistic"],
    },
    "a família qualquer trocada pela gaussiana": {
        "replace": {"shift_gradient": "def shift_gradient(log_density, score, mu): return saturating_gradient(mu)"},
        "loses": ["q5_logistic"],
    },
    "constantes em toda parte": {
        "replace": {
            "optimal_discriminator": "def optimal_discriminator(p, q): return np.full(p.shape, 0.5)",
            "discriminator_from_logs": "def discriminator_from_logs(log_p, log_q): return np.full(log_p.shape, 0.5)",
            "optimal_logit": "def optimal_logit(x, mu, s): return np.zeros(x.shape)",
            "value": "def value(p, q, d): return -np.log(4)",
            "jsd": "def jsd(p, q): return 0.0",
            "jsd_bound": "def jsd_bound(p, q, d): return 0.0",
            "gaussian_value": "def gaussian_value(mu): return 0.0",
            "gaussian_jsd": "def gaussian_jsd(mu): return np.log(2)",
            "budget_left": "def budget_left(mu): return 0.0",
            "saturating_gradient": "def saturating_gradient(mu): return 0.0",
            "non_saturating_gradient": "def non_saturating_gradient(mu): return mu",
            "peak": "def peak(r): return 1.0, 1.0",
            "log_slope": "def log_slope(mu_1, mu_2): return -0.12",
            "shift_gradient": "def shift_gradient(log_density, score, mu): return 0.0",
        },
        "loses": [
            "q1_discriminator", "q1_from_logs", "q1_logit", "q2_value", "q2_jsd", "q2_bound", "q3_value", "q3_jsd",
            "q3_left", "q4_saturating", "q4_non_saturating", "q4_far", "q4_peak", "q5_rate", "q5_logistic",
        ],
    },
}  # fmt: skip

WRONG = {"sigmoide": SIGMOIDE, "discriminador_otimo": DISCRIMINADOR_OTIMO}
