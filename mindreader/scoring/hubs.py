"""Why some pictures are found by everyone: hubs in retrieval, and two similarities that take them away.

A mapper that is unsure answers near the mean of its targets. All predictions then crowd around one place, and the true
points that lie nearest to it, the hubs, come first for many predictions (forward), while each true point can still tell
the predictions apart (backward). Subtracting the mean, or the local density (CSLS), shows how much of the lag that is.

Backward has another advantage, which is none of the points': of several showings within a batch the best one counts.
Give one showing of each picture (`controls.over_repeats(predicted, 1)`) to see the hubs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom, skew

from ..records import Embeddings
from . import intervals, ranking as retrieval
from .ranking import RetrievalBatch, Direction

KINDS = ("raw", "centred", "CSLS")
N_NEIGHBOURS = 10
HUB = 5  # a hub is among the nearest at least so many times as often as it would be without any preference


@dataclass(frozen=True, eq=False)
class TrainingMeans:
    """What is subtracted from each side, both (n_dims,), and the pictures that it was computed from."""

    predicted: np.ndarray
    truth: np.ndarray
    image_ids: np.ndarray


def training_means(predicted: Embeddings, truth: Embeddings) -> TrainingMeans:
    """The mean prediction and the mean true point over the pictures of `predicted`: give training trials only.

    Each picture counts once, however often it was shown.
    """
    predicted = predicted.per_image()
    true = truth.per_image().at(predicted.image_ids)
    return TrainingMeans(predicted.vectors.mean(0, dtype=float), true.mean(0, dtype=float), predicted.image_ids)


# ── three similarities ────────────────────────────────────────────────────────────────────────────────────────────────
def batches_by_similarity(predicted: Embeddings, truth: Embeddings, middle: TrainingMeans, *, n: int | None = 300, start: int = 0,
            seed: int = 0, k: int = N_NEIGHBOURS) -> dict[str, RetrievalBatch]:
    """The batch of `retrieval.batch` under each similarity of `KINDS`: the same trials and the same true points.

    raw      cosine, as in the paper
    centred  cosine after the training mean of its own side is subtracted from each point; refused (ValueError) where a
             scored picture was among those of the mean
    CSLS     see `csls`

    Departs: the paper has the raw cosine only.
    """
    raw = retrieval.retrieval_batch(predicted, truth, n=n, start=start, seed=seed)
    shared = np.intersect1d(raw.image_ids, middle.image_ids)
    if len(shared):
        raise ValueError(f"the mean was taken over {len(shared)} of the pictures to be scored, the first is image "
                         f"{shared[0]}; expected training pictures only, so compute it on those")
    moved = retrieval.retrieval_batch(_less(predicted, middle.predicted), _less(truth, middle.truth), n=n, start=start, seed=seed)
    return dict(zip(KINDS, (raw, moved, csls(raw, k))))


def csls(batch: RetrievalBatch, k: int = N_NEIGHBOURS) -> RetrievalBatch:
    """Cross-domain similarity local scaling (Conneau et al. 2018): a point that is near to everyone gets less near.

        CSLS_ij = 2 cos_ij - r_i - s_j

    where r_i is the mean cosine of true point i with its k nearest predictions, and s_j that of prediction j with its k
    nearest true points, among one trial of each picture. What is near to everyone counts half as much, so a shared
    mean is softened and not taken away. Neighbours come from the batch itself: it cannot read one trial alone.
    """
    first = _first_of_each(batch, k)
    s = batch.similarity
    near_true = np.sort(s[:, first], axis=1)[:, -k:].mean(1)
    near_predicted = np.sort(s[first], axis=0)[-k:].mean(0)
    return RetrievalBatch(2 * s - near_true[:, None] - near_predicted, batch.image_ids, batch.keys)


# ── hubs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def k_occurrences(batch: RetrievalBatch, direction: Direction, k: int = N_NEIGHBOURS) -> np.ndarray:
    """N_k: how often each candidate is among the k nearest, (n_pictures,) int, k on average.

    Only the first trial of each picture takes part. forward: candidates are true points, asked for by predictions;
    backward: the other way round. In trial order.
    """
    nearness = batch.nearness(direction)                                             # [asking, candidates]
    first = _first_of_each(batch, k)
    nearness = nearness[np.ix_(first, first)]
    nearest = np.argsort(-nearness, axis=1, kind="stable")[:, :k]
    return np.bincount(nearest.ravel(), minlength=len(first))


def hubness(batch: RetrievalBatch, direction: Direction, *, k: int = N_NEIGHBOURS, seed: int = 0, name: str = "", origin: str = "",
            n_bootstrap: int = 1000) -> pd.DataFrame:
    """Three rows about N_k: its skewness, the share of hubs (N_k >= HUB * k) and of orphans (N_k = 0).

    Chance is what neighbours drawn at random would give, a binomial count; high skewness means that few candidates take
    the places of many. Intervals draw candidates again, given who asked.
    """
    counts = k_occurrences(batch, direction, k)
    n = len(counts)
    blind = binom(n, k / n)
    again = counts[np.random.default_rng(seed).integers(0, n, (n_bootstrap, n))]
    rows = []
    for metric, of, chance in (
            (f"skewness of N_{k}", _skewness, float(blind.stats(moments="s"))),
            ("share of hubs", lambda c: (c >= HUB * k).mean(-1), blind.sf(HUB * k - 1)),
            ("share of orphans", lambda c: (c == 0).mean(-1), blind.pmf(0))):
        low, high = intervals.quantiles(of(again))
        rows.append(intervals.score_row(name, f"{metric}, {direction}", of(counts), low, high, n, chance, seed, origin))
    return pd.concat(rows, ignore_index=True)


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def retrieval_by_similarity(batches: dict[str, RetrievalBatch], *, seed: int = 0, name: str = "", origin: str = "",
                            n_bootstrap: int = 1000) -> pd.DataFrame:
    """Retrieval, forward and backward, under each similarity: rows of `retrieval.retrieval` with the column similarity."""
    rows = []
    for kind, batch in batches.items():
        changed = {"similarity": kind} if kind != "raw" else {}
        rows += [retrieval.score_batch(batch, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap,
                                       unusual=changed).assign(similarity=kind) for direction in retrieval.DIRECTIONS]
    return pd.concat(rows, ignore_index=True)


def hubness_by_similarity(batches: dict[str, RetrievalBatch], *, k: int = N_NEIGHBOURS, seed: int = 0, name: str = "",
                          origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """The rows of `hubness` in both directions under each similarity, with the columns similarity and direction."""
    return pd.concat([hubness(batch, direction, k=k, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
                      .assign(similarity=kind, direction=direction)
                      for kind, batch in batches.items() for direction in retrieval.DIRECTIONS], ignore_index=True)


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _less(embeddings: Embeddings, middle: np.ndarray) -> Embeddings:
    vectors = (embeddings.vectors - middle).astype(np.float32)
    return Embeddings(vectors, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


def _first_of_each(batch: RetrievalBatch, k: int) -> np.ndarray:
    """Rows of the first trial of each picture, in trial order."""
    rows = np.sort(np.unique(batch.image_ids, return_index=True)[1])
    if not 1 <= k < len(rows):
        raise ValueError(f"got k={k} neighbours among {len(rows)} pictures, expected 1 to {len(rows) - 1}")
    return rows


def _skewness(counts: np.ndarray) -> np.ndarray:
    """Over the last axis; 0 where all counts are equal."""
    return np.nan_to_num(skew(counts, axis=-1))
