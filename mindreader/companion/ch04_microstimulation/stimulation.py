"""Set the voxels of a region to a value, decode again, and measure the change of the mapped embedding.

What the committed chapter shows. `panels` and `doses` do the same beside random voxels that match the region, and replace it when
all chapters are made anew.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring
from ...generator import microstimulate, random_voxels_like, silence
from ...pipeline import Pipeline
from ...records import SPACES, Trials
from ..common import entry, first_draw, first_of_each, interval, pictures_of
from .regions import FACES, LEVELS, REGIONS, region_voxels

DOSES = (-10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0)


def region_sizes(run: Pipeline) -> pd.DataFrame:
    """How many voxels of the mask each stimulated region has."""
    names = [*REGIONS, *FACES]
    return pd.DataFrame({"region": names, "n_voxels": [int(run.subject.rois[name].sum()) for name in names]})


def stimulation_panels(run: Pipeline, value: float, n: int = 6) -> dict[str, np.ndarray]:
    """Decoded pictures after stimulating each category region, and as many random voxels (the paper's Fig. 10)."""
    trials = _some(run, n)
    columns = {"seen": pictures_of(run, trials.image_ids), "as measured": _decode(run, trials)}
    for region, (word, _) in REGIONS.items():
        columns[word] = _decode(run, microstimulate(trials, run.subject.rois[region], value=value))
    return columns | {"random\nvoxels": _decode(run, microstimulate(trials, _control(run, "floc-faces"), value=value))}


def face_and_level_panels(run: Pipeline, value: float, n: int = 6) -> dict[str, np.ndarray]:
    """OFA, FFA-1 and FFA-2 stimulated, and each level of the hierarchy set to its session mean (the paper's Fig. 11)."""
    trials = _some(run, n)
    columns = {"as measured": _decode(run, trials)}
    for region in FACES:
        columns[region] = _decode(run, microstimulate(trials, run.subject.rois[region], value=value))
    for level, region in LEVELS.items():
        columns[f"without\n{level}"] = _decode(run, silence(trials, region_voxels(run, region)))
    return columns


def stimulation_effect(run: Pipeline, value: float) -> pd.DataFrame:
    """How much nearer stimulation brings the mapped embedding to the region's sentence, against as many random voxels.

    Table name, metric, value, low, high, n, chance, seed, origin, control, region; mean over validation trials of
    cos(stimulated, sentence) - cos(as measured, sentence), with an interval over pictures.
    """
    rows = []
    for region, (word, _) in REGIONS.items():
        for control in (False, True):
            voxels = _control(run, region) if control else run.subject.rois[region]
            change = _shift(run, voxels, value, region)
            rows.append(_row(run, f"{word}{', random voxels' if control else ''}", change).assign(control=control, region=word))
        paired = _shift(run, run.subject.rois[region], value, region) - _shift(run, _control(run, region), value, region)
        rows.append(_row(run, f"{word}, difference", paired).assign(control=False, region=word))
    return pd.concat(rows, ignore_index=True)


def dose_response(run: Pipeline) -> pd.DataFrame:
    """The same change for several values of the stimulated voxels: table dose, value, low, high, region."""
    rows = [_row(run, word, _shift(run, run.subject.rois[region], dose, region)).assign(dose=dose, region=word)
            for region, (word, _) in REGIONS.items() for dose in DOSES]
    return pd.concat(rows, ignore_index=True)[["dose", "value", "low", "high", "n", "region"]]


def stimulation_summary(run: Pipeline, table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard."""
    values = {}
    for row in table.itertuples():
        if row.name.endswith("difference"):
            values[row.region] = entry(row, note="region minus random voxels, change of cosine")
        else:
            values[row.name.replace(", ", "_").replace(" ", "_") + "_shift"] = entry(row, note="change of cosine")
    return values


def _some(run: Pipeline, n: int) -> Trials:
    trials = run.subject.validation
    return trials.take(first_of_each(run.validation(run.mapped["image"]), n))


def _decode(run: Pipeline, trials: Trials) -> np.ndarray:
    return first_draw(run.reconstruct({space: run.mapper(space).predict(trials) for space in SPACES}, "both"))


def _control(run: Pipeline, region: str) -> np.ndarray:
    return random_voxels_like(run.subject.rois[region], 1, run.experiment.child_seed(f"random voxels/{region}"))[0]


def _shift(run: Pipeline, voxels: np.ndarray, value: float, region: str) -> np.ndarray:
    """Change of cosine with the region's sentence for each validation trial, by the caption mapper."""
    key = ("shift", region, value, voxels.tobytes())
    if key not in run.memo:
        trials = run.subject.validation
        sentence = run.clip.texts([REGIONS[region][1]])[0]
        before = run.validation(run.mapped["caption"])
        after = run.mapper("caption").predict(microstimulate(trials, voxels, value=value))
        run.memo[key] = _cosine(after.vectors, sentence) - _cosine(before.vectors, sentence)
    return run.memo[key]


def _cosine(vectors: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return vectors @ direction / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(direction))


def _row(run: Pipeline, name: str, change: np.ndarray) -> pd.DataFrame:
    low, high = interval(run, change, run.subject.validation.image_ids)
    return scoring.score_row(name, "change of cosine", change.mean(), low, high, len(change), 0.0,
                             run.experiment.child_seed("bootstrap"), run.origin)
