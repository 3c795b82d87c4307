"""Read the human captions and object classes of COCO pictures."""

from __future__ import annotations

import logging
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..records import LayoutError
from .segmentation import Crop, encode, is_within
from .streaming import short, stream_records

__all__ = ["CATEGORIES", "category_names", "class_files", "CocoPictures", "coco_pictures", "image_sizes", "read_captions",
           "read_classes", "run_lengths", "whole"]

_LOG = logging.getLogger(__name__)
WHOLE_PICTURE: Crop = (0, 0, 0, 0)
# kind -> start of the file's name, ids of its classes. 80 things have ids up to 90, 91 stuff classes 92 to 182; 183 is
# "other" in the stuff files, the union of all things, and no class.
CATEGORIES = {"thing": ("instances", range(1, 91)), "stuff": ("stuff", range(92, 183))}


class CocoPictures(NamedTuple):
    """The COCO pictures of some NSD pictures, each at most once.

    ids       part of COCO ("train2017", "val2017") -> COCO ids
    crops     COCO id -> what NSD cut away
    image_id  NSD's image id by COCO id
    """

    ids: dict[str, np.ndarray]
    crops: dict[int, tuple[float, float, float, float]]
    image_id: pd.Series


def coco_pictures(info: pd.DataFrame, path: Path) -> Iterator[CocoPictures]:
    """Group NSD pictures so that a COCO id is enough to tell those of a group apart.

    NSD has each COCO picture once, and then there is one group. Another table may have a picture twice, with two crops, or
    one id in both parts of COCO: joining these by the COCO id alone would give each the other's captions and classes.

    Parameters
    ----------
    info : DataFrame, index image id
        Rows of nsd_stim_info_merged.csv, with cocoId, cocoSplit and cropBox.
    path : Path
        Where they are from, for the message.

    Raises LayoutError for a crop that is none.
    """
    crops = pd.Series([_crop(box, image, path) for image, box in info.cropBox.items()], index=info.index, dtype=object)
    coco = info.cocoId.astype(np.int64)
    for _, rows in info.groupby(coco.groupby(coco).cumcount()):
        ids = coco.loc[rows.index]
        yield CocoPictures({part: ids[rows.cocoSplit == part].to_numpy() for part in rows.cocoSplit.unique()},
                           dict(zip(ids.tolist(), crops.loc[rows.index])), pd.Series(rows.index, index=ids))


def class_files(folder: Path, parts) -> list[Path]:
    """The files that `read_classes` reads for these parts of COCO."""
    return [Path(folder) / f"{stem}_{part}.json" for stem, _ in CATEGORIES.values() for part in parts]


def read_captions(folder: Path, coco_ids: dict[str, np.ndarray]) -> pd.DataFrame:
    """Read the captions of COCO pictures, with white space normalised.

    A caption is known by its picture and its id: files of other makers count the captions of each picture from 0. The same
    record twice counts once.

    Parameters
    ----------
    folder : Path
        Holds `captions_train2017.json` and `captions_val2017.json`, those that are asked for.
    coco_ids : dict
        Which pictures of each part of COCO, e.g. {"train2017": array of COCO ids}; no id in two parts.

    Returns
    -------
    DataFrame with columns coco_id, caption_id, caption
        Every picture has at least one row; COCO gives 5 to 7. (coco_id, caption_id) is unique.

    Raises
    ------
    LayoutError
        A file is missing or damaged, a picture has no caption, a caption is no text, or two captions of a picture one id. A caption
        without a word is left out with a warning: in a hundred thousand lines typed by many people one may be blank.
    """
    found: dict[tuple[int, int], str] = {}
    for part, ids in coco_ids.items():
        path, wanted = Path(folder) / f"captions_{part}.json", set(np.asarray(ids).tolist())
        lacking = set(wanted)
        for record in stream_records(path, "annotations"):
            if (image := whole(record, "image_id", path)) not in wanted:
                continue
            number, text = whole(record, "id", path), record.get("caption")
            if not isinstance(text, str):
                raise LayoutError(f"{path} has {short(record.get('caption'))} as caption {number} of picture {image}, "
                                  "expected a sentence; get the file again")
            if not (text := " ".join(text.split())):
                _LOG.warning("%s has no text as caption %d of picture %d; it is left out", path, number, image)
                continue
            if found.setdefault((image, number), text) != text:
                raise LayoutError(f"{path} has two captions of picture {image} with the id {number}, expected an id for "
                                  "each; get the file again")
            lacking.discard(image)
        if lacking:
            raise LayoutError(f"COCO picture {min(lacking)} has no caption in {path} ({len(lacking)} of {len(wanted)} "
                              "have none), expected at least one for each; get the full COCO 2017 captions file")
    table = pd.DataFrame([(*key, text) for key, text in found.items()], columns=["coco_id", "caption_id", "caption"])
    return table.astype({"coco_id": np.int64, "caption_id": np.int64})


