"""Compute intervals and p values of scores that cover which pictures were shown and which fit decoded them.

A score is linearised into what each picture adds to it under each fit (`contributions`). Pictures and fits are then crossed
random effects: the variance of the mean over fits is that of the pictures' mean contributions plus that between fits, each with
its own degrees of freedom, as few fits have few. `studies.coverage` measures how often the intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import brentq
from scipy.stats import t

from ..scoring import CONFIDENCE

SHARE, CORRELATION = (0.0, 1.0), (-1.0, 1.0)    # bounds of scores that have some
_SMALLEST_P = 1e-12


@dataclass(frozen=True, eq=False)
class Contributions:
    """A score by several fits, and what each picture adds to it under each fit.

        score with weight w_p on picture p  ≈  values[f] + mean over p of (w_p - 1) parts[f, p]

    values      (n_fits,)
    parts       (n_fits, n_pictures), mean 0 over pictures; its unit is that of the score
    image_ids   (n_pictures,) ascending, each once
    families    (n_fits,) a name for each fit; fits of one name share their first stage (finetunings of one mapper), so they are
                averaged first, and the names are counted as fits
    pairs       for each fit a sparse (n_pictures, n_pictures) matrix, [p, q]: what the own share of picture p gains if picture q is
                no longer among its rivals. Only for scores that count wins against rivals: chance that decides between two pictures is in
                the share of the one and in what the other takes, and is counted once with their help
    bounds      the range that the score cannot leave, if any: SHARE or CORRELATION
    """

    values: np.ndarray
    parts: np.ndarray
    image_ids: np.ndarray
    families: tuple[str, ...] = ()
    pairs: tuple[sparse.csr_array, ...] = ()
    bounds: tuple[float, float] | None = None

    def __post_init__(self):
        values, parts = np.asarray(self.values, float), np.asarray(self.parts, float)
        shape = (len(values), len(self.image_ids))
        if parts.shape != shape or not len(values) or len(self.image_ids) < 2 or (np.diff(self.image_ids) <= 0).any():
            raise ValueError(f"got {len(values)} values, parts {parts.shape} and {len(self.image_ids)} image ids, expected one value for "
                             "each fit, (fits, pictures), and at least two ids in ascending order")
        families = tuple(self.families) or tuple(str(fit) for fit in range(len(values)))
        if len(families) != len(values) or len(self.pairs) not in (0, len(values)):
            raise ValueError(f"got {len(families)} families and {len(self.pairs)} pairs for {len(values)} fits, expected one for each")
        for name, value in (("values", values), ("parts", parts), ("families", families)):
            object.__setattr__(self, name, value)

    def __sub__(self, other: Contributions) -> Contributions:
        """The difference of two scores over the same pictures and fits, paired: fit by fit and picture by picture."""
        if not (np.array_equal(self.image_ids, other.image_ids) and self.families == other.families):
            raise ValueError(f"got {len(self.image_ids)} pictures x {len(self.values)} fits and {len(other.image_ids)} x "
                             f"{len(other.values)}, expected the same pictures and the same fits, for a paired difference")
        pairs = tuple(mine - theirs for mine, theirs in zip(self._pairs(), other._pairs())) if self.pairs or other.pairs else ()
        return replace(self, values=self.values - other.values, parts=self.parts - other.parts, pairs=pairs, bounds=None)

    def of_fit(self, fit: int) -> Contributions:
        """The score of one fit alone."""
        return replace(self, values=self.values[[fit]], parts=self.parts[[fit]], families=(self.families[fit],),
                       pairs=self.pairs[fit:fit + 1] if self.pairs else ())

    def _pairs(self) -> tuple[sparse.csr_array, ...]:
        n = len(self.image_ids)
        return self.pairs or tuple(sparse.csr_array((n, n)) for _ in self.values)

    def save(self, path: Path) -> None:
        """Write everything into one .npz, in single precision but for the values."""
        arrays = {"values": self.values, "parts": self.parts.astype(np.float32), "image_ids": self.image_ids,
                  "families": np.array(self.families, str)}
        arrays |= {"bounds": np.array(self.bounds)} if self.bounds else {}
        if self.pairs:
            found = [matrix.tocoo() for matrix in self.pairs]
            arrays["pair_places"] = np.concatenate([np.stack([np.full(m.nnz, fit), *m.coords]) for fit, m in enumerate(found)], 1)
            arrays["pair_gains"] = np.concatenate([m.data for m in found]).astype(np.float32)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Contributions:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as held:
            values, ids, pairs = held["values"], held["image_ids"], ()
            if "pair_places" in held:
                (fits, *places), gains = held["pair_places"], held["pair_gains"].astype(float)
                pairs = tuple(sparse.csr_array((gains[fits == fit], [at[fits == fit] for at in places]), shape=(len(ids),) * 2)
                              for fit in range(len(values)))
            bounds = tuple(held["bounds"].tolist()) if "bounds" in held else None
            return cls(values, held["parts"], ids, tuple(held["families"].tolist()), pairs, bounds)


def average(scores: Sequence[Contributions]) -> Contributions:
    """The mean of several scores of the same pictures and fits, e.g. of the AUC of several classes."""
    first = scores[0]
    if any(not np.array_equal(first.image_ids, each.image_ids) or first.families != each.families for each in scores):
        raise ValueError("got scores of other pictures or fits, expected the same for all; average each first")
    pairs = ()
    if any(each.pairs for each in scores):
        pairs = tuple(sum(matrices) / len(scores) for matrices in zip(*(each._pairs() for each in scores)))
    return replace(first, values=np.mean([each.values for each in scores], 0), parts=np.mean([each.parts for each in scores], 0), pairs=pairs)


def ratio(score: Contributions, reference: Contributions, zero: float = 0.0) -> Contributions:
    """The ratio of two scores of the same pictures and fits, both counted from `zero`, linearised (the delta method).

    Raises ValueError where the reference does not lie above `zero`.

    Contributions of a ratio a / b are (a's - a / b times b's) / b, with a and b the means over fits.
    """
    top, bottom = score.values - zero, reference.values - zero
    if bottom.mean() <= 0:
        raise ValueError(f"got a reference score of {reference.values.mean():.3f}, expected more than {zero:g}: there is nothing to "
                         "have a share of")
    share = top.mean() / bottom.mean()
    return replace(score, values=share + (top - share * bottom) / bottom.mean(),
                   parts=(score.parts - share * reference.parts) / bottom.mean(), bounds=None)


@dataclass(frozen=True)
class Interval:
    """The mean of a score over fits, with an interval over what it names in `covers`.

    p           two-sided, that the score is the null value; NaN where none was given
    lowest, highest     score of any one fit
    from_fits   share of the variance that is between fits; NaN for one fit, where it is not known
    """

    value: float
    low: float
    high: float
    p: float
    n_pictures: int
    n_fits: int
    lowest: float
    highest: float
    from_fits: float

    @property
    def covers(self) -> str:
        """What another sample may change within the interval, for a stamp: "300 pictures x 5 fits"."""
        if self.n_fits == 1:
            return f"{self.n_pictures} pictures, of one fit only"
        return f"{self.n_pictures} pictures x {self.n_fits} fits"

    @property
    def columns(self) -> dict[str, float | str]:
        """The interval as columns of a score table, beside value, low and high."""
        return {"p": self.p, "n_pictures": self.n_pictures, "n_seeds": self.n_fits, "lowest": self.lowest, "highest": self.highest,
                "from_fits": self.from_fits, "covers": self.covers}


def score_interval(score: Contributions, *, null: float | None = None, level: float = CONFIDENCE) -> Interval:
    """Interval of the mean score over fits, for other pictures and other fits of the same kind.

        variance = sum_p (mean_f parts)^2 / n^2  +  max(0, s_f^2 - interaction) / n_fits

    The first term is that of the pictures, the second that of the fits: the scores' variance between fits, less what it has from
    pictures and fits together, which the first term has already. Each has a t quantile of its own degrees of freedom, and the
    interval takes their mean, weighted by the variances (Cochran and Cox 1950): with 3 fits Satterthwaite's quantile covers as
    little as 91 %, this one 94 to 97 %. A share keeps its bounds by Wilson's interval at the effective number of trials that has
    this variance, a correlation by Fisher's transformation.

    Of one fit the interval covers pictures only, and `covers` says so.
    """
    value, pictures, fits, n_fits = _variance(score)
    df = (_degrees(score), n_fits - 1)
    quantile = _mixed_quantile(pictures, fits, *df)
    if score.bounds == SHARE:
        trials = value * (1 - value) / (pictures + fits) if pictures + fits > 0 else 0.0
        trials = trials or len(score.image_ids)          # all or none: no variance to be seen
        low, high = _wilson(value, trials, quantile(1 - level))
        apart = None if null is None else abs(value - null) / np.sqrt(max(null * (1 - null), 1e-300) / trials)
    else:
        slope = 1 / (1 - value ** 2) if score.bounds == CORRELATION and abs(value) < 1 else None
        error = np.sqrt(pictures + fits)
        half = quantile(1 - level) * error
        if slope:
            low, high = np.tanh(np.arctanh(value) + np.array([-half, half]) * slope)
            apart = None if null is None else _ratio(abs(np.arctanh(value) - np.arctanh(null)), error * slope)
        else:
            low, high = value - half, value + half
            apart = None if null is None else _ratio(abs(value - null), error)
    return Interval(value, float(low), float(high), np.nan if apart is None else _p_value(apart, quantile),
                    len(score.image_ids), n_fits, float(score.values.min()), float(score.values.max()),
                    fits / (pictures + fits) if n_fits > 1 and pictures + fits > 0 else np.nan)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _variance(score: Contributions) -> tuple[float, float, float, int]:
    """The mean over families, the part of its variance from pictures, that from fits, and the number of families."""
    names, family = np.unique(score.families, return_inverse=True)
    mix = (np.arange(len(names))[:, None] == family).astype(float)       # [families, fits]
    mix /= mix.sum(1, keepdims=True)
    values, parts, n, n_families = mix @ score.values, mix @ score.parts, len(score.image_ids), len(names)
    twice = _counted_twice(score)
    mean = mix.mean(0)
    total = (parts.mean(0) ** 2).sum()
    correct = total - mean @ twice @ mean
    pictures = (correct if correct > 0 else total) / (n * (n - 1))
    if n_families == 1:
        return float(values.mean()), float(pictures), 0.0, 1
    apart = mix - mean
    both = ((apart @ score.parts) ** 2).sum() - np.einsum("kf,fg,kg", apart, twice, apart)
    between = values.var(ddof=1) - max(both, 0.0) / ((n_families - 1) * n * (n - 1))
    return float(values.mean()), float(pictures), float(max(between, 0.0) / n_families), n_families


def _counted_twice(score: Contributions) -> np.ndarray:
    """Of the products of two fits' contributions, summed over pictures, what stands for one picture's own chance, (n_fits, n_fits)."""
    n_fits, n = len(score.values), len(score.image_ids)
    found = np.zeros((n_fits, n_fits))
    for f, mine in enumerate(score.pairs):
        for g, theirs in enumerate(score.pairs[:f + 1]):
            centred = (mine * theirs).sum() - (mine.sum(1) * theirs.sum(1)).sum() / n
            found[f, g] = found[g, f] = centred
    return found


def _degrees(score: Contributions) -> float:
    """Degrees of freedom of the pictures' variance: few where few pictures carry it, n - 1 where all do and normally.

    The variance of a mean square of n values with kurtosis k is that of a chi square with 2 n / (k - 1) degrees.
    """
    squares, n = score.parts.mean(0) ** 2, len(score.image_ids)
    if not squares.any():
        return n - 1
    kurtosis = n * (squares ** 2).sum() / squares.sum() ** 2
    return float(np.clip(2 * n / max(kurtosis - 1, 1e-9), 1, n - 1))


def _mixed_quantile(pictures: float, fits: float, df_pictures: float, df_fits: int):
    share = fits / (pictures + fits) if pictures + fits > 0 else 0.0

    def quantile(alpha: float) -> float:
        """What |estimate - truth| / standard error exceeds with probability alpha."""
        of_fits = t.isf(alpha / 2, df_fits) if share else 0.0
        return (1 - share) * t.isf(alpha / 2, df_pictures) + share * of_fits

    return quantile


def _p_value(apart: float, quantile) -> float:
    if apart <= 0:
        return 1.0
    if apart >= quantile(_SMALLEST_P):
        return _SMALLEST_P
    return float(np.exp(brentq(lambda x: quantile(np.exp(x)) - apart, np.log(_SMALLEST_P), 0.0)))


def _wilson(share: float, trials: float, z: float) -> tuple[float, float]:
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials ** 2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _ratio(distance: float, error: float) -> float:
    return distance / error if error > 0 else (0.0 if distance == 0 else np.inf)
