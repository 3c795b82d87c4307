"""Measure what stimulating a region changes, beside what matched random voxels change (paper §3.3, A.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import scoring, uncertainty
from ...pipeline import Pipeline
from ...records import SPACES, Trials
from ...stimulation import PICTURE_MEASURES, consistency, rank_p, same_coordinates, share_lower
from .detectors import evidence, threshold
from .regions import REGIONS, SENTENCES, drawn_from, has_voxels, random_sets, region_voxels
from .states import as_measured, decode, first_trials, generate, sentence_embeddings, unit

N_TRIALS, N_RANDOM = 48, 3               # trials of the region, and of each random set: the first of these
N_PAIRED_TRIALS, N_PAIRED = 96, 10       # the same where each trial has its random sets beside it
N_PICTURES, N_RANDOM_PICTURES = 24, 2    # the same for pictures, which take longer
ALIKE, SAME, LOWER, SIZE = "alike on all trials", "same coordinates", "share of coordinates lower", "size"
MEASURED = "stimulated"                  # what a run remembers of each fit
CHANGE = "change of the picture"         # mean absolute difference of its pixels from those as measured, 1 from black to white
DETECTED = tuple(f"detected {word}" for word in SENTENCES)
PATTERNS = ("periodicity", "periodicity of the background", "repetition", CHANGE)
LOOKS = ("saturation", "colourfulness", "sharpness", "edges", CHANGE)
Measures = dict[str, tuple[np.ndarray, np.ndarray]]    # by one fit: of the region, (n_trials,), and of random sets, (n_sets, n_random)


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


def of_fit(run: Pipeline, repeat: int, region: str, value: float, what: str, measure: Callable[..., Measures]) -> Measures:
    """What one fit of the mappers says of one state, `measure(run, repeat, region, value, what)`, measured once for each run.

    what: a word for what is measured, for example of which mapper or generator.
    """
    key = (MEASURED, repeat, region, float(value), what)
    if key not in run.memo:
        run.memo[key] = measure(run, repeat, region, value, what)
    return run.memo[key]


def joined(run: Pipeline, region: str, trials: Trials, found: Sequence[Measures]) -> dict[str, Effect]:
    """What several fits say of one state, on these trials of the region, as effects by their measures; ValueError for no fit."""
    if not found:
        raise ValueError("got no fit of the mappers, expected at least one; three or more for a verdict")
    return {name: Effect(name, *(np.stack([fit[name][side] for fit in found]) for side in (0, 1)), trials.image_ids,
                         drawn_from(run, region)) for name in found[0]}


def effects(run: Pipeline, region: str, value: float, spaces: Sequence[str] = SPACES, *,
            fits: Sequence[int] = (0,)) -> dict[str, Effect]:
    """What setting a region's voxels to a value changes in the mapped embedding, by measure.

    For each space: the size of the shift relative to the embedding measured, the share of coordinates that it lowers, how alike
    it is on all trials (`stimulation.consistency`) and whether the same coordinates move (`stimulation.same_coordinates`); and in the
    caption mapper's space how much nearer it brings each category's sentence (`to faces`, change of cosine).

    spaces: whose mappers decode, for the measures of these alone. fits: which fits of each; each has its rows in the arrays.
    """
    found, trials = {}, first_trials(run, N_TRIALS)
    for space in spaces:
        found |= joined(run, region, trials, [of_fit(run, repeat, region, value, space, _of_embeddings) for repeat in fits])
    return found


def picture_effects(run: Pipeline, region: str, value: float, cond: str = "both", *, fits: Sequence[int] = (0,)) -> dict[str, Effect]:
    """What the same changes in the reconstruction: each of `stimulation.PICTURE_MEASURES`, what is detected in it, and how much (CHANGE).

    Pictures have the same z for a trial in each state; several fits of the mappers are given to the one generator. Detectors
    (`shows faces`, log odds; `detected faces`, 1 above the threshold) are left out where no evaluation network fits the subject.
    """
    return joined(run, region, first_trials(run, N_PICTURES), [of_fit(run, repeat, region, value, cond, _of_pictures) for repeat in fits])


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


def matched_effect(run: Pipeline, value: float, *, fits: Sequence[int] = (0,)) -> pd.DataFrame:
    """How much nearer stimulation brings the mapped embedding to the region's sentence, against matched random voxels.

    Table name, metric, value, low, high, n, chance, seed, origin, control, region, p, n_sets, fits; mean over N_PAIRED_TRIALS
    validation trials of cos(stimulated, sentence) - cos(as measured, sentence), 95 % intervals over pictures, and over fits where there
    are several. A trial's control is the mean of N_PAIRED random sets; p is that of all sets (`effects`). A region without voxels is
    left out.
    """
    trials, rows = first_trials(run, N_PAIRED_TRIALS), []
    for region, (word, _) in REGIONS.items():
        if not has_voxels(run, region):
            continue
        paired, = joined(run, region, trials, [of_fit(run, repeat, region, value, "paired", _paired) for repeat in fits]).values()
        p, random = effects(run, region, value, ["caption"], fits=fits)[f"to {word}"].p(1), paired.sets.mean(1)
        for name, change, control in ((word, paired.region, False), (f"{word}, random voxels", random, True),
                                      (f"{word}, difference", paired.region - random, False)):
            interval = uncertainty.score_interval(uncertainty.mean_contributions(change, trials.image_ids))
            rows.append(scoring.score_row(name, "change of cosine", interval.value, interval.low, interval.high, len(trials), 0.0,
                                          run.experiment.child_seed("random voxels"), run.origin, control=control, region=word,
                                          p=np.nan if control else p, n_sets=N_PAIRED, fits=len(change)))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _of_embeddings(run: Pipeline, repeat: int, region: str, value: float, space: str) -> Measures:
    """Each measure of the embeddings by one fit of one mapper."""
    trials = first_trials(run, N_TRIALS)
    before = as_measured(run, space, N_TRIALS, repeat=repeat)                                       # [1 trials dims]
    after = decode(run, space, trials, region_voxels(run, region), value, repeat=repeat)
    others = decode(run, space, trials.take(slice(N_RANDOM)), random_sets(run, region), value, repeat=repeat)
    ours, theirs = _shifts(run, space, before, after), _shifts(run, space, before[:, :N_RANDOM], others)
    return {name: (ours[name][0], theirs[name]) for name in ours}


def _paired(run: Pipeline, repeat: int, region: str, value: float, _: str) -> Measures:
    """How much nearer the sentence of the region's category comes, on as many trials for the region as for a few random sets."""
    word, trials = REGIONS[region][0], first_trials(run, N_PAIRED_TRIALS)
    stimulated = np.concatenate([region_voxels(run, region)[None], random_sets(run, region)[:N_PAIRED]])
    before = unit(as_measured(run, "caption", N_PAIRED_TRIALS, repeat=repeat))
    changes = (unit(decode(run, "caption", trials, stimulated, value, repeat=repeat)) - before) @ sentence_embeddings(run)[word]   # [sets trials]
    return {f"to {word}": (changes[0], changes[1:])}


