"""Chapter 02: why forward retrieval lags behind backward: showings of one picture that compete together, and hubs."""

from __future__ import annotations

import pandas as pd

from ... import scoring
from ...mapping import targets
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from ...scoring import RetrievalBatch, over_repeats
from ...studies.sources import how_scored
from ..common import entry

READERS = ("mapper", "ridge regression")
TRIALS = ("first trials", "one showing of each picture")
PROTOCOLS = dict(zip(TRIALS, ("mindreader", "one-repeat")))


def similarities(run: Pipeline) -> pd.DataFrame:
    """Retrieval under each similarity, among the first trials as in the paper, and among one trial of each picture.

    Rows as of `retrieval.retrieval`, with space, reader, direction, similarity and trials. Where showings of one picture
    compete in one batch, the best of them answers for all backward, but forward each must find its picture itself.
    """
    parts = []
    for (space, reader, trials), batches in _batches(run).items():
        table = scoring.retrieval_by_similarity(batches, name=f"{reader}, {space}", **how_scored(run, "retrieval"))
        table["direction"] = table.metric.str.split().str[-1]
        table["protocol"] = table.protocol.str.replace("mindreader", PROTOCOLS[trials])
        parts.append(table.assign(space=space, reader=reader, trials=trials))
    return pd.concat(parts, ignore_index=True)


def hub_scores(run: Pipeline) -> pd.DataFrame:
    """How skewed it is how often a candidate is found, hubs, orphans: rows of `hubness.hubness`, space, reader."""
    return pd.concat([scoring.hubness_by_similarity(batches, name=f"{reader}, {space}", **how_scored(run, "retrieval"))
                      .assign(space=space, reader=reader)
                      for (space, reader, trials), batches in _batches(run).items() if trials == TRIALS[1]],
                     ignore_index=True)


def occurrence_curves(run: Pipeline, space: str = "image") -> pd.DataFrame:
    """How often each picture is among the ten nearest, most often first: table reader, similarity, rank, count."""
    parts = []
    for reader in READERS:
        for kind, batch in _batches(run)[space, reader, TRIALS[1]].items():
            count = sorted(scoring.k_occurrences(batch, "forward"), reverse=True)
            parts.append(pd.DataFrame({"reader": reader, "similarity": kind, "rank": range(1, len(count) + 1),
                                       "count": count}))
    return pd.concat(parts, ignore_index=True)


def hubs_summary(found: pd.DataFrame, hubs: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose about hubs, for the image space."""
    values = {}
    for row in found[found.space == "image"].itertuples():
        trials = "once" if row.trials == TRIALS[1] else "first"
        key = f"{row.reader.split()[0]}_{row.similarity.lower()}_{trials}_{row.direction}"
        values[key] = entry(row, note=row.protocol)
    for row in hubs[(hubs.space == "image") & hubs.metric.str.startswith("skewness")
                    & (hubs.direction == "forward")].itertuples():
        values[f"{row.reader.split()[0]}_{row.similarity.lower()}_skewness"] = entry(row, note=row.metric)
    return values


def _batches(run: Pipeline) -> dict[tuple[str, str, str], dict[str, RetrievalBatch]]:
    """(space, reader, trials) -> similarity -> batch; the means that are subtracted are the training side's."""
    if "hub batches" not in run.memo:
        run.memo["hub batches"] = {
            (space, reader, trials): _of(run, embeddings[space], space, trials)
            for reader, embeddings in zip(READERS, (run.mapped, run.ridge)) for space in SPACES for trials in TRIALS}
    return run.memo["hub batches"]


def _of(run: Pipeline, embeddings: Embeddings, space: str, trials: str) -> dict[str, RetrievalBatch]:
    truth = targets(run.targets[space], run.experiment.mapping.clamp)
    middle = scoring.training_means(run.training(embeddings), truth)
    scored, n = run.validation(embeddings), run.experiment.evaluate.n_retrieval
    if trials == TRIALS[1]:
        scored = over_repeats(scored, 1)
    return scoring.batches_by_similarity(scored, truth, middle, n=min(n, len(scored)), seed=run.experiment.child_seed("retrieval"))
