"""Precompute the pictures of a few trials under every region and dose, for sliders in the page that need no server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import core
from ...core import atomic_write
from ...pipeline import Pipeline
from ...studies.stimulated import (FACES, LEVELS, OUTSIDE, REGIONS, decode, first_trials, generate, has_voxels, measured_range,
                                   region_voxels, sentence_embeddings, shown_name, unit)
from ..common import pictures_of
from ..plots import ORIGIN_LABEL
from .doses import DOSES, where

SLIDABLE = (*REGIONS, *FACES, "V1", "hV4", *LEVELS.values())
STEPS = (0.0, *DOSES)    # of the slider; 0 silences


@dataclass(frozen=True, eq=False)
class Sliders:
    """What the page's sliders and their script take.

    description  origin (in words), doses, words (of the categories), trials (image id and trial id) and regions; of each region its
                 name and n_voxels, by dose the distance (in units of the range's limit) and whether that is outside, and by dose,
                 trial and category how much nearer the embedding is to the category's sentence
    lines        (n_regions * n_trials, n_doses + 2, TILE, TILE, 3) uint8, as `core.jpeg` takes them: seen, as measured, then each dose
    """

    description: dict
    lines: np.ndarray

    def save(self, folder: Path) -> Path:
        """Path of sliders.json in this folder, written with its sheet, sliders.jpg."""
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "sliders.jpg") as part:
            part.write_bytes(core.jpeg(self.lines))
        with atomic_write(folder / "sliders.json") as part:
            part.write_text(json.dumps(self.description, separators=(",", ":"), allow_nan=False), encoding="utf-8")
        return folder / "sliders.json"


def sliders(run: Pipeline, regions: Sequence[str] = SLIDABLE, doses: Sequence[float] = STEPS, n: int = 4,
            cond: str = "both") -> Sliders:
    """Pictures of the first n validation pictures' first trials with each region set to each dose (0 silences it).

    Beside each stands how much nearer the caption mapper's embedding is to each category's sentence than as measured. A region
    without voxels is left out.
    """
    trials, known = first_trials(run, n), measured_range(run)
    seen, measured = core.tiles(pictures_of(run, trials.image_ids)), core.tiles(generate(run, cond, trials)[0])
    prompts = np.stack(list(sentence_embeddings(run).values()))
    before = unit(decode(run, "caption", trials)[0]) @ prompts.T
    lines, described = [], []
    for region in (region for region in regions if has_voxels(run, region)):
        voxels = region_voxels(run, region)
        states = np.tile(voxels, (len(doses), 1)), np.array(doses)[:, None]                    # a set for each dose, and its amount
        lines.append(np.stack([seen, measured, *map(core.tiles, generate(run, cond, trials, *states))], 1))
        nearer = unit(decode(run, "caption", trials, *states)) @ prompts.T - before         # [doses trials words]
        far = np.median(known.distances(run.subject.validation.betas, voxels, doses), axis=1) / known.limit
        described.append({"name": shown_name(region), "n_voxels": int(voxels.sum()), "distance": far.round(2).tolist(),
                          "outside": [where(run, voxels, dose) == OUTSIDE for dose in doses],
                          "nearer": np.round(nearer, 3).tolist()})
    if not lines:
        raise ValueError(f"none of the regions {', '.join(regions)} has a voxel in this subject, expected at least one; "
                         "name others")
    shown = [{"image": int(image), "trial": int(trial)} for image, trial in zip(trials.image_ids, trials.trial_ids)]
    return Sliders({"origin": ORIGIN_LABEL[run.origin], "doses": list(map(float, doses)), "words": list(sentence_embeddings(run)),
                    "trials": shown, "regions": described}, np.concatenate(lines))
