"""Score the shipped generators on held-out scenes, by which evaluation network, and out of domain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import pretraining, scoring
from ...core import Covers, weights
from ...generator import TrainedGan
from ...pipeline import Pipeline
from ..common import entry
from .held_out import Scenes, held_out, out_of_domain, sizes, trained_on
from .shipped_clip import clip, embeddings

LABELS = {"generator_lf": "language-free", "generator_sup": "supervised", "generator_ood": "out of domain"}
CONDITIONS = {"picture": "picture", "specific": "caption"}  # whose embedding is given: name in `embeddings`, name here
BAR = 0.35  # of the Gaussian's distance: what the language-free generator must stay below
FD = f"FD ({pretraining.TWIN_FEATURES})"


def generators(run: Pipeline) -> dict[str, TrainedGan]:
    """The shipped generators by their labels: the language-free one, and those of the others that are there."""
    if "generators" not in run.memo:
        folders = {label: weights.part_folder(name) for name, label in LABELS.items()}
        run.memo["generators"] = {label: run.ready(TrainedGan.load(folder)) for label, folder in folders.items()
                                if label == LABELS["generator_lf"] or (folder / weights.CARD).is_file()}
    return run.memo["generators"]


def truths(run: Pipeline) -> Scenes:
    """The held-out scenes that generators are scored on."""
    return held_out(run).first(sizes(run).scored)


def generated(run: Pipeline) -> dict[tuple[str, str], np.ndarray]:
    """Pictures by each generator from the embeddings of held-out pictures and of their captions, (n, H, W, 3) each."""
    if "generated" not in run.memo:
        n, seed = sizes(run).scored, run.experiment.child_seed("z")
        run.memo["generated"] = {
            (label, condition): generator.generate(embeddings(run)[name].vectors[:n], seed=seed)
            for label, generator in generators(run).items() for name, condition in CONDITIONS.items()}
    return run.memo["generated"]


# ── scores ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def generator_scores(run: Pipeline) -> pd.DataFrame:
    """Every score of every generator (`pretraining.score_pictures`), with columns generator and condition."""
    if "generator scores" not in run.memo:
        run.memo["generator scores"] = pd.concat([
            pretraining.score_pictures(pictures, truths(run).pictures, run.feature_net, clip=clip(run),
                                   name=f"{label}, from {condition}", **_how(run)).assign(generator=label,
                                                                                          condition=condition)
            for (label, condition), pictures in generated(run).items()], ignore_index=True)
    return run.memo["generator scores"]


def yardsticks(run: Pipeline) -> pd.DataFrame:
    """Distances from the same pictures to another real set, and to a Gaussian over pixels (`pretraining.reference_distances`)."""
    if "yardsticks" not in run.memo:
        size, training = sizes(run), trained_on(run).pictures
        run.memo["yardsticks"] = pretraining.reference_distances(
            training, truths(run).pictures, training[-size.scored:], run.feature_net, n_components=size.components,
            seed=run.experiment.child_seed("gaussian"), origin=run.origin)
    return run.memo["yardsticks"]


def gaussian_distance(run: Pipeline) -> float:
    """The Fréchet distance of the Gaussian over pixels, by which others are divided."""
    table = yardsticks(run)
    return float(table.value[(table.metric == FD) & table.name.str.startswith("Gaussian")].iloc[0])


def bar(run: Pipeline) -> dict[str, float]:
    """What the language-free generator's distance must stay below, by its label in a figure."""
    return {f"{BAR} of the Gaussian's": BAR * gaussian_distance(run)}


def generator_table(run: Pipeline) -> pd.DataFrame:
    """A row for each generator and condition, and for each yardstick: identification, distances, and their ratio."""
    both = pd.concat([generator_scores(run), yardsticks(run)], ignore_index=True)
    both = both[~both.metric.str.contains("critic")]
    wide = both.pivot_table(index=["name", "n"], columns="metric", values="value", sort=False).reset_index()
    wide.columns = [name.replace(f" ({pretraining.TWIN_FEATURES})", "") for name in wide.columns]
    return wide.assign(**{"FD / Gaussian's": wide["FD"] / gaussian_distance(run)})


def distance_rows(run: Pipeline) -> pd.DataFrame:
    """Fréchet distances for a figure: table name, value, low, high (none), what (generated, or a yardstick)."""
    both = pd.concat([generator_scores(run).assign(what="generated"), yardsticks(run).assign(what="yardstick")])
    return both[both.metric == FD][["name", "what", "value", "low", "high", "n"]].reset_index(drop=True)


