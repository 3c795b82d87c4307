"""Damage pictures in eight ways at four graded strengths each, to examine scores of naturalness.

How soon a person sees each is written down in `placements.csv`, beside this module, and was so before any score was asked.
They were placed by looking at rows of 8 to 12 unselected pictures at each strength, enlarged two or three times, and at a sheet of
24 real ones. The question is asked as of generated pictures, which have no original beside them, of a sheet of 64:

    invisible     the sheet cannot be told from a real one
    second look   it can, by looking for what is wrong in single pictures
    at once       nobody would take it for a sheet of real ones
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from torch.nn import functional as F

SEEN = ("invisible", "second look", "at once")   # how soon a person sees a damage
N_STRENGTHS = 4
LEAST = 100     # pixels of the largest thing; parts of smaller ones are too few to be taken away


def damaged(pictures: np.ndarray, things: np.ndarray, damage: str, strength: int, *, seed: int = 0) -> np.ndarray:
    """The pictures with one damage, each in its own way; the same for the same seed, whatever the strength.

    Parameters
    ----------
    pictures : uint8 array (n, size, size, 3)
    things : bool array (n, size, size)
        The visible part of one thing in each, at least one pixel; parts of it are taken away, doubled, or merged with those of
        the next picture's.
    damage : str
        One of `DAMAGES`.
    strength : int
        1 to 4; what it means is said with each damage.
    seed : int

    Returns
    -------
    uint8 array (n, size, size, 3)
    """
    if damage not in DAMAGES or strength not in range(1, N_STRENGTHS + 1):
        raise ValueError(f"got damage {damage!r} of strength {strength}, expected one of "
                         f"{', '.join(DAMAGES)}, and 1 to {N_STRENGTHS}")
    if len(pictures) != len(things) or not things.any((1, 2)).all():
        raise ValueError(f"got {len(pictures)} pictures and {len(things)} masks, {int((~things.any((1, 2))).sum())} of them "
                         "empty; expected the mask of a visible thing for each picture")
    make, strengths = DAMAGES[damage]
    rng = np.random.default_rng([seed, list(DAMAGES).index(damage)])
    return make(np.asarray(pictures), np.asarray(things), strengths[strength - 1], rng)


def placements() -> pd.DataFrame:
    """Where a person places each damage at each strength: table damage, strength, amount, seen, why."""
    return pd.read_csv(Path(__file__).with_name("placements.csv"))


def largest_things(things: Sequence[np.ndarray]) -> np.ndarray:
    """The largest of the masks (n_things, size, size) of each picture, (n, size, size) bool; empty where it is too small."""
    found = [masks[masks.sum((1, 2)).argmax()] if len(masks) else np.zeros(masks.shape[1:], bool) for masks in things]
    return np.stack([mask if mask.sum() >= LEAST else np.zeros_like(mask) for mask in found])


# ── of the whole picture ───────────────────────────────────────────────────────────────────────────────────────────────
def _blur(pictures, things, sd_px: float, rng) -> np.ndarray:
    """Gaussian blur; its standard deviation in pixels."""
    return _pixels(ndimage.gaussian_filter(pictures.astype(np.float32), (0, sd_px, sd_px, 0), mode="nearest"))


def _shuffle(pictures, things, share: float, rng, tile_px: int = 2) -> np.ndarray:
    """Tiles of 2 x 2 pixels exchanged with a neighbour; the share of tiles."""
    n, size = pictures.shape[:2]
    tiles = pictures.reshape(n, size // tile_px, tile_px, size // tile_px, tile_px, 3).transpose(0, 1, 3, 2, 4, 5)
    out = tiles.copy()
    for k, (draw, upright) in enumerate(zip(rng.random((n, size // tile_px, size // tile_px // 2)), rng.random(n) < 0.5)):
        here, back = (tiles[k].swapaxes(0, 1), out[k].swapaxes(0, 1)) if upright else (tiles[k], out[k])
        left, right = here[:, 0::2], here[:, 1::2]
        swap = (draw < share)[..., None, None, None]
        back[:, 0::2], back[:, 1::2] = np.where(swap, right, left), np.where(swap, left, right)
    return np.ascontiguousarray(out.transpose(0, 1, 3, 2, 4, 5).reshape(pictures.shape))


def _smear(pictures, things, length_px: float, rng, n_samples: int = 9) -> np.ndarray:
    """Every pixel averaged along a direction that turns smoothly over the picture; over how many pixels."""
    n, size = pictures.shape[:2]
    turns = torch.from_numpy(rng.standard_normal((n, 2, 4, 4), dtype=np.float32))
    along = F.normalize(F.interpolate(turns, (size, size), mode="bicubic", align_corners=False), dim=1).permute(0, 2, 3, 1)
    still = F.affine_grid(torch.eye(2, 3).expand(n, 2, 3), [n, 3, size, size], align_corners=False)
    x = torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2)
    steps = np.linspace(-0.5, 0.5, n_samples) * length_px * 2 / size
    total = sum(F.grid_sample(x, still + float(s) * along, padding_mode="border", align_corners=False) for s in steps)
    return _pixels((total / n_samples).permute(0, 2, 3, 1).numpy())


def _colour_shift(pictures, things, levels: float, rng) -> np.ndarray:
    """All colours moved alike in a random direction that leaves the brightness; by how many of 255 levels."""
    way = rng.standard_normal((len(pictures), 1, 1, 3))
    way -= way.mean(-1, keepdims=True)
    return _pixels(pictures + levels * way / np.linalg.norm(way, axis=-1, keepdims=True))


def _grain(pictures, things, sd: float, rng) -> np.ndarray:
    """Independent normal noise; its standard deviation in levels of 255."""
    return _pixels(pictures + sd * rng.standard_normal(pictures.shape, dtype=np.float32))


# ── of a thing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _missing(pictures, things, share: float, rng) -> np.ndarray:
    """A part of the thing replaced by what surrounds the thing; the share of its area."""
    out = pictures.copy()
    for picture, mask, centre in zip(out, things, rng.random(len(things))):
        part = _part(mask, share, centre)
        around = ~ndimage.binary_dilation(mask, iterations=2)
        nearest = ndimage.distance_transform_edt(~around, return_distances=False, return_indices=True)
        filled = ndimage.uniform_filter(picture[tuple(nearest)].astype(np.float32), (3, 3, 0))
        picture[part] = _pixels(filled)[part]
    return out


def _doubled(pictures, things, share: float, rng) -> np.ndarray:
    """A part of the thing once more, right beside where it is; the share of the thing's area."""
    out = pictures.copy()
    for picture, mask, centre, side in zip(out, things, rng.random(len(things)), rng.choice((-1, 1), len(things))):
        part = _part(mask, share, centre)
        rows, columns = np.nonzero(part)
        width, size = columns.max() - columns.min() + 1, mask.shape[1]
        if not 0 <= columns.mean() + side * width < size:
            side = -side
        moved = columns + side * width
        inside = (moved >= 0) & (moved < size)
        picture[rows[inside], moved[inside]] = picture[rows[inside], columns[inside]].copy()
    return out


