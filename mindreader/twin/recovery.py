"""Test recovery of the ground truth by standard procedures: repeat reliability, contrasts, receptive fields, decoding.

Truths are arguments, so that most procedures also run on NSD, which has none. Repeats of a picture are never treated as
independent samples: folds, permutations and intervals are over pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from ..records import Trials

__all__ = ["Attended", "CONTRASTS", "correlations", "cross_decode", "decode_attended", "mean_responses", "pattern_reliability",
           "preferences", "receptive_field_centres", "session_moments"]

PENALTIES = np.logspace(1, 5, 9)   # of the ridge; betas are z-scored, so they have no unit
N_FOLDS = 5
# contrast -> which pictures show it, from the planted factors of a scene
CONTRASTS = {
    "faces": lambda f: f.face > 0,
    "bodies": lambda f: (f.has_person > 0) & (f.face == 0),
    "places": lambda f: (f.things <= 1) & (f.face == 0),
    "words": lambda f: f.words > 0,
}
_BLOCKS = 8                        # a picture is cut into 8 x 8 squares for receptive fields


def mean_responses(trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Average responses over the repeats of each picture: ids, ascending, and means, (n_pictures, n_voxels)."""
    ids, counts = np.unique(trials.image_ids, return_counts=True)
    order = np.argsort(trials.image_ids, kind="stable")
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    return ids, np.add.reduceat(trials.betas[order], starts, axis=0) / counts[:, None].astype(np.float32)


# ── repeats and sessions ─────────────────────────────────────────────────────────────────────────────────────────────
def pattern_reliability(trials: Trials, *, seed: int) -> pd.DataFrame:
    """Correlate response patterns between repeats of the same picture, and between trials of different pictures.

    Returns
    -------
    table image_id, n_trials, same, other
        One row for each picture with several trials: mean correlation over voxels between its trials, and between
        each of them and one random trial of another picture.
    """
    rng = np.random.default_rng(seed)
    pattern = trials.betas - trials.betas.mean(1, keepdims=True)
    pattern /= np.maximum(np.linalg.norm(pattern, axis=1, keepdims=True), 1e-9)
    order = np.argsort(trials.image_ids, kind="stable")
    ids, starts, counts = np.unique(trials.image_ids[order], return_index=True, return_counts=True)
    rows = []
    for image, start, n in zip(ids, starts, counts):
        if n < 2 or n == len(order):
            continue
        mine = order[start:start + n]
        others = order[(start + n + rng.integers(len(order) - n, size=n)) % len(order)]
        alike = pattern[mine] @ pattern[mine].T
        rows.append({"image_id": image, "n_trials": n, "same": (alike.sum() - np.trace(alike)) / (n * (n - 1)),
                     "other": float((pattern[mine] * pattern[others]).sum(1).mean())})
    return pd.DataFrame(rows, columns=["image_id", "n_trials", "same", "other"])


def session_moments(blocks) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of every voxel in each session, both (n_sessions, n_voxels); `blocks` yields the betas of each."""
    moments = [(block.mean(0, dtype=np.float64), block.std(0, dtype=np.float64)) for block in blocks]
    means, sds = (np.stack(part) for part in zip(*moments))
    return means, sds


# ── contrasts ────────────────────────────────────────────────────────────────────────────────────────────────────────
def preferences(trials: Trials, shows: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Welch's t of every voxel for pictures that show something against those that do not.

    Repeats are averaged first, so that n counts pictures.

    Parameters
    ----------
    trials : Trials
    shows : (n_pictures,) bool
        For each picture, ids ascending.
    weights : (n_draws, n_pictures), optional
        How often each picture counts, for resampling; every picture once by default.

    Returns
    -------
    (n_draws, n_voxels), or (n_voxels,) without weights
        NaN where a side has fewer than two pictures.

    Raises ValueError unless `shows` has one value per picture.
    """
    ids, mean = mean_responses(trials)
    if len(shows) != len(ids):
        raise ValueError(f"got labels for {len(shows)} pictures, expected one for each of the {len(ids)} shown")
    drawn = np.ones((1, len(ids))) if weights is None else np.asarray(weights, np.float64)
    mean = mean.astype(np.float64)
    sides = []
    for side in (shows, ~shows):
        part, w = mean[side], drawn[:, side]
        n = w.sum(1)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = w @ part / n
            spread = np.maximum(w @ part**2 / n - centre**2, 0) / np.where(n > 1, n - 1, np.nan)
        sides.append((centre, spread))
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (sides[0][0] - sides[1][0]) / np.sqrt(sides[0][1] + sides[1][1])
    return t[0] if weights is None else t


