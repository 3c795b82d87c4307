"""Classify categories from CLIP embeddings, from activity, and from activity mapped to CLIP."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring
from ...core import paper_value
from ...pipeline import Pipeline
from ..common import entry
from .inputs import CLIP, FMRI, INPUTS, SHUFFLED, TO_CLIP, logits

HEADLINE = (CLIP, FMRI, TO_CLIP, SHUFFLED)


def class_counts(run: Pipeline) -> tuple[int, int]:
    """How many thing and stuff classes occur among the stimuli."""
    kinds = scoring.category_labels(run.subject.stimuli).kinds
    return kinds.count("thing"), kinds.count("stuff")


def category_logits(run: Pipeline) -> dict[str, np.ndarray]:
    """Each headline input's classifier, applied to the validation trials: name -> (n_trials, n_classes)."""
    return {name: found[0] for name, found in logits(run, HEADLINE).items()}


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
        about = INPUTS[row.name]
        group = row.metric.removeprefix("AUC ").strip()
        paper = paper_value("2", about.paper, group, "AUC-ROC") if about.paper else None
        values[f"{about.key}_{group}"] = entry(row, paper=paper, note=f"{row.name}, {group}; sd over classes {row.sd:.3f}")
    values["retained"] = {"ours": values["mapped_overall"]["ours"] / values["fmri_overall"]["ours"],
                          "paper": paper_value("2", "fMRI-mapped CLIP", "share of fMRI") / 100,
                          "note": "mapped over raw activity; both are well above chance, so the share flatters"}
    return values
