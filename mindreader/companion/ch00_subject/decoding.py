"""Decode the factors of a scene, and the attended thing, from single trials by ridge regression (chapter 00)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring, twin
from ...pipeline import Pipeline
from ...world import LIGHTS, STUFF, THINGS
from ..common import interval, pictures_of
from .subject import of_the_plant, outlines_of, valid_voxels

INPUTS = ("shuffled pictures", "single trials", "noiseless responses")
FEWEST = 10              # pictures with, and without, a factor for it to be decoded
# factors of a scene beside the classes in it -> the words shown
LAYOUT = {"x": "left or right", "y": "high or low", "size": "size", "horizon": "horizon", "things": "number of things"}
SETTING = {"indoor": "indoors", "face": "close face", "crowd": "crowd", "words": "letters"}


@of_the_plant
def factor_scores(run: Pipeline) -> pd.DataFrame:
    """Correlate each true scene factor with its linear prediction from single trials, and from both limits.

    Table name (the factor), group, input (of INPUTS), value, low, high (95 % over pictures), n (trials).
    """
    names, groups, _ = _targets(run)
    parts = [pd.DataFrame(_correlations(run, source)[0], columns=["value", "low", "high"]).assign(
        name=names, group=groups, input=source, n=len(run.subject.trials)) for source in INPUTS]
    return pd.concat(parts, ignore_index=True)[["name", "group", "input", "value", "low", "high", "n"]]


@of_the_plant
def factor_means(run: Pipeline) -> pd.DataFrame:
    """Average `factor_scores` over factors: a tidy score table with one row for each of INPUTS."""
    seed, n = run.experiment.child_seed("bootstrap"), len(run.subject.trials)
    rows = [scoring.score_row(source, "mean r over factors", *_correlations(run, source)[1], n, 0.0, seed, run.origin)
            for source in INPUTS]
    return pd.concat(rows, ignore_index=True)


@of_the_plant
def factors_to_show(run: Pipeline, n_each: int = 8) -> pd.DataFrame:
    """Select from `factor_scores` the n_each most frequent things and stuff, and the other factors; best first."""
    table = factor_scores(run)
    often = run.plant.factors.filter(like="has_").mean().rename(index=lambda name: name.removeprefix("has_"))
    rank = table.assign(rank=-table.name.map(often).fillna(1)).groupby(["group", "input"])["rank"].rank(method="first")
    table = table[~table.group.isin(("things", "stuff")) | (rank <= n_each)]
    order = table[table.input == INPUTS[1]].sort_values(["group", "value"], ascending=[True, False]).name
    return table.set_index("name").loc[order].reset_index()[list(table.columns)]


def attended(run: Pipeline) -> twin.Attended:
    """Decode the attended thing of each trial by decoders trained on what pictures show, not on attention."""
    if "attended" not in run.memo:
        things, columns = _things(run)
        present = run.plant.factors[[f"has_{name}" for name in things]].to_numpy()[run.subject.trials.image_ids] > 0
        place = {_NUMBER[name]: column for column, name in enumerate(things)}
        planted = np.array([place.get(c, -1) for c in run.plant.category.tolist()])[run.subject.trials.trial_ids]
        evidence, _ = _decoded(run)["single trials"]
        run.memo["attended"] = twin.decode_attended(
            evidence[:, columns], present, planted, run.subject.trials.image_ids,
            seed=run.experiment.child_seed("attended"))
    return run.memo["attended"]


@of_the_plant
def attended_row(run: Pipeline) -> pd.DataFrame:
    """Score the decoding of the attended thing; chance and p by permuting a picture's trials: a tidy score row."""
    found, seed = attended(run), run.experiment.child_seed("bootstrap")
    low, high = interval(run, found.hit.astype(float), run.subject.trials.image_ids[found.rows])
    return scoring.score_row("attended thing", "share of trials", found.hit.mean(), low, high, len(found.hit),
                             found.chance, seed, run.origin, p=found.p)


