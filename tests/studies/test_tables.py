"""`make tables`: studies one by one and then two at a time, whose end by a failure or a signal leaves none at work."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from running_processes import is_running

from mindreader import core
from mindreader.records import LayoutError
from mindreader.studies.__main__ import STUDIES
from mindreader.studies.tables import main, ONE_BY_ONE, run_studies, running, SIDE_BY_SIDE

N = len(ONE_BY_ONE)
NOTED = """
import os, sys, time
name = sys.argv[1]
def note(what):
    with open("events", "a") as file:
        file.write(f"{name} {what}\\n")
def events():
    return open("events").read().splitlines()
def wait_for(event):
    end = time.monotonic() + 60
    while event not in events() and time.monotonic() < end:
        time.sleep(0.01)
    return event in events()
"""
LONG = """
with open(f"pid of {name}", "w") as file:
    file.write(str(os.getpid()))
note("is ready")
time.sleep(100)
"""
TOLD = "finished parts are found again when this is run again\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """In which the studies of these tests note what they do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "SECONDS", 0.01)


def run(others="", **programs):
    """Let each study be a small program: its own, or that of the `others`."""
    def command(name):
        with open("events", "a") as file:
            file.write(f"{name} begins\n")
        return [sys.executable, "-c", NOTED + programs.get(name, others) + "\nnote('ends')", name]

    return run_studies(command)


def events():
    return Path("events").read_text().splitlines()


def test_every_study_with_a_record_is_there_once_and_their_commands_are_those_of_this_python():
    recording = {name for name in STUDIES if hasattr(import_module(f"mindreader.studies.{name}"), "write_record")}
    assert sorted((*ONE_BY_ONE, *SIDE_BY_SIDE)) == sorted(recording)
    assert running.study_command("exam") == [sys.executable, "-m", "mindreader.studies", "exam"]


def test_make_tables_is_this_command_alone():
    recipe = re.search(r"^tables:.*\n((?:\t.*\n)*)", (core.ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    assert recipe == "\t$(BIN)/python -m mindreader.studies tables\n"


def test_the_first_studies_run_one_by_one_in_their_order_and_before_all_others():
    assert run() == 0
    assert events()[:2 * N] == [f"{name} {what}" for name in ONE_BY_ONE for what in ("begins", "ends")]
    assert sorted(events()[2 * N:]) == sorted(f"{name} {what}" for name in SIDE_BY_SIDE for what in ("begins", "ends"))


def test_two_of_the_others_are_at_work_at_the_same_time_and_the_third_when_one_has_ended():
    assert run(held_out="note('works')\nassert wait_for('found works')\nassert wait_for('exam works')",
               found="note('works')\nassert wait_for('held_out works')", exam="note('works')") == 0
    assert events().index("exam begins") > events().index("found ends")


def test_those_two_compute_on_one_thread_and_the_first_as_the_environment_says(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert run("note([os.environ.get(f'{one}_NUM_THREADS') for one in ('OMP', 'MKL')])") == 0
    told = dict(line.split(" ", 1) for line in events() if "[" in line)
    assert told == {name: "['7', None]" for name in ONE_BY_ONE} | {name: "['1', '1']" for name in SIDE_BY_SIDE}


def test_a_bar_is_shown_where_no_other_can_write_over_it(capfd):
    bar = "sys.path[:0] = [{!r}]\nfrom mindreader.core import progress\nlist(progress(range(3), desc='a bar of ' + name))"
    bar = bar.format(str(core.ROOT))
    assert run(coverage=bar, exam=f"{bar}\nsys.stderr.write('a warning')") == 0
    shown = capfd.readouterr().err
    assert "a bar of coverage" in shown and "a bar of exam" not in shown and "a warning" in shown


def test_each_study_is_told_with_its_time_and_all_at_the_end(capfd, monkeypatch):
    monkeypatch.setattr(core, "how_many", lambda most: 5)
    assert run() == 0
    *each, last = capfd.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in each[:N]] == list(ONE_BY_ONE) and {line.split(":")[0] for line in each[N:]} == {*SIDE_BY_SIDE}
    assert all(re.fullmatch(r"\w+: \d+ s", line) for line in each) and re.fullmatch(r"all: \d+ s; processors: 5", last)


@pytest.mark.parametrize("seconds, told", [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (5000, "83 min")])
def test_long_times_are_minutes(seconds, told, monkeypatch):
    monkeypatch.setattr(running.time, "monotonic", lambda: 100 + seconds)
    assert running._duration(100) == told


@pytest.mark.parametrize("end, status", [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_a_study_that_fails_ends_the_one_beside_it_and_gives_its_status(end, status, capfd):
    assert run(held_out=LONG, found=f"wait_for('held_out is ready')\n{end}") == status
    assert not {"exam begins", "held_out ends"} & {*events()} and not is_running(int(Path("pid of held_out").read_text()))
    shown = capfd.readouterr()
    assert shown.err == f"found failed with exit status {status}; {TOLD}"
    assert len(shown.out.splitlines()) == N and "all:" not in shown.out


def test_after_one_that_fails_no_other_begins():
    assert run(generator_grid="sys.exit(4)") == 4
    assert events() == ["mapping_grid begins", "mapping_grid ends", "generator_grid begins"]


def program(text):
    """A Python that runs this text, in a session of its own, as a terminal has."""
    return subprocess.Popen([sys.executable, "-c", f"from mindreader.studies.tables import run_studies\n{text}"], text=True,
                            env=os.environ | {"PYTHONPATH": str(core.ROOT)}, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at_work", [("refits",), ("held_out", "found")], ids=" and ".join)
def test_a_signal_is_told_once_and_leaves_no_study(number, at_work):
    mine = program(f"import sys\nlong, short = {NOTED + LONG!r}, {NOTED!r}\n"
                   f"run_studies(lambda name: [sys.executable, '-c', long if name in {at_work} else short, name])")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (Path("events").exists() and {f"{name} is ready" for name in at_work} <= {*events()}):
        time.sleep(0.01)
    os.killpg(mine.pid, number) if number == signal.SIGINT else mine.send_signal(number)      # Ctrl-C goes to all processes
    said = mine.communicate(timeout=60)[1]
    assert mine.returncode == -number and said == f"stopped by {number.name} during {' and '.join(at_work)}; {TOLD}"
    assert not any(is_running(int(Path(f"pid of {name}").read_text())) for name in at_work)


START = """
import os, subprocess, sys
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        print(self.pid, file=open("pid", "w"), flush=True)
        os.kill(os.getpid(), {number})
subprocess.Popen = Popen
run_studies(lambda name: [sys.executable, "-c", "import time; time.sleep(300)"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_study_that_is_just_being_started_when_a_signal_comes_is_ended_too(number):
    mine = program(START.format(number=int(number)))
    said = mine.communicate(timeout=60)[1]
    assert mine.returncode == -number and said == f"stopped by {number.name} during mapping_grid; {TOLD}"
    assert not is_running(int(Path("pid").read_text()))


def test_outside_a_checkout_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(core, "require_checkout", lambda: (_ for _ in ()).throw(LayoutError("no checkout")))
    monkeypatch.setattr(running, "run_studies", lambda: pytest.fail("a study began"))
    with pytest.raises(LayoutError, match="no checkout"):
        main([])
