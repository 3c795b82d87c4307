"""Draw values of voxels on fsaverage's inflated cortex, from several sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ..surface import draw, Drawing, read_hemisphere, SHOWN_AS, smooth
from .common import bare, figure, headline, styled
from .labels import name_regions

_ROWS = ((0.75, (("lh", "lateral"), ("lh", "medial"), ("rh", "medial"), ("rh", "lateral"))),     # mm a pixel, panels
         (0.52, (("lh", "ventral"), ("lh", "posterior"), ("rh", "posterior"), ("rh", "ventral"))))
_FEWEST = 40                           # mm² in sight, on the inflated surface, that make a region worth a label


@styled
def surface_map(table: pd.DataFrame, column: str, label: str, *, origin: str, title: str) -> Figure:
    """A value on the inflated cortex of both hemispheres, smoothed over neighbouring vertices, with regions outlined and named.

    table: that of `ch06_encoding_cycle.cortex_surface`: hemisphere, vertex, region, voxel, n_voxels and the column. The
    difference `less` is red and blue around 0, others go from 0 up. Each region is named once, in either hemisphere.
    """
    fig, rows = figure(8.2, 4.5, len(_ROWS) + 1, 1, origin=origin, height_ratios=[*(1 / scale for scale, _ in _ROWS), 0.06])
    for place in rows[:, 0]:
        place.axis("off")
    values = table[column].to_numpy(float)
    limit = np.nanquantile(np.abs(values), 0.98) if np.isfinite(values).any() else 1.0
    is_difference = column == "less"
    colours = ScalarMappable(Normalize(-limit if is_difference else 0, limit), "RdBu_r" if is_difference else "viridis")
    drawn = []
    for place, (scale, panels) in zip(rows[:, 0], _ROWS):
        pictures = [_draw(table[table.hemisphere == side], side, view, column, colours, scale) for side, view in panels]
        grid = place.get_subplotspec().subgridspec(1, len(panels), width_ratios=[each.picture.shape[1] for each in pictures])
        for spec, each, (side, view) in zip(grid, pictures, panels):
            ax = fig.add_subplot(spec)
            ax.imshow(each.picture, interpolation="antialiased")
            ax.set_title(f"{'left' if side == 'lh' else 'right'}, {view}", fontsize=7.5, loc="center", fontweight="normal")
            bare(ax)
            drawn.append((ax, scale, each.seen))
    fig.colorbar(colours, cax=rows[-1, 0].inset_axes((0.3, 0, 0.4, 1)), orientation="horizontal",
                 label=f"{label}, {table.drop_duplicates('voxel').n_voxels.sum():,} voxels")
    headline(fig, title)
    name_regions(fig, _sights(drawn))
    return fig


def _draw(table: pd.DataFrame, side: str, view: str, column: str, colours: ScalarMappable, scale: float) -> Drawing:
    brain = read_hemisphere(side)
    values, names = np.full(len(brain.sulc), np.nan), np.full(len(brain.sulc), "", dtype="U16")
    values[table.vertex], names[table.vertex] = table[column], [SHOWN_AS.get(name, name) for name in table.region]
    values = smooth(brain, values)[:, None]
    return draw(brain, view, np.where(np.isfinite(values), colours.to_rgba(np.nan_to_num(values[:, 0]))[:, :3], np.nan), names,
                 mm_per_pixel=scale)


def _sights(drawn: list) -> dict[str, list]:
    """The panels that show much of a region, the one that shows most of it first, each with the region's pixels, x and y."""
    sights = {}
    for ax, scale, seen in drawn:
        for name, pixels in seen.items():
            if (area := len(pixels) * scale**2) > _FEWEST:
                sights.setdefault(name, []).append((area, ax, np.unique(pixels, axis=0)[:, ::-1].astype(float)))
    return {name: [(ax, points) for area, ax, points in sorted(found, key=lambda each: -each[0]) if area >= max(found, key=lambda each: each[0])[0] / 2]
            for name, found in sights.items()}
