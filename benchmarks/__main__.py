"""Prints how fast the trainings are beside plain references, and what the grids take; see `--help`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from mindreader.core import check_device
from mindreader.generator import GanConfig
from mindreader.mapping import MappingConfig
from mindreader.training import Compiler, compute_dtype

from . import gan_step, grid_step, mapper_step
from .timing import Timing, formats, machine, peaks


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write only where --json says; 2 for a setting that cannot be."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("all", "gan", "mapper", "grid"), default="all")
    parser.add_argument("--repeats", type=int, default=15, help="timed steps of each contender (default 15)")
    parser.add_argument("--batch", type=int, default=32, help="pictures or trials in a step of gan and mapper (default 32)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all processors")
    parser.add_argument("--compiled", action="store_true", help="of gan: ours compiled by torch, too, which takes a C++ compiler and minutes")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="of the grid's steps (default cpu)")
    parser.add_argument("--record", action="store_true", help="keep the grid's steps on a GPU as what chapter 02 quotes")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the numbers there, too")
    asked = parser.parse_args(arguments)
    for name in ("repeats", "batch", "threads"):
        if getattr(asked, name) < 1:
            parser.error(f"--{name} {getattr(asked, name)}; expected 1 or more")
    if asked.json and not asked.json.absolute().parent.is_dir():
        parser.error(f"--json {asked.json}: there is no folder {asked.json.absolute().parent}; make it first")
    try:
        check_device(asked.device)
        Compiler(asked.compiled)
    except ValueError as refused:
        parser.error(str(refused))
    if asked.record and (asked.what, asked.device) != ("grid", "cuda"):
        parser.error("--record: expected `grid --device cuda`; a GPU's steps are what the record holds")
    before, torch_threads = machine(), torch.get_num_threads()
    torch.set_num_threads(asked.threads)
    try:
        sections = list(_sections(asked))
        after = machine()
    finally:
        torch.set_num_threads(torch_threads)
    report = {"machine": after | {"load": before["load"], "load_after": after["load"]}, "sections": sections}
    sys.stdout.write(_machine_line(report["machine"]) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _sections(asked: argparse.Namespace) -> Iterator[dict]:
    """Measure one thing after another; each is printed when it is done."""
    if asked.what in ("all", "gan"):
        config = GanConfig(batch=asked.batch)
        net = config.network
        timings = gan_step.measure(config, repeats=asked.repeats, compiled=asked.compiled)
        title = (f"GAN, G step and D step without regularization, batch {asked.batch}; pictures per second\n"
                 f"({net.resolution} px, channel_base {net.channel_base}, channel_max {net.channel_max}, two heads)")
        yield _section(title, timings, len(gan_step.PLAIN), {})
    if asked.what in ("all", "mapper"):
        found = {dtype: peaks(dtype) for dtype in formats().values()}
        config = dataclasses.replace(MappingConfig(), batch=asked.batch)
        for n_voxels, n_dims in mapper_step.SIZES:
            timings = mapper_step.measure(n_voxels, n_dims, config, repeats=asked.repeats)
            each = mapper_step.work_of_a_step(n_voxels, n_dims, asked.batch) / asked.batch
            most = {t.name: max(found[compute_dtype(t.name.split()[1].strip(","))].values()) for t in timings}
            shares = {t.name: each * t.rate / most[t.name] for t in timings}
            title = f"Mapper, {n_voxels:,} voxels to {n_dims} dimensions, batch {asked.batch}; trials per second"
            yield _section(title, timings, 1, shares)
        rows = [{"name": f"{way}, {str(dtype).removeprefix('torch.')}", "flops_per_second": flops}
                for dtype, ways in found.items() for way, flops in ways.items()]
        sys.stdout.write("Peak of this machine: "
                         + "; ".join(f"{r['name']} {r['flops_per_second'] / 1e9:.0f} GFLOP/s" for r in rows) + "\n\n")
        yield {"title": "peak", "rows": rows}
    if asked.what in ("all", "grid"):
        yield from grid_step.sections(asked)


def _section(title: str, timings: list[Timing], n_plain: int, shares: dict[str, float]) -> dict:
    """Print a table and give its rows; every ratio is to the faster of the first `n_plain` rows."""
    base = max(timing.rate for timing in timings[:n_plain])
    rows = [timing.row() | {"ratio": timing.rate / base}
            | ({"share_of_peak": shares[timing.name]} if shares else {}) for timing in timings]
    sys.stdout.write(title + "\n")
    sys.stdout.write(f"  {'':32}{'median':>8}{'slowest .. fastest':>22}{'ratio':>8}{'processors':>12}"
                     + (f"{'of peak':>9}" if shares else "") + "\n")
    for row in rows:
        spread = f"{row['slowest']:.1f} .. {row['fastest']:.1f}"
        sys.stdout.write(f"  {row['name']:32}{row['per_second']:8.1f}{spread:>22}{row['ratio']:8.2f}"
                         f"{row['processors']:12.2f}" + (f"{row['share_of_peak']:9.0%}" if shares else "") + "\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
    return {"title": title, "rows": rows}


def _machine_line(where: dict) -> str:
    return (f"{where['processor']}, {where['threads']} of {where['processors']} processors, torch {where['torch']}; "
            f"load {where['load']} before, {where['load_after']} after; {where['time']}")


if __name__ == "__main__":
    sys.exit(main())
