"""Hold networks that only look, on any device, and give them rows a batch at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core import atomic_write

CHUNK = 4  # batches that are kept together


class Frozen:
    """A frozen network, on any device, with the tensors that its input is brought to."""

    module: nn.Module

    def on(self, device: str) -> Self:
        """The same network on a device: itself where it is there already, else a copy."""
        wanted = torch.device(device)
        if self._device.type == wanted.type and wanted.index in (None, self._device.index):
            return self
        moved = copy.copy(self)
        vars(moved).update({name: copy.deepcopy(held).to(device) for name, held in vars(self).items()
                            if isinstance(held, (nn.Module, Tensor))})
        return moved

    @property
    def _device(self) -> torch.device:
        return next(self.module.parameters()).device


def in_batches(embedder, embed, rows) -> np.ndarray:
    """embed() over slices of rows, as one float32 array."""
    with torch.no_grad():
        parts = [embed(rows[i:i + embedder.batch]).float().cpu().numpy() for i in range(0, len(rows), embedder.batch)]
    return np.concatenate(parts) if parts else np.zeros((0, embedder.n_dims), np.float32)


def in_chunks(embed: Callable[[Sequence], np.ndarray], rows: Sequence, batch: int, *, kept: Path | None = None, name: str = "",
              progress: Callable[..., Iterable] | None = None) -> np.ndarray:
    """embed() over chunks of whole batches, to the same bits as in one go, as one array.

    Parameters
    ----------
    embed : callable
        Rows -> (n, n_dims); itself works in batches of `batch` rows.
    kept : Path, optional
        A folder for finished chunks, of which a run that was killed goes on.
    name : str
        Of the chunks, and of the bar.
    progress : callable, optional
        Wraps an iterable in a bar; see `core.progress`.
    """
    starts = range(0, len(rows), CHUNK * batch)
    if len(starts) < 2:
        return embed(rows)
    return np.concatenate([_chunk(embed, rows[start:start + CHUNK * batch], kept and kept / f"{name}{start}.npy")
                           for start in (progress(starts, desc=name) if progress else starts)])


def _chunk(embed: Callable[[Sequence], np.ndarray], rows: Sequence, path: Path | None) -> np.ndarray:
    if path is not None and path.is_file():
        return np.load(path, allow_pickle=False)
    made = embed(rows)
    if path is not None:
        with atomic_write(path) as part, open(part, "wb") as file:
            np.save(file, made)
    return made


def resize(pictures: Tensor, size: int) -> Tensor:
    """Pictures N3HW at size x size, bicubic with antialiasing as PIL does it; differentiable."""
    if pictures.shape[2:] == (size, size):
        return pictures
    return F.interpolate(pictures, (size, size), mode="bicubic", antialias=True, align_corners=False)


def unit_range(pixels: np.ndarray) -> Tensor:
    """Pixels (n, height, width, 3) uint8 -> pictures N3HW float32 in [-1, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
