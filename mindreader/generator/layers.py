"""Layers of generator and discriminator: resampling, modulated convolutions, layers with equalised learning rate.

Source: StyleGAN2 (Karras et al. 2020). Parameter names are those of the published checkpoints.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE, GAIN = 0.2, math.sqrt(2)     # leaky ReLU, and the factor that keeps its output at unit variance


def smooth(x: Tensor, *, padding: int, gain: float = 1.0) -> Tensor:
    """x filtered by the 4x4 kernel [1,3,3,1] x [1,3,3,1] / 64, times gain; every channel alone."""
    return F.conv2d(x, _filter(x, gain), padding=padding, groups=x.shape[1])


def halve(x: Tensor) -> Tensor:
    """Half the size: what `smooth` with padding 1 gives at every second pixel.

    Computed in no less than float32: the gradient of a strided filter has no fast path in bfloat16 on a CPU.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.conv2d(wide, _filter(wide), padding=1, stride=2, groups=x.shape[1]).to(x.dtype)


def _filter(x: Tensor, gain: float = 1.0) -> Tensor:
    """The 4x4 kernel of `smooth` for every channel of x, times gain; exact in every number format."""
    return _kernel(x.device, x.dtype, gain).expand(x.shape[1], 1, 4, 4)


@cache
def _kernel(device: torch.device, dtype: torch.dtype, gain: float) -> Tensor:
    """Kept, since a GPU is waited for while it is sent the four numbers."""
    with torch.inference_mode(False):       # trainings use it, too
        tap = torch.tensor([1.0, 3.0, 3.0, 1.0], device=device, dtype=dtype) / 8
        return gain * torch.outer(tap, tap)


def enlarge(picture: Tensor) -> Tensor:
    """Twice the size: zeros put between pixels, then `smooth` with gain 4.

    Written as bilinear interpolation of the zero-padded picture, which is the same numbers and faster on a CPU.
    """
    padded = F.pad(picture, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, *, up: bool = False) -> Tensor:
    """Convolve each picture with its own kernel: the weight times the picture's style on every input channel.

    The kernels are never built: x is multiplied by the style first, then one convolution is shared by all pictures.
    `up` doubles the size (zeros between pixels, true convolution, `smooth` with gain 4). Source: StyleGAN2 §2.2.

    x (N, I, H, W), weight (O, I, k, k), style (N, I) -> (N, O, H, W) or (N, O, 2H, 2W).
    """
    x = x * style.to(x.dtype)[:, :, None, None]
    weight = weight.to(x.dtype)
    if up:
        return smooth(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def kernel_norm(weight: Tensor, style: Tensor) -> Tensor:
    """1 / length of each picture's own kernel for each output channel: "demodulation".

        norm_no = 1 / sqrt(sum_ik (style_ni w_oik)^2 + 1e-8);  weight (O, I, k, k), style (N, I) -> (N, O)
    """
    return torch.rsqrt(style.square() @ weight.square().sum((2, 3)).T + 1e-8)


def cut(x: Tensor, size: float) -> Tensor:
    """x limited to [-size, size]; `hardtanh` because its gradient takes one pass where clamp's takes four."""
    return F.hardtanh(x, -size, size)


def minibatch_deviation(x: Tensor, group: int) -> Tensor:
    """x with one more channel: how much the pictures of a group differ, the mean over channels and pixels.

    A group is every (N / g)-th picture, g = the largest common divisor of N and `group`.
    (N, C, H, W) -> (N, C+1, H, W).
    """
    n, _, height, width = x.shape
    g = math.gcd(n, group)
    groups = x.reshape(g, n // g, -1)
    spread = (groups - groups.mean(0)).square().mean(0).add(1e-8).sqrt().mean(1)  # `var` is slow along this axis
    return torch.cat([x, spread.repeat(g)[:, None, None, None].expand(-1, 1, height, width)], 1)


class EqualLinear(nn.Module):
    """A linear layer whose weights are stored at unit variance and scaled when used ("equalised learning rate").

        y = act(x W^T * m / sqrt(n_in) + b * m),  m = learning-rate multiplier; W ~ N(0, 1) / m at the start
    """

    def __init__(self, n_in: int, n_out: int, *, lrelu: bool = False, lr_multiplier: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((n_out,), float(bias)))
        self.lrelu, self.lr_multiplier = lrelu, lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        gain = self.lr_multiplier / math.sqrt(self.weight.shape[1])
        x = F.linear(x, self.weight * gain, self.bias * self.lr_multiplier)
        return F.leaky_relu(x, SLOPE) * GAIN if self.lrelu else x


class Conv(nn.Module):
    """A convolution with equalised learning rate; `down` halves the size with `smooth` before it."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, bias: bool = True, down: bool = False, gain: float = 1.0,
                 clamp: float | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.down, self.gain, self.clamp = down, gain, clamp

    def forward(self, x: Tensor) -> Tensor:
        n_in, kernel = self.weight.shape[1], self.weight.shape[2]
        gain = self.gain * (1.0 if self.bias is None else GAIN)  # before the activation, as lrelu(x) * g = lrelu(x * g)
        weight = (self.weight * (gain / math.sqrt(n_in * kernel**2))).to(x.dtype)
        bias = None if self.bias is None else (self.bias * gain).to(x.dtype)
        if self.down and kernel == 1:
            x = F.conv2d(halve(x), weight, bias)
        elif self.down:
            x = F.conv2d(smooth(x, padding=2), weight, bias, stride=2)
        else:
            x = F.conv2d(x, weight, bias, padding=kernel // 2)
        if self.bias is not None:
            x = F.leaky_relu(x, SLOPE)
        return x if self.clamp is None else cut(x, self.clamp * self.gain)
