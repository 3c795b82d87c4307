"""Judge the paper's claims by fixed rules, from committed numbers alone.

A claim is tested by one or several comparisons (`findings.Finding`), and stands or falls with all of them. What decides a
comparison is `verdict_of`; what a claim takes from the record, and turns which way, is its rule, one of `RULES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..claims import CONTRADICTED, DIRECTION_ONLY, MIN_SEEDS, SUPPORTED, UNTESTABLE, VERDICTS, WITHIN_NOISE
from .findings import Finding, Record, difference, turned, with_interval
from .rows import PaperClaim, read_claims

NOT_TESTED = "not tested yet"
STATES = {
    SUPPORTED: f"every comparison lies as claimed: its interval, over pictures and over at least {MIN_SEEDS} fits, excludes "
               "chance, or that there is no difference",
    DIRECTION_ONLY: f"every comparison has the sign that is claimed in every fit, but is not significant, or fewer than {MIN_SEEDS} "
                    "fits stand behind it",
    WITHIN_NOISE: "the rest: no difference that another sample of pictures, or another fit, could not undo",
    CONTRADICTED: f"a comparison lies the other way, over pictures and over at least {MIN_SEEDS} fits",
    UNTESTABLE: "no test here could decide it, or the number is set by a choice of ours",
    NOT_TESTED: "it could be tested with what is here, and is not",
}


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict (a key of STATES), the comparisons behind it or the numbers that are only shown, and, of Tables 3
    and 4, what the paper's own counts say."""

    claim: PaperClaim
    verdict: str
    findings: tuple[Finding, ...] = ()
    published: str = ""

    @property
    def origin(self) -> str:
        """Whose brain the test is about, "" where there is none."""
        return self.findings[0].origin if self.findings else ""

    @property
    def one_fit(self) -> bool:
        """Fewer than MIN_SEEDS fits stand behind one of the comparisons."""
        return any(found.fits is not None and found.fits < MIN_SEEDS for found in self.findings)

    @property
    def other_way(self) -> bool:
        """One of the comparisons lies the other way, but does not suffice for "contradicted"."""
        return self.verdict == WITHIN_NOISE and any(found.behind for found in self.findings)


def judge_all(record: Record | None = None, claims: Iterable[PaperClaim] | None = None) -> list[Judged]:
    """Every claim of the ledger with its verdict, from the committed record by default."""
    record = record or Record()
    return [judge(claim, record) for claim in (read_claims()[1] if claims is None else claims)]


def judge(claim: PaperClaim, record: Record) -> Judged:
    """One claim with its verdict.

    A number that a choice of ours sets is shown and not judged. Raises ValueError where the record lacks what the claim names.
    """
    if not claim.test:
        found = tuple(record.number(source) for source in claim.shows)
        return Judged(claim, UNTESTABLE if claim.untestable else NOT_TESTED, found)
    arguments = {key: value for key, value in claim.test.items() if key != "rule"}
    rule = claim.test.get("rule")
    if rule not in RULES:
        raise ValueError(f"{claim.name} is judged by the rule {rule!r}, expected one of {', '.join(RULES)}")
    found = tuple(RULES[rule](record, **arguments))
    if not claim.fitted:
        found = tuple(replace(each, fits=None) for each in found)
    if not claim.pictures:
        found = tuple(replace(each, over_pictures=False) for each in found)
    published = _published(record, **arguments) if rule == "family" else ""
    return Judged(claim, UNTESTABLE if claim.calibrated else one_verdict(map(verdict_of, found)), found, published)


def verdict_of(found: Finding) -> str:
    """The verdict on one comparison.

    As `studies.claims.verdict`: significant one way or the other, else the sign in every fit, else nothing. Significant
    is an interval that excludes the null, covers pictures, and covers at least MIN_SEEDS fits, or needs none since nothing was
    fitted. Of fewer fits an interval over pictures says how this fit does on other pictures, and nothing of another fit: it
    is never enough for more than a direction.
    """
    if found.judged:
        return found.judged
    several = found.fits is None or found.fits >= MIN_SEEDS
    if several and found.over_pictures and (found.all_ahead or found.all_behind):
        return SUPPORTED if found.all_ahead else CONTRADICTED
    return DIRECTION_ONLY if found.all_ahead or (several and found.lowest > found.null) else WITHIN_NOISE


def one_verdict(verdicts: Iterable[str]) -> str:
    """The verdict on a claim that says several things at once: all must hold, and one that fails makes it fail."""
    verdicts = list(verdicts)
    if not verdicts:
        raise ValueError("got no comparison, expected at least one for a verdict")
    for verdict in (CONTRADICTED, UNTESTABLE, WITHIN_NOISE, DIRECTION_ONLY):
        if verdict in verdicts:
            return verdict
    return SUPPORTED


# ── rules: from the record to comparisons ─────────────────────────────────────────────────────────────────────────────
def family(record: Record, question: str, **where) -> list[Finding]:
    """Every comparison of this question about Tables 3 and 4, with the verdict that chapter 02 gives it."""
    table = record.table("02_mapping/claims", {"question": question, **where})
    origin, several = record.origin("02_mapping/claims"), table.worse_row.nunique() > 1
    return [Finding(f"{_words(row.mapper)}{f', over {_words(row.worse_row)}' * several}, {row.direction}", row.difference, row.low,
                    row.high, fits=int(row.n_seeds) if np.isfinite(row.n_seeds) else 0, judged=row.verdict,
                    origin=origin) for row in table.itertuples()]


