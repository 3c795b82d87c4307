"""Linear encoding models: ridge against scikit-learn, and banded ridge that finds which space planted each voxel."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from mindreader.mapping.linear_encoding import ALPHAS, fit_linear_encoder
from mindreader.records import Embeddings, Trials

N_PICTURES, N_TRAINING = 240, 180


def features(name, n_dims, seed):
    vectors = np.random.default_rng(seed).standard_normal((N_PICTURES, n_dims)).astype(np.float32)
    return Embeddings(vectors, np.arange(N_PICTURES), np.zeros(N_PICTURES, int), name, "pixels")


@pytest.fixture(scope="module")
def spaces():
    return {"a": features("a", 12, 1), "b": features("b", 30, 2)}


@pytest.fixture(scope="module")
def trials(spaces):
    """Two repeats of each picture; ten voxels answer to a, ten to b, one to nothing, with noise as large as the signal."""
    rng = np.random.default_rng(3)
    signal = [spaces[name].vectors @ rng.standard_normal((spaces[name].vectors.shape[1], 10)) for name in "ab"]
    signal = np.hstack([each / each.std(0) for each in signal] + [np.zeros((N_PICTURES, 1))])
    ids = np.tile(np.arange(N_PICTURES), 2)
    betas = signal[ids] + rng.standard_normal((len(ids), 21))
    return Trials(betas.astype(np.float32), ids, np.arange(len(ids)), np.ones(len(ids), int))


def sides(trials):
    return trials.of(np.arange(N_TRAINING)), np.arange(N_TRAINING, N_PICTURES)


def r2(predicted, trials, ids):
    truth = np.stack([trials.betas[trials.image_ids == i].mean(0) for i in ids])
    return 1 - ((truth - predicted) ** 2).mean(0) / truth.var(0)


def test_one_space_is_scikit_learns_ridge_at_the_best_penalty(spaces, trials):
    train, ids = sides(trials)
    fitted = fit_linear_encoder({"b": spaces["b"]}, train, seed=0)
    mean = np.stack([train.betas[train.image_ids == i].mean(0) for i in range(N_TRAINING)])
    components = PCA().fit(spaces["b"].vectors[:N_TRAINING])
    scale = np.sqrt(spaces["b"].vectors[:N_TRAINING].var(0).sum())
    x, other = (components.transform(spaces["b"].vectors[rows]) / scale for rows in (slice(0, N_TRAINING), ids))
    oracles = np.stack([Ridge(alpha=alpha).fit(x, mean).predict(other) for alpha in ALPHAS])
    found = fitted.predict(spaces, ids)
    nearest = np.abs(oracles - found).max(1).min(0)      # of each voxel, to the oracle with some one penalty
    assert nearest.max() < 1e-3


def test_each_voxel_is_predicted_from_the_space_that_planted_it(spaces, trials):
    train, ids = sides(trials)
    both = fit_linear_encoder(spaces, train, seed=0)
    alone = {name: r2(fit_linear_encoder({name: spaces[name]}, train, seed=0).predict(spaces, ids), trials, ids) for name in spaces}
    whole = r2(both.predict(spaces, ids), trials, ids)
    assert (whole[:20] > 0.3).all() and abs(whole[20]) < 0.2
    assert (alone["a"][:10] > 0.3).all() and (alone["a"][10:20] < 0.2).all() and (alone["b"][10:20] > 0.3).all()
    assert (both.scales[0, :10] > both.scales[1, :10]).mean() > 0.8 and (both.scales[1, 10:20] > both.scales[0, 10:20]).mean() > 0.8
    np.testing.assert_allclose(both.scales.sum(0), 1)


def test_bands_do_not_lose_to_one_penalty_for_both(spaces, trials):
    """A space of noise with many features is switched off where it does not help."""
    train, ids = sides(trials)
    noise = spaces | {"noise": features("noise", 120, 9)}
    banded = r2(fit_linear_encoder({"a": spaces["a"], "noise": noise["noise"]}, train, seed=0).predict(noise, ids), trials, ids)
    joined = Embeddings(np.hstack([spaces["a"].vectors, noise["noise"].vectors]), np.arange(N_PICTURES), np.zeros(N_PICTURES, int), "x", "pixels")
    one = r2(fit_linear_encoder({"x": joined}, train, seed=0, n_components=200).predict({"x": joined}, ids), trials, ids)
    assert banded[:10].mean() > one[:10].mean() + 0.05


def test_validation_pictures_change_nothing(spaces, trials):
    train, ids = sides(trials)
    other = spaces["a"].vectors.copy()
    other[ids] = 100
    disturbed = {"a": Embeddings(other, spaces["a"].image_ids, spaces["a"].keys, "a", "pixels")}
    usual, again = (fit_linear_encoder({"a": given["a"]}, train, seed=0) for given in (spaces, disturbed))
    np.testing.assert_array_equal(usual.weights["a"], again.weights["a"])


def test_the_seed_makes_the_folds_and_nothing_else_is_drawn(spaces, trials):
    train, ids = sides(trials)
    first, second = (fit_linear_encoder(spaces, train, seed=4).predict(spaces, ids) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_cannot_be_fitted_is_refused_in_one_sentence(spaces, trials):
    with pytest.raises(ValueError, match="got no space of features, expected at least one"):
        fit_linear_encoder({}, trials, seed=0)
    with pytest.raises(ValueError, match="got trials of 2 pictures, expected at least 3"):
        fit_linear_encoder(spaces, trials.of([0, 1]), seed=0)


def test_a_space_that_is_constant_predicts_the_mean(trials):
    train, ids = sides(trials)
    flat = {"flat": Embeddings(np.ones((N_PICTURES, 4), np.float32), np.arange(N_PICTURES), np.zeros(N_PICTURES, int), "flat", "pixels")}
    fitted = fit_linear_encoder({"flat": flat["flat"]}, train, seed=0)
    np.testing.assert_allclose(fitted.predict(flat, ids), np.repeat(train.betas.mean(0)[None], len(ids), 0), atol=1e-3)
