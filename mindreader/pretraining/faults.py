"""Put faults into real pictures, so that a network can be trained to see where something is out of place.

None of them is a damage of the exam (`evaluation.damages`): the exam must ask what the network was not shown.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CHANGED = 0.06   # of the range from -1 to 1, mean over colours: a pixel that differs by more is out of place
KINDS = ("foreign", "warped", "coarse", "turned", "toned")


def with_faults(pictures: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures with one kind of fault each, in a stretch or everywhere, and where they differ: N3HW -> N3HW, (N, H/2, W/2) bool.

    "foreign": a stretch of the next picture; "warped": pixels moved smoothly; "coarse": fewer pixels; "turned": squares turned
    or flipped; "toned": other colours and contrast.
    """
    kinds = rng.integers(0, len(KINDS), len(pictures))
    changed = pictures.clone()
    for number, make in enumerate((_foreign, _warped, _coarse, _turned, _toned)):
        rows = np.flatnonzero(kinds == number)
        if len(rows):
            changed[rows] = make(pictures, rows, rng)
    everywhere = torch.from_numpy(rng.random(len(pictures)) < 0.25)
    everywhere &= torch.from_numpy(kinds != KINDS.index("foreign"))
    stretch = _blobs(len(pictures), pictures.shape[2], rng)
    stretch[everywhere] = 1
    faulty = pictures + (changed - pictures) * stretch
    differs = F.avg_pool2d((faulty - pictures).abs().mean(1, keepdim=True), 2)
    return faulty, F.max_pool2d(differs, 3, 1, 1)[:, 0] > CHANGED


# ── kinds ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _foreign(pictures: Tensor, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    return pictures[(rows + 1) % len(pictures)]


def _warped(pictures: Tensor, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    n, size = len(rows), pictures.shape[2]
    cells = int(rng.integers(4, 12))
    push = torch.from_numpy(rng.standard_normal((n, 2, cells, cells), dtype=np.float32))
    push = F.interpolate(push, (size, size), mode="bicubic", align_corners=False)
    px = torch.from_numpy(rng.uniform(1.5, 4, (n, 1, 1, 1)).astype(np.float32))
    still = torch.eye(2, 3).expand(n, 2, 3)
    grid = F.affine_grid(still, [n, 3, size, size], align_corners=False) + (push * px * 2 / size).permute(0, 2, 3, 1)
    return F.grid_sample(pictures[rows], grid, padding_mode="reflection", align_corners=False)


def _coarse(pictures: Tensor, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    factor = int(rng.choice((2, 4, 8)))
    small = F.avg_pool2d(pictures[rows], factor)
    how = {"mode": "nearest"} if rng.random() < 0.5 else {"mode": "bilinear", "align_corners": False}
    return F.interpolate(small, scale_factor=factor, **how)


def _turned(pictures: Tensor, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    side = int(rng.choice((8, 16, 32)))
    n, _, size, _ = pictures[rows].shape
    squares = pictures[rows].unfold(2, side, side).unfold(3, side, side)           # N 3 rows columns side side
    turned = torch.rot90(squares, int(rng.integers(1, 4)), (4, 5)) if rng.random() < 0.7 else squares.flip(4)
    return turned.permute(0, 1, 2, 4, 3, 5).reshape(n, 3, size, size)


def _toned(pictures: Tensor, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    light = (pictures[rows] + 1) / 2
    power = torch.from_numpy(np.exp(rng.uniform(0.25, 0.8, (len(rows), 1, 1, 1)) * rng.choice((-1, 1))).astype(np.float32))
    light = light.clamp(1e-3, 1) ** power
    if rng.random() < 0.4:
        light = light[:, torch.from_numpy(rng.permutation(3))]
    return light * 2 - 1


def _blobs(n: int, size: int, rng: np.random.Generator) -> Tensor:
    """Soft stretches of a picture, 1 inside and 0 outside, (n, 1, size, size): smooth noise beyond a level."""
    noise = torch.from_numpy(rng.standard_normal((n, 1, 6, 6), dtype=np.float32))
    noise = F.interpolate(noise, (size, size), mode="bicubic", align_corners=False)
    level = torch.from_numpy(rng.uniform(0.3, 1.1, (n, 1, 1, 1)).astype(np.float32))
    return ((noise - level) * 6 + 0.5).clamp(0, 1)
