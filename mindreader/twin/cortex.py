"""Lay out a simulated visual cortex with its regions and receptive fields, in a volume like NSD's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nsd import ATLASES

__all__ = ["Cortex", "lay_out"]

_FULL_SHAPE, _FULL_VOXELS = (81, 104, 83), 15724   # subj01's func1pt8mm volume and its nsdgeneral
# Shares of nsdgeneral, after the sizes of subj01's regions (V1 1350, V2 1433, V3 1187, hV4 687 of 15,724 voxels; the
# localiser regions' sizes are those published for subj01, cut back where they reach out of nsdgeneral).
_EARLY = {"V1": 0.086, "V2": 0.091, "V3": 0.0755, "": 0.0525}
_VENTRAL_SHARE = {"V1": 0.44, "V2": 0.58, "V3": 0.54}   # v against d, from the same subject
_SECTORS = {  # sector of the cortex around the early areas: (share, its near part, share of that)
    "ventral": (0.290, "midventral", 0.050), "lateral": (0.275, "midlateral", 0.045),
    "parietal": (0.130, "midparietal", 0.050),
}
_FLOC = {  # regions along each sector's far part: (label, share of nsdgeneral); "" is cortex without a label
    "ventral": (("PPA", 0.060), ("FBA-1", 0.012), ("VWFA-1", 0.040), ("FFA-1", 0.031), ("mfs-words", 0.010),
                ("FBA-2", 0.024), ("FFA-2", 0.020), ("VWFA-2", 0.025), ("mTL-bodies", 0.004), ("mTL-words", 0.004),
                ("aTL-faces", 0.006)),
    "lateral": (("EBA", 0.125), ("OFA", 0.022), ("OWFA", 0.026)),
    "parietal": (("OPA", 0.040), ("RSC", 0.028)),
}
_ONE_SIDED = {"aTL-faces": "rh", "mTL-bodies": "rh", "mTL-words": "lh"}   # absent in the other hemisphere


@dataclass(frozen=True, eq=False)
class Cortex:
    """Volume, regions and receptive fields of a simulated cortex.

    shape    (X, Y, Z) of the volume; axes run to the right, to the front, and up
    brain    (X, Y, Z) bool   voxels within the simulated field of view
    ribbon   (X, Y, Z) bool   cortex within the brain
    right    (X, Y, Z) bool   the right half
    coords   (n_voxels, 3)    (x, y, z) of the voxels of nsdgeneral, in C order over (z, y, x)
    labels   atlas -> (n_voxels,) int16   0 without a label, else its id in that atlas
    centre   (n_voxels, 2)    of the receptive field: x to the right and y downwards, the picture spans -1 to 1
    width    (n_voxels,)      its standard deviation, same unit
    """

    shape: tuple[int, int, int]
    brain: np.ndarray
    ribbon: np.ndarray
    right: np.ndarray
    coords: np.ndarray
    labels: dict[str, np.ndarray]
    centre: np.ndarray
    width: np.ndarray

    def having(self, atlas: str, *names: str) -> np.ndarray:
        """Voxels with one of these labels, (n_voxels,) bool; without names, with any."""
        ids = [ATLASES[atlas].index(n) + 1 for n in names] or range(1, len(ATLASES[atlas]) + 1)
        return np.isin(self.labels[atlas], list(ids))

    def volume(self, atlas: str, side: str = "") -> np.ndarray:
        """The label volume as NSD stores it: -1 outside the cortex (of that side, "lh" or "rh"), 0 without a label."""
        out = np.where(self.ribbon, 0, -1).astype(np.float64)
        values = 1 if atlas == "nsdgeneral" else self.labels[atlas]
        out[tuple(self.coords.T)] = values
        if side:
            out[self.right != (side == "rh")] = -1
        return out


def lay_out(n_voxels: int, seed: int) -> Cortex:
    """Lay out a cortex whose nsdgeneral has `n_voxels` voxels, with regions in the proportions of NSD's subject 1.

    Two ellipsoids stand for the hemispheres and their outer shell for the cortical ribbon. Around each occipital pole
    lie V1, V2 and V3 as bands; beyond them the ventral, lateral and parietal streams as sectors.

    Parameters
    ----------
    n_voxels : int
        At least 40 (else ValueError); 15,724 gives the full volume of 81 x 104 x 83 voxels, fewer a smaller one.
    seed : int
        Of the scatter of receptive fields.

    >>> int(lay_out(96, seed=0).having("prf-visualrois", "V1v", "V1d").sum())
    8
    """
    if n_voxels < 40:
        raise ValueError(f"got n_voxels {n_voxels}, expected at least 40, so that most regions have a voxel; "
                         "use 96 or more")
    scale = (n_voxels / _FULL_VOXELS) ** (1 / 3)
    shape = tuple(max(low, round(full * scale)) for full, low in zip(_FULL_SHAPE, (12, 14, 12)))
    radius, angle, around, right = _sphere(shape)
    inside, ribbon = radius <= 1, (radius <= 1) & (radius > 0.72)
    chosen = np.zeros(shape, bool)
    for side, count in ((False, n_voxels // 2), (True, n_voxels - n_voxels // 2)):
        flat = np.flatnonzero(ribbon & (right == side))
        chosen.flat[flat[np.argsort(angle.flat[flat], kind="stable")[:count]]] = True
    front = np.nonzero(chosen)[1].max() + 1
    visible = np.arange(shape[1])[None, :, None] <= front
    coords = np.argwhere(chosen.T)[:, ::-1]
    at = tuple(coords.T)
    rng = np.random.default_rng([seed, 11])
    names, along = _name_regions(angle[at], around[at], right[at])
    centre, width = _receptive_fields(rng, names, along, right[at])
    return Cortex(shape, inside & visible, ribbon & visible, right, coords, _to_labels(names, right[at]), centre, width)


def _sphere(shape) -> tuple[np.ndarray, ...]:
    """For each voxel: radius in its hemisphere's ellipsoid, angle from the occipital pole, angle around it, right."""
    x, y, z = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    right = x > 0
    half = shape[0] / 4
    u = (np.abs(x) - half) / (half * 0.96)                      # outward
    v, w = y / (shape[1] / 2 * 0.94), z / (shape[2] / 2 * 0.92)   # frontward, upward
    radius = np.sqrt(u**2 + v**2 + w**2)
    return radius, np.arccos(np.clip(-v / np.maximum(radius, 1e-9), -1, 1)), np.arctan2(w, u), right


