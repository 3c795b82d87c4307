"""Score the failures by several fits of the whole chain, over pictures and fits, and keep them as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ... import core, evaluation, scoring, uncertainty
from ...core import fingerprint, save_table, source_fingerprint
from ...core.weights import part_checksum
from ...evaluation import N_THINGS, found_again
from ...experiments import CONDITIONS
from ...generator import Discriminator, TrainedGan
from ...pipeline import Pipeline
from ...records import Embeddings, Reconstructions
from ..found import retrieved, true_maps
from ..found.record import library_size, RETRIEVED, RETRIEVED_BRAIN
from ..grids import command, one_thread, run_jobs, whole_record
from ..refits import N_GENERATORS, refit
from ..sources import reconstructions, sources
from .measures import ADDED, BORROWED, FAILURES, FITTING, Held, lifts, Seen, Share, SIDE
from .walks import ends, JUMP, largest_step, walk

BRAIN, TRUE, SHUFFLED, ITSELF = "brain", "true embedding", "shuffled brain", "the picture itself"
PARTS = ("segmenter", "clip")       # whose weights the record depends on, besides those of its fits
LESS = " less "         # in the name of a paired difference of two sources
COND = "both"           # whose generator
HEADS = ("img", "cap")  # which are compared with each other, too
TWO_WAY = "2-way identification, other pictures less close-ups"
LOGIT = "discriminator's output, failures less others"
ASPECTS = {"class": "class found again", "place": "in its place, of those found again", "colour": "in its colour, of those found again"}
CLOSE_UPS = 0.2         # share of the picture that its only kind of thing covers at least
FAILED = 0.2            # share of the trials, the worst by two-way identification, that count as failures
LEAST = 10              # times that something could happen in the mean fit, for a share of it
NULLS = {BORROWED: 0.0, FITTING: 0.0, TWO_WAY: 0.0, LOGIT: 0.0, SIDE: 0.5}
BATCH = 32              # of the discriminator, which compares the pictures of a batch
CODE = ("studies.failures.record:failure_scores",)
Measured = dict[tuple[str, str], Share]     # by one fit: source, metric


def seen_pictures(run: Pipeline) -> tuple[Seen, np.ndarray, evaluation.Reading]:
    """What each validation trial's picture holds, its true class map and the segmenter's reading of it, by trial."""
    image_ids = sources(run, COND)[BRAIN]["image"].image_ids
    ids, row = np.unique(image_ids, return_inverse=True)
    maps, reading = true_maps(run, ids), evaluation.load_segmenter().read(run.subject.stimuli.take(ids).images)
    seen = Seen(Held.of(reading, maps).take(row), image_ids, lifts(evaluation.present(true_maps(run, run.split.train))))
    return seen, maps[row], evaluation.Reading(*(part[row] for part in reading))


def measure_fit(run: Pipeline, repeat: int) -> Measured:
    """Every failure on every trial, by one fit of mappers and generators: from the brain, ceiling, floor and retrieval; by both heads."""
    this, segmenter = refit(run, repeat), evaluation.load_segmenter()
    seen, maps, own = seen_pictures(run)
    given, made = sources(this, COND), {source: reconstructions(this, COND, source) for source in (BRAIN, TRUE, SHUFFLED)}
    library = {name.format(library_size(run)): retrieved(run, given[source]["image"].vectors)
               for name, source in ((RETRIEVED, TRUE), (RETRIEVED_BRAIN, BRAIN))}
    read = {ITSELF: own} | {name: segmenter.read(pictures) for name, pictures in
                            ({source: pictures.images[:, 0] for source, pictures in made.items()} | library).items()}
    found = {(source, name): measure(seen, Held.of(reading)) for source, reading in read.items() for name, measure in FAILURES.items()}
    won = {source: scoring.n_way(run.picture_features(made[source]), run.true_features, n_choices=2) for source in (BRAIN, TRUE)}
    found |= {(source, TWO_WAY): _apart(shares, ~close_ups(maps)) for source, shares in won.items()}
    found[BRAIN, LOGIT] = _apart(_standard(logits(this.generator(COND), made[BRAIN], given[BRAIN])),
                                 won[BRAIN] <= np.quantile(won[BRAIN], FAILED))
    for source in (BRAIN, TRUE):
        found[source, JUMP] = _jumps(this, given[source], seen.image_ids)
    for head in HEADS:
        table = found_again(maps, own, segmenter.read(reconstructions(this, head).images[:, 0]))
        found |= {(head, metric): share for metric, share in _aspects(table, len(maps)).items()}
    return found


def failure_scores(run: Pipeline, n_fits: int | None = None, *, processes: int = 1) -> pd.DataFrame:
    """Tidy rows: each failure by source, and paired differences (`brain less true embedding`), over pictures and fits.

    Each fit is measured on one thread, in one process or in several, to the same bits. Besides the usual columns those of
    `uncertainty.Interval`; n is how often, on the average of the fits, what is counted could happen.
    """
    fits = range(n_fits or N_GENERATORS)
    _ = run.true_features, run.mapped       # made here once, so that the processes find what all share
    by_fit = list(run_jobs(measure_fit, run, fits, processes, desc="failures", label=lambda repeat: f"failures, fit {repeat}").values())
    image_ids = sources(run, COND)[BRAIN]["image"].image_ids
    with one_thread():
        counts = {address: round(np.mean([measured[address].could.sum() for measured in by_fit])) for address in by_fit[0]}
        scores = {address: _score([measured[address] for measured in by_fit], image_ids)
                  for address in by_fit[0] if counts[address] >= LEAST}
        for one, other in ((BRAIN, ITSELF), (BRAIN, TRUE), (BRAIN, SHUFFLED), HEADS, HEADS[::-1]):
            both = [metric for source, metric in scores if source == one and (other, metric) in scores]
            for metric in [metric for metric in both if other != ITSELF or metric not in NULLS]:    # these have a null of their own
                scores[one + LESS + other, metric] = scores[one, metric] - scores[other, metric]
                counts[one + LESS + other, metric] = min(counts[one, metric], counts[other, metric])
    return pd.concat([_row(run, address, score, counts[address]) for address, score in scores.items()], ignore_index=True)


def close_ups(maps: np.ndarray) -> np.ndarray:
    """Pictures of one kind of thing that covers at least CLOSE_UPS of them, (n,) bool, from class maps (n, h, w)."""
    things = evaluation.present(maps)[:, :N_THINGS]
    covered = np.array([np.isin(classes, np.flatnonzero(here)).mean() for classes, here in zip(maps, things)])
    return (things.sum(1) == 1) & (covered >= CLOSE_UPS)


def logits(trained: TrainedGan, pictures: Reconstructions, conditions: dict[str, Embeddings]) -> np.ndarray:
    """The discriminator's output for each reconstruction, with the condition that it was made from, (n,)."""
    network = Discriminator(trained.network)
    network.load_state_dict(trained.states["D"])
    network.eval()
    images = torch.tensor(pictures.images[:, 0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    given = [torch.tensor(conditions[space].unit().vectors) for space in CONDITIONS[COND]]
    with torch.no_grad():
        return np.concatenate([network(images[rows], *(each[rows] for each in given)).logit[:, 0].numpy()
                               for rows in torch.arange(len(images)).split(BATCH)])


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def write_record(run: Pipeline, n_fits: int | None = None, *, processes: int = 1, root: Path | None = None) -> list[Path]:
    """Write tables/failures.csv, `failure_scores` with its key; its path."""
    table = failure_scores(run, n_fits, processes=processes).assign(key=key(run, n_fits))
    return [save_table(table, "tables/failures", origin=run.origin, root=root, meta={
        "experiment": asdict(run.experiment), "close_ups": CLOSE_UPS, "failed": FAILED})]


def key(run: Pipeline, n_fits: int | None = None) -> str:
    """A fingerprint of everything that could change the record: code, the segmenter, sizes, and the fits."""
    return fingerprint({"source": source_fingerprint(*CODE), "weights": {part: part_checksum(part) for part in PARTS},
                        "library": library_size(run), "features": run.key("features", {}),
                        "fits": [refit(run, repeat).key("generator", {"cond": cond})
                                 for repeat in range(n_fits or N_GENERATORS) for cond in CONDITIONS]})


def recorded(run: Pipeline, root: Path = core.FIGURES, *, n_fits: int | None = None) -> tuple[pd.DataFrame, str]:
    """The committed scores, and a sentence on whether they are what this run would make; empty for another subject.

    n_fits: how many a record of another number has. Raises LayoutError where there is no record.
    """
    return whole_record(run, "failures", "failures", partial(key, n_fits=n_fits), root, words=("covers",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies failures`; returns the exit status."""
    from . import __doc__ as doc  # the room's own, which the command line shows

    return command("failures", doc, write_record, arguments)


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _score(shares: Sequence[Share], image_ids: np.ndarray) -> uncertainty.Contributions:
    """One share by all fits."""
    happens, could = (uncertainty.mean_contributions(np.stack(parts), image_ids) for parts in zip(*shares))
    return uncertainty.ratio(happens, could)


def _apart(values: np.ndarray, one: np.ndarray) -> Share:
    """How much higher the mean of values (n,) is on these trials, (n,) bool, than on the others, as a mean over all trials.

    Each value counts from the mean of its own side, so that how many trials a side has adds nothing to the variance.
    """
    if one.all() or not one.any():
        return Share(np.zeros(len(values)), np.zeros(len(values)))
    here, there = values[one].mean(), values[~one].mean()
    return Share(here - there + np.where(one, (values - here) / one.mean(), (there - values) / (~one).mean()), np.ones(len(values)))


def _aspects(table: pd.DataFrame, n_trials: int) -> Measured:
    """Recall of things, and of those found again how many are in their place and colour, from a table of `found_again`."""
    things = table[table.there & (table.kind == "thing")].astype({"class": float})
    found, shares = things[things["class"] == 1], {}
    for aspect, metric in ASPECTS.items():
        part = (things if aspect == "class" else found).dropna(subset=[aspect])
        happens, could = (np.bincount(part.row, values, n_trials) for values in (part[aspect].astype(float), np.ones(len(part))))
        shares[metric] = Share(happens, could)
    return shares


def _jumps(this: Pipeline, given: dict[str, Embeddings], image_ids: np.ndarray) -> Share:
    """The largest step of a walk from the first trial of each picture to a trial of another one."""
    start, end, rows = ends({space: given[space] for space in CONDITIONS[COND]}, this.experiment.child_seed("controls"))
    happens, could = np.zeros((2, len(image_ids)))
    happens[rows], could[rows] = largest_step(this, walk(this, COND, start, end)), 1
    return Share(happens, could)


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def _row(run: Pipeline, address: tuple[str, str], score: uncertainty.Contributions, n: int) -> pd.DataFrame:
    name, metric = address
    null = 0.0 if LESS in name else NULLS.get(metric)
    found = uncertainty.score_interval(score, null=null)
    return scoring.score_row(name, metric, found.value, found.low, found.high, n, np.nan if null is None else null, run.experiment.seed,
                             run.origin, **found.columns)
