"""Chapter 03: pictures from single trials, and how much of each score the brain supplies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import embed, scores
from ..pipeline import Pipeline
from ..experiments import CONDITIONS
from ..records import SPACES, Embeddings, Reconstructions
from ..tables import paper_value
from .common import entry, first_draw, first_of_each, identification_row, pictures_of, true_points

LABELS = {"img": "image head", "cap": "caption head", "both": "both heads"}


def gan_history(run: Pipeline, cond: str) -> pd.DataFrame:
    """The weighted losses of finetuning, each the mean since the row before: table kimg, loss, value."""
    history = run.painter(cond).history.drop(columns="seconds")
    return history.melt("kimg", var_name="loss").dropna().reset_index(drop=True)


def brain_points(run: Pipeline) -> dict[str, Embeddings]:
    """The mapped points of all validation trials."""
    return {space: run.validation(run.mapped[space]) for space in SPACES}


def sources(run: Pipeline) -> dict[str, dict[str, Embeddings]]:
    """What a generator can be fed with for the validation trials: the brain, the ceiling, and the floors.

    The same rows (image id, trial) in each: "brain", "true embedding", "shuffled brain", "mean embedding" and
    "random training embedding".
    """
    brain, seed = brain_points(run), run.experiment.child_seed("controls")
    rng = np.random.default_rng(seed)
    like = brain["image"]
    training = {space: run.training(run.mapped[space]) for space in SPACES}
    drawn = rng.integers(0, len(training["image"]), len(like))
    return {
        "brain": brain,
        "true embedding": {space: true_points(run, brain[space], space) for space in SPACES},
        "shuffled brain": {space: scores.shuffled(brain[space], seed) for space in SPACES},
        "mean embedding": {space: scores.mean_point(training[space], brain[space]) for space in SPACES},
        "random training embedding": {space: Embeddings(training[space].vectors[drawn], like.image_ids, like.keys, space,
                                                        "fmri") for space in SPACES},
    }


def sample_columns(run: Pipeline, cond: str, n: int = 8) -> dict[str, np.ndarray]:
    """Columns of pictures for the first trial of each of the first n validation pictures."""
    fed = sources(run)
    rows = first_of_each(fed["brain"]["image"], n)
    some = {name: {space: points[space].take(rows) for space in SPACES} for name, points in fed.items()}
    columns = {"seen": pictures_of(run, some["brain"]["image"].image_ids),
               "from the brain": first_draw(run.paint(some["brain"], cond)),
               "true embedding": first_draw(run.paint(some["true embedding"], cond)),
               "brain, before\nfinetuning": first_draw(run.paint(some["brain"], cond, finetuned=False)),
               "shuffled brain": first_draw(run.paint(some["shuffled brain"], cond)),
               "mean embedding": first_draw(run.paint(some["mean embedding"], cond))}
    return columns


def draws(run: Pipeline, cond: str, n: int = 5, n_draws: int = 4) -> dict[str, np.ndarray]:
    """Several draws of z for the first trials."""
    brain = brain_points(run)
    rows = first_of_each(brain["image"], n)
    some = {space: brain[space].take(rows) for space in SPACES}
    painted = run.paint(some, cond, n_draws=n_draws).images
    return {"seen": pictures_of(run, some["image"].image_ids)} | {f"z {i + 1}": painted[:, i] for i in range(n_draws)}


def repeats(run: Pipeline, cond: str, n: int = 5) -> dict[str, np.ndarray]:
    """Reconstructions from three showings of the same picture; the first n pictures that were shown three times."""
    brain = brain_points(run)
    ids, counts = np.unique(brain["image"].image_ids, return_counts=True)
    shown = ids[counts == counts.max()][:n]
    columns = {"seen": pictures_of(run, shown)}
    for showing in range(counts.max()):
        rows = [np.flatnonzero(brain["image"].image_ids == i)[showing] for i in shown]
        columns[f"showing {showing + 1}"] = first_draw(run.paint({s: brain[s].take(rows) for s in SPACES}, cond))
    return columns


def identification(run: Pipeline, cond: str) -> pd.DataFrame:
    """n-way identification for the brain, its ceiling and its floors, by a feature net that no loss has seen.

    Table name, metric, value, low, high, n, chance, seed, origin, control. Source: paper A.4, Tables 5 and 6.
    """
    painted = _painted(run, cond)
    rows = [identification_row(run, name, run.picture_features(pictures), run.true_features, ways,
                               control=name != "brain")
            for name, pictures in painted.items() for ways in run.experiment.evaluate.ways]
    clip = embed.embed_reconstructions(painted["brain"], run.clip)
    rows.append(identification_row(run, "brain, by the CLIP of the loss", clip, run.points["image"], 2, control=True))
    nearest = _nearest_training(run, cond)
    rows.append(identification_row(run, "nearest training picture", nearest, run.true_features, 2, control=True))
    return pd.concat(rows, ignore_index=True)


def two_way(table: pd.DataFrame) -> pd.DataFrame:
    """Only the two-way rows of an identification table."""
    return table[table.metric == "2-way identification"].reset_index(drop=True)


def distances(run: Pipeline, cond: str) -> pd.DataFrame:
    """Fréchet and kernel distance of each set of pictures to the validation pictures, and of real halves."""
    ids = np.unique(run.split.validation)
    real = run.validation(run.true_features)
    painted = _painted(run, cond)
    sets = {name: run.picture_features(pictures) for name, pictures in painted.items()}
    sets["brain, before finetuning"] = run.picture_features(_painted(run, cond, finetuned=False)["brain"])
    rows = [scores.distances(points, real, name=name, origin=run.origin) for name, points in sets.items()]
    order = np.random.default_rng(run.experiment.child_seed("halves")).permutation(len(ids))
    half = len(ids) // 2
    rows.append(scores.distances(real.take(np.sort(order[:half])), real.take(np.sort(order[half:])),
                                 name="two halves of the real pictures", origin=run.origin))
    table = pd.concat(rows, ignore_index=True)
    return table.drop(columns=["low", "high", "chance", "seed"])


def conditions(run: Pipeline) -> pd.DataFrame:
    """Both heads beside one: two-way identification and Fréchet distance for each condition (Tables 1 and 5)."""
    rows, real = [], run.validation(run.true_features)
    for cond in CONDITIONS:
        for finetuned in (False, True):
            points = run.picture_features(run.paint(brain_points(run), cond, finetuned=finetuned))
            name = f"{LABELS[cond]}, {'finetuned' if finetuned else 'as pretrained'}"
            row = identification_row(run, name, points, run.true_features, 2)
            rows.append(row.assign(fd=scores.frechet_distance(points, real)).rename(columns={"fd": "FD (twin features)"}))
    return pd.concat(rows, ignore_index=True).drop(columns="control")


def gan_summary(run: Pipeline, cond: str, table: pd.DataFrame, far: pd.DataFrame, beside: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard."""
    def way(name, n=2):
        return table[(table.name == name) & (table.metric == f"{n}-way identification")].iloc[0]

    def distance(name, metric="FD (twin features)"):
        row = far[(far.name == name) & (far.metric == metric)].iloc[0]
        return {"ours": float(row.value), "n": int(row.n)}

    quoted = paper_value("5 or 6", "best setting, cell unknown", "2-way")
    values = {"two_way": entry(way("brain"), paper=quoted,
                               note=f"{LABELS[cond]}; the paper's cell is quoted second-hand, by Inception features")}
    for ways in run.experiment.evaluate.ways[1:]:
        values[f"way_{ways}"] = entry(way("brain", ways), note="Table 6; the paper's number is not recoverable")
    values |= {
        "two_way_ceiling": entry(way("true embedding"), note="ceiling: CLIP's own points"),
        "two_way_shuffled": entry(way("shuffled brain"), note="control: another trial's activity"),
        "two_way_mean": entry(way("mean embedding"), note="control: no brain"),
        "two_way_nearest": entry(way("nearest training picture"), note="control: retrieval in disguise"),
        "two_way_clip": entry(way("brain, by the CLIP of the loss"), note="a trap: the critic inside the loss"),
        "fd": distance("brain") | {"note": "FD (twin features); Table 1's FIDs are not recoverable"},
        "fd_start": distance("brain, before finetuning") | {"note": "the pretrained generator on mapped points"},
        "fd_ceiling": distance("true embedding") | {"note": "from CLIP's own points"},
        "fd_halves": distance("two halves of the real pictures") | {"note": "two halves of the real pictures"},
        "kd": distance("brain", "KD (twin features)") | {"note": "kernel distance, not inflated by few pictures"},
    }
    for row in beside.itertuples():
        if "finetuned" in row.name:
            values["two_way_" + row.name.split()[0]] = entry(row, note=row.name)
    return values


def _painted(run: Pipeline, cond: str, finetuned: bool = True) -> dict[str, Reconstructions]:
    """Reconstructions of all validation trials from each source; before finetuning, from the brain alone."""
    key = ("painted", cond, finetuned)
    if key not in run.memo:
        fed = sources(run)
        names = fed if finetuned else ["brain"]
        run.memo[key] = {name: run.paint(fed[name], cond, finetuned=finetuned) for name in names}
    return run.memo[key]


def _nearest_training(run: Pipeline, cond: str) -> Embeddings:
    """Features of the training picture whose true point is nearest to the brain's: a "reconstruction" by retrieval."""
    space = CONDITIONS[cond][0]
    brain = run.validation(run.mapped[space])
    found = scores.nearest(brain, run.training(run.truth[space]), 1)[:, 0]
    return Embeddings(run.true_features.at(found), brain.image_ids, brain.keys, run.true_features.space, "fmri")
