"""Lay the simulated visual cortex on fsaverage: a patch of vertices for each region, and in it a vertex for each voxel.

This is a layout for looking, not an atlas: a simulated region has no place in anybody's brain. Each gets the place that the
literature gives its namesake, as a centre in fsaverage's space and an area; patches grow from the centres without overlap.
V1 lies along the calcarine sulcus, and V2 and V3 around it as bands, below and above.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components, dijkstra

from .mesh import Hemisphere, read_hemisphere

# The fundus of the calcarine sulcus from the occipital pole forwards, in the left hemisphere; the right one is its mirror image.
# It is the horizontal meridian of Benson et al. 2014, at about 0.5, 4, 15 and 40 degrees, mean of both hemispheres.
_CALCARINE = np.array([(-17.0, -100, -10), (-12, -92, 0), (-13, -80, 8), (-19, -70, 6)])
# Areas of V1 to V3 in mm², about those between 2 and 12 degrees in one hemisphere (Dougherty et al. 2003), as bands from within
# outwards. All of V1 is larger, so that V2 begins on what an atlas still gives to V1.
_BANDS = (("V1", 1500.0), ("V2", 1200.0), ("V3", 900.0), ("early", 250.0))


class Place(NamedTuple):
    """Where a region is drawn: name, centre (x, y, z) in the left hemisphere (mm), area (mm²), and after whom."""

    name: str
    centre: tuple[float, float, float]
    area: float
    source: str


# Where a source has coordinates, they are the middle of its area in the left hemisphere of fsaverage5, as neuropythy 0.13 holds it:
# Wang et al. 2015 (maps of the visual field), Rosenke et al. 2018 (cells), Glasser et al. 2016 (several modalities). "Approximate"
# says that no such area was at hand: the place follows what a paper says of gyri and sulci. Centres are rounded, and moved apart
# where regions would share a place. Regions earlier in the list take their vertices first.
PLACES = (
    Place("hV4", (-28, -81, -12), 450, "hV4 of Wang (-28, -81, -12)"),
    Place("PPA", (-27, -46, -9), 700, "PHC2 (-30, -48, -11) and PHC1 (-27, -56, -9) of Wang, which overlap it: Arcaro et al. 2009"),
    Place("OFA", (-41, -81, -11), 250, "PIT of Glasser (-42, -82, -13), inferior occipital gyrus: Gauthier et al. 2000"),
    Place("OWFA", (-36, -88, -6), 200, "approximate: inferior occipital sulcus, behind OFA; label of NSD (Allen et al. 2022)"),
    Place("mfs-words", (-36, -56, -19), 120,
          "mid-fusiform sulcus, between FG3 (-30, -46, -15) and FG4 (-43, -43, -21) of Rosenke: Weiner et al. 2014"),
    Place("FFA-1", (-40, -66, -17), 320, "FG2 of Rosenke (-40, -68, -18), posterior fusiform gyrus: Weiner & Grill-Spector 2010"),
    Place("FFA-2", (-42, -47, -20), 300, "FG4 of Rosenke (-43, -43, -21), middle fusiform gyrus: Weiner & Grill-Spector 2010"),
    Place("FBA-1", (-45, -61, -13), 180, "approximate: occipitotemporal sulcus, lateral of the posterior faces: Peelen & Downing 2005"),
    Place("VWFA-2", (-46, -55, -14), 180, "approximate: middle occipitotemporal sulcus: Cohen et al. 2000; Stigliani et al. 2015"),
    Place("VWFA-1", (-43, -70, -11), 200, "approximate: posterior occipitotemporal sulcus: Stigliani et al. 2015"),
    Place("EBA", (-47, -71, 3), 900, "around MT of Glasser (-46, -74, 6): Downing et al. 2001; Weiner & Grill-Spector 2011"),
    Place("FBA-2", (-46, -44, -21), 220, "approximate: lateral of the middle fusiform faces: Schwarzlose et al. 2005"),
    Place("mTL-bodies", (-46, -31, -25), 120, "approximate: in front of FBA; label of NSD (Allen et al. 2022)"),
    Place("mTL-words", (-47, -34, -23), 120, "approximate: in front of VWFA; label of NSD (Allen et al. 2022)"),
    Place("aTL-faces", (-34, -10, -34), 180, "anterior end of the collateral sulcus, PeEc of Glasser (-29, -10, -34): Nasr & Tootell 2012"),
    Place("midlateral", (-35, -86, 4), 450, "LO1 (-31, -87, 4) and LO2 (-39, -84, 4) of Wang"),
    Place("OPA", (-34, -80, 21), 600, "between V3B (-32, -88, 13) and IPS0 (-26, -79, 26) of Wang: Nasr et al. 2011; Dilks et al. 2013"),
    Place("RSC", (-15, -56, 14), 500, "POS1 of Glasser (-10, -59, 13), parieto-occipital sulcus in front of V1: Nasr et al. 2011"),
    Place("midventral", (-28, -69, -10), 250, "VO1 (-28, -71, -10) and VO2 (-27, -62, -10) of Wang"),
    Place("midparietal", (-22, -87, 24), 500, "V3A (-18, -89, 22) and V3B (-32, -88, 13) of Wang"),
    Place("ventral", (-33, -34, -20), 900, "approximate: what is left of ventral temporal cortex; stream of NSD (Allen et al. 2022)"),
    Place("lateral", (-54, -56, 3), 900, "approximate: what is left of lateral occipitotemporal cortex; stream of NSD (Allen et al. 2022)"),
    Place("parietal", (-22, -70, 40), 900, "IPS1 (-22, -70, 36) and IPS2 (-18, -68, 48) of Wang"),
)
_ONE_SIDE = {"aTL-faces": "rh", "mTL-bodies": "rh", "mTL-words": "lh"}   # the twin has them in one hemisphere
_STREAMS = ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")
_HALVES = ("V1v", "V1d", "V2v", "V2d", "V3v", "V3d")
SHOWN_AS = {half: half[:2] for half in _HALVES} | dict.fromkeys(_STREAMS, "")     # outlines: halves as one, streams not at all


@cache
def patches(side: str) -> dict[str, np.ndarray]:
    """The vertices of each region's patch in one hemisphere ("lh" or "rh"), sorted; no vertex is in two.

    >>> sorted(set(patches("lh")) ^ set(patches("rh")))
    ['aTL-faces', 'mTL-bodies', 'mTL-words']
    """
    brain = read_hemisphere(side)
    free, found = np.ones(len(brain.pial), bool), _early(brain)
    free[np.concatenate(list(found.values()))] = False
    for place in PLACES:
        if _ONE_SIDE.get(place.name, side) == side:
            found[place.name] = _grow(brain, _nearest(brain, place.centre), place.area, free)
            free[found[place.name]] = False
    return found


def place_of(regions: dict[str, np.ndarray]) -> np.ndarray:
    """The patch that each voxel belongs to, (n_voxels,) str: its visual area, else its category's region, else its stream.

    regions: those of a subject, name -> (n_voxels,) bool. Raises ValueError for a voxel without any of them.
    """
    found = np.full(len(next(iter(regions.values()))), "", dtype="U16")
    for name in _STREAMS:
        found[regions[f"streams/{name}"]] = name
    for name in (*_HALVES, *(place.name for place in PLACES if place.name not in _STREAMS)):
        found[regions[name]] = name
    if (found == "").any():
        raise ValueError(f"{(found == '').sum()} voxels are in no visual area, category region or stream; a layout needs one of them")
    return found


def lay_on(places: np.ndarray, flat: np.ndarray, right: np.ndarray) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Give each voxel its share of its region's patch: for "lh" and "rh", pairs of (voxels, vertices), both index arrays.

    A region's voxels and vertices are halved together, again and again, across whichever way the patch is longer, until one
    voxel or one vertex is left; so neighbours stay neighbours, no voxel is lost, and no vertex of a patch that has a voxel is
    left without one.

    Parameters
    ----------
    places : (n_voxels,) str
        From `place_of`.
    flat : (n_voxels, 2)
        Where each lies on the flat map, around the occipital pole; to the right and up.
    right : (n_voxels,) bool
        In the right hemisphere.
    """
    shares = {}
    for side in ("lh", "rh"):
        mine, shares[side] = right == (side == "rh"), []
        grown, at = patches(side), _around_the_pole(read_hemisphere(side))
        for name in dict.fromkeys(places[mine]):
            if name not in grown:
                raise ValueError(f"{name} has voxels in {side}, where it has no patch; expected one of {', '.join(grown)}")
            voxels = np.flatnonzero(mine & (places == name))
            _halve(voxels, grown[name], flat, at, shares[side])
    return shares


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _mirrored(points, side: str) -> np.ndarray:
    return np.asarray(points, float) * (1 if side == "lh" else -1, 1, 1)


