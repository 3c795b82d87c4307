"""Draw the figures that several chapters share: each function takes tidy tables and returns a matplotlib Figure.

Nothing is computed or saved here. The same colour means the same thing in every chapter, chance is drawn wherever it
exists, and a figure from the simulated subject says so in its corner.
"""

from __future__ import annotations

import textwrap

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..rendering import unless_left_out

COLOURS = {
    "truth": "#222222", "image": "#2a6fbb", "caption": "#d1742b", "both": "#5a3d9a", "brain": "#2f8f6b",
    "control": "#8a8f98", "chance": "#b3323c", "kept": "#2f8f6b", "dropped": "#b3323c",
}
STYLE = {
    "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.labelsize": 9, "legend.fontsize": 8, "legend.frameon": False, "figure.dpi": 110,
    "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "mindreader", "svg.fonttype": "path",
}
ORIGIN_LABEL = {"twin": "simulated subject", "nsd": "NSD", "rehearsal": "REHEARSAL, no result: random weights, simulated responses"}


def styled(draw):
    """As a decorator: the style holds inside, and nothing global is touched; what was left out is passed on and not drawn."""
    return unless_left_out(matplotlib.rc_context(STYLE)(draw))


def figure(width: float, height: float, rows: int = 1, columns: int = 1, *, origin: str, **kwargs):
    """A styled figure and its axes (always a 2-D array), with the origin of its data in the corner."""
    fig = Figure(figsize=(width, height), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, **kwargs)
    fig.text(0.998, 0.002, ORIGIN_LABEL[origin], ha="right", va="bottom", fontsize=7, color="#777777")
    fig.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
    return fig, axes


def headline(fig: Figure, title: str) -> None:
    """Write the title of the whole figure above its panels."""
    fig.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")


def bare(ax) -> None:
    """Take ticks and frame away."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def legend_beside(ax, **how) -> None:
    """Put the legend to the right of the axes, at the top; how: as of matplotlib's."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), **how)


def legend_below(fig: Figure, ax, ncols: int = 3) -> None:
    """The legend of these axes below all of them, where it takes no width."""
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=ncols)


def slice_levels(coords: np.ndarray, n_slices: int) -> np.ndarray:
    """Heights of axial slices through the middle of voxels, (n_slices,) int; coords (n_voxels, 3)."""
    return np.quantile(coords[:, 2], np.linspace(0.2, 0.8, n_slices)).astype(int)


