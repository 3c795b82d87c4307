"""Fit the chapter's classifiers side by side, each on one thread, before any is asked for."""

from __future__ import annotations

from ...core import how_many
from ...pipeline import Pipeline
from ...studies.grids import run_jobs
from .inputs import AS_PAPER, FMRI, INPUTS, ONE_CLASSIFIER, SHUFFLED, TABLE_2, TO_CLIP, TO_RESNET, VARIANTS, classifier, is_fitted, missing
from .masking import AT_RANDOM, RATIOS_ANEW, voxel_masks

_MOST_VOXELS = 4096     # of more, one classifier alone keeps all processors busy, and each process holds the whole subject
_MOST_PROCESSES = 4

Job = tuple[str, str, float]    # input, variant, share of the voxels masked


def fit_classifiers(run: Pipeline) -> None:
    """Make all classifiers that the chapter needs and the store lacks, as many at a time as there are processors, up to four.

    Where that is not worth it, for few epochs or for many voxels, nothing is done: each is fitted when it is asked for.
    """
    waiting = [job for job in jobs(run) if not is_fitted(run, job[0], variant=job[1], mask=_mask(run, job))]
    n = how_many(len(waiting) * run.experiment.category.epochs, _MOST_PROCESSES) if run.subject.n_voxels <= _MOST_VOXELS else 1
    if n > 1:
        run_jobs(_fit, run, waiting, n, desc="classifiers", label=lambda job: f"classifier of {job[0]}")


def jobs(run: Pipeline) -> list[Job]:
    """All fits of the chapter but those of other labels, each once; what takes longest, and what others wait for, first."""
    found = [(name, variant, 0.0) for variant in VARIANTS for name in (INPUTS if variant == AS_PAPER else TABLE_2)
             if name != SHUFFLED and not (variant == ONE_CLASSIFIER and INPUTS[name].kind == "clip")]
    found += [(name, AS_PAPER, ratio) for ratio in RATIOS_ANEW if ratio for name in (FMRI, TO_CLIP)]
    absent = missing(run)

    def turn(job: Job) -> tuple[bool, bool, bool]:
        name, variant, _ = job
        return (name, variant) != (TO_RESNET, AS_PAPER), variant != AS_PAPER or INPUTS[name].kind != "fmri", name == TO_RESNET

    return sorted((job for job in found if job[0] not in absent), key=turn)


def _fit(run: Pipeline, job: Job) -> None:
    classifier(run, job[0], variant=job[1], mask=_mask(run, job))


def _mask(run: Pipeline, job: Job):
    return voxel_masks(run, job[2], AT_RANDOM, 1)[0] if job[2] else None