def _nearest(brain: Hemisphere, point) -> int:
    return int(np.linalg.norm(brain.between - _mirrored(point, brain.side), axis=1).argmin())


def _early(brain: Hemisphere) -> dict[str, np.ndarray]:
    """V1 to V3 as bands around the calcarine sulcus, by distance along the surface, and halves below and above it."""
    line = _shortest_way(brain, [_nearest(brain, point) for point in _CALCARINE])
    distance, _, nearest = dijkstra(brain.edges, indices=line, min_only=True, return_predecessors=True)
    above = _is_above(_around_the_pole(brain), line, nearest)
    found, left = {}, np.argsort(distance, kind="stable")
    for name, area in _BANDS:
        if name != "V1":
            left = left[nearest[left] != line[-1]]      # V1 alone closes at its front end
        upto = int(np.searchsorted(np.cumsum(brain.area[left]), area))
        band, left = left[:upto], left[upto:]
        halves = {name: band} if name == "early" else {f"{name}v": band[~above[band]], f"{name}d": band[above[band]]}
        found |= {half: np.sort(vertices) for half, vertices in halves.items()}
    return found


def _shortest_way(brain: Hemisphere, stops: list[int]) -> np.ndarray:
    """Vertices along the shortest way on the surface from stop to stop."""
    line = [stops[0]]
    for a, b in zip(stops, stops[1:]):
        _, before = dijkstra(brain.edges, indices=a, return_predecessors=True)
        way = [b]
        while way[-1] != a:
            way.append(int(before[way[-1]]))
        line += way[-2::-1]
    return np.array(line)


