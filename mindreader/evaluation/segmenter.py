"""Segment a picture: which class and which colour stands at each place, and whether anything there is out of place.

The network is trained on the simulated world's own masks (`python -m mindreader.pretraining segmenter`), and is in no loss of
any other network.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core import weights
from ..embedding import unit_range
from ..world import COLOURS, STUFF, THINGS

CLASSES = (*(kind.name for kind in THINGS.values()), *(name for name, _ in STUFF.values()))  # things first
N_THINGS = len(THINGS)
THING_INDEX = {number: n for n, number in enumerate(THINGS)}                # COCO's ids -> index into CLASSES
STUFF_INDEX = {number: N_THINGS + n for n, number in enumerate(STUFF)}
PLACES = 32     # rows and columns of places in what comes out
PART = "segmenter"


@dataclass(frozen=True)
class SegmenterConfig:
    """Sizes of the network, and the classes and colours that it knows, in the order of its outputs."""

    size: int = 2 * PLACES  # height and width of the picture, pixels
    stages: tuple[int, int, int, int] = (32, 64, 128, 192)
    later: tuple[int, int, int] = (96, 64, 32)  # channels on the way back up
    classes: tuple[str, ...] = CLASSES
    colours: tuple[str, ...] = tuple(COLOURS)

    def asdict(self) -> dict:
        """As model cards store it."""
        return asdict(self)


class Segmentation(nn.Module):
    """A residual network down to a sixteenth of the side and back up to half of it, with the way down beside the way up.

    Pictures N3HW in [-1, 1] give logits at (H/2, W/2) places: (N, n_classes + n_colours + 1, H/2, W/2); the last is that of
    "something is out of place".

    Source: Ronneberger et al. 2015 (U-Net), with the blocks of He et al. 2016.
    """

    def __init__(self, config: SegmenterConfig):
        super().__init__()
        self.config = config
        first, *deeper = config.stages
        self.stem = nn.Sequential(nn.Conv2d(3, first, 3, 2, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        self.down = nn.ModuleList([_Residual(first, first, 1),
                                   *(_Residual(before, after, 2) for before, after in zip(config.stages, deeper))])
        beside = config.stages[-2::-1]
        self.up = nn.ModuleList([_joined(before + skip, after) for before, skip, after
                                 in zip((config.stages[-1], *config.later), beside, config.later)])
        self.out = nn.Conv2d(config.later[-1], len(config.classes) + len(config.colours) + 1, 1)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """The feature maps of all stages, from the first one down to the last one up; (N, channels, h, w) each, not negative."""
        x, found = self.stem(pictures), []
        for stage in self.down:
            x = stage(x)
            found.append(x)
        for stage, skip in zip(self.up, found[-2::-1]):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1))
            found.append(x)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        return self.out(self.maps(pictures)[-1])

    def split(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the classes, of the colours, and of "out of place" (N, h, w)."""
        classes, colours, odd = logits.split((len(self.config.classes), len(self.config.colours), 1), 1)
        return classes, colours, odd[:, 0]


class Reading(NamedTuple):
    """What the segmenter finds in n pictures at each place.

    classes  (n, h, w) uint8    index into `CLASSES`
    colours  (n, h, w) uint8    index into the world's `COLOURS`; it counts where the class is a thing that has one
    odd      (n, h, w) float32  probability that something is out of place
    features (n, d) float32     means and standard deviations over places of the maps of all stages
    """

    classes: np.ndarray
    colours: np.ndarray
    odd: np.ndarray
    features: np.ndarray


class Segmenter:
    """The trained network; for evaluation only, in no loss of any other network."""

    def __init__(self, module: Segmentation, *, batch: int = 128):
        self.module = module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.batch = batch

    def read(self, pixels: np.ndarray) -> Reading:
        """Read pictures (n, height, width, 3) uint8 of any size; they are resized to the network's."""
        found = [self._read(pixels[start:start + self.batch]) for start in range(0, len(pixels), self.batch)]
        return Reading(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    @torch.no_grad()
    def _read(self, pixels: np.ndarray) -> tuple[np.ndarray, ...]:
        size = self.module.config.size
        pictures = unit_range(pixels)
        if pictures.shape[2:] != (size, size):
            pictures = F.interpolate(pictures, (size, size), mode="bicubic", antialias=True, align_corners=False)
        maps = self.module.maps(pictures.contiguous(memory_format=torch.channels_last))
        classes, colours, odd = self.module.split(self.module.out(maps[-1]))
        features = torch.cat([x for level in maps for x in (level.mean((2, 3)), level.std((2, 3)))], 1)
        return (classes.argmax(1).to(torch.uint8).numpy(), colours.argmax(1).to(torch.uint8).numpy(),
                odd.sigmoid().numpy(), features.numpy())


def load_segmenter(name_or_path: str | Path = PART) -> Segmenter:
    """Load the shipped segmenter, or one from a folder; LayoutError where it is missing or of other classes than the world's."""
    config = SegmenterConfig()
    state, _ = weights.load_part(name_or_path, architecture=config.asdict())
    module = Segmentation(config)
    module.load_state_dict(state)
    return Segmenter(module)


class _Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut, pooled and projected where the size changes."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
                                  nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else nn.Sequential(
            nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def _joined(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
