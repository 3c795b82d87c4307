"""Test the claims of the paper's Tables 3 and 4 on the paper's counts and on ours (chapter 02)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import scoring
from ...core import Covers, ParameterError, paper_values
from ...extractors import load_resnet
from ...experiments import experiment
from ...pipeline import Pipeline
from ...scoring import DIRECTIONS
from ...studies import claims, costs, mapping_grid as grid
from ...studies.grids import CURRENT, of_another_subject
from ..common import interval

GROUPS = {"f_mi": "image mapper", "f_mc": "caption mapper", "f_res": "low-level mapper",
          "weighted sum": "several mappers"}
SHORT = {"f_mi": "f_mi", "f_mc": "f_mc", "weighted sum": "sum"}
COLUMNS = ("table", "mapper", "setting", "direction", "paper_hits", "paper_low", "paper_high", "ours", "low", "high",
           "lowest", "highest", "n_seeds", "chance", "FD", "protocol", "origin", "verdict")
BASE = ("MSE+cos", "MSE+cos, the base")
CROWDING = {"no threshold": "uncut", BASE[0]: "base", "Contra": "contrastive", "MSE+cos+Contra from scratch": "scratch",
            "MSE+cos then +Contra": "finetuned"}     # settings that may change hubness
QUOTED = {  # claims that the prose quotes: mapper, better row, worse row, direction
    "clamp_image_backward": ("f_mi", "threshold", "no threshold", "backward"),
    "augmentation_forward": ("f_mi", "image augmentation", "no augmentation", "forward"),
    "random_fixed_backward": ("f_mc", "random caption", "fixed caption", "backward"),
    "finetuning_caption_forward": ("f_mc", "MSE+cos then +Contra", "MSE+cos", "forward"),
    "third_mapper_forward": ("weighted sum", "f_mi + f_mc + f_res", "f_mi + f_mc", "forward"),
    "third_mapper_backward": ("weighted sum", "f_mi + f_mc + f_res", "f_mi + f_mc", "backward"),
}


@dataclass(frozen=True, eq=False)
class Grid:
    """Results of each variant: scores for each row and seed, hits, and a sentence on their provenance."""

    scores: pd.DataFrame
    hits: dict[claims.Row, pd.DataFrame]
    note: str


def fitted(run: Pipeline, ablation: str = "record", n_seeds: int = 3) -> Grid:
    """Take the committed record of all variants, or fit those of one question here, from n_seeds seeds each.

    ablation: one of `grid.ABLATIONS`. Raises LayoutError where there is no record, ParameterError for n_seeds < 1.
    """
    if ablation == "record" and (why := of_another_subject(run)):
        return Grid(pd.DataFrame(), {}, why)
    if ablation == "record":
        table3, table4, stale = grid.read_record(run)
        return Grid(pd.concat([table3, table4], ignore_index=True), grid.read_hits(), stale or CURRENT)
    if n_seeds < 1:
        raise ParameterError(f"n_seeds={n_seeds}: expected a whole number from 1; verdicts need {claims.MIN_SEEDS}")
    rows = grid.rows_of(ablation)
    if not rows:
        return Grid(pd.DataFrame(), {}, "Nothing was fitted: ablation is none.")
    table = grid.run_grid(run, rows, n_seeds)
    return Grid(table, grid.hits(run, rows, n_seeds), f"Fitted here, from {n_seeds} seeds each: {ablation}.")


def published() -> pd.DataFrame:
    """Test the paper's claims on its own counts; Holm's correction is over the claims of one question."""
    return pd.concat([claims.published(family) for family in _families()], ignore_index=True)


def tested(run: Pipeline, found: Grid, *, n_permutations: int = 10_000) -> pd.DataFrame:
    """Test the same claims on our fits; rows as of `claims.verdicts`."""
    settings = {"n_permutations": n_permutations, "seed": run.experiment.child_seed("verdicts")}
    return pd.concat([claims.verdicts(family, found.hits, **settings) for family in _families()], ignore_index=True)


def settings_table(run: Pipeline, found: Grid, ours: pd.DataFrame, retrieval: pd.DataFrame) -> pd.DataFrame:
    """List each row of Tables 3 and 4 with the paper's count, ours, and the verdict on its claims; controls below.

    retrieval: of `retrieval_with_controls`, whose controls are scored on the same trials by the same protocol.

    Table table ("control" for these), mapper, setting, direction; paper_hits, paper_low, paper_high (Wilson, shares of
    300, NSD); ours, low, high (mean over seeds, interval over pictures), lowest, highest (of the seeds), n_seeds, chance,
    FD (for photographs FID; mean over seeds), protocol, origin; verdict. Rows that the paper prints twice stand twice, as there.
    """
    printed = paper_values().set_index(["table", "row", "column", "metric"]).value
    lines = []
    for row in (*grid.TABLE3, *grid.TABLE4):
        for direction in DIRECTIONS:
            count = printed.get((row.printed, row.mapper, row.name, f"{direction} hits of {claims.N_TRIALS}"))
            low, high = scoring.wilson(int(count), claims.N_TRIALS)
            lines.append({"table": row.table, "mapper": row.mapper, "setting": row.name, "direction": direction,
                          "paper_hits": int(count), "paper_low": low, "paper_high": high}
                         | _ours(run, found, row, direction) | {"verdict": _verdict(ours, row, direction)})
    controls = retrieval[retrieval.control].rename(columns={"name": "setting", "value": "ours"})
    controls = controls.assign(table="control", mapper="", direction=controls.metric.str.split().str[-1], verdict="")
    table = pd.concat([part.reindex(columns=COLUMNS) for part in (pd.DataFrame(lines), controls)], ignore_index=True)
    table = table.astype({"paper_hits": "Int64", "n_seeds": "Int64"})
    return table.rename(columns={"FD": "FID"}) if run.shows_photographs else table


def beside_the_paper(table: pd.DataFrame) -> pd.DataFrame:
    """Arrange `settings_table` for `plots.beside_the_paper`, each fit once."""
    table = table[table["table"] != "control"]
    own = [claims.fit_of(*row) == row for row in zip(table.mapper, table.setting)]      # not under a second name
    once = table[own].drop_duplicates(["mapper", "setting", "direction"])
    place = {"group": once.mapper.map(GROUPS), "name": once.setting.replace(*BASE), "direction": once.direction}
    paper = pd.DataFrame(place | {"source": "paper", "value": once.paper_hits / claims.N_TRIALS,
                                  "low": once.paper_low, "high": once.paper_high, "chance": 1 / claims.N_TRIALS})
    ours = pd.DataFrame(place | {"source": "ours", "value": once.ours, "low": once.low, "high": once.high,
                                 "chance": once.chance})
    return pd.concat([paper, ours.dropna(subset="value")], ignore_index=True)


def verdict_cells(paper: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Arrange both tables of verdicts for `plots.verdicts`: claim, source, column, verdict, text (the difference)."""
    parts = []
    for source, table in (("paper", paper), ("ours", ours)):
        text = ["" if pd.isna(d) else f"{d:+.3f}" for d in table.difference]
        parts.append(pd.DataFrame({"claim": table.better_row + " > " + table.worse_row, "source": source,
                                   "column": table.mapper.map(SHORT) + ", " + table.direction,
                                   "verdict": table.verdict, "text": text}))
    return pd.concat(parts, ignore_index=True)


