"""Test the paper's claims about its mappers on the counts that it prints, and on mappers that were fitted here.

Each comparison of the paper's Tables 3 and 4 is one claim. The paper has one batch of 300 trials and one fit for each
setting; here the same trials are decoded by several fits of each, and a fixed rule gives the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact, t

from .. import scoring
from ..core import paper_values
from ..scoring import RetrievalBatch, Direction

N_TRIALS = 300                       # of the paper's one batch (§3.2)
LEVEL = 0.05
MIN_SEEDS = 3
SUPPORTED, DIRECTION_ONLY, WITHIN_NOISE, CONTRADICTED, UNTESTABLE = VERDICTS = (
    "supported", "direction only", "within noise", "contradicted", "untestable here")

Row = tuple[str, str]                # mapper and setting, as in the columns row and column of `core.paper_values`
_FINAL = "MSE+cos then +Contra"
_SAME_FIT: dict[Row, Row] = {        # settings that the paper prints twice, under names of two questions
    ("f_mi", "threshold"): ("f_mi", "MSE+cos"),
    ("f_mi", "image augmentation"): ("f_mi", "MSE+cos"),
    ("f_mc", "threshold"): ("f_mc", "MSE+cos"),
    ("f_mc", "random caption"): ("f_mc", "MSE+cos"),
    ("weighted sum", "f_mi"): ("f_mi", _FINAL),        # Table 4 does not say which fits it sums; we take the final ones
    ("weighted sum", "f_mc"): ("f_mc", _FINAL),
    ("weighted sum", "f_res"): ("f_res", "alone"),
}
_TABLE = {"f_mi": "3b", "f_mc": "3b", "f_res": "text"}  # where the counts of a fit stand that a claim's own table lacks


@dataclass(frozen=True)
class Claim:
    """One comparison: `better_row` has more hits than `worse_row` in one direction, says the paper.

    question            what the comparison is about: one of the paper's conclusions, several claims each
    table, mapper       where the counts stand; mapper is "f_mi", "f_mc" or "weighted sum" (Table 4)
    better_row, worse_row   settings of that mapper, as in `core.paper_values`
    sentence            the conclusion in our words
    """

    question: str
    table: str
    mapper: str
    direction: Direction
    better_row: str
    worse_row: str
    sentence: str


def _claims(question, table, mappers, better, worse, sentence) -> list[Claim]:
    return [Claim(question, table, mapper, direction, better, other, sentence.format(other=other, mapper=mapper))
            for mapper in mappers for other in worse for direction in scoring.DIRECTIONS]


CLAIMS: tuple[Claim, ...] = (
    *_claims("clamp", "3a", ("f_mi", "f_mc"), "threshold", ("no threshold",),
             "Cutting the targets' outliers helps {mapper}."),
    *_claims("augmentation", "3a", ("f_mi",), "image augmentation", ("no augmentation",),
             "Targets from augmented pictures help {mapper}."),
    *_claims("caption choice", "3a", ("f_mc",), "random caption", ("fixed caption", "average caption"),
             "A caption drawn anew each time is a better target for {mapper} than the {other}."),
    *_claims("loss", "3b", ("f_mi", "f_mc"), "MSE+cos", ("MSE", "cos", "Contra", "MSE+cos+Contra from scratch"),
             "Squared error with cosine distance is a better start for {mapper} than {other}."),
    *_claims("finetuning", "3b", ("f_mi", "f_mc"), _FINAL, ("MSE+cos",),
             "A second phase with the contrastive term helps {mapper}."),
    *_claims("auxiliary network", "3b", ("f_mi", "f_mc"), "MSE+cos", ("auxiliary GAN", "auxiliary VICReg"),
             "{mapper} is no better with the {other}."),
    *_claims("combination", "4", ("weighted sum",), "f_mi + f_mc", ("f_mi", "f_mc"),
             "Two mappers together beat {other}."),
    *_claims("combination", "4", ("weighted sum",), "f_mi + f_mc + f_res", ("f_mi + f_mc", "f_res"),
             "With the ResNet mapper as the third they beat {other}."),
)


def fit_of(mapper: str, row: str) -> Row:
    """The fit of a setting: the paper's base has several names in its tables, and is fitted once here."""
    return _SAME_FIT.get((mapper, row), (mapper, row))


def fits(claims: Sequence[Claim] = CLAIMS) -> list[Row]:
    """All fits that `verdicts` can use for these claims, each once: the keys that it looks for in `hits`."""
    return list(dict.fromkeys(fit_of(c.mapper, row) for c in claims for row in (c.better_row, c.worse_row)))


