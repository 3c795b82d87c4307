"""Detect bodies, words, places and faces in pictures by an evaluation network that no training has seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ... import scoring, twin, uncertainty
from ...pipeline import Pipeline
from ...records import Reconstructions, Unfit
from .regions import SENTENCES

# What shows a category where only COCO's annotations are known: any of these classes, "" for no thing at all.
ANNOTATED = {"bodies": ("person",), "words": ("stop sign", "banner"), "places": ("",), "faces": ("person",)}
NO_DETECTORS = "Left out: no evaluation network fits this subject's pictures."
FALSE_ALARMS = 0.05      # share of the pictures without a category in which it may be detected
_STRENGTH = 0.01         # inverse penalty of the detectors: the network has a few hundred features


def shown(run: Pipeline, word: str) -> np.ndarray:
    """Which of the stimuli show a category, (n_stimuli,) bool.

    By the planted factors of the scene, as in chapter 00; where nothing is planted, by COCO's classes, which tell bodies and
    faces not apart.
    """
    stimuli = run.subject.stimuli
    if run.origin == "twin":
        return twin.CONTRASTS[word](run.plant.factors.loc[stimuli.ids]).to_numpy(bool)
    table, wanted = stimuli.annotations, ANNOTATED[word]
    if wanted == ("",):
        return ~np.isin(stimuli.ids, table.image_id[table.kind == "thing"])
    return np.isin(stimuli.ids, table.image_id[table.category.isin(wanted)])


def evidence(run: Pipeline, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Log odds of each category in each picture, (n, height, width, 3) uint8, by detectors fitted to training stimuli, (n,).

    Only categories that some training stimuli show and others do not; nothing where no evaluation network fits the subject.
    """
    detectors = _detectors(run)
    if not detectors:
        return {}
    ids = np.arange(len(pictures))
    features = run.picture_features(Reconstructions(pictures[:, None], ids, np.zeros_like(ids), ("image",), 0)).vectors
    return {word: detector.decision_function(features) for word, detector in detectors.items()}


def detector_table(run: Pipeline, cond: str = "both") -> pd.DataFrame:
    """Whether the detectors work: tidy rows of the AUC on validation stimuli, and on pictures generated from true embeddings.

    The second says what a detector knows of generated pictures, which it was not fitted to. No rows where no evaluation network
    fits the subject.
    """
    rows, ids = [], run.split.validation
    if not _detectors(run):
        return pd.DataFrame()
    made = run.reconstruct({space: run.truth[space].take(np.isin(run.truth[space].image_ids, ids)) for space in run.truth}, cond)
    stimuli = run.subject.stimuli
    seen = stimuli.images[np.isin(stimuli.ids, ids)], stimuli.ids[np.isin(stimuli.ids, ids)]
    for what, (pictures, shows) in {"stimuli": seen, "from true embeddings": (made.images[:, 0], made.image_ids)}.items():
        for word, odds in evidence(run, pictures).items():
            labels = pd.Series(shown(run, word), stimuli.ids)[shows].to_numpy()
            if labels.all() or not labels.any():
                continue
            found = uncertainty.score_interval(uncertainty.auc_contributions(labels, odds, shows))
            rows.append(scoring.score_row(f"{word}, {what}", "AUC", found.value, found.low, found.high, len(labels), 0.5,
                                          run.experiment.child_seed("bootstrap"), run.origin, region=word, what=what))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def threshold(run: Pipeline, word: str) -> float:
    """Log odds above which a category counts as detected: FALSE_ALARMS of the validation stimuli without it reach them.

    Infinite where all of these show it, so that it is never detected.
    """
    key = ("threshold", word)
    if key not in run.memo:
        stimuli = run.subject.stimuli
        without = np.isin(stimuli.ids, run.split.validation) & ~shown(run, word)
        run.memo[key] = float(np.quantile(evidence(run, stimuli.images[without])[word], 1 - FALSE_ALARMS)) if without.any() else np.inf
    return run.memo[key]


def _detectors(run: Pipeline) -> dict:
    """A fitted logistic regression for each category, on the evaluation network's features of the training stimuli."""
    if "detectors" not in run.memo:
        try:
            features = run.training(run.true_features)
        except Unfit:
            features = None
        found = {}
        for word in SENTENCES if features is not None else ():
            labels = pd.Series(shown(run, word), run.subject.stimuli.ids)[features.image_ids].to_numpy()
            if labels.any() and not labels.all():
                found[word] = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000))
                found[word].fit(features.vectors, labels)
        run.memo["detectors"] = found
    return run.memo["detectors"]
