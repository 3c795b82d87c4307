"""layers: each piece against a slow way of computing the same thing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mindreader.generator.layers import (Conv, EqualLinear, enlarge, kernel_norm, minibatch_deviation, modulated_conv,
                                         smooth)

KERNEL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(sum(map(ord, "mind reader")))


def built(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def normal(rng, *shape):
    return torch.randn(*shape, generator=rng)


def filtered(x, kernel, before, after):
    """One channel, padded with zeros and correlated with a kernel, by loops."""
    x = np.pad(x, (before, after))
    k = len(kernel)
    return np.array([[(x[i:i + k, j:j + k] * kernel).sum() for j in range(x.shape[1] - k + 1)]
                     for i in range(x.shape[0] - k + 1)])


def with_zeros(x):
    """Twice the size: every second row and column zero."""
    out = np.zeros((2 * len(x), 2 * len(x)))
    out[::2, ::2] = x
    return out


def test_linear_layer_is_scaled_when_used_not_when_stored(rng):
    layer = built(lambda: EqualLinear(50, 7, lr_multiplier=0.01, bias=2.0, lrelu=True))
    x = normal(rng, 3, 50)
    y = x.double() @ layer.weight.double().T * 0.01 / math.sqrt(50) + 2.0 * 0.01
    expected = torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)
    torch.testing.assert_close(layer(x).double(), expected, rtol=1e-5, atol=1e-6)
    assert 80 < layer.weight.std().item() < 120


def test_smooth_is_the_written_out_filter(rng):
    x = normal(rng, 1, 2, 5, 5)
    y = smooth(x, padding=2, gain=3.0)
    for c in range(2):
        np.testing.assert_allclose(y[0, c], 3 * filtered(x[0, c].numpy(), KERNEL, 2, 2), atol=1e-5)


def test_enlarge_puts_zeros_between_pixels_and_filters(rng):
    x = normal(rng, 2, 3, 4, 4)
    y = enlarge(x)
    for n in range(2):
        for c in range(3):
            np.testing.assert_allclose(y[n, c], filtered(with_zeros(x[n, c].numpy()), 4 * KERNEL, 2, 1), atol=1e-5)


def test_modulated_convolution_equals_one_kernel_for_each_picture(rng):
    x, weight, style = normal(rng, 3, 4, 6, 6), normal(rng, 5, 4, 3, 3), normal(rng, 3, 4)
    y = modulated_conv(x, weight, style) * kernel_norm(weight, style)[:, :, None, None]
    for n in range(3):
        kernel = weight * style[n, None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(y[n:n + 1], F.conv2d(x[n:n + 1], kernel, padding=1), rtol=1e-4, atol=1e-5)


def test_enlarging_convolution_equals_zeros_then_convolution_then_filter(rng):
    x, weight, style = normal(rng, 2, 3, 4, 4), normal(rng, 2, 3, 3, 3), normal(rng, 2, 3)
    y = modulated_conv(x, weight, style, up=True)
    for n in range(2):
        for o in range(2):
            total = 0
            for i in range(3):
                flipped = (weight[o, i] * style[n, i]).numpy()[::-1, ::-1]  # true convolution
                total = total + filtered(filtered(with_zeros(x[n, i].numpy()), flipped, 2, 1), 4 * KERNEL, 1, 1)
            np.testing.assert_allclose(y[n, o], total, atol=1e-4)


def test_halving_convolution_filters_before_it_drops_pixels(rng):
    for kernel, padding in ((3, 2), (1, 1)):
        conv = built(lambda: Conv(2, 1, kernel, bias=False, down=True, gain=0.5))
        x = normal(rng, 1, 2, 6, 6)
        smoothed = [filtered(x[0, i].numpy(), KERNEL, padding, padding) for i in range(2)]
        weight = conv.weight.detach().numpy() / math.sqrt(2 * kernel**2) * 0.5
        full = sum(filtered(s, w, 0, 0) for s, w in zip(smoothed, weight[0]))
        np.testing.assert_allclose(conv(x)[0, 0].detach(), full[::2, ::2], atol=1e-5)


def test_convolution_activates_then_scales_then_cuts(rng):
    conv = built(lambda: Conv(3, 4, 3, gain=0.7, clamp=0.5))
    torch.nn.init.normal_(conv.bias, generator=rng)
    x = normal(rng, 2, 3, 5, 5)
    y = F.conv2d(x, conv.weight / math.sqrt(27), padding=1) + conv.bias[:, None, None]
    expected = (F.leaky_relu(y, 0.2) * math.sqrt(2) * 0.7).clamp(-0.35, 0.35)
    torch.testing.assert_close(conv(x), expected, rtol=1e-5, atol=1e-6)
    assert conv(x).max().item() == pytest.approx(0.35)


def test_minibatch_channel_is_the_spread_within_each_group(rng):
    x = normal(rng, 6, 3, 2, 2)
    y = minibatch_deviation(x, 4)  # groups of 2: pictures 0, 3 and 1, 4 and 2, 5
    assert y.shape == (6, 4, 2, 2)
    for n in range(6):
        pair = x[[n % 3, n % 3 + 3]].numpy()
        assert y[n, 3, 0, 0].item() == pytest.approx(np.sqrt(pair.var(0) + 1e-8).mean(), rel=1e-5)
