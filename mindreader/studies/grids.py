"""Run the jobs of a grid in one process or several, and read its committed record: what all grids share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from .. import core
from ..core import Store, as_finished, progress
from ..experiments import Experiment, experiment
from ..pipeline import Pipeline
from ..records import LayoutError

Job, Result = TypeVar("Job"), TypeVar("Result")


# ── running ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def run_jobs(work: Callable[[Pipeline, Job], Result], run: Pipeline, jobs: Iterable[Job], processes: int, *, desc: str,
             label: Callable[[Job], str]) -> dict[Job, Result]:
    """The result of work(run, job) for each job, in the order of the jobs.

    Each job runs on one thread, in one process or in several, to the same bits.

    Parameters
    ----------
    work : callable
        A module's function; other processes import it by name, and open the subject once each.
    processes : int
    desc : str
        Title of the progress bar, until the `label` of the first finished job replaces it.
    """
    jobs = list(jobs)
    here = partial(_on_one_thread, work, run) if processes == 1 else partial(_apart, work, run.experiment, run.store.root)
    found = {}
    with closing(as_finished(here, jobs, processes)) as finished, progress(total=len(jobs), desc=desc) as bar:
        for job, result in finished:
            found[job] = result
            bar.set_description(label(job))
            bar.update()
    return {job: found[job] for job in jobs}


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: their number changes how sums are split and so their last bits."""
    before = torch.get_num_threads()
    try:
        with threadpool_limits(1):
            torch.set_num_threads(1)
            yield
    finally:
        torch.set_num_threads(before)


def _on_one_thread(work: Callable[[Pipeline, Job], Result], run: Pipeline, job: Job) -> Result:
    with one_thread():
        return work(run, job)


def _apart(work: Callable[[Pipeline, Job], Result], config: Experiment, root: Path, job: Job) -> Result:
    """The same in a process of its own."""
    return _on_one_thread(work, _opened(config, root), job)


@cache
def _opened(config: Experiment, root: Path) -> Pipeline:
    return Pipeline(config, Store(root))


# ── the committed record ───────────────────────────────────────────────────────────────────────────────────────────────
CURRENT = "The committed record, which is what this run would make."


def outdated(part: str = "") -> str:
    """Says that a record is not what this run would make, e.g. with part ", for 3 of its 10 rows"."""
    return (f"This record was made with other settings, code or weights than this run has{part}; `make tables` makes it "
            "anew.")


def of_another_subject(run: Pipeline) -> str:
    """Says why the committed record, which is the simulated subject's, is left out of this run; "" where it is not."""
    if run.origin == "twin":
        return ""
    return (f"Left out: the committed record is the simulated subject's, and this run is about {run.experiment.subject}; another "
            "ablation trains its settings here.")


def read_table(root: Path, name: str, words: Sequence[str] = (), of: str = "Tables 3 and 4") -> pd.DataFrame:
    """One table of the record below `root`, its columns `words` as text; LayoutError where it is missing."""
    path = root / "tables" / f"{name}.csv"
    if not path.is_file():
        raise LayoutError(f"no {path.name} in {path.parent}, expected the record of {of}; run `make tables`")
    table = pd.read_csv(path, dtype=dict.fromkeys(words, str))
    return table.fillna({word: "" for word in words if word in table})


def whole_record(run: Pipeline, name: str, of: str, key: Callable[[Pipeline], str], root: Path, *,
                 words: Sequence[str] = ()) -> tuple[pd.DataFrame, str]:
    """A record whose rows all have one key, and a sentence on whether it is what this run would make; empty for another subject.

    words: columns of text besides the key, as of `read_table`. Raises LayoutError where there is no record.
    """
    if why := of_another_subject(run):
        return pd.DataFrame(), why
    table = read_table(root, name, ("key", *words), of)
    return table.drop(columns="key"), CURRENT if set(table.key) == {key(run)} else outdated()


# ── the command line ───────────────────────────────────────────────────────────────────────────────────────────────────
def command(study: str, doc: str, write: Callable[..., list[Path]], arguments: Sequence[str] | None) -> int:
    """The command line of a study that writes a record: preset, number of seeds and of processes; returns the exit status.

    write: write(run, n_seeds, processes=..., root=...) -> paths. Anything but the book preset with its own number of seeds
    is written to a folder under figures/runs.
    """
    parser = argparse.ArgumentParser(prog=f"python -m mindreader.studies {study}", description=doc.splitlines()[0])
    parser.add_argument("--preset", default="book", choices=core.PRESETS)
    parser.add_argument("--seeds", type=int, help="of each row; the preset's number by default")
    parser.add_argument("--processes", type=int, default=2, help="at work at once, one thread each; 2 by default")
    chosen = parser.parse_args(arguments)
    if chosen.processes < 1 or (chosen.seeds is not None and chosen.seeds < 1):
        parser.error(f"got --seeds {chosen.seeds} and --processes {chosen.processes}, expected whole numbers from 1")
    usual = chosen.preset == "book" and chosen.seeds is None
    name = f"tables__{chosen.preset}" + (f"__seeds-{chosen.seeds}" if chosen.seeds else "")
    run = Pipeline(experiment(chosen.preset))
    written = write(run, chosen.seeds, processes=chosen.processes, root=core.output_root("" if usual else name))
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


def preset_command(study: str, doc: str, write: Callable[[Pipeline, Path], Path], arguments: Sequence[str] | None) -> int:
    """The command line of a study that takes a preset alone and writes one table of the simulated subject; returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m mindreader.studies {study}", description=doc.splitlines()[0])
    parser.add_argument("--preset", default="book", choices=("smoke", "book"))
    preset = parser.parse_args(arguments).preset
    root = core.output_root("" if preset == "book" else f"tables__{preset}")
    sys.stdout.write(f"{write(Pipeline(experiment(preset)), root)}\n")
    return 0
