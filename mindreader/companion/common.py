"""What several chapters need: scores in per cent, entries for the scorecard, pictures for trials."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..pipeline import Pipeline
from ..records import Embeddings, Reconstructions


def entry(row, *, paper: float | None = None, note: str = "") -> dict:
    """A scorecard entry from a row of a tidy score table."""
    return {"ours": float(row.value), "low": float(row.low), "high": float(row.high), "n": int(row.n),
            "chance": float(row.chance), "paper": paper, "note": note}


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """The same score table with value, low, high and chance in per cent."""
    out = table.copy()
    for column in ("value", "low", "high", "chance"):
        out[column] = 100 * out[column]
    return out


def percent_chance(table: pd.DataFrame) -> float:
    """The chance level of a table whose rows share one, in per cent."""
    return 100 * float(table.chance.iloc[0])


def first_of_each(embeddings: Embeddings, n: int) -> np.ndarray:
    """Rows of the first trial of each of the first n pictures, in trial order: not chosen by anyone."""
    order = np.lexsort((embeddings.image_ids, embeddings.keys))
    _, first = np.unique(embeddings.image_ids[order], return_index=True)
    return order[np.sort(first)[:n]]


def pictures_of(run: Pipeline, image_ids) -> np.ndarray:
    """The stimuli with these ids, row by row, (n, H, W, 3)."""
    return run.subject.stimuli.images[pd.Index(run.subject.stimuli.ids).get_indexer(image_ids)]


def first_draw(pictures: Reconstructions) -> np.ndarray:
    """The first draw of each reconstruction, (n, H, W, 3)."""
    return pictures.images[:, 0]