@styled
def picture_sheets(sheets: dict[str, np.ndarray], *, origin: str, title: str, columns: int = 8) -> Figure:
    """Many pictures at once, in a square sheet for each name; the same place in each sheet is the same picture.

    sheets: title -> (n, height, width, 3) uint8, as many in each.
    """
    n = len(next(iter(sheets.values())))
    rows = -(-n // columns)
    fig, axes = figure(3.1 * len(sheets), 3.1 * rows / columns + 0.6, 1, len(sheets), origin=origin)
    for ax, (name, pictures) in zip(axes[0], sheets.items()):
        height, width = pictures.shape[1:3]
        whole = np.full((rows, columns, height + 1, width + 1, 3), 255, np.uint8)
        whole.reshape(-1, height + 1, width + 1, 3)[:n, :height, :width] = pictures
        ax.imshow(whole.transpose(0, 2, 1, 3, 4).reshape(rows * (height + 1), columns * (width + 1), 3), interpolation="lanczos")
        bare(ax)
        ax.set_title(name, fontsize=8, fontweight="normal")
    headline(fig, title)
    return fig


@styled
def picture_grid(columns: dict[str, np.ndarray], *, origin: str, row_labels=None, title: str = "") -> Figure:
    """Pictures side by side: one column for each entry, one row for each picture.

    columns: title -> (n_rows, height, width, 3) uint8; row_labels: n_rows short texts at the left.
    """
    n_rows = len(next(iter(columns.values())))
    fig, axes = figure(1.05 * len(columns) + (0.9 if row_labels is not None else 0), 1.05 * n_rows + 0.5,
                       n_rows, len(columns), origin=origin)
    for c, (name, images) in enumerate(columns.items()):
        for r in range(n_rows):
            ax = axes[r, c]
            ax.imshow(images[r], interpolation="lanczos")
            bare(ax)
            if r == 0:
                ax.set_title(name, fontsize=8, loc="center", fontweight="normal")
            if c == 0 and row_labels is not None:
                ax.set_ylabel(row_labels[r], rotation=0, ha="right", va="center", fontsize=7)
    if title:
        headline(fig, title)
    return fig


@styled
def captions_beside_pictures(images: np.ndarray, table: pd.DataFrame, *, origin: str) -> Figure:
    """Each picture with its captions, the kept ones in green and the screened ones in red, with their probability.

    table: rows image (position in `images`), caption, probability, kept, in the order they shall appear.
    """
    fig, axes = figure(8.2, 1.5 * len(images), len(images), 2, origin=origin, width_ratios=[1, 5])
    for row, picture in enumerate(images):
        axes[row, 0].imshow(picture, interpolation="lanczos")
        mine = table[table.image == row]
        for line, (_, caption) in enumerate(mine.iterrows()):
            colour = COLOURS["kept" if caption.kept else "dropped"]
            y = 0.92 - 0.2 * line
            words = textwrap.shorten(caption.caption, 105, placeholder=" …")
            for x, text in ((0.0, f"{caption.probability:.2f}"), (0.065, words)):
                axes[row, 1].text(x, y, text, color=colour, fontsize=8.5, va="center").set_in_layout(False)
        axes[row, 1].set(xlim=(0, 1), ylim=(0, 1))
        for ax in axes[row]:
            ax.axis("off")
    return fig


@styled
def histogram(values: np.ndarray, *, bins, origin: str, xlabel: str, ylabel: str, title: str, colour="brain") -> Figure:
    """How often each value occurs; integer bins are centred on their value."""
    fig, axes = figure(4.6, 2.9, origin=origin)
    axes[0, 0].hist(values, bins=bins, color=COLOURS[colour], rwidth=0.85)
    axes[0, 0].set(xlabel=xlabel, ylabel=ylabel, title=title)
    return fig


@styled
def curves(table: pd.DataFrame, *, x: str, y: str, hue: str, origin: str, xlabel: str, ylabel: str, title: str,
           chance: float | None = None, logx: bool = False) -> Figure:
    """Lines with bands: one line for each value of `hue`; columns low and high, where present, are the band."""
    fig, axes = figure(5.4, 3.2, origin=origin)
    ax = axes[0, 0]
    palette = sns.color_palette("deep", table[hue].nunique())
    for colour, (name, part) in zip(palette, table.groupby(hue, sort=False)):
        colour = COLOURS.get(str(name), colour)
        ax.plot(part[x], part[y], color=colour, label=str(name), lw=1.6)
        if {"low", "high"} <= set(part.columns):
            ax.fill_between(part[x], part.low, part.high, color=colour, alpha=0.18, lw=0)
    if chance is not None:
        ax.axhline(chance, color=COLOURS["chance"], lw=1, ls="--", label="chance")
    if logx:
        ax.set_xscale("log")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return fig


@styled
def curve_panels(table: pd.DataFrame, *, xlabel: str, origin: str, columns: int = 4) -> Figure:
    """A small panel for each quantity over training, one line for each stage; markers where there are only a few.

    table: x, stage, what, value; panels and stages in the order of their first row.
    """
    panels = list(dict.fromkeys(table.what))
    stages = list(dict.fromkeys(table.stage))
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = figure(1.95 * columns + 0.4, 1.5 * rows + 0.4, rows, columns, origin=origin, sharex=True)
    for ax in axes.flat[len(panels):]:
        ax.axis("off")
    for place, (ax, what) in enumerate(zip(axes.flat, panels)):
        for colour, stage in zip(sns.color_palette("deep"), stages):
            part = table[(table.what == what) & (table.stage == stage)]
            ax.plot(part.x, part.value, color=colour, lw=1.2, marker="o" if len(part) < 10 else "", ms=3, label=stage)
        ax.set_title(what, fontsize=8, fontweight="normal")
        ax.tick_params(labelsize=7, labelbottom=place + columns >= len(panels))
        if place + columns >= len(panels):
            ax.set_xlabel(xlabel, fontsize=8)
    if len(stages) > 1:
        axes[0, 0].legend(fontsize=7)
    return fig


@styled
def scores_with_controls(table: pd.DataFrame, *, origin: str, xlabel: str, title: str, chance: float | None = None,
                         chance_label: str = "chance", paper: float | None = None) -> Figure:
    """A horizontal strip: one row for each score, with its interval; controls are grey.

    table: name, value, low, high and, optionally, control (bool) and metric, which is named where rows differ in it.
    chance_label: what lies there, where it is no level of chance.
    """
    fig, axes = figure(6.4, 0.32 * len(table) + 1.1, origin=origin)
    ax = axes[0, 0]
    control = table["control"].to_numpy() if "control" in table else np.zeros(len(table), bool)
    for y, (row, grey) in enumerate(zip(table.itertuples(), control)):
        colour = COLOURS["control"] if grey else COLOURS["brain"]
        ax.plot([row.low, row.high], [y, y], color=colour, lw=2.2, solid_capstyle="round")
        ax.plot(row.value, y, "o", color=colour, ms=6)
    if chance is not None:
        ax.axvline(chance, color=COLOURS["chance"], lw=1, ls="--", label=chance_label)
    if paper is not None:
        ax.axvline(paper, color=COLOURS["truth"], lw=1, ls=":", label="paper (NSD)")
    ax.set(yticks=range(len(table)), yticklabels=_row_names(table), xlabel=xlabel, title=title)
    ax.set_ylim(len(table) - 0.5, -0.5)
    if chance is not None or paper is not None:
        legend_beside(ax)
    return fig


def _row_names(table: pd.DataFrame) -> pd.Series:
    several = "metric" in table and table.metric.nunique() > 1
    return table.name + " · " + table.metric.str.removeprefix("retrieval ") if several else table.name


@styled
def dots(table: pd.DataFrame, *, hue: str, origin: str, xlabel: str, title: str, chance: float | None = None,
         chance_label: str = "chance", lines: dict[str, float] | None = None, logx: bool = False) -> Figure:
    """A row for each name and in it a dot, with its interval, for each value of `hue`.

    table: name, value, low, high (NaN: no interval), the column `hue` and, optionally, group: rows of one group stand
    together under its name. Where rows have several dots, these lie a little above one another. chance_label: as in
    `scores_with_controls`; lines: further marks on the axis, by name.
    """
    table = table if "group" in table else table.assign(group="")
    rows, headings, place = {}, {}, 0.0
    for group, part in table.groupby("group", sort=False):
        if group:
            headings[group], place = place, place + 0.9
        for name in dict.fromkeys(part.name):
            rows[group, name], place = place, place + 1
    fig, axes = figure(6.6, 0.22 * place + 1.2, origin=origin)
    ax = axes[0, 0]
    shared, n_hues = table.duplicated(["group", "name"]).any(), table[hue].nunique()
    apart = 0.24 * shared * (np.arange(n_hues) - (n_hues - 1) / 2)
    for up, colour, (name, part) in zip(apart, sns.color_palette("deep"), table.groupby(hue, sort=False)):
        y = [rows[key] + up for key in zip(part.group, part.name)]
        ax.hlines(y, part.low, part.high, color=colour, lw=2, alpha=0.5)
        ax.plot(part.value, y, "o", color=colour, ms=5, label=str(name))
    if chance is not None:
        ax.axvline(chance, color=COLOURS["chance"], lw=1, ls="--", label=chance_label)
    for style, (name, x) in zip((":", "-."), (lines or {}).items()):
        ax.axvline(x, color=COLOURS["truth"], lw=1, ls=style, label=name)
    for group, y in headings.items():
        ax.text(0.01, y, group, transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=8, style="italic",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.set(yticks=list(rows.values()), yticklabels=[name for _, name in rows], xlabel=xlabel, title=title)
    if logx:
        ax.set_xscale("log")
        ax.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}", minor_locator=NullLocator())
    ax.set_ylim(place - 0.4, -0.6)
    legend_beside(ax)
    return fig


@styled
def scatter(x: np.ndarray, y: np.ndarray, *, origin: str, xlabel: str, ylabel: str, title: str, diagonal: bool = True,
            groups: np.ndarray | None = None) -> Figure:
    """One dot for each voxel (or dimension), with the identity line; `groups` names each dot's region."""
    fig, axes = figure(4.8, 3.8, origin=origin)
    ax = axes[0, 0]
    names = ["all"] if groups is None else list(dict.fromkeys(groups))
    for colour, name in zip(sns.color_palette("deep", len(names)), names):
        mine = slice(None) if groups is None else groups == name
        ax.plot(x[mine], y[mine], ".", ms=3, alpha=0.55, color=colour, label=None if groups is None else name)
    if diagonal:
        low, high = min(np.nanmin(x), np.nanmin(y)), max(np.nanmax(x), np.nanmax(y))
        ax.plot([low, high], [low, high], color=COLOURS["truth"], lw=0.8, ls=":")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if groups is not None:
        ax.legend(markerscale=3)
    return fig


@styled
def two_lines(first: np.ndarray, second: np.ndarray, labels: tuple[str, str], *, origin: str, xlabel: str, ylabel: str,
              title: str) -> Figure:
    """Two profiles over the same axis, e.g. measured and predicted betas; both (n_samples, n) with a panel each."""
    fig, axes = figure(7.2, 1.6 * len(first) + 0.5, len(first), 1, origin=origin, sharex=True)
    for ax, a, b in zip(axes[:, 0], first, second):
        ax.plot(a, color=COLOURS["control"], lw=0.7, label=labels[0])
        ax.plot(b, color=COLOURS["brain"], lw=0.9, label=labels[1])
        ax.set(ylabel=ylabel)
    axes[0, 0].set_title(title)
    axes[0, 0].legend(loc="upper right", ncols=2)
    axes[-1, 0].set_xlabel(xlabel)
    return fig


@styled
def volume_slices(coords: np.ndarray, values: np.ndarray, *, origin: str, label: str, title: str,
                  n_slices: int = 3) -> Figure:
    """Axial slices of the volume, each voxel in the colour of its value.

    coords (n_voxels, 3) as in Subject; values (n_voxels,), NaN for none.
    """
    shape = coords.max(0) + 2
    volume = np.full(shape, np.nan)
    volume[tuple(coords.T)] = values
    fig, axes = figure(2.4 * n_slices + 0.6, 2.9, 1, n_slices, origin=origin)
    limit = np.nanquantile(np.abs(values), 0.98) or 1
    for ax, z in zip(axes[0], slice_levels(coords, n_slices)):
        image = ax.imshow(volume[:, :, z].T, origin="lower", cmap="viridis", vmin=min(0, np.nanmin(values)), vmax=limit,
                          interpolation="nearest")
        ax.set(xticks=[], yticks=[], title=f"z = {z}")
    fig.colorbar(image, ax=axes[0, -1], label=label, shrink=0.8)
    headline(fig, title)
    return fig
