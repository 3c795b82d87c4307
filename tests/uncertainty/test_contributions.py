"""What a picture adds to a score: against leaving it out, against weights, and against scores computed elsewhere."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mindreader import scoring, uncertainty
from mindreader.records import Embeddings
from mindreader.scoring.voxels import pearson

N_FITS = 3


@pytest.fixture
def world(rng):
    """40 pictures with two trials each, and what three fits decode from them."""
    ids, truth = np.repeat(np.arange(40), 2), rng.standard_normal((40, 6)).astype(np.float32)
    fits = [Embeddings(truth[ids] + rng.standard_normal((80, 6)).astype(np.float32), ids, np.arange(80), "image", "fmri")
            for _ in range(N_FITS)]
    return Embeddings(truth, np.arange(40), np.arange(40), "image", "clip"), fits


def without(embeddings, image_id):
    return embeddings.take(np.flatnonzero(embeddings.image_ids != image_id))


def left_out(score, n):
    """Parts by leaving each picture out: what `contributions` computes by formula."""
    scores = np.array([score(picture) for picture in range(n)]).T
    return (n - 1) * (scores.mean(1, keepdims=True) - scores)


def agrees(found, expected, at_least):
    assert min(np.corrcoef(*rows)[0, 1] for rows in zip(found, expected)) > at_least
    assert found.std() == pytest.approx(expected.std(), rel=0.08)


def test_a_mean_is_that_of_its_trials_and_its_parts_are_those_of_pictures_left_out(rng):
    values, ids = rng.standard_normal((N_FITS, 60)), np.repeat(np.arange(20), 3)
    found = uncertainty.mean_contributions(values, ids)
    assert found.values == pytest.approx(values.mean(1))
    agrees(found.parts, left_out(lambda p: values[:, ids != p].mean(1), 20), 0.999)


@pytest.mark.parametrize("direction", scoring.DIRECTIONS)
def test_retrieval_counts_hits_and_what_a_picture_takes_from_others(world, direction):
    truth, fits = world
    batches = [scoring.retrieval_batch(fit, truth, n=None) for fit in fits]
    found = uncertainty.retrieval_contributions(batches, direction)
    assert found.values == pytest.approx([scoring.hits(batch, direction).mean() for batch in batches])
    expected = left_out(lambda p: [scoring.hits(scoring.retrieval_batch(without(fit, p), truth, n=None), direction).mean()
                                   for fit in fits], 40)
    agrees(found.parts, expected, 0.999)
    for batch, pairs in zip(batches, found.pairs):          # a gain is a miss that one picture alone made
        missed = np.bincount(batch.image_ids, ~scoring.hits(batch, direction))
        assert (pairs.sum(1) * 2 <= missed + 1e-9).all() and pairs.sum() > 0


@pytest.mark.parametrize("n_choices", (2, 5))
def test_identification_is_the_exact_count_and_its_parts_those_of_pictures_left_out(world, n_choices):
    truth, fits = world
    found = uncertainty.identification_contributions(fits, truth, n_choices=n_choices)
    assert found.values == pytest.approx([scoring.n_way(fit, truth, n_choices=n_choices).mean() for fit in fits])
    expected = left_out(lambda p: [scoring.n_way(without(fit, p), truth, n_choices=n_choices).mean() for fit in fits], 40)
    agrees(found.parts, expected, 0.999)


def test_an_area_under_the_curve_is_that_of_scikit_learn_ties_and_all(rng):
    ids, labels = np.repeat(np.arange(50), 2), np.repeat(rng.random(50) < 0.3, 2)
    scores = np.round(rng.standard_normal((N_FITS, 100)) + labels, 1)
    found = uncertainty.auc_contributions(labels, scores, ids)
    assert found.values == pytest.approx([roc_auc_score(labels, row) for row in scores])
    agrees(found.parts, left_out(lambda p: [roc_auc_score(labels[ids != p], row[ids != p]) for row in scores], 50), 0.99)
    with pytest.raises(ValueError, match="got 0 trials with and 100 without the class, expected some of both"):
        uncertainty.auc_contributions(np.zeros(100, bool), scores, ids)


def test_a_correlation_is_that_of_the_voxels_and_one_without_variance_is_left_out(rng):
    ids, measured = np.repeat(np.arange(60), 2), rng.standard_normal((120, 5))
    predicted = [measured + 2 * rng.standard_normal(measured.shape) for _ in range(N_FITS)]
    found = uncertainty.correlation_contributions(predicted, measured, ids)
    assert found.values == pytest.approx([pearson(fit, measured).mean() for fit in predicted])
    agrees(found.parts, left_out(lambda p: [pearson(fit[ids != p], measured[ids != p]).mean() for fit in predicted], 60), 0.99)
    constant = [np.column_stack([fit, np.ones(120)]) for fit in predicted]
    assert uncertainty.correlation_contributions(constant, np.column_stack([measured, ids]), ids).values == pytest.approx(found.values)


def test_a_frechet_distance_is_linearised_as_leaving_pictures_out_does(rng):
    truth = Embeddings(rng.standard_normal((120, 8)).astype(np.float32), np.arange(120), np.arange(120), "features", "pixels")
    ids = np.repeat(np.arange(120), 2)
    fits = [Embeddings((0.3 + 0.8 * truth.vectors[ids] + rng.standard_normal((240, 8))).astype(np.float32), ids, np.arange(240),
                       "features", "fmri") for _ in range(2)]
    found = uncertainty.frechet_contributions(fits, truth)
    assert found.values == pytest.approx([scoring.frechet_distance(fit, truth) for fit in fits])
    agrees(found.parts, left_out(lambda p: [scoring.frechet_distance(without(fit, p), without(truth, p)) for fit in fits], 120), 0.99)


def test_any_weighted_score_can_be_linearised(rng):
    values = rng.standard_normal((2, 30))
    found = uncertainty.weighted_contributions(lambda w: values @ w / w.sum(), np.arange(30))
    expected = uncertainty.mean_contributions(values, np.arange(30))
    assert found.values == pytest.approx(expected.values) and found.parts == pytest.approx(expected.parts)


def test_fits_of_other_trials_are_refused(world):
    truth, fits = world
    other = [fits[0], fits[1].take(np.arange(78))]
    with pytest.raises(ValueError, match="the fits decoded different trials"):
        uncertainty.identification_contributions(other, truth)
    with pytest.raises(ValueError, match="the batches hold different trials"):
        uncertainty.retrieval_contributions([scoring.retrieval_batch(fit, truth, n=None) for fit in other], "forward")
    with pytest.raises(ValueError, match="got reconstructions of other pictures than the 40 true ones"):
        uncertainty.frechet_contributions([without(fits[0], 3)], truth)
