"""Average activity over the repeats of an image, before anything is decoded, as later papers do: each by its own name.

Mind Reader decodes single trials. MindEye averages the activity of the images that it scores and trains on single trials;
Brain-Diffuser averages both. What is averaged here is activity, so that a decoder sees less noise; `scoring.over_repeats`
averages what was decoded from single trials, which is something else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..records import Split, Subject, Trials
from .metrics import BRAIN_DIFFUSER, MINDEYE

_TOGETHER = 256  # images averaged at once, so that a copy of all trials is never needed


@dataclass(frozen=True)
class Practice:
    """What one paper averages, and how it takes the eight metrics.

    name, version       as of a protocol
    title               of the paper's method
    average_training    whether training sees one mean for each image, or its single trials
    metrics             the table of the eight, a key of `EIGHT`
    original_px         height and width at which its code keeps the pictures that were shown
    source              whose code it is
    """

    name: str
    version: int
    title: str
    average_training: bool
    metrics: str
    original_px: int
    source: str

    @property
    def stamp(self) -> str:
        """Name and version, as in "repeats/mindeye@1"."""
        return f"{self.name}@{self.version}"


PRACTICES: dict[str, Practice] = {practice.name: practice for practice in (
    Practice("repeats/mindeye", 1, "MindEye", False, MINDEYE, 256, "MindEye, released code"),
    Practice("repeats/brain-diffuser", 1, "Brain-Diffuser", True, BRAIN_DIFFUSER, 425, "Brain-Diffuser, released code"),
)}


def average_repeats(trials: Trials) -> Trials:
    """The mean activity of each image over all its trials: one row for each image, in the order of first trials.

    The row has the number and the session of the image's first trial. Averages are as wide as the repeats that are there:
    within NSD's first 37 sessions a shared image has one to three.

    >>> trials = Trials(np.float32([[0], [4], [6]]), np.array([7, 3, 7]), np.array([10, 11, 12]), np.array([1, 1, 2]))
    >>> mean = average_repeats(trials)
    >>> mean.image_ids.tolist(), mean.betas.tolist(), mean.trial_ids.tolist(), mean.sessions.tolist()
    ([7, 3], [[3.0], [4.0]], [10, 11], [1, 1])
    """
    order = np.lexsort((trials.trial_ids, trials.image_ids))
    ids, start, count = np.unique(trials.image_ids[order], return_index=True, return_counts=True)
    mean = np.empty((len(ids), trials.betas.shape[1]), np.float32)
    for at in range(0, len(ids), _TOGETHER):
        part = slice(at, at + _TOGETHER)
        rows = order[start[at]:start[part][-1] + count[part][-1]]
        total = np.add.reduceat(trials.betas[rows].astype(float), start[part] - start[at], axis=0)
        mean[part] = total / count[part, None]
    first = order[start]
    in_order = np.argsort(trials.trial_ids[first], kind="stable")
    return Trials(mean[in_order], ids[in_order], trials.trial_ids[first][in_order], trials.sessions[first][in_order])


def training_subject(subject: Subject, practice: Practice, *, n_stop: int = 300, seed: int = 0) -> Subject:
    """The same subject as this paper's training sees it: without any trial of a validation image, averaged or not.

    Fits that stop early, or keep their best epoch, need images that neither train nor are scored: at most n_stop of the training
    images, and at most a tenth of them, drawn with `seed`, are the validation side of what comes back.
    """
    ids = np.sort(subject.split.train)
    n = min(n_stop, len(ids) // 10)
    if n < 1:
        raise ValueError(f"got {len(ids)} training images, expected at least 10, so that some can say when a fit stops")
    stop = np.sort(np.random.default_rng(seed).choice(ids, n, replace=False))
    trials = average_repeats(subject.train) if practice.average_training else subject.train
    return replace(subject, trials=trials, split=Split(subject.split.train[~np.isin(subject.split.train, stop)], stop))


def scored_trials(subject: Subject) -> Trials:
    """The mean activity of each validation image: what both papers decode and score."""
    return average_repeats(subject.validation)


def repeats_in_words(trials: Trials) -> str:
    """How many images these trials show, and how often.

    >>> repeats_in_words(Trials(np.zeros((4, 1)), np.array([5, 5, 8, 9]), np.arange(4), np.ones(4, int)))
    '3 images in 4 trials (2 shown once, 1 twice, 0 three times)'
    """
    times = np.unique(trials.image_ids, return_counts=True)[1]
    shown = [int((times == n).sum()) for n in (1, 2, 3)]
    more = f", {(times > 3).sum():,} more often" if (times > 3).any() else ""
    return (f"{len(times):,} images in {len(trials):,} trials ({shown[0]:,} shown once, {shown[1]:,} twice, "
            f"{shown[2]:,} three times{more})")
