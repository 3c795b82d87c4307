"""Make keys, which change when anything behind a result does, and a seed for each part of a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from . import paths
from .meaning import fingerprint_source

# Where things are kept, and how that is asked, changes no result; nor does what is shown of a training while it runs.
UNCOUNTED = ("core.paths", "core.params", "core.store", "core.files", "core.results", "core.cache", "core.meaning",
             "core.processes", "core.keys:fingerprint", "core.keys:source_fingerprint", "generator.samples",
             *(f"pipeline:Pipeline.{method}" for method in ("key", "mapper_key", "keep", "_keep_embeddings", "_watch")))


def fingerprint(obj) -> str:
    """16 hexadecimal digits that change when anything in `obj` does; the same on every machine.

    Takes dataclasses, mappings, sequences, sets, paths, NumPy values and arrays, strings, numbers, booleans and
    None; a tuple equals a list. Raises TypeError for anything else.
    """
    text = json.dumps(plain(obj), sort_keys=True, separators=(",", ":"), allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def child_seed(seed: int, name: str) -> int:
    """A seed for one part of a run, in 0 .. 2**31 - 1, so that adding a part moves nobody else's numbers."""
    return int.from_bytes(hashlib.sha256(f"{int(seed)}/{name}".encode()).digest()[:4], "big") >> 1


def source_fingerprint(*names: str) -> str:
    """16 hexadecimal digits that change when code that these names reach could give another result.

    Comments, docstrings, the place of a definition and the Python version do not count (see `meaning`), nor do the modules
    that only say where things are kept.

    Parameters
    ----------
    *names : str
        Modules such as "mapping", or single definitions such as "core.store:child_seed".

    Raises ValueError for a name that the library does not have.
    """
    return fingerprint_source(paths.PACKAGE, names, UNCOUNTED)


def plain(obj):
    """The same as what JSON can hold: dictionaries, lists, numbers and text; raises TypeError where it cannot be."""
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        values = {f.name: plain(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
        return {"": type(obj).__name__} | values
    if isinstance(obj, dict):
        return {str(key): plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [plain(value) for value in obj]
    if isinstance(obj, set | frozenset):
        return sorted((plain(value) for value in obj), key=repr)
    if isinstance(obj, np.generic):
        return plain(obj.item())
    if isinstance(obj, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(obj).tobytes()).hexdigest()[:16]
        return {"dtype": str(obj.dtype), "shape": list(obj.shape), "sha256": digest}
    if isinstance(obj, Path):
        return str(obj)
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    raise TypeError(f"cannot take the fingerprint of a {type(obj).__name__}; "
                    "expected configs, numbers, text or arrays")
