"""Generator and discriminator written the plain way, which `mindreader.generator.stylegan` is timed and tested against.

The same mathematics and parameter names, so a state dict of one loads into the other, but none of the shortcuts:
float32, channels outermost in memory, a picture's own kernels really built, zeros really put between pixels, every
filter a convolution over all pixels, bias, activation, gain and clamp one after another. These are the operators to
which the public stylegan2-ada-pytorch falls back without its CUDA extensions; the code is ours, from the equations.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mindreader.generator import DiscriminatorOutput, StyleGanConfig


def activate(x: Tensor, bias: Tensor | None = None, *, lrelu: bool = False, gain: float = 1.0,
             clamp: float | None = None) -> Tensor:
    """clamp(gain * act(x + bias)), four passes over memory; bias along axis 1, act = leaky ReLU times sqrt(2)."""
    if bias is not None:
        x = x + bias.reshape([1, -1] + [1] * (x.ndim - 2))
    if lrelu:
        x, gain = F.leaky_relu(x, 0.2), gain * math.sqrt(2)
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def resample(x: Tensor, kernel: Tensor, *, up: int = 1, down: int = 1, before: int = 0, after: int = 0,
             gain: float = 1.0) -> Tensor:
    """Zeros between pixels (`up`), padding, a filter for every channel alone, every `down`-th pixel kept.

    x (N, C, H, W); kernel (k, k); `before`, `after`: padding at the two ends of both axes, negative to crop.
    """
    n, c, height, width = x.shape
    if up > 1:
        x = F.pad(x.reshape(n, c, height, 1, width, 1), [0, up - 1, 0, 0, 0, up - 1])
        x = x.reshape(n, c, height * up, width * up)
    x = F.pad(x, [before, after, before, after])
    x = F.conv2d(x, (kernel * gain).flip((0, 1))[None, None].repeat(c, 1, 1, 1), groups=c)
    return x[:, :, ::down, ::down]


class Dense(nn.Module):
    """Linear layer with equalised learning rate: weight * m / sqrt(n_in), bias * m."""

    def __init__(self, n_in: int, n_out: int, *, lrelu: bool = False, lr_multiplier: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((n_out,), float(bias)))
        self.lrelu, self.lr_multiplier = lrelu, lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.lr_multiplier / math.sqrt(self.weight.shape[1]))
        return activate(x @ weight.T, self.bias * self.lr_multiplier, lrelu=self.lrelu)


class Filtered(nn.Module):
    """A module that resamples with [1, 3, 3, 1] x [1, 3, 3, 1] / 64."""

    def __init__(self):
        super().__init__()
        tap = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", torch.outer(tap, tap) / 64, persistent=False)


class Styled(Filtered):
    """Modulated convolution, its style made from w and the conditions.

    grouped   True: one convolution with a group for each picture, with the picture's own, normalised kernels.
              False: pictures are multiplied by style and norm, and share a kernel; the norm still comes from kernels
              that are built for each picture. The public code trains so, and evaluates grouped.
    """

    def __init__(self, config: StyleGanConfig, n_in: int, n_out: int, size: int, *, grouped: bool):
        super().__init__()
        hidden = (config.condition_dim + config.w_dim) // 2
        options = {"lrelu": True, "lr_multiplier": config.condition_lr}
        for tail in ("", "1")[: config.heads]:
            self.add_module(f"pre_0{tail}", Dense(config.condition_dim, hidden, **options))
            self.add_module(f"pre_1{tail}", Dense(hidden, config.w_dim, **options))
        self.affine_0 = Dense(2 * config.w_dim, n_in, bias=1.0)
        self.weight = nn.Parameter(torch.randn(n_out, n_in, size, size))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.clamp, self.grouped = config.conv_clamp, grouped

    def style(self, w: Tensor, conditions: tuple[Tensor, ...]) -> Tensor:
        """What multiplies each input channel, (N, n_in)."""
        condition = self.pre_1(self.pre_0(conditions[0]))
        if len(conditions) == 2:
            condition = torch.max(condition, self.pre_11(self.pre_01(conditions[1])))
        return self.affine_0(torch.cat([condition, w], dim=1))

    def modulated(self, x: Tensor, style: Tensor, *, demodulate: bool, up: bool) -> Tensor:
        """x (N, I, H, W) convolved with weight_oikl * style_ni, each kernel at length 1 if `demodulate`."""
        own = self.weight[None] * style[:, None, :, None, None]                                   # [N O I k k]
        norm = (own.square().sum((2, 3, 4)) + 1e-8).rsqrt() if demodulate else None               # [N O]
        if not self.grouped:
            x = self.convolved(x * style[:, :, None, None], self.weight, 1, up)
            return x if norm is None else x * norm[:, :, None, None]
        n, n_out, n_in, k, _ = own.shape
        if norm is not None:
            own = own * norm[:, :, None, None, None]
        y = self.convolved(x.reshape(1, n * n_in, *x.shape[2:]), own.reshape(n * n_out, n_in, k, k), n, up)
        return y.reshape(n, n_out, *y.shape[2:])

    def convolved(self, x: Tensor, weight: Tensor, groups: int, up: bool) -> Tensor:
        """Convolution in groups; `up` doubles the size: transposed convolution, then the filter with gain 4."""
        if not up:
            return F.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=groups)
        n_out, n_in, k, _ = weight.shape
        weight = weight.reshape(groups, n_out // groups, n_in, k, k).transpose(1, 2)
        x = F.conv_transpose2d(x, weight.reshape(groups * n_in, n_out // groups, k, k), stride=2, groups=groups)
        return resample(x, self.kernel, before=1, after=1, gain=4.0)


class StyledConv(Styled):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU, clamp."""

    def __init__(self, config: StyleGanConfig, n_in: int, n_out: int, resolution: int, *, up: bool, grouped: bool):
        super().__init__(config, n_in, n_out, 3, grouped=grouped)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.up = up

    def forward(self, x: Tensor, w: Tensor, conditions, noise: str, rng: torch.Generator | None) -> Tensor:
        x = self.modulated(x, self.style(w, conditions), demodulate=True, up=self.up)
        if noise == "const":
            x = x + self.noise_const * self.noise_strength
        elif noise == "random":
            x = x + torch.randn([len(x), 1, *x.shape[2:]], generator=rng) * self.noise_strength
        return activate(x, self.bias, lrelu=True, clamp=self.clamp)


