"""Stream the records of a large JSON file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import ijson
import numpy as np

from ..records import LayoutError
from .reading import PACKED, reading, require

__all__ = ["check_ends", "short", "stream_records"]

_BLOCK = 1 << 20
_EDGE = 1 << 16         # of a file, at its beginning and its end
_DEEPEST = 64           # no file of COCO goes deeper than six; the time that ijson takes grows with the square of the depth
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.S)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def stream_records(path: Path, key: str) -> Iterator[dict]:
    """Yield the objects of one top-level list of a JSON file without holding the file in memory.

    COCO's files reach a gigabyte, of which two numbers per record are needed. The file is parsed to its end, so that one that
    breaks off is noticed whatever is asked for. The parser in C of ijson takes two thirds of the time that `json` takes record
    by record (145 MB of polygons: 5.5 s and 8.0 s, on a core at 2 GHz).

    Parameters
    ----------
    path : Path
        UTF-8, with or without a byte order mark.
    key : str
        Of the outermost object; lists of the same name further in are passed over.

    Raises
    ------
    LayoutError
        The file is missing, is not JSON, breaks off, has no such list, or has something else than objects in it.
    """
    path = Path(path)
    require(path, "COCO's 2017 annotations there",
            "download them from the COCO data set, or set data.coco_folder to where they are")
    n_records = 0
    with reading(path, "a complete JSON file of COCO's"), open(path, "rb") as file:
        try:
            for record in ijson.items(_Blocks(file, path), f"{key}.item", use_float=True, buf_size=_BLOCK):
                n_records += 1
                if not isinstance(record, dict):
                    raise LayoutError(f"{path} has {short(record)} as entry {n_records} of its list {key!r}, expected an "
                                      "object in braces; get the file again")
                yield record
            if not n_records and not _has_list(path, key):
                raise LayoutError(f"{path} has no list {key!r} at the top, expected one there as in COCO's files; get the "
                                  "file again, or set data.coco_folder to another folder")
        except ijson.JSONError as problem:
            raise _plainer(problem) from problem


def check_ends(path: Path) -> None:
    """Raise LayoutError unless a file begins and ends as one of COCO's does; what lies between is not read."""
    with reading(path, "a complete JSON file of COCO's"), open(path, "rb") as file:
        if not _Blocks(file, path).read(_EDGE).lstrip().startswith(b"{"):
            raise ValueError("it does not begin with a brace")
        file.seek(max(0, path.stat().st_size - _EDGE))
        if not file.read().rstrip().endswith(b"}"):
            raise EOFError("it does not end with a brace")


class _Blocks:
    """The bytes of a file of UTF-8, without a byte order mark; LayoutError for another encoding, or brackets too deep."""

    def __init__(self, file, path: Path):
        self.file, self.path, self.begins = file, path, True
        self.depth, self.within = 0, b""      # open brackets; what has begun of a string that goes on in the next block

    def read(self, n: int) -> bytes:
        """The next n bytes."""
        block = self.file.read(n)
        if self.begins and n:
            self.begins, block = False, block.removeprefix(b"\xef\xbb\xbf")
            for start, (what, advice) in PACKED.items():
                if block.startswith(start):
                    raise LayoutError(f"{self.path} is {what}, expected a JSON file of COCO's; {advice}")
        self._follow(block)
        return block

    def _follow(self, block: bytes) -> None:
        """Count the brackets that are no part of a string."""
        rest = _STRING.sub(b"", self.within + block)
        if (at := rest.find(b'"')) < 0:
            self.within = b""
        else:
            backslashes = len(rest) - max(len(rest.rstrip(b"\\")), at + 1)
            self.within, rest = b'"' + b"\\" * (backslashes % 2), rest[:at]
        brackets = np.frombuffer(rest.translate(None, _NO_BRACKETS), np.uint8)
        depths = self.depth + np.cumsum(np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1))
        if len(depths):
            self.depth = int(depths[-1])
            if depths.max() > _DEEPEST:
                raise LayoutError(f"{self.path} has brackets within brackets, {depths.max()} deep, expected a JSON file of "
                                  "COCO's; get the file again")


def _has_list(path: Path, key: str) -> bool:
    """Whether there is such a list at the top, if an empty one."""
    with open(path, "rb") as file:
        return any(prefix == key and event == "start_array"
                   for prefix, event, _ in ijson.parse(_Blocks(file, path), use_float=True, buf_size=_BLOCK))


def _plainer(problem: ijson.JSONError) -> Exception:
    """The parser's reason without the piece of the file that it quotes; EOFError where the file breaks off."""
    reason = re.split(r"\\?\n|\\n", str(problem).removeprefix("b'").removeprefix('b"'))[0].strip()
    return EOFError(reason) if "premature EOF" in reason else ValueError(reason)


def short(value) -> str:
    """A value of a file as a message can hold it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
