"""Count what Tables 3 and 4 cost: the training steps of all fits, their operations, and their time as measured on a GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import ceil
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..core import atomic_write
from ..mapping import MappingConfig
from ..training import LOSSES, blend, mixed_precision, new_network
from ..experiments import Experiment
from .mapping_grid import TABLE3, TABLE4, Row, fits_of

# The paper's training side: trials by its split, voxels, dimensions of ViT-B/32 and of the low-level features.
NSD = {"n_trials": 23_715, "n_voxels": 15_724, "n_dims": 512, "n_low_level": 256}
RECORD = Path(__file__).with_name("gpu_steps.csv")


@dataclass(frozen=True)
class Step:
    """A kind of training step: which network, in which number format, on how many trials.

    recipe: of which only what shapes the network counts, and dtype.
    """

    recipe: MappingConfig
    n_voxels: int
    n_dims: int
    batch: int

    def __post_init__(self):
        shape = ("n_blocks", "hidden", "fc_hidden", "n_layers", "pad_to", "sigmoid", "dtype")
        object.__setattr__(self, "recipe", MappingConfig(**{name: getattr(self.recipe, name) for name in shape}))

    @property
    def label(self) -> dict:
        """How a table of measurements names it."""
        return {"n_voxels": self.n_voxels, "n_dims": self.n_dims, "n_layers": self.recipe.n_layers, "batch": self.batch,
                "dtype": self.recipe.dtype}

    def in_format(self, dtype: str) -> Step:
        """The same in another number format."""
        return replace(self, recipe=replace(self.recipe, dtype=dtype))


def steps_of(config: Experiment, rows: Sequence[Row], *, n_trials: int, n_voxels: int, n_dims: int, n_low_level: int,
             n_seeds: int | None = None) -> dict[Step, int]:
    """How many steps of each kind the fits of these rows take; what several rows share is counted once.

    Parameters
    ----------
    n_trials, n_voxels : int
        Of the training side; the paper's are in `NSD`.
    n_dims, n_low_level : int
        Of CLIP's space and of the low-level net's.
    """
    n_seeds = config.grid.n_seeds if n_seeds is None else n_seeds
    phases = {}         # used as a set whose order is the same in every process, so that sums over it are, to the last bit
    for space, recipe, _ in fits_of(config, rows, 1):
        for number, phase in enumerate(recipe.phases):
            shared = () if number == 0 and not phase.auxiliary else (recipe.loss, recipe.auxiliary, number)
            phases[space, replace(recipe, loss="mse", epochs=(), auxiliary="none"), phase.name, phase.epochs, phase.batch,
                   phase.auxiliary, shared] = None
    steps: dict[Step, int] = {}
    for space, recipe, _, epochs, batch, *_ in phases:
        kind = Step(recipe, n_voxels, n_low_level if space == "resnet" else n_dims, batch)
        steps[kind] = steps.get(kind, 0) + n_seeds * epochs * ceil(n_trials / batch)
    return steps


def cost(config: Experiment, rows: Sequence[Row], **sizes: int) -> float:
    """Floating-point operations that the fits of these rows take, without running them; sizes as of `steps_of`.

    Counted by torch for one step (forward and backward) of each kind. The auxiliary networks, the optimizer and the
    validation (an eighth or so) are left out.
    """
    return _operations(steps_of(config, rows, **sizes))


def _operations(steps: Mapping[Step, int]) -> float:
    return float(sum(count * step_flops(step) for step, count in steps.items()))


def cost_table(config: Experiment, clocks: Mapping[str, Callable[[Step], float]], *, n_seeds: int | None = None,
               **sizes: int) -> pd.DataFrame:
    """What both tables cost at these sizes: columns rows, fits, steps, petaflop, and hours by each of the clocks.

    Parameters
    ----------
    clocks : mapping
        From the name of a column to the seconds that a step of some kind takes there (NaN where nobody measured it):
        `gpu_clocks`, or the medians of `time_steps`.
    **sizes
        As of `steps_of`.
    """
    parts = {"Table 3": TABLE3, "Table 4": TABLE4, "both": (*TABLE3, *TABLE4)}
    n_seeds, table = config.grid.n_seeds if n_seeds is None else n_seeds, []
    for name, rows in parts.items():
        steps = steps_of(config, rows, n_seeds=n_seeds, **sizes)
        table.append({"rows": name, "fits": len(fits_of(config, rows, n_seeds)), "steps": sum(steps.values()),
                      "petaflop": _operations(steps) / 1e15}
                     | {f"hours, {place}": sum(count * clock(step) for step, count in steps.items()) / 3600
                        for place, clock in clocks.items()})
    return pd.DataFrame(table)


def train_step(network: nn.Module, optimizer: torch.optim.Optimizer, betas: Tensor, aims: Tensor, *,
               precision: str) -> float:
    """One training step as `fitting.fit` takes it, down the loss of the first phase, [B V] to [B D]; gives the loss."""
    optimizer.zero_grad(set_to_none=True)
    with mixed_precision(precision, betas.device):
        predicted = network(betas)
    loss = blend(predicted.float(), aims, LOSSES["mse+cos"][0])
    value = loss.item()                             # which `fitting.fit` looks at before it goes on
    loss.backward()
    optimizer.step()
    return value


def time_steps(step: Step, *, device: str = "cpu", n_steps: int = 20) -> list[float]:
    """Seconds of each of `n_steps` training steps on random numbers, after three that do not count."""
    seeded, recipe = torch.Generator().manual_seed(0), step.recipe
    betas, aims = (torch.randn(step.batch, size, generator=seeded).to(device) for size in (step.n_voxels, step.n_dims))
    network = new_network(lambda: recipe.network(step.n_voxels, step.n_dims), 0).to(device)
    optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    taken = []
    for turn in range(-3, n_steps):
        began = time.perf_counter()
        train_step(network, optimizer, betas, aims, precision=recipe.dtype)
        if device != "cpu":
            torch.cuda.synchronize()
        if turn >= 0:
            taken.append(time.perf_counter() - began)
    return taken


def record_row(step: Step, processes: int, taken: Sequence[float]) -> dict:
    """A line of the record: what was timed where, and the milliseconds of a step, the median and the ends."""
    return step.label | {"processes": processes, "milliseconds": 1e3 * statistics.median(taken),
                         "fastest": 1e3 * min(taken), "slowest": 1e3 * max(taken), "n_steps": len(taken),
                         "device": torch.cuda.get_device_name(), "torch": torch.__version__}


def read_record() -> pd.DataFrame:
    """The GPU's steps that were measured, one line for each kind and number of processes that share the GPU.

    Columns as of `Step.label`, processes, milliseconds (of a step of one process, the median), fastest, slowest, n_steps,
    device, torch. `python -m benchmarks grid --device cuda --record` makes it.
    """
    return pd.read_csv(RECORD)


def write_record(rows: Sequence[dict]) -> None:
    """Replace the record by these lines of `record_row`, in one step."""
    with atomic_write(RECORD) as part:
        pd.DataFrame(rows).to_csv(part, index=False, float_format="%.4g", lineterminator="\n")


def gpu_columns() -> dict[tuple[str, int], str]:
    """What the record was made with, number format and fits at once, and how a column of hours names it."""
    pairs = read_record()[["dtype", "processes", "device"]].drop_duplicates()
    return {(dtype, processes): f"{device}, {dtype}, {processes} at once" for dtype, processes, device in
            pairs.itertuples(index=False)}


def gpu_clocks() -> dict[str, Callable[[Step], float]]:
    """The record as clocks for `cost_table`, under the names of `gpu_columns`.

    What a step of one process takes is divided by the processes, which all get on meanwhile. NaN for a kind of step that
    the record does not have.
    """
    columns, clocks = gpu_columns(), {}
    for (dtype, processes), lines in read_record().groupby(["dtype", "processes"], sort=False):
        seconds = lines.set_index(["n_voxels", "n_dims", "n_layers", "batch"]).milliseconds / 1e3 / processes
        clocks[columns[dtype, processes]] = partial(_look_up, seconds.to_dict())
    return clocks


def _look_up(seconds: dict[tuple[int, ...], float], step: Step) -> float:
    return seconds.get((step.n_voxels, step.n_dims, step.recipe.n_layers, step.batch), float("nan"))


@cache
def step_flops(step: Step) -> int:
    """Operations of one training step of the mapper, counted on tensors that hold no numbers."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = step.recipe.network(step.n_voxels, step.n_dims)
        network(torch.empty(step.batch, step.n_voxels)).sum().backward()
    return counter.get_total_flops()
