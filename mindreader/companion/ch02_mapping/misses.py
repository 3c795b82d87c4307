"""Compare retrieval errors with the right picture (the paper's Figure 3; chapter 02)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring
from ...core import Covers
from ...pipeline import Pipeline
from ..common import interval, pictures_of

PAIRS = ("found instead", "found for another", "at random")


def retrieval_misses(run: Pipeline, n: int = 6, k: int = 3) -> dict[str, np.ndarray]:
    """Show the first n pictures to which another picture's prediction was nearest, and the k nearest (paper Fig. 3).

    Each picture once; where fewer than k predictions beat the right one, the rest of the row is blank.
    """
    missed = _misses(run, "backward")
    first = missed.drop_duplicates("image_id").head(n)
    shown = np.full((k, len(first), *run.subject.stimuli.images.shape[1:]), 255, np.uint8)
    for row, wrong in enumerate(first.found):
        wrong = list(dict.fromkeys(wrong))[:k]
        shown[:len(wrong), row] = pictures_of(run, wrong)
    return {"shown": pictures_of(run, first.image_id)} | {f"nearer {i + 1}": shown[i] for i in range(k)}


def miss_pairs(run: Pipeline) -> pd.DataFrame:
    """Compare each found picture with the right one: table panel (the direction), pair, image_id, found, cosine, shares.

    cosine is between CLIP's embeddings of the two pictures, shares whether they have a thing in common. Two controls: the
    same wrong pictures permuted among the misses, so that hubs are as frequent, and two pictures at random.
    """
    rng, parts = np.random.default_rng(run.experiment.child_seed("random pairs")), []
    things = run.subject.stimuli.annotations.query("kind == 'thing'").groupby("image_id")["category"].agg(set)
    for direction in scoring.DIRECTIONS:
        missed = _misses(run, direction)
        ids, found = missed.image_id.to_numpy(), missed.found.str[0].to_numpy()
        for pair, other in zip(PAIRS, (found, rng.permutation(found), rng.choice(run.split.validation, len(ids)))):
            apart = ids != other                                            # a picture is no error for itself
            a, b = ids[apart], other[apart]
            cosine = (run.truth["image"].at(a) * run.truth["image"].at(b)).sum(1)
            shares = [bool(things.get(i, set()) & things.get(j, set())) for i, j in zip(a, b)]
            parts.append(pd.DataFrame({"panel": direction, "pair": pair, "image_id": a, "found": b, "cosine": cosine,
                                       "shares": shares}))
    return pd.concat(parts, ignore_index=True)


def misses_summary(run: Pipeline, pairs: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose about misses: mean cosine and share with a common thing, by pair."""
    names, values = dict(zip(PAIRS, ("miss", "other_miss", "random"))), {}
    for (direction, pair), part in pairs.groupby(["panel", "pair"]):
        for column, what in (("cosine", "cosine of CLIP's embeddings"), ("shares", "a thing in common")):
            value = part[column].to_numpy(float)
            low, high = interval(run, value, part.image_id, seed=0)
            values[f"{names[pair]}_{column}_{direction}"] = {"ours": value.mean(), "low": low, "high": high,
                                                             "covers": Covers.PICTURES_ONE_FIT, "n": len(value),
                                                             "note": f"{what}, {direction}: {pair}"}
    return values


def _misses(run: Pipeline, direction: str) -> pd.DataFrame:
    """Errors in the first batch: table image_id, found (pictures nearer than the right one, nearest first)."""
    batch = scoring.retrieval_batch(run.validation(run.mapped["image"]), run.truth["image"],
                                    n=run.experiment.evaluate.n_retrieval)
    nearness = batch.nearness(direction)
    same = batch.image_ids[:, None] == batch.image_ids
    right = np.where(same, nearness, -np.inf).max(1)
    beats = ~same & (nearness >= right[:, None])
    order = np.argsort(-nearness, axis=1, kind="stable")
    return pd.DataFrame([{"image_id": batch.image_ids[i], "found": batch.image_ids[order[i][beats[i, order[i]]]]}
                         for i in np.flatnonzero(~scoring.hits(batch, direction))])
