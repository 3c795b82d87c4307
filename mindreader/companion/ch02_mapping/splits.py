"""Chapter 02: what the choice of validation pictures changes, asked of a ridge regression, which is quick to fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ... import nsd, scoring
from ...core import home, source_fingerprint
from ...mapping import fit_ridge
from ...pipeline import Pipeline
from ...records import Embeddings, Split, Subject, Trials
from ...scoring import over_repeats
from ..common import entry

PAPER, MET, APART = "first appearance (paper)", "the same pictures, kinds met", "z-scored on training trials"
PENALTIES = np.logspace(2, 6, 9)        # the weaker ones are never chosen, and each costs as much
READING = tuple(f"companion.ch02_mapping.splits:{name}" for name in ("_split", "_subject", "_kept", "_read", "_kinds_met"))
SPLITS = {PAPER: "first_appearance", "random pictures": "random", "NSD's shared pictures": "shared1000",
          "whole kinds held out": "clusters"}


def splits(run: Pipeline) -> pd.DataFrame:
    """Retrieval under each split by ridge regression: rows of `retrieval.retrieval`, n_train, nearest, direction.

    Image space. One trial of each picture competes, and equally many in each split. `nearest` is the mean cosine of a
    validation picture's true point to the nearest of the training side. Two rows ask more: z-scored on training trials
    only, where the paper's z-scores take in the validation trials of the session; and whether held-out kinds are hard
    or only unmet: the same pictures, read after training on the other half of them as well, and on as many pictures.
    """
    chosen = {name: _split(run, preset) for name, preset in SPLITS.items()}
    held_out = chosen["whole kinds held out"]
    read = {name: _kept(run, name, lambda split=split: _read(run, run.subject.trials, split.train, split.validation))
            for name, split in chosen.items()}
    read |= {APART: _kept(run, APART, lambda: _read(run, _subject(run, zscore="session-train").trials, run.split.train,
                                                    run.split.validation)),
             MET: _kept(run, MET, lambda: _kinds_met(run, held_out))}
    chosen |= {APART: run.split, MET: held_out}
    n = min(run.experiment.evaluate.n_retrieval, *(len(np.unique(embeddings.image_ids)) for embeddings in read.values()))
    return pd.concat([_row(run, name, embeddings, chosen[name], n, direction)
                      for name, embeddings in read.items() for direction in ("forward", "backward")], ignore_index=True)


def splits_summary(table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose about splits."""
    short = dict(zip([*SPLITS, APART, MET], ("first", "random", "shared", "kinds", "apart", "kinds_met")))
    values = {f"split_{short[row.name]}_{row.direction}": entry(row, note=f"ridge regression, {row.name}")
              for row in table.itertuples()}
    nearest = table[table.direction == "forward"].itertuples()
    note = "cosine to the nearest training picture"
    return values | {f"split_{short[row.name]}_nearest": {"ours": row.nearest, "note": note}
                     for row in nearest if row.name not in (APART, MET)}


def leaks(run: Pipeline, n_alone: int = 8) -> pd.DataFrame:
    """Ways in which validation could reach training, looked for in this run: table check, found, expected."""
    train, validation = run.subject.train, run.subject.validation
    seen = {picture.tobytes() for picture in run.subject.stimuli.take(run.split.train).images}
    again = [picture.tobytes() in seen for picture in run.subject.stimuli.take(run.split.validation).images]
    mapper, rows = run.mapper("image"), np.arange(n_alone)
    alone = np.concatenate([mapper.predict(validation.take([row])).vectors for row in rows])
    apart = np.abs(alone - mapper.predict(validation).vectors[rows]).max() / np.abs(alone).max()
    return pd.DataFrame([
        ("pictures on both sides", len(np.intersect1d(train.image_ids, validation.image_ids)), "0"),
        ("trials on both sides", len(np.intersect1d(train.trial_ids, validation.trial_ids)), "0"),
        ("validation pictures that equal a training picture in every pixel", sum(again), "0"),
        ("change of a reading if its trial is read alone, of the largest coordinate", apart, "rounding"),
    ], columns=["check", "found", "expected"])


def _split(run: Pipeline, preset: str) -> Split:
    return run.split if preset == run.experiment.data.split else _subject(run, split=preset).split


def _subject(run: Pipeline, **changes: str) -> Subject:
    """The same subject, read with other settings of its data."""
    data = replace(run.experiment.data, **changes)
    return nsd.load_subject(run.layout.root, run.layout.name, data, cache=home() / "cache")


def _kept(run: Pipeline, name: str, make: Callable[[], Embeddings]) -> Embeddings:
    """What `make` reads, kept: a ridge regression with a penalty of its own for each dimension takes seconds."""
    def write(folder: Path) -> None:
        embeddings = make()
        np.savez(folder / "points.npz", vectors=embeddings.vectors, image_ids=embeddings.image_ids, keys=embeddings.keys)

    def load(folder: Path) -> Embeddings:
        with np.load(folder / "points.npz", allow_pickle=False) as kept:
            return Embeddings(kept["vectors"], kept["image_ids"], kept["keys"], "image", "fmri")

    return run.keep("baselines", {"split": name, "read": source_fingerprint(*READING)}, write, load)


def _read(run: Pipeline, trials: Trials, train, validation) -> Embeddings:
    fitted = fit_ridge(trials.of(train), run.targets["image"], clamp=run.experiment.mapping.clamp,
                       seed=run.experiment.child_seed("ridge"), alphas=PENALTIES)
    return fitted.predict(trials.of(validation))


def _kinds_met(run: Pipeline, split: Split) -> Embeddings:
    """The validation trials of a split, each half read after training on the other, on as many pictures as before."""
    rng, parts = np.random.default_rng(run.experiment.child_seed("kinds met")), []
    halves = np.array_split(rng.permutation(split.validation), 2)
    for half, other in (halves, halves[::-1]):
        stay = rng.permutation(split.train)[:len(split.train) - len(other)]
        parts.append(_read(run, run.subject.trials, np.concatenate([stay, other]), half))
    return Embeddings(np.concatenate([p.vectors for p in parts]), np.concatenate([p.image_ids for p in parts]),
                      np.concatenate([p.keys for p in parts]), parts[0].space, parts[0].source)


def _row(run: Pipeline, name: str, embeddings: Embeddings, split: Split, n: int, direction: str) -> pd.DataFrame:
    seed, truth = run.experiment.child_seed("retrieval"), run.truth["image"]
    row = scoring.retrieval(over_repeats(embeddings, 1), truth, direction=direction, n=n, seed=seed, name=name,
                              origin=run.origin, n_bootstrap=run.experiment.evaluate.n_bootstrap)
    nearest = (truth.at(split.validation) @ truth.at(split.train).T).max(1).mean()
    return row.assign(n_train=len(split.train), nearest=nearest, direction=direction, protocol=row.protocol.str.replace(
        "mindreader", "one-repeat"))
