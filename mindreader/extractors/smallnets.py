"""Small convolutional networks of the simulated world: for Fréchet distances, and for low-level features."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..embedding import resize

Divisor = Literal["batch", "sample"]


@dataclass(frozen=True)
class NetConfig:
    """Size of a small residual network: channels of its four stages and of its output (0: those of the last stage).

    The first stage has half the picture's height and width, each later one half of the one before.
    """

    size: int = 64  # height and width of the picture, pixels
    stages: tuple[int, int, int, int] = (24, 48, 96, 128)
    n_dims: int = 256

    def asdict(self) -> dict:
        """As model cards store it."""
        return asdict(self)


FEATURE_NET = NetConfig()
RESNET = NetConfig(stages=(24, 48, 96, 160), n_dims=0)


class SmallNet(nn.Module):
    """A residual network of four stages with one block each; pictures N3HW in [-1, 1], of any size."""

    def __init__(self, config: NetConfig):
        super().__init__()
        self.config = config
        first, *later = config.stages
        self.stem = nn.Sequential(nn.Conv2d(3, first, 3, 2, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        blocks = [_Block(first, first, 1)]
        for before, after in zip(config.stages, later):
            blocks.append(_Block(before, after, 2))
        self.stages = nn.ModuleList(blocks)
        last = config.stages[-1]
        self.head = nn.Identity()
        if config.n_dims:
            self.head = nn.Sequential(nn.Conv2d(last, config.n_dims, 1, bias=False),
                                      nn.BatchNorm2d(config.n_dims), nn.ReLU())
        self.n_dims = config.n_dims or last

    def maps(self, pictures: Tensor, n_stages: int = 4) -> Tensor:
        """Feature maps after `n_stages` stages, not negative, (N, channels, h, w)."""
        x = self.stem(resize(pictures, self.config.size))
        for stage in self.stages[:n_stages]:
            x = stage(x)
        return x

    def forward(self, pictures: Tensor) -> Tensor:
        """Pooled features, (N, n_dims)."""
        return self.head(self.maps(pictures)).mean((2, 3))


def max_mean(maps: Tensor, divisor: Divisor = "batch") -> Tensor:
    """Spatial map of a feature map's maximal and mean channel.

        v = max_c F / max_pos(max_c F) + 2 * mean_c F / max_pos(mean_c F)

    Parameters
    ----------
    maps : Tensor of shape (N, channels, h, w)
        Not negative.
    divisor : "batch" or "sample"
        Whether max_pos runs over the positions of all pictures, or of each picture separately.

    Returns
    -------
    Tensor of shape (N, h * w), in [0, 3]

    Source: released code; the mapper's target divides per sample, the generator's loss per batch. Raises ValueError for
    another divisor.

    >>> max_mean(torch.tensor([[[[1.0, 2.0]]]])).tolist()
    [[1.5, 3.0]]
    """
    if divisor not in ("batch", "sample"):
        raise ValueError(f"found divisor {divisor!r}, expected 'batch' or 'sample'; choose one of them")
    out = 0
    for weight, v in ((1, maps.amax(1).flatten(1)), (2, maps.mean(1).flatten(1))):
        top = v.amax() if divisor == "batch" else v.amax(1, keepdim=True)
        out = out + weight * v / top.clamp_min(1e-12)
    return out


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, pooled and projected where the size changes."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False),
                                          nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))
