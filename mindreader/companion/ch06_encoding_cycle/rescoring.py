"""Score reconstructions by the activity that the encoder predicts from them, with the ceiling of that score and what fools it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import embedding, scoring
from ...core import Covers
from ...mapping import targets
from ...pipeline import Pipeline
from ...records import Embeddings, Trials
from ...scoring import noise_ceiling
from ...studies.sources import reconstructions
from ...uncertainty import mean_contributions, score_interval
from ..rendering import LeftOut
from .encoding import synthetic

SAME, OTHER = "the trial itself", "another trial of the picture"
RECONSTRUCTION, DECODED, PICTURE = "its reconstruction", "its decoded embedding, no picture made", "the picture shown"
STRANGER, PLANTED, REPEAT = "another picture's reconstruction", "planted noiseless response", "another trial, measured"
NO_REPEAT = LeftOut("Left out: no validation picture was shown twice.")
COLUMNS = ["name", "against", "value", "low", "high", "n", "n_voxels", "covers", "note"]
ROWS = (RECONSTRUCTION, DECODED, PICTURE, STRANGER, PLANTED, REPEAT)


def brain_correlation(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Correlation over voxels of predicted and measured patterns, trial by trial, (n_trials,); NaN where one is constant.

    Both (n_trials, n_voxels).

    >>> brain_correlation(np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 4.0, 6.5]])).round(3)
    array([0.998])
    """
    return scoring.pearson(np.asarray(predicted).T, np.asarray(measured).T)


def other_trial(trials: Trials) -> np.ndarray:
    """For each trial the row of the next trial of the same picture, the last's being the first; -1 where there is none."""
    other = np.full(len(trials), -1)
    order = np.lexsort((trials.trial_ids, trials.image_ids))
    for rows in np.split(order, np.flatnonzero(np.diff(trials.image_ids[order])) + 1):
        if len(rows) > 1:
            other[rows] = np.roll(rows, -1)
    return other


def rescored(run: Pipeline) -> pd.DataFrame:
    """Brain correlation of reconstructions, of what may pass for its ceiling, and of controls.

    Table name (of ROWS), against (`SAME`: the trial that was decoded; `OTHER`: another trial of the picture, whose noise no
    reconstruction has seen), value, low, high (over pictures), n (trials), note. Activity is compared over the voxels that have a
    noise ceiling.

    A score against the trial itself can be had without seeing anything: a reconstruction carries that trial's noise through the
    mapper, and the encoder returns it. Where a reconstruction scores above the picture that was shown, it is this that is scored.
    """
    trials, rows = run.subject.validation, []
    voxels = (np.nan_to_num(noise_ceiling(run.subject.ncsnr, n=1)) > 0) & (np.ptp(trials.betas, axis=0) > 0)
    if voxels.sum() < 3:
        return pd.DataFrame([{"name": name, "against": SAME, "n": 0, "note": f"{voxels.sum()} voxels have a noise ceiling, expected at "
                              "least 3 to correlate over"} for name in ROWS], columns=COLUMNS)
    other = other_trial(trials)
    for name, predicted in _predictions(run, other).items():
        for against, partner in ((SAME, np.arange(len(trials))), (OTHER, other)):
            if name == REPEAT and against == OTHER:
                continue  # the same as against itself, one trial on
            known = partner >= 0
            if name == REPEAT:
                known &= other >= 0
            note = "" if known.any() else "left out: no validation picture was shown twice"
            if predicted is None or not known.any():
                note = note or "left out: nothing was planted for these voxels"
                rows.append({"name": name, "against": against, "n": 0, "note": note})
                continue
            r = brain_correlation(predicted[known][:, voxels], trials.betas[partner[known]][:, voxels])
            found = score_interval(mean_contributions(np.nan_to_num(r)[None], trials.image_ids[known]), null=0.0)
            rows.append({"name": name, "against": against, "value": found.value, "low": found.low, "high": found.high,
                         "n": int(known.sum()), "n_voxels": int(voxels.sum()), "note": note,
                         "covers": Covers.PICTURES_NO_FIT if name in (PLANTED, REPEAT) else Covers.PICTURES_ONE_FIT})
    return pd.DataFrame(rows, columns=COLUMNS)


