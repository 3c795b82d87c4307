"""Write the names of regions on maps so that no two texts of a figure touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_HALO = [withStroke(linewidth=2.0, foreground="white")]
_MOST = 80                      # places in a region that are tried
_PAD = 4                        # pixels that stay free between two texts
_FAR = np.arange(1.5, 9.0, 0.75)        # how far beside its region a name may stand, in heights of it


def name_regions(fig: Figure, sights: Mapping[str, Sequence[tuple[Axes, np.ndarray]]], *, fontsize: float = 5.5) -> list[str]:
    """Write each region's name once where it covers no other text: in the region near its middle, else beside it with a line to it.

    Call it last: it fixes the layout, since where texts are follows from it.

    Parameters
    ----------
    sights : region -> axes that show it, the best first, each with points of the region, (n, 2) x and y of the data
    fontsize : points

    Returns
    -------
    list of str
        The names for which there was no room.
    """
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    taken = [text.get_window_extent().padded(_PAD / 2) for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [name for name, places in sorted(sights.items(), key=lambda item: (sum(len(points) for _, points in item[1]), item[0]))
            if not (_write_inside(name, places, fontsize, taken) or _write_beside(fig, name, places, fontsize, taken))]


def _write_inside(name: str, places: Sequence[tuple[Axes, np.ndarray]], fontsize: float, taken: list[Bbox]) -> bool:
    for ax, points in places:
        text, size = _text(ax, name, fontsize)
        for point in _from_the_middle(points):
            if _is_free(box := _around(ax.transData.transform(point), size), taken):
                text.set_position(point)
                taken.append(box)
                return True
        text.remove()
    return False


def _write_beside(fig: Figure, name: str, places: Sequence[tuple[Axes, np.ndarray]], fontsize: float, taken: list[Bbox]) -> bool:
    for ax, points in places:
        text, size = _text(ax, name, fontsize)
        start, to_data = next(_from_the_middle(points)), ax.transData.inverted()
        here = ax.transData.transform(start)
        for far, angle in product(_FAR, np.linspace(0, 2 * np.pi, 24, endpoint=False)):
            way = np.array([np.cos(angle), np.sin(angle)])
            middle = here + way * (far * size[1] + np.abs(way) * size / 2)
            box = _around(middle, size)
            if _is_free(box, taken) and (box.min > fig.bbox.min).all() and (box.max < fig.bbox.max).all():
                text.set_position(to_data.transform(middle))
                end = to_data.transform(np.clip(here, box.min, box.max))
                ax.add_artist(Line2D(*zip(start, end), color="black", lw=0.6, path_effects=_HALO, clip_on=False))
                taken.append(box)
                return True
        text.remove()
    return False


def _text(ax: Axes, name: str, fontsize: float) -> tuple[Text, np.ndarray]:
    """A name, still to be put in its place, and its width and height in pixels."""
    text = ax.text(0.5, 0.5, name, ha="center", va="center", fontsize=fontsize, path_effects=_HALO, zorder=5)
    text.set_in_layout(False)
    return text, text.get_window_extent().size


def _around(middle: np.ndarray, size: np.ndarray) -> Bbox:
    """The pixels of a name with this middle, and those that stay free around it."""
    return Bbox([middle - size / 2, middle + size / 2]).padded(_PAD / 2)


def _from_the_middle(points: np.ndarray) -> Iterator[np.ndarray]:
    """Points of a region from its middle outwards, spread over it where they are many."""
    order = np.argsort(((points - points.mean(0)) ** 2).sum(1), kind="stable")
    yield from points[order[::-(-len(order) // _MOST)]]


def _is_free(box: Bbox, taken: list[Bbox]) -> bool:
    return not any(box.overlaps(other) for other in taken)
