"""Say which things of a picture are found again in its reconstruction: their class, their place and their colour.

What is there in the true picture is known from its masks; what is there in the reconstruction is what the segmenter reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ..scoring import image_weights, quantiles, score_row
from ..world import THINGS
from .segmenter import CLASSES, N_THINGS, Reading

LEAST_PLACES = 6      # of 32 x 32: a class that covers fewer is not counted as there
OVERLAP = 0.25        # of the union: a class that overlaps so much of its true places is in its place
ASPECTS = ("class", "place", "colour")
COLOURED = frozenset(kind.name for kind in THINGS.values() if kind.colours)    # the others have one natural appearance


def found_again(true: np.ndarray, seen: Reading, read: Reading) -> pd.DataFrame:
    """What is found again, one row for each picture and class that is there, in the truth or in what was read.

    Parameters
    ----------
    true : uint8 array (n, h, w)
        The true class at each place.
    seen : Reading
        What the segmenter reads in the true pictures; colours are compared with those, since no file says them.
    read : Reading
        What it reads in the reconstructions, row by row.

    Returns
    -------
    DataFrame
        row; category; kind ("thing" or "stuff"); there: in the truth; read: in the reconstruction; and, where it is in the truth,
        class: read at all; place: overlapping by a quarter of the union (IoU); colour: read, with the colour that the true
        picture has there (missing where the kind has no colour).
    """
    if not len(true) == len(seen.classes) == len(read.classes):
        raise ValueError(f"got {len(true)} true maps, {len(seen.classes)} true pictures and {len(read.classes)} reconstructions, "
                         "expected one of each, row by row")
    rows = []
    for row, (truth, found) in enumerate(zip(true, read.classes)):
        counts, counted = (np.bincount(maps.ravel(), minlength=256)[:len(CLASSES)] for maps in (truth, found))
        for index in np.flatnonzero(np.maximum(counts, counted) >= LEAST_PLACES):
            there, is_read = counts[index] >= LEAST_PLACES, counted[index] >= LEAST_PLACES
            entry = {"row": row, "category": CLASSES[index], "kind": "thing" if index < N_THINGS else "stuff", "there": there,
                     "read": is_read}
            if there:
                a, b = truth == index, found == index
                entry |= {"class": is_read, "place": is_read and (a & b).sum() >= OVERLAP * (a | b).sum()}
                if CLASSES[index] in COLOURED:
                    entry["colour"] = is_read and _main_colour(seen, row, a) == _main_colour(read, row, b)
            rows.append(entry)
    return pd.DataFrame(rows, columns=["row", "category", "kind", "there", "read", *ASPECTS])


def found_apart(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """What one reconstruction of each picture finds and another does not: two tables of `found_again` as one for `recall_and_precision`.

    Its aspects are 1, 0 or -1, so recalls of it are differences of recalls, paired by picture; precision it has none. ValueError
    for tables of different pictures.
    """
    a, b = (table[table.there].reset_index(drop=True) for table in (one, other))
    if not a[["row", "category"]].equals(b[["row", "category"]]):
        raise ValueError(f"got tables in which {len(a)} and {len(b)} things are there, expected the same things in the same pictures")
    return a.assign(read=False, **{aspect: a[aspect].astype(float) - b[aspect].astype(float) for aspect in ASPECTS})


def recall_and_precision(table: pd.DataFrame, image_ids: np.ndarray, *, name: str, origin: str, seed: int = 0,
                         n_bootstrap: int = 1000, least: int = 10) -> pd.DataFrame:
    """Recall of each aspect and precision of each class, from a table of `found_again`, as tidy rows.

    metric is "recall, class", "recall, place", "recall, colour" or "precision"; category is a class, or "all things" or "all
    stuff" for the mean over classes, whose n counts the classes. Classes in fewer than `least` rows are left out. Intervals
    resample pictures, for a mean those of all its classes together.

    image_ids: the picture of each row of the reconstructions, by which trials are kept together.
    """
    weights, picture = image_weights(image_ids, seed, n_bootstrap)
    rows = []
    measures: dict[str, tuple[str, Callable]] = {f"recall, {aspect}": (aspect, lambda t: t[t.there]) for aspect in ASPECTS}
    measures["precision"] = ("there", lambda t: t[t.read])
    for metric, (column, kept) in measures.items():
        part = kept(table)
        part = part[part[column].notna()]
        of_kind: dict[str, list[tuple[float, np.ndarray]]] = {"thing": [], "stuff": []}
        for category, some in part.groupby("category", sort=True):
            if len(some) < least:
                continue
            won, where = some[column].to_numpy(float), picture[some.row.to_numpy()]
            totals, counts = (np.bincount(where, values, weights.shape[1]) for values in (won, np.ones(len(won))))
            with np.errstate(invalid="ignore"):     # a sample may hold none of a rare class's pictures
                resampled = (weights @ totals) / (weights @ counts)
            of_kind[some.kind.iloc[0]].append((won.mean(), resampled))
            rows.append(score_row(name, metric, won.mean(), *quantiles(resampled[np.isfinite(resampled)]), len(won), np.nan, seed,
                                  origin).assign(category=category, kind=some.kind.iloc[0]))
        for kind, classes in of_kind.items():
            if classes:
                values, resampled = map(np.array, zip(*classes, strict=True))
                means = np.nanmean(resampled[:, np.isfinite(resampled).any(0)], 0)
                rows.append(score_row(name, metric, values.mean(), *quantiles(means), len(values), np.nan, seed, origin).assign(
                    category=f"all {kind}s".replace("stuffs", "stuff"), kind=kind))
    return pd.concat(rows, ignore_index=True)


def true_classes(outlines: Sequence, places: int) -> np.ndarray:
    """The class at each place from the outlines of a picture (`nsd.Outline`), stuff first; (places, places) uint8.

    A place that no outline covers, or one of a class that the segmenter does not know, is 255.
    """
    known = {name: index for index, name in enumerate(CLASSES)}
    found = np.full((places, places), 255, np.uint8)
    for outline in outlines:
        found[outline.mask] = known.get(outline.category, 255)
    return found


def _main_colour(reading: Reading, row: int, where: np.ndarray) -> int:
    return int(np.bincount(reading.colours[row][where]).argmax())
