"""Measure hubness in retrieval: candidates that are nearest to many queries, and two similarities that correct for it.

An uncertain mapper predicts near the mean of its targets. All predictions then lie close together, and the true
embeddings nearest to that place, the hubs, rank first for many predictions (forward), while a true embedding still
discriminates between predictions (backward). Subtracting the mean, or the local density (CSLS), shows how much of the gap
between the two directions this explains.

Backward has one more advantage: of several repeats within a batch the best one counts. Use one repeat of each picture
(`scoring.over_repeats(predicted, 1)`) to measure hubness alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom, skew

from .. import scoring
from ..records import Embeddings
from ..scoring import Direction, RetrievalBatch

SIMILARITIES = ("raw", "centred", "CSLS")
N_NEIGHBOURS = 10
HUB = 5  # a hub is among the nearest at least so many times as often as it would be without any preference


@dataclass(frozen=True, eq=False)
class TrainingMeans:
    """The mean prediction and the mean true embedding, both (n_dims,), and the pictures that they are of."""

    predicted: np.ndarray
    truth: np.ndarray
    image_ids: np.ndarray


def training_means(predicted: Embeddings, truth: Embeddings) -> TrainingMeans:
    """The mean prediction and the mean true embedding over the pictures of `predicted`: give training trials only.

    Each picture counts once, however many repeats it has.
    """
    predicted = predicted.per_image()
    true = truth.per_image().at(predicted.image_ids)
    return TrainingMeans(predicted.vectors.mean(0, dtype=float), true.mean(0, dtype=float), predicted.image_ids)


# ── three similarities ────────────────────────────────────────────────────────────────────────────────────────────────
def batches_by_similarity(predicted: Embeddings, truth: Embeddings, middle: TrainingMeans, *, n: int | None = 300, start: int = 0,
            seed: int = 0, k: int = N_NEIGHBOURS) -> dict[str, RetrievalBatch]:
    """The batch of `retrieval_batch` under each of `SIMILARITIES`: the same trials and the same true embeddings.

    raw      cosine, as in the paper
    centred  cosine after subtracting from each side its training mean; ValueError where a scored picture was among
             those of the mean
    CSLS     see `csls`

    Departs: the paper has the raw cosine only.
    """
    raw = scoring.retrieval_batch(predicted, truth, n=n, start=start, seed=seed)
    shared = np.intersect1d(raw.image_ids, middle.image_ids)
    if len(shared):
        raise ValueError(f"the mean was taken over {len(shared)} of the pictures to be scored, the first is image "
                         f"{shared[0]}; expected training pictures only, so compute it on those")
    moved = scoring.retrieval_batch(_less(predicted, middle.predicted), _less(truth, middle.truth), n=n, start=start, seed=seed)
    return dict(zip(SIMILARITIES, (raw, moved, csls(raw, k))))


def csls(batch: RetrievalBatch, k: int = N_NEIGHBOURS) -> RetrievalBatch:
    """Cross-domain similarity local scaling (Conneau et al. 2018): lower the similarity of what is near to everything.

        CSLS_ij = 2 cos_ij - r_i - s_j

    where r_i is the mean cosine of true embedding i with its k nearest predictions, and s_j that of prediction j with its
    k nearest true embeddings, among one trial of each picture. A mean that all share is weakened, not removed. Neighbours
    come from the batch itself, so a single trial cannot be decoded this way.
    """
    first = _first_of_each(batch, k)
    s = batch.similarity
    near_true = np.sort(s[:, first], axis=1)[:, -k:].mean(1)
    near_predicted = np.sort(s[first], axis=0)[-k:].mean(0)
    return RetrievalBatch(2 * s - near_true[:, None] - near_predicted, batch.image_ids, batch.keys)


# ── hubs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def k_occurrences(batch: RetrievalBatch, direction: Direction, k: int = N_NEIGHBOURS) -> np.ndarray:
    """N_k: how often each candidate is among the k nearest, (n_pictures,) int, k on average.

    Only the first trial of each picture takes part. forward: candidates are true embeddings and queries are
    predictions; backward the reverse. In trial order.
    """
    nearness = batch.nearness(direction)                                             # [queries, candidates]
    first = _first_of_each(batch, k)
    nearness = nearness[np.ix_(first, first)]
    nearest = np.argsort(-nearness, axis=1, kind="stable")[:, :k]
    return np.bincount(nearest.ravel(), minlength=len(first))


def hubness(batch: RetrievalBatch, direction: Direction, *, k: int = N_NEIGHBOURS, seed: int = 0, name: str = "", origin: str = "",
            n_bootstrap: int = 1000) -> pd.DataFrame:
    """Three rows about N_k: its skewness, the share of hubs (N_k >= HUB * k) and of orphans (N_k = 0).

    Chance is that of neighbours drawn at random, a binomial count; high skewness means that few candidates are the
    neighbours of many queries. Intervals resample candidates, for fixed queries.
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
        low, high = scoring.quantiles(of(again))
        rows.append(scoring.score_row(name, f"{metric}, {direction}", of(counts), low, high, n, chance, seed, origin))
    return pd.concat(rows, ignore_index=True)


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def retrieval_by_similarity(batches: dict[str, RetrievalBatch], *, seed: int = 0, name: str = "", origin: str = "",
                            n_bootstrap: int = 1000) -> pd.DataFrame:
    """Retrieval, forward and backward, under each similarity: rows of `retrieval` with the column similarity."""
    rows = []
    for similarity, batch in batches.items():
        changed = {"similarity": similarity} if similarity != "raw" else {}
        rows += [scoring.score_batch(batch, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap,
                                       unusual=changed).assign(similarity=similarity) for direction in scoring.DIRECTIONS]
    return pd.concat(rows, ignore_index=True)


def hubness_by_similarity(batches: dict[str, RetrievalBatch], *, k: int = N_NEIGHBOURS, seed: int = 0, name: str = "",
                          origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """The rows of `hubness` in both directions under each similarity, with the columns similarity and direction."""
    return pd.concat([hubness(batch, direction, k=k, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
                      .assign(similarity=similarity, direction=direction)
                      for similarity, batch in batches.items() for direction in scoring.DIRECTIONS], ignore_index=True)


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
