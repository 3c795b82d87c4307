"""Measure a chapter from within its kernel: seconds, and peak memory of processor and GPU, of each cell and each stage.

A stage that is made within a cell, or within another stage, counts to that one too.
"""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path

from ...core import Store, peak_bytes

COLUMNS = ["kind", "name", "seconds", "processor_seconds", "memory", "gpu_memory"]
_HIGH_WATER, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Meter:
    """Writes a line of JSON to a file for each part that is finished: kind ("cell" or "stage"), name, seconds, memory in bytes.

    processor_seconds are those of all its threads, and the same on a machine that does other things besides.
    memory is the most that this process held while the part was under way; where the system does not tell (elsewhere than on
    Linux), the most that it ever held. gpu_memory is the most that torch had allocated, 0 without a GPU.
    """

    def __init__(self, file: Path):
        self.file = Path(file)
        self.open: list[dict] = []

    def begin(self, kind: str, name: str) -> None:
        """A part begins."""
        self._note()
        self.open.append({"kind": kind, "name": name, "began": (time.perf_counter(), time.process_time()), "memory": 0,
                          "gpu_memory": 0})

    def end(self) -> None:
        """The part that began last has ended."""
        self._note()
        part = self.open.pop()
        if self.open:
            for what in ("memory", "gpu_memory"):
                self.open[-1][what] = max(self.open[-1][what], part[what])
        clock, processor = part.pop("began")
        part |= {"seconds": time.perf_counter() - clock, "processor_seconds": time.process_time() - processor}
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps(part) + "\n")

    def _note(self) -> None:
        """Take the peaks since the last look over to the part that is under way, and count anew."""
        host, gpu = _host_peak(), _gpu_peak()
        if self.open:
            self.open[-1]["memory"] = max(self.open[-1]["memory"], host)
            self.open[-1]["gpu_memory"] = max(self.open[-1]["gpu_memory"], gpu)


def start(file: str) -> None:
    """Measure all cells that this kernel runs from now on, and all stages that are made in them."""
    from IPython import get_ipython     # a kernel has it; the library itself does not need it

    meter, events = Meter(Path(file)), get_ipython().events
    events.register("pre_run_cell", lambda info: meter.begin("cell", _name(info.raw_cell)))
    events.register("post_run_cell", lambda result: meter.open and meter.end())
    made = Store._make

    @functools.wraps(made)
    def measured(self, stage, key, folder, make):
        meter.begin("stage", stage)
        try:
            made(self, stage, key, folder, make)
        finally:
            meter.end()

    Store._make = measured


def _name(cell: str) -> str:
    """The cell's first line of code."""
    lines = [line for line in cell.splitlines() if line.strip() and not line.startswith(("#", "from ", "import "))]
    return (lines or [""])[0][:80]


def _host_peak() -> int:
    """The most memory of this process since the last call."""
    try:
        kilobytes = next(line.split()[1] for line in _HIGH_WATER.read_text().splitlines() if line.startswith("VmHWM"))
        _FORGET.write_text("5")
    except (OSError, StopIteration):
        return peak_bytes()
    return 1024 * int(kilobytes)


def _gpu_peak() -> int:
    import torch    # which the chapter has imported anyway

    if not torch.cuda.is_initialized():
        return 0
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return peak
