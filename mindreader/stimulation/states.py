"""Generate pictures of the same trials in many brain states, with the same noise z for a trial in each state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ..generator import Generator, TrainedGan
from ..training import as_tensor, compute_dtype


def generate_states(trained: TrainedGan, conditions: Sequence[np.ndarray], *, seed: int, batch: int = 64) -> np.ndarray:
    """Pictures of every trial in every state, (n_states, n_trials, height, width, 3) uint8.

    The pictures of a state are those of `trained.generate` for its trials and this seed, so that a difference between states
    comes from the conditions alone; states share batches, which is quicker than one call for each.

    Parameters
    ----------
    trained : TrainedGan
    conditions : one or two arrays (n_states, n_trials, n_dims)
        Of the image head and the caption head, or of the one head; scaled to unit length here.
    seed : int
        Of z.

    Raises ValueError for another number of conditions than the generator has heads, or for two of different shapes.
    """
    shapes = {np.shape(c)[:2] for c in conditions}
    if len(conditions) != trained.network.heads or len(shapes) != 1:
        raise ValueError(f"got {len(conditions)} conditions of {' and '.join(map(str, shapes))} states and trials, expected "
                         f"{trained.network.heads} for the generator's heads, of one shape")
    (n_states, n_trials), = shapes
    with torch.random.fork_rng(devices=[]):
        network = Generator(trained.network)
    network.load_state_dict(trained.states["G_ema"])
    network.to(trained.device).eval().compute = compute_dtype(trained.precision, trained.device)
    z = torch.randn(n_trials, 1, trained.network.z_dim, generator=torch.Generator().manual_seed(seed))[:, 0]
    rows = [F.normalize(as_tensor(c).flatten(0, 1), dim=1) for c in conditions]
    size, parts = trained.network.resolution, []
    with torch.inference_mode():
        for part in torch.arange(n_states * n_trials).split(batch):
            inputs = (x.to(trained.device) for x in (z[part % n_trials], *(c[part] for c in rows)))
            made = network(*inputs, noise="const")
            parts.append(((made + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu())
    return torch.cat(parts).numpy().reshape(n_states, n_trials, size, size, 3)
