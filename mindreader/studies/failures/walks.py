"""Walk from the condition of one trial to that of another in equal steps: does the picture change evenly, or by a jump (paper A.9)?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ... import scoring
from ...pipeline import Pipeline
from ...records import Embeddings, Reconstructions

STEPS = 6       # of a walk; each has a sixth of the change where it is even
JUMP = "largest step between two trials, share of all"
Conditions = dict[str, Embeddings]      # by space, row by row of the same trials


def ends(given: Conditions, seed: int) -> tuple[Conditions, Conditions, np.ndarray]:
    """The conditions of the first trial of each picture, for each those of a trial of another picture, and the rows of the first."""
    image_ids = next(iter(given.values())).image_ids
    rows = np.sort(np.unique(image_ids, return_index=True)[1])
    start = {space: embeddings.take(rows) for space, embeddings in given.items()}
    return start, {space: scoring.shuffled(embeddings, seed) for space, embeddings in start.items()}, rows


def between(start: Conditions, end: Conditions, share: float) -> Conditions:
    """Conditions so far on the straight line between the unit embeddings of two trials, at unit length; ids are those of `start`."""
    return {space: replace(one, vectors=(1 - share) * one.unit().vectors + share * end[space].unit().vectors).unit()
            for space, one in start.items()}


def walk(run: Pipeline, cond: str, start: Conditions, end: Conditions) -> list[Reconstructions]:
    """Reconstructions at the start, after each of STEPS equal steps, and so at the end, all with the same z for a row."""
    return [run.reconstruct(between(start, end, share), cond) for share in np.linspace(0, 1, STEPS + 1)]


def largest_step(run: Pipeline, pictures: list[Reconstructions]) -> np.ndarray:
    """The largest step of each walk as a share of the sum of all, by the distance in the evaluation network's space, (n,).

    1 / STEPS where all steps are as large, 1 where the picture changes in one of them alone.
    """
    features = np.stack([run.picture_features(each).vectors for each in pictures])
    steps = np.linalg.norm(np.diff(features, axis=0), axis=2)
    return steps.max(0) / np.maximum(steps.sum(0), 1e-12)
