"""Load the networks that pictures are scored and matched by: the small ones of the simulated world, or the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .. import checkpoints
from ..core import weights
from ..embedding import Frozen, checked_pixels, in_batches, resize, unit_range
from ..records import LayoutError
from .published import InceptionNet, ResNet50, find_published, load_inception, load_resnet50
from .smallnets import FEATURE_NET, RESNET, Divisor, SmallNet, max_mean


class FeatureNet(Frozen):
    """Features of the small network trained to predict the simulated world's factors; for distances, never for a loss.

    A Fréchet distance over them is `FD (twin features)`, not an FID.
    """

    space, source = "twin features", "pixels"

    def __init__(self, module: SmallNet, *, batch: int = 256):
        self.module = module.eval().requires_grad_(False)
        self.batch = batch
        self.n_dims = module.n_dims

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, pooled."""
        return in_batches(self, lambda part: self.module(unit_range(part).to(self._device)), checked_pixels(pixels))


class LowLevelNet(Frozen):
    """Features of the small self-supervised network (VICReg, pictures alone).

    Parameters
    ----------
    level : "low" or "last"
        What `images` gives: `low_level` with each picture's own divisor, or `last_block`.

    Raises ValueError for another level.
    """

    source = "pixels"

    def __init__(self, module: SmallNet, *, level: Literal["low", "last"] = "low", batch: int = 256):
        if level not in ("low", "last"):
            raise ValueError(f"found level {level!r}, expected 'low' or 'last'; choose one of them")
        self.module = module.eval().requires_grad_(False)
        self.batch = batch
        self.level = level
        self.space = f"resnet {level}"
        self.n_dims = (module.config.size // 4) ** 2 if level == "low" else module.n_dims

    def low_level(self, pictures: Tensor, divisor: Divisor = "batch") -> Tensor:
        """Second-stage features of pictures N3HW in [-1, 1] -> (N, positions), by `max_mean`; differentiable."""
        return max_mean(self.module.maps(pictures, 2), divisor)

    def last_block(self, pictures: Tensor) -> Tensor:
        """Last-stage features of pictures N3HW in [-1, 1], pooled over positions -> (N, channels)."""
        return self.module.maps(pictures).mean((2, 3))

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, of this network's level."""
        features = self.last_block if self.level == "last" else lambda x: self.low_level(x, "sample")
        return in_batches(self, lambda part: features(unit_range(part).to(self._device)), checked_pixels(pixels))


class PixelEmbedder:
    """The picture's pixels, downsampled, as its embedding: a baseline space.

    Parameters
    ----------
    size : int
        Height and width after shrinking, pixels; n_dims = 3 * size^2, values in [0, 1].
    """

    space, source = "pixels", "pixels"

    def __init__(self, size: int = 16, *, batch: int = 256):
        self.size, self.batch, self.n_dims = size, batch, 3 * size * size

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32."""
        def shrink(part):
            return ((resize(unit_range(part), self.size) + 1) / 2).flatten(1)

        return in_batches(self, shrink, checked_pixels(pixels))


def load_feature_net(path: str | Path | None = None, *, photographs: bool = False) -> FeatureNet | InceptionNet:
    """Load the evaluation network: of `FD (twin features)`, or, for photographs, of FID.

    path: another folder written by `weights.save_part`. Raises LayoutError for a file, and Unfit where photographs are to be
    scored and the Inception of FID is not there.
    """
    if photographs:
        return load_inception()
    if path is not None and Path(path).is_file():
        raise LayoutError(f"found the file {path}, expected a folder with card.json and weights.safetensors; the Inception of FID "
                          "is for photographs, and found among published weights (`python -m mindreader.checkpoints`)")
    return FeatureNet(_small_net("feature" if path is None else Path(path), FEATURE_NET))


def load_resnet(level: Literal["low", "last"] = "low", *, photographs: bool = False) -> LowLevelNet | ResNet50:
    """Load the self-supervised network: for photographs the ResNet-50 of VICReg, else the small one that stands in for it.

    Raises Unfit where photographs are given and the ResNet-50 is not there.
    """
    return load_resnet50(level) if photographs else LowLevelNet(_small_net("resnet", RESNET), level=level)


def network_checksum(part: Literal["feature", "resnet"], *, photographs: bool = False) -> str:
    """sha256 of the weights of `load_feature_net` or `load_resnet`, of a published file as published; raises as they do."""
    return checkpoints.published_digest(find_published(part)) if photographs else weights.part_checksum(part)


def _small_net(part: str | Path, config) -> SmallNet:
    state, _ = weights.load_part(part, architecture=config.asdict())
    with torch.random.fork_rng(devices=[]):
        net = SmallNet(config)
    net.load_state_dict(state)
    return net
