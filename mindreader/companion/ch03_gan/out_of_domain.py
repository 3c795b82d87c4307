"""Reconstruct with a generator that was pretrained out of domain: on pictures of another palette, under a watermark."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter

from ... import generator, world
from ...core import Covers, weights
from ...experiments import CONDITIONS
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ...records import Reconstructions
from ...studies.sources import identification_row, mean_row, reconstruction_features, reconstructions, sources
from ..ch07_pretrained.held_out import out_of_domain
from ..common import entry, first_draw, pictures_of
from ..rendering import LeftOut

PART = "generator_ood"
LEFT_OUT = LeftOut("Left out: the out-of-domain generator is shipped for the simulated subject alone, at 64 px and for its CLIP.")
OOD, IN_DOMAIN = "another world", "this world"  # where a generator was pretrained
SOURCES = ("true embedding", "brain", "shuffled brain")
TAKEN, MARK = "taken for the other world's", "watermark, match less its mirror image's (r)"
_BLUR = 9  # pixels; what is coarser than that is the scene


# ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def ood_columns(run: Pipeline, cond: str, n: int = 6) -> dict[str, np.ndarray]:
    """Reconstructions by the out-of-domain and by the language-free generator, neither finetuned: columns for a grid.

    The first trial of each of the first n validation pictures. Empty where the generator does not fit this subject.
    Source: the paper's Fig. 12.
    """
    if not fits(run):
        return {}
    brain = sources(run, cond)["brain"]["image"]
    rows = brain.first_rows(n)
    return {"seen": pictures_of(run, brain.image_ids[rows]),
            "brain, by\nanother world's": first_draw(ood_reconstructions(run, cond, "brain"))[rows],
            "true embedding, by\nanother world's": first_draw(ood_reconstructions(run, cond, "true embedding"))[rows],
            "brain, by\nthis world's": first_draw(reconstructions(run, cond, "brain", finetuned=False))[rows]}


def ood_reconstructions(run: Pipeline, cond: str, source: str) -> Reconstructions:
    """Reconstructions by the out-of-domain generator from one of the `sources`, with the z of all other generators."""
    key = ("out of domain", cond, source)
    if key not in run.memo:
        gan, heads = TrainedGan.from_part(*weights.load_part(PART)), CONDITIONS[cond]
        gan = run.ready(gan.widened() if len(heads) == 2 else gan)
        run.memo[key] = generator.reconstruct({head: sources(run, cond)[source][head] for head in heads}, gan,
                                              heads=heads, seed=run.experiment.child_seed("z"), note=PART)
    return run.memo[key]


def fits(run: Pipeline) -> bool:
    """Whether the out-of-domain generator is shipped, and has this subject's picture size and CLIP dimensions."""
    if run.origin != "twin" or not (weights.part_folder(PART) / weights.CARD).is_file():
        return False
    built = weights.load_card(PART)["architecture"]
    return (built["resolution"], built["condition_dim"]) == (run.subject.stimuli.images.shape[1], run.clip.n_dims)


# ── identification and traces of the training domain ───────────────────────────────────────────────────────────────────
def ood_identification(run: Pipeline, cond: str) -> pd.DataFrame:
    """Two-way identification by both generators, not finetuned, from true embedding, brain, and shuffled brain.

    Rows of `scoring.identification` with the column generator; none where the out-of-domain generator does not fit.
    """
    if not fits(run):
        return pd.DataFrame()
    rows = []
    for source in SOURCES:
        for name, embeddings in ((OOD, run.picture_features(ood_reconstructions(run, cond, source))),
                                 (IN_DOMAIN, reconstruction_features(run, cond, source, finetuned=False))):
            rows.append(identification_row(run, source, embeddings, run.true_features, 2,
                                           control=source != "brain").assign(generator=name))
    return pd.concat(rows, ignore_index=True)


