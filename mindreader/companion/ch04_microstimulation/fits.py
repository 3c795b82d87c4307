"""Take the chapter's comparisons from the record of several fits, or stimulate here, and make numbers of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ... import core
from ...core import ParameterError
from ...pipeline import Pipeline
from ...records import LayoutError
from ...studies import stimulated
from ...studies.claims import MIN_SEEDS
from ...studies.grids import CURRENT
from ...studies.stimulated import effects
from ..ch00_subject.subject import of_the_plant
from ..common import entry, over_fits

_planted_and_recovered = of_the_plant(stimulated.planted_and_recovered)


class Stimulations:
    """The chapter's comparisons with random voxels: the record's where it is what this run would make, else computed here.

    source says which, in one sentence. `fits` are those of the mappers that stimulate here.

    Parameters
    ----------
    run : Pipeline
    value : float
        What stimulated voxels are set to.
    region : str
        One of the reader's beside the paper's, "" for none; it is always stimulated here.
    n_fits : int
        How many fits stimulate here; 0 shows the record, and one fit stimulates what it does not have.
    root : Path, optional
        Where the record is, by default `figures`.

    Raises ParameterError for a number below 0.
    """

    def __init__(self, run: Pipeline, value: float = stimulated.VALUE, *, region: str = "", n_fits: int = 0, root: Path | None = None):
        if n_fits < 0:
            raise ParameterError(f"n_fits={n_fits}: expected 0 for the record, or a whole number from 1")
        self.run, self.value, self.region, self.fits = run, value, region, range(n_fits or 1)
        self._recorded, self.source = ({}, _here(n_fits)) if n_fits else _recorded(run, value, root or core.FIGURES)
        if self._recorded and region:
            self.source += f" {region} is stimulated here, by one fit of each mapper, which decides nothing."

    def table(self, name: str) -> pd.DataFrame:
        """The table behind one of `stimulated.FIGURES`, with the reader's region, or `sentences`, or `planted` (empty for real data)."""
        own = [self.region] if self.region and name in stimulated.OPEN else []
        if name in self._recorded:
            more = [stimulated.figure_table(self.run, name, self.value, own, fits=self.fits)] if own else []
            return pd.concat([self._recorded[name], *more], ignore_index=True)
        if name == "sentences":
            return stimulated.comparisons(self.run, self.value, fits=self.fits)
        if name == "planted":
            return _planted_and_recovered(self.run, self.value, fits=self.fits)
        return stimulated.figure_table(self.run, name, self.value, [*stimulated.FIGURES[name], *own], fits=self.fits)


def stimulation_summary(table: pd.DataFrame) -> dict:
    """The numbers of the table `effect` for the chapter's prose and scorecard: `faces`, `faces_shift`, `faces_random_voxels_shift`."""
    values = {}
    for row in table.itertuples():
        if row.name.endswith("difference"):
            key, note = row.region, "region minus random voxels, change of cosine"
        else:
            key, note = row.name.replace(", ", "_").replace(" ", "_") + "_shift", "change of cosine"
        values[key] = entry(row, note=f"{note}; {_fits(row.fits)}", covers=over_fits(row.fits))
    return values


def trial_counts() -> dict:
    """On how many trials regions are measured, and on how many of these every random set is (`studies.stimulated.effects`)."""
    counts = {"trials": (effects.N_TRIALS, "trials, each about another picture, on which a region is measured"),
              "trials_random": (effects.N_RANDOM, "first of these, on which every random set is measured, too"),
              "trials_pictures": (effects.N_PICTURES, "trials whose reconstruction is measured"),
              "trials_random_pictures": (effects.N_RANDOM_PICTURES, "first of these, with every random set")}
    return {name: {"ours": n, "n": n, "note": note} for name, (n, note) in counts.items()}


def sentence_numbers(table: pd.DataFrame) -> dict:
    """The comparisons as numbers of the chapter's record, by claim: value against random voxels, with its interval.

    Keys are the claim's name, with a number where it has several comparisons; "ours" is turned so that the claim wants it above
    "chance", which is what random voxels do.
    """
    values = {}
    for claim, part in table.groupby("claim", sort=False):
        for place, row in enumerate(part.itertuples()):
            key = f"{claim.replace('-', '_')}{f'_{place + 1}' if len(part) > 1 else ''}"
            values[f"{key}_verdict"] = {"ours": row.verdict, "note": f"{row.region}, {row.state}: {row.measure}"}
            if row.note:
                continue
            ends = sorted(row.direction * end for end in (row.low, row.high))
            what = f"{row.region}, {row.state}: {'minus ' * (row.direction < 0)}{row.measure}"
            values[key] = {"ours": row.direction * row.value, "low": ends[0], "high": ends[1], "covers": over_fits(row.fits),
                           "n": int(row.n), "chance": row.direction * row.chance,
                           "note": f"{what}; {_fits(row.fits)}"}
            values[f"{key}_p"] = {"ours": row.p_holm, "n": int(row.n_sets), "note": f"{what}; of random sets, by Holm over its sentence"}
    return values


def _recorded(run: Pipeline, value: float, root: Path) -> tuple[dict[str, pd.DataFrame], str]:
    """The record's tables and a sentence on them; none, and why one fit stimulates here, where they are not of this run."""
    if value != stimulated.VALUE:
        return {}, f"{_here(1)} The committed record is of voxels set to {stimulated.VALUE:g}."
    try:
        found, source = stimulated.read_record(run, root)
    except LayoutError as missing:
        return {}, f"{_here(1)} There is {missing}."
    if not found:
        return {}, f"{_here(1)} The committed record is the simulated subject's."
    if source != CURRENT:
        return {}, f"{_here(1)} {source}"
    return found, f"{source} {_fits(found['sentences'].fits.max())} of each mapper stimulate in it."


def _here(n_fits: int) -> str:
    """Says that so many fits stimulate in this run."""
    few = "" if n_fits >= MIN_SEEDS else f"; fewer than {MIN_SEEDS} decide nothing"
    return f"Stimulated here, by {_fits(n_fits)} of each mapper{few}."


def _fits(n: float) -> str:
    return f"{int(n)} fit{'s' if n > 1 else ''}"
