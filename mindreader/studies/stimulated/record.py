"""Make the record of stimulation by several fits of each mapper, fit by fit, and read it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core
from ...core import fingerprint, save_table, source_fingerprint
from ...pipeline import Pipeline
from ...records import SPACES
from ..grids import command, one_thread, run_jobs, whole_record
from ..refits import N_MAPPERS
from .effects import MEASURED
from .planted import planted_and_recovered
from .sentences import comparisons
from .tables import FIGURES, figure_table

VALUE = 10.0        # what stimulated voxels are set to, in standard deviations (paper A.5)
COND = "both"       # whose generator makes the pictures
RECORDS = ("stimulated", "stimulated_sentences", "stimulated_planted")     # the tables' names
_WHERE = "measures.npz"


def stimulate(run: Pipeline, n_fits: int | None = None, *, processes: int = 1) -> dict[str, pd.DataFrame]:
    """Every table of `tables_of` by several fits of each mapper, N_MAPPERS by default.

    Each fit stimulates on one thread, in one process or in several, to the same bits; what it measures is kept.
    """
    fits = range(n_fits or N_MAPPERS)
    _ = run.true_features, run.generator(COND)       # made here once, so that the processes find what all share
    run_jobs(measure_fit, run, fits, processes, desc="stimulated", label=lambda repeat: f"stimulated, fit {repeat}")
    with one_thread():
        for repeat in fits:
            measure_fit(run, repeat)                 # found again, where other processes measured it
        return tables_of(run, fits)


def tables_of(run: Pipeline, fits: Sequence[int]) -> dict[str, pd.DataFrame]:
    """By name: the table of each of FIGURES, `sentences` (`comparisons`), and `planted` (`planted_and_recovered`)."""
    return {name: figure_table(run, name, VALUE, fits=fits) for name in FIGURES} | {
        "sentences": comparisons(run, VALUE, fits=fits, cond=COND), "planted": planted_and_recovered(run, VALUE, fits=fits)}


def measure_fit(run: Pipeline, repeat: int) -> None:
    """Measure all that the tables need by one fit of the mappers, or take it from the store: the run remembers it from now on."""
    def make(folder: Path) -> None:
        tables_of(run, [repeat])
        np.savez_compressed(folder / _WHERE, **{"|".join((region, repr(value), what, name, str(side))): array
                                                for (kind, of, region, value, what), found in _remembered(run) if of == repeat
                                                for name, sides in found.items() for side, array in enumerate(sides)})

    def load(folder: Path) -> None:
        found: dict[tuple, dict[str, dict[str, np.ndarray]]] = {}
        with np.load(folder / _WHERE, allow_pickle=False) as file:
            for address in file.files:
                region, value, what, name, side = address.split("|")
                found.setdefault((MEASURED, repeat, region, float(value), what), {}).setdefault(name, {})[side] = file[address]
        run.memo.update({state: {name: (each["0"], each["1"]) for name, each in by_name.items()} for state, by_name in found.items()})

    run.store.fetch("stimulated", fit_key(run, repeat), make, load)


def fit_key(run: Pipeline, repeat: int) -> dict:
    """Everything that could change what one fit measures: its mappers, the generator, the evaluation network, sizes and code."""
    return {"source": source_fingerprint("studies.stimulated.record:tables_of"), "n_bootstrap": run.experiment.evaluate.n_bootstrap,
            "mappers": [run.mapper_key(space, run.recipe(space), repeat) for space in SPACES],
            "generator": run.key("generator", {"cond": COND}), "features": run.key("features", {})}


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def write_record(run: Pipeline, n_fits: int | None = None, *, processes: int = 1, root: Path | None = None) -> list[Path]:
    """Stimulate by all fits and write the tables of RECORDS (.csv, and .json): figures, sentences, and what was planted."""
    found = stimulate(run, n_fits, processes=processes)
    figures = pd.concat([found[name].assign(figure=name) for name in FIGURES], ignore_index=True)
    return [save_table(table.assign(key=key(run, n_fits)), f"tables/{name}", origin=run.origin, root=root,
                       meta={"experiment": asdict(run.experiment), "value": VALUE})
            for name, table in zip(RECORDS, (figures, found["sentences"], found["planted"]))]


def read_record(run: Pipeline, root: Path = core.FIGURES, *, n_fits: int | None = None) -> tuple[dict[str, pd.DataFrame], str]:
    """The committed `tables_of`, and a sentence on whether they are what this run would make; none for another subject.

    n_fits: how many a record of another number has. Raises LayoutError where there is no record.
    """
    (figures, source), (sentences, other), (planted, third) = (
        whole_record(run, name, "stimulation", partial(key, n_fits=n_fits), root) for name in RECORDS)
    if figures.empty:
        return {}, source
    parts = {name: figures[figures.figure == name].drop(columns="figure").dropna(axis=1, how="all").infer_objects().reset_index(drop=True)
             for name in FIGURES}
    stale = next((sentence for sentence in (other, third) if sentence != source), source)
    return parts | {"sentences": sentences.assign(note=sentences.note.astype(object).fillna("")), "planted": planted}, stale


def key(run: Pipeline, n_fits: int | None = None) -> str:
    """A fingerprint of everything that could change the record."""
    return fingerprint([fit_key(run, repeat) for repeat in range(n_fits or N_MAPPERS)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies stimulated`; returns the exit status."""
    from . import __doc__ as doc  # the room's own, which the command line shows

    return command("stimulated", doc, write_record, arguments)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _remembered(run: Pipeline) -> list[tuple[tuple, dict]]:
    """What this run remembers of its fits' states (`effects.of_fit`)."""
    return [(state, found) for state, found in run.memo.items() if isinstance(state, tuple) and state[0] == MEASURED]
