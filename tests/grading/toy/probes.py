"""O que se pergunta na lista de brinquedo."""

import torch


def q1_vector(names, x):
    return names.double(torch.tensor(x))


def q1_matrix(names, x):
    return names.double(torch.tensor(x))


def q2_moments(names, n):
    return names.sample(n)
