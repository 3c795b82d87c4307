"""Compute the mapper's layers in bfloat16 on a CPU, forward and backward, with less memory traffic than torch.

At 64 channels such a layer is limited by memory and format conversion. So ReLU and its gradient work in place on the bits
as 16-bit integers (the sign is in the same place), biases are added where products are written, and a product's left side
is copied where it would be traversed down its columns. The sums are those of `ResidualMapper` layer by layer; up to
`NARROW` dimensions they are also in torch's order, to the same bits.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

NARROW = 128    # dimensions up to which the last layers' weight gradients are summed in a convolution's order

_backward = torch.ops.aten.convolution_backward
_masked = torch.ops.aten.threshold_backward


def bfloat16_rectify(x: Tensor) -> Tensor:
    """ReLU in place, for a tensor that is not needed elsewhere."""
    return _Rectified.apply(x)


def bfloat16_trunk(x: Tensor, *parameters: Tensor) -> Tensor:
    """Residual blocks, each followed by ReLU, [B width 1 positions] -> the same; channels are innermost in memory.

    parameters: weight and bias of three Conv1d for each block, float32, as are their gradients.
    """
    return _Trunk.apply(x, *parameters)


def bfloat16_head(x: Tensor, *parameters: Tensor) -> Tensor:
    """Rows 6, 9 and 11 of the network, [B width 1 positions] -> [B n_dims] in float32; parameters as of `trunk`."""
    return _Head.apply(x, *parameters)


class _Rectified(Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.mark_dirty(_rectify(x))
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _where_positive(gradient, *ctx.saved_tensors)


class _Trunk(Function):
    @staticmethod
    def forward(ctx, x: Tensor, *parameters: Tensor) -> Tensor:
        parameters = [parameter.to(x.dtype) for parameter in parameters]
        kept = [x]
        for weight1, bias1, weight2, bias2, weight3, bias3 in _blocks(parameters):
            first = _rectify(_convolve(x, weight1, bias1))
            second = _rectify(_convolve(first, weight2, bias2))
            x = _rectify(_convolve(second, weight3, bias3).add_(x))
            kept += first, second, x
        ctx.save_for_backward(*kept, *parameters[0::2])
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, ...]:
        n_blocks = len(ctx.saved_tensors) // 6
        kept, weights = ctx.saved_tensors[:3 * n_blocks + 1], ctx.saved_tensors[3 * n_blocks + 1:]
        gradient, found = _where_positive(gradient, kept[-1]), []
        for block in reversed(range(n_blocks)):
            x, first, second = kept[3 * block:3 * block + 3]
            weight1, weight2, weight3 = weights[3 * block:3 * block + 3]
            inner, *of_third = _convolution_gradients(gradient, second, weight3)
            inner, *of_second = _convolution_gradients(_keep_positive(inner, second), first, weight2)
            inner, *of_first = _convolution_gradients(_keep_positive(inner, first), x, weight1)
            gradient = inner.add_(gradient)
            if block:
                _keep_positive(gradient, x)
            found = [*of_first, *of_second, *of_third, *found]
        return gradient, *found


class _Head(Function):
    @staticmethod
    def forward(ctx, x: Tensor, *parameters: Tensor) -> Tensor:
        *parameters, out_bias = parameters
        channels, channels_bias, positions, positions_bias, out = (part.squeeze(-1).to(x.dtype) for part in parameters)
        rows = x.squeeze(2).permute(2, 0, 1).reshape(-1, x.shape[1])                            # [positions*B width]
        wide = _dense(rows, channels, channels_bias).view(x.shape[3], -1)                       # [positions B*n_dims]
        deep = _rectify(torch.addmm(positions_bias[:, None], positions, wide))                  # [fc_hidden B*n_dims]
        ctx.save_for_backward(channels, positions, out, rows, wide, deep)
        return (out @ deep).view(len(x), -1) + out_bias

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, ...]:
        channels, positions, out, rows, wide, deep = ctx.saved_tensors
        flat = gradient.to(wide.dtype).reshape(1, -1)
        inner = _keep_positive(out.t() @ flat, deep)                                            # [fc_hidden B*n_dims]
        outer = _keep_positive(positions.t().contiguous() @ inner, wide).view(len(rows), -1)    # [positions*B n_dims]
        of_x = (outer @ channels).view(len(wide), len(gradient), -1).transpose(0, 1).contiguous()   # [B positions width]
        found = (*_of_weight_and_bias(outer, rows), inner @ wide.t(), inner.sum(1), flat @ deep.t(), gradient.sum())
        shapes = [(*channels.shape, 1), channels.shape[:1], (*positions.shape, 1), positions.shape[:1], (*out.shape, 1), (1,)]
        return of_x.transpose(1, 2).unsqueeze(2), *(part.float().view(shape) for part, shape in zip(found, shapes))


def _dense(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """relu(rows weight^T + bias), [n width] -> [n n_dims]; fused by oneDNN where available."""
    if _has_onednn():
        return torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "relu", [], "")
    return _rectify(torch.addmm(bias, rows, weight.t()))


@cache
def _has_onednn() -> bool:
    """Whether torch was built with oneDNN, and it supports bfloat16 on this processor."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _of_weight_and_bias(outer: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """outer^T rows, [n_dims width], and the column sums of outer.

    As products at many dimensions (a quarter of the time of a convolution's gradients at 512), else as a convolution's
    gradients (equally fast), whose order of summation the published results have.
    """
    if outer.shape[1] > NARROW:
        return outer.t() @ rows, outer.new_ones(1, len(outer)) @ outer
    as_picture = [part[None, None].permute(0, 3, 1, 2) for part in (outer, rows)]               # [1 columns 1 rows]
    weight = rows.new_empty(outer.shape[1], rows.shape[1], 1, 1)
    return _backward(*as_picture, weight, [len(weight)], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [False, True, True])[1:]


def _blocks(parameters: list[Tensor]) -> list[list[Tensor]]:
    return [parameters[i:i + 6] for i in range(0, len(parameters), 6)]


def _convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(x, weight.unsqueeze(2), bias, 1, (0, weight.shape[2] // 2))


def _convolution_gradients(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `_convolve`'s arguments: x in bfloat16, weight and bias in float32."""
    of_x, of_weight, of_bias = _backward(gradient, x, weight.unsqueeze(2), [len(weight)], [1, 1], [0, weight.shape[2] // 2],
                                         [1, 1], False, [0, 0], 1, [True, True, True])
    return of_x, of_weight.squeeze(2).float(), of_bias.float()


def _rectify(x: Tensor) -> Tensor:
    """max(x, 0), in place."""
    x.view(torch.int16).clamp_min_(0)
    return x


def _keep_positive(gradient: Tensor, rectified: Tensor) -> Tensor:
    """Set the gradient to 0, in place, where a rectified tensor of the same layout is 0."""
    bits = gradient.view(torch.int16)
    _masked.grad_input(bits, rectified.view(torch.int16), 0, grad_input=bits)
    return gradient


def _where_positive(gradient: Tensor, rectified: Tensor) -> Tensor:
    """The same in new memory, since an incoming gradient may be in use elsewhere."""
    return _masked(gradient.view(torch.int16), rectified.view(torch.int16), 0).view(gradient.dtype)
