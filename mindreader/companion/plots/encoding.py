"""Draw the figures of chapter 06: accuracy against its ceiling, on the flat cortex, and shared out between spaces of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .common import COLOURS, figure, headline, legend_beside, styled
from .labels import name_regions
from .subject import filled_map, sides_of


@styled
def accuracy_and_ceiling(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Each voxel's accuracy against its ceiling, a panel for each number of averaged trials (the paper's Fig. 16).

    table: n_repeats, ceiling, r, r_planted, stream, n_pictures; where something was planted, its accuracy lies behind in grey.
    """
    panels = list(table.groupby("n_repeats"))
    fig, axes = figure(2.7 * len(panels) + 1.3, 3.1, 1, len(panels), origin=origin, sharex=True, sharey=True)
    top = np.nanmax(table[["ceiling", "r"]].to_numpy())
    streams = list(table.stream.sort_values().unique())         # in the order of its categories, if it has one
    for ax, (n, part) in zip(axes[0], panels):
        if part.r_planted.notna().any():
            ax.plot(part.ceiling, part.r_planted, ".", ms=3, color="#c9c9c9", label="planted response")
        for colour, stream in zip(sns.color_palette("deep", len(streams)), streams):
            mine = part[part.stream == stream]
            ax.plot(mine.ceiling, mine.r, ".", ms=3, alpha=0.6, color=colour, label=stream)
        ax.plot([0, top], [0, top], color=COLOURS["truth"], lw=0.8, ls=":")
        ax.axhline(0, color=COLOURS["chance"], lw=0.8, ls="--")
        ax.set_xlabel("noise ceiling (r)")
        ax.set_title(f"{n} trial{'s' if n > 1 else ''}, {part.n_pictures.iloc[0]} pictures", fontweight="normal")
    axes[0, 0].set_ylabel("encoding accuracy (r)")
    legend_beside(axes[0, -1], markerscale=3)
    headline(fig, title)
    return fig


@styled
def voxel_map(table: pd.DataFrame, columns: dict[str, str], regions: dict[str, np.ndarray], *, origin: str, title: str,
              differences: Sequence[str] = ("less",)) -> Figure:
    """Values of voxels on the cortex laid flat, with the regions outlined and named: one map for each column.

    table: x, y (flat) and the columns, one row for each voxel; columns: column -> label of its colour bar. Those of `differences` are
    red and blue around 0, others go from 0 up, and what is below has the colour of 0; regions: name -> (n_voxels,) bool.
    """
    from skimage.measure import find_contours  # here and not above: only this figure needs it

    fig, axes = figure(4.3 * len(columns), 3.0, 1, len(columns), origin=origin)
    flat = table[["x", "y"]].to_numpy()
    nearest, empty, extent = filled_map(flat)
    for ax, (column, label) in zip(axes[0], columns.items()):
        values = table[column].to_numpy(float)
        limit = np.nanquantile(np.abs(values), 0.98) if np.isfinite(values).any() else 1.0
        is_difference = column in differences
        image = ax.imshow(np.where(empty, np.nan, values[nearest]), extent=extent, origin="lower", cmap="RdBu_r" if is_difference
                          else "viridis", vmin=-limit if is_difference else 0, vmax=limit)
        for name, here in regions.items():
            for line in find_contours(np.where(empty, 0.0, here[nearest]), 0.5):
                up, across = ((line + 0.5) / empty.shape).T
                ax.plot(extent[0] + across * (extent[1] - extent[0]), extent[2] + up * (extent[3] - extent[2]), color="black", lw=0.5)
        ax.axis("off")
        is_cut = not is_difference and (values < 0).any()
        fig.colorbar(image, ax=ax, shrink=0.75, label=label, extend="min" if is_cut else "neither")
    headline(fig, title)
    for ax in axes[0]:
        name_regions(fig, {name: [(ax, side) for side in sides_of(flat, here)] for name, here in regions.items()})
    return fig