# ── the paper's counts ────────────────────────────────────────────────────────────────────────────────────────────────
def published(claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """Test each claim on the paper's own counts, for one batch of 300 trials.

    Fisher's exact test, two-sided, as if the two settings had decoded different trials: which trials each found is not
    printed. If they are the same, a paired test would have somewhat more power. Holm's correction is over the claims
    given; pass those of one question for that family alone.

    Returns
    -------
    DataFrame
        The fields of each claim; better_hits, worse_hits of n; difference (of shares); p, p_holm; better_low ..
        worse_high (Wilson, 95 %); verdict by `verdict`, where "direction only" means no more than the sign.

    Source: Tables 3 and 4. Departs: D-33 (the paper tests nothing).
    """
    printed, rows = paper_values().set_index(["table", "row", "column", "metric"]).value, []
    for claim in claims:
        better, worse = (_count(printed, claim, row) for row in (claim.better_row, claim.worse_row))
        p = fisher_exact([[better, N_TRIALS - better], [worse, N_TRIALS - worse]]).pvalue
        (better_low, better_high), (worse_low, worse_high) = (scoring.wilson(k, N_TRIALS) for k in (better, worse))
        rows.append(asdict(claim) | dict(
            better_hits=better, worse_hits=worse, n=N_TRIALS, difference=(better - worse) / N_TRIALS, p=float(p),
            better_low=better_low, better_high=better_high, worse_low=worse_low, worse_high=worse_high))
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table.p)
    table["verdict"] = [verdict(r.difference, r.p_holm, r.difference > 0) for r in table.itertuples()]
    return table


