"""Damage files as disks, downloads and converters do; every function changes one file and knows what may come of it.

What may come of a damage is one of

    SAME     the same values in another form: they must load, and be the same
    REFUSED  no reader may take it: it must be refused in one sentence
    EITHER   the same values, or one sentence, or, where the file alone holds a number, the number that another reader
             finds there (`run.py` has the whole rule)
    ABSENT   a file less that one may do without: as EITHER, but other values must be said in a warning
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAME, REFUSED, EITHER, ABSENT = "same", "refused", "either", "absent"


@dataclass(frozen=True)
class Damage:
    """One way to damage a file: its name, what may come of it, and the function (path, rng) that does it."""

    name: str
    effect: str
    apply: Callable[[Path, np.random.Generator], None]


def damage(effect: str) -> Callable:
    """Make a Damage of a function (path, rng)."""
    return lambda function: Damage(function.__name__, effect, function)


def on_bytes(effect: str) -> Callable:
    """Make a Damage of a function (bytes, rng) -> bytes."""
    def of(function):
        return Damage(function.__name__, effect, lambda path, rng: write(path, function(path.read_bytes(), rng)))
    return of


def inside_gzip(inner: Damage) -> Damage:
    """The same damage to what a gzip file holds, with the checksum made anew."""
    def apply(path, rng):
        raw = path.with_name(path.name + ".raw")
        raw.write_bytes(gzip.decompress(path.read_bytes()))
        inner.apply(raw, rng)
        write(path, gzip.compress(raw.read_bytes(), mtime=0))
        raw.unlink()
    return Damage(f"{inner.name}_inside_gzip", inner.effect, apply)


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of another; trees are hard links, so none is written in place."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


# ── bytes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@on_bytes(EITHER)
def truncated(data, rng):
    return data[:rng.integers(len(data))]


@on_bytes(EITHER)
def one_bit_flipped(data, rng):
    return _flipped(data, rng.integers(len(data), size=1), rng)


@on_bytes(EITHER)
def bits_flipped(data, rng):
    return _flipped(data, rng.integers(len(data), size=rng.integers(2, 64)), rng)


@on_bytes(EITHER)
def bits_flipped_at_the_start(data, rng):
    return _flipped(data, rng.integers(min(len(data), 512), size=rng.integers(1, 8)), rng)


@on_bytes(EITHER)
def block_zeroed(data, rng):
    start, length = rng.integers(len(data)), 2 ** rng.integers(1, 13)
    return data[:start] + bytes(len(data[start:start + length])) + data[start + length:]


@on_bytes(EITHER)
def block_of_noise(data, rng):
    start, length = rng.integers(len(data)), 2 ** rng.integers(1, 13)
    return data[:start] + rng.bytes(len(data[start:start + length])) + data[start + length:]


@on_bytes(EITHER)
def block_lost(data, rng):
    start = rng.integers(len(data))
    return data[:start] + data[start + 2 ** rng.integers(0, 13):]


@on_bytes(EITHER)
def block_twice(data, rng):
    start, length = rng.integers(len(data)), 2 ** rng.integers(0, 13)
    return data[:start + length] + data[start:]


@on_bytes(EITHER)
def more_at_the_end(data, rng):
    return data + rng.bytes(rng.integers(1, 4096))


@on_bytes(EITHER)
def huge_number(data, rng):
    """A number somewhere in the first kilobyte becomes a huge or a negative one, as a header that promises terabytes."""
    code = "<>"[rng.integers(2)] + "hiq"[rng.integers(3)]
    largest = 2 ** (8 * struct.calcsize(code) - 1) - 1
    number = struct.pack(code, int(rng.choice([largest, -1, largest // 2, -largest])))
    start = rng.integers(min(len(data), 1024))
    return data[:start] + number + data[start + len(number):]


@on_bytes(REFUSED)
def empty(data, rng):
    return b""


@on_bytes(REFUSED)
def zeros_only(data, rng):
    return bytes(len(data))


@on_bytes(REFUSED)
def noise_only(data, rng):
    return rng.bytes(len(data))


@on_bytes(REFUSED)
def web_page(data, rng):
    return rng.choice([b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
                       b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'])


@on_bytes(REFUSED)
def pointer_of_git_lfs(data, rng):
    return (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16
            + b"\nsize %d\n" % len(data))


@on_bytes(REFUSED)
def pointer_of_git_annex(data, rng):
    return b"/annex/objects/MD5E-s%d--%s\n" % (len(data), b"4d7a" * 8)


@damage(REFUSED)
def a_folder(path, rng):
    path.unlink()
    path.mkdir()


@damage(REFUSED)
def broken_link(path, rng):
    path.unlink()
    os.symlink(f"../.git/annex/objects/Xx/MD5E-s12--{path.name}", path)


@damage(ABSENT)
def missing(path, rng):
    path.unlink()


def _flipped(data: bytes, places: np.ndarray, rng) -> bytes:
    out = bytearray(data)
    for place in places:
        out[place] ^= 1 << int(rng.integers(8))
    return bytes(out)


# Of any file whatever.
BYTES = (truncated, one_bit_flipped, bits_flipped, bits_flipped_at_the_start, block_zeroed, block_of_noise, block_lost,
         block_twice, more_at_the_end, huge_number)
NO_FILE = (empty, zeros_only, noise_only, web_page, pointer_of_git_lfs, pointer_of_git_annex, a_folder, broken_link)