def leak(run: Pipeline) -> pd.DataFrame:
    """How much of the reconstructions' score is the decoded trial's own noise: the score against it, less that against another.

    Table name, value, low, high, p, n: paired over the trials that have another trial of their picture. What is one pattern for
    all trials of a picture has no noise of one to carry (its difference is 0, as each trial is once itself and once the other), and
    is left out; another picture's reconstruction is the null. Empty where no picture was shown twice.
    """
    trials, other = run.subject.validation, other_trial(run.subject.validation)
    known = other >= 0
    if not known.any():
        return pd.DataFrame()
    voxels, rows = (np.nan_to_num(noise_ceiling(run.subject.ncsnr, n=1)) > 0) & (np.ptp(trials.betas, axis=0) > 0), []
    for name in (RECONSTRUCTION, DECODED, STRANGER):
        predicted = _predictions(run, other)[name]
        apart = [brain_correlation(predicted[known][:, voxels], trials.betas[part][:, voxels]) for part in (known, other[known])]
        found = score_interval(mean_contributions(np.nan_to_num(apart[0] - apart[1])[None], trials.image_ids[known]), null=0.0)
        rows.append({"name": name, "value": found.value, "low": found.low, "high": found.high, "p": found.p, "n": int(known.sum())})
    return pd.DataFrame(rows)


def rescoring_summary(table: pd.DataFrame, leaks: pd.DataFrame) -> dict:
    """The numbers of both tables for the chapter's prose: rescored_<row>_<against>, leak_<row>."""
    keys = dict(zip(ROWS, ("reconstruction", "decoded", "picture", "stranger", "planted", "repeat")))
    values = {f"rescored_{keys[row.name]}_{'same' if row.against == SAME else 'other'}": {
        "ours": row.value, "low": row.low, "high": row.high, "covers": row.covers, "n": row.n, "chance": 0.0,
        "note": f"{row.name}, against {row.against}"}
        for row in table.itertuples() if row.n}
    return values | {f"leak_{keys[row.name]}": {"ours": row.value, "low": row.low, "high": row.high,
                                                "covers": Covers.PICTURES_ONE_FIT, "n": row.n, "chance": 0.0,
                                                "note": f"{row.name}: against the trial itself less against another trial"}
                     for row in leaks.itertuples()}


def _predictions(run: Pipeline, other: np.ndarray) -> dict[str, np.ndarray | None]:
    """Patterns to compare with each validation trial, (n_trials, n_voxels) each; None where there is nothing to make one from."""
    if "rescored patterns" not in run.memo:
        trials, clamp = run.subject.validation, run.experiment.mapping.clamp
        made = targets(embedding.embed_reconstructions(reconstructions(run, "both"), run.clip), clamp)
        decoded = run.validation(run.mapped["image"])
        is_planted = run.origin == "twin" and run.experiment.data.roi == "nsdgeneral"
        patterns = {
            RECONSTRUCTION: _encoded(run, made, trials), DECODED: _encoded(run, decoded.unit(), trials),
            PICTURE: synthetic(run, trials.image_ids),
            STRANGER: _encoded(run, scoring.shuffled(made, run.experiment.child_seed("rescored strangers")), trials),
            PLANTED: run.plant.expected[trials.image_ids] * np.sqrt(noise_ceiling(run.plant.ncsnr, n=1)) if is_planted else None,
            REPEAT: trials.betas[other] if (other >= 0).any() else None}
        run.memo["rescored patterns"] = patterns
    return run.memo["rescored patterns"]


def _encoded(run: Pipeline, embeddings: Embeddings, trials: Trials) -> np.ndarray:
    """What the encoder predicts from the embedding that belongs to each trial."""
    at = embeddings.index.get_indexer(pd.MultiIndex.from_arrays([trials.image_ids, trials.trial_ids]))
    return run.encoder.predict(embeddings.take(at))
