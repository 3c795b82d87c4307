"""Cache arrays and tables that are slow to gather, for as long as the files they came from stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from .files import atomic_write, is_writable
from .keys import fingerprint

__all__ = ["RowCache"]

_VERSION = 1


class RowCache:
    """Arrays (.npy) and tables (.json) in a folder, found again by what they were made from; without one none is kept.

    Parameters
    ----------
    folder : Path, optional
        Made when first needed. Whatever else lies in it is left alone; where nothing may be written there, what is in it is
        used and nothing is kept.
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
            With the size and time of each source it decides whether a kept array is the one asked for.
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
            return _gathered(chunks(), shape, dtype)
        path = self.folder / f"{name}-{fingerprint([*_made_from(key, sources), shape, np.dtype(dtype).str])}.npy"
        if not path.is_file():
            if not is_writable(self.folder):
                return _gathered(chunks(), shape, dtype)
            with atomic_write(path) as part:
                _write(part, chunks(), shape, np.dtype(dtype))
        return np.load(path, mmap_mode="r")

    def table(self, name: str, key: dict, sources: list[Path], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The table of whole numbers and text that `make()` gives: from the folder, or made and kept there.

        name, key, sources and OSError as for `rows`; where a source is missing, `make` is asked, to say what it wants.
        """
        if self.folder is None or not all(p.is_file() for p in sources):
            return make()
        path = self.folder / f"{name}-{fingerprint(_made_from(key, sources))}.json"
        if not path.is_file():
            made = make()
            if not is_writable(self.folder):
                return made
            with atomic_write(path) as part:
                made.to_json(part, orient="split", index=False)
        return pd.read_json(path, orient="split", dtype=False)


def _made_from(key: dict, sources: list[Path]) -> list:
    """What decides whether a kept file is the one asked for."""
    return [_VERSION, key, [(p.resolve(), p.stat().st_size, p.stat().st_mtime_ns) for p in sources]]


def _gathered(chunks: Iterable[np.ndarray], shape: tuple[int, ...], dtype) -> np.ndarray:
    """The array in memory."""
    out, at = np.empty(shape, dtype), 0
    for chunk in chunks:
        out[at:at + len(chunk)] = chunk
        at += len(chunk)
    return out


def _write(path: Path, chunks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Write a .npy file row by row, with plain writes: on a full disk they raise, where a map would kill us."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).data)
