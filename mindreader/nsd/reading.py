"""Say in one sentence why a file cannot be read: the reason decides the advice."""

from __future__ import annotations

import difflib
import errno
import glob
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from ..records import LayoutError

__all__ = ["PACKED", "dataset", "is_there", "is_written", "nearby", "one_line", "open_hdf5", "reading", "refusal", "require"]

_AGAIN, _BLOCK = "download it again", 1 << 20
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_NO_ANSWER = {getattr(errno, name) for name in ("EIO", "ESTALE", "ETIMEDOUT", "ENOTCONN", "ENXIO", "ENODEV", "EREMOTEIO",
                                                "EHOSTDOWN", "ECONNRESET") if hasattr(errno, name)}
_HDF5 = b"\x89HDF\r\n\x1a\n"
PACKED = {b"\x1f\x8b": ("compressed by gzip", "unpack it"), b"PK\x03\x04": ("a zip archive", "unpack it"),
          b"BZh": ("compressed by bzip2", "unpack it"), b"\xfd7zXZ": ("compressed by xz", "unpack it"),
          b"\xff\xfe": ("UTF-16 text", "save it as UTF-8"), b"\xfe\xff": ("UTF-16 text", "save it as UTF-8")}
_NIFTI = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")      # how NIfTI 1 and 2 begin, in both byte orders
_NOWHERE = (errno.ELOOP, errno.ENAMETOOLONG)      # of a path that no file can have
_FORMATS = {"hdf5": "an HDF5 file", "gzip": "a file compressed with gzip", "mat": "a MATLAB 5 file"}


def is_there(path: Path) -> bool:
    """Whether there is a file at `path`; LayoutError where there is something else, or where we may not look."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as problem:
        if path.is_symlink():
            raise LayoutError(f"{path} is a link to {path.readlink()}, which is not there, expected a file; get what it "
                              f"points to (git annex get or datalad get, where these made the link)") from problem
        return False
    except OSError as problem:
        if problem.errno in _NOWHERE:
            return False
        found, advice = _reason(path, problem, "")
        raise LayoutError(f"{path} cannot be read ({found}), expected a file; {advice}") from problem
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise LayoutError(f"{path} is {what}, expected a file; put the file itself there")
    return True


def require(path: Path, expected: str, advice: str = "download it") -> None:
    """Raise LayoutError unless there is a file at `path`.

    >>> require(Path("/nowhere/x.csv"), "the table of stimuli")
    Traceback (most recent call last):
    ...
    mindreader.records.LayoutError: no x.csv in /nowhere (there is no /nowhere), expected the table of stimuli; download it
    """
    if not is_there(path):
        raise LayoutError(f"no {Path(path).name} in {Path(path).parent}{nearby(path)}, expected {expected}; {advice}")


def nearby(path: Path) -> str:
    """What lies where a missing file should, in brackets: a folder that is missing too, the same one folder further in, a like name.

    >>> nearby(Path("/nowhere/x.csv"))
    ' (there is no /nowhere)'
    """
    path = Path(path)
    try:
        missing = next((p for p in (*reversed(path.parents), path) if not p.is_dir()))
        names = sorted(n for n in os.listdir(missing.parent) if not n.startswith("."))
        further = glob.glob(f"*/{glob.escape(missing.name)}", root_dir=missing.parent)
    except OSError:
        return ""
    if missing.is_symlink():
        return f" ({missing} is a link to {missing.readlink()}, which is not there)"
    if missing.exists():
        return f" ({missing} is no folder)"
    alike = sorted(further)[:1] or difflib.get_close_matches(missing.name, names, 3)
    if alike:
        return f" ({'there is' if missing == path else f'{missing.parent} has'} {', '.join(alike)})"
    return f" (there is no {missing})" if missing != path else ""


@contextmanager
def reading(path: Path, expected: str, form: str = "") -> Iterator[None]:
    """Within this, whatever a library raises becomes a LayoutError: what was found at `path`, what was expected, what to do.

    Parameters
    ----------
    path : Path
    expected : str
        What the file should be, e.g. "betas of 750 trials".
    form : str
        "hdf5", "gzip", "mat" (MATLAB 5), or "" for text.
    """
    try:
        yield
    except LayoutError:
        raise
    except Exception as problem:    # libraries raise dozens of types on damaged files, and not one of them says what to do
        found, advice = _reason(Path(path), problem, form)
        raise LayoutError(f"{path} cannot be read ({found}), expected {expected}; {advice}") from problem


@contextmanager
def open_hdf5(path: Path, expected: str) -> Iterator[h5py.File]:
    """An HDF5 file open for reading, within `reading`; where the file system has no locks, it is read without."""
    with reading(path, expected, "hdf5"):
        try:
            file = h5py.File(path, "r")
        except OSError as problem:
            if "unable to lock file" not in str(problem) or _number(problem) not in _NO_LOCKS:
                raise
            file = h5py.File(path, "r", locking=False)
        with file:
            yield file


def dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """One dataset of numbers of an HDF5 file; LayoutError where there is none of this name, or it holds no numbers."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise LayoutError(f"{path} has no dataset {name!r}, but {', '.join(map(repr, list(file)[:8])) or 'nothing'}, expected "
                          f"NSD's {name!r} at the top; download it again, or write it under that name")
    if found.shape is None or found.dtype.kind not in "iuf":
        raise LayoutError(f"{path} has {found.dtype} in {name!r}, expected numbers as NSD stores them; download it again")
    return found


