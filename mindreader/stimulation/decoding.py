"""Decode brain states in which sets of voxels are stimulated, a region's or many random ones that match it (paper §3.3)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from ..records import Trials
from ..mapping import check_voxels
from ..training import as_tensor

# region (any label of the localiser) -> the word shown, and the sentence that names its category to CLIP
CATEGORY_REGIONS = {
    "floc-bodies": ("bodies", "a photo of a person standing"),
    "floc-words": ("words", "a photo of a stop sign with letters"),
    "floc-places": ("places", "a photo of a house and a road"),
    "floc-faces": ("faces", "a close up of the face of a person"),
}
NEAREST = 20     # voxels that are most like one of the region's, from which a random set takes one in its place


def matched_voxels(region: np.ndarray, properties: np.ndarray, n: int, *, seed: int,
                   among: np.ndarray | None = None) -> np.ndarray:
    """Draw n random sets of as many voxels as a region, each voxel in the place of one of the region's that it resembles.

    In each set a voxel is drawn for each of the region's, without replacement, from the NEAREST that lie closest to it in the
    ranks of the properties; from the closest that is left where those are taken. So a set has the region's size and, nearly,
    its distribution of each property, and says what the voxels' place alone adds.

    Parameters
    ----------
    region : (n_voxels,) bool
    properties : (n_voxels, n_properties) float
        What to match, e.g. ncsnr and the variance of the mean responses. A value that is not finite counts as the median; a
        property without any finite value is not matched.
    n : int
        Sets.
    seed : int
    among : (n_voxels,) bool, optional
        Where they may be drawn from, by default outside the region.

    Returns
    -------
    (n, n_voxels) bool

    Raises ValueError for a region without voxels, and where fewer may be drawn from than it has.

    >>> matched_voxels(np.arange(6) < 2, np.array([[0], [5], [9], [0], [5], [9]]), 1, seed=0).sum(1)
    array([2])
    """
    region = np.asarray(region, bool)
    candidates = np.flatnonzero(~region if among is None else among)
    size = int(region.sum())
    if not size:
        raise ValueError("the region has no voxel, expected at least one; choose another region")
    if size > len(candidates):
        raise ValueError(f"the region holds {size} voxels and {len(candidates)} may be drawn, expected at least as many; "
                         "draw among all voxels")
    ranks = _ranks(np.asarray(properties, float).reshape(len(region), -1))
    tree = cKDTree(ranks[candidates])
    mine = ranks[region]
    near = tree.query(mine, k=min(NEAREST, len(candidates)))[1].reshape(size, -1)          # [size, nearest]
    rng, taken, each = np.random.default_rng(seed), np.zeros((n, len(candidates)), bool), np.arange(n)
    for place in rng.permutation(size):
        free = ~taken[:, near[place]]
        chosen = near[place][np.where(free, rng.random(free.shape), -1).argmax(1)]
        if (full := ~free.any(1)).any():
            apart = np.linalg.norm(ranks[candidates] - mine[place], axis=1)
            chosen[full] = np.where(taken[full], np.inf, apart).argmin(1)
        taken[each, chosen] = True
    sets = np.zeros((n, len(region)), bool)
    sets[:, candidates] = taken
    return sets


def decode_stimulated(mapper, trials: Trials, sets: np.ndarray, amount: float | np.ndarray = 10.0, *, add: bool = False,
                      device: str = "cpu", batch: int = 256) -> np.ndarray:
    """What a mapper decodes from each trial with each set of voxels stimulated, (n_sets, n_trials, n_dims) float32.

    Parameters
    ----------
    mapper : FittedMapper
    trials : Trials
    sets : (n_sets, n_voxels) bool
    amount : float, or array that broadcasts to (n_sets, n_voxels)
        In standard deviations of a voxel: what the voxels of a set are set to (paper A.5: 10; silencing: 0).
    add : bool
        Whether it is added to what was measured instead.
    device : str
        Where the states, made a batch at a time, are decoded.

    Raises ValueError for sets of another number of voxels.
    """
    check_voxels(trials, mapper.network.n_voxels)
    sets, n_trials = np.asarray(sets, bool), len(trials)
    if sets.ndim != 2 or sets.shape[1] != trials.betas.shape[1]:
        raise ValueError(f"got sets of shape {sets.shape}, expected (n_sets, {trials.betas.shape[1]}): one row for each set")
    network, before = mapper.network, next(mapper.network.parameters()).device
    parts = []
    try:
        network.to(device).eval()
        betas, chosen = as_tensor(trials.betas).to(device), torch.from_numpy(sets).to(device)
        amounts = as_tensor(np.broadcast_to(np.asarray(amount, np.float32), sets.shape).copy()).to(device)
        with torch.inference_mode():
            for rows in torch.arange(len(sets) * n_trials, device=device).split(batch):
                measured, which = betas[rows % n_trials], rows // n_trials
                changed = amounts[which] + measured if add else amounts[which]
                parts.append(network(torch.where(chosen[which], changed, measured)).float().cpu())
    finally:
        network.to(before)
    return torch.cat(parts).numpy().reshape(len(sets), n_trials, -1)


def _ranks(properties: np.ndarray) -> np.ndarray:
    """Each property's ranks over the voxels, from 0 to 1, where any is known."""
    known = np.isfinite(properties)
    properties = properties[:, known.any(0)]
    if not properties.shape[1]:
        return np.zeros((len(properties), 1))
    filled = np.where(np.isfinite(properties), properties, np.nanmedian(np.where(np.isfinite(properties), properties, np.nan), 0))
    return rankdata(filled, axis=0) / len(filled)
