"""Chapter 03: three showings of one picture, what was attended on each, and whether a reconstruction tells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Reconstructions
from ... import scoring, twin
from ...scoring import auc_by_class
from ...world import THINGS
from ..common import entry, first_draw, pictures_of
from ...studies.sources import how_scored
from ...studies.sources import brain_embeddings, sources

FEWEST = 5                         # training pictures with and without a thing, for a reader to be taught
PENALTIES = np.logspace(0, 6, 13)  # of the readers; what they read has mean 0 and sd 1
P = 0.01                           # the bar for "can be told", as in chapter 00
NOTHING = "nothing"                # what a wandering mind attends
PAINTED, ACTIVITY, TRUE, STRANGER = "reconstruction", "activity", "true picture", "shuffled brain's reconstruction"
EMBEDDINGS = {"image": "image point", "caption": "caption point"}
CONTROLS = (TRUE, STRANGER)
NOT_TOLD = "Left out: nothing was planted, or no picture's showings attended different things."


# ── to look at ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def showings(run: Pipeline, cond: str, n: int = 5) -> pd.DataFrame:
    """What is painted for each showing of a picture: table image_id, repeat (from 1), seen, reconstructed, attended, decoded.

    The first n pictures, in trial order, that were shown most often and whose showings attended different things (any n
    where nothing was planted); nobody chooses. All showings of a picture are painted with the same z, so that what
    differs comes from the trial alone. seen and reconstructed are (H, W, 3) uint8; attended and decoded are names of things, ""
    where that is not known. Source: the paper's Fig. 7.
    """
    planted = run.origin == "twin"
    trials = _asked(run, cond) if planted else _shown(run, cond)
    columns = ["image_id", "repeat", "seen", "reconstructed", "attended", "decoded"]
    if trials.empty:
        return pd.DataFrame(columns=columns)
    table = trials[trials.image_id.isin(trials.image_id.iloc[:n])]
    pictures = first_draw(_painted(run, cond, "brain"))[table.index] if planted else \
        first_draw(_paint(run, cond, "brain", table))
    read = pd.Series("", trials.index)
    if planted:
        found, _ = _attended(run, cond)[PAINTED]
        read.iloc[found.rows] = np.array(_things(run))[found.decoded]
    table = table.assign(seen=list(pictures_of(run, table.image_id)), reconstructed=list(pictures),
                         decoded=read[table.index])
    table = table.sort_values(["count", "first", "repeat"], ascending=[False, True, True], ignore_index=True)
    return table[columns]


# ── does it tell ───────────────────────────────────────────────────────────────────────────────────────────────────────
def attention(run: Pipeline, cond: str) -> pd.DataFrame:
    """How often the attended thing is read from what was made of a trial: tidy score rows, with p, n_pictures, auc, control.

    Only validation trials of pictures whose showings attended different things. Readers of what a picture *shows* are
    taught, by ridge regression, on training pictures alone: on their features in the feature net, which no loss has
    seen, for what is painted; on their true points for the mapped points; on their mean activity for the activity. What
    a trial says for each thing is compared with what the picture's other trials say; chance and p come from swapping
    its trials (`twin.decode_attended`). The true picture says the same on each trial, so it must be at chance. auc:
    how well the same reader tells which things are in the picture at all, mean over things; it says whether a reader is
    blind. No rows where nothing was planted or no picture's showings differ.
    """
    if run.origin != "twin" or _asked(run, cond).empty:
        return pd.DataFrame()
    trials = _asked(run, cond)
    settings, rows = how_scored(run), []
    for name, (found, shows) in _attended(run, cond).items():
        images = trials.image_id.to_numpy()[found.rows]
        low, high = scoring.bootstrap_interval(found.hit.astype(float), images, seed=settings["seed"],
                                                 n_bootstrap=settings["n_bootstrap"])
        rows.append(scoring.row(name, "attended thing", found.hit.mean(), low, high, len(found.hit), found.chance,
                                  settings["seed"], run.origin, p=found.p, n_pictures=len(np.unique(images)),
                                  auc=shows, control=name in CONTROLS))
    return pd.concat(rows, ignore_index=True)


def attention_entries(table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard; none where nothing was planted."""
    keys = {PAINTED: "painted", ACTIVITY: "activity", TRUE: "true", STRANGER: "shuffled"} | {
        name: space for space, name in EMBEDDINGS.items()}
    values = {}
    if len(table):
        chance = table.set_index("name").chance[PAINTED]
        values["attended_chance"] = {"ours": chance, "note": "of the reconstruction's row, by swapping the trials of a picture"}
    for row in table.itertuples():
        key = f"attended_{keys[row.name]}"
        values[key] = entry(row, note=f"{'control' if row.control else 'attended thing'}: read from the {row.name}")
        values[f"{key}_p"] = {"ours": row.p, "n": row.n, "note": "by swapping the trials of a picture"}
        values[f"{key}_auc"] = {"ours": row.auc, "n": row.n, "note": "which things are in the picture, by the same reader"}
        values[f"{key}_told"] = {"ours": "can" if _told(row) else "cannot", "note": f"be told: p < {P} and above chance"}
    return values


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _shown(run: Pipeline, cond: str) -> pd.DataFrame:
    """Validation trials, those of pictures shown most often first, then in trial order, showing by showing.

    Table row (of `brain_points`), image_id, trial, repeat, attended. Within a showing the pictures keep one order, so
    that a picture has the same place, and so the same z, in each.
    """
    brain = brain_embeddings(run, cond)["image"]
    told = np.full(len(brain), "")
    if run.origin == "twin":
        category = run.plant.category[brain.keys]
        told = np.array([THINGS[c].name if c in THINGS else NOTHING for c in category.tolist()])
    table = pd.DataFrame({"row": np.arange(len(brain)), "image_id": brain.image_ids, "trial": brain.keys, "attended": told})
    table = table.sort_values("trial")
    by_picture = table.groupby("image_id").trial
    table = table.assign(repeat=by_picture.cumcount() + 1, count=by_picture.transform("size"),
                         first=by_picture.transform("first"))
    return table.sort_values(["repeat", "count", "first"], ascending=[True, False, True], ignore_index=True)