def _shifts(run: Pipeline, space: str, before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure of embeddings [sets trials dims] against those as measured [1 trials dims], (n_sets, n_trials)."""
    shifts = after - before
    found = {f"{ALIKE}, {space}": consistency(shifts), f"{SAME}, {space}": same_coordinates(shifts),
             f"{LOWER}, {space}": share_lower(shifts),
             f"{SIZE}, {space}": np.linalg.norm(shifts, axis=-1) / np.maximum(np.linalg.norm(before, axis=-1), 1e-12)}
    if space == "caption":
        sentences = sentence_embeddings(run).items()
        found |= {f"to {word}": unit(after) @ sentence - unit(before) @ sentence for word, sentence in sentences}
    return found


def _of_pictures(run: Pipeline, repeat: int, region: str, value: float, cond: str) -> Measures:
    """Each measure of the reconstructions from one fit of the mappers."""
    trials = first_trials(run, N_PICTURES)
    few = trials.take(slice(N_RANDOM_PICTURES))
    pictures = [generate(run, cond, some, sets, value, repeat=repeat) for some, sets in (
        (trials, None), (trials, region_voxels(run, region)), (few, random_sets(run, region)))]
    before, after, others = (_looks(run, made) for made in pictures)
    found = {name: ((after[name] - before[name])[0], others[name] - before[name][:, :len(few)]) for name in after}
    return found | {CHANGE: (_change(*pictures[:2])[0], _change(pictures[0][:, :len(few)], pictures[2]))}


def _looks(run: Pipeline, pictures: np.ndarray) -> dict[str, np.ndarray]:
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
