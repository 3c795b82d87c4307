"""From CLIP's point of a picture to brain activity, and the cycle: picture, synthetic activity, and back to CLIP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn
from torch.nn import functional as F

from ..records import Embeddings, Mapper, Trials
from ..training import LOSSES, Phase, Schedule, Task, as_tensor, blend, fit, identity_of, in_batches, new_network
from .network import ResidualBlock, convolve, read_part, write_part


@dataclass(frozen=True)
class EncoderConfig:
    """How activity is predicted; sizes and loss weights (0.4 squared error, 0.6 cosine) from the released code."""

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


class ResidualEncoder(nn.Module):
    """A point to a trial's voxels, (B, n_dims) -> (B, n_voxels), treating the point as a sequence of n_dims positions.

    Pointwise convolution, residual blocks (no ReLU after their sum), one transposed convolution that doubles the
    positions, one pointwise layer over channels, two over positions with nothing between them. Source: paper A.8.
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
    """Train the paper's encoder on single trials; the weights of the lowest validation loss are kept.

    points: one point for each picture. Raises KeyError for a picture without one, Diverged for a loss that is not
    finite. Source: paper A.8; schedule as the mappers'.
    """
    betas = as_tensor(trials_train.betas)
    task = Task(as_tensor(embeddings.at(trials_train.image_ids)), lambda rng: betas,
                as_tensor(embeddings.at(trials_val.image_ids)), as_tensor(trials_val.betas))
    weights = LOSSES["mse+cos"][0]
    phase = Phase("squared error + cosine distance", lambda a, b: blend(a, b, weights), config.epochs, config.batch)
    schedule = Schedule(config.learning_rate, config.lr_decay, config.decay_every, config.weight_decay)
    network = new_network(lambda: _network(embeddings.vectors.shape[1], betas.shape[1], config), seed)
    identity = identity_of(config, seed, embeddings.vectors, trials_train.betas, trials_val.betas) if checkpoint else ""
    history = fit(network, task, [phase], schedule, seed=seed, device=device, bfloat16=config.dtype == "bfloat16",
                  checkpoint=checkpoint, identity=identity, progress=progress, desc="encoder")
    return FittedEncoder(network, config, history)


@dataclass(frozen=True, eq=False)
class FittedEncoder:
    """A trained encoder and how its losses went."""

    network: ResidualEncoder
    config: EncoderConfig
    history: pd.DataFrame

    def predict(self, embeddings: Embeddings, batch: int = 256) -> np.ndarray:
        """The activity each point would evoke, (n, n_voxels) float32, in the betas' unit (z within session)."""
        if embeddings.vectors.shape[1] != self.network.n_dims:
            raise ValueError(f"got points of {embeddings.vectors.shape[1]} dimensions, expected {self.network.n_dims} as in "
                             "training; use the same embedder")
        return in_batches(self.network, embeddings.vectors, batch)

    def save(self, folder: Path) -> None:
        """Write encoder.safetensors and encoder.json."""
        card = {"config": asdict(self.config), "n_dims": self.network.n_dims, "n_voxels": self.network.n_voxels,
                "history": self.history.to_dict("records")}
        write_part(Path(folder), "encoder", self.network.state_dict(), card)

    @classmethod
    def load(cls, folder: Path) -> FittedEncoder:
        """Read what `save` wrote; LayoutError where something is missing."""
        state, card = read_part(Path(folder), "encoder")
        config = EncoderConfig(**card["config"])
        network = _network(card["n_dims"], card["n_voxels"], config)
        network.load_state_dict(state)
        return cls(network, config, pd.DataFrame(card["history"]))


def synthesize(encoder: FittedEncoder, embeddings: Embeddings) -> Trials:
    """Synthetic trials, one for each point in its order; trial ids count from 0, the session is 0 (there was none)."""
    n = len(embeddings)
    return Trials(encoder.predict(embeddings), embeddings.image_ids, np.arange(n), np.zeros(n, np.int64))


def cycle(encoder: FittedEncoder, mappers: Mapping[str, Mapper], embeddings: Embeddings) -> dict[str, Embeddings]:
    """Where pictures land after point -> synthetic activity -> mapped point, for each mapper; ids and keys of `points`.

    No brain is involved: what survives is what encoder and mapper agree about. Source: paper A.8.
    """
    trials = synthesize(encoder, embeddings)
    there_and_back = {}
    for name, mapper in mappers.items():
        mapped = mapper.predict(trials)
        there_and_back[name] = Embeddings(mapped.vectors, embeddings.image_ids, embeddings.keys, mapped.space, mapped.source)
    return there_and_back


def _network(n_dims: int, n_voxels: int, config: EncoderConfig) -> ResidualEncoder:
    return ResidualEncoder(n_dims, n_voxels, n_blocks=config.n_blocks, hidden=config.hidden, fc_hidden=config.fc_hidden)
