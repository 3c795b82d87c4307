"""Measure what the condition decides and what z does: interpolated embeddings, and several draws of z for one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import extractors, scoring
from ...core import Covers
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ..common import interval
from .generators import LABELS, generators, truths
from .held_out import sizes
from .shipped_clip import embeddings

N_DRAWS = 4
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
ALONG, ACROSS = "to another scene's embedding, same z", "same embedding, another z"


def walk(run: Pipeline, n: int = 6, steps: int = 6) -> dict[str, np.ndarray]:
    """The language-free generator between the embeddings of two held-out scenes, with the same z: columns."""
    start, end = _pairs(run, n)
    columns = {"from": truths(run).pictures[:n]}
    for share in np.linspace(0, 1, steps):
        columns[f"{share:.0%}"] = _generator(run).generate(_between(start, end, share), seed=_seed(run))
    return columns | {"to": truths(run).pictures[n:2 * n]}


def draws(run: Pipeline, n: int = 6, n_draws: int = 6) -> dict[str, np.ndarray]:
    """The language-free generator on the same embeddings with several z, and ten times two draws' difference: columns."""
    several = _generator(run).generate(embeddings(run)["picture"].vectors[:n], seed=_seed(run), n_draws=n_draws)
    differ = 10 * np.abs(several[:, 0].astype(int) - several[:, 1])
    columns = {"held out": truths(run).pictures[:n]} | {f"z {i + 1}": several[:, i] for i in range(n_draws)}
    return columns | {"z 1 - z 2\nx 10": differ.clip(0, 255).astype(np.uint8)}


def content_along(run: Pipeline) -> pd.DataFrame:
    """Distance of the generated picture from the first one on the way, in units of the distance of two true scenes.

    Table share (of the way), name (another condition, or another z), value (mean distance in the feature net), low, high
    (95 %, resampling pairs), n.
    """
    if "content along" not in run.memo:
        n, features, generator = _n(run), run.feature_net.images, _generator(run)
        start, end = _pairs(run, n)
        true = features(truths(run).pictures[:2 * n])
        unit = np.linalg.norm(true[:n] - true[n:], axis=1).mean()
        first = features(generator.generate(start, seed=_seed(run)))
        along = [features(generator.generate(_between(start, end, share), seed=_seed(run))) for share in STEPS]
        across = features(generator.generate(start, seed=_seed(run) + 1))
        sets = [(share, ALONG, vectors) for share, vectors in zip(STEPS, along)]
        sets += [(share, ACROSS, across) for share in STEPS]
        run.memo["content along"] = pd.DataFrame([
            {"share": share, "name": name, **_mean(run, np.linalg.norm(vectors - first, axis=1) / unit), "n": n}
            for share, name, vectors in sets])
    return run.memo["content along"]


def shares_of_z(run: Pipeline) -> pd.DataFrame:
    """Share of the variance of generated pictures due to z, the rest being the condition's, at each level of detail.

    Variance over draws of z for the same embedding, over that of all pictures. Columns of a tidy score table; intervals
    resample pictures.
    """
    if "shares of z" not in run.memo:
        several = _generator(run).generate(embeddings(run)["picture"].vectors[:_n(run)], seed=_seed(run), n_draws=N_DRAWS)
        run.memo["shares of z"] = _shares(run, several)
    return run.memo["shares of z"]


def _shares(run: Pipeline, pictures: np.ndarray) -> pd.DataFrame:
    """Of pictures (n, n_draws, height, width, 3), at each level of detail."""
    n = len(pictures)
    size = pictures.shape[2]
    flat = pictures.reshape(-1, *pictures.shape[2:])
    pixels = extractors.PixelEmbedder(size).images
    levels = {"content (feature net)": run.feature_net.images(flat),
              "layout (8 x 8 pixels)": extractors.PixelEmbedder(8).images(flat),
              "detail (what 16 x 16 pixels lack)": pixels(flat) - pixels(_blurred(flat))}
    rows = []
    for name, vectors in levels.items():
        value, low, high = _share(vectors.reshape(n, N_DRAWS, -1).astype(np.float64), run)
        rows.append(scoring.score_row(name, "share of variance by z", value, low, high, n, np.nan, _seed(run), run.origin))
    return pd.concat(rows, ignore_index=True)


def condition_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard on condition and z."""
    table, values = content_along(run), {}
    for key, name, share in (("walk_half", ALONG, 0.5), ("walk_whole", ALONG, 1.0), ("walk_z", ACROSS, 1.0)):
        row = table[(table.name == name) & (table.share == share)].iloc[0]
        values[key] = {"ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PAIRS_ONE_TRAINING,
                       "n": int(row.n), "note": f"{name}, {share:.0%} of the way; 1 is the distance of two true scenes"}
    for key, row in zip(("z_content", "z_layout", "z_detail"), shares_of_z(run).itertuples()):
        values[key] = {"ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_TRAINING,
                       "n": row.n, "note": f"{row.name}, {row.metric}"}
    return values


def _generator(run: Pipeline) -> TrainedGan:
    return generators(run)[LABELS["generator_lf"]]


def _seed(run: Pipeline) -> int:
    return run.experiment.child_seed("z")


def _n(run: Pipeline) -> int:
    """Pairs to interpolate between, and pictures to draw several z for."""
    return sizes(run).scored // 10


def _pairs(run: Pipeline, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of the first n held-out pictures, and of the n after them, at unit length."""
    found = embeddings(run)["picture"].unit().vectors
    return found[:n], found[n:2 * n]


def _between(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """On the straight line from start to end, both (n, d); the generator scales to unit length."""
    return (1 - share) * start + share * end


def _blurred(pictures: np.ndarray) -> np.ndarray:
    """Pictures with only the detail that 16 x 16 pixels hold, at their own size."""
    from PIL import Image
    size = pictures.shape[1]
    return np.stack([np.asarray(Image.fromarray(p).resize((16, 16), Image.Resampling.BOX).resize(
        (size, size), Image.Resampling.BICUBIC)) for p in pictures])


def _mean(run: Pipeline, values: np.ndarray) -> dict:
    low, high = interval(run, values, np.arange(len(values)))
    return {"value": float(values.mean()), "low": low, "high": high}


def _share(vectors: np.ndarray, run: Pipeline) -> tuple[float, float, float]:
    """Variance within pictures over the whole, of vectors (n, n_draws, d), with its interval over pictures."""
    n, n_draws, _ = vectors.shape
    means, squares = vectors.mean(1), (vectors ** 2).sum(2).mean(1)                       # [n d], [n]
    within = (squares - (means ** 2).sum(1)) * n_draws / (n_draws - 1)
    rng = np.random.default_rng(run.experiment.child_seed("bootstrap"))
    drawn = rng.multinomial(n, np.full(n, 1 / n), run.experiment.evaluate.n_bootstrap) / n
    weights = np.concatenate([np.full((1, n), 1 / n), drawn])                       # the sample itself, then redrawn
    whole = weights @ squares - ((weights @ means) ** 2).sum(1)
    shares = weights @ within / whole
    return (shares[0], *np.quantile(shares[1:], [0.025, 0.975]))
