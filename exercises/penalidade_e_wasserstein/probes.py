"""O que se pergunta na lista da penalidade e da distância de Wasserstein.

Os críticos são feitos aqui, com pesos que vêm sorteados de fora. As matrizes vão copiadas: as que chegam são só de
leitura.
"""

import torch
from torch import nn


class Linear(nn.Module):
    """``x ↦ ⟨w, x⟩``; ``shape`` é a forma da nota de uma amostra."""

    def __init__(self, w, shape):
        super().__init__()
        self.w, self.shape = nn.Parameter(torch.tensor(w)), tuple(shape)

    def forward(self, x):
        return (x.flatten(1) @ self.w).reshape(-1, *self.shape)


class Quadratic(Linear):
    """``x ↦ ½⟨x, Ax⟩ + ⟨w, x⟩``, que tem uma inclinação diferente em cada amostra."""

    def __init__(self, a, w, shape):
        super().__init__(w, shape)
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x):
        flat = x.flatten(1)
        return ((flat @ self.a * flat).sum(1) / 2 + flat @ self.w).reshape(-1, *self.shape)


class Recorder(Linear):
    """Um crítico linear que anota os pontos em que foi chamado para ser derivado."""

    def __init__(self, w, shape):
        super().__init__(w, shape)
        self.seen = []

    def forward(self, x):
        if x.requires_grad:
            self.seen.append(x.detach().clone())
        return super().forward(x)


class Generator(nn.Module):
    """Um parâmetro só, que multiplica as amostras: basta para ver se algum gradiente chega até ele."""

    def __init__(self, dtype):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=dtype))

    def forward(self, x):
        return self.scale * x

    def received(self):
        return 0.0 if self.scale.grad is None else self.scale.grad.abs()


def gradients(network):
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]


def q1_equal(names, x, y):
    return names.w1_samples(x.copy(), y.copy())


def q1_unequal(names, x, y):
    return [names.w1_samples(x.copy(), y.copy()), names.w1_samples(y.copy(), x.copy())]


def q1_discrete(names, x, p, y, q):
    return names.w1_discrete(x.copy(), p.copy(), y.copy(), q.copy())


def q1_critic(names, x, p, y, q):
    return names.optimal_critic(x.copy(), p.copy(), y.copy(), q.copy())


def q2_losses(names, h_real, h_fake):
    return names.critic_losses(torch.tensor(h_real), torch.tensor(h_fake))


def q2_labels(names, h, y, shapes):
    found = []
    for h_shape, y_shape in shapes:
        scores = torch.tensor(h).reshape(h_shape).requires_grad_(True)
        loss = names.labelled_loss(scores, torch.tensor(y).reshape(y_shape))
        found += [loss, torch.autograd.grad(loss, scores)[0].flatten()]
    return found


def q3_linear(names, w, batches, shapes):
    return [names.slope(Linear(w, shape), torch.tensor(x)) for x in batches for shape in shapes]


def q3_quadratic(names, a, w, batches, shapes):
    return [names.slope(Quadratic(a, w, s), torch.tensor(x)) for x, s in zip(batches, shapes, strict=True)]


def q3_graph(names, a, w, x, weights):
    D, G, x = Quadratic(a, w, (1,)), Generator(torch.float64), torch.tensor(x)
    fake = G(x)
    (torch.tensor(weights) * names.slope(D, fake)).sum().backward()
    names.slope(D, x)
    return {"critic": gradients(D), "generator": G.received(), "touched": x.requires_grad}


def q4_epsilon(names, w, pairs):
    found = []
    for real, fake in pairs:
        D = Recorder(w, (1,))
        for _ in range(2):
            names.gradient_penalty(D, torch.tensor(real), torch.tensor(fake))
        found.append(D.seen)
    return found


def q4_value(names, w, pairs, a, x):
    linear = [names.gradient_penalty(Linear(v, (1,)), *map(torch.tensor, pair)) for v in w for pair in pairs]
    x = torch.tensor(x)
    return [*linear, *(names.gradient_penalty(Quadratic(a, w[0], shape), x, x.clone()) for shape in ((), (1,)))]


def q4_gradient(names, w, a, real, fake):
    real, fake = torch.tensor(real), torch.tensor(fake)
    line, curve, G = Linear(w, ()), Quadratic(a, w, (1,)), Generator(torch.float64)
    names.gradient_penalty(line, real, fake).backward()
    names.gradient_penalty(curve, real, real.clone()).backward()
    names.gradient_penalty(Quadratic(a, w, (1,)), real, G(fake)).backward()
    return {"linear": gradients(line), "quadratic": gradients(curve), "generator": G.received()}


def q5_clip(names, weights, c):
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1)).double()
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(value))
    names.clip_weights(network, c)
    return list(network.parameters())


def q5_bound(names, cases):
    return [names.slope_bound(list(widths), c) for widths, c in cases]


def q5_linear(names, gap, cases):
    return [names.linear_critic(gap.copy(), constraint, strength) for constraint, strength in cases]


def normalised(weights, norm, shape):
    """Linear, normalização, tangente hiperbólica, linear, com os pesos dados; a nota tem a forma pedida."""
    width, inside = weights[0].shape
    layers = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    parts = [nn.Flatten(), nn.Linear(inside, width), layers[norm](width), nn.Tanh(), nn.Linear(width, 1)]
    network = nn.Sequential(*parts, nn.Unflatten(1, (1, *shape))).double()
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(value))
    return network


def q6_cross(names, weights, x):
    asked = (("batch", ()), ("batch", (1, 1)), ("layer", ()))
    return [names.cross_norms(normalised(weights, norm, shape), torch.tensor(x)) for norm, shape in asked]


def q6_error(names, weights, x):
    return [names.sum_error(normalised(weights, norm, ()), torch.tensor(x)) for norm in ("batch", "layer")]
