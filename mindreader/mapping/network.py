"""From brain activity to CLIP's space, or to the low-level net's: the paper's residual network, its targets and recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ..records import Embeddings, LayoutError, Trials
from ..training import LOSSES, Phase, Schedule, Task, as_tensor, blend, fit, identity_of, in_batches, new_network
from . import bfloat16 as halfwidth
from .auxiliary import COMPANIONS, companion

CAPTION_CHOICES = ("random", "first", "average")
AUXILIARIES = ("none", *COMPANIONS)
TERMS = ("squared error", "cosine distance", "contrastive")


@dataclass(frozen=True)
class MappingConfig:
    """How activity is mapped to CLIP's space; the defaults are the paper's final recipe (Table 3b) but for `epochs`.

    pad_to          voxels are padded with zeros to this many; None: to the next number the network can halve
    n_blocks        residual blocks; n_layers: strided convolutions before them; hidden, fc_hidden: their widths
    loss            a key of losses.LOSSES; `epochs` has one entry for each of its phases
    clamp           targets are cut to +-clamp before they are scaled to unit length (None: not cut)
    unit, sigmoid   unit-length targets (CLIP); or (False, True) for targets within [0, 1] (the low-level net)
    augment         the image mapper learns from augmented pictures, when they are given
    caption_choice  which of a picture's captions is the target: another "random" one at each access, its "first",
                    or their "average"
    batch           rows in a step; batch_contrastive: in phases with the contrastive term
    dtype           "float32", or "bfloat16" for about twice the speed where the processor has it
    auxiliary       "gan": each phase has a discriminator beside it; "vicreg": one phase more, the last loss beside an
                    expander's, so that `epochs` has one entry more (Table 3b; D-12, D-13)
                    auxiliary_weight: of its term; for "gan" the released 1 was never tried, its term had no gradient
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

    @classmethod
    def from_card(cls, settings: dict) -> MappingConfig:
        """What `asdict` made of one and a JSON file kept, which knows lists only."""
        return cls(**settings | {"epochs": tuple(settings["epochs"])})

    @property
    def phases(self) -> list[Phase]:
        """The loss's phases with their names, lengths and batch sizes."""
        weights = list(LOSSES[self.loss])
        beside = [self.auxiliary == "gan"] * len(weights)
        if self.auxiliary == "vicreg":
            weights, beside = [*weights, weights[-1]], [*beside, True]
        if len(self.epochs) < len(weights):
            also = f" with auxiliary {self.auxiliary!r}" if self.auxiliary != "none" else ""
            raise ValueError(f"loss {self.loss!r}{also} has {len(weights)} phases, got epochs={self.epochs}; "
                             "expected one number for each phase")
        return [Phase(" + ".join(f"{w} {t}" for w, t in zip(ws, TERMS) if w), partial(blend, weights=ws), n,
                      self.batch_contrastive if ws[2] or (companion and self.auxiliary == "vicreg") else self.batch,
                      companion)
                for ws, n, companion in zip(weights, self.epochs, beside)]

    def network(self, n_voxels: int, n_dims: int) -> ResidualMapper:
        """The network of this recipe, not trained."""
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
    """A trial's voxels to a point, (B, n_voxels) -> (B, n_dims): Conv1d, residual blocks, three pointwise layers.

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
        self.n_voxels, self.sigmoid = n_voxels, sigmoid
        left = (padded - n_voxels) // 2
        self.margins = (left, padded - n_voxels - left)
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
        by_hand = x.dtype == torch.bfloat16 and x.device.type == "cpu"
        rectify = halfwidth.rectify if by_hand else F.relu_
        x = rectify(x).transpose(1, 2).unsqueeze(2)                                              # [B hidden 1 positions]
        for conv in self.stem[1:]:
            x = rectify(convolve(x, conv))
        if by_hand:
            x = halfwidth.trunk(x, *self.blocks.parameters())
            x = halfwidth.head(x, *self.channels.parameters(), *self.positions.parameters(), *self.out.parameters())
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
    """What a mapper aims at: each point cut elementwise to +-clamp, and then scaled to unit length.

    The order matters: a few of CLIP's dimensions carry outliers that would otherwise rule the direction. For the
    average of several captions, average first (`points.per_image()`). Source: paper §2.2; 1.5 from the released code.
    """
    vectors = embeddings.vectors if clamp is None else np.clip(embeddings.vectors, -clamp, clamp)
    return Embeddings(vectors, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source).unit()


def low_level_targets(embeddings: Embeddings, train_ids: np.ndarray) -> Embeddings:
    """What the low-level mapper aims at: features shifted and scaled by one pair of numbers into [0, 1].

    The lowest and the highest value over the training pictures become 0 and 1; what lies beyond on others is cut.

    points: of `embed.load_resnet(level)`, one for each picture. Source: released code, which has constants for its own
    network, .67 and 3. Departs: D-40.
    """
    seen = embeddings.at(train_ids)
    low, high = float(seen.min()), float(seen.max())
    vectors = np.clip((embeddings.vectors - low) / (high - low), 0, 1).astype(np.float32)
    return Embeddings(vectors, embeddings.image_ids, embeddings.keys, embeddings.space, embeddings.source)


def low_level_recipe(config: MappingConfig) -> MappingConfig:
    """The same recipe for targets of `low_level_targets`: two strided layers, a wider last one, one phase, a sigmoid.

    Source: released code, which also has a step, a decay and a weight of the cosine of its own here. Departs: D-40.
    """
    return replace(config, n_layers=2, fc_hidden=256, pad_to=None, unit=False, sigmoid=True, clamp=None, augment=False,
                   loss="mse+cos", auxiliary="none", epochs=config.epochs[:1])


def fit_mapper(trials_train: Trials, trials_val: Trials, embeddings: Embeddings, config: MappingConfig, *, seed: int,
               device: str = "cpu", augmented: np.ndarray | None = None, start: FittedMapper | None = None,
               checkpoint: Path | None = None, progress: Callable[..., Iterable] | None = None) -> FittedMapper:
    """Train the paper's mapper; the weights of the lowest validation loss of the last phase are kept.

    Parameters
    ----------
    trials_train, trials_val : Trials
    points : Embeddings
        Raw (not scaled) points, one or several for each picture, all pictures of both sides.
    augmented : array (n_versions, len(points), n_dims), optional
        Points of augmented versions of the pictures, rows as in `points`; each access draws a version. Departs: the
        paper augments on the fly; a fixed set of versions is drawn from instead. Validation is always clean
        (released code: augmented).
    start : FittedMapper, optional
        A mapper that went through the first phases of this recipe, which are not repeated; with the seed and the trials
        of its fit, the result has the bits of all phases trained in one go.
    checkpoint : Path, optional
        Where an unfinished fit is kept and resumed from, to the same bits.

    Raises ValueError for a picture without a point or a start of another recipe, Diverged for a loss that is not finite.
    Source: paper §2.2; schedule, clamp and weights of the losses from the released code.
    """
    n_voxels, n_dims = trials_train.betas.shape[1], embeddings.vectors.shape[1]
    network = new_network(lambda: config.network(n_voxels, n_dims), seed)
    if start:
        check_voxels(trials_train, start.network.n_voxels)
        _continues(start, config, embeddings.space)
        network.load_state_dict(start.network.state_dict())
    history = train(network, trials_train, trials_val, embeddings, config, seed=seed, device=device, augmented=augmented,
                    trained=start.history if start else None, checkpoint=checkpoint, progress=progress)
    return FittedMapper(network, config, embeddings.space, history)


def train(network: nn.Module, trials_train: Trials, trials_val: Trials, embeddings: Embeddings, config: MappingConfig, *,
          seed: int, device: str = "cpu", augmented: np.ndarray | None = None, trained: pd.DataFrame | None = None,
          checkpoint: Path | None = None, progress: Callable[..., Iterable] | None = None,
          desc: str = "mapper") -> pd.DataFrame:
    """Train any network from voxels to points by the recipe of `config`, in place; how its losses went.

    As `fit_mapper`; `trained` as in `fitting.fit`. The sizes in `config` (n_blocks to pad_to, sigmoid) are not looked at.
    """
    learnt = _Choice(embeddings, config, augmented if config.augment else None)
    clean = _Choice(embeddings, config, None)
    seen = clean.images(trials_val.image_ids)
    task = Task(
        inputs=as_tensor(trials_train.betas), draw=learnt.images(trials_train.image_ids),
        validation_inputs=as_tensor(trials_val.betas), validation_targets=seen(np.random.default_rng([seed, 10**6])))
    schedule = Schedule(config.learning_rate, config.lr_decay, config.decay_every, config.weight_decay)
    beside = companion(config.auxiliary, embeddings.vectors.shape[1], seed + 1, config.auxiliary_weight) \
        if config.auxiliary != "none" else None
    identity = identity_of(config, seed, trials_train.betas, trials_train.image_ids, trials_val.image_ids, learnt.vectors,
                           *(v.cpu().numpy() for v in network.state_dict().values())) if checkpoint else ""
    return fit(network, task, config.phases, schedule, seed=seed, device=device, bfloat16=config.dtype == "bfloat16",
               companion=beside, trained=trained, checkpoint=checkpoint, identity=identity, progress=progress,
               desc=f"{desc} ({embeddings.space})")


@dataclass(frozen=True, eq=False)
class FittedMapper:
    """A trained network, the space it maps to, and how its losses went (table phase, epoch, ..., best)."""

    network: ResidualMapper
    config: MappingConfig
    space: str
    history: pd.DataFrame

    def predict(self, trials: Trials, batch: int = 256) -> Embeddings:
        """One point per trial, not scaled to unit length; keys are the trial ids, source is "fmri"."""
        check_voxels(trials, self.network.n_voxels)
        return Embeddings(in_batches(self.network, trials.betas, batch), trials.image_ids, trials.trial_ids, self.space,
                          "fmri")

    def save(self, folder: Path) -> None:
        """Write mapper.safetensors and mapper.json."""
        card = {"config": asdict(self.config), "space": self.space, "n_voxels": self.network.n_voxels,
                "n_dims": self.network.channels.out_channels, "history": self.history.to_dict("records")}
        write_part(Path(folder), "mapper", self.network.state_dict(), card)

    @classmethod
    def load(cls, folder: Path) -> FittedMapper:
        """Read what `save` wrote; LayoutError where something is missing."""
        state, card = read_part(Path(folder), "mapper")
        config = MappingConfig.from_card(card["config"])
        network = config.network(card["n_voxels"], card["n_dims"])
        network.load_state_dict(state)
        return cls(network, config, card["space"], pd.DataFrame(card["history"]))


def check_voxels(trials: Trials, expected: int) -> None:
    """Raise ValueError where trials have another number of voxels than a mapper was trained with."""
    if trials.betas.shape[1] != expected:
        raise ValueError(f"got trials of {trials.betas.shape[1]} voxels, expected {expected} as in training; "
                         "use the same subject and region")


def write_part(folder: Path, name: str, state: dict[str, Tensor], card: dict) -> None:
    """Write <name>.safetensors and <name>.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().cpu().contiguous() for key, value in state.items()}, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(card, indent=1))


