"""Keep big arrays that are slow to gather, for as long as the files they came from stay the same."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

__all__ = ["RowCache"]

_VERSION = 1


class RowCache:
    """Arrays as .npy files in a folder, found again by what they were made from; without a folder nothing is kept.

    Parameters
    ----------
    folder : Path, optional
        Made when first needed. Whatever else lies in it is left alone.
    """

    def __init__(self, folder: Path | None = None):
        self.folder = None if folder is None else Path(folder)

    def rows(self, name: str, key: dict, sources: list[Path], chunks: Callable[[], Iterable[np.ndarray]],
             shape: tuple[int, ...], dtype) -> np.ndarray:
        """The array of this shape whose rows `chunks()` yields in order: from the folder, or made and kept there.

        Parameters
        ----------
        name : str
            Start of the file's name, for people.
        key : dict
            JSON-like; with the size and time of each source it decides whether a kept array is the one asked for.
        sources : list of Path
        chunks : callable
        shape, dtype
            Of the whole array.

        Returns
        -------
        ndarray
            In memory without a folder, else a read-only map of the file.

        Raises
        ------
        OSError
            The disk is full; what was there before is untouched.
        """
        if self.folder is None:
            out, at = np.empty(shape, dtype), 0
            for chunk in chunks():
                out[at:at + len(chunk)] = chunk
                at += len(chunk)
            return out
        stamps = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in sources]
        text = json.dumps([_VERSION, name, key, stamps, shape, np.dtype(dtype).str], sort_keys=True)
        path = self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            _write(path, chunks(), shape, np.dtype(dtype))
        return np.load(path, mmap_mode="r")


def _write(path: Path, chunks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Write a .npy file row by row beside its place, then move it there, so that no half file is ever found.

    Plain writes and no memory map: on a full disk these raise, where a map would kill the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
            for chunk in chunks:
                file.write(np.ascontiguousarray(chunk, dtype).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize / 2**30
        raise OSError(problem.errno, f"the disk of {path.parent} is full, expected {size:.1f} GB for {path.name}; free "
                                     "some space or set MINDREADER_HOME to another disk") from problem
    finally:
        part.unlink(missing_ok=True)
