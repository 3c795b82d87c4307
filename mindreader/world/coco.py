"""Write the captions, instances and stuff of scenes as annotation files in COCO's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from pycocotools import mask as rle

from ..core import in_processes
from .rendering import masks
from .scenes import Scene
from .sentences import caption

__all__ = ["STUFF_CATEGORIES", "THING_CATEGORIES", "write_coco"]

# COCO's 80 things by supercategory: id and name.
THING_CATEGORIES: dict[str, dict[int, str]] = {
    "person": {1: "person"},
    "vehicle": {2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck",
                9: "boat"},
    "outdoor": {10: "traffic light", 11: "fire hydrant", 13: "stop sign", 14: "parking meter", 15: "bench"},
    "animal": {16: "bird", 17: "cat", 18: "dog", 19: "horse", 20: "sheep", 21: "cow", 22: "elephant",
               23: "bear", 24: "zebra", 25: "giraffe"},
    "accessory": {27: "backpack", 28: "umbrella", 31: "handbag", 32: "tie", 33: "suitcase"},
    "sports": {34: "frisbee", 35: "skis", 36: "snowboard", 37: "sports ball", 38: "kite", 39: "baseball bat",
               40: "baseball glove", 41: "skateboard", 42: "surfboard", 43: "tennis racket"},
    "kitchen": {44: "bottle", 46: "wine glass", 47: "cup", 48: "fork", 49: "knife", 50: "spoon", 51: "bowl"},
    "food": {52: "banana", 53: "apple", 54: "sandwich", 55: "orange", 56: "broccoli", 57: "carrot",
             58: "hot dog", 59: "pizza", 60: "donut", 61: "cake"},
    "furniture": {62: "chair", 63: "couch", 64: "potted plant", 65: "bed", 67: "dining table", 70: "toilet"},
    "electronic": {72: "tv", 73: "laptop", 74: "mouse", 75: "remote", 76: "keyboard", 77: "cell phone"},
    "appliance": {78: "microwave", 79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator"},
    "indoor": {84: "book", 85: "clock", 86: "vase", 87: "scissors", 88: "teddy bear", 89: "hair drier",
               90: "toothbrush"},
}

# COCO-Stuff's 91 classes and `other`, the union of all things.
STUFF_CATEGORIES: dict[str, dict[int, str]] = {
    "textile": {92: "banner", 93: "blanket", 104: "cloth", 105: "clothes", 109: "curtain", 131: "mat",
                137: "napkin", 141: "pillow", 152: "rug", 167: "textile-other", 168: "towel"},
    "plant": {94: "branch", 97: "bush", 119: "flower", 124: "grass", 129: "leaves", 134: "moss",
              142: "plant-other", 163: "straw", 169: "tree"},
    "building": {95: "bridge", 96: "building-other", 128: "house", 151: "roof", 158: "skyscraper",
                 166: "tent"},
    "furniture-stuff": {98: "cabinet", 107: "counter", 108: "cupboard", 110: "desk-stuff", 112: "door-stuff",
                        123: "furniture-other", 130: "light", 133: "mirror-stuff", 156: "shelf",
                        161: "stairs", 165: "table"},
    "structural": {99: "cage", 113: "fence", 138: "net", 146: "railing", 164: "structural-other"},
    "raw-material": {100: "cardboard", 132: "metal", 139: "paper", 143: "plastic"},
    "floor": {101: "carpet", 114: "floor-marble", 115: "floor-other", 116: "floor-stone", 117: "floor-tile",
              118: "floor-wood"},
    "ceiling": {102: "ceiling-other", 103: "ceiling-tile"},
    "sky": {106: "clouds", 157: "sky-other"},
    "ground": {111: "dirt", 125: "gravel", 126: "ground-other", 136: "mud", 140: "pavement", 144: "platform",
               145: "playingfield", 147: "railroad", 149: "road", 154: "sand", 159: "snow"},
    "water": {120: "fog", 148: "river", 155: "sea", 178: "water-other", 179: "waterdrops"},
    "food-stuff": {121: "food-other", 122: "fruit", 153: "salad", 170: "vegetable"},
    "solid": {127: "hill", 135: "mountain", 150: "rock", 160: "solid-other", 162: "stone", 182: "wood"},
    "wall": {171: "wall-brick", 172: "wall-concrete", 173: "wall-other", 174: "wall-panel",
             175: "wall-stone", 176: "wall-tile", 177: "wall-wood"},
    "window": {180: "window-blind", 181: "window-other"},
    "other": {183: "other"},
}

_OTHER = 183
_INFO = {"description": "Simulated scenes in the layout of COCO 2017", "url": "", "version": "1.0",
         "year": 2017,
         "contributor": "mindreader", "date_created": "2017/09/01"}
_LICENSES = [{"url": "", "id": 1, "name": "Simulated pictures; no rights of others"}]


def write_coco(folder: str | Path, scenes: Mapping[int, Scene], *, size: int = 425, split: str = "train2017",
               processes: int = 1) -> list[Path]:
    """Write the captions, instances and stuff of scenes as three COCO files.

    Parameters
    ----------
    folder : path
        Where `captions_<split>.json`, `instances_<split>.json` and `stuff_<split>.json` go; made if missing.
    scenes : mapping of int to Scene
        COCO image id to scene.
    size : int
        Side of the pictures in pixels, to which all outlines refer.
    split : str
        Name of the split, as in the file names.
    processes : int
        Worker processes; the files are the same for any number.

    Returns
    -------
    list of Path
        The three files. A caption's grade is in none of them.

    Raises ValueError for an image id that is not a whole number >= 1.
    """
    bad = [i for i in scenes if isinstance(i, bool) or not isinstance(i, (int, np.integer)) or i < 1]
    if bad:
        raise ValueError(f"got image id {bad[0]!r}, expected whole numbers >= 1; "
                         "key the scenes by COCO image id")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[dict]] = {"captions": [], "instances": [], "stuff": []}
    with closing(in_processes(partial(_annotate, size=size), scenes.values(), processes, chunk=16)) as annotated:
        for image, found in zip(scenes, annotated, strict=True):
            for name, records in found.items():
                parts[name] += [{"image_id": int(image)} | record for record in records]
    images = [_image(int(i), size, split) for i in scenes]
    categories = {"instances": THING_CATEGORIES, "stuff": STUFF_CATEGORIES}
    paths = []
    for name, records in parts.items():
        content = {"info": _INFO, "licenses": _LICENSES, "images": images,
                   "annotations": [record | {"id": n} for n, record in enumerate(records, 1)]}
        if name in categories:
            content["categories"] = [{"supercategory": s, "id": i, "name": word}
                                     for s, group in categories[name].items() for i, word in group.items()]
        paths.append(folder / f"{name}_{split}.json")
        paths[-1].write_text(json.dumps(content, separators=(",", ":")), encoding="ascii")
    return paths


def _annotate(scene: Scene, size: int) -> dict[str, list[dict]]:
    """The records of one scene for each of the three files, without image and annotation ids."""
    things, stuff = masks(scene, size)
    instances = []
    for thing, mask in zip(scene.things, things):
        if mask.any():   # what is fully occluded has no annotation, as in COCO
            outline = _counts(mask) if thing.crowd else _polygons(mask)
            instances.append(_record(thing.category, mask, outline, crowd=thing.crowd))
    regions = [(int(c), stuff == c) for c in np.unique(stuff) if c] + [(_OTHER, things.any(axis=0))]
    return {"captions": [{"caption": sentence} for sentence, _ in caption(scene)],
            "instances": instances,
            "stuff": [_record(c, mask, _compressed(mask)) for c, mask in regions if mask.any()]}


def _record(category: int, mask: np.ndarray, outline, crowd: bool = False) -> dict:
    """One annotation: outline, area and box (x, y, width, height) of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return {"segmentation": outline, "area": float(mask.sum()), "iscrowd": int(crowd),
            "bbox": [float(b) for b in box], "category_id": category}


