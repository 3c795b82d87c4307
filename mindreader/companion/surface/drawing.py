"""Draw a cortical surface from one side: lit, sulci dark, values of vertices in colour, regions outlined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .mesh import Hemisphere

# From where: to the picture's right, and to the onlooker, in the left hemisphere.
VIEWS = {"lateral": ((0, -1, 0), (-1, 0, 0)), "medial": ((0, 1, 0), (1, 0, 0)), "ventral": ((0, 1, 0), (0, 0, -1)),
         "posterior": ((1, 0, 0), (0, -1, 0))}
_FINE, _MARGIN = 2, 4           # pixels are drawn so many times finer and averaged; pixels around the cortex
_GYRUS, _SULCUS, _LINE, _PAPER = 0.86, 0.62, 0.12, 1.0
_LAMP = np.array([0.25, 0.45, 0.86]) / np.linalg.norm([0.25, 0.45, 0.86])   # to the right, up, and to the onlooker
_AMBIENT = 0.55


class Drawing(NamedTuple):
    """A picture and where each region is seen in it.

    picture   (height, width, 3) in [0, 1]; white beside the cortex
    seen      region -> (n, 2) int, rows and columns of the picture; regions out of sight are left out
    """

    picture: np.ndarray
    seen: dict[str, np.ndarray]


def draw(brain: Hemisphere, view: str, colours: np.ndarray, regions: np.ndarray, *, mm_per_pixel: float = 0.75) -> Drawing:
    """Draw the inflated surface of a hemisphere.

    Parameters
    ----------
    brain : Hemisphere
    view : str
        One of VIEWS; the right hemisphere is seen as the left one is in a mirror.
    colours : (n_vertices, 3)
        RGB in [0, 1]; NaN where there is only cortex, which is light grey on gyri and dark grey in sulci.
    regions : (n_vertices,) str
        Name of the region to outline, "" for none.
    mm_per_pixel : float
        Of the inflated surface.
    """
    axes = _axes(brain.side, view)
    at = brain.inflated @ axes
    grey = np.where(brain.sulc > 0, _SULCUS, _GYRUS)
    shade = _AMBIENT + (1 - _AMBIENT) * np.clip(_normals(brain) @ axes @ _LAMP, 0, 1)
    lit = np.where(np.isfinite(colours), colours, grey[:, None]) * shade[:, None]
    names, number = np.unique(regions, return_inverse=True)

    corner = at[:, :2].min(0) - _MARGIN * mm_per_pixel
    width, height = np.ceil((np.ptp(at[:, :2], axis=0) / mm_per_pixel + 2 * _MARGIN)).astype(int) * _FINE
    at = np.column_stack([(at[:, :2] - corner) * _FINE / mm_per_pixel, at[:, 2]])
    pixel, weights, vertices = _cover(at, brain.faces)
    order = np.argsort((at[vertices, 2] * weights).sum(1), kind="stable")    # what is nearer is drawn over what is behind
    place, weights, vertices = (height - 1 - pixel[order, 1], pixel[order, 0]), weights[order], vertices[order]
    fine, named = np.full((height, width, 3), _PAPER), np.full((height, width), -1)
    fine[place] = np.einsum("pc,pcd->pd", weights, lit[vertices])
    named[place] = number[vertices[np.arange(len(vertices)), weights.argmax(1)]]
    fine[_borders(named, np.array([bool(name) for name in names]))] = _LINE
    seen = {name: np.argwhere(named == i) // _FINE for i, name in enumerate(names) if name}
    return Drawing(fine.reshape(height // _FINE, _FINE, width // _FINE, _FINE, 3).mean((1, 3)),
                    {str(name): where for name, where in seen.items() if len(where)})


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _axes(side: str, view: str) -> np.ndarray:
    """Directions to the right, up, and to the onlooker, as columns."""
    right, toward = (np.array(way, float) for way in VIEWS[view])
    if side == "rh":                                             # mirrored in x; the picture's left and right change places too
        toward, right = toward * (-1, 1, 1), -right * (-1, 1, 1)
    return np.stack([right, np.cross(toward, right), toward], 1)


def _normals(brain: Hemisphere) -> np.ndarray:
    a, b, c = (brain.inflated[brain.faces[:, i]] for i in range(3))
    across = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    summed = np.stack([np.bincount(brain.faces.ravel(), across[:, way], len(brain.inflated)) for way in range(3)], 1)
    return summed / np.linalg.norm(summed, axis=1, keepdims=True)


def _cover(at: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels whose middles lie in triangles that are turned to the onlooker, x and y up, with weights of the three vertices."""
    a, b, c = (at[faces[:, i], :2] for i in range(3))
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    kept = double > 1e-9
    faces, a, b, c, double = faces[kept], a[kept], b[kept], c[kept], double[kept]
    first = np.floor(np.minimum(np.minimum(a, b), c)).astype(int)
    size = (np.ceil(np.maximum(np.maximum(a, b), c)).astype(int) - first).max(1)
    found = []
    for n in np.unique(size):                                    # triangles of a size together
        mine = np.flatnonzero(size == n)
        offset = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1).reshape(-1, 2)
        x, y = (first[mine, None, way] + offset[:, way] for way in range(2))

        def opposite(p, q):
            """Share of the corner that faces the side from p to q."""
            (px, py), (qx, qy) = p[mine].T[:, :, None], q[mine].T[:, :, None]
            return ((qx - px) * (y + 0.5 - py) - (qy - py) * (x + 0.5 - px)) / double[mine, None]

        weights = np.stack([opposite(b, c), opposite(c, a), opposite(a, b)], -1)
        inside = (weights >= -1e-9).all(-1)
        which = np.broadcast_to(mine[:, None], inside.shape)[inside]
        found.append((np.stack([x[inside], y[inside]], 1), weights[inside], faces[which]))
    return tuple(np.concatenate(each) for each in zip(*found))


def _borders(named: np.ndarray, outlined: np.ndarray) -> np.ndarray:
    """Pixels of the cortex beside which another region begins, one pixel wide."""
    lines = np.zeros(named.shape, bool)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = named[here], named[there]
        lines[here] |= (a != b) & (a >= 0) & (b >= 0) & (outlined[a] | outlined[b])
    return lines
