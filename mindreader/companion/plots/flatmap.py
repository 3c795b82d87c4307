"""Lay a cortex flat: two coordinates for each voxel, as one lays out a globe."""

from __future__ import annotations

import numpy as np

__all__ = ["flatten"]

_GAP = 0.2   # between the hemispheres' maps; the back half of one has radius 1.41


def flatten(coords: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Each voxel's place on a flat map, left hemisphere at the left, (n_voxels, 2); y is up, areas are kept.

    Each hemisphere is taken for the ellipsoid that fills its half of the volume. The direction in which a voxel lies
    from the middle of it is laid out around the hindmost point by Lambert's azimuthal equal-area projection, so that
    how deep a voxel lies in the ribbon does not matter. Where a cortex is folded, as every real one is, the walls of
    a fold come to lie on each other: the map is for looking, not for measuring.

    Parameters
    ----------
    coords : (n_voxels, 3) int
        (x, y, z) in the volume; x to the right, y to the front, z up.
    shape : (X, Y, Z)
        Of the volume.
    """
    x, y, z = (np.asarray(coords, float) - (np.array(shape) - 1) / 2).T
    right = x > 0
    outward = (np.abs(x) - shape[0] / 4) / (shape[0] / 4)
    direction = np.stack([np.where(right, outward, -outward), y / (shape[1] / 2), z / (shape[2] / 2)], 1)
    across, front, up = (direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)).T
    flat = np.stack([across, up], 1) * np.sqrt(2 / np.maximum(1 - front, 1e-9))[:, None]
    if right.any() and not right.all():
        flat[right, 0] += flat[~right, 0].max() - flat[right, 0].min() + _GAP
    return flat
