"""The distance to measured states is Mahalanobis' distance, and doses leave the range where that says they do."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from mindreader.stimulation.measured_range import fit_range


def trials(rng, n, n_voxels=30, n_shared=3):
    """A few shared directions and noise, as single trials are."""
    loadings = np.random.default_rng(5).normal(size=(n_shared, n_voxels))
    return rng.normal(size=(n, n_shared)) * 2 @ loadings + rng.normal(size=(n, n_voxels))


def test_with_all_components_it_is_mahalanobis_distance(rng):
    """scipy as the outside oracle; with all components but one, the rest is a single direction."""
    betas = trials(rng, 500, 12)
    known = fit_range(betas, betas, seed=0, n_components=11)
    inverse = np.linalg.inv(np.cov(betas.T))
    wanted = [mahalanobis(state, betas.mean(0), inverse) / np.sqrt(12) for state in betas[:20]]
    assert np.allclose(known.distance(betas[:20]), wanted, rtol=1e-6)


def test_held_out_trials_lie_at_1_and_the_stated_share_of_them_within_the_limit(rng):
    held_out = trials(rng, 400)
    known = fit_range(trials(rng, 2000), held_out, seed=0, n_components=3, quantile=0.9)
    assert np.mean(known.distance(held_out)**2) == pytest.approx(1, abs=0.1)
    assert np.mean(known.distance(held_out) <= known.limit) == pytest.approx(0.9, abs=0.01)


def test_distances_over_doses_are_those_of_the_states_themselves(rng):
    betas, voxels = trials(rng, 6), np.arange(30) < 7
    known = fit_range(trials(rng, 500), betas, seed=0, n_components=3)
    doses = np.array([-3.0, 0.0, 0.5, 20.0])
    for dose, found in zip(doses, known.distances(betas, voxels, doses)):
        assert np.allclose(found, known.distance(np.where(voxels, dose, betas)))


def test_the_dose_that_leaves_the_range_lies_on_its_edge(rng):
    betas, voxels = trials(rng, 40), np.arange(30) < 7
    known = fit_range(trials(rng, 2000), betas, seed=0, n_components=3)
    for state, dose in zip(betas, known.leaves_at(betas, voxels)):
        if dose:
            assert known.distance(np.where(voxels, dose, state)[None])[0] == pytest.approx(known.limit)
            assert known.distance(np.where(voxels, dose + 0.1, state)[None])[0] > known.limit
        else:
            assert known.distance(np.where(voxels, 0, state)[None])[0] >= known.limit


def test_a_displacement_shows_sooner_than_in_the_distance_to_the_nearest_trial(rng):
    """Why the nearest training trial is not asked: at a dose that this distance calls outside for nearly all trials, most are
    no farther from their nearest trial than measured trials may be."""
    n_voxels = 200
    training, held_out = trials(rng, 1500, n_voxels), trials(rng, 200, n_voxels)
    known = fit_range(training, held_out, seed=0, n_components=10)
    voxels = np.arange(n_voxels) < 12
    states = np.where(voxels, 3.0, held_out)

    def nearest(betas):
        return np.sqrt(np.maximum((betas**2).sum(1)[:, None] - 2 * betas @ training.T + (training**2).sum(1), 0).min(1))

    outside = np.mean(known.distance(states) > known.limit)
    by_nearest = np.mean(nearest(states) > np.quantile(nearest(held_out), 0.99))
    assert outside > by_nearest + 0.3


def test_too_few_trials_are_refused():
    with pytest.raises(ValueError, match="got 2 training and 1 held-out trials, expected at least 3 and 1"):
        fit_range(np.ones((2, 4)), np.ones((1, 4)), seed=0)
