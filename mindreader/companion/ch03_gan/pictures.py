"""Show reconstructions from single trials, and identify them by head, source of the embeddings, and control."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from ... import embedding, scoring
from ...core import LOST, paper_value, paper_values
from ...experiments import CONDITIONS
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Reconstructions
from ...scoring import n_way, n_way_sampled, TWO_WAY
from ...studies.found import changed_conditions
from ...studies.found.changed import BRAIN
from ...studies.ledger import with_interval
from ...studies.sources import (NEAREST, brain_embeddings, identification_row, nearest_training_ids,
                                reconstruction_features, reconstructions, sources)
from ..common import entry, first_draw, needs, pictures_of
from ..rendering import LeftOut, unless_left_out

LABELS = {"img": "image head", "cap": "caption head", "both": "both heads"}
RECORDED = {label: cond for cond, label in LABELS.items()}      # names in the record of refits
PAPER_ROWS = {"img": "f_mi", "cap": "f_mc", "both": "f_mi & f_mc"}  # of Table 6, where the first two are inferred
BY_CLIP = "by the CLIP of the loss"


# ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def gan_history(run: Pipeline, cond: str) -> pd.DataFrame:
    """The weighted losses of finetuning, each the mean since the row before: table kimg, loss, value."""
    history = run.generator(cond).history.drop(columns="seconds")
    return history.melt("kimg", var_name="loss").dropna().reset_index(drop=True)


def sample_columns(run: Pipeline, cond: str, n: int = 8) -> dict[str, np.ndarray]:
    """Reconstructions of the first trial of each of the first n validation pictures, ceiling and floors: columns."""
    fed = sources(run, cond)
    rows = fed["brain"]["image"].first_rows(n)
    some = {name: {space: embeddings[space].take(rows) for space in SPACES} for name, embeddings in fed.items()}
    columns = {"seen": pictures_of(run, some["brain"]["image"].image_ids),
               "from the brain": first_draw(run.reconstruct(some["brain"], cond)),
               "true embedding": first_draw(run.reconstruct(some["true embedding"], cond)),
               "brain, before\nfinetuning": first_draw(run.reconstruct(some["brain"], cond, finetuned=False)),
               "shuffled brain": first_draw(run.reconstruct(some["shuffled brain"], cond)),
               "mean embedding": first_draw(run.reconstruct(some["mean embedding"], cond))}
    return columns


def unselected(run: Pipeline, cond: str, n: int = 64) -> dict[str, np.ndarray]:
    """The first n validation pictures, what is made of their true embeddings, and of the first trial of each: (n, h, w, 3) each."""
    rows = brain_embeddings(run, cond)["image"].first_rows(n)
    made = {source: reconstructions(run, cond, source) for source in ("true embedding", "brain")}
    return {"seen": pictures_of(run, made["brain"].image_ids[rows]), "from the true embedding": made["true embedding"].images[rows, 0],
            "from the brain, one trial each": made["brain"].images[rows, 0]}


def draws(run: Pipeline, cond: str, n: int = 5, n_draws: int = 4) -> dict[str, np.ndarray]:
    """Several draws of z for the first trials: columns."""
    brain = brain_embeddings(run, cond)
    rows = brain["image"].first_rows(n)
    some = {space: brain[space].take(rows) for space in SPACES}
    several = run.reconstruct(some, cond, n_draws=n_draws).images
    return {"seen": pictures_of(run, some["image"].image_ids)} | {f"z {i + 1}": several[:, i] for i in range(n_draws)}


def changed_columns(run: Pipeline, cond: str, n: int = 6) -> dict[str, np.ndarray]:
    """Reconstructions of the first trial of each of the first n validation pictures from `found.changed_conditions`: columns."""
    given = changed_conditions(run, cond)
    rows = given[BRAIN]["image"].first_rows(n)
    made = {name: run.reconstruct({space: some.take(rows) for space, some in embeddings.items()}, cond)
            for name, embeddings in given.items()}
    return {"seen": pictures_of(run, given[BRAIN]["image"].image_ids[rows])} | {
        textwrap.fill(name, 17): first_draw(pictures) for name, pictures in made.items()}


def by_head(run: Pipeline, n: int = 6) -> dict[str, np.ndarray]:
    """The same trials reconstructed by each head's generator, the first of each of the first n validation pictures."""
    like = brain_embeddings(run, "both")["image"]
    rows = like.first_rows(n)
    ids, keys = like.image_ids[rows], like.keys[rows]
    return {"seen": pictures_of(run, ids)} | {LABELS[c]: _at(reconstructions(run, c), ids, keys) for c in CONDITIONS}


