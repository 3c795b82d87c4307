"""Log a GAN training: its losses and a sheet of samples, beside its checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import atomic_write, save_columns
from .finetuning import TrainedGan
from .stylegan import Generator

log = logging.getLogger(__name__)
LOSSES, SAMPLES = "losses.csv", "samples.png"


class Watch:
    """Writes losses.csv and samples.png into a folder at every tick of a training (`train_gan(on_tick=)`).

    Parameters
    ----------
    images : uint8 array (n, size, size, 3)
        The first column of the sheet.
    conditions : sequence of tuples of arrays (n, n_dims)
        Of the averaged generator in each further column: an array for each of its heads.
    folder : Path
        The training's workspace, which goes when the training is finished. A training that goes on adds to the losses.
    """

    def __init__(self, images: np.ndarray, conditions: Sequence[tuple[np.ndarray, ...]], folder: Path):
        self.images, self.conditions, self.folder = images, conditions, Path(folder)

    def __call__(self, row: dict, average: Generator) -> None:
        """row: of the history; average: the averaged generator now."""
        log.info("%s", {name: round(value, 4) for name, value in row.items()})
        trained = TrainedGan(average.config, {"G_ema": average.state_dict()})
        columns = [self.images, *(trained.generate(*embeddings, seed=0) for embeddings in self.conditions)]
        path = self.folder / LOSSES
        before = pd.read_csv(path) if path.is_file() else pd.DataFrame()
        before = before[before.kimg < row["kimg"]] if len(before) else before
        with atomic_write(path) as part:
            pd.concat([before, pd.DataFrame([row])], ignore_index=True).to_csv(part, index=False)
        with atomic_write(self.folder / SAMPLES) as part:
            save_columns(columns, part)
