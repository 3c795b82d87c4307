"""Fit the baselines of the mapper: ridge regression, and a residual network of fully connected layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from himalaya.backend import get_backend, set_backend
from himalaya.ridge import RidgeCV
from torch import Tensor, nn

from ..records import Embeddings, Trials
from ..training import new_network
from .fitted import FittedNetwork, check_voxels
from .network import FittedMapper, MappingConfig, targets, train

BACKENDS = {"cpu": "numpy", "cuda": "torch_cuda"}   # of himalaya, by kind of device


def fit_ridge(trials: Trials, embeddings: Embeddings, *, clamp: float | None = 1.5, seed: int,
              alphas: np.ndarray = np.logspace(0, 6, 13), n_folds: int = 3, device: str = "cpu") -> RidgeMapper:
    """Fit the linear baseline, W = (X'X + a I)^-1 X'Y, with its own penalty `a` for each dimension, by himalaya.

    `a` minimizes the squared error on held-out training *pictures*, averaged over folds; validation trials are not used.
    The targets are the mapper's, with several captions averaged.

    Parameters
    ----------
    alphas : array
        Candidates for the penalty (no unit: betas are z-scored), ascending.
    n_folds : int
        Folds of the training pictures, drawn with `seed`.
    device : str
        "cpu", or "cuda" or "cuda:N": then the decompositions are torch's there.

    Returns RidgeMapper, with `.alpha` (n_dims,). Raises KeyError for a picture without embedding, ValueError for
    fewer pictures than folds.
    """
    truth = targets(embeddings.per_image(), clamp)
    ridge = RidgeCV(alphas, fit_intercept=True, cv=_folds(trials.image_ids, n_folds, seed),
                    solver_params={"n_alphas_batch": 1, "warn": False})
    with _computing_on(device) as as_array:
        ridge.fit(np.array(trials.betas), truth.at(trials.image_ids))
        penalty, weights, intercept = map(as_array, (ridge.best_alphas_, ridge.coef_, ridge.intercept_))
    chosen = np.abs(np.log(penalty)[:, None] - np.log(alphas)).argmin(1)  # himalaya's are rounded
    return RidgeMapper(weights.astype(np.float32), intercept.astype(np.float32), alphas[chosen], embeddings.space)


@dataclass(frozen=True, eq=False)
class RidgeMapper:
    """A fitted linear map: weights (n_voxels, n_dims), intercept (n_dims,), the chosen penalties, the space."""

    weights: np.ndarray
    intercept: np.ndarray
    alpha: np.ndarray
    space: str

    def predict(self, trials: Trials) -> Embeddings:
        """One embedding per trial; keys are the trial ids, source is "fmri"."""
        check_voxels(trials, len(self.weights))
        return Embeddings(trials.betas @ self.weights + self.intercept, trials.image_ids, trials.trial_ids, self.space,
                          "fmri")


@dataclass(frozen=True)
class MlpConfig:
    """Sizes of the fully connected network: hidden units, residual blocks, dropout rate."""

    width: int = 512
    n_blocks: int = 2
    dropout: float = 0.3

    def __post_init__(self):
        if self.width < 1 or self.n_blocks < 0 or not 0 <= self.dropout < 1:
            raise ValueError(f"got {self}, expected width of at least 1, n_blocks of at least 0, dropout from 0 to below 1")

    def network(self, n_voxels: int, n_dims: int) -> Mlp:
        """The untrained network of these sizes."""
        return Mlp(n_voxels, n_dims, self)


class Mlp(nn.Module):
    """Betas to an embedding, (B, n_voxels) -> (B, n_dims), every layer fully connected.

    x = W betas; x <- x + dropout(GELU(W norm(x))) in each block; the embedding is W dropout(GELU(norm(x))).
    """

    def __init__(self, n_voxels: int, n_dims: int, config: MlpConfig):
        super().__init__()
        width = config.width
        self.n_voxels, self.n_dims = n_voxels, n_dims
        self.n_bytes = 4 * max(n_voxels, width, n_dims)         # as of a `ResidualMapper`
        self.enter = nn.Linear(n_voxels, width)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
                                                  nn.Dropout(config.dropout)) for _ in range(config.n_blocks))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(width, n_dims))

    def forward(self, betas: Tensor) -> Tensor:
        x = self.enter(betas)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x)


def fit_mlp(trials_train: Trials, trials_val: Trials, embeddings: Embeddings, recipe: MappingConfig,
            config: MlpConfig = MlpConfig(), *, seed: int, device: str = "cpu", augmented: np.ndarray | None = None,
            checkpoint: Path | None = None, progress: Callable[..., Iterable] | None = None) -> FittedMlp:
    """Fit the fully connected network as `fit_mapper` fits the paper's: same targets, losses, steps and selection.

    The sizes in `recipe` are ignored; `config` has the network's. Raises as `fit_mapper`.
    """
    n_voxels, n_dims = trials_train.betas.shape[1], embeddings.vectors.shape[1]
    network = new_network(lambda: config.network(n_voxels, n_dims), seed)
    history = train(network, trials_train, trials_val, embeddings, recipe, seed=seed, device=device, augmented=augmented,
                    checkpoint=checkpoint, progress=progress, desc="mlp")
    return FittedMlp(network, config, recipe, embeddings.space, history)


@dataclass(frozen=True, eq=False)
class FittedMlp(FittedNetwork):
    """A trained fully connected network, its sizes, the recipe, the space it maps to, and its losses."""

    part, settings = "mlp", {"config": MlpConfig, "recipe": MappingConfig}

    network: Mlp
    config: MlpConfig
    recipe: MappingConfig
    space: str
    history: pd.DataFrame

    predict = FittedMapper.predict


@contextmanager
def _computing_on(device: str) -> Iterator[Callable[..., np.ndarray]]:
    """Let himalaya compute on this device meanwhile; gives what makes NumPy's arrays of its own."""
    before = get_backend().name
    with torch.cuda.device(device) if device != "cpu" else nullcontext():
        try:
            yield set_backend(BACKENDS[device.partition(":")[0]]).to_numpy
        finally:
            set_backend(before)


def _folds(image_ids: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(fitting rows, held-out rows) of each fold; all trials of a picture are in one fold."""
    ids = np.unique(image_ids)
    if len(ids) < n_folds:
        raise ValueError(f"got trials of {len(ids)} pictures, expected at least {n_folds}, one held out in each fold")
    held_out = [np.isin(image_ids, part) for part in np.array_split(np.random.default_rng(seed).permutation(ids), n_folds)]
    return [(np.flatnonzero(~out), np.flatnonzero(out)) for out in held_out]
