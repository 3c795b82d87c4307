"""Load the published networks that photographs are scored and matched by: the Inception v3 of FID, and VICReg's ResNet-50.

Architectures are torchvision's, weights are read from files that `checkpoints` knows, and nothing is downloaded.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import checkpoints
from ..core.weights import check_tensors, read_tensors
from ..clipfiles import CLIP_MEAN, CLIP_STD
from ..embedding import Frozen, checked_pixels, in_batches, unit_range
from ..records import LayoutError, Unfit
from .smallnets import Divisor, max_mean

log = logging.getLogger(__name__)
INCEPTION = "Inception v3"  # the space of its features, whose Fréchet distance is FID
# the shipped part of the simulated world -> what does its work for photographs, as `checkpoints.PUBLISHED` calls it
NAMES = {"feature": "pt_inception-2015-12-05-6726825d", "resnet": "resnet50-vicreg"}
NETWORKS = {"feature": "Inception v3 of FID", "resnet": "ResNet-50 of VICReg"}
SIZE = 128  # height and width at which the released code gives pictures to the ResNet, pixels


class InceptionNet(Frozen):
    """The 2,048 pooled features of the Inception v3 of FID; for scores, never for a loss.

    Pictures are resized and scaled as TensorFlow's network of 2015 does it itself, which the paper's code and torch-fidelity
    reproduce (pytorch-fid resizes with half-pixel centres, which changes FID a little).
    """

    space, source, n_dims = INCEPTION, "pixels", 2048

    def __init__(self, module: nn.Module, *, batch: int = 32):
        self.module = module.eval().requires_grad_(False)
        self.batch = batch

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, 2048) float32, pooled."""
        def features(part: np.ndarray) -> Tensor:
            x = torch.from_numpy(np.array(part)).to(self._device).permute(0, 3, 1, 2).float()
            return self.module((tensorflow_resize(x, 299) - 128) / 128)

        return in_batches(self, features, checked_pixels(pixels))


class ResNet50(Frozen):
    """Features of the ResNet-50 that VICReg trained without labels, with the interface of `LowLevelNet`.

    Parameters
    ----------
    level : "low" or "last"
        What `images` gives: `low_level` features with each picture's own divisor, or `last_block`.

    Pictures come at 128 x 128 pixels: bicubic, with CLIP's mean and standard deviation in a loss, bilinear and in [0, 1] for a
    mapper's targets, both without antialiasing. Source: released code.
    """

    source = "pixels"

    def __init__(self, module: nn.Module, *, level: Literal["low", "last"] = "low", batch: int = 64):
        if level not in ("low", "last"):
            raise ValueError(f"found level {level!r}, expected 'low' or 'last'; choose one of them")
        self.module = module.eval().requires_grad_(False)
        self.batch = batch
        self.level = level
        self.space = f"resnet {level}"
        self.n_dims = (SIZE // 8) ** 2 if level == "low" else 2048
        self.mean, self.std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))

    def maps(self, x: Tensor, n_stages: int = 4) -> Tensor:
        """Feature maps after `n_stages` stages of pictures as they are, not negative, (N, channels, h, w)."""
        net = self.module
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4)[:n_stages]:
            x = stage(x)
        return x

    def low_level(self, pictures: Tensor, divisor: Divisor = "batch") -> Tensor:
        """Second-stage features of pictures N3HW in [-1, 1] -> (N, 256), by `max_mean`; differentiable."""
        return max_mean(self.maps(self._normalised(pictures), 2), divisor)

    def last_block(self, pictures: Tensor) -> Tensor:
        """Last-stage features of pictures N3HW in [-1, 1], pooled over positions -> (N, 2048)."""
        return self.maps(self._normalised(pictures)).mean((2, 3))

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, of this network's level, as a mapper's targets."""
        def features(part: np.ndarray) -> Tensor:
            x = (unit_range(part).to(self._device) + 1) / 2
            x = F.interpolate(x, (SIZE, SIZE), mode="bilinear", align_corners=False)
            return self.maps(x).mean((2, 3)) if self.level == "last" else max_mean(self.maps(x, 2), "sample")

        return in_batches(self, features, checked_pixels(pixels))

    def _normalised(self, pictures: Tensor) -> Tensor:
        x = F.interpolate(pictures, (SIZE, SIZE), mode="bicubic", align_corners=False)
        return ((x + 1) / 2 - self.mean.to(x)) / self.std.to(x)


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def find_published(part: str) -> Path:
    """The file of the published network that does for photographs what this shipped part ("feature", "resnet") does.

    Raises Unfit where it is neither among the imported weights nor in the reader's folder.
    """
    name = NAMES[part]
    path = checkpoints.find_weights(name)
    if path is None:
        files = next(one.files for one in checkpoints.PUBLISHED if one.name == name)
        raise Unfit(f"found no weights of the {NETWORKS[part]} in {checkpoints.imported_folder(name).parent} or in the folder that "
                    f"${checkpoints.VARIABLE} names, expected {' or '.join(files)} there for photographs; nothing is downloaded, so "
                    "put it there, or keep it with `python -m mindreader.checkpoints FILE`")
    return path


def load_inception() -> InceptionNet:
    """The evaluation network of photographs; raises Unfit where its file is missing, LayoutError where it is another's."""
    from torchvision.models import inception_v3  # here and not above: the simulated world needs none of it

    with torch.random.fork_rng(devices=[]):
        net = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    _load_into(net, "feature")
    return InceptionNet(fid_pooling(net))


