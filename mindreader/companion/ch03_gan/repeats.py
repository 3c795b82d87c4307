"""Reconstruct the repeats of one picture, and test whether the attended thing of each can be decoded from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring, twin
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Reconstructions
from ...studies.sources import brain_embeddings, mean_row, sources
from ...world import THINGS
from ..common import entry, first_draw, pictures_of
from ..rendering import LeftOut

FEWEST = 5                         # training pictures with and without a thing, for its decoder to be fitted
PENALTIES = np.logspace(0, 6, 13)  # of the decoders; their targets have mean 0 and sd 1
NOTHING = "nothing"                # attended on trials without attention to the picture
RECONSTRUCTION, ACTIVITY, TRUE, SHUFFLED = ("reconstruction", "activity", "true picture",
                                            "shuffled brain's reconstruction")
EMBEDDINGS = {"image": "image embedding", "caption": "caption embedding"}
CONTROLS = (TRUE, SHUFFLED)
LEFT_OUT = LeftOut("Left out: nothing was planted, or no picture's repeats attended different things.")


# ── pictures ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def by_repeat(run: Pipeline, cond: str, n: int = 5) -> pd.DataFrame:
    """Reconstructions of each repeat of a picture: table image_id, repeat (from 1), seen, reconstructed, attended, decoded.

    The first n pictures, in trial order, that were shown most often and whose repeats attended different things (any n
    where nothing was planted). All repeats of a picture share their z, so that what differs comes from the trial alone.
    seen and reconstructed are (H, W, 3) uint8; attended and decoded are names of things, "" where
    unknown. Source: the paper's Fig. 7.
    """
    planted = run.origin == "twin"
    trials = _tested(run, cond) if planted else _repeats(run, cond)
    columns = ["image_id", "repeat", "seen", "reconstructed", "attended", "decoded"]
    if trials.empty:
        return pd.DataFrame(columns=columns)
    table = trials[trials.image_id.isin(trials.image_id.iloc[:n])]
    pictures = first_draw(_reconstructed(run, cond, "brain"))[table.index] if planted else \
        first_draw(_reconstruct(run, cond, "brain", table))
    decoded = pd.Series("", trials.index)
    if planted:
        found, _ = _attended(run, cond)[RECONSTRUCTION]
        decoded.iloc[found.rows] = np.array(_things(run))[found.decoded]
    table = table.assign(seen=list(pictures_of(run, table.image_id)), reconstructed=list(pictures),
                         decoded=decoded[table.index])
    table = table.sort_values(["count", "first", "repeat"], ascending=[False, True, True], ignore_index=True)
    return table[columns]


# ── decoding the attended thing ────────────────────────────────────────────────────────────────────────────────────────
def attention(run: Pipeline, cond: str) -> pd.DataFrame:
    """How often the attended thing is decoded from each trial: tidy score rows, with p, n_pictures, auc, control.

    Only validation trials of pictures whose repeats attended different things. Decoders of what a picture *shows* are
    ridge regressions fitted to training pictures alone: to their features in the feature net, which is in no loss, for
    reconstructions; to their true embeddings for the mapped embeddings; to their mean activity for the activity. The
    evidence for each thing on a trial is compared with that of the picture's other trials; chance and p come from
    permuting its trials (`twin.decode_attended`). The true picture is the same on each trial, so it must be at chance.
    auc: of the same decoder for which things are in the picture at all, mean over things, whether it works. No rows where
    nothing was planted or no picture's repeats differ.
    """
    if run.origin != "twin" or _tested(run, cond).empty:
        return pd.DataFrame()
    images, rows = _tested(run, cond).image_id.to_numpy(), []
    for name, (found, auc) in _attended(run, cond).items():
        mine = images[found.rows]
        rows.append(mean_row(run, name, "attended thing", found.hit.astype(float), mine, found.chance, p=found.p,
                             n_pictures=len(np.unique(mine)), auc=auc, control=name in CONTROLS))
    return pd.concat(rows, ignore_index=True)


def attention_entries(table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard; none where nothing was planted."""
    keys = {RECONSTRUCTION: "generated", ACTIVITY: "activity", TRUE: "true", SHUFFLED: "shuffled"} | {
        name: space for space, name in EMBEDDINGS.items()}
    values = {}
    if len(table):
        chance = table.set_index("name").chance[RECONSTRUCTION]
        values["attended_chance"] = {"ours": chance,
                                     "note": "of the reconstruction's row, by permuting the trials of a picture"}
    for row in table.itertuples():
        key = f"attended_{keys[row.name]}"
        values[key] = entry(row, note=f"{'control' if row.control else 'attended thing'}: decoded from the {row.name}")
        values[f"{key}_p"] = {"ours": row.p, "n": row.n, "note": "by permuting the trials of a picture"}
        values[f"{key}_auc"] = {"ours": row.auc, "n": row.n, "note": "which things are in the picture, by the same decoder"}
    return values


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _repeats(run: Pipeline, cond: str) -> pd.DataFrame:
    """Validation trials, those of pictures shown most often first, then in trial order, repeat by repeat.

    Table row (of `brain_embeddings`), image_id, trial, repeat, attended. Within a repeat the pictures keep one order, so
    that a picture has the same place, and so the same z, in each.
    """
    brain = brain_embeddings(run, cond)["image"]
    attended = np.full(len(brain), "")
    if run.origin == "twin":
        category = run.plant.category[brain.keys]
        attended = np.array([THINGS[c].name if c in THINGS else NOTHING for c in category.tolist()])
    table = pd.DataFrame({"row": np.arange(len(brain)), "image_id": brain.image_ids, "trial": brain.keys,
                          "attended": attended})
    table = table.sort_values("trial")
    by_picture = table.groupby("image_id").trial
    table = table.assign(repeat=by_picture.cumcount() + 1, count=by_picture.transform("size"),
                         first=by_picture.transform("first"))
    return table.sort_values(["repeat", "count", "first"], ascending=[True, False, True], ignore_index=True)


