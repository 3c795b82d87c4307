"""Classify the categories of a picture from activity or embeddings, scored by the area under the ROC curve (§3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from torch import nn
from torch.nn import functional as F

from ..records import Embeddings, Stimuli, Trials
from ..training import Phase, Schedule, Task, as_tensor, fit, in_batches, new_network
from .intervals import CONFIDENCE, image_weights, quantiles, score_row

Input = Literal["fmri", "clip", "resnet"]
GROUPS = {"things": "thing", "stuff": "stuff", "overall": None}


@dataclass(frozen=True)
class CategoryConfig:
    """The classifiers of paper §3.4: hidden sizes for each kind of input; schedule from the released code."""

    hidden_fmri: tuple[int, int] = (2048, 512)
    hidden_clip: tuple[int, int] = (384, 256)
    hidden_resnet: tuple[int, int] = (512, 256)
    epochs: int = 40
    batch: int = 32
    learning_rate: float = 2e-4
    lr_decay: float = 0.8
    decay_every: int = 10
    weight_decay: float = 1e-5


@dataclass(frozen=True, eq=False)
class CategoryLabels:
    """The classes of each picture: labels (n_images, n_classes) bool, with ids, class names and kinds (thing or stuff)."""

    ids: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    kinds: tuple[str, ...]

    def at(self, image_ids: np.ndarray) -> np.ndarray:
        """Labels aligned with `image_ids` (repeats allowed), (len(image_ids), n_classes)."""
        rows = pd.Index(self.ids).get_indexer(image_ids)
        if (rows < 0).any():
            raise ValueError(f"image {np.asarray(image_ids)[rows < 0][0]} is not among these {len(self.ids)} stimuli, "
                             "expected stimuli for every trial")
        return self.labels[rows]


def category_labels(stimuli: Stimuli) -> CategoryLabels:
    """The pictures' annotations as binary labels: classes of things before stuff, each in alphabetical order.

    Labels are those of the whole COCO picture, as in the paper, though NSD shows a crop.
    """
    classes = stimuli.annotations[["kind", "category"]].drop_duplicates()
    classes = classes.assign(stuff=classes.kind != "thing").sort_values(["stuff", "category"])
    keys = pd.MultiIndex.from_frame(classes[["kind", "category"]])
    column = keys.get_indexer(pd.MultiIndex.from_frame(stimuli.annotations[["kind", "category"]]))
    labels = np.zeros((len(stimuli.ids), len(classes)), bool)
    labels[pd.Index(stimuli.ids).get_indexer(stimuli.annotations.image_id), column] = True
    return CategoryLabels(stimuli.ids, labels, tuple(classes.category), tuple(classes.kind))


def at_trials(embeddings: Embeddings, trials: Trials | Embeddings) -> Embeddings:
    """The one embedding of each trial's picture, keyed by trial."""
    keys = trials.trial_ids if isinstance(trials, Trials) else trials.keys
    return Embeddings(embeddings.at(trials.image_ids), trials.image_ids, keys, embeddings.space, embeddings.source)


def fit_categories(train: Trials | Embeddings, validation: Trials | Embeddings, truth: CategoryLabels, config: CategoryConfig,
                   *, kind: Input, seed: int, device: str = "cpu",
                   progress: Callable[..., Iterable] | None = None) -> FittedCategories:
    """Train a classifier with a binary output for each class: three linear layers with ReLU, binary cross-entropy.

    Parameters
    ----------
    train, validation : Trials or Embeddings
        Activity, or embeddings of either source, one row per trial or picture.
    kind : "fmri", "clip" or "resnet"
        Selects the hidden sizes; embeddings mapped from fMRI count as the space they were mapped to.

    The weights of the lowest validation loss are kept. Source: paper §3.4, Table 2.
    """
    inputs = _rows(train)
    labels, val_labels = (as_tensor(truth.at(r.image_ids)) for r in (train, validation))
    task = Task(as_tensor(inputs), lambda rng: labels, as_tensor(_rows(validation)), val_labels)
    hidden = {"fmri": config.hidden_fmri, "clip": config.hidden_clip, "resnet": config.hidden_resnet}
    if kind not in hidden:
        raise ValueError(f"got kind {kind!r}, expected one of {', '.join(hidden)}")
    network = new_network(lambda: _classifier(inputs.shape[1], hidden[kind], labels.shape[1]), seed)
    phase = Phase("binary cross-entropy", F.binary_cross_entropy_with_logits, config.epochs, config.batch)
    schedule = Schedule(config.learning_rate, config.lr_decay, config.decay_every, config.weight_decay, fused=True)
    history = fit(network, task, [phase], schedule, seed=seed, device=device, progress=progress, desc=f"categories ({kind})")
    return FittedCategories(network, truth.names, truth.kinds, history)


@dataclass(frozen=True, eq=False)
class FittedCategories:
    """A trained classifier, its classes, and the history of its losses."""

    network: nn.Module
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    history: pd.DataFrame

    def predict(self, rows: Trials | Embeddings) -> np.ndarray:
        """A logit for each row and class, (n, n_classes)."""
        return in_batches(self.network, _rows(rows))


