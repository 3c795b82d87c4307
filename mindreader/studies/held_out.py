"""Score reconstructions of categories held out from all training: are they decoded, or recalled from training pictures?

    python -m mindreader.studies held_out       at the book preset, into figures/tables; `make tables` does this
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .. import core, scoring
from ..core import fingerprint, save_table
from ..experiments import Experiment, experiment
from ..pipeline import Pipeline
from ..records import Embeddings, Unfit
from .grids import whole_record
from .sources import NEAREST, identification_row, mean_row, picture_categories, reconstruction_features, stamped

USUAL, HELD_OUT = "usual split", "held-out categories"
CLUSTERS, ELSE = "clusters", "first_appearance"   # values of data.split
SOURCES = ("true embedding", "brain", "category centroid", NEAREST, "shuffled brain")
TWO, WITHIN, TRAINED = ("2-way among validation pictures", "2-way among the same category", "2-way against training pictures")


def split_runs(run: Pipeline) -> dict[str, Pipeline]:
    """This subject under the usual split and with whole clusters of pictures held out, all else equal.

    A split that the run does not have is another pipeline with the same store, whose mappers and generator are trained
    anew. What does not depend on the split is shared.
    """
    if "split runs" not in run.memo:
        run.memo["split runs"] = {name: run if e == run.experiment else _sharing(run, e)
                                  for name, e in _experiments(run).items()}
    return run.memo["split runs"]


def held_out_scores(run: Pipeline, cond: str) -> pd.DataFrame:
    """Identification of reconstructions under both splits: tidy rows with columns for the split.

    Reconstructions are made from the true embedding, the brain, the category centroid and the shuffled brain; the nearest
    training picture stands beside them. The rivals are the other validation pictures, those of the same category, or all
    training pictures: a picture that is recalled lies nearer to one of the last than to the picture that was seen.

    Columns: split; n_train; nearest: mean cosine of a validation picture's true embedding to the nearest of the training
    side; known_categories: share of validation pictures whose category training has.
    """
    rows = []
    for split, other in split_runs(run).items():
        columns = {"split": split, "n_train": len(other.split.train)} | _distance(other)
        for source in SOURCES:
            embeddings = reconstruction_features(other, cond, source)
            parts = [identification_row(other, source, embeddings, other.true_features, 2).assign(metric=TWO)]
            parts += [stamped(other, mean_row(other, source, metric, won, embeddings.image_ids, 0.5), embeddings.space)
                      for metric, won in (
                          (WITHIN, scoring.n_way_within(embeddings, other.true_features, picture_categories(other))),
                          (TRAINED, _against_training(other, embeddings))) if not np.isnan(won).all()]
            rows += [part.assign(control=source != "brain", **columns) for part in parts]
    return pd.concat(rows, ignore_index=True)


def write_record(run: Pipeline, root: Path | None = None) -> Path:
    """Write tables/held_out.csv, `held_out_scores` of both heads, which needs two mappers and a generator more; its path."""
    table = held_out_scores(run, "both").assign(key=key(run))
    return save_table(table, "tables/held_out", origin=run.origin, meta={"experiment": asdict(run.experiment)}, root=root)


def key(run: Pipeline) -> str:
    """A fingerprint of everything that could change the trainings under both splits."""
    network = [run.weights_of("feature")] if run.shows_photographs else []
    return fingerprint([*(Pipeline(e, run.store).key("generator", {"cond": "both"}) for e in _experiments(run).values()), *network])


def recorded(run: Pipeline, ablation: str = "record", root: Path = core.FIGURES) -> tuple[pd.DataFrame, str]:
    """The committed scores, or (ablation "all") those of this run, or none; and a sentence on where they come from.

    Raises LayoutError where there is no record.
    """
    if ablation == "record":
        return whole_record(run, "held_out", "held-out categories", key, root)
    if ablation == "all":
        try:
            return held_out_scores(run, "both"), "Trained here."
        except Unfit as reason:
            return pd.DataFrame(), f"Left out: {reason}"
    return pd.DataFrame(), "Left out: ablation is neither record nor all."


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies held_out`, which has no options; returns the exit status."""
    argparse.ArgumentParser(prog="python -m mindreader.studies held_out",
                            description=__doc__.splitlines()[0]).parse_args(arguments)
    sys.stdout.write(f"{write_record(Pipeline(experiment('book')))}\n")
    return 0


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
    truth, category = run.truth["image"], picture_categories(run)
    cosine = truth.at(run.split.validation) @ truth.at(run.split.train).T
    return {"nearest": float(cosine.max(1).mean()),
            "known_categories": float(category.loc[run.split.validation].isin(category.loc[run.split.train]).mean())}


def _against_training(run: Pipeline, guess: Embeddings) -> np.ndarray:
    """Share of the training pictures that each guess is strictly farther from (cosine) than from its own, (n,)."""
    guess, true = guess.unit(), run.true_features.unit()
    own = (guess.vectors * true.at(guess.image_ids)).sum(1)
    return (guess.vectors @ true.at(run.split.train).T < own[:, None]).mean(1)
