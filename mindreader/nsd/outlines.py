"""Read the segmentation masks of things and stuff of COCO pictures, cropped as shown in NSD."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from .annotations import stream_records

__all__ = ["Outline", "read_outlines"]

_OTHER = 183   # in the stuff files the union of all things, and no class


class Outline(NamedTuple):
    """One annotation: COCO's id and name of the class, "thing" or "stuff", and its mask.

    mask  (size, size) bool
    """

    category_id: int
    category: str
    kind: str
    mask: np.ndarray


def read_outlines(folder: Path, coco_ids: dict[str, np.ndarray], *, size: int,
                  crops: dict[int, tuple] | None = None) -> dict[int, list[Outline]]:
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
        for kind, stem in (("stuff", "stuff"), ("thing", "instances")):
            path = Path(folder) / f"{stem}_{part}.json"
            names = {r["id"]: r["name"] for r in stream_records(path, "categories")}
            sizes = {r["id"]: (r["height"], r["width"]) for r in stream_records(path, "images") if r["id"] in wanted}
            mine = [r for r in stream_records(path, "annotations")
                    if r["image_id"] in wanted and r["category_id"] != _OTHER]
            for r in sorted(mine, key=lambda r: -r["area"]):
                image = r["image_id"]
                mask = _cropped(_decoded(r["segmentation"], *sizes[image]), size, (crops or {}).get(image, (0, 0, 0, 0)))
                if mask.any():
                    found[image].append(Outline(r["category_id"], names[r["category_id"]], kind, mask))
    return found


def _decoded(segmentation, height: int, width: int) -> np.ndarray:
    """Any of COCO's three forms (polygons, run lengths as numbers or as a string) as a mask, (height, width) uint8."""
    if isinstance(segmentation, list):
        code = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        code = coco_mask.frPyObjects(segmentation, height, width)
    else:
        code = segmentation
    return coco_mask.decode(code)


def _cropped(mask: np.ndarray, size: int, crop: tuple[float, float, float, float]) -> np.ndarray:
    """Crop a mask and resize it to the picture; a pixel counts where at least half covered."""
    height, width = mask.shape
    top, bottom, left, right = crop
    kept = mask[round(top * height):round((1 - bottom) * height), round(left * width):round((1 - right) * width)]
    small = Image.fromarray(kept.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small) >= 128
