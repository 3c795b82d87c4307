"""Project cortical voxels onto a flat map, hemisphere by hemisphere."""

from __future__ import annotations

import numpy as np

__all__ = ["flatten"]

_GAP = 0.2   # between the hemispheres' maps; the back half of one has radius 1.41


def flatten(coords: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Place each voxel on a flat map, left hemisphere at the left, (n_voxels, 2); y is up, areas are kept.

    Each hemisphere is approximated by the ellipsoid that fills its half of the volume. The direction of a voxel from the
    ellipsoid's centre is projected around the occipital pole by Lambert's azimuthal equal-area projection, whatever the
    voxel's depth in the cortical ribbon. In a folded cortex the walls of a sulcus overlap: the map is for display, not
    for measurement.

    Parameters
    ----------
    coords : (n_voxels, 3) int
        (x, y, z) in the volume; x to the right, y to the front, z up.
    shape : (X, Y, Z)
        Of the volume.

    >>> flatten(np.array([[60, 0, 41], [20, 0, 41]]), (81, 104, 83)).round(1).tolist()
    [[0.2, 0.0], [0.0, 0.0]]
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