@styled
def encoders(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Accuracy of several encoders, a row for each and a panel for each region, with the region's ceiling as a line.

    table: model, region, value, low, high, ceiling, n_voxels; the first model is the one that others are held to.
    """
    table = table.dropna(subset=["value"])
    first = table.model.iloc[0]
    fig, axes = _rows_in_panels(table, "model", "region", [COLOURS["brain" if name == first else "image"] for name in table.model], origin)
    for ax, (region, part) in zip(axes[0], table.groupby("region", sort=False)):
        ax.axvline(part.ceiling.iloc[0], color=COLOURS["truth"], lw=1, ls=":", label="noise ceiling")
        ax.axvline(0, color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set_title(f"{region} ({part.n_voxels.max()} voxels)", fontsize=8.5, fontweight="normal")
    fig.supxlabel("mean correlation with single trials (r)", fontsize=9)
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig


@styled
def cycles(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Identification after each cycle, a row for each and a panel for each measure; controls are grey, chance is a line.

    table: name, metric, value, low, high, chance, n, control; rows without a value are not drawn.
    """
    table = table.dropna(subset=["value"])
    fig, axes = _rows_in_panels(table, "name", "metric", [COLOURS["control" if grey else "brain"] for grey in table.control], origin)
    for ax, (metric, part) in zip(axes[0], table.groupby("metric", sort=False)):
        ax.axvline(part.chance.iloc[0], color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set_title(metric, fontsize=8.5, fontweight="normal")
        ax.set(xlim=(0, 1.02))
    fig.supxlabel("share of comparisons won", fontsize=9)
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig


def _rows_in_panels(table: pd.DataFrame, row: str, panel: str, colours: Sequence, origin: str):
    """A panel for each value of one column, in it a dot with its interval for each of another; all share the rows and the axis."""
    names, panels = (list(dict.fromkeys(table[column])) for column in (row, panel))
    fig, axes = figure(8.2, 0.27 * len(names) + 1.2, 1, len(panels), origin=origin, sharex=True, sharey=True)
    for ax, here in zip(axes[0], panels):
        for colour, each in zip(colours, table.itertuples()):
            if getattr(each, panel) == here:
                y = names.index(getattr(each, row))
                ax.plot([each.low, each.high], [y, y], color=colour, lw=2, alpha=0.5)
                ax.plot(each.value, y, "o", color=colour, ms=5)
        ax.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
        ax.set_yticklabels(names, fontsize=8)
        ax.tick_params(axis="x", labelsize=8)
    return fig, axes


@styled
def partitions(table: pd.DataFrame, parts: Sequence[str], *, origin: str, title: str) -> Figure:
    """The explained variance of each region, shared out between spaces, beside its ceiling and what was planted.

    table: region, part, value, low, high, ceiling, planted, n_voxels; parts are stacked in their order. A tick is the region's
    ceiling, a line the interval of the row "total"; where something was planted, its share of the picture's filters is a dot in the
    second panel, beside the found one.
    """
    table = table.dropna(subset=["value"])
    regions = list(dict.fromkeys(table.region))
    known = table.planted.notna().any()
    fig, axes = figure(8.2 if known else 5.8, 0.24 * len(regions) + 1.3, 1, 2 if known else 1, origin=origin, sharey=True,
                       width_ratios=[1.6, 1] if known else [1])
    ax, left, colours = axes[0, 0], {True: np.zeros(len(regions)), False: np.zeros(len(regions))}, sns.color_palette("deep")
    values = table.pivot(index="region", columns="part", values="value").loc[regions]
    for colour, part in zip(colours, parts):
        width = values[part].to_numpy()
        start = np.where(width >= 0, left[True], left[False])
        ax.barh(range(len(regions)), width, left=start, color=colour, height=0.7, label=part)
        left[True] += np.maximum(width, 0)
        left[False] += np.minimum(width, 0)
    ceiling = table.groupby("region").ceiling.first().loc[regions]
    ax.plot(ceiling, range(len(regions)), "|", color=COLOURS["truth"], ms=9, label="noise ceiling")
    whole = table[table.part == "total"].set_index("region").loc[regions]
    ax.hlines(range(len(regions)), whole.low, whole.high, color=COLOURS["truth"], lw=1, label="all together, 95 %")
    ax.axvline(0, color=COLOURS["truth"], lw=0.8)
    sizes = table.groupby("region").n_voxels.first()
    ax.set(yticks=range(len(regions)), xlabel="share of single-trial variance")
    ax.set_yticklabels([f"{name.removeprefix('streams/').removeprefix('floc-')} ({sizes[name]})" for name in regions], fontsize=7.5)
    ax.set_ylim(len(regions) - 0.5, -0.5)
    if known:
        unique = values[[parts[0], parts[-1]]].clip(lower=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (unique[parts[0]] / unique.sum(axis=1)).to_numpy()
        axes[0, 1].plot(found, range(len(regions)), "o", ms=5, color=colours[0], label="found")
        axes[0, 1].plot(table.groupby("region").planted.first().loc[regions], range(len(regions)), "x", ms=5, color=COLOURS["truth"],
                        label="planted")
        axes[0, 1].set(xlabel=f"share of {parts[0].removeprefix('only ')}", xlim=(-0.05, 1.05))
        axes[0, 1].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=7)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.25, 1.0), ncols=3, fontsize=7)
    headline(fig, title)
    return fig
