"""Pictures of many states: those that each state would have alone, with one z for a trial in all states."""

import numpy as np
import pytest
import torch

from mindreader.generator import Generator, TrainedGan

from mindreader.stimulation import generate_states
from tests.small_gan import NETWORK


@pytest.fixture(scope="module", params=[1, 2])
def trained(request):
    import dataclasses

    network = dataclasses.replace(NETWORK, heads=request.param, z_dim=16)
    torch.manual_seed(0)
    return TrainedGan(network, {"G_ema": Generator(network).state_dict()})


def conditions(trained, rng):
    return [rng.normal(size=(3, 4, NETWORK.condition_dim)).astype(np.float32) for _ in range(trained.network.heads)]


@pytest.mark.parametrize("batch", [5, 64])
def test_each_state_has_the_pictures_that_it_would_have_alone(trained, rng, batch):
    given = conditions(trained, rng)
    found = generate_states(trained, given, seed=3, batch=batch)
    assert found.shape == (3, 4, 16, 16, 3) and found.dtype == np.uint8
    for state, pictures in enumerate(found):
        alone = trained.generate(*(c[state] for c in given), seed=3)
        assert np.abs(pictures.astype(int) - alone).max() <= 1


def test_equal_conditions_give_equal_pictures_in_all_states_and_other_ones_for_other_trials(trained, rng):
    same = [np.broadcast_to(c[:1, :1], c.shape) for c in conditions(trained, rng)]
    found = generate_states(trained, same, seed=3)
    assert (found == found[:1]).all() and not (found[:, :1] == found[:, 1:]).all()


def test_nothing_global_is_drawn_from(trained, rng):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    generate_states(trained, conditions(trained, rng), seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_conditions_that_do_not_fit_are_refused(trained, rng):
    given = conditions(trained, rng)
    with pytest.raises(ValueError, match="expected . for the generator's heads, of one shape"):
        generate_states(trained, [*given, given[0]], seed=0)
