"""Make the record of refits and read it back: a table of scores, the value of each fit, and what each picture adds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from ... import core, scoring, uncertainty
from ...core import fingerprint, save_table, source_fingerprint
from ...experiments import CONDITIONS
from ...pipeline import Pipeline
from ...records import SPACES, LayoutError
from ..grids import CURRENT, command, one_thread, outdated, read_table, run_jobs
from .fits import INPUTS, category_logits, features_extra, picture_features, refit
from .scores import Score, category_scores, encoder_scores, generator_scores, mapper_scores

N_MAPPERS, N_GENERATORS = 5, 3      # fits of each mapper; of each generator, encoder and classifier
Job = tuple[str, str, int]          # what is fitted, which of these, which repeat
BLOCKS = {"mappers": mapper_scores, "generators": generator_scores, "encoder": encoder_scores, "classifiers": category_scores}
FOLDER = "tables/refits"            # of the contributions


def run_refits(run: Pipeline, n_fits: int | None = None, *, processes: int = 1) -> dict[str, list[Score]]:
    """Fit everything and score it: the scores of each of BLOCKS.

    Fits run on one thread each, in one process or in several, to the same bits. n_fits: of every network; by default N_MAPPERS of
    the mappers and N_GENERATORS of all else.
    """
    counts, found = _counts(n_fits), {}
    _ = run.mapped, run.true_features           # made here once, so that the processes find what all share
    first = [("mapper", space, repeat) for repeat, space in product(range(counts["mappers"]), SPACES)]
    rest = [("generator", cond, repeat) for repeat, cond in product(range(counts["generators"]), CONDITIONS)]
    rest += [("encoder", "", repeat) for repeat in range(counts["encoder"])]
    rest += [("classifier", name, repeat) for repeat, name in product(range(counts["classifiers"]), INPUTS)]
    last = [("cycle", "both", repeat) for repeat in range(counts["generators"])]        # needs what the others make
    for jobs in (first, rest, last):
        run_jobs(_fit, run, jobs, processes, desc="refits", label=lambda job: f"{' '.join(filter(None, job[:2]))}, fit {job[2]}")
    with one_thread():
        for block, scores in BLOCKS.items():
            found[block] = list(scores(run, counts[block]))
    return found


def _fit(run: Pipeline, job: Job) -> None:
    what, name, repeat = job
    if what == "mapper":
        refit(run, repeat).mapper(name)
        if name == SPACES[-1]:
            _ = refit(run, repeat).mapped
    elif what == "generator":
        picture_features(run, repeat, name)
        picture_features(run, repeat, name, "before finetuning")
    elif what == "cycle":
        picture_features(run, repeat, name, "cycle")
    elif what == "encoder":
        _ = refit(run, repeat).encoder
    else:
        category_logits(run, repeat, name)


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, eq=False)
class Refits:
    """The committed record.

    scores      one row for each score: name, metric, value (the mean over fits), low, high, n, chance, seed, origin, p, n_pictures,
                n_seeds, lowest, highest, from_fits, covers, block, key
    by_fit      the value of each fit: name, metric, fit, value, its own interval low, high over pictures alone, block, key
    source      where the record comes from, or why this run would not make it
    folder      of the contributions
    """

    scores: pd.DataFrame
    by_fit: pd.DataFrame
    source: str
    folder: Path

    @property
    def is_current(self) -> bool:
        """Whether this run would make the record."""
        return self.source == CURRENT

    def row(self, name: str, metric: str) -> pd.Series:
        """The row of one score; LayoutError where the record has none."""
        found = self.scores[(self.scores.name == name) & (self.scores.metric == metric)]
        if len(found) != 1:
            raise LayoutError(f"the record of refits has {len(found)} scores {name!r}, {metric!r}, expected one; its metrics are "
                              f"{', '.join(dict.fromkeys(self.scores.metric[self.scores.block != 'classifiers']))}")
        return found.iloc[0]

    def contributions(self, name: str, metric: str) -> uncertainty.Contributions:
        """What each picture adds to a score, to set it against another one over the same pictures and fits."""
        path = self.folder / f"{slug(name, metric)}.npz"
        if not path.is_file():
            raise LayoutError(f"no {path.name} in {path.parent}, expected the contributions of {name}, {metric}; run `make tables`")
        return uncertainty.Contributions.load(path)


def write_record(run: Pipeline, n_fits: int | None = None, *, processes: int = 1, root: Path | None = None) -> list[Path]:
    """Fit and score everything, and write tables/refits, tables/refits_by_fit (.csv, and .json) and the contributions (.npz)."""
    found, keys = run_refits(run, n_fits, processes=processes), record_keys(run, n_fits)
    table, by_fit = (pd.concat([part(run, score, block, keys[block]) for block, scores in found.items() for score in scores],
                               ignore_index=True) for part in (_row, _rows_by_fit))
    meta = {"experiment": asdict(run.experiment)}
    paths = [save_table(part, f"tables/{name}", origin=run.origin, meta=meta, root=root)
             for name, part in (("refits", table), ("refits_by_fit", by_fit))]
    folder = paths[0].parent / Path(FOLDER).name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for score in (score for scores in found.values() for score in scores if score.is_kept):
        score.found.save(folder / f"{slug(score.name, score.metric)}.npz")
    return [*paths, folder]


def read_record(run: Pipeline, root: Path = core.FIGURES) -> Refits:
    """The committed record; LayoutError where there is none. Of another subject, or stale, `source` says so."""
    table, by_fit = (read_table(root, name, ("name", "metric", "key", "covers"), "refits") for name in ("refits", "refits_by_fit"))
    stale = (table.key != table.block.map(keys_of(run, table))).sum()
    return Refits(table, by_fit, outdated(f", for {stale} of its {len(table)} scores") if stale else CURRENT, root / FOLDER)


def keys_of(run: Pipeline, table: pd.DataFrame) -> dict[str, str]:
    """The keys that today's code gives the blocks of a record with as many fits as this one has."""
    return {block: record_keys(run, int(n))[block] for block, n in table.groupby("block").n_seeds.max().items() if block in BLOCKS}


