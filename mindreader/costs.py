"""What Tables 3 and 4 cost on a machine that one does not have: operations counted by torch, over the rate of a device."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import ceil

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from .experiments import Experiment
from .fitting import new_network
from .grid import TABLE3, TABLE4, Row, fits_of
from .mapping import MappingConfig

# The paper's training side: trials by its split, voxels, dimensions of ViT-B/32 and of the low-level features.
NSD = {"n_trials": 23_715, "n_voxels": 15_724, "n_dims": 512, "n_low_level": 256}
# Operations a second of a GPU of 2023 (H100, H200): the maker's dense peak, and the share of it that we count on. None was
# at hand. Layers of 64 channels do some 60 to 100 operations for each byte, which in bfloat16 the memory bounds.
GPU = {"float32": (67e12, 0.5), "bfloat16": (989e12, 0.1)}


def gpu_rates() -> dict[str, float]:
    """The rates of `GPU` in words: number format, share and peak, to operations a second."""
    return {f"{dtype}, {share:.0%} of {peak / 1e12:.0f} TFLOP/s": share * peak for dtype, (peak, share) in GPU.items()}


def cost_table(config: Experiment, rates: Mapping[str, float], *, n_seeds: int | None = None, **sizes: int) -> pd.DataFrame:
    """What both tables cost at these sizes: columns rows, fits, petaflop, and minutes at each of the rates.

    Parameters
    ----------
    rates : mapping
        From how a column is named to operations a second: `gpu_rates()`, or what `measured_rate` found.
    **sizes
        As of `cost`.
    """
    parts = {"Table 3": TABLE3, "Table 4": TABLE4, "both": (*TABLE3, *TABLE4)}
    n_seeds = config.grid.n_seeds if n_seeds is None else n_seeds
    flops = {name: cost(config, rows, n_seeds=n_seeds, **sizes) for name, rows in parts.items()}
    return pd.DataFrame([{"rows": name, "fits": len(fits_of(config, rows, n_seeds)), "petaflop": flops[name] / 1e15}
                         | {f"minutes, {words}": flops[name] / rate / 60 for words, rate in rates.items()}
                         for name, rows in parts.items()])


def cost(config: Experiment, rows: Sequence[Row], *, n_trials: int, n_voxels: int, n_dims: int, n_low_level: int,
         n_seeds: int | None = None) -> float:
    """Floating-point operations that the fits of these rows take, without running them.

    Counted by torch for one step (forward and backward) of each size and multiplied by the steps; what several rows share
    is counted once. The auxiliary networks, the optimizer and the validation (an eighth or so) are left out.

    Parameters
    ----------
    n_trials, n_voxels : int
        Of the training side; the paper's are in `NSD`.
    n_dims, n_low_level : int
        Of CLIP's space and of the low-level net's.
    """
    n_seeds, phases = config.grid.n_seeds if n_seeds is None else n_seeds, set()
    for space, recipe, _ in fits_of(config, rows, 1):
        for number, phase in enumerate(recipe.phases):
            shared = () if number == 0 and not phase.companion else (recipe.loss, recipe.auxiliary, number)
            phases.add((space, replace(recipe, loss="mse", epochs=(), auxiliary="none"), phase.name, phase.epochs,
                        phase.batch, phase.companion, shared))
    total = 0
    for space, recipe, _, epochs, batch, *_ in phases:
        dims = n_low_level if space == "resnet" else n_dims
        total += epochs * ceil(n_trials / batch) * step_flops(recipe, batch, n_voxels, dims)
    return float(total * n_seeds)


def measured_rate(recipe: MappingConfig, *, n_voxels: int, n_dims: int, device: str = "cpu", n_steps: int = 20) -> float:
    """Operations a second of training steps of this recipe on random numbers, after one that is not counted."""
    seeded = torch.Generator().manual_seed(0)
    betas, aims = (torch.randn(recipe.batch, size, generator=seeded).to(device) for size in (n_voxels, n_dims))
    network = new_network(lambda: recipe.network(n_voxels, n_dims), 0).to(device)
    optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    for step in range(n_steps + 1):
        if step == 1:
            began = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(betas.device.type, torch.bfloat16, enabled=recipe.dtype == "bfloat16"):
            predicted = network(betas)
        loss = recipe.phases[0].loss(predicted.float(), aims)
        loss.backward()
        optimizer.step()
        loss.item()  # waits for a device that works on its own
    return n_steps * step_flops(recipe, recipe.batch, n_voxels, n_dims) / (time.monotonic() - began)


@cache
def step_flops(recipe: MappingConfig, batch: int, n_voxels: int, n_dims: int) -> int:
    """Operations of one training step of the mapper, counted on tensors that hold no numbers."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = recipe.network(n_voxels, n_dims)
        network(torch.empty(batch, n_voxels)).sum().backward()
    return counter.get_total_flops()
