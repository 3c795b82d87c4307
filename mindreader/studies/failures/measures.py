"""Measure on each trial what the paper's examples of failures show: ground, number, places, colours and what is added (A.7).

Each failure is a share: how often it happens on a trial, and how often it could. Both are kept apart, so that the share over trials
weighs them by what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ... import evaluation
from ...evaluation import N_THINGS, NO_GROUND, Reading

GROUND, NUMBER, SIDE, COLOUR = "main ground gone", "another number of things", "left and right exchanged", "another colour"
BORROWED = "that colour is another thing's, less chance"
ADDED, FITTING = "things added to a picture", "how well they fit it, less chance"
APART = 0.125       # of the picture's width: two things whose middles are nearer are neither left nor right of one another


class Share(NamedTuple):
    """What happens on each trial, and how often it could, both (n_trials,)."""

    happens: np.ndarray
    could: np.ndarray


@dataclass(frozen=True, eq=False)
class Held:
    """What n pictures hold (`evaluation.contents`): present (n, n_classes), ground (n,), pieces, columns and colours (n, N_THINGS)."""

    present: np.ndarray
    ground: np.ndarray
    pieces: np.ndarray
    columns: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, reading: Reading, maps: np.ndarray | None = None) -> Held:
        """As the segmenter reads them; maps: the true classes, where they are known, with colours alone from the reading."""
        maps = reading.classes if maps is None else maps
        return cls(evaluation.present(maps), evaluation.grounds(maps), evaluation.pieces(maps), evaluation.columns(maps),
                   evaluation.colours(reading, maps))

    def take(self, rows: np.ndarray) -> Held:
        """The same of some pictures, or of some several times."""
        return Held(self.present[rows], self.ground[rows], self.pieces[rows], self.columns[rows], self.colours[rows])

    @property
    def things(self) -> np.ndarray:
        """Which classes of things are there, (n, N_THINGS) bool."""
        return self.present[:, :N_THINGS]


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen, which every reconstruction is held against.

    held        what the picture of each trial holds
    image_ids   (n_trials,)
    lift        (n_classes, n_classes): see `lifts`
    """

    held: Held
    image_ids: np.ndarray
    lift: np.ndarray


def lifts(present: np.ndarray) -> np.ndarray:
    """How much more often two classes stand in one picture than by chance: log((n_ij + 1) / (n_i n_j / n + 1)), from (n, n_classes) bool.

    Small numbers pull it to 0; so is the diagonal.
    """
    both = present.T.astype(float) @ present
    alone = present.sum(0)
    found = np.log((both + 1) / (np.outer(alone, alone) / len(present) + 1))
    np.fill_diagonal(found, 0.0)
    return found


def lost_ground(seen: Seen, read: Held) -> Share:
    """Trials in whose reconstruction the stuff that covers most of the picture is nowhere.

    That another stuff covers most would be no failure: where the horizon stands somewhat higher, ground and sky change places.
    """
    known = seen.held.ground != NO_GROUND
    return Share((known & ~read.present[np.arange(len(known)), seen.held.ground]).astype(float), known.astype(float))


def other_number(seen: Seen, read: Held) -> Share:
    """Classes of things that are found again, in another number."""
    found = (seen.held.pieces > 0) & (read.pieces > 0)
    return Share((found & (seen.held.pieces != read.pieces)).sum(1).astype(float), found.sum(1).astype(float))


def other_side(seen: Seen, read: Held) -> Share:
    """Pairs of things that are found again, the left one at the right; things that stand one by one in the picture, clearly apart."""
    alone = (seen.held.pieces == 1) & read.things
    true, found = (np.where(alone, columns, np.nan) for columns in (seen.held.columns, read.columns))
    shift, now = (columns[:, :, None] - columns[:, None] for columns in (true, found))     # of each thing from each other one
    pairs = np.triu(np.abs(np.nan_to_num(shift)) >= APART, 1)
    return Share((pairs & (shift * now < 0)).sum((1, 2)).astype(float), pairs.sum((1, 2)).astype(float))


def other_colour(seen: Seen, read: Held) -> Share:
    """Classes of things that have a colour and are found again, in another colour."""
    found = (seen.held.colours >= 0) & (read.colours >= 0)
    return Share((found & (seen.held.colours != read.colours)).sum(1).astype(float), found.sum(1).astype(float))


def borrowed_colour(seen: Seen, read: Held) -> Share:
    """Of things in another colour: whether that is the colour of another thing in the same picture, less how often by chance.

    Counted where the picture has another thing in another colour. By chance is in other pictures that have as many other colours,
    the thing's own left out.
    """
    n_colours = 1 + max(seen.held.colours.max(), read.colours.max(), 0)
    wrong = np.argwhere((seen.held.colours >= 0) & (read.colours >= 0) & (seen.held.colours != read.colours))
    shown = np.zeros((len(read.colours), n_colours), bool)      # colours of each picture's things
    rows, things = np.nonzero(seen.held.colours >= 0)
    shown[rows, seen.held.colours[rows, things]] = True
    happens, could = np.zeros(len(shown)), np.zeros(len(shown))
    for row, thing in wrong:
        own, generated = seen.held.colours[row, thing], read.colours[row, thing]
        others = shown.copy()
        others[:, own] = False
        counts = others.sum(1)
        alike = (counts == counts[row]) & (seen.image_ids != seen.image_ids[row])
        if counts[row] and alike.any():
            happens[row] += others[row, generated] - others[alike, generated].mean()
            could[row] += 1
    return Share(happens, could)


def added(seen: Seen, read: Held) -> Share:
    """Classes of things that are read in the reconstruction and were not in the picture, for each trial."""
    return Share((read.things & ~seen.held.things).sum(1).astype(float), np.ones(len(read.things)))


def fitting(seen: Seen, read: Held) -> Share:
    """How well what is added fits the picture: mean lift with its classes, less that with the classes of pictures without it.

    Above 0 what is added is what training pictures would have there.
    """
    context = seen.held.present / seen.held.present.sum(1, keepdims=True).clip(1)
    fits = context @ seen.lift[:, :N_THINGS]                    # of each thing with each picture, (n_trials, N_THINGS)
    extra, absent = read.things & ~seen.held.things, ~seen.held.things
    usual = (fits * absent).sum(0) / absent.sum(0).clip(1)
    return Share((extra * (fits - usual)).sum(1), extra.sum(1).astype(float))


FAILURES: dict[str, Callable[[Seen, Held], Share]] = {GROUND: lost_ground, NUMBER: other_number, SIDE: other_side,
                                                     COLOUR: other_colour, BORROWED: borrowed_colour, ADDED: added, FITTING: fitting}
