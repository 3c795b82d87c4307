"""Keep what was expensive: finished stages, found again by what could have changed them, and figures.

A stage is computed in a temporary folder and moved into place in one step, so that a run killed at any moment
leaves either a whole stage or none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import logging
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..companion import rendering
from . import paths
from .meaning import fingerprint_source

LOG = logging.getLogger(__name__)
MADE = "made.json"
# Where things are kept, and how that is asked, changes no result; nor does what is shown of a training while it runs.
UNCOUNTED = ("core.paths", "core.params", "core.store", "core.cache", "core.meaning", "core.processes", "generator.samples",
             *(f"pipeline:Pipeline.{method}" for method in ("key", "mapper_key", "keep", "_keep_embeddings", "_watch")))
_FULL = {errno.ENOSPC, errno.EDQUOT}
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
            The disk is full; what is finished stays, and what was half-written is gone.
        """
        folder = self.folder(stage, key)
        if not is_whole(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _locked(folder.with_name(f".{folder.name}.lock")):
                if not is_whole(folder):
                    self._make(stage, key, folder, make)
        return load(folder)

    def workspace(self, stage: str, key: dict) -> Path:
        """A folder for this stage's checkpoints while it is unfinished; kept when killed, removed when finished."""
        folder = self.root / "unfinished" / stage / fingerprint(key)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _make(self, stage: str, key: dict, folder: Path, make: Callable[[Path], None]) -> None:
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # what a killed run left: the lock says that nobody writes it
        part.mkdir()
        start = time.monotonic()
        try:
            make(part)
            _write_made(part, stage, key, time.monotonic() - start)
            for path in [p for p in sorted(part.rglob("*")) if p.is_file()] + [part]:
                _to_disk(path)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if _is_full(error, self.root):
                raise _disk_full(self.root, f"stage '{stage}'") from error
            raise
        shutil.rmtree(folder, ignore_errors=True)  # only ever a damaged one
        os.replace(part, folder)
        _to_disk(folder.parent)
        shutil.rmtree(self.root / "unfinished" / stage / folder.name, ignore_errors=True)
        LOG.info("%s: made in %.1f s, kept in %s", stage, time.monotonic() - start, folder)


def is_whole(folder: Path) -> bool:
    """Whether a finished stage lies in `folder`: its list of files is there, and each file has its length."""
    try:
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in made["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def fingerprint(obj) -> str:
    """16 hexadecimal digits that change when anything in `obj` does; the same on every machine.

    Takes dataclasses, mappings, sequences, sets, paths, NumPy values and arrays, strings, numbers, booleans and
    None; a tuple equals a list. Raises TypeError for anything else.
    """
    text = json.dumps(_plain(obj), sort_keys=True, separators=(",", ":"), allow_nan=True)
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


@contextlib.contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there takes its place in one step, or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")  # keeps the suffix, which tells writers the format
    try:
        yield part
        _to_disk(part)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if _is_full(error, path.parent):
            raise _disk_full(path.parent, path.name) from error
        raise


def provenance(*, commit: bool = False) -> dict:
    """The versions and the machine kind behind a result; with `commit`, also the commit and the time.

    What is committed leaves commit and time out, so that a rerun that changes no result changes no byte.
    """
    names = ("numpy", "scipy", "pandas", "torch", "open_clip_torch", "matplotlib")
    made = {"versions": {name: _version(name) for name in names},
            "python": ".".join(map(str, sys.version_info[:2])),
            "machine": f"{sys.platform} {platform.machine()}"}
    if commit:
        made |= {"commit": _commit(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    return made


def save_figure(fig, name: str, *, origin: str, data=None, meta: dict | None = None,
                root: Path | None = None) -> Path:
    """Path of the .png of a figure, written beside its .svg, its numbers as .csv, and how it was made as .json.

    Parameters
    ----------
    fig : matplotlib Figure
    name : str
        "<section>/<slug>", e.g. "03_gan/samples".
    origin : {"twin", "nsd"}
        Whose brain; written beside the figure.
    data : DataFrame, optional
        The plotted numbers.
    meta : dict, optional
        What made it: experiment, seed, parameters.
    root : Path, optional
        By default `figures`; another run than the committed one passes `paths.output_root(...)`.
    """
    base = _output(name, root)
    for suffix, content in ((".png", rendering.png(fig)), (".svg", rendering.svg(fig))):
        with atomic_write(base.with_suffix(suffix)) as part:
            part.write_bytes(content)
    if data is not None:
        _write_table(data, base.with_suffix(".csv"))
    _write_json(_card(origin, meta, root), base.with_suffix(".json"))
    return base.with_suffix(".png")


def save_table(table, name: str, *, origin: str, meta: dict | None = None, root: Path | None = None) -> Path:
    """Path of the .csv of a table, written beside how it was made as .json. Parameters as `save_figure`."""
    base = _output(name, root)
    _write_table(table, base.with_suffix(".csv"))
    _write_json(_card(origin, meta, root), base.with_suffix(".json"))
    return base.with_suffix(".csv")


def record(section: str, results: dict, *, root: Path | None = None) -> Path:
    """Path of `results/<section>.json`, written; the book's prose and scorecards take their numbers from it.

    Parameters
    ----------
    section : str
        e.g. "03_gan".
    results : dict
        origin ("twin" or "nsd"), preset, and values: key -> {"ours", "low", "high", "n", "chance", "paper",
        "note"}; only "ours" is required, what is absent or not finite becomes null.
    """
    missing = {"origin", "preset", "values"} - set(results)
    if missing:
        raise ValueError(f"results of {section} lack {', '.join(sorted(missing))}; "
                         "expected origin, preset and values")
    fields = ("ours", "low", "high", "n", "chance", "paper", "note")
    values = {}
    for key, value in results["values"].items():
        value = value if isinstance(value, dict) else {"ours": value}
        if "ours" not in value or set(value) - set(fields):
            raise ValueError(f"result {section}:{key} has {', '.join(value) or 'nothing'}; "
                             f"expected 'ours' and of the rest only {', '.join(fields[1:])}")
        values[key] = {field: _rounded(value.get(field)) for field in fields}
    path = _output(f"results/{section}", root).with_suffix(".json")
    _write_json(_card(results["origin"], {"preset": results["preset"]}, root) | {"values": values}, path)
    return path


def _card(origin: str, meta: dict | None, root: Path | None) -> dict:
    if origin not in ("twin", "nsd"):
        raise ValueError(f"origin {origin!r}; expected 'twin' (simulated) or 'nsd'")
    committed = root is None or root == paths.FIGURES
    return {"origin": origin, **_json(_plain(meta or {})), **provenance(commit=not committed)}


def _output(name: str, root: Path | None) -> Path:
    base = (root or paths.FIGURES) / f"{name}.x"
    base.parent.mkdir(parents=True, exist_ok=True)
    return base


def _write_table(table, path: Path) -> None:
    with atomic_write(path) as part:
        table.to_csv(part, index=table.index.name is not None, float_format="%.6g", lineterminator="\n")


def _write_json(content: dict, path: Path) -> None:
    with atomic_write(path) as part:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8")


def _json(obj):
    """The same with numbers that JSON cannot hold as words, e.g. a half-life of "inf"."""
    if isinstance(obj, dict):
        return {key: _json(value) for key, value in obj.items()}
    if isinstance(obj, list):
        return [_json(value) for value in obj]
    return str(obj) if isinstance(obj, float) and not math.isfinite(obj) else obj


def _rounded(value):
    value = _plain(value)
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _plain(obj):
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        values = {f.name: _plain(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
        return {"": type(obj).__name__} | values
    if isinstance(obj, dict):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_plain(value) for value in obj]
    if isinstance(obj, set | frozenset):
        return sorted((_plain(value) for value in obj), key=repr)
    if isinstance(obj, np.generic):
        return _plain(obj.item())
    if isinstance(obj, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(obj).tobytes()).hexdigest()[:16]
        return {"dtype": str(obj.dtype), "shape": list(obj.shape), "sha256": digest}
    if isinstance(obj, Path):
        return str(obj)
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    raise TypeError(f"cannot take the fingerprint of a {type(obj).__name__}; "
                    "expected configs, numbers, text or arrays")


def _write_made(part: Path, stage: str, key: dict, seconds: float) -> None:
    files = {str(p.relative_to(part)): p.stat().st_size for p in sorted(part.rglob("*")) if p.is_file()}
    made = {"stage": stage, "key": _plain(key), "seconds": round(seconds, 1), "files": files,
            **provenance(commit=True)}
    (part / MADE).write_text(json.dumps(made, indent=1), encoding="utf-8")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for other processes that make the same thing; a killed one lets go by itself."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_full(error: BaseException, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # torch and HDF5 hide the error number of a failed write behind errors of their own
    return isinstance(error, OSError | RuntimeError) and shutil.disk_usage(folder).free < 1 << 20


def _disk_full(folder: Path, what: str) -> OSError:
    free = shutil.disk_usage(folder).free / 1e6
    return OSError(errno.ENOSPC, f"the disk of {folder} is full ({free:.0f} MB free) and {what} did not fit; free "
                                 "some space or set MINDREADER_HOME to another disk; what was finished is kept")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                              cwd=paths.ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _main(arguments: list[str]) -> int:
    if arguments != ["--clean"]:
        sys.stderr.write("usage: python -m mindreader.core.store --clean\n")
        return 2
    for name in ("store", "twins", "cache", "world"):
        shutil.rmtree(paths.home() / name, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