def _image(image: int, size: int, split: str) -> dict:
    """The record of one image."""
    return {"license": 1, "file_name": f"{image:012d}.jpg", "coco_url": "", "height": size, "width": size,
            "date_captured": "2013-11-14 17:02:52", "flickr_url": "", "id": image}


def _counts(mask: np.ndarray) -> dict:
    """Uncompressed run lengths down the columns, the first of zeros: COCO's form for crowds."""
    flat = mask.ravel(order="F").astype(np.int8)
    ends = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], ends, [flat.size]]))
    return {"counts": ([0] if flat[0] else []) + runs.tolist(), "size": list(mask.shape)}


def _compressed(mask: np.ndarray) -> dict:
    """Compressed run lengths: COCO's form for stuff."""
    code = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"counts": code["counts"].decode("ascii"), "size": list(mask.shape)}


def _polygons(mask: np.ndarray) -> list[list[float]]:
    """Outlines [x0, y0, x1, y1, ...] along pixel edges whose union is the mask.

    COCO's polygons have no holes, so a mask with a hole is cut in two through it.
    """
    loops = _loops(mask)
    areas = [_signed_area(loop) for loop in loops]
    holes = [loop for loop, area in zip(loops, areas) if area < 0]
    if not holes:
        return [[float(v) for corner in loop for v in corner] for loop in loops]
    cut = min(x for x, _ in holes[0]) + 1
    left, right = mask.copy(), mask.copy()
    left[:, cut:], right[:, :cut] = False, False
    return _polygons(left) + _polygons(right)


def _signed_area(loop: list[tuple[int, int]]) -> float:
    """Shoelace area, positive for an outer outline and negative for a hole's."""
    x, y = np.asarray(loop, float).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _loops(mask: np.ndarray) -> list[list[tuple[int, int]]]:
    """Closed outlines of a mask as corner points (x, y), the inside always on the right hand."""
    padded = np.pad(mask, 1).astype(np.int8)
    across, along = np.diff(padded, axis=0)[:, 1:-1], np.diff(padded, axis=1)[1:-1]
    # From corner (x, y) one step (dx, dy); a dict, because it keeps the order.
    edges: dict[tuple[int, int, int, int], None] = {}
    for change, step, (ox, oy) in ((across > 0, (1, 0), (0, 0)), (across < 0, (-1, 0), (1, 0)),
                                   (along > 0, (0, -1), (0, 1)), (along < 0, (0, 1), (0, 0))):
        edges |= {(x + ox, y + oy, *step): None for y, x in np.argwhere(change).tolist()}
    loops = []
    while edges:
        edge = first = next(iter(edges))
        corners = []
        while edge is not None:
            edges.pop(edge)
            x, y, dx, dy = edge
            # Right, then straight on, then left: two pixels that touch at a corner stay apart.
            turns = [(x + dx, y + dy, *step) for step in ((-dy, dx), (dx, dy), (dy, -dx))]
            following = next(turn for turn in turns if turn == first or turn in edges)
            if following[2:] != (dx, dy):
                corners.append(following[:2])
            edge = None if following == first else following
        loops.append(corners)
    return loops
