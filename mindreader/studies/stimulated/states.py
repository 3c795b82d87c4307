"""Decode stimulated states, as embeddings by one of several fits and as pictures with the same noise."""

from __future__ import annotations

import numpy as np

from ...experiments import CONDITIONS
from ...stimulation import generate_states
from ...stimulation import decode_stimulated
from ...pipeline import Pipeline
from ...records import Trials
from ..refits import refit
from .regions import SENTENCES


def first_trials(run: Pipeline, n: int) -> Trials:
    """The first trial of each of the first n validation pictures, so that every trial is about another picture."""
    trials = run.subject.validation
    return trials.take(trials.first_rows(n))


def decode(run: Pipeline, space: str, trials: Trials, sets: np.ndarray | None = None, amount: float | np.ndarray = 0.0, *,
           add: bool = False, repeat: int = 0) -> np.ndarray:
    """Embeddings of each trial with each set of voxels stimulated, (n_sets, n_trials, n_dims); as measured without sets.

    repeat: which fit of the mapper decodes, 0 the experiment's own, others those of `studies.refits`.
    """
    sets = np.zeros((1, run.subject.n_voxels), bool) if sets is None else np.atleast_2d(sets)
    return decode_stimulated(_fit(run, space, repeat), trials, sets, amount, add=add, device=run.experiment.device)


def as_measured(run: Pipeline, space: str, n: int, *, repeat: int = 0) -> np.ndarray:
    """Embeddings of the `first_trials` with nothing stimulated, (1, n_trials, n_dims), decoded once for all regions."""
    key = ("as measured", space, n, repeat)
    if key not in run.memo:
        run.memo[key] = decode(run, space, first_trials(run, n), repeat=repeat)
    return run.memo[key]


def generate(run: Pipeline, cond: str, trials: Trials, sets: np.ndarray | None = None, amount: float | np.ndarray = 0.0, *,
             add: bool = False, repeat: int = 0) -> np.ndarray:
    """Pictures of each trial with each set of voxels stimulated, (n_sets, n_trials, height, width, 3) uint8.

    The z of a trial is the same in all states, and that of `run.reconstruct` for these trials. repeat: which fit of the mappers.
    """
    key = ("ready generator", cond)
    if key not in run.memo:
        run.memo[key] = run.ready(run.generator(cond))
    embeddings = [decode(run, space, trials, sets, amount, add=add, repeat=repeat) for space in CONDITIONS[cond]]
    return generate_states(run.memo[key], embeddings, seed=run.experiment.child_seed("z"))


def sentence_embeddings(run: Pipeline) -> dict[str, np.ndarray]:
    """CLIP's embedding of each category's sentence, by its word, unit length (n_dims,)."""
    if "sentences" not in run.memo:
        run.memo["sentences"] = dict(zip(SENTENCES, unit(run.clip.texts(list(SENTENCES.values())))))
    return run.memo["sentences"]


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors at unit length, (..., n_dims)."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _fit(run: Pipeline, space: str, repeat: int):
    key = ("fit", space, repeat)
    if key not in run.memo:
        run.memo[key] = refit(run, repeat).mapper(space)
    return run.memo[key]