def record_keys(run: Pipeline, n_fits: int | None = None) -> dict[str, str]:
    """Of each block a fingerprint of everything that could change its fits and its scores."""
    counts, evaluate = _counts(n_fits), run.experiment.evaluate
    sources = {block: source_fingerprint(f"studies.refits.scores:{scores.__name__}") for block, scores in BLOCKS.items()}
    stages = {"mappers": [("mapped", {"space": space}) for space in SPACES],
              "generators": [("generator", features_extra(cond, source)) for cond, source in
                             [*product(CONDITIONS, ("brain", "before finetuning")), ("both", "cycle")]],
              "encoder": [("encoder", {})], "classifiers": [("categories", {"input": name}) for name in INPUTS]}
    return {block: fingerprint([sources[block], evaluate.n_retrieval, evaluate.ways,
                                [refit(run, repeat).key(stage, extra) for repeat in range(counts[block]) for stage, extra in stages[block]]])
            for block in BLOCKS}


def slug(name: str, metric: str) -> str:
    """The name of the file of a score's contributions.

    >>> slug("both less img", "2-way identification, difference")
    'both-less-img--2-way-identification-difference'
    """
    return "--".join(re.sub(r"\W+", "-", part.replace("→", "to")).strip("-").lower() for part in (name, metric))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies refits`; returns the exit status."""
    from . import __doc__ as doc  # the room's own, which the command line shows

    return command("refits", doc, write_record, arguments)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _counts(n_fits: int | None) -> dict[str, int]:
    return {block: n_fits or (N_MAPPERS if block == "mappers" else N_GENERATORS) for block in BLOCKS}


def _row(run: Pipeline, score: Score, block: str, key: str) -> pd.DataFrame:
    found = uncertainty.score_interval(score.found, null=None if np.isnan(score.chance) else score.chance)
    return scoring.score_row(score.name, score.metric, found.value, found.low, found.high, score.n, score.chance, run.experiment.seed,
                             run.origin, **found.columns, block=block, key=key)


def _rows_by_fit(run: Pipeline, score: Score, block: str, key: str) -> pd.DataFrame:
    alone = [uncertainty.score_interval(score.found.of_fit(fit)) for fit in range(len(score.found.values))]
    return pd.DataFrame({"name": score.name, "metric": score.metric, "fit": range(len(alone)), "value": [each.value for each in alone],
                         "low": [each.low for each in alone], "high": [each.high for each in alone], "block": block, "key": key})
