"""What retrieval would score without the brain's detail, and with more of it: predictions to read a mapper's beside.

The floor is a shuffled brain and the mean point. Others know only the category, only the training pictures, several
showings at once, or what passes through few directions; each is scored like a mapper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..records import Embeddings
from . import ranking as retrieval


def shuffled(embeddings: Embeddings, seed: int) -> Embeddings:
    """The same rows with their vectors dealt out anew so that none stays with its own picture: the floor of any score.

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
    """The mean of `points` (training points, say) as the prediction for every row of `like`: what no brain is needed for."""
    mean = np.repeat(embeddings.per_image().vectors.mean(0, keepdims=True), len(like), 0)
    return Embeddings(mean, like.image_ids, like.keys, like.space, like.source)


def category_embeddings(training: Embeddings, like: Embeddings, annotations: pd.DataFrame, *,
                    kind: str = "thing") -> Embeddings:
    """An oracle that is told each picture's categories and nothing else, in the place of every row of `like`.

    A category's point is the mean true point of the training pictures that show it; a picture's is the mean over its
    categories. One that shows none that training has gets the mean of all training pictures.

    Parameters
    ----------
    training : Embeddings
        True points of training pictures; several of one picture count as their mean.
    like : Embeddings
        Which rows to predict; ValueError where one of its pictures is among the training.
    annotations : DataFrame
        image_id, category, kind, as in `Stimuli`.
    kind : "thing" or "stuff"
    """
    training = training.per_image()
    _no_overlap(training, like)
    shown = annotations.loc[annotations.kind == kind, ["image_id", "category"]].drop_duplicates()
    learned = shown[shown.image_id.isin(training.image_ids)]
    of_category = pd.DataFrame(training.at(learned.image_id).astype(float)).groupby(learned.category.to_numpy()).mean()
    wanted = shown[shown.image_id.isin(like.image_ids) & shown.category.isin(of_category.index)]
    of_picture = of_category.loc[wanted.category].groupby(wanted.image_id.to_numpy()).mean()
    vectors = of_picture.reindex(like.image_ids).to_numpy()
    known = ~np.isnan(vectors).any(1)
    vectors = np.where(known[:, None], vectors, training.vectors.mean(0, dtype=float))
    return _in_place_of(like, vectors, training)


def training_embeddings(predicted: Embeddings, training: Embeddings) -> Embeddings:
    """For each prediction the true point of the training picture nearest to it (cosine): retrieval in disguise.

    A mapper that does no better than this has learned which training picture a trial is like. ValueError where a
    predicted picture is among the training.
    """
    training = training.per_image()
    _no_overlap(training, predicted)
    return _in_place_of(predicted, training.at(retrieval.nearest_pictures(predicted, training, 1)[:, 0]), training)


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
    """Retrieval forward and backward when the predictions of 1, 2, 3 showings are averaged, among the same n pictures.

    Only pictures with the most repeats take part, one candidate each; n=None takes them all. Rows as of
    `retrieval.retrieval`, with the column n_repeats: the last is the ceiling of what repetition gives here.
    """
    rows = []
    for n_repeats in repeats:
        mean = over_repeats(predicted, n_repeats, at_least=max(repeats))
        batch = retrieval.retrieval_batch(mean, truth, n=n, seed=seed)
        averaged = {"repeats": n_repeats} if n_repeats > 1 else {}
        rows += [retrieval.score_batch(batch, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap,
                                       unusual=averaged).assign(n_repeats=n_repeats) for direction in retrieval.DIRECTIONS]
    return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """Readings squeezed through few directions: how little of a reading carries how much of a score.

    `mean` (n_dims,) is where readings lie on average, `directions` (n_directions, n_dims) what they vary in, most first.
    Source: BrainBits (Mayo et al. 2024), there with a bottleneck that is trained; here the principal directions of the
    readings themselves, so that a curve over all ranks costs no training.
    """

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, readings: Embeddings) -> Bottleneck:
        """The principal directions of these points: training readings, so that no scored trial shapes its own bottleneck."""
        if len(readings) < 2:
            raise ValueError(f"got {len(readings)} readings, expected at least two to find directions in")
        vectors = readings.vectors.astype(float)
        mean = vectors.mean(0)
        return cls(mean, np.linalg.svd(vectors - mean, full_matrices=False)[2])

    @property
    def max_rank(self) -> int:
        return len(self.directions)

    def squeeze(self, embeddings: Embeddings, rank: int) -> Embeddings:
        """The same points with only what the first `rank` directions carry; with rank 0 all become the mean."""
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
                         "are), expected none; give training points only")


def _in_place_of(like: Embeddings, vectors: np.ndarray, training: Embeddings) -> Embeddings:
    return Embeddings(vectors.astype(np.float32), like.image_ids, like.keys, training.space, training.source)
