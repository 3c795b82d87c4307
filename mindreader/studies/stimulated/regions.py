"""Name the voxels to stimulate: a region, several together, or a mask of the reader's, and random sets that match them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import nsd, twin
from ...pipeline import Pipeline
from ...stimulation import CATEGORY_REGIONS as REGIONS, matched_voxels

SENTENCES = dict(REGIONS.values())
FACES = ("OFA", "FFA-1", "FFA-2")
FFA = "FFA-1+FFA-2"
LEVELS = {
    "early": "streams/early",
    "intermediate": "streams/midventral+streams/midlateral+streams/midparietal",
    "higher": "streams/ventral+streams/lateral+streams/parietal",
}
MORE = ("V1", "V2", "V3", "hV4", *LEVELS.values())     # beside the paper's
FILES = (".nii", ".nii.gz")
N_SETS = 240     # random sets for each region: of a sentence with six comparisons, each may still be significant after Holm
OUTSIDE, ANYWHERE = "outside it", "all voxels"


def region_voxels(run: Pipeline, region: str) -> np.ndarray:
    """Which voxels of the subject a region has, (n_voxels,) bool.

    region: a name of `run.subject.rois` ("V1", "hV4", "FFA-1", "streams/ventral", "floc-faces"), several with + between them, or
    the path of a NIfTI file (.nii, .nii.gz) on the subject's grid, above 0 where a voxel is in the region.

    Raises ValueError for another name and for a region without voxels, LayoutError for a file that is missing or does not fit.
    """
    rois = run.subject.rois
    if region.endswith(FILES):
        return nsd.read_marked(region, run.layout, run.experiment.data.roi)
    for name in region.split("+"):
        if name not in rois:
            raise ValueError(f"got region {name!r}, expected one of {', '.join(rois)}, several with + between them, or the path of a "
                             "NIfTI file; name one of these")
    voxels = np.any([rois[name] for name in region.split("+")], axis=0)
    if not voxels.any():
        raise ValueError(f"the region {region!r} has no voxel of {run.experiment.data.roi} in this subject, expected at least one; "
                         "choose another region")
    return voxels


def has_voxels(run: Pipeline, region: str) -> bool:
    """Whether this subject has the region at all, or it is a file; what tables leave out has 0 in `region_counts`."""
    return region.endswith(FILES) or bool(np.any([run.subject.rois.get(name, np.zeros(1, bool)).any() for name in region.split("+")]))


def shown_name(region: str) -> str:
    """What tables and figures call a region: its category, its level of the hierarchy, or its own name."""
    return {**{name: word for name, (word, _) in REGIONS.items()}, **{name: level for level, name in LEVELS.items()},
            FFA: "FFA"}.get(region, region)


def region_counts(run: Pipeline, *more: str) -> pd.DataFrame:
    """How many voxels of the mask each stimulated region has, and these regions of the reader's choice."""
    names = {name: name for name in (*REGIONS, *FACES)} | LEVELS
    rows = [(shown, int(region_voxels(run, region).sum()) if has_voxels(run, region) else 0) for shown, region in names.items()]
    rows += [(region, int(region_voxels(run, region).sum())) for region in more if region]
    return pd.DataFrame(rows, columns=["region", "n_voxels"])


def random_sets(run: Pipeline, region: str, n: int | None = None) -> np.ndarray:
    """Random voxel sets that match the region, (n, n_voxels) bool, N_SETS of them (fewer where the run resamples less often).

    They match in size, ncsnr and the variance of the mean responses to training pictures, and lie outside the region, or
    anywhere where it is the larger part of the mask (`drawn_from`).
    """
    n = n or min(N_SETS, run.experiment.evaluate.n_bootstrap)
    key = ("random sets", region, n)
    if key not in run.memo:
        voxels = region_voxels(run, region)
        among = None if drawn_from(run, region) == OUTSIDE else np.ones(len(voxels), bool)
        run.memo[key] = matched_voxels(voxels, voxel_properties(run), n, among=among,
                                       seed=run.experiment.child_seed(f"random voxels/{region}"))
    return run.memo[key]


def drawn_from(run: Pipeline, region: str) -> str:
    """Where the region's random sets lie: outside it, or, where it is more than half of the mask, among all voxels."""
    return OUTSIDE if 2 * region_voxels(run, region).sum() <= run.subject.n_voxels else ANYWHERE


def voxel_properties(run: Pipeline) -> np.ndarray:
    """What random sets match, (n_voxels, 2): ncsnr, and the variance over training pictures of the mean response."""
    if "voxel properties" not in run.memo:
        run.memo["voxel properties"] = np.stack([run.subject.ncsnr, twin.mean_responses(run.subject.train)[1].var(0)], 1)
    return run.memo["voxel properties"]