def _is_above(flat: np.ndarray, line: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Whether each vertex lies above a line on the flat map that runs sideways, (n_vertices,) bool; nearest: its vertex of the line."""
    at = flat[line]
    along = at[np.minimum(np.arange(len(line)) + 3, len(line) - 1)] - at[np.maximum(np.arange(len(line)) - 3, 0)]
    upward = np.stack([-along[:, 1], along[:, 0]], 1) * np.where(along[:, :1] < 0, -1, 1)
    place = {vertex: number for number, vertex in enumerate(line)}
    number = np.array([place[vertex] for vertex in nearest])
    return ((flat - at[number]) * upward[number]).sum(1) > 0


def _around_the_pole(brain: Hemisphere) -> np.ndarray:
    """Each vertex on a flat map around the occipital pole, to the right and up, (n_vertices, 2): as `plots.flatten` lays voxels."""
    way = brain.sphere / np.linalg.norm(brain.sphere, axis=1, keepdims=True)
    back = way[_nearest(brain, _CALCARINE[0])]
    right = np.array([1.0, 0, 0]) - back[0] * back
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    up *= np.sign(up[2])
    return way @ np.stack([right, up], 1) * np.sqrt(2 / np.maximum(1 + way @ back, 1e-9))[:, None]


def _grow(brain: Hemisphere, start: int, area: float, free: np.ndarray) -> np.ndarray:
    """As many free vertices as have this area (mm²), in one piece: those nearest, along the surface, to the free one nearest to `start`.

    Free vertices that other patches enclose in too small a piece are passed over.
    """
    vertices = np.flatnonzero(free)
    among = brain.edges[vertices][:, vertices]
    _, piece = connected_components(among, directed=False)
    large = np.bincount(piece, brain.area[vertices])[piece] >= area
    away = np.linalg.norm(brain.between[vertices] - brain.between[start], axis=1)
    distance = dijkstra(among, indices=int(np.where(large, away, np.inf).argmin()))
    order = np.argsort(distance, kind="stable")
    return np.sort(vertices[order[:np.searchsorted(np.cumsum(brain.area[vertices[order]]), area)]])


def _halve(voxels: np.ndarray, vertices: np.ndarray, flat: np.ndarray, at: np.ndarray, shares: list) -> None:
    """Append (voxels, vertices) with one of either to `shares`; both are sorted the same way before each cut."""
    if len(voxels) == 1 or len(vertices) == 1:
        shares.append((voxels, vertices))
        return
    way = int(np.ptp(at[vertices], axis=0).argmax())
    voxels, vertices = voxels[np.argsort(flat[voxels, way], kind="stable")], vertices[np.argsort(at[vertices, way], kind="stable")]
    cut = len(vertices) // 2
    share = min(max(1, round(len(voxels) * cut / len(vertices))), len(voxels) - 1)
    _halve(voxels[:share], vertices[:cut], flat, at, shares)
    _halve(voxels[share:], vertices[cut:], flat, at, shares)
