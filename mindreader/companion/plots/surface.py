"""Draw values of voxels on fsaverage's inflated cortex, from several sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..surface import paint, Painting, read_hemisphere, SHOWN_AS, smooth
from .common import bare, figure, headline, styled

_ROWS = ((0.75, (("lh", "lateral"), ("lh", "medial"), ("rh", "medial"), ("rh", "lateral"))),     # mm a pixel, panels
         (0.52, (("lh", "ventral"), ("lh", "posterior"), ("rh", "posterior"), ("rh", "ventral"))))
_HALO = [withStroke(linewidth=1.8, foreground="white")]
_TALL, _WIDE, _FONT = 10, 6.2, 5.5     # of a label: pixels of the picture, and for each letter; points
_FEWEST = 40                           # mm² in sight, on the inflated surface, that make a region worth a label


@styled
def surface_map(table: pd.DataFrame, column: str, label: str, *, origin: str, title: str) -> Figure:
    """A value on the inflated cortex of both hemispheres, smoothed over neighbouring vertices, with regions outlined and named.

    table: that of `ch06_encoding_cycle.cortex_surface`: hemisphere, vertex, region, voxel, n_voxels and the column. Values of which some
    are below 0 are red and blue around 0. Each region is named once, where most of it is seen.
    """
    fig, rows = figure(8.2, 4.5, len(_ROWS) + 1, 1, origin=origin, height_ratios=[*(1 / scale for scale, _ in _ROWS), 0.06])
    for place in rows[:, 0]:
        place.axis("off")
    values = table[column].to_numpy(float)
    limit = np.nanquantile(np.abs(values), 0.98) if np.isfinite(values).any() else 1.0
    is_difference = bool((values < 0).any())
    colours = ScalarMappable(Normalize(-limit if is_difference else 0, limit), "RdBu_r" if is_difference else "viridis")
    painted = []
    for place, (scale, panels) in zip(rows[:, 0], _ROWS):
        pictures = [_paint(table[table.hemisphere == side], side, view, column, colours, scale) for side, view in panels]
        grid = place.get_subplotspec().subgridspec(1, len(panels), width_ratios=[each.picture.shape[1] for each in pictures])
        for spec, each, (side, view) in zip(grid, pictures, panels):
            ax = fig.add_subplot(spec)
            ax.imshow(each.picture, interpolation="antialiased")
            ax.set_title(f"{'left' if side == 'lh' else 'right'}, {view}", fontsize=7.5, loc="center", fontweight="normal")
            bare(ax)
            painted.append((ax, scale, each.seen))
    _name_regions(painted)
    fig.colorbar(colours, cax=rows[-1, 0].inset_axes((0.3, 0, 0.4, 1)), orientation="horizontal",
                 label=f"{label}, {table.drop_duplicates('voxel').n_voxels.sum():,} voxels")
    headline(fig, title)
    return fig


def _paint(table: pd.DataFrame, side: str, view: str, column: str, colours: ScalarMappable, scale: float) -> Painting:
    brain = read_hemisphere(side)
    values, names = np.full(len(brain.sulc), np.nan), np.full(len(brain.sulc), "", dtype="U16")
    values[table.vertex], names[table.vertex] = table[column], [SHOWN_AS.get(name, name) for name in table.region]
    values = smooth(brain, values)[:, None]
    return paint(brain, view, np.where(np.isfinite(values), colours.to_rgba(np.nan_to_num(values[:, 0]))[:, :3], np.nan), names,
                 mm_per_pixel=scale)


def _name_regions(painted: list) -> None:
    """Write each region's name once, into the picture that shows most of it, as near to its middle as other names allow."""
    most = {}
    for place, (_, scale, seen) in enumerate(painted):
        for name, pixels in seen.items():
            area = len(pixels) * scale**2
            if area > max(_FEWEST, most[name][0] if name in most else 0):
                most[name] = area, place
    taken = {place: [] for place in range(len(painted))}
    for name, (_, place) in sorted(most.items()):
        ax, _, seen = painted[place]
        pixels = np.unique(seen[name], axis=0).astype(float)
        away = ((pixels - pixels.mean(0)) ** 2).sum(1)
        for row, column, wide in taken[place]:
            covered = (np.abs(pixels[:, 0] - row) < _TALL) & (np.abs(pixels[:, 1] - column) < _WIDE * (wide + len(name)) / 2)
            away[covered] += 1e6
        row, column = pixels[away.argmin()]
        taken[place].append((row, column, len(name)))
        ax.text(column, row, name, ha="center", va="center", fontsize=_FONT, path_effects=_HALO)
