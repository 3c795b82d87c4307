"""How well was it read: retrieval, identification, distances, AUC and ceilings, each with its chance and interval.

Rows are joined by image id and key, never by position: shuffling the rows of an input changes no score. Tables are
tidy, with columns name, metric, value, low, high, n, chance, seed, origin (and more); the interval is 95 %. Rows of
retrieval and identification also say by which named protocol they were made (column protocol, see `protocols`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import norm

from .records import Embeddings

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
LEVEL = 0.95
COLUMNS = ("name", "metric", "value", "low", "high", "n", "chance", "seed", "origin")
BATCH = {"n": 300}                              # what each protocol takes unless told otherwise; see `stamp`
DRAWS = {"n": 300, "n_draws": 30}
CHOICES = {"n_choices": 2}


# ── intervals ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def wilson(k: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval for k successes in n independent tries, in [0, 1]."""
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"got {k} successes in {n} tries, expected 0 <= successes <= tries and at least one try")
    z = norm.ppf(0.5 + level / 2)
    middle, half = (k + z * z / 2) / (n + z * z), z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def bootstrap_interval(values: np.ndarray, image_ids: np.ndarray, *, seed: int, n_bootstrap: int = 1000,
                       level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean of `values` (n,) when pictures are drawn again with replacement, all their trials with them.

    Trials of one picture are not independent, so resampling trials would claim too much. Departs: the paper gives the
    spread of redrawn rivals only.
    """
    weights, _, inverse = _image_weights(image_ids, seed, n_bootstrap)
    totals, counts = np.bincount(inverse, values), np.bincount(inverse)
    means = weights @ totals / (weights @ counts)
    return _quantiles(means, level)


# ── retrieval ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, eq=False)
class Batch:
    """Trials that compete in one retrieval: similarity (n, n) is cos(true point i, prediction j), in trial order."""

    similarity: np.ndarray
    image_ids: np.ndarray
    keys: np.ndarray

    def nearness(self, direction: Direction) -> np.ndarray:
        """The similarity as this direction asks for it, [given, candidates]: given predictions forward, else true points."""
        check_direction(direction)
        return self.similarity if direction == "backward" else self.similarity.T


def check_direction(direction: str) -> None:
    """Raise ValueError where this is no direction of retrieval."""
    if direction not in DIRECTIONS:
        raise ValueError(f"got direction {direction!r}, expected forward (brain to picture) or backward")


def batch(predicted: Embeddings, truth: Embeddings, *, n: int | None = 300, start: int = 0, rows=None, seed: int = 0) -> Batch:
    """The trials start .. start + n in trial order (or those at `rows` of it), with cosines to their true points.

    Where a picture has several true points (captions), each trial gets one, drawn with `seed`, as the released code
    draws a caption at each access. Source: paper §3.2.
    """
    order = np.lexsort((predicted.image_ids, predicted.keys))
    rows = slice(start, None if n is None else start + n) if rows is None else np.sort(rows)
    chosen = predicted.take(order[rows])
    if n is not None and len(chosen) < n:
        raise ValueError(f"got {len(predicted)} trials, expected at least {start + n} for a batch of {n} from trial "
                         f"{start} on; lower n (evaluate.n_retrieval)")
    true = _aligned(truth, chosen.image_ids, seed)
    return Batch(_cosine(true, chosen.vectors), chosen.image_ids, chosen.keys)


def hits(batch: Batch, direction: Direction) -> np.ndarray:
    """Which trials of a batch find their picture, (n,) bool.

    forward: given a prediction, its own picture's point is nearer than any other picture's. backward: given a
    picture's point, a prediction from that picture is nearer than any from another. Another showing of the same
    picture is as good (as in the released code); a tie with another picture is a miss. Source: paper §3.2.
    """
    nearness = batch.nearness(direction)
    same = batch.image_ids[:, None] == batch.image_ids
    right = np.where(same, nearness, -np.inf).max(1)
    wrong = np.where(same, -np.inf, nearness).max(1)
    return right > wrong


def retrieval(predicted: Embeddings, truth: Embeddings, *, direction: Direction, n: int = 300, seed: int = 0,
              name: str = "", origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """How many of the first n trials find their picture among n, in [0, 1]: one row, with an interval over pictures.

    Extra columns: hits (the count, as the paper prints it) and wilson_low, wilson_high. See `hits` and `batch`.
    """
    return score_batch(batch(predicted, truth, n=n, seed=seed), direction, seed=seed, name=name, origin=origin,
                       n_bootstrap=n_bootstrap)


def score_batch(batch: Batch, direction: Direction, *, seed: int = 0, name: str = "", origin: str = "",
                n_bootstrap: int = 1000, unusual: Mapping | None = None) -> pd.DataFrame:
    """The row that `retrieval` returns, for a batch at hand; `unusual` goes into the stamp: what else was done to it."""
    won, n = hits(batch, direction), len(batch.image_ids)
    low, high = bootstrap_interval(won, batch.image_ids, seed=seed, n_bootstrap=n_bootstrap)
    chance = (batch.image_ids[:, None] == batch.image_ids).mean()
    wilson_low, wilson_high = wilson(int(won.sum()), n)
    return row(name, f"retrieval {direction}", won.mean(), low, high, n, chance, seed, origin, hits=int(won.sum()),
               wilson_low=wilson_low, wilson_high=wilson_high,
               protocol=stamp(f"retrieval/mindreader-{direction}@1", {"n": n, **(unusual or {})}, BATCH))


def retrieval_draws(predicted: Embeddings, truth: Embeddings, *, direction: Direction, n: int = 300, n_draws: int = 30,
                    seed: int = 0, name: str = "", origin: str = "") -> pd.DataFrame:
    """Mean of the same score over random batches of n trials; low and high span 95 % of the batches, `sd` their spread.

    This is how far one batch may lie from another; it is no interval for the mean, as batches share trials.
    """
    batches = random_batches(predicted, truth, n=n, n_draws=n_draws, seed=seed)
    values = np.array([hits(b, direction).mean() for b in batches])
    chance = np.mean([(b.image_ids[:, None] == b.image_ids).mean() for b in batches])
    low, high = _quantiles(values, LEVEL)
    return row(name, f"retrieval {direction}, random batches", values.mean(), low, high, n, chance, seed, origin,
               sd=values.std(ddof=1) if n_draws > 1 else np.nan, n_draws=n_draws,
               protocol=stamp(f"retrieval/mindreader-{direction}-draws@1", {"n": n, "n_draws": n_draws}, DRAWS))


def random_batches(predicted: Embeddings, truth: Embeddings, *, n: int = 300, n_draws: int = 30,
                   seed: int = 0) -> list[Batch]:
    """n_draws batches of n trials each, drawn without replacement within a batch; they share trials between them."""
    rng = np.random.default_rng(seed)
    if len(predicted) < n:
        raise ValueError(f"got {len(predicted)} trials, expected at least {n}; lower n (evaluate.n_retrieval)")
    return [batch(predicted, truth, n=n, rows=rng.choice(len(predicted), n, replace=False), seed=seed + i)
            for i in range(n_draws)]


def nearest(predicted: Embeddings, truth: Embeddings, k: int) -> np.ndarray:
    """Ids of the k pictures of `truth` nearest to each prediction, nearest first, (n, k); several points: their mean."""
    truth = truth.per_image()
    if k > len(truth):
        raise ValueError(f"asked for the {k} nearest pictures, got {len(truth)} candidates; ask for fewer")
    order = np.argsort(-_cosine(predicted.vectors, truth.vectors), axis=1, kind="stable")
    return truth.image_ids[order[:, :k]]


# ── several mappers at once ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Weights:
    """How much each mapper counts, and the (image id, key) of the trials on which that was chosen."""

    values: tuple[float, ...]
    chosen_on: frozenset


def choose_weights(batches: Sequence[Batch], *, step: float = 0.05) -> Weights:
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


def combine(batches: Sequence[Batch], weights: Weights) -> Batch:
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


def combined_retrieval(predicted: Sequence[Embeddings], truth: Sequence[Embeddings], *, direction: Direction,
                       n: int = 300, step: float = 0.05, seed: int = 0, name: str = "", origin: str = "",
                       n_bootstrap: int = 1000) -> pd.DataFrame:
    """Retrieval of the first n trials by several mappers at once; weights are chosen on the n trials after them.

    One row as from `retrieval`, with the extra column weights. Source: paper Table 4.
    """
    after = min(n, min(len(p) for p in predicted) - n)
    if after < 2:
        raise ValueError(f"got {len(predicted[0])} trials, expected more than {n + 1}: {n} to score and others to choose "
                         "the weights on; lower n (evaluate.n_retrieval)")
    weights = choose_weights([batch(p, t, n=after, start=n, seed=seed) for p, t in zip(predicted, truth)], step=step)
    mixed = combine([batch(p, t, n=n, seed=seed) for p, t in zip(predicted, truth)], weights)
    table = score_batch(mixed, direction, seed=seed, name=name, origin=origin, n_bootstrap=n_bootstrap)
    return table.assign(weights=" ".join(f"{w:.2f}" for w in weights.values))


# ── n-way identification ───────────────────────────────────────────────────────────────────────────────────────────────
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
    return row(name, f"{n_choices}-way identification", won.mean(), low, high, len(guess), 1 / n_choices, seed, origin,
               protocol=stamp("nway/exact@1", {"n_choices": n_choices}, CHOICES))


# ── distances between two sets of pictures ─────────────────────────────────────────────────────────────────────────────
def frechet_distance(a, b) -> float:
    """Distance of the normal distributions fitted to two sets of points (FID, if the points are Inception's).

        |mean_a - mean_b|^2 + trace(S_a + S_b - 2 (S_a S_b)^(1/2))

    a, b: Embeddings or arrays (n, d), (m, d). In float64; biased upwards for few points. Source: paper Table 1.
    """
    a, b = _vectors(a), _vectors(b)
    s_a, s_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(s_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ s_b @ root).clip(0)).sum()      # = trace of (S_a S_b)^(1/2)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s_a) + np.trace(s_b) - 2 * overlap)


def kernel_distance(a, b) -> float:
    """Kernel distance (KID): unbiased squared MMD with the kernel (x.y / d + 1)^3; may fall below 0 by chance.

    a, b: Embeddings or arrays (n, d), (m, d). Stands beside the Fréchet distance since few points do not inflate it.
    """
    a, b = _vectors(a), _vectors(b)
    n, m = len(a), len(b)
    aa, bb, ab = ((x @ y.T / a.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within_a, within_b = (aa.sum() - np.trace(aa)) / (n * (n - 1)), (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within_a + within_b - 2 * ab.mean())


def distances(guess, truth, *, name: str = "", origin: str = "", features: str = "twin features") -> pd.DataFrame:
    """Two rows, the Fréchet and the kernel distance; no interval and no chance: compare with halves of real pictures."""
    n = len(guess)
    return pd.concat([
        row(name, f"FD ({features})", frechet_distance(guess, truth), np.nan, np.nan, n, np.nan, np.nan, origin),
        row(name, f"KD ({features})", kernel_distance(guess, truth), np.nan, np.nan, n, np.nan, np.nan, origin),
    ], ignore_index=True)


# ── classes, voxels ────────────────────────────────────────────────────────────────────────────────────────────────────
def auc_by_class(labels: np.ndarray, scores: np.ndarray, names: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Area under the ROC curve of each class: how often a trial with the class scores above one without.

    Parameters
    ----------
    labels : bool array (n, n_classes)
    scores : array (n, n_classes)
        Any monotone score; ties count one half.

    Returns
    -------
    table category, value, n_present, n, and the names of the classes left out because they are in all or in no trials
    """
    labels = _checked_labels(labels, scores, names)
    present = labels.sum(0)
    defined = (present > 0) & (present < len(labels))
    values = [weighted_auc(labels[:, c], scores[:, c], np.ones((1, len(labels))))[0] for c in np.flatnonzero(defined)]
    table = pd.DataFrame({"category": np.asarray(names, object)[defined], "value": np.array(values, float),
                          "n_present": present[defined], "n": len(labels)})
    return table, [name for name, ok in zip(names, defined) if not ok]


def mean_auc_interval(labels: np.ndarray, scores: np.ndarray, image_ids: np.ndarray, *, seed: int,
                      n_bootstrap: int = 1000, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean AUC over classes when pictures are drawn again; a class absent from a draw is left out of it."""
    labels = _checked_labels(labels, scores, range(np.shape(scores)[1]))
    weights, _, inverse = _image_weights(image_ids, seed, n_bootstrap)
    weights = weights[:, inverse]                                                # [n_bootstrap, trials]
    defined = labels.any(0) & ~labels.all(0)
    values = np.stack([weighted_auc(labels[:, c], scores[:, c], weights) for c in np.flatnonzero(defined)])
    return _quantiles(np.nanmean(values, 0), level)


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC of one class under several weightings of its trials, (n_weightings,); NaN where a label has no weight.

    labels, scores (n,); weights (n_weightings, n). Ties count one half.
    """
    order = np.argsort(scores, kind="stable")
    labels, weights = labels[order].astype(bool), weights[:, order]
    _, first, inverse = np.unique(scores[order], return_index=True, return_inverse=True)
    last = np.append(first[1:], len(order))
    absent = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights * ~labels, axis=1)], axis=1)
    below = (absent[:, first] + absent[:, last])[:, inverse] / 2                 # absent weight below, ties by half
    mine = weights * labels
    with np.errstate(invalid="ignore"):
        return (mine * below).sum(1) / (mine.sum(1) * absent[:, -1])


