"""Fit linear encoding models: ridge regression on one space of features, banded ridge on several, by himalaya."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from himalaya.ridge import GroupRidgeCV, RidgeCV

from ..records import Embeddings, Trials
from .baselines import _computing_on, _folds

ALPHAS = np.logspace(-4, 4, 17)
N_COMPONENTS = 128      # of each space at most, so that none wins by its size
_MINOR = 0.02           # what a band has of the scale where another dominates


@dataclass(frozen=True, eq=False)
class LinearEncoder:
    """A fitted linear encoding model.

    projections  space -> (mean (n_features,), matrix (n_features, n_components)): to components of a total variance of 1
    weights      space -> (n_components, n_voxels)
    intercept    (n_voxels,)
    scales       (n_spaces, n_voxels)   share of the prior's scale that each space has, sums to 1; all 1 for one space
    """

    projections: dict[str, tuple[np.ndarray, np.ndarray]]
    weights: dict[str, np.ndarray]
    intercept: np.ndarray
    scales: np.ndarray

    def predict(self, spaces: Mapping[str, Embeddings], image_ids: np.ndarray) -> np.ndarray:
        """Predicted responses to these pictures, row by row, (n, n_voxels) float32; KeyError for a picture without features."""
        out = np.repeat(self.intercept[None], len(image_ids), axis=0)
        for name, (mean, matrix) in self.projections.items():
            out += (spaces[name].at(image_ids) - mean) @ matrix @ self.weights[name]
        return out.astype(np.float32)


def fit_linear_encoder(spaces: Mapping[str, Embeddings], trials: Trials, *, seed: int, alphas: np.ndarray = ALPHAS, n_folds: int = 3,
                       n_components: int = N_COMPONENTS, device: str = "cpu") -> LinearEncoder:
    """Fit every voxel's response, averaged over repeats, as a linear function of the features of the picture.

        r = sum_s X_s w_s,    w_s ~ N(0, g_s / a)

    One space is ridge regression. Several are bands, each with its own penalty in every voxel (banded ridge): its share g_s of
    the scale is chosen among all equal, one that dominates, and two that share. Penalties minimize the squared error on held-out
    training pictures. Each space is reduced to its first principal components over the training pictures.

    Parameters
    ----------
    spaces : dict of name to Embeddings
        One row for each picture.
    trials : Trials
        Of the training side.
    alphas : array
        Candidates for the penalty `a`, relative to spaces of a total variance of 1.
    n_folds : int
        Folds of the training pictures, drawn with `seed`.

    Raises ValueError for fewer pictures than folds or no space, KeyError for a picture without features.
    Source: Dupré la Tour et al. 2022 (himalaya), Nunez-Elizalde et al. 2019 (banded ridge).
    """
    if not spaces:
        raise ValueError("got no space of features, expected at least one to predict responses from")
    ids, mean = _mean_responses(trials)
    projections = {name: _components(features.at(ids), n_components) for name, features in spaces.items()}
    inputs = [(spaces[name].at(ids) - centre) @ matrix for name, (centre, matrix) in projections.items()]
    folds = _folds(ids, n_folds, seed)
    if len(inputs) == 1:
        model = RidgeCV(alphas, fit_intercept=True, cv=folds, solver_params={"n_alphas_batch": 1, "warn": False})
    else:
        model = GroupRidgeCV(groups="input", fit_intercept=True, cv=folds, random_state=seed % 2**32, solver_params={
            "n_iter": _band_scales(len(inputs)), "alphas": alphas, "n_alphas_batch": 1, "progress_bar": False, "warn": False})
    with _computing_on(device) as as_array:
        model.fit(inputs[0] if len(inputs) == 1 else inputs, mean)
        coef, intercept = as_array(model.coef_), as_array(model.intercept_)
        deltas = as_array(model.deltas_) if len(inputs) > 1 else np.zeros((1, mean.shape[1]))
    ends = np.cumsum([0, *(part.shape[1] for part in inputs)])
    weights = {name: coef[a:b].astype(np.float32) for name, a, b in zip(spaces, ends, ends[1:])}
    scales = np.exp(deltas - deltas.max(0))
    return LinearEncoder(projections, weights, intercept.astype(np.float32), scales / scales.sum(0))


def _mean_responses(trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Picture ids, ascending, and responses averaged over repeats, (n_pictures, n_voxels) float32."""
    ids, inverse, counts = np.unique(trials.image_ids, return_inverse=True, return_counts=True)
    total = np.zeros((len(ids), trials.betas.shape[1]), np.float32)
    np.add.at(total, inverse, trials.betas)
    return ids, total / counts[:, None].astype(np.float32)


def _components(features: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and the matrix to the first n principal components, scaled together to a total variance of 1."""
    mean = features.mean(0, dtype=np.float64)
    _, spread, directions = np.linalg.svd(features - mean, full_matrices=False)
    if spread[0] < 1e-6:                                        # a constant space: one component, of zeros
        return mean.astype(np.float32), np.zeros((features.shape[1], 1), np.float32)
    kept = spread[:n] > 1e-6 * spread[0]
    total = np.sqrt((spread[:n][kept] ** 2).sum() / len(features))
    return mean.astype(np.float32), (directions[:n][kept].T / total).astype(np.float32)


def _band_scales(n: int) -> np.ndarray:
    """Shares of the prior's scale to choose among, (n_candidates, n_bands): equal, one dominant, two together.

    >>> _band_scales(2).round(2).tolist()
    [[0.5, 0.5], [0.98, 0.02], [0.02, 0.98]]
    """
    found = [np.ones(n)] + [np.where(np.arange(n) == k, 1, _MINOR) for k in range(n)]
    if n > 2:
        found += [np.where(np.isin(np.arange(n), (a, b)), 1, _MINOR) for a in range(n) for b in range(a)]
    scales = np.array(found, float)
    return scales / scales.sum(1, keepdims=True)