def category_auc(logits: Mapping[str, np.ndarray], rows: Trials | Embeddings, truth: CategoryLabels) -> pd.DataFrame:
    """AUC of each class and input: table category, kind, input, value, n_present, n (the paper's Fig. 6).

    logits: name of the input -> (n, n_classes), rows as in `rows`. Classes of all or of no rows have no curve and
    are left out.
    """
    labels, kinds = truth.at(rows.image_ids), pd.Series(truth.kinds)
    tables = []
    for name, scores in logits.items():
        columns = [f"{i}" for i in range(len(truth.names))]
        table, _ = auc_by_class(labels, scores, columns)
        index = table.category.astype(int).to_numpy()
        table = table.assign(category=np.asarray(truth.names, object)[index], kind=kinds[index].to_numpy(), input=name)
        tables.append(table[["category", "kind", "input", "value", "n_present", "n"]])
    return pd.concat(tables, ignore_index=True)


def category_table(logits: Mapping[str, np.ndarray], rows: Trials | Embeddings, truth: CategoryLabels, *, seed: int = 0,
                   origin: str = "", n_bootstrap: int = 1000) -> pd.DataFrame:
    """Mean AUC over classes for things, stuff and overall (the paper's Table 2), one row for each input and group.

    Intervals resample pictures; `sd` is the spread across classes that the paper prints, n_classes the number of classes
    with an AUC. A group without a class is left out.
    """
    labels, kinds = truth.at(rows.image_ids), np.array(truth.kinds)
    defined = labels.any(0) & ~labels.all(0)
    table = []
    for name, scores in logits.items():
        for group, kind in GROUPS.items():
            mine = defined & ((kinds == kind) if kind else True)
            if not mine.any():
                continue
            auc, _ = auc_by_class(labels[:, mine], scores[:, mine], np.array(truth.names)[mine])
            low, high = mean_auc_interval(labels[:, mine], scores[:, mine], rows.image_ids, seed=seed,
                                          n_bootstrap=n_bootstrap)
            table.append(score_row(name, f"AUC {group}", auc.value.mean(), low, high, len(labels), 0.5, seed, origin,
                             sd=auc.value.std(ddof=1), n_classes=int(mine.sum())))
    if not table:
        raise ValueError(f"none of {len(truth.names)} classes is in some and not in all of the {len(labels)} rows, expected "
                         "at least one; score more trials")
    return pd.concat(table, ignore_index=True)


def auc_by_class(labels: np.ndarray, scores: np.ndarray, names: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Area under the ROC curve of each class: how often a trial with the class scores above one without.

    Parameters
    ----------
    labels : bool array (n, n_classes)
    scores : array (n, n_classes)
        Any monotone score; ties count one half.

    Returns
    -------
    table category, value, n_present, n, and the names of the classes left out because they are in all or in no trials
    """
    labels = _checked_labels(labels, scores, names)
    present = labels.sum(0)
    defined = (present > 0) & (present < len(labels))
    values = [weighted_auc(labels[:, c], scores[:, c], np.ones((1, len(labels))))[0] for c in np.flatnonzero(defined)]
    table = pd.DataFrame({"category": np.asarray(names, object)[defined], "value": np.array(values, float),
                          "n_present": present[defined], "n": len(labels)})
    return table, [name for name, ok in zip(names, defined) if not ok]


def mean_auc_interval(labels: np.ndarray, scores: np.ndarray, image_ids: np.ndarray, *, seed: int,
                      n_bootstrap: int = 1000, level: float = CONFIDENCE) -> tuple[float, float]:
    """Bootstrap interval over pictures of the mean AUC over classes; a class that a sample lacks is left out of its mean."""
    labels = _checked_labels(labels, scores, range(np.shape(scores)[1]))
    weights, inverse = image_weights(image_ids, seed, n_bootstrap)
    weights = weights[:, inverse]                                                # [n_bootstrap, trials]
    defined = labels.any(0) & ~labels.all(0)
    values = np.stack([weighted_auc(labels[:, c], scores[:, c], weights) for c in np.flatnonzero(defined)])
    return quantiles(np.nanmean(values, 0), level)


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC of one class under several weightings of its trials, (n_weightings,); NaN where a label has no weight.

    labels, scores (n,); weights (n_weightings, n). Ties count one half.

    >>> weighted_auc(np.array([0, 1, 1]), np.array([0.1, 0.2, 0.1]), np.ones((1, 3)))
    array([0.75])
    """
    order = np.argsort(scores, kind="stable")
    labels, weights = labels[order].astype(bool), weights[:, order]
    _, first, inverse = np.unique(scores[order], return_index=True, return_inverse=True)
    last = np.append(first[1:], len(order))
    absent = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights * ~labels, axis=1)], axis=1)
    below = (absent[:, first] + absent[:, last])[:, inverse] / 2                 # absent weight below, ties by half
    mine = weights * labels
    with np.errstate(invalid="ignore"):
        return (mine * below).sum(1) / (mine.sum(1) * absent[:, -1])


def _rows(rows: Trials | Embeddings) -> np.ndarray:
    return rows.betas if isinstance(rows, Trials) else rows.vectors


def _checked_labels(labels, scores, names) -> np.ndarray:
    labels, shape = np.asarray(labels, bool), np.shape(scores)
    if labels.shape != shape or labels.shape[1:] != (len(names),):
        raise ValueError(f"got labels {labels.shape}, scores {shape} and {len(names)} names, expected (n, n_classes) twice "
                         "and n_classes names")
    return labels


def _classifier(n_inputs: int, hidden: tuple[int, int], n_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_inputs, hidden[0]), nn.ReLU(), nn.Linear(hidden[0], hidden[1]), nn.ReLU(),
                         nn.Linear(hidden[1], n_classes))
