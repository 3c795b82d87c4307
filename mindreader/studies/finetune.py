"""Finetune the generator of chapter 03 before the chapter is run, on one process or, by `torchrun`, on several.

    python -m mindreader.studies finetune --cond both
    torchrun --nproc-per-node 2 -m mindreader.studies finetune --cond both -y 'device: cuda'

The chapter with the same parameters then finds it in the store. A killed run continues from its last checkpoint,
also with another number of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from ..core import ParameterError, read_settings
from ..training import SINGLE, ProcessGroup, SharedStore, process_group
from ..experiments import CONDITIONS, EXPERIMENTS, Experiment, experiment
from ..pipeline import Pipeline
from ..records import Diverged

GONE = ("by peer", "remote process")  # in the errors of gloo and NCCL where a process has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies finetune`; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    processes = SINGLE
    try:
        settings = {"seed": chosen.seed} | ({"subject": chosen.subject} if chosen.subject else {}) | overrides_of(chosen.y)
        wanted = experiment(chosen.preset, settings)
        with process_group(wanted.device) as processes:
            folder = finetune(wanted, chosen.cond, processes)
    except (ValueError, OSError, Diverged) as refused:
        return _stopped(str(refused))
    except RuntimeError as error:
        if processes.size == 1 or not any(word in str(error) for word in GONE):
            raise
        return _stopped("another process of this training is gone; expected all to work to the end; see what it said")
    if processes.is_main:
        sys.stdout.write(f"{folder}\n")
    return 0


def finetune(wanted: Experiment, cond: str, processes: ProcessGroup = SINGLE) -> Path:
    """The folder of the finished generator that `Pipeline.generator` finds, trained first if it is missing.

    Every process calls this with the same arguments. The main one alone computes the earlier stages, and writes them, the
    checkpoints and the generator; all must see the same store.

    Raises ParameterError for an experiment that several processes cannot run.
    """
    if processes.size > 1 and wanted.end_to_end:
        raise ParameterError(f"got end_to_end={wanted.end_to_end} with {processes.size} processes, expected 0, or one "
                             "process: mappers that are trained together with the generator need whole batches")
    run = ParallelPipeline(wanted, processes)
    if processes.is_main:
        _ = run.subject, run.truth, run.mapped
    processes.exchange()
    run.generator(cond)
    return run.store.folder("generator", run.key("generator", {"cond": cond}))


class ParallelPipeline(Pipeline):
    """A pipeline whose generators are trained by several processes together."""

    def __init__(self, experiment: Experiment, processes: ProcessGroup):
        super().__init__(experiment, SharedStore(processes))
        self.processes = processes

    def _helpers(self, seed: str, room: Path) -> dict:
        return super()._helpers(seed, room) | ({"processes": self.processes} if self.processes.size > 1 else {})


def overrides_of(text: str) -> dict:
    """The settings that a command line gives in YAML; raises ParameterError where it gives none."""
    try:
        given = read_settings(text) or {}
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise ParameterError(f"-y {text!r}: expected settings by dotted name, such as '{{gan.kimg: 1.0, device: cuda}}'")
    return given


def _stopped(why: str) -> int:
    """Print the reason, and which process stopped if there are several; gives the exit status."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    who = f"process {os.environ.get('RANK')} of {size}: " if size > 1 else ""
    sys.stderr.write(f"{who}{why}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies finetune", description=__doc__.splitlines()[0])
    parser.add_argument("--cond", default="both", choices=tuple(CONDITIONS), help="what the generator is conditioned on (both)")
    parser.add_argument("--preset", default="book", choices=tuple(EXPERIMENTS))
    parser.add_argument("--subject", default="", help="twin01, or subj01 to subj08 of your NSD; the preset's by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-y", default="", metavar="YAML", help="settings by dotted name, e.g. 'gan.kimg: 1.0'")
    return parser
