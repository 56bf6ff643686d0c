"""O protocolo: as mesmas sementes e a mesma conta para todos, e uma linha que diz o que mediu."""

import numpy as np
import pytest
import torch

from ganlib import networks, protocol
from ganlib.protocol import MINIMAX, Protocol, Remedy, measure, table

SMALL = Protocol(hidden=(8, 8), batch=16, seeds=3, few_seeds=2, head_start=20, steps=20, samples=50)


def test_the_same_remedy_gives_the_same_row_and_every_column_has_one_value_a_pair():
    first, second = measure(MINIMAX, SMALL), measure(MINIMAX, SMALL)
    for name in ("d_fake", "slope", "gradient", "modes", "quality"):
        values = getattr(first, name)
        assert values.shape == (3,)
        assert np.array_equal(values, getattr(second, name))
    assert ((first.d_fake > 0) & (first.d_fake < 1)).all()
    assert ((first.quality >= 0) & (first.quality <= 1)).all()


def test_networks_that_do_not_stack_are_trained_one_by_one_with_fewer_seeds():
    spectral = Remedy(
        "espectral", "Lipschitz", network=lambda d, models: networks.mlp(d, hidden=(8, 8), d_norm="spectral"),
        stacked=False,
    )
    row = measure(spectral, SMALL)
    assert row.gradient.shape == (2,)
    assert row.gradient[0] != row.gradient[1]


def test_only_the_loss_of_the_generator_changes_the_non_saturating_row():
    """Com D à frente os discriminadores são os mesmos, e os gradientes, outros."""
    a, b = measure(MINIMAX, SMALL), measure(Remedy("não saturante", "o mesmo", {"loss": "non_saturating"}), SMALL)
    assert np.array_equal(a.slope, b.slope) and np.array_equal(a.d_fake, b.d_fake)
    assert (b.gradient > a.gradient).all()


def test_the_frozen_generator_sits_where_the_protocol_says():
    run = next(SMALL.runs(MINIMAX))
    protocol._with_d_ahead(run, SMALL)
    assert torch.allclose(run.sample(200).mean((0, 1)), torch.tensor([3.0, 3.0]), atol=0.7)


def test_the_cost_counts_the_discriminator_steps_and_the_penalty():
    base = measure(MINIMAX, SMALL).work
    more_steps = measure(Remedy("", "", {"d_steps": 3}), SMALL).work
    with_penalty = measure(Remedy("", "", {"penalty": "gradient_penalty"}), SMALL).work
    d_step = (more_steps - base) / 2
    assert d_step > 0
    assert base < with_penalty < base + 2 * d_step


def test_the_table_shows_median_extremes_and_the_cost_against_the_first_row():
    row = measure(MINIMAX, SMALL)
    twice = protocol.Row(Remedy("outro", "nada"), *(np.array([1.0, 2.0, 6.0]),) * 5, work=2 * row.work)
    lines = table([row, twice]).splitlines()
    assert lines[0].split()[0] == "remédio"
    assert "2 [1; 6]" in lines[2] and "2,0×" in lines[2] and lines[1].startswith("minimax")
    assert protocol.spread(np.array([0.001, 0.5, 2.0]), "{:.1e}") == "5,0·10⁻¹ [1,0·10⁻³; 2,0·10⁰]"


def test_a_remedy_with_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="perda"):
        measure(Remedy("", "", {"perda": "minimax"}), SMALL)