def hubs_by_setting(found: Grid) -> pd.DataFrame:
    """Skewness of the k-occurrences (hubness), with and without the clamp and the contrastive term.

    Table name, group, what (the direction), value, low, high, chance: the mean over seeds, the lowest and the highest.
    """
    if not len(found.scores):
        return pd.DataFrame(columns=["name", "group", "what", "value", "low", "high", "chance"])
    table = found.scores.dropna(subset="skewness").drop_duplicates(["mapper", "name", "metric", "seed"])
    over = table[table.name.isin(CROWDING)].groupby(["mapper", "name", "metric"], sort=False)
    out = over.agg(value=("skewness", "mean"), low=("skewness", "min"), high=("skewness", "max"),
                   chance=("blind_skewness", "mean")).reset_index()
    return out.assign(group=out.mapper.map(GROUPS), what=out.metric.str.split().str[-1], name=out.name.replace(*BASE))


def bill(run: Pipeline) -> pd.DataFrame:
    """Cost of all fits here and on NSD at the paper's sizes and epochs: `costs.cost_table` with a column where.

    Operations are counted. The hours are those of the GPU of `costs.read_record`, whose steps at NSD's sizes were timed.
    """
    n_trials, n_voxels = run.subject.train.betas.shape
    here = {"n_trials": n_trials, "n_voxels": n_voxels, "n_dims": run.clip.n_dims, "n_low_level": load_resnet().n_dims}
    return pd.concat([costs.cost_table(config, clocks, n_seeds=run.experiment.grid.n_seeds, **sizes).assign(where=where)
                      for where, config, sizes, clocks in (("this subject", run.experiment, here, {}),
                                                           ("NSD", experiment("paper"), costs.NSD, costs.gpu_clocks()))],
                     ignore_index=True)


