"""Say what there is and what is missing to run the chapters on NSD: `python -m mindreader.doctor [FOLDER]`.

FOLDER holds nsddata/, nsddata_betas/ and nsddata_stimuli/; by default it is the one that $MINDREADER_NSD names. The exit status is
0 if the chosen chapter runs (without --chapter: if all run that are about NSD), else 1; 2 for arguments that cannot be.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import yaml

from ..core import PRESETS, ParameterError, nsd_root, progress, read_settings
from ..experiments import dotted, experiment
from ..nsd import RELEASED
from .report import examine
from .screen import as_text


def main(arguments: list[str] | None = None) -> int:
    """The command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.doctor", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="of NSD, or where it shall be")
    parser.add_argument("--subject", default="", help=f"{', '.join(RELEASED)} or twin01; by default the preset's")
    parser.add_argument("--chapter", default="", help="its name or number, such as 03; by default all")
    parser.add_argument("--preset", default="paper", choices=PRESETS)
    parser.add_argument("--overrides", default="{}", help="as a chapter takes them, e.g. '{data.max_sessions: 1}'")
    parser.add_argument("--thorough", action="store_true", help="read every beta, picture and caption, which takes minutes")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    chosen = parser.parse_args(arguments)
    try:
        settings = {"subject": chosen.subject} if chosen.subject else {}
        run = experiment(chosen.preset, settings | dotted(read_settings(chosen.overrides) or {}))
        report = examine(chosen.folder or nsd_root(), run, chosen.chapter, is_thorough=chosen.thorough, progress=progress)
    except (ParameterError, yaml.YAMLError) as refused:
        parser.error(" ".join(str(refused).split()))
    print(json.dumps(report.as_dict(), indent=1) if chosen.json else as_text(report))
    return 0 if report.can_run else 1


if __name__ == "__main__":
    logging.getLogger("mindreader").setLevel(logging.ERROR)     # what is worth knowing stands in the report
    sys.exit(main())
