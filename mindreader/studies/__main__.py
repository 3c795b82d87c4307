"""The command line of the studies: `python -m mindreader.studies STUDY [options]`; `STUDY --help` lists its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ..core import ParameterError
from ..records import LayoutError

STUDIES = {
    "mapping_grid": "Tables 3 and 4: variants of the mappers",
    "generator_grid": "Tables 1 and 5: variants of the generator's finetuning",
    "held_out": "whole categories of pictures held out from training",
    "refits": "every network behind the headline numbers fitted again, with intervals over pictures and fits",
    "coverage": "how often those intervals hold a planted truth",
    "shared_images": "NSD's shared images, repeats averaged and scored as later papers do",
    "whole_paper": "what the whole paper costs at NSD's sizes, counted and not run",
    "exam": "which scores of naturalness may be used: those that see damages as a person does",
    "found": "which things are found again in reconstructions, class by class",
    "failures": "what goes wrong in reconstructions, by several fits of the whole chain",
    "stimulated": "regions stimulated by several fits of each mapper, beside matched random voxels",
    "tables": "what `make tables` makes: all records, by nine of these studies, three of them in what the others leave idle",
    "rekey": "the keys of the committed records, after a change of code that changed no result",
    "finetune": "the generator of chapter 03, before the chapter is run; by torchrun on several processes",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one study with the rest of the command line; returns the exit status, 1 where one sentence says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m mindreader.studies", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="\n".join(f"{name:16}{about}" for name, about in STUDIES.items()))
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("options", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    try:
        return import_module(f"mindreader.studies.{chosen.study}").main(chosen.options)
    except (LayoutError, ParameterError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
