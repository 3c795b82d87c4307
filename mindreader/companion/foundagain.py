"""Tabulate which things are found again in reconstructions, from the record, for the chapters with and without a brain."""

from __future__ import annotations

import pandas as pd

from ..core import Covers, NONE
from ..evaluation import NATURALNESS
from ..pipeline import Pipeline
from ..scoring import TWO_WAY
from ..studies.found import CHANGED, COSINE, DRAWS, HELD_OUT, ITSELF, LESS, recorded, SAME_OTHER, SAME_Z, SUBJECT
from ..studies.found.changed import BETWEEN, BRAIN, ERROR, PICTURE, RANDOM, SHUFFLED, SPREAD, TRUE
from .common import entry, in_cell, kept_record
from .rendering import LeftOut

RECALL, PRECISION = "recall, class", "precision"
METRICS = (RECALL, "recall, place", "recall, colour", PRECISION)
MEANS = {"all things": "things", "all stuff": "stuff"}
STEPS = {BRAIN: "brain", SPREAD: "spread", PICTURE: "picture", ERROR: "error", RANDOM: "random", BETWEEN: "between", TRUE: "ceiling",
         SHUFFLED: "shuffled"}      # changed conditions in the order of the page, and what the keys of their numbers have


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
    return _wide(part, [*(f"{kind}: {metric}" for kind in MEANS.values() for metric in METRICS), NATURALNESS]).reset_index()


def fog(run: Pipeline) -> pd.DataFrame | LeftOut:
    """A row for each of the changed conditions: how near to the true ones, how natural, what is found again, two-way identification."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return table
    part = table[table.of.isin((SUBJECT, CHANGED)) & table.name.isin(STEPS) & table.category.isin(("", *MEANS))]
    columns = [COSINE, NATURALNESS, *(f"{kind}: {RECALL}" for kind in MEANS.values()), f"things: {PRECISION}", TWO_WAY]
    return _wide(part, columns).reindex(STEPS).rename_axis("condition").reset_index()


def found_classes(run: Pipeline, of: str, metric: str = RECALL) -> pd.DataFrame | LeftOut:
    """One metric class by class, as `plots.classes_by_kind` takes it: category, kind, input, value, low, high, n_present."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return table
    part = table[(table.of == of) & (table.metric == metric) & ~table.category.isin(MEANS) & ~table.name.str.contains(LESS)]
    return part.rename(columns={"name": "input", "n": "n_present"})[
        ["category", "kind", "input", "value", "low", "high", "n_present", "metric"]].reset_index(drop=True)


def above(run: Pipeline, of: str, name: str, floor: str) -> pd.DataFrame | LeftOut:
    """How much more often each class is found by one source than by a floor, on the same pictures; things first, the clearest first.

    Columns: kind, category, value, floor (its value), difference, low, high (of the difference), clear (bool: it lies above 0).
    """
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return table
    classes = table[(table.of == of) & (table.metric == RECALL) & ~table.category.isin(MEANS)].set_index(["kind", "category"])
    one, other, apart = (classes[classes.name == each] for each in (name, floor, f"{name}{LESS}{floor}"))
    both = one[["value"]].join(other.value.rename("floor")).join(apart[["value", "low", "high"]].rename(columns={"value": "difference"}),
                                                               how="inner")
    return both.assign(clear=both.low > 0).reset_index().sort_values(["kind", "difference"], ascending=False, ignore_index=True)


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
    return _entries(run, SUBJECT, keys | library) | {f"found_{kind}_{what}": {
        "ours": int(ours), "n": len(some), "note": f"classes of {kind}{note}"}
        for kind, some in (("things", clear[clear.kind == "thing"]), ("stuff", clear[clear.kind == "stuff"]))
        for what, ours, note in (("above", some.clear.sum(), " found more often from the brain than from a shuffled one, on the same pictures"),
                                 ("classes", len(some), " that are in enough of the trials"))}


def fog_entries(run: Pipeline) -> dict:
    """The numbers of chapter 03 on changed conditions: nearness, naturalness and identification; none without a record."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return {}
    part = table[table.of.isin((SUBJECT, CHANGED)) & (table.category == "")].set_index(["name", "metric"])
    return {f"fog_{step}_{ending}": entry(part.loc[(name, metric)], note=f"{name}: {metric}")
            for name, step in STEPS.items() for metric, ending in ((COSINE, "cosine"), (NATURALNESS, "natural"), (TWO_WAY, "two_way"))}


def draw_entries(run: Pipeline) -> dict:
    """The numbers of chapter 03 on two draws of z; none without a record."""
    table, _ = recorded_found(run)
    if isinstance(table, LeftOut):
        return {}
    part = table[table.of == DRAWS].set_index(["name", "metric"])
    return {f"same_{ending}_{step}": entry(part.loc[(name, metric)], note=f"{name}: {metric}")
            for name, step in ((BRAIN, "brain"), (TRUE, "ceiling")) for metric, ending in ((SAME_Z, "z"), (SAME_OTHER, "other"))}


def retrieved_names(table: pd.DataFrame) -> list[str]:
    """The record's names of retrieval, which count its library: by the true embedding, then by the brain's where there is one."""
    return [name for name in dict.fromkeys(table.name) if name.startswith("nearest of")]


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


def _wide(part: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows of the record by name, its scores with their intervals side by side under their metrics, those of `columns` that it has.

    With two decimals, since a page is narrow; a score that a row has not is a dash.
    """
    part = part.assign(cell=list(map(in_cell, part.itertuples())),
                       column=[f"{MEANS[r.category]}: {r.metric}" if r.category in MEANS else r.metric for r in part.itertuples()])
    wide = part.pivot(index="name", columns="column", values="cell").reindex(list(dict.fromkeys(part.name)))
    return wide[[name for name in columns if name in wide]].fillna(NONE).rename_axis(columns=None)


def _retrieved(run: Pipeline, how: str = "") -> str:
    """The record's name of retrieval, which counts its library."""
    table, _ = recorded_found(run)
    names = [] if isinstance(table, LeftOut) else retrieved_names(table)
    return next((name for name in names if name.endswith(how or "pictures")), "")
