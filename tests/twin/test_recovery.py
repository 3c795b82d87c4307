"""Recovery of the ground truth: small cases checked by hand, and a simulated brain at a size between smoke and book.

A smoke twin has too few trials for most bars of chapter 00; this experiment (400 voxels, 300 pictures, three repeats
each, no files) has enough, and goes through the same functions.
"""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from mindreader.twin import recovery
from mindreader.twin.brain import Brain
from mindreader.twin.cortex import lay_out
from mindreader.nsd.loader import standardise
from mindreader.records import Trials
from mindreader.nsd.regions import ATLASES
from mindreader.world.sampling import draw_scene
from mindreader.world.rendering import render_many
from mindreader.world.scenes import THINGS, factors
from mindreader.twin.session import attend, draw_noise, order_pictures, simulate_session
from mindreader.twin.subject import TwinConfig

SEED, N = 3, 300
KINDS = {"face": "floc-faces", "body": "floc-bodies", "place": "floc-places", "word": "floc-words"}


@pytest.fixture(scope="module")
def planted():
    """Responses of 400 voxels to three repeats of 300 pictures in two sessions, and their ground truth."""
    scenes = [draw_scene(SEED, "subject", i) for i in range(N)]
    pixels = render_many(SEED, "subject", range(N), processes=1)
    brain, config = Brain(lay_out(400, SEED), SEED), TwinConfig()
    responses = brain.fit(scenes, pixels)
    noise = draw_noise(brain.cortex, responses.attention_variance(), median_ncsnr=config.median_ncsnr,
                       stray=config.stray_thoughts, seed=SEED)
    order, sessions = order_pictures(N, 3 * N, SEED), np.repeat([1, 2], 3 * N // 2)
    rows = attend(responses, order, SEED)
    made = [simulate_session(responses, rows[sessions == s], noise, s, SEED) for s in (1, 2)]
    z = np.concatenate([standardise(psc)[0] for psc, _, _ in made])
    things = [scenes[i].things for i in order]
    return SimpleNamespace(
        brain=brain, noise=noise, pixels=pixels, raw=[psc for psc, _, _ in made],
        offset=np.stack([offset for _, _, offset in made]),
        trials=Trials(z, order, np.arange(3 * N), sessions), expected=responses.expected()[order],
        factors=pd.DataFrame([factors(s) for s in scenes]),
        category=np.array([t[a].category if a >= 0 else 0 for t, a in zip(things, responses.attended[rows])]))


@pytest.fixture(scope="module")
def decoded(planted):
    """Names of things and stuff that vary, their truth on each trial, and what is decoded with and without noise."""
    table = planted.factors.filter(like="has_")
    table = table.loc[:, (table.sum() >= 10) & (table.sum() <= N - 10)]
    truth = table.to_numpy()[planted.trials.image_ids]
    ids = planted.trials.image_ids
    return SimpleNamespace(names=[n.removeprefix("has_") for n in table], truth=truth,
                           single=recovery.cross_decode(planted.trials.betas, ids, truth, seed=0),
                           noiseless=recovery.cross_decode(planted.expected, ids, truth, seed=0))


def trials_of(betas, image_ids):
    n = len(image_ids)
    return Trials(np.asarray(betas, np.float32), np.asarray(image_ids), np.arange(n), np.ones(n, int))


# --- the bars --------------------------------------------------------------------------------------------------

def test_every_localiser_region_prefers_its_own_category(planted):
    """The bar of chapter 00 at full height, t > 5, for the localiser's own stimuli: 48 of each category, four times."""
    kinds, n = (*KINDS, "object"), 48
    shown = [draw_scene(4, "subject", i, kind) for kind in kinds for i in range(n)]
    pixels = np.concatenate([render_many(4, "subject", range(n), processes=1, kind=kind) for kind in kinds])
    order = np.random.default_rng(0).permutation(np.tile(np.arange(5 * n), 4))
    responses = planted.brain.respond(shown, pixels)
    betas, _, _ = simulate_session(responses, attend(responses, order, 0), planted.noise, 9, SEED)
    for place, atlas in enumerate(KINDS.values()):
        t = recovery.preferences(trials_of(betas, order), np.arange(5 * n) // n == place)
        for label in ATLASES[atlas]:
            here = planted.brain.cortex.having(atlas, label) & (planted.noise.ncsnr > 0)
            assert not here.any() or np.median(t[here]) > 5, (label, np.median(t[here]))


def test_scene_factors_are_decoded_better_than_shuffled_and_worse_than_noiseless(planted, decoded):
    ids = planted.trials.image_ids
    shuffled = np.roll(decoded.truth[np.unique(ids, return_index=True)[1]], 7, axis=0)[ids]
    _, single = recovery.correlations(decoded.single, decoded.truth, ids, seed=0, n_bootstrap=200)
    _, clean = recovery.correlations(decoded.noiseless, decoded.truth, ids, seed=0, n_bootstrap=200)
    _, floor = recovery.correlations(recovery.cross_decode(planted.trials.betas, ids, shuffled, seed=0), shuffled, ids,
                                     seed=0, n_bootstrap=200)
    assert floor[2] < single[1] and single[2] < clean[1]
    assert floor[1] < 0.03 and clean[0] > 0.7


def test_the_attended_thing_is_decoded_from_the_trial(planted, decoded):
    names = [kind.name for kind in THINGS.values() if kind.name in decoded.names]
    columns = [decoded.names.index(name) for name in names]
    place = {number: names.index(kind.name) for number, kind in THINGS.items() if kind.name in names}
    attended = np.array([place.get(c, -1) for c in planted.category])
    found = recovery.decode_attended(decoded.single[:, columns], decoded.truth[:, columns] > 0, attended,
                                     planted.trials.image_ids, seed=0)
    assert found.hit.mean() > found.chance and found.p < 0.01
    assert (attended[found.rows] >= 0).all() and (found.hit == (found.decoded == attended[found.rows])).all()


def test_receptive_fields_are_found_where_they_were_planted(planted):
    centre = recovery.receptive_field_centres(planted.trials, np.arange(N), planted.pixels)
    here = planted.brain.cortex.having("prf-visualrois")
    for axis in (0, 1):
        assert stats.pearsonr(centre[here, axis], planted.brain.cortex.centre[here, axis]).pvalue < 0.01


def test_repeats_of_a_picture_correlate_and_trials_of_different_pictures_do_not(planted):
    table = recovery.pattern_reliability(planted.trials, seed=0)
    assert len(table) == N and set(table.n_trials) == {3}
    assert table.same.mean() > 0.08 and abs(table.other.mean()) < 0.02


def test_sessions_differ_by_what_was_planted_until_they_are_standardised(planted):
    before, _ = recovery.session_moments(planted.raw)
    after, sd = recovery.session_moments(planted.trials.betas[planted.trials.sessions == s] for s in (1, 2))
    assert np.corrcoef(before[0] - before[1], planted.offset[0] - planted.offset[1])[0, 1] > 0.9
    np.testing.assert_allclose(after, 0, atol=1e-5)
    np.testing.assert_allclose(sd, 1, atol=1e-4)


# --- the procedures --------------------------------------------------------------------------------------------

def test_responses_are_averaged_over_the_trials_of_a_picture():
    ids, mean = recovery.mean_responses(trials_of([[1.0], [2], [3], [10]], [5, 2, 5, 9]))
    assert ids.tolist() == [2, 5, 9] and mean.ravel().tolist() == [2, 2, 10]


def test_preferences_are_welchs_t_over_pictures(rng):
    betas, image_ids = rng.standard_normal((60, 3)), np.repeat(np.arange(20), 3)
    shows = np.arange(20) < 6
    mean = betas.reshape(20, 3, 3).mean(1)
    expected = stats.ttest_ind(mean[shows], mean[~shows], equal_var=False).statistic
    np.testing.assert_allclose(recovery.preferences(trials_of(betas, image_ids), shows), expected, rtol=1e-4)


def test_weights_count_a_picture_as_often_as_they_say(rng):
    betas, shows = rng.standard_normal((8, 2)), np.arange(8) < 4
    weights = np.array([[1, 2, 1, 1, 1, 1, 3, 1]])
    again = np.repeat(np.arange(8), weights[0])
    expected = stats.ttest_ind(betas[again][shows[again]], betas[again][~shows[again]], equal_var=False).statistic
    found = recovery.preferences(trials_of(betas, np.arange(8)), shows, weights=weights)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4)


def test_a_contrast_with_one_picture_on_a_side_is_no_number(rng):
    assert np.isnan(recovery.preferences(trials_of(rng.standard_normal((4, 2)), np.arange(4)), np.arange(4) < 1)).all()


def test_labels_for_other_pictures_are_refused(rng):
    with pytest.raises(ValueError, match="got labels for 3 pictures, expected one for each of the 4 shown"):
        recovery.preferences(trials_of(rng.standard_normal((4, 2)), np.arange(4)), np.ones(3, bool))


def test_cross_decoding_is_ridge_regression_on_other_pictures(rng):
    ids = np.repeat(np.arange(15), 2)
    x, y = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))
    found = recovery.cross_decode(x, ids, y, seed=1, penalties=np.array([3.0]))
    fold = (np.random.default_rng(1).permutation(15) % recovery.N_FOLDS)[ids]
    for k in range(recovery.N_FOLDS):
        np.testing.assert_allclose(found[fold == k], Ridge(3.0).fit(x[fold != k], y[fold != k]).predict(x[fold == k]))