def _merged(pictures, things, share: float, rng) -> np.ndarray:
    """A part of the thing replaced by the next picture's thing, laid upon it; the share of its area."""
    out = pictures.copy()
    for k, centre in enumerate(rng.random(len(things))):
        other = (k + 1) % len(things)
        part = _part(things[k], share, centre)
        rows, columns = np.nonzero(part)
        offset = np.round(np.argwhere(things[other]).mean(0) - np.argwhere(things[k]).mean(0)).astype(int)
        there = np.clip(rows + offset[0], 0, part.shape[0] - 1), np.clip(columns + offset[1], 0, part.shape[1] - 1)
        nearest = ndimage.distance_transform_edt(~things[other], return_distances=False, return_indices=True)
        out[k][rows, columns] = pictures[other][nearest[0][there], nearest[1][there]]
    return out


def _part(mask: np.ndarray, share: float, centre: float) -> np.ndarray:
    """The pixels of a mask nearest to one of them, as many as the share says (at least one); centre: which, 0 to 1."""
    places = np.argwhere(mask)
    distance = ((places - places[int(centre * len(places))]) ** 2).sum(1)
    chosen = places[np.argsort(distance, kind="stable")[:max(1, round(share * len(places)))]]
    part = np.zeros_like(mask)
    part[tuple(chosen.T)] = True
    return part


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# name -> what makes it, and the amounts that strengths 1 to 4 stand for
DAMAGES: dict[str, tuple[Callable, tuple[float, float, float, float]]] = {
    "blur": (_blur, (0.35, 0.45, 0.7, 1.4)),
    "local shuffle": (_shuffle, (0.004, 0.04, 0.25, 1.0)),
    "smear": (_smear, (0.6, 1.2, 3.0, 7.0)),
    "colour shift": (_colour_shift, (3.0, 8.0, 25.0, 60.0)),
    "grain": (_grain, (1.0, 3.0, 8.0, 20.0)),
    "part missing": (_missing, (0.01, 0.06, 0.2, 0.45)),
    "part doubled": (_doubled, (0.01, 0.06, 0.2, 0.45)),
    "things merged": (_merged, (0.01, 0.06, 0.2, 0.45)),
}
