"""Keep published weights in the home: `python -m mindreader.checkpoints FILE...`; without a file, say which are there."""

from __future__ import annotations

import argparse
import sys

from ..records import LayoutError
from . import importing


def main(arguments: list[str] | None = None) -> int:
    """The command; gives its exit status: 1 where a file was refused."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.checkpoints", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="weights as published; nothing in them is run")
    parser.add_argument("--name", default="", help="keep a single file under this name")
    chosen = parser.parse_args(arguments)
    if chosen.name and len(chosen.files) != 1:
        parser.error(f"got --name with {len(chosen.files)} files, expected one file")
    try:
        return _import(chosen.files, chosen.name) if chosen.files else _list()
    except (LayoutError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _import(files: list[str], name: str) -> int:
    status = 0
    for file in files:
        try:
            for made in importing.import_file(file, name=name):
                print(made.sentence)
        except LayoutError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


def _list() -> int:
    folder = importing.weights_folder()
    print(f"looked in {importing.imported_folder('x').parent} and in "
          f"{folder or f'no folder of yours (${importing.VARIABLE} is not set)'}")
    agrees = {True: "checksum as published", False: "checksum NOT as published", None: "no checksum to compare"}
    for one, path, verified in importing.inventory():
        state = "missing: " + " or ".join(one.files) if path is None else f"{path} ({agrees[verified]})"
        print(f"{one.name:<36}{one.use:<48}{state}")
    for card in importing.other_weights():
        print(f"{card['name']:<36}{card['what']:<48}{importing.imported_folder(card['name'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
