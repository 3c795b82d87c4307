"""Reconstruct pictures from decoded embeddings; stimulate, silence or interpolate brain states before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ..records import SPACES, Embeddings, PictureGenerator, Reconstructions, Trials


def reconstruct(embeddings: Mapping[str, Embeddings], generator: PictureGenerator, *, heads: Sequence[str] | None = None,
                n_draws: int = 1, seed: int = 0, note: str = "", progress: Callable[..., Iterable] | None = None) -> Reconstructions:
    """Generate pictures conditioned on embeddings: one row for each, `n_draws` draws of the noise z.

    The noise of a row depends on `seed` and on the row's place, so panels of the same trials in the same order share
    it, and a difference between them comes from the condition alone.

    Parameters
    ----------
    embeddings : head ("image", "caption") -> Embeddings
        Joined by (image id, key); the first head gives the order. Scaled to unit length here.
    generator : PictureGenerator
        Is given the first head's embeddings, and the second's (None for a generator with one head).
    heads : sequence of str, optional
        Which to use, in which order; by default those given.
    progress : callable, optional
        Wraps the generator's batches in a bar; see `core.progress`.

    Raises ValueError where a head is missing or the heads hold different rows. Source: paper §2.3.
    """
    heads = tuple(heads or [space for space in SPACES if space in embeddings])
    if not heads or any(head not in embeddings for head in heads):
        raise ValueError(f"got embeddings for {', '.join(embeddings) or 'no head'}, expected "
                         f"{' and '.join(heads or SPACES)}")
    first = embeddings[heads[0]].unit()
    conditions = [first.vectors] + [_like(embeddings[head], first, head).unit().vectors for head in heads[1:]]
    conditions += [None] * (2 - len(conditions))
    several = ({"n_draws": n_draws} if n_draws > 1 else {}) | ({"progress": progress} if progress else {})
    images = np.asarray(generator.generate(*conditions, seed=seed, **several))
    images = images[:, None] if images.ndim == 4 else images
    if images.shape[:2] != (len(first), n_draws) or images.dtype != np.uint8:
        raise ValueError(f"the generator gave {images.dtype} pictures of shape {images.shape}, expected uint8 "
                         f"({len(first)}, {n_draws}, height, width, 3)")
    return Reconstructions(images, first.image_ids, first.keys, heads, seed, note)


def microstimulate(trials: Trials, voxels: np.ndarray, value: float = 10.0) -> Trials:
    """Simulate microstimulation: set these voxels to `value`, in standard deviations, in every trial.

    Ten lies far outside anything a mapper was trained on. Source: paper §3.3, A.5 (value 10).
    """
    betas = np.array(trials.betas)
    betas[:, _voxels(voxels, betas.shape[1])] = value
    return trials.replace(betas)


def silence(trials: Trials, voxels: np.ndarray) -> Trials:
    """Set these voxels to 0; on z-scored data that is their session mean, not "off".

    Source: paper §3.3.
    """
    return microstimulate(trials, voxels, 0.0)


def random_voxels_like(voxels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Draw n control sets, (n, n_voxels) bool, each of as many voxels as the region, from outside it.

    >>> random_voxels_like(np.array([True, False, False, False]), 3, seed=0).sum(1)
    array([1, 1, 1])
    """
    region = np.zeros(len(voxels), bool)
    region[_voxels(voxels, len(voxels))] = True
    outside, size = np.flatnonzero(~region), int(region.sum())
    if size > len(outside):
        raise ValueError(f"the region holds {size} of {len(region)} voxels, expected at most half, so that as many can be "
                         "drawn outside it")
    rng, masks = np.random.default_rng(seed), np.zeros((n, len(region)), bool)
    for mask in masks:
        mask[rng.choice(outside, size, replace=False)] = True
    return masks


def interpolate(a: Trials, b: Trials, n_steps: int) -> Trials:
    """Interpolate linearly from trial a to trial b, both included: n_steps brain states.

    Trial ids count the steps from 0; image id and session are those of the nearer end. Source: paper A.9.
    """
    if len(a) != 1 or len(b) != 1 or n_steps < 2:
        raise ValueError(f"got {len(a)} and {len(b)} trials and {n_steps} steps, expected one trial each and at least two "
                         "steps; take a single row")
    share = np.linspace(0, 1, n_steps)
    betas = (1 - share[:, None]) * a.betas + share[:, None] * b.betas
    later = share > 0.5
    return Trials(betas.astype(np.float32), np.where(later, b.image_ids, a.image_ids), np.arange(n_steps),
                  np.where(later, b.sessions, a.sessions))


def _like(embeddings: Embeddings, first: Embeddings, head: str) -> Embeddings:
    rows = embeddings.index.get_indexer(first.index)
    if (rows < 0).any() or len(embeddings) != len(first):
        raise ValueError(f"the {head} head holds {len(embeddings)} rows, {int((rows >= 0).sum())} of them among the "
                         f"{len(first)} of the first head; expected the same trials in both")
    return embeddings.take(rows)


def _voxels(voxels: np.ndarray, n_voxels: int) -> np.ndarray:
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.shape != (n_voxels,):
        raise ValueError(f"got a region of type {voxels.dtype} and shape {voxels.shape}, expected bool ({n_voxels},): one "
                         "entry for each voxel")
    if not voxels.any():
        raise ValueError("the region has no voxel, expected at least one; it may lie outside nsdgeneral")
    return voxels
