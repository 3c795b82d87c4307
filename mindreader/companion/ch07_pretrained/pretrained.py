"""Chapter 07, the painters: how good, what the condition and what z decides, who may judge them, and another world."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...core import weights
from ... import scoring
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ..common import entry
from .held_out import Scenes, held_out, out_of_domain, sizes, trained_on
from .shipped_clip import clip, embeddings

LABELS = {"generator_lf": "language-free", "generator_sup": "supervised", "generator_ood": "out of domain"}
CONDITIONS = {"picture": "picture", "specific": "caption"}  # whose point is painted: name in `points`, name here
BAR = 0.35  # of the Gaussian's distance: what the language-free painter must stay below
FD = f"FD ({scoring.FEATURES})"


def painters(run: Pipeline) -> dict[str, TrainedGan]:
    """The shipped painters, by what the chapter calls them: the language-free one, and what there is of the others."""
    if "painters" not in run.memo:
        folders = {label: weights.part_folder(name) for name, label in LABELS.items()}
        run.memo["painters"] = {label: run.ready(TrainedGan.load(folder)) for label, folder in folders.items()
                                if label == LABELS["generator_lf"] or (folder / weights.CARD).is_file()}
    return run.memo["painters"]


def truths(run: Pipeline) -> Scenes:
    """The held-out scenes that painters are scored on."""
    return held_out(run).first(sizes(run).scored)


def paintings(run: Pipeline) -> dict[tuple[str, str], np.ndarray]:
    """What each painter makes of the points of the held-out pictures and of their captions, (n, H, W, 3) each."""
    if "paintings" not in run.memo:
        n, seed = sizes(run).scored, run.experiment.child_seed("z")
        run.memo["paintings"] = {
            (painter, condition): shipped.generate(embeddings(run)[name].vectors[:n], seed=seed)
            for painter, shipped in painters(run).items() for name, condition in CONDITIONS.items()}
    return run.memo["paintings"]


# ── how good ────────────────────────────────────────────────────────────────────────────────────────────────────────
def painter_scores(run: Pipeline) -> pd.DataFrame:
    """Every score of every painter (`judging.score_pictures`), with columns painter and condition."""
    if "painter scores" not in run.memo:
        run.memo["painter scores"] = pd.concat([
            scoring.score_pictures(painted, truths(run).pictures, run.feature_net, clip=clip(run),
                                   name=f"{painter}, from {condition}", **_how(run)).assign(painter=painter,
                                                                                            condition=condition)
            for (painter, condition), painted in paintings(run).items()], ignore_index=True)
    return run.memo["painter scores"]


def yardsticks(run: Pipeline) -> pd.DataFrame:
    """Distances from the same pictures to another real set, and to a Gaussian over pixels (`judging.yardsticks`)."""
    if "yardsticks" not in run.memo:
        size, training = sizes(run), trained_on(run).pictures
        run.memo["yardsticks"] = scoring.yardsticks(
            training, truths(run).pictures, training[-size.scored:], run.feature_net, n_components=size.components,
            seed=run.experiment.child_seed("gaussian"), origin=run.origin)
    return run.memo["yardsticks"]


def gaussian_distance(run: Pipeline) -> float:
    """The Fréchet distance of the Gaussian over pixels, by which others are divided."""
    table = yardsticks(run)
    return float(table.value[(table.metric == FD) & table.name.str.startswith("Gaussian")].iloc[0])


def bar(run: Pipeline) -> dict[str, float]:
    """What the language-free painter's distance must stay below, by what it is called."""
    return {f"{BAR} of the Gaussian's": BAR * gaussian_distance(run)}


def painter_table(run: Pipeline) -> pd.DataFrame:
    """A row for each painter and condition, and for each yardstick: identification, distances, and their ratio."""
    both = pd.concat([painter_scores(run), yardsticks(run)], ignore_index=True)
    both = both[~both.metric.str.contains("critic")]
    wide = both.pivot_table(index=["name", "n"], columns="metric", values="value", sort=False).reset_index()
    wide.columns = [name.replace(f" ({scoring.FEATURES})", "") for name in wide.columns]
    return wide.assign(**{"FD / Gaussian's": wide["FD"] / gaussian_distance(run)})


def distance_rows(run: Pipeline) -> pd.DataFrame:
    """Fréchet distances for a figure: table name, value, low, high (none), what (painted, or a yardstick)."""
    both = pd.concat([painter_scores(run).assign(what="painted"), yardsticks(run).assign(what="yardstick")])
    return both[both.metric == FD][["name", "what", "value", "low", "high", "n"]].reset_index(drop=True)


