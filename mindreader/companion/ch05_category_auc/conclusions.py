"""Test what the paper concludes from Table 2 as paired differences, and under controls for what differs between inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ...core import Covers
from ...pipeline import Pipeline
from ...uncertainty import Contributions, CORRELATION, ratio, score_interval
from ..common import over_fits
from .inputs import AS_PAPER, CLIP, FMRI, INPUTS, RESNET, TABLE_2, TO_CLIP, TO_RESNET, VARIANTS, equal_size, missing
from .profiles import CHANCE, Profile, profile

KEPT, POOR = "mapping keeps nearly all", "ResNet loses"
STUFF, ALIGNED = "stuff is harder, but not for ResNet", "the brain aligns with CLIP"


@dataclass(frozen=True)
class Difference:
    """One paired difference: its key in the results, the conclusion it bears on, its name, the inputs it needs, and how it is worked
    out of their profiles.

    expects: the sign that the paper's conclusion needs, 0 where it needs none; unit: of what it is a difference
    """

    key: str
    conclusion: str
    name: str
    inputs: tuple[str, ...]
    of: Callable[..., Contributions]
    expects: int
    unit: str = "AUC"


def _less(one: Profile, other: Profile) -> Contributions:
    """The mean over classes of one input less that of another, both from the same classes and trials."""
    return one.mean("overall") - other.mean("overall")


def _gap(classes: Profile) -> Contributions:
    """The mean over things less the mean over stuff."""
    return replace(classes.mean("things") - classes.mean("stuff"), bounds=None)


def _gap_at_one_frequency(classes: Profile) -> Contributions:
    """The same at one frequency: the coefficient of being a thing, beside that of the logarithm of the class's pictures.

    A coefficient of a regression is a weighted sum of what is regressed, so the classes' contributions give its interval.
    """
    design = np.stack([np.ones(len(classes.names)), classes.kinds == "thing", np.log(classes.n_present.astype(float))], 1)
    return classes.weighted(np.linalg.pinv(design)[1])


def _kept_above(mapped: Profile, own: Profile) -> Contributions:
    """The share of what an embedding has above chance that is left when it is decoded from activity."""
    return ratio(mapped.mean("overall"), own.mean("overall"), CHANCE)


DIFFERENCES = (
    Difference("kept", KEPT, f"{TO_CLIP} less {FMRI}", (TO_CLIP, FMRI), _less, 0),
    Difference("resnet_less_clip", POOR, f"{RESNET} less {CLIP}", (RESNET, CLIP), _less, -1),
    Difference("resnet_less_fmri", POOR, f"{RESNET} less {FMRI}", (RESNET, FMRI), _less, -1),
    Difference("mapped_resnet_less_mapped", POOR, f"{TO_RESNET} less {TO_CLIP}", (TO_RESNET, TO_CLIP), _less, -1),
    Difference("mapped_resnet_less_fmri", POOR, f"{TO_RESNET} less {FMRI}", (TO_RESNET, FMRI), _less, -1),
    *(Difference(f"gap_{INPUTS[name].key}", STUFF, f"things less stuff, {name}", (name,), _gap, sign)
      for name, sign in ((CLIP, 1), (FMRI, 1), (TO_CLIP, 1), (RESNET, 0))),
    *(Difference(f"gap_{INPUTS[name].key}_one_frequency", STUFF, f"things less stuff at one frequency, {name}", (name,),
                 _gap_at_one_frequency, sign)
      for name, sign in ((CLIP, 1), (FMRI, 1), (TO_CLIP, 1), (RESNET, 0))),
    *(Difference(f"gap_{INPUTS[name].key}_less_resnet", STUFF, f"things less stuff, {name} less {RESNET}", (name, RESNET),
                 lambda a, b: _gap(a) - _gap(b), 1) for name in (CLIP, FMRI)),
    Difference("aligned", ALIGNED, f"share above chance that decoding keeps, {CLIP} less {RESNET}", (TO_CLIP, CLIP, TO_RESNET, RESNET),
               lambda a, b, c, d: _kept_above(a, b) - _kept_above(c, d), 1, "shares above chance"),
)


def differences(run: Pipeline, *, variant: str = AS_PAPER, n_fits: int = 1) -> pd.DataFrame:
    """The four conclusions as differences on the same classes and trials, one row each.

    Table conclusion, name, unit, value, low, high, p (that it is 0), n (trials), n_classes, agreeing (share of the classes that differ
    as the mean does; NaN where classes are not paired), expects, says ("as the paper", "against it", "open": the interval has 0
    in it; "" where the paper expects no sign, or why it is not computed), covers, variant, key. Rows whose
    inputs are missing are left out.
    """
    absent, table = missing(run), []
    for each in (each for each in DIFFERENCES if not set(each.inputs) & set(absent)):
        profiles = [profile(run, name, variant=variant, n_fits=n_fits) for name in each.inputs]
        row = {"conclusion": each.conclusion, "name": each.name, "unit": each.unit, "value": np.nan, "low": np.nan, "high": np.nan, "p": np.nan,
               "n": len(run.subject.validation), "n_classes": len(profiles[0].names), "agreeing": np.nan, "expects": each.expects,
               "says": "", "covers": "", "variant": variant, "key": each.key}
        table.append(row)
        try:
            found = score_interval(each.of(*profiles), null=0.0)
        except ValueError as reason:  # a group without a class, or nothing above chance to keep a share of
            row["says"] = f"not computed: {reason}"
            continue
        row |= {"value": found.value, "low": found.low, "high": found.high, "p": found.p, "covers": over_fits(found.n_fits),
                "says": _says(each.expects, found.low, found.high)}
        if each.of is _less:
            row["agreeing"] = float(np.mean(np.sign(profiles[0].values - profiles[1].values) == np.sign(found.value)))
    return pd.DataFrame(table)


def confounds(run: Pipeline, *, n_fits: int = 1) -> pd.DataFrame:
    """The same differences with classifiers of one size, and with inputs of one size: `differences` for each of VARIANTS.

    In the paper an input's kind comes with the width of its classifier (fMRI 2048 and 512 units, CLIP 384 and 256, ResNet 512
    and 256), with a number of dimensions and with a scale. n_dims says to how many the last variant reduces all.
    """
    found = pd.concat([differences(run, variant=variant, n_fits=n_fits) for variant in VARIANTS], ignore_index=True)
    return found.assign(n_dims=np.where(found.variant == VARIANTS[-1], equal_size(run), 0))


def frequencies(run: Pipeline, names: tuple[str, ...] = TABLE_2, *, n_draws: int = 9999) -> pd.DataFrame:
    """Whether frequent classes are classified better: rank correlation over classes of AUC and pictures that have the class.

    Table name, value, p (two-sided, by permuting the classes), n_classes, things, stuff (median pictures of a class of either).
    """
    absent, table = missing(run), []
    for name in (name for name in names if name not in absent):
        classes = profile(run, name)
        value, p = _correlation(rankdata(classes.values), rankdata(classes.n_present), _rng(run, f"frequency/{name}"), n_draws)
        medians = {group: float(np.median(classes.n_present[classes.of(group)])) if classes.of(group).any() else np.nan
                   for group in ("things", "stuff")}
        table.append({"name": name, "value": value, "p": p, "n_classes": len(classes.names)} | medians)
    return pd.DataFrame(table)


def agreement(run: Pipeline, *, n_draws: int = 9999) -> pd.DataFrame:
    """Whether what can be classified from one input can be from another: correlation of their AUCs over classes.

    Table name, value, low, high (over pictures: both AUCs of a class are of the same ones), p (two-sided, by permuting the classes
    of one), n (trials), n_classes.
    """
    absent, table = missing(run), []
    pairs = ((TO_CLIP, FMRI), (TO_RESNET, FMRI), (CLIP, FMRI), (RESNET, FMRI), (TO_CLIP, CLIP), (TO_RESNET, RESNET))
    for one, other in (pair for pair in pairs if not set(pair) & set(absent)):
        a, b = profile(run, one), profile(run, other)
        value, p = _correlation(a.values, b.values, _rng(run, f"agreement/{one}/{other}"), n_draws)
        found = score_interval(_over_classes(a, b)) if np.isfinite(value) else None
        table.append({"name": f"{one} and {other}", "value": value, "low": found.low if found else np.nan,
                      "high": found.high if found else np.nan, "p": p, "n": len(run.subject.validation), "n_classes": len(a.names)})
    return pd.DataFrame(table)


def conclusions_summary(table: pd.DataFrame, agreeing: pd.DataFrame) -> dict:
    """The numbers of the differences and of the classes' agreement, by short names."""
    values = {f"difference_{row.key}": {"ours": row.value, "low": row.low, "high": row.high, "covers": row.covers, "n": row.n,
                                        "chance": 0.0, "note": f"{row.name}; {row.n_classes} classes"}
              for row in table[np.isfinite(table.value)].itertuples()}
    for row, key in zip(agreeing.itertuples(), _keys(agreeing)):
        if np.isfinite(row.value):
            values[f"agreement_{key}"] = {
                "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n, "chance": 0.0,
                "note": f"correlation over {row.n_classes} classes of the AUC from {row.name}; p = {row.p:.2g}"}
    return values


