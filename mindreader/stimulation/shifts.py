"""Measure how embeddings move when the brain state is changed, and whether they move more than by random changes."""

from __future__ import annotations

import numpy as np


def consistency(shifts: np.ndarray) -> np.ndarray:
    """Mean cosine of each trial's shift with those of the others, (..., n_trials): 1 where all move the same way.

    Where each moves its own way it is about 0. The mean over trials is that over pairs.

    Parameters
    ----------
    shifts : (..., n_trials, n_dims)
        At least two trials, of different pictures; a trial that does not move has cosine 0 with all others.

    >>> consistency(np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])).tolist()
    [0.5, 0.5, 0.0]
    """
    n = _several(shifts)
    length = np.linalg.norm(shifts, axis=-1, keepdims=True)
    unit = np.where(length > 0, shifts / np.maximum(length, 1e-12), 0)
    own = (length[..., 0] > 0).astype(float)
    return ((unit * unit.sum(-2, keepdims=True)).sum(-1) - own) / (n - 1)


def same_coordinates(shifts: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Of the coordinates that move most on a trial, the share that are among those that move most on another, (..., n_trials).

    Mean over the other trials; by chance it is `share`, and 1 where the same coordinates move most on all.

    Parameters
    ----------
    shifts : (..., n_trials, n_dims)
    share : float
        Of the coordinates that count as moved most.
    """
    n, n_most = _several(shifts), max(1, round(share * shifts.shape[-1]))
    place = np.argsort(np.argsort(-np.abs(shifts), axis=-1, kind="stable"), axis=-1, kind="stable")
    most = place < n_most
    others = most.sum(-2, keepdims=True) - most                              # on how many other trials
    return (most * others).sum(-1) / ((n - 1) * n_most)


def share_lower(shifts: np.ndarray) -> np.ndarray:
    """Share of the coordinates that go down, (...); one half where as many go up. shifts: (..., n_dims).

    >>> float(share_lower(np.array([-1.0, -0.1, 0.0, 2.0])))
    0.5
    """
    return (shifts < 0).mean(-1)


def rank_p(value: float, drawn: np.ndarray, *, side: int = 0) -> float:
    """How rarely a random draw lies as far out as the value: (1 + draws that do) / (1 + draws).

    Parameters
    ----------
    value : float
    drawn : (n_draws,)
        The same of random draws; their number limits how small p can be.
    side : int
        1 or -1: as high or as low as the value; 0: as far from the draws' median, twice the smaller side and at most 1.

    >>> rank_p(3.0, np.arange(3.0), side=1), rank_p(-1.0, np.arange(3.0), side=1), rank_p(3.0, np.arange(3.0))
    (0.25, 1.0, 0.5)
    """
    drawn = np.asarray(drawn, float)
    above, below = ((1 + count) / (1 + len(drawn)) for count in ((drawn >= value).sum(), (drawn <= value).sum()))
    return float(min(1, 2 * min(above, below)) if side == 0 else above if side > 0 else below)


def _several(shifts: np.ndarray) -> int:
    n = shifts.shape[-2]
    if n < 2:
        raise ValueError(f"got {n} trial, expected at least two to compare")
    return n
