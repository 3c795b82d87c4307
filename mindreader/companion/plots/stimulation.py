"""Draw the figures of chapter 04: effects beside random voxels, doses beside the measured range, planted beside recovered."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from .common import COLOURS, figure, headline, legend_below, styled

PAGE = 8.2     # inches that a page shows without making letters smaller


@styled
def beside_random_voxels(table: pd.DataFrame, *, origin: str, title: str, columns: int = 3) -> Figure:
    """A panel for each measure, a row for each region: its change with its interval, on the band of matched random voxels.

    table: name (region), metric, value, low, high, random_low, random_high, p. Filled dots have p <= .05.
    """
    panels, names = list(dict.fromkeys(table.metric)), list(dict.fromkeys(table.name))
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = figure(min(2.3 * columns + 1.3, PAGE), (0.24 * len(names) + 0.85) * rows + 0.5, rows, columns, origin=origin, sharey=True)
    for ax in axes.flat[len(panels):]:
        ax.axis("off")
    for ax, metric in zip(axes.flat, panels):
        for row in table[table.metric == metric].itertuples():
            y = names.index(row.name)
            ax.barh(y, row.random_high - row.random_low, left=row.random_low, height=0.62, color=COLOURS["control"], alpha=0.35, lw=0)
            ax.plot([row.low, row.high], [y, y], color=COLOURS["brain"], lw=1.8, solid_capstyle="round")
            ax.plot(row.value, y, "o", ms=4.5, color=COLOURS["brain"], mfc=COLOURS["brain"] if row.p <= 0.05 else "white")
        ax.axvline(0, color=COLOURS["truth"], lw=0.6)
        ax.use_sticky_edges = False
        ax.set_title(textwrap.fill(metric, 60 // columns + 4), fontsize=8, fontweight="normal")
        ax.tick_params(labelsize=7)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[0, 0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    headline(fig, title)
    return fig


@styled
def doses(table: pd.DataFrame, limits: dict[str, float], *, origin: str, ylabel: str, title: str, value: float | None = None) -> Figure:
    """A panel for each region: its effect over the dose, on that of random voxels; doses outside the measured range are shaded.

    table: dose, value, low, high, region, random, random_low, random_high; limits: region -> the dose at which it leaves the
    range; value: the paper's dose, marked.
    """
    names = list(dict.fromkeys(table.region))
    fig, axes = figure(min(2.1 * len(names) + 0.6, PAGE), 2.9, 1, len(names), origin=origin, sharey=True)
    for ax, name in zip(axes[0], names):
        part = table[table.region == name]
        ax.fill_between(part.dose, part.random_low, part.random_high, color=COLOURS["control"], alpha=0.35, lw=0, label="random voxels")
        ax.plot(part.dose, part.random, color=COLOURS["control"], lw=1)
        ax.fill_between(part.dose, part.low, part.high, color=COLOURS["brain"], alpha=0.25, lw=0)
        ax.plot(part.dose, part.value, "o-", color=COLOURS["brain"], lw=1.5, ms=3, label="region")
        left, last = limits.get(name, np.inf), part.dose.max() * 1.1
        if left < last:
            ax.axvspan(max(left, part.dose.min()), last, color=COLOURS["chance"], alpha=0.08, lw=0, label="outside the range")
        if value is not None:
            ax.axvline(value, color=COLOURS["truth"], lw=1, ls=":", label="paper")
        ax.axhline(0, color=COLOURS["truth"], lw=0.6)
        ax.set_xscale("log")
        ax.xaxis.set(major_locator=FixedLocator([0.5, 1, 2, 5, 10, 20]), minor_locator=NullLocator(), major_formatter="{x:g}")
        ax.set(xlim=(part.dose.min(), last), xlabel="voxels set to (sd)")
        ax.set_title(f"{name}, leaves at {left:.1f} sd" if left < last else name, fontsize=8, fontweight="normal")
    axes[0, 0].set_ylabel(ylabel, fontsize=8)
    legend_below(fig, axes[0, 0], ncols=4)
    headline(fig, title)
    return fig


@styled
def planted_beside_recovered(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Two panels of regions by categories: what was planted, and what stimulation recovered; a region's own category is framed.

    table: region, category, own, n_voxels, planted, recovered, p. A star marks p <= .05.
    """
    regions, words = list(dict.fromkeys(table.region)), list(dict.fromkeys(table.category))
    sizes = table.groupby("region").n_voxels.first()
    fig, axes = figure(7.0, 0.25 * len(regions) + 1.4, 1, 2, origin=origin, sharey=True)
    labels = {"planted": "response to the category (sd)", "recovered": "nearer than by random voxels (cosine)"}
    for ax, (column, label) in zip(axes[0], labels.items()):
        values = table.pivot(index="region", columns="category", values=column).loc[regions, words].to_numpy()
        limit = np.nanmax(np.abs(values)) or 1
        image = ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
        fig.colorbar(image, ax=ax, label=label)
        for row in table.itertuples():
            x, y, value = words.index(row.category), regions.index(row.region), getattr(row, column)
            star = "*" if column == "recovered" and row.p <= 0.05 else ""
            ax.text(x, y, f"{value:.2f}{star}", ha="center", va="center", fontsize=7,
                    color="white" if abs(value) > 0.6 * limit else COLOURS["truth"])
            if row.own:
                ax.plot([x - 0.47, x + 0.47, x + 0.47, x - 0.47, x - 0.47], [y - 0.44, y - 0.44, y + 0.44, y + 0.44, y - 0.44],
                        color=COLOURS["truth"], lw=1.3)
        ax.set(xticks=range(len(words)), xticklabels=words)
        ax.set_title(column, fontsize=9, fontweight="normal")
    axes[0, 0].set(yticks=range(len(regions)), yticklabels=[f"{name} ({sizes[name]})" for name in regions])
    headline(fig, title)
    return fig
