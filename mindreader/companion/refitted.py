"""Set the scores of a run's one fit beside the record of several: what another fit, on other pictures, would have given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from .. import core
from ..pipeline import Pipeline
from ..records import LayoutError
from ..studies.grids import of_another_subject
from ..studies.refits import read_record
from .rendering import LeftOut

COLUMNS = ["name", "metric", "this fit", "fits", "low", "high", "lowest", "highest", "n_seeds", "n_pictures", "chance"]


def beside_record(run: Pipeline, table: pd.DataFrame, names: Mapping[str, str] | None = None, *,
                  root: Path | None = None) -> pd.DataFrame | LeftOut:
    """Scores of a tidy table that the record of refits has, too, beside the record's; a sentence where none is of this run.

    this fit         the run's own value
    fits, low, high  the record's mean over fits, with its 95 % interval over pictures and fits
    lowest, highest  the record's fits themselves; n_seeds counts them

    names: the record's name for a name of the table, where they differ, e.g. {"image head": "img"}. root: where the record is, by
    default `figures`.
    """
    if why := of_another_subject(run):
        return LeftOut(why)
    try:
        record = read_record(run, root or core.FIGURES)
    except LayoutError as error:
        return LeftOut(f"Left out: {error}")
    if not record.is_current:
        return LeftOut(f"Left out: {record.source}")
    own = table[["name", "metric", "value"]].rename(columns={"value": "this fit"})
    own = own.assign(**{"recorded as": own.name.map(lambda name: (names or {}).get(name, name))})
    known = record.scores.rename(columns={"name": "recorded as", "value": "fits"})
    found = own.merge(known[["recorded as", "metric", *COLUMNS[3:]]], on=["recorded as", "metric"])
    return found[COLUMNS].reset_index(drop=True)
