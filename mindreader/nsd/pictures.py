"""Read the pictures that were shown."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from ..records import LayoutError
from .reading import dataset, is_written, open_hdf5

__all__ = ["read_pictures"]

_LARGEST = 4096     # side in pixels; NSD's pictures have 425


def read_pictures(path: Path, ids: np.ndarray, size: int) -> np.ndarray:
    """Read rows of nsd_stimuli.hdf5 as pictures, (n, size, size, 3) uint8, resized by Pillow's bicubic filter.

    Raises LayoutError for a damaged file, another shape, values that are no colours, or pictures that were never written.
    """
    order = np.argsort(ids)
    out = np.empty((len(ids), size, size, 3), np.uint8)
    with open_hdf5(path, "its dataset imgBrick") as file:
        brick = dataset(file, "imgBrick", path)
        if brick.ndim != 4 or brick.shape[3] != 3 or not 1 <= brick.shape[1] == brick.shape[2] <= _LARGEST:
            raise LayoutError(f"{path} holds pictures of shape {brick.shape}, expected (n, 425, 425, 3), colours last; take "
                              "NSD's own file")
        if len(brick) <= np.max(ids):
            raise LayoutError(f"{path} has {len(brick)} pictures, but picture {np.max(ids)} (counted from 0) was "
                              "shown; expected 1-based ids in nsd_expdesign.mat; get both from one release")
        steps = [range(0, n, c) for n, c in zip(brick.shape[1:], (brick.chunks or brick.shape)[1:])]
        written = is_written(brick, np.array(list(product(np.sort(ids), *steps))), first=0).all()
        whole = brick[np.sort(ids)]
    if not written or not whole.any():
        raise LayoutError(f"{path} holds nothing for pictures between {np.min(ids)} and {np.max(ids)}, expected each that was "
                          "shown; a copy that broke off leaves such files, so download it again")
    if whole.dtype != np.uint8:
        if not ((whole >= 0) & (whole <= 255) & (whole == np.rint(whole))).all():
            raise LayoutError(f"{path} holds {whole.dtype} from {whole.min():g} to {whole.max():g}, expected whole numbers from "
                              "0 to 255; take NSD's own file")
        whole = whole.astype(np.uint8)
    for row, picture in zip(order, whole):
        out[row] = picture if picture.shape[:2] == (size, size) else Image.fromarray(picture).resize(
            (size, size), Image.Resampling.BICUBIC)
    return out
