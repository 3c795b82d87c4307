"""The simulated experiment: NSD's order and counts, and noise whose ceiling NSD's procedure recovers."""

import numpy as np
import pytest

from mindreader.twin.brain import Responses
from mindreader.twin.cortex import lay_out
from mindreader.nsd.loader import split_images
from mindreader.twin.session import attend, draw_noise, estimate_ncsnr, order_pictures, simulate_session
from mindreader.twin.subject import TwinConfig


def random_responses(rng, n_images=1500, n_voxels=150):
    """Two states for each picture, half of the time each, whose mean has variance 1."""
    mean = rng.standard_normal((n_images, n_voxels))
    mean = (mean - mean.mean(0)) / mean.std(0)
    shift = 0.4 * rng.standard_normal((n_images, n_voxels))
    values = np.stack([mean - shift, mean + shift], 1).reshape(-1, n_voxels).astype(np.float32)
    return Responses(values, np.repeat(np.arange(n_images), 2), np.tile([0, 1], n_images), np.full(2 * n_images, 0.5))


def test_each_picture_comes_three_times_and_never_twice_in_a_row():
    order = order_pictures(2250, 6750, 0)
    assert (np.bincount(order) == 3).all() and (order[1:] != order[:-1]).all()
    sessions = np.sort(np.argsort(order, kind="stable").reshape(-1, 3) // 750, axis=1)
    same = (np.diff(sessions, axis=1) == 0).mean()
    assert 0.15 < same < 0.6                              # repeats both within and across sessions


@pytest.mark.parametrize("seed", range(3))
def test_the_full_size_has_the_counts_of_nsds_subject_1_and_the_papers_split(seed):
    config = TwinConfig(n_voxels=15724, n_sessions=37, trials_per_session=750)
    planned = order_pictures(config.n_pictures, config.n_trials, seed)
    shown = planned[:config.n_trials]
    assert (config.n_planned, config.n_pictures, len(planned), len(shown)) == (40, 10_000, 30_000, 27_750)
    assert (np.bincount(planned) == 3).all() and (planned[1:] != planned[:-1]).all()
    split = split_images(shown, "first_appearance")
    assert (len(np.unique(shown)), len(split.train), len(split.validation)) == (9841, 8364, 1477)
    assert np.isin(shown, split.train).sum() == pytest.approx(23_715, rel=0.005)       # the paper's training trials


@pytest.mark.parametrize("sessions, at_least", [(30, (9209, 7846, 5445)), (32, (9411, 8355, 6234))])
def test_repeats_are_spread_as_in_nsd(sessions, at_least):
    """NSD's Technical notes: pictures that came up once, twice and thrice for subjects who stopped early."""
    times = np.bincount(order_pictures(10_000, 27_750, 0)[:sessions * 750], minlength=10_000)
    assert [(times >= n).sum() for n in (1, 2, 3)] == pytest.approx(at_least, rel=0.01)


@pytest.mark.parametrize("config", [TwinConfig(), TwinConfig(128, 2, 180), TwinConfig(40, 1, 900)])
def test_the_number_of_withheld_pictures_does_not_vary_with_the_seed(config):
    shown = {len(np.unique(order_pictures(config.n_pictures, config.n_trials, seed)[:config.n_trials]))
             for seed in range(5)}
    left = 1 - config.n_sessions / config.n_planned
    assert len(shown) == 1
    # more are withheld than if repeats were independent, fewer than if all repeats of a picture coincided
    assert left**3 < 1 - shown.pop() / config.n_pictures < left


def test_an_experiment_that_cannot_show_each_picture_is_refused():
    with pytest.raises(ValueError, match="got 7 trials that take place, expected from 8 to 24 for 8 pictures"):
        order_pictures(8, 7, 0)


def test_the_noise_ceiling_is_recovered_by_nsds_procedure(rng):
    responses, cortex = random_responses(rng), lay_out(150, 0)
    noise = draw_noise(cortex, responses.attention_variance(), median_ncsnr=0.36, stray=3.0, seed=0)
    order, sessions = order_pictures(1500, 4500, 0), np.repeat(np.arange(6), 750)
    rows = attend(responses, order, 0)
    betas = np.concatenate([simulate_session(responses, rows[sessions == s], noise, s, 0)[0] for s in range(6)])
    found = estimate_ncsnr(np.rint(300 * betas), order, sessions)
    assert np.corrcoef(found, noise.ncsnr)[0, 1] > 0.9
    assert np.median(noise.ncsnr) == pytest.approx(0.36, abs=0.03)
    assert np.median(found) == pytest.approx(np.median(noise.ncsnr), abs=0.04)
    assert noise.ncsnr.min() == 0 and noise.ncsnr.max() < 0.95


def test_the_parts_of_the_noise_add_up():
    noise = draw_noise(lay_out(500, 0), np.full(500, 0.3), median_ncsnr=0.36, stray=3.0, seed=0)
    parts = (noise.attention, noise.stray, noise.arousal, noise.drift, noise.own)
    np.testing.assert_allclose(sum(p**2 for p in parts), 1, atol=1e-9)


def test_ncsnr_is_nsds_formula_voxel_by_voxel(rng):
    image_ids, sessions = np.repeat(np.arange(20), 3), np.tile([1, 1, 2], 20)
    betas = rng.standard_normal((60, 4)) + rng.standard_normal((20, 4))[image_ids]
    betas[:, 3] = 0
    image_ids[-3:] = [19, 30, 31]                          # a picture with one trial does not count
    z = np.full((60, 4), np.nan)
    for s in (1, 2):
        here = betas[sessions == s, :3]
        z[sessions == s, :3] = (here - here.mean(0)) / here.std(0)
    v2 = np.mean([z[image_ids == i].var(0, ddof=1) for i in range(19)], axis=0)
    expected = np.sqrt(np.maximum(0, 1 - v2)) / np.sqrt(v2)
    np.testing.assert_allclose(estimate_ncsnr(betas * 300, image_ids, sessions), expected, rtol=1e-4)
    assert np.isnan(expected[3])


def test_attended_states_follow_their_probability(rng):
    responses = random_responses(rng, 3, 2)
    skewed = Responses(responses.values, responses.image, responses.attended, np.tile([0.25, 0.75], 3))
    shown = np.tile([0, 1, 2], 4000)
    rows = attend(skewed, shown, 0)
    np.testing.assert_array_equal(skewed.image[rows], shown)
    assert skewed.attended[rows].mean() == pytest.approx(0.75, abs=0.02)
