"""O que se pergunta na lista da sigmoide."""

import torch


def q1_complement(names, h):
    return names.complement(torch.tensor(h))


def q1_derivative(names, h):
    return names.sigmoid_prime(torch.tensor(h))


def q1_saturation(names, epsilon):
    return names.saturation_logits(torch.tensor(epsilon))


def q2_large(names, h):
    return names.softplus(torch.tensor(h))


def q2_precise(names, h):
    return names.softplus(torch.tensor(h))


def q2_slope(names, h):
    h = torch.tensor(h, requires_grad=True)
    return torch.autograd.grad(names.softplus(h).sum(), h)[0]


def q3_discriminator(names, real, fake):
    return names.discriminator_loss(torch.tensor(real), torch.tensor(fake))


def q3_minimax(names, fake):
    return names.minimax_loss(torch.tensor(fake))


def q3_non_saturating(names, fake):
    return names.non_saturating_loss(torch.tensor(fake))


def q4_discriminator_weights(names, real, fake):
    return names.discriminator_weights(torch.tensor(real), torch.tensor(fake))


def q4_generator_weights(names, fake):
    return names.generator_weights(torch.tensor(fake))


def q4_gradient(names, h, slopes, jacobians):
    def ask(loss):
        return names.generator_gradient(torch.tensor(h), torch.tensor(slopes), torch.tensor(jacobians), loss)

    return [ask("minimax"), ask("non_saturating")]


def q5_slope(names, rejected, accepted):
    return [names.bce_slope(torch.tensor(rejected), 1.0), names.bce_slope(torch.tensor(accepted), 0.0)]


def q5_lost_left(names, fractions):
    return [names.first_lost(1.0, torch.float32, fraction) for fraction in fractions]


def q5_lost_right(names, fractions):
    return [names.first_lost(0.0, torch.float64, fraction) for fraction in fractions]
