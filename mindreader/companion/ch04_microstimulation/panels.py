"""Show the paper's pictures of stimulation and silencing (Figs. 10 and 11)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...pipeline import Pipeline
from ...studies.stimulated import (FACES, LEVELS, REGIONS, first_trials, generate, has_voxels, measured_range, random_sets,
                                   region_voxels)
from ..common import pictures_of

HEADS = {"img": "image\nhead", "cap": "caption\nhead"}


def category_panels(run: Pipeline, value: float, n: int = 6, cond: str = "both") -> dict[str, np.ndarray]:
    """Decoded pictures after stimulating each category region, and as many random voxels (the paper's Fig. 10).

    cond: by which heads, "both", "img" or "cap". Below a column's name stands how far its states lie from the measured ones, in units
    of the limit of their range; the random voxels are the first set that matches the face regions.
    """
    trials = first_trials(run, n)
    columns = {"seen": pictures_of(run, trials.image_ids), "as measured": generate(run, cond, trials)[0]}
    for region, (word, _) in REGIONS.items():
        columns |= _column(run, cond, trials, word, region, value)
    if has_voxels(run, "floc-faces"):
        drawn = random_sets(run, "floc-faces")[0]
        columns[_name(run, "random\nvoxels", drawn, value)] = generate(run, cond, trials, drawn, value)[0]
    return columns


def level_panels(run: Pipeline, value: float, n: int = 6, cond: str = "both") -> dict[str, np.ndarray]:
    """OFA, FFA-1 and FFA-2 stimulated, and each level of the hierarchy set to its session mean (the paper's Fig. 11)."""
    trials = first_trials(run, n)
    columns = {"as measured": generate(run, cond, trials)[0]}
    for region in FACES:
        columns |= _column(run, cond, trials, region, region, value)
    for level, region in LEVELS.items():
        columns |= _column(run, cond, trials, f"without\n{level}", region, 0.0)
    return columns


def each_head(run: Pipeline, panels: Callable[..., dict[str, np.ndarray]], value: float,
              n: int = 3) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of `category_panels` or `level_panels` by the image head alone and, below, by the caption head; and rows' names."""
    parts = [panels(run, value, n, cond) for cond in HEADS]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, [head for head in HEADS.values() for _ in range(n)]


def region_panels(run: Pipeline, region: str, value: float, n: int = 6, cond: str = "both") -> dict[str, np.ndarray]:
    """The same for any region or mask file (`region_voxels`): stimulated, silenced, and a set of random voxels that matches it."""
    trials, voxels = first_trials(run, n), region_voxels(run, region)
    columns = {"seen": pictures_of(run, trials.image_ids), "as measured": generate(run, cond, trials)[0]}
    columns |= _column(run, cond, trials, "stimulated", region, value) | _column(run, cond, trials, "silenced", region, 0.0)
    drawn = random_sets(run, region)[0]
    return columns | {_name(run, f"{voxels.sum()} random\nvoxels", drawn, value): generate(run, cond, trials, drawn, value)[0]}


def _column(run: Pipeline, cond: str, trials, name: str, region: str, value: float) -> dict[str, np.ndarray]:
    """A column of pictures with this region stimulated; none where the subject lacks it."""
    if not has_voxels(run, region):
        return {}
    voxels = region_voxels(run, region)
    return {_name(run, name, voxels, value): generate(run, cond, trials, voxels, value)[0]}


def _name(run: Pipeline, name: str, voxels: np.ndarray, value: float) -> str:
    """The column's name, and below it how far its states lie from the measured ones, above 1 outside their range."""
    known = measured_range(run)
    far = np.median(known.distances(run.subject.validation.betas, voxels, [value])[0]) / known.limit
    return f"{name}\n{far:.1f} x limit"
