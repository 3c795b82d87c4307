"""n-way identification: how often a guess lies nearer its own picture than those of drawn or of all rivals.

Rivals may also be held to the guess's own kind, the rarest thing in its picture: what is left when all of them share it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..records import Embeddings, Stimuli
from .intervals import bootstrap_interval, score_row, stamp
from .ranking import cosine

CHOICES = {"n_choices": 2}                      # what the protocol takes unless told otherwise; see `intervals.stamp`


def n_way(guess: Embeddings, truth: Embeddings, *, n_choices: int) -> np.ndarray:
    """How often each guess lies nearer (cosine) its own picture than n_choices - 1 other pictures would, (n,) in [0, 1].

    Counted over every set of rivals instead of drawn, so the score needs no seed:

        P(win) = C(n_worse, n_choices - 1) / C(n_rivals, n_choices - 1)

    where the rivals are the other pictures that occur in `guess`, and n_worse of them lie strictly farther; a tie is a
    loss. Rows in the order of `guess`; chance is 1 / n_choices. Source: paper A.4. Departs: exact count for ten draws.
    """
    won, _, images = _duels(guess, truth, n_choices)
    n_worse, n_rivals, k = won.sum(1), len(images) - 1, n_choices - 1
    return np.prod([(n_worse - i).clip(0) / (n_rivals - i) for i in range(k)], axis=0)


def n_way_sampled(guess: Embeddings, truth: Embeddings, *, n_choices: int, n_draws: int = 10, seed: int = 0) -> np.ndarray:
    """The paper's version: share of guesses that win against drawn rivals, for each of ten draws, (n_draws,)."""
    return n_way_drawn(guess, truth, n_choices=n_choices, n_draws=n_draws, seed=seed).mean(1)


def n_way_drawn(guess: Embeddings, truth: Embeddings, *, n_choices: int, n_draws: int = 10, seed: int = 0) -> np.ndarray:
    """Which guesses win against drawn rivals, (n_draws, n) bool, in the order of `guess`. Source: paper A.4."""
    order = np.lexsort((guess.image_ids, guess.keys))
    won, own, _ = _duels(guess.take(order), truth, n_choices)
    rng, wins = np.random.default_rng(seed), np.empty((n_draws, len(guess)), bool)
    for draw in range(n_draws):
        lot = np.where(own, np.inf, rng.random(won.shape))
        rivals = np.argpartition(lot, n_choices - 2, axis=1)[:, :n_choices - 1]
        wins[draw, order] = np.take_along_axis(won, rivals, 1).all(1)
    return wins


def identification(guess: Embeddings, truth: Embeddings, *, n_choices: int, seed: int = 0, name: str = "",
                   origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """Mean of `n_way` over trials: one row, with an interval over pictures."""
    guess = guess.take(np.lexsort((guess.keys, guess.image_ids)))
    won = n_way(guess, truth, n_choices=n_choices)
    low, high = bootstrap_interval(won, guess.image_ids, seed=seed, n_bootstrap=n_bootstrap)
    return score_row(name, f"{n_choices}-way identification", won.mean(), low, high, len(guess), 1 / n_choices, seed, origin,
               protocol=stamp("nway/exact@1", {"n_choices": n_choices}, CHOICES))


# ── rivals of the same kind ────────────────────────────────────────────────────────────────────────────────────────────
def rarest_categories(stimuli: Stimuli, counted_on: np.ndarray) -> pd.Series:
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


def categories_as_annotations(kind: pd.Series) -> pd.DataFrame:
    """The kinds as a table of annotations with one class for each picture, as `controls.category_points` takes it."""
    return pd.DataFrame({"image_id": kind.index, "category": kind.to_numpy(), "kind": "thing"})


def n_way_within(guess: Embeddings, truth: Embeddings, kind: pd.Series, *, n_choices: int = 2) -> np.ndarray:
    """`n_way` when all rivals are pictures of the guess's own kind, (n,); NaN where there are too few of them."""
    won = np.full(len(guess), np.nan)
    own = kind.loc[guess.image_ids].to_numpy()
    for name in np.unique(own):
        rows = np.flatnonzero(own == name)
        if len(np.unique(guess.image_ids[rows])) >= n_choices:
            won[rows] = n_way(guess.take(rows), truth, n_choices=n_choices)
    return won


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _duels(guess: Embeddings, truth: Embeddings, n_choices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pictures each guess is strictly farther from than its own, and which is its own; both [guesses, pictures]."""
    images, mine = np.unique(guess.image_ids, return_inverse=True)
    if not 2 <= n_choices <= len(images):
        raise ValueError(f"got n_choices={n_choices} with {len(images)} pictures, expected 2 to {len(images)}")
    nearness = cosine(guess.vectors, truth.at(images))
    own = mine[:, None] == np.arange(len(images))
    return nearness < nearness[own][:, None], own, images
