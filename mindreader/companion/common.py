"""Share helpers among chapters: scores in per cent, intervals, scorecard entries, stimuli of trials."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd

from .. import scoring
from ..core import Covers
from ..pipeline import Pipeline
from ..records import Reconstructions
from .rendering import LeftOut


def needs(*networks: str):
    """As a decorator of a function of a pipeline: a sentence in the place of its result where a network is missing for it.

    networks: names as in `Pipeline.check_networks`.
    """
    def decorate(function):
        @functools.wraps(function)
        def unless_missing(run: Pipeline, *arguments, **options):
            missing = run.missing(*networks)
            return LeftOut(f"Left out: {missing}") if missing else function(run, *arguments, **options)

        return unless_missing

    return decorate


def kept_record(run: Pipeline, name: str, recorded: Callable[[Pipeline], tuple[pd.DataFrame, str]]) -> tuple[pd.DataFrame | LeftOut, str]:
    """A committed record, left out for another subject, and a sentence on where it is from; read once for each run."""
    if name not in run.memo:
        table, source = recorded(run)
        run.memo[name] = LeftOut(source) if table.empty else table, source
    return run.memo[name]


def entry(row, *, paper: float | None = None, note: str = "", covers: Covers = Covers.PICTURES_ONE_FIT) -> dict:
    """Make a scorecard entry from a row of a tidy score table; covers: what its interval covers."""
    return {"ours": float(row.value), "low": float(row.low), "high": float(row.high), "covers": covers, "n": int(row.n),
            "chance": float(row.chance), "paper": paper, "note": note}


def in_cell(row) -> str:
    """A score with its interval for a cell of a wide table, two decimals since a page is narrow."""
    return f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})"


def over_fits(n_fits: int) -> Covers:
    """What an interval of `uncertainty.score_interval` covers, of so many fits."""
    return Covers.PICTURES_AND_FITS if n_fits > 1 else Covers.PICTURES_ONE_FIT


def interval(run: Pipeline, values, image_ids, *, seed: int | None = None) -> tuple[float, float]:
    """95 % interval of the mean of values (n_trials,), from resampling their pictures; seed: the run's, if None."""
    seed = run.experiment.child_seed("bootstrap") if seed is None else seed
    return scoring.bootstrap_interval(np.asarray(values), np.asarray(image_ids), seed=seed,
                                      n_bootstrap=run.experiment.evaluate.n_bootstrap)


def pictures_of(run: Pipeline, image_ids) -> np.ndarray:
    """Stimuli with these ids, row by row, (n, H, W, 3) uint8."""
    return run.subject.stimuli.images[pd.Index(run.subject.stimuli.ids).get_indexer(image_ids)]


def first_draw(pictures: Reconstructions) -> np.ndarray:
    """First draw of z of each reconstruction, (n, H, W, 3) uint8."""
    return pictures.images[:, 0]
