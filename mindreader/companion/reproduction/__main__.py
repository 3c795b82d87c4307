"""Make the reproduction report: this book beside the committed one.

    python -m mindreader.companion.reproduction                   beside the last commit
    python -m mindreader.companion.reproduction --against REV     beside any other, or a folder that has the book as it was
    python -m mindreader.companion.reproduction --elsewhere       run the book as another machine would, and report on that
    python -m mindreader.companion.reproduction --sign            write down that this machine made what is to be committed

The exit status is 0 where the book was reproduced: all numbers, words and pictures to the last bit, or, on another kind of
machine than the record's, at least 95 % of the numbers that have an interval inside it, and no verdict changed; 1 where it
was not, 2 where nothing could be compared. The whole report goes to `figures/runs/reproduction.md` and `.json`, which git does
not see, or, of another book than this checkout's, to where `--to` says.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path

from ... import core
from ...records import LayoutError
from .._papermill import short_excepthook
from . import machine, trees
from .comparing import compare, made_with
from .report import Report
from .trees import WRITTEN


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.companion.reproduction", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter, epilog=__doc__.partition("\n\n")[2])
    parser.add_argument("chapter", nargs="*", help="e.g. 03_gan; all of them if none is named")
    parser.add_argument("--against", default="HEAD", metavar="REV|FOLDER", help="beside what; the last commit if not given")
    parser.add_argument("--book", metavar="FOLDER", help="a checkout or a folder of figures; this checkout if not given")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument("--sign", action="store_true", help=f"write figures/{machine.FILE} and compare nothing")
    parser.add_argument("--elsewhere", action="store_true", help="first run the chapters in a copy, cut down")
    parser.add_argument("--level", choices=machine.LEVELS, help="instruction sets left to it; else one level less than here")
    parser.add_argument("--threads", type=int, default=1, help="threads left to it (1)")
    parser.add_argument("--preset", default="book", help="at which it runs; if not book, it is run uncut too")
    parser.add_argument("--folder", type=_folder, help="where it runs (elsewhere/ of MINDREADER_HOME)")
    parser.add_argument("--to", type=_folder, metavar="FOLDER", help="where the whole report is written")
    chosen = parser.parse_args(arguments)
    core.require_checkout()
    there = sorted(path.stem for path in core.NOTEBOOKS.glob("[0-9]*.py"))
    unknown = [stem for stem in chosen.chapter if stem not in there]
    if unknown:
        parser.error(f"no chapter {unknown[0]!r}; there is {', '.join(there)}")
    if chosen.preset not in core.PRESETS:
        parser.error(f"no preset {chosen.preset!r}; there is {', '.join(core.PRESETS)}")
    if chosen.threads < 1:
        parser.error(f"--threads {chosen.threads}: expected a whole number from 1")
    if chosen.sign:
        print(f"wrote {machine.sign(core.FIGURES)}; commit it with the record")
        return 0
    chosen.folder = chosen.folder or core.home() / "elsewhere"
    to = chosen.to or (chosen.folder if chosen.elsewhere else None if chosen.book else WRITTEN.parent)
    try:
        return _tell(_elsewhere(chosen, there) if chosen.elsewhere else _here(chosen), to, chosen.json)
    except LayoutError as error:
        print(error, file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"a run in {chosen.folder} ended with status {error.returncode}; what it said stands above", file=sys.stderr)
    return 2


def report_on(committed: trees.Tree, here: trees.Tree, made_here: dict[str, str], only: list[str] | None = None, *,
              signed: dict[str, str] | None = None) -> Report:
    """Compare two records and set the machines beside each other that made them.

    made_here, signed: as of `machine.this_machine`, of the machine here and of the record's, if it is not written in the record;
    what the cards say of versions is preferred to both.
    """
    told = [{what: ", ".join(values) for what, values in made_with(tree, only).items()} for tree in (committed, here)]
    signed = machine.of_record(committed) if signed is None else signed
    return Report(compare(committed, here, only), committed.name, signed | told[0], made_here | told[1], is_signed=bool(signed))


def _here(chosen: argparse.Namespace) -> Report:
    """Compare the book as it stands in the checkout, or in a folder."""
    here = trees.of_folder(chosen.book or core.ROOT)
    with _committed(chosen.against) as committed:
        return report_on(committed, here, machine.this_machine(), chosen.chapter or None)


def _elsewhere(chosen: argparse.Namespace, there: list[str]) -> Report:
    """Run the chapters cut down, in a copy; compare with the record, or, at another preset, with a run that is not cut."""
    from . import elsewhere     # here and not above: a report alone runs nothing

    folder, level, stems = chosen.folder, chosen.level or elsewhere.lower_level(), chosen.chapter or there
    cut = elsewhere.cut_down(level, chosen.threads)
    told = " ".join(f"{name}={value}" for name, value in cut.items())
    print(f"running {', '.join(stems)} at preset {chosen.preset} in {folder} with {told}", file=sys.stderr)
    if chosen.preset != "book":
        usual = elsewhere.run_chapters(folder / "usual", stems, preset=chosen.preset)
    made = elsewhere.run_chapters(folder / f"{level}-{chosen.threads}", stems, preset=chosen.preset, variables=cut)
    cut_machine = elsewhere.machine_with(cut)
    if chosen.preset != "book":
        return report_on(usual, made, cut_machine, stems, signed=elsewhere.machine_with({}))
    with _committed(chosen.against) as record:
        return report_on(record, made, cut_machine, stems if chosen.chapter else None)


@contextlib.contextmanager
def _committed(against: str):
    """The record to compare with: a folder where one has that name, else a commit."""
    if against and Path(against).expanduser().is_dir() and not trees.is_revision(against):
        yield trees.of_folder(against)
    else:
        with trees.of_commit(against) as tree:
            yield tree


def _folder(name: str) -> Path:
    return Path(name).expanduser().absolute()


def _tell(report: Report, to: Path | None, as_json: bool) -> int:
    """Write the report into this folder, if any, print it, and return the exit status."""
    whole, lines = report.as_json(), report.lines()
    if to is not None:
        core.write_json(whole, to / f"{WRITTEN.stem}.json")
        with core.atomic_write(to / WRITTEN.name) as part:
            part.write_text(report.markdown(), encoding="utf-8")
        lines.append(f"The whole report: {to / WRITTEN.name}")
    print(json.dumps(whole, indent=1, ensure_ascii=False) if as_json else "\n".join(lines))
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.excepthook = short_excepthook
    sys.exit(main())
