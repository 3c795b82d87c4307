"""Reconstruct the same trials from the brain, from a ceiling and from floors, and score them alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from .. import scoring
from ..extractors import INCEPTION
from ..experiments import CONDITIONS
from ..pipeline import Pipeline
from ..records import SPACES, Embeddings, Reconstructions
from ..scoring import categories_as_annotations, identification, rarest_categories

NEAREST = "nearest training picture"


def how_scored(run: Pipeline, draws: str = "bootstrap") -> dict:
    """Arguments of every score of this run: seed (of the run's draws of that name), origin, n_bootstrap."""
    return {"seed": run.experiment.child_seed(draws), "origin": run.origin,
            "n_bootstrap": run.experiment.evaluate.n_bootstrap}


def identification_row(run: Pipeline, name: str, guess: Embeddings, truth: Embeddings, n_choices: int, *,
                       control: bool = False) -> pd.DataFrame:
    """One row of n-way identification over the given trials, with an interval over pictures."""
    found = identification(guess, truth, n_choices=n_choices, name=name, **how_scored(run))
    return stamped(run, found, truth.space).assign(control=control)


def mean_row(run: Pipeline, name: str, metric: str, values: np.ndarray, image_ids: np.ndarray, chance: float = np.nan,
             **columns) -> pd.DataFrame:
    """A tidy score row: the mean of values (n,) over trials, those that are NaN left out, with an interval that resamples pictures."""
    scored, how = ~np.isnan(values), how_scored(run)
    low, high = scoring.bootstrap_interval(values[scored], image_ids[scored], seed=how["seed"], n_bootstrap=how["n_bootstrap"])
    return scoring.score_row(name, metric, values[scored].mean(), low, high, int(scored.sum()), chance, how["seed"], run.origin, **columns)


def stamped(run: Pipeline, table: pd.DataFrame, space: str) -> pd.DataFrame:
    """A score table whose protocol says which network made the features, and from which weights, where these are photographs.

    space: of the embeddings that were compared. Without change for the simulated world.
    """
    network = run.scored_by("feature" if space == INCEPTION else "clip")
    if not network:
        return table
    protocols = table.protocol if "protocol" in table else [""] * len(table)
    return table.assign(protocol=["; ".join(filter(None, (protocol, network))) for protocol in protocols])


def true_embeddings(run: Pipeline, like: Embeddings, space: str) -> Embeddings:
    """The true embeddings of the pictures of `like`, row by row: conditions in the place of the brain's."""
    return Embeddings(run.truth[space].at(like.image_ids), like.image_ids, like.keys, space, "clip")


def brain_embeddings(run: Pipeline, cond: str) -> dict[str, Embeddings]:
    """The mapped embeddings of all validation trials: the conditions of this generator."""
    return {space: run.validation(run.conditions(cond)[space]) for space in SPACES}


def sources(run: Pipeline, cond: str) -> dict[str, dict[str, Embeddings]]:
    """Conditions of this generator for the validation trials, by source: the brain, the ceiling and the floors.

    The same rows (image id, trial) in each: "brain", "true embedding", "category centroid" (the mean true embedding of
    training pictures of the picture's category), "random training embedding", "mean embedding" and "shuffled brain".
    """
    key = ("sources", cond)
    if key not in run.memo:
        brain, seed = brain_embeddings(run, cond), run.experiment.child_seed("controls")
        rng = np.random.default_rng(seed)
        like = brain["image"]
        training = {space: run.training(run.conditions(cond)[space]) for space in SPACES}
        drawn = rng.integers(0, len(training["image"]), len(like))
        category = categories_as_annotations(picture_categories(run))
        run.memo[key] = {
            "brain": brain,
            "true embedding": {space: true_embeddings(run, brain[space], space) for space in SPACES},
            "category centroid": {space: scoring.category_embeddings(run.training(run.truth[space]), brain[space], category)
                                  for space in SPACES},
            "random training embedding": {space: Embeddings(training[space].vectors[drawn], like.image_ids, like.keys, space,
                                                            "fmri") for space in SPACES},
            "mean embedding": {space: scoring.mean_embedding(training[space], brain[space]) for space in SPACES},
            "shuffled brain": {space: scoring.shuffled(brain[space], seed) for space in SPACES},
        }
    return run.memo[key]


def picture_categories(run: Pipeline) -> pd.Series:
    """The rarest category of each stimulus, by image id, as counted over training pictures."""
    return rarest_categories(run.subject.stimuli, run.split.train)


def reconstructions(run: Pipeline, cond: str, source: str = "brain", *, finetuned: bool = True) -> Reconstructions:
    """Reconstructions of all validation trials from one of the `sources`, made once for each run.

    Those of photographs are kept in the store: a set has gigabytes of pictures, of which few are in memory at once, and may take
    an hour. A run that was killed goes on with the next set.
    """
    key = ("reconstructions", cond, source, finetuned)
    if key not in run.memo:
        def reconstructed() -> Reconstructions:
            return run.reconstruct(sources(run, cond)[source], cond, finetuned=finetuned)

        run.memo[key] = run.keep("reconstructions", {"cond": cond, "source": source, "finetuned": finetuned},
                                 lambda folder: _save(reconstructed(), folder), _load) if run.shows_photographs else reconstructed()
    return run.memo[key]


def _save(pictures: Reconstructions, folder: Path) -> None:
    for name in ("images", "image_ids", "keys"):
        np.save(folder / f"{name}.npy", getattr(pictures, name))
    about = {"heads": pictures.heads, "seed": pictures.seed, "note": pictures.note}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _load(folder: Path) -> Reconstructions:
    images, ids, keys = (np.load(folder / f"{name}.npy", mmap_mode="r" if name == "images" else None, allow_pickle=False)
                         for name in ("images", "image_ids", "keys"))
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return Reconstructions(images, ids, keys, tuple(about["heads"]), about["seed"], about["note"])


def reconstruction_features(run: Pipeline, cond: str, source: str = "brain", *, finetuned: bool = True) -> Embeddings:
    """Their features by the evaluation network, which is in no loss; `NEAREST` is a source here too."""
    key = ("reconstruction features", cond, source, finetuned)
    if key not in run.memo:
        run.memo[key] = nearest_training(run, cond, run.true_features) if source == NEAREST else \
            run.picture_features(reconstructions(run, cond, source, finetuned=finetuned))
    return run.memo[key]


def released_reference(run: Pipeline) -> Embeddings:
    """The picture of every training trial to the evaluation network, repeats and all: what the released code's distance is to."""
    trials, embeddings = run.subject.train, run.true_features
    return Embeddings(embeddings.at(trials.image_ids), trials.image_ids, trials.trial_ids, embeddings.space, embeddings.source)


def nearest_training(run: Pipeline, cond: str, embeddings: Embeddings) -> Embeddings:
    """For each trial the embedding, in any space, of the training picture nearest to the brain's: retrieval."""
    brain = brain_embeddings(run, cond)[CONDITIONS[cond][0]]
    return Embeddings(embeddings.at(nearest_training_ids(run, cond)), brain.image_ids, brain.keys, embeddings.space, "fmri")


def nearest_training_ids(run: Pipeline, cond: str) -> np.ndarray:
    """The ids of these training pictures, one for each validation trial, nearest in the space of the first head."""
    space = CONDITIONS[cond][0]
    return scoring.nearest_pictures(brain_embeddings(run, cond)[space], run.training(run.truth[space]), 1)[:, 0]
