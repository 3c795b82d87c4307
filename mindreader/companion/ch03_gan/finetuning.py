"""Tabulate finetuned generators: Tables 1 and 5, training end to end, and the published bugs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ...core import LOST, ParameterError
from ...pipeline import Pipeline
from ...records import SPACES, Unfit
from ...scoring import distance_kind, plain_metric, TWO_WAY
from ...studies import generator_grid, ledger
from ...studies.claims import VERDICTS
from ...studies.grids import CURRENT, of_another_subject
from ..common import entry, over_fits
from .pictures import LABELS

STARTS = {"lf": "language-free", "supervised": "supervised", "none": "nothing pretrained"}
LOW_LEVEL = {False: "without low-level loss", True: "with low-level loss"}
FD, KD, RELEASED = "FD", "KD", "FD, against training trials"    # as `plain_metric` has them
AHEAD = f"{TWO_WAY}, difference"
BUGS = {"zero_z": "z fixed to zero", "batch_summed_logit": "one logit for the batch",
        "first_sample_cached": "first condition for all", "second_on_first": "second mapper's loss from the first"}


@dataclass(frozen=True, eq=False)
class Finetunings:
    """Scores of each training (lines of `generator_grid.train_row`), of each variant over its trainings, comparisons, and a sentence
    on their source."""

    scores: pd.DataFrame
    means: pd.DataFrame
    claims: pd.DataFrame
    source: str


def finetuned(run: Pipeline, ablation: str = "record", n_seeds: int = 1) -> Finetunings:
    """The committed record of all variants, or those of one question, trained here from n_seeds seeds each.

    ablation: one of `generator_grid.ABLATIONS`. None where the record is another subject's, or no network fits this one's
    pictures. Raises LayoutError where there is no record.
    """
    if ablation == "record" and (why := of_another_subject(run)):
        return _nothing(run, why)
    if ablation == "record":
        *tables, stale = generator_grid.read_record(run)
        return Finetunings(*tables, stale or CURRENT)
    if n_seeds < 1:
        raise ParameterError(f"n_seeds={n_seeds}: expected a whole number from 1")
    rows = generator_grid.rows_of(ablation)
    if ablation not in ("none", "tables", "all"):
        rows = (generator_grid.BASE["both"], *rows)  # to be compared to
    if not rows:
        return _nothing(run, "Nothing was trained: ablation is none.")
    try:
        found = generator_grid.train_rows(run, rows, n_seeds)
    except Unfit as reason:
        return _nothing(run, f"Left out: {reason}")
    return Finetunings(pd.concat([trained.lines for trained in found.values()], ignore_index=True),
                       generator_grid.over_seeds(run, found), generator_grid.compare(run, found),
                       f"Trained here, from {n_seeds} seed(s) each: {ablation}.")


def _nothing(run: Pipeline, why: str) -> Finetunings:
    return Finetunings(pd.DataFrame(columns=["name", "metric", "question"]), generator_grid.over_seeds(run, {}),
                       generator_grid.compare(run, {}), why)


def table_1(found: Finetunings) -> pd.DataFrame:
    """Tables 1 and 5 together, a row for each variant (means over seeds), with what the paper's cells were.

    condition, start, low-level loss; 2-way (exact) and FD with intervals over pictures and trainings, ten draws (mean ± deviation, as
    in Table 5), KD, FD against training trials (as released), seeds, paper.
    """
    rows = []
    for row, part, over in _variants(found, generator_grid.TABLE1):
        rows.append({"condition": LABELS[row.cond], "start": STARTS[row.start], "low-level loss": "yes" if row.low_level else "no",
                     **_cells(part, over), "seeds": int(over(TWO_WAY).n_seeds), "paper": LOST})
    return pd.DataFrame(rows)


def beyond(found: Finetunings) -> pd.DataFrame:
    """Variants beside the tables: end to end at several weights, nothing pretrained, published bugs; and their base.

    As `table_1`, with the share of each mapper's dimensions that hardly vary over trials.
    """
    rows = []
    for row, part, over in _variants(found, (generator_grid.BASE["both"], *generator_grid.BEYOND)):
        silent = {f"silent, {space}": part(f"silent dimensions, {space} mapper").value.mean() for space in SPACES}
        rows.append({"variant": described(row), **_cells(part, over), **silent})
    return pd.DataFrame(rows)


def described(row: generator_grid.Row) -> str:
    """In words, a row that is not in the paper's tables."""
    if row.bugs:
        return ", ".join(BUGS[bug] for bug in row.bugs)
    if row.end_to_end:
        return f"end to end, weight {row.end_to_end:g}"
    return "frozen mappers, language-free start" if row.start == "lf" else STARTS[row.start]


def variant_dots(found: Finetunings) -> pd.DataFrame:
    """Two-way identification of each variant of the tables for `plots.dots`: group, name, value, low, high, loss."""
    rows = [{"group": LABELS[row.cond], "name": STARTS[row.start], "loss": LOW_LEVEL[row.low_level],
             **over(TWO_WAY)[["value", "low", "high"]]} for row, _, over in _variants(found, generator_grid.TABLE1)]
    return pd.DataFrame(rows, columns=["group", "name", "loss", "value", "low", "high"])


