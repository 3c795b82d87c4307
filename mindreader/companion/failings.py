"""Tabulate what goes wrong in reconstructions, from the record, for chapter 03."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..core import NONE
from ..evaluation import load_segmenter
from ..experiments import CONDITIONS
from ..pipeline import Pipeline
from ..records import SPACES
from ..scoring import shuffled
from ..studies.failures import (ADDED, BORROWED, BRAIN, COLOUR, ends, FITTING, GROUND, HEADS, ITSELF, JUMP, LESS, LOGIT, NUMBER,
                                recorded, SHUFFLED, SIDE, STEPS, TRUE, TWO_WAY, walk)
from ..studies.failures.measures import FAILURES, Held
from ..studies.failures.record import seen_pictures
from ..studies.sources import brain_embeddings, reconstructions
from .common import entry, in_cell, kept_record, over_fits, pictures_of
from .foundagain import retrieved_names
from .rendering import LeftOut

RATES = (GROUND, NUMBER, SIDE, COLOUR)          # shares of what could go wrong
SHOWN = (*RATES, ADDED)                         # of which examples can be shown
BESIDE = ((BRAIN, ITSELF), (BRAIN, TRUE), (BRAIN, SHUFFLED))
KEYS = {GROUND: "ground", NUMBER: "number", SIDE: "side", COLOUR: "colour", BORROWED: "borrowed", ADDED: "added", FITTING: "fitting",
        TWO_WAY: "close_ups", LOGIT: "discriminator"}     # what the keys of their numbers have


def recorded_failures(run: Pipeline) -> tuple[pd.DataFrame | LeftOut, str]:
    """The record (`studies.failures.failure_scores`), left out for another subject, and a sentence on where it is from."""
    return kept_record(run, "failures", recorded)


def failures(run: Pipeline) -> pd.DataFrame | LeftOut:
    """A row for each measure, a column for each source: the picture itself, the brain with ceiling and floor, and retrieval."""
    table, _ = recorded_failures(run)
    return table if isinstance(table, LeftOut) else _wide(run, list(KEYS), list(_sources(table)), "measure")


def differences(run: Pipeline) -> pd.DataFrame | LeftOut:
    """A row for each measure, a column for each paired difference of the brain from another source."""
    return _wide(run, list(KEYS), [LESS.join(pair) for pair in BESIDE], "measure")


def heads(run: Pipeline) -> pd.DataFrame | LeftOut:
    """A row for each aspect of the things, a column for each head alone, and their paired difference."""
    table, _ = recorded_failures(run)
    return table if isinstance(table, LeftOut) else _wide(run, _aspects(table), [*HEADS, LESS.join(HEADS)], "things")


def rates(run: Pipeline) -> pd.DataFrame | LeftOut:
    """Shares of what could go wrong, as `plots.dots` takes them: name (of the failure), source, value, low, high, n."""
    table, _ = recorded_failures(run)
    if isinstance(table, LeftOut):
        return table
    names = [name for name, key in _sources(table).items() if key != "retrieved_brain"]
    part = table[table.metric.isin(RATES) & table.name.isin(names)]
    part = part.assign(order=part.metric.map(RATES.index), place=part.name.map(names.index)).sort_values(["order", "place"])
    return part.rename(columns={"name": "source", "metric": "name"})[["name", "source", "value", "low", "high", "n"]].reset_index(drop=True)


def examples(run: Pipeline, cond: str, n: int = 2) -> tuple[dict[str, np.ndarray] | LeftOut, list[str]]:
    """The first n trials on which each failure happens, of each picture its first, no picture twice: columns, and a label for each row.

    By this run's own fit. Columns are what was seen and the reconstruction, in turn; a failure that happens on fewer has no row.
    """
    table, _ = recorded_failures(run)
    if isinstance(table, LeftOut):
        return table, []
    seen, _, _ = seen_pictures(run)
    made = reconstructions(run, cond).images[:, 0]
    read, first = Held.of(load_segmenter().read(made)), brain_embeddings(run, cond)[SPACES[0]].first_rows(len(made))
    taken, rows = set(), {}
    for name in SHOWN:
        happens = FAILURES[name](seen, read).happens
        found = [row for row in first if happens[row] and row not in taken][:n]
        if len(found) == n:
            taken |= set(found)
            rows[name] = found
    columns = {}
    for place in range(n):
        chosen = np.array([found[place] for found in rows.values()], int)
        ordinal = f", {place + 1}" if place else ""
        columns |= {f"seen{ordinal}": pictures_of(run, seen.image_ids[chosen]), f"from the brain{ordinal}": made[chosen]}
    return columns, list(rows)


def walk_columns(run: Pipeline, cond: str, n: int = 3) -> dict[str, np.ndarray]:
    """Between the first trials of the first n pictures and a trial of another one each: what was seen at both ends, and the way."""
    brain, seed = brain_embeddings(run, cond), run.experiment.child_seed("controls")
    start, end, _ = ends({space: brain[space] for space in CONDITIONS[cond]}, seed)
    ids = start[CONDITIONS[cond][0]].image_ids
    as_vectors = replace(start[CONDITIONS[cond][0]], vectors=ids[:, None].astype(np.float64))
    partners = shuffled(as_vectors, seed).vectors[:n, 0].astype(ids.dtype)
    made = walk(run, cond, *({space: each.take(slice(n)) for space, each in side.items()} for side in (start, end)))
    on_the_way = {f"{share:.0%}": pictures.images[:, 0] for share, pictures in zip(np.linspace(0, 1, STEPS + 1), made)}
    return {"seen": pictures_of(run, ids[:n]), **on_the_way, "seen, other trial": pictures_of(run, partners)}


def failure_entries(run: Pipeline) -> dict:
    """The numbers of chapter 03 on failures and on the two heads; none without a record."""
    table, _ = recorded_failures(run)
    if isinstance(table, LeftOut):
        return {}
    names = _sources(table) | dict(zip(HEADS, HEADS))
    names |= {LESS.join(pair): "_less_".join(names[name] for name in pair) for pair in (*BESIDE, HEADS, HEADS[::-1])}
    measures = KEYS | {JUMP: "jump"} | dict(zip(_aspects(table), ("head_class", "head_place", "head_colour")))
    walks = {"walk_steps": {"ours": STEPS, "n": STEPS, "note": "equal steps of a walk between two trials"},
             "walk_even": {"ours": 1 / STEPS, "n": STEPS, "note": "share of each, where all change the picture as much"}}
    return walks | {f"fails_{measures[row.metric]}_{names[row.name]}": entry(
        row, note=f"{row.name}: {row.metric}", covers=over_fits(int(row.n_seeds))) for row in table.itertuples()}


def _sources(table: pd.DataFrame) -> dict[str, str]:
    """The record's sources in the order of the page, and what the keys of their numbers have."""
    library = retrieved_names(table)
    return {ITSELF: "itself", TRUE: "ceiling", **dict(zip(library[:1], ["retrieved"])), BRAIN: "brain",
            **dict(zip(library[1:], ["retrieved_brain"])), SHUFFLED: "shuffled"}


def _aspects(table: pd.DataFrame) -> list[str]:
    """What is said of heads, and not of sources."""
    return list(dict.fromkeys(table.metric[table.name == HEADS[0]]))


def _wide(run: Pipeline, metrics: list[str], columns: list[str], title: str) -> pd.DataFrame | LeftOut:
    """Values with their intervals; a dash where there is none."""
    table, _ = recorded_failures(run)
    if isinstance(table, LeftOut):
        return table
    cells = table.assign(cell=list(map(in_cell, table.itertuples())))
    wide = cells.pivot(index="metric", columns="name", values="cell").reindex(index=metrics, columns=columns).dropna(how="all")
    return wide.astype(object).fillna(NONE).rename_axis(index=title, columns=None).reset_index()
