"""Random voxel sets match their region, and many stimulated states are decoded as each would be alone."""

import numpy as np
import pytest
import torch

from mindreader.mapping.network import FittedMapper, MappingConfig
from mindreader.records import Trials
from mindreader.stimulation import decoding
from mindreader.training import new_network

TINY = MappingConfig(hidden=8, fc_hidden=8, n_blocks=1)


def brain(rng, n=5, n_voxels=24):
    return Trials(rng.normal(size=(n, n_voxels)).astype(np.float32), np.arange(n), np.arange(n), np.ones(n, int))


def mapper(n_voxels=24, n_dims=6):
    return FittedMapper(new_network(lambda: TINY.network(n_voxels, n_dims), 3), TINY, "image", None)


def test_random_sets_have_the_regions_size_and_lie_outside_it(rng):
    region = rng.random(300) < 0.2
    sets = decoding.matched_voxels(region, rng.random((300, 2)), 40, seed=1)
    assert sets.shape == (40, 300) and (sets.sum(1) == region.sum()).all() and not sets[:, region].any()
    assert len(np.unique(sets, axis=0)) == 40


def test_the_same_seed_draws_the_same_sets(rng):
    region, properties = rng.random(200) < 0.2, rng.random((200, 2))
    assert np.array_equal(*(decoding.matched_voxels(region, properties, 5, seed=4) for _ in range(2)))


def test_random_sets_have_the_regions_distribution_of_each_property(rng):
    """The region's voxels are the reliable ones; sets drawn without matching are not."""
    properties = rng.gamma(2, size=(2000, 2))
    region = np.zeros(2000, bool)
    region[rng.choice(2000, 100, replace=False, p=properties[:, 0] / properties[:, 0].sum())] = True
    sets = decoding.matched_voxels(region, properties, 100, seed=0)
    unmatched = decoding.matched_voxels(region, np.full((2000, 1), np.nan), 100, seed=0)
    for column in properties.T:
        spread = column[region].std() / np.sqrt(region.sum())
        assert abs(np.mean([column[s].mean() for s in sets]) - column[region].mean()) < spread
    off = np.mean([properties[s, 0].mean() for s in unmatched]) - properties[region, 0].mean()
    assert abs(off) > 5 * properties[region, 0].std() / np.sqrt(region.sum())


def test_sets_still_match_in_size_where_the_most_similar_voxels_are_taken():
    """All of the region's voxels are alike and only a few others are like them."""
    region = np.arange(100) < 45
    properties = np.where(region, 1.0, np.where(np.arange(100) < 50, 1.0, 0.0))[:, None]
    sets = decoding.matched_voxels(region, properties, 8, seed=0)
    assert (sets.sum(1) == 45).all() and not sets[:, region].any() and sets[:, 45:50].all()


def test_a_property_that_is_not_known_is_not_matched_and_a_single_gap_is_the_median(rng):
    properties = np.stack([np.full(60, np.nan), rng.random(60)], 1)
    properties[3, 1] = np.nan
    assert np.isfinite(decoding._ranks(properties)).all() and decoding._ranks(properties).shape == (60, 1)


def test_regions_that_cannot_be_matched_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="has no voxel, expected at least one"):
        decoding.matched_voxels(np.zeros(9, bool), np.ones((9, 1)), 2, seed=0)
    with pytest.raises(ValueError, match="holds 6 voxels and 3 may be drawn, expected at least as many; draw among all"):
        decoding.matched_voxels(np.arange(9) < 6, np.ones((9, 1)), 2, seed=0)
    whole = decoding.matched_voxels(np.arange(9) < 6, np.ones((9, 1)), 2, seed=0, among=np.ones(9, bool))
    assert (whole.sum(1) == 6).all()


@pytest.mark.parametrize("batch", [3, 256])
def test_each_state_is_decoded_as_it_would_be_alone(rng, batch):
    trials, fitted = brain(rng), mapper()
    sets = rng.random((4, 24)) < 0.4
    found = decoding.decode_stimulated(fitted, trials, sets, 10.0, batch=batch)
    assert found.shape == (4, 5, 6) and found.dtype == np.float32
    for voxels, mine in zip(sets, found):
        alone = fitted.predict(trials.replace(np.where(voxels, np.float32(10), trials.betas)))
        assert np.allclose(mine, alone.vectors, atol=1e-5)


def test_an_amount_of_its_own_for_each_voxel_may_be_added(rng):
    trials, fitted = brain(rng), mapper()
    sets, amount = rng.random((2, 24)) < 0.4, rng.normal(size=(2, 24)).astype(np.float32)
    found = decoding.decode_stimulated(fitted, trials, sets, amount, add=True)
    for voxels, extra, mine in zip(sets, amount, found):
        assert np.allclose(mine, fitted.predict(trials.replace(trials.betas + voxels * extra)).vectors, atol=1e-5)


def test_the_mapper_stays_where_it_was_and_wrong_sets_are_refused(rng):
    trials, fitted = brain(rng), mapper()
    with pytest.raises(ValueError, match=r"sets of shape \(2, 9\), expected \(n_sets, 24\)"):
        decoding.decode_stimulated(fitted, trials, np.ones((2, 9), bool))
    decoding.decode_stimulated(fitted, trials, np.ones((1, 24), bool), device="cpu")
    assert next(fitted.network.parameters()).device == torch.device("cpu")