def test_the_penalty_follows_the_noise_of_the_target(rng):
    x = rng.standard_normal((300, 30))
    y = np.stack([x[:, 0], rng.standard_normal(300)], 1)
    found = recovery.cross_decode(x, np.arange(300), y, seed=0)
    assert np.corrcoef(found[:, 0], y[:, 0])[0, 1] > 0.99 and found[:, 1].std() < 0.3 * y[:, 1].std()


def test_fewer_pictures_than_folds_are_refused(rng):
    with pytest.raises(ValueError, match="got 3 pictures, expected at least 5"):
        recovery.cross_decode(rng.standard_normal((6, 2)), np.repeat(np.arange(3), 2), np.zeros((6, 1)), seed=0)


def test_correlations_are_pearsons_and_lie_in_their_interval(rng):
    truth = rng.standard_normal((90, 2))
    guess = truth + rng.standard_normal((90, 2)) * [0.5, 5]
    each, mean = recovery.correlations(guess, truth, np.repeat(np.arange(30), 3), seed=0, n_bootstrap=200)
    expected = [np.corrcoef(guess[:, k], truth[:, k])[0, 1] for k in (0, 1)]
    np.testing.assert_allclose(each[:, 0], expected)
    assert mean[0] == pytest.approx(np.mean(expected))
    assert (each[:, 1] < each[:, 0]).all() and (each[:, 0] < each[:, 2]).all() and mean[1] < mean[0] < mean[2]


