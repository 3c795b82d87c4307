"""Generator and discriminator: a StyleGAN2 whose every layer is conditioned on one or two CLIP embeddings.

Order is the forward pass, small to large. Base: StyleGAN2 (Karras et al. 2020) with Lafite's condition injection
(Zhou et al. 2022) and Mind Reader's second head. Parameter names are those of the published checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import training
from .layers import GAIN, SLOPE, Conv, EqualLinear, cut, enlarge, kernel_norm, minibatch_deviation, modulated_conv

Noise = Literal["random", "const", "none"]


@dataclass(frozen=True)
class StyleGanConfig:
    """Sizes of generator and discriminator; the defaults are the book's, `PUBLISHED` has the paper's.

    Departs: D-39. The published networks take unit-length conditions through layers with 1/100 of the learning rate;
    after 20 kimg the generator still ignored them. Here conditions have z's variance, their layers the full rate.
    """

    resolution: int = 64
    z_dim: int = 64
    w_dim: int = 128
    condition_dim: int = 128        # width of one condition, e.g. 512 for CLIP ViT-B/32
    channel_base: int = 2048        # a layer at r pixels has min(channel_base / r, channel_max) channels
    channel_max: int = 128
    mapping_layers: int = 4
    unit_variance_conditions: bool = True  # conditions times sqrt(condition_dim), so coordinates are as large as z's
    condition_lr: float = 1.0       # learning-rate multiplier of the condition layers
    heads: int = 1                  # conditions: 1 = Lafite ("structure 2"), 2 = Mind Reader ("structure 4")
    conv_clamp: float = 256.0       # activations are cut at this size
    minibatch_group: int = 4        # pictures compared with each other by the discriminator

    def __post_init__(self):
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution {self.resolution}; expected a power of two of at least 8")
        if self.heads not in (1, 2):
            raise ValueError(f"heads={self.heads}; expected 1 (one condition) or 2 (image and caption)")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ... up to `resolution`, pixels."""
        return tuple(2**k for k in range(2, self.resolution.bit_length()))

    @property
    def n_layers(self) -> int:
        """How many layers take a w each (style mixing cuts somewhere in between)."""
        return 2 * len(self.resolutions)

    def channels(self, resolution: int) -> int:
        """Channels of the layers at this many pixels."""
        return min(self.channel_base // resolution, self.channel_max)


PUBLISHED = StyleGanConfig(resolution=256, z_dim=512, w_dim=512, condition_dim=512, channel_base=32768,
                           channel_max=512, mapping_layers=8, unit_variance_conditions=False, condition_lr=0.01)


class DiscriminatorOutput(NamedTuple):
    """The discriminator's `logit` (N, 1), and for each head the picture's `features` (N, condition_dim)."""

    logit: Tensor
    features: tuple[Tensor, ...]


# ---------------------------------------------------------------------------------------------------------------------
# Generator


class Mapping(nn.Module):
    """z -> w: z scaled to unit mean square, then fully connected layers; keeps a running mean of w."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        widths = [config.z_dim] + [config.w_dim] * config.mapping_layers
        for i, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
            self.add_module(f"fc{i}", EqualLinear(n_in, n_out, lrelu=True, lr_multiplier=0.01))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))
        self.n_layers = config.mapping_layers

    def forward(self, z: Tensor) -> Tensor:
        """(N, z_dim) -> (N, w_dim)."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for i in range(self.n_layers):
            w = self.get_submodule(f"fc{i}")(w)
        return w

    def update_mean(self, w: Tensor, decay: float = 0.995) -> None:
        """Update the running mean (training only; used for truncation)."""
        self.w_avg.copy_(w.detach().mean(0).lerp(self.w_avg, decay))


class StyledLayer(nn.Module):
    """A layer whose style is made from w and the conditions.

    Each condition passes its own pair of small layers; two conditions are joined by their elementwise maximum;
    style = A([condition, w]). Paper §2.3, eq. 3; "structure" 2 and 4.
    """

    def __init__(self, config: StyleGanConfig, n_channels: int):
        super().__init__()
        hidden = (config.condition_dim + config.w_dim) // 2
        options = {"lrelu": True, "lr_multiplier": config.condition_lr}
        for tail in ("", "1")[: config.heads]:
            self.add_module(f"pre_0{tail}", EqualLinear(config.condition_dim, hidden, **options))
            self.add_module(f"pre_1{tail}", EqualLinear(hidden, config.w_dim, **options))
        self.affine_0 = EqualLinear(2 * config.w_dim, n_channels, bias=1.0)

    def style(self, w: Tensor, conditions: tuple[Tensor, ...]) -> Tensor:
        """(N, w_dim) and a tuple of (N, condition_dim) -> (N, n_channels)."""
        condition = self.pre_1(self.pre_0(conditions[0]))
        if len(conditions) == 2:
            condition = torch.maximum(condition, self.pre_11(self.pre_01(conditions[1])))
        return self.affine_0(torch.cat([condition, w], 1))


class StyledConv(StyledLayer):
    """Modulated 3x3 convolution, noise for every pixel, bias, leaky ReLU, clamp."""

    def __init__(self, config: StyleGanConfig, n_in: int, n_out: int, resolution: int, *, up: bool = False):
        super().__init__(config, n_in)
        self.weight = nn.Parameter(torch.randn(n_out, n_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.up, self.clamp = up, config.conv_clamp

    def drawn(self, n: int, noise: Noise, rng: torch.Generator | None) -> Tensor | None:
        """The noise of n pictures: (n, 1, r, r) when "random", (r, r) for all of them when "const"."""
        if noise == "random":
            return training.normal((n, 1, *self.noise_const.shape), rng, self.noise_const.device)
        return self.noise_const if noise == "const" else None

    def forward(self, x: Tensor, w: Tensor, conditions: tuple[Tensor, ...], noise: Tensor | None) -> Tensor:
        """x (N, n_in, h, h), w (N, w_dim), conditions each (N, condition_dim), noise as `drawn` -> (N, n_out, r, r)."""
        style = self.style(w, conditions)
        y = modulated_conv(x, self.weight, style, up=self.up)
        # The gain of the activation goes into norm, bias and noise: lrelu(x) * gain = lrelu(x * gain).
        norm = (kernel_norm(self.weight, style) * GAIN).to(y.dtype)[:, :, None, None]
        shift = (self.bias * GAIN)[None, :, None, None]
        if noise is not None and noise.dim() == 4:
            y = torch.addcmul((noise * (self.noise_strength * GAIN)).to(y.dtype), y, norm) + shift.to(y.dtype)
        else:
            if noise is not None:
                shift = shift + noise * (self.noise_strength * GAIN)
            y = torch.addcmul(shift.to(y.dtype), y, norm)
        return cut(F.leaky_relu(y, SLOPE), self.clamp)


class ToPicture(StyledLayer):
    """Modulated 1x1 convolution to red, green, blue; not demodulated."""

    def __init__(self, config: StyleGanConfig, n_in: int):
        super().__init__(config, n_in)
        self.weight = nn.Parameter(torch.randn(3, n_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.clamp = config.conv_clamp

    def forward(self, x: Tensor, w: Tensor, conditions) -> Tensor:
        style = self.style(w, conditions) / math.sqrt(self.weight.shape[1])
        y = modulated_conv(x, self.weight, style).float()
        return cut(y + self.bias[None, :, None, None], self.clamp)


class SynthesisBlock(nn.Module):
    """One doubling of the size: two styled convolutions (one at 4 px), and what they add to the picture."""

    def __init__(self, config: StyleGanConfig, resolution: int):
        super().__init__()
        n_out = config.channels(resolution)
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(n_out, 4, 4))
        else:
            self.conv0 = StyledConv(config, config.channels(resolution // 2), n_out, resolution, up=True)
        self.conv1 = StyledConv(config, n_out, n_out, resolution)
        self.torgb = ToPicture(config, n_out)

    @property
    def convs(self) -> list[StyledConv]:
        """The styled convolutions, in order."""
        return [self.conv0, self.conv1] if hasattr(self, "conv0") else [self.conv1]


class Synthesis(nn.Module):
    """w and conditions -> pictures; each block adds to the enlarged picture of the blocks before."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        self.config = config
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))

    def drawn(self, n: int, noise: Noise, rng: torch.Generator | None, size: int = 0) -> list[Tensor | None]:
        """The noise of each convolution's n pictures; before all layers, as a compiled one cannot ask an `rng`."""
        convs = [conv for resolution in self._sizes(size) for conv in self.get_submodule(f"b{resolution}").convs]
        return [conv.drawn(n, noise, rng) for conv in convs]

    def forward(self, ws: Tensor, conditions: tuple[Tensor, ...], noise: Sequence[Tensor | None], *,
                dtype: torch.dtype = torch.float32, size: int = 0) -> Tensor:
        """ws (N, n_layers, w_dim), conditions each (N, condition_dim), noise as `drawn` -> (N, 3, H, W) or of `size` px."""
        ws = ws.unbind(1)
        picture, layer = None, 0
        for resolution in self._sizes(size):
            block = self.get_submodule(f"b{resolution}")
            if resolution == 4:
                x = block.const.to(dtype).expand(len(ws[0]), -1, -1, -1)
                x = x.contiguous(memory_format=torch.channels_last)
            else:
                x = block.conv0(x, ws[layer], conditions, noise[layer])
                layer += 1
            x = block.conv1(x, ws[layer], conditions, noise[layer])
            layer += 1
            added = block.torgb(x, ws[layer], conditions)  # shares its w with the next block's first layer
            picture = added if picture is None else enlarge(picture) + added
        return picture

    def _sizes(self, size: int) -> list[int]:
        return [resolution for resolution in self.config.resolutions if not size or resolution <= size]


class Generator(nn.Module):
    """Generates pictures from noise z, conditioned on one or two embeddings. Paper §2.3.

    `compute` is the number format of the convolutions (torch.float32 or torch.bfloat16); pictures, styles and weights
    are float32 always.
    """

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        self.config = config
        self.compute = torch.float32
        self.synthesis = Synthesis(config)
        self.mapping = Mapping(config)

    def generate(self, ws: Tensor, conditions: tuple[Tensor, ...], *, noise: Noise = "random",
                 rng: torch.Generator | None = None, size: int = 0) -> Tensor:
        """ws (N, n_layers, w_dim), one w for each layer -> (N, 3, H, W), or the smaller picture of `size` within it."""
        _check_conditions(conditions, self.config)
        if self.config.unit_variance_conditions:
            conditions = tuple(c * math.sqrt(self.config.condition_dim) for c in conditions)
        return self.synthesis(ws, conditions, self.synthesis.drawn(len(ws), noise, rng, size), dtype=self.compute, size=size)

    def forward(self, z: Tensor, image_condition: Tensor, caption_condition: Tensor | None = None, *,
                noise: Noise = "random", rng: torch.Generator | None = None, truncation: float = 1.0) -> Tensor:
        """Pictures (N, 3, H, W), about [-1, 1], from z (N, z_dim) and conditions (N, condition_dim), unit length.

        A generator with one head takes `image_condition` only (whatever space it is from). `truncation` < 1 pulls w
        to its mean: less varied pictures. `rng` draws the pixel noise when `noise` is "random".
        """
        w = self.mapping(z)
        if truncation != 1:
            w = self.mapping.w_avg.lerp(w, truncation)
        conditions = (image_condition,) if caption_condition is None else (image_condition, caption_condition)
        return self.generate(w[:, None].expand(-1, self.config.n_layers, -1), conditions, noise=noise, rng=rng)


# ---------------------------------------------------------------------------------------------------------------------
# Discriminator


class ResidualBlock(nn.Module):
    """Half the size: two convolutions beside a 1x1 short cut, both scaled by sqrt(1/2)."""

    def __init__(self, config: StyleGanConfig, resolution: int):
        super().__init__()
        n_in, n_out, clamp = config.channels(resolution), config.channels(resolution // 2), config.conv_clamp
        if resolution == config.resolution:
            self.fromrgb = Conv(3, n_in, 1, clamp=clamp)
        self.conv0 = Conv(n_in, n_in, 3, clamp=clamp)
        self.conv1 = Conv(n_in, n_out, 3, down=True, gain=math.sqrt(0.5), clamp=clamp)
        self.skip = Conv(n_in, n_out, 1, bias=False, down=True, gain=math.sqrt(0.5), clamp=clamp)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        return self.skip(x) + self.conv1(self.conv0(x))


class Epilogue(nn.Module):
    """The last 4x4 pixels -> logit and features."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        n = config.channels(4)
        self.conv = Conv(n + 1, n, 3, clamp=config.conv_clamp)
        self.fc = EqualLinear(n * 16, n, lrelu=True)
        self.fts = EqualLinear(n, config.condition_dim)
        if config.heads == 2:
            self.fts2 = EqualLinear(n, config.condition_dim)
        self.out = EqualLinear(n, 1)
        self.group = config.minibatch_group

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        x = self.fc(self.conv(minibatch_deviation(x, self.group)).contiguous().flatten(1))
        heads = (self.fts, self.fts2) if hasattr(self, "fts2") else (self.fts,)
        return self.out(x), tuple(head(x) for head in heads)


class Discriminator(nn.Module):
    """Classifies whether a picture is real and fits its conditions, and embeds it. Paper §2.3.

        logit = out(x) + mean over heads of <features_head, condition_head>     (one dot product for each picture)

    `batch_summed_logit` adds the sum of the dot products over the whole batch to every logit instead, as the released
    code does. Departs: D-11.
    """

    def __init__(self, config: StyleGanConfig, *, batch_summed_logit: bool = False):
        super().__init__()
        self.config = config
        self.compute = torch.float32
        self.batch_summed_logit = batch_summed_logit
        for resolution in config.resolutions[:0:-1]:
            self.add_module(f"b{resolution}", ResidualBlock(config, resolution))
        self.b4 = Epilogue(config)

    def forward(self, pictures: Tensor, *conditions: Tensor) -> DiscriminatorOutput:
        """pictures (N, 3, H, W), about [-1, 1], and one condition (N, condition_dim) for each head -> Verdict."""
        _check_conditions(conditions, self.config)
        x = pictures.to(self.compute).contiguous(memory_format=torch.channels_last)
        for resolution in self.config.resolutions[:0:-1]:
            x = self.get_submodule(f"b{resolution}")(x)
        logit, features = self.b4(x.float())
        for feature, condition in zip(features, conditions):
            fit = feature * condition / len(features)
            logit = logit + (fit.sum() if self.batch_summed_logit else fit.sum(1, keepdim=True))
        return DiscriminatorOutput(logit, features)


def widen(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A one-head state dict (of G or D) with its condition layers copied for a second head.

    With the same embedding as both conditions the two-head network gives exactly the one-head result. Paper §2.3 (training
    from Lafite's weights). Raises ValueError for a state dict that has two heads already.
    """
    twins = ((".pre_0.", ".pre_01."), (".pre_1.", ".pre_11."), (".fts.", ".fts2."))
    if any(new in name for name in state for _, new in twins):
        raise ValueError("these weights have two heads already; expected one-head weights, load them as they are")
    wide = dict(state)
    for name, tensor in state.items():
        for old, new in twins:
            if old in name:
                wide[name.replace(old, new)] = tensor.clone()
    return wide


def without_filters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A published state dict without its copies of the fixed filter, which this code computes."""
    return {name: tensor for name, tensor in state.items() if not name.endswith("resample_filter")}


def _check_conditions(conditions, config: StyleGanConfig) -> None:
    if len(conditions) != config.heads or any(c.shape[-1] != config.condition_dim for c in conditions):
        got = [tuple(c.shape) for c in conditions]
        raise ValueError(f"conditions of shapes {got}; expected {config.heads} of (n, {config.condition_dim})")
