"""Decode and reconstruct shared images from mean activity, by mappers and a generator that have seen no trial of them."""

from __future__ import annotations

from functools import cached_property

from ... import field
from ...core import source_fingerprint
from ...experiments import CONDITIONS
from ...field import Practice
from ...mapping import FittedMapper
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Reconstructions, Subject

UNCHANGED = ("subject", "embeddings", "captions", "low level", "features")   # stages that no trial reaches


class AveragedPipeline(Pipeline):
    """The same experiment with repeats averaged as one paper does, whose training never sees the images that are scored.

    Parameters
    ----------
    run : Pipeline
        With data.split "shared1000"; stages that no trial reaches, and the store, are its own.
    practice : Practice
    """

    def __init__(self, run: Pipeline, practice: Practice):
        super().__init__(run.experiment, run.store)
        self.whole, self.practice = run, practice

    @cached_property
    def subject(self) -> Subject:
        """The subject without any trial of a scored image; the validation side are training images that say when to stop."""
        return field.training_subject(self.whole.subject, self.practice, seed=self.experiment.child_seed("stop"))

    @property
    def clip(self):
        """The whole run's CLIP, loaded once."""
        return self.whole.clip

    @property
    def embeddings(self) -> dict[str, Embeddings]:
        """The whole run's embeddings of all pictures and captions."""
        return self.whole.embeddings

    def key(self, stage: str, extra: dict, **others) -> dict:
        """As of the whole run, and what this paper averages, for stages that trials reach."""
        mine = {} if stage in UNCHANGED else {"repeats": self.practice.stamp, "averaging": source_fingerprint(
            "field.repeats:training_subject", "field.repeats:scored_trials")}
        return super().key(stage, extra | mine, **others)

    def scored(self, cond: str) -> dict[str, Embeddings]:
        """What is decoded from the mean activity of each shared image, one embedding each: this generator's conditions."""
        trials = field.scored_trials(self.whole.subject)
        return {space: self._decoder(space, cond).predict(trials) for space in SPACES}

    def _decoder(self, space: str, cond: str) -> FittedMapper:
        """The mapper, or the one that was trained along with the generator."""
        together = self.experiment.end_to_end and space in CONDITIONS[cond]
        return self._finetuned(cond, lambda folder: FittedMapper.load(folder / space)) if together else self.mapper(space)


def averaged(run: Pipeline, practice: Practice) -> AveragedPipeline:
    """This run under one practice, made once."""
    key = ("averaged", practice.name)
    if key not in run.memo:
        run.memo[key] = AveragedPipeline(run, practice)
    return run.memo[key]


def averaged_reconstructions(run: AveragedPipeline, cond: str) -> Reconstructions:
    """One reconstruction of each shared image, from its mean activity; made once for each run."""
    key = ("reconstructions", cond)
    if key not in run.memo:
        run.memo[key] = run.reconstruct(run.scored(cond), cond)
    return run.memo[key]
