"""Show the paper's pictures of stimulation and silencing, and measure the change of the mapped embedding (Figs. 10 and 11)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ... import scoring, uncertainty
from ...pipeline import Pipeline
from ..common import entry, pictures_of
from .doses import measured_range
from .effects import effects
from .regions import FACES, LEVELS, REGIONS, has_voxels, random_sets, region_voxels
from .states import decode, first_trials, generate, sentences, unit

N_TRIALS, N_PAIRED = 96, 10    # trials of a row, each with so many random sets beside it
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


def matched_effect(run: Pipeline, value: float) -> pd.DataFrame:
    """How much nearer stimulation brings the mapped embedding to the region's sentence, against matched random voxels.

    Table name, metric, value, low, high, n, chance, seed, origin, control, region, p; mean over validation trials of
    cos(stimulated, sentence) - cos(as measured, sentence), with an interval over pictures. A trial's control is the mean of
    N_PAIRED random sets; p is that of N_SETS sets (`effects`). A region without voxels is left out.
    """
    trials, rows = first_trials(run, N_TRIALS), []
    before = unit(decode(run, "caption", trials)[0])
    for region, (word, _) in REGIONS.items():
        if not has_voxels(run, region):
            continue
        sentence, sets = sentences(run)[word], random_sets(run, region)[:N_PAIRED]
        stimulated = np.concatenate([region_voxels(run, region)[None], sets])
        changes = (unit(decode(run, "caption", trials, stimulated, value)[0]) - before) @ sentence     # [sets, trials]
        p = effects(run, region, value, ["caption"])[f"to {word}"].p(1)
        for name, change, control in ((word, changes[0], False), (f"{word}, random voxels", changes[1:].mean(0), True),
                                      (f"{word}, difference", changes[0] - changes[1:].mean(0), False)):
            interval = uncertainty.score_interval(uncertainty.mean_contributions(change[None], trials.image_ids))
            rows.append(scoring.score_row(name, "change of cosine", interval.value, interval.low, interval.high, len(trials), 0.0,
                                          run.experiment.child_seed("random voxels"), run.origin, control=control, region=word,
                                          p=np.nan if control else p))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def stimulation_summary(table: pd.DataFrame) -> dict:
    """The numbers of `matched_effect` for the chapter's prose and scorecard: `faces`, `faces_shift`, `faces_random_voxels_shift`."""
    values = {}
    for row in table.itertuples():
        if row.name.endswith("difference"):
            values[row.region] = entry(row, note="region minus random voxels, change of cosine")
        else:
            values[row.name.replace(", ", "_").replace(" ", "_") + "_shift"] = entry(row, note="change of cosine")
    return values


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
