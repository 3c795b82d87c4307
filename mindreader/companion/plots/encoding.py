"""Draw the figures of chapter 06: accuracy against its ceiling, on the flat cortex, and shared out between spaces of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from .common import COLOURS, figure, headline, legend_beside, styled
from .subject import filled_map, middle_of

_HALO = [withStroke(linewidth=2.2, foreground="white")]


@styled
def accuracy_and_ceiling(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Each voxel's accuracy against its ceiling, a panel for each number of averaged trials (the paper's Fig. 16).

    table: n_repeats, ceiling, r, r_planted, stream, n_pictures; where something was planted, its accuracy lies behind in grey.
    """
    panels = list(table.groupby("n_repeats"))
    fig, axes = figure(2.7 * len(panels) + 1.3, 3.1, 1, len(panels), origin=origin, sharex=True, sharey=True)
    top = np.nanmax(table[["ceiling", "r"]].to_numpy())
    streams = list(dict.fromkeys(table.stream))
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
    axes[0, -1].legend(markerscale=3, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    headline(fig, title)
    return fig


@styled
def voxel_map(table: pd.DataFrame, columns: dict[str, str], regions: dict[str, np.ndarray], *, origin: str, title: str) -> Figure:
    """Values of voxels on the cortex laid flat, with the regions outlined: one map for each column.

    table: x, y (flat) and the columns, one row for each voxel; columns: column -> label of its colour bar. Differences (which have
    values below 0) are red and blue around 0; regions: name -> (n_voxels,) bool.
    """
    from skimage.measure import find_contours  # here and not above: only this figure needs it

    fig, axes = figure(4.3 * len(columns), 3.0, 1, len(columns), origin=origin)
    flat = table[["x", "y"]].to_numpy()
    nearest, empty, extent = filled_map(flat)
    for ax, (column, label) in zip(axes[0], columns.items()):
        values = table[column].to_numpy(float)
        limit = np.nanquantile(np.abs(values), 0.98) if np.isfinite(values).any() else 1.0
        is_difference = np.nanmin(values) < 0 if np.isfinite(values).any() else False
        image = ax.imshow(np.where(empty, np.nan, values[nearest]), extent=extent, origin="lower", cmap="RdBu_r" if is_difference
                          else "viridis", vmin=-limit if is_difference else 0, vmax=limit)
        for name, here in regions.items():
            for line in find_contours(np.where(empty, 0.0, here[nearest]), 0.5):
                up, across = ((line + 0.5) / empty.shape).T
                ax.plot(extent[0] + across * (extent[1] - extent[0]), extent[2] + up * (extent[3] - extent[2]), color="black", lw=0.5)
            left = here & (flat[:, 0] < flat[:, 0].mean())
            side = left if left.any() else here
            x, y = flat[side][middle_of(flat[side])]
            ax.text(x, y, name, ha="center", va="center", fontsize=5.5, path_effects=_HALO)
        ax.axis("off")
        fig.colorbar(image, ax=ax, shrink=0.75, label=label)
    headline(fig, title)
    return fig


@styled
def partitions(table: pd.DataFrame, parts: Sequence[str], *, origin: str, title: str) -> Figure:
    """The explained variance of each region, shared out between spaces, beside its ceiling and what was planted.

    table: region, part, value, low, high, ceiling, planted, n_voxels; parts are stacked in their order. At the right end of each
    bar stands the region's ceiling as a tick; where something was planted, its share of the picture's filters is a dot in the
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
        legend_beside(axes[0, 1])
        ax.legend(loc="lower right", fontsize=7)
    else:
        legend_beside(ax)
    headline(fig, title)
    return fig
