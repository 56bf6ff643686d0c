"""O que se pergunta na lista da Dirac-GAN. As matrizes vão copiadas: as que chegam são só de leitura.

O treinamento já rodou, numa célula do notebook: daqui só saem os pesos do gerador, que são julgados lá fora.
"""

import copy

import torch
from torch import nn


def q1_minimax(names, states, gamma):
    return [names.field(state.copy(), "minimax", gamma) for state in states]


def q1_non_saturating(names, states, gamma):
    return [names.field(state.copy(), "non_saturating", gamma) for state in states]


def q1_jacobian(names, states, gamma):
    return [names.jacobian(state.copy(), gamma) for state in states]


def q2_eigenvalues(names, cases):
    return [names.eigenvalues(*case) for case in cases]


def q2_best(names, cases):
    return [names.best_gamma(*case) for case in cases]


def q3_simultaneous(names, start, steps, lr, gammas):
    return [names.trajectory(start.copy(), steps, lr, "simultaneous", gamma) for gamma in gammas]


def q3_alternating(names, start, steps, lr, gammas):
    return [names.trajectory(start.copy(), steps, lr, "alternating", gamma) for gamma in gammas]


def q3_multiplier(names, cases):
    return [names.multiplier(*case) for case in cases]


def q3_rate(names, cases):
    return [names.largest_rate(*case) for case in cases]


def q3_growth(names, cases):
    return [names.log_growth(*case) for case in cases]


class Generator(nn.Module):
    """Um parâmetro só, que multiplica as amostras: basta para ver se algum gradiente chega até ele."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x):
        return self.scale * x

    def received(self):
        return 0.0 if self.scale.grad is None else self.scale.grad.abs()


def discriminator(weights, confidence):
    """Uma rede pequena com os pesos dados, de logits multiplicados por ``confidence``."""
    network = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(value))
        network[2].weight.mul_(confidence)
        network[2].bias.mul_(confidence)
    return network


def q4_discriminator(names, weights, real, fake, gamma, confidences):
    found = []
    for confidence in confidences:
        D, G, x = discriminator(weights, confidence), Generator(), torch.tensor(real)
        loss = names.discriminator_loss(D, x, G(torch.tensor(fake)), gamma)
        loss.backward()
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in D.parameters()]
        found.append({"loss": loss, "discriminator": grads, "generator": G.received(), "touched": x.requires_grad})
    return found


def q4_generator(names, weights, fake, confidences):
    found = []
    for confidence in confidences:
        x = torch.tensor(fake, requires_grad=True)
        loss = names.generator_loss(discriminator(weights, confidence), x)
        found += [loss, torch.autograd.grad(loss, x)[0]]
    return found


def q4_average(names, weights, others, beta):
    average, G = discriminator(weights, 1.0), discriminator(others, 1.0)
    before = copy.deepcopy(G)
    for _ in range(2):
        names.update_average(average, G, beta)
    same = all(torch.equal(a, b) for a, b in zip(G.parameters(), before.parameters(), strict=True))
    return {"average": list(average.parameters()), "untouched": same}


def weights(names):
    return list(names.G.parameters())


def q5_near(names, z):
    return weights(names)


def q5_modes(names, z):
    return weights(names)


def q5_quality(names, z):
    return weights(names)


def q5_balance(names, z):
    return weights(names)
