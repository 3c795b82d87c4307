"""Test the shipped CLIP on held-out scenes: retrieval, zero-shot classes, and what captions never mention."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import embedding, extractors, scoring
from ...core import Covers
from ...pipeline import Pipeline
from ...pretraining import category_prompts
from ...records import Embeddings
from ...world import FACTORS, THINGS, Factor, factors
from ..common import entry
from .held_out import Scenes, held_out

FOLDS = 5
MENTIONED = {True: "mentioned in captions", False: "never mentioned in captions"}
CLIP = "CLIP's embedding"
PIXELS = "16 x 16 pixels"
LOW_LEVEL = "low-level network"
INPUTS = {"clip": CLIP, "pixels": PIXELS, "resnet": LOW_LEVEL}     # what the keys of their numbers have


def clip(run: Pipeline) -> embedding.ClipEmbedder:
    """The shipped CLIP, whatever the experiment uses elsewhere."""
    if "shipped clip" not in run.memo:
        run.memo["shipped clip"] = embedding.load_clip()
    return run.memo["shipped clip"]


def embeddings(run: Pipeline) -> dict[str, Embeddings]:
    """CLIP's embeddings of the held-out scenes: "picture", and one for each grade of caption."""
    if "shipped embeddings" not in run.memo:
        scenes, shipped = held_out(run), clip(run)
        found = {"picture": as_embeddings(shipped.images(scenes.pictures), "image")}
        found |= {grade: as_embeddings(shipped.texts(sentences), "caption") for grade, sentences in scenes.captions.items()}
        run.memo["shipped embeddings"] = found
    return run.memo["shipped embeddings"]


def as_embeddings(vectors: np.ndarray, space: str) -> Embeddings:
    """Vectors (n, d) as embeddings of pictures 0 .. n - 1."""
    ids = np.arange(len(vectors))
    return Embeddings(vectors, ids, np.zeros_like(ids), space, "clip")


def top1(run: Pipeline) -> pd.DataFrame:
    """Top-1 retrieval of a picture's own sentence among 300, and back, for each grade of sentence.

    Exact over all sets of rivals; a rival with the very same words is a miss. Columns of a tidy score table, and direction.
    """
    found, n = embeddings(run), run.experiment.evaluate.n_retrieval
    how = {"n_choices": n, "seed": run.experiment.child_seed("bootstrap"), "origin": run.origin,
           "n_bootstrap": run.experiment.evaluate.n_bootstrap}
    rows = []
    for grade in held_out(run).captions:
        ways = {"picture to sentence": (found["picture"], found[grade]),
                "sentence to picture": (found[grade], found["picture"])}
        rows += [scoring.identification(*way, name=f"{grade} sentence", **how).assign(direction=direction)
                 for direction, way in ways.items()]
    return pd.concat(rows, ignore_index=True).assign(metric=f"top-1 of {n}")


def zero_shot(run: Pipeline) -> pd.DataFrame:
    """AUC of each class by its short sentence, "a photo of a dog", never trained as a classifier.

    Table name, kind, value, low, high, n_present, n, best first; classes in too few held-out pictures are left out
    (fewer than ten at full size), and those in too many.
    """
    labels, likeness, names = _zero_shot(run)
    n, n_bootstrap = len(labels), min(200, run.experiment.evaluate.n_bootstrap)
    table, _ = scoring.auc_by_class(labels, likeness, names)
    drawn = np.random.default_rng(run.experiment.child_seed("bootstrap")).multinomial(n, np.full(n, 1 / n), n_bootstrap)
    spans = [np.nanquantile(scoring.weighted_auc(*of_class, drawn), [0.025, 0.975])
             for of_class in zip(labels.T, likeness.T)]
    things = {kind.name for kind in THINGS.values()}
    table = table.rename(columns={"category": "name"}).assign(
        low=[low for low, _ in spans], high=[high for _, high in spans],
        kind=["things" if name in things else "stuff" for name in table.category])
    return table.sort_values("value", ascending=False, ignore_index=True)


def mean_zero_shot(run: Pipeline) -> pd.DataFrame:
    """The mean of `zero_shot` over classes, with an interval over pictures: one row."""
    labels, likeness, names = _zero_shot(run)
    seed, n_bootstrap = run.experiment.child_seed("bootstrap"), min(200, run.experiment.evaluate.n_bootstrap)
    value = scoring.auc_by_class(labels, likeness, names)[0].value.mean()
    low, high = scoring.mean_auc_interval(labels, likeness, np.arange(len(labels)), seed=seed, n_bootstrap=n_bootstrap)
    return scoring.score_row("CLIP, zero-shot", "mean AUC", value, low, high, len(labels), 0.5, seed, run.origin)


