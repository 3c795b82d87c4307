"""List what is where in the simulated world's pictures: the class and the colour at each place, from its own masks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import partial

import numpy as np

from ..core import how_many, in_processes
from ..world import COLOURS, Scene, THINGS, draw_scene, masks
from .segmenter import CLASSES, PLACES, STUFF_INDEX, THING_INDEX

NO_COLOUR = 255
_COLOURS = list(COLOURS)


def label_maps(scene: Scene, places: int = PLACES) -> np.ndarray:
    """The class and the colour at each place of a scene's picture, (2, places, places) uint8.

    Classes are indices into `CLASSES`, colours into the world's `COLOURS`; `NO_COLOUR` where a thing has one natural
    appearance or there is none.

    >>> from mindreader.world import draw_scene
    >>> found = label_maps(draw_scene(0, "world", 1))
    >>> found.shape, found[0].max() < len(CLASSES)
    ((2, 32, 32), np.True_)
    """
    things, stuff = masks(scene, places)
    found = np.full((2, places, places), NO_COLOUR, np.uint8)
    for number, index in STUFF_INDEX.items():
        found[0][stuff == number] = index
    for thing, mask in zip(scene.things, things, strict=True):
        found[0][mask] = THING_INDEX[thing.category]
        found[1][mask] = _COLOURS.index(thing.colour) if thing.colour and THINGS[thing.category].colours else NO_COLOUR
    return found


def world_labels(indices: Iterable[int], *, seed: int = 0, stream: str = "world", processes: int | None = None) -> np.ndarray:
    """`label_maps` of many scenes of one stream, (n, 2, places, places) uint8, in the order of `indices`.

    seed, stream: as for `world.draw_scene`; processes: as for `world.render_many`.
    """
    indices = [int(i) for i in indices]
    found = np.empty((len(indices), 2, PLACES, PLACES), np.uint8)
    processes = how_many(len(indices)) if processes is None else processes
    with closing(in_processes(partial(_labelled, seed=seed, stream=stream), indices, processes, chunk=32)) as labelled:
        for n, maps in enumerate(labelled):
            found[n] = maps
    return found


def _labelled(index: int, seed: int, stream: str) -> np.ndarray:
    return label_maps(draw_scene(seed, stream, index))
