"""Read the human captions and object classes of COCO pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ..records import LayoutError

__all__ = ["read_captions", "read_classes", "stream_records"]

# 80 things have ids up to 90, 91 stuff classes 92 to 182; 183 is "other", the union of all things, and no class.
_LAST_THING, _LAST_STUFF = 90, 182
_BLOCK = 1 << 20


def read_captions(folder: Path, coco_ids: dict[str, np.ndarray]) -> pd.DataFrame:
    """Read the captions of COCO pictures, with white space normalised.

    Parameters
    ----------
    folder : Path
        Holds `captions_train2017.json` and `captions_val2017.json`, those that are asked for.
    coco_ids : dict
        Which pictures of each part of COCO, e.g. {"train2017": array of COCO ids}.

    Returns
    -------
    DataFrame with columns coco_id, caption_id, caption
        Every picture has at least one row; COCO gives 5 to 7.

    Raises
    ------
    LayoutError
        A file is missing or damaged, or a picture has no caption.
    """
    rows = []
    for part, ids in coco_ids.items():
        path, wanted = Path(folder) / f"captions_{part}.json", set(np.asarray(ids).tolist())
        found = [(r["image_id"], r["id"], " ".join(r["caption"].split()))
                 for r in stream_records(path, "annotations") if r["image_id"] in wanted]
        lacking = wanted - {row[0] for row in found}
        if lacking:
            raise LayoutError(f"COCO picture {min(lacking)} has no caption in {path} ({len(lacking)} of {len(wanted)} "
                              "have none), expected at least one for each; get the full COCO 2017 captions file")
        rows += found
    table = pd.DataFrame(rows, columns=["coco_id", "caption_id", "caption"])
    return table.astype({"coco_id": np.int64, "caption_id": np.int64})


def read_classes(folder: Path, coco_ids: dict[str, np.ndarray], crops: dict[int, tuple] | None = None) -> pd.DataFrame:
    """Read which of the 80 things and 91 stuff classes are present in COCO pictures.

    Parameters
    ----------
    folder : Path
        Holds `instances_<part>.json` and `stuff_<part>.json`.
    coco_ids : dict
        Which pictures of each part of COCO.
    crops : dict, optional
        COCO id -> (top, bottom, left, right), the fractions of the picture that NSD cut away; then a class counts only
        where one of its boxes reaches into what is left. Without it labels are those of the whole COCO picture,
        as the paper has them.

    Returns
    -------
    DataFrame with columns coco_id, category, kind
        One row per picture and class present; kind is "thing" or "stuff".
    """
    rows = set()
    for part, ids in coco_ids.items():
        wanted = set(np.asarray(ids).tolist())
        for kind, stem in (("thing", "instances"), ("stuff", "stuff")):
            path = Path(folder) / f"{stem}_{part}.json"
            names = {r["id"]: r["name"] for r in stream_records(path, "categories")}
            sizes = {r["id"]: (r["width"], r["height"]) for r in stream_records(path, "images")} if crops else {}
            low, high = (0, _LAST_THING) if kind == "thing" else (_LAST_THING, _LAST_STUFF)
            for r in stream_records(path, "annotations"):
                image, category = r["image_id"], r["category_id"]
                if image in wanted and low < category <= high:
                    if not crops or _reaches_in(r["bbox"], sizes[image], crops[image]):
                        rows.add((image, names[category], kind))
    return pd.DataFrame(sorted(rows), columns=["coco_id", "category", "kind"]).astype({"coco_id": np.int64})


def stream_records(path: Path, key: str) -> Iterator[dict]:
    """Yield the objects of one top-level list of a JSON file without holding the file in memory.

    COCO's files reach a gigabyte, of which two numbers per record are needed.

    Raises
    ------
    LayoutError
        The file is missing, has no such list, or breaks off.
    """
    path = Path(path)
    if not path.is_file():
        raise LayoutError(f"no {path.name} in {path.parent}, expected COCO's 2017 annotations there; "
                          "download them from the COCO data set, or set data.coco_folder to where they are")
    decoder, start = json.JSONDecoder(), re.compile(rf'"{key}"\s*:\s*\[')
    with open(path, encoding="utf-8") as file:
        buffer, inside = "", False
        while True:
            block = file.read(_BLOCK)
            buffer += block
            if not inside and (match := start.search(buffer)):
                buffer, inside = buffer[match.end():], True
            if inside:
                records, buffer, closed = _decode(decoder, buffer)
                yield from records
                if closed:
                    return
            else:
                buffer = buffer[-2 * len(key) - 64:]
            if not block:
                what = "breaks off within" if inside else "has no"
                raise LayoutError(f"{path} {what} its list {key!r}, expected a complete COCO file; get it again")


def _decode(decoder: json.JSONDecoder, text: str) -> tuple[list[dict], str, bool]:
    """(complete objects at the start of `text`, what is left, whether the list ended)."""
    records, at = [], 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at < len(text) and text[at] == "]":
            return records, "", True
        try:
            record, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return records, text[at:], False
        records.append(record)


def _reaches_in(box: Iterable[float], size: tuple[int, int], crop: tuple[float, float, float, float]) -> bool:
    """Whether a COCO box (x, y, width, height in pixels) shares area with what a crop leaves of the picture."""
    (x, y, w, h), (width, height), (top, bottom, left, right) = box, size, crop
    return (x < width * (1 - right) and x + w > width * left and y < height * (1 - bottom) and y + h > height * top
            and w > 0 and h > 0)
