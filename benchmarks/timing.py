"""Timing several ways of doing the same work: by turns, many times, with the spread and the machine's own peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


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


def matrix_peak(dtype: torch.dtype, *, size: int = 2048, repeats: int = 5) -> float:
    """Multiplications and additions per second of the best of several products of two size x size matrices."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    best = min(t for timing in by_turns({"product": lambda: a @ b}, 1, repeats=repeats) for t in timing.wall)
    return 2 * size**3 / best


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