class ToPicture(Styled):
    """Modulated 1x1 convolution to three colours, without demodulation."""

    def __init__(self, config: StyleGanConfig, n_in: int, *, grouped: bool):
        super().__init__(config, n_in, 3, 1, grouped=grouped)

    def forward(self, x: Tensor, w: Tensor, conditions) -> Tensor:
        style = self.style(w, conditions) / math.sqrt(self.weight.shape[1])
        return activate(self.modulated(x, style, demodulate=False, up=False), self.bias, clamp=self.clamp)


class SynthesisBlock(Filtered):
    """The layers of one size."""

    def __init__(self, config: StyleGanConfig, resolution: int, *, grouped: bool):
        super().__init__()
        n_out = config.channels(resolution)
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(n_out, 4, 4))
        else:
            n_in = config.channels(resolution // 2)
            self.conv0 = StyledConv(config, n_in, n_out, resolution, up=True, grouped=grouped)
        self.conv1 = StyledConv(config, n_out, n_out, resolution, up=False, grouped=grouped)
        self.torgb = ToPicture(config, n_out, grouped=grouped)

    def forward(self, x: Tensor | None, picture: Tensor | None, ws: list[Tensor], conditions, *noise):
        """Features and picture of the size before, three or two w -> the same at this size."""
        if x is None:
            x = self.const[None].repeat(len(ws[0]), 1, 1, 1)
        else:
            x = self.conv0(x, ws[0], conditions, *noise)
        x = self.conv1(x, ws[-2], conditions, *noise)
        added = self.torgb(x, ws[-1], conditions)
        if picture is not None:
            added = added + resample(picture, self.kernel, up=2, before=2, after=1, gain=4.0)
        return x, added


class Mapping(nn.Module):
    """z at unit mean square, then fully connected layers."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        self.n_layers = config.mapping_layers
        for i in range(self.n_layers):
            width = config.w_dim if i else config.z_dim
            self.add_module(f"fc{i}", Dense(width, config.w_dim, lrelu=True, lr_multiplier=0.01))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor) -> Tensor:
        x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for i in range(self.n_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x

    def update_mean(self, w: Tensor) -> None:
        """Running mean of w: 0.995 of the old, 0.005 of this batch."""
        self.w_avg.copy_(0.995 * self.w_avg + 0.005 * w.detach().mean(0))


class PlainGenerator(nn.Module):
    """What `mindreader.generator.stylegan.Generator` computes; `grouped` as in `Styled`."""

    def __init__(self, config: StyleGanConfig, *, grouped: bool = False):
        super().__init__()
        self.config = config
        self.mapping, self.synthesis = Mapping(config), nn.Module()
        for resolution in config.resolutions:
            self.synthesis.add_module(f"b{resolution}", SynthesisBlock(config, resolution, grouped=grouped))

    def generate(self, ws: Tensor, conditions: tuple[Tensor, ...], *, noise: str = "random",
              rng: torch.Generator | None = None, size: int = 0) -> Tensor:
        """ws (N, n_layers, w_dim), conditions each (N, condition_dim) -> (N, 3, H, W); `size` stops at that size."""
        if self.config.unit_variance_conditions:
            conditions = tuple(c * math.sqrt(self.config.condition_dim) for c in conditions)
        x = picture = None
        first = 0
        for resolution in self.config.resolutions:
            if size and resolution > size:
                break
            last = first + (1 if resolution == 4 else 2)  # a block's last w is the next block's first
            own = list(ws[:, first:last + 1].unbind(1))
            x, picture = self.synthesis.get_submodule(f"b{resolution}")(x, picture, own, conditions, noise, rng)
            first = last
        return picture

    def forward(self, z: Tensor, *conditions: Tensor, noise: str = "random",
                rng: torch.Generator | None = None) -> Tensor:
        ws = self.mapping(z)[:, None].repeat(1, self.config.n_layers, 1)
        return self.generate(ws, conditions, noise=noise, rng=rng)


class PlainConv(Filtered):
    """Convolution with equalised learning rate; halves the size with the filter before it."""

    def __init__(self, n_in: int, n_out: int, size: int, *, bias: bool = True, down: int = 1, gain: float = 1.0,
                 clamp: float | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, size, size))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.down, self.gain, self.clamp = down, gain, clamp

    def forward(self, x: Tensor) -> Tensor:
        n_in, k = self.weight.shape[1:3]
        weight = self.weight * (1 / math.sqrt(n_in * k * k))
        if self.down == 1:
            x = F.conv2d(x, weight, padding=k // 2)
        elif k == 1:
            x = F.conv2d(resample(x, self.kernel, down=self.down, before=1, after=1), weight)
        else:
            x = F.conv2d(resample(x, self.kernel, before=2, after=2), weight, stride=self.down)
        return activate(x, self.bias, lrelu=self.bias is not None, gain=self.gain,
                        clamp=self.clamp and self.clamp * self.gain)


class PlainBlock(nn.Module):
    """Residual block that halves the size."""

    def __init__(self, config: StyleGanConfig, resolution: int):
        super().__init__()
        n_in, n_out, clamp = config.channels(resolution), config.channels(resolution // 2), config.conv_clamp
        self.first = resolution == config.resolution
        if self.first:
            self.fromrgb = PlainConv(3, n_in, 1, clamp=clamp)
        self.conv0 = PlainConv(n_in, n_in, 3, clamp=clamp)
        self.conv1 = PlainConv(n_in, n_out, 3, down=2, gain=math.sqrt(0.5), clamp=clamp)
        self.skip = PlainConv(n_in, n_out, 1, bias=False, down=2, gain=math.sqrt(0.5), clamp=clamp)

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            x = self.fromrgb(x)
        return self.skip(x) + self.conv1(self.conv0(x))


class PlainEpilogue(nn.Module):
    """The last pixels: how much a group of pictures differs as one more channel, then logit and features."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        n = config.channels(4)
        self.conv = PlainConv(n + 1, n, 3, clamp=config.conv_clamp)
        self.fc, self.out = Dense(n * 16, n, lrelu=True), Dense(n, 1)
        self.heads = ("fts", "fts2")[: config.heads]
        for head in self.heads:
            self.add_module(head, Dense(n, config.condition_dim))
        self.group = config.minibatch_group

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        n, c, height, width = x.shape
        groups = x.reshape(math.gcd(n, self.group), -1, c, height, width)                          # [g N/g C H W]
        spread = ((groups - groups.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
        spread = spread.reshape(-1, 1, 1, 1).repeat(len(groups), 1, height, width)
        x = self.fc(self.conv(torch.cat([x, spread], dim=1)).flatten(1))
        return self.out(x), tuple(self.get_submodule(head)(x) for head in self.heads)


class PlainDiscriminator(nn.Module):
    """What `mindreader.generator.stylegan.Discriminator` computes."""

    def __init__(self, config: StyleGanConfig):
        super().__init__()
        self.config = config
        for resolution in reversed(config.resolutions[1:]):
            self.add_module(f"b{resolution}", PlainBlock(config, resolution))
        self.b4 = PlainEpilogue(config)

    def forward(self, pictures: Tensor, *conditions: Tensor) -> DiscriminatorOutput:
        """pictures (N, 3, H, W), a condition (N, condition_dim) for each head -> Verdict."""
        x = pictures.contiguous()
        for resolution in reversed(self.config.resolutions[1:]):
            x = self.get_submodule(f"b{resolution}")(x)
        logit, features = self.b4(x)
        fits = sum((f * c).sum(1, keepdim=True) for f, c in zip(features, conditions))
        return DiscriminatorOutput(logit + fits / len(features), features)