def is_written(stored: h5py.Dataset, places: np.ndarray, first: int = 1) -> np.ndarray:
    """Which parts of a dataset someone has written, (n_parts, n_places) bool; HDF5 reads 0 elsewhere without a word.

    Parameters
    ----------
    stored : Dataset
    places : (n, n_axes) int
        Along its last axes.
    first : int
        How many axes come before those: a part is a chunk along these.
    """
    if stored.is_virtual or stored.external:
        return np.ones((1, len(places)), bool)
    if stored.chunks is None:
        contiguous = stored.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
        return np.full((1, len(places)), not contiguous or stored.id.get_offset() is not None)
    before = [range(0, n, c) for n, c in zip(stored.shape[:first], stored.chunks)]
    chunks, of = np.unique(places // stored.chunks[first:], axis=0, return_inverse=True)
    corners = (chunks * stored.chunks[first:]).tolist()
    there = [[stored.id.get_chunk_info_by_coord((*head, *corner)).byte_offset is not None for corner in corners]
             for head in product(*before)]
    return np.array(there)[:, of.ravel()]


def refusal(path: Path, found: str, expected: str, advice: str) -> LayoutError:
    """The error for a file that can be read and is not what it should be: a web page, a pointer, nothing, else `found`."""
    shown = _content(Path(path), ValueError(), "")
    if shown:
        return LayoutError(f"{path} cannot be read ({shown[0]}), expected {expected}; {shown[1]}")
    return LayoutError(f"{found}, expected {expected}; {advice}")


def one_line(problem: Exception) -> str:
    """The first line of a library's error message, short and printable."""
    text = "".join(c if c.isprintable() else " " for c in str(problem).strip().split("\n")[0])
    return text[:120] or type(problem).__name__


def _reason(path: Path, problem: Exception, form: str) -> tuple[str, str]:
    """What was found, and what to do about it."""
    text = str(problem)
    number = _number(problem)
    if "unable to lock file" in text or isinstance(problem, BlockingIOError):
        return ("another process holds it open, or its file system has no locks",
                "close what has it open, or read it without locks by setting HDF5_USE_FILE_LOCKING=FALSE")
    if "already open for" in text:
        return ("a program has it open for writing, or ended without closing it",
                "close that program, or clear the mark in a copy with h5clear -s")
    if isinstance(problem, FileNotFoundError) or number == errno.ENOENT:
        return f"something it needs is not there: {one_line(problem)}", "put that beside it, or download it again"
    if isinstance(problem, PermissionError) or number in (errno.EACCES, errno.EPERM):
        return "you may not read it", "ask its owner for permission, or read a copy of your own"
    if number in _NO_ANSWER:
        return f"the disk or the mount does not answer: {one_line(problem)}", "mount it anew and try again"
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many files are open", "close some, or allow more with ulimit -n"
    if isinstance(problem, IsADirectoryError) or path.is_dir():
        return "it is a folder", "put the file itself there"
    if isinstance(problem, MemoryError) or number == errno.ENOMEM:
        return "there is not enough memory for it", "free some memory, or take fewer voxels with data.roi"
    if filtered := re.search(r"required filter '?([^']*?)'? is not registered", text):
        return (f"it is compressed with the filter {one_line(ValueError(filtered[1]))!r}, which h5py does not have",
                f"{_AGAIN}, or write it without that filter")
    return _content(path, problem, form) or (f"it is damaged: {one_line(problem)}", _AGAIN)


def _content(path: Path, problem: Exception, form: str) -> tuple[str, str] | None:
    """A reason that the file itself shows: no file of this form at all, or one that is cut short."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            head = file.read(1024)
            signed = form != "hdf5" or any(_at(file, place) == _HDF5 for place in (0, 512, 1024, 2048, 4096))
    except OSError:
        return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not size:
        return "it is empty", _AGAIN
    if start.startswith(b"version https://git-lfs"):
        return f"it is a pointer of Git LFS, {size} bytes", "get the file that it stands for: git lfs pull"
    if head.startswith((b"/annex/objects/", b"../.git/annex", b".git/annex")) or b"/annex/objects/" in head[:200]:
        return f"it is a pointer of git-annex, {size} bytes", "get the file that it stands for: git annex get or datalad get"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<error", b"<head")):
        return f"it is a web page, {size} bytes", f"{_AGAIN}, with access to the data set"
    if form and not any(head):
        return "it begins with zeros only", f"{_AGAIN}, as a download that broke off leaves such files"
    if form == "mat" and (head.startswith(b"MATLAB 7.3") or _HDF5 in head):
        return "it is a MATLAB 7.3 file", "save it with -v7 in MATLAB, or download it again"
    packed = next((what for start, what in PACKED.items() if head.startswith(start)), None) if form != "gzip" else None
    if packed and not (form == "hdf5" and signed):
        return f"it is {packed[0]}", packed[1]
    if form == "gzip" and head.startswith(_NIFTI):
        return "it is a NIfTI file that is not compressed, as some browsers unpack what they download", "compress it with gzip"
    if not signed or form == "gzip" and head[:2] != b"\x1f\x8b" or form == "mat" and not head.startswith(b"MATLAB"):
        return f"it is not {_FORMATS[form]}", _AGAIN
    if sizes := re.search(r"truncated file: eof = (\d+), .*stored_eof = (\d+)", str(problem)):
        return f"it is cut short, {sizes[1]} of {sizes[2]} bytes", _AGAIN
    problem = _unpacking(path) or problem if form == "gzip" else problem
    if isinstance(problem, EOFError) or re.search(r"(?i)expected \d+ bytes, got|could not read bytes", str(problem)):
        return f"it is cut short, {size} bytes: {one_line(problem)}", _AGAIN
    if isinstance(problem, (zlib.error, gzip.BadGzipFile)):
        return f"its checksum is wrong: {one_line(problem)}", _AGAIN
    if "Cannot work out file type" in str(problem):
        with gzip.open(path) if form == "gzip" else open(path, "rb") as file:
            again = file.read(2) == b"\x1f\x8b"
        return ("it is compressed twice", "unpack it once") if again else ("it is no NIfTI file", _AGAIN)
    return None


def _unpacking(path: Path) -> Exception | None:
    """What goes wrong when a gzip file is unpacked to its end, whatever a library said about it."""
    try:
        with gzip.open(path) as file:
            while file.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error) as problem:
        return problem
    return None


def _number(problem: Exception) -> int | None:
    """The system's number of an error; HDF5 has it in its text alone."""
    return getattr(problem, "errno", None) or next((int(n) for n in re.findall(r"errno = (\d+)", str(problem))), None)


def _at(file, place: int) -> bytes:
    """The eight bytes at a place."""
    file.seek(place)
    return file.read(8)