def extremes(run: Pipeline, cond: str, n: int = 4) -> tuple[dict[str, np.ndarray] | LeftOut, list[str]]:
    """The n worst and the n best trials by exact 2-way identification, as columns of pictures and a label for each row.

    Of each picture only its first trial takes part. Where the score ties, the larger n of the settings decides, then the
    order of trials. Without an evaluation network a sentence stands for the columns.
    """
    if missing := run.missing("feature"):
        return LeftOut(f"Left out: {missing}"), []
    embeddings = reconstruction_features(run, cond)
    first = embeddings.take(embeddings.first_rows())
    two, many = (n_way(first, run.true_features, n_choices=ways)
                 for ways in (2, run.experiment.evaluate.ways[-1]))
    order = np.lexsort((first.keys, many, two))
    chosen = np.r_[order[:n], order[-n:]]
    ids, keys = first.image_ids[chosen], first.keys[chosen]
    columns = {"seen": pictures_of(run, ids)}
    for name, source in (("from the brain", "brain"), ("true embedding", "true embedding")):
        columns[name] = _at(reconstructions(run, cond, source), ids, keys)
    columns["nearest\ntraining picture"] = pictures_of(run, nearest_training_ids(run, cond)[_rows(embeddings, ids, keys)])
    return columns, [f"{score:.3f}" for score in two[chosen]]


# ── identification ─────────────────────────────────────────────────────────────────────────────────────────────────────
@needs("feature")
def identification(run: Pipeline, cond: str) -> pd.DataFrame:
    """n-way identification of reconstructions by each head, and of ceiling and floors under `cond`, by the feature net.

    Table name, metric, value, low, high, n, chance, seed, origin, protocol, control, drawn, drawn_sd: the expectation over
    all sets of rivals with an interval over pictures, and mean and spread of the paper's ten draws of rivals,
    whose spread says nothing about other pictures. Source: paper A.4, Tables 5 and 6.
    """
    sets = {LABELS[c]: reconstruction_features(run, c) for c in CONDITIONS}
    heads = set(sets)
    sets |= {name: reconstruction_features(run, cond, name) for name in [*sources(run, cond), NEAREST] if name != "brain"}
    rows = [_n_way_row(run, name, embeddings, run.true_features, ways, control=name not in heads)
            for name, embeddings in sets.items() for ways in run.experiment.evaluate.ways]
    clip = embedding.embed_reconstructions(reconstructions(run, cond), run.clip)
    rows.append(_n_way_row(run, f"{LABELS[cond]}, {BY_CLIP}", clip, run.embeddings["image"], 2, control=True))
    return pd.concat(rows, ignore_index=True)


@unless_left_out
def two_way(table: pd.DataFrame) -> pd.DataFrame:
    """Only the two-way rows of an identification table."""
    return table[table.metric == TWO_WAY].reset_index(drop=True)


@unless_left_out
def table_6(table: pd.DataFrame) -> pd.DataFrame:
    """An identification table in the layout of the paper's Table 6, a column for each n: exact, ten draws, the paper's."""
    table = table[~table.name.str.endswith(BY_CLIP)]
    ways = list(dict.fromkeys(table.metric))
    rows = []
    for name, part in table.groupby("name", sort=False):
        part = part.set_index("metric")
        rows.append([name, "exact (95 % interval)"] + [with_interval(r.value, r.low, r.high) for r in part.loc[ways].itertuples()])
        if not part.control.iloc[0]:
            rows.append([name, "ten draws, mean ± sd"] + [f"{r.drawn:.3f} ± {r.drawn_sd:.3f}"
                                                          for r in part.loc[ways].itertuples()])
            rows.append([name, "paper"] + [_paper_cell(name, metric.split()[0]) for metric in ways])
    quoted = paper_values("5 or 6").iloc[0]
    rows.append([quoted.row, f"paper, {quoted.provenance.split(':')[0]}"] +
                [f"{quoted.value:.3f}" if metric.startswith(quoted.column) else "" for metric in ways])
    return pd.DataFrame(rows, columns=["condition", "count", *[metric.split()[0] for metric in ways]])


