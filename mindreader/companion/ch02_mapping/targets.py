"""Compare targets under the paper's choices, and mapped with true embeddings (paper Figures 8, 9; chapter 02)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring, twin
from ...core import Covers
from ...embedding import augment
from ...mapping import targets
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from ..common import entry, interval

N_VERSIONS = 4          # augmented versions of a picture to show
CONSTANT = 1e-3         # of the median spread: a coordinate that spreads less is called constant
OWN, OTHER = "same picture", "two pictures"


def target_profiles(run: Pipeline) -> pd.DataFrame:
    """Take an embedding's coordinates under each choice that Table 3 varies (the paper's Fig. 8).

    Table panel, line, copy, dimension, value. The picture is the first of the validation side with three kept captions
    (or the most there are); "clamp" alone shows the one with the largest coordinate, since most have none beyond it.
    """
    embeddings, kept = run.validation(run.embeddings["image"]), run.validation(run.targets["caption"])
    ids, counts = np.unique(kept.image_ids, return_counts=True)
    first = ids[np.argmax(counts >= min(3, counts.max()))]
    extreme = embeddings.image_ids[np.abs(embeddings.vectors).max(1).argmax()]
    own = kept.take(kept.image_ids == first)
    clean, average, far = _unit(embeddings.at([first])), _unit(own.per_image().vectors), embeddings.at([extreme])
    lines = {
        "image and caption": {"picture": clean, "its captions, averaged": average},
        "clamp": {"as CLIP has it": _unit(far), "cut": _unit(far, run.experiment.mapping.clamp)},
        "augmentation": {"clean": clean, "augmented": _unit(_augmented(run, [first]))},
        "captions": {"each kept caption": _unit(own.vectors), "their average": average},
    }
    return pd.concat([_profile(panel, line, vectors) for panel, named in lines.items()
                      for line, vectors in named.items()], ignore_index=True)


def target_pairs(run: Pipeline) -> pd.DataFrame:
    """Cosines for each panel of `target_profiles`, over validation pictures: table panel, pair, image_id, cosine.

    `pair` says whether the two embeddings are of the same picture or of two drawn at random, the reference for the effect
    of the choice.
    """
    embeddings, kept = run.validation(run.embeddings["image"]), run.validation(run.targets["caption"])
    captions, ids = kept.per_image(), embeddings.image_ids
    several = kept.take(np.isin(kept.image_ids, _with_several(kept)))
    order = np.lexsort((several.keys, several.image_ids))
    _, start = np.unique(several.image_ids[order], return_index=True)
    one, two = several.take(order[start]), several.take(order[start + 1])
    pairs = {
        "image and caption": (embeddings, captions.at(ids)),
        "clamp": (embeddings, targets(embeddings, run.experiment.mapping.clamp).vectors),
        "augmentation": (embeddings, _augmented(run, ids, 1)),
        "captions": (one, two.vectors),
    }
    rng = np.random.default_rng(run.experiment.child_seed("random pairs"))
    return pd.concat([_cosines(panel, a, b, rng) for panel, (a, b) in pairs.items()], ignore_index=True)


def mapped_profiles(run: Pipeline) -> pd.DataFrame:
    """Take mapped and true coordinates of the first validation picture's first trial; table as of `target_profiles`."""
    parts = []
    for space in SPACES:
        brain = run.validation(run.mapped[space])
        trial = brain.take(brain.first_rows(1))
        parts += [_profile(f"{space} mapper", "true", run.truth[space].at(trial.image_ids)),
                  _profile(f"{space} mapper", "mapped", trial.unit().vectors)]
    return pd.concat(parts, ignore_index=True)


