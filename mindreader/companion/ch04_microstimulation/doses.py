"""Relate the dose to its effect, to the range of measured states, and to stimulation within that range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ... import uncertainty
from ...stimulation import MeasuredRange, fit_range
from ...pipeline import Pipeline
from ...records import Trials
from .detectors import shown
from .effects import Effect, against_random
from .regions import FACES, LEVELS, REGIONS, drawn_from, has_voxels, random_sets, region_voxels, shown_name
from .states import as_measured, decode, first_trials, sentences, unit

DOSES = (0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0)
GAINS = (1.0, 2.0, 4.0)
N_TRIALS, N_RANDOM, N_SETS = 48, 3, 20    # random sets of a curve: a band, not a test
INSIDE, OUTSIDE = "within", "outside"
ALL = (*REGIONS, *FACES, *LEVELS.values())


def measured_range(run: Pipeline) -> MeasuredRange:
    """Where the training trials lie; 99 % of the validation trials, as measured, lie within its limit."""
    if "measured range" not in run.memo:
        run.memo["measured range"] = fit_range(run.subject.train.betas, run.subject.validation.betas,
                                               seed=run.experiment.child_seed("measured range"))
    return run.memo["measured range"]


def range_table(run: Pipeline, value: float, regions: Sequence[str] = ALL) -> pd.DataFrame:
    """At which dose each region leaves the measured range, and how far outside the chapter's dose lies.

    Table region, n_voxels, leaves_at (dose, median over validation trials), leaves_low, leaves_high (95 % of trials), distance (at
    the chapter's dose, in units of the limit, median), outside (share of trials), most (the highest mean over the region's voxels
    on any training trial, in standard deviations). A region without voxels is left out.
    """
    known, trials, rows = measured_range(run), run.subject.validation, []
    for region in regions:
        if not has_voxels(run, region):
            continue
        voxels = region_voxels(run, region)
        doses = known.leaves_at(trials.betas, voxels)
        far = known.distances(trials.betas, voxels, [value])[0] / known.limit
        rows.append({"region": shown_name(region), "n_voxels": int(voxels.sum()), "leaves_at": np.median(doses),
                     "leaves_low": np.quantile(doses, 0.025), "leaves_high": np.quantile(doses, 0.975), "distance": np.median(far),
                     "outside": np.mean(far > 1), "most": run.subject.train.betas[:, voxels].mean(1).max()})
    return pd.DataFrame(rows)


def dose_curves(run: Pipeline, doses: Sequence[float] = DOSES) -> pd.DataFrame:
    """How much nearer each region brings its category's sentence, dose by dose, beside random voxels and the distance.

    Table dose, value, low, high (95 % over pictures), n, region (its word), random, random_low, random_high (mean and range of
    N_SETS random sets), distance (from the training trials in units of the limit, median), where ("within" the measured range or
    "outside" of it: more than half of the trials beyond the limit).
    """
    key = ("dose response", tuple(doses))
    if key not in run.memo:
        curves = [_curve(run, region, doses) for region in REGIONS if has_voxels(run, region)]
        run.memo[key] = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()
    return run.memo[key].copy()


def where(run: Pipeline, voxels: np.ndarray, value: float, trials: Trials | None = None) -> str:
    """Whether more than half of the trials with these voxels set to the value lie "within" the measured range or "outside"."""
    trials = run.subject.validation if trials is None else trials
    known = measured_range(run)
    return OUTSIDE if np.median(known.distances(trials.betas, voxels, [value])[0]) > known.limit else INSIDE


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


def within_range(run: Pipeline, gains: Sequence[float] = GAINS, *, n_fits: int = 1) -> pd.DataFrame:
    """What a region's own mean response to its category does, added to trials whose picture does not show it.

    Rows of `against_random` (metric "to faces"; name, the word), with gain, and distance and where as in `dose_curves`. Random
    sets are given the region's amounts, in another order. A region without voxels, and a category that all training pictures show
    or none, is left out.
    """
    parts = []
    for region, (word, _) in REGIONS.items():
        labels = pd.Series(shown(run, word), run.subject.stimuli.ids)
        if not has_voxels(run, region) or labels[run.split.train].nunique() < 2 or labels[run.split.validation].all():
            continue
        trials = first_trials(run, len(run.split.validation))
        trials = trials.take(np.flatnonzero(~labels[trials.image_ids].to_numpy())[:N_TRIALS])
        before = _nearness(run, word, decode(run, "caption", trials, n_fits=n_fits))                  # [fits 1 trials]
        for gain in gains:
            parts.append(_within(run, region, word, gain, trials, before, n_fits))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _within(run: Pipeline, region: str, word: str, gain: float, trials: Trials, before: np.ndarray, n_fits: int) -> pd.DataFrame:
    voxels, sets = region_voxels(run, region), random_sets(run, region)
    response = gain * category_response(run, word)
    rng = np.random.default_rng(run.experiment.child_seed(f"within/{region}"))
    amounts = np.zeros(sets.shape, np.float32)
    amounts[sets] = rng.permuted(np.tile(response[voxels], (len(sets), 1)), axis=1).ravel()
    few = trials.take(slice(N_RANDOM))
    after = _nearness(run, word, decode(run, "caption", trials, voxels, response, add=True, n_fits=n_fits))
    others = _nearness(run, word, decode(run, "caption", few, sets, amounts, add=True, n_fits=n_fits))
    effect = Effect(f"to {word}", (after - before)[:, 0], others - before[..., :len(few)], trials.image_ids, drawn_from(run, region))
    known = measured_range(run)
    far = np.median(known.distance(trials.betas + voxels * response)) / known.limit
    return against_random(run, [effect], word, side=1).assign(gain=gain, distance=far, where=OUTSIDE if far > 1 else INSIDE)


def _curve(run: Pipeline, region: str, doses: Sequence[float]) -> pd.DataFrame:
    word, trials, voxels = REGIONS[region][0], first_trials(run, N_TRIALS), region_voxels(run, region)
    few, sets, known = trials.take(slice(N_RANDOM)), random_sets(run, region)[:N_SETS], measured_range(run)
    before = _nearness(run, word, as_measured(run, "caption", N_TRIALS))[0, 0]
    far = np.median(known.distances(trials.betas, voxels, doses), axis=1) / known.limit
    rows = []
    for dose, distance in zip(doses, far):
        change = _nearness(run, word, decode(run, "caption", trials, voxels, dose))[0, 0] - before
        drawn = (_nearness(run, word, decode(run, "caption", few, sets, dose))[0] - before[:len(few)]).mean(1)
        interval = uncertainty.score_interval(uncertainty.mean_contributions(change[None], trials.image_ids))
        rows.append({"dose": dose, "value": interval.value, "low": interval.low, "high": interval.high, "n": len(trials),
                     "region": word, "random": drawn.mean(), "random_low": drawn.min(), "random_high": drawn.max(),
                     "distance": distance, "where": OUTSIDE if distance > 1 else INSIDE})
    return pd.DataFrame(rows)


def _nearness(run: Pipeline, word: str, vectors: np.ndarray) -> np.ndarray:
    """Cosine of embeddings with the category's sentence, (...)."""
    return unit(vectors) @ sentences(run)[word]
