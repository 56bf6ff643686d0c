"""O que se pergunta na lista do discriminador ótimo. As matrizes vão copiadas: as que chegam são só de leitura."""

import numpy as np


def q1_discriminator(names, p, q):
    return names.optimal_discriminator(p.copy(), q.copy())


def q1_from_logs(names, log_p, log_q):
    return names.discriminator_from_logs(log_p.copy(), log_q.copy())


def q1_logit(names, x, mu, s):
    return names.optimal_logit(x.copy(), mu, s)


def q2_value(names, p, q, d, sure):
    return [names.value(p.copy(), q.copy(), d.copy()), names.value(p.copy(), q.copy(), sure.copy())]


def q2_jsd(names, p, q, apart):
    return [names.jsd(p.copy(), q.copy()), names.jsd(p.copy(), apart.copy())]


def q2_bound(names, p, q, d):
    return names.jsd_bound(p.copy(), q.copy(), d.copy())


def q3_value(names, mus):
    return [names.gaussian_value(mu) for mu in mus]


def q3_jsd(names, mus):
    return [names.gaussian_jsd(mu) for mu in mus]


def q3_left(names, mus):
    return [names.budget_left(mu) for mu in mus]


def q4_saturating(names, mus):
    return [names.saturating_gradient(mu) for mu in mus]


def q4_non_saturating(names, mus):
    return [names.non_saturating_gradient(mu) for mu in mus]


def q4_far(names, mus):
    return [names.saturating_gradient(mu) for mu in mus]


def q4_peak(names, r):
    return names.peak(r)


def q5_rate(names, mu_1, mu_2):
    return names.log_slope(mu_1, mu_2)


def q5_logistic(names, s, mus):
    def log_density(x):
        return -np.abs(x) / s - 2 * np.log1p(np.exp(-np.abs(x) / s)) - np.log(s)

    def score(x):
        return -np.tanh(x / (2 * s)) / s

    return [names.shift_gradient(log_density, score, mu) for mu in mus]
