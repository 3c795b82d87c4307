"""Compute products in bfloat16 where it was asked for and the processor has units for it, else in float32."""

from __future__ import annotations

import logging
import platform
from functools import cache

import torch

_LOG = logging.getLogger(__name__)


def compute_dtype(precision: str, device: torch.device | str = "cpu") -> torch.dtype:
    """The number format in which a training of this precision multiplies on this device.

    Without units for bfloat16 a processor takes up to two hundred times as long as in float32; float32 then stands in, which
    has the same range and more digits. So results of "bfloat16" have other last bits there, as on any other machine.

    Parameters
    ----------
    precision : "float32" or "bfloat16"
        The setting of the experiment.
    device : torch.device or str

    >>> compute_dtype("float32")
    torch.float32
    """
    return torch.bfloat16 if precision == "bfloat16" and has_bfloat16(torch.device(device).type) else torch.float32


def mixed_precision(precision: str, device: torch.device | str = "cpu") -> torch.autocast:
    """A context in which networks compute in `compute_dtype(precision, device)`; weights and losses stay in float32."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=compute_dtype(precision, device) == torch.bfloat16)


@cache
def has_bfloat16(kind: str) -> bool:
    """Whether the processor ("cpu") or the GPU ("cuda") multiplies in bfloat16 at least as fast as in float32."""
    if kind == "cuda":
        found = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported() and not _emulates()
    if not found:
        _LOG.info("no units for bfloat16 on this %s; computing in float32", kind)
    return found


def _emulates() -> bool:
    """Whether an x86 processor would only imitate bfloat16: oneDNN does from AVX-512 on, at a quarter of float32's speed.

    A processor held to fewer instructions than it has (ATEN_CPU_CAPABILITY) has no units either.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return torch.backends.cpu.get_cpu_capability() != "AVX512" or not torch.cpu._is_avx512_bf16_supported()