def _keys(agreeing: pd.DataFrame) -> list[str]:
    return ["_and_".join(INPUTS[part].key for part in name.split(" and ")) for name in agreeing.name]


def _rng(run: Pipeline, what: str) -> np.random.Generator:
    return np.random.default_rng(run.experiment.child_seed(what))


def _over_classes(one: Profile, other: Profile) -> Contributions:
    """The correlation over classes of two inputs' AUCs, linearised: what each picture adds through each AUC's own contributions."""
    x, y = ((each.values - each.values.mean()) / each.values.std() for each in (one, other))
    r, n = float(x @ y / len(x)), len(x)
    first, second = one.weighted((y - r * x) / (n * one.values.std())), other.weighted((x - r * y) / (n * other.values.std()))
    return replace(first, values=np.full_like(first.values, r), parts=first.parts + second.parts, bounds=CORRELATION)


def _correlation(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, n_draws: int) -> tuple[float, float]:
    """Pearson's correlation and its two-sided p by permutation; NaN with fewer than three classes or a constant."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan, np.nan
    x, y = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    value = x @ y / len(x)
    drawn = rng.permuted(np.tile(x, (n_draws, 1)), axis=1) @ y / len(x)
    return float(value), float((1 + (np.abs(drawn) >= abs(value) - 1e-12).sum()) / (1 + n_draws))


def _says(expects: int, low: float, high: float) -> str:
    if not expects:
        return ""
    if low <= 0 <= high:
        return "open"
    return "as the paper" if np.sign(low) == expects else "against it"
