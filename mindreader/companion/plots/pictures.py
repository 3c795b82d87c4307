"""Draw the figures of chapter 03: scores of every source, distances over sample size, a bottleneck, repeats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from .common import COLOURS, bare, figure, headline, legend_beside, styled

# colours of the rows of a panel: the brain and the ceiling; all other rows are controls, in grey
ROW_COLOURS = {"brain": COLOURS["brain"], "true embedding": COLOURS["truth"]}


@styled
def score_panels(table: pd.DataFrame, share: pd.DataFrame, *, origin: str, title: str, columns: int = 4) -> Figure:
    """A panel for each score, the same rows in all: what the pictures were made from. Better is always to the right.

    table: name, metric, value, low, high (NaN: no interval), chance (NaN: none), better; share: metric, floor, brain,
    share. The green bar runs from the best score without this brain to the brain's: the brain's contribution.
    """
    panels, names = list(dict.fromkeys(table.metric)), list(dict.fromkeys(table.name))
    rows = -(-len(panels) // columns)
    fig, axes = figure(2.15 * columns + 1.2, (0.19 * len(names) + 0.75) * rows + 0.4, rows, columns, origin=origin,
                       sharey=True)
    for ax in axes.flat[len(panels):]:
        ax.axis("off")
    share = share.set_index("metric")
    for ax, metric in zip(axes.flat, panels):
        part = table[table.metric == metric].set_index("name").reindex(names)
        at = share.loc[metric]
        gained = (at.brain - at.floor) * (1 if part.better.dropna().iloc[0] == "higher" else -1) > 0
        if gained:
            ax.barh(names.index("brain"), at.brain - at.floor, left=at.floor, height=0.62, color=COLOURS["brain"], alpha=0.3,
                    lw=0)
        for y, row in enumerate(part.itertuples()):
            colour = ROW_COLOURS.get(row.Index, COLOURS["control"])
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.6, solid_capstyle="round")
            ax.plot(row.value, y, "o", color=colour, ms=4.5)
        if part.chance.notna().any():
            ax.axvline(part.chance.dropna().iloc[0], color=COLOURS["chance"], lw=1, ls="--")
        if part.better.dropna().iloc[0] == "lower":
            if (part.value.dropna() > 0).all():
                ax.set_xscale("log")
                ax.xaxis.set_minor_formatter(NullFormatter())
            ax.invert_xaxis()
        share_text = f"brain contributes {100 * at.share:.0f} %" if gained else "brain contributes nothing"
        ax.set_title(f"{metric}\n{share_text}", fontsize=8, fontweight="normal")
        ax.tick_params(labelsize=7)
    axes[0, 0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    headline(fig, title)
    return fig


@styled
def distances_over_size(table: pd.DataFrame, *, origin: str, labels: dict[str, str], title: str) -> Figure:
    """A panel for each distance over 1/n, so that infinitely many pictures are at the left edge.

    table: set, n, metric, value, sd, limit (NaN: none); labels: what each metric is called on its axis, in the order of the
    panels, where the table has no label of its own. A dashed line runs through the four largest n to the limit.
    """
    fig, axes = figure(7.4, 3.2, 1, len(labels), origin=origin)
    for ax, (metric, label) in zip(axes[0], labels.items()):
        for colour, (name, part) in zip(sns.color_palette("deep"), table[table.metric == metric].groupby("set", sort=False)):
            x = 1 / part.n
            ax.errorbar(x, part.value, part.sd, fmt="o-", ms=3.5, lw=1.2, color=colour, elinewidth=0.8, label=name)
            limit = part.limit.iloc[0]
            if np.isfinite(limit):
                slope, edge = np.polyfit(x[-4:], part.value[-4:], 1)[0], x[-4:].iloc[0]
                ax.plot([0, edge], [limit, limit + slope * edge], ls="--", lw=1, color=colour)
                ax.plot(0, limit, "D", ms=4, color=colour, mfc="white", clip_on=False, zorder=5)
        label = table.label[table.metric == metric].iloc[0] if "label" in table else label
        ax.axhline(0, color=COLOURS["control"], lw=0.7)
        sizes = np.sort(table.n.unique())
        shown = sizes[[0, 1, len(sizes) // 2, -1]] if len(sizes) > 4 else sizes
        ax.xaxis.set(major_locator=FixedLocator([0, *(1 / shown)]), minor_locator=NullLocator())
        ax.set_xticklabels(["∞", *map(str, shown)])
        ax.set(xlabel="pictures on each side (1/n)", ylabel=label)
    axes[0, 0].set_title(title)
    legend_beside(axes[0, -1])
    return fig


@styled
def bottleneck(table: pd.DataFrame, *, origin: str, title: str, chance: float = 0.5) -> Figure:
    """Scores over the number of directions kept, with bands; table rank, where, value, low, high."""
    fig, axes = figure(5.6, 3.2, origin=origin)
    ax = axes[0, 0]
    ranks = np.sort(table["rank"].unique())
    for name, part in table.groupby("where", sort=False):
        colour = next((COLOURS[key] for key in ("image", "caption") if key in name), COLOURS["brain"])
        x = np.searchsorted(ranks, part["rank"])
        ax.plot(x, part.value, marker="o", ms=3.5, lw=1.6, color=colour, label=name)
        ax.fill_between(x, part.low, part.high, color=colour, alpha=0.18, lw=0)
    ax.axhline(chance, color=COLOURS["chance"], lw=1, ls="--", label="chance")
    ax.set(xticks=range(len(ranks)), xticklabels=ranks, xlabel="directions kept",
           ylabel="two-way identification", title=title)
    ax.legend()
    return fig


@styled
def repeated_reconstructions(table: pd.DataFrame, *, origin: str) -> Figure:
    """A row for each stimulus: the stimulus, then the reconstruction of each repeat under the thing attended on it.

    table: image_id, repeat, seen, reconstructed (H, W, 3) uint8, attended, decoded; "" where unknown. The thing decoded
    from a reconstruction stands below it, in red where it is not the attended one.
    """
    groups = [part for _, part in table.groupby("image_id", sort=False)]
    columns = 1 + max(map(len, groups))
    height = 1.55 if (table.attended != "").any() else 1.15
    fig, axes = figure(1.3 * columns, height * len(groups) + 0.3, len(groups), columns, origin=origin)
    for ax in axes.flat:
        bare(ax)
    for row, part in zip(axes, groups):
        row[0].imshow(part.seen.iloc[0], interpolation="lanczos")
        row[0].set_title("seen", fontsize=7, fontweight="normal", loc="center")
        for ax, trial in zip(row[1:], part.itertuples()):
            ax.imshow(trial.reconstructed, interpolation="lanczos")
            label = f"attends: {trial.attended}" if trial.attended else f"repeat {trial.repeat}"
            ax.set_title(label, fontsize=7, fontweight="normal", loc="center")
            if trial.decoded:
                colour = COLOURS["kept" if trial.decoded == trial.attended else "dropped"]
                ax.set_xlabel(f"decoded: {trial.decoded}", fontsize=7, color=colour)
    return fig
