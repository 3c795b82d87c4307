"""Compare choices of validation pictures by ridge regression, and look for leaks (chapter 02)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from ... import nsd, scoring
from ...core import home, source_fingerprint
from ...mapping import fit_ridge
from ...pipeline import Pipeline
from ...records import Embeddings, Split, Subject, Trials
from ...scoring import over_repeats
from ...studies.sources import how_scored
from ..common import entry

PAPER, APART = "first appearance (paper)", "z-scored on training trials"
HELD_OUT, IN_TRAINING = "whole categories held out", "the same pictures, categories in training"
PENALTIES = np.logspace(2, 6, 9)        # the weaker ones are never chosen, and each costs as much
CODE = tuple(f"companion.ch02_mapping.splits:{name}"
             for name in ("_split", "_subject", "_kept", "_decoded", "_categories_in_training"))
SPLITS = {PAPER: "first_appearance", "random pictures": "random", "NSD's shared pictures": "shared1000",
          HELD_OUT: "clusters"}


def splits(run: Pipeline) -> pd.DataFrame:
    """Score retrieval by ridge regression under each split: rows of `scoring.retrieval`, n_train, nearest, direction.

    Image space; one repeat of each picture, equally many pictures in each split. `nearest` is the mean cosine of a
    validation picture's true embedding to the nearest of the training side. Two further rows: z-scored on training trials
    only, where the paper's z-scores include the validation trials of the session; and the pictures of the held-out
    categories, each half decoded after training on the other half as well, on as many training pictures as before.
    """
    chosen = {name: _split(run, preset) for name, preset in SPLITS.items()}
    held_out = chosen[HELD_OUT]
    decoded = {name: _kept(run, name, lambda split=split: _decoded(run, run.subject.trials, split.train, split.validation))
               for name, split in chosen.items()}
    paper, apart = chosen[PAPER], {"split": SPLITS[PAPER], "zscore": "session-train"}    # whichever split the run has
    decoded |= {APART: _kept(run, APART, lambda: _decoded(run, _subject(run, **apart).trials, paper.train, paper.validation)),
                IN_TRAINING: _kept(run, IN_TRAINING, lambda: _categories_in_training(run, held_out))}
    chosen |= {APART: paper, IN_TRAINING: held_out}
    n = min(run.experiment.evaluate.n_retrieval, *(len(np.unique(part.image_ids)) for part in decoded.values()))
    return pd.concat([_row(run, name, embeddings, chosen[name], n, direction) for name, embeddings in decoded.items()
                      for direction in scoring.DIRECTIONS], ignore_index=True)


def splits_summary(table: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose about splits."""
    short = dict(zip([*SPLITS, APART, IN_TRAINING], ("first", "random", "shared", "held_out", "apart", "in_training")))
    values = {f"split_{short[row.name]}_{row.direction}": entry(row, note=f"ridge regression, {row.name}")
              for row in table.itertuples()}
    nearest = table[table.direction == "forward"].itertuples()
    note = "cosine to the nearest training picture"
    return values | {f"split_{short[row.name]}_nearest": {"ours": row.nearest, "note": note}
                     for row in nearest if row.name not in (APART, IN_TRAINING)}


def leaks(run: Pipeline, n_alone: int = 8) -> pd.DataFrame:
    """Check this run for leaks from validation into training: table check, found, expected."""
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
        ("change of a prediction if its trial is decoded alone, of the largest coordinate", apart, "rounding"),
    ], columns=["check", "found", "expected"])


def _split(run: Pipeline, preset: str) -> Split:
    return run.split if preset == run.experiment.data.split else _subject(run, split=preset).split


def _subject(run: Pipeline, **changes: str) -> Subject:
    """The same subject, loaded with other settings of its data."""
    data = replace(run.experiment.data, **changes)
    return nsd.load_subject(run.layout.root, run.layout.name, data, cache=home() / "cache")


def _kept(run: Pipeline, name: str, make: Callable[[], Embeddings]) -> Embeddings:
    """Predictions of `make`, kept in the store: one ridge penalty for each dimension takes seconds to fit."""
    return run.keep("baselines", {"split": name, "code": source_fingerprint(*CODE)},
                    lambda folder: make().save(folder), Embeddings.load)


def _decoded(run: Pipeline, trials: Trials, train, validation) -> Embeddings:
    fitted = fit_ridge(trials.of(train), run.targets["image"], clamp=run.experiment.mapping.clamp,
                       seed=run.experiment.child_seed("ridge"), alphas=PENALTIES)
    return fitted.predict(trials.of(validation))


def _categories_in_training(run: Pipeline, split: Split) -> Embeddings:
    """Decode each half of a split's validation pictures after training on the other half, on as many pictures as before."""
    rng, parts = np.random.default_rng(run.experiment.child_seed("kinds met")), []
    halves = np.array_split(rng.permutation(split.validation), 2)
    for half, other in (halves, halves[::-1]):
        stay = rng.permutation(split.train)[:len(split.train) - len(other)]
        parts.append(_decoded(run, run.subject.trials, np.concatenate([stay, other]), half))
    return Embeddings(np.concatenate([p.vectors for p in parts]), np.concatenate([p.image_ids for p in parts]),
                      np.concatenate([p.keys for p in parts]), parts[0].space, parts[0].source)


def _row(run: Pipeline, name: str, embeddings: Embeddings, split: Split, n: int, direction: str) -> pd.DataFrame:
    truth = run.truth["image"]
    row = scoring.retrieval(over_repeats(embeddings, 1), truth, direction=direction, n=n, name=name,
                            **how_scored(run, "retrieval"))
    nearest = (truth.at(split.validation) @ truth.at(split.train).T).max(1).mean()
    return row.assign(n_train=len(split.train), nearest=nearest, direction=direction, protocol=row.protocol.str.replace(
        "mindreader", "one-repeat"))
