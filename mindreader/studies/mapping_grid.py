"""Tables 3 and 4: fit each variant of the mappers from several seeds, score it, and keep the scores fit by fit.

    python -m mindreader.studies mapping_grid                   at the book preset, into figures/tables; `make tables` does this
    python -m mindreader.studies mapping_grid --preset smoke    into figures/runs/tables__smoke

Finished fits are found again, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .. import core, scoring
from ..core import fingerprint, save_table
from ..extractors import INCEPTION
from ..mapping import MappingConfig, low_level_recipe, targets
from ..experiments import Experiment
from ..pipeline import Pipeline
from ..records import Diverged, Embeddings, Unfit
from . import hubs
from .claims import trial_hits
from .grids import command, one_thread, outdated, read_table, run_jobs
from .sources import stamped

ABLATIONS = ("record", "none", "clamp", "augmentation", "captions", "losses", "auxiliary", "combinations", "all")
HEADS = {"image": "img", "caption": "cap"}      # the mapper's space, and the condition of the starting generator
WORDS = ("table", "key", "note", "weights", "protocol")     # of a score table; a key may look like a number
NO_DISTANCE = "distances not computed"          # and then why
Fit = tuple[str, MappingConfig, int]            # space, recipe, which seed


@dataclass(frozen=True)
class Row:
    """One row of the paper's Table 3 or 4.

    table           "3a", "3b" or "4"
    mapper, name    as the columns row and column of `core.paper_values`, e.g. "f_mi", "no threshold"
    ablation        the question that it helps to answer, one of ABLATIONS
    fits            of each mapper it takes, the space and the changes to the recipe; several are summed
    printed         the table under which `core.paper_values` has its counts
    """

    table: str
    mapper: str
    name: str
    ablation: str
    fits: tuple[tuple[str, tuple[tuple[str, object], ...]], ...]
    printed: str

    def recipes(self, config: Experiment) -> list[tuple[str, MappingConfig]]:
        """The space and the whole recipe of each mapper, at this experiment's sizes and the grid's epochs."""
        base = replace(config.mapping, epochs=config.grid.epochs, auxiliary="none")
        recipes = [(space, replace(base, **dict(changes))) for space, changes in self.fits]
        return [(space, low_level_recipe(recipe)) if space == "resnet" else
                (space, replace(recipe, epochs=recipe.epochs[:len(recipe.phases)])) for space, recipe in recipes]


def _row(table: str, mapper: str, name: str, ablation: str, *fits: tuple[str, dict], printed: str = "") -> Row:
    return Row(table, mapper, name, ablation, tuple((space, tuple(changes.items())) for space, changes in fits),
               printed or table)


def _table3(space: str, mapper: str) -> list[Row]:
    base = {"loss": "mse+cos", "clamp": 1.5, "augment": True, "caption_choice": "random"}
    choices = {
        "image": [("image augmentation", "augmentation", {}), ("no augmentation", "augmentation", {"augment": False})],
        "caption": [("fixed caption", "captions", {"caption_choice": "first"}), ("random caption", "captions", {}),
                    ("average caption", "captions", {"caption_choice": "average"})],
    }
    left = [("threshold", "clamp", {}), ("no threshold", "clamp", {"clamp": None}), *choices[space]]
    right = [("MSE", "losses", {"loss": "mse"}), ("cos", "losses", {"loss": "cos"}),
             ("Contra", "losses", {"loss": "contrastive"}), ("MSE+cos", "losses", {}),
             ("MSE+cos+Contra from scratch", "losses", {"loss": "all"}),
             ("MSE+cos then +Contra", "losses", {"loss": "mse+cos then all"}),
             ("auxiliary GAN", "auxiliary", {"auxiliary": "gan"}),
             ("auxiliary VICReg", "auxiliary", {"auxiliary": "vicreg"})]
    return [_row(table, mapper, name, ablation, (space, base | changes))
            for table, rows in (("3a", left), ("3b", right)) for name, ablation, changes in rows]


_FINAL = {"loss": "mse+cos then all", "clamp": 1.5, "augment": True, "caption_choice": "random"}
_IMAGE, _CAPTION, _RESNET = ("image", _FINAL), ("caption", _FINAL), ("resnet", {})
TABLE3: tuple[Row, ...] = (*_table3("image", "f_mi"), *_table3("caption", "f_mc"))
TABLE4: tuple[Row, ...] = (
    _row("4", "f_mi", "MSE+cos then +Contra", "combinations", _IMAGE, printed="3b"),
    _row("4", "f_mc", "MSE+cos then +Contra", "combinations", _CAPTION, printed="3b"),
    _row("4", "f_res", "alone", "combinations", _RESNET, printed="text"),
    _row("4", "weighted sum", "f_mi + f_mc", "combinations", _IMAGE, _CAPTION),
    _row("4", "weighted sum", "f_mi + f_mc + f_res", "combinations", _IMAGE, _CAPTION, _RESNET),
)


def rows_of(ablation: str) -> tuple[Row, ...]:
    """The rows of one ablation, for both mappers; "record" and "all" give all rows, "none" gives none."""
    if ablation not in ABLATIONS:
        raise ValueError(f"got ablation {ablation!r}, expected one of {', '.join(ABLATIONS)}")
    every = (*TABLE3, *TABLE4)
    return every if ablation in ("all", "record") else tuple(row for row in every if row.ablation == ablation)


# ── fitting ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def fits_of(config: Experiment, rows: Sequence[Row], n_seeds: int) -> dict[Fit, str]:
    """Each fit that these rows need, once, with the names of its rows; those that others start from come first."""
    named: dict[Fit, list[str]] = {}
    for repeat in range(n_seeds):
        for row in rows:
            for space, recipe in row.recipes(config):
                named.setdefault((space, recipe, repeat), []).append(f"{row.mapper} {row.name}")
    order = sorted(named, key=lambda fit: len(fit[1].phases))  # a stable sort: within, the order of the table
    return {fit: ", ".join(dict.fromkeys(named[fit])) for fit in order}


def run_grid(run: Pipeline, rows: Sequence[Row], n_seeds: int | None = None, *, processes: int = 1) -> pd.DataFrame:
    """Fit and score these rows.

    Fits run on one thread each, in one process or in several, to the same bits. A fit that was finished before is found
    in the store; one that diverged is kept as such, named in the column note, and stops nobody else.

    Parameters
    ----------
    rows : sequence of Row
        TABLE3, TABLE4, `rows_of(ablation)`, or some of them.
    n_seeds : int, optional
        Fits of each row; the experiment's grid.n_seeds by default.

    Returns
    -------
    DataFrame
        A tidy score table, for each row and seed one line for each direction of retrieval and each distance between true
        pictures and those that the generator before finetuning makes from this row's embeddings (not for sums and f_res).
        Besides the usual columns: table, mapper, ablation, hits, wilson_low, wilson_high, protocol, weights, skewness and
        blind_skewness (see `hubness`), key (of everything that could change the fits), note. `seed` counts the fits; all
        are scored on one batch.
    """
    n_seeds = run.experiment.grid.n_seeds if n_seeds is None else n_seeds
    fits = fits_of(run.experiment, rows, n_seeds)
    run_jobs(_fit, run, fits, processes, desc="grid", label=lambda fit: f"{fits[fit]}, seed {fit[2]}")
    with one_thread():
        lines = [row_scores(run, row, repeat) for row in rows for repeat in range(n_seeds)]
    return pd.concat(lines, ignore_index=True)


def _fit(run: Pipeline, fit: Fit) -> None:
    try:
        run.decoded(*fit)
    except (Diverged, Unfit):
        return  # kept as such, or not computed; `row_scores` says so
    if fit[0] in HEADS and _scores_pictures(run):
        starting_distance(run, *fit)


# ── scoring ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def row_scores(run: Pipeline, row: Row, repeat: int) -> pd.DataFrame:
    """The lines of `run_grid` for one row and seed."""
    columns = dict(table=row.table, mapper=row.mapper, ablation=row.ablation, seed=repeat, key="")
    try:
        columns["key"] = row_key(run, row, repeat)
        batch, weights = row_batch(run, row, repeat)
    except (Diverged, Unfit) as reason:
        lines = [scoring.score_row(row.name, f"retrieval {direction}", np.nan, np.nan, np.nan, 0, np.nan, repeat, run.origin)
                 for direction in scoring.DIRECTIONS]
        what = "diverged" if isinstance(reason, Diverged) else "not computed"
        return pd.concat(lines, ignore_index=True).assign(**columns, note=f"{what}: {reason}")
    settings = dict(seed=_seed(run), name=row.name, origin=run.origin, n_bootstrap=run.experiment.evaluate.n_bootstrap)
    lines = [scoring.score_batch(batch, direction, **settings).assign(weights=weights, **_crowding(batch, direction))
             for direction in scoring.DIRECTIONS]
    (space, recipe), *others = row.recipes(run.experiment)
    if space in HEADS and not others and _scores_pictures(run):
        lines.append(starting_distance(run, space, recipe, repeat).assign(name=row.name))
    table = pd.concat(lines, ignore_index=True).assign(**columns, note=_why_no_distance(run))
    return table.fillna({"weights": "", "protocol": ""})


def _scores_pictures(run: Pipeline) -> bool:
    """Whether distances of reconstructions are among the scores: where asked for, and the networks for them are there."""
    return bool(run.experiment.grid.n_pictures) and not _why_no_distance(run)


def _why_no_distance(run: Pipeline) -> str:
    """The note on a distance for which a network is missing; "" where none is, or no distance is asked for."""
    missing = run.missing("feature", "start") if run.experiment.grid.n_pictures else ""
    return f"{NO_DISTANCE}: {missing}" if missing else ""


def _crowding(batch: scoring.RetrievalBatch, direction: scoring.Direction) -> dict[str, float]:
    """The skewness of N_k (see `hubs.hubness`), and the skewness with neighbours drawn at random."""
    few = len(np.unique(batch.image_ids)) // 2
    found = hubs.hubness(batch, direction, k=min(hubs.N_NEIGHBOURS, few), n_bootstrap=1).iloc[0]
    return {"skewness": found.value, "blind_skewness": found.chance}


def row_batch(run: Pipeline, row: Row, repeat: int) -> tuple[scoring.RetrievalBatch, str]:
    """The first validation trials as this row decodes them, ready for `scoring.hits`; and the weights of a sum, else "".

    The candidates are the targets of the row's own mapper: clamped or not, captions chosen as in its training (as in the
    released code). The weights of a sum are chosen on other trials than those returned. Raises Diverged.
    """
    n, seed = run.experiment.evaluate.n_retrieval, _seed(run)
    recipes = row.recipes(run.experiment)
    sides = [(run.decoded(space, recipe, repeat), candidates(run, space, recipe)) for space, recipe in recipes]
    if len(sides) == 1:
        return scoring.retrieval_batch(*sides[0], n=n, seed=seed), ""
    batch, weights = scoring.combined_batch(*zip(*sides), n=n, seed=seed)
    return batch, str(weights)


def hits(run: Pipeline, rows: Sequence[Row], n_seeds: int | None = None) -> dict[tuple[str, str], pd.DataFrame]:
    """Which trials each row finds, under (mapper, name), all seeds one below the other: what `claims.verdicts` takes.

    Fits what is not in the store yet, on one thread. A row is absent if it diverged under every seed; one that stands in
    both tables is listed once.
    """
    n_seeds, found = run.experiment.grid.n_seeds if n_seeds is None else n_seeds, {}
    once = {(row.mapper, row.name): row for row in rows}
    with one_thread():
        for row in once.values():
            for repeat in range(n_seeds):
                try:
                    batch, _ = row_batch(run, row, repeat)
                except (Diverged, Unfit):
                    continue
                found.setdefault((row.mapper, row.name), []).append(trial_hits(batch, seed=repeat))
    return {names: pd.concat(tables, ignore_index=True) for names, tables in found.items()}


def candidates(run: Pipeline, space: str, recipe: MappingConfig) -> Embeddings:
    """The targets of the validation pictures for a mapper of this recipe."""
    embeddings = run.validation(run.aims(space))
    if recipe.caption_choice == "average":
        embeddings = embeddings.per_image()
    if recipe.caption_choice == "first":
        order = np.lexsort((embeddings.keys, embeddings.image_ids))
        embeddings = embeddings.take(order[np.unique(embeddings.image_ids[order], return_index=True)[1]])
    return targets(embeddings, recipe.clamp) if recipe.unit else embeddings


def starting_distance(run: Pipeline, space: str, recipe: MappingConfig, repeat: int) -> pd.DataFrame:
    """Distances of the true validation pictures to reconstructions by the generator before finetuning.

    From the mapped embeddings of the first grid.n_pictures trials; two rows as of `scoring.distance_rows`. Kept. Source: Table 3's column FID.
    """
    n = run.experiment.grid.n_pictures
    _, key = run.mapper_key(space, recipe, repeat)
    extra = {name: value for name, value in key.items() if name in ("space", "repeat")} | {"n_pictures": n}

    def make(folder: Path) -> None:
        embeddings = run.decoded(space, recipe, repeat)
        embeddings = embeddings.take(np.argsort(embeddings.keys, kind="stable")[:n])
        features = run.picture_features(run.reconstruct({space: embeddings}, HEADS[space], finetuned=False))
        table = scoring.distance_rows(features, run.validation(run.true_features), origin=run.origin, features=features.space)
        (folder / "distances.json").write_text(json.dumps(table.to_dict("records")), encoding="utf-8")

    def load(folder: Path) -> pd.DataFrame:
        return pd.DataFrame(json.loads((folder / "distances.json").read_text(encoding="utf-8")))

    stage = "starting distance"
    return stamped(run, run.store.fetch(stage, run.key(stage, extra, mapping=recipe), make, load), INCEPTION)


def row_key(run: Pipeline, row: Row, repeat: int) -> str:
    """A fingerprint of everything that could change the fits and the scores of this row."""
    keys = [run.mapper_key(space, recipe, repeat) for space, recipe in row.recipes(run.experiment)]
    network = [run.weights_of("feature")] if run.shows_photographs and _scores_pictures(run) else []
    return fingerprint([keys, run.experiment.evaluate.n_retrieval, run.experiment.grid.n_pictures, *network])


def _seed(run: Pipeline) -> int:
    return run.experiment.child_seed("retrieval")


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def write_record(run: Pipeline, n_seeds: int | None = None, *, processes: int = 1, root: Path | None = None) -> list[Path]:
    """Fit and score all rows, and write tables/table3, tables/table4 and tables/hits (.csv, and .json: how it was made)."""
    meta = {"experiment": asdict(run.experiment)}
    tables = run_grid(run, (*TABLE3, *TABLE4), n_seeds, processes=processes)
    of_table4 = tables.table == "4"
    found = [table.assign(mapper=mapper, name=name) for (mapper, name), table in
             hits(run, (*TABLE3, *TABLE4), n_seeds).items()]
    whole = pd.concat(found, ignore_index=True)
    whole["found"] = whole.forward.astype(int) + 2 * whole.backward.astype(int)
    wide = whole.pivot(index=["image_id", "key"], columns=["mapper", "name", "seed"], values="found").sort_index(level="key")
    wide.columns = [" | ".join(map(str, column)) for column in wide.columns]
    return [save_table(table, f"tables/{name}", origin=run.origin, meta=meta, root=root) for name, table in (
        ("table3", tables[~of_table4].drop(columns="weights")), ("table4", tables[of_table4]),
        ("hits", wide.reset_index()))]


def read_record(run: Pipeline, root: Path = core.FIGURES) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """The committed Tables 3 and 4, and None, or a sentence that says why this run would not make them.

    Compared with this run are the key of every row, which counts settings, code and weights, and, for each row whose fits
    are in the store, the hits themselves. Raises LayoutError where there is no record.
    """
    table3, table4 = (read_table(root, name, WORDS) for name in ("table3", "table4"))
    place = ["table", "mapper", "name", "seed"]
    record = pd.concat([table3, table4], ignore_index=True)
    rows = {(row.table, row.mapper, row.name): row for row in (*TABLE3, *TABLE4)}
    keys = record.groupby(place, sort=False).key.first()
    strange = [at for at, key in keys.items() if at[:3] not in rows or key != row_key(run, rows[at[:3]], at[3])]
    if strange:
        return table3, table4, outdated(f", for {len(strange)} of its {len(keys)} rows")
    counts = record.pivot(index=place, columns="metric", values="hits")[[f"retrieval {d}" for d in scoring.DIRECTIONS]]
    for at, then in zip(counts.index, counts.to_numpy(float)):
        row, repeat = rows[at[:3]], at[3]
        if all(_is_decoded(run, space, recipe, repeat) for space, recipe in row.recipes(run.experiment)):
            now = _hits_now(run, row, repeat)
            if not np.array_equal(now, then, equal_nan=True):
                return table3, table4, (f"This record has {then[0]:g} and {then[1]:g} hits for {row.mapper}, {row.name}, seed "
                                        f"{repeat}, where this machine finds {now[0]:g} and {now[1]:g}; `make tables` makes "
                                        "it anew.")
    return table3, table4, None


def read_hits(root: Path = core.FIGURES) -> dict[tuple[str, str], pd.DataFrame]:
    """The committed hits, as `hits` gives them."""
    wide = read_table(root, "hits").set_index(["image_id", "key"])
    wide.columns = pd.MultiIndex.from_tuples([tuple(column.split(" | ")) for column in wide.columns])
    found = {}
    for (mapper, name), columns in wide.T.groupby(level=[0, 1], sort=False):
        for (_, _, seed), values in columns.iterrows():
            values = values.dropna().astype(int)
            found.setdefault((mapper, name), []).append(pd.DataFrame({
                "image_id": values.index.get_level_values(0), "key": values.index.get_level_values(1), "seed": int(seed),
                "forward": (values % 2 == 1).to_numpy(), "backward": (values >= 2).to_numpy()}))
    return {names: pd.concat(tables, ignore_index=True) for names, tables in found.items()}


def _is_decoded(run: Pipeline, space: str, recipe: MappingConfig, repeat: int) -> bool:
    stage, key = run.mapper_key(space, recipe, repeat)
    return run.store.has(stage, key | {"what": "validation"})


def _hits_now(run: Pipeline, row: Row, repeat: int) -> np.ndarray:
    try:
        batch, _ = row_batch(run, row, repeat)
    except Diverged:
        return np.full(len(scoring.DIRECTIONS), np.nan)
    return np.array([scoring.hits(batch, direction).sum() for direction in scoring.DIRECTIONS], float)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies mapping_grid`; returns the exit status."""
    return command("mapping_grid", __doc__, write_record, arguments)
