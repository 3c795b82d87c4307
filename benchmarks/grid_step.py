"""What all fits of Tables 3 and 4 take: the mapper's steps of each kind, timed on a CPU or a GPU, times their number."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from mindreader.studies import costs
from mindreader.experiments import Experiment, experiment

# Fits that share a GPU: one leaves it waiting for the program between its many short kernels.
SHARING = (1, 4)


def sections(asked: argparse.Namespace) -> Iterator[dict]:
    """Both presets on a CPU; on a GPU, NSD's sizes in both number formats, alone and with others beside it."""
    if asked.device == "cpu":
        from mindreader.embedding import load_clip
        from mindreader.embedding import load_resnet

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
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, _meet_at, (barrier,)) as pool:
        at_work = [pool.submit(_beside_others, step, device, n_steps) for _ in range(processes)]
        return [seconds for done in at_work for seconds in done.result()]


def _meet_at(barrier) -> None:
    global _barrier
    _barrier = barrier


def _beside_others(step: costs.Step, device: str, n_steps: int) -> list[float]:
    """Warmed up first, so that all begin when all are ready; the last steps, when some have ended, do not count."""
    costs.time_steps(step, device=device, n_steps=1)
    _barrier.wait()
    return costs.time_steps(step, device=device, n_steps=n_steps + n_steps // 4)[:n_steps]


def _bill(config: Experiment, sizes: dict[str, int], clocks: dict) -> dict:
    table = costs.cost_table(config, clocks, **sizes)
    title = f"Tables 3 and 4 at the preset {config.name}, {sizes['n_trials']:,} trials of {sizes['n_voxels']:,} voxels"
    sys.stdout.write(f"{title}\n{table.to_string(index=False, float_format='{:.3g}'.format)}\n\n")
    return {"title": title, "rows": table.to_dict("records")}
