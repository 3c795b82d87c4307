"""Name scores: distances after the network whose features they compare; only those of Inception v3 are called FID and KID."""

from __future__ import annotations

from ..extractors import INCEPTION

FRECHET, KERNEL = "FD", "KD"
TWO_WAY = "2-way identification"     # as `identification` calls it
_NAMES = {FRECHET: FRECHET, "FID": FRECHET, KERNEL: KERNEL, "KID": KERNEL}


def distance_names(features: str) -> dict[str, str]:
    """The names of the Fréchet (FD) and the kernel distance (KD) between features of this space.

    >>> distance_names("twin features")
    {'FD': 'FD (twin features)', 'KD': 'KD (twin features)'}
    >>> distance_names("Inception v3")["FD"]
    'FID (Inception v3)'
    """
    return {kind: f"{name} ({features})" for name, kind in _NAMES.items() if (name != kind) == (features == INCEPTION)}


def plain_metric(metric: str) -> str:
    """The name of a score without the network whose features a distance compares, so that tables of all subjects are read alike.

    >>> plain_metric("FID (Inception v3), against training trials"), plain_metric("2-way identification")
    ('FD, against training trials', '2-way identification')
    """
    kind = distance_kind(metric)
    return kind + metric.partition(")")[2] if kind else metric


def distance_kind(metric: str) -> str:
    """Which distance a score of this name is, "FD" or "KD"; "" for one that is none.

    >>> distance_kind("FID (Inception v3), difference"), distance_kind("2-way identification")
    ('FD', '')
    """
    return _NAMES.get(metric.partition(" (")[0], "")
