"""Score encoding models: the correlation of predicted and measured activity of each voxel, and its noise ceiling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..records import Embeddings, Encoder, Trials


def encoding_accuracy(encoder: Encoder, embeddings: Embeddings, trials: Trials) -> np.ndarray:
    """Correlation of predicted and measured single-trial activity over trials, for each voxel, (n_voxels,).

    Its ceiling is sqrt(noise_ceiling(ncsnr, 1)). Source: paper A.8.
    """
    ids = np.unique(trials.image_ids)
    one_each = embeddings.take(np.isin(embeddings.image_ids, ids))
    rows = pd.Index(one_each.image_ids).get_indexer(trials.image_ids)
    embeddings.at(trials.image_ids)                                     # ValueError where a picture is missing
    return pearson(encoder.predict(one_each)[rows], trials.betas)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of each column of a with the same column of b, both (n, m), as (m,); NaN where one is constant."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"got shapes {a.shape} and {b.shape}, expected twice the same (rows, columns)")
    a, b = a - a.mean(0), b - b.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


def noise_ceiling(ncsnr: np.ndarray, n: int | Mapping[int, int] = 1) -> np.ndarray:
    """Share of a voxel's variance that a perfect model could explain: s^2 / (s^2 + 1/n) with s = ncsnr, in [0, 1].

    n: trials averaged, or {repeats: number of pictures with so many}, whose mean of 1/repeats then stands for 1/n. The
    ceiling of a correlation is the square root. NaN stays NaN. Source: NSD data manual; paper A.8.

    >>> noise_ceiling(np.array([1.0, 0.5]), 3).round(2)
    array([0.75, 0.43])
    """
    if isinstance(n, Mapping):
        inverse = sum(count / repeats for repeats, count in n.items()) / sum(n.values())
    elif n >= 1:
        inverse = 1 / n
    else:
        raise ValueError(f"got n={n}, expected at least one trial")
    signal = np.square(np.asarray(ncsnr, float))
    return signal / (signal + inverse)
