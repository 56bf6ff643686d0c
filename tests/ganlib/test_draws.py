"""Um gerador só sorteia tudo; vários processos veem fatias da mesma sequência."""

import pytest
import torch

from ganlib.draws import Draws


@pytest.mark.parametrize("batch_dim", [0, 1])
@pytest.mark.parametrize("kind", ["normal", "uniform", "indices"])
def test_the_slices_of_the_ranks_joined_are_what_one_process_draws(kind, batch_dim):
    shape = [(4, 3), (2, 4, 3)][batch_dim]
    whole_shape = [(12, 3), (2, 12, 3)][batch_dim]

    def draw(draws, size):
        return draws.indices(9, size) if kind == "indices" else getattr(draws, kind)(size)

    alone = Draws(5, "cpu", batch_dim=batch_dim)
    ranks = [Draws(5, "cpu", batch_dim=batch_dim, rank=r, world=3) for r in range(3)]
    for _ in range(2):  # também no segundo sorteio: os geradores andam juntos
        joined = torch.cat([draw(r, shape) for r in ranks], dim=batch_dim)
        assert torch.equal(joined, draw(alone, whole_shape))
    assert torch.equal(ranks[0].rng.get_state(), alone.rng.get_state())


def test_the_distributions_are_the_ones_they_name():
    draws = Draws(0, "cpu")
    normal, uniform, indices = draws.normal((50_000,)), draws.uniform((50_000,)), draws.indices(4, (50_000,))
    assert normal.mean().item() == pytest.approx(0, abs=0.02)
    assert normal.std().item() == pytest.approx(1, abs=0.02)
    assert uniform.min() >= 0 and uniform.max() < 1 and uniform.mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.bincount(indices).div(50_000).tolist() == pytest.approx([0.25] * 4, abs=0.01)


def test_the_same_seed_draws_the_same_and_the_global_generator_is_untouched():
    before = torch.get_rng_state()
    assert torch.equal(Draws(1, "cpu").normal((3,)), Draws(1, "cpu").normal((3,)))
    assert not torch.equal(Draws(1, "cpu").normal((3,)), Draws(2, "cpu").normal((3,)))
    assert torch.equal(before, torch.get_rng_state())