def noise_ceiling(ncsnr: np.ndarray, n: int | Mapping[int, int] = 1) -> np.ndarray:
    """Share of a voxel's variance that a perfect model could explain: s^2 / (s^2 + 1/n), in [0, 1].

    n: trials averaged, or {repeats: number of pictures with so many}, whose mean of 1/repeats then stands for 1/n. The
    ceiling of a correlation is the square root. NaN stays NaN. Source: NSD data manual; paper A.8.
    """
    if isinstance(n, Mapping):
        inverse = sum(count / repeats for repeats, count in n.items()) / sum(n.values())
    elif n >= 1:
        inverse = 1 / n
    else:
        raise ValueError(f"got n={n}, expected at least one trial")
    signal = np.square(np.asarray(ncsnr, float))
    return signal / (signal + inverse)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of each column of a with the same column of b, both (n, m), as (m,); NaN where one is constant."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"got shapes {a.shape} and {b.shape}, expected twice the same (rows, columns)")
    a, b = a - a.mean(0), b - b.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


# ── controls ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def shuffled(points: Embeddings, seed: int) -> Embeddings:
    """The same rows with their vectors dealt out anew so that none stays with its own picture: the floor of any score.

    Every vector is used once. Pictures are laid out in random order, and each row takes the vector one longest group
    further on.
    """
    ids, inverse, counts = np.unique(points.image_ids, return_inverse=True, return_counts=True)
    longest = counts.max()
    if 2 * longest > len(points):
        raise ValueError(f"image {ids[counts.argmax()]} holds {longest} of {len(points)} rows, expected at most half, "
                         "so that every row can get another image's vector")
    place = np.random.default_rng(seed).permutation(len(ids))
    order = np.lexsort((points.keys, place[inverse]))
    vectors = np.empty_like(points.vectors)
    vectors[order] = points.vectors[np.roll(order, -longest)]
    return Embeddings(vectors, points.image_ids, points.keys, points.space, points.source)


