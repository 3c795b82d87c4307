"""Train on several processes with the losses and weights of one: rows split, results gathered, gradients averaged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..core import Store
from .devices import normal

TRAINED = ("generator", "pseudo generator")  # the stages that all processes compute together
T = TypeVar("T")
TIMEOUT = timedelta(days=3)  # the others wait while the main process computes what only one can


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of one training, of which this is number `rank` of `size`; for a single one nothing changes.

    Every process draws the random numbers of the whole batch from the same seed and keeps those of its own rows. The
    networks' outputs are gathered, every process computes the losses of the whole batch and their gradients by its own
    rows, and DistributedDataParallel averages these over the processes. So losses and weights are those of one process
    at the same batch, but for rounding.

    >>> ProcessGroup(1, 2).own_rows(torch.arange(6)).tolist()
    [1, 3, 5]
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files and shows progress."""
        return self.rank == 0

    def own_rows(self, rows: Tensor, dim: int = 0) -> Tensor:
        """This process's rows along an axis: every `size`-th.

        The discriminator compares pictures that stand equally far apart, so a group of them stays in one process.
        """
        return rows if self.size == 1 else rows[(slice(None),) * dim + (slice(self.rank, None, self.size),)]

    def all_gather(self, rows: Tensor) -> Tensor:
        """All processes' rows (n, ...) in the batch's order, (n * size, ...); only this process's have a gradient."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(self.size)]
        distributed.all_gather(parts, rows.detach().contiguous())
        parts[self.rank] = rows
        return torch.stack(parts, 1).flatten(0, 1)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a scalar over the processes."""
        return value if self.size == 1 else self.all_gather(value[None]).mean()

    def exchange(self, number: int = 0) -> list[int]:
        """Every process's number, by rank; a barrier: each process waits here for all others."""
        return self.all_gather(torch.tensor([number])).tolist()

    def sharded(self, rng: torch.Generator) -> torch.Generator | ShardedRandom:
        """A source of this process's rows of random numbers, as `devices.normal` takes it."""
        return rng if self.size == 1 else ShardedRandom(self, rng)

    def data_parallel(self, net: nn.Module) -> Callable:
        """A function that calls what it is given; a backward pass from there leaves the mean gradient in `net`."""
        if self.size == 1:
            return _call
        return DistributedDataParallel(_Calling(net), find_unused_parameters=True)  # a bias adds nothing to a slope


SINGLE = ProcessGroup()


@dataclass(frozen=True)
class ShardedRandom:
    """Draws numbers for the whole batch and gives this process those of its rows."""

    processes: ProcessGroup
    rng: torch.Generator

    def normal(self, size: tuple[int, ...], device: torch.device | str = "cpu") -> Tensor:
        """Gaussian numbers of a size whose first entry counts this process's rows."""
        return self.processes.own_rows(normal((size[0] * self.processes.size, *size[1:]), self.rng, device))


class _Calling(nn.Module):
    """Parameters whose forward pass is whatever function it is given: what DDP needs in order to track a step's losses."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.trained = nn.ParameterList(net.parameters())
        self.idle = nn.Parameter(next(net.parameters()).new_zeros(1))  # find_unused_parameters warns if none is unused

    def forward(self, step: Callable, *given, **options):
        return step(*given, **options)


def _call(step: Callable, *given, **options):
    return step(*given, **options)


class SharedStore(Store):
    """A store whose `TRAINED` stages are computed by all processes and written by the main one."""

    def __init__(self, processes: ProcessGroup, root: Path | str | None = None):
        super().__init__(root)
        self.processes = processes

    def fetch(self, stage: str, key: dict, make: Callable[[Path], None], load: Callable[[Path], T]) -> T:
        """As `Store.fetch`; every process calls it, and `make` runs in all of them or in none."""
        if self.processes.size == 1 or stage not in TRAINED:
            return super().fetch(stage, key, make, load)
        if self.processes.is_main:
            self._fetch_as_main(stage, key, make)
        elif self.processes.exchange()[0]:
            with TemporaryDirectory() as elsewhere:
                make(Path(elsewhere))
        self.processes.exchange()  # the stage is written now
        return load(self.folder(stage, key))

    def _fetch_as_main(self, stage: str, key: dict, make: Callable[[Path], None]) -> None:
        """Compute and write the stage if it is missing, after announcing to the other processes whether it is."""
        announced = False

        def announce_and_make(folder: Path) -> None:
            nonlocal announced
            announced = True
            self.processes.exchange(1)
            make(folder)

        super().fetch(stage, key, announce_and_make, lambda folder: None)
        if not announced:
            self.processes.exchange(0)


@contextmanager
def process_group(device: str = "cpu") -> Iterator[ProcessGroup]:
    """The processes that `torchrun` started together with this one; without torchrun, `SINGLE`.

    They communicate by gloo on the CPU and by NCCL on GPUs, where each process of a machine takes the GPU of its own
    number. Raises ValueError where there are fewer GPUs than processes, or `device` names one of them.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield SINGLE
        return
    if device != "cpu":
        here, n = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if device != "cuda" or here >= n:
            raise ValueError(f"device={device!r} for {os.environ['LOCAL_WORLD_SIZE']} processes on a machine with {n} "
                             "GPU(s); expected 'cuda', and a GPU for each process; start fewer, or take device 'cpu'")
        torch.cuda.set_device(here)
    distributed.init_process_group("gloo" if device == "cpu" else "cpu:gloo,cuda:nccl", timeout=TIMEOUT)
    yield ProcessGroup(distributed.get_rank(), size)
    distributed.destroy_process_group()  # not after an error: it would wait for processes that wait for this one
