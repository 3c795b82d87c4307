"""Tile many small pictures onto one sheet, which a page cuts up again for readers to browse."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

TILE = 64  # height and width of each picture on the sheet, pixels
TILES = ("seen", "image head", "caption head", "both heads", "true embedding", "nearest training picture")
QUALITY = 75  # of the JPEG: above it the file grows, and nobody sees why


def tiles(images: np.ndarray) -> np.ndarray:
    """Pictures (n, height, width, 3) uint8 at the size of a tile, (n, TILE, TILE, 3)."""
    from PIL import Image

    if images.shape[1:3] == (TILE, TILE):
        return images
    return np.stack([np.asarray(Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS)) for image in images])


def jpeg(lines: np.ndarray) -> bytes:
    """The sheet as a JPEG, a line for each picture: lines (n, n_columns, TILE, TILE, 3) uint8."""
    from PIL import Image

    n, columns, size = lines.shape[:3]
    if lines.dtype != np.uint8 or lines.shape[2:] != (TILE, TILE, 3):
        raise ValueError(f"got {lines.dtype} tiles of shape {lines.shape[2:]}, expected uint8 of ({TILE}, {TILE}, 3); use "
                         "`tiles` on pictures of another size")
    out = io.BytesIO()
    sheet = Image.fromarray(lines.transpose(0, 2, 1, 3, 4).reshape(n * size, columns * size, 3))
    sheet.save(out, format="jpeg", quality=QUALITY, optimize=True)
    return out.getvalue()


def save_columns(columns: list[np.ndarray], path: Path, zoom: int = 2) -> None:
    """Write a PNG of columns of pictures side by side, each (n, height, width, 3) uint8, enlarged `zoom` times."""
    from PIL import Image

    grid = np.concatenate([np.concatenate(list(column), 0) for column in columns], 1)
    big = Image.fromarray(grid).resize((grid.shape[1] * zoom, grid.shape[0] * zoom), Image.Resampling.NEAREST)
    big.save(path, format="png")