def test_a_receptive_field_is_found_on_any_side():
    rng = np.random.default_rng(0)
    images = np.full((400, 64, 64, 3), 128, np.uint8)
    stripes = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.uint8)[..., None]
    on = rng.random((400, 8, 8)) < 0.3
    for image, down, across in np.argwhere(on):
        images[image, 8 * down:8 * down + 8, 8 * across:8 * across + 8] = stripes
    betas = np.stack([on[:, 1, 6], on[:, 6, 1]], 1) + 0.1 * rng.standard_normal((400, 2))
    centre = recovery.receptive_field_centres(trials_of(betas, np.arange(400)), np.arange(400), images)
    np.testing.assert_allclose(centre, [[0.625, -0.625], [-0.625, 0.625]], atol=0.15)


def test_a_shown_picture_that_is_not_given_is_refused():
    with pytest.raises(ValueError, match="picture 1 was shown but is not among the 1 given"):
        recovery.receptive_field_centres(trials_of([[0.0], [1]], [0, 1]), np.array([0]), np.zeros((1, 64, 64, 3), np.uint8))


def test_a_thing_that_is_always_stronger_does_not_count():
    evidence = np.tile([[5.0, 0.0]], (40, 1))                     # thing 0 whatever was attended
    found = recovery.decode_attended(evidence, np.ones((40, 2), bool), np.tile([0, 1], 20), np.repeat(np.arange(20), 2),
                                     seed=0)
    assert found.hit.mean() == pytest.approx(0.5) == found.chance and found.p == 1


def test_perfect_decoding_is_significant_by_permutation():
    attended = np.tile([0, 1], 10)
    evidence = np.eye(2)[attended]
    found = recovery.decode_attended(evidence, np.ones((20, 2), bool), attended, np.repeat(np.arange(10), 2), seed=0)
    assert found.hit.all() and found.chance == pytest.approx(0.5) and found.p < 0.01


def test_trials_without_attention_or_alternative_are_left_out():
    attended, ids = np.array([0, 0, -1, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 1])
    found = recovery.decode_attended(np.zeros((6, 2)), np.ones((6, 2), bool), attended, ids, seed=0)
    assert sorted(found.rows.tolist()) == [3, 5]
    with pytest.raises(ValueError, match="got no picture whose trials carried different things"):
        recovery.decode_attended(np.zeros((2, 2)), np.ones((2, 2), bool), np.zeros(2, int), np.zeros(2, int), seed=0)


def test_the_trial_of_a_different_picture_is_never_of_the_same_one():
    betas = np.eye(4)[[0, 0, 1, 1, 2, 2]] + 1e-3 * np.random.default_rng(0).standard_normal((6, 4))
    table = recovery.pattern_reliability(trials_of(betas, [0, 0, 1, 1, 2, 2]), seed=0)
    assert (table.same > 0.9).all() and (table.other < 0).all()
    assert all(a < b for a, b in pairwise(table.image_id))