def ood_marks(run: Pipeline, cond: str) -> pd.DataFrame:
    """Traces of the other world in each set of pictures: tidy rows with intervals over pictures, chance, and control.

    `TAKEN`: the share that a linear classifier on the feature net takes for the other world's. It is fitted to half of
    the other world's pictures and to training pictures of this one. `MARK`: `watermark_match`, 0 without a watermark.
    Real pictures of the other world are the ceiling of both, and the pictures seen are the floor.
    """
    if not fits(run):
        return pd.DataFrame()
    there, half = out_of_domain(run).pictures, len(out_of_domain(run)) // 2
    sets = {"real, another world": (there[half:], np.arange(half, len(there))),
            **{f"{OOD}'s generator, {source}": _of(ood_reconstructions(run, cond, source)) for source in SOURCES[:2]},
            f"{IN_DOMAIN}'s generator, brain": _of(reconstructions(run, cond, finetuned=False)),
            "seen": (pictures_of(run, run.split.validation), run.split.validation)}
    scores = ((TAKEN, _classifier(run, there[:half]), np.nan), (MARK, watermark_match, 0.0))
    return pd.concat([mean_row(run, name, metric, score(pictures), ids, chance, control=not name.startswith(OOD))
                      for metric, score, chance in scores for name, (pictures, ids) in sets.items()], ignore_index=True)


def watermark_match(pictures: np.ndarray) -> np.ndarray:
    """Correlation of each picture's detail with the other world's watermark, less that with its mirror image, (n,).

    The mirror image has as much light at the same place, but no word. Pictures (n, size, size, 3), of which size divides
    256; detail is luminance less its mean over 9 x 9 pixels.
    """
    light = np.asarray(pictures, np.float32) @ np.array([0.30, 0.59, 0.11], np.float32)
    mark = _shrunk(world.watermark(), light.shape[1])
    word, mirrored = _fine(np.stack([mark, mark[:, ::-1]]))
    return _fine(light) @ (word - mirrored)


def ood_entries(table: pd.DataFrame, marked: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard; none where the out-of-domain generator does not fit."""
    if table.empty:
        return {}
    key = {"true embedding": "ceiling", "brain": "two_way", "shuffled brain": "shuffled"}
    where = {OOD: "ood", IN_DOMAIN: "in_domain"}
    values = {f"{where[row.generator]}_{key[row.name]}": entry(
        row, note=f"{row.generator}'s generator, not finetuned: {row.name}",
        covers=Covers.PICTURES_ONE_TRAINING if row.name == SOURCES[0] else Covers.PICTURES_ONE_FIT) for row in table.itertuples()}
    sets = dict(zip(dict.fromkeys(marked.name), ("real", "ceiling", "ood", "in_domain", "seen")))
    for row in marked.itertuples():
        values[f"{'taken' if row.metric == TAKEN else 'watermark'}_{sets[row.name]}"] = entry(
            row, note=f"{row.name}: {row.metric}", covers=_covers(row.metric, sets[row.name]))
    return values


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _of(pictures: Reconstructions) -> tuple[np.ndarray, np.ndarray]:
    return first_draw(pictures), pictures.image_ids


def _covers(metric: str, of: str) -> Covers:
    """What the interval of a trace covers: the classifier is fitted here, and the mapper for what comes from a brain."""
    if metric == TAKEN or of in ("ood", "in_domain"):
        return Covers.PICTURES_ONE_FIT
    return Covers.PICTURES_ONE_TRAINING if of == "ceiling" else Covers.PICTURES_NO_FIT


def _classifier(run: Pipeline, there: np.ndarray):
    """A function from pictures to 1.0 for each taken for the other world's; `there` are some that are."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    here = np.random.default_rng(run.experiment.child_seed("other world")).permutation(run.split.train)[:len(there)]
    known = np.concatenate([run.feature_net.images(there), run.true_features.at(here)])
    classifier = make_pipeline(StandardScaler(), RidgeClassifier(100.0)).fit(known, np.arange(len(known)) < len(there))
    return lambda pictures: classifier.predict(run.feature_net.images(pictures)).astype(float)


def _shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """A square picture's mean over equal squares, (size, size)."""
    step = len(picture) // size
    return picture.reshape(size, step, size, step).mean((1, 3))


def _fine(light: np.ndarray) -> np.ndarray:
    """Each picture's detail as a vector of unit length, (n, size * size)."""
    detail = light - uniform_filter(light, (0, _BLUR, _BLUR))
    detail = detail.reshape(len(light), -1)
    detail = detail - detail.mean(1, keepdims=True)
    return detail / np.maximum(np.linalg.norm(detail, axis=1, keepdims=True), 1e-9)
