"""Decode the segmentations of COCO, and tell what NSD's crop leaves of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from pycocotools import mask as coco_mask

__all__ = ["Crop", "decode", "encode", "is_within", "kept_area"]

Crop = tuple[float, float, float, float]   # fractions of a picture cut away at the top, bottom, left and right

# pycocotools reads and writes beyond its memory where run lengths or corners do not fit the picture; so they are checked here.
_MOST_PIXELS = 1 << 26


def kept_area(crop: Crop, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a COCO picture that NSD shows: each side loses its fraction, rounded to whole pixels.

    Source: NSD Data Manual, cropBox.
    """
    top, bottom, left, right = crop
    return (slice(round(top * height), height - round(bottom * height)),
            slice(round(left * width), width - round(right * width)))


def encode(segmentation, height: int, width: int) -> dict:
    """Turn any of COCO's three forms (polygons, run lengths as numbers or as a string) into pycocotools' run lengths.

    A polygon of fewer than three corners covers no pixel, and neither does an empty list; COCO has both.

    Raises ValueError, which says what is wrong, for anything else.
    """
    if not (0 < height and 0 < width and height * width <= _MOST_PIXELS):
        raise ValueError(f"a picture of {width} x {height} pixels")
    if isinstance(segmentation, list):
        corners = [polygon for polygon in map(_corners, segmentation) if len(polygon) >= 6]
        furthest = 2 * max(height, width)
        if any(np.abs(polygon).max() > furthest for polygon in corners):
            raise ValueError(f"a polygon with a corner beyond {furthest} pixels")
        return coco_mask.merge(coco_mask.frPyObjects([c.tolist() for c in corners], height, width)) if corners else \
            _code(np.array([height * width]), height, width)
    if not isinstance(segmentation, dict) or not {"counts", "size"} <= segmentation.keys():
        raise ValueError("a segmentation that is neither polygons nor run lengths")
    if segmentation["size"] != [height, width]:
        raise ValueError(f"run lengths for height and width {segmentation['size']} in a picture of {[height, width]}")
    counts = segmentation["counts"]
    runs = _runs(counts) if isinstance(counts, str) else _numbers(counts, "run lengths")
    if runs.dtype.kind not in "iu" or (runs < 0).any() or runs.astype(float).sum() != height * width:
        raise ValueError(f"run lengths that do not add up to the picture's {height * width} pixels")
    return {"counts": counts.encode(), "size": [height, width]} if isinstance(counts, str) else _code(runs, height, width)


def decode(code: dict) -> np.ndarray:
    """The mask of pycocotools' run lengths, (height, width) uint8."""
    return coco_mask.decode([code])[..., 0]


def is_within(code: dict, crop: Crop) -> bool:
    """Whether any pixel of a mask is within what the crop leaves; found from run lengths, without decoding them."""
    return bool(coco_mask.area(coco_mask.merge([code, _kept_code(crop, *code["size"])], intersect=True)))


@lru_cache(maxsize=256)
def _kept_code(crop: Crop, height: int, width: int) -> dict:
    """Run lengths of the kept area."""
    mask = np.zeros((height, width), np.uint8, order="F")
    mask[kept_area(crop, height, width)] = 1
    return coco_mask.encode(mask)


def _code(runs: np.ndarray, height: int, width: int) -> dict:
    return coco_mask.frPyObjects({"counts": runs.tolist(), "size": [height, width]}, height, width)


def _corners(polygon) -> np.ndarray:
    """x0, y0, x1, y1 ... of a polygon."""
    corners = _numbers(polygon, "a polygon").astype(float)
    if len(corners) % 2 or not np.isfinite(corners).all():
        raise ValueError(f"a polygon of {len(corners)} numbers that are not all finite and in pairs")
    return corners


def _numbers(values, what: str) -> np.ndarray:
    """A list of numbers as an array."""
    if not isinstance(values, list) or not all(type(v) in (int, float) for v in values):
        raise ValueError(f"{what} that are no list of numbers")
    try:
        return np.array(values) if values else np.empty(0)
    except (OverflowError, ValueError) as problem:
        raise ValueError(f"{what} with numbers out of range") from problem


def _runs(text: str) -> np.ndarray:
    """Run lengths from COCO's string: five bits a character, lowest first, each after the third less the last but one."""
    codes = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) - 48
    more = codes & 32 > 0
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or more[-1]:
        raise ValueError("a string that holds no run lengths")
    begins = np.flatnonzero(np.r_[True, ~more[:-1]])
    lengths = np.diff(np.r_[begins, len(codes)])
    if lengths.max() > 7:
        raise ValueError("a string whose run lengths are out of range")
    places = np.arange(len(codes)) - np.repeat(begins, lengths)
    runs = np.add.reduceat((codes & 31) << 5 * places, begins)
    negative = codes[begins + lengths - 1] & 16 > 0
    runs -= np.where(negative, 1 << 5 * lengths, 0)
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs
