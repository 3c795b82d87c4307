"""Tables 1 and 5: train each variant of the generator's finetuning several times, score and compare them, and keep the scores.

    python -m mindreader.studies generator_grid                   at the book preset, into figures/tables; `make tables` does this
    python -m mindreader.studies generator_grid --preset smoke    into figures/runs/tables__smoke

Each seed of a row trains on mappers of its own (`refits.Refit`), so that seeds differ in the whole chain. Finished rows are found
again, so a run that was killed goes on where it stopped, within a row from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from .. import core, scoring, uncertainty
from ..core import fingerprint, save_table
from ..core.weights import is_part
from ..generator import BUGS, silent_positions
from ..experiments import CONDITIONS, NOTHING, Experiment
from ..pipeline import Pipeline
from ..records import SPACES, Diverged, Embeddings
from .grids import command, one_thread, outdated, read_table, run_jobs
from .refits import Refit, refit
from .sources import released_reference, stamped


TABLES = ("table1", "table1_over_seeds", "table1_claims")    # of the record: of each training, over seeds, comparisons


class Starts(dict):
    """Short names of what finetuning starts from; an imported generator's name, or the folder of one, stands for itself."""

    def __contains__(self, name) -> bool:
        return super().__contains__(name) or isinstance(name, str) and is_part(name)

    def __missing__(self, name: str) -> str:
        return name


STARTS = Starts(lf="generator_lf", supervised="generator_sup", none=NOTHING)
END_TO_END = (0.01, 0.1, 1.0)  # the paper's weights are lost; 0.1 is the released code's
QUESTIONS = ("tables", "end to end", "nothing pretrained", "published bugs")
ABLATIONS = ("record", "none", *(question.replace(" ", "_") for question in QUESTIONS), "all")
SHARED = ("subject", "clip", "embeddings", "caption_scores", "stimuli", "targets", "truth", "mapped", "feature_net",
          "true_features")  # of a pipeline: what no variant of the generator changes
WORDS = ("name", "metric", "question", "cond", "start", "bugs", "key", "note", "protocol", "origin", "covers")


@dataclass(frozen=True)
class Row:
    """One variant of the finetuning.

    question    why it is here, one of QUESTIONS; the rows of "tables" are those of the paper's Tables 1 and 5
    cond        "img", "cap" or "both"
    start       a key of STARTS
    low_level, end_to_end, bugs     as in Experiment and GanConfig
    """

    question: str
    cond: str
    start: str = "lf"
    low_level: bool = False
    end_to_end: float = 0.0
    bugs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How tables and messages call it, e.g. "both, lf, low level"."""
        parts = [self.cond, self.start, "low level" * self.low_level, f"end to end {self.end_to_end:g}" * bool(self.end_to_end),
                 *self.bugs]
        return ", ".join(part for part in parts if part)

    def variant(self, config: Experiment, repeat: int = 0) -> Experiment:
        """The experiment that trains this row; `repeat` counts the seeds."""
        recipe = replace(config.gan, low_level=self.low_level, published_bugs=self.bugs, repeat=repeat,
                         kimg=config.grid.painter_kimg)
        return replace(config, start=STARTS[self.start], end_to_end=self.end_to_end, gan=recipe)


BASE = {cond: Row("tables", cond) for cond in CONDITIONS}
TABLE1: tuple[Row, ...] = tuple(Row("tables", cond, start, low_level) for cond, start, low_level in
                                product(CONDITIONS, ("lf", "supervised"), (False, True)))
BEYOND: tuple[Row, ...] = (
    *(Row("end to end", "both", end_to_end=weight) for weight in END_TO_END),
    Row("nothing pretrained", "both", "none"),
    *(Row("published bugs", "both", bugs=(bug,)) for bug in BUGS if bug != "second_on_first"),
    Row("published bugs", "both", end_to_end=0.1, bugs=("second_on_first",)),
)
ROWS = (*TABLE1, *BEYOND)


@dataclass(frozen=True)
class Comparison:
    """A claim that one row does better than another; `paper` says whether the paper makes it, or we ask."""

    claim: str
    better: Row
    worse: Row
    paper: bool = True


COMPARISONS: tuple[Comparison, ...] = (
    *(Comparison("language-free start beats supervised", BASE[cond], replace(BASE[cond], start="supervised"))
      for cond in CONDITIONS),
    *(Comparison("low-level loss helps", replace(BASE[cond], low_level=True), BASE[cond]) for cond in CONDITIONS),
    *(Comparison("both heads beat one", BASE["both"], BASE[cond], paper=False) for cond in ("img", "cap")),
    *(Comparison("frozen mappers beat end to end", BASE["both"], row) for row in BEYOND if row.question == "end to end"),
    *(Comparison("a pretrained start beats none", BASE["both"], row, paper=False) for row in BEYOND if row.start == "none"),
    *(Comparison("without the published bug it is better",
                 BEYOND[END_TO_END.index(0.1)] if row.end_to_end else BASE["both"], row, paper=False)
      for row in BEYOND if row.bugs),
)


def rows_of(ablation: str) -> tuple[Row, ...]:
    """The rows of one question; "record" and "all" give all rows, "none" gives none."""
    if ablation not in ABLATIONS:
        raise ValueError(f"got ablation {ablation!r}, expected one of {', '.join(ABLATIONS)}")
    return ROWS if ablation in ("all", "record") else tuple(
        row for row in ROWS if row.question.replace(" ", "_") == ablation)


# ── training and scoring ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, eq=False)
class Trained:
    """One training of a row: its score lines, and the features of its reconstructions (None where it diverged)."""

    lines: pd.DataFrame
    features: Embeddings | None


def train_rows(run: Pipeline, rows: Sequence[Row], n_seeds: int | None = None, *,
               processes: int = 1) -> dict[tuple[Row, int], Trained]:
    """Train and score these rows on one thread each, in one process or in several, to the same bits.

    Each is trained for grid.painter_kimg. A training that was finished before is found in the store; one that diverged is
    named in the column note and stops nobody else. n_seeds: trainings of each row; grid.n_painter_seeds by default.
    """
    n_seeds = run.experiment.grid.n_painter_seeds if n_seeds is None else n_seeds
    for name in SHARED if processes > 1 else ():
        getattr(run, name)  # made here once, so that the processes find it
    return run_jobs(_train, run, product(rows, range(n_seeds)), processes, desc="tables 1 and 5",
                    label=lambda job: job[0].name)


def _train(run: Pipeline, job: tuple[Row, int]) -> Trained:
    return train_row(run, *job)


def train_row(run: Pipeline, row: Row, repeat: int = 0) -> Trained:
    """The generator of this row, found or trained, and the scores of its reconstructions of the validation trials.

    Score lines: two-way identification (exact, with mean and deviation of the paper's ten draws beside), Fréchet and
    kernel distance to the validation pictures, the same to the pictures of all training trials (as released), and, for
    mappers trained end to end and their frozen counterparts, the share of silent dimensions of each.
    """
    mine, settings = variant(run, row, repeat), run.experiment.evaluate
    columns = dict(question=row.question, cond=row.cond, start=row.start, low_level=row.low_level,
                   end_to_end=row.end_to_end, bugs=" ".join(row.bugs), key=row_key(run, row, repeat))
    try:
        embeddings = {space: mine.validation(mine.conditions(row.cond)[space]) for space in SPACES}
        features = mine.picture_features(mine.reconstruct(embeddings, row.cond))
    except Diverged as reason:
        lost = scoring.score_row(row.name, scoring.TWO_WAY, np.nan, np.nan, np.nan, 0, np.nan, repeat, run.origin)
        return Trained(lost.assign(**columns, note=f"diverged: {reason}"), None)
    real = run.validation(run.true_features)
    drawn = scoring.n_way_sampled(features, run.true_features, n_choices=2, seed=run.experiment.child_seed("rivals"))
    two_way = scoring.identification(
        features, run.true_features, n_choices=2, seed=run.experiment.child_seed("bootstrap"), name=row.name, origin=run.origin,
        n_bootstrap=settings.n_bootstrap)
    how = {"name": row.name, "origin": run.origin, "features": real.space}
    far = scoring.distance_rows(features, released_reference(run), **how)
    lines = [two_way.assign(drawn=drawn.mean(), drawn_sd=drawn.std(ddof=1)),
             scoring.distance_rows(features, real, **how), far.assign(metric=far.metric + ", against training trials")]
    lines = [stamped(run, line, real.space) for line in lines]
    lines += [scoring.score_row(row.name, f"silent dimensions, {space} mapper", silent_positions(embeddings[space].vectors), np.nan,
                            np.nan, len(embeddings[space]), 0.0, repeat, run.origin) for space in CONDITIONS[row.cond]]
    table = pd.concat(lines, ignore_index=True).assign(seed=repeat, **columns, note="")
    return Trained(table.fillna({"protocol": ""}), features)


def variant(run: Pipeline, row: Row, repeat: int = 0) -> Pipeline:
    """The pipeline of this row, which shares with `run`, or with its refit, what does not depend on the generator."""
    mine = _pipeline(run, row, repeat)
    vars(mine).update({name: getattr(refit(run, repeat), name) for name in SHARED})
    return mine


def row_key(run: Pipeline, row: Row, repeat: int = 0) -> str:
    """A fingerprint of everything that could change the training and the scores of this row."""
    mine = _pipeline(run, row, repeat)
    network = [run.weights_of("feature")] if run.shows_photographs else []
    return fingerprint([mine.key("generator", {"cond": row.cond}), run.experiment.evaluate.n_bootstrap, *network])


def _pipeline(run: Pipeline, row: Row, repeat: int) -> Pipeline:
    config = row.variant(run.experiment, repeat)
    return Refit(run, repeat, config) if repeat else Pipeline(config, run.store)


# ── over seeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def over_seeds(run: Pipeline, found: dict[tuple[Row, int], Trained]) -> pd.DataFrame:
    """Two-way identification and Fréchet distance of each row over all its seeds, with intervals over pictures and fits.

    A tidy score table, value the mean over seeds, with columns n_seeds, lowest, highest (of the seeds), from_fits and covers.
    """
    trained = {row: [found[row, seed].features for seed in _seeds(found) if (row, seed) in found] for row, _ in found}
    with one_thread():
        lines = [_line(run, row.name, metric, score, chance) for row, fits in trained.items()
                 for metric, score, chance in _scores(run, [fit for fit in fits if fit is not None])]
    return _table(lines)


def compare(run: Pipeline, found: dict[tuple[Row, int], Trained],
            comparisons: Sequence[Comparison] = COMPARISONS) -> pd.DataFrame:
    """Score each comparison whose rows are both there, by two-way identification and by Fréchet distance.

    A tidy score table whose value is how much better the better row is (0 by chance), with columns claim, paper, better, worse,
    and those of `over_seeds`. Differences are paired: on the same pictures, and of finetunings of the same mappers.
    """
    lines = []
    for c in comparisons:
        pairs = [(found[c.better, s].features, found[c.worse, s].features) for s in _seeds(found)
                 if (c.better, s) in found and (c.worse, s) in found]
        pairs = [pair for pair in pairs if pair[0] is not None and pair[1] is not None]
        if pairs:
            with one_thread():
                better, worse = (_scores(run, side) for side in zip(*pairs))
                gains = [(metric, score - other if metric == scoring.TWO_WAY else other - score)
                         for (metric, score, _), (_, other, _) in zip(better, worse)]
                lines += [_line(run, "", f"{metric}, difference", gain, 0.0).assign(
                    claim=c.claim, paper=c.paper, better=c.better.name, worse=c.worse.name) for metric, gain in gains]
    return _table(lines, "claim", "paper", "better", "worse")


def _seeds(found: dict[tuple[Row, int], Trained]) -> list[int]:
    return sorted({seed for _, seed in found})


def _scores(run: Pipeline, fits: Sequence[Embeddings]) -> list[tuple[str, uncertainty.Contributions, float]]:
    """Metric, what each picture adds to it under each fit, and chance; nothing where no fit came to its end."""
    if not fits:
        return []
    distance = scoring.distance_names(run.true_features.space)["FD"]
    return [(scoring.TWO_WAY, uncertainty.identification_contributions(fits, run.true_features, n_choices=2), 0.5),
            (distance, uncertainty.frechet_contributions(fits, run.validation(run.true_features)), np.nan)]


def _line(run: Pipeline, name: str, metric: str, score: uncertainty.Contributions, chance: float) -> pd.DataFrame:
    interval = uncertainty.score_interval(score, null=None if np.isnan(chance) else chance)
    return scoring.score_row(name, metric, interval.value, interval.low, interval.high, len(run.subject.validation), chance,
                             run.experiment.seed, run.origin, **interval.columns)


def _table(lines: list[pd.DataFrame], *more: str) -> pd.DataFrame:
    if lines:
        return pd.concat(lines, ignore_index=True)
    return pd.DataFrame(columns=[*scoring.SCORE_COLUMNS, "n_seeds", "lowest", "highest", "covers", *more])


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def write_record(run: Pipeline, n_seeds: int | None = None, *, processes: int = 1, root: Path | None = None) -> list[Path]:
    """Train, score and compare all rows, and write tables/table1, table1_over_seeds and table1_claims (.csv, and .json)."""
    found, meta = train_rows(run, ROWS, n_seeds, processes=processes), {"experiment": asdict(run.experiment)}
    table = pd.concat([trained.lines for trained in found.values()], ignore_index=True)
    return [save_table(part, f"tables/{name}", origin=run.origin, meta=meta, root=root)
            for name, part in zip(TABLES, (table, over_seeds(run, found), compare(run, found)))]


def read_record(run: Pipeline, root: Path = core.FIGURES) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str | None]:
    """The committed scores of each training, those over seeds, the comparisons; and None, or why this run would not make them.

    Raises LayoutError where there is no record.
    """
    table, means, claims = (read_table(root, name, WORDS, "Tables 1 and 5") for name in TABLES)
    rows = {row.name: row for row in ROWS}
    keys = table.groupby(["name", "seed"], sort=False).key.first()
    strange = [at for at, key in keys.items() if at[0] not in rows or key != row_key(run, rows[at[0]], at[1])]
    if strange:
        return table, means, claims, outdated(f", for {len(strange)} of its {len(keys)} trainings")
    return table, means, claims, None


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies generator_grid`; returns the exit status."""
    return command("generator_grid", __doc__, write_record, arguments)
