"""Score retrieval from single trials beside baselines, controls and the mean over repeats (chapter 02)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import field, scoring
from ...core import Covers, paper_value
from ...mapping import targets
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from ...studies.sources import how_scored, true_embeddings
from ..common import entry

MAPPERS = {"image": "f_mi", "caption": "f_mc"}  # the paper's names
RETRIEVALS = ("retrieval/mindreader-forward", "retrieval/mindreader-backward", "retrieval/one-repeat-forward",
              "retrieval/one-repeat-backward", "retrieval/mindreader-forward-draws",
              "retrieval/mindreader-backward-draws", "retrieval/mindeye-code-forward",
              "retrieval/mindeye-code-backward")
UNFITTED = ("mean", "category", "ceiling")      # controls that need CLIP alone, by their keys in the results
FEWEST = 10         # pictures with so many repeats for a mean over them to be scored


def mapping_history(run: Pipeline) -> pd.DataFrame:
    """Losses of both mappers by epoch: table epoch, loss, curve."""
    rows = []
    for space in SPACES:
        history = run.mapper(space).history.reset_index(drop=True)
        for column in ("train_loss", "validation_loss"):
            rows.append(pd.DataFrame({"epoch": np.arange(1, len(history) + 1), "loss": history[column],
                                      "curve": f"{space}, {column.removesuffix('_loss')}"}))
    return pd.concat(rows, ignore_index=True)


def retrieval_with_controls(run: Pipeline) -> pd.DataFrame:
    """Score forward and backward retrieval by each mapper, both together, the baselines and the controls.

    Rows as of `scoring.retrieval`, with control (neither a mapper nor a baseline). Source: paper Tables 3 and 4.
    """
    brain = {space: run.validation(run.mapped[space]) for space in SPACES}
    truth, rows = _truth(run), []
    for direction in scoring.DIRECTIONS:
        settings = {"direction": direction, **_settings(run)}
        rows += [scoring.retrieval(brain[space], truth[space], name=f"{space} mapper", **settings).assign(control=False)
                 for space in SPACES]
        rows.append(scoring.combined_retrieval(list(brain.values()), list(truth.values()), name="both mappers",
                                               **settings).assign(control=False))
        for what, baseline in (("ridge regression", run.ridge), ("plain network", run.mlp)):
            rows += [scoring.retrieval(run.validation(baseline[space]), truth[space], name=f"{what}, {space}",
                                       **settings).assign(control=False) for space in SPACES]
        rows += [scoring.retrieval(embeddings, truth["image"], name=name, **settings).assign(control=True)
                 for name, embeddings in _controls(run, brain).items()]
    return pd.concat(rows, ignore_index=True)


def retrieval_by_repeats(run: Pipeline) -> pd.DataFrame:
    """Score retrieval by the mean prediction over repeats, image space.

    Rows as of `scoring.retrieval_by_repeats`, with group (the decoder) and direction. The same pictures for every number
    of repeats: those with the most, if there are FEWEST of them.
    """
    shown = np.unique(np.unique(run.subject.validation.image_ids, return_counts=True)[1])
    n_shown = {int(n): len(scoring.over_repeats(run.validation(run.mapped["image"]), int(n))) for n in shown}
    most = max((n for n, pictures in n_shown.items() if pictures >= FEWEST), default=1)
    n = min(run.experiment.evaluate.n_retrieval, n_shown.get(most, n_shown[min(n_shown)]))
    parts = []
    for decoder, embeddings in (("mapper", run.mapped), ("ridge regression", run.ridge)):
        table = scoring.retrieval_by_repeats(run.validation(embeddings["image"]), _truth(run)["image"],
                                             repeats=range(1, most + 1), name=f"{decoder}, image",
                                             **_settings(run, n=n))
        direction = table.metric.str.split().str[-1]
        averaged = table.n_repeats.map({1: "one repeat"}).fillna("mean of " + table.n_repeats.astype(str))
        parts.append(table.assign(group=decoder, direction=direction, name=averaged))
    return pd.concat(parts, ignore_index=True)


def retrieval_by_protocol(run: Pipeline) -> pd.DataFrame:
    """Score the same predictions under each named protocol: rows as of `field.score_protocol`, image space.

    Where each picture is one candidate, there may be fewer pictures than n_retrieval; the protocol's stamp has n.
    """
    pictures, parts = len(np.unique(run.subject.validation.image_ids)), []
    for decoder, embeddings in (("mapper", run.mapped), ("ridge regression", run.ridge)):
        for name in RETRIEVALS:
            wanted = run.experiment.evaluate.n_retrieval
            n = wanted if "/mindreader-" in name else min(wanted, pictures)
            parts.append(field.score_protocol(name, run.validation(embeddings["image"]), _truth(run)["image"],
                                                name=decoder, **_settings(run, n=n)))
    return pd.concat(parts, ignore_index=True).drop(columns="better")


def strips(table: pd.DataFrame) -> pd.DataFrame:
    """Add group and direction to `retrieval_with_controls`, for `plots.dots`."""
    mapper = table.name.str.contains("mapper")
    group = np.where(mapper, "mappers", np.where(table.control, "controls", "baselines"))
    return table.assign(group=group, direction=table.metric.str.split().str[-1])


def mapping_summary(run: Pipeline, table: pd.DataFrame, repeats: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose and scorecard about retrieval."""
    def row(name, direction):
        return table[(table.name == name) & (table.metric == f"retrieval {direction}")].iloc[0]

    values = {}
    for space in SPACES:
        for direction in scoring.DIRECTIONS:
            hits = paper_value("3b", MAPPERS[space], "MSE+cos then +Contra", f"{direction} hits of 300")
            values[f"{space}_{direction}"] = entry(row(f"{space} mapper", direction), paper=hits / 300,
                                                   note="Table 3b, final recipe; single trials")
    for direction in scoring.DIRECTIONS:
        hits = paper_value("4", "weighted sum", "f_mi + f_mc", f"{direction} hits of 300")
        values[f"both_{direction}"] = entry(row("both mappers", direction), paper=hits / 300,
                                            note="Table 4; weights chosen on other trials")
        for name, key, note in (
                ("ridge regression, image", "ridge", "baseline: linear, same trials"),
                ("plain network, image", "plain", "baseline: fully connected, same trials"),
                ("shuffled brain", "shuffled", "control: another trial's activity"),
                ("mean embedding", "mean", "control: no brain"),
                ("category oracle", "category", "control: given the things in the picture, no brain"),
                ("nearest training picture", "nearest", "control: replaced by the nearest training picture"),
                ("true caption embedding", "ceiling", "ceiling: retrieval by a caption's own embedding")):
            covers = Covers.PICTURES_ONE_TRAINING if key in UNFITTED else Covers.PICTURES_ONE_FIT
            values[f"{key}_{direction}"] = entry(row(name, direction), note=note, covers=covers)
    most = repeats.n_repeats.max()
    for mean in repeats.itertuples():
        key = f"{mean.group.split()[0]}_mean_of_{mean.n_repeats}_{mean.direction}"
        values[key] = entry(mean, note=f"mean of {mean.n_repeats} repeats, pictures with {most}")
    values["chance"] = {"ours": float(table.chance.iloc[0]), "note": "repeats of one picture count as hits"}
    return values


def _settings(run: Pipeline, n: int | None = None) -> dict:
    return {"n": n or run.experiment.evaluate.n_retrieval, **how_scored(run, "retrieval")}


def _truth(run: Pipeline) -> dict[str, Embeddings]:
    return {space: targets(run.validation(run.targets[space]), run.experiment.mapping.clamp) for space in SPACES}


def _controls(run: Pipeline, brain: dict[str, Embeddings]) -> dict[str, Embeddings]:
    like, training = brain["image"], run.training(run.truth["image"])
    return {
        "shuffled brain": scoring.shuffled(like, run.experiment.child_seed("retrieval")),
        "mean embedding": scoring.mean_embedding(training, like),
        "category oracle": scoring.category_embeddings(training, like, run.subject.stimuli.annotations),
        "nearest training picture": scoring.training_embeddings(like, training),
        "true caption embedding": true_embeddings(run, like, "caption"),
    }
