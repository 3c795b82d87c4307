"""Measure what stimulating a region changes, beside what matched random voxels change (paper §3.3, A.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import scoring, uncertainty
from ...stimulation import PICTURE_MEASURES
from ...stimulation import consistency, rank_p, same_coordinates, share_lower
from ...pipeline import Pipeline
from ...records import SPACES
from .detectors import evidence, threshold
from .regions import SENTENCES, drawn_from, has_voxels, random_sets, region_voxels, shown_name
from .states import as_measured, decode, first_trials, generate, sentences, unit

N_TRIALS, N_RANDOM = 48, 3               # trials of the region, and of each random set: the first of these
N_PICTURES, N_RANDOM_PICTURES = 24, 2    # the same for pictures, which take longer
ALIKE, SAME, LOWER, SIZE = "alike on all trials", "same coordinates", "share of coordinates lower", "size"
CHANGE = "change of the picture"         # mean absolute difference of its pixels from those as measured, 1 from black to white
DETECTED = tuple(f"detected {word}" for word in SENTENCES)
PATTERNS = ("periodicity", "periodicity of the background", "repetition", CHANGE)
LOOKS = ("saturation", "colourfulness", "sharpness", "edges", CHANGE)


@dataclass(frozen=True, eq=False)
class Effect:
    """One measure of what stimulating a region changes.

    name      of the measure
    region    (n_fits, n_trials)            on each trial, about another picture each
    sets      (n_fits, n_sets, n_random)    of random sets, on the first n_random of these trials
    image_ids (n_trials,)
    drawn_from  where the random sets lie
    """

    name: str
    region: np.ndarray
    sets: np.ndarray
    image_ids: np.ndarray
    drawn_from: str

    @property
    def of_sets(self) -> np.ndarray:
        """Each random set's mean over trials, (n_fits, n_sets)."""
        return self.sets.mean(2)

    @property
    def on_same_trials(self) -> np.ndarray:
        """The region's mean over the trials that the random sets have, (n_fits,)."""
        return self.region[:, :self.sets.shape[2]].mean(1)

    @property
    def apart(self) -> np.ndarray:
        """How much more the region does than the random sets on average, on the same trials, (n_fits,)."""
        return self.on_same_trials - self.of_sets.mean(1)

    def p(self, side: int = 0) -> float:
        """How rarely a random set does as much, mean over fits, on the same trials; side as in `stimulation.rank_p`."""
        return rank_p(self.on_same_trials.mean(), self.of_sets.mean(0), side=side)

    def minus(self, other: Effect, name: str) -> Effect:
        """How much more the region changes than another one does; the random sets are paired, so sizes are accounted for."""
        n = min(self.sets.shape[1], other.sets.shape[1])
        return Effect(name, self.region - other.region, self.sets[:, :n] - other.sets[:, :n], self.image_ids, self.drawn_from)


def effects(run: Pipeline, region: str, value: float, spaces: Sequence[str] = SPACES, *, n_fits: int = 1) -> dict[str, Effect]:
    """What setting a region's voxels to a value changes in the mapped embedding, by measure.

    For each space: the size of the shift relative to the embedding measured, the share of coordinates that it lowers, how alike
    it is on all trials (`stimulation.consistency`) and whether the same coordinates move (`stimulation.same_coordinates`); and in the
    caption mapper's space how much nearer it brings each category's sentence (`to faces`, change of cosine).

    spaces: whose mappers decode, for the measures of these alone. n_fits: how many fits of each; each has its rows in the arrays.
    """
    found = {}
    for space in spaces:
        key = ("effects", region, value, space, n_fits)
        if key not in run.memo:
            trials, mine = first_trials(run, N_TRIALS), region_voxels(run, region)
            before = as_measured(run, space, N_TRIALS, n_fits=n_fits)                      # [fits 1 trials dims]
            after = decode(run, space, trials, mine, value, n_fits=n_fits)
            others = decode(run, space, trials.take(slice(N_RANDOM)), random_sets(run, region), value, n_fits=n_fits)
            measured = _measures(run, space, before, after), _measures(run, space, before[:, :, :N_RANDOM], others)
            run.memo[key] = {name: Effect(name, ours[:, 0], measured[1][name], trials.image_ids, drawn_from(run, region))
                             for name, ours in measured[0].items()}
        found |= run.memo[key]
    return found


def picture_effects(run: Pipeline, region: str, value: float, cond: str = "both", *, n_fits: int = 1) -> dict[str, Effect]:
    """What the same changes in the reconstruction: each of `stimulation.PICTURE_MEASURES`, what is detected in it, and how much (CHANGE).

    Pictures have the same z for a trial in each state; several fits of the mappers are given to the one generator. Detectors
    (`shows faces`, log odds; `detected faces`, 1 above the threshold) are left out where no evaluation network fits the subject.
    """
    key = ("picture effects", region, value, cond, n_fits)
    if key not in run.memo:
        trials, ours, theirs = first_trials(run, N_PICTURES), [], []
        few = trials.take(slice(N_RANDOM_PICTURES))
        for repeat in range(n_fits):
            pictures = [generate(run, cond, shown, sets, value, repeat=repeat) for shown, sets in (
                (trials, None), (trials, region_voxels(run, region)), (few, random_sets(run, region)))]
            before, after, others = (_of_pictures(run, made) for made in pictures)
            ours.append({name: (after[name] - before[name])[0] for name in after} | {CHANGE: _change(*pictures[:2])[0]})
            theirs.append({name: others[name] - before[name][:, :len(few)] for name in after}
                          | {CHANGE: _change(pictures[0][:, :len(few)], pictures[2])})
        run.memo[key] = {name: Effect(name, np.stack([fit[name] for fit in ours]), np.stack([fit[name] for fit in theirs]),
                                      trials.image_ids, drawn_from(run, region)) for name in ours[0]}
    return run.memo[key]


