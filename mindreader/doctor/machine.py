"""Look at the machine: processors and memory, GPUs that the installed torch can compute on, number formats, free disk."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..core import ParameterError, check_device
from ..limits import PRECISIONS
from ..training import compute_dtype

__all__ = ["Device", "Machine", "look_at_machine"]

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))     # of a container


@dataclass(frozen=True)
class Device:
    """What can compute.

    name      as `device` takes it: "cpu", "cuda:0"
    what      the processor's or the GPU's own name
    n_bytes   of its memory
    formats   in which it multiplies as it is asked to, of those that trainings may have
    problem   why torch cannot compute on it, one sentence; "" where it can
    """

    name: str
    what: str
    n_bytes: int
    formats: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class Machine:
    """Processors (`n_processors` may be used by this program), GPUs, torch's version, and bytes that are free, by folder."""

    n_processors: int
    devices: tuple[Device, ...]
    torch: str
    free_bytes: dict[str, int]


def look_at_machine(folders: Iterable[Path] = ()) -> Machine:
    """The machine that this runs on, and the free space where these folders are or would be."""
    processor = Device("cpu", platform.processor() or platform.machine(), _memory_bytes(), _formats("cpu"))
    return Machine(_n_processors(), (processor, *map(_gpu, range(torch.cuda.device_count()))), torch.__version__,
                   {str(folder): free for folder in folders if (free := _free_bytes(folder)) is not None})


def _gpu(number: int) -> Device:
    name = f"cuda:{number}"
    try:
        check_device(name)
    except ParameterError as reason:
        return Device(name, torch.cuda.get_device_name(number), 0, (), str(reason))
    found = torch.cuda.get_device_properties(number)
    return Device(name, found.name, found.total_memory, _formats(name))


def _formats(device: str) -> tuple[str, ...]:
    return tuple(name for name in PRECISIONS if str(compute_dtype(name, device)).removeprefix("torch.") == name)


def _n_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """Of the machine, or what a container leaves of it."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(text) for path in _LIMITS if path.is_file() and (text := path.read_text().strip()).isdigit()]
    return min([whole, *limits])


def _free_bytes(folder: Path) -> int | None:
    """Of the file system that the folder is on, or would be; None where that does not answer."""
    try:
        there = next(path for path in (folder, *folder.parents) if path.is_dir())
        return shutil.disk_usage(there).free
    except (OSError, StopIteration):
        return None
