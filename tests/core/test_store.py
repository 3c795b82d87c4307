"""Finished stages are found again, unfinished ones never are, and nothing that exists is lost."""

import ctypes
import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext

import pytest
from closed_folders import read_only

from mindreader.core import atomic_write, files, store
from mindreader.core.store import Store

KEY = {"seed": 1, "config": (1, 2.5)}


@dataclasses.dataclass(frozen=True)
class Config:
    rate: float = 0.1
    sizes: tuple = (1, 2)


def write(text="whole"):
    def make(folder):
        (folder / "result.txt").write_text(text)

    return make


def read(folder):
    return (folder / "result.txt").read_text()


def refuse(folder):
    raise AssertionError("made again")


# ── stages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_stage_is_made_once(tmp_path):
    kept = Store(tmp_path)
    assert not kept.has("mapped", KEY)
    assert kept.fetch("mapped", KEY, write(), read) == "whole"
    assert Store(tmp_path).fetch("mapped", KEY, refuse, read) == "whole"
    assert kept.has("mapped", KEY)


def test_another_key_is_another_stage(tmp_path):
    kept = Store(tmp_path)
    kept.fetch("mapped", KEY, write("one"), read)
    assert kept.fetch("mapped", KEY | {"seed": 2}, write("two"), read) == "two"
    assert kept.fetch("mapped", KEY, refuse, read) == "one"


def test_made_says_how(tmp_path):
    kept = Store(tmp_path)
    kept.fetch("mapped", KEY | {"config": Config()}, write(), read)
    made = json.loads((kept.folder("mapped", KEY | {"config": Config()}) / "made.json").read_text())
    assert made["key"]["config"]["rate"] == 0.1
    assert made["files"] == {"result.txt": 5}
    assert {"seconds", "versions", "commit"} <= set(made)


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "result.txt").write_text("wh"),
    lambda folder: (folder / "result.txt").unlink(),
    lambda folder: (folder / "made.json").unlink(),
    lambda folder: (folder / "made.json").write_text('{"files"'),
    lambda folder: (folder / "made.json").write_text("[]"),
], ids=["truncated", "missing", "unsigned", "half signed", "not a mapping"])
def test_a_damaged_stage_is_made_again(tmp_path, damage):
    kept = Store(tmp_path)
    kept.fetch("mapped", KEY, write("old"), read)
    damage(kept.folder("mapped", KEY))
    assert kept.fetch("mapped", KEY, write("new"), read) == "new"


def test_an_error_leaves_nothing_behind_and_is_passed_on(tmp_path):
    def fail(folder):
        (folder / "result.txt").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Store(tmp_path).fetch("mapped", KEY, fail, read)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_workspace_survives_an_error_and_goes_when_the_stage_is_finished(tmp_path):
    kept = Store(tmp_path)
    work = kept.workspace("painter", KEY)
    (work / "checkpoint.pt").write_text("half way")

    def fail(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.fetch("painter", KEY, fail, read)
    assert (kept.workspace("painter", KEY) / "checkpoint.pt").exists()
    kept.fetch("painter", KEY, write(), read)
    assert not work.exists()


SLOW = """
import sys, time
from pathlib import Path
from mindreader.core import Store, atomic_write

kept = Store(sys.argv[1])

def make(folder):
    work = kept.workspace("slow", {"k": 1}) / "checkpoint.txt"
    done = int(work.read_text()) if work.exists() else 0
    with open(folder / "result.txt", "w") as file:
        file.write("half")
        file.flush()
        while done < 100:
            done += 1
            with atomic_write(work) as part:
                part.write_text(str(done))
            if done == 5 and len(sys.argv) > 2:
                Path(sys.argv[2]).touch()
                time.sleep(60)
        file.seek(0)
        file.write("whole " + str(done))

print(kept.fetch("slow", {"k": 1}, make, lambda folder: (folder / "result.txt").read_text()))
"""


def half_way(kept, flag):
    """A process that runs SLOW and has written half of its result."""
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(kept), str(flag)],
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))     # nohup leaves it ignored
    deadline = time.monotonic() + 300
    while not flag.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_kill_minus_9_in_the_middle_of_a_write_then_resume(tmp_path):
    kept, flag = tmp_path / "store", tmp_path / "half"
    process = half_way(kept, flag)
    halves = [p for p in kept.rglob("result.txt") if p.read_text() == "half"]
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert halves, "the process was to be killed with a half-written file on disk"
    assert not Store(kept).has("slow", {"k": 1})
    assert (Store(kept).workspace("slow", {"k": 1}) / "checkpoint.txt").read_text() == "5"
    again = subprocess.run([sys.executable, "-c", SLOW, str(kept)], capture_output=True, text=True, check=True, timeout=300)
    assert again.stdout.strip() == "whole 100"
    assert [p.read_text() for p in kept.rglob("result.txt")] == ["whole 100"]


