"""Explain the gap between forward and backward retrieval by repeats within a batch and by hubs (chapter 02)."""

from __future__ import annotations

import pandas as pd

from ...core import Covers
from ...mapping import targets
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from ...scoring import RetrievalBatch, over_repeats
from ...studies import hubs
from ...studies.sources import how_scored
from ..common import entry

DECODERS = ("mapper", "ridge regression")
TRIALS = ("first trials", "one repeat of each picture")
PROTOCOLS = dict(zip(TRIALS, ("mindreader", "one-repeat")))


def similarities(run: Pipeline) -> pd.DataFrame:
    """Score retrieval under each similarity, among the first trials (the paper) and among one repeat of each picture.

    Rows as of `scoring.retrieval`, with space, decoder, direction, similarity and trials. Where a batch has several repeats
    of a picture, backward the best of them suffices, but forward each must find its picture itself.
    """
    parts = []
    for (space, decoder, trials), batches in _batches(run).items():
        table = hubs.retrieval_by_similarity(batches, name=f"{decoder}, {space}", **how_scored(run, "retrieval"))
        table["direction"] = table.metric.str.split().str[-1]
        table["protocol"] = table.protocol.str.replace("mindreader", PROTOCOLS[trials])
        parts.append(table.assign(space=space, decoder=decoder, trials=trials))
    return pd.concat(parts, ignore_index=True)


def hub_scores(run: Pipeline) -> pd.DataFrame:
    """Skewness of the k-occurrences, hubs and orphans: rows of `hubs.hubness`, with space and decoder."""
    return pd.concat([hubs.hubness_by_similarity(batches, name=f"{decoder}, {space}", **how_scored(run, "retrieval"))
                      .assign(space=space, decoder=decoder)
                      for (space, decoder, trials), batches in _batches(run).items() if trials == TRIALS[1]],
                     ignore_index=True)


def occurrence_curves(run: Pipeline, space: str = "image") -> pd.DataFrame:
    """Count how often each picture is among the ten nearest, in descending order: decoder, similarity, rank, count."""
    parts = []
    for decoder in DECODERS:
        for kind, batch in _batches(run)[space, decoder, TRIALS[1]].items():
            count = sorted(hubs.k_occurrences(batch, "forward"), reverse=True)
            parts.append(pd.DataFrame({"decoder": decoder, "similarity": kind, "rank": range(1, len(count) + 1),
                                       "count": count}))
    return pd.concat(parts, ignore_index=True)


def hubs_summary(found: pd.DataFrame, scores: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose about hubs, for the image space."""
    values = {}
    for row in found[found.space == "image"].itertuples():
        trials = "once" if row.trials == TRIALS[1] else "first"
        key = f"{row.decoder.split()[0]}_{row.similarity.lower()}_{trials}_{row.direction}"
        values[key] = entry(row, note=row.protocol)
    for row in scores[(scores.space == "image") & scores.metric.str.startswith("skewness")
                      & (scores.direction == "forward")].itertuples():
        values[f"{row.decoder.split()[0]}_{row.similarity.lower()}_skewness"] = entry(row, note=row.metric,
                                                                                            covers=Covers.CANDIDATES_ONE_FIT)
    return values


def _batches(run: Pipeline) -> dict[tuple[str, str, str], dict[str, RetrievalBatch]]:
    """(space, decoder, trials) -> similarity -> batch; centring subtracts the means of the training side."""
    if "hub batches" not in run.memo:
        run.memo["hub batches"] = {
            (space, decoder, trials): _of(run, embeddings[space], space, trials)
            for decoder, embeddings in zip(DECODERS, (run.mapped, run.ridge)) for space in SPACES for trials in TRIALS}
    return run.memo["hub batches"]


def _of(run: Pipeline, embeddings: Embeddings, space: str, trials: str) -> dict[str, RetrievalBatch]:
    truth = targets(run.targets[space], run.experiment.mapping.clamp)
    middle = hubs.training_means(run.training(embeddings), truth)
    scored, n = run.validation(embeddings), run.experiment.evaluate.n_retrieval
    if trials == TRIALS[1]:
        scored = over_repeats(scored, 1)
    return hubs.batches_by_similarity(scored, truth, middle, n=min(n, len(scored)),
                                         seed=run.experiment.child_seed("retrieval"))
