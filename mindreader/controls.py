"""What retrieval would score without the brain's detail, and with more of it: predictions to read a mapper's beside.

The floor, a shuffled brain and the mean point, is in `scores`. Here are predictions that know only the category, only
the training pictures, or several showings at once; each is scored like a mapper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from . import scores
from .records import Embeddings


def category_points(training: Embeddings, like: Embeddings, annotations: pd.DataFrame, *,
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


def training_points(predicted: Embeddings, training: Embeddings) -> Embeddings:
    """For each prediction the true point of the training picture nearest to it (cosine): retrieval in disguise.

    A mapper that does no better than this has learned which training picture a trial is like. ValueError where a
    predicted picture is among the training.
    """
    training = training.per_image()
    _no_overlap(training, predicted)
    return _in_place_of(predicted, training.at(scores.nearest(predicted, training, 1)[:, 0]), training)


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
    `scores.retrieval`, with the column n_repeats: the last is the ceiling of what repetition gives here.
    """
    rows = []
    for n_repeats in repeats:
        mean = over_repeats(predicted, n_repeats, at_least=max(repeats))
        batch = scores.batch(mean, truth, n=n, seed=seed)
        averaged = {"repeats": n_repeats} if n_repeats > 1 else {}
        rows += [scores.score_batch(batch, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap,
                                    unusual=averaged).assign(n_repeats=n_repeats) for direction in scores.DIRECTIONS]
    return pd.concat(rows, ignore_index=True)


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _no_overlap(training: Embeddings, like: Embeddings) -> None:
    shared = np.intersect1d(training.image_ids, like.image_ids)
    if len(shared):
        raise ValueError(f"image {shared[0]} is to be predicted and is among the training pictures ({len(shared)} "
                         "are), expected none; give training points only")


def _in_place_of(like: Embeddings, vectors: np.ndarray, training: Embeddings) -> Embeddings:
    return Embeddings(vectors.astype(np.float32), like.image_ids, like.keys, training.space, training.source)
