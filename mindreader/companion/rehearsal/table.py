"""Say what the parts of a rehearsal took: seconds, and peak memory of processor and GPU."""

from __future__ import annotations

import platform
from pathlib import Path

import pandas as pd
import torch

from ...core import write_table
from .chapters import Run

SHOWN_SECONDS = 1.0     # parts that took less are left out of what is printed, not of the record
COLUMNS = ["chapter", "kind", "name", "seconds", "processor_seconds", "memory_gb", "gpu_memory_gb", "device", "torch"]


def as_lines(run: Run) -> list[str]:
    """One chapter for a terminal: how it went, its longer parts, and what failed."""
    how = "refused, as it is about the simulated subject" if run.refused else "FAILED" if run.failed else "ran"
    parts = run.parts[run.parts.seconds >= SHOWN_SECONDS]
    lines = [f"{run.chapter}: {how}, {_span(run.seconds)}, peak memory {_gigabytes(run.parts.memory.max())}"]
    lines += [f"  {_span(part.seconds):>9} {_gigabytes(part.memory):>8} "
              f"{_gigabytes(part.gpu_memory) if part.gpu_memory else '':>8}  {'stage ' if part.kind == 'stage' else ''}{part.name}" for part in parts.itertuples()]
    return lines + ([] if run.refused else [f"  ! {error.splitlines()[0][:300]}" for error in run.errors if error])


def summary(runs: list[Run]) -> str:
    """All chapters together, in a line."""
    peak, gpu = (max(run.parts[what].max() for run in runs) for what in ("memory", "gpu_memory"))
    failed = [run.chapter for run in runs if run.failed]
    return (f"{len(runs)} chapters in {_span(sum(run.seconds for run in runs))}, peak memory {_gigabytes(peak)}"
            f"{f' and {_gigabytes(gpu)} of the GPU' if gpu else ''}; "
            + (f"failed: {', '.join(failed)}" if failed else "none failed"))


def write_record(parts: pd.DataFrame, path: Path, device: str) -> None:
    """Write every part as a line of a .csv, with the machine's GPU or processor and torch's version."""
    gigabytes = {f"{what}_gb": parts[what] / 2**30 for what in ("memory", "gpu_memory")}
    on = torch.cuda.get_device_name(device) if device != "cpu" else platform.processor() or platform.machine()
    write_table(parts.assign(**gigabytes, device=on, torch=torch.__version__)[COLUMNS], path)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.1f} GB"
