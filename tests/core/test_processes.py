"""processes: several processes from any program, in order or as finished, and none is left behind."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
import types
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from running_processes import is_running

from mindreader.core import processes
from mindreader.core.processes import Pool, as_finished, how_many, in_processes

ROOT = Path(__file__).resolve().parents[2]
HELPER = """
import time

def square(x):
    return x * x

def slowly(seconds):
    time.sleep(seconds)
    return seconds
"""
SQUARES = """
from helper import square
from mindreader.core.processes import as_finished, in_processes

print("once")
print(list(in_processes(square, range(9), 2, chunk=2)), sorted(as_finished(square, (2, 3), 2)), flush=True)
"""
SAID = "once\n[0, 1, 4, 9, 16, 25, 36, 49, 64] [(2, 4), (3, 9)]\n"
FOR_EVER = """
from helper import slowly
from mindreader.core.processes import in_processes

for done in in_processes(slowly, [0, *[100] * 9], 2):
    print(done, flush=True)
"""


def start(text, how, folder, **options):
    """A program without a guard, started in one of the ways in which programs are."""
    (folder / "helper.py").write_text(HELPER)
    (folder / "program.py").write_text(text)
    (folder / "package").mkdir(exist_ok=True)
    (folder / "package" / "__main__.py").write_text(text)
    argument = {"script": ["program.py"], "-c": ["-c", text], "-m module": ["-m", "program"], "-m package": ["-m", "package"],
                "input": ["-"]}[how]
    if how == "input":
        options["stdin"] = open(folder / "program.py")
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | options.pop("env", {})
    return subprocess.Popen([sys.executable, *argument], cwd=folder, env=env, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True, **options)


def finish(program, seconds=120):
    """(exit status, stdout, stderr); whatever is left of the program after that time is killed."""
    try:
        out, err = program.communicate(timeout=seconds)
    finally:
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return program.returncode, out, err


def is_alone(group, seconds=20):
    """Whether all processes of a group end within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


# ── from any program ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("how", ["script", "-c", "input", "-m module", "-m package"])
def test_a_program_without_a_guard_is_not_run_again(how, tmp_path):
    assert finish(start(SQUARES, how, tmp_path)) == (0, SAID, "")


def test_a_notebook_has_several_processes(tmp_path):
    import nbformat     # not at the top: the processes that import this file would import them too
    from nbclient import NotebookClient

    (tmp_path / "helper.py").write_text(HELPER)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SQUARES)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert {output.name for output in notebook.cells[0].outputs} == {"stdout"}
    assert "".join(output.text for output in notebook.cells[0].outputs) == SAID


def test_a_function_of_the_program_itself_is_refused(tmp_path):
    """Its processes would have to run the program to find it."""
    text = SQUARES.replace("from helper import square", "from functools import partial\ndef square(x): return x * x")
    for program in (text, text.replace("(square,", "(partial(square),")):
        status, _, err = finish(start(program, "script", tmp_path))
        assert status == 1 and "expected a function that a module has: the processes do not run the program itself" in err


def test_a_subject_and_a_world_are_made_by_programs_without_a_guard(tmp_path):
    """Both hold a lock or a half-written file meanwhile: a program that was run again would wait for it."""
    text = """
from pathlib import Path
from mindreader.core import processes
from mindreader.twin.subject import TwinConfig, write_twin
from mindreader.world.corpus import load_world

processes._WORTH_IT = 16
print(write_twin(Path("twin"), TwinConfig(40, 1, 30), seed=1).name)
print(load_world(40, n_held_out=4, processes=2).pictures.shape)
"""
    status, out, err = finish(start(text, "script", tmp_path, env={"MINDREADER_HOME": str(tmp_path / "home")}), 300)
    assert (status, out) == (0, "twin\n(40, 64, 64, 3)\n"), err


# ── results ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def nap(seconds):
    time.sleep(seconds)
    return seconds, os.getpid(), os.environ.get("OMP_NUM_THREADS")


def test_results_come_in_the_order_of_the_items_or_as_they_are_ready():
    naps = (2, 0, 0.01, 0.02)
    in_order = list(in_processes(nap, naps, 2))
    assert [seconds for seconds, _, _ in in_order] == list(naps)
    pids = {pid for _, pid, _ in in_order}
    assert len(pids) == 2 and os.getpid() not in pids
    ready = list(as_finished(nap, naps, 2))
    assert [item for item, _ in ready] == [result[0] for _, result in ready]
    assert sorted(item for item, _ in ready) == sorted(naps) and ready[-1][0] == 2


@pytest.mark.parametrize("n, items", [(1, (0, 0)), (4, (0,)), (4, ())])
def test_one_process_is_this_one(n, items):
    seen, mine = [], (0, os.getpid(), os.environ.get("OMP_NUM_THREADS"))
    assert list(in_processes(nap, items, n)) == [mine] * len(items)
    assert list(as_finished(nap, items, n)) == [(item, mine) for item in items]
    assert list(in_processes(seen.append, items, n)) == [None] * len(items) and seen == list(items)
    assert next(in_processes(lambda x: 1 / x, (1, 0), 1)) == 1      # each when it is asked for


