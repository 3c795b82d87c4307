"""Draw the figures of chapter 05: classes sorted by kind, differences between inputs, and classification with voxels masked."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .common import COLOURS, dots, figure, headline, legend_below, styled


@styled
def classes_by_kind(table: pd.DataFrame, *, by: str, origin: str, xlabel: str, title: str, chance: float | None = 0.5) -> Figure:
    """One dot for each class and input, things and stuff in a panel each, sorted by one input (the paper's Fig. 6).

    table: category, kind, input, value, low, high, n_present; by: the input that gives the order, its intervals drawn; each class
    is named with the number of pictures that have it. chance: a dashed line.
    """
    kinds = [kind for kind in ("thing", "stuff") if (table.kind == kind).any()]
    counts = [table[table.kind == kind].category.nunique() for kind in kinds]
    fig, axes = figure(3.9 * len(kinds) + 0.2, 0.17 * max(counts) + 1.6, 1, len(kinds), origin=origin, sharex=True)
    colours = dict(zip(dict.fromkeys(table.input), sns.color_palette("deep")))
    for ax, kind, n in zip(axes[0], kinds, counts):
        mine = table[table.kind == kind]
        order = mine[mine.input == by].sort_values("value", ascending=False, kind="stable").set_index("category")
        rows = pd.Index(order.index)
        ax.hlines(range(n), order.low, order.high, color=colours[by], lw=3, alpha=0.25)
        for name, part in mine.groupby("input", sort=False):
            ax.plot(part.value, rows.get_indexer(part.category), "o", ms=3.6, color=colours[name], label=name, alpha=0.9)
        if chance is not None:
            ax.axvline(chance, color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set(yticks=range(n), xlabel=xlabel)
        ax.set_yticklabels([f"{name} ({k})" for name, k in order.n_present.items()], fontsize=6.5)
        ax.set_title(f"{n} {'things' if kind == 'thing' else 'stuff'} (pictures with it)", fontweight="normal")
        ax.set_ylim(max(counts) - 0.5, -0.5)
    legend_below(fig, axes[0, 0])
    headline(fig, title)
    return fig


@styled
def masking(table: pd.DataFrame, *, ways: Sequence[str], origin: str, title: str, chance: float = 0.5) -> Figure:
    """AUC over the share of voxels masked, a panel for each way of masking and a line for each classifier (the paper's Fig. 13).

    table: curve, way, fitted, ratio, value, low, high, lowest, highest; classifiers trained anew are dotted.
    """
    ways = [way for way in ways if (table.way == way).any()]
    fig, axes = figure(2.5 * len(ways) + 0.5, 3.4, 1, len(ways), origin=origin, sharex=True, sharey=True)
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
    legend_below(fig, axes[0, 0])
    headline(fig, title)
    return fig


@styled
def differences(table: pd.DataFrame, *, hue: str, origin: str, title: str) -> Figure:
    """A row for each difference between inputs, under the conclusion it bears on, and in it a dot for each value of `hue`.

    table: conclusion, name, unit (a panel for each), value, low, high and the column `hue`; what could not be computed (NaN) has a
    row without a dot.
    """
    units, colours = list(dict.fromkeys(table.unit)), dict(zip(dict.fromkeys(table[hue]), sns.color_palette("deep")))
    names = table.drop_duplicates("name")
    heights = [(names.unit == unit).sum() + 0.8 * names[names.unit == unit].conclusion.nunique() + 0.6 for unit in units]
    fig, axes = figure(7.6, 0.29 * sum(heights) + 0.5 * len(units) + 1.0, len(units), 1, origin=origin, height_ratios=heights)
    for ax, unit in zip(axes[:, 0], units):
        rows, place = {}, 0.0
        for conclusion, part in names[names.unit == unit].groupby("conclusion", sort=False):
            ax.text(-0.02, place, conclusion, transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=8, style="italic")
            rows |= {name: place + 0.8 + row for row, name in enumerate(part.name)}
            place += 0.8 + len(part)
        for number, (variant, colour) in enumerate(colours.items()):
            part = table[(table[hue] == variant) & (table.unit == unit)]
            y = part.name.map(rows) + 0.24 * (number - (len(colours) - 1) / 2)
            ax.hlines(y, part.low, part.high, color=colour, lw=2, alpha=0.5)
            ax.plot(part.value, y, "o", color=colour, ms=4, label=variant)
        ax.axvline(0, color=COLOURS["chance"], lw=1, ls="--", label="no difference")
        ax.set(yticks=list(rows.values()), xlabel=f"difference of {unit}", ylim=(place - 0.4, -0.6))
        ax.set_yticklabels(["\n".join(textwrap.wrap(name, 50)) for name in rows], fontsize=8)
    legend_below(fig, axes[0, 0])
    headline(fig, title)
    return fig


@styled
def masked_regions(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """What masking a region costs beyond masking as many random voxels: a row for each region, a dot for each classifier.

    table: region, curve, n_voxels, difference, difference_low, difference_high; a region without a voxel has a row without a dot.
    """
    rows = table.assign(name=[f"{region} ({n} voxels)" for region, n in zip(table.region, table.n_voxels)], value=table.difference,
                        low=table.difference_low, high=table.difference_high)
    return dots(rows, hue="curve", origin=origin, xlabel="difference of AUC, region less random voxels", title=title,
                lines={"as random voxels": 0.0})
