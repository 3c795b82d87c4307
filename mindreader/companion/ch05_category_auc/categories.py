"""Classify categories from CLIP embeddings, from activity, and from activity mapped to CLIP."""

from __future__ import annotations

import pandas as pd

from ... import scoring
from ...pipeline import Pipeline
from .inputs import CLIP, FMRI, SHUFFLED, TO_CLIP, logits

HEADLINE = (CLIP, FMRI, TO_CLIP, SHUFFLED)


def class_counts(run: Pipeline) -> dict[str, int]:
    """How many thing and stuff classes occur among the stimuli."""
    kinds = scoring.category_labels(run.subject.stimuli).kinds
    return {"classes_of_things": kinds.count("thing"), "of_stuff": kinds.count("stuff")}


def category_table(run: Pipeline) -> pd.DataFrame:
    """Mean AUC over things, stuff and all classes of the headline inputs, with a bootstrapped interval over pictures.

    `profiles.table_two` has all inputs, and intervals from what each picture contributes.
    """
    if "category table" not in run.memo:
        run.memo["category table"] = scoring.category_table(
            {name: found[0] for name, found in logits(run, HEADLINE).items()}, run.subject.validation,
            scoring.category_labels(run.subject.stimuli), seed=run.experiment.child_seed("bootstrap"), origin=run.origin,
            n_bootstrap=min(200, run.experiment.evaluate.n_bootstrap))
    return run.memo["category table"]