def mean_point(points: Embeddings, like: Embeddings) -> Embeddings:
    """The mean of `points` (training points, say) as the prediction for every row of `like`: what no brain is needed for."""
    mean = np.repeat(points.per_image().vectors.mean(0, keepdims=True), len(like), 0)
    return Embeddings(mean, like.image_ids, like.keys, like.space, like.source)


def row(name: str, metric: str, value: float, low: float, high: float, n: int, chance: float, seed: int, origin: str,
        **extra) -> pd.DataFrame:
    """One row of a tidy score table."""
    cells = (name, metric, float(value), float(low), float(high), n, float(chance), seed, origin)
    return pd.DataFrame([dict(zip(COLUMNS, cells)) | extra])


def stamp(protocol: str, settings: Mapping, usual: Mapping) -> str:
    """The protocol's name and version, with the settings that are not its usual ones: "nway/exact@1 (n_choices=50)"."""
    differs = ", ".join(f"{name}={value}" for name, value in settings.items() if value != usual.get(name))
    return f"{protocol} ({differs})" if differs else protocol


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _image_weights(image_ids, seed: int, n_bootstrap: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ids, inverse = np.unique(image_ids, return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=n_bootstrap)    # [n_bootstrap, pictures]
    return weights.astype(np.float64), ids, inverse


def _quantiles(values: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    for x in (a, b):
        if not np.isfinite(x).all():
            raise ValueError(f"{(~np.isfinite(x).all(1)).sum()} of {len(x)} points are not finite, expected numbers; "
                             "did a training diverge?")
    a, b = (x.astype(np.float64) / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b))
    return a @ b.T


def _aligned(truth: Embeddings, image_ids: np.ndarray, seed: int) -> np.ndarray:
    order = np.lexsort((truth.keys, truth.image_ids))
    ids, start, count = np.unique(truth.image_ids[order], return_index=True, return_counts=True)
    rows = pd.Index(ids).get_indexer(image_ids)
    if (rows < 0).any():
        raise ValueError(f"image {image_ids[rows < 0][0]} has no true point among the {len(ids)} pictures given, "
                         "expected one for every prediction")
    draw = (np.random.default_rng(seed).random(len(rows)) * count[rows]).astype(int)
    return truth.vectors[order[start[rows] + draw]]


def _duels(guess: Embeddings, truth: Embeddings, n_choices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pictures each guess is strictly farther from than its own, and which is its own; both [guesses, pictures]."""
    images, mine = np.unique(guess.image_ids, return_inverse=True)
    if not 2 <= n_choices <= len(images):
        raise ValueError(f"got n_choices={n_choices} with {len(images)} pictures, expected 2 to {len(images)}")
    nearness = _cosine(guess.vectors, truth.at(images))
    own = mine[:, None] == np.arange(len(images))
    return nearness < nearness[own][:, None], own, images


def _mix(batches: Sequence[Batch], weights: np.ndarray) -> Batch:
    first = batches[0]
    for other in batches[1:]:
        if not (np.array_equal(first.image_ids, other.image_ids) and np.array_equal(first.keys, other.keys)):
            raise ValueError("the batches hold different trials, expected the same trials from every mapper")
    return Batch(sum(w * b.similarity for w, b in zip(weights, batches)), first.image_ids, first.keys)


def _vectors(points) -> np.ndarray:
    vectors = np.asarray(points.vectors if isinstance(points, Embeddings) else points, np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise ValueError(f"got points of shape {vectors.shape}, expected at least two rows (n, d)")
    return vectors


def _checked_labels(labels, scores, names) -> np.ndarray:
    labels, shape = np.asarray(labels, bool), np.shape(scores)
    if labels.shape != shape or labels.shape[1:] != (len(names),):
        raise ValueError(f"got labels {labels.shape}, scores {shape} and {len(names)} names, expected (n, n_classes) twice "
                         "and n_classes names")
    return labels
