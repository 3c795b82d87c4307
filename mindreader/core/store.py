"""Store finished stages, found again by what could have changed them.

A stage is computed in a temporary folder and moved into place in one step, so that a run killed at any moment
leaves either a whole stage or none. What is finished is used without writing anything, so that a home may be another user's.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from . import paths
from .files import disk_full, half_made, is_full, locked, make_folder, others_at_work, publish, to_disk
from .keys import fingerprint, plain
from .processes import return_freed_memory
from .results import provenance

LOG = logging.getLogger(__name__)
MADE = "made.json"
T = TypeVar("T")


class Store:
    """Finished stages, one folder each, under `root`; by default `store` in the user's cache."""

    def __init__(self, root: Path | str | None = None):
        self.root = Path(root) if root is not None else paths.home() / "store"

    def folder(self, stage: str, key: dict) -> Path:
        """Where this stage is kept once it is finished; it need not exist."""
        return self.root / stage / fingerprint(key)

    def has(self, stage: str, key: dict) -> bool:
        """Whether this stage is finished and whole."""
        return is_whole(self.folder(stage, key))

    def fetch(self, stage: str, key: dict, make: Callable[[Path], None], load: Callable[[Path], T]) -> T:
        """What `load` reads from the finished stage; `make` writes it first if it is not there.

        Parameters
        ----------
        stage : str
            Its name, e.g. "mapped".
        key : dict
            Everything that could change the result (configs, seeds, source, weights), see `fingerprint`.
        make : function of a folder
            Writes the result into the empty folder it is given.
        load : function of a folder
            Reads it back.

        Raises
        ------
        OSError
            The disk is full, or the stage is missing and may not be written; what is finished stays, and what was
            half-written is gone.
        """
        folder = self.folder(stage, key)
        if not is_whole(folder):
            make_folder(folder.parent, f"stage '{stage}'")
            with locked(folder.with_name(f".{folder.name}.lock")):
                if not is_whole(folder):
                    self._make(stage, key, folder, make)
        return load(folder)

    def workspace(self, stage: str, key: dict) -> Path:
        """A folder for this stage's checkpoints while it is unfinished; kept when killed, removed when finished."""
        folder = self._unfinished(stage, fingerprint(key))
        make_folder(folder, f"stage '{stage}'")
        return folder

    def _unfinished(self, stage: str, name: str) -> Path:
        return self.root / "unfinished" / stage / name

    def _make(self, stage: str, key: dict, folder: Path, make: Callable[[Path], None]) -> None:
        start = time.monotonic()
        with half_made(folder, f"stage '{stage}'") as part:
            if is_whole(folder):    # asked again with `part` there, from when on nobody takes our checkpoints away
                return
            try:
                make(part)
                return_freed_memory()   # which the next stage would come on top of
                _write_made(part, stage, key, time.monotonic() - start)
                usual = (part / MADE).stat().st_mode
                for path in [p for p in sorted(part.rglob("*")) if p.is_file()] + [part]:
                    if path != part and path.stat().st_mode != usual:
                        path.chmod(usual)   # safetensors writes for its owner only, and a home may be read by others
                    to_disk(path)
            except BaseException as error:
                if is_full(error, self.root):
                    raise disk_full(self.root, f"stage '{stage}'") from error
                raise
            publish(part, folder, is_whole)
        to_disk(folder.parent)
        if not others_at_work(folder):  # who makes the same without a lock has checkpoints there, and is the one to tidy up
            shutil.rmtree(self._unfinished(stage, folder.name), ignore_errors=True)
        LOG.info("%s: made in %.1f s, kept in %s", stage, time.monotonic() - start, folder)


def is_whole(folder: Path) -> bool:
    """Whether a finished stage lies in `folder`: its list of files is there, and each has its length and may be read."""
    try:
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size and os.access(folder / name, os.R_OK) for name, size in made["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _write_made(part: Path, stage: str, key: dict, seconds: float) -> None:
    files = {str(p.relative_to(part)): p.stat().st_size for p in sorted(part.rglob("*")) if p.is_file()}
    made = {"stage": stage, "key": plain(key), "seconds": round(seconds, 1), "files": files,
            **provenance(commit=True)}
    (part / MADE).write_text(json.dumps(made, indent=1), encoding="utf-8")


def _main(arguments: list[str]) -> int:
    if arguments != ["--clean"]:
        sys.stderr.write("usage: python -m mindreader.core.store --clean\n")
        return 2
    try:
        home = paths.home()
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name in ("store", "twins", "cache", "world"):
        shutil.rmtree(home / name, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
