"""Compute what each picture adds to a score under each fit: to means, retrieval, identification, AUC, distances, correlations.

Each function takes the same trials as several fits decode them, and gives `Contributions`, of which `score_interval` makes an
interval over pictures and fits. A picture counts with all its trials, and in all its roles: as what is decoded, as a rival of
others, and in the true set of a distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from ..records import Embeddings
from ..scoring import CHOICES, Direction, RetrievalBatch, duels, win_probability
from .two_level import CORRELATION, SHARE, Contributions


def mean_contributions(values: np.ndarray, image_ids: np.ndarray, *, families: Sequence[str] = (),
                       bounds: tuple[float, float] | None = None) -> Contributions:
    """The mean over trials, e.g. of a change of cosine or of any measure that a trial has by itself.

    values (n_fits, n_trials); image_ids (n_trials,).

    >>> mean_contributions(np.array([[1.0, 3.0, 5.0]]), np.array([7, 7, 8])).parts.round(6)
    array([[-1.333333,  1.333333]])
    """
    values = np.atleast_2d(np.asarray(values, float))
    ids, place = np.unique(image_ids, return_inverse=True)
    if values.shape[1:] != place.shape:
        raise ValueError(f"got values {values.shape} and {len(place)} image ids, expected (fits, trials) and an id for each trial")
    means = values.mean(1)
    return Contributions(means, _by_picture(values - means[:, None], place) * len(ids) / len(place), ids, tuple(families), bounds=bounds)


def retrieval_contributions(batches: Sequence[RetrievalBatch], direction: Direction, *, families: Sequence[str] = ()) -> Contributions:
    """The share of a batch's trials that find their picture (see `hits`); one batch of the same trials for each fit.

    A picture contributes its own trials' hits, and takes those of trials for which it alone ranks above their own picture.
    """
    first = batches[0]
    if any(not (np.array_equal(first.image_ids, b.image_ids) and np.array_equal(first.keys, b.keys)) for b in batches):
        raise ValueError("the batches hold different trials, expected the same trials from every fit")
    ids, place = np.unique(first.image_ids, return_inverse=True)
    n, rows, order = len(ids), np.arange(len(place)), np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(n))
    won, pairs = [], []
    for batch in batches:
        best = np.maximum.reduceat(batch.nearness(direction)[:, order], starts, axis=1)     # of each picture's candidates, [queries, pictures]
        own = best[rows, place]
        best[rows, place] = -np.inf
        two = np.sort(np.partition(best, -2, axis=1)[:, -2:], axis=1)
        won.append(own > two[:, 1])
        freed = (own <= two[:, 1]) & (own > two[:, 0])  # a miss by one picture alone
        pairs.append(sparse.csr_array((np.ones(freed.sum()), (place[freed], best.argmax(1)[freed])), shape=(n, n)))
    return _against_rivals(np.array(won, float), place, ids, np.array([matrix.sum(0) for matrix in pairs]), pairs, families)


def identification_contributions(guesses: Sequence[Embeddings], truth: Embeddings, *, n_choices: int = CHOICES["n_choices"],
                                 families: Sequence[str] = ()) -> Contributions:
    """The mean of `n_way` over trials; one guess of the same trials for each fit. A picture counts as its own and as a rival."""
    guesses = [guess.take(np.lexsort((guess.keys, guess.image_ids))) for guess in guesses]
    if any(not (np.array_equal(guesses[0].image_ids, g.image_ids) and np.array_equal(guesses[0].keys, g.keys)) for g in guesses):
        raise ValueError("the fits decoded different trials, expected the same trials from every fit")
    shares, taken, pairs = [], [], []
    for guess in guesses:
        won, own, ids = duels(guess, truth, n_choices)
        n_worse, n_rivals, place = won.sum(1), len(ids) - 1, own.argmax(1)
        if n_rivals < n_choices:
            raise ValueError(f"got n_choices={n_choices} with {n_rivals + 1} pictures, expected at least {n_choices + 1} pictures, so "
                             "that each can be left out")
        share = win_probability(n_worse, n_rivals, n_choices)
        without = [win_probability(n_worse - lost, n_rivals - 1, n_choices) - share for lost in (0, 1)]
        gains = np.where(own, 0.0, np.where(won, without[1][:, None], without[0][:, None]))
        shares.append(share)
        taken.append(gains.sum(0))
        if n_choices > 2:               # with one rival they are as many times smaller than all else as there are pictures
            of_picture = sparse.csr_array((np.ones(len(place)), (place, np.arange(len(place)))))
            pairs.append(sparse.csr_array(of_picture @ gains))
    return _against_rivals(np.array(shares), place, ids, np.array(taken), pairs, families)


def auc_contributions(labels: np.ndarray, scores: np.ndarray, image_ids: np.ndarray, *, families: Sequence[str] = ()) -> Contributions:
    """The area under the ROC curve of one class (see `auc_by_class`), by the placement of each trial among the others.

    labels (n_trials,) bool; scores (n_fits, n_trials). Source: DeLong et al. 1988, for clusters of trials Obuchowski 1997.
    """
    labels, scores = np.asarray(labels, bool), np.atleast_2d(np.asarray(scores, float))
    n_present, n_absent = labels.sum(), (~labels).sum()
    if not n_present or not n_absent:
        raise ValueError(f"got {n_present} trials with and {n_absent} without the class, expected some of both")
    ids, place = np.unique(image_ids, return_inverse=True)
    ranks = rankdata(scores, axis=1)
    placed = np.empty_like(scores)
    placed[:, labels] = (ranks[:, labels] - rankdata(scores[:, labels], axis=1)) / n_absent
    placed[:, ~labels] = 1 - (ranks[:, ~labels] - rankdata(scores[:, ~labels], axis=1)) / n_present
    auc = placed[:, labels].mean(1)
    parts = (placed - auc[:, None]) / np.where(labels, n_present, n_absent)
    return Contributions(auc, _by_picture(parts, place) * len(ids), ids, tuple(families), bounds=SHARE)


def correlation_contributions(predicted: np.ndarray, measured: np.ndarray, image_ids: np.ndarray, *,
                              families: Sequence[str] = ()) -> Contributions:
    """The correlation over trials of predicted and measured activity, the mean over the voxels given (see `encoding_accuracy`).

    predicted (n_fits, n_trials, n_voxels), measured (n_trials, n_voxels): those of a region, or of one voxel. A voxel that is
    constant in one of them has no correlation and is left out of that mean.
    """
    ids, place = np.unique(image_ids, return_inverse=True)
    values, parts = [], []
    y = _standard(measured)
    for fit in predicted:
        x = _standard(fit)
        known = np.isfinite(x).all(0) & np.isfinite(y).all(0)
        if not known.any():
            raise ValueError(f"got {x.shape[1]} voxels without variance, expected activity that varies over the trials")
        r = (x * y)[:, known].mean(0)
        values.append(r.mean())
        parts.append((x * y - (x ** 2 + y ** 2) / 2 * (x * y).mean(0))[:, known].mean(1))
    return Contributions(np.array(values), _by_picture(np.array(parts), place) * len(ids) / len(place), ids, tuple(families),
                         bounds=CORRELATION)


def frechet_contributions(guesses: Sequence[Embeddings], truth: Embeddings, *, families: Sequence[str] = ()) -> Contributions:
    """The Fréchet distance of reconstructions to the true pictures (see `frechet_distance`); one set of the same pictures for each fit.

    A picture contributes by the derivative of the distance with respect to its weight, in both sets:

        d/dw = 2 (m_a - m_b).(x - m_a) + (x - m_a)' (1 - A) (x - m_a) + the same with a and b exchanged,
        A = R (R S_a R)^(-1/2) R, R = S_b^(1/2), the linear map that carries one normal distribution to the other.

    The distance falls as sets grow (see `distance_by_size`): its expectation, and so the interval, is that of sets of this size.
    """
    ids = np.unique(truth.image_ids)
    if any(not np.array_equal(np.unique(guess.image_ids), ids) for guess in guesses):
        raise ValueError(f"got reconstructions of other pictures than the {len(ids)} true ones, expected the same pictures in all sets")
    at_truth, true = np.searchsorted(ids, truth.image_ids), truth.vectors.astype(float)
    true_mean, root, inverse = true.mean(0), *_roots(np.cov(true, rowvar=False))
    values, parts = [], []
    for guess in guesses:
        x, place = guess.vectors.astype(float), np.searchsorted(ids, guess.image_ids)
        mean, covariance = x.mean(0), np.cov(x, rowvar=False)
        between, reciprocal = _roots(root @ covariance @ root)
        values.append(((mean - true_mean) ** 2).sum() + np.trace(covariance) + (root ** 2).sum() - 2 * np.trace(between))
        found = np.zeros(len(ids))
        for rows, own, other, carry, at in ((x, mean, true_mean, root @ reciprocal @ root, place),
                                            (true, true_mean, mean, inverse @ between @ inverse, at_truth)):
            centred = rows - own
            slope = centred @ (2 * (own - other)) + (centred ** 2).sum(1) - ((centred @ carry) * centred).sum(1)
            found += np.bincount(at, slope - slope.mean()) / len(rows)
        parts.append((found - found.mean()) * len(ids))
    return Contributions(np.array(values), np.array(parts), ids, tuple(families))


def weighted_contributions(measure: Callable[[np.ndarray], np.ndarray], image_ids: np.ndarray, *, families: Sequence[str] = (),
                           bounds: tuple[float, float] | None = None) -> Contributions:
    """Any score that can be computed with weights on pictures: each picture is left out once (jackknife).

    measure: weights (n_pictures,) of the ids in ascending order -> the score by each fit, (n_fits,).

    >>> weighted_contributions(lambda w: [w @ [1.0, 2.0, 6.0] / w.sum()], np.arange(3)).parts.round(6)
    array([[-2., -1.,  3.]])
    """
    ids = np.unique(image_ids)
    n = len(ids)
    values = np.asarray(measure(np.ones(n)), float)
    without = np.array([measure(weights) for weights in 1 - np.eye(n)]).T
    return Contributions(values, (n - 1) * (without.mean(1, keepdims=True) - without), ids, tuple(families), bounds=bounds)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _against_rivals(won: np.ndarray, place: np.ndarray, ids: np.ndarray, taken: np.ndarray, pairs: list,
                    families: Sequence[str]) -> Contributions:
    """won (n_fits, n_trials): shares in [0, 1]; taken (n_fits, n_pictures): what all trials gain without a rival, and by `pairs`."""
    scale = len(ids) / len(place)
    own = mean_contributions(won, ids[place])
    parts = own.parts - scale * (taken - taken.mean(1, keepdims=True))
    return Contributions(own.values, parts, ids, tuple(families), tuple(matrix * scale for matrix in pairs), SHARE)


def _by_picture(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Sums over the trials of each picture, (n_fits, n_pictures)."""
    return np.array([np.bincount(place, row) for row in values])


def _roots(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square root of a covariance, and of its inverse, but in directions without variance, where both are 0."""
    values, vectors = np.linalg.eigh(covariance)
    known = values > values.max() * len(values) * np.finfo(float).eps
    root = np.sqrt(np.where(known, values, 1.0))
    return (vectors * np.where(known, root, 0.0)) @ vectors.T, (vectors * np.where(known, 1 / root, 0.0)) @ vectors.T


def _standard(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (rows - rows.mean(0)) / rows.std(0)
