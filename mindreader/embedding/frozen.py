"""Hold networks that only look, on any device, and give them rows a batch at a time."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
import torch
from torch import nn


class Frozen:
    """A frozen network, on any device."""

    module: nn.Module

    def on(self, device: str) -> Self:
        """The same network on a device: itself where it is there already, else a copy."""
        wanted = torch.device(device)
        if self._device.type == wanted.type and wanted.index in (None, self._device.index):
            return self
        moved = copy.copy(self)
        moved.module = copy.deepcopy(self.module).to(device)
        return moved

    @property
    def _device(self) -> torch.device:
        return next(self.module.parameters()).device


def in_batches(embedder, embed, rows) -> np.ndarray:
    """embed() over slices of rows, as one float32 array."""
    with torch.no_grad():
        parts = [embed(rows[i:i + embedder.batch]).float().cpu().numpy() for i in range(0, len(rows), embedder.batch)]
    return np.concatenate(parts) if parts else np.zeros((0, embedder.n_dims), np.float32)
