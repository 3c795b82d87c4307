"""Score a generator by evaluation networks: one that is in none of its losses, and the CLIP that is.

A generator can satisfy the CLIP that it was trained against with pictures that show nothing. The score is therefore that
of the feature net; that of CLIP, "the critic", is reported only for the gap between the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from .. import scoring
from ..records import Embedder, Embeddings, PictureGenerator

WAYS = (2, 10, 50)
N_RETRIEVAL = 300
N_COMPONENTS = 300   # of the pixels, in the Gaussian that a generator must beat
MOST_TRAINING = 4000  # pictures for that Gaussian: more cost memory (49 kB each) and change its distance by little
TWIN_FEATURES = "twin features"
GAUSSIAN = "Gaussian on {} pixel components"
REAL_SET = "another real set"


def score_generator(generator: PictureGenerator, embeddings: np.ndarray, pictures: np.ndarray, feature_net: Embedder, *,
                  clip: Embedder | None = None, ways: Sequence[int] = WAYS, seed: int = 0, n_bootstrap: int = 1000,
                  name: str = "", origin: str = "twin") -> pd.DataFrame:
    """Score the pictures that a generator makes from embeddings: a tidy table with the columns `SCORE_COLUMNS`.

    Parameters
    ----------
    generator : PictureGenerator with one head
        Its `generate(embeddings, seed=seed)` gives one picture for each embedding.
    embeddings : array (n, d)
        Conditions; row i belongs to pictures[i].
    pictures : uint8 array (n, height, width, 3)
        The true ones, all different; best held out from training.
    feature_net : Embedder
        The evaluation network; in no loss of the generator.
    clip : Embedder, optional
        The critic in the loss, for the rows that are marked "(the critic)".
    ways : sequence of int
        n of n-way identification; those beyond the number of pictures are left out.
    seed : int
        Of z and of the intervals.
    """
    if len(embeddings) != len(pictures):
        raise ValueError(f"got {len(embeddings)} embeddings for {len(pictures)} pictures, expected one for each")
    return score_pictures(generator.generate(embeddings, seed=seed), pictures, feature_net, clip=clip, ways=ways, seed=seed,
                          n_bootstrap=n_bootstrap, name=name, origin=origin)


def score_pictures(generated: np.ndarray, pictures: np.ndarray, feature_net: Embedder, *, clip: Embedder | None = None,
                   ways: Sequence[int] = WAYS, seed: int = 0, n_bootstrap: int = 1000, name: str = "",
                   origin: str = "twin") -> pd.DataFrame:
    """Score generated pictures against the true ones; both arrays (n, height, width, 3) uint8, row by row.

    Rows: n-way identification, Fréchet and kernel distance by the feature net; two-way identification and top-1 of
    300 by CLIP. All are exact counts over every set of rivals; intervals resample pictures; distances have no interval.
    """
    if len(generated) != len(pictures):
        raise ValueError(f"got {len(generated)} generated and {len(pictures)} true pictures, expected as many of both")
    guess, truth = _embeddings(feature_net, generated), _embeddings(feature_net, pictures)
    how = {"seed": seed, "name": name, "origin": origin, "n_bootstrap": n_bootstrap}
    rows = [_identified(guess, truth, k, f"{k}-way ({TWIN_FEATURES})", how) for k in ways if k <= len(pictures)]
    rows.append(scoring.distance_rows(guess, truth, name=name, origin=origin, features=TWIN_FEATURES))
    if clip is not None:
        guess, truth, n = _embeddings(clip, generated), _embeddings(clip, pictures), min(N_RETRIEVAL, len(pictures))
        rows.append(_identified(guess, truth, 2, "CLIP 2-way (the critic)", how))
        rows.append(_identified(guess, truth, n, f"CLIP top1 of {n} (the critic)", how))
    return pd.concat(rows, ignore_index=True)


def reference_distances(training: np.ndarray, pictures: np.ndarray, others: np.ndarray, feature_net: Embedder, *,
               n_components: int = N_COMPONENTS, seed: int = 0, origin: str = "twin") -> pd.DataFrame:
    """Reference values for distances: of `pictures` to samples of a Gaussian over pixels, and to other real pictures.

    Parameters
    ----------
    training : uint8 array (n_training, height, width, 3)
        Pictures that the Gaussian is fitted to (`pixel_gaussian`).
    pictures, others : uint8 arrays (n, height, width, 3)
        Two disjoint real sets of the size of the generated one, since a distance grows as sets get smaller.
    """
    if len(pictures) != len(others):
        raise ValueError(f"got real sets of {len(pictures)} and {len(others)} pictures, expected two as large")
    truth = feature_net.images(pictures)
    sampled = pixel_gaussian(training, len(pictures), n_components=n_components, seed=seed)
    sets = {REAL_SET: others, GAUSSIAN.format(n_components): sampled}
    return pd.concat([scoring.distance_rows(feature_net.images(some), truth, name=name, origin=origin, features=TWIN_FEATURES)
                      for name, some in sets.items()], ignore_index=True)


def pixel_gaussian(training: np.ndarray, n: int, *, n_components: int = N_COMPONENTS, seed: int = 0) -> np.ndarray:
    """n samples, (n, height, width, 3) uint8, of a Gaussian on the principal components of the training pixels.

    The best that mean and covariance alone give: blurred pictures of no particular scene. Fitted to at most
    `MOST_TRAINING` of the pictures, evenly spaced.
    """
    from sklearn.decomposition import PCA
    if n_components >= len(training):
        raise ValueError(f"got {len(training)} training pictures for {n_components} components, expected more pictures "
                         "than components; give more, or lower n_components")
    rows = np.unique(np.linspace(0, len(training) - 1, min(len(training), MOST_TRAINING)).astype(int))
    pixels = np.asarray(training[rows], np.float32).reshape(len(rows), -1)
    fitted = PCA(n_components, svd_solver="randomized", random_state=seed).fit(pixels)
    loud = np.random.default_rng(seed).standard_normal((n, n_components)) * np.sqrt(fitted.explained_variance_)
    sampled = fitted.mean_ + loud @ fitted.components_
    return sampled.round().clip(0, 255).astype(np.uint8).reshape(n, *training.shape[1:])


def adversarial_pictures(clip, embeddings: np.ndarray, pictures: np.ndarray, *, n_steps: int = 20, step: float = 1.0,
              batch: int = 100) -> np.ndarray:
    """Pictures optimised pixel by pixel towards CLIP embeddings: they satisfy a critic, and show nothing.

    Parameters
    ----------
    clip : ClipEmbedder
    embeddings : array (n, d)
        The target of each picture.
    pictures : uint8 array (n, height, width, 3)
        Where each starts, e.g. at one mean picture for all.
    n_steps, step : int, float
        Iterated gradient signs: that often, by so many of 255 levels; no pixel moves farther than their product.
    """
    wanted = F.normalize(torch.tensor(np.asarray(embeddings, np.float32)), dim=1)
    moved = []
    for part in torch.arange(len(pictures)).split(batch):
        x = torch.from_numpy(np.ascontiguousarray(pictures[part.numpy()])).permute(0, 3, 1, 2).float() / 127.5 - 1
        for _ in range(n_steps):
            x.requires_grad_()
            likeness = F.cosine_similarity(clip.encode_pictures(x), wanted[part]).sum()
            gradient, = torch.autograd.grad(likeness, x)
            x = (x.detach() + step / 127.5 * gradient.sign()).clamp(-1, 1)
        moved.append(((x + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1))
    return torch.cat(moved).numpy()


def card_scores(table: pd.DataFrame) -> dict:
    """The scores of a table with a single name as a model card keeps them: n, then metric -> value to four digits."""
    if table["name"].nunique() != 1:
        raise ValueError(f"got rows of {', '.join(map(repr, table['name'].unique()))}, expected those of one set")
    return {"n": int(table["n"].iloc[0]), **{row.metric: round(float(row.value), 4) for row in table.itertuples()}}


def _embeddings(network: Embedder, pixels: np.ndarray) -> Embeddings:
    ids = np.arange(len(pixels))
    return Embeddings(network.images(np.ascontiguousarray(pixels)), ids, np.zeros_like(ids), "pictures", "pixels")


def _identified(guess: Embeddings, truth: Embeddings, n_choices: int, metric: str, how: dict) -> pd.DataFrame:
    return scoring.identification(guess, truth, n_choices=n_choices, **how).assign(metric=metric)