def load_resnet50(level: Literal["low", "last"] = "low") -> ResNet50:
    """The low-level network of photographs; raises as `load_inception`."""
    from torchvision.models import resnet50

    with torch.random.fork_rng(devices=[]):
        net = resnet50(weights=None)
    net.fc = nn.Identity()
    _load_into(net, "resnet")
    return ResNet50(net, level=level)


def fid_pooling(net: nn.Module) -> nn.Module:
    """torchvision's Inception v3 with the pooling of the one that defines FID, in place; it gives the pooled features.

    Averages do not count the border's zeros, and the very last block takes the maximum. Source: TensorFlow's graph of 2015,
    as pytorch-fid and torch-fidelity read it.
    """
    for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b", "7c"):
        block = getattr(net, f"Mixed_{name}")
        setattr(net, f"Mixed_{name}", _Pooled(block, nn.MaxPool2d(3, 1, 1) if name == "7c" else
                                              nn.AvgPool2d(3, 1, 1, count_include_pad=False)))
    net.fc = nn.Identity()
    return net


class _Pooled(nn.Module):
    """A block of torchvision's Inception whose last branch pools in another way."""

    def __init__(self, block: nn.Module, pool: nn.Module):
        super().__init__()
        self.block, self.pool = block, pool

    def forward(self, x: Tensor) -> Tensor:
        *branches, _ = self.block._forward(x)
        return torch.cat([*branches, self.block.branch_pool(self.pool(x))], 1)


def tensorflow_resize(pictures: Tensor, size: int) -> Tensor:
    """Pictures N3HW at size x size, bilinear as TensorFlow 1 resizes: output pixel i lies at input place i * n / size.

    >>> tensorflow_resize(torch.tensor([[[[0.0, 2.0]]]]), 4)[0, 0, 0].tolist()
    [0.0, 1.0, 2.0, 2.0]
    """
    for axis in (3, 2):
        n = pictures.shape[axis]
        place = torch.arange(size, dtype=pictures.dtype, device=pictures.device) * (n / size)
        before = place.long()
        share = (place - before).reshape((-1, 1) if axis == 2 else (1, -1))
        low, high = (pictures.index_select(axis, at) for at in (before, (before + 1).clamp_max(n - 1)))
        pictures = low + (high - low) * share
    return pictures


def _load_into(net: nn.Module, part: str) -> None:
    """The weights of the published file, into torchvision's architecture; one of another checksum is named."""
    path, what = find_published(part), f"the weights of the {NETWORKS[part]}"
    known = next(one for one in checkpoints.PUBLISHED if one.name == NAMES[part])
    if known.sha256 and not checkpoints.published_digest(path).startswith(known.sha256):
        log.warning("%s has not the checksum under which %s are published, so its scores are not comparable with others'", path, what)
    state = read_tensors(path, what)[0] if path.suffix == ".safetensors" else checkpoints.load_checkpoint(path)
    check_tensors(state, path, what)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise LayoutError(f"found weights in {path} that do not fit ({' '.join(str(error).split())[:200]}), expected {what}; give "
                          "the file that its authors publish") from error
