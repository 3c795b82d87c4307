"""Timing several ways of doing the same work: by turns, many times, with the spread and the machine's own peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context

import torch
from torch.nn import functional as F


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
    steps follow one another, is not timed after somebody else's. Raises RuntimeError for one whose process ends early.
    """
    context, threads = get_context("spawn"), torch.get_num_threads()
    lines, processes = {}, []
    try:
        for name, prepare in contenders.items():
            lines[name], theirs = context.Pipe()
            processes.append(context.Process(target=_apart, args=(prepare, threads, theirs), daemon=True))
            processes[-1].start()
            theirs.close()
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for turn in range(-warm, repeats):
            for name, line in lines.items():
                try:
                    line.send("work")
                    pair = line.recv()
                except (EOFError, OSError):
                    raise RuntimeError(f"the process of {name!r} ended before it was done, expected it to wait for its "
                                       "turns; what it printed says why") from None
                if turn >= 0:
                    seconds[name].append(pair)
    finally:
        for line in lines.values():
            line.close()
        for process in processes:
            process.join(5)
            process.terminate()
    return [Timing(name, items, *zip(*pairs)) for name, pairs in seconds.items()]


def _apart(prepare: Callable[[], Callable[[], object]], threads: int, line) -> None:
    """One contender's process: works once for each message, and ends when the other side is gone."""
    torch.set_num_threads(threads)
    work = prepare()
    while True:
        try:
            line.recv()
        except EOFError:
            return
        work()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        line.send((time.perf_counter() - wall, time.process_time() - cpu))


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
