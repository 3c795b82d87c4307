"""Decode stimulated states, as embeddings by one or several fits and as pictures with the same noise."""

from __future__ import annotations

import numpy as np

from ...experiments import CONDITIONS
from ...stimulation import generate_states
from ...stimulation import decode_stimulated
from ...pipeline import Pipeline
from ...records import Trials
from ..common import first_of_each
from .regions import SENTENCES


def first_trials(run: Pipeline, n: int) -> Trials:
    """The first trial of each of the first n validation pictures, so that every trial is about another picture."""
    return run.subject.validation.take(first_of_each(run.validation(run.mapped["image"]), n))


def decode(run: Pipeline, space: str, trials: Trials, sets: np.ndarray | None = None, amount: float | np.ndarray = 0.0, *,
           add: bool = False, n_fits: int = 1) -> np.ndarray:
    """Embeddings of each trial with each set of voxels stimulated, (n_fits, n_sets, n_trials, n_dims); as measured without sets.

    n_fits: how many mappers of the same recipe decode, the experiment's own first, each fitted from another seed (`repeat`).

    Raises ValueError for none.
    """
    if n_fits < 1:
        raise ValueError(f"got n_fits {n_fits}, expected at least 1; three or more for a verdict")
    return np.stack([decode_stimulated(_fit(run, space, repeat), trials, _sets(run, sets), amount, add=add, device=run.experiment.device)
                     for repeat in range(n_fits)])


def as_measured(run: Pipeline, space: str, n: int, *, n_fits: int = 1) -> np.ndarray:
    """Embeddings of the `first_trials` with nothing stimulated, (n_fits, 1, n_trials, n_dims), decoded once for all regions."""
    key = ("as measured", space, n, n_fits)
    if key not in run.memo:
        run.memo[key] = decode(run, space, first_trials(run, n), n_fits=n_fits)
    return run.memo[key]


def generate(run: Pipeline, cond: str, trials: Trials, sets: np.ndarray | None = None, amount: float | np.ndarray = 0.0, *,
             add: bool = False, repeat: int = 0) -> np.ndarray:
    """Pictures of each trial with each set of voxels stimulated, (n_sets, n_trials, height, width, 3) uint8.

    The z of a trial is the same in all states, and that of `run.reconstruct` for these trials. repeat: which fit of the mappers.
    """
    key = ("ready generator", cond)
    if key not in run.memo:
        run.memo[key] = run.ready(run.generator(cond))
    sets = _sets(run, sets)
    embeddings = [decode_stimulated(_fit(run, space, repeat), trials, sets, amount, add=add, device=run.experiment.device)
                  for space in CONDITIONS[cond]]
    return generate_states(run.memo[key], embeddings, seed=run.experiment.child_seed("z"))


def sentences(run: Pipeline) -> dict[str, np.ndarray]:
    """CLIP's embedding of each category's sentence, by its word, unit length (n_dims,)."""
    if "sentences" not in run.memo:
        run.memo["sentences"] = dict(zip(SENTENCES, unit(run.clip.texts(list(SENTENCES.values())))))
    return run.memo["sentences"]


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors at unit length, (..., n_dims)."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _sets(run: Pipeline, sets: np.ndarray | None) -> np.ndarray:
    return np.zeros((1, run.subject.n_voxels), bool) if sets is None else np.atleast_2d(sets)


def _fit(run: Pipeline, space: str, repeat: int):
    key = ("fit", space, repeat)
    if key not in run.memo:
        run.memo[key] = run.mapper(space, repeat=repeat)
    return run.memo[key]