def read_classes(folder: Path, coco_ids: dict[str, np.ndarray], crops: dict[int, Crop] | None = None) -> pd.DataFrame:
    """Read which of the 80 things and 91 stuff classes are present in COCO pictures.

    Parameters
    ----------
    folder : Path
        Holds `instances_<part>.json` and `stuff_<part>.json`.
    coco_ids : dict
        Which pictures of each part of COCO; no id in two parts.
    crops : dict, optional
        COCO id -> (top, bottom, left, right), the fractions of the picture that NSD cut away; then a class counts only
        where any pixel of one of its masks is within what is left (see `kept_area`). Without it labels are those of the
        whole COCO picture, as the paper has them.

    Returns
    -------
    DataFrame with columns coco_id, category, kind
        One row per picture and class present; kind is "thing" or "stuff".

    Raises
    ------
    LayoutError
        A file is missing or damaged.
    """
    rows = set()
    for part, ids in coco_ids.items():
        wanted = set(np.asarray(ids).tolist())
        for kind, (stem, _) in CATEGORIES.items():
            path = Path(folder) / f"{stem}_{part}.json"
            names = category_names(path, kind)
            sizes = image_sizes(path, wanted) if crops else {}
            for record in stream_records(path, "annotations"):
                if (image := whole(record, "image_id", path)) not in wanted:
                    continue
                row = (image, category_of(record, names, path), kind)
                if row[1] is not None and row not in rows:
                    if not crops or is_within(run_lengths(record, sizes, path), crops.get(image, WHOLE_PICTURE)):
                        rows.add(row)
    return pd.DataFrame(sorted(rows), columns=["coco_id", "category", "kind"]).astype({"coco_id": np.int64})


def category_names(path: Path, kind: str) -> dict[int, str | None]:
    """Names of a file's categories by id, None for one that is no class of this kind."""
    names: dict[int, str] = {}
    for record in stream_records(path, "categories"):
        number, name = whole(record, "id", path), record.get("name")
        if not isinstance(name, str) or not name or names.setdefault(number, name) != name:
            raise LayoutError(f"{path} names its category {number} {short(name)}, expected one name for each; get the file "
                              "again")
    classes = CATEGORIES[kind][1]
    if names and not any(number in classes for number in names):
        raise LayoutError(f"{path} names no category between {classes[0]} and {classes[-1]}, expected COCO's classes of "
                          f"{kind}; it may be another file under this name, so get it again")
    return {number: name if number in classes else None for number, name in names.items()}


def category_of(record: dict, names: dict[int, str | None], path: Path) -> str | None:
    """Name of an annotation's class, None for "other"."""
    number = whole(record, "category_id", path)
    if number not in names:
        raise LayoutError(f"{path} has an annotation ({short(record.get('id'))}) of category {number}, expected one of the "
                          f"{len(names)} in its list 'categories'; get the file again")
    return names[number]


def image_sizes(path: Path, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """Height and width of these pictures, as far as the file lists them."""
    sizes: dict[int, tuple[int, int]] = {}
    for record in stream_records(path, "images"):
        if (image := whole(record, "id", path)) in wanted:
            sizes[image] = whole(record, "height", path), whole(record, "width", path)
            if len(sizes) == len(wanted):
                break
    return sizes


def run_lengths(record: dict, sizes: dict[int, tuple[int, int]], path: Path) -> dict:
    """The mask of an annotation as run lengths (see `segmentation.encode`); LayoutError names the annotation."""
    image = whole(record, "image_id", path)
    try:
        if image not in sizes:
            raise ValueError(f"a picture ({image}) that is not in the list 'images'")
        return encode(record.get("segmentation"), *sizes[image])
    except ValueError as problem:
        raise LayoutError(f"{path} has an annotation ({short(record.get('id'))}) with {problem}, expected COCO's polygons or "
                          "run lengths within the picture; get the file again") from problem


def whole(record: dict, name: str, path: Path) -> int:
    """A whole number of a record, also where it is written as 7.0 or "7"; LayoutError for anything else."""
    value = record.get(name)
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    found = f"{name} {short(value)}" if name in record else f"no {name}"
    raise LayoutError(f"{path} has a record with {found} ({short(record)}), expected a whole number; get the file again")


def _crop(box, image: int, path: Path) -> Crop:
    """A crop from its text, "(top, bottom, left, right)"."""
    try:
        crop = tuple(float(side) for side in literal_eval(str(box)))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        crop = ()
    if len(crop) != 4 or not all(0 <= side < 1 for side in crop) or crop[0] + crop[1] >= 1 or crop[2] + crop[3] >= 1:
        raise LayoutError(f"{path} has {short(box)} as cropBox of image {image}, expected four fractions (top, bottom, left, "
                          "right) that leave something of the picture; get the file again")
    return crop