def _tested(run: Pipeline, cond: str) -> pd.DataFrame:
    """Those of `_repeats` whose picture's repeats attended different things that can be decoded."""
    trials = _repeats(run, cond)
    attended = trials.attended.where(trials.attended.isin(_things(run)))
    return trials[attended.groupby(trials.image_id).transform("nunique") > 1].reset_index(drop=True)


def _things(run: Pipeline) -> list[str]:
    """Names of the things that enough training pictures show, and enough do not."""
    shows = _presence(run, run.split.train).sum()
    return list(shows.index[(shows >= FEWEST) & (shows <= len(run.split.train) - FEWEST)])


def _presence(run: Pipeline, image_ids) -> pd.DataFrame:
    """Which things these pictures show, a column of 0 and 1 for each."""
    names = [thing.name for thing in THINGS.values()]
    return run.plant.factors.loc[image_ids, [f"has_{name}" for name in names]].set_axis(names, axis=1)


def _reconstruct(run: Pipeline, cond: str, source: str, trials: pd.DataFrame) -> Reconstructions:
    """Reconstructions of these rows of `_repeats`, repeat by repeat, so that all repeats of a picture share their z."""
    fed = sources(run, cond)[source]
    parts = [run.reconstruct({space: fed[space].take(part.row.to_numpy()) for space in SPACES}, cond)
             for _, part in trials.groupby("repeat")]
    return Reconstructions(np.concatenate([p.images for p in parts]), np.concatenate([p.image_ids for p in parts]),
                           np.concatenate([p.keys for p in parts]), parts[0].heads, parts[0].seed)


def _reconstructed(run: Pipeline, cond: str, source: str) -> Reconstructions:
    key = ("reconstructed repeats", cond, source)
    if key not in run.memo:
        run.memo[key] = _reconstruct(run, cond, source, _tested(run, cond))
    return run.memo[key]


def _attended(run: Pipeline, cond: str) -> dict[str, tuple[twin.Attended, float]]:
    """By what is decoded from: the attended thing of the rows of `_tested`, and the mean AUC for what the picture shows."""
    key = ("attended in", cond)
    if key not in run.memo:
        trials, things = _tested(run, cond), _things(run)
        present = _presence(run, trials.image_id)[things].to_numpy() > 0
        attended = pd.Index(things).get_indexer(trials.attended)
        run.memo[key] = {
            name: (twin.decode_attended(evidence, present, attended, trials.image_id.to_numpy(),
                                        seed=run.experiment.child_seed("attended")),
                   float(scoring.auc_by_class(present, evidence, things)[0].value.mean()))
            for fitted, tested in _inputs(run, cond, trials)
            for name, evidence in _evidence(run, fitted, tested).items()}
    return run.memo[key]


def _inputs(run: Pipeline, cond: str, trials: pd.DataFrame) -> list[tuple[Embeddings, dict[str, np.ndarray]]]:
    """What each decoder is fitted to, one row for each training picture, and what it is applied to, by name."""
    ids, activity = twin.mean_responses(run.subject.train)
    validation = run.subject.validation
    inputs = [(Embeddings(activity, ids, np.zeros_like(ids), "betas", "fmri"),
               {ACTIVITY: validation.betas[pd.Index(validation.trial_ids).get_indexer(trials.trial)]})]
    for space, name in EMBEDDINGS.items():
        embeddings = brain_embeddings(run, cond)[space].unit()
        inputs.append((run.training(run.truth[space]).unit(), {name: embeddings.vectors[trials.row]}))
    generated = {name: run.picture_features(_reconstructed(run, cond, source)).vectors
                 for name, source in ((RECONSTRUCTION, "brain"), (SHUFFLED, "shuffled brain"))}
    return [*inputs, (run.training(run.true_features), generated | {TRUE: run.true_features.at(trials.image_id)})]


def _evidence(run: Pipeline, fitted: Embeddings, tested: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How strongly each of `_things` is there, in sd over training pictures, (n_tested, n_things) for each name."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    shows = _presence(run, fitted.image_ids)[_things(run)].to_numpy()
    decoder = make_pipeline(StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True))
    decoder.fit(fitted.vectors.astype(float), (shows - shows.mean(0)) / shows.std(0))
    # rounded, so that equal inputs on all trials give the same bits
    return {name: decoder.predict(np.asarray(x, float)).round(9) for name, x in tested.items()}