def _name_regions(angle, around, right) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Label names per voxel in each layer (visual area, stream, localiser), and its place in its area (0..1)."""
    n = len(angle)
    names = {layer: np.full(n, "", "U12") for layer in ("area", "stream", "floc")}
    along = np.full((n, 2), 0.5)
    for side in (False, True):
        mine = np.flatnonzero(right == side)
        mine = mine[np.argsort(angle[mine], kind="stable")]
        at = 0
        for area, share in _EARLY.items():
            band = mine[at:(at := at + round(share * len(mine)))]
            names["stream"][band] = "early"
            band = band[np.argsort(around[band], kind="stable")]      # from below to above
            along[band, 0] = np.linspace(0, 1, len(band))
            along[band, 1] = _rank(angle[band])
            if area:
                lower = round(_VENTRAL_SHARE[area] * len(band))
                names["area"][band[:lower]], names["area"][band[lower:]] = area + "v", area + "d"
        # medial below, outward, above: the angle runs once around the pole from the lower midline
        rest = mine[at:][np.argsort((around[mine[at:]] + np.pi * 0.75) % (2 * np.pi), kind="stable")]
        total, at = sum(s for s, _, _ in _SECTORS.values()), 0
        for sector, (share, near, near_share) in _SECTORS.items():
            part = rest[at:] if sector == "parietal" else rest[at:at + round(share / total * len(rest))]
            at += len(part)
            part = part[np.argsort(angle[part], kind="stable")]
            cut = round(near_share / share * len(part))
            names["stream"][part[:cut]], names["stream"][part[cut:]] = near, sector
            along[part, 0], along[part, 1] = _rank(around[part]), _rank(angle[part])
            if near == "midventral":
                names["area"][part[:round(0.9 * cut)]] = "hV4"
            _name_localisers(names["floc"], part[cut:], sector, len(mine))
    return names, along


def _name_localisers(floc: np.ndarray, part: np.ndarray, sector: str, n_side: int) -> None:
    """Patches one behind the other along a sector, each at least one voxel, with unlabelled cortex between them."""
    at, gap = 0, max(0, (len(part) - round(n_side * sum(s for _, s in _FLOC[sector])))) // (len(_FLOC[sector]) + 1)
    for label, share in _FLOC[sector]:
        at += gap
        size = max(1, round(share * n_side))
        floc[part[at:at + size]] = label
        at += size


def _rank(values: np.ndarray) -> np.ndarray:
    """Ranks scaled to 0..1."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(1, len(values) - 1)


def _receptive_fields(rng, names, along, right) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of each voxel's receptive field: each hemisphere represents the other half of the picture.

    Ventral parts of V1 to V3 represent the upper field, dorsal ones the lower; fields grow with eccentricity and from V1 on.
    """
    area, stream = names["area"], names["stream"]
    eccentricity = 0.05 + 0.85 * along[:, 1] ** 1.3
    lift = (0.5 - along[:, 0]) * np.pi * 0.95                # + above, - below the horizontal midline
    x, y = eccentricity * np.cos(lift), -eccentricity * np.sin(lift)
    centre = np.stack([np.where(right, -x, x), y], 1) + rng.normal(0, 0.04, (len(x), 2))
    growth = np.full(len(x), 0.30)
    for prefix, size in (("V1", 0.07), ("V2", 0.10), ("V3", 0.14), ("hV4", 0.21)):
        growth[np.char.startswith(area, prefix)] = size
    growth[(stream == "early") & (area == "")] = 0.14
    growth[np.isin(stream, ("ventral", "lateral", "parietal"))] = 0.45
    width = growth * (0.6 + 0.8 * eccentricity) * np.exp(rng.normal(0, 0.15, len(x)))
    return np.clip(centre, -1, 1).astype(np.float32), width.astype(np.float32)


def _to_labels(names: dict[str, np.ndarray], right: np.ndarray) -> dict[str, np.ndarray]:
    """Label ids per atlas; some labels exist in one hemisphere only, as in most people."""
    labels = {}
    for atlas, known in ATLASES.items():
        layer = names[{"prf-visualrois": "area", "streams": "stream"}.get(atlas, "floc")]
        labels[atlas] = np.zeros(len(right), np.int16)
        for number, name in enumerate(known, 1):
            here = layer == name
            if name in _ONE_SIDED:
                here &= right == (_ONE_SIDED[name] == "rh")
            labels[atlas][here] = number
    return labels
