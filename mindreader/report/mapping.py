"""Chapter 02: how well single trials find their picture in CLIP's space."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import scores
from ..mapping import targets
from ..pipeline import Pipeline
from ..records import SPACES, Embeddings
from ..tables import paper_value
from .common import entry, pictures_of

DIRECTIONS = ("forward", "backward")
MAPPERS = {"image": "f_mi", "caption": "f_mc"}  # the paper's names


def mapping_history(run: Pipeline) -> pd.DataFrame:
    """Losses of both mappers, epoch by epoch: table epoch, loss, curve."""
    rows = []
    for space in SPACES:
        history = run.mapper(space).history.reset_index(drop=True)
        for column in ("train_loss", "validation_loss"):
            rows.append(pd.DataFrame({"epoch": np.arange(1, len(history) + 1), "loss": history[column],
                                      "curve": f"{space}, {column.removesuffix('_loss')}"}))
    return pd.concat(rows, ignore_index=True)


def retrieval_with_controls(run: Pipeline) -> pd.DataFrame:
    """Retrieval, forward and backward, by each mapper and both together, and the controls (paper Tables 3 and 4)."""
    n, seed = run.experiment.evaluate.n_retrieval, run.experiment.child_seed("retrieval")
    settings = dict(n=n, seed=seed, origin=run.origin, n_bootstrap=run.experiment.evaluate.n_bootstrap)
    brain = {space: run.validation(run.mapped[space]) for space in SPACES}
    truth = _truth(run)
    ridge = {space: run.validation(run.ridge[space]) for space in SPACES}
    rows = []
    for direction in DIRECTIONS:
        for space in SPACES:
            rows.append(scores.retrieval(brain[space], truth[space], direction=direction, name=f"{space} mapper",
                                         **settings).assign(control=False))
        rows.append(scores.combined_retrieval([brain[s] for s in SPACES], [truth[s] for s in SPACES], direction=direction,
                                              name="both mappers", **settings).assign(control=False))
        for name, points in _controls(run, brain, ridge, seed).items():
            space = "caption" if "caption" in name else "image"
            rows.append(scores.retrieval(points, truth[space], direction=direction, name=name,
                                         **settings).assign(control=True))
    return pd.concat(rows, ignore_index=True)


def retrieval_misses(run: Pipeline, n: int = 6, k: int = 3) -> dict[str, np.ndarray]:
    """Pictures of the first n trials whose own picture was not nearest, beside the k that were (the paper's Fig. 3)."""
    brain, truth = run.validation(run.mapped["image"]), run.validation(run.truth["image"])
    found = scores.nearest(brain, truth, k)
    rows = np.flatnonzero(found[:, 0] != brain.image_ids)
    _, first = np.unique(brain.image_ids[rows], return_index=True)
    rows = rows[np.sort(first)[:n]]
    columns = {"seen": pictures_of(run, brain.image_ids[rows])}
    return columns | {f"nearest {i + 1}": pictures_of(run, found[rows, i]) for i in range(k)}


def mapping_summary(run: Pipeline, table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard."""
    def row(name, direction):
        return table[(table.name == name) & (table.metric == f"retrieval {direction}")].iloc[0]

    values = {}
    for space in SPACES:
        for direction in DIRECTIONS:
            hits = paper_value("3b", MAPPERS[space], "MSE+cos then +Contra", f"{direction} hits of 300")
            values[f"{space}_{direction}"] = entry(row(f"{space} mapper", direction), paper=hits / 300,
                                                   note="Table 3b, final recipe; single trials")
    for direction in DIRECTIONS:
        hits = paper_value("4", "weighted sum", "f_mi + f_mc", f"{direction} hits of 300")
        values[f"both_{direction}"] = entry(row("both mappers", direction), paper=hits / 300,
                                            note="Table 4; weights chosen on other trials")
        values[f"ridge_{direction}"] = entry(row("ridge regression", direction), note="control: closed form, same trials")
        values[f"shuffled_{direction}"] = entry(row("shuffled brain", direction), note="control: another trial's activity")
        values[f"mean_{direction}"] = entry(row("mean embedding", direction), note="control: no brain")
        values[f"ceiling_{direction}"] = entry(row("true caption embedding", direction),
                                               note="ceiling: a caption's own point finds its picture")
    values["chance"] = {"ours": float(table.chance.iloc[0]), "note": "repeats of one picture count as hits"}
    return values | _miss_similarity(run)


def _truth(run: Pipeline) -> dict[str, Embeddings]:
    return {space: targets(run.validation(run.targets[space]), run.experiment.mapping.clamp) for space in SPACES}


def _controls(run: Pipeline, brain, ridge, seed: int) -> dict[str, Embeddings]:
    like = brain["image"]
    training = run.training(run.truth["image"])
    nearest = scores.nearest(like, training, 1)[:, 0]
    return {
        "ridge regression": ridge["image"],
        "ridge regression, caption": ridge["caption"],
        "nearest training picture": Embeddings(training.at(nearest), like.image_ids, like.keys, "image", "clip"),
        "mean embedding": scores.mean_point(training, like),
        "shuffled brain": scores.shuffled(like, seed),
        "true caption embedding": Embeddings(run.truth["caption"].at(like.image_ids), like.image_ids, like.keys, "image",
                                             "clip"),
    }


def _miss_similarity(run: Pipeline) -> dict:
    """How often the picture found by a miss shares a thing with the right one, against random pairs."""
    brain, truth = run.validation(run.mapped["image"]), run.validation(run.truth["image"])
    found = scores.nearest(brain, truth, 1)[:, 0]
    missed = found != brain.image_ids
    things = run.subject.stimuli.annotations.query("kind == 'thing'").groupby("image_id")["category"].agg(set)
    rng = np.random.default_rng(run.experiment.child_seed("random pairs"))

    def shares(a, b):
        return np.array([bool(things.get(i, set()) & things.get(j, set())) for i, j in zip(a, b)], float)

    seen = brain.image_ids[missed]
    pairs = {"miss_shares_category": (shares(seen, found[missed]), "misses: a thing in common with the right picture"),
             "random_shares_category": (shares(seen, rng.permutation(seen)), "control: random pairs of the same pictures")}
    values = {}
    for name, (hits, note) in pairs.items():
        low, high = scores.bootstrap_interval(hits, seen, seed=0, n_bootstrap=run.experiment.evaluate.n_bootstrap)
        values[name] = {"ours": hits.mean(), "low": low, "high": high, "n": len(hits), "note": note}
    return values
