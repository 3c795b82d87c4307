"""Simulate an NSD experiment: the order in which pictures come back, and what each trial's betas are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .brain import Responses
from .cortex import Cortex

__all__ = ["Noise", "attend", "draw_noise", "estimate_ncsnr", "order_pictures", "simulate_session"]

_NEVER = 0.04          # share of voxels of nsdgeneral that do not answer to pictures
_GATHER = 0.6          # share of showings that gather around their picture's moment, fitted to NSD (Technical notes: of
                       # 10,000 pictures, how many came up once, twice and thrice in the first 30 and 32 of 40 sessions)
_TOGETHER = 0.2074     # share of pictures whose showings fall together, so that withholding 3 of 40 sessions keeps back
                       # 159 of 10,000 pictures, as for NSD's subject 1
_REGION = {"early": 1.15, "midventral": 1.05, "midlateral": 1.0, "midparietal": 0.9, "ventral": 1.0, "lateral": 1.05,
           "parietal": 0.75}   # median ceiling by stream, relative to that of nsdgeneral


@dataclass(frozen=True, eq=False)
class Noise:
    """What keeps a voxel's trials from being its noiseless response; sd are relative to the total noise, which is 1.

    ncsnr      (n_voxels,)   the true noise-ceiling signal-to-noise ratio: sd of the signal over sd of the noise
    attention  (n_voxels,)   sd that comes from attending now this thing, now that
    stray      (n_voxels,)   sd of stray thoughts: the response to a picture that is not shown, shared by all voxels
    arousal    (n_voxels,)   loading on slow ups and downs of the whole brain
    drift      (n_voxels,)   loading on a straight line through each session
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
    """An order in which each picture comes three times, within a session or weeks apart, (3 * n_pictures,) from 0.

    Each picture has a moment around which its showings may gather; most of them do, as in NSD, and the others come at
    any time. No picture follows itself.

    Only the first `n_written` trials take place. The pictures that come up in none of them are as many as in NSD: 159
    of 10,000 where 3 of 40 sessions are withheld. Chance would miss that number by a dozen, so it is held: of the
    pictures that come up last as many as needed come up in time, or only later.

    Parameters
    ----------
    n_pictures : int
    n_written : int
        Trials that take place, from `n_pictures` to 3 * `n_pictures`; the others are planned and withheld.
    seed : int
    """
    if not n_pictures <= n_written <= 3 * n_pictures:
        raise ValueError(f"got {n_written} trials that take place, expected from {n_pictures} to {3 * n_pictures} for "
                         f"{n_pictures} pictures shown three times; write more sessions, or withhold fewer")
    rng = np.random.default_rng([seed, 13])
    moment = rng.random(n_pictures)[:, None] + rng.normal(0, 0.01, (n_pictures, 3))
    when = np.where(rng.random((n_pictures, 3)) < _GATHER, moment, rng.random((n_pictures, 3))) % 1
    left = 1 - n_written / (3 * n_pictures)
    n_late = round(n_pictures * (_TOGETHER * left + (1 - _TOGETHER) * left**3))
    turn = when.copy()                                        # who takes place first, where it must differ from `when`
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


def draw_noise(cortex: Cortex, wandering: np.ndarray, *, median_ncsnr: float, stray: float, seed: int) -> Noise:
    """Noise of every voxel, such that true ncsnr has this median over nsdgeneral and spreads from 0 to 0.9.

    Parameters
    ----------
    cortex : Cortex
    wandering : (n_voxels,)
        Variance that attention adds, relative to a signal of variance 1.
    median_ncsnr : float
    stray : float
        Variance of stray thoughts relative to the signal's. As they are shared, no number of voxels averages them out:
        they, and not the voxels' own noise, set how much can be read from one trial.
    seed : int
    """
    rng = np.random.default_rng([seed, 14])
    n = len(wandering)
    ncsnr = np.exp(rng.normal(0, 0.33, n))
    for stream, factor in _REGION.items():
        ncsnr[cortex.having("streams", stream)] *= factor
    never = rng.random(n) < _NEVER
    ncsnr[never] = 0
    ncsnr = np.clip(ncsnr * median_ncsnr / np.median(ncsnr), 0, 0.9)
    left = np.maximum(1 - ncsnr**2 * wandering, 0.2)
    arousal, drift = rng.uniform(0.05, 0.35, n) ** 2 * left, rng.normal(0, 0.15, n) ** 2 * left
    room = 0.85 * left - arousal - drift
    strayed = np.clip(stray * ncsnr**2, 0, np.maximum(room, 0))
    own = np.maximum(left - arousal - drift - strayed, 0.05)
    total = ncsnr**2 * wandering + arousal + drift + strayed + own
    return Noise(ncsnr / np.sqrt(total), *(np.sqrt(part / total) for part in
                 (ncsnr**2 * wandering, strayed, arousal)), np.sqrt(drift / total) * rng.choice((-1, 1), n),
                 np.sqrt(own / total), rng.normal(0.6, 0.8, n), np.exp(rng.normal(np.log(1.8), 0.3, n)))


def attend(responses: Responses, shown: np.ndarray, seed: int) -> np.ndarray:
    """For each trial which row of `responses` the mind takes: the picture shown, with one of its things attended."""
    rng = np.random.default_rng([seed, 15])
    starts = np.searchsorted(responses.image, np.arange(responses.image.max() + 2))
    cumulative = np.cumsum(responses.probability)
    before = cumulative[starts[shown]] - responses.probability[starts[shown]]
    row = np.searchsorted(cumulative, before + rng.random(len(shown)) * (1 - 1e-9), side="right")
    return np.clip(row, starts[shown], starts[shown + 1] - 1)


def simulate_session(responses: Responses, rows: np.ndarray, noise: Noise, number: int, seed: int) -> tuple:
    """Betas of one session in percent signal change, and the gain and offset that the session has by accident.

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
    """Noise-ceiling signal-to-noise ratio of each voxel, by NSD's own procedure.

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
