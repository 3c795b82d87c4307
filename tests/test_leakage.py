"""Nothing of the validation side reaches the training side: no picture, no statistic, no neighbour in a batch."""

from dataclasses import replace

import numpy as np
import pytest

from mindreader.mapping.baselines import MlpConfig, fit_mlp, fit_ridge
from mindreader.mapping.network import MappingConfig, fit_mapper, low_level_targets
from mindreader.nsd import loader as nsd
from mindreader.records import Embeddings, Trials

TINY = MappingConfig(hidden=8, fc_hidden=8, n_blocks=1, epochs=(1, 1), batch=16, batch_contrastive=32)
N_IMAGES, N_VOXELS, N_DIMS = 60, 24, 12


def world(disturbed=False):
    """Trials and embeddings whose validation side can be replaced by something else."""
    rng, other = np.random.default_rng(0), np.random.default_rng(1)
    ids = np.repeat(np.arange(N_IMAGES), 3)
    out = ids >= 45
    betas = rng.standard_normal((len(ids), N_VOXELS)).astype(np.float32)
    embeddings = rng.standard_normal((N_IMAGES, N_DIMS)).astype(np.float32)
    if disturbed:
        betas[out] = 5 + 9 * other.standard_normal((out.sum(), N_VOXELS))
        embeddings[45:] = 7 * other.standard_normal((15, N_DIMS))
    trials = Trials(betas, ids, np.arange(len(ids)), np.ones(len(ids), np.int64))
    return trials.take(~out), trials.take(out), Embeddings(embeddings, np.arange(N_IMAGES), np.zeros(N_IMAGES, np.int64),
                                                           "image", "clip")


FITS = {
    "mapper": lambda train, validation, embeddings: fit_mapper(train, validation, embeddings, TINY, seed=3),
    "mapper with a discriminator": lambda train, validation, embeddings: fit_mapper(
        train, validation, embeddings, replace(TINY, auxiliary="gan"), seed=3),
    "ridge": lambda train, validation, embeddings: fit_ridge(train, embeddings, seed=3),
    "mlp": lambda train, validation, embeddings: fit_mlp(train, validation, embeddings, TINY, MlpConfig(width=16, n_blocks=1), seed=3),
}


@pytest.mark.parametrize("fit", FITS)
def test_other_validation_trials_and_embeddings_train_the_same_decoder(fit):
    """But for the choice among epochs, which the paper makes on its validation loss; here each phase has one epoch."""
    train, validation, embeddings = world()
    usual, disturbed = FITS[fit](train, validation, embeddings), FITS[fit](*world(disturbed=True))
    np.testing.assert_array_equal(usual.predict(validation).vectors, disturbed.predict(validation).vectors)


def test_the_losses_of_every_epoch_are_those_of_the_training_side():
    config, histories = replace(TINY, loss="mse+cos", epochs=(4,)), []
    for disturbed in (False, True):
        histories.append(fit_mapper(*world(disturbed), config, seed=3).history)
    np.testing.assert_array_equal(histories[0].train_loss, histories[1].train_loss)
    assert (histories[0].validation_loss != histories[1].validation_loss).all()


@pytest.mark.parametrize("fit", FITS)
def test_a_trial_is_decoded_alone_as_among_others(fit):
    train, validation, embeddings = world()
    decoder = FITS[fit](train, validation, embeddings)
    together = decoder.predict(validation).vectors
    alone = np.concatenate([decoder.predict(validation.take([row])).vectors for row in range(len(validation))])
    np.testing.assert_allclose(alone, together, atol=1e-5 * np.abs(together).max())


def test_the_low_level_target_is_scaled_by_training_pictures_only():
    (_, _, usual), (_, _, disturbed) = world(), world(disturbed=True)
    train = np.arange(45)
    np.testing.assert_array_equal(low_level_targets(usual, train).at(train), low_level_targets(disturbed, train).at(train))


@pytest.mark.parametrize("split", nsd.SPLITS)
def test_no_picture_and_no_trial_is_on_both_sides(tiny_twin, split):
    subject = nsd.load_subject(tiny_twin, "subj01", nsd.DataConfig(split=split))
    sides = subject.train, subject.validation
    assert not set(sides[0].image_ids) & set(sides[1].image_ids) and not set(sides[0].trial_ids) & set(sides[1].trial_ids)
    assert sorted([*sides[0].trial_ids, *sides[1].trial_ids]) == subject.trials.trial_ids.tolist()
    assert all(len(side) > 10 for side in sides)


@pytest.mark.parametrize("zscore, reaches", [("session-train", False), ("none", False), ("session", True)])
def test_z_scores_reach_across_only_where_the_paper_lets_them(tiny_twin, monkeypatch, zscore, reaches):
    config = nsd.DataConfig(zscore=zscore)
    usual = nsd.load_subject(tiny_twin, "subj01", config)
    read, sessions = nsd.read_betas, iter(np.unique(usual.trials.sessions))

    def disturbed(*given):
        betas, here = read(*given), usual.trials.sessions == next(sessions)
        out = np.isin(usual.trials.image_ids[here], usual.split.validation)
        return betas + (100 * out[:, None]).astype(np.float32)

    monkeypatch.setattr(nsd, "read_betas", disturbed)
    other = nsd.load_subject(tiny_twin, "subj01", config)
    assert not np.allclose(other.validation.betas, usual.validation.betas)
    assert np.array_equal(other.train.betas, usual.train.betas) == (not reaches)
