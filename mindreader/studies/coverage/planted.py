"""Simulate scores whose pictures and fits are planted and whose truth is known, at the sizes of the book and of the paper.

Each function draws one study: pictures, trials with the noise of a brain that all fits share, and fits that differ as fits do (one
is better than another, and each has pictures of its own that it does well). It gives the contributions that `scoring` makes of
it, and the interval over pictures alone that a chapter makes of the first fit (for distances and single voxels, where chapters
bootstrap for long or not at all, the one that the first fit's contributions give).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ... import scoring, uncertainty
from ...records import Embeddings

N_DIMS = 24             # latent dimensions of pictures
N_BOOTSTRAP = 200       # of today's intervals


@dataclass(frozen=True)
class Study:
    """One draw: the score by all fits, and the interval (low, high) of the first fit over pictures alone."""

    score: uncertainty.Contributions
    one_fit: tuple[float, float]


@dataclass(frozen=True)
class Planted:
    """A kind of score with planted effects.

    name        of the score
    draw        draw(rng, n_pictures, n_fits) -> Study
    truth       its expectation in closed form; None where many studies have to be averaged
    pictures    numbers of pictures at which it is simulated
    """

    name: str
    draw: Callable[[np.random.Generator, int, int], Study]
    truth: float | None
    pictures: tuple[int, ...] = (300, 1477)


# ── decoded embeddings ─────────────────────────────────────────────────────────────────────────────────────────────────
def decoded(rng: np.random.Generator, n_pictures: int, n_fits: int, *, n_repeats: int = 1, gain: float = 0.55,
            spread: float = 0.06) -> tuple[Embeddings, list[Embeddings]]:
    """True embeddings of pictures, and what each fit decodes from n_repeats trials of each.

    A prediction is the picture's embedding, shrunk by the fit's gain, turned a little by the fit, with noise of the trial that
    all fits share and noise of the fit's own; all embeddings have a direction in common, as CLIP's do, so that some are hubs.
    """
    scale = np.arange(1, N_DIMS + 1) ** -0.25
    pictures, trials = np.arange(n_pictures), np.repeat(np.arange(n_pictures), n_repeats)
    latent = rng.standard_normal((n_pictures, N_DIMS)) * scale
    of_trial = rng.standard_normal((len(trials), N_DIMS)) * scale

    def embeddings(vectors, ids, keys, source):
        common = np.full((len(vectors), 1), 3.0)
        return Embeddings(np.hstack([vectors, common]).astype(np.float32), ids, keys, "image", source)

    fits = []
    for _ in range(n_fits):
        turned = latent @ (np.eye(N_DIMS) + 0.15 * rng.standard_normal((N_DIMS, N_DIMS)))
        own = rng.standard_normal((len(trials), N_DIMS)) * scale
        guess = gain * np.exp(spread * rng.standard_normal()) * turned[trials] + 0.8 * of_trial + 0.4 * own
        fits.append(embeddings(guess, trials, np.arange(len(trials)), "fmri"))
    return embeddings(latent, pictures, pictures, "clip"), fits


def retrieval(direction: str, n_repeats: int = 1):
    """Share of 300 trials whose picture is found among 300."""
    def draw(rng, n_pictures, n_fits):
        truth, fits = decoded(rng, n_pictures, n_fits, n_repeats=n_repeats)
        batches = [scoring.retrieval_batch(fit, truth, n=None) for fit in fits]
        return Study(uncertainty.retrieval_contributions(batches, direction), _today(scoring.hits(batches[0], direction), batches[0].image_ids, rng))

    return draw


def retrieval_difference(rng, n_pictures: int, n_fits: int) -> Study:
    """How much more one condition finds than another, on the same pictures and from the same fits."""
    truth, fits = decoded(rng, n_pictures, n_fits)
    others = [_worse(fit, rng) for fit in fits]
    one, two = ([scoring.retrieval_batch(fit, truth, n=None) for fit in each] for each in (fits, others))
    apart = scoring.hits(one[0], "backward").astype(float) - scoring.hits(two[0], "backward")
    return Study(uncertainty.retrieval_contributions(one, "backward") - uncertainty.retrieval_contributions(two, "backward"),
                 _today(apart, one[0].image_ids, rng))


def identification(n_choices: int):
    """Identification among n_choices pictures, counted exactly."""
    def draw(rng, n_pictures, n_fits):
        truth, fits = decoded(rng, n_pictures, n_fits, gain=0.3)
        return Study(uncertainty.identification_contributions(fits, truth, n_choices=n_choices),
                     _today(scoring.n_way(fits[0], truth, n_choices=n_choices), fits[0].image_ids, rng))

    return draw


def _worse(embeddings: Embeddings, rng) -> Embeddings:
    noise = rng.standard_normal(embeddings.vectors.shape).astype(np.float32) * (0.4 + 0.03 * rng.standard_normal())
    return Embeddings(embeddings.vectors + noise, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


# ── means over trials ──────────────────────────────────────────────────────────────────────────────────────────────────
def stimulation(of_fits: float, effect: float = 0.1):
    """A change of cosine: its mean by fit varies by of_fits, by picture by 0.05, and by trial by 0.05."""
    def draw(rng, n_pictures, n_fits):
        ids = np.repeat(np.arange(n_pictures), 2)
        change = (effect + of_fits * rng.standard_normal((n_fits, 1)) + 0.05 * rng.standard_normal(n_pictures)[ids]
                  + 0.03 * rng.standard_normal((n_fits, n_pictures))[:, ids] + 0.05 * rng.standard_normal(len(ids)))
        return Study(uncertainty.mean_contributions(change, ids), _today(change[0], ids, rng))

    return draw


def finetunings(rng, n_pictures: int, n_fits: int) -> Study:
    """The same where each mapper has two generators: fits within families."""
    of_mapper, of_generator = 0.02 * rng.standard_normal((n_fits, 1, 1)), 0.02 * rng.standard_normal((n_fits, 2, 1))
    by_picture = 0.2 * rng.standard_normal(n_pictures)
    values = (0.1 + of_mapper + of_generator + by_picture + 0.1 * rng.standard_normal((n_fits, 2, n_pictures))).reshape(2 * n_fits, -1)
    names = tuple(str(mapper) for mapper in range(n_fits) for _ in range(2))
    ids = np.arange(n_pictures)
    return Study(uncertainty.mean_contributions(values, ids, families=names), _today(values[0], ids, rng))


# ── area under the curve ───────────────────────────────────────────────────────────────────────────────────────────────
_AWAY, _AWAY_SD = 1.0, 0.15        # distance of the two normals in the mean fit, and its deviation between fits


def _areas(rng, n_pictures: int, n_fits: int, prevalences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((n_pictures, len(prevalences)), bool)
    for c, share in enumerate(prevalences):
        labels[rng.permutation(n_pictures)[:max(2, round(share * n_pictures))], c] = True
    common = rng.standard_normal((n_pictures, len(prevalences)))
    away = _AWAY + _AWAY_SD * rng.standard_normal((n_fits, 1, 1))
    scores = away * labels + np.sqrt(0.7) * common + np.sqrt(0.3) * rng.standard_normal((n_fits, *common.shape))
    return labels, scores


def areas(prevalences):
    """Area under the curve: the mean over classes, each of the given share of pictures."""
    prevalences = np.atleast_1d(prevalences)

    def draw(rng, n_pictures, n_fits):
        labels, scores = _areas(rng, n_pictures, n_fits, prevalences)
        ids = np.arange(n_pictures)
        each = [uncertainty.auc_contributions(labels[:, c], scores[:, :, c], ids) for c in range(labels.shape[1])]
        today = scoring.mean_auc_interval(labels, scores[0], ids, seed=int(rng.integers(2 ** 31)), n_bootstrap=N_BOOTSTRAP)
        return Study(uncertainty.average(each), today)

    return draw


AREA = float(norm.cdf(_AWAY / np.sqrt(2 + _AWAY_SD ** 2)))


# ── Fréchet distance ───────────────────────────────────────────────────────────────────────────────────────────────────
def _features(rng, n_pictures: int, n_fits: int) -> tuple[Embeddings, list[Embeddings], list[Embeddings]]:
    scale = np.arange(1, 17) ** -0.5
    latent = rng.standard_normal((n_pictures, 16))
    ids = np.arange(n_pictures)

    def features(x):
        return Embeddings((x * scale).astype(np.float32), ids, ids, "features", "pixels")

    sets = []
    for shift, shrink in ((0.3, 0.8), (0.5, 0.7)):
        sets.append([])
        for _ in range(n_fits):
            of_fit = (shift + 0.03 * rng.standard_normal(), shrink * np.exp(0.04 * rng.standard_normal()))
            made = 0.7 * latent + np.sqrt(1 - 0.7 ** 2) * rng.standard_normal(latent.shape)
            sets[-1].append(features(of_fit[0] + of_fit[1] * made))
    return features(latent), *sets


def distance(rng, n_pictures: int, n_fits: int) -> Study:
    """The Fréchet distance at this number of pictures."""
    truth, fits, _ = _features(rng, n_pictures, n_fits)
    score = uncertainty.frechet_contributions(fits, truth)
    alone = uncertainty.score_interval(score.of_fit(0))
    return Study(score, (alone.low, alone.high))


def distance_difference(rng, n_pictures: int, n_fits: int) -> Study:
    """How much farther one condition's reconstructions are than another's."""
    truth, near, far = _features(rng, n_pictures, n_fits)
    score = uncertainty.frechet_contributions(far, truth) - uncertainty.frechet_contributions(near, truth)
    alone = uncertainty.score_interval(score.of_fit(0))
    return Study(score, (alone.low, alone.high))


# ── encoding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
_R, _R_SD = 0.3, 0.03              # of the mean fit, and its deviation between fits


def encoding(n_voxels: int):
    """Correlation of predicted and measured activity, the mean over voxels."""
    def draw(rng, n_pictures, n_fits):
        ids = np.repeat(np.arange(n_pictures), 2)
        signal = rng.standard_normal((n_pictures, n_voxels))[ids]
        measured = np.sqrt(0.3) * signal + np.sqrt(0.7) * rng.standard_normal(signal.shape)
        predicted = []
        for _ in range(n_fits):
            share = (_R + _R_SD * rng.standard_normal()) / np.sqrt(0.3)     # correlation with the signal
            own = rng.standard_normal((n_pictures, n_voxels))[ids]
            predicted.append(share * signal + np.sqrt(1 - share ** 2) * own)
        score = uncertainty.correlation_contributions(predicted, measured, ids)
        r = scoring.pearson(predicted[0], measured)
        drawn = r[rng.integers(0, n_voxels, (N_BOOTSTRAP, n_voxels))].mean(1)
        alone = uncertainty.score_interval(score.of_fit(0)) if n_voxels == 1 else None
        return Study(score, (alone.low, alone.high) if alone else scoring.quantiles(drawn))

    return draw


def _today(values: np.ndarray, image_ids: np.ndarray, rng) -> tuple[float, float]:
    return scoring.bootstrap_interval(values, image_ids, seed=int(rng.integers(2 ** 31)), n_bootstrap=N_BOOTSTRAP)


PLANTED: tuple[Planted, ...] = (
    Planted("stimulation effect, fits alike", stimulation(0.0), 0.1),
    Planted("stimulation effect, fits differ", stimulation(0.005), 0.1),
    Planted("stimulation effect, fits differ much", stimulation(0.06), 0.1),
    Planted("mean over finetunings within mappers", finetunings, 0.1),
    Planted("encoding r of a voxel", encoding(1), _R),
    Planted("encoding r of a region", encoding(50), _R),
    Planted("Fréchet distance", distance, None),
    Planted("Fréchet distance, difference", distance_difference, None),
    Planted("AUC of a class", areas(0.1), AREA),
    Planted("AUC, mean of 20 classes", areas(np.geomspace(0.03, 0.4, 20)), AREA),
    Planted("retrieval forward", retrieval("forward"), None, (300,)),
    Planted("retrieval backward", retrieval("backward"), None, (300,)),
    Planted("retrieval backward, two trials of each picture", retrieval("backward", 2), None, (150,)),
    Planted("retrieval backward, difference", retrieval_difference, None, (300,)),
    Planted(scoring.TWO_WAY, identification(2), None, (300,)),
    Planted("50-way identification", identification(50), None, (300,)),
)