def comparisons(record: Record, of: Sequence, metrics: Sequence[str]) -> list[Finding]:
    """Each pair of finetunings of Tables 1 and 5, by each measure: how much the first does better, on the same pictures."""
    return [record.number({"table": "tables/table1_claims", "better": better, "worse": worse, "metric": metric,
                           "label": f"{_apart(better, worse)}, {metric.removesuffix(', difference')}"})
            for better, worse in of for metric in metrics]


def above(record: Record, numbers: Sequence, bar: float | None = None) -> list[Finding]:
    """Each number lies above the bar, or above its recorded chance level where none is given."""
    found = [record.number(source) for source in numbers]
    found = found if bar is None else [replace(each, null=float(bar)) for each in found]
    return [replace(each, shown=f"{with_interval(each.value, each.low, each.high)}, {'bar' if bar is not None else 'chance'} "
                                f"{with_interval(each.null, np.nan, np.nan)}") for each in found]


def below(record: Record, numbers: Sequence, bar: float) -> list[Finding]:
    """Each number lies below the bar."""
    return [turned(each) for each in above(record, numbers, bar)]


def greater(record: Record, pairs: Sequence) -> list[Finding]:
    """The first number of each pair is greater than the second, their intervals apart."""
    return [difference(record.number(better), record.number(worse)) for better, worse in pairs]


def equal(record: Record, pairs: Sequence) -> list[Finding]:
    """The numbers of each pair are equal: intervals that lie apart speak against it, and nothing can speak for it."""
    return _no_difference(greater(record, pairs))


def unchanged(record: Record, numbers: Sequence) -> list[Finding]:
    """Each number, a difference, is 0: an interval that excludes it speaks against that, and nothing can speak for it."""
    return _no_difference(record.number(source) for source in numbers)


def per_picture(record: Record, table: str, by: str, better: str, worse: str, columns: Sequence[str],
                panels: Mapping) -> list[Finding]:
    """For each column and panel, the first has more than the second on the same pictures, drawn again together."""
    (panel, values), = panels.items()
    return [replace(record.per_picture(table, by, better, worse, column, {panel: value}), name=f"{value}, {_words(column)}")
            for column in columns for value in values]


def over_seeds(record: Record, table: str, better: str, worse: str, metric: str, lower_is_better: bool,
               mappers: Sequence[str]) -> list[Finding]:
    """The first setting does better than the second by a number that has an interval over fits alone, hence no more than a
    direction."""
    return [replace(record.over_seeds(table, better, worse, lower_is_better, {"mapper": mapper, "metric": metric}),
                    name=f"{_words(mapper)}, {metric}") for mapper in mappers]


def none(record: Record, table: str, column: str, **where) -> list[Finding]:
    """What is counted is 0: as claimed where it is, and the other way where a single one is found."""
    return [Finding(str(row.iloc[0]), -float(row[column]), *[-float(row[column])] * 2, null=-0.5, shown=f"{float(row[column]):g} found",
                    origin=record.origin(table)) for _, row in record.table(table, where).iterrows()]


def stimulation(record: Record, sentence: str) -> list[Finding]:
    """Every comparison with matched random voxels in the record of this sentence, with the verdict on it. The region's value is over
    all trials, random voxels' over the first of them, on which they are compared."""
    name, found = "tables/stimulated_sentences", []
    for row in record.table(name, {"claim": sentence}).itertuples():
        low, high = sorted(row.direction * end for end in (row.low, row.high))
        beside = f"{with_interval(row.value, row.low, row.high)}, random voxels {with_interval(row.chance, np.nan, np.nan)}"
        found.append(Finding(f"{row.region}, {row.state}: {row.measure}{', claimed to be less' * (row.direction < 0)}",
                             row.direction * row.value, low, high, null=row.direction * row.chance,
                             fits=int(row.fits) if np.isfinite(row.fits) else 0, judged=row.verdict, origin=record.origin(name),
                             shown=row.note if isinstance(row.note, str) else beside))
    return found


RULES = {rule.__name__: rule
         for rule in (family, comparisons, above, below, greater, equal, unchanged, per_picture, over_seeds, none, stimulation)}


_WORDS = {"img": "image head", "cap": "caption head", "both": "both heads", "lf": "language-free", "none": "nothing pretrained",
          "f_mi": "image mapper", "f_mc": "caption mapper", "shares": "a thing in common"}     # names of rows, as the page has them


def _no_difference(found: Iterable[Finding]) -> list[Finding]:
    """As findings against a claim, where their intervals exclude the null and no fit is known to disagree."""
    return [replace(each, low=np.nan, high=-abs(each.value) if each.all_ahead or each.all_behind else np.nan, value=-abs(each.value),
                    lowest=np.nan, highest=np.nan, shown=each.words) for each in found]


def _words(row: str) -> str:
    return ", ".join(_WORDS.get(part, part) for part in row.split(", "))


def _apart(better: str, worse: str) -> str:
    """What tells two rows apart, e.g. "both heads over image head"."""
    parts = [row.split(", ") for row in (better, worse)]
    own = [", ".join(part for part in mine if part not in other) for mine, other in zip(parts, parts[::-1])]
    return " over ".join(_words(name) if name else "without" for name in own)


def _published(record: Record, question: str, **where) -> str:
    """The verdicts of Fisher's exact test on the counts that the paper prints, counted."""
    found = list(record.table("02_mapping/claims_paper", {"question": question, **where}).verdict)
    counted = ", ".join(f"{found.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in found)
    return f"{len(found)} comparisons by Fisher's exact test: {counted}"
