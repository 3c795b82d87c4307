"""A flat map keeps sides, directions and areas, and forgets how deep a voxel lies."""

import numpy as np
import pytest

from mindreader.companion.plots.flatmap import flatten
from mindreader.twin.cortex import lay_out

SHAPE = (81, 104, 83)
MIDDLE = (np.array(SHAPE) - 1) / 2
RADII = np.array([SHAPE[0] / 4, SHAPE[1] / 2, SHAPE[2] / 2])


def place(direction, depth=1.0, side=1):
    """Coordinates in a direction from the middle of the right (1) or left (-1) hemisphere."""
    return MIDDLE + [side * SHAPE[0] / 4, 0, 0] + np.asarray(direction, float) * RADII * depth


def test_the_occipital_pole_is_the_middle_and_up_stays_up():
    flat = flatten(np.stack([place((0, -1, 0)), place((0, 0, 1)), place((1, 0, 0))]), SHAPE)
    np.testing.assert_allclose(flat, [[0, 0], [0, 2**0.5], [2**0.5, 0]], atol=1e-9)


def test_depth_does_not_matter():
    direction = np.array([0.48, -0.6, 0.64])
    flat = flatten(np.stack([place(direction, 1.0), place(direction, 0.75)]), SHAPE)
    np.testing.assert_allclose(flat[0], flat[1], atol=1e-9)


def test_equal_areas_stay_equal():
    direction = np.random.default_rng(0).standard_normal((20000, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = np.linalg.norm(flatten(np.stack([place(d) for d in direction]), SHAPE), axis=1)
    for limit in (0.5, 1.0, 1.5):
        assert (radius < limit).mean() == pytest.approx(limit**2 / 4, abs=0.01)


def test_hemispheres_mirror_each_other_and_stay_apart():
    directions = ((0, -1, 0), (0.6, -0.8, 0), (-0.6, 0, 0.8))
    right = np.stack([place(d) for d in directions])
    left = np.stack([place((-d[0], *d[1:]), side=-1) for d in directions])
    flat = flatten(np.concatenate([left, right]), SHAPE)
    assert flat[:3, 0].max() < flat[3:, 0].min()
    np.testing.assert_allclose(flat[0, 0] - flat[:3, 0], flat[3:, 0] - flat[3, 0], atol=1e-9)
    np.testing.assert_allclose(flat[:3, 1], flat[3:, 1], atol=1e-9)


def test_regions_of_the_simulated_cortex_lie_in_order_from_the_pole():
    cortex = lay_out(3000, 0)
    flat = flatten(cortex.coords, cortex.shape)
    left = ~cortex.right[tuple(cortex.coords.T)]
    v1, v2, v3 = (np.linalg.norm(flat[left & cortex.having("prf-visualrois", f"{v}v", f"{v}d")], axis=1)
                  for v in ("V1", "V2", "V3"))
    assert v1.max() < np.median(v2) < v3.min() + 0.1 and np.median(v1) < np.median(v2) < np.median(v3)
