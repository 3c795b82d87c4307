"""Score n-way identification: how often a prediction is nearer to its own picture than to those of n - 1 rivals.

Rivals are all sets of other pictures, drawn ones, or only pictures of the same category, the rarest thing in a picture.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..records import Embeddings, Stimuli
from .intervals import bootstrap_interval, score_row, stamp
from .ranking import cosine

CHOICES = {"n_choices": 2}                      # the settings of the protocol; see `intervals.stamp`


def n_way(guess: Embeddings, truth: Embeddings, *, n_choices: int) -> np.ndarray:
    """How often each guess is nearer (cosine) to its own picture than to n_choices - 1 others, (n,) in [0, 1].

    Counted exactly over all sets of rivals, without a seed:

        P(win) = C(n_worse, n_choices - 1) / C(n_rivals, n_choices - 1)

    where the rivals are the other pictures that occur in `guess`, and n_worse of them are strictly farther; a tie is a
    loss. Rows in the order of `guess`; chance is 1 / n_choices. Source: paper A.4. Departs: exact count for ten draws.
    """
    won, _, images = duels(guess, truth, n_choices)
    return win_probability(won.sum(1), len(images) - 1, n_choices)


def n_way_sampled(guess: Embeddings, truth: Embeddings, *, n_choices: int, n_draws: int = 10, seed: int = 0) -> np.ndarray:
    """Share of guesses that win against drawn rivals, for each draw, (n_draws,). Source: paper A.4 (ten draws)."""
    return n_way_drawn(guess, truth, n_choices=n_choices, n_draws=n_draws, seed=seed).mean(1)


def n_way_drawn(guess: Embeddings, truth: Embeddings, *, n_choices: int, n_draws: int = 10, seed: int = 0) -> np.ndarray:
    """Which guesses win against drawn rivals, (n_draws, n) bool, in the order of `guess`. Source: paper A.4."""
    order = np.lexsort((guess.image_ids, guess.keys))
    won, own, _ = duels(guess.take(order), truth, n_choices)
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


# ── rivals of the same category ────────────────────────────────────────────────────────────────────────────────────────────
def rarest_categories(stimuli: Stimuli, counted_on: np.ndarray) -> pd.Series:
    """The rarest category of each picture, by image id: of its things, or of its stuff where it has no thing.

    The rarest is the most specific: "horse" and not "person" where one rides. Frequencies are those among the pictures
    `counted_on` (the training side); ties go by the alphabet. A picture without annotations has the category "nothing".
    """
    table = stimuli.annotations
    counted = table.image_id.where(table.image_id.isin(counted_on))
    counts = counted.groupby([table.kind, table.category]).transform("nunique")
    table = table.assign(count=counts, stuff=table.kind != "thing")
    first = table.sort_values(["image_id", "stuff", "count", "category"]).groupby("image_id").category.first()
    return first.reindex(stimuli.ids, fill_value="nothing").rename("category")


def categories_as_annotations(categories: pd.Series) -> pd.DataFrame:
    """A table of annotations with one category for each picture, as `category_embeddings` takes it."""
    return pd.DataFrame({"image_id": categories.index, "category": categories.to_numpy(), "kind": "thing"})


def n_way_within(guess: Embeddings, truth: Embeddings, categories: pd.Series, *, n_choices: int = 2) -> np.ndarray:
    """`n_way` among pictures of the guess's own category (by image id), (n,); NaN where there are too few of them."""
    won = np.full(len(guess), np.nan)
    own = categories.loc[guess.image_ids].to_numpy()
    for name in np.unique(own):
        rows = np.flatnonzero(own == name)
        if len(np.unique(guess.image_ids[rows])) >= n_choices:
            won[rows] = n_way(guess.take(rows), truth, n_choices=n_choices)
    return won


# ── within the room ────────────────────────────────────────────────────────────────────────────────────────────────────
def win_probability(n_worse: np.ndarray, n_rivals: int, n_choices: int) -> np.ndarray:
    """How often n_choices - 1 rivals, drawn from n_rivals of which n_worse are farther, are all farther."""
    return np.prod([(n_worse - i).clip(0) / (n_rivals - i) for i in range(n_choices - 1)], axis=0)


def duels(guess: Embeddings, truth: Embeddings, n_choices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pictures are strictly farther from each guess than its own, which is its own (both [guesses, pictures]), and ids."""
    images, mine = np.unique(guess.image_ids, return_inverse=True)
    if not 2 <= n_choices <= len(images):
        raise ValueError(f"got n_choices={n_choices} with {len(images)} pictures, expected 2 to {len(images)}")
    nearness = cosine(guess.vectors, truth.at(images))
    own = mine[:, None] == np.arange(len(images))
    return nearness < nearness[own][:, None], own, images
