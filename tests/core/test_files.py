"""A file or folder is written whole or not at all, whoever else writes it, with a lock or without."""

import errno
import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from closed_folders import read_only

from mindreader.core import files

DAY = 86_400


def test_atomic_write_keeps_the_old_file_when_the_writer_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError), files.atomic_write(path) as part:
        part.write_text("half")
        raise ValueError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_have_a_temporary_file_each(tmp_path):
    path = tmp_path / "a.npy"
    with files.atomic_write(path) as first, files.atomic_write(path) as second:
        assert first != second and first.suffix == second.suffix == ".npy"
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"     # the one that was finished last
    assert list(tmp_path.iterdir()) == [path]


# ── locks ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
def test_a_file_system_without_locks_stops_nobody_and_is_said_once(tmp_path, monkeypatch, caplog, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    done = []
    with caplog.at_level(logging.WARNING):
        for name in ("a", "b"):
            with files.locked(tmp_path / f".{name}.lock"):
                done.append(name)
    assert done == ["a", "b"]
    (warning,) = caplog.messages
    assert f"no lock to be had in {tmp_path}" in warning and os.strerror(number) in warning


def test_a_lock_holds_the_others_of_this_machine(tmp_path):
    held, order = threading.Event(), []

    def second():
        held.wait()
        with files.locked(tmp_path / ".lock"):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with files.locked(tmp_path / ".lock"):
        held.set()
        time.sleep(0.3)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_an_error_under_a_lock_is_passed_on(tmp_path):
    with pytest.raises(OSError, match="mine"), files.locked(tmp_path / ".lock"):
        raise OSError("mine")


# ── what others have half made ─────────────────────────────────────────────────────────────────────────────────────────
def dead_process():
    """The number of a process that is no more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def left(folder, machine, process, age=0.0, *, name="x", is_folder=True):
    """What that process has half made, last touched `age` seconds ago."""
    path = folder / f".{machine}-{process}-0a1b2c.{name}"
    path.mkdir() if is_folder else path.write_text("half")
    if is_folder:
        (path / "half").write_text("half")
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_dead_processes_left_goes_and_what_living_ones_write_stays(tmp_path, is_folder):
    here, elsewhere = files._machine(), "00000000"
    stays = [left(tmp_path, here, os.getppid(), 9 * DAY, is_folder=is_folder),
             left(tmp_path, elsewhere, dead_process(), DAY / 2, is_folder=is_folder)]
    goes = [left(tmp_path, here, dead_process(), is_folder=is_folder, name="y"),
            left(tmp_path, elsewhere, os.getpid(), 1.1 * DAY, is_folder=is_folder)]
    notes = tmp_path / ".notes.x"
    notes.write_text("mine")
    with files.half_made(tmp_path / "x", "it") if is_folder else files.atomic_write(tmp_path / "x") as part:
        part.is_dir() or part.write_text("whole")
    assert all(path.exists() for path in [*stays, notes]) and not any(path.exists() for path in goes)


def test_the_age_of_what_is_left_is_by_the_clock_of_the_files(tmp_path, monkeypatch):
    """A machine whose own clock is a week ahead takes nothing away."""
    running = left(tmp_path, "00000000", 1, DAY / 2)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 7 * DAY)
    with files.half_made(tmp_path / "x", "it"):
        pass
    assert running.exists()


def test_a_folder_in_the_making_shows_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BEAT", 0.02)
    with files.half_made(tmp_path / "x", "it") as part:
        os.utime(part, (0, 0))
        deadline = time.monotonic() + 30
        while part.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert part.stat().st_mtime > 0
    assert not part.exists()


# ── folders that are closed ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_closed_folder_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    with read_only(tmp_path):
        for attempt in (files.atomic_write(tmp_path / "a.txt"), files.atomic_write(tmp_path / "new" / "a.txt"),
                        files.half_made(tmp_path / "a", "stage 'a'")):
            with pytest.raises(OSError) as refused, attempt as part:
                part.write_text("x")
            assert refused.value.errno == errno.EACCES and "\n" not in str(refused.value)
            assert f"the folder {tmp_path}" in str(refused.value) and "set MINDREADER_HOME" in str(refused.value)


def test_a_file_where_a_folder_is_to_be_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    with pytest.raises(OSError, match=r"the folder .*home/store cannot be written, and stage 'a' .* set MINDREADER_HOME"):
        files.make_folder(tmp_path / "home" / "store", "stage 'a'")


def test_a_mount_that_has_no_room_because_it_is_read_only_is_not_called_full(tmp_path, monkeypatch):
    room = SimpleNamespace(total=10**9, free=0)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: room)
    assert not files.is_full(OSError(errno.EROFS, "Read-only file system"), tmp_path)
    assert files.is_full(RuntimeError("a write failed"), tmp_path)
    room.total = 0      # what is no disk at all
    assert not files.is_full(FileNotFoundError(errno.ENOENT, "No such file"), tmp_path)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder in which nothing can be made")
def test_a_folder_that_can_never_be_made_is_one_sentence():
    with pytest.raises(OSError, match="the folder /proc/x/y cannot be written, and a stage has to be made there"):
        files.make_folder(Path("/proc/x/y"), "a stage")
