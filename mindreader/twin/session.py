"""Simulate an NSD experiment: the order of pictures and their repeats, and the betas of each trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .brain import Responses
from .cortex import Cortex

__all__ = ["Noise", "attend", "draw_noise", "estimate_ncsnr", "order_pictures", "simulate_session"]

_UNRESPONSIVE = 0.04          # share of voxels of nsdgeneral that do not respond to pictures
_CLUSTERED = 0.6          # share of repeats clustered around one time per picture, fitted to NSD (Technical notes: of 10,000
                       # pictures, how many came up once, twice and thrice in the first 30 and 32 of 40 sessions)
_COINCIDENT = 0.2074     # share of pictures whose repeats coincide, so that withholding 3 of 40 sessions withholds 159 of
                       # 10,000 pictures, as for NSD's subject 1
_REGION = {"early": 1.15, "midventral": 1.05, "midlateral": 1.0, "midparietal": 0.9, "ventral": 1.0, "lateral": 1.05,
           "parietal": 0.75}   # median ceiling by stream, relative to that of nsdgeneral


@dataclass(frozen=True, eq=False)
class Noise:
    """Components of each voxel's trial-to-trial noise; standard deviations are relative to the total noise, 1.

    ncsnr      (n_voxels,)   the true noise-ceiling signal-to-noise ratio: sd of the signal over sd of the noise
    attention  (n_voxels,)   sd from attending to different things of a picture
    stray      (n_voxels,)   sd of stray thoughts: the response to a picture that is not shown, shared by all voxels
    arousal    (n_voxels,)   loading on slow global fluctuations
    drift      (n_voxels,)   loading on a linear trend over each session
    own        (n_voxels,)   sd of the voxel's own noise
    base, size (n_voxels,)   mean beta and sd of the noise, in percent signal change
    """

    ncsnr: np.ndarray
    attention: np.ndarray
    stray: np.ndarray
    arousal: np.ndarray
    drift: np.ndarray
    own: np.ndarray
    base: np.ndarray
    size: np.ndarray


def order_pictures(n_pictures: int, n_written: int, seed: int) -> np.ndarray:
    """Order three repeats of each picture, within a session or weeks apart, (3 * n_pictures,) from 0.

    As in NSD, most repeats cluster around one time per picture and the others are uniform over the experiment. No picture
    follows itself.

    Only the first `n_written` trials take place. The number of pictures in none of them is fixed to NSD's: 159 of 10,000
    where 3 of 40 sessions are withheld. Chance would miss it by a dozen, so the pictures that come up last are moved
    across that boundary as needed.

    Parameters
    ----------
    n_pictures : int
    n_written : int
        Trials that take place, from `n_pictures` to 3 * `n_pictures` (else ValueError); the others are withheld.
    seed : int

    >>> np.bincount(order_pictures(4, 9, seed=0)).tolist()
    [3, 3, 3, 3]
    """
    if not n_pictures <= n_written <= 3 * n_pictures:
        raise ValueError(f"got {n_written} trials that take place, expected from {n_pictures} to {3 * n_pictures} for "
                         f"{n_pictures} pictures shown three times; write more sessions, or withhold fewer")
    rng = np.random.default_rng([seed, 13])
    moment = rng.random(n_pictures)[:, None] + rng.normal(0, 0.01, (n_pictures, 3))
    when = np.where(rng.random((n_pictures, 3)) < _CLUSTERED, moment, rng.random((n_pictures, 3))) % 1
    left = 1 - n_written / (3 * n_pictures)
    n_late = round(n_pictures * (_COINCIDENT * left + (1 - _COINCIDENT) * left**3))
    turn = when.copy()                                        # rank of taking place, where it must differ from `when`
    turn[np.arange(n_pictures), when.argmin(1)] = -1
    turn[np.argsort(when.min(1), kind="stable")[n_pictures - n_late:]] = 2
    withheld = np.ones(3 * n_pictures, bool)
    withheld[np.argsort(turn.ravel(), kind="stable")[:n_written]] = False
    order = np.repeat(np.arange(n_pictures), 3)[np.lexsort((when.ravel(), withheld))]
    for t in np.flatnonzero(order[1:] == order[:-1]) + 1:
        for other in range(t + 2, t + len(order) - 2):      # swap with the next one that suits both places
            u = other % len(order)
            near_t, near_u = order[max(0, t - 1):t + 2], order[max(0, u - 1):u + 2]
            if (u < n_written) == (t < n_written) and order[u] not in near_t and order[t] not in near_u:
                order[t], order[u] = order[u], order[t]
                break
    return order


def draw_noise(cortex: Cortex, attention_variance: np.ndarray, *, median_ncsnr: float, stray: float, seed: int) -> Noise:
    """Draw the noise of every voxel such that true ncsnr has this median over nsdgeneral and ranges from 0 to 0.9.

    Parameters
    ----------
    cortex : Cortex
    attention_variance : (n_voxels,)
        Variance that attention adds, relative to a signal of variance 1.
    median_ncsnr : float
    stray : float
        Variance of stray thoughts relative to the signal's. As they are shared, they do not average out over voxels and,
        unlike the voxels' own noise, limit what can be decoded from one trial.
    seed : int
    """
    rng = np.random.default_rng([seed, 14])
    n = len(attention_variance)
    ncsnr = np.exp(rng.normal(0, 0.33, n))
    for stream, factor in _REGION.items():
        ncsnr[cortex.having("streams", stream)] *= factor
    unresponsive = rng.random(n) < _UNRESPONSIVE
    ncsnr[unresponsive] = 0
    ncsnr = np.clip(ncsnr * median_ncsnr / np.median(ncsnr), 0, 0.9)
    left = np.maximum(1 - ncsnr**2 * attention_variance, 0.2)
    arousal, drift = rng.uniform(0.05, 0.35, n) ** 2 * left, rng.normal(0, 0.15, n) ** 2 * left
    room = 0.85 * left - arousal - drift
    strays = np.clip(stray * ncsnr**2, 0, np.maximum(room, 0))
    own = np.maximum(left - arousal - drift - strays, 0.05)
    total = ncsnr**2 * attention_variance + arousal + drift + strays + own
    return Noise(ncsnr / np.sqrt(total), *(np.sqrt(part / total) for part in
                 (ncsnr**2 * attention_variance, strays, arousal)), np.sqrt(drift / total) * rng.choice((-1, 1), n),
                 np.sqrt(own / total), rng.normal(0.6, 0.8, n), np.exp(rng.normal(np.log(1.8), 0.3, n)))


def attend(responses: Responses, shown: np.ndarray, seed: int) -> np.ndarray:
    """Sample the state of attention on each trial: the row of `responses` for its picture and attended thing, (n_trials,)."""
    rng = np.random.default_rng([seed, 15])
    starts = np.searchsorted(responses.image, np.arange(responses.image.max() + 2))
    cumulative = np.cumsum(responses.probability)
    before = cumulative[starts[shown]] - responses.probability[starts[shown]]
    row = np.searchsorted(cumulative, before + rng.random(len(shown)) * (1 - 1e-9), side="right")
    return np.clip(row, starts[shown], starts[shown + 1] - 1)


def simulate_session(responses: Responses, rows: np.ndarray, noise: Noise, number: int, seed: int) -> tuple:
    """Simulate the betas of one session in percent signal change, with its random gain and offset.

    Parameters
    ----------
    responses : Responses
    rows : (n_trials,) int
        State on each trial, see `attend`.
    noise : Noise
    number : int
        Of the session; each has its own random numbers, so that sessions can be made in any order.

    Returns
    -------
    psc : (n_trials, n_voxels) float32
    gain : (n_voxels,)
        Close to 1.
    offset : (n_voxels,)
        Percent signal change.
    """
    rng = np.random.default_rng([seed, 16, number])
    n, v = len(rows), len(noise.ncsnr)
    gain = np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.05, v))
    offset = rng.normal(0, 0.3) + rng.normal(0, 0.4, v)
    z = rng.standard_normal((n, v), dtype=np.float32) * noise.own.astype(np.float32)
    scale = noise.ncsnr.astype(np.float32)
    z += responses.values[rows] * scale
    first, second = rng.integers(len(responses.values), size=(2, n))
    z += (responses.values[first] + responses.values[second]) * (noise.stray / np.sqrt(2)).astype(np.float32)
    waves = np.empty(n)
    waves[0], steps = rng.standard_normal(), rng.standard_normal(n) * np.sqrt(1 - 0.9**2)
    for t in range(1, n):
        waves[t] = 0.9 * waves[t - 1] + steps[t]
    z += np.outer(waves, noise.arousal).astype(np.float32)
    z += np.outer(np.linspace(-1, 1, n) * np.sqrt(3), noise.drift).astype(np.float32)
    psc = (noise.base + offset + noise.size * gain * z).astype(np.float32)
    return psc, gain, offset


def estimate_ncsnr(betas: np.ndarray, image_ids: np.ndarray, sessions: np.ndarray) -> np.ndarray:
    """Estimate the noise-ceiling signal-to-noise ratio of each voxel by NSD's procedure.

    Betas are standardised per voxel within session (a voxel that is constant there is left out); for pictures with
    exactly three trials the sample variance over these is averaged to the noise variance v^2; the signal has what is
    left of 1:  ncsnr = sqrt(max(0, 1 - v^2)) / v.

    Parameters
    ----------
    betas : (n_trials, n_voxels)
        In any unit.
    image_ids, sessions : (n_trials,) int

    Returns
    -------
    (n_voxels,) float32
        NaN for a voxel without any picture of three valid trials.

    Source: NSD Data Manual, ncsnr; Allen et al. 2022, Methods.
    """
    ids, inverse, counts = np.unique(image_ids, return_inverse=True, return_counts=True)
    trials = np.argsort(inverse, kind="stable")[np.repeat(counts, counts) == 3].reshape(-1, 3)
    out = np.full(betas.shape[1], np.nan, np.float32)
    for start in range(0, betas.shape[1] if len(trials) else 0, 512):
        block = betas[:, start:start + 512].astype(np.float32)
        for session in np.unique(sessions):
            here = sessions == session
            part = block[here].astype(np.float64)
            sd = np.where(np.ptp(part, axis=0) > 0, part.std(0), np.nan)
            block[here] = (part - part.mean(0)) / sd
        variance = block[trials].var(1, ddof=1, dtype=np.float64)
        known = np.isfinite(variance)
        noise = np.where(known, variance, 0).sum(0) / np.maximum(known.sum(0), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt(np.maximum(0, 1 - noise)) / np.sqrt(noise)
        out[start:start + 512] = np.where(known.any(0), ratio, np.nan)
    return out
