"""Compute intervals of scores by resampling pictures, and write every score as a row of a tidy table.

Rows are joined by image id and key, never by position: shuffling the rows of an input changes no score. Tables are
tidy, with columns name, metric, value, low, high, n, chance, seed, origin (and more); the interval is 95 %. Rows of
retrieval and identification also say by which named protocol they were made (column protocol, see `protocols`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

CONFIDENCE = 0.95
SCORE_COLUMNS = ("name", "metric", "value", "low", "high", "n", "chance", "seed", "origin")


def wilson(k: int, n: int, level: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval for k successes in n independent tries, in [0, 1].

    >>> [round(end, 3) for end in wilson(30, 300)]
    [0.071, 0.139]
    """
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"got {k} successes in {n} tries, expected 0 <= successes <= tries and at least one try")
    z = norm.ppf(0.5 + level / 2)
    middle, half = (k + z * z / 2) / (n + z * z), z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def bootstrap_interval(values: np.ndarray, image_ids: np.ndarray, *, seed: int, n_bootstrap: int = 1000,
                       level: float = CONFIDENCE) -> tuple[float, float]:
    """Bootstrap interval of the mean of `values` (n,): pictures are resampled, all their trials with them.

    Trials of one picture are not independent, so resampling trials would claim too much. Departs: the paper gives the
    spread of redrawn rivals only.
    """
    weights, inverse = image_weights(image_ids, seed, n_bootstrap)
    totals, counts = np.bincount(inverse, values), np.bincount(inverse)
    means = weights @ totals / (weights @ counts)
    return quantiles(means, level)


def image_weights(image_ids: np.ndarray, seed: int, n_bootstrap: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each bootstrap sample holds each picture, (n_bootstrap, n_pictures); and the index of each row's picture."""
    ids, inverse = np.unique(image_ids, return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=n_bootstrap)    # [n_bootstrap, pictures]
    return weights.astype(np.float64), inverse


def quantiles(values: np.ndarray, level: float = CONFIDENCE) -> tuple[float, float]:
    """The two quantiles that enclose the central `level` of the values, (n,)."""
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def score_row(name: str, metric: str, value: float, low: float, high: float, n: int, chance: float, seed: int, origin: str,
        **extra) -> pd.DataFrame:
    """One row of a tidy score table."""
    cells = (name, metric, float(value), float(low), float(high), n, float(chance), seed, origin)
    return pd.DataFrame([dict(zip(SCORE_COLUMNS, cells)) | extra])


def stamp(protocol: str, settings: Mapping, usual: Mapping) -> str:
    """The protocol's name and version, and the settings that differ from its own: "nway/exact@1 (n_choices=50)"."""
    differs = ", ".join(f"{name}={value}" for name, value in settings.items() if value != usual.get(name))
    return f"{protocol} ({differs})" if differs else protocol