def ablation_summary(paper: pd.DataFrame, ours: pd.DataFrame, crowding: pd.DataFrame, cost: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose: verdicts, quoted claims, hubs, and the cost of all fits."""
    values = {"claims": {"ours": len(ours), "note": "comparisons in Tables 3 and 4"}}
    for source, table in (("paper", paper), ("ours", ours)):
        for verdict in claims.VERDICTS:
            values[f"claims_{source}_{verdict.replace(' ', '_')}"] = {
                "ours": int((table.verdict == verdict).sum()), "note": f"claims, {source}: {verdict}"}
    for key, place in QUOTED.items():
        quoted = [_at(table, place) for table in (paper, ours)]
        values[f"p_{key}"] = {"ours": quoted[0].p, "note": "Fisher's exact test on the paper's counts, uncorrected"}
        if pd.notna(quoted[1].difference):
            values[f"gain_{key}"] = {"ours": quoted[1].difference, "low": quoted[1].low, "high": quoted[1].high,
                                     "covers": Covers.PICTURES_AND_FITS, "n": int(quoted[1].n_trials),
                                     "note": f"ours: {quoted[1].verdict}"}
    names = CROWDING | {BASE[1]: CROWDING[BASE[0]]}
    for row in crowding[crowding.what == "forward"].itertuples():
        values[f"crowding_{row.group.split()[0]}_{names[row.name]}"] = {
            "ours": row.value, "chance": row.chance, "note": f"skewness, mean over seeds ({row.low:.2f} to {row.high:.2f})"}
    for row in cost[cost.rows == "both"].itertuples():
        place = row.where.split()[0].lower()
        values[f"cost_fits_{place}"] = {"ours": row.fits, "note": f"fits of Tables 3 and 4, {row.where}"}
        values[f"cost_petaflop_{place}"] = {"ours": row.petaflop, "note": f"petaflop of these fits, counted, {row.where}"}
    everything = cost[(cost["rows"] == "both") & (cost["where"] == "NSD")].iloc[0]
    for (dtype, processes), words in costs.gpu_columns().items():
        values[f"cost_hours_{dtype}_{processes}"] = {"ours": everything[f"hours, {words}"],
                                                     "note": f"hours for these fits on NSD, steps timed, {words}"}
    alone = costs.read_record().query("dtype == 'bfloat16' and processes == 1 and n_layers == 1").set_index("batch")
    values["cost_of_four"] = {"ours": alone.milliseconds[128] / alone.milliseconds[32],
                              "note": "a step of 128 trials over one of 32, that GPU, bfloat16"}
    values["cost_rate"] = {"ours": everything.petaflop / 3.6 / values["cost_hours_bfloat16_1"]["ours"],
                           "note": "TFLOP/s implied by these hours, in bfloat16, one fit at a time"}
    return values


def _at(table: pd.DataFrame, place: tuple[str, str, str, str]) -> pd.Series:
    columns = ["mapper", "better_row", "worse_row", "direction"]
    return table.set_index(columns).loc[place]


def _families() -> list[tuple[claims.Claim, ...]]:
    questions = dict.fromkeys(claim.question for claim in claims.CLAIMS)
    return [tuple(claim for claim in claims.CLAIMS if claim.question == question) for question in questions]


def _ours(run: Pipeline, found: Grid, row: grid.Row, direction: str) -> dict:
    hits = found.hits.get((row.mapper, row.name))
    if hits is None:
        return {"n_seeds": 0, "origin": run.origin}
    by_trial = hits.groupby(["image_id", "key"])[direction].mean()
    ids = by_trial.index.get_level_values("image_id").to_numpy()
    low, high = interval(run, by_trial.to_numpy(float), ids, seed=run.experiment.child_seed("retrieval"))
    mine = found.scores[(found.scores.table == row.table) & (found.scores.mapper == row.mapper)
                        & (found.scores.name == row.name)]
    line = mine[mine.metric == f"retrieval {direction}"].dropna(subset="value")
    distance = mine[mine.metric.map(scoring.distance_kind) == scoring.FRECHET].value
    return {"ours": by_trial.mean(), "low": low, "high": high, "lowest": line.value.min(), "highest": line.value.max(),
            "n_seeds": hits.seed.nunique(), "chance": line.chance.mean(),
            "FD": distance.mean() if len(distance) else np.nan, "protocol": line.protocol.iloc[0], "origin": run.origin}


def _verdict(ours: pd.DataFrame, row: grid.Row, direction: str) -> str:
    """Verdicts on the claims about this row; none for the base, to which the others are compared."""
    base = {"f_mi": "MSE+cos", "f_mc": "MSE+cos"}.get(row.mapper)
    fit = claims.fit_of(row.mapper, row.name)
    if fit[1] == base:
        return ""
    about = [claim.verdict for claim in ours.itertuples() if claim.direction == direction and claim.mapper == row.mapper
             and fit in [claims.fit_of(claim.mapper, name) for name in (claim.better_row, claim.worse_row)]]
    return "; ".join(dict.fromkeys(about))
