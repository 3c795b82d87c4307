"""Predict activity from pictures, and hold it to the measured one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...core import Covers
from ...pipeline import Pipeline
from ...records import LayoutError
from ...scoring import noise_ceiling, pearson

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
    """Predicted responses for these pictures, row by row, (n, n_voxels); worked out once for each set of pictures."""
    ids, inverse = np.unique(image_ids, return_inverse=True)
    key = ("predicted responses", ids.tobytes())
    if key not in run.memo:
        embeddings = run.truth["image"].take(pd.Index(run.truth["image"].image_ids).get_indexer(ids))
        run.memo[key] = run.encoder.predict(embeddings)
    return run.memo[key][inverse]


def encoding_examples(run: Pipeline, n: int = 2, n_voxels: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Measured and predicted responses of the first voxels for the first n validation pictures, (n, n_voxels) each."""
    trials = run.subject.validation
    trials = trials.take(run.validation(run.mapped["image"]).first_rows(n))
    return trials.betas[:, :n_voxels], synthetic(run, trials.image_ids)[:, :n_voxels]


def encoding_summary(run: Pipeline, voxels: pd.DataFrame) -> dict:
    """The medians of `encoding_accuracy` for the chapter's prose and scorecard."""
    rng = np.random.default_rng(run.experiment.child_seed("voxels"))
    drawn = rng.integers(0, len(voxels), (run.experiment.evaluate.n_bootstrap, len(voxels)))

    def median(column, note, covers=Covers.VOXELS_ONE_FIT):
        values = voxels[column].to_numpy()
        low, high = np.quantile(np.nanmedian(values[drawn], axis=1), [0.025, 0.975])
        return {"ours": float(np.nanmedian(values)), "low": low, "high": high, "covers": covers, "n": len(values), "note": note}

    return {
        "median_r": median("r", "median over voxels"),
        "median_ceiling": median("ceiling", "the highest r that noise allows for one trial", Covers.VOXELS_NO_FIT),
        "median_r_shuffled": median("r_shuffled", "control: pictures shuffled"),
    }
