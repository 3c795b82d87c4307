"""`make tables`: studies one by one, others beside them, whose end by a failure or a signal leaves none at work."""

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
from mindreader.studies.tables import BESIDE, BESIDE_FIRST, FIRST, main, run_studies, running, THEN

ONE_BY_ONE, OTHERS = FIRST + THEN, BESIDE_FIRST + BESIDE
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
ENDS = "\nnote('ends')"
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
        return [sys.executable, "-c", NOTED + programs.get(name, others) + ENDS, name]

    return run_studies(command)


def events():
    return Path("events").read_text().splitlines()


def test_every_study_with_a_record_is_there_once_and_their_commands_are_those_of_this_python():
    recording = {name for name in STUDIES if hasattr(import_module(f"mindreader.studies.{name}"), "write_record")}
    assert sorted((*ONE_BY_ONE, *OTHERS)) == sorted(recording)
    assert running.study_command("exam") == [sys.executable, "-m", "mindreader.studies", "exam"]


def test_make_tables_is_this_command_alone():
    recipe = re.search(r"^tables:.*\n((?:\t.*\n)*)", (core.ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    assert recipe == "\t$(BIN)/python -m mindreader.studies tables\n"


def of(names):
    return [event for event in events() if event.split()[0] in names]


def test_the_studies_that_fill_the_machine_run_one_by_one_in_their_order_and_the_first_of_them_before_all_others():
    assert run() == 0
    assert of(ONE_BY_ONE) == [f"{name} {what}" for name in ONE_BY_ONE for what in ("begins", "ends")]
    assert set(events()[:2 * len(FIRST + BESIDE_FIRST)]) == set(of(FIRST + BESIDE_FIRST))
    assert sorted(of(OTHERS)) == sorted(f"{name} {what}" for name in OTHERS for what in ("begins", "ends"))


def test_one_of_the_others_is_at_work_beside_them_and_two_when_they_are_done():
    assert run(mapping_grid="note('works')\nassert wait_for('exam works')", exam="note('works')\nassert wait_for('refits works')",
               refits="note('works')", coverage="note('works')\nassert wait_for('found works')",
               found="note('works')\nassert wait_for('held_out works')", held_out="note('works')",
               stimulated="assert 'held_out begins' not in events()") == 0
    assert events().index("held_out begins") > events().index("failures ends")


def test_those_beside_compute_on_one_thread_and_take_what_the_others_leave_which_compute_as_the_environment_says(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    urgency = os.getpriority(os.PRIO_PROCESS, 0)
    assert run("time.sleep(0.2)\nnote([os.getpriority(os.PRIO_PROCESS, 0), *(os.environ.get(f'{one}_NUM_THREADS') for one in ('OMP', 'MKL'))])") == 0
    told = dict(line.split(" ", 1) for line in events() if "[" in line)
    assert told == {name: f"[{urgency}, '7', None]" for name in ONE_BY_ONE} | {name: "[19, '1', '1']" for name in OTHERS}


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
    names = [line.split(":")[0] for line in each]
    assert [name for name in names if name in ONE_BY_ONE] == list(ONE_BY_ONE) and sorted(names) == sorted((*ONE_BY_ONE, *OTHERS))
    assert all(re.fullmatch(r"\w+: \d+ s", line) for line in each) and re.fullmatch(r"all: \d+ s; processors: 5", last)


@pytest.mark.parametrize("seconds, told", [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (5000, "83 min")])
def test_long_times_are_minutes(seconds, told, monkeypatch):
    monkeypatch.setattr(running.time, "monotonic", lambda: 100 + seconds)
    assert running._duration(100) == told


@pytest.mark.parametrize("end, status", [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_a_study_that_fails_ends_the_one_beside_it_and_gives_its_status(end, status, capfd):
    assert run(found=LONG, coverage=f"wait_for('found is ready')\n{end}") == status
    assert not {"stimulated begins", "found ends", "held_out begins"} & {*events()}
    assert not is_running(int(Path("pid of found").read_text()))
    shown = capfd.readouterr()
    assert shown.err == f"coverage failed with exit status {status}; {TOLD}"
    assert len(shown.out.splitlines()) == len(FIRST + BESIDE_FIRST) and "all:" not in shown.out


def test_after_one_that_fails_no_other_begins():
    assert run(generator_grid="sys.exit(4)") == 4
    assert of(ONE_BY_ONE) == ["mapping_grid begins", "mapping_grid ends", "generator_grid begins"] and not of(BESIDE)


def program(text):
    """A Python that runs this text, in a session of its own, as a terminal has."""
    return subprocess.Popen([sys.executable, "-c", f"from mindreader.studies.tables import run_studies\n{text}"], text=True,
                            env=os.environ | {"PYTHONPATH": str(core.ROOT)}, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at_work", [("refits",), ("coverage", "found"), ("found", "held_out")], ids=" and ".join)
def test_a_signal_is_told_once_and_leaves_no_study(number, at_work):
    mine = program(f"import sys\nlong, short = {NOTED + LONG!r}, {NOTED + ENDS!r}\n"
                   f"run_studies(lambda name: [sys.executable, '-c', long if name in {at_work} else short, name])")
    deadline, awaited = time.monotonic() + 60, {f"{name} is ready" for name in at_work} | {"exam ends"}
    while time.monotonic() < deadline and not (Path("events").exists() and awaited <= {*events()}):
        time.sleep(0.01)
    time.sleep(1)       # until its end has been noticed
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
