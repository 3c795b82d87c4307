"""Change conditions between the brain's and the true ones: is it their mean, their spread, the size of the error, or its direction?

A generator that was shown embeddings of pictures is asked for embeddings that lie elsewhere; what the pictures lose tells where.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ... import scoring
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from ..sources import nearest_training_ids, sources

BRAIN, TRUE, SHUFFLED = "brain", "true embedding", "shuffled brain"     # of `sources`, for comparison
SPREAD, PICTURE = "brain, mean and spread of true embeddings", "embedding of the nearest training picture"
ERROR, RANDOM, BETWEEN = "true embedding, another trial's error", "true embedding, an error at random", "between two true embeddings"


def changed_conditions(run: Pipeline, cond: str) -> dict[str, dict[str, Embeddings]]:
    """Conditions for the validation trials by name, the same rows in each: those of `sources` as they are, changed ones of unit length.

    SPREAD     the brain's, moved and stretched so that over training trials they have the mean and covariance of true embeddings
    PICTURE    the true embeddings of the training picture that is nearest to the brain's
    ERROR      the true embedding with the whole error of a trial of another picture
    RANDOM     the true embedding, turned by the angle of the trial's own error, but in a direction at random
    BETWEEN    half-way between the true embedding and that of another picture
    """
    known, seed = sources(run, cond), run.experiment.child_seed("changed conditions")
    rng, nearest = np.random.default_rng(seed), nearest_training_ids(run, cond)
    found: dict[str, dict[str, Embeddings]] = {name: {} for name in (SPREAD, PICTURE, ERROR, RANDOM, BETWEEN)}
    for space in SPACES:
        brain, true = known[BRAIN][space].unit(), known[TRUE][space].unit()
        training = run.training(run.conditions(cond)[space]).unit().vectors
        real = run.truth[space].unit().at(run.split.train)
        vectors = {
            SPREAD: real.mean(0) + (brain.vectors - training.mean(0)) @ recolouring(np.cov(training.T), np.cov(real.T)),
            PICTURE: run.truth[space].at(nearest),
            ERROR: true.vectors + scoring.shuffled(replace(true, vectors=brain.vectors - true.vectors), seed).vectors,
            RANDOM: turned(true.vectors, rng.standard_normal(true.vectors.shape), (brain.vectors * true.vectors).sum(1)),
            BETWEEN: true.vectors + scoring.shuffled(true, seed).vectors}
        for name, changed in vectors.items():
            found[name][space] = replace(true, vectors=changed.astype(np.float32)).unit()
    return {BRAIN: known[BRAIN], **found, TRUE: known[TRUE], SHUFFLED: known[SHUFFLED]}


def recolouring(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The symmetric matrix that turns rows of one covariance into rows of another one with the least movement, (d, d).

    Optimal transport between Gaussians: A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2.
    """
    root, inverse = _power(before, 0.5), _power(before, -0.5)
    return inverse @ _power(root @ after @ root, 0.5) @ inverse


def turned(vectors: np.ndarray, directions: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Unit vectors (n, d), each turned towards its direction (n, d) until it has this cosine (n,) with itself."""
    across = directions - (directions * vectors).sum(1, keepdims=True) * vectors
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return cosine[:, None] * vectors + np.sqrt(1 - cosine[:, None] ** 2) * across


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a symmetric matrix without negative eigenvalues; directions without any variance are left at next to none."""
    values, axes = np.linalg.eigh(matrix)
    return (axes * values.clip(1e-8 * values.max()) ** exponent) @ axes.T
