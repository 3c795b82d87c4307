"""voxels: correlations are scipy's, and the noise ceiling is NSD's formula and the best that noise allows."""

import numpy as np
import pytest
from planted_embeddings import GUESS, SEED, TRUTH, near
from scipy.stats import pearsonr

from mindreader.scoring import voxels


def test_noise_ceiling_is_nsds_formula():
    assert np.allclose(voxels.noise_ceiling([1.0, 2.0], 3), [1 / (1 + 1 / 3), 4 / (4 + 1 / 3)])
    mixed = voxels.noise_ceiling(1.0, {3: 10, 2: 20, 1: 30})
    assert np.isclose(mixed, 1 / (1 + (10 / 3 + 20 / 2 + 30) / 60))
    assert np.isclose(voxels.noise_ceiling(1.0, {1: 5}), voxels.noise_ceiling(1.0)) and np.isnan(voxels.noise_ceiling(np.nan))
    with pytest.raises(ValueError, match="got n=0"):
        voxels.noise_ceiling(1.0, 0)


def test_noise_ceiling_is_the_best_correlation_that_noise_allows():
    rng = np.random.default_rng(SEED)
    signal = rng.normal(size=(20000, 1))
    r = voxels.pearson(signal, 0.7 * signal + rng.normal(size=signal.shape))
    assert np.isclose(r ** 2, voxels.noise_ceiling(0.7), atol=0.01)


def test_pearson_is_scipys_by_column():
    a, b = GUESS.vectors, near(TRUTH, seed=9).vectors
    assert np.allclose(voxels.pearson(a, b), [pearsonr(x, y)[0] for x, y in zip(a.T, b.T)], atol=1e-6)
    assert np.isnan(voxels.pearson(np.ones((4, 1)), np.arange(4.0)[:, None]))
    with pytest.raises(ValueError, match="expected twice the same"):
        voxels.pearson(a, b[:5])
