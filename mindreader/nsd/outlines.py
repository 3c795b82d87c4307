"""Read the segmentation masks of things and stuff of COCO pictures, cropped as shown in NSD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..records import LayoutError
from .annotations import CATEGORIES, WHOLE_PICTURE, category_names, category_of, image_sizes, run_lengths, whole
from .segmentation import Crop, decode, kept_area
from .streaming import short, stream_records

__all__ = ["Outline", "read_outlines"]


class Outline(NamedTuple):
    """One annotation: COCO's id and name of the class, "thing" or "stuff", and its mask.

    mask  (size, size) bool
    """

    category_id: int
    category: str
    kind: str
    mask: np.ndarray


def read_outlines(folder: Path, coco_ids: dict[str, np.ndarray], *, size: int,
                  crops: dict[int, Crop] | None = None) -> dict[int, list[Outline]]:
    """Read the outlines of COCO pictures: stuff first, then things, each from the largest to the smallest.

    Parameters
    ----------
    folder : Path
        Holds `instances_<part>.json` and `stuff_<part>.json`.
    coco_ids : dict
        Which pictures of each part of COCO, e.g. {"train2017": array of COCO ids}.
    size : int
        Side of the masks in pixels.
    crops : dict, optional
        COCO id -> (top, bottom, left, right), the fractions of the picture that NSD cut away.

    Returns
    -------
    dict of COCO id to list of Outline
        An empty list where nothing was annotated.

    Raises
    ------
    LayoutError
        A file is missing or damaged.
    """
    found: dict[int, list[Outline]] = {int(i): [] for ids in coco_ids.values() for i in ids}
    for part, ids in coco_ids.items():
        wanted = set(np.asarray(ids).tolist())
        for kind in ("stuff", "thing"):
            path = Path(os.path.expanduser(folder)) / f"{CATEGORIES[kind][0]}_{part}.json"
            names, sizes = category_names(path, kind), image_sizes(path, wanted)
            mine = [r for r in stream_records(path, "annotations")
                    if whole(r, "image_id", path) in wanted and category_of(r, names, path) is not None]
            for r in sorted(mine, key=lambda r: -_area(r, path)):
                image = whole(r, "image_id", path)
                mask = _cropped(decode(run_lengths(r, sizes, path)), size, (crops or {}).get(image, WHOLE_PICTURE))
                if mask.any():
                    found[image].append(Outline(whole(r, "category_id", path), category_of(r, names, path), kind, mask))
    return found


def _area(record: dict, path: Path) -> float:
    """The area that the file gives an annotation."""
    area = record.get("area")
    if type(area) not in (int, float):
        raise LayoutError(f"{path} has an annotation ({short(record.get('id'))}) of area {short(area)}, expected a number of "
                          "pixels; get the file again")
    return area


def _cropped(mask: np.ndarray, size: int, crop: Crop) -> np.ndarray:
    """Crop a mask and resize it to the picture; a pixel counts where at least half covered."""
    kept = mask[kept_area(crop, *mask.shape)]
    small = Image.fromarray(kept.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small) >= 128