@needs("feature")
def conditions(run: Pipeline) -> pd.DataFrame:
    """Both heads beside one: two-way identification and Fréchet distance for each condition (Tables 1 and 5)."""
    rows, real = [], run.validation(run.true_features)
    for cond in CONDITIONS:
        for finetuned in (False, True):
            embeddings = reconstruction_features(run, cond, finetuned=finetuned)
            name = f"{LABELS[cond]}, {'finetuned' if finetuned else 'as pretrained'}"
            row = identification_row(run, name, embeddings, run.true_features, 2)
            rows.append(row.assign(**{scoring.distance_names(real.space)["FD"]: scoring.frechet_distance(embeddings, real)}))
    return pd.concat(rows, ignore_index=True).drop(columns="control")


def identification_entries(run: Pipeline, cond: str, table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard that come from an identification table; none where it was left out."""
    if isinstance(table, LeftOut):
        return {}

    def way(name, n=2):
        return table[(table.name == name) & (table.metric == f"{n}-way identification")].iloc[0]

    ours, quoted = LABELS[cond], paper_value("5 or 6", "best setting, cell unknown", "2-way")
    values = {"two_way": entry(way(ours), paper=quoted,
                               note=f"{ours}; the paper's cell is quoted second-hand, by Inception features")}
    for ways in run.experiment.evaluate.ways[1:]:
        values[f"way_{ways}"] = entry(way(ours, ways), note="Table 6; the paper's number is not recoverable")
    for label in LABELS.values():
        values["two_way_" + label.split()[0]] = entry(way(label), note=f"{label}, finetuned")
    return values | {
        "two_way_ceiling": entry(way("true embedding"), note="ceiling: CLIP's own embeddings"),
        "two_way_centroid": entry(way("category centroid"), note="control: knows the picture's category and nothing else"),
        "two_way_shuffled": entry(way("shuffled brain"), note="control: another trial's activity"),
        "two_way_random": entry(way("random training embedding"), note="control: a training trial's activity"),
        "two_way_mean": entry(way("mean embedding"), note="control: no brain"),
        "two_way_nearest": entry(way(NEAREST), note="control: retrieval, no generator"),
        "two_way_clip": entry(way(f"{ours}, {BY_CLIP}"), note="not independent: the CLIP is in the generator's loss"),
    }


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _n_way_row(run: Pipeline, name: str, guess: Embeddings, truth: Embeddings, ways: int, *, control: bool) -> pd.DataFrame:
    drawn = n_way_sampled(guess, truth, n_choices=ways, seed=run.experiment.child_seed("rivals"))
    row = identification_row(run, name, guess, truth, ways, control=control)
    return row.assign(drawn=drawn.mean(), drawn_sd=drawn.std(ddof=1))


def _paper_cell(label: str, metric: str) -> str:
    row = PAPER_ROWS[next(c for c, name in LABELS.items() if name == label)]
    value = paper_value("6", row, metric) if metric in set(paper_values("6").column) else None
    return LOST if value is None else f"{value:.3f}"


def _rows(embeddings, image_ids, keys) -> np.ndarray:
    """Where these trials are among the rows of `embeddings` (Embeddings or Reconstructions)."""
    index = pd.MultiIndex.from_arrays([embeddings.image_ids, embeddings.keys])
    return index.get_indexer(pd.MultiIndex.from_arrays([image_ids, keys]))


def _at(pictures: Reconstructions, image_ids, keys) -> np.ndarray:
    return first_draw(pictures)[_rows(pictures, image_ids, keys)]
