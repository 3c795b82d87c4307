"""intervals: Wilson as scipy has it, and bootstraps that resample pictures and cover what they say."""

import numpy as np
import pytest
from planted_embeddings import SEED
from scipy.stats import binomtest

from mindreader.scoring import intervals


@pytest.mark.parametrize("k, n", [(0, 10), (3, 10), (29, 300), (300, 300)])
def test_wilson_is_scipys(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert np.allclose(intervals.wilson(k, n), (expected.low, expected.high))


def test_wilson_refuses_more_successes_than_tries():
    with pytest.raises(ValueError, match="got 4 successes in 3 tries"):
        intervals.wilson(4, 3)


def test_bootstrap_over_pictures_widens_when_trials_of_a_picture_agree():
    rng = np.random.default_rng(SEED)
    ids = np.repeat(np.arange(200), 3)
    alone = rng.normal(size=600)
    together = np.repeat(rng.normal(size=200), 3)
    width = [np.subtract(*intervals.bootstrap_interval(v, ids, seed=1)[::-1]) for v in (alone, together)]
    assert np.isclose(width[0], 2 * 1.96 / np.sqrt(600), rtol=0.15)
    assert np.isclose(width[1], 2 * 1.96 / np.sqrt(200), rtol=0.15)


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(SEED), 0
    for i in range(200):
        values = np.repeat(rng.normal(size=60), 2) + rng.normal(size=120)
        low, high = intervals.bootstrap_interval(values, np.repeat(np.arange(60), 2), seed=i, n_bootstrap=300)
        covered += low < 0 < high
    assert 0.88 <= covered / 200 <= 0.98