def truths_and_generated(run: Pipeline, n: int = 8) -> dict[str, np.ndarray]:
    """The first n held-out pictures beside those generated in domain from their embeddings: columns for a grid."""
    columns = {"held out": truths(run).pictures[:n]}
    return columns | {f"{label},\nfrom {condition}": pictures[:n] for (label, condition), pictures
                      in generated(run).items() if label != LABELS["generator_ood"]}


# ── evaluation networks ─────────────────────────────────────────────────────────────────────────────────────────────
def evaluated(run: Pipeline) -> dict[str, np.ndarray]:
    """The sets that both networks evaluate, (n, H, W, 3) each: generated pictures, and some that no generator made.

    "flattered fog" is one mean picture for all, its pixels moved by at most 20 levels until CLIP identifies the scene;
    the Gaussian and the mean have no information on the scene; the true picture at half its size is the ceiling.
    """
    if "evaluated" not in run.memo:
        n, training = sizes(run).fooled, trained_on(run).pictures
        true = truths(run).pictures[:n]
        mean = np.broadcast_to(training.mean(0).round().astype(np.uint8), true.shape)
        half = true.reshape(n, true.shape[1] // 2, 2, true.shape[2] // 2, 2, 3).mean((2, 4)).round().astype(np.uint8)
        run.memo["evaluated"] = {
            "true picture, at half size": half.repeat(2, 1).repeat(2, 2),
            **_from_pictures(run, n),
            "flattered fog": pretraining.adversarial_pictures(clip(run), embeddings(run)["picture"].vectors[:n], mean),
            "mean picture": mean,
            "Gaussian over pixels": pretraining.pixel_gaussian(training, n, n_components=sizes(run).components,
                                                           seed=run.experiment.child_seed("gaussian")),
        }
    return run.memo["evaluated"]


def evaluation_networks(run: Pipeline) -> pd.DataFrame:
    """Identification among n and among two by the CLIP inside the loss and by the feature net outside of every loss.

    Columns of a tidy score table, with ways (2 or n) and network.
    """
    if "evaluation networks" not in run.memo:
        n = sizes(run).fooled
        true, rows = truths(run).pictures[:n], []
        for name, pictures in evaluated(run).items():
            table = pretraining.score_pictures(pictures, true, run.feature_net, clip=clip(run), name=name,
                                           **_how(run) | {"ways": (2, n)})
            inside = table.metric.str.contains("critic")
            table = table.assign(network=np.where(inside, "CLIP, inside the loss", "feature net, outside"),
                                 ways=np.where(table.chance == 0.5, 2, n))
            rows.append(table[table.chance.notna()])
        run.memo["evaluation networks"] = pd.concat(rows, ignore_index=True)
    return run.memo["evaluation networks"]


def evaluated_columns(run: Pipeline, n: int = 6) -> dict[str, np.ndarray]:
    """The first n true pictures beside those of all evaluated sets: columns for a grid."""
    columns = {"true picture": truths(run).pictures[:n]}
    return columns | {name.replace(" ", "\n", 1): pictures[:n] for name, pictures in evaluated(run).items()
                      if not name.startswith("true")}


# ── out of domain ───────────────────────────────────────────────────────────────────────────────────────────────────
def other_world(run: Pipeline, n: int = 6) -> dict[str, np.ndarray]:
    """Pictures of the other world and of ours, and those generated out of domain from both, if shipped: columns."""
    shipped, there = generators(run), out_of_domain(run).first(n).pictures
    columns, seed = {"other world": there}, run.experiment.child_seed("z")
    ood = LABELS["generator_ood"]
    if ood in shipped:
        columns["by the\nout-of-domain\ngenerator"] = shipped[ood].generate(clip(run).images(there), seed=seed)
    columns["our world"] = truths(run).pictures[:n]
    titles = {ood: "the same\ngenerator", LABELS["generator_lf"]: "language-free\ngenerator"}
    return columns | {title: generated(run)[label, "picture"][:n] for label, title in titles.items() if label in shipped}


def at_home(run: Pipeline) -> pd.DataFrame:
    """Scores of the out-of-domain generator on held-out scenes of its own world; no rows where it is not shipped."""
    shipped = generators(run).get(LABELS["generator_ood"])
    scenes = out_of_domain(run)
    if shipped is None:
        return generator_scores(run).iloc[:0]
    return pretraining.score_generator(shipped, clip(run).images(scenes.pictures), scenes.pictures, run.feature_net,
                                 name="out of domain, at home", **_how(run))


def taken_out_of_domain(run: Pipeline) -> pd.DataFrame:
    """Share of real and generated pictures that a linear classifier on the feature net takes for the other world's.

    It is fitted to half of the other world's pictures and as many held-out ones of ours, and applied to others. Columns
    of a tidy score table; intervals are Wilson's.
    """
    if "taken out of domain" not in run.memo:
        run.memo["taken out of domain"] = _taken_out_of_domain(run)
    return run.memo["taken out of domain"]


def _taken_out_of_domain(run: Pipeline) -> pd.DataFrame:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    features, there = run.feature_net.images, out_of_domain(run).pictures
    half = len(there) // 2
    ours = held_out(run).pictures[-half:]
    known = np.concatenate([features(there[:half]), features(ours)])
    classifier = make_pipeline(StandardScaler(), RidgeClassifier(100.0)).fit(known, np.arange(2 * half) < half)
    sets = {"real, other world": there[half:], "real, our world": truths(run).pictures[:half], **_from_pictures(run, half)}
    rows = []
    for name, pictures in sets.items():
        found = classifier.predict(features(pictures))
        rows.append(scoring.score_row(name, "taken for the other world", found.mean(),
                                *scoring.wilson(int(found.sum()), len(found)), len(found), np.nan, 0, run.origin,
                                control=name.startswith("real")))
    return pd.concat(rows, ignore_index=True)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def generator_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard on the generators."""
    values, table = {}, generator_scores(run)
    keys = {label: name.removeprefix("generator_") for name, label in LABELS.items()}
    for (label, condition), rows in table.groupby(["generator", "condition"], sort=False):
        start = keys[label] + ("" if condition == "picture" else f"_{condition}")
        note = f"{label}, from {condition}"
        for row in rows.itertuples():
            if row.metric.endswith(f"-way ({pretraining.TWIN_FEATURES})"):
                values[f"{start}_way_{row.metric.partition('-')[0]}"] = entry(row, note=note, covers=Covers.PICTURES_ONE_TRAINING)
        far = rows[rows.metric == FD].iloc[0]
        values[f"{start}_fd"] = {"ours": far.value, "n": int(far.n), "note": note}
        values[f"{start}_fd_ratio"] = {"ours": far.value / gaussian_distance(run), "n": int(far.n),
                                       "note": f"{note}; over that of a Gaussian over pixels, bar {BAR}"}
    for key, name in (("real", pretraining.REAL_SET), ("gaussian", "Gaussian")):
        row = next(r for r in yardsticks(run).itertuples() if r.metric == FD and r.name.startswith(name))
        values[f"fd_{key}"] = {"ours": row.value, "n": int(row.n), "note": f"{FD}, {row.name}"}
    values["bar"] = {"ours": BAR, "note": "what the language-free generator's ratio must stay below"}
    table = evaluation_networks(run)
    names = {"lf": "language-free generator", "fog": "flattered fog", "half": "true picture, at half size"}
    for key, name in names.items():
        for network, rows in table[table.name == name].groupby("network"):
            by = "clip" if network.startswith("CLIP") else "net"
            for row in rows.itertuples():
                values[f"{key}_{'way_2' if row.ways == 2 else 'top1'}_by_{by}"] = entry(
                    row, note=f"{name}, by {network}, which of {row.ways}", covers=Covers.PICTURES_ONE_TRAINING)
    sets = {f"{label} generator": key for label, key in keys.items()} | {
        "real, other world": "real_other", "real, our world": "real_ours"}
    for row in taken_out_of_domain(run).itertuples():
        values[f"taken_{sets[row.name]}"] = entry(row, note=f"{row.name}, {row.metric}")
    values |= {"ood_home_way_2": entry(row, note=row.name, covers=Covers.PICTURES_ONE_TRAINING)
               for row in at_home(run).itertuples() if row.metric.startswith("2-way")}
    return values


def _from_pictures(run: Pipeline, n: int) -> dict[str, np.ndarray]:
    """The first n pictures that each generator makes from pictures' embeddings, by its name."""
    return {f"{label} generator": pictures[:n] for (label, condition), pictures in generated(run).items()
            if condition == "picture"}


def _how(run: Pipeline) -> dict:
    """How all pictures of the chapter are scored."""
    evaluate = run.experiment.evaluate
    return {"ways": evaluate.ways, "seed": run.experiment.child_seed("bootstrap"), "origin": run.origin,
            "n_bootstrap": evaluate.n_bootstrap}
