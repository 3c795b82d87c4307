"""Go from picture to activity to picture by the encoder, with measured noise, and by the true simulated brain (the paper's Fig. 17)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import scoring
from ...core import Covers
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, Trials, Unfit
from ...scoring import noise_ceiling
from ...studies.sources import brain_embeddings, reconstruction_features, stamped
from ...uncertainty import identification_contributions, score_interval
from ..common import first_draw, pictures_of
from .encoding import synthetic

CLEAN, NOISY, TRUE, TRUE_NOISY = "encoder", "encoder, with noise", "true simulated brain", "true simulated brain, with noise"
BRAIN, NULL = "measured trials", "encoder, another picture's"
CYCLES = (CLEAN, NOISY, TRUE, TRUE_NOISY)
TITLES = {CLEAN: "encoder", NOISY: "encoder,\nnoise", TRUE: "true brain\n(simulated)", TRUE_NOISY: "true brain,\nnoise"}  # of columns
N_WAYS = (2, 10)


def noise_patterns(trials: Trials, n: int, seed: int) -> np.ndarray:
    """Noise of measured size and shape, (n, n_voxels): what trials differ by from the mean over their picture's repeats.

    A whole trial's pattern is taken, so that voxels share noise as they do in the brain; with k repeats it is scaled by
    sqrt(k / (k - 1)), for the mean has a part of each. Raises ValueError where no picture has a repeat.
    """
    ids, inverse, counts = np.unique(trials.image_ids, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    if not len(several):
        raise ValueError(f"each of {len(ids)} pictures was shown once, expected repeats, by which noise is known")
    mean = np.zeros((len(ids), trials.betas.shape[1]))
    np.add.at(mean, inverse, trials.betas)
    mean /= counts[:, None]
    drawn = np.random.default_rng(seed).choice(several, n)
    k = counts[inverse[drawn]][:, None]
    return ((trials.betas[drawn] - mean[inverse[drawn]]) * np.sqrt(k / (k - 1))).astype(np.float32)


def cycle_activity(run: Pipeline, kind: str) -> Trials:
    """Activity for one trial of each validation picture, by one of CYCLES; trial ids are the picture's number.

    The planted response has a variance of 1 and betas have the noise's too, so it is scaled by sqrt(NC) of the planted ncsnr.
    Raises ValueError where there is no planted brain, or no repeat to take noise from.
    """
    ids = np.unique(run.subject.validation.image_ids)
    if kind in (CLEAN, NOISY):
        betas = synthetic(run, ids)
    elif run.origin != "twin" or run.experiment.data.roi != "nsdgeneral":
        raise ValueError(f"{kind} is left out: nothing was planted for these voxels")
    else:
        betas = run.plant.expected[ids] * np.sqrt(noise_ceiling(run.plant.ncsnr, n=1)).astype(np.float32)
    if kind in (NOISY, TRUE_NOISY):
        try:
            betas = betas + noise_patterns(run.subject.train, len(ids), run.experiment.child_seed("cycle noise"))
        except ValueError as reason:
            raise ValueError(f"{kind} is left out: {reason}") from reason
    return Trials(np.ascontiguousarray(betas, np.float32), ids, np.arange(len(ids)), np.zeros(len(ids), np.int64))


def cycle_decoded(run: Pipeline, kind: str) -> dict[str, Embeddings]:
    """What both mappers decode from that activity: one embedding for each validation picture and space."""
    key = ("cycle", kind)
    if key not in run.memo:
        trials = cycle_activity(run, kind)
        run.memo[key] = {space: run.mapper(space).predict(trials) for space in SPACES}
    return run.memo[key]


def missing_cycles(run: Pipeline) -> dict[str, str]:
    """Which of CYCLES this subject cannot have, each with the reason in one sentence."""
    if "missing cycles" not in run.memo:
        found = {}
        for kind in CYCLES:
            try:
                cycle_activity(run, kind)
            except ValueError as reason:
                found[kind] = str(reason)
        run.memo["missing cycles"] = found
    return run.memo["missing cycles"]


def cycle_scores(run: Pipeline, n_ways: tuple[int, ...] = N_WAYS) -> pd.DataFrame:
    """Identification of pictures after every cycle, by the evaluation network, which is in no loss, beside measured trials.

    Table name, metric, value, low, high (over pictures), n, chance, seed, origin, control, note. `NULL` is the clean cycle with
    pictures exchanged. A cycle that cannot be made has its reason in note and no value; so have all where no evaluation network
    fits the subject.
    """
    seed, rows, truth = run.experiment.child_seed("shuffled cycle"), [], None
    try:
        truth = run.true_features
        absent = missing_cycles(run)
    except Unfit as reason:
        absent = dict.fromkeys((*CYCLES, BRAIN, NULL), f"not computed: {reason}")
    for name in (*CYCLES, BRAIN, NULL):
        for ways in n_ways:
            metric, control = f"{ways}-way identification", name in (NULL, BRAIN)
            protocol = scoring.stamp("nway/exact@1", {"n_choices": ways}, scoring.CHOICES)
            note = absent.get(name) or _too_few(_features(run, name), ways)
            if note:
                rows.append(scoring.score_row(name, metric, np.nan, np.nan, np.nan, 0, np.nan, seed, run.origin, control=control,
                                              note=note, protocol=""))
                continue
            found = score_interval(identification_contributions([_features(run, name)], truth, n_choices=ways), null=1 / ways)
            rows.append(scoring.score_row(name, metric, found.value, found.low, found.high, len(_features(run, name)), 1 / ways, seed,
                                          run.origin, control=control, note="", protocol=protocol, **found.columns))
    table = pd.concat(rows, ignore_index=True)
    return table if truth is None else stamped(run, table, truth.space)


def cycle_columns(run: Pipeline, n: int = 8) -> dict[str, np.ndarray]:
    """The first n validation pictures as shown, as generated after each cycle, and from a measured trial: columns for a grid."""
    columns, absent, brain = {}, missing_cycles(run), brain_embeddings(run, "both")
    _, first = np.unique(brain["image"].image_ids, return_index=True)
    for kind in (kind for kind in CYCLES if kind not in absent):
        found = cycle_decoded(run, kind)
        rows = np.arange(min(n, len(found["image"])))
        columns.setdefault("shown", pictures_of(run, found["image"].image_ids[rows]))
        columns[TITLES[kind]] = first_draw(run.reconstruct({space: each.take(rows) for space, each in found.items()}, "both"))
    measured = {space: each.take(first[:n]) for space, each in brain.items()}
    return columns | {"measured\ntrial": first_draw(run.reconstruct(measured, "both"))}


def cycles_summary(table: pd.DataFrame) -> dict:
    """The numbers of `cycle_scores` for the chapter's prose: <cycle>_<ways>_way."""
    keys = dict(zip((*CYCLES, BRAIN, NULL), ("clean", "noisy", "true", "true_noisy", "brain", "null")))
    return {f"cycle_{keys[row.name]}_{row.metric.split('-')[0]}_way": {
        "ours": row.value, "low": row.low, "high": row.high, "covers": Covers.PICTURES_ONE_FIT, "n": row.n, "chance": row.chance,
        "note": row.name}
        for row in table.itertuples() if np.isfinite(row.value)}


def _too_few(features: Embeddings, ways: int) -> str:
    """Why there is no identification among so many pictures; "" where there is."""
    n = len(np.unique(features.image_ids))
    return "" if n >= ways else f"not computed: {n} pictures, fewer than {ways}"


def _features(run: Pipeline, name: str) -> Embeddings:
    """Reconstructions of one row of the table, in the evaluation network's space."""
    key = ("cycle features", name)
    if key not in run.memo:
        if name == NULL:
            run.memo[key] = scoring.shuffled(_features(run, CLEAN), run.experiment.child_seed("shuffled cycle"))
        elif name == BRAIN:
            run.memo[key] = reconstruction_features(run, "both") if not run.experiment.end_to_end else \
                run.picture_features(run.reconstruct(brain_embeddings(run, "both"), "both"))
        else:
            run.memo[key] = run.picture_features(run.reconstruct(cycle_decoded(run, name), "both"))
    return run.memo[key]
