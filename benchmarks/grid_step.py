"""What all fits of Tables 3 and 4 take: the mapper's steps of each kind, timed on a CPU or a GPU, times their number."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from mindreader.core import as_finished
from mindreader.studies import costs
from mindreader.experiments import Experiment, experiment

# Fits that share a GPU: one leaves it waiting for the program between its many short kernels.
SHARING = (1, 4)


def sections(asked: argparse.Namespace) -> Iterator[dict]:
    """Both presets on a CPU; on a GPU, NSD's sizes in both number formats, alone and with others beside it."""
    if asked.device == "cpu":
        from mindreader.embedding import load_clip
        from mindreader.extractors import load_resnet

        book = experiment("book")
        n_trials = round((1 - book.data.validation_fraction) * book.twin.n_sessions * book.twin.trials_per_session)
        ours = {"n_trials": n_trials, "n_voxels": book.twin.n_voxels, "n_dims": load_clip().n_dims,
                "n_low_level": load_resnet().n_dims}
        for name, sizes in (("book", ours), ("paper", costs.NSD)):
            config, clock = experiment(name), {}
            for step in kinds(config, sizes):
                clock[step] = statistics.median(costs.time_steps(step, n_steps=asked.repeats))
            yield _bill(config, sizes, {f"{config.mapping.dtype} on cpu": clock.__getitem__})
    else:
        config, rows = experiment("paper"), []
        for dtype in ("float32", "bfloat16"):
            for processes in SHARING:
                for step in (kind.in_format(dtype) for kind in kinds(config, costs.NSD)):
                    taken = together(step, asked.device, asked.repeats, processes)
                    rows.append(costs.record_row(step, processes, taken))
        sys.stdout.write(pd.DataFrame(rows).to_string(index=False) + "\n")
        if asked.record:
            costs.write_record(rows)
        yield {"title": "steps on a GPU", "rows": rows}


def kinds(config: Experiment, sizes: dict[str, int]) -> list[costs.Step]:
    """The kinds of step that the whole grid has."""
    return list(costs.steps_of(config, (*costs.TABLE3, *costs.TABLE4), **sizes))


def together(step: costs.Step, device: str, n_steps: int, processes: int) -> list[float]:
    """Seconds of each step of all processes, which work on the same device at the same time."""
    if processes == 1:
        return costs.time_steps(step, device=device, n_steps=n_steps)
    with TemporaryDirectory() as meeting:
        work = partial(_beside_others, step=step, device=device, n_steps=n_steps, meeting=Path(meeting), of=processes)
        with closing(as_finished(work, range(processes), processes, one_thread=False)) as taken:
            return [seconds for _, own in taken for seconds in own]


def _beside_others(number: int, step: costs.Step, device: str, n_steps: int, meeting: Path, of: int) -> list[float]:
    """Warmed up first, so that all begin when all are ready; the last steps, when some have ended, do not count."""
    costs.time_steps(step, device=device, n_steps=1)
    (meeting / str(number)).touch()
    while len(list(meeting.iterdir())) < of:
        time.sleep(0.001)
    return costs.time_steps(step, device=device, n_steps=n_steps + n_steps // 4)[:n_steps]


def _bill(config: Experiment, sizes: dict[str, int], clocks: dict) -> dict:
    table = costs.cost_table(config, clocks, **sizes)
    title = f"Tables 3 and 4 at the preset {config.name}, {sizes['n_trials']:,} trials of {sizes['n_voxels']:,} voxels"
    sys.stdout.write(f"{title}\n{table.to_string(index=False, float_format='{:.3g}'.format)}\n\n")
    return {"title": title, "rows": table.to_dict("records")}