def dimension_correlations(run: Pipeline) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Correlate each mapped coordinate with the true one over validation trials, and average over coordinates.

    A coordinate that is constant over trials counts as 0; the mean's extra column `constant` says how many are (their
    rectified units are dead).

    Returns
    -------
    each : table space, decoder, dimension, value, low, high
    mean : tidy score table, a row for each space and decoder: mapper, ridge regression, and the shuffled brain
    """
    seed, each, mean = run.experiment.child_seed("bootstrap"), [], []
    for space, decoder, embeddings in _decoders(run):
        varies = embeddings.vectors.std(0) > CONSTANT * np.median(embeddings.vectors.std(0))
        values = np.zeros((len(varies), 3))
        values[varies], average = twin.correlations(
            embeddings.vectors[:, varies], run.truth[space].at(embeddings.image_ids)[:, varies], embeddings.image_ids,
            seed=seed, n_bootstrap=run.experiment.evaluate.n_bootstrap)
        value, low, high = average * varies.mean()
        each.append(pd.DataFrame(values, columns=["value", "low", "high"]).assign(
            space=space, decoder=decoder, dimension=range(len(values))))
        mean.append(scoring.score_row(f"{decoder}, {space}", "mean r over dimensions", value, low, high, len(embeddings),
                                      0.0, seed, run.origin, constant=int((~varies).sum())))
    return (pd.concat(each, ignore_index=True)[["space", "decoder", "dimension", "value", "low", "high"]],
            pd.concat(mean, ignore_index=True))


def nearness_to_both(run: Pipeline) -> pd.DataFrame:
    """Mean cosine of each mapper's embeddings to the picture's embedding and to its captions' (the paper's A.3).

    Tidy score table; `chance` is the mean cosine to all other pictures' embeddings, since all of CLIP's embeddings share a
    component.
    """
    seed, rows = run.experiment.child_seed("bootstrap"), []
    for space in SPACES:
        brain = run.validation(run.mapped[space]).unit()
        for aim in SPACES:
            truth = run.validation(run.truth[aim])
            cosines = brain.vectors @ truth.vectors.T
            own = brain.image_ids[:, None] == truth.image_ids
            value = cosines[own]
            low, high = interval(run, value, brain.image_ids)
            rows.append(scoring.score_row(f"{space} mapper", f"cosine to {aim}", value.mean(), low, high, len(brain),
                                      cosines[~own].mean(), seed, run.origin))
    return pd.concat(rows, ignore_index=True)


def targets_summary(run: Pipeline, pairs: pd.DataFrame, mean: pd.DataFrame, near: pd.DataFrame) -> dict:
    """Collect the numbers of the chapter's prose about targets and mapped embeddings."""
    values = {f"constant_{space}": {"ours": int(mean.set_index("name").constant[f"mapper, {space}"]),
                                    "note": "constant coordinates of mapped embeddings"} for space in SPACES}
    clamp = run.experiment.mapping.clamp
    for space in SPACES:
        beyond = np.abs(run.embeddings[space].vectors) > (np.inf if clamp is None else clamp)
        values[f"cut_{space}"] = {"ours": float(beyond.mean()), "n": int(beyond.size),
                                  "note": "share of coordinates clamped"}
    names = {"image and caption": "modality", OWN: "same", OTHER: "two"}
    for (panel, pair), part in pairs.groupby(["panel", "pair"]):
        low, high = interval(run, part.cosine, part.image_id, seed=0)
        values[f"cosine_{names.get(panel, panel)}_{names[pair]}"] = {
            "ours": part.cosine.mean(), "low": low, "high": high, "covers": Covers.PICTURES_ONE_TRAINING, "n": len(part),
            "note": f"cosine, {panel}: {pair}"}
    for row in mean.itertuples():
        decoder, space = row.name.split(", ")
        values[f"r_{decoder.split()[0]}_{space}"] = entry(row, note=f"{row.metric}, {row.constant} of them constant")
    for row in near.itertuples():
        key = f"near_{row.name.split()[0]}_{row.metric.split()[-1]}"
        values[key] = entry(row, note="chance: other pictures' embeddings")
    return values


def _decoders(run: Pipeline) -> list[tuple[str, str, Embeddings]]:
    seed, decoders = run.experiment.child_seed("retrieval"), []
    for space in SPACES:
        brain = run.validation(run.mapped[space])
        decoders += [(space, "mapper", brain), (space, "ridge regression", run.validation(run.ridge[space])),
                     (space, "shuffled brain", scoring.shuffled(brain, seed))]
    return decoders


def _augmented(run: Pipeline, image_ids, n_versions: int = N_VERSIONS) -> np.ndarray:
    """CLIP's embeddings of augmented versions, picture by picture, (len(image_ids) * n_versions, n_dims)."""
    pictures = np.repeat(run.subject.stimuli.take(image_ids).images, n_versions, axis=0)
    return run.clip.images(augment(pictures, seed=run.experiment.child_seed("augmented figure")))


def _unit(vectors: np.ndarray, clamp: float | None = None) -> np.ndarray:
    vectors = vectors if clamp is None else np.clip(vectors, -clamp, clamp)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _profile(panel: str, line: str, vectors: np.ndarray) -> pd.DataFrame:
    rows = [pd.DataFrame({"panel": panel, "line": line, "copy": i, "dimension": range(len(v)), "value": v})
            for i, v in enumerate(vectors)]
    return pd.concat(rows, ignore_index=True)


def _with_several(embeddings: Embeddings) -> np.ndarray:
    ids, counts = np.unique(embeddings.image_ids, return_counts=True)
    return ids[counts > 1]


def _cosines(panel: str, a: Embeddings, b: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    first, second = _unit(a.vectors), _unit(b)
    away = np.roll(order := rng.permutation(len(a)), 1)[np.argsort(order)]      # every picture is paired with another one
    return pd.concat([pd.DataFrame({"panel": panel, "pair": pair, "image_id": a.image_ids,
                                    "cosine": (first * other).sum(1)})
                      for pair, other in ((OWN, second), (OTHER, second[away]))], ignore_index=True)
