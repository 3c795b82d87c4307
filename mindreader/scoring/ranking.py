"""Score retrieval: the share of trials whose own picture ranks first among those of a batch, by one mapper or several.

Forward is from brain to picture, backward from picture to brain; each score has its chance level and an interval over
pictures. Weights of several mappers are chosen on a batch that is not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ..records import Embeddings
from .intervals import bootstrap_interval, score_row, stamp, wilson

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
BATCH = {"n": 300}                              # the settings of each protocol; see `intervals.stamp`
DRAWS = {"n": 300, "n_draws": 30}


@dataclass(frozen=True, eq=False)
class RetrievalBatch:
    """The trials of one retrieval: similarity (n, n) is cos(true embedding i, prediction j), in trial order."""

    similarity: np.ndarray
    image_ids: np.ndarray
    keys: np.ndarray

    def nearness(self, direction: Direction) -> np.ndarray:
        """Similarity [queries, candidates]: the queries are predictions forward, true embeddings backward."""
        check_direction(direction)
        return self.similarity if direction == "backward" else self.similarity.T


def check_direction(direction: str) -> None:
    """Raise ValueError where this is no direction of retrieval."""
    if direction not in DIRECTIONS:
        raise ValueError(f"got direction {direction!r}, expected forward (brain to picture) or backward")


def retrieval_batch(predicted: Embeddings, truth: Embeddings, *, n: int | None = 300, start: int = 0, rows=None, seed: int = 0) -> RetrievalBatch:
    """The trials start .. start + n in trial order (or those at `rows` of it), with cosines to their true embeddings.

    Where a picture has several true embeddings (captions), each trial gets one, drawn with `seed`, as the released code
    draws a caption at each access. Source: paper §3.2.
    """
    order = np.lexsort((predicted.image_ids, predicted.keys))
    rows = slice(start, None if n is None else start + n) if rows is None else np.sort(rows)
    chosen = predicted.take(order[rows])
    if n is not None and len(chosen) < n:
        raise ValueError(f"got {len(predicted)} trials, expected at least {start + n} for a batch of {n} from trial "
                         f"{start} on; lower n (evaluate.n_retrieval)")
    true = _aligned(truth, chosen.image_ids, seed)
    return RetrievalBatch(cosine(true, chosen.vectors), chosen.image_ids, chosen.keys)


def hits(batch: RetrievalBatch, direction: Direction) -> np.ndarray:
    """Which trials of a batch find their picture, (n,) bool.

    forward: the true embedding of its own picture is nearer to the prediction than that of any other picture. backward:
    a prediction from the picture itself is nearer to its true embedding than any from another picture. Any repeat of
    the picture counts (as in the released code); a tie with another picture is a miss. Source: paper §3.2.
    """
    nearness = batch.nearness(direction)
    same = batch.image_ids[:, None] == batch.image_ids
    right = np.where(same, nearness, -np.inf).max(1)
    wrong = np.where(same, -np.inf, nearness).max(1)
    return right > wrong


def retrieval(predicted: Embeddings, truth: Embeddings, *, direction: Direction, n: int = 300, seed: int = 0,
              name: str = "", origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """How many of the first n trials find their picture among n, in [0, 1]: one row, with an interval over pictures.

    Extra columns: hits (the count, as the paper prints it) and wilson_low, wilson_high. See `hits` and `retrieval_batch`.
    """
    return score_batch(retrieval_batch(predicted, truth, n=n, seed=seed), direction, seed=seed, name=name, origin=origin,
                       n_bootstrap=n_bootstrap)


def score_batch(batch: RetrievalBatch, direction: Direction, *, seed: int = 0, name: str = "", origin: str = "",
                n_bootstrap: int = 1000, unusual: Mapping | None = None) -> pd.DataFrame:
    """The row of `retrieval` for a given batch; `unusual` goes into the stamp: what else was done to the batch."""
    won, n = hits(batch, direction), len(batch.image_ids)
    low, high = bootstrap_interval(won, batch.image_ids, seed=seed, n_bootstrap=n_bootstrap)
    chance = (batch.image_ids[:, None] == batch.image_ids).mean()
    wilson_low, wilson_high = wilson(int(won.sum()), n)
    return score_row(name, f"retrieval {direction}", won.mean(), low, high, n, chance, seed, origin, hits=int(won.sum()),
               wilson_low=wilson_low, wilson_high=wilson_high,
               protocol=stamp(f"retrieval/mindreader-{direction}@1", {"n": n, **(unusual or {})}, BATCH))


def random_batches(predicted: Embeddings, truth: Embeddings, *, n: int = 300, n_draws: int = 30,
                   seed: int = 0) -> list[RetrievalBatch]:
    """n_draws batches of n trials each, drawn without replacement within a batch; they share trials between them."""
    rng = np.random.default_rng(seed)
    if len(predicted) < n:
        raise ValueError(f"got {len(predicted)} trials, expected at least {n}; lower n (evaluate.n_retrieval)")
    return [retrieval_batch(predicted, truth, n=n, rows=rng.choice(len(predicted), n, replace=False), seed=seed + i)
            for i in range(n_draws)]


def nearest_pictures(predicted: Embeddings, truth: Embeddings, k: int) -> np.ndarray:
    """Ids of the k pictures of `truth` nearest to each prediction, nearest first, (n, k).

    Of several embeddings of a picture the mean counts. ValueError where `truth` has fewer than k pictures.
    """
    truth = truth.per_image()
    if k > len(truth):
        raise ValueError(f"asked for the {k} nearest pictures, got {len(truth)} candidates; ask for fewer")
    order = np.argsort(-cosine(predicted.vectors, truth.vectors), axis=1, kind="stable")
    return truth.image_ids[order[:, :k]]


# ── several mappers at once ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Weights:
    """The weight of each mapper, and the (image id, key) of the trials on which the weights were chosen."""

    values: tuple[float, ...]
    chosen_on: frozenset

    def __str__(self) -> str:
        return " ".join(f"{w:.2f}" for w in self.values)


def choose_weights(batches: Sequence[RetrievalBatch], *, step: float = 0.05) -> Weights:
    """Non-negative weights that sum to 1 with the most hits, forward and backward together; ties go to the most even.

    Source: paper Table 4 (grid search); the grid is ours. Departs: chosen on a batch that is not scored.
    """
    parts = round(1 / step)
    grid = [g for g in product(range(parts + 1), repeat=len(batches)) if sum(g) == parts]
    grid.sort(key=lambda g: (sum(i * i for i in g), g))
    best, most = grid[0], -1
    for g in grid:
        mixed = _mix(batches, np.array(g) / parts)
        won = hits(mixed, "forward").sum() + hits(mixed, "backward").sum()
        if won > most:
            best, most = g, won
    return Weights(tuple(i / parts for i in best), frozenset(zip(batches[0].image_ids.tolist(), batches[0].keys.tolist())))


def combine(batches: Sequence[RetrievalBatch], weights: Weights) -> RetrievalBatch:
    """The weighted sum of several mappers' similarities for the same trials, ready for `hits`.

    Refused (ValueError) where a trial was among those on which the weights were chosen.
    """
    shared = weights.chosen_on & set(zip(batches[0].image_ids.tolist(), batches[0].keys.tolist()))
    if shared:
        raise ValueError(f"the weights were chosen on {len(shared)} of these trials, expected another batch; "
                         "choose them on other trials")
    if len(weights.values) != len(batches):
        raise ValueError(f"got {len(batches)} batches for {len(weights.values)} weights, expected one weight for each")
    return _mix(batches, np.array(weights.values))


def combined_batch(predicted: Sequence[Embeddings], truth: Sequence[Embeddings], *, n: int = 300, step: float = 0.05,
                   seed: int = 0) -> tuple[RetrievalBatch, Weights]:
    """The first n trials by the weighted sum of several mappers; weights are chosen on the n trials after them."""
    after = min(n, min(len(p) for p in predicted) - n)
    if after < 2:
        raise ValueError(f"got {len(predicted[0])} trials, expected more than {n + 1}: {n} to score and others to choose "
                         "the weights on; lower n (evaluate.n_retrieval)")
    weights = choose_weights([retrieval_batch(p, t, n=after, start=n, seed=seed) for p, t in zip(predicted, truth)], step=step)
    return combine([retrieval_batch(p, t, n=n, seed=seed) for p, t in zip(predicted, truth)], weights), weights


def combined_retrieval(predicted: Sequence[Embeddings], truth: Sequence[Embeddings], *, direction: Direction,
                       n: int = 300, step: float = 0.05, seed: int = 0, name: str = "", origin: str = "",
                       n_bootstrap: int = 1000) -> pd.DataFrame:
    """Retrieval of the first n trials by several mappers together: a row of `retrieval` with the column weights.

    See `combined_batch`. Source: paper Table 4.
    """
    mixed, weights = combined_batch(predicted, truth, n=n, step=step, seed=seed)
    table = score_batch(mixed, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
    return table.assign(weights=str(weights))


# ── embeddings ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each row of a with each row of b, (n, m) in float64; ValueError where an embedding is not finite.

    >>> cosine(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([[1., 0.]])
    """
    for x in (a, b):
        if not np.isfinite(x).all():
            raise ValueError(f"{(~np.isfinite(x).all(1)).sum()} of {len(x)} embeddings are not finite, expected numbers; "
                             "did a training diverge?")
    a, b = (x.astype(np.float64) / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b))
    return a @ b.T


def _aligned(truth: Embeddings, image_ids: np.ndarray, seed: int) -> np.ndarray:
    order = np.lexsort((truth.keys, truth.image_ids))
    ids, start, count = np.unique(truth.image_ids[order], return_index=True, return_counts=True)
    rows = pd.Index(ids).get_indexer(image_ids)
    if (rows < 0).any():
        raise ValueError(f"image {image_ids[rows < 0][0]} has no true embedding among the {len(ids)} pictures given, "
                         "expected one for every prediction")
    draw = (np.random.default_rng(seed).random(len(rows)) * count[rows]).astype(int)
    return truth.vectors[order[start[rows] + draw]]


def _mix(batches: Sequence[RetrievalBatch], weights: np.ndarray) -> RetrievalBatch:
    first = batches[0]
    for other in batches[1:]:
        if not (np.array_equal(first.image_ids, other.image_ids) and np.array_equal(first.keys, other.keys)):
            raise ValueError("the batches hold different trials, expected the same trials from every mapper")
    return RetrievalBatch(sum(w * b.similarity for w, b in zip(weights, batches)), first.image_ids, first.keys)