def test_two_processes_make_it_once(tmp_path):
    code = """
import sys, time
from pathlib import Path
from mindreader.core import Store
def make(folder):
    open(sys.argv[2], "a").write("made\\n")
    time.sleep(0.5)
    (folder / "x").write_text("x")
Store(sys.argv[1]).fetch("s", {}, make, lambda folder: None)
"""
    log = tmp_path / "log"
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store"), str(log)]) for _ in range(2)]
    assert [p.wait(300) for p in both] == [0, 0]
    assert log.read_text() == "made\n"


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    kept = Store(tmp_path)
    kept.fetch("mapped", KEY, write("before"), read)

    def full(folder):
        (folder / "result.txt").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="disk of .* is full .*stage 'painter' did not fit; free some space or set") as error:
        kept.fetch("painter", KEY, full, read)
    assert error.value.errno == errno.ENOSPC
    assert "\n" not in str(error.value)
    assert kept.fetch("mapped", KEY, refuse, read) == "before"
    assert not [path for path in tmp_path.rglob(".*") if path.suffix != ".lock"]


def test_a_full_disk_is_recognised_behind_another_library_s_error(tmp_path, monkeypatch):
    usage = files.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage._replace(free=1000))

    def full(folder):
        raise RuntimeError("PytorchStreamWriter failed writing file")

    with pytest.raises(OSError, match="is full"):
        Store(tmp_path).fetch("painter", KEY, full, read)


