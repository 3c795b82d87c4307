"""Render the record of refits, and how often its kind of interval held a planted truth, as tables of the book.

    {refits}            every score of figures/tables/refits.csv, with its interval over pictures and fits; single classes left out
    {refits} coverage   figures/tables/coverage.csv
"""

from __future__ import annotations

import re

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ... import core
from ...core import NONE, format_number
from .claims import add_caption, table, text

LOG = logging.getLogger(__name__)
ONE_CLASS = re.compile(r"AUC (thing|stuff) .*")       # a score of one class alone
SCORES = ("", "Score", "Mean of the fits", "95 % interval, pictures and fits", "Lowest and highest fit", "Fits", "Pictures", "Chance")
COVERAGE = ("", "Pictures", "Fits", "Over pictures and fits", "Over the pictures of one fit", "Simulated studies")


class Refits(SphinxDirective):
    """The directive `refits`."""

    optional_arguments = 1
    option_spec = {"name": directives.unchanged, "caption": directives.unchanged}

    def run(self):
        """One table: the scores, or with the argument "coverage" how often intervals held the truth."""
        name, head, cells = ("coverage", COVERAGE, _coverage) if self.arguments else ("refits", SCORES, _scores)
        path = core.FIGURES / "tables" / f"{name}.csv"
        self.env.note_dependency(str(path))
        if not path.is_file():
            LOG.warning("no table of %s: there is no figures/tables/%s.csv; run `make tables`", name, name,
                        location=self.get_location(), type="mindreader")
            return []
        made = table(list(head), [[[text(cell)] for cell in row] for row in cells(pd.read_csv(path))], ["scorecard", "colwidths-auto"])
        add_caption(self, made)
        return [made]


def _scores(record: pd.DataFrame) -> list[list[str]]:
    return [[row["name"], row.metric, format_number(row.value), _range(row.low, row.high), _range(row.lowest, row.highest),
             format_number(int(row.n_seeds)), format_number(int(row.n_pictures)), NONE if pd.isna(row.chance) else format_number(row.chance)]
            for _, row in record.iterrows() if not ONE_CLASS.fullmatch(row.metric)]


def _coverage(record: pd.DataFrame) -> list[list[str]]:
    return [[row["name"], format_number(int(row.n_pictures)), format_number(int(row.n_fits)),
             f"{100 * row.covered:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f})", f"{100 * row.one_fit_covered:.1f} %",
             format_number(int(row.n_studies))] for _, row in record.iterrows()]


def _range(low: float, high: float) -> str:
    return NONE if pd.isna(low) else f"{format_number(float(low))} to {format_number(float(high))}"
