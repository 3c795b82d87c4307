"""Fit the fMRI-to-CLIP mapper: the paper's residual network, its targets and its training recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..records import Embeddings, Trials
from ..training import (LOSSES, Phase, Schedule, Task, as_tensor, bfloat16_head, bfloat16_rectify, bfloat16_trunk, blend, fit,
                        identity_of, in_batches, new_network)
from .auxiliary import AUXILIARY_NETWORKS, new_auxiliary
from .fitted import FittedNetwork, check_voxels

CAPTION_CHOICES = ("random", "first", "average")
AUXILIARIES = ("none", *AUXILIARY_NETWORKS)
TERMS = ("squared error", "cosine distance", "contrastive")


@dataclass(frozen=True)
class MappingConfig:
    """Recipe of a mapper; the defaults are the paper's final one (Table 3b) but for `epochs`.

    pad_to          voxels after zero padding; None: the next multiple of 2 ** n_layers
    n_blocks        residual blocks; n_layers: strided convolutions before them; hidden, fc_hidden: their widths
    loss            a key of losses.LOSSES; `epochs` has one entry for each of its phases
    clamp           targets are cut to +-clamp before they are scaled to unit length (None: not cut)
    unit, sigmoid   unit-length targets (CLIP); or (False, True) for targets within [0, 1] (the low-level net)
    augment         train the image mapper on embeddings of augmented pictures, where they are given
    caption_choice  which of a picture's captions is the target: a "random" one drawn at each access, the "first",
                    or the "average"
    batch           trials per step; batch_contrastive: in phases with the contrastive term
    dtype           "float32", or "bfloat16" for about twice the speed where the processor has it
    auxiliary       "gan": a discriminator's term in each phase; "vicreg": one more phase (and entry of `epochs`), the
                    last loss with an expander's term (Table 3b; D-12, D-13)
                    auxiliary_weight: of that term; the released 1 for "gan" had no effect, its term had no gradient
    """

    n_blocks: int = 4
    hidden: int = 64
    fc_hidden: int = 128
    n_layers: int = 1
    pad_to: int | None = None
    loss: str = "mse+cos then all"
    epochs: tuple[int, ...] = (12, 12)
    clamp: float | None = 1.5
    unit: bool = True
    sigmoid: bool = False
    augment: bool = True
    caption_choice: Literal["random", "first", "average"] = "random"
    learning_rate: float = 4e-4
    lr_decay: float = 0.8
    decay_every: int = 10
    weight_decay: float = 1e-5
    batch: int = 32
    batch_contrastive: int = 128
    dtype: Literal["float32", "bfloat16"] = "float32"
    auxiliary: Literal["none", "gan", "vicreg"] = "none"
    auxiliary_weight: float = 1.0

    def __post_init__(self):
        if self.loss not in LOSSES:
            raise ValueError(f"got loss {self.loss!r}, expected one of {', '.join(LOSSES)}")
        if self.caption_choice not in CAPTION_CHOICES:
            raise ValueError(f"got caption_choice {self.caption_choice!r}, expected one of {', '.join(CAPTION_CHOICES)}")
        if self.dtype not in ("float32", "bfloat16"):
            raise ValueError(f"got dtype {self.dtype!r}, expected float32 or bfloat16")
        if self.auxiliary not in AUXILIARIES:
            raise ValueError(f"got auxiliary {self.auxiliary!r}, expected one of {', '.join(AUXILIARIES)}")

    @property
    def phases(self) -> list[Phase]:
        """The loss's phases with their names, lengths and batch sizes."""
        weights = list(LOSSES[self.loss])
        with_auxiliary = [self.auxiliary == "gan"] * len(weights)
        if self.auxiliary == "vicreg":
            weights, with_auxiliary = [*weights, weights[-1]], [*with_auxiliary, True]
        if len(self.epochs) < len(weights):
            also = f" with auxiliary {self.auxiliary!r}" if self.auxiliary != "none" else ""
            raise ValueError(f"loss {self.loss!r}{also} has {len(weights)} phases, got epochs={self.epochs}; "
                             "expected one number for each phase")
        return [Phase(" + ".join(f"{w} {t}" for w, t in zip(ws, TERMS) if w), partial(blend, weights=ws), n,
                      self.batch_contrastive if ws[2] or (auxiliary and self.auxiliary == "vicreg") else self.batch,
                      auxiliary)
                for ws, n, auxiliary in zip(weights, self.epochs, with_auxiliary)]

    def network(self, n_voxels: int, n_dims: int) -> ResidualMapper:
        """The untrained network of this recipe."""
        return ResidualMapper(n_voxels, n_dims, n_blocks=self.n_blocks, hidden=self.hidden, fc_hidden=self.fc_hidden,
                              n_layers=self.n_layers, pad_to=self.pad_to, sigmoid=self.sigmoid)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(conv(x))))), kernels 3, 3, 1, the same width throughout, no batch norm (paper A.1)."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.conv3 = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:                     # [B width 1 positions], see `convolve`
        y = F.relu_(convolve(x, self.conv1))
        y = F.relu_(convolve(y, self.conv2))
        return convolve(y, self.conv3).add_(x)


