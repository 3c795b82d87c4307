"""Draw how often intervals hold the truth, for each kind of score and number of fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .common import COLOURS, figure, headline, styled


@styled
def interval_coverage(table: pd.DataFrame, allowed: tuple[float, float], *, origin: str, title: str) -> Figure:
    """A row for each score and size: coverage of intervals over pictures and fits, and of those over the pictures of one fit.

    table: as of `studies.coverage.measure`; allowed: the range of coverage that passes, shaded. Horizontal bars are Wilson's 95 %
    intervals of the counts.
    """
    fig, axes = figure(8.2, 0.19 * len(table) + 1.2, origin=origin)
    ax, rows = axes[0, 0], np.arange(len(table))[::-1]
    ax.axvspan(*allowed, color=COLOURS["brain"], alpha=0.18, lw=0)
    ax.axvline(0.95, color=COLOURS["chance"], lw=1, ls="--", label="nominal")
    error = np.abs(table[["low", "high"]].to_numpy().T - table.covered.to_numpy())
    ax.errorbar(table.covered, rows, xerr=error, fmt="o", ms=4, lw=1, color=COLOURS["brain"], label="over pictures and fits")
    ax.plot(table.one_fit_covered, rows, "o", ms=4, color=COLOURS["control"], label="over the pictures of one fit")
    ax.set(yticks=rows, yticklabels=[f"{row.name_}, {row.n_pictures} x {row.n_fits}" for row in table.rename(columns={"name": "name_"}).itertuples()],
           xlim=(0, 1.01), ylim=(-0.7, len(table) - 0.3), xlabel="share of 95 % intervals that hold the truth")
    ax.tick_params(axis="y", labelsize=7)
    ax.legend(loc="lower left", fontsize=7)
    headline(fig, title)
    return fig
