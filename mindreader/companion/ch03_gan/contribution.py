"""Measure what the brain contributes to each score of the reconstructions, and the eight metrics of later work."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import embedding, scoring
from ...experiments import CONDITIONS
from ...pipeline import Pipeline
from ...records import SPACES, Reconstructions
from ...field import FeatureExtractor, eight_metrics, feature_extractors
from ...scoring import Bottleneck, TWO_WAY
from ...studies.held_out import WITHIN
from ...studies.sources import (NEAREST, brain_embeddings, how_scored, identification_row, mean_row, nearest_training,
                                nearest_training_ids, picture_categories, reconstruction_features, reconstructions)
from ..common import entry, pictures_of
from .fidelity import distances

ORDER = ("true embedding", "brain", "category centroid", NEAREST, "random training embedding", "mean embedding",
         "shuffled brain")
NO_BRAIN = ORDER[4:]  # the generator's prior only: nothing of the trial's own activity
RANKS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
GENERATED_RANKS = (0, 1, 4, 16, 64)
AVERAGED = "brain, repeats averaged"
CLIP = "2-way, by the CLIP of the loss"


def scores_by_source(run: Pipeline, cond: str, numbers: pd.DataFrame) -> pd.DataFrame:
    """Every score for every source of the generator's conditions, and for retrieval: a row for each source and score.

    numbers: from `eight_numbers`, of which PixCorr and SSIM are taken. Table name, metric, value, low, high, chance,
    better ("higher" or "lower"), n, origin, in the order in which they are to be shown. Scores by an evaluation network that
    is missing are left out.
    """
    category, rows = picture_categories(run), []
    ways = run.experiment.evaluate.ways[-1]
    far = None if run.missing("feature") else distances(run, cond).set_index(["name", "metric"]).value
    for name in ORDER:
        clip = nearest_training(run, cond, run.embeddings["image"]) if name == NEAREST else \
            embedding.embed_reconstructions(reconstructions(run, cond, name), run.clip)
        by_clip = identification_row(run, name, clip, run.embeddings["image"], 2).assign(metric=CLIP)
        if far is None:
            rows.append(by_clip)
            continue
        embeddings = reconstruction_features(run, cond, name)
        rows += [identification_row(run, name, embeddings, run.true_features, 2), by_clip,
                 mean_row(run, name, WITHIN, scoring.n_way_within(embeddings, run.true_features, category),
                          embeddings.image_ids, 0.5),
                 identification_row(run, name, embeddings, run.true_features, ways)]
        if name != NEAREST:
            rows += [scoring.score_row(name, metric, far[name, metric], np.nan, np.nan, len(embeddings), np.nan, 0,
                                       run.origin) for metric in scoring.distance_names(embeddings.space).values()]
    pixels = numbers[numbers.metric.isin(["PixCorr", "SSIM"]) & numbers.name.isin(ORDER)]
    table = pd.concat([*rows, pixels], ignore_index=True)
    table["better"] = np.where(table.metric.map(scoring.distance_kind) != "", "lower", "higher")
    return table[["name", "metric", "value", "low", "high", "chance", "better", "n", "origin"]]


def brain_share(table: pd.DataFrame) -> pd.DataFrame:
    """What the brain contributes to each score: table metric, floor (the best without this brain), brain, ceiling, share.

    share is (brain - floor) / (ceiling - floor); NaN where the ceiling is not better than the floor.
    """
    rows = []
    for metric, part in table.groupby("metric", sort=False):
        sign = 1 if part.better.iloc[0] == "higher" else -1
        value = sign * part.set_index("name").value
        floor = value[value.index.isin(NO_BRAIN)].max()
        room = value["true embedding"] - floor
        share = (value["brain"] - floor) / room if room > 0 else np.nan
        rows.append({"metric": metric, "floor": sign * floor, "brain": sign * value["brain"],
                     "ceiling": sign * value["true embedding"], "share": share})
    return pd.DataFrame(rows)


def bottleneck_curve(run: Pipeline, cond: str) -> pd.DataFrame:
    """Two-way identification from the first r principal directions of the mapped embeddings, r = 0 … all.

    Table rank, where, value, low, high: in CLIP's image and caption space for all trials, and through the generator, with
    both conditions reduced alike, for a few ranks and the first trial of each picture; not where the evaluation network for
    them is missing.
    """
    generated = () if run.missing("feature") else GENERATED_RANKS
    brain = brain_embeddings(run, cond)
    necks = {space: Bottleneck.of(run.training(run.conditions(cond)[space])) for space in SPACES}
    most = min(neck.max_rank for neck in necks.values())
    first = brain["image"].first_rows()
    rows = []
    for rank in [r for r in RANKS if r < most] + [most]:
        squeezed = {space: necks[space].squeeze(brain[space], rank) for space in SPACES}
        sets = {f"in CLIP's {space} space": (squeezed[space], run.truth[space]) for space in SPACES}
        if generated and rank in (*generated, most):
            pictures = run.reconstruct({space: embeddings.take(first) for space, embeddings in squeezed.items()}, cond)
            sets["through the generator"] = run.picture_features(pictures), run.true_features
        rows += [identification_row(run, where, guess, truth, 2).assign(rank=rank, where=where)
                 for where, (guess, truth) in sets.items()]
    return pd.concat(rows, ignore_index=True)[["rank", "where", "value", "low", "high", "n", "origin"]]


def eight_numbers(run: Pipeline, cond: str, through: tuple[FeatureExtractor, ...]) -> pd.DataFrame:
    """The eight metrics of later work for one reconstruction of each picture: from the brain, the ceiling, and controls.

    Rows "brain" take the first trial of each picture; `AVERAGED` the mean of the mapped embeddings of all its trials
    (later work averages activity, before its mappers). For photographs, stand-ins among the networks give way to published
    ones wherever those are at hand.
    """
    if run.shows_photographs and any(each.origin == "twin" for each in through):
        published = {each.metric: each for each in feature_extractors(table=through[0].table, photographs=True)}
        through = tuple(published.get(each.metric.removesuffix(" (twin)"), each) for each in through)
    brain = brain_embeddings(run, cond)
    first = brain["image"].first_rows()
    sets = {name: _take(reconstructions(run, cond, name), first)
            for name in ("true embedding", "brain", "mean embedding", "shuffled brain")}
    sets[AVERAGED] = run.reconstruct({space: brain[space].per_image() for space in SPACES}, cond)
    sets[NEAREST] = _take(_nearest_pictures(run, cond), first)
    return pd.concat([eight_metrics(sets[name], run.subject.stimuli, through, name=name, **how_scored(run))
                      for name in ("true embedding", AVERAGED, "brain", NEAREST, "mean embedding", "shuffled brain")],
                     ignore_index=True)


def eight_wide(table: pd.DataFrame) -> pd.DataFrame:
    """The same in wide form: a row for each set of pictures, a column for each metric with its arrow."""
    arrow = table.metric + table.better.map({"higher": " ↑", "lower": " ↓"})
    wide = table.assign(metric=arrow).pivot(index="name", columns="metric", values="value")
    return wide.loc[list(dict.fromkeys(table.name)), list(dict.fromkeys(arrow))].rename_axis(columns=None).reset_index()


def contribution_entries(share: pd.DataFrame, by_source: pd.DataFrame, curve: pd.DataFrame, numbers: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard on what the brain contributes, and the eight metrics.

    Without those by an evaluation network that is missing.
    """
    def within(name, note):
        return entry(by_source[(by_source.name == name) & (by_source.metric == WITHIN)].iloc[0], note=note)

    def generated(rank, note):
        row = curve[(curve["where"] == "through the generator") & (curve["rank"] == rank)].assign(chance=0.5).iloc[0]
        return entry(row, note=note)

    shares = share.set_index("metric").share
    by_clip = {"share_clip": {"ours": float(shares[CLIP]), "note": "the same by the CLIP of the loss"}}
    values = by_clip if WITHIN not in set(by_source.metric) else {
        "two_way_within": within("brain", "all rivals share the picture's category"),
        "two_way_within_ceiling": within("true embedding", "ceiling: CLIP's own embeddings"),
        "two_way_within_centroid": within("category centroid", "control: the category alone, which all rivals share"),
        "two_way_within_nearest": within(NEAREST, "control: retrieval, no generator"),
        "share_two_way": {"ours": float(shares[TWO_WAY]),
                          "note": "of the way from the best score without this brain to the ceiling"},
        **by_clip,
        "rank_1": generated(1, "one principal direction of each mapper's embeddings"),
        "rank_16": generated(16, "sixteen directions"),
        "rank_all": generated(curve["rank"].max(), "all directions; the first trial of each picture"),
    }
    for row in numbers[(numbers.name == "brain") & (numbers.n > 0)].itertuples():
        key = row.metric.lower().replace(" (twin)", "").replace(" ", "_")
        values[f"eight_{key}"] = entry(row, note=f"{row.metric}, {row.better} is better; single trials")
    return values


def _nearest_pictures(run: Pipeline, cond: str) -> Reconstructions:
    found = nearest_training_ids(run, cond)
    brain = brain_embeddings(run, cond)[CONDITIONS[cond][0]]
    return Reconstructions(pictures_of(run, found)[:, None], brain.image_ids, brain.keys, CONDITIONS[cond], 0, NEAREST)


def _take(pictures: Reconstructions, rows: np.ndarray) -> Reconstructions:
    return Reconstructions(pictures.images[rows], pictures.image_ids[rows], pictures.keys[rows], pictures.heads,
                           pictures.seed, pictures.note)
