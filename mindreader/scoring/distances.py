"""Compute Fréchet and kernel distances of two sets of pictures in feature space, their bias, and intervals of differences.

Small sets inflate a Fréchet distance but not a kernel distance; hence its limit for large sets, and intervals that
resample the pictures of both sets together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..records import Embeddings
from .intervals import image_weights, score_row
from .names import distance_names


def frechet_distance(a, b) -> float:
    """Distance of the normal distributions fitted to two sets of features (FID, if they are Inception's).

        |mean_a - mean_b|^2 + trace(S_a + S_b - 2 (S_a S_b)^(1/2))

    a, b: Embeddings or arrays (n, d), (m, d). In float64; biased upwards for small sets. Source: paper Table 1.

    >>> round(frechet_distance(np.eye(3), np.eye(3) + 2), 6)
    12.0
    """
    a, b = _in_span(_vectors(a), _vectors(b))
    s_a, s_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(s_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ s_b @ root).clip(0)).sum()      # = trace of (S_a S_b)^(1/2)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s_a) + np.trace(s_b) - 2 * overlap)


def kernel_distance(a, b) -> float:
    """Kernel distance (KID): unbiased squared MMD with the kernel (x.y / d + 1)^3; may fall below 0 by chance.

    a, b: Embeddings or arrays (n, d), (m, d). Unlike the Fréchet distance, small sets do not inflate it.
    """
    a, b = _vectors(a), _vectors(b)
    n, m = len(a), len(b)
    aa, bb, ab = ((x @ y.T / a.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within_a, within_b = (aa.sum() - np.trace(aa)) / (n * (n - 1)), (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within_a + within_b - 2 * ab.mean())


def distance_rows(guess, truth, *, name: str = "", origin: str = "", features: str = "twin features") -> pd.DataFrame:
    """Two rows, the Fréchet and the kernel distance; without interval and chance; compare with two halves of a real set.

    features: the space that both are embedded in, of which the rows are named (`distance_names`).
    """
    names = distance_names(features)
    return pd.concat([score_row(name, names[kind], distance(guess, truth), np.nan, np.nan, len(guess), np.nan, np.nan, origin)
                      for kind, distance in METRICS.items()], ignore_index=True)


# ── few pictures ───────────────────────────────────────────────────────────────────────────────────────────────────────
WIDE = 1024     # dimensions of features, from which on the space that few pictures span is worth looking for
METRICS = {"FD": frechet_distance, "KD": kernel_distance}


def distance_by_size(a: Embeddings, b: Embeddings, sizes: Sequence[int], *, n_draws: int = 10, seed: int = 0) -> pd.DataFrame:
    """Fréchet (FD) and kernel distance (KD) of n rows of each set, drawn n_draws times without replacement.

    Returns
    -------
    DataFrame
        n, metric, value (the mean over draws), sd (over draws). FD falls as n grows and KD does not: its estimate is
        unbiased at any n.
    """
    smaller = min(len(a), len(b))
    if max(sizes) > smaller:
        raise ValueError(f"asked for {max(sizes)} pictures of each set, got {smaller} in the smaller; ask for fewer")
    rng, rows = np.random.default_rng(seed), []
    for n in sizes:
        drawn = [(a.take(rng.choice(len(a), n, replace=False)), b.take(rng.choice(len(b), n, replace=False)))
                 for _ in range(n_draws)]
        for metric, distance in METRICS.items():
            values = [distance(x, y) for x, y in drawn]
            rows.append({"n": n, "metric": metric, "value": np.mean(values), "sd": np.std(values)})
    return pd.DataFrame(rows)


def distance_limit(sizes: np.ndarray, values: np.ndarray) -> float:
    """The limit of a distance for 1/n → 0: the intercept of a straight line through its values over 1/n.

    Source: Chong and Forsyth 2020, for FID. Valid only where the values lie on a line.

    >>> round(distance_limit([10, 20, 40], [1.1, 1.05, 1.025]), 6)
    1.0
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    if len(np.unique(sizes)) < 2:
        raise ValueError(f"got values for {len(np.unique(sizes))} size, expected at least two for a line")
    return float(np.polyfit(1 / sizes, values, 1)[1])


def distance_difference(a: Embeddings, b: Embeddings, truth: Embeddings, *, seed: int = 0, n_bootstrap: int = 200, name: str = "",
               origin: str = "", features: str = "twin features") -> pd.DataFrame:
    """How much farther `a` is from the true pictures than `b`: a row for FD and one for KD, with paired 95 % intervals.

    Pictures are resampled, the same for `a`, `b` and `truth`, all their trials with them. Resampling inflates a Fréchet
    distance as a smaller set does, so its interval is reflected about the value (the basic bootstrap), which removes that
    bias to first order. The kernel distance leaves out all pairs within one picture, so that a picture that is drawn twice
    is not compared with itself.

    a, b : reconstructions' features, one or more rows for each picture; truth : a row for each picture.
    """
    ids = np.unique(truth.image_ids)
    if not (np.array_equal(np.unique(a.image_ids), ids) and np.array_equal(np.unique(b.image_ids), ids)):
        raise ValueError(f"got sets of {len(np.unique(a.image_ids))}, {len(np.unique(b.image_ids))} and {len(ids)} "
                         "pictures, expected the same pictures in all three")
    sets = [(embeddings.vectors.astype(float), np.searchsorted(ids, embeddings.image_ids)) for embeddings in (a, b, truth)]
    weights, _ = image_weights(ids, seed, n_bootstrap)
    rows = []
    for metric, measured in (("FD", _frechet_difference(sets)), ("KD", _kernel_difference(sets))):
        value = measured(np.ones(len(ids)))
        low, high = np.quantile([measured(w) for w in weights], [0.025, 0.975])
        if metric == "FD":
            low, high = 2 * value - high, 2 * value - low
        rows.append(score_row(name, f"{distance_names(features)[metric]}, difference", value, low, high, len(ids), 0.0, seed, origin))
    return pd.concat(rows, ignore_index=True)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _vectors(embeddings) -> np.ndarray:
    vectors = np.asarray(embeddings.vectors if isinstance(embeddings, Embeddings) else embeddings, np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise ValueError(f"got features of shape {vectors.shape}, expected at least two rows (n, d)")
    return vectors


def _in_span(*sets: np.ndarray) -> tuple[np.ndarray, ...]:
    """The rows in coordinates of the space that all of them span, where that is smaller: the same distances for less work.

    Only for wide features such as Inception's; those of the small networks keep their last bits.
    """
    n_rows, n_dims = sum(map(len, sets)), sets[0].shape[1]
    if n_dims < WIDE or n_rows >= n_dims:
        return sets
    basis, _ = np.linalg.qr(np.concatenate(sets).T)
    return tuple(x @ basis for x in sets)


def _frechet_difference(sets):
    n_true, n_dims = sets[2][0].shape
    if n_dims >= max(WIDE, n_true):     # those of the small networks keep their last bits
        return _wide_frechet_difference(sets)

    def moments(x, w):
        mean = w @ x / w.sum()
        centred = x - mean
        return mean, (centred.T * w) @ centred / (w.sum() - 1)

    def measured(picture_weights):
        (m_a, s_a), (m_b, s_b), (m_t, s_t) = (moments(x, picture_weights[place]) for x, place in sets)
        values, vectors = np.linalg.eigh(s_t)
        root = vectors * np.sqrt(values.clip(0)) @ vectors.T     # shared by both distances

        def to_truth(mean, covariance):
            overlap = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(0)).sum()
            return ((mean - m_t) ** 2).sum() + np.trace(covariance) - 2 * overlap

        return float(to_truth(m_a, s_a) - to_truth(m_b, s_b))

    return measured


def _wide_frechet_difference(sets):
    """The same from dot products of rows, which is less work where features have more dimensions than there are true pictures.

    trace((S_a S_t)^(1/2)) is the sum of the singular values of A T', where S_a = A'A and S_t = T'T.
    """
    centre = sets[2][0].mean(0)
    (a, at_a), (b, at_b), (t, at_t) = ((x - centre, place) for x, place in sets)
    guesses = [(x, place, (x ** 2).sum(1), x @ t.T) for x, place in ((a, at_a), (b, at_b))]

    def measured(picture_weights):
        w_t = picture_weights[at_t]
        m_t, true = w_t @ t / w_t.sum(), w_t > 0

        def to_truth(x, place, squares, products):
            w = picture_weights[place]
            mean, drawn = w @ x / w.sum(), w > 0
            total = (w @ squares - w.sum() * mean @ mean) / (w.sum() - 1)      # = trace of S_a
            between = products[np.ix_(drawn, true)] - (x[drawn] @ m_t)[:, None] - t[true] @ mean + mean @ m_t
            between *= np.sqrt(w[drawn] / (w.sum() - 1))[:, None] * np.sqrt(w_t[true] / (w_t.sum() - 1))
            overlap = np.sqrt(np.linalg.eigvalsh(between.T @ between).clip(0)).sum()
            return ((mean - m_t) ** 2).sum() + total - 2 * overlap

        far, near = (to_truth(*guess) for guess in guesses)
        return float(far - near)

    return measured


def _kernel_difference(sets):
    (a, at_a), (b, at_b), (t, at_t) = sets
    n = at_t.max() + 1

    def summed(x, at_x, y, at_y):
        """Kernel summed over the rows of each pair of pictures, and how many pairs of rows these are; (n, n) both."""
        kernel = (x @ y.T / x.shape[1] + 1) ** 3
        by_row = np.zeros((n, len(y)))
        np.add.at(by_row, at_x, kernel)
        total = np.zeros((n, n))
        np.add.at(total.T, at_y, by_row.T)
        return total, np.outer(np.bincount(at_x, minlength=n), np.bincount(at_y, minlength=n))

    def mean(pair, w):
        total, count = pair
        outer = np.outer(w, w)
        np.fill_diagonal(outer, 0)
        return (outer * total).sum() / (outer * count).sum()

    aa, at, bb, bt = (summed(*x, *y) for x, y in ((sets[0], sets[0]), (sets[0], sets[2]), (sets[1], sets[1]),
                                                 (sets[1], sets[2])))
    return lambda w: float(mean(aa, w) - 2 * mean(at, w) - mean(bb, w) + 2 * mean(bt, w))
