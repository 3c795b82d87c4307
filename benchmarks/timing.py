"""Timing several ways of doing the same work: by turns, many times, with the spread and the machine's own peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from mindreader.core.processes import Pool
from mindreader.limits import PRECISIONS
from mindreader.training import compute_dtype


def formats() -> dict[str, torch.dtype]:
    """The number formats that this processor computes in, by the names that settings have."""
    return {name: dtype for name in PRECISIONS if (dtype := compute_dtype(name)) == getattr(torch, name)}


@dataclass(frozen=True)
class Timing:
    """What one contender took: `wall` and `cpu` seconds of each repeat (cpu: of all threads), for `items` a repeat."""

    name: str
    items: int
    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Items per second, from the median repeat."""
        return self.items / statistics.median(self.wall)

    @property
    def spread(self) -> tuple[float, float]:
        """Items per second of the slowest and of the fastest repeat."""
        return self.items / max(self.wall), self.items / min(self.wall)

    @property
    def busy(self) -> float:
        """Processors this program had, on average: as many as threads where nothing else runs."""
        return sum(self.cpu) / sum(self.wall)

    def row(self) -> dict:
        """The numbers that are reported."""
        slowest, fastest = self.spread
        return {"name": self.name, "per_second": self.rate, "slowest": slowest, "fastest": fastest,
                "processors": self.busy, "repeats": len(self.wall)}


def by_turns(contenders: dict[str, Callable[[], object]], items: int, *, repeats: int, warm: int = 2) -> list[Timing]:
    """Time each contender `repeats` times, after `warm` times uncounted.

    They take turns, so that whatever else the machine does meanwhile slows all of them alike.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for turn in range(-warm, repeats):
        for name, work in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            if turn >= 0:
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return [Timing(name, items, *zip(*pairs)) for name, pairs in seconds.items()]


def by_turns_apart(contenders: dict[str, Callable[[], Callable[[], object]]], items: int, *, repeats: int,
                   warm: int = 1) -> list[Timing]:
    """As `by_turns`, each contender in a process of its own, which sets it up by calling it (it must be picklable).

    For contenders that must not share what belongs to a process, such as how freed memory is kept. Each turn begins with
    a run that is not timed: the other processes have emptied the processor's caches meanwhile, and a training, whose
    steps follow one another, is not timed after somebody else's. Raises what a contender raises, and names it.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    with ExitStack() as stack:
        apart = {name: stack.enter_context(Pool(1, one_thread=False)) for name in contenders}
        ready = {name: apart[name].submit(_get_ready, prepare, torch.get_num_threads())
                 for name, prepare in contenders.items()}
        for turn in range(-warm, repeats):
            for name in contenders:
                try:
                    ready[name].result()
                    pair = apart[name].submit(_take_turn).result()
                except Exception as problem:
                    problem.add_note(f"This was contender {name!r}.")
                    raise
                if turn >= 0:
                    seconds[name].append(pair)
    return [Timing(name, items, *zip(*pairs)) for name, pairs in seconds.items()]


def _get_ready(prepare: Callable[[], Callable[[], object]], threads: int) -> None:
    """In a contender's process: set it up."""
    global _work
    torch.set_num_threads(threads)
    _work = prepare()


def _take_turn() -> tuple[float, float]:
    """Seconds and CPU seconds of one run, after one that is not timed."""
    _work()
    wall, cpu = time.perf_counter(), time.process_time()
    _work()
    return time.perf_counter() - wall, time.process_time() - cpu


def peaks(dtype: torch.dtype, *, size: int = 2048, repeats: int = 5) -> dict[str, float]:
    """Multiplications and additions per second that this machine reaches, the best of several times.

    "product": of two size x size matrices. "convolution": 3x3, 128 channels, 32 maps of 16 x 16, channels innermost.
    torch gives the two to different libraries; in float32 on an AMD processor the second is about twice as fast.
    """
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    maps = torch.randn(32, 128, 16, 16).to(dtype=dtype, memory_format=torch.channels_last)
    weight = torch.randn(128, 128, 3, 3).to(dtype=dtype, memory_format=torch.channels_last)
    ways = {"product": lambda: a @ b, "convolution": lambda: F.conv2d(maps, weight, padding=1)}
    work = {"product": 2 * size**3, "convolution": 2 * maps.numel() * weight[:, 0].numel()}
    return {timing.name: work[timing.name] / min(timing.wall) for timing in by_turns(ways, 1, repeats=repeats)}


def machine() -> dict:
    """Where and beside what this is measured; `load` is the system's run queue over the last minute."""
    return {"processor": _processor(), "threads": torch.get_num_threads(), "processors": os.cpu_count(),
            "torch": torch.__version__, "load": round(os.getloadavg()[0], 2), "time": time.strftime("%Y-%m-%d %H:%M")}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
