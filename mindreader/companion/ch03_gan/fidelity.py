"""Measure distances of reconstructions to real pictures, their bias by sample size, and the gain by finetuning."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...core import Covers
from ...pipeline import Pipeline
from ...scoring import (distance_by_size, distance_difference, distance_limit, distance_names, distance_rows, FRECHET, KERNEL,
                        plain_metric)
from ...studies.sources import reconstruction_features, released_reference, sources, stamped
from ..common import needs
from ..rendering import LeftOut

SIZES = (1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 1)  # of the validation pictures
DISTANCES = distance_names("twin features")
HALVES, AS_RELEASED = "two halves of the real pictures", "against training trials"


@needs("feature")
def distances(run: Pipeline, cond: str) -> pd.DataFrame:
    """Fréchet and kernel distance of each set of pictures to the validation pictures, and between two real halves.

    Reconstructions from the brain are also compared with the reference of the released code: the picture of every
    training trial, repeats and all. Source: paper Table 1. Departs: D-08.
    """
    ids = np.unique(run.split.validation)
    real = run.validation(run.true_features)
    sets = {name: reconstruction_features(run, cond, name) for name in sources(run, cond)}
    sets["brain, before finetuning"] = reconstruction_features(run, cond, finetuned=False)
    how = {"origin": run.origin, "features": real.space}
    rows = [distance_rows(embeddings, real, name=name, **how) for name, embeddings in sets.items()]
    trained = released_reference(run)
    rows += [distance_rows(sets[name], trained, name=f"{name}, {AS_RELEASED}", **how)
             for name in ("brain", "brain, before finetuning")]
    order = np.random.default_rng(run.experiment.child_seed("halves")).permutation(len(ids))
    half = len(ids) // 2
    rows.append(distance_rows(real.take(np.sort(order[:half])), real.take(np.sort(order[half:])), name=HALVES, **how))
    table = stamped(run, pd.concat(rows, ignore_index=True), real.space)
    return table.drop(columns=["low", "high", "chance", "seed"])


@needs("feature")
def distances_by_size(run: Pipeline, cond: str) -> pd.DataFrame:
    """Both distances from n pictures of each side, as n grows.

    Table set, n, metric, value, sd, limit (of a line in 1/n through the four largest n of FD, at 1/n → 0; NaN for KD,
    which has no bias), and, for photographs, label: what the distance is called. "real pictures" are training pictures against validation pictures: their true distance is small,
    so what is measured is the bias.
    """
    real, seed = run.validation(run.true_features), run.experiment.child_seed("sizes")
    sets = {"brain": reconstruction_features(run, cond),
            "brain, before finetuning": reconstruction_features(run, cond, finetuned=False),
            "real pictures": run.training(run.true_features)}
    sizes = sorted({max(3, round(share * len(real))) for share in SIZES})
    rows = []
    for name, embeddings in sets.items():
        table = distance_by_size(embeddings, real, sizes, seed=seed)
        biased = table[table.metric == "FD"]
        end = distance_limit(biased.n[-4:], biased.value[-4:])
        rows.append(table.assign(set=name, limit=np.where(table.metric == "FD", end, np.nan)))
    table = pd.concat(rows, ignore_index=True)[["set", "n", "metric", "value", "sd", "limit"]]
    return table.assign(label=table.metric.map(distance_names(real.space))) if run.shows_photographs else table


@needs("feature")
def finetuning_gain(run: Pipeline, cond: str) -> pd.DataFrame:
    """How much nearer finetuning brings reconstructions to real pictures, by each distance: positive is better."""
    before, after = (reconstruction_features(run, cond, finetuned=finetuned) for finetuned in (False, True))
    real = run.validation(run.true_features)
    gain = distance_difference(before, after, real, seed=run.experiment.child_seed("bootstrap"), features=real.space,
                               name="before less after finetuning", origin=run.origin,
                               n_bootstrap=min(200, run.experiment.evaluate.n_bootstrap))
    return stamped(run, gain, real.space)


def distance_entries(far: pd.DataFrame, sizes: pd.DataFrame, gain: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard that are distances; none where they were left out."""
    if any(isinstance(table, LeftOut) for table in (far, sizes, gain)):
        return {}

    def distance(name, note, kind=FRECHET):
        row = far[(far.name == name) & (far.metric.map(plain_metric) == kind)].iloc[0]
        return {"ours": float(row.value), "n": int(row.n), "note": note}

    def limit(name, note):
        part = sizes[(sizes.set == name) & (sizes.metric == "FD")]
        return {"ours": float(part.limit.iloc[0]), "n": int(part.n.max()), "note": note}

    frechet = far.metric[far.metric.map(plain_metric) == FRECHET].iloc[0]
    values = {
        "fd": distance("brain", f"{frechet}; Table 1's FIDs are not recoverable"),
        "fd_start": distance("brain, before finetuning", "the pretrained generator on mapped embeddings"),
        "fd_ceiling": distance("true embedding", "from CLIP's own embeddings"),
        "fd_shuffled": distance("shuffled brain", "control: another trial's activity"),
        "fd_halves": distance(HALVES, HALVES),
        "fd_train": distance(f"brain, {AS_RELEASED}", "the released code's reference: pictures of all training trials"),
        "fd_limit": limit("brain", "the line over 1/n at infinitely many pictures"),
        "fd_limit_start": limit("brain, before finetuning", "the same before finetuning"),
        "fd_limit_real": limit("real pictures", "the same for training pictures: about 0 if the line is right"),
        "kd": distance("brain", "kernel distance, not inflated by few pictures", KERNEL),
        "kd_start": distance("brain, before finetuning", "the pretrained generator on mapped embeddings", KERNEL),
    }
    for row in gain.itertuples():
        values[f"{plain_metric(row.metric)[:2].lower()}_gain"] = {
            "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n, "chance": 0.0,
            "note": "before less after finetuning, the same pictures drawn for both"}
    return values
