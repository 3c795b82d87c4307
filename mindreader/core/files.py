"""Write files and folders whole or not at all, whoever else writes them at the same time, and recognise a full or closed disk.

What is half-made has a name of its own and takes its place in one step, so that nothing depends on locks: some file systems
have none, and some give one to two machines at once. A lock spares a second process the same work.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from filelock import FileLock

from . import paths

LOG = logging.getLogger(__name__)
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
_NEVER = {errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP}   # of making a folder and those above it
_BEAT = 600             # seconds between two signs of life of a folder in the making
_FORGOTTEN = 86_400     # seconds without one, after which another machine's half-made folder is nobody's
_HALF_MADE = re.compile(r"\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{6}\.(?P<name>.+)")


@contextlib.contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there takes its place in one step, or not at all."""
    path = Path(path)
    make_folder(path.parent, path.name)
    part = path.with_name(own_name(path.name))  # keeps the suffix, which tells writers the format
    try:
        yield part
        to_disk(part)
        clear_forsaken(part)
        os.replace(part, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if is_full(error, path.parent):
            raise disk_full(path.parent, path.name) from error
        if is_closed(error, path.parent):
            raise not_writable(path.parent, path.name) from error
        raise


@contextlib.contextmanager
def half_made(path: Path, what: str) -> Iterator[Path]:
    """A new folder beside `path` that this process alone writes; gone at the end, unless it got another name (`publish`)."""
    part, done = path.with_name(own_name(path.name)), threading.Event()
    make_folder(part, what)
    clear_forsaken(part)
    signs = threading.Thread(target=_show_life, args=(part, done), daemon=True)
    signs.start()
    try:
        yield part
    finally:
        done.set()
        signs.join()
        shutil.rmtree(part, ignore_errors=True)


def publish(part: Path, path: Path, is_whole: Callable[[Path], bool]) -> None:
    """Give a finished folder its name in one step. Where another process was faster, its whole one stays, and is used."""
    while True:
        try:
            os.rename(part, path)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        if is_whole(path):
            return
        damaged = path.with_name(own_name(path.name))
        try:
            os.rename(path, damaged)
        except FileNotFoundError:
            continue
        shutil.rmtree(damaged, ignore_errors=True)


def others_at_work(path: Path) -> bool:
    """Whether a living process has a half-made folder beside `path` that is to become it."""
    now = _now(path)
    return any(match["name"] == path.name and not _is_forsaken(half, match, now) for half, match in _half_made(path.parent))


def clear_forsaken(part: Path) -> None:
    """Remove what dead processes left half-made beside `part`, which was just made; what a living one writes stays."""
    now = _now(part)
    for half, match in _half_made(part.parent):
        if half != part and _is_forsaken(half, match, now):
            shutil.rmtree(half, ignore_errors=True) if half.is_dir() else _unlink(half)


def own_name(name: str) -> str:
    """A hidden name that no other process takes, on any machine, and that says which process has it."""
    return f".{_machine()}-{os.getpid()}-{secrets.token_hex(3)}.{name}"


@contextlib.contextmanager
def locked(path: Path | str) -> Iterator[None]:
    """Hold the lock of this file among all processes, waiting for whoever has it; a killed process lets go by itself.

    Where there is none to be had (a file system without flock, another user's file), work goes on without.
    """
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire()
    except (OSError, NotImplementedError) as reason:
        if is_writable(Path(path).parent):   # else whoever has to write says so
            _say_unlocked(str(Path(path).parent), str(reason))
    try:
        yield
    finally:
        lock.release()


def make_folder(folder: Path, what: str) -> None:
    """Make a folder and those above it; where that is not allowed, one sentence says which, and what it was for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error, folder):
            raise disk_full(folder, what) from error
        if is_closed(error, folder) or error.errno in _CLOSED | _TAKEN | _NEVER:     # taken: by a file of that name
            raise not_writable(folder, what) from error
        raise


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
    if not isinstance(error, OSError | RuntimeError) or getattr(error, "errno", None) in _CLOSED:   # read-only mounts have no room
        return False
    room = shutil.disk_usage(_existing(folder))
    return room.total > 0 and room.free < 1 << 20       # what is no disk, such as /proc, has neither


def disk_full(folder: Path, what: str) -> OSError:
    """The error to raise where `what` did not fit on the disk of `folder`."""
    free = shutil.disk_usage(_existing(folder)).free / 1e6
    return OSError(errno.ENOSPC, f"the disk of {folder} is full ({free:.0f} MB free) and {what} did not fit; free "
                                 "some space or set MINDREADER_HOME to another disk; what was finished is kept")


def is_writable(folder: Path) -> bool:
    """Whether files may be written in `folder`, which need not exist yet."""
    return os.access(_existing(folder), os.W_OK | os.X_OK)


def is_closed(error: BaseException, folder: Path) -> bool:
    """Whether behind an error of writing in `folder` is that nothing may be written there."""
    return isinstance(error, OSError | RuntimeError) and not is_writable(folder)


def not_writable(folder: Path, what: str) -> OSError:
    """The error to raise where `what` has to be made in `folder`, and nothing can be written there."""
    advice = "set MINDREADER_HOME to a folder of yours" if paths.home() in (folder, *folder.parents) else "make it writable"
    return OSError(errno.EACCES, f"the folder {folder} cannot be written, and {what} has to be made there; {advice}, or run where "
                                 "it is finished")


# ── who is at work ─────────────────────────────────────────────────────────────────────────────────────────────────────
@cache
def _machine() -> str:
    """8 hexadecimal digits for where process numbers mean the same: this machine since it started, within this container."""
    told = [socket.gethostname()]
    with contextlib.suppress(OSError):
        told += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _half_made(folder: Path) -> Iterator[tuple[Path, re.Match]]:
    with contextlib.suppress(OSError):
        for entry in sorted(os.listdir(folder)):
            if match := _HALF_MADE.fullmatch(entry):
                yield folder / entry, match


def _is_forsaken(half: Path, match: re.Match, now: float) -> bool:
    """Whether nobody writes this any more: its process is dead, or, on a machine where we cannot see, silent for a day."""
    if match["machine"] == _machine():
        return not _is_alive(int(match["process"]))
    try:
        return now - half.stat().st_mtime > _FORGOTTEN
    except OSError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):    # another user's
        return True
    return True


def _now(path: Path) -> float:
    """The time by the clock that stamps files beside `path`, which another machine may keep; it was just written."""
    return path.stat().st_mtime


def _show_life(part: Path, done: threading.Event) -> None:
    while not done.wait(_BEAT):
        with contextlib.suppress(OSError):
            os.utime(part)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _existing(folder: Path) -> Path:
    return next(f for f in (folder, *folder.parents) if f.exists())


@cache
def _say_unlocked(folder: str, reason: str) -> None:
    """Said once: the price is work, not results."""
    LOG.warning("no lock to be had in %s (%s); runs that start together may do the same work twice", folder, reason)