def read_part(folder: Path, name: str) -> tuple[dict[str, Tensor], dict]:
    """Read what `write_part` wrote."""
    for path in (folder / f"{name}.safetensors", folder / f"{name}.json"):
        if not path.exists():
            raise LayoutError(f"no {path.name} in {folder}, expected what {name}'s save() wrote; fit it again")
    return load_file(folder / f"{name}.safetensors"), json.loads((folder / f"{name}.json").read_text())


class _Choice:
    """The target vectors of each picture, side by side, and which of them an access may draw."""

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

    def images(self, image_ids: np.ndarray) -> Callable[[np.random.Generator], Tensor]:
        """A function that draws one target for each of these rows."""
        rows = pd.Index(self.ids).get_indexer(image_ids)
        if (rows < 0).any():
            raise ValueError(f"image {np.asarray(image_ids)[rows < 0][0]} has no point among the {len(self.ids)} images "
                             "given, expected one for the image of every trial; embed all stimuli")
        start, count = self.start[rows], self.count[rows]

        def draw(rng: np.random.Generator) -> Tensor:
            return torch.from_numpy(self.vectors[start + (rng.random(len(rows)) * count).astype(int)])

        return draw


def _versions(embeddings: Embeddings, augmented: np.ndarray) -> Embeddings:
    augmented = np.asarray(augmented, np.float32)
    if augmented.ndim != 3 or augmented.shape[1:] != embeddings.vectors.shape:
        raise ValueError(f"got augmented points of shape {augmented.shape}, expected (n_versions, "
                         f"{', '.join(map(str, embeddings.vectors.shape))}): the rows of `points`, several times")
    keys = np.repeat(np.arange(len(augmented)), len(embeddings))
    return Embeddings(augmented.reshape(-1, augmented.shape[2]), np.tile(embeddings.image_ids, len(augmented)), keys,
                      embeddings.space, embeddings.source)


def _continues(start: FittedMapper, config: MappingConfig, space: str) -> None:
    """Whether `start` went through the first phases of this recipe, and through nothing else."""
    def outline(phases: list[Phase]) -> list[tuple]:
        return [(phase.name, phase.epochs, phase.batch, phase.companion) for phase in phases]

    done, wanted = outline(start.config.phases), outline(config.phases)
    same = replace(start.config, loss=config.loss, epochs=config.epochs, auxiliary=config.auxiliary,
                   auxiliary_weight=config.auxiliary_weight) == config
    if start.config.auxiliary != "none" or start.space != space or not same or wanted[:len(done)] != done:
        raise ValueError(f"got a start for space {start.space!r} that was fitted with {start.config}, expected the first "
                         f"phases of {config} for space {space!r} and no auxiliary network; fit it without a start")
