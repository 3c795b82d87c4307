"""Several processes that train on one batch: each plays its own rows, and all of them know the losses of the whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..core import Store, T

TRAINED = ("painter", "pseudo painter")  # the stages that a crew makes together
PATIENCE = timedelta(days=3)  # others wait while the first makes what only one process can make


@dataclass(frozen=True)
class Crew:
    """The processes of one training, of which this is number `rank` of `size`; alone, all is given back as it came.

    Everyone draws the random numbers of the whole batch from the same generator and keeps those of its own rows. What
    the networks say of them is gathered, everyone computes the losses of the whole batch, and their gradients by its
    own rows; DistributedDataParallel averages these over the processes. So losses and weights are those of one process
    at the same batch, but for rounding.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and shows."""
        return self.rank == 0

    def mine(self, rows: Tensor, dim: int = 0) -> Tensor:
        """This process's rows along an axis: every `size`-th.

        The discriminator compares pictures that stand equally far apart, so a group of them stays in one process.
        """
        return rows if self.size == 1 else rows[(slice(None),) * dim + (slice(self.rank, None, self.size),)]

    def all(self, rows: Tensor) -> Tensor:
        """Everyone's rows (n, ...) in their order, (n * size, ...); only this process's own have a gradient."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(self.size)]
        distributed.all_gather(parts, rows.detach().contiguous())
        parts[self.rank] = rows
        return torch.stack(parts, 1).flatten(0, 1)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of everyone's number."""
        return value if self.size == 1 else self.all(value[None]).mean()

    def say(self, number: int = 0) -> list[int]:
        """What each process says, by rank; each waits here for all the others."""
        return self.all(torch.tensor([number])).tolist()

    def sharing(self, rng: torch.Generator) -> torch.Generator | Shares:
        """The generator, as `layers.normal` is to draw from it."""
        return rng if self.size == 1 else Shares(self, rng)

    def averaging(self, net: nn.Module) -> Callable:
        """A function that calls what it is given; a backward pass from there leaves the mean gradient in `net`."""
        if self.size == 1:
            return _call
        return DistributedDataParallel(_Calling(net), find_unused_parameters=True)  # a bias adds nothing to a slope


ALONE = Crew()


@dataclass(frozen=True)
class Shares:
    """Draws numbers for the whole batch and gives this process those of its rows."""

    crew: Crew
    rng: torch.Generator

    def normal(self, size: tuple[int, ...]) -> Tensor:
        """Gaussian numbers of a size whose first entry counts this process's rows."""
        return self.crew.mine(torch.randn((size[0] * self.crew.size, *size[1:]), generator=self.rng))


class _Calling(nn.Module):
    """Parameters whose forward pass is whatever it is given: what DDP needs to see of a step's losses."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.learnt = nn.ParameterList(net.parameters())
        self.idle = nn.Parameter(next(net.parameters()).new_zeros(1))  # DDP, told to look for such, warns if there is none

    def forward(self, step: Callable, *given, **options):
        return step(*given, **options)


def _call(step: Callable, *given, **options):
    return step(*given, **options)


class CrewStore(Store):
    """A store where all processes of a crew make a painter and the first one keeps it; other stages as in any store."""

    def __init__(self, crew: Crew, root: Path | str | None = None):
        super().__init__(root)
        self.crew = crew

    def fetch(self, stage: str, key: dict, make: Callable[[Path], None], load: Callable[[Path], T]) -> T:
        """As `Store.fetch`; every process calls it, and `make` runs in all of them or in none."""
        if self.crew.size == 1 or stage not in TRAINED:
            return super().fetch(stage, key, make, load)
        if self.crew.leads:
            self._lead(stage, key, make)
        elif self.crew.say()[0]:
            with TemporaryDirectory() as elsewhere:
                make(Path(elsewhere))
        self.crew.say()  # it is whole now
        return load(self.folder(stage, key))

    def _lead(self, stage: str, key: dict, make: Callable[[Path], None]) -> None:
        """Make and keep it if need be, once the others have heard whether it has to be made."""
        told = False

        def call(folder: Path) -> None:
            nonlocal told
            told = True
            self.crew.say(1)
            make(folder)

        super().fetch(stage, key, call, lambda folder: None)
        if not told:
            self.crew.say(0)


@contextmanager
def joined(device: str = "cpu") -> Iterator[Crew]:
    """The crew that `torchrun` started this process in; without torchrun, a crew of one.

    They talk by gloo on the CPU and by NCCL on GPUs, where each process of a machine takes the GPU of its own number.
    Raises ValueError where there are fewer GPUs than processes, or `device` names one of them.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield ALONE
        return
    if device != "cpu":
        here, n = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if device != "cuda" or here >= n:
            raise ValueError(f"device={device!r} for {os.environ['LOCAL_WORLD_SIZE']} processes on a machine with {n} "
                             "GPU(s); expected 'cuda', and a GPU for each process; start fewer, or take device 'cpu'")
        torch.cuda.set_device(here)
    distributed.init_process_group("gloo" if device == "cpu" else "cpu:gloo,cuda:nccl", timeout=PATIENCE)
    yield Crew(distributed.get_rank(), size)
    distributed.destroy_process_group()  # not after an error: it would wait for those who wait for us
