"""Draw the exam of naturalness scores: what each says of sets that a person sees at once, on a second look, or not at all."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from .common import COLOURS, figure, headline, legend_beside, styled

LABELS = {"invisible": "invisible", "second look": "seen on a second look", "at once": "seen at once"}
SEEN_COLOURS = {"invisible": COLOURS["kept"], "second look": COLOURS["control"], "at once": COLOURS["dropped"]}


@styled
def exam_panels(table: pd.DataFrame, verdicts: pd.DataFrame, *, origin: str, title: str, columns: int = 3) -> Figure:
    """A panel for each score and in it a row for each damage, its strengths joined; the dots' colours say what a person sees.

    table: score, damage, strength, seen, value, with an undamaged set ("" as seen) whose value is a dashed line; verdicts: score,
    passes. A score passes where values grow along every row and no red dot lies left of a green one (the shaded band).
    """
    scores, damages = list(verdicts.score), list(dict.fromkeys(table.damage[table.seen != ""]))
    rows = -(-len(scores) // columns)
    fig, axes = figure(2.4 * columns + 1.6, (0.2 * len(damages) + 0.8) * rows + 0.4, rows, columns, origin=origin, sharey=True)
    for ax in axes.flat[len(scores):]:
        ax.axis("off")
    for ax, verdict in zip(axes.flat, verdicts.itertuples()):
        part = table[table.score == verdict.score]
        for y, damage in enumerate(damages):
            of_damage = part[part.damage == damage].sort_values("strength")
            ax.plot(of_damage.value, [y] * len(of_damage), color=COLOURS["control"], lw=0.8, zorder=1)
            for row in of_damage.itertuples():
                ax.plot(row.value, y, "o", color=SEEN_COLOURS[row.seen], ms=2.5 + 0.6 * row.strength, zorder=2)
        for undamaged in part.value[part.seen == ""]:
            ax.axvline(undamaged, color=COLOURS["truth"], lw=0.8, ls="--")
        if verdict.at_once < verdict.invisible:
            ax.axvspan(verdict.at_once, verdict.invisible, color=COLOURS["chance"], alpha=0.12, lw=0)
        ax.set_title(f"{verdict.score}\n{'passes' if verdict.passes else 'fails'}", fontsize=8, fontweight="normal")
        linear = max(1e-3, float(part.value.abs().median()) / 4)
        ax.set_xscale("symlog", linthresh=linear)
        scale = ax.xaxis.get_transform()
        first, last = scale.transform([part.value.min(), part.value.max()])
        ax.set_xlim(*scale.inverted().transform([first - 0.05 * (last - first), last + 0.05 * (last - first)]))
        low, high = ax.get_xlim()
        ax.set_xticks([tick for tick in ax.get_xticks() if low <= tick <= high and (tick == 0 or abs(tick) > 2 * linear)])
        ax.tick_params(labelsize=7)
    axes[0, 0].set(yticks=range(len(damages)), yticklabels=damages, ylim=(len(damages) - 0.5, -0.5))
    for seen, colour in SEEN_COLOURS.items():
        axes[0, -1].plot([], [], "o", color=colour, ms=4, label=LABELS[seen])
    legend_beside(axes[0, -1])
    headline(fig, title)
    return fig
