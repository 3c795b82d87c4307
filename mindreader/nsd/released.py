"""Say what NSD's public release holds, where it lies there, and by which commands a file of it is fetched.

Sizes follow from shapes: a session of betas has two bytes for each voxel and trial, a picture three for each pixel. The other
files are small, and nothing is said of their bytes.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

__all__ = ["BUCKET", "Fetch", "fetches", "RELEASED", "Released", "session_bytes", "PICTURES_BYTES"]

BUCKET = "s3://natural-scenes-dataset"      # region us-east-2; asks for no account
TRIALS_PER_SESSION = 750
PICTURES_BYTES = 73_000 * 425 * 425 * 3     # of nsd_stimuli.hdf5: pictures, rows, columns, colours
_COPY = "aws s3 cp --no-sign-request"
_SYNC = "aws s3 sync --no-sign-request --exclude '*'"


@dataclass(frozen=True)
class Released:
    """What the release has of one subject.

    n_sessions  of the main experiment, the last three of which were withheld until 2023
    shape       (x, y, z) of a volume of func1pt8mm
    n_voxels    in nsdgeneral
    """

    n_sessions: int
    shape: tuple[int, int, int]
    n_voxels: int


# Source: NSD Data Manual, technical notes (sessions, shapes); counts of voxels as analyses of the release print them.
RELEASED = {
    "subj01": Released(40, (81, 104, 83), 15_724), "subj02": Released(40, (82, 106, 84), 14_278),
    "subj03": Released(32, (81, 106, 82), 15_226), "subj04": Released(30, (85, 99, 80), 13_153),
    "subj05": Released(40, (79, 97, 78), 13_039), "subj06": Released(32, (85, 113, 83), 17_907),
    "subj07": Released(40, (78, 95, 81), 12_682), "subj08": Released(30, (80, 103, 78), 14_386),
}


@dataclass(frozen=True)
class Fetch:
    """One command that fetches files of the release, and about how many bytes; None where they are but a few megabytes."""

    command: str
    n_bytes: int | None


def session_bytes(subject: str) -> int:
    """Bytes of one session's betas, without what its format adds.

    >>> session_bytes("subj01")
    1048788000
    """
    return math.prod(RELEASED[subject].shape) * TRIALS_PER_SESSION * 2


def fetches(root: Path, wanted: Iterable[tuple[Path, int | None, bool]]) -> list[Fetch]:
    """The commands of Amazon's program that fetch files of the release to where they belong, one for each folder.

    A folder is synchronised, so that a command that broke off is repeated without a second copy of what has arrived. What is there
    and damaged may be as long as what was released; so it is copied whatever is there, by a command of its own.

    Parameters
    ----------
    root : Path
        The folder that holds nsddata/.
    wanted : iterable of (path, bytes or None, whether something is there)
        Files below `root`.

    >>> missing = [(Path(f"/d/nsddata_betas/betas_session{n:02d}.hdf5"), 5, False) for n in (1, 2, 3, 9, 10)]
    >>> for fetch in fetches(Path("/d"), [(Path("/d/nsddata/x.mat"), None, True), *missing]):
    ...     print(fetch.command)
    aws s3 cp --no-sign-request s3://natural-scenes-dataset/nsddata/x.mat /d/nsddata/x.mat
    aws s3 sync --no-sign-request --exclude '*' --include 'betas_session0[1-39].hdf5' --include 'betas_session10.hdf5' \
s3://natural-scenes-dataset/nsddata_betas /d/nsddata_betas
    """
    wanted, made = list(wanted), []
    for path, n_bytes, _ in (one for one in wanted if one[2]):
        made.append(Fetch(f"{_COPY} {_source(root, path)} {_quoted(path)}", n_bytes))
    absent = sorted((one for one in wanted if not one[2]), key=lambda one: (one[0].parent, one[0].name))
    for folder, group in groupby(absent, key=lambda one: one[0].parent):
        some = list(group)
        n_bytes = sum(one[1] or 0 for one in some) or None
        if len(some) == 1:
            made.append(Fetch(f"{_COPY} {_source(root, some[0][0])} {_quoted(some[0][0])}", n_bytes))
        else:
            includes = " ".join(f"--include '{pattern}'" for pattern in _patterns([one[0].name for one in some]))
            made.append(Fetch(f"{_SYNC} {includes} {_source(root, folder)} {_quoted(folder)}", n_bytes))
    return made


def _source(root: Path, path: Path) -> str:
    return f"{BUCKET}/{PurePosixPath(path.relative_to(root))}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _patterns(names: list[str]) -> list[str]:
    """Names as Amazon's program takes them: numbers that differ in the last digit as one pattern, several of one kind as all of it."""
    numbered: dict[tuple[str, str], str] = {}
    kinds: dict[str, list[str]] = {}
    for name in names:
        stem, dot, suffix = name.partition(".")
        if stem[-1:].isdigit():
            numbered[stem[:-1], dot + suffix] = numbered.get((stem[:-1], dot + suffix), "") + stem[-1]
        else:
            kinds.setdefault("." + name.partition(".")[2].removeprefix("nsdgeneral."), []).append(name)
    return [f"{head}[{_ranges(digits)}]{end}" if len(digits) > 1 else f"{head}{digits}{end}"
            for (head, end), digits in numbered.items()] + [
        pattern for end, some in kinds.items() for pattern in ([f"*{end}"] if len(some) > 3 else some)]


def _ranges(digits: str) -> str:
    """Ascending digits, three and more in a row as a range.

    >>> _ranges("0123579")
    '0-3579'
    """
    runs = re.findall("|".join("0123456789"[i:j] for i in range(10) for j in range(10, i, -1)), digits)
    return "".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else run for run in runs)