def holm(p: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjustment of a family of p values; a NaN is no member of the family and stays."""
    p = np.asarray(p, float)
    adjusted, tested = p.copy(), np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return adjusted


# ── our mappers ───────────────────────────────────────────────────────────────────────────────────────────────────────
def trial_hits(batch: RetrievalBatch, *, seed: int) -> pd.DataFrame:
    """Which trials of a batch find their picture: table image_id, key, seed (that of the fit), forward, backward."""
    return pd.DataFrame({"image_id": batch.image_ids, "key": batch.keys, "seed": seed,
                         **{d: scoring.hits(batch, d) for d in scoring.DIRECTIONS}})


@dataclass(frozen=True)
class Paired:
    """Two settings on the same trials, averaged over seeds.

    better, worse         share of hits, in [0, 1]
    difference, low, high better - worse, with its 95 % interval
    p_pictures            of sign flips over pictures: generalises to other pictures, for these fits
    p_seeds               of a t test over pictures and seeds: generalises to other fits, too
    same_sign             every seed's difference has the sign that is claimed (better > worse)
    """

    better: float
    worse: float
    difference: float
    low: float
    high: float
    p_pictures: float
    p_seeds: float
    same_sign: bool
    n_trials: int
    n_pictures: int
    n_seeds: int

    @property
    def p(self) -> float:
        """The larger of the two: both tests must be significant, so neither needs a correction for the other."""
        return max(self.p_pictures, self.p_seeds)


def paired(better: pd.DataFrame, worse: pd.DataFrame, direction: Direction, *, n_permutations: int = 10_000,
           seed: int = 0) -> Paired:
    """A paired test of two settings over the pictures and the seeds that both have.

    Parameters
    ----------
    better, worse : DataFrame
        Tables as of `trial_hits`, those of all seeds one below the other; the same trials in each.
    direction : "forward" or "backward"
    n_permutations : int
        Sign flips; a picture's trials flip together.

    Notes
    -----
    d_ps is the summed difference in hits over the trials of picture p under seed s, N the number of trials. With D the
    mean over seeds of sum_p d_ps / N, its standard error is

        se^2 = P / (P - 1) sum_p (mean_s d_ps - n_p D)^2 / N^2  +  var_s(sum_p d_ps / N) / S

    and D / se is read from Student's t with Satterthwaite's degrees of freedom. What a picture gains under one seed
    only counts in both terms, so the test is conservative. The variation of a fit moves all of its pictures at once, which
    sign flips over pictures do not measure, however many pictures there are. Departs: D-33.
    """
    scoring.check_direction(direction)
    a, b = _by_seed(better, direction), _by_seed(worse, direction)
    if not a.index.sort_values().equals(b.index.sort_values()):
        shared = len(a.index.intersection(b.index))
        raise ValueError(f"the two settings share {shared} trials of {len(a)} and {len(b)}, expected the same trials "
                         "in both; score both on one batch")
    seeds = a.columns.intersection(b.columns)
    if len(seeds) < 2:
        raise ValueError(f"the two settings share {len(seeds)} seeds, expected at least two; "
                         "fit both with the same seeds")
    a, b = a[seeds], b.loc[a.index, seeds]
    apart, n = (a - b).groupby(level="image_id").sum().to_numpy(), len(a)                        # [pictures, seeds]
    trials = a.groupby(level="image_id").size().to_numpy()
    per_picture, per_seed = apart.mean(1), apart.sum(0) / n
    difference = per_picture.sum() / n
    low, high, p_seeds = _student(difference, per_picture - trials * difference, per_seed, n)
    return Paired(float(a.to_numpy().mean()), float(b.to_numpy().mean()), float(difference), low, high,
                  _sign_flips(per_picture, n_permutations, seed), p_seeds, bool((per_seed > 0).all()), n, len(trials),
                  len(seeds))


def verdict(difference: float, p: float, same_sign: bool, level: float = LEVEL) -> str:
    """The fixed rule, for a difference that the claim says is positive.

    supported       positive, and p <= level
    contradicted    negative, and p <= level
    direction only  p > level, but positive in every fit
    within noise    the rest

    p is corrected for the number of claims. A claim that something is *no* better can be contradicted; where it is not,
    "within noise" is all that can be seen of it.
    """
    if p <= level and difference != 0:
        return SUPPORTED if difference > 0 else CONTRADICTED
    return DIRECTION_ONLY if same_sign else WITHIN_NOISE


def verdicts(claims: Sequence[Claim], hits: Mapping[Row, pd.DataFrame], *, n_permutations: int = 10_000,
             seed: int = 0) -> pd.DataFrame:
    """Test each claim on our fits, by the rule of `verdict` on the p of `paired` after Holm's correction.

    Parameters
    ----------
    claims : sequence of Claim
        The family of the correction; untestable ones do not count in it.
    hits : mapping of (mapper, setting) to DataFrame
        Tables as of `trial_hits`, those of all seeds one below the other, under the names of `fits(claims)`.

    Returns
    -------
    DataFrame
        The fields of each claim; better, worse (shares of hits), difference, low, high, p_pictures, p_seeds, p, p_holm,
        n_trials, n_pictures, n_seeds; verdict, and a note on why a claim is "untestable here": a fit that is not
        in `hits`, or fewer than MIN_SEEDS seeds of both.
    """
    known = {fit_of(*row): table for row, table in hits.items()}
    rows = []
    for claim in claims:
        note, found = _why_not(claim, known), None
        if not note:
            found = paired(*(known[fit_of(claim.mapper, row)] for row in (claim.better_row, claim.worse_row)),
                           claim.direction, n_permutations=n_permutations, seed=seed)
        numbers = asdict(found) | {"p": found.p} if found else {"p": np.nan}
        rows.append(asdict(claim) | numbers | {"note": note})
    columns = [*Claim.__dataclass_fields__, *Paired.__dataclass_fields__, "p", "note"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    table["p_holm"] = holm(table.p)
    table["verdict"] = [UNTESTABLE if r.note else verdict(r.difference, r.p_holm, bool(r.same_sign))
                        for r in table.itertuples()]
    return table


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _count(printed: pd.Series, claim: Claim, row: str) -> int:
    place = (claim.table, claim.mapper, row)
    if claim.mapper == "weighted sum" and (claim.mapper, row) in _SAME_FIT:                # one mapper, beside a sum
        mapper, setting = fit_of(claim.mapper, row)
        place = (_TABLE[mapper], mapper, setting)
    return int(printed[(*place, f"{claim.direction} hits of {N_TRIALS}")])


def _why_not(claim: Claim, known: Mapping[Row, pd.DataFrame]) -> str:
    wanted = [fit_of(claim.mapper, row) for row in (claim.better_row, claim.worse_row)]
    absent = [" / ".join(row) for row in wanted if row not in known]
    if absent:
        return f"no fit of {' and '.join(absent)}"
    shared = len(set.intersection(*(set(known[row].seed) for row in wanted)))
    return "" if shared >= MIN_SEEDS else f"{shared} seeds in common, {MIN_SEEDS} are needed"


def _by_seed(hits: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Hits as numbers, [trials, seeds], indexed by image_id and key."""
    twice = hits.duplicated(["image_id", "key", "seed"])
    if twice.any():
        row = hits[twice].iloc[0]
        raise ValueError(f"the trial {row.key} of image {row.image_id} stands twice under seed {row.seed}, "
                         "expected once")
    table = hits.astype({direction: float}).pivot(index=["image_id", "key"], columns="seed", values=direction)
    lacking = int(table.isna().any(axis=1).sum())
    if lacking:
        raise ValueError(f"{lacking} of {len(table)} trials lack a seed, expected each trial under each seed; "
                         "score all fits on one batch")
    return table


def _student(difference: float, residuals: np.ndarray, per_seed: np.ndarray, n: int) -> tuple[float, float, float]:
    n_pictures, n_seeds = len(residuals), len(per_seed)
    parts = np.array([n_pictures / (n_pictures - 1) * (residuals ** 2).sum() / n ** 2, per_seed.var(ddof=1) / n_seeds])
    error = np.sqrt(parts.sum())
    if error < 1e-12:                                                            # every picture and every seed agree
        return difference, difference, float(abs(difference) < 1e-12)
    freedom = parts.sum() ** 2 / (parts ** 2 / [n_pictures - 1, n_seeds - 1]).sum()
    half = t.ppf(0.5 + scoring.CONFIDENCE / 2, freedom) * error
    return float(difference - half), float(difference + half), float(2 * t.sf(abs(difference) / error, freedom))


def _sign_flips(per_picture: np.ndarray, n_permutations: int, seed: int) -> float:
    """Two-sided p of the sum under random signs, the observed signs counted as one of the draws."""
    moved = per_picture[per_picture != 0]
    signs = np.random.default_rng(seed).integers(0, 2, (n_permutations, len(moved)), dtype=np.int8) * 2 - 1
    as_far = np.abs(signs @ moved) >= abs(moved.sum()) - 1e-9
    return float((1 + as_far.sum()) / (1 + n_permutations))
