"""Chapter 03: a painter of another world, with another palette and a watermark, told what this brain says."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter

from ...core import weights
from ...experiments import CONDITIONS
from ... import generator, scoring, world
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ...records import Reconstructions
from ..ch07_pretrained.held_out import out_of_domain
from ..common import entry, first_draw, first_of_each, pictures_of
from ...studies.sources import identification_row, how_scored
from ...studies.sources import features, painted, sources

PART = "generator_ood"
NO_FOREIGN = "Left out: the painter of another world is shipped for the simulated one alone, at 64 px and for its CLIP."
FOREIGN, OWN = "another world", "this world"
ASKED = ("true embedding", "brain", "shuffled brain")
TAKEN, MARK = "taken for the other world's", "watermark, match less its mirror image's (r)"
_BLUR = 9  # pixels; what is coarser than that is the scene


# ── to look at ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def foreign_columns(run: Pipeline, cond: str, n: int = 6) -> dict[str, np.ndarray]:
    """Pictures by the painter of another world and by the language-free one, neither finetuned: columns for a grid.

    The first trial of each of the first n validation pictures. Empty where that painter cannot paint for this subject.
    Source: the paper's Fig. 12.
    """
    if not fits(run):
        return {}
    brain = sources(run, cond)["brain"]["image"]
    rows = first_of_each(brain, n)
    return {"seen": pictures_of(run, brain.image_ids[rows]),
            "brain, by\nanother world's": first_draw(foreign(run, cond, "brain"))[rows],
            "true embedding, by\nanother world's": first_draw(foreign(run, cond, "true embedding"))[rows],
            "brain, by\nthis world's": first_draw(painted(run, cond, "brain", finetuned=False))[rows]}


def foreign(run: Pipeline, cond: str, source: str) -> Reconstructions:
    """What the painter of another world makes of one of the `sources`, with the z that all painters get."""
    key = ("foreign", cond, source)
    if key not in run.memo:
        painter, heads = TrainedGan.from_part(*weights.load_part(PART)), CONDITIONS[cond]
        painter = run.ready(painter.widened() if len(heads) == 2 else painter)
        run.memo[key] = generator.reconstruct({head: sources(run, cond)[source][head] for head in heads}, painter,
                                                heads=heads, seed=run.experiment.child_seed("z"), note=PART)
    return run.memo[key]


def fits(run: Pipeline) -> bool:
    """Whether there is a painter of another world that paints this subject's size from its CLIP's points."""
    if run.origin != "twin" or not (weights.part_folder(PART) / weights.CARD).is_file():
        return False
    built = weights.load_card(PART)["architecture"]
    return (built["resolution"], built["condition_dim"]) == (run.subject.stimuli.images.shape[1], run.clip.n_dims)


# ── how well, and how foreign ──────────────────────────────────────────────────────────────────────────────────────────
def foreign_identification(run: Pipeline, cond: str) -> pd.DataFrame:
    """Two-way identification of both unfinetuned painters, from the true embedding, the brain, and a shuffled brain.

    Rows of `identification.identification` with the column painter; none where the painter of another world does not fit.
    """
    if not fits(run):
        return pd.DataFrame()
    rows = []
    for source in ASKED:
        for painter, embeddings in ((FOREIGN, run.picture_features(foreign(run, cond, source))),
                                (OWN, features(run, cond, source, finetuned=False))):
            rows.append(identification_row(run, source, embeddings, run.true_features, 2,
                                           control=source != "brain").assign(painter=painter))
    return pd.concat(rows, ignore_index=True)


def foreign_marks(run: Pipeline, cond: str) -> pd.DataFrame:
    """What each set of pictures has of the other world: tidy rows with intervals over pictures, chance, and control.

    `TAKEN`: the share that a linear reader of the feature net takes for the other world's. It is taught on half of the
    other world's pictures and on training pictures of this one. `MARK`: `watermark_match`, 0 without a watermark. Real
    pictures of the other world are the ceiling of both, and what was seen is the floor.
    """
    if not fits(run):
        return pd.DataFrame()
    there, half = out_of_domain(run).pictures, len(out_of_domain(run)) // 2
    sets = {"real, another world": (there[half:], np.arange(half, len(there))),
            **{f"{FOREIGN}'s painter, {source}": _of(foreign(run, cond, source)) for source in ASKED[:2]},
            f"{OWN}'s painter, brain": _of(painted(run, cond, finetuned=False)),
            "seen": (pictures_of(run, run.split.validation), run.split.validation)}
    taken, rows, how = _reader(run, there[:half]), [], how_scored(run)
    for metric, score, chance in ((TAKEN, taken, np.nan), (MARK, watermark_match, 0.0)):
        for name, (pictures, ids) in sets.items():
            value = score(pictures)
            low, high = scoring.bootstrap_interval(value, ids, seed=how["seed"], n_bootstrap=how["n_bootstrap"])
            rows.append(scoring.row(name, metric, value.mean(), low, high, len(value), chance, how["seed"], run.origin,
                                      control=not name.startswith(FOREIGN)))
    return pd.concat(rows, ignore_index=True)


def watermark_match(pictures: np.ndarray) -> np.ndarray:
    """How much better each picture's fine light fits the other world's watermark than its mirror image, (n,).

    A difference of two correlations. The mirror image has as much light at the same place, but no word. Pictures
    (n, size, size, 3), of which size divides 256; fine is what is left without the mean over 9 x 9 pixels.
    """
    light = np.asarray(pictures, np.float32) @ np.array([0.30, 0.59, 0.11], np.float32)
    mark = _shrunk(world.watermark(), light.shape[1])
    word, mirrored = _fine(np.stack([mark, mark[:, ::-1]]))
    return _fine(light) @ (word - mirrored)


def foreign_entries(table: pd.DataFrame, marked: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard; none where the painter of another world does not fit."""
    if table.empty:
        return {}
    key = {"true embedding": "ceiling", "brain": "two_way", "shuffled brain": "shuffled"}
    where = {FOREIGN: "foreign", OWN: "native"}
    values = {f"{where[row.painter]}_{key[row.name]}": entry(row, note=f"{row.painter}'s painter, not finetuned: {row.name}")
              for row in table.itertuples()}
    sets = dict(zip(dict.fromkeys(marked.name), ("real", "ceiling", "foreign", "native", "seen")))
    for row in marked.itertuples():
        values[f"{'taken' if row.metric == TAKEN else 'watermark'}_{sets[row.name]}"] = entry(
            row, note=f"{row.name}: {row.metric}")
    return values


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _of(pictures: Reconstructions) -> tuple[np.ndarray, np.ndarray]:
    return first_draw(pictures), pictures.image_ids


def _reader(run: Pipeline, there: np.ndarray):
    """From pictures to whether each is taken for the other world's; `there` are some that are."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    here = np.random.default_rng(run.experiment.child_seed("other world")).permutation(run.split.train)[:len(there)]
    taught = np.concatenate([run.feature_net.images(there), run.true_features.at(here)])
    reader = make_pipeline(StandardScaler(), RidgeClassifier(100.0)).fit(taught, np.arange(len(taught)) < len(there))
    return lambda pictures: reader.predict(run.feature_net.images(pictures)).astype(float)


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
