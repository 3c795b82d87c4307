"""Tabulate reconstructions from the worst to the best score, for a table to sort, with one sheet of their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core, embedding, scoring
from ...core import atomic_write
from ...experiments import CONDITIONS
from ...pipeline import Pipeline
from ...field import pixel_correlation
from ...studies.sources import nearest_training_ids, picture_categories, reconstruction_features, reconstructions
from ..common import first_draw, pictures_of
from .pictures import LABELS

BY_CLIP = "2-way, CLIP of the loss"


@dataclass(frozen=True, eq=False)
class Browser:
    """What the page's table and its script take.

    table  image_id, trial, category, and a column for each score; a row for each picture, in the order of the sheet
    lines  (n, len(sheet.TILES), sheet.TILE, sheet.TILE, 3) uint8
    """

    table: pd.DataFrame
    lines: np.ndarray

    def save(self, folder: Path) -> Path:
        """Path of browser.jpg in this folder, the sheet of all pictures, written."""
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "browser.jpg") as part:
            part.write_bytes(core.jpeg(self.lines))
        return folder / "browser.jpg"


def browse(run: Pipeline, cond: str, n: int = 96) -> Browser:
    """Trials at even steps of rank by exact 2-way identification, from the worst to the best; each picture's first trial.

    The picture seen, its reconstructions by each head and from the true embedding, and the nearest training picture;
    scores are those of `cond`. Where the evaluation network is missing, those by the CLIP of the loss stand alone and rank.
    """
    clip = embedding.embed_reconstructions(reconstructions(run, cond), run.clip)
    first = clip.first_rows()
    ways, clip = run.experiment.evaluate.ways[-1], clip.take(first)
    table = pd.DataFrame({"image_id": clip.image_ids, "trial": clip.keys})
    table["category"] = picture_categories(run).loc[clip.image_ids].to_numpy()
    if not run.missing("feature"):
        few = reconstruction_features(run, cond).take(first)
        table["2-way"] = scoring.n_way(few, run.true_features, n_choices=2)
        table[f"{ways}-way"] = scoring.n_way(few, run.true_features, n_choices=ways)
        table["2-way, same category"] = scoring.n_way_within(few, run.true_features, picture_categories(run))
    table[BY_CLIP] = scoring.n_way(clip, run.embeddings["image"], n_choices=2)
    ranked_by = [f"{ways}-way", "2-way"] if "2-way" in table else [BY_CLIP]
    order = np.lexsort([table[name] for name in ("trial", *ranked_by)])
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int))]
    table, rows = table.iloc[chosen].reset_index(drop=True), first[chosen]
    seen = pictures_of(run, table.image_id)
    columns = {"seen": seen}
    columns |= {LABELS[c]: first_draw(reconstructions(run, c))[rows] for c in CONDITIONS}
    columns["true embedding"] = first_draw(reconstructions(run, cond, "true embedding"))[rows]
    columns["nearest training picture"] = pictures_of(run, nearest_training_ids(run, cond)[rows])
    table["PixCorr"] = pixel_correlation(columns[LABELS[cond]], seen)
    return Browser(table, np.stack([core.tiles(columns[name]) for name in core.TILES], 1))
