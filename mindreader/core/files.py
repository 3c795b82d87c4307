"""Write files atomically, lock them among processes, and recognise a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there takes its place in one step, or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")  # keeps the suffix, which tells writers the format
    try:
        yield part
        to_disk(part)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if is_full(error, path.parent):
            raise disk_full(path.parent, path.name) from error
        raise


@contextlib.contextmanager
def locked(path: Path | str) -> Iterator[None]:
    """Hold the lock of this file among all processes, waiting for whoever has it; a killed process lets go by itself.

    Where the file system has no flock (some Lustre and NFS), a file that names its owner stands in (see filelock).
    """
    with FileLock(path):
        yield


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether a full disk is behind an error of writing below `folder`."""
    if isinstance(error, OSError) and (error.errno in _FULL or "No space left" in str(error)):  # HDF5 says it in words alone
        return True
    # torch and HDF5 hide the error number of a failed write behind errors of their own
    return isinstance(error, OSError | RuntimeError) and shutil.disk_usage(folder).free < 1 << 20


def disk_full(folder: Path, what: str) -> OSError:
    """The error to raise where `what` did not fit on the disk of `folder`."""
    free = shutil.disk_usage(folder).free / 1e6
    return OSError(errno.ENOSPC, f"the disk of {folder} is full ({free:.0f} MB free) and {what} did not fit; free "
                                 "some space or set MINDREADER_HOME to another disk; what was finished is kept")
