"""Tabulate which things are found again in reconstructions, from the record, for the chapters with and without a brain."""

from __future__ import annotations

import pandas as pd

from ..core import Covers
from ..evaluation import NATURALNESS
from ..pipeline import Pipeline
from ..studies.found import HELD_OUT, ITSELF, recorded, SUBJECT
from .common import entry, kept_record
from .rendering import LeftOut

RECALL, PRECISION = "recall, class", "precision"
METRICS = (RECALL, "recall, place", "recall, colour", PRECISION)
MEANS = {"all things": "things", "all stuff": "stuff"}


def recorded_found(run: Pipeline) -> tuple[pd.DataFrame | LeftOut, str]:
    """The record (`studies.found.found_scores`), left out for another subject, and a sentence on where it is from."""
    return kept_record(run, "found", recorded)


def found_means(run: Pipeline, of: str) -> pd.DataFrame | LeftOut:
    """A row for each source of pictures, a column for each metric of things and of stuff (means over classes), and naturalness.

    of: "held-out scenes" or "validation trials".
    """
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return table
    part = table[(table.of == of) & (table.category.isin(MEANS) | (table.metric == NATURALNESS))]
    cell = [f"{r.value:.2f} ({r.low:.2f} to {r.high:.2f})" for r in part.itertuples()]
    part = part.assign(cell=cell, column=[f"{MEANS[r.category]}: {r.metric}" if r.category in MEANS else r.metric
                                          for r in part.itertuples()])
    columns = [name for name in (*(f"{kind}: {metric}" for kind in MEANS.values() for metric in METRICS), NATURALNESS)
               if name in set(part.column)]
    wide = part.pivot(index="name", columns="column", values="cell").reindex(list(dict.fromkeys(part.name)))[columns]
    return wide.rename_axis(columns=None).reset_index()


def found_classes(run: Pipeline, of: str, metric: str = RECALL) -> pd.DataFrame | LeftOut:
    """One metric class by class, as `plots.classes_by_kind` takes it: category, kind, input, value, low, high, n_present."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return table
    part = table[(table.of == of) & (table.metric == metric) & ~table.category.isin(MEANS)]  # naturalness has another metric
    return part.rename(columns={"name": "input", "n": "n_present"})[
        ["category", "kind", "input", "value", "low", "high", "n_present", "metric"]].reset_index(drop=True)


def above(run: Pipeline, of: str, name: str, floor: str, *, kind: str = "thing") -> pd.DataFrame | LeftOut:
    """The classes whose recall by one source lies above a floor's, interval beside interval without overlap; and how many there are.

    Columns: category, value, low, floor (its value), floor_high, clear (bool).
    """
    classes = found_classes(run, of)
    if isinstance(classes, LeftOut):
        return classes
    classes = classes[classes.kind == kind].set_index("category")
    one, other = classes[classes.input == name], classes[classes.input == floor]
    both = one[["value", "low"]].join(other[["value", "high"]].set_axis(["floor", "floor_high"], axis=1), how="inner")
    return both.assign(clear=both.low > both.floor_high).reset_index()


def held_out_entries(run: Pipeline) -> dict:
    """The numbers of chapter 07 on held-out scenes; none without a record."""
    return _entries(run, HELD_OUT, {ITSELF: "itself", "true embedding": "generated", "another picture's embedding": "other",
                                    "mean embedding": "mean", _retrieved(run): "retrieved"})


def trial_entries(run: Pipeline) -> dict:
    """The numbers of chapter 03 on the subject's validation trials; none without a record."""
    clear = above(run, SUBJECT, "brain", "shuffled brain")
    if isinstance(clear, LeftOut):
        return {}
    keys = {"true embedding": "ceiling", "brain": "brain", "shuffled brain": "shuffled", "mean embedding": "mean"}
    library = {_retrieved(run): "retrieved", _retrieved(run, ", from the brain"): "retrieved_brain"}
    return _entries(run, SUBJECT, keys | library) | {"found_classes_above": {
        "ours": int(clear.clear.sum()), "n": len(clear), "note": "classes of things found more often from the brain than from a "
        "shuffled one, interval beside interval"}}


def _entries(run: Pipeline, of: str, keys: dict[str, str]) -> dict:
    """Mean recall of things and of stuff, and precision of things, by source; keys: what the key of each has after "found_"."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return {}
    part = table[(table.of == of) & table.category.isin(MEANS)].set_index(["name", "metric", "category"])
    endings = {(RECALL, "all things"): "", (RECALL, "all stuff"): "_stuff", ("recall, place", "all things"): "_place",
               ("recall, colour", "all things"): "_colour", (PRECISION, "all things"): "_precision"}
    unfitted = keys.values() if of == HELD_OUT else ("retrieved",)
    covers = {key: Covers.PICTURES_ONE_TRAINING if key in unfitted else Covers.PICTURES_ONE_FIT for key in keys.values()}
    found = {f"found_{key}{ending}": entry(part.loc[(name, metric, category)], covers=covers[key],
                                           note=f"{name}: {metric}, mean over classes of {MEANS[category]}")
             for name, key in keys.items() for (metric, category), ending in endings.items()
             if (name, metric, category) in part.index}
    natural = table[(table.of == of) & (table.metric == NATURALNESS)].set_index("name")
    return found | {f"natural_{key}": entry(natural.loc[name], covers=covers[key],
                                            note=f"{name}: {NATURALNESS} (1: real pictures behind a haze)")
                    for name, key in keys.items() if name in natural.index}


def _retrieved(run: Pipeline, how: str = "") -> str:
    """The record's name of retrieval, which counts its library."""
    table, _ = recorded_found(run)
    names = [] if isinstance(table, LeftOut) else [name for name in dict.fromkeys(table.name) if name.startswith("nearest of")]
    return next((name for name in names if name.endswith(how or "pictures")), "")
