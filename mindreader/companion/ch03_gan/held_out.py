"""Tabulate identification with held-out categories for the page."""

from __future__ import annotations

import pandas as pd

from ...studies.held_out import HELD_OUT, SOURCES, TRAINED, TWO, USUAL, WITHIN
from ...studies.ledger import with_interval
from ...studies.sources import NEAREST
from ..common import entry


def held_out_entries(table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard on held-out categories; none where nothing was trained."""
    where = {USUAL: "usual", HELD_OUT: "held_out"}
    if table.empty:
        return {}
    metric = {TWO: "", WITHIN: "_within", TRAINED: "_training"}
    source = {"true embedding": "_ceiling", "brain": "", "category centroid": "_centroid", NEAREST: "_nearest",
              "shuffled brain": "_shuffled"}
    values = {}
    for row in table.itertuples():
        key = where[row.split] + metric[row.metric] + source[row.name]
        values[key] = entry(row, note=f"{row.split}: {row.name}, {row.metric}")
    for row in table[(table.name == "brain") & (table.metric == TWO)].itertuples():
        values[f"{where[row.split]}_cosine"] = {"ours": row.nearest,
                                                "note": f"{row.split}: cosine to the nearest training picture"}
        values[f"{where[row.split]}_known"] = {
            "ours": row.known_categories, "note": f"{row.split}: validation pictures of a category that training has"}
    return values


def held_out_table(table: pd.DataFrame) -> pd.DataFrame:
    """The scores in wide form: a row for each source, a column for each split and metric."""
    if table.empty:
        return table
    cell = [with_interval(r.value, r.low, r.high) for r in table.itertuples()]
    wide = table.assign(cell=cell).pivot(index="name", columns=["metric", "split"], values="cell").reindex(list(SOURCES))
    wide.columns = [f"{metric}, {split}" for metric, split in wide.columns]
    return wide.reset_index()
