"""Fit every network behind the headline numbers again from other seeds: each refit is a pipeline of its own.

A refit shares with its run whatever is not fitted to this brain. Its generators are finetuned on its own mappers' embeddings, so that
fits differ in the whole chain, and two of them share nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ... import mapping, scoring, stimulation
from ...core import progress, source_fingerprint
from ...experiments import CONDITIONS, Experiment
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Trials

FITTED = ("mapped", "generator", "encoder", "categories")     # stages that a refit makes anew
SHARED = ("subject", "clip", "embeddings", "caption_scores", "stimuli", "targets", "truth", "feature_net", "true_features")
INPUTS = {"CLIP": "clip", "fMRI": "fmri", "fMRI → CLIP": "clip"}     # of classifiers: which hidden sizes they have


def _of_run(name: str) -> property:
    return property(lambda refit: getattr(refit.run, name))


class Refit(Pipeline):
    """The same experiment with its mappers, generators, encoder and classifiers fitted from the seeds of another repeat.

    Every function of a pipeline takes it in the place of the run. Its seed of the draws of z, and of all that is no fit, is the run's.
    config: another experiment with the run's mappers, such as a variant of the finetuning.
    """

    subject, clip, embeddings, caption_scores, stimuli, targets, truth, feature_net, true_features = map(_of_run, SHARED)

    def __init__(self, run: Pipeline, repeat: int, config: Experiment | None = None):
        config = config or run.experiment
        super().__init__(replace(config, gan=replace(config.gan, repeat=repeat)), run.store)
        self.run, self.repeat = run, repeat

    def mapper(self, space: str, recipe: mapping.MappingConfig | None = None, repeat: int | None = None) -> mapping.FittedMapper:
        """As `Pipeline.mapper`, of this refit's repeat by default."""
        return super().mapper(space, recipe, self.repeat if repeat is None else repeat)

    def decoded(self, space: str, recipe: mapping.MappingConfig | None = None, repeat: int | None = None) -> Embeddings:
        """As `Pipeline.decoded`, of this refit's repeat by default."""
        return super().decoded(space, recipe, self.repeat if repeat is None else repeat)

    @cached_property
    def encoder(self) -> mapping.FittedEncoder:
        """As `Pipeline.encoder`, from another seed."""
        key, e = self.key("encoder", {"code": source_fingerprint("studies.refits.fits:Refit.encoder")}), self.experiment

        def make(folder: Path) -> None:
            mapping.fit_encoder(self.truth["image"], self.subject.train, self.subject.validation, e.encoder, progress=progress,
                                seed=e.child_seed(f"encoder/{self.repeat}"), device=e.device,
                                checkpoint=self.store.workspace("encoder", key) / "checkpoint.pt").save(folder)

        return self.store.fetch("encoder", key, make, lambda folder: mapping.FittedEncoder.load(folder).on(e.device))

    def key(self, stage: str, extra: dict, **others) -> dict:
        """As `Pipeline.key`, with the repeat where the stage is fitted."""
        return super().key(stage, ({"repeat": self.repeat} if stage in FITTED else {}) | extra, **others)


def refit(run: Pipeline, repeat: int) -> Pipeline:
    """The run itself for repeat 0, else one of its refits, the same object each time."""
    return run if not repeat else run.memo.setdefault(("refit", repeat), Refit(run, repeat))


# ── what is kept of each fit ───────────────────────────────────────────────────────────────────────────────────────────
def category_logits(run: Pipeline, repeat: int, name: str) -> np.ndarray:
    """The classifier of one of INPUTS, fitted anew, on the validation trials, (n_trials, n_classes)."""
    this = refit(run, repeat)

    def make(folder: Path) -> None:
        labels, seed = scoring.category_labels(run.subject.stimuli), f"category/{name}" + (f"/{repeat}" if repeat else "")
        train, validation = _rows(this, name)
        fitted = scoring.fit_categories(train, validation, labels, run.experiment.category, kind=INPUTS[name],
                                        seed=run.experiment.child_seed(seed), progress=progress)
        np.save(folder / "logits.npy", fitted.predict(validation))

    return this.keep("categories", {"input": name, "code": _code("category_logits")}, make,
                     lambda folder: np.load(folder / "logits.npy", allow_pickle=False))


def picture_features(run: Pipeline, repeat: int, cond: str, source: str = "brain") -> Embeddings:
    """Reconstructions of all validation trials by one fit, in the evaluation network's space.

    source: "brain"; "before finetuning", by the pretrained generator from this fit's decoded embeddings; or "cycle", from the
    activity that this fit's encoder predicts for each picture.
    """
    this = refit(run, repeat)

    def make(folder: Path) -> None:
        if source == "cycle":
            given = mapping.cycle(this.encoder, {space: this.mapper(space) for space in SPACES}, run.validation(run.truth["image"]))
        else:
            given = {space: this.validation(this.conditions(cond)[space]) for space in CONDITIONS[cond]}
        this.picture_features(this.reconstruct(given, cond, finetuned=source != "before finetuning")).save(folder)

    return this.keep("generator", features_extra(cond, source), make, Embeddings.load)


def features_extra(cond: str, source: str) -> dict:
    """What tells these features from others in the key of the stage."""
    return {"cond": cond, "features": source, "code": _code("picture_features")}


def stimulated(run: Pipeline, repeat: int, space: str, trials: Trials, sets: np.ndarray, amount: float) -> np.ndarray:
    """Embeddings, of unit length, with each set of voxels set to the amount by one fit's mapper, (n_sets, n_trials, n_dims)."""
    found = stimulation.decode_stimulated(refit(run, repeat).mapper(space), trials, sets, amount, device=run.experiment.device)
    return found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-12)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _rows(this: Pipeline, name: str) -> tuple[Trials | Embeddings, Trials | Embeddings]:
    sides: tuple[Callable, ...] = (this.training, this.validation)
    if name == "fMRI":
        return this.subject.train, this.subject.validation
    if name == "CLIP":
        return tuple(scoring.at_trials(this.truth["image"], trials) for trials in (this.subject.train, this.subject.validation))
    return tuple(side(this.mapped["image"]) for side in sides)


def _code(name: str) -> str:
    return source_fingerprint(f"studies.refits.fits:{name}")