class ResidualMapper(nn.Module):
    """Betas to an embedding, (B, n_voxels) -> (B, n_dims): Conv1d, residual blocks, three pointwise layers.

    1,156,929 parameters at 15,744 voxels and 512 dimensions, in the released network's order and shapes, so that its
    state dict maps one to one. The three layers that the paper calls linear act on channels (row 6) and on positions
    (rows 9 and 11). Voxels are padded with zeros, half on the left. Source: paper §2.2, A.1; rows as in facts §3.2.
    """

    def __init__(self, n_voxels: int, n_dims: int, *, n_blocks: int = 4, hidden: int = 64, fc_hidden: int = 128,
                 n_layers: int = 1, pad_to: int | None = None, sigmoid: bool = False):
        super().__init__()
        multiple = 2 ** n_layers
        padded = pad_to or -(-n_voxels // multiple) * multiple
        if padded < n_voxels or padded % multiple:
            raise ValueError(f"got pad_to={pad_to} for {n_voxels} voxels and {n_layers} strided layers, expected a "
                             f"multiple of {multiple} that is no smaller")
        self.n_voxels, self.n_dims, self.sigmoid = n_voxels, n_dims, sigmoid
        left = (padded - n_voxels) // 2
        self.margins = (left, padded - n_voxels - left)
        self.n_bytes = 4 * padded // multiple * max(hidden, n_dims)      # of one trial in the widest layer, in float32
        self.stem = nn.ModuleList(nn.Conv1d(1 if i == 0 else hidden, hidden, 4, 2, 1) for i in range(n_layers))   # row 1
        self.blocks = nn.ModuleList(ResidualBlock(hidden) for _ in range(n_blocks))                          # rows 2-5
        self.channels = nn.Conv1d(hidden, n_dims, 1)                                                              # row 6
        self.positions = nn.Conv1d(padded // multiple, fc_hidden, 1)                                              # row 9
        self.out = nn.Conv1d(fc_hidden, 1, 1)                                                                    # row 11

    def forward(self, betas: Tensor) -> Tensor:
        first = self.stem[0]
        left, right = self.margins
        windows = F.pad(betas, (left + 1, right + 1)).unfold(1, 4, 2)                             # [B positions 4]
        x = F.linear(windows, first.weight[:, 0], first.bias)                                    # [B positions hidden]
        written_out = x.dtype == torch.bfloat16 and x.device.type == "cpu"
        rectify = bfloat16_rectify if written_out else F.relu_
        x = rectify(x).transpose(1, 2).unsqueeze(2)                                              # [B hidden 1 positions]
        for conv in self.stem[1:]:
            x = rectify(convolve(x, conv))
        if written_out:
            x = bfloat16_trunk(x, *self.blocks.parameters())
            x = bfloat16_head(x, *self.channels.parameters(), *self.positions.parameters(), *self.out.parameters())
        else:
            for block in self.blocks:
                x = F.relu_(block(x))
            x = self._in_convolutions(x)                                                         # [B n_dims]
        return torch.sigmoid(x) if self.sigmoid else x

    def _in_convolutions(self, x: Tensor) -> Tensor:
        """Rows 6 to 11, [B hidden 1 positions] -> [B n_dims]."""
        x = F.relu_(convolve(x, self.channels)).squeeze(2).transpose(1, 2)                       # [B positions n_dims]
        return self.out(F.relu_(self.positions(x)))[:, 0]


def convolve(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """A Conv1d on [B C 1 L] with channels innermost in memory: the same sums, about half as long on a CPU."""
    return F.conv2d(x, conv.weight.unsqueeze(2), conv.bias, (1, *conv.stride), (0, *conv.padding))


def targets(embeddings: Embeddings, clamp: float | None = 1.5) -> Embeddings:
    """The mapper's targets: each embedding clipped elementwise to +-clamp, then scaled to unit length.

    Clipping comes first, since outliers in a few of CLIP's dimensions would otherwise dominate the direction. To use the
    average of several captions, average first (`embeddings.per_image()`). Source: paper §2.2; 1.5 from the released code.

    >>> targets(Embeddings(np.float32([[9, 0], [1, 1]]), np.arange(2), np.zeros(2, int), "image", "clip")).vectors.round(2)
    array([[1.  , 0.  ],
           [0.71, 0.71]], dtype=float32)
    """
    vectors = embeddings.vectors if clamp is None else np.clip(embeddings.vectors, -clamp, clamp)
    return replace(embeddings, vectors=vectors).unit()


def low_level_targets(embeddings: Embeddings, train_ids: np.ndarray) -> Embeddings:
    """The low-level mapper's targets: features of `load_resnet`, one row per picture, scaled linearly into [0, 1].

    The minimum and maximum over the training pictures become 0 and 1; other pictures' values are clipped. Source:
    released code, which has constants for its own network, .67 and 3. Departs: D-40.
    """
    training = embeddings.at(train_ids)
    low, high = float(training.min()), float(training.max())
    vectors = np.clip((embeddings.vectors - low) / (high - low), 0, 1).astype(np.float32)
    return replace(embeddings, vectors=vectors)


def first_phase(recipe: MappingConfig) -> MappingConfig | None:
    """The recipe that stops after the first of several phases; None where there is one, or none that can stand alone."""
    phases = recipe.phases
    if len(phases) < 2 or phases[0].auxiliary:
        return None
    alone = next(name for name, weights in LOSSES.items() if weights == LOSSES[recipe.loss][:1])
    return replace(recipe, loss=alone, epochs=recipe.epochs[:1], auxiliary="none")


def low_level_recipe(config: MappingConfig) -> MappingConfig:
    """The recipe for targets of `low_level_targets`: two strided layers, a wider last one, one phase, a sigmoid.

    Source: released code, which also has its own learning rate, decay and cosine weight here. Departs: D-40.
    """
    return replace(config, n_layers=2, fc_hidden=256, pad_to=None, unit=False, sigmoid=True, clamp=None, augment=False,
                   loss="mse+cos", auxiliary="none", epochs=config.epochs[:1])


def fit_mapper(trials_train: Trials, trials_val: Trials, embeddings: Embeddings, config: MappingConfig, *, seed: int,
               device: str = "cpu", augmented: np.ndarray | None = None, start: FittedMapper | None = None,
               checkpoint: Path | None = None, progress: Callable[..., Iterable] | None = None) -> FittedMapper:
    """Fit the paper's mapper; the weights of the lowest validation loss of the last phase are kept.

    Parameters
    ----------
    trials_train, trials_val : Trials
    embeddings : Embeddings
        Raw (not scaled), one or several for each picture of both sides.
    augmented : array (n_versions, len(embeddings), n_dims), optional
        Embeddings of augmented versions of the pictures, rows as in `embeddings`; each access draws a version. Departs:
        the paper augments on the fly, here a fixed set is drawn from; validation is never augmented (released: is).
    start : FittedMapper, optional
        A mapper fitted by the first phases of this recipe, which are not repeated; with the seed and trials of its fit,
        the result has the bits of all phases trained in one go.
    checkpoint : Path, optional
        Where an unfinished fit is kept and resumed from, to the same bits.

    Raises ValueError for a picture without embedding or a start of another recipe, Diverged for a loss that is not
    finite. Source: paper §2.2; schedule, clamp and weights of the losses from the released code.
    """
    n_voxels, n_dims = trials_train.betas.shape[1], embeddings.vectors.shape[1]
    network = new_network(lambda: config.network(n_voxels, n_dims), seed)
    if start:
        check_voxels(trials_train, start.network.n_voxels)
        _check_start(start, config, embeddings.space)
        network.load_state_dict(start.network.state_dict())
    history = train(network, trials_train, trials_val, embeddings, config, seed=seed, device=device, augmented=augmented,
                    trained=start.history if start else None, checkpoint=checkpoint, progress=progress)
    return FittedMapper(network, config, embeddings.space, history)


def train(network: nn.Module, trials_train: Trials, trials_val: Trials, embeddings: Embeddings, config: MappingConfig, *,
          seed: int, device: str = "cpu", augmented: np.ndarray | None = None, trained: pd.DataFrame | None = None,
          checkpoint: Path | None = None, progress: Callable[..., Iterable] | None = None,
          desc: str = "mapper") -> pd.DataFrame:
    """Train any network from voxels to embeddings by the recipe of `config`, in place; returns its losses.

    As `fit_mapper`; `trained` as in `fitting.fit`. The sizes in `config` (n_blocks to pad_to, sigmoid) are ignored.
    """
    choice = _TargetChoice(embeddings, config, augmented if config.augment else None)
    validation = _TargetChoice(embeddings, config, None).for_images(trials_val.image_ids)
    task = Task(inputs=as_tensor(trials_train.betas), draw=choice.for_images(trials_train.image_ids),
                validation_inputs=as_tensor(trials_val.betas),
                validation_targets=validation(np.random.default_rng([seed, 10**6])))
    schedule = Schedule(config.learning_rate, config.lr_decay, config.decay_every, config.weight_decay)
    auxiliary = new_auxiliary(config.auxiliary, embeddings.vectors.shape[1], seed + 1, config.auxiliary_weight) \
        if config.auxiliary != "none" else None
    identity = identity_of(config, seed, trials_train.betas, trials_train.image_ids, trials_val.image_ids, choice.vectors,
                           *(v.cpu().numpy() for v in network.state_dict().values())) if checkpoint else ""
    return fit(network, task, config.phases, schedule, seed=seed, device=device, precision=config.dtype,
               auxiliary=auxiliary, trained=trained, checkpoint=checkpoint, identity=identity, progress=progress,
               desc=f"{desc} ({embeddings.space})")


@dataclass(frozen=True, eq=False)
class FittedMapper(FittedNetwork):
    """A trained mapper, its recipe, the space it maps to, and its losses (table phase, epoch, ..., best)."""

    part, settings = "mapper", {"config": MappingConfig}

    network: ResidualMapper
    config: MappingConfig
    space: str
    history: pd.DataFrame

    def predict(self, trials: Trials, batch: int | None = None) -> Embeddings:
        """One embedding per trial, not scaled to unit length; keys are the trial ids, source is "fmri".

        batch: trials at once; by default 256, or as many as need half a gigabyte in the widest layer.
        """
        check_voxels(trials, self.network.n_voxels)
        batch = batch or max(1, min(256, 2**29 // self.network.n_bytes))
        return Embeddings(in_batches(self.network, trials.betas, batch), trials.image_ids, trials.trial_ids, self.space,
                          "fmri")


class _TargetChoice:
    """The target vectors of each picture, as consecutive rows, and how many of them may be drawn."""

    def __init__(self, embeddings: Embeddings, config: MappingConfig, augmented: np.ndarray | None):
        if augmented is not None:
            embeddings = _versions(embeddings, augmented)
        elif config.caption_choice == "average":
            embeddings = embeddings.per_image()
        if config.unit:
            embeddings = targets(embeddings, config.clamp)
        order = np.lexsort((embeddings.keys, embeddings.image_ids))
        self.vectors = embeddings.vectors[order]
        self.ids, self.start, self.count = np.unique(embeddings.image_ids[order], return_index=True, return_counts=True)
        if augmented is None and config.caption_choice == "first":
            self.count = np.ones_like(self.count)

    def for_images(self, image_ids: np.ndarray) -> Callable[[np.random.Generator], Tensor]:
        """A function that draws one target for each of these rows."""
        rows = pd.Index(self.ids).get_indexer(image_ids)
        if (rows < 0).any():
            raise ValueError(f"image {np.asarray(image_ids)[rows < 0][0]} has no embedding among the {len(self.ids)} "
                             "images given, expected one for the image of every trial; embed all stimuli")
        start, count = self.start[rows], self.count[rows]

        def draw(rng: np.random.Generator) -> Tensor:
            return torch.from_numpy(self.vectors[start + (rng.random(len(rows)) * count).astype(int)])

        return draw


def _versions(embeddings: Embeddings, augmented: np.ndarray) -> Embeddings:
    """All versions as embeddings of their pictures, keyed by version."""
    augmented = np.asarray(augmented, np.float32)
    if augmented.ndim != 3 or augmented.shape[1:] != embeddings.vectors.shape:
        raise ValueError(f"got augmented embeddings of shape {augmented.shape}, expected (n_versions, "
                         f"{', '.join(map(str, embeddings.vectors.shape))}): the rows of `embeddings`, several times")
    return replace(embeddings, vectors=augmented.reshape(-1, augmented.shape[2]),
                   image_ids=np.tile(embeddings.image_ids, len(augmented)),
                   keys=np.repeat(np.arange(len(augmented)), len(embeddings)))


def _check_start(start: FittedMapper, config: MappingConfig, space: str) -> None:
    """Raise ValueError unless `start` was fitted by the first phases of this recipe alone."""
    def outline(phases: list[Phase]) -> list[tuple]:
        return [(phase.name, phase.epochs, phase.batch, phase.auxiliary) for phase in phases]

    done, wanted = outline(start.config.phases), outline(config.phases)
    same = replace(start.config, loss=config.loss, epochs=config.epochs, auxiliary=config.auxiliary,
                   auxiliary_weight=config.auxiliary_weight) == config
    if start.config.auxiliary != "none" or start.space != space or not same or wanted[:len(done)] != done:
        raise ValueError(f"got a start for space {start.space!r} that was fitted with {start.config}, expected the first "
                         f"phases of {config} for space {space!r} and no auxiliary network; fit it without a start")