def receptive_field_centres(trials: Trials, ids: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Estimate receptive-field centres, (n_voxels, 2): x to the right, y down, the picture spans -1 to 1.

    Ridge regression of the responses on edge energy in 8 x 8 squares; the centre of mass of the squared positive
    weights. Noise biases centres towards the middle, so their order and side count, not distance.

    Parameters
    ----------
    trials : Trials
    ids : (n,) int
        Of `images`; ValueError where a shown picture is not among them.
    images : (n, height, width, 3) uint8
    """
    shown, mean = mean_responses(trials)
    rows = pd.Index(ids).get_indexer(shown)
    if (rows < 0).any():
        raise ValueError(f"picture {shown[rows < 0][0]} was shown but is not among the {len(ids)} given, expected all")
    energy = np.concatenate([_edge_energy(images[rows[at:at + 512]]) for at in range(0, len(rows), 512)])
    x = (energy - energy.mean(0)) / np.maximum(energy.std(0), 1e-9)
    weights = np.linalg.solve(x.T @ x + 0.5 * len(x) * np.eye(x.shape[1]), x.T @ (mean - mean.mean(0)))
    mass = np.maximum(weights, 0) ** 2
    grid = (np.arange(_BLOCKS) + 0.5) / _BLOCKS * 2 - 1
    down, across = np.meshgrid(grid, grid, indexing="ij")
    with np.errstate(invalid="ignore"):
        return np.stack([(place.ravel() @ mass) / mass.sum(0) for place in (across, down)], 1)


def _edge_energy(images: np.ndarray) -> np.ndarray:
    """Contrast of light in each of 8 x 8 squares, compressed, (n, 64)."""
    light = images.astype(np.float32) @ np.array([0.30, 0.59, 0.11], np.float32) / 255
    side = light.shape[1] // _BLOCKS
    light = light[:, :side * _BLOCKS, :side * _BLOCKS]
    across, down = np.diff(light, axis=2, append=light[:, :, -1:]), np.diff(light, axis=1, append=light[:, -1:])
    squares = (across**2 + down**2).reshape(len(light), _BLOCKS, side, _BLOCKS, side).mean((2, 4))
    return squares.reshape(len(light), -1) ** 0.3   # the response to contrast is compressive


# ── decoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def cross_decode(betas: np.ndarray, image_ids: np.ndarray, targets: np.ndarray, *, seed: int, n_folds: int = N_FOLDS,
                 penalties: np.ndarray = PENALTIES) -> np.ndarray:
    """Predict the targets of each trial by ridge regression cross-validated over pictures, (n_trials, n_targets).

    For each fold the penalty of each target is the one that predicts another fold best, and the weights are fitted on
    all other folds.

    Parameters
    ----------
    betas : (n_trials, n_voxels)
    image_ids : (n_trials,)
    targets : (n_trials, n_targets)
    seed : int
        Of the folds.

    Raises ValueError for fewer pictures than folds.
    """
    ids, inverse = np.unique(image_ids, return_inverse=True)
    if len(ids) < n_folds:
        raise ValueError(f"got {len(ids)} pictures, expected at least {n_folds}, one for each fold")
    fold = (np.random.default_rng(seed).permutation(len(ids)) % n_folds)[inverse]
    x, y = (np.asarray(a, np.float64) for a in (betas, targets))
    parts = [_sums(x[fold == k], y[fold == k]) for k in range(n_folds)]
    predicted = np.empty_like(y)
    for k in range(n_folds):
        other = (k + 1) % n_folds
        training = [p for j, p in enumerate(parts) if j not in (k, other)]
        errors = [((w(x[fold == other]) - y[fold == other]) ** 2).mean(0) for w in _ridge_path(training, penalties)]
        best = np.argmin(errors, axis=0)
        for i, predict in enumerate(_ridge_path(training + [parts[other]], penalties)):
            predicted[np.ix_(fold == k, best == i)] = predict(x[fold == k])[:, best == i]
    return predicted


def _sums(x: np.ndarray, y: np.ndarray) -> tuple:
    """Sufficient statistics of ridge regression, additive over sets of rows."""
    return len(x), x.sum(0), y.sum(0), x.T @ x, x.T @ y


def _ridge_path(parts: list[tuple], penalties: np.ndarray):
    """Yield for each penalty a function from betas to predictions, fitted on the rows behind these sums."""
    n, sum_x, sum_y, xx, xy = (sum(group) for group in zip(*parts))
    mean_x, mean_y = sum_x / n, sum_y / n
    values, vectors = np.linalg.eigh(xx - n * np.outer(mean_x, mean_x))
    turned = vectors.T @ (xy - n * np.outer(mean_x, mean_y))
    for penalty in penalties:
        weights = vectors @ (turned / (np.maximum(values, 0) + penalty)[:, None])
        yield lambda x, weights=weights: (x - mean_x) @ weights + mean_y


def correlations(predicted: np.ndarray, truth: np.ndarray, image_ids: np.ndarray, *, seed: int,
                 n_bootstrap: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Correlate predicted and true values of each target, and average, with 95 % bootstrap intervals.

    Parameters
    ----------
    predicted, truth : (n_trials, n_targets)
    image_ids : (n_trials,)
        Pictures are resampled with all their trials. A target that is constant in a resample is left out of it.
    seed : int

    Returns
    -------
    each : (n_targets, 3), mean : (3,)
        Value, low, high.
    """
    ids, inverse = np.unique(image_ids, return_inverse=True)
    terms = np.stack([np.ones_like(predicted), predicted, truth, predicted**2, truth**2, predicted * truth])
    # terms: [6 n_trials n_targets]
    sums = np.zeros((len(terms), len(ids), predicted.shape[1]))
    for total, term in zip(sums, terms):
        np.add.at(total, inverse, term)
    drawn = np.random.default_rng(seed).multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=n_bootstrap)
    n, a, b, aa, bb, ab = np.einsum("dp,kpt->kdt", np.vstack([np.ones(len(ids)), drawn]), sums, optimize=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (ab - a * b / n) / np.sqrt((aa - a * a / n) * (bb - b * b / n))
    each, mean = (np.stack([values[0], *np.nanquantile(values[1:], [0.025, 0.975], axis=0)], -1)
                  for values in (r, np.nanmean(r, axis=1)))
    return each, mean


@dataclass(frozen=True, eq=False)
class Attended:
    """Decoded attention, trial by trial, for pictures of which different things were attended on different repeats.

    rows    (n,)   of the trials, picture by picture
    decoded (n,)   the decoded thing, as a column of the evidence
    hit     (n,)   whether it was the attended one
    chance  share of hits if the trials of each picture are swapped at random
    p       share of swaps that give as many hits, one-sided
    """

    rows: np.ndarray
    decoded: np.ndarray
    hit: np.ndarray
    chance: float
    p: float


def decode_attended(evidence: np.ndarray, present: np.ndarray, attended: np.ndarray, image_ids: np.ndarray, *,
                    seed: int, n_swaps: int = 9999) -> Attended:
    """Decode which thing of the picture was attended on each trial, from evidence for the presence of each.

    Evidence is centred over the repeats of a picture, so that a thing that is always stronger, say the largest, gains
    nothing; chance is the permutation of the attended thing among repeats.

    Parameters
    ----------
    evidence : (n_trials, n_things)
        For the presence of each thing, decoded from the trial.
    present : (n_trials, n_things) bool
        Which things the picture shows.
    attended : (n_trials,) int
        The attended thing as a column of `evidence`, -1 for none of them.
    image_ids : (n_trials,)

    Raises ValueError where no picture has repeats on which different things were attended.
    """
    rows, decoded, hit, swapped = [], [], [], []
    order = np.argsort(image_ids, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(image_ids[order])) + 1):
        mine = mine[attended[mine] >= 0]
        things, labels = np.flatnonzero(present[mine[:1]].any(0)), attended[mine]
        if len(np.unique(labels)) < 2:
            continue
        centred = evidence[np.ix_(mine, things)]
        predicted = things[(centred - centred.mean(0)).argmax(1)]
        rows.append(mine), decoded.append(predicted), hit.append(predicted == labels)
        swapped.append([(predicted == labels[list(p)]).sum() for p in permutations(range(len(mine)))])
    if not rows:
        raise ValueError("got no picture whose trials carried different things, expected some; more trials are needed")
    total, n = sum(h.sum() for h in hit), sum(map(len, hit))
    rng = np.random.default_rng(seed)
    by_chance = sum(np.asarray(s)[rng.integers(len(s), size=n_swaps)] for s in swapped)
    return Attended(np.concatenate(rows), np.concatenate(decoded), np.concatenate(hit),
                    float(sum(np.mean(s) for s in swapped) / n),
                    float((1 + (by_chance >= total).sum()) / (1 + n_swaps)))
