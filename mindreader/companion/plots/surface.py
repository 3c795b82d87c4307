"""Draw values of voxels on fsaverage's inflated cortex, from several sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..surface import draw, Drawing, read_hemisphere, SHOWN_AS, smooth
from .common import bare, figure, headline, styled

_ROWS = ((0.75, (("lh", "lateral"), ("lh", "medial"), ("rh", "medial"), ("rh", "lateral"))),     # mm a pixel, panels
         (0.52, (("lh", "ventral"), ("lh", "posterior"), ("rh", "posterior"), ("rh", "ventral"))))
_HALO = [withStroke(linewidth=1.8, foreground="white")]
_TALL, _WIDE, _FONT = 13, 6.2, 5.5     # of a label: pixels of the picture, and for each letter; points
_FEWEST = 40                           # mm² in sight, on the inflated surface, that make a region worth a label


@styled
def surface_map(table: pd.DataFrame, column: str, label: str, *, origin: str, title: str) -> Figure:
    """A value on the inflated cortex of both hemispheres, smoothed over neighbouring vertices, with regions outlined and named.

    table: that of `ch06_encoding_cycle.cortex_surface`: hemisphere, vertex, region, voxel, n_voxels and the column. Values of which some
    are below 0 are red and blue around 0. Each region is named once, in either hemisphere.
    """
    fig, rows = figure(8.2, 4.5, len(_ROWS) + 1, 1, origin=origin, height_ratios=[*(1 / scale for scale, _ in _ROWS), 0.06])
    for place in rows[:, 0]:
        place.axis("off")
    values = table[column].to_numpy(float)
    limit = np.nanquantile(np.abs(values), 0.98) if np.isfinite(values).any() else 1.0
    is_difference = bool((values < 0).any())
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
    _name_regions(drawn)
    fig.colorbar(colours, cax=rows[-1, 0].inset_axes((0.3, 0, 0.4, 1)), orientation="horizontal",
                 label=f"{label}, {table.drop_duplicates('voxel').n_voxels.sum():,} voxels")
    headline(fig, title)
    return fig


def _draw(table: pd.DataFrame, side: str, view: str, column: str, colours: ScalarMappable, scale: float) -> Drawing:
    brain = read_hemisphere(side)
    values, names = np.full(len(brain.sulc), np.nan), np.full(len(brain.sulc), "", dtype="U16")
    values[table.vertex], names[table.vertex] = table[column], [SHOWN_AS.get(name, name) for name in table.region]
    values = smooth(brain, values)[:, None]
    return draw(brain, view, np.where(np.isfinite(values), colours.to_rgba(np.nan_to_num(values[:, 0]))[:, :3], np.nan), names,
                 mm_per_pixel=scale)


def _name_regions(drawn: list) -> None:
    """Write each region's name once: of the pictures that show much of it, into one where no other name stands; near its middle."""
    sights, taken = {}, {place: [] for place in range(len(drawn))}
    for place, (_, scale, seen) in enumerate(drawn):
        for name, pixels in seen.items():
            if (area := len(pixels) * scale**2) > _FEWEST:
                sights.setdefault(name, []).append((area, place))
    for name, places in sorted(sights.items()):
        much = max(places)[0] / 2
        spots = [(*_spot(name, drawn[place][2][name], taken[place]), place) for area, place in sorted(places, reverse=True) if area >= much]
        _, row, column, place = min(spots, key=lambda spot: spot[0])
        taken[place].append((row, column, len(name)))
        drawn[place][0].text(column, row, name, ha="center", va="center", fontsize=_FONT, path_effects=_HALO)


def _spot(name: str, pixels: np.ndarray, taken: list[tuple[float, float, int]]) -> tuple[bool, float, float]:
    """Where among a region's pixels its name goes: whether it would cover a name that stands there, row and column."""
    pixels = np.unique(pixels, axis=0).astype(float)
    away, covers = ((pixels - pixels.mean(0)) ** 2).sum(1), np.zeros(len(pixels), bool)
    for row, column, n_letters in taken:
        covers |= (np.abs(pixels[:, 0] - row) < _TALL) & (np.abs(pixels[:, 1] - column) < _WIDE * (n_letters + len(name)) / 2)
    best = np.lexsort((away, covers))[0]
    return bool(covers[best]), *pixels[best]
