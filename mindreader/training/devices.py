"""Bring numbers to a device, or draw them there; the host never waits for a GPU meanwhile."""

from __future__ import annotations

import torch
from torch import Tensor


def sent(x: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device: itself where it is there already; to a GPU from pinned memory, in the order of its other work."""
    if torch.device(device).type == "cuda" and x.device.type == "cpu":
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)


def normal(size: tuple[int, ...], rng: torch.Generator | None, device: torch.device | str = "cpu") -> Tensor:
    """Gaussian numbers on a device.

    `rng` is a source on the processor, which gives a GPU's numbers their seed; None is torch's own, on that device; one that has
    a `normal` itself draws them (`parallel.ShardedRandom`).
    """
    if hasattr(rng, "normal"):
        return rng.normal(size, device)
    if rng is not None and torch.device(device).type != "cpu":
        rng = torch.Generator(device).manual_seed(int(torch.randint(2**62, (), generator=rng)))
    return torch.randn(size, generator=rng, device=device)
