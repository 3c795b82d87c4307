"""Fit the CLIP-to-fMRI encoder, and test its cycle: embedding, synthetic activity, decoded embedding (paper A.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn
from torch.nn import functional as F

from ..records import Embeddings, Mapper, Trials
from ..training import LOSSES, Phase, Schedule, Task, as_tensor, blend, fit, identity_of, in_batches, new_network
from .fitted import FittedNetwork
from .network import ResidualBlock, convolve


@dataclass(frozen=True)
class EncoderConfig:
    """Recipe of the encoder; sizes and loss weights (0.4 squared error, 0.6 cosine) from the released code."""

    n_blocks: int = 4
    hidden: int = 64
    fc_hidden: int = 128
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 4e-4
    lr_decay: float = 0.8
    decay_every: int = 10
    weight_decay: float = 1e-5
    dtype: str = "float32"

    def network(self, n_voxels: int, n_dims: int) -> ResidualEncoder:
        """The untrained network of this recipe."""
        return ResidualEncoder(n_dims, n_voxels, n_blocks=self.n_blocks, hidden=self.hidden, fc_hidden=self.fc_hidden)


class ResidualEncoder(nn.Module):
    """An embedding to betas, (B, n_dims) -> (B, n_voxels), treating the embedding as a sequence of n_dims positions.

    Pointwise convolution, residual blocks (no ReLU after their sum), one transposed convolution that doubles the
    positions, one pointwise layer over channels, two over positions without nonlinearity between. Source: paper A.8.
    """

    def __init__(self, n_dims: int, n_voxels: int, *, n_blocks: int = 4, hidden: int = 64, fc_hidden: int = 128):
        super().__init__()
        self.n_dims, self.n_voxels = n_dims, n_voxels
        self.stem = nn.Conv1d(1, hidden, 1)
        self.blocks = nn.ModuleList(ResidualBlock(hidden) for _ in range(n_blocks))
        self.widen = nn.ConvTranspose1d(hidden, hidden, 4, 2, 1)
        self.channels = nn.Conv1d(hidden, 1, 1)
        self.positions = nn.Conv1d(2 * n_dims, fc_hidden, 1)
        self.out = nn.Conv1d(fc_hidden, n_voxels, 1)

    def forward(self, embeddings: Tensor) -> Tensor:
        x = F.linear(embeddings.unsqueeze(2), self.stem.weight[:, 0], self.stem.bias)                # [B n_dims hidden]
        x = x.transpose(1, 2).unsqueeze(2)                                                       # [B hidden 1 n_dims]
        for block in self.blocks:
            x = block(x)
        up = self.widen
        x = F.relu_(F.conv_transpose2d(x, up.weight.unsqueeze(2), up.bias, (1, *up.stride), (0, *up.padding)))
        x = convolve(x, self.channels)[:, 0, 0]                                                  # [B 2*n_dims]
        x = F.linear(x, self.positions.weight[:, :, 0], self.positions.bias)
        return F.linear(x, self.out.weight[:, :, 0], self.out.bias)


def fit_encoder(embeddings: Embeddings, trials_train: Trials, trials_val: Trials, config: EncoderConfig = EncoderConfig(), *,
                seed: int, device: str = "cpu", checkpoint: Path | None = None,
                progress: Callable[..., Iterable] | None = None) -> FittedEncoder:
    """Fit the paper's encoder on single trials; the weights of the lowest validation loss are kept.

    embeddings: one for each picture. Raises KeyError for a picture without one, Diverged for a loss that is not finite.
    Source: paper A.8; schedule as the mappers'.
    """
    betas = as_tensor(trials_train.betas)
    task = Task(as_tensor(embeddings.at(trials_train.image_ids)), lambda rng: betas,
                as_tensor(embeddings.at(trials_val.image_ids)), as_tensor(trials_val.betas))
    weights = LOSSES["mse+cos"][0]
    phase = Phase("squared error + cosine distance", lambda a, b: blend(a, b, weights), config.epochs, config.batch)
    schedule = Schedule(config.learning_rate, config.lr_decay, config.decay_every, config.weight_decay)
    network = new_network(lambda: config.network(betas.shape[1], embeddings.vectors.shape[1]), seed)
    identity = identity_of(config, seed, embeddings.vectors, trials_train.betas, trials_val.betas) if checkpoint else ""
    history = fit(network, task, [phase], schedule, seed=seed, device=device, precision=config.dtype,
                  checkpoint=checkpoint, identity=identity, progress=progress, desc="encoder")
    return FittedEncoder(network, config, history)


@dataclass(frozen=True, eq=False)
class FittedEncoder(FittedNetwork):
    """A trained encoder, its recipe and its losses."""

    part, settings = "encoder", {"config": EncoderConfig}

    network: ResidualEncoder
    config: EncoderConfig
    history: pd.DataFrame

    def predict(self, embeddings: Embeddings, batch: int = 256) -> np.ndarray:
        """Predicted betas for each embedding, (n, n_voxels) float32, z-scored within session as the betas are."""
        if embeddings.vectors.shape[1] != self.network.n_dims:
            raise ValueError(f"got embeddings of {embeddings.vectors.shape[1]} dimensions, expected {self.network.n_dims} "
                             "as in training; use the same embedder")
        return in_batches(self.network, embeddings.vectors, batch)


def synthesize(encoder: FittedEncoder, embeddings: Embeddings) -> Trials:
    """Synthetic trials, one for each embedding in order; trial ids count from 0, the session is 0 (there was none)."""
    n = len(embeddings)
    return Trials(encoder.predict(embeddings), embeddings.image_ids, np.arange(n), np.zeros(n, np.int64))


def cycle(encoder: FittedEncoder, mappers: Mapping[str, Mapper], embeddings: Embeddings) -> dict[str, Embeddings]:
    """Decode, by each mapper, the activity that the encoder predicts from embeddings; ids and keys of `embeddings`.

    No measured activity is involved, so this tests the consistency of encoder and mapper. Source: paper A.8.
    """
    trials = synthesize(encoder, embeddings)
    return {name: replace(mapper.predict(trials), keys=embeddings.keys) for name, mapper in mappers.items()}
