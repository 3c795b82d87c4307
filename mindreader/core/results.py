"""Write results to disk, each beside how it was made: tables, and the numbers that the book's prose takes."""

from __future__ import annotations

import json
import math
import platform
import subprocess
import sys
import time
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from . import paths
from .files import atomic_write
from .keys import plain


class Covers(StrEnum):
    """What the interval of a number covers: what was resampled or counted, and which fits stand behind it.

    "one fit" is what was fitted here, once, be it a mapper, an encoder, a classifier or a generator: another fit may give a number
    outside the interval. "one training" is a network as shipped, with nothing fitted to it; "no fit" has neither.
    """

    PICTURES_NO_FIT = "pictures, no fit"
    PICTURES_ONE_TRAINING = "pictures, one training"
    PICTURES_ONE_FIT = "pictures, one fit"
    PICTURES_AND_FITS = "pictures and fits"
    PAIRS_ONE_TRAINING = "pairs of pictures, one training"
    CANDIDATES_ONE_FIT = "candidates, one fit"           # of a retrieval, for fixed queries
    VOXELS_NO_FIT = "voxels, no fit"
    VOXELS_ONE_FIT = "voxels, one fit"


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


def save_table(table, name: str, *, origin: str, meta: dict | None = None, root: Path | None = None) -> Path:
    """Path of the .csv of a table, written beside how it was made as .json. Parameters as `companion.rendering.save_figure`."""
    base = output(name, root)
    write_table(table, base.with_suffix(".csv"))
    write_json(card(origin, meta, root), base.with_suffix(".json"))
    return base.with_suffix(".csv")


def record(section: str, results: dict, *, root: Path | None = None) -> Path:
    """Path of `results/<section>.json`, written; the book's prose and scorecards take their numbers from it.

    Parameters
    ----------
    section : str
        e.g. "03_gan".
    results : dict
        origin ("twin", "nsd" or "rehearsal"), preset, and values: key -> {"ours", "low", "high", "covers", "n", "chance", "paper",
        "note"}; only "ours" is required, and with an interval also "covers", one of `Covers`. What is absent or not finite becomes
        null, and so does what is covered where there is no interval.
    """
    missing = {"origin", "preset", "values"} - set(results)
    if missing:
        raise ValueError(f"results of {section} lack {', '.join(sorted(missing))}; "
                         "expected origin, preset and values")
    fields = ("ours", "low", "high", "covers", "n", "chance", "paper", "note")
    values = {}
    for key, value in results["values"].items():
        value = value if isinstance(value, dict) else {"ours": value}
        if "ours" not in value or set(value) - set(fields):
            raise ValueError(f"result {section}:{key} has {', '.join(value) or 'nothing'}; "
                             f"expected 'ours' and of the rest only {', '.join(fields[1:])}")
        values[key] = {field: _rounded(value.get(field)) for field in fields}
        values[key]["covers"] = _covered(f"{section}:{key}", values[key])
    path = output(f"results/{section}", root).with_suffix(".json")
    write_json(card(results["origin"], {"preset": results["preset"]}, root) | {"values": values}, path)
    return path


def card(origin: str, meta: dict | None, root: Path | None) -> dict:
    """What is written beside a result: whose brain, what made it, and with which versions."""
    if origin not in ("twin", "nsd", "rehearsal"):
        raise ValueError(f"origin {origin!r}; expected 'twin' (simulated), 'nsd' or 'rehearsal' (nobody's)")
    committed = root is None or root == paths.FIGURES
    return {"origin": origin, **_json(plain(meta or {})), **provenance(commit=not committed)}


def output(name: str, root: Path | None) -> Path:
    """Where the result of this name goes, less its suffix; the folder is made."""
    if root is None:
        paths.require_checkout()
    base = (root or paths.FIGURES) / f"{name}.x"
    base.parent.mkdir(parents=True, exist_ok=True)
    return base


def write_table(table, path: Path) -> None:
    """Write a table as .csv, six digits each, the same bytes for the same numbers."""
    with atomic_write(path) as part:
        table.to_csv(part, index=table.index.name is not None, float_format="%.6g", lineterminator="\n")


def write_json(content: dict, path: Path) -> None:
    """Write a mapping as .json, whole or not at all."""
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


def _covered(name: str, value: dict) -> str | None:
    """What the interval of a recorded value covers, None without an interval; ValueError where it is not said."""
    if value["low"] is None and value["high"] is None:
        return None
    if value["covers"] not in list(Covers):
        raise ValueError(f"result {name} has an interval that covers {value['covers'] or 'nothing that is said'}; "
                         f"expected 'covers' to be one of: {'; '.join(Covers)}")
    return value["covers"]


def _rounded(value):
    value = plain(value)
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


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