@of_the_plant
def attended_pictures(run: Pipeline, n: int = 3) -> pd.DataFrame:
    """Three trials of each of the first n pictures whose three trials were all decoded.

    Table image_id, picture ((H, W, 3) uint8, dark but for the attended thing), attended, decoded (names of things).
    """
    found, trials, (things, _) = attended(run), run.subject.trials, _things(run)
    shown = trials.image_ids[found.rows]
    ids, counts = np.unique(shown, return_counts=True)
    ids = ids[counts == 3][:n]
    marked, rows = outlines_of(run, ids), []
    for place in np.flatnonzero(np.isin(shown, ids)):
        image, number = int(shown[place]), int(run.plant.category[trials.trial_ids[found.rows[place]]])
        masks = [o.mask for o in marked[image] if o.category_id == number]
        rows.append({"image_id": image, "picture": _lit(pictures_of(run, [image])[0], masks),
                     "attended": THINGS[number].name, "decoded": things[found.decoded[place]]})
    return pd.DataFrame(rows, columns=["image_id", "picture", "attended", "decoded"])


_NUMBER = {kind.name: number for number, kind in THINGS.items()}


def _targets(run: Pipeline) -> tuple[list[str], list[str], np.ndarray]:
    """Factors that vary enough to be decoded: names, groups, values (n_pictures, n_factors) with mean 0 and sd 1."""
    factors = run.plant.factors.loc[run.subject.stimuli.ids]
    columns = {name: ("things", factors[f"has_{name}"]) for name in _NUMBER}
    columns |= {name: ("stuff", factors[f"has_{name}"]) for name, _ in STUFF.values()}
    columns |= {words: ("layout", factors[name]) for name, words in LAYOUT.items()}
    columns |= {words: ("setting", factors[name]) for name, words in SETTING.items()}
    columns |= {light: ("light", (factors.light == number).astype(float)) for number, light in enumerate(LIGHTS)}
    kept = {name: column for name, column in columns.items()
            if column[1].value_counts().iloc[0] <= len(factors) - FEWEST}
    values = np.stack([column for _, column in kept.values()], 1).astype(float)
    return list(kept), [group for group, _ in kept.values()], (values - values.mean(0)) / values.std(0)


def _things(run: Pipeline) -> tuple[list[str], list[int]]:
    """Names of the things that are decoded, and their columns among the factors."""
    names, groups, _ = _targets(run)
    columns = [place for place, group in enumerate(groups) if group == "things"]
    return [names[place] for place in columns], columns


def _decoded(run: Pipeline) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each of INPUTS the predictions and the truth, both (n_trials, n_factors)."""
    if "decoded" not in run.memo:
        trials, seed = valid_voxels(run), run.experiment.child_seed("factors")
        table = _targets(run)[2]
        row = pd.Index(run.subject.stimuli.ids).get_indexer(trials.image_ids)
        truth, other = table[row], table[np.random.default_rng(seed).permutation(len(table))][row]
        both = twin.cross_decode(trials.betas, trials.image_ids, np.hstack([truth, other]), seed=seed)
        noiseless = run.plant.expected[trials.image_ids][:, run.subject.rois["valid"]]
        clean = twin.cross_decode(noiseless, trials.image_ids, truth, seed=seed)
        n = table.shape[1]
        run.memo["decoded"] = dict(zip(INPUTS, ((both[:, n:], other), (both[:, :n], truth), (clean, truth))))
    return run.memo["decoded"]


def _correlations(run: Pipeline, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Correlations of each factor, and their mean, with intervals; see `twin.correlations`."""
    if ("correlations", source) not in run.memo:
        run.memo["correlations", source] = twin.correlations(
            *_decoded(run)[source], run.subject.trials.image_ids, seed=run.experiment.child_seed("bootstrap"),
            n_bootstrap=run.experiment.evaluate.n_bootstrap)
    return run.memo["correlations", source]


def _lit(picture: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """The picture, dark and grey but for what the masks cover."""
    lit = np.any(masks, axis=0) if masks else np.ones(picture.shape[:2], bool)
    grey = picture.mean(2, keepdims=True) * 0.4
    return np.where(lit[..., None], picture, grey).astype(np.uint8)