def _asked(run: Pipeline, cond: str) -> pd.DataFrame:
    """Those of `_shown` whose picture's showings attended different things that can be read."""
    trials = _shown(run, cond)
    told = trials.attended.where(trials.attended.isin(_things(run)))
    return trials[told.groupby(trials.image_id).transform("nunique") > 1].reset_index(drop=True)


def _things(run: Pipeline) -> list[str]:
    """Names of the things that enough training pictures show, and enough do not."""
    shows = _presence(run, run.split.train).sum()
    return list(shows.index[(shows >= FEWEST) & (shows <= len(run.split.train) - FEWEST)])


def _presence(run: Pipeline, image_ids) -> pd.DataFrame:
    """Which things these pictures show, a column of 0 and 1 for each."""
    names = [kind.name for kind in THINGS.values()]
    return run.plant.factors.loc[image_ids, [f"has_{name}" for name in names]].set_axis(names, axis=1)


def _paint(run: Pipeline, cond: str, source: str, trials: pd.DataFrame) -> Reconstructions:
    """These rows of `_shown`, painted showing by showing, so that all showings of a picture share their z."""
    fed = sources(run, cond)[source]
    parts = [run.reconstruct({space: fed[space].take(part.row.to_numpy()) for space in SPACES}, cond)
             for _, part in trials.groupby("repeat")]
    return Reconstructions(np.concatenate([p.images for p in parts]), np.concatenate([p.image_ids for p in parts]),
                           np.concatenate([p.keys for p in parts]), parts[0].heads, parts[0].seed)


def _painted(run: Pipeline, cond: str, source: str) -> Reconstructions:
    key = ("painted showings", cond, source)
    if key not in run.memo:
        run.memo[key] = _paint(run, cond, source, _asked(run, cond))
    return run.memo[key]


def _attended(run: Pipeline, cond: str) -> dict[str, tuple[twin.Attended, float]]:
    """From everything that was made of a trial: what was read as attended, and how well what the picture shows (mean AUC).

    Rows are those of `_asked`.
    """
    key = ("attended in", cond)
    if key not in run.memo:
        trials, things = _asked(run, cond), _things(run)
        present = _presence(run, trials.image_id)[things].to_numpy() > 0
        told = pd.Index(things).get_indexer(trials.attended)
        run.memo[key] = {
            name: (twin.decode_attended(evidence, present, told, trials.image_id.to_numpy(),
                                            seed=run.experiment.child_seed("attended")),
                   float(auc_by_class(present, evidence, things)[0].value.mean()))
            for taught, asked in _inputs(run, cond, trials) for name, evidence in _evidence(run, taught, asked).items()}
    return run.memo[key]


def _inputs(run: Pipeline, cond: str, trials: pd.DataFrame) -> list[tuple[Embeddings, dict[str, np.ndarray]]]:
    """What each reader is taught on, one row for each training picture, and what it is asked about, by name."""
    ids, activity = twin.mean_responses(run.subject.train)
    asked = run.subject.validation
    inputs = [(Embeddings(activity, ids, np.zeros_like(ids), "betas", "fmri"),
               {ACTIVITY: asked.betas[pd.Index(asked.trial_ids).get_indexer(trials.trial)]})]
    for space, name in EMBEDDINGS.items():
        embeddings = brain_embeddings(run, cond)[space].unit()
        inputs.append((run.training(run.truth[space]).unit(), {name: embeddings.vectors[trials.row]}))
    painted = {name: run.picture_features(_painted(run, cond, source)).vectors
               for name, source in ((PAINTED, "brain"), (STRANGER, "shuffled brain"))}
    return [*inputs, (run.training(run.true_features), painted | {TRUE: run.true_features.at(trials.image_id)})]


def _evidence(run: Pipeline, taught: Embeddings, asked: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How strongly each of `_things` is there, in sd over training pictures, (n_asked, n_things) for each name."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    shows = _presence(run, taught.image_ids)[_things(run)].to_numpy()
    reader = make_pipeline(StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True))
    reader.fit(taught.vectors.astype(float), (shows - shows.mean(0)) / shows.std(0))
    # rounded, so that what says the same on each trial has the same bits
    return {name: reader.predict(np.asarray(x, float)).round(9) for name, x in asked.items()}


def _told(row):
    """Whether the attended thing can be told."""
    return (row.p < P) & (row.value > row.chance)
