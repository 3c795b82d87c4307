"""Draw the figures of chapter 02: embeddings by coordinate, hubs, settings beside the paper's, verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .common import COLOURS, ORIGIN_LABEL, figure, headline, legend_below, legend_beside, styled

DIRECTION = {"forward": COLOURS["image"], "backward": COLOURS["caption"]}
VERDICT = {"supported": "#2f8f6b", "direction only": "#a9cdb9", "within noise": "#dededb", "contradicted": "#b3323c",
           "untestable here": "#f6f6f4"}


@styled
def profiles_and_pairs(profiles: pd.DataFrame, pairs: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """A row for each choice: one picture's coordinates under it, and cosines of such pairs beside those of unrelated pairs.

    profiles: panel, line, copy, dimension, value (several copies of a line are drawn thin); pairs: panel, pair, cosine.
    """
    panels = list(dict.fromkeys(profiles.panel))
    fig, axes = figure(8.2, 1.5 * len(panels) + 0.5, len(panels), 2, origin=origin, width_ratios=[2.7, 1])
    for (left, right), panel in zip(axes, panels):
        _profile(left, profiles[profiles.panel == panel], panel)
        for colour, (name, part) in zip(("brain", "control"), pairs[pairs.panel == panel].groupby("pair", sort=False)):
            right.hist(part.cosine, bins=np.linspace(-0.4, 1.0001, 36), color=COLOURS[colour], alpha=0.8, label=name)
        right.set(yticks=[])
        right.spines.left.set_visible(False)
    axes[0, 1].legend(loc="upper left", fontsize=7)
    axes[-1, 0].set_xlabel("dimension of CLIP's space")
    axes[-1, 1].set_xlabel("cosine")
    headline(fig, title)
    return fig


@styled
def mapped_beside_true(profiles: pd.DataFrame, correlations: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """A row for each space: one trial's mapped and true coordinates; each coordinate's correlation over trials, sorted.

    profiles: as in `profiles_and_pairs`; correlations: space (in the order of the panels), decoder, value.
    """
    panels, spaces = list(dict.fromkeys(profiles.panel)), list(dict.fromkeys(correlations.space))
    fig, axes = figure(8.2, 1.75 * len(spaces) + 0.5, len(spaces), 2, origin=origin, width_ratios=[1.9, 1])
    colours = {"mapper": COLOURS["brain"], "ridge regression": COLOURS["both"], "shuffled brain": COLOURS["control"]}
    for (left, right), panel, space in zip(axes, panels, spaces):
        _profile(left, profiles[profiles.panel == panel], panel)
        for decoder, part in correlations[correlations.space == space].groupby("decoder", sort=False):
            right.plot(np.sort(part.value)[::-1], color=colours[decoder], lw=1.6, label=decoder)
        right.axhline(0, color=COLOURS["chance"], lw=1, ls="--", label="chance")
        right.set(ylabel="r over trials", ylim=(-0.15, 1.45 * correlations.value.max()))
    axes[0, 1].legend(fontsize=6.5, ncols=2, loc="upper right")
    axes[-1, 0].set_xlabel("dimension of CLIP's space")
    axes[-1, 1].set_xlabel("dimensions, best first")
    headline(fig, title)
    return fig


@styled
def pair_histograms(pairs: pd.DataFrame, *, origin: str, xlabel: str, title: str) -> Figure:
    """A panel for each `panel`: the distribution of `cosine` for each kind of pair, and its median as a tick above.

    pairs: panel, pair, cosine; the last kinds of pair are the controls.
    """
    panels, kinds = list(dict.fromkeys(pairs.panel)), list(dict.fromkeys(pairs.pair))
    fig, axes = figure(8.2, 2.7, 1, len(panels), origin=origin, sharey=True)
    colours = [COLOURS["brain"], COLOURS["both"], COLOURS["control"]]
    bins = np.linspace(*np.quantile(pairs.cosine, [0, 1]), 22)
    for ax, panel in zip(axes[0], panels):
        for colour, kind in reversed(list(zip(colours, kinds))):
            values = pairs[(pairs.panel == panel) & (pairs.pair == kind)].cosine
            ax.hist(values, bins=bins, density=True, histtype="step", lw=1.6, color=colour, label=kind)
            ax.plot(values.median(), 0, "^", color=colour, ms=7, clip_on=False, zorder=5)
        ax.set_title(panel, fontsize=8.5, fontweight="normal")
        ax.set(xlabel=xlabel, yticks=[])
        ax.spines.left.set_visible(False)
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig


@styled
def hubs(occurrence: pd.DataFrame, retrieval: pd.DataFrame, *, k: int, origin: str, title: str) -> Figure:
    """How often each picture is among the k nearest, most often first, and retrieval under each similarity.

    occurrence: decoder, similarity, rank (from 1), count; retrieval: trials, decoder, similarity, direction, value, low,
    high, chance, a panel for each `trials`.
    """
    panels, kinds = list(dict.fromkeys(retrieval.trials)), list(dict.fromkeys(retrieval.similarity))
    decoders = list(dict.fromkeys(retrieval.decoder))
    fig, axes = figure(9.2, 3.3, 1, 1 + len(panels), origin=origin, width_ratios=[1.2] + [1] * len(panels))
    left = axes[0, 0]
    for dash, decoder in zip(("-", ":"), decoders):
        for colour, kind in zip(sns.color_palette("deep"), kinds):
            part = occurrence[(occurrence.decoder == decoder) & (occurrence.similarity == kind)]
            left.plot(part["rank"], part["count"], dash, color=colour, lw=1.5, label=f"{decoder}, {kind}")
    left.axhline(k, color=COLOURS["chance"], lw=1, ls="--", label="all alike")
    left.set(xlabel="pictures, most often found first", ylabel=f"times among the {k} nearest")
    left.legend(fontsize=7)
    rows = {key: place for place, key in enumerate((decoder, kind) for decoder in decoders for kind in kinds)}
    for ax, trials in zip(axes[0, 1:], panels):
        part = retrieval[retrieval.trials == trials]
        for up, (direction, mine) in zip((-0.14, 0.14), part.groupby("direction", sort=False)):
            y = np.array([rows[key] for key in zip(mine.decoder, mine.similarity)]) + up
            ax.hlines(y, mine.low, mine.high, color=DIRECTION[direction], lw=2, alpha=0.5)
            ax.plot(mine.value, y, "o", color=DIRECTION[direction], ms=4.5, label=direction)
        ax.axvline(part.chance.iloc[0], color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set_title(trials, fontsize=9, fontweight="normal")
        ax.set(yticks=[], xlabel="share correct", xlim=(0, 1.05 * retrieval.high.max()), ylim=(len(rows) - 0.5, -0.5))
    axes[0, 1].set(yticks=list(rows.values()), yticklabels=[f"{decoder.split()[0]}, {kind}" for decoder, kind in rows])
    legend_beside(axes[0, -1], fontsize=7)
    headline(fig, title)
    return fig


@styled
def beside_the_paper(table: pd.DataFrame, *, origin: str, xlabel: str, title: str) -> Figure:
    """The paper's rates and ours for the same settings, in separate panels: the brains differ.

    table: source ("paper" or "ours"), group, name, direction, value, low, high, chance; rows of one group stand
    together under its name. A panel without any row says so.
    """
    rows, headings, place = {}, {}, 0
    for (group, name), _ in table.groupby(["group", "name"], sort=False):
        if group not in headings:
            headings[group], place = place, place + 1
        rows[group, name], place = place, place + 1
    fig, axes = figure(8.2, 0.21 * place + 1.2, 1, 2, origin=origin, sharey=True)
    for ax, source, name in zip(axes[0], ("paper", "ours"), ("the paper's, NSD", f"ours, {ORIGIN_LABEL[origin]}")):
        for up, (direction, colour) in zip((-0.14, 0.14), DIRECTION.items()):
            part = table[(table.source == source) & (table.direction == direction)]
            y = np.array([rows[key] for key in zip(part.group, part.name)]) + up
            ax.hlines(y, part.low, part.high, color=colour, lw=2, alpha=0.5)
            ax.plot(part.value, y, "o", color=colour, ms=4, label=direction)
        ax.set_title(name, fontsize=9, fontweight="normal")
        ax.set_xlabel(xlabel)
        mine = table[table.source == source]
        if mine.empty:
            ax.text(0.5, 0.5, "no setting was fitted", transform=ax.transAxes, ha="center", color=COLOURS["control"])
            continue
        ax.axvline(mine.chance.iloc[0], color=COLOURS["chance"], lw=1, ls="--", label="chance")
        ax.set_xlim(-0.03 * mine.high.max())
    axes[0, 0].set(yticks=list(rows.values()), yticklabels=[name for _, name in rows])
    axes[0, 0].set_ylim(place - 0.5, -0.7)
    for group, y in headings.items():
        axes[0, 0].annotate(group, (0, y), xycoords=axes[0, 0].get_yaxis_transform(), xytext=(-6, 0), ha="right",
                            textcoords="offset points", va="center", fontsize=8, style="italic")
    full = axes[0, 1] if (table.source == "ours").any() else axes[0, 0]
    legend_below(fig, full)
    headline(fig, title)
    return fig


@styled
def verdicts(table: pd.DataFrame, *, origin: str, title: str) -> Figure:
    """Verdicts on each claim from the paper's counts and from ours: a coloured cell for each mapper and direction.

    table: claim, source ("paper" or "ours"), column (mapper and direction), verdict (a key of VERDICT), text.
    """
    claims, columns = list(dict.fromkeys(table.claim)), list(dict.fromkeys(table.column))
    fig, axes = figure(8.2, 0.34 * len(claims) + 1.5, 1, 2, origin=origin, sharey=True)
    names = ("the paper's counts, NSD", f"ours, {ORIGIN_LABEL[origin]}")
    for ax, source, name in zip(axes[0], ("paper", "ours"), names):
        for row in table[table.source == source].itertuples():
            x, y = columns.index(row.column), claims.index(row.claim)
            ax.fill([x - 0.47, x + 0.47, x + 0.47, x - 0.47], [y - 0.44, y - 0.44, y + 0.44, y + 0.44], lw=0,
                    color=VERDICT[row.verdict])
            ax.text(x, y, row.text, ha="center", va="center", fontsize=6.5,
                    color="white" if row.verdict in ("supported", "contradicted") else COLOURS["truth"])
        ax.set_title(name, fontsize=9, fontweight="normal")
        short = [column.replace(", ", "\n").replace("ward", "w.") for column in columns]
        ax.set(xticks=range(len(columns)), xticklabels=short)
        ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(claims) - 0.5, -0.5))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[0, 0].set(yticks=range(len(claims)), yticklabels=claims)
    handles = [Patch(color=colour, label=name) for name, colour in VERDICT.items()]
    fig.legend(handles=handles, loc="outside lower left", ncols=len(handles), fontsize=7)
    headline(fig, title)
    return fig


def _profile(ax, table: pd.DataFrame, title: str) -> None:
    """One panel's lines over the dimensions: the first named line dark, several copies of a line thin."""
    for colour, (name, line) in zip((COLOURS["truth"], COLOURS["caption"]), table.groupby("line", sort=False)):
        n_copies = line["copy"].nunique()
        for number, (_, copy) in enumerate(line.groupby("copy", sort=False)):
            ax.plot(copy.dimension, copy.value, color=colour, lw=1.1 if n_copies == 1 else 0.6, alpha=0.9,
                    label=None if number else name)
    ax.set_title(title, fontsize=8.5, fontweight="normal")
    ax.legend(loc="upper right", ncols=2, fontsize=7, bbox_to_anchor=(1.0, 1.22))