def claim_dots(found: Finetunings) -> pd.DataFrame:
    """The gain of each comparison in two-way identification for `plots.dots`: group, name, asked, value, low, high."""
    part = found.claims[found.claims.metric == AHEAD]
    asked = part.paper.map({True: "the paper's claim", False: "our question"})
    names = [_what_differs(name) for name in part.worse]
    return pd.DataFrame({"group": part.claim, "name": names, "asked": asked, "value": part.value, "low": part.low,
                         "high": part.high}).reset_index(drop=True)


def claim_table(found: Finetunings) -> pd.DataFrame:
    """Each comparison with its difference by two-way identification and by FD (positive: better), and the ledger's verdict on each."""
    rows = []
    for (claim, better, worse), part in _judged(found).groupby(["claim", "better", "worse"], sort=False):
        lines = part.set_index(part.metric.map(plain_metric).str.split(",").str[0])
        cells = {"claim": claim, "better": better, "worse": worse, "by": "paper" if part.paper.iloc[0] else "us"}
        for metric, name in ((TWO_WAY, "2-way"), (FD, _called(part, FD))):
            at = lines.loc[metric]
            cells |= {f"{name} gain": f"{at.value:+.3f} ({at.low:+.3f} to {at.high:+.3f})", f"{name} verdict": at.verdict}
        rows.append(cells)
    return pd.DataFrame(rows)


def finetuning_entries(found: Finetunings) -> dict:
    """The numbers of the chapter's prose, of the scorecard and of the ledger of departures; {} where nothing was trained."""
    values = {}
    for row, part, over in _variants(found, generator_grid.ROWS):
        name = "_".join(filter(None, (row.cond, row.start, "low" * row.low_level,
                                      f"e2e_{row.end_to_end:g}" * bool(row.end_to_end), *row.bugs))).replace(".", "")
        note = ", ".join(filter(None, (LABELS[row.cond], f"start {STARTS[row.start]}", LOW_LEVEL[row.low_level],
                                       described(row) if row.question != "tables" else "")))
        for metric, key, note_of in ((TWO_WAY, f"row_{name}", note), (FD, f"row_{name}_fd", f"FD; {note}")):
            line = over(metric)
            values[key] = entry(line, note=note_of, covers=over_fits(line.n_seeds))
        if row.end_to_end or row == generator_grid.BASE["both"]:
            for space in SPACES:
                values[f"row_{name}_silent_{space}"] = {
                    "ours": float(part(f"silent dimensions, {space} mapper").value.mean()),
                    "note": f"share of the {space} mapper's dimensions without spread; {note}"}
    ahead = _judged(found)
    ahead = ahead[ahead.metric == AHEAD]
    for paper, part in ahead.groupby("paper"):
        who = "claims" if paper else "questions"
        values[f"table1_{who}"] = {"ours": len(part), "note": "comparisons of finetunings"}
        for verdict in VERDICTS[:-1]:  # nothing is untestable where both rows were trained
            values[f"table1_{who}_{verdict.replace(' ', '_')}"] = {
                "ours": int((part.verdict == verdict).sum()), "note": f"by 2-way identification: {verdict}"}
    for line in ahead.itertuples():
        bug = next((bug for bug in BUGS if bug in line.worse), None)
        if bug:
            values[f"bug_{bug}"] = {"ours": line.value, "low": line.low, "high": line.high, "n": int(line.n), "chance": 0.0,
                                    "covers": over_fits(line.n_seeds),
                                    "note": f"2-way identification lost by: {BUGS[bug]}"}
    return values


def _judged(found: Finetunings) -> pd.DataFrame:
    """The comparisons with the ledger's verdicts."""
    verdicts = [ledger.verdict_of(ledger.finding_of(line)) for line in found.claims.to_dict("records")]
    return found.claims.assign(verdict=verdicts)


def _variants(found: Finetunings, rows: Sequence[generator_grid.Row]):
    """Those of these rows of which a training came to its end, each with its lines by metric, and with its line over all trainings."""
    for row in rows:
        mine, means = (table[table.name == row.name] for table in (found.scores, found.means))
        if len(means):
            yield (row, lambda metric, mine=mine: mine[mine.metric.map(plain_metric) == metric],
                   lambda metric, means=means: means[means.metric.map(plain_metric) == metric].iloc[0])


def _cells(part, over) -> dict:
    two, far = over(TWO_WAY), over(FD)
    return {"2-way (95 % interval)": ledger.with_interval(two.value, two.low, two.high),
            "ten draws": f"{part(TWO_WAY).drawn.mean():.3f} ± {part(TWO_WAY).drawn_sd.mean():.3f}",
            f"{_called(part(FD), FD)} (95 % interval)": ledger.with_interval(far.value, far.low, far.high),
            _called(part(KD), KD): part(KD).value.mean(),
            f"{_called(part(RELEASED), FD)}, training trials": part(RELEASED).value.mean()}


def _called(table: pd.DataFrame, kind: str) -> str:
    """What a distance is called in this table, e.g. "FD", or "FID" over the features of Inception."""
    names = table.metric[table.metric.map(distance_kind) == kind]
    return names.iloc[0].partition(" ")[0] if len(names) else kind


def _what_differs(worse: str) -> str:
    """In a few words, how the worse row of a comparison, given by name, differs from others of its claim."""
    row = next(row for row in generator_grid.ROWS if row.name == worse)
    return described(row) if row.question != "tables" else LABELS[row.cond]
