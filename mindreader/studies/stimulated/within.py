"""Stimulate within the range of measured states: a region's own response to its category, once or a few times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...pipeline import Pipeline
from ...records import Trials
from ...stimulation import MeasuredRange, fit_range
from .detectors import shown
from .effects import N_RANDOM, N_TRIALS, Measures, against_random, joined, of_fit
from .regions import REGIONS, has_voxels, random_sets, region_voxels
from .states import decode, first_trials, sentence_embeddings, unit

GAINS = (1.0, 2.0, 4.0)
INSIDE, OUTSIDE = "within", "outside"


def measured_range(run: Pipeline) -> MeasuredRange:
    """Where the training trials lie; 99 % of the validation trials, as measured, lie within its limit."""
    if "measured range" not in run.memo:
        run.memo["measured range"] = fit_range(run.subject.train.betas, run.subject.validation.betas,
                                               seed=run.experiment.child_seed("measured range"))
    return run.memo["measured range"]


def category_response(run: Pipeline, word: str) -> np.ndarray:
    """Each voxel's mean response to training pictures that show a category, less that to the others, (n_voxels,) in sd.

    Raises ValueError where all training pictures show it, or none.
    """
    train = run.subject.train
    shows = pd.Series(shown(run, word), run.subject.stimuli.ids)[train.image_ids].to_numpy()
    if shows.all() or not shows.any():
        raise ValueError(f"{int(shows.sum())} of {len(shows)} training trials show {word}, expected some that do and some that "
                         "do not")
    return train.betas[shows].mean(0) - train.betas[~shows].mean(0)


def within_range(run: Pipeline, gains: Sequence[float] = GAINS, *, fits: Sequence[int] = (0,)) -> pd.DataFrame:
    """What a region's own mean response to its category does, added to trials whose picture does not show it.

    Rows of `against_random` (metric "to faces"; name, the word), with gain, distance (from the training trials in units of the limit,
    median) and where ("within" the measured range, or "outside" where that is above 1). Random sets are given the region's amounts, in
    another order. A region without voxels, and a category that all training pictures show or none, is left out.
    """
    parts, known = [], measured_range(run)
    for region, (word, _) in REGIONS.items():
        labels = pd.Series(shown(run, word), run.subject.stimuli.ids)
        if not has_voxels(run, region) or labels[run.split.train].nunique() < 2 or labels[run.split.validation].all():
            continue
        trials, response = trials_without(run, word), region_voxels(run, region) * category_response(run, word)
        for gain in gains:
            effect, = joined(run, region, trials, [of_fit(run, repeat, region, gain, "within", _measure) for repeat in fits]).values()
            far = np.median(known.distance(trials.betas + gain * response)) / known.limit
            row = against_random(run, [effect], word, side=1)
            parts.append(row.assign(gain=gain, distance=far, where=OUTSIDE if far > 1 else INSIDE))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def trials_without(run: Pipeline, word: str) -> Trials:
    """The first trials of validation pictures that do not show the category, N_TRIALS at most."""
    labels = pd.Series(shown(run, word), run.subject.stimuli.ids)
    trials = first_trials(run, len(run.split.validation))
    return trials.take(np.flatnonzero(~labels[trials.image_ids].to_numpy())[:N_TRIALS])


def nearness(run: Pipeline, word: str, vectors: np.ndarray) -> np.ndarray:
    """Cosine of embeddings (..., n_dims) with the category's sentence, (...)."""
    return unit(vectors) @ sentence_embeddings(run)[word]


def _measure(run: Pipeline, repeat: int, region: str, gain: float, _: str) -> Measures:
    """How much nearer the sentence of the region's category comes, by one fit."""
    word = REGIONS[region][0]
    trials, voxels, sets = trials_without(run, word), region_voxels(run, region), random_sets(run, region)
    few, response = trials.take(slice(N_RANDOM)), gain * category_response(run, word)
    rng = np.random.default_rng(run.experiment.child_seed(f"within/{region}"))
    amounts = np.zeros(sets.shape, np.float32)
    amounts[sets] = rng.permuted(np.tile(response[voxels], (len(sets), 1)), axis=1).ravel()
    before = nearness(run, word, decode(run, "caption", trials, repeat=repeat))                     # [1 trials]
    after = nearness(run, word, decode(run, "caption", trials, voxels, response, add=True, repeat=repeat))
    others = nearness(run, word, decode(run, "caption", few, sets, amounts, add=True, repeat=repeat))
    return {f"to {word}": ((after - before)[0], others - before[:, :len(few)])}