def truths_and_paintings(run: Pipeline, n: int = 8) -> dict[str, np.ndarray]:
    """The first n held-out pictures, as they are and as each in-domain painter has them: columns for a grid."""
    columns = {"held out": truths(run).pictures[:n]}
    return columns | {f"{painter},\nfrom {condition}": painted[:n] for (painter, condition), painted
                      in paintings(run).items() if painter != LABELS["generator_ood"]}


# ── who may judge ───────────────────────────────────────────────────────────────────────────────────────────────────
def contenders(run: Pipeline) -> dict[str, np.ndarray]:
    """What the two judges are asked about, (n, H, W, 3) each: painters, and pictures that no painter made.

    "flattered fog" is one mean picture for all, its pixels moved by at most 20 levels until the critic sees the right
    scene; the Gaussian and the mean know nothing of the scene; the half-sized true picture is the ceiling.
    """
    if "contenders" not in run.memo:
        n, training = sizes(run).fooled, trained_on(run).pictures
        true = truths(run).pictures[:n]
        mean = np.broadcast_to(training.mean(0).round().astype(np.uint8), true.shape)
        half = true.reshape(n, true.shape[1] // 2, 2, true.shape[2] // 2, 2, 3).mean((2, 4)).round().astype(np.uint8)
        run.memo["contenders"] = {
            "true picture, at half size": half.repeat(2, 1).repeat(2, 2),
            **{f"{painter} painter": painted[:n] for (painter, condition), painted in paintings(run).items()
               if condition == "picture"},
            "flattered fog": scoring.flattered(clip(run), embeddings(run)["picture"].vectors[:n], mean),
            "mean picture": mean,
            "Gaussian over pixels": scoring.pixel_gaussian(training, n, n_components=sizes(run).components,
                                                           seed=run.experiment.child_seed("gaussian")),
        }
    return run.memo["contenders"]


def two_judges(run: Pipeline) -> pd.DataFrame:
    """The same question to the critic inside the loss and to the net outside: which of n is it, and which of two.

    Columns of `intervals.COLUMNS`, with ways (2 or n) and judge.
    """
    if "two judges" not in run.memo:
        n = sizes(run).fooled
        true, rows = truths(run).pictures[:n], []
        for name, pictures in contenders(run).items():
            table = scoring.score_pictures(pictures, true, run.feature_net, clip=clip(run), name=name,
                                           **_how(run) | {"ways": (2, n)})
            inside = table.metric.str.contains("critic")
            table = table.assign(judge=np.where(inside, "CLIP, inside the loss", "feature net, outside"),
                                 ways=np.where(table.chance == 0.5, 2, n))
            rows.append(table[table.chance.notna()])
        run.memo["two judges"] = pd.concat(rows, ignore_index=True)
    return run.memo["two judges"]


def judged_pictures(run: Pipeline, n: int = 6) -> dict[str, np.ndarray]:
    """The first n true pictures beside all that the judges were asked about: columns for a grid."""
    columns = {"true picture": truths(run).pictures[:n]}
    return columns | {name.replace(" ", "\n", 1): pictures[:n] for name, pictures in contenders(run).items()
                      if not name.startswith("true")}


# ── another world ───────────────────────────────────────────────────────────────────────────────────────────────────
def other_world(run: Pipeline, n: int = 6) -> dict[str, np.ndarray]:
    """Pictures of the other world and, if it is shipped, what its painter makes of them and of ours: columns."""
    shipped, foreign = painters(run), out_of_domain(run).first(n).pictures
    columns, seed = {"other world": foreign}, run.experiment.child_seed("z")
    name = LABELS["generator_ood"]
    if name in shipped:
        columns["painted by the\nout-of-domain\npainter"] = shipped[name].generate(clip(run).images(foreign), seed=seed)
    columns["our world"] = truths(run).pictures[:n]
    labels = {name: "the same\npainter", LABELS["generator_lf"]: "language-free\npainter"}
    return columns | {label: paintings(run)[painter, "picture"][:n] for painter, label in labels.items()
                      if painter in shipped}


def at_home(run: Pipeline) -> pd.DataFrame:
    """Scores of the out-of-domain painter on held-out scenes of its own world; no rows where it is not shipped."""
    shipped = painters(run).get(LABELS["generator_ood"])
    scenes = out_of_domain(run)
    if shipped is None:
        return painter_scores(run).iloc[:0]
    return scoring.score_painter(shipped, clip(run).images(scenes.pictures), scenes.pictures, run.feature_net,
                                 name="out of domain, at home", **_how(run))


def looks_foreign(run: Pipeline) -> pd.DataFrame:
    """Share of pictures that a linear reader of the feature net takes for the other world's: real ones, and painted.

    The reader is taught with half of the other world's pictures and as many held-out ones of ours; all that is asked
    about are others. Columns of `intervals.COLUMNS`; intervals are Wilson's.
    """
    if "looks foreign" not in run.memo:
        run.memo["looks foreign"] = _looks_foreign(run)
    return run.memo["looks foreign"]


def _looks_foreign(run: Pipeline) -> pd.DataFrame:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    see, foreign = run.feature_net.images, out_of_domain(run).pictures
    half = len(foreign) // 2
    ours = held_out(run).pictures[-half:]
    taught = np.concatenate([see(foreign[:half]), see(ours)])
    reader = make_pipeline(StandardScaler(), RidgeClassifier(100.0)).fit(taught, np.arange(2 * half) < half)
    asked = {"real, other world": foreign[half:], "real, our world": truths(run).pictures[:half]}
    asked |= {f"{painter} painter": painted[:half] for (painter, condition), painted in paintings(run).items()
              if condition == "picture"}
    rows = []
    for name, pictures in asked.items():
        found = reader.predict(see(pictures))
        rows.append(scoring.row(name, "taken for the other world", found.mean(),
                                  *scoring.wilson(int(found.sum()), len(found)), len(found), np.nan, 0, run.origin,
                                  control=name.startswith("real")))
    return pd.concat(rows, ignore_index=True)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def painter_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard on the painters."""
    values, table = {}, painter_scores(run)
    keys = {label: name.removeprefix("generator_") for name, label in LABELS.items()}
    for (painter, condition), rows in table.groupby(["painter", "condition"], sort=False):
        start = keys[painter] + ("" if condition == "picture" else f"_{condition}")
        note = f"{painter}, from {condition}"
        for row in rows.itertuples():
            if row.metric.endswith(f"-way ({scoring.FEATURES})"):
                values[f"{start}_way_{row.metric.partition('-')[0]}"] = entry(row, note=note)
        far = rows[rows.metric == FD].iloc[0]
        values[f"{start}_fd"] = {"ours": far.value, "n": int(far.n), "note": note}
        values[f"{start}_fd_ratio"] = {"ours": far.value / gaussian_distance(run), "n": int(far.n),
                                       "note": f"{note}; over that of a Gaussian over pixels, bar {BAR}"}
    for key, name in (("real", scoring.REAL), ("gaussian", "Gaussian")):
        row = next(r for r in yardsticks(run).itertuples() if r.metric == FD and r.name.startswith(name))
        values[f"fd_{key}"] = {"ours": row.value, "n": int(row.n), "note": f"{FD}, {row.name}"}
    values["bar"] = {"ours": BAR, "note": "what the language-free painter's ratio must stay below"}
    judges = two_judges(run)
    asked = {"lf": "language-free painter", "fog": "flattered fog", "half": "true picture, at half size"}
    for key, name in asked.items():
        for judge, rows in judges[judges.name == name].groupby("judge"):
            by = "clip" if judge.startswith("CLIP") else "net"
            for row in rows.itertuples():
                values[f"{key}_{'way_2' if row.ways == 2 else 'top1'}_by_{by}"] = entry(
                    row, note=f"{name}, by {judge}, which of {row.ways}")
    foreign = {"language-free painter": "lf", "out of domain painter": "ood", "real, other world": "other",
               "real, our world": "ours", "supervised painter": "sup"}
    for row in looks_foreign(run).itertuples():
        values[f"foreign_{foreign[row.name]}"] = entry(row, note=f"{row.name}, {row.metric}")
    values |= {"ood_home_way_2": entry(row, note=row.name) for row in at_home(run).itertuples()
               if row.metric.startswith("2-way")}
    return values


def _how(run: Pipeline) -> dict:
    """How all pictures of the chapter are scored."""
    evaluate = run.experiment.evaluate
    return {"ways": evaluate.ways, "seed": run.experiment.child_seed("bootstrap"), "origin": run.origin,
            "n_bootstrap": evaluate.n_bootstrap}
