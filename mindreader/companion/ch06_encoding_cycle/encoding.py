"""Predict activity from pictures, and reconstruct pictures from the predicted activity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import mapping, scoring
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, LayoutError
from ...scoring import noise_ceiling, pearson
from ...studies.sources import brain_embeddings, identification_row
from ..common import entry, first_draw, first_of_each, pictures_of

STREAMS = ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")


def encoding_accuracy(run: Pipeline) -> pd.DataFrame:
    """Each voxel's correlation of predicted and measured responses over validation trials, beside its ceiling.

    Table voxel, r, r_shuffled, ceiling, stream. The ceiling is the square root of the noise ceiling for one trial.
    Raises LayoutError where the subject has none, before anything is computed.
    """
    if np.isnan(run.subject.ncsnr).all():
        raise LayoutError(f"no voxel has a noise ceiling to compare with, expected ncsnr in {run.layout.ncsnr}; download "
                          "it, as without it nobody knows how well an encoder could do")
    trials = run.subject.validation
    predicted = synthetic(run, trials.image_ids)
    order = np.random.default_rng(run.experiment.child_seed("shuffled pictures")).permutation(len(trials))
    stream = np.full(run.subject.n_voxels, "none", dtype=object)
    for name in STREAMS:
        stream[run.subject.rois[f"streams/{name}"]] = name
    return pd.DataFrame({
        "voxel": np.arange(run.subject.n_voxels),
        "r": pearson(predicted, trials.betas),
        "r_shuffled": pearson(predicted[order], trials.betas),
        "ceiling": np.sqrt(noise_ceiling(run.subject.ncsnr, n=1)),
        "stream": stream,
    })


def synthetic(run: Pipeline, image_ids: np.ndarray) -> np.ndarray:
    """Predicted responses for these pictures, row by row, (n, n_voxels)."""
    ids, inverse = np.unique(image_ids, return_inverse=True)
    embeddings = run.truth["image"].take(pd.Index(run.truth["image"].image_ids).get_indexer(ids))
    return run.encoder.predict(embeddings)[inverse]


def encoding_examples(run: Pipeline, n: int = 2, n_voxels: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Measured and predicted responses of the first voxels for the first n validation pictures, (n, n_voxels) each."""
    trials = run.subject.validation
    trials = trials.take(first_of_each(run.validation(run.mapped["image"]), n))
    return trials.betas[:, :n_voxels], synthetic(run, trials.image_ids)[:, :n_voxels]


def cycle_embeddings(run: Pipeline) -> dict[str, Embeddings]:
    """Picture → CLIP → encoder → mappers: one embedding for each validation picture and space."""
    return mapping.cycle(run.encoder, {space: run.mapper(space) for space in SPACES}, run.validation(run.truth["image"]))


def cycle_pictures(run: Pipeline, n: int = 8) -> dict[str, np.ndarray]:
    """Pictures seen, reconstructed after the cycle, and reconstructed from measured activity: columns for a grid."""
    brain, cycle = brain_embeddings(run, "both"), cycle_embeddings(run)
    rows = first_of_each(brain["image"], n)
    ids = brain["image"].image_ids[rows]
    back = pd.Index(cycle["image"].image_ids).get_indexer(ids)
    return {"shown": pictures_of(run, ids),
            "after the cycle": first_draw(run.reconstruct({s: cycle[s].take(back) for s in SPACES}, "both")),
            "from the brain": first_draw(run.reconstruct({s: brain[s].take(rows) for s in SPACES}, "both"))}


def cycle_identification(run: Pipeline) -> pd.DataFrame:
    """Two-way identification of pictures after the cycle, beside those from measured activity and a shuffled cycle.

    Without values, and with the reason in place of the protocol, where no evaluation network fits the subject.
    """
    if missing := run.missing("feature"):
        return pd.concat([scoring.score_row(name, "2-way identification", np.nan, np.nan, np.nan, 0, np.nan, 0, run.origin,
                                            protocol=f"not computed: {missing}", control=name != "after the cycle")
                          for name in ("after the cycle", "from the brain", "cycle, shuffled")], ignore_index=True)
    cycle, brain = cycle_embeddings(run), brain_embeddings(run, "both")
    seed = run.experiment.child_seed("shuffled cycle")
    shuffled = {space: scoring.shuffled(cycle[space], seed) for space in SPACES}
    rows = [identification_row(run, name, run.picture_features(run.reconstruct(embeddings, "both")), run.true_features, 2,
                               control=name != "after the cycle")
            for name, embeddings in (("after the cycle", cycle), ("from the brain", brain), ("cycle, shuffled", shuffled))]
    return pd.concat(rows, ignore_index=True)


def encoding_summary(run: Pipeline, voxels: pd.DataFrame, table: pd.DataFrame) -> dict:
    """The numbers of the chapter's prose and scorecard."""
    rng = np.random.default_rng(run.experiment.child_seed("voxels"))
    drawn = rng.integers(0, len(voxels), (run.experiment.evaluate.n_bootstrap, len(voxels)))

    def median(column, note):
        values = voxels[column].to_numpy()
        low, high = np.quantile(np.nanmedian(values[drawn], axis=1), [0.025, 0.975])
        return {"ours": float(np.nanmedian(values)), "low": low, "high": high, "n": len(values), "note": note}

    rows = {row.name: row for row in table.itertuples()}
    return {
        "median_r": median("r", "median over voxels; interval from resampling voxels"),
        "median_ceiling": median("ceiling", "the highest r that noise allows for one trial"),
        "median_r_shuffled": median("r_shuffled", "control: pictures shuffled"),
        "cycle_two_way": entry(rows["after the cycle"], note="picture to activity to picture, no brain"),
        "brain_two_way": entry(rows["from the brain"], note="from measured single trials"),
        "cycle_two_way_shuffled": entry(rows["cycle, shuffled"], note="control: another picture's cycle"),
    }
