"""Chapter 03: are reconstructions recalled? The same recipe with whole kinds of pictures kept from its training.

    python -m mindreader.studies.held_out       at the book preset, into figures/tables; `make tables` does this
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .sources import NEAREST, reconstruction_features, how_scored, identification_row, picture_categories
from .. import core, scoring
from ..core import fingerprint, save_table
from ..experiments import Experiment, experiment
from ..pipeline import Pipeline
from ..records import Embeddings
from .mapping_grid import read_table

USUAL, HELD_OUT = "usual split", "whole kinds held out"
CLUSTERS, ELSE = "clusters", "first_appearance"   # names of data.split
SOURCES = ("true embedding", "brain", "category centroid", NEAREST, "shuffled brain")
TWO, WITHIN, TRAINED = ("2-way among validation pictures", "2-way among the same kind", "2-way against training pictures")


def split_runs(run: Pipeline) -> dict[str, Pipeline]:
    """This subject under the usual split and with whole clusters of pictures held out, all else equal.

    A split that the run does not have is another pipeline with the same store: mappers and painter are trained anew, for
    as long. What does not depend on the split is shared.
    """
    if "split runs" not in run.memo:
        run.memo["split runs"] = {name: run if e == run.experiment else _sharing(run, e)
                                  for name, e in _experiments(run).items()}
    return run.memo["split runs"]


def held_out_scores(run: Pipeline, cond: str) -> pd.DataFrame:
    """Identification of reconstructions under both splits: tidy rows with the columns split, n_train, nearest, kinds_met.

    Sources are the painter's: true embedding, brain, category centroid, shuffled brain; and the nearest training picture.
    The rivals are the other validation pictures, those of the same kind, or all training pictures: pictures that are
    recalled lie nearer to some of the last than to what was seen. nearest: mean cosine of a validation picture's true point
    to the nearest of the training side; kinds_met: share of validation pictures whose kind training has.
    """
    rows = []
    for split, other in split_runs(run).items():
        told = {"split": split, "n_train": len(other.split.train)} | _distance(other)
        for source in SOURCES:
            embeddings = reconstruction_features(other, cond, source)
            row = identification_row(other, source, embeddings, other.true_features, 2).assign(metric=TWO)
            parts = [row, _row(other, source, WITHIN, embeddings,
                               scoring.n_way_within(embeddings, other.true_features, picture_categories(other))),
                     _row(other, source, TRAINED, embeddings, _against_training(other, embeddings))]
            rows += [part.assign(control=source != "brain", **told) for part in parts if part.n.iloc[0]]
    return pd.concat(rows, ignore_index=True)


def write_record(run: Pipeline, root: Path | None = None) -> Path:
    """Path of tables/unmet.csv, written: `unmet_scores` of both heads, which takes two mappers and a painter more."""
    table = held_out_scores(run, "both").assign(key=_key(run))
    return save_table(table, "tables/unmet", origin=run.origin, meta={"experiment": asdict(run.experiment)}, root=root)


def recorded(run: Pipeline, ablation: str = "record", root: Path = core.FIGURES) -> tuple[pd.DataFrame, str]:
    """The committed scores, or (ablation "all") those of this run, or none; and a sentence on where they come from.

    Raises LayoutError where there is no record.
    """
    if ablation == "record":
        table = read_table(root, "unmet", ("key",), "held-out kinds")
        same = set(table.key) == {_key(run)}
        return table.drop(columns="key"), "The committed record, which is what this run would make." if same else (
            "This record was made with other settings, code or weights than this run has; `make tables` makes it anew.")
    if ablation == "all":
        return held_out_scores(run, "both"), "Trained here."
    return pd.DataFrame(), "Left out: ablation is neither record nor all."


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _experiments(run: Pipeline) -> dict[str, Experiment]:
    mine = run.experiment.data
    wanted = {USUAL: ELSE if mine.split == CLUSTERS else mine.split, HELD_OUT: CLUSTERS}
    return {name: replace(run.experiment, data=replace(mine, split=split)) for name, split in wanted.items()}


def _sharing(run: Pipeline, other: Experiment) -> Pipeline:
    there = Pipeline(other, run.store)
    there.embeddings, there.true_features = run.embeddings, run.true_features  # the pictures and both nets are the same
    if run.recipe("image").augment:
        there.augmented = run.augmented
    return there


def _distance(run: Pipeline) -> dict[str, float]:
    truth, kind = run.truth["image"], picture_categories(run)
    cosine = truth.at(run.split.validation) @ truth.at(run.split.train).T
    return {"nearest": float(cosine.max(1).mean()),
            "kinds_met": float(kind.loc[run.split.validation].isin(kind.loc[run.split.train]).mean())}


def _against_training(run: Pipeline, guess: Embeddings) -> np.ndarray:
    """Share of the training pictures that each guess is strictly farther from (cosine) than from its own, (n,)."""
    guess, true = guess.unit(), run.true_features.unit()
    own = (guess.vectors * true.at(guess.image_ids)).sum(1)
    return (guess.vectors @ true.at(run.split.train).T < own[:, None]).mean(1)


def _row(run: Pipeline, name: str, metric: str, guess: Embeddings, won: np.ndarray) -> pd.DataFrame:
    scored, how = ~np.isnan(won), how_scored(run)
    value = low = high = np.nan
    if scored.any():
        value = won[scored].mean()
        low, high = scoring.bootstrap_interval(won[scored], guess.image_ids[scored], seed=how["seed"],
                                                 n_bootstrap=how["n_bootstrap"])
    return scoring.score_row(name, metric, value, low, high, int(scored.sum()), 0.5, how["seed"], run.origin)


def _key(run: Pipeline) -> str:
    return fingerprint([Pipeline(e, run.store).key("generator", {"cond": "both"}) for e in _experiments(run).values()])


if __name__ == "__main__":
    sys.stdout.write(f"{write_record(Pipeline(experiment('book')))}\n")
