"""Count how often intervals hold a planted truth: those over pictures and fits, and those over the pictures of one fit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core, scoring, uncertainty
from ...core import Store, as_finished, child_seed, fingerprint, progress, save_table, source_fingerprint
from ..grids import one_thread, read_table
from .planted import PLANTED, Planted

N_STUDIES, CHUNK = 1000, 50         # of each row of the record; simulated at once, and kept
N_FITS = (3, 5)
ALLOWED = (0.93, 0.97)              # of a nominal 95 %
_BY_NAME = {planted.name: planted for planted in PLANTED}
_COLUMNS = ["value", "low", "high", "one_low", "one_high", "from_fits"]


@dataclass(frozen=True)
class Job:
    """One chunk of the studies of one row: the score, its sizes, and which chunk."""

    name: str
    n_pictures: int
    n_fits: int
    chunk: int


def simulate(job: Job, n_studies: int = CHUNK, seed: int = 0) -> np.ndarray:
    """The studies of a chunk, (n_studies, 6): value, low, high over pictures and fits, low and high of one fit, share of fits."""
    rows = []
    for study in range(n_studies):
        name = f"coverage/{job.name}/{job.n_pictures}/{job.n_fits}/{job.chunk * CHUNK + study}"
        drawn = _BY_NAME[job.name].draw(np.random.default_rng(child_seed(seed, name)), job.n_pictures, job.n_fits)
        found = uncertainty.score_interval(drawn.score)
        rows.append([found.value, found.low, found.high, *drawn.one_fit, found.from_fits])
    return np.array(rows)


def coverage(studies: np.ndarray, truth: float | None) -> dict[str, float]:
    """How often both kinds of intervals hold the truth, with Wilson's interval of the first; truth None: the mean of all values.

    below, above: how often the interval lies wholly below or above the truth, 0.025 each where it is right.
    """
    table = pd.DataFrame(studies, columns=_COLUMNS)
    truth = table.value.mean() if truth is None else truth
    held = (table.low <= truth) & (truth <= table.high)
    low, high = scoring.wilson(int(held.sum()), len(table))
    return {"n_studies": len(table), "truth": truth, "value": table.value.mean(), "covered": held.mean(), "low": low, "high": high,
            "below": (table.high < truth).mean(), "above": (table.low > truth).mean(),
            "one_fit_covered": ((table.one_low <= truth) & (truth <= table.one_high)).mean(),
            "width": (table.high - table.low).mean(), "one_fit_width": (table.one_high - table.one_low).mean(),
            "from_fits": table.from_fits.mean()}


def measure(store: Store, n_studies: int = N_STUDIES, *, processes: int = 1, planted: Sequence[Planted] = PLANTED,
            n_fits: Sequence[int] = N_FITS) -> pd.DataFrame:
    """A row for each score, number of pictures and number of fits: columns as of `coverage`, with name, n_pictures, n_fits, key.

    Each chunk of studies is kept, and found again by a run that was killed.
    """
    rows = [(each, n_pictures, fits) for each in planted for n_pictures in each.pictures for fits in n_fits]
    chunks = -(-n_studies // CHUNK)
    jobs = [Job(each.name, n_pictures, fits, chunk) for chunk in range(chunks) for each, n_pictures, fits in rows]
    found = {}
    with closing(as_finished(partial(_kept, store.root), jobs, processes)) as finished, progress(total=len(jobs), desc="coverage") as bar:
        for job, studies in finished:
            found[job] = studies
            bar.set_description(f"{job.name}, {job.n_pictures} pictures x {job.n_fits} fits")
            bar.update()
    return pd.DataFrame([{"name": each.name, "n_pictures": n_pictures, "n_fits": fits,
                          **coverage(np.concatenate([found[Job(each.name, n_pictures, fits, chunk)] for chunk in range(chunks)]), each.truth),
                          "key": key()} for each, n_pictures, fits in rows])


def key() -> str:
    """A fingerprint of the code of the simulations and of the intervals."""
    return fingerprint([source_fingerprint("studies.coverage.counting:simulate"), CHUNK])


def write_record(n_studies: int = N_STUDIES, *, processes: int = 1, root: Path | None = None, store: Store | None = None) -> Path:
    """Write tables/coverage.csv; its path."""
    table = measure(store or Store(), n_studies, processes=processes)
    return save_table(table, "tables/coverage", origin="twin", meta={"n_studies": n_studies, "allowed": list(ALLOWED)}, root=root)


def read_record(root: Path = core.FIGURES) -> tuple[pd.DataFrame, bool]:
    """The committed table, and whether today's code would make it; LayoutError where there is none."""
    table = read_table(root, "coverage", ("name", "key"), "coverage of intervals")
    return table, set(table.key) == {key()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies coverage`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=N_STUDIES, help=f"of each row, rounded up to {CHUNK}; {N_STUDIES} by default")
    parser.add_argument("--processes", type=int, default=2, help="at work at once, one thread each; 2 by default")
    chosen = parser.parse_args(arguments)
    if chosen.processes < 1 or chosen.studies < 1:
        parser.error(f"got --studies {chosen.studies} and --processes {chosen.processes}, expected whole numbers from 1")
    name = "" if chosen.studies == N_STUDIES else f"tables__studies-{chosen.studies}"
    sys.stdout.write(f"{write_record(chosen.studies, processes=chosen.processes, root=core.output_root(name))}\n")
    return 0


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _kept(root: Path, job: Job) -> np.ndarray:
    def make(folder: Path) -> None:
        with one_thread():
            np.save(folder / "studies.npy", simulate(job))

    made_from = {"job": [job.name, job.n_pictures, job.n_fits, job.chunk], "key": key()}
    return Store(root).fetch("coverage", made_from, make, lambda folder: np.load(folder / "studies.npy", allow_pickle=False))
