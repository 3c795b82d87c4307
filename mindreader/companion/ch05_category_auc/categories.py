"""Classify categories from CLIP embeddings, from activity, and from activity mapped to CLIP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ... import scoring
from ...core import paper_value, progress
from ...pipeline import Pipeline
from ..common import entry

# our name -> the paper's row in Table 2, and which hidden sizes its classifier has
INPUTS = {
    "CLIP": ("CLIP", "clip"),
    "fMRI": ("fMRI", "fmri"),
    "fMRI → CLIP": ("fMRI-mapped CLIP", "clip"),
    "shuffled brain": (None, "fmri"),
}
KEYS = {"CLIP": "clip", "fMRI": "fmri", "fMRI → CLIP": "mapped", "shuffled brain": "shuffled"}


def class_counts(run: Pipeline) -> tuple[int, int]:
    """How many thing and stuff classes occur among the stimuli."""
    kinds = scoring.category_labels(run.subject.stimuli).kinds
    return kinds.count("thing"), kinds.count("stuff")


def category_logits(run: Pipeline) -> dict[str, np.ndarray]:
    """Each input's classifier, applied to the validation trials: name -> (n_trials, n_classes)."""
    if "logits" not in run.memo:
        train, validation = run.subject.train, run.subject.validation
        inputs = {
            "CLIP": (scoring.at_trials(run.truth["image"], train), scoring.at_trials(run.truth["image"], validation)),
            "fMRI": (train, validation),
            "fMRI → CLIP": (run.training(run.mapped["image"]), run.validation(run.mapped["image"])),
        }
        logits = {name: _fetch(run, name, *rows) for name, rows in inputs.items()}
        order = np.random.default_rng(run.experiment.child_seed("shuffled trials")).permutation(len(validation))
        run.memo["logits"] = logits | {"shuffled brain": logits["fMRI"][order]}
    return run.memo["logits"]


def category_auc(run: Pipeline) -> pd.DataFrame:
    """AUC of each class for each input: table input, category, kind, value, n_present, n (the paper's Fig. 6)."""
    truth = scoring.category_labels(run.subject.stimuli)
    return scoring.category_auc(category_logits(run), run.subject.validation, truth)


def category_table(run: Pipeline) -> pd.DataFrame:
    """Mean AUC over things, stuff and all classes, with an interval over pictures and the spread over classes (Table 2)."""
    if "category table" not in run.memo:
        run.memo["category table"] = scoring.category_table(
            category_logits(run), run.subject.validation, scoring.category_labels(run.subject.stimuli),
            seed=run.experiment.child_seed("bootstrap"), origin=run.origin,
            n_bootstrap=min(200, run.experiment.evaluate.n_bootstrap))
    return run.memo["category table"]


def category_summary(run: Pipeline) -> dict:
    """The numbers of the chapter's prose and scorecard."""
    values = {}
    for row in category_table(run).itertuples():
        paper_row, _ = INPUTS[row.name]
        group = row.metric.removeprefix("AUC ").strip()
        paper = paper_value("2", paper_row, group, "AUC-ROC") if paper_row else None
        values[f"{KEYS[row.name]}_{group}"] = entry(row, paper=paper, note=f"{row.name}, {group}; sd over classes {row.sd:.3f}")
    values["retained"] = {"ours": values["mapped_overall"]["ours"] / values["fmri_overall"]["ours"],
                          "paper": paper_value("2", "fMRI-mapped CLIP", "share of fMRI") / 100,
                          "note": "mapped over raw activity; both are well above chance, so the share flatters"}
    return values


def _fetch(run: Pipeline, name: str, train, validation) -> np.ndarray:
    """Logits of one input's classifier on the validation trials, from the store or made."""
    truth, config = scoring.category_labels(run.subject.stimuli), run.experiment.category

    def make(folder: Path) -> None:
        fitted = scoring.fit_categories(train, validation, truth, config, kind=INPUTS[name][1],
                                        seed=run.experiment.child_seed(f"category/{name}"), progress=progress)
        np.save(folder / "logits.npy", fitted.predict(validation))

    return run.keep("categories", {"input": name}, make, lambda folder: np.load(folder / "logits.npy"))
