"""Rehearse every chapter at the paper's sizes, without NSD and without anybody's weights, and say what each part takes.

    python -m mindreader.companion.rehearsal                  the paper's shapes, tiny budgets, on processors
    python -m mindreader.companion.rehearsal --device cuda    on a GPU: whole sessions, and budgets in proportion to the paper's
    python -m mindreader.companion.rehearsal --cut 01_screening    a smaller cut of one chapter

A folder of NSD's real shapes is written (simulated responses to drawn scenes, and nothing that says so but the marker of a
rehearsal), and files of random weights in the formats in which others publish theirs. Every chapter runs on them at the preset
`paper`, in a copy of the checkout with a home of its own. All of it is removed afterwards, and no number in it is a result.

The exit status is 1 where a chapter did not run to its end.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from ... import core
from .. import nb
from .._papermill import short_excepthook
from ..kernels import end_when_terminated
from . import chapters, sizes
from .table import as_lines, summary, write_record


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.companion.rehearsal", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter, epilog=__doc__.partition("\n\n")[2])
    parser.add_argument("chapter", nargs="*", help="e.g. 03_gan; all of them if none is named")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--cut", action="store_true", help="smaller networks and volume, as the tests take them")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what each part took as .csv")
    parser.add_argument("--folder", type=Path, help="where a folder of its own is made; the system's by default")
    parser.add_argument("--keep", action="store_true", help="do not remove that folder afterwards")
    chosen = parser.parse_args(arguments)
    core.require_checkout()
    unknown = [stem for stem in chosen.chapter if stem not in nb.chapters()]
    if unknown:
        parser.error(f"no chapter {unknown[0]!r}; there is {', '.join(nb.chapters())}")
    core.check_device(chosen.device)
    size = sizes.CUT if chosen.cut else sizes.SHAPES if chosen.device == "cpu" else sizes.PROPORTION
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=chosen.folder))
    try:
        return _rehearsed(folder, size, chosen.chapter or nb.chapters(), chosen.device, chosen.record)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _rehearsed(folder: Path, size: sizes.Size, stems: list[str], device: str, record: Path | None) -> int:
    _say(f"in {folder}, on {device}; nothing here is a result")
    chapters.prepare(folder, size)
    runs = []
    for run in chapters.rehearse(folder, size, stems, device=device):
        runs.append(run)
        _say("\n".join(as_lines(run)))
    parts = pd.concat([run.parts.assign(chapter=run.chapter) for run in runs], ignore_index=True)
    _say(summary(runs))
    if record is not None:
        write_record(parts, record, device)
        _say(f"wrote {record}")
    return int(any(run.failed for run in runs))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.excepthook = short_excepthook
    end_when_terminated()       # so that all is removed then, too
    sys.exit(main())