def against_random(run: Pipeline, found: Iterable[Effect], name: str, *, side: int = 0) -> pd.DataFrame:
    """Effects as rows of a score table, beside what matched random voxels do.

    Table name, metric, value, low, high (95 % over pictures, and over fits where there are several), n, chance (mean of the random
    sets), random_low, random_high (which hold 95 % of them), apart (how much more the region does than they do, on the same
    trials), lowest, highest (of any one fit), p (two-sided where no side is given; not corrected for the number of rows), n_sets,
    drawn_from, fits.
    """
    rows = []
    for effect in found:
        interval = uncertainty.score_interval(uncertainty.mean_contributions(effect.region, effect.image_ids))
        drawn = effect.of_sets.mean(0)
        rows.append(scoring.score_row(
            name, effect.name, interval.value, interval.low, interval.high, len(effect.image_ids), drawn.mean(),
            run.experiment.child_seed("random voxels"), run.origin, random_low=np.quantile(drawn, 0.025),
            random_high=np.quantile(drawn, 0.975), apart=effect.apart.mean(), lowest=effect.apart.min(), highest=effect.apart.max(),
            p=effect.p(side), n_sets=len(drawn), drawn_from=effect.drawn_from, fits=len(effect.region)))
    return pd.concat(rows, ignore_index=True)


def consistency_table(run: Pipeline, value: float, regions: Sequence[str], *, n_fits: int = 1) -> pd.DataFrame:
    """Whether a region moves the same coordinates on all trials, and whether random voxels do so less: rows of `against_random`.

    A region without voxels is left out.
    """
    names = [f"{measure}, {space}" for space in SPACES for measure in (ALIKE, SAME)]
    return _table(run, regions, names, lambda region: effects(run, region, value, n_fits=n_fits), side=1)


def effect_table(run: Pipeline, value: float, regions: Sequence[str], *, n_fits: int = 1) -> pd.DataFrame:
    """How much nearer each region brings each category's sentence, and how far it moves the embedding: rows of `against_random`.

    Of the caption mapper's embedding, to which the sentences belong.
    """
    names = [*(f"to {word}" for word in SENTENCES), f"{SIZE}, caption"]
    return _table(run, regions, names, lambda region: effects(run, region, value, ["caption"], n_fits=n_fits))


def picture_table(run: Pipeline, value: float, regions: Sequence[str], names: Sequence[str], cond: str = "both", *,
                  n_fits: int = 1) -> pd.DataFrame:
    """What each region changes in the reconstructions by these measures of `picture_effects`: rows of `against_random`.

    No rows of detectors where no evaluation network fits the subject.
    """
    return _table(run, regions, names, lambda region: picture_effects(run, region, value, cond, n_fits=n_fits))


def _table(run: Pipeline, regions: Sequence[str], names: Sequence[str], measure, *, side: int = 0) -> pd.DataFrame:
    """Rows of `against_random` for the regions that the subject has, and those of these measures that there are."""
    parts = []
    for region in regions:
        if has_voxels(run, region):
            found = measure(region)
            if known := [found[name] for name in names if name in found]:
                parts.append(against_random(run, known, shown_name(region), side=side))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _measures(run: Pipeline, space: str, before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure of embeddings [fits sets trials dims] against those as measured [fits 1 trials dims], (fits, sets, trials)."""
    shifts = after - before
    found = {f"{ALIKE}, {space}": consistency(shifts), f"{SAME}, {space}": same_coordinates(shifts),
             f"{LOWER}, {space}": share_lower(shifts),
             f"{SIZE}, {space}": np.linalg.norm(shifts, axis=3) / np.maximum(np.linalg.norm(before, axis=3), 1e-12)}
    if space == "caption":
        found |= {f"to {word}": unit(after) @ sentence - unit(before) @ sentence for word, sentence in sentences(run).items()}
    return found


def _of_pictures(run: Pipeline, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure of pictures (n_states, n_trials, height, width, 3), as (n_states, n_trials)."""
    shape, flat = pictures.shape[:2], pictures.reshape(-1, *pictures.shape[2:])
    found = {name: measure(flat) for name, measure in PICTURE_MEASURES.items()}
    odds = evidence(run, flat)
    found |= {f"shows {word}": values for word, values in odds.items()}
    found |= {f"detected {word}": values > threshold(run, word) for word, values in odds.items()}
    return {name: np.asarray(values, float).reshape(shape) for name, values in found.items()}


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Mean absolute difference of pictures (n_states, n_trials, height, width, 3) from those of one state, (n_states, n_trials)."""
    return np.stack([np.abs(state - before[0].astype(np.float32)).mean((1, 2, 3)) / 255 for state in after])
