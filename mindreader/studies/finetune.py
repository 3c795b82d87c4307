"""Finetune the painter of chapter 03 before the chapter is run, on one process or, by `torchrun`, on several.

    python -m mindreader.studies.finetune --cond both
    torchrun --nproc-per-node 2 -m mindreader.studies.finetune --cond both -y 'device: cuda'

The chapter with the same parameters then finds it in the store. Killed, it goes on from its last checkpoint, also with
another number of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from ..core import ParameterError
from ..training import ALONE, Crew, CrewStore, joined
from ..experiments import CONDITIONS, EXPERIMENTS, Experiment, experiment
from ..pipeline import Pipeline
from ..records import Diverged

GONE = ("by peer", "remote process")  # what gloo and NCCL say of a process that has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies.finetune`; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    crew = ALONE
    try:
        settings = {"seed": chosen.seed} | ({"subject": chosen.subject} if chosen.subject else {}) | _overrides(chosen.y)
        wanted = experiment(chosen.preset, settings)
        with joined(wanted.device) as crew:
            folder = finetune(wanted, chosen.cond, crew)
    except (ValueError, OSError, Diverged) as refused:
        return _stopped(str(refused))
    except RuntimeError as error:
        if crew.size == 1 or not any(word in str(error) for word in GONE):
            raise
        return _stopped("another process of this training is gone; expected all to work to the end; see what it said")
    if crew.leads:
        sys.stdout.write(f"{folder}\n")
    return 0


def finetune(wanted: Experiment, cond: str, crew: Crew = ALONE) -> Path:
    """The folder of the finished painter that `Pipeline.painter` finds, made first if it is not there.

    Every process of a crew calls this with the same arguments. The first alone makes what the painter is made from, and
    keeps it, the checkpoints and the painter; all must see the same store.

    Raises ParameterError for an experiment that several processes cannot run.
    """
    if crew.size > 1 and wanted.end_to_end:
        raise ParameterError(f"got end_to_end={wanted.end_to_end} with {crew.size} processes, expected 0, or one process: "
                             "mappers that learn along see whole batches")
    run = CrewPipeline(wanted, crew)
    if crew.leads:
        _ = run.subject, run.truth, run.mapped
    crew.say()
    run.generator(cond)
    return run.store.folder("painter", run.key("generator", {"cond": cond}))


class CrewPipeline(Pipeline):
    """A pipeline whose painters are trained by all processes of a crew."""

    def __init__(self, experiment: Experiment, crew: Crew):
        super().__init__(experiment, CrewStore(crew))
        self.crew = crew

    def _helpers(self, seed: str, room: Path) -> dict:
        return super()._helpers(seed, room) | ({"crew": self.crew} if self.crew.size > 1 else {})


def _overrides(text: str) -> dict:
    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise ParameterError(f"-y {text!r}: expected settings by dotted name, such as '{{gan.kimg: 1.0, device: cuda}}'")
    return given


def _stopped(why: str) -> int:
    """Say why on the terminal, and by which process if there are several; gives the exit status."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    who = f"process {os.environ.get('RANK')} of {size}: " if size > 1 else ""
    sys.stderr.write(f"{who}{why}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies.finetune", description=__doc__.splitlines()[0])
    parser.add_argument("--cond", default="both", choices=tuple(CONDITIONS), help="what the painter is told (both)")
    parser.add_argument("--preset", default="book", choices=tuple(EXPERIMENTS))
    parser.add_argument("--subject", default="", help="twin01, or subj01 to subj08 of your NSD; the preset's by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-y", default="", metavar="YAML", help="settings by dotted name, e.g. 'gan.kimg: 1.0'")
    return parser


if __name__ == "__main__":
    sys.exit(main())
