"""Pictures by kind, the rarest thing in them, and what is left of identification when all rivals share it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import scores
from .records import Embeddings, Stimuli


def kinds(stimuli: Stimuli, counted_on: np.ndarray) -> pd.Series:
    """The kind of each picture, by image id: the rarest thing in it, or the rarest stuff where it has no thing.

    The rarest says most: "horse" and not "person" where one rides. How rare a class is, is counted over the pictures
    `counted_on` (the training side); between equally rare ones the alphabet decides. A picture without annotations is
    of the kind "nothing".
    """
    table = stimuli.annotations
    counts = table[table.image_id.isin(counted_on)].groupby("category").image_id.nunique()
    table = table.assign(count=table.category.map(counts).fillna(0), stuff=table.kind != "thing")
    first = table.sort_values(["image_id", "stuff", "count", "category"]).groupby("image_id").category.first()
    return first.reindex(stimuli.ids, fill_value="nothing").rename("kind")


def as_annotations(kind: pd.Series) -> pd.DataFrame:
    """The kinds as a table of annotations with one class for each picture, as `controls.category_points` takes it."""
    return pd.DataFrame({"image_id": kind.index, "category": kind.to_numpy(), "kind": "thing"})


def n_way_within(guess: Embeddings, truth: Embeddings, kind: pd.Series, *, n_choices: int = 2) -> np.ndarray:
    """`scores.n_way` when all rivals are pictures of the guess's own kind, (n,); NaN where there are too few of them."""
    won = np.full(len(guess), np.nan)
    own = kind.loc[guess.image_ids].to_numpy()
    for name in np.unique(own):
        rows = np.flatnonzero(own == name)
        if len(np.unique(guess.image_ids[rows])) >= n_choices:
            won[rows] = scores.n_way(guess.take(rows), truth, n_choices=n_choices)
    return won
