"""Make and load the simulated subject at the size of NSD's subject 1, and say how long that takes and what memory.

    python benchmarks/full_size.py                  all of it: 37 sessions of 750 trials, 15,724 voxels
    python benchmarks/full_size.py --sessions 2     a part, to extrapolate from

Each step runs in a process of its own, so that its peak memory is its own. The folder that is made is removed
afterwards unless `--keep` is given. Exits with 1 where the full size does not give NSD's counts.

All 37 sessions, on two idle cores at 2 GHz: made in 9.1 minutes and 4.8 GB, 8.2 GB on disk, and loaded in 1.2 minutes
and 1.9 GB. With the cache the subject is there after 0.4 s and 0.2 GB, since the betas are mapped and none is read; with
the trials of both sides of the split copied into memory after 1.1 s and 3.2 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from mindreader.core import progress
from mindreader.core.processes import Pool, peak_bytes
from mindreader.nsd import load_subject
from mindreader.twin import TwinConfig, write_twin
from mindreader.records import Subject

FULL = TwinConfig(n_voxels=15724, n_sessions=37, trials_per_session=750)
NSD = {"trials": 27750, "images": 9841, "training images": 8364, "validation images": 1477, "most repeats": 3,
       "voxels": 15724}   # subject 1 in 37 sessions, and the paper's split of its images


def make(folder: Path, config: TwinConfig) -> dict[str, int]:
    """Write the subject; there is nothing to count yet."""
    write_twin(folder / "twin", config, seed=0)
    return {}


def load(folder: Path, config: TwinConfig) -> dict[str, int]:
    """Read all that was written, or open what the cache has of it."""
    return {"trials": len(_subject(folder).trials)}


def gather(folder: Path, config: TwinConfig) -> dict[str, int]:
    """Open it, copy the trials of both sides of the split into memory, and count."""
    subject = _subject(folder)
    _, repeats = np.unique(subject.trials.image_ids, return_counts=True)
    return {"trials": len(subject.trials), "images": len(repeats), "training images": len(subject.split.train),
            "validation images": len(subject.split.validation), "most repeats": int(repeats.max()),
            "voxels": subject.n_voxels, "training trials": len(subject.train),
            "validation trials": len(subject.validation)}


def _subject(folder: Path) -> Subject:
    return load_subject(folder / "twin", "subj01", cache=folder / "cache", progress=progress)


def measured(step: Callable, folder: Path, config: TwinConfig) -> tuple:
    """Run one step; returns its counts, seconds, CPU seconds, peak GB, peak GB of its largest worker."""
    start = time.perf_counter()
    counts = step(folder, config)
    mine, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peaks = (peak_bytes() / 2**30, peak_bytes(children=True) / 2**30)
    seconds = time.perf_counter() - start, sum(use.ru_utime + use.ru_stime for use in (mine, workers))
    return counts, *seconds, *peaks


def run(name: str, step: Callable, folder: Path, config: TwinConfig) -> dict[str, int]:
    """One step in a process of its own, with a line about what it took."""
    with Pool(1, one_thread=False) as apart:
        counts, seconds, cpu, peak, worker = apart.submit(measured, step, folder, config).result()
    helpers = f" and {worker:.1f} GB in each worker" if worker > 0.05 else ""
    print(f"{name}: {_span(seconds)} ({_span(cpu)} of CPU), peak memory {peak:.1f} GB{helpers}", flush=True)
    return counts


def _span(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def main() -> None:
    """Make, load, open again from the cache, gather the sides of the split; compare the counts with NSD's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=FULL.n_sessions, help="sessions written (default: %(default)s)")
    parser.add_argument("--voxels", type=int, default=FULL.n_voxels, help="in nsdgeneral (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=FULL.trials_per_session, help="in each (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where a folder of its own is made; the system's by default")
    parser.add_argument("--keep", action="store_true", help="do not remove that folder afterwards")
    chosen = parser.parse_args()
    config = TwinConfig(chosen.voxels, chosen.sessions, chosen.trials)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))      # so that all is tidied up then, too
    folder = Path(tempfile.mkdtemp(prefix="full-size-", dir=chosen.folder))
    print(f"{config.n_planned} sessions planned and {config.n_sessions} written, {config.n_pictures} pictures, "
          f"{config.n_voxels} voxels, {os.cpu_count()} cores, in {folder}", flush=True)
    try:
        run("make", make, folder, config)
        disk = sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) / 1e9
        run("load", load, folder, config)
        run("load again, from the cache", load, folder, config)
        counts = run("the same, and gather both sides of the split", gather, folder, config)
        print(f"{disk:.1f} GB on disk; " + ", ".join(f"{n:,} {what}" for what, n in counts.items()))
        if config == FULL and (wrong := {what: counts[what] for what, n in NSD.items() if counts[what] != n}):
            sys.exit(f"got {wrong}, expected {({what: NSD[what] for what in wrong})}")
    finally:
        if not chosen.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    # by its own name, under which the other process knows what it is sent
    import_module(__spec__.name if __spec__ else Path(__file__).stem).main()
