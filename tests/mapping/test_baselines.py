"""Ridge against scikit-learn; the fully connected network against its definition."""

import dataclasses

import numpy as np
import pytest
import torch
from himalaya.backend import get_backend, set_backend
from sklearn.linear_model import Ridge

from mindreader.mapping import baselines
from mindreader.mapping.baselines import FittedMlp, Mlp, MlpConfig, fit_mlp, fit_ridge
from mindreader.mapping.network import MappingConfig, targets
from mindreader.records import Embeddings, LayoutError, Trials

SMALL = MlpConfig(width=24, n_blocks=2, dropout=0.2)
RECIPE = MappingConfig(loss="mse+cos then all", epochs=(2, 2), decay_every=3, batch=16, batch_contrastive=32)


def linear_brain(n_voxels=24, noise=0.1, n_images=60, n_dims=8, repeats=2):
    """Trials of the training and of the validation side, a planted linear function of their pictures' embeddings, and those."""
    rng = np.random.default_rng(sum(map(ord, "mind reader")))
    latent = rng.normal(size=(n_images, n_dims)).astype(np.float32)
    ids = rng.permutation(10 * n_images)[:n_images]
    betas = np.tile(latent @ rng.normal(size=(n_dims, n_voxels)) / np.sqrt(n_dims), (repeats, 1))
    betas += noise * rng.normal(size=betas.shape)
    image_ids = np.tile(ids, repeats)
    trials = Trials(betas.astype(np.float32), image_ids, np.arange(len(image_ids)), np.ones(len(image_ids), int))
    embeddings = Embeddings(latent, ids, np.zeros(n_images, int), "image", "clip")
    return trials.of(ids[: n_images * 3 // 4]), trials.of(ids[n_images * 3 // 4:]), embeddings


@pytest.mark.parametrize("n_voxels", [24, 150])
def test_ridge_is_scikit_learns_at_the_chosen_penalties(n_voxels):
    train, val, embeddings = linear_brain(n_voxels)
    fitted = fit_ridge(train, embeddings, seed=3)
    oracle = Ridge(alpha=fitted.alpha).fit(train.betas.astype(float), targets(embeddings).at(train.image_ids))
    assert np.allclose(fitted.predict(val).vectors, oracle.predict(val.betas), atol=1e-4)


def test_ridge_by_torch_is_ridge_by_numpy_and_himalaya_is_left_as_it_was(monkeypatch):
    train, val, embeddings = linear_brain()
    by_numpy = fit_ridge(train, embeddings, seed=3)
    used = []
    monkeypatch.setattr(baselines, "BACKENDS", {"cpu": "torch"})    # what torch_cuda is, without a GPU
    monkeypatch.setattr(baselines, "set_backend", lambda name: used.append(name) or set_backend(name))
    by_torch = fit_ridge(train, embeddings, seed=3)
    assert (used, get_backend().name) == (["torch", "numpy"], "numpy")
    assert np.array_equal(by_torch.alpha, by_numpy.alpha)
    assert np.allclose(by_torch.predict(val).vectors, by_numpy.predict(val).vectors, atol=1e-5)


def test_the_penalty_of_each_dimension_is_the_one_of_the_lowest_error_on_held_out_pictures():
    train, _, embeddings = linear_brain(noise=1.0)
    alphas = np.logspace(-1, 4, 11)
    y = targets(embeddings).at(train.image_ids)
    error = np.zeros((len(alphas), y.shape[1]))
    for fit, out in baselines._folds(train.image_ids, 4, 3):
        for i, alpha in enumerate(alphas):
            oracle = Ridge(alpha=alpha).fit(train.betas[fit].astype(float), y[fit])
            error[i] += ((oracle.predict(train.betas[out]) - y[out]) ** 2).mean(0)
    assert (fit_ridge(train, embeddings, seed=3, alphas=alphas, n_folds=4).alpha == alphas[error.argmin(0)]).all()
    assert len(set(alphas[error.argmin(0)])) > 1


def test_each_picture_is_held_out_once_and_never_split():
    train, _, _ = linear_brain(repeats=3)
    folds = baselines._folds(train.image_ids, 5, 1)
    assert (np.sort(np.concatenate([out for _, out in folds])) == np.arange(len(train))).all()
    for fit, out in folds:
        assert not set(train.image_ids[fit]) & set(train.image_ids[out]) and len(fit) + len(out) == len(train)


def test_ridge_recovers_the_plant_and_penalizes_noise_more():
    train, val, embeddings = linear_brain(noise=0.05)
    fitted = fit_ridge(train, embeddings, seed=3)
    predicted = fitted.predict(val)
    assert (predicted.unit().vectors * targets(embeddings).at(val.image_ids)).sum(1).mean() > 0.95
    assert predicted.source == "fmri" and (predicted.keys == val.trial_ids).all()
    noisy = fit_ridge(linear_brain(noise=3.0)[0], embeddings, seed=3)
    assert np.median(noisy.alpha) > np.median(fitted.alpha)


def test_ridge_needs_a_picture_for_each_fold_and_the_voxels_it_was_trained_with():
    train, val, embeddings = linear_brain()
    with pytest.raises(ValueError, match="got trials of 2 pictures, expected at least 3"):
        fit_ridge(train.of(train.image_ids[:2]), embeddings, seed=3)
    with pytest.raises(ValueError, match="got trials of 3 voxels, expected 24"):
        fit_ridge(train, embeddings, seed=3).predict(val.replace(val.betas[:, :3]))


def test_a_fully_connected_network_without_blocks_is_its_two_layers():
    network = Mlp(7, 3, MlpConfig(width=5, n_blocks=0)).eval()
    x = torch.randn(4, 7, generator=torch.Generator().manual_seed(1))
    hidden = x @ network.enter.weight.T + network.enter.bias
    hidden = torch.nn.functional.gelu((hidden - hidden.mean(1, keepdim=True))
                                      / (hidden.var(1, keepdim=True, correction=0) + 1e-5).sqrt())
    assert torch.allclose(network(x), hidden @ network.leave[3].weight.T + network.leave[3].bias, atol=1e-5)


def test_the_fully_connected_network_recovers_the_plant():
    train, val, embeddings = linear_brain(noise=0.05, n_images=160, repeats=3)
    recipe = dataclasses.replace(RECIPE, loss="mse+cos", epochs=(25,), learning_rate=3e-3, decay_every=10)
    predicted = fit_mlp(train, val, embeddings, recipe, SMALL, seed=1).predict(val).unit()
    assert (predicted.vectors * targets(embeddings).at(val.image_ids)).sum(1).mean() > 0.9


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_fit_with_dropout_goes_on_to_the_same_bits(tmp_path, killed_after):
    train, val, embeddings = linear_brain()
    before = torch.random.get_rng_state()
    whole = fit_mlp(train, val, embeddings, RECIPE, SMALL, seed=5)
    assert (torch.random.get_rng_state() == before).all()

    def killing(iterable, **_):
        for i, item in enumerate(iterable):
            if i == killed_after:
                raise KeyboardInterrupt
            yield item

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        fit_mlp(train, val, embeddings, RECIPE, SMALL, seed=5, checkpoint=path, progress=killing)
    torch.rand(7)  # whatever else drew meanwhile
    resumed = fit_mlp(train, val, embeddings, RECIPE, SMALL, seed=5, checkpoint=path)
    assert (resumed.predict(val).vectors == whole.predict(val).vectors).all() and resumed.history.equals(whole.history)
    other = fit_mlp(train, val, embeddings, RECIPE, dataclasses.replace(SMALL, dropout=0.0), seed=5)
    assert not other.history.equals(whole.history)


def test_a_fully_connected_network_saved_and_loaded_predicts_the_same(tmp_path):
    train, val, embeddings = linear_brain()
    fitted = fit_mlp(train, val, embeddings, RECIPE, SMALL, seed=1)
    fitted.save(tmp_path)
    again = FittedMlp.load(tmp_path)
    assert (again.predict(val).vectors == fitted.predict(val).vectors).all() and again.history.equals(fitted.history)
    assert (again.config, again.recipe, again.space) == (SMALL, RECIPE, "image")
    (tmp_path / "mlp.json").unlink()
    with pytest.raises(LayoutError, match="no mlp.json"):
        FittedMlp.load(tmp_path)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"n_blocks": -1}, {"dropout": 1.0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="expected width of at least 1, n_blocks of at least 0, dropout from 0 to below 1"):
        MlpConfig(**wrong)
