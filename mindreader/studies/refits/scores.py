"""Score every fit of the networks behind the headline numbers on the same trials: what each picture adds to each score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ... import mapping, scoring, stimulation, twin, uncertainty
from ...experiments import CONDITIONS
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings
from .fits import INPUTS, category_logits, picture_features, refit, stimulated

BOTH = "both mappers"
AMOUNT, N_TRIALS, N_RANDOM = 10.0, 96, 20       # what voxels are set to (paper A.5), trials of a region, random sets beside it
STREAMS = ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")
GROUPS = {"things": "thing", "stuff": "stuff", "overall": None}


@dataclass(frozen=True, eq=False)
class Score:
    """A score by all fits.

    name, metric    as in the chapters' tables
    found           what each picture adds to it under each fit
    chance          its level without a brain, 0 for a difference, NaN where there is none; p is of this level
    n               trials
    is_kept         whether the contributions are kept with the record, so that others can be set against it
    """

    name: str
    metric: str
    found: uncertainty.Contributions
    chance: float
    n: int
    is_kept: bool = True


def mapper_scores(run: Pipeline, n_fits: int) -> Iterator[Score]:
    """Retrieval by each mapper and by both together, and what stimulation of a region changes (chapters 02 and 04)."""
    seed, n = run.experiment.child_seed("retrieval"), run.experiment.evaluate.n_retrieval
    truth = {space: mapping.targets(run.validation(run.targets[space]), run.experiment.mapping.clamp) for space in SPACES}
    batches: dict[str, list[scoring.RetrievalBatch]] = {}
    for repeat in range(n_fits):
        decoded = {space: run.validation(refit(run, repeat).mapped[space]) for space in SPACES}
        for space in SPACES:
            batches.setdefault(f"{space} mapper", []).append(scoring.retrieval_batch(decoded[space], truth[space], n=n, seed=seed))
        batches.setdefault(BOTH, []).append(scoring.combined_batch([decoded[s] for s in SPACES], [truth[s] for s in SPACES], n=n,
                                                                    seed=seed)[0])
    for name, of_fits in batches.items():
        chance = (of_fits[0].image_ids[:, None] == of_fits[0].image_ids).mean()
        for direction in scoring.DIRECTIONS:
            yield Score(name, f"retrieval {direction}", uncertainty.retrieval_contributions(of_fits, direction), chance, n)
    yield from _stimulation(run, n_fits)


def generator_scores(run: Pipeline, n_fits: int) -> Iterator[Score]:
    """Identification and Fréchet distance of reconstructions, by each condition and between them (chapters 03 and 06)."""
    true, real = run.true_features, run.validation(run.true_features)
    distance = scoring.distance_names(true.space)["FD"]
    two_way, far = {}, {}
    for cond in CONDITIONS:
        fits = [picture_features(run, repeat, cond) for repeat in range(n_fits)]
        for n_choices in run.experiment.evaluate.ways:
            found = uncertainty.identification_contributions(fits, true, n_choices=n_choices)
            if n_choices == 2:
                two_way[cond] = found
            yield Score(cond, f"{n_choices}-way identification", found, 1 / n_choices, len(fits[0]), is_kept=n_choices == 2)
        far[cond] = uncertainty.frechet_contributions(fits, real)
        yield Score(cond, distance, far[cond], np.nan, len(fits[0]))
        before = [picture_features(run, repeat, cond, "before finetuning") for repeat in range(n_fits)]
        start = uncertainty.frechet_contributions(before, real)
        yield Score(f"{cond}, before finetuning", distance, start, np.nan, len(before[0]))
        yield Score(f"{cond}, before less after finetuning", f"{distance}, difference", start - far[cond], 0.0, len(fits[0]))
    for cond in ("img", "cap"):
        n = len(fits[0])
        yield Score(f"both less {cond}", f"{scoring.TWO_WAY}, difference", two_way["both"] - two_way[cond], 0.0, n)
        yield Score(f"{cond} less both", f"{distance}, difference", far[cond] - far["both"], 0.0, n)
    cycle = [picture_features(run, repeat, "both", "cycle") for repeat in range(n_fits)]
    found = uncertainty.identification_contributions(cycle, true, n_choices=2)
    yield Score("after the cycle", scoring.TWO_WAY, found, 0.5, len(cycle[0]))


def encoder_scores(run: Pipeline, n_fits: int) -> Iterator[Score]:
    """Correlation of predicted and measured activity, over voxels and by stream (chapter 06)."""
    trials = run.subject.validation
    ids, place = np.unique(trials.image_ids, return_inverse=True)
    given = run.truth["image"].take(np.searchsorted(run.truth["image"].image_ids, ids))
    if not np.array_equal(given.image_ids, ids):
        given = Embeddings(run.truth["image"].at(ids), ids, np.zeros(len(ids), int), "image", "clip")
    predicted = [refit(run, repeat).encoder.predict(given)[place] for repeat in range(n_fits)]
    regions = {"all voxels": np.ones(run.subject.n_voxels, bool)} | {name: run.subject.rois[f"streams/{name}"] for name in STREAMS}
    for name, voxels in regions.items():
        if voxels.any():
            found = uncertainty.correlation_contributions([fit[:, voxels] for fit in predicted], trials.betas[:, voxels], trials.image_ids)
            yield Score(name, "encoding r, mean over voxels", found, 0.0, len(trials))


def category_scores(run: Pipeline, n_fits: int) -> Iterator[Score]:
    """Area under the ROC curve, the mean over classes and each class by itself (chapter 05); the latter are not kept."""
    truth, ids = scoring.category_labels(run.subject.stimuli), run.subject.validation.image_ids
    labels, kinds = truth.at(ids), np.array(truth.kinds)
    defined = np.flatnonzero(labels.any(0) & ~labels.all(0))
    means = {}
    for name in INPUTS:
        logits = np.stack([category_logits(run, repeat, name) for repeat in range(n_fits)])
        each = {c: uncertainty.auc_contributions(labels[:, c], logits[:, :, c], ids) for c in defined}
        for group, kind in GROUPS.items():
            mine = [found for c, found in each.items() if kind in (None, kinds[c])]
            if mine:
                means[name, group] = uncertainty.average(mine)
                yield Score(name, f"AUC {group}", means[name, group], 0.5, len(ids))
        for c, found in each.items():
            yield Score(name, f"AUC {truth.kinds[c]} {truth.names[c]}", found, 0.5, len(ids), is_kept=False)
    mapped, activity = (means[name, "overall"] for name in ("fMRI → CLIP", "fMRI"))
    yield Score("fMRI less fMRI → CLIP", "AUC overall, difference", activity - mapped, 0.0, len(ids))
    yield Score("fMRI → CLIP over fMRI", "AUC overall, share", uncertainty.ratio(mapped, activity), np.nan, len(ids))


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _stimulation(run: Pipeline, n_fits: int) -> Iterator[Score]:
    """Change of cosine with a region's sentence, for the region, for random voxels that match it, and the difference."""
    trials = run.subject.validation.take(run.subject.validation.first_rows(N_TRIALS))
    properties = np.stack([run.subject.ncsnr, twin.mean_responses(run.subject.train)[1].var(0)], 1)
    for region, (word, sentence) in stimulation.CATEGORY_REGIONS.items():
        voxels = run.subject.rois.get(region, np.zeros(run.subject.n_voxels, bool))
        if not voxels.any():
            continue
        drawn = stimulation.matched_voxels(voxels, properties, N_RANDOM, seed=run.experiment.child_seed(f"random voxels/{region}"))
        sets = np.concatenate([np.zeros_like(voxels)[None], voxels[None], drawn])
        aim = run.clip.texts([sentence])[0]
        aim = aim / np.linalg.norm(aim)
        changes = []
        for repeat in range(n_fits):
            cosine = stimulated(run, repeat, "caption", trials, sets, AMOUNT) @ aim          # [sets, trials], the first as measured
            changes.append(cosine[1:] - cosine[0])
        changes = np.stack(changes)                                                          # [fits, sets, trials]
        region_alone, random = (uncertainty.mean_contributions(part, trials.image_ids) for part in (changes[:, 0], changes[:, 1:].mean(1)))
        for name, found in ((word, region_alone), (f"{word}, random voxels", random), (f"{word}, difference", region_alone - random)):
            yield Score(name, "change of cosine", found, 0.0, len(trials))
