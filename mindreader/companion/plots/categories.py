"""Draw the figures of chapter 05: classes sorted by kind, and classification with ever more voxels masked."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .common import COLOURS, figure, headline, legend_beside, styled


@styled
def classes_by_kind(table: pd.DataFrame, *, by: str, origin: str, xlabel: str, title: str) -> Figure:
    """One dot for each class and input, things and stuff in a panel each, sorted by one input (the paper's Fig. 6).

    table: category, kind, input, value, low, high, n_present; by: the input that gives the order, its intervals drawn; each class
    is named with the number of pictures that have it.
    """
    kinds = [kind for kind in ("thing", "stuff") if (table.kind == kind).any()]
    counts = [table[table.kind == kind].category.nunique() for kind in kinds]
    fig, axes = figure(4.4 * len(kinds) + 0.6, 0.17 * max(counts) + 1.3, 1, len(kinds), origin=origin, sharex=True)
    colours = dict(zip(dict.fromkeys(table.input), sns.color_palette("deep")))
    for ax, kind, n in zip(axes[0], kinds, counts):
        mine = table[table.kind == kind]
        order = mine[mine.input == by].sort_values("value", ascending=False, kind="stable").set_index("category")
        rows = pd.Index(order.index)
        ax.hlines(range(n), order.low, order.high, color=colours[by], lw=3, alpha=0.25)
        for name, part in mine.groupby("input", sort=False):
            ax.plot(part.value, rows.get_indexer(part.category), "o", ms=3.6, color=colours[name], label=name, alpha=0.9)
        ax.axvline(0.5, color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set(yticks=range(n), xlabel=xlabel)
        ax.set_yticklabels([f"{name} ({k})" for name, k in order.n_present.items()], fontsize=6.5)
        ax.set_title(f"{n} {'things' if kind == 'thing' else 'stuff'} (pictures with it)", fontweight="normal")
        ax.set_ylim(max(counts) - 0.5, -0.5)
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig


@styled
def masking(table: pd.DataFrame, *, ways: Sequence[str], origin: str, title: str, chance: float = 0.5) -> Figure:
    """AUC over the share of voxels masked, a panel for each way of masking and a line for each classifier (the paper's Fig. 13).

    table: curve, way, fitted, ratio, value, low, high, lowest, highest; classifiers trained anew are dotted.
    """
    ways = [way for way in ways if (table.way == way).any()]
    fig, axes = figure(2.7 * len(ways) + 1.6, 2.9, 1, len(ways), origin=origin, sharex=True, sharey=True)
    colours = dict(zip(dict.fromkeys(table.curve), sns.color_palette("deep")))
    for ax, way in zip(axes[0], ways):
        for (curve, fitted), part in table[table.way == way].groupby(["curve", "fitted"], sort=False):
            part, first = part.sort_values("ratio"), fitted == table.fitted.iloc[0]
            ax.plot(part.ratio, part.value, color=colours[curve], lw=1.6, ls="-" if first else ":", marker="" if first else "o", ms=3,
                    label=curve if first else f"{curve}, {fitted}")
            if first:
                ax.fill_between(part.ratio, part.low, part.high, color=colours[curve], alpha=0.15, lw=0)
        ax.axhline(chance, color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set(xlabel="share of voxels masked", xlim=(0, 1))
        ax.set_title(way, fontweight="normal")
    axes[0, 0].set_ylabel("ROC AUC, mean over classes")
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig
