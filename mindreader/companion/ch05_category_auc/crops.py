"""Label pictures by what COCO marked in the whole photograph, or by what NSD shows of it, and say what that changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...pipeline import Pipeline
from ...scoring import category_labels
from ...uncertainty import auc_contributions, average, score_interval
from .inputs import CLIP, FMRI, TO_CLIP, classifier, missing

WHOLE, CROPPED = "image", "crop"     # values of data.annotations
SAME = "No picture of this subject was cropped: the classes of the whole picture are those of what was shown, and nothing changes."


def labels_under(run: Pipeline, annotations: str):
    """The classes of every picture under one of data.annotations, in the columns of the run's own: `scoring.CategoryLabels`."""
    key = ("labels", annotations)
    if key not in run.memo:
        own = category_labels(run.subject.stimuli)
        if annotations == run.experiment.data.annotations:
            run.memo[key] = own
        else:
            data = replace(run.experiment.data, annotations=annotations)
            other = category_labels(Pipeline(replace(run.experiment, data=data), run.store).subject.stimuli)
            classes = pd.MultiIndex.from_arrays([[*own.kinds, *other.kinds], [*own.names, *other.names]]).unique()
            run.memo[key] = _in_columns(other, classes)
    return run.memo[key]


def cropped_classes(run: Pipeline) -> pd.DataFrame:
    """How many pictures each class loses where only what was shown is labelled: category, kind, whole, cropped, lost (share).

    Only classes that lose a picture, the largest share first; empty where no picture was cropped.
    """
    whole, cropped = (labels_under(run, annotations) for annotations in (WHOLE, CROPPED))
    classes = pd.MultiIndex.from_arrays([[*whole.kinds, *cropped.kinds], [*whole.names, *cropped.names]]).unique()
    counts = [_in_columns(labels, classes).labels.sum(0) for labels in (whole, cropped)]
    table = pd.DataFrame({"category": classes.get_level_values(1), "kind": classes.get_level_values(0), "whole": counts[0],
                          "cropped": counts[1]})
    table = table[table.whole > table.cropped].assign(lost=lambda t: 1 - t.cropped / t.whole)
    return table.sort_values(["lost", "whole"], ascending=False, ignore_index=True)


def crop_effect(run: Pipeline, names: Sequence[str] = (CLIP, FMRI, TO_CLIP)) -> pd.DataFrame:
    """Mean AUC under both labels, of classifiers trained on either, over the classes that have one under both.

    Table name, trained_on, scored_by ("image" or "crop"), value, low, high (over pictures), difference (from the run's own labels
    for both), difference_low, difference_high, n, n_classes. Where the labels are the same, the run's own stand for both: then
    there is nothing to fit, and no difference.
    """
    own = run.experiment.data.annotations
    both = {annotations: labels_under(run, annotations) for annotations in ((WHOLE, CROPPED) if len(cropped_classes(run)) else (own,))}
    classes = pd.MultiIndex.from_arrays([both[own].kinds, both[own].names])
    both = {annotations: _in_columns(labels, classes) for annotations, labels in both.items()}
    ids = run.subject.validation.image_ids
    truths = {annotations: labels.at(ids) for annotations, labels in both.items()}
    scored = np.flatnonzero(np.all([labels.any(0) & ~labels.all(0) for labels in truths.values()], axis=0))
    table = []
    for name in (name for name in names if name not in missing(run)):
        found = {}
        for trained in both:
            given = classifier(run, name, labels=None if trained == own else both[trained]).logits
            for by, labels in truths.items():
                found[trained, by] = average([auc_contributions(labels[:, c], given[:, c], ids) for c in scored])
        for (trained, by), score in found.items():
            interval, apart = score_interval(score), score_interval(score - found[own, own])
            table.append({"name": name, "trained_on": trained, "scored_by": by, "value": interval.value, "low": interval.low,
                          "high": interval.high, "difference": apart.value, "difference_low": apart.low,
                          "difference_high": apart.high, "n": len(ids), "n_classes": len(scored)})
    return pd.DataFrame(table)


def crop_sentence(run: Pipeline) -> str:
    """What the choice of labels changes, in one sentence."""
    lost = cropped_classes(run)
    if not len(lost):
        return SAME
    whole = labels_under(run, WHOLE).labels.sum()
    return (f"Of {int(whole)} labels of whole pictures {int((lost.whole - lost.cropped).sum())} are of something that was cut away; "
            f"{len(lost)} classes lose pictures, most of all {lost.category.iloc[0]}, {lost.lost.iloc[0]:.0%} of its own.")


def _in_columns(labels, classes: pd.MultiIndex):
    """The same labels in these (kind, name) columns; a class that they do not have is in no picture."""
    at = pd.MultiIndex.from_arrays([labels.kinds, labels.names]).get_indexer(classes)
    table = np.zeros((len(labels.ids), len(classes)), bool)
    table[:, at >= 0] = labels.labels[:, at[at >= 0]]
    return replace(labels, labels=table, names=tuple(classes.get_level_values(1)), kinds=tuple(classes.get_level_values(0)))
