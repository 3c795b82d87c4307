"""Lay a simulated subject's encoding accuracy on fsaverage's cortex (the paper's Fig. 16c)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...nsd import read_mask
from ...pipeline import Pipeline
from ..plots.flatmap import flatten
from ..rendering import LeftOut
from ..surface import lay_on, place_of


def cortex_surface(run: Pipeline, table: pd.DataFrame, *, n_repeats: int = 1) -> pd.DataFrame | LeftOut:
    """`voxel_accuracy` for one number of repeats, averaged over the voxels that share a vertex of fsaverage5.

    Table hemisphere ("lh", "rh"), vertex, region (patch), voxel (the first of those that share the vertex), n_voxels (how many do), r,
    ceiling, less (r - ceiling); where voxels are few, several vertices show the same one. The layout is a drawing aid, see `surface.patches`. A sentence for a real
    subject, whose regions lie where they lie, and for a mask with voxels outside all regions; ValueError for a number of repeats that
    the table does not have.
    """
    if run.origin != "twin":
        return LeftOut("Not laid on fsaverage: a real subject's voxels need its own surfaces; the flat map shows them.")
    part = table[table.n_repeats == n_repeats].sort_values("voxel")
    if not len(part):
        raise ValueError(f"no accuracy over {n_repeats} repeats, expected one of {sorted(table.n_repeats.unique().tolist())}")
    try:
        places = place_of(run.subject.rois)
    except ValueError as error:
        return LeftOut(f"Not laid on fsaverage: {error}.")
    shape = read_mask(run.layout, run.experiment.data.roi).shape
    shares = lay_on(places, flatten(run.subject.coords, shape), run.subject.coords[:, 0] > (shape[0] - 1) / 2)
    values, rows = part[["r", "ceiling", "less"]].to_numpy(float), []
    for side, pairs in shares.items():
        for voxels, vertices in pairs:
            known = values[voxels][np.isfinite(values[voxels]).all(1)]
            mean = known.mean(0) if len(known) else np.full(3, np.nan)
            rows += [(side, vertex, places[voxels[0]], voxels.min(), len(voxels), *mean) for vertex in vertices]
    found = pd.DataFrame(rows, columns=["hemisphere", "vertex", "region", "voxel", "n_voxels", "r", "ceiling", "less"])
    return found.sort_values(["hemisphere", "vertex"], ignore_index=True)
