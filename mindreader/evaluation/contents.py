"""Say what a segmented picture holds: its ground, how many things of each class, where, and in which colours.

Everything is counted on class maps (n, h, w) uint8 as the segmenter reads them or as masks give them (indices into `CLASSES`,
255 where nothing is known).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .found import COLOURED, LEAST_PLACES
from .segmenter import CLASSES, N_THINGS, Reading

NO_GROUND = -1


def present(maps: np.ndarray) -> np.ndarray:
    """Which classes cover at least LEAST_PLACES, (n, n_classes) bool."""
    return _covered(maps) >= LEAST_PLACES


def grounds(maps: np.ndarray) -> np.ndarray:
    """The stuff that covers most, (n,) index into `CLASSES`; NO_GROUND where there is no stuff.

    >>> CLASSES[grounds(np.full((1, 2, 2), CLASSES.index("grass"), np.uint8))[0]]
    'grass'
    """
    stuff = _covered(maps)[:, N_THINGS:]
    return np.where(stuff.any(1), N_THINGS + stuff.argmax(1), NO_GROUND)


def pieces(maps: np.ndarray) -> np.ndarray:
    """How many connected pieces of at least LEAST_PLACES each class of things has, (n, N_THINGS).

    Things of one class that touch are one piece, in masks as in what is read.
    """
    found = np.zeros((len(maps), N_THINGS), int)
    for row, classes in enumerate(maps):
        for index in np.unique(classes[classes < N_THINGS]):
            labels, _ = ndimage.label(classes == index)
            found[row, index] = (np.bincount(labels.ravel())[1:] >= LEAST_PLACES).sum()
    return found


def columns(maps: np.ndarray) -> np.ndarray:
    """The mean column of the places of each class of things, (n, N_THINGS) float, 0 at the left and 1 at the right; NaN where it is not there.

    >>> float(columns(np.array([[[CLASSES.index("dog")] * 8 + [255] * 8]], np.uint8))[0, CLASSES.index("dog")])
    0.25
    """
    middle = (np.arange(maps.shape[2]) + 0.5) / maps.shape[2]
    found = np.full((len(maps), N_THINGS), np.nan)
    for row, index in zip(*np.nonzero(present(maps)[:, :N_THINGS])):
        found[row, index] = middle[np.nonzero(maps[row] == index)[1]].mean()
    return found


def colours(reading: Reading, maps: np.ndarray) -> np.ndarray:
    """The colour that most places of each class of things have in a reading, (n, N_THINGS) index into the world's colours.

    maps: where the classes are, those of the reading or the true ones. -1 where a class covers less than LEAST_PLACES, or has one
    natural appearance instead of colours.
    """
    found = np.full((len(maps), N_THINGS), -1)
    for row, index in zip(*np.nonzero(present(maps)[:, :N_THINGS])):
        if CLASSES[index] in COLOURED:
            found[row, index] = np.bincount(reading.colours[row][maps[row] == index]).argmax()
    return found


def _covered(maps: np.ndarray) -> np.ndarray:
    """How many places each class covers, (n, n_classes)."""
    return np.stack([np.bincount(classes.ravel(), minlength=256)[:len(CLASSES)] for classes in maps])
