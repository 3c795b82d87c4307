"""Chapter 07, CLIP: does it know the world, and what has it forgotten because no sentence ever told it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import embedding, scoring
from ...pretraining import category_prompts
from ...world import FACTORS, Factor, THINGS, factors
from ...pipeline import Pipeline
from ...records import Embeddings
from ..common import entry
from .held_out import Scenes, held_out

FOLDS = 5
TOLD = {True: "told by captions", False: "never told by captions"}
SEEN = "CLIP's point"
PIXELS = "16 x 16 pixels"


def clip(run: Pipeline) -> embedding.ClipEmbedder:
    """The shipped CLIP, whatever the experiment uses elsewhere."""
    if "shipped clip" not in run.memo:
        run.memo["shipped clip"] = embedding.load_clip()
    return run.memo["shipped clip"]


def embeddings(run: Pipeline) -> dict[str, Embeddings]:
    """CLIP's points of the held-out scenes: "picture", and one for each grade of caption."""
    if "shipped points" not in run.memo:
        scenes, see = held_out(run), clip(run)
        found = {"picture": as_embeddings(see.images(scenes.pictures), "image")}
        found |= {grade: as_embeddings(see.texts(sentences), "caption") for grade, sentences in scenes.captions.items()}
        run.memo["shipped points"] = found
    return run.memo["shipped points"]


def as_embeddings(vectors: np.ndarray, space: str) -> Embeddings:
    """Vectors (n, d) as points of pictures 0 .. n - 1."""
    ids = np.arange(len(vectors))
    return Embeddings(vectors, ids, np.zeros_like(ids), space, "clip")


def top1(run: Pipeline) -> pd.DataFrame:
    """How often a picture finds its own sentence among 300, and back, for each grade of sentence.

    Exact over all sets of rivals; a rival with the very same words is a miss. Columns of `intervals.COLUMNS`, and direction.
    """
    placed, n = embeddings(run), run.experiment.evaluate.n_retrieval
    told = {"n_choices": n, "seed": run.experiment.child_seed("bootstrap"), "origin": run.origin,
            "n_bootstrap": run.experiment.evaluate.n_bootstrap}
    rows = []
    for grade in held_out(run).captions:
        ways = {"picture to sentence": (placed["picture"], placed[grade]),
                "sentence to picture": (placed[grade], placed["picture"])}
        rows += [scoring.identification(*way, name=f"{grade} sentence", **told).assign(direction=direction)
                 for direction, way in ways.items()]
    return pd.concat(rows, ignore_index=True).assign(metric=f"top-1 of {n}")


def zero_shot(run: Pipeline) -> pd.DataFrame:
    """AUC of each class by its short sentence, "a photo of a dog", never trained as a classifier.

    Table name, kind, value, low, high, n_present, n, best first; classes in too few held-out pictures are left out
    (fewer than ten at full size), and those in too many.
    """
    labels, likeness, names = _judged(run)
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
    labels, likeness, names = _judged(run)
    seed, n_bootstrap = run.experiment.child_seed("bootstrap"), min(200, run.experiment.evaluate.n_bootstrap)
    value = scoring.auc_by_class(labels, likeness, names)[0].value.mean()
    low, high = scoring.mean_auc_interval(labels, likeness, np.arange(len(labels)), seed=seed, n_bootstrap=n_bootstrap)
    return scoring.row("CLIP, zero-shot", "mean AUC", value, low, high, len(labels), 0.5, seed, run.origin)


def forgotten(run: Pipeline) -> pd.DataFrame:
    """How well true factors of a scene can be read, linearly, from CLIP's point and from a few pixels.

    Table name, input, group (told by captions or never), value (mean AUC over the factor's values, cross-validated),
    low, high, n, chance. Few pixels are no good reader of things, but they forget nothing that is large.
    """
    if "forgotten" not in run.memo:
        scenes = held_out(run)
        inputs = {SEEN: embeddings(run)["picture"].vectors, PIXELS: embedding.PixelEmbedder(16).images(scenes.pictures)}
        rows = [_readout(run, factor, scenes, name, seen) for factor in FACTORS for name, seen in inputs.items()]
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
        values[key] = entry(row, note=f"CLIP, held-out scenes, {direction}, {grade} sentences")
    values["zero_shot"] = entry(mean_zero_shot(run).iloc[0], note="CLIP, held-out scenes, mean over classes")
    read = forgotten(run)
    for told in TOLD:
        for factor in (factor for factor in FACTORS if factor.mentioned == told):
            for key, name in (("clip", SEEN), ("pixels", PIXELS)):
                row = read[(read.name == factor.name) & (read.input == name)].iloc[0]
                values[f"{factor.key}_{key}"] = entry(row, note=f"{factor.name}, from {name}; {TOLD[told]}")
    return values


def _judged(run: Pipeline) -> tuple[np.ndarray, np.ndarray, list[str]]:
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


def _readout(run: Pipeline, factor: Factor, scenes: Scenes, name: str, seen: np.ndarray) -> pd.DataFrame:
    """AUC of ridge regression onto the factor's values, each picture predicted from the other folds."""
    told = [factor.of(scene) for scene in scenes.scenes]
    rows = np.array([value is not None for value in told])
    values = np.array([value for value in told if value is not None])
    kinds, counts = np.unique(values, return_counts=True)
    kinds = kinds[counts >= _enough(scenes)]
    labels = values[:, None] == kinds
    guessed = _cross_validated(seen[rows], labels, run.experiment.child_seed(f"folds/{factor.name}"))
    seed, n_bootstrap = run.experiment.child_seed("bootstrap"), min(200, run.experiment.evaluate.n_bootstrap)
    low, high = scoring.mean_auc_interval(labels, guessed, np.flatnonzero(rows), seed=seed, n_bootstrap=n_bootstrap)
    value = scoring.auc_by_class(labels, guessed, list(kinds))[0].value.mean()
    row = scoring.row(factor.name, "AUC", value, low, high, len(values), 0.5, seed, run.origin)
    return row.assign(input=name, group=TOLD[factor.mentioned])


def _enough(scenes: Scenes) -> int:
    """How many of these scenes must share a value for its AUC to say something: ten of 1500."""
    return max(3, len(scenes) // 150)


def _cross_validated(seen: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Predictions (n, n_values) of ridge regression, its strength chosen within each training part.

    As departures from the mean of the training part: the mean itself is high where the test part happens to hold few,
    so that a reader without any knowledge would score below chance.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    guessed = np.zeros(labels.shape)
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(seen):
        reader = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 11)))
        wanted = labels[train] - labels[train].mean(0)
        guessed[test] = reader.fit(seen[train], wanted).predict(seen[test]).reshape(len(test), -1)
    return guessed
