"""Tabulate scores on NSD's shared images for the page: below published ones where they are NSD's own, else alone, and labelled."""

from __future__ import annotations

import re

import pandas as pd

from ... import field
from ...pipeline import Pipeline
from ...studies import shared_images
from ...studies.shared_images import shared_image_scores, what_was_scored
from ..common import entry
from ..plots import ORIGIN_LABEL
from ..rendering import LeftOut

__all__ = ["LEFT_OUT", "shared_image_entries", "shared_image_scores", "shared_image_table", "what_was_scored"]
LEFT_OUT = LeftOut(shared_images.LEFT_OUT)
ARROWS = {"higher": " ↑", "lower": " ↓"}


def shared_image_table(run: Pipeline, scores: pd.DataFrame) -> pd.DataFrame:
    """The scores in wide form, a row for each practice.

    NSD's stand below what other papers published (`field.beside_published`). Those of a simulated subject or of a rehearsal stand
    alone: the column `whose` says whose they are, and a metric that a stand-in network made ends in "(twin)".
    """
    if run.origin == "nsd":
        return field.beside_published(scores, run.experiment.subject)
    label = [metric + ARROWS.get(better, "") for metric, better in zip(_metrics(scores), scores.better)]
    first = scores.drop_duplicates("repeats").set_index("repeats")
    wide = scores.assign(column=label).pivot(index="repeats", columns="column", values="value")
    wide = wide.loc[first.index, list(dict.fromkeys(label))].rename_axis(columns=None).reset_index()
    wide.insert(0, "system", first.name.to_numpy())
    wide.insert(1, "whose", ORIGIN_LABEL[run.origin])
    return wide


def shared_image_entries(scores: pd.DataFrame) -> dict:
    """The numbers for the chapter's results; none where the run validates on other images."""
    if scores.empty:
        return {}
    values = {}
    for metric, row in zip(_metrics(scores), scores.itertuples()):
        told = f"shared {row.repeats.partition('@')[0].removeprefix('repeats/')} {metric.removesuffix(' (twin)')}"
        values[re.sub(r"\W+", "_", told.lower())] = entry(row, note=f"{row.name}: {metric}; {row.shown}")
    return values


def _metrics(scores: pd.DataFrame) -> list[str]:
    """Name of each score on the page; retrieval says among how many, and how often drawn."""
    names = []
    for row in scores.itertuples():
        retrieval = field.column_of("", row.protocol.partition(" (")[0])
        settings = row.protocol.partition(" (")[2].rstrip(")")
        names.append(f"{retrieval}, {settings}".removesuffix(", ") if retrieval else row.metric)
    return names