def forgotten(run: Pipeline) -> pd.DataFrame:
    """How well true factors of a scene are decoded, linearly, from CLIP's embedding, a few pixels, and the low-level network.

    Table name, input, group (mentioned in captions or never), value (mean AUC over the factor's values, cross-validated),
    low, high, n, chance. Few pixels say little about things, but lose nothing that is large.
    """
    if "forgotten" not in run.memo:
        scenes = held_out(run)
        inputs = {CLIP: embeddings(run)["picture"].vectors, PIXELS: extractors.PixelEmbedder(16).images(scenes.pictures),
                  LOW_LEVEL: extractors.load_resnet().images(scenes.pictures)}
        rows = [_decoded(run, factor, scenes, name, vectors) for factor in FACTORS for name, vectors in inputs.items()]
        run.memo["forgotten"] = pd.concat(rows, ignore_index=True)
    return run.memo["forgotten"]


def clip_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard on CLIP."""
    values = {}
    found = top1(run)
    for key, grade, direction in (("top1_captions", "specific", "picture to sentence"),
                                  ("top1_pictures", "specific", "sentence to picture"),
                                  ("top1_vague", "vague", "picture to sentence")):
        row = found[(found.name == f"{grade} sentence") & (found.direction == direction)].iloc[0]
        values[key] = entry(row, note=f"CLIP, held-out scenes, {direction}, {grade} sentences",
                            covers=Covers.PICTURES_ONE_TRAINING)
    values["zero_shot"] = entry(mean_zero_shot(run).iloc[0], note="CLIP, held-out scenes, mean over classes",
                                covers=Covers.PICTURES_ONE_TRAINING)
    table = forgotten(run)
    for mentioned in MENTIONED:
        for factor in (factor for factor in FACTORS if factor.mentioned == mentioned):
            for key, name in INPUTS.items():
                row = table[(table.name == factor.name) & (table.input == name)].iloc[0]
                values[f"{factor.key}_{key}"] = entry(row, note=f"{factor.name}, from {name}; {MENTIONED[mentioned]}")
    return values


def _zero_shot(run: Pipeline) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Which classes each held-out picture has, and its cosine to their short sentences, both (n, n_classes)."""
    if "zero-shot" not in run.memo:
        prompts, scenes = category_prompts(), held_out(run)
        table = pd.DataFrame([factors(scene) for scene in scenes.scenes])
        labels = table[[f"has_{name}" for name in prompts]].to_numpy() > 0
        sentences = as_embeddings(clip(run).texts(list(prompts.values())), "caption").unit()
        likeness = embeddings(run)["picture"].unit().vectors @ sentences.vectors.T
        enough = np.minimum(labels.sum(0), (~labels).sum(0)) >= _enough(scenes)
        names = [name for name, keep in zip(prompts, enough) if keep]
        run.memo["zero-shot"] = labels[:, enough], likeness[:, enough], names
    return run.memo["zero-shot"]


def _decoded(run: Pipeline, factor: Factor, scenes: Scenes, name: str, vectors: np.ndarray) -> pd.DataFrame:
    """AUC of ridge regression onto the factor's values, each picture predicted from the other folds."""
    true = [factor.of(scene) for scene in scenes.scenes]
    rows = np.array([value is not None for value in true])
    values = np.array([value for value in true if value is not None])
    levels, counts = np.unique(values, return_counts=True)
    levels = levels[counts >= _enough(scenes)]
    labels = values[:, None] == levels
    guessed = _cross_validated(vectors[rows], labels, run.experiment.child_seed(f"folds/{factor.name}"))
    seed, n_bootstrap = run.experiment.child_seed("bootstrap"), min(200, run.experiment.evaluate.n_bootstrap)
    low, high = scoring.mean_auc_interval(labels, guessed, np.flatnonzero(rows), seed=seed, n_bootstrap=n_bootstrap)
    value = scoring.auc_by_class(labels, guessed, list(levels))[0].value.mean()
    row = scoring.score_row(factor.name, "AUC", value, low, high, len(values), 0.5, seed, run.origin)
    return row.assign(input=name, group=MENTIONED[factor.mentioned])


def _enough(scenes: Scenes) -> int:
    """How many of these scenes must share a value for its AUC to be worth reporting: ten of 1500."""
    return max(3, len(scenes) // 150)


def _cross_validated(vectors: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Predictions (n, n_values) of ridge regression, its strength chosen within each training part.

    As departures from the mean of the training part: the mean itself is high where the test part happens to hold few,
    so that a decoder without any information would score below chance.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    guessed = np.zeros(labels.shape)
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(vectors):
        decoder = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 11)))
        wanted = labels[train] - labels[train].mean(0)
        guessed[test] = decoder.fit(vectors[train], wanted).predict(vectors[test]).reshape(len(test), -1)
    return guessed
