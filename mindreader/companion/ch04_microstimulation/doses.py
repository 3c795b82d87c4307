"""Relate the dose to its effect and to the range of measured states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ... import uncertainty
from ...pipeline import Pipeline
from ...records import Trials
from ...studies.stimulated import (FACES, INSIDE, LEVELS, OUTSIDE, REGIONS, as_measured, decode, first_trials, has_voxels, measured_range,
                                   nearness, random_sets, region_voxels, shown_name)

DOSES = (0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0)
N_TRIALS, N_RANDOM, N_SETS = 48, 3, 20    # random sets of a curve: a band, not a test
ALL = (*REGIONS, *FACES, *LEVELS.values())


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


def _curve(run: Pipeline, region: str, doses: Sequence[float]) -> pd.DataFrame:
    word, trials, voxels = REGIONS[region][0], first_trials(run, N_TRIALS), region_voxels(run, region)
    few, sets, known = trials.take(slice(N_RANDOM)), random_sets(run, region)[:N_SETS], measured_range(run)
    before = nearness(run, word, as_measured(run, "caption", N_TRIALS))[0]
    far = np.median(known.distances(trials.betas, voxels, doses), axis=1) / known.limit
    rows = []
    for dose, distance in zip(doses, far):
        change = nearness(run, word, decode(run, "caption", trials, voxels, dose))[0] - before
        drawn = (nearness(run, word, decode(run, "caption", few, sets, dose)) - before[:len(few)]).mean(1)
        interval = uncertainty.score_interval(uncertainty.mean_contributions(change[None], trials.image_ids))
        rows.append({"dose": dose, "value": interval.value, "low": interval.low, "high": interval.high, "n": len(trials),
                     "region": word, "random": drawn.mean(), "random_low": drawn.min(), "random_high": drawn.max(),
                     "distance": distance, "where": OUTSIDE if distance > 1 else INSIDE})
    return pd.DataFrame(rows)
