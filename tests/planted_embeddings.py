"""Embeddings and noisy predictions of them that several tests of scores share."""

import numpy as np

from mindreader.records import Embeddings

SEED = sum(map(ord, "mind reader"))


def embeddings(n_images=40, repeats=1, n_dims=6, space="image", source="fmri", seed=SEED):
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n_images) * 7, repeats)
    keys = rng.permutation(len(ids)) if source == "fmri" else np.arange(len(ids)) % repeats
    return Embeddings(rng.normal(size=(len(ids), n_dims)).astype(np.float32), ids, keys, space, source)


def near(truth, repeats=2, noise=1.0, seed=SEED + 1):
    guess = embeddings(len(truth), repeats, truth.vectors.shape[1], seed=seed)
    vectors = truth.at(guess.image_ids) + noise * guess.vectors
    return Embeddings(vectors, guess.image_ids, guess.keys, "image", "fmri")


def mixed_up(p, seed=SEED):
    return p.take(np.random.default_rng(seed).permutation(len(p)))


TRUTH = embeddings(source="clip")
GUESS = near(TRUTH)
