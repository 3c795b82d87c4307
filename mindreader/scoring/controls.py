"""Make control predictions, scored like those of a mapper: floors, oracles, averages over repeats and bottlenecks.

The floors are a shuffled brain and the mean embedding. Other controls have only the category, only the training pictures,
several repeats at once, or few principal directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..records import Embeddings
from . import ranking


def shuffled(embeddings: Embeddings, seed: int) -> Embeddings:
    """The same rows with vectors permuted so that none stays with its own picture: the floor of any score.

    Every vector is used once. Pictures are laid out in random order, and each row takes the vector one longest group
    further on.
    """
    ids, inverse, counts = np.unique(embeddings.image_ids, return_inverse=True, return_counts=True)
    longest = counts.max()
    if 2 * longest > len(embeddings):
        raise ValueError(f"image {ids[counts.argmax()]} holds {longest} of {len(embeddings)} rows, expected at most half, "
                         "so that every row can get another image's vector")
    place = np.random.default_rng(seed).permutation(len(ids))
    order = np.lexsort((embeddings.keys, place[inverse]))
    vectors = np.empty_like(embeddings.vectors)
    vectors[order] = embeddings.vectors[np.roll(order, -longest)]
    return Embeddings(vectors, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


def mean_embedding(embeddings: Embeddings, like: Embeddings) -> Embeddings:
    """The mean of `embeddings`, those of training, as the prediction for every row of `like`: a floor without any brain."""
    mean = np.repeat(embeddings.per_image().vectors.mean(0, keepdims=True), len(like), 0)
    return Embeddings(mean, like.image_ids, like.keys, like.space, like.source)


def category_embeddings(training: Embeddings, like: Embeddings, annotations: pd.DataFrame, *,
                    kind: str = "thing") -> Embeddings:
    """An oracle that is given each picture's categories and nothing else: a prediction for every row of `like`.

    The embedding of a category is the mean true embedding of the training pictures that show it; that of a picture is the
    mean over its categories, or over all training pictures where training has none of them.

    Parameters
    ----------
    training : Embeddings
        True embeddings of training pictures; several of one picture count as their mean.
    like : Embeddings
        The rows to predict; ValueError where one of their pictures is among the training.
    annotations : DataFrame
        image_id, category, kind, as in `Stimuli`.
    kind : "thing" or "stuff"
    """
    training = training.per_image()
    _no_overlap(training, like)
    shown = annotations.loc[annotations.kind == kind, ["image_id", "category"]].drop_duplicates()
    in_training = shown[shown.image_id.isin(training.image_ids)]
    of_category = pd.DataFrame(training.at(in_training.image_id).astype(float)).groupby(in_training.category.to_numpy()).mean()
    wanted = shown[shown.image_id.isin(like.image_ids) & shown.category.isin(of_category.index)]
    of_picture = of_category.loc[wanted.category].groupby(wanted.image_id.to_numpy()).mean()
    vectors = of_picture.reindex(like.image_ids).to_numpy()
    known = ~np.isnan(vectors).any(1)
    vectors = np.where(known[:, None], vectors, training.vectors.mean(0, dtype=float))
    return _in_place_of(like, vectors, training)


def training_embeddings(predicted: Embeddings, training: Embeddings) -> Embeddings:
    """For each prediction the true embedding of the training picture nearest to it (cosine).

    A mapper that scores no better than this has only retrieved the most similar training picture. ValueError where a
    predicted picture is among the training.
    """
    training = training.per_image()
    _no_overlap(training, predicted)
    return _in_place_of(predicted, training.at(ranking.nearest_pictures(predicted, training, 1)[:, 0]), training)


def over_repeats(predicted: Embeddings, n_repeats: int, *, at_least: int | None = None) -> Embeddings:
    """The mean prediction over the first n_repeats trials of each picture, keyed by its first trial.

    Pictures with fewer than `at_least` trials (default: n_repeats) are left out, so that several n_repeats can be
    compared on the same pictures. Departs: the paper never averages.
    """
    at_least = n_repeats if at_least is None else at_least
    if not 1 <= n_repeats <= at_least:
        raise ValueError(f"got n_repeats={n_repeats} and at_least={at_least}, expected 1 <= n_repeats <= at_least")
    trials = pd.DataFrame({"image_id": predicted.image_ids, "key": predicted.keys}).sort_values(["image_id", "key"])
    by_picture = trials.groupby("image_id")
    kept = trials[(by_picture.key.transform("size") >= at_least) & (by_picture.cumcount() < n_repeats)]
    if kept.empty:
        raise ValueError(f"no picture has {at_least} trials among these {len(predicted)}, expected at least one; "
                         "average fewer repeats")
    mean = predicted.take(kept.index.to_numpy()).per_image()
    first = kept.groupby("image_id").key.min().loc[mean.image_ids].to_numpy()
    return Embeddings(mean.vectors, mean.image_ids, first, predicted.space, predicted.source)


def retrieval_by_repeats(predicted: Embeddings, truth: Embeddings, *, repeats: Sequence[int] = (1, 2, 3),
                         n: int | None = 300, seed: int = 0, name: str = "", origin: str = "",
                         n_bootstrap: int = 1000) -> pd.DataFrame:
    """Retrieval forward and backward with predictions averaged over 1, 2, 3 repeats, among the same n pictures.

    Only pictures with the most repeats take part, one candidate each; n=None takes them all. Rows as of `retrieval`,
    with the column n_repeats.
    """
    rows = []
    for n_repeats in repeats:
        mean = over_repeats(predicted, n_repeats, at_least=max(repeats))
        batch = ranking.retrieval_batch(mean, truth, n=n, seed=seed)
        averaged = {"repeats": n_repeats} if n_repeats > 1 else {}
        rows += [ranking.score_batch(batch, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap,
                                       unusual=averaged).assign(n_repeats=n_repeats) for direction in ranking.DIRECTIONS]
    return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """Project predictions onto few principal directions, to measure how much of a score how few dimensions carry.

    `mean` (n_dims,) of the predictions, and their principal `directions` (n_directions, n_dims), by falling variance.
    Source: BrainBits (Mayo et al. 2024), there with a trained bottleneck; here with the principal directions of the
    predictions, so that a curve over all ranks needs no training.
    """

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, predicted: Embeddings) -> Bottleneck:
        """The bottleneck fitted to these predictions: those of training trials, so that no scored trial shapes its own."""
        if len(predicted) < 2:
            raise ValueError(f"got {len(predicted)} predictions, expected at least two to find directions in")
        vectors = predicted.vectors.astype(float)
        mean = vectors.mean(0)
        return cls(mean, np.linalg.svd(vectors - mean, full_matrices=False)[2])

    @property
    def max_rank(self) -> int:
        return len(self.directions)

    def squeeze(self, embeddings: Embeddings, rank: int) -> Embeddings:
        """The same rows projected onto the first `rank` directions around the mean; with rank 0 all become the mean."""
        if not 0 <= rank <= self.max_rank:
            raise ValueError(f"got rank {rank}, expected 0 to {self.max_rank}, the directions there are")
        kept = self.directions[:rank]
        vectors = self.mean + (embeddings.vectors - self.mean) @ kept.T @ kept
        return Embeddings(vectors.astype(np.float32), embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _no_overlap(training: Embeddings, like: Embeddings) -> None:
    shared = np.intersect1d(training.image_ids, like.image_ids)
    if len(shared):
        raise ValueError(f"image {shared[0]} is to be predicted and is among the training pictures ({len(shared)} "
                         "are), expected none; give training embeddings only")


def _in_place_of(like: Embeddings, vectors: np.ndarray, training: Embeddings) -> Embeddings:
    return Embeddings(vectors.astype(np.float32), like.image_ids, like.keys, training.space, training.source)
