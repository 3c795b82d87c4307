"""sheet: every tile is where the page will look for it."""

import io

import numpy as np
import pytest
from PIL import Image

from mindreader.core import sheet


def test_tiles_stand_in_lines_and_columns(rng):
    tones = rng.integers(0, 255, (5, len(sheet.TILES), 3), dtype=np.uint8)
    lines = np.broadcast_to(tones[:, :, None, None], (5, len(sheet.TILES), sheet.TILE, sheet.TILE, 3))
    found = np.asarray(Image.open(io.BytesIO(sheet.jpeg(lines))).convert("RGB"), int)
    assert found.shape == (5 * sheet.TILE, len(sheet.TILES) * sheet.TILE, 3)
    centres = found[sheet.TILE // 2::sheet.TILE, sheet.TILE // 2::sheet.TILE]
    assert abs(centres - tones.astype(int)).max() <= 6


def test_pictures_of_another_size_become_tiles_and_of_the_same_stay(rng):
    large = rng.integers(0, 255, (2, 1, 1, 3), dtype=np.uint8).repeat(128, 1).repeat(128, 2)
    small = sheet.tiles(large)
    assert small.shape == (2, sheet.TILE, sheet.TILE, 3) and (small == large[:, :64, :64]).all()
    assert sheet.tiles(small) is small
    with pytest.raises(ValueError, match=r"tiles of shape \(128, 128, 3\), expected uint8 of \(64, 64, 3\)"):
        sheet.jpeg(large[:, None])