@pytest.mark.parametrize("one_thread, threads", [(True, "1"), (False, "3")])
def test_processes_compute_on_one_thread_each_or_as_they_like(one_thread, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert {result[2] for result in in_processes(nap, (0, 0), 2, one_thread=one_thread)} == {threads}


def leave_a_trace(item, folder):
    (folder / str(item)).touch()
    return item


def test_processes_do_not_run_far_ahead_of_who_takes_the_results(tmp_path):
    with closing(in_processes(partial(leave_a_trace, folder=tmp_path), range(200), 2, chunk=2)) as results:
        assert next(results) == 0
        time.sleep(1)
        assert len(list(tmp_path.iterdir())) < 40


def test_how_many_are_worth_starting(monkeypatch):
    monkeypatch.setattr("mindreader.core.processes._processors", lambda: 12)
    assert [how_many(n) for n in (0, 199, 200, 10_000)] == [1, 1, 12, 12]
    assert [how_many(n, most=8) for n in (199, 200)] == [1, 8] and how_many(500, most=20) == 12


def test_no_process_at_all_is_refused():
    with pytest.raises(ValueError, match="got 0 processes, expected 1 or more"):
        list(in_processes(nap, (0, 0), 0))
    with pytest.raises(ValueError, match="got -1 processes"), Pool(-1):
        pass


# ── errors and ends ────────────────────────────────────────────────────────────────────────────────────────────────────
def fail_at_three(item):
    if item == 3:
        raise LookupError("three")
    return item


@pytest.mark.parametrize("spread", [in_processes, as_finished])
def test_an_error_of_a_process_is_raised_as_itself(spread):
    with pytest.raises(LookupError, match="three") as raised:
        list(spread(fail_at_three, range(40), 2))
    note, = raised.value.__notes__
    assert "In process" in note and "in fail_at_three" in note


class Demanding(Exception):
    """Cannot be made again from its message."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail_demandingly(item):
    raise Demanding(item, "more")


def give_what_cannot_be_sent(item):
    return lambda: item


def test_what_cannot_be_sent_is_told():
    with pytest.raises(RuntimeError, match="Demanding: 0 and more"):
        list(in_processes(fail_demandingly, range(4), 2))
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="lambda"):
        list(in_processes(give_what_cannot_be_sent, range(4), 2))
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="lambda"):
        list(in_processes(nap, [lambda: 0] * 4, 2))


def end_at_three(item):
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("spread", [in_processes, as_finished])
def test_a_killed_process_is_an_error_and_is_not_started_again(spread):
    with pytest.raises(BrokenProcessPool):
        list(spread(end_at_three, range(8), 2))


def test_leaving_early_stops_the_processes():
    begin = time.monotonic()
    with closing(in_processes(nap, (0, 0, *[100] * 6), 2)) as results:
        pids = [next(results)[1] for _ in range(2)]
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids)) and time.monotonic() - begin < 60


def test_an_interruption_is_told_once_and_leaves_no_process(tmp_path):
    program = start(FOR_EVER, "script", tmp_path)
    assert program.stdout.readline() == "0\n"
    os.killpg(program.pid, signal.SIGINT)       # as a terminal does: to all processes
    status, out, err = finish(program, 30)
    assert status == -signal.SIGINT and out == ""
    assert err.count("Traceback") == 1 and err.rstrip().endswith("KeyboardInterrupt") and "leaked" not in err
    assert is_alone(program.pid)


def test_a_process_is_not_interrupted_while_it_starts_either(capfd):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    for wait in (0, .005, .01, .02, .05):
        with Pool(1) as pool:
            time.sleep(wait)
            pool._helpers[0].process.send_signal(signal.SIGINT)
            assert pool.submit(give_much, 3).result() == bytes(3)
    assert capfd.readouterr().err == "" and signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_is_killed_leaves_no_process(how, tmp_path):
    program = start(FOR_EVER, "script", tmp_path)
    assert program.stdout.readline() == "0\n"
    program.send_signal(how)
    program.wait(30)
    assert is_alone(program.pid)


def give_much(item):
    return bytes(item)


def test_whoever_leaves_while_much_is_on_its_way_waits_for_nothing_and_leaves_nothing():
    threads, descriptors = threading.active_count(), len(os.listdir("/dev/fd"))
    for leave in range(3):
        with closing(in_processes(give_much, [10 << 20] * 30, 2)) as results:
            for _ in range(leave):
                next(results)
    assert threading.active_count() == threads and len(os.listdir("/dev/fd")) == descriptors


def remember(item):
    _kept.append(item)
    return os.getpid(), tuple(_kept)


_kept: list = []


def test_a_pool_ends_when_all_is_done():
    with Pool(1) as pool:
        futures = [pool.submit(remember, item) for item in range(3)]
    pids, kept = zip(*(future.result(timeout=0) for future in futures))
    assert len(set(pids)) == 1 and kept[-1] == (0, 1, 2) and not is_running(pids[0])


@pytest.mark.parametrize("platform, counted", [("linux", 3_000_000), ("darwin", 3_072_000_000)])
def test_peak_memory_is_in_bytes_on_every_system(monkeypatch, platform, counted):
    """Linux says kilobytes, macOS bytes."""
    monkeypatch.setattr(processes.sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: types.SimpleNamespace(ru_maxrss=counted))
    assert processes.peak_bytes() == processes.peak_bytes(children=True) == 3_072_000_000


def test_peak_memory_is_at_least_what_was_held():
    held = bytearray(200_000_000)
    assert processes.peak_bytes() > len(held)
