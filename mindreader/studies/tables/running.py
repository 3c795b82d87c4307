"""Make all records of `make tables`: nine studies, each a process of its own, three of them in what the others leave idle.

What a study has held in memory is given back when its process ends, and each is what it is by itself.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ... import core

FIRST = ("mapping_grid", "generator_grid", "refits")    # each keeps two processes busy, but for its beginning and its end
THEN = ("coverage", "stimulated", "failures")           # so do these
BESIDE_FIRST = ("exam",)                # one process each; this one needs no stage of any other
BESIDE = ("found", "held_out")          # and these need stages of the first ones
LANES = 2           # of those beside, where no other study is at work
LEAST_URGENT = 19   # of those beside: they take what the others leave
# One thread each: a second one gains them little, and changes last bits. No progress bars: two would write over each other;
# what else a study says (its record's path, a warning, an error) is shown as ever.
IN_A_LANE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
AGAIN = "finished parts are found again when this is run again"
SECONDS = 0.2       # between two looks at the studies that are at work


def study_command(name: str) -> list[str]:
    """The command line of a study, for the Python that runs this."""
    return [sys.executable, "-m", "mindreader.studies", name]


def run_studies(command: Callable[[str], list[str]] = study_command) -> int:
    """Run all studies and say how long each took; returns 0, or the exit status of the first that failed, which ends the others.

    So does Ctrl-C or SIGTERM, which then ends this process, too.
    """
    begin = time.monotonic()
    with _signals() as received:
        status = _run(FIRST, BESIDE_FIRST, command, received) or _run(THEN, BESIDE, command, received)
    if status and received:
        signal.signal(received[0], signal.SIG_DFL)      # whoever started this sees that the signal ended it
        os.kill(os.getpid(), received[0])
    if not status:
        _say(f"all: {_duration(begin)}; processors: {core.how_many(sys.maxsize)}")
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies tables`, which has no options; returns the exit status."""
    argparse.ArgumentParser(prog="python -m mindreader.studies tables", description=__doc__.splitlines()[0]).parse_args(arguments)
    core.require_checkout()
    return run_studies()


# ── private ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _run(names: Sequence[str], beside: Sequence[str], command: Callable[[str], list[str]], received: list[int]) -> int:
    """Run these one by one, and those beside: one at a time with them, then as many as there are lanes.

    Gives 0, or the exit status of the first that failed or of a signal. None is at work afterwards.
    """
    waiting, waiting_beside, at_work = list(names), list(beside), {}
    try:
        while waiting or waiting_beside or at_work:
            if waiting and not at_work.keys() & set(names):
                name = waiting.pop(0)
                at_work[name] = time.monotonic(), _start(command(name))
            lanes = 1 if at_work.keys() & set(names) else LANES
            while waiting_beside and not received and len(at_work.keys() & set(beside)) < lanes:
                name = waiting_beside.pop(0)
                at_work[name] = time.monotonic(), _start(command(name), IN_A_LANE)
                os.setpriority(os.PRIO_PROCESS, at_work[name][1].pid, LEAST_URGENT)
            time.sleep(SECONDS)
            if received:
                _say(f"stopped by {signal.Signals(received[0]).name} during {' and '.join(at_work)}; {AGAIN}", sys.stderr)
                return 128 + received[0]
            for name, (begin, process) in list(at_work.items()):
                if status := process.poll():
                    status = status if status > 0 else 128 - status     # as a shell has it where a signal ended the process
                    _say(f"{name} failed with exit status {status}; {AGAIN}", sys.stderr)
                    return status
                if status == 0:
                    _say(f"{name}: {_duration(begin)}")
                    del at_work[name]
        return 0
    finally:
        for _, process in at_work.values():
            process.terminate()
        for _, process in at_work.values():
            process.wait()


def _start(command: list[str], environment: Mapping[str, str] = {}) -> subprocess.Popen:
    """Start a study that a terminal's Ctrl-C does not reach, so that it is told once."""
    with core.interrupts_blocked():
        return subprocess.Popen(command, env=os.environ | environment)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Those received from now on, noted only: an exception would forget a process that is just being started."""
    received: list[int] = []
    before = {each: signal.signal(each, lambda number, _: received.append(number)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _duration(begin: float) -> str:
    seconds = round(time.monotonic() - begin)
    return f"{seconds} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _say(line: str, file=None) -> None:
    print(line, file=file or sys.stdout, flush=True)
