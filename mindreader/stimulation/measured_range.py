"""Measure how far a brain state lies from those that a mapper was trained on, and at which dose a stimulation leaves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

N_COMPONENTS = 100    # of the training trials; what varies beside them counts as alike in all directions
QUANTILE = 0.99       # of the distances of trials that were held out: beyond it, a state is outside the measured range


@dataclass(frozen=True, eq=False)
class MeasuredRange:
    """Where training trials lie, and how far from there trials that were held out still are.

    mean       (n_voxels,)
    axes       (n_components, n_voxels)   principal axes, each divided by the sd along it
    rest       variance of each of the other directions
    limit      distance that a share QUANTILE of held-out trials stays within

    Notes
    -----
    The distance is Mahalanobis' under probabilistic principal components, per voxel, so that 1 is usual:

        d^2 = ( sum_k z_k^2  +  |r|^2 / rest ) / n_voxels

    z_k are the scores in sd, r what the components leave. The distance to the nearest training trial is not used: single
    trials are mostly noise, so that each is far from every other, and one more displacement hardly shows (tested).
    Source: Tipping and Bishop (1999), Probabilistic principal component analysis.
    """

    mean: np.ndarray
    axes: np.ndarray
    rest: float
    limit: float

    def distance(self, betas: np.ndarray) -> np.ndarray:
        """Distance of each state, (n_states,)."""
        apart = np.asarray(betas, np.float64) - self.mean
        return np.sqrt(self._product(apart, apart) / len(self.mean))

    def distances(self, betas: np.ndarray, voxels: np.ndarray, doses: np.ndarray) -> np.ndarray:
        """Distance of each trial with these voxels set to each dose, (n_doses, n_trials)."""
        constant, linear, square = self._polynomial(betas, voxels)
        doses = np.asarray(doses, float)[:, None]
        return np.sqrt(np.maximum(constant + 2 * doses * linear + doses**2 * square, 0) / len(self.mean))

    def leaves_at(self, betas: np.ndarray, voxels: np.ndarray) -> np.ndarray:
        """The smallest dose, not negative, at which each trial with these voxels set to it is outside, (n_trials,)."""
        constant, linear, square = self._polynomial(betas, voxels)
        room = self.limit**2 * len(self.mean) - constant               # below 0: outside at dose 0 already
        return np.where(room <= 0, 0, (np.sqrt(linear**2 + square * np.maximum(room, 0)) - linear) / square)

    def _polynomial(self, betas: np.ndarray, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Coefficients of the squared distance over the dose."""
        voxels = np.asarray(voxels, bool)
        apart = np.where(voxels, 0.0, np.asarray(betas, np.float64)) - self.mean
        along = voxels.astype(np.float64)[None]
        return self._product(apart, apart), self._product(apart, along), float(self._product(along, along)[0])

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Inner products of rows under the inverse covariance."""
        scale = (self.axes**2).sum(1)                                  # 1 / variance along each axis
        x, y = a @ self.axes.T, b @ self.axes.T
        return (x * y).sum(1) + ((a * b).sum(1) - (x * y / scale).sum(1)) / self.rest


def fit_range(training: np.ndarray, held_out: np.ndarray, *, seed: int, n_components: int = N_COMPONENTS,
              quantile: float = QUANTILE) -> MeasuredRange:
    """Fit the range to the betas of training trials, (n, n_voxels), and its limit to those of held-out trials.

    Raises ValueError for fewer than three training trials, or without held-out ones.
    """
    if len(training) < 3 or not len(held_out):
        raise ValueError(f"got {len(training)} training and {len(held_out)} held-out trials, expected at least 3 and 1")
    n_components = min(n_components, len(training) - 2, training.shape[1] - 1)
    found = PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(training)
    axes = found.components_.astype(np.float64) / np.sqrt(np.maximum(found.explained_variance_, 1e-12))[:, None]
    known = MeasuredRange(found.mean_.astype(np.float64), axes, max(float(found.noise_variance_), 1e-12), np.inf)
    return MeasuredRange(known.mean, known.axes, known.rest, float(np.quantile(known.distance(held_out), quantile)))