@pytest.mark.skipif(os.geteuid() != 0 or not sys.platform.startswith("linux"), reason="needs to mount a tiny disk")
def test_a_disk_that_is_really_full(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    try:
        with pytest.raises(OSError, match="is full"):
            Store(tmp_path).fetch("big", KEY, lambda f: (f / "x").write_bytes(bytes(1 << 20)) and None, read)
        assert Store(tmp_path).fetch("small", KEY, write(), read) == "whole"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


# ── where locks hold nobody ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def no_locks(monkeypatch):
    """A file system that gives a lock to everybody who asks, as some do for two nodes at once."""
    monkeypatch.setattr(store, "locked", lambda path: nullcontext())


def test_two_at_once_without_a_lock_take_nothing_from_each_other(tmp_path, no_locks):
    """The second is half way when the first is finished, and goes on to write checkpoints and results."""
    kept, begun, published, got = Store(tmp_path), threading.Barrier(2), threading.Event(), {}

    def make_as(name):
        def make(folder):
            (folder / "result.txt").write_text("half")
            work = kept.workspace("mapped", KEY)
            begun.wait(60)
            if name == "second":
                assert published.wait(60)
            for step in range(3):
                with atomic_write(work / "checkpoint.txt") as part:
                    part.write_text(f"{name} {step}")
            assert (work / "checkpoint.txt").read_text() == f"{name} 2"
            (folder / "result.txt").write_text(f"whole of the {name}")

        return make

    def run(name):
        got[name] = kept.fetch("mapped", KEY, make_as(name), read)

    second = threading.Thread(target=run, args=("second",))
    second.start()
    run("first")
    published.set()
    second.join()
    assert got == {"first": "whole of the first", "second": "whole of the first"}
    assert [p.name for p in (tmp_path / "mapped").iterdir()] == [kept.folder("mapped", KEY).name]
    assert not list((tmp_path / "unfinished").rglob("*.txt"))      # tidied up by the last


def test_a_damaged_stage_is_made_again_by_two_at_once(tmp_path, no_locks):
    kept, both = Store(tmp_path), threading.Barrier(2)
    kept.fetch("mapped", KEY, write("old"), read)
    (kept.folder("mapped", KEY) / "result.txt").unlink()

    def make(folder):
        write("new")(folder)
        both.wait(60)

    got = []
    runs = [threading.Thread(target=lambda: got.append(kept.fetch("mapped", KEY, make, read))) for _ in range(2)]
    [run.start() for run in runs], [run.join() for run in runs]
    assert got == ["new", "new"] and len(list((tmp_path / "mapped").iterdir())) == 1


# ── a store that is another's ──────────────────────────────────────────────────────────────────────────────────────
def test_a_finished_stage_is_read_where_nothing_may_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    Store().fetch("mapped", KEY, write(), read)
    with read_only(tmp_path):
        assert Store().fetch("mapped", KEY, refuse, read) == "whole"
        for key, stage in ((KEY | {"seed": 2}, "mapped"), (KEY, "generator")):
            with pytest.raises(OSError, match=f"folder {tmp_path}.* cannot be written, and stage '{stage}' has to be made there; "
                                              "set MINDREADER_HOME to a folder of yours") as refused:
                Store().fetch(stage, key, refuse, read)
            assert "\n" not in str(refused.value)
        with pytest.raises(OSError, match="cannot be written, and stage 'generator'"):
            Store().workspace("generator", KEY)


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_the_home_may_read_all_of_a_stage(tmp_path, umask, mode):
    """Some libraries write for their owner alone, whatever the user's umask says."""
    def make(folder):
        write()(folder)
        (folder / "weights.safetensors").write_text("weights")
        (folder / "weights.safetensors").chmod(0o600)

    before = os.umask(umask)
    try:
        Store(tmp_path).fetch("mapped", KEY, make, read)
    finally:
        os.umask(before)
    files = [path for path in Store(tmp_path).folder("mapped", KEY).iterdir()]
    assert len(files) == 3 and {path.stat().st_mode & 0o777 for path in files} == {mode}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_scheduler_s_signal_leaves_the_checkpoint_and_nothing_half(tmp_path, number):
    kept, flag = tmp_path / "a home of ours: über", tmp_path / "half"
    process = half_way(kept, flag)
    process.send_signal(number)
    assert process.wait(60) == -number
    assert (Store(kept).workspace("slow", {"k": 1}) / "checkpoint.txt").read_text() == "5"
    again = subprocess.run([sys.executable, "-O", "-c", "import os; os.umask(0o077)\n" + SLOW, str(kept)], capture_output=True,
                           text=True, check=True, timeout=300)
    assert again.stdout.strip() == "whole 100"
    assert [p.name for p in (kept / "slow").iterdir() if p.suffix != ".lock"] == [Store(kept).folder("slow", {"k": 1}).name]


FREED = """
import ctypes, sys
from pathlib import Path
from mindreader.core.store import Store
ctypes.CDLL(None).mallopt(-4, 0)     # nothing is mapped on its own, as while a training runs
def held():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS"))) // 1024
kept = []
def make(folder):
    large = []
    for _ in range(64):
        large.append(bytearray(b"x") * 2**21)
        kept.append(bytearray(2**12))       # so that what lies before it cannot be given back from the end
    (folder / "megabytes").write_text(str(held()))
print(held(), Store(sys.argv[1]).fetch("slow", {}, make, lambda folder: (folder / "megabytes").read_text()), held())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_what_a_stage_has_freed_is_the_system_s_again(tmp_path):
    out = subprocess.run([sys.executable, "-c", FREED, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    before, within, after = map(int, out.split())
    assert within > before + 120 and after < before + 30


def test_clean_forgets_stages_but_not_nsd(tmp_path):
    for name in ("store", "nsd"):
        (tmp_path / name).mkdir()
    subprocess.run([sys.executable, "-m", "mindreader.core.store", "--clean"], check=True,
                   env=os.environ | {"MINDREADER_HOME": str(tmp_path)})
    assert [p.name for p in tmp_path.iterdir()] == ["nsd"]
