"""`papermill notebooks/x.ipynb -p name value` runs as typed, wherever it is typed, and refuses in one sentence."""

import base64
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill.cli
import psutil
import pytest
from closed_folders import read_only
from jupyter_client.provisioning import LocalProvisioner
from nbclient.exceptions import DeadKernelError

from mindreader.companion import _papermill
from mindreader.companion.kernels import KernelManager, TERMINATED
from mindreader.core import run_name

PAPERMILL = Path(sys.executable).with_name("papermill")
CELLS = ['seed: int = 0  # a number\ncond: str = "both"  # img, cap or both',
         'from mindreader.core import params\n_ = params.begin(globals(), seed=int, cond=("img", "cap", "both"))',
         "print(cond, seed)", "import os\nprint(cond)\nprint(os.environ['MINDREADER_HOME'])"]


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like a checkout, with one small chapter."""
    for name in ("notebooks", "mindreader", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "_toc.yml").touch()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "notebooks" / "03_gan.ipynb")
    return tmp_path


def papermill_in(folder, *arguments, stdin=subprocess.DEVNULL, command=(str(PAPERMILL),), **kwargs):
    return subprocess.run([*command, *arguments], cwd=folder, stdin=stdin, capture_output=True, text=True, timeout=300, **kwargs)


def outcome(checkout):
    return sorted(p.name for p in (checkout / "figures" / "runs").glob("*"))


COND = ("notebooks/03_gan.ipynb", "-p", "cond", "img", "--prepare-only")


def test_runs_and_leaves_the_notebook_in_figures(checkout):
    before = (checkout / "notebooks" / "03_gan.ipynb").read_bytes()
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "-p", "cond", "cap", "-p", "seed", "3")
    assert done.returncode == 0, done.stderr
    run = nbformat.read(checkout / "figures" / "runs" / "03_gan__cond-cap__seed-3.ipynb", 4)
    assert run.cells[-2].outputs[0].text == "cap 3\n"
    assert (checkout / "notebooks" / "03_gan.ipynb").read_bytes() == before


def test_standard_input_from_dev_null(checkout):
    assert papermill_in(checkout, *COND).returncode == 0
    assert outcome(checkout) == ["03_gan__cond-img.ipynb"]


def test_standard_input_is_an_empty_pipe(checkout):
    done = subprocess.run([PAPERMILL, *COND], cwd=checkout, input=b"", capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert outcome(checkout) == ["03_gan__cond-img.ipynb"]


def test_standard_input_is_a_pipe_that_nobody_closes(checkout):
    reading, writing = os.pipe()
    try:
        assert papermill_in(checkout, *COND, stdin=reading).returncode == 0
    finally:
        os.close(reading)
        os.close(writing)
    assert outcome(checkout) == ["03_gan__cond-img.ipynb"]


def test_standard_input_is_a_terminal(checkout):
    ours, theirs = pty.openpty()
    try:
        assert papermill_in(checkout, *COND, stdin=theirs).returncode == 0
    finally:
        os.close(ours)
        os.close(theirs)
    assert outcome(checkout) == ["03_gan__cond-img.ipynb"]


@pytest.mark.parametrize("folder, path", [("notebooks", "03_gan.ipynb"), ("elsewhere", "../notebooks/03_gan.ipynb"), ("/", None)])
def test_from_any_folder(checkout, folder, path):
    path = path or str(checkout / "notebooks" / "03_gan.ipynb")
    done = papermill_in(checkout / folder, path, "--prepare-only")
    assert done.returncode == 0, done.stderr
    assert outcome(checkout) == ["03_gan.ipynb"]


def test_python_minus_m(checkout):
    done = papermill_in(checkout, *COND, command=(sys.executable, "-m", "papermill"))
    assert done.returncode == 0, done.stderr
    assert outcome(checkout) == ["03_gan__cond-img.ipynb"]


def test_two_paths_mean_what_they_always_meant(checkout):
    assert papermill_in(checkout, "notebooks/03_gan.ipynb", "mine.ipynb", "--prepare-only").returncode == 0
    assert (checkout / "mine.ipynb").exists()
    assert not (checkout / "figures").exists()


def refusal(done):
    lines = [line for line in done.stderr.splitlines() if "Error" in line]
    assert done.returncode != 0
    assert "PapermillExecutionError" not in done.stderr
    return lines[-1]


def test_wrong_value_is_one_sentence_and_a_failure(checkout):
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "-p", "cond", "bth")
    assert refusal(done) == "ParameterError: cond='bth': expected img or cap or both; did you mean 'both'?"


def test_unknown_parameter_is_one_sentence_and_a_failure(checkout):
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "-p", "condd", "img")
    assert refusal(done) == ("ParameterError: unknown parameter 'condd'; did you mean 'cond'? "
                             "(this notebook takes seed, cond)")


class CellError(Exception):
    """As papermill tells of a cell that failed."""

    def __init__(self, ename, evalue):
        super().__init__("a long story")
        self.ename, self.evalue = ename, evalue


@pytest.mark.parametrize("ename, evalue, says", [
    ("LayoutError", "no NSD at /x; set MINDREADER_NSD", "LayoutError: no NSD at /x; set MINDREADER_NSD\n"),
    ("Unfit", "found the generator 'lf'; name", "Unfit: found the generator 'lf'; name\n"),
    ("OSError", "[Errno 28] the disk of /x is full", "OSError: the disk of /x is full\n"),
    ("PermissionError", "[Errno 13] the folder /x cannot be written; set", "PermissionError: the folder /x cannot be written; set\n"),
])
def test_what_the_reader_can_mend_is_one_sentence(capsys, ename, evalue, says):
    error = CellError(ename, evalue)
    _papermill.short_excepthook(type(error), error, None)
    assert capsys.readouterr().err == says


@pytest.mark.parametrize("error, says", [
    (KeyboardInterrupt(), _papermill.INTERRUPTED), (DeadKernelError("Kernel died"), _papermill.KERNEL_DIED),
    (RuntimeError("Kernel died before replying to kernel_info"), _papermill.KERNEL_DIED)])
def test_an_early_end_is_one_sentence(capsys, error, says):
    _papermill.short_excepthook(type(error), error, None)
    assert capsys.readouterr().err == says + "\n"


def test_other_failures_keep_their_story(checkout, capsys):
    try:
        raise RuntimeError("something else")
    except RuntimeError as error:
        _papermill.short_excepthook(type(error), error, error.__traceback__)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [
    ["--version"], ["notebooks/03_gan.ipynb", "--help-notebook"], ["notebooks/03_gan.ipynb", "-"], [],
    ["elsewhere/x.ipynb"], ["notebooks/none.ipynb"], ["notebooks/03_gan.py"],
])
def test_everything_else_is_left_alone(checkout, monkeypatch, arguments):
    monkeypatch.chdir(checkout)
    (checkout / "elsewhere" / "x.ipynb").touch()
    assert _papermill.with_output(arguments) == arguments


def test_parameters_cannot_lead_out_of_the_folder(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    output = _papermill.with_output(["notebooks/03_gan.ipynb", "-p", "a", "../../x y"])[1]
    assert re.fullmatch(r"figures/runs/03_gan__a-\.\._\.\._x_y-[0-9a-f]{8}\.ipynb", output)


def output_of(*given):
    return Path(_papermill.with_output(["notebooks/03_gan.ipynb", *given])[1]).stem


LONG = "x" * 300


def test_every_way_to_give_a_parameter_is_in_the_name(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    Path("one.yml").write_text("seed: 1")
    Path("two.yml").write_text("seed: 2")
    encoded = [base64.b64encode(f"seed: {n}".encode()).decode() for n in (3, 4)]
    ways = [(), ("-p", "seed", "5"), ("-r", "seed", "6"), ("-y", "seed: 7"), ("--parameters_yaml", "seed: 8"), ("-f", "one.yml"),
            ("--parameters_file=two.yml",), ("-b", encoded[0]), ("--parameters_base64", encoded[1]), ("-yseed: 9",),
            ("-y", "overrides: {gan.kimg: 1}"), ("-y", "overrides: {gan.kimg: 2}"), ("-y", "overrides: {gan.kimg: 1, seed: 1}"),
            ("-p", "start", LONG + "1"), ("-p", "start", LONG + "2"), ("-p", "start", "/a/b"), ("-p", "start", "/a_b"),
            ("-p", "start", "/A/b"), ("-p", "start", "ü" * 200), ("-y", "no: [yaml"), ("-f", "missing.yml"), ("-p", "start", "a\nb")]
    names = [output_of(*given) for given in ways]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(name.isascii() and len(name) <= 120 for name in names)
    assert names[1:10] == [f"03_gan__seed-{n}" for n in (5, 6, 7, 8, 1, 2, 3, 4, 9)]
    assert output_of("-y", "seed: 7", "-p", "seed", "1") == "03_gan__seed-1"    # papermill takes the second, too


def test_the_notebook_and_its_figures_have_one_name(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    overrides, usual = {"mapping.learning_rate": "4e-4", "gan.kimg": 1.0}, {"cond": "both", "overrides": {}}
    folder = run_name("03_gan", usual | {"overrides": overrides}, usual)
    assert output_of("-y", "overrides: {mapping.learning_rate: 4e-4, gan.kimg: 1.0}") == folder


def test_two_runs_that_differ_in_an_override_leave_two_notebooks(checkout):
    for rate in ("4e-4", "4e-3"):
        done = papermill_in(checkout, "notebooks/03_gan.ipynb", "--prepare-only", "-y", f"overrides: {{mapping.learning_rate: {rate}}}")
        assert done.returncode == 0, done.stderr
    assert len(outcome(checkout)) == 2


def test_a_checkout_that_is_another_s_is_one_sentence(checkout):
    with read_only(checkout):
        done = papermill_in(checkout, *COND)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "figures/runs cannot be written" in done.stderr.splitlines()[-1] and "name another path" in done.stderr.splitlines()[-1]


def test_a_folder_in_the_environment_is_meant_from_where_papermill_was_called(checkout):
    done = papermill_in(checkout / "elsewhere", "../notebooks/03_gan.ipynb", "--cwd", "..",
                        env=os.environ | {"MINDREADER_HOME": "a home", "MINDREADER_METRICS": ""})
    assert done.returncode == 0, done.stderr
    (name,) = outcome(checkout)
    told = nbformat.read(checkout / "figures" / "runs" / name, 4).cells[-1].outputs[0].text
    assert told.split("\n")[1:] == [str(checkout / "elsewhere" / "a home"), ""]


def test_a_home_of_nobody_is_one_sentence(checkout):
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", env=os.environ | {"MINDREADER_HOME": "~nobody-of-that-name/x"})
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "MINDREADER_HOME='~nobody-of-that-name/x' begins with the home of nobody here" in done.stderr


UNLUCKY = """import threading

def _late(kernel=get_ipython().kernel, threading=threading):    # the names of cells are gone by then
    closed, told = threading.Event(), threading.Event()
    publish, close = kernel._publish_status_and_flush, kernel.iopub_thread.close

    def publish_late(status, channel, *rest):
        if channel == "control":
            closed.wait(60)
        try:
            publish(status, channel, *rest)
        finally:
            told.set()

    def close_slowly():
        kernel.iopub_thread.socket.close()
        closed.set()
        told.wait(60)
        threading.Event().wait(0.5)     # the control thread reports its error
        close()

    kernel._publish_status_and_flush, kernel.iopub_thread.close = publish_late, close_slowly

_late()"""


@pytest.mark.parametrize("last", ["print(1)", UNLUCKY], ids=["as ever", "one thread closes what another uses"])
def test_a_run_that_went_well_leaves_no_error_on_the_console(checkout, monkeypatch, last):
    """The console is that of the kernel too, which keeps what is not for it apart, but not within a test."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    notebook = nbformat.read(checkout / "notebooks" / "03_gan.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    nbformat.write(notebook, checkout / "notebooks" / "03_gan.ipynb")
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "--no-progress-bar", "--log-level", "WARNING")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_kernel_that_has_ended_its_work_is_not_interrupted(monkeypatch, checkout):
    sent = []

    async def note(self, signum):
        sent.append(signum)

    monkeypatch.setattr(LocalProvisioner, "send_signal", note)
    notebook = checkout / "notebooks" / "03_gan.ipynb"
    papermill.execute_notebook(notebook, checkout / "out.ipynb", progress_bar=False, cwd=checkout)
    assert sent.count(signal.SIGINT) == 1       # as jupyter_client does it; a kernel that ends slowly is terminated, too
    papermill.execute_notebook(notebook, checkout / "out.ipynb", progress_bar=False, cwd=checkout, kernel_manager_class=KernelManager)
    assert sent.count(signal.SIGINT) == 1


@pytest.mark.parametrize("when", ["its kernel starts", "a cell runs"])
def test_a_run_that_is_terminated_says_so_and_leaves_no_kernel_and_no_half_notebook(checkout, when):
    notebook = nbformat.read(checkout / "notebooks" / "03_gan.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_code_cell("import pathlib, time\npathlib.Path('../begun').touch()\ntime.sleep(300)"))
    nbformat.write(notebook, checkout / "notebooks" / "03_gan.ipynb")
    run = subprocess.Popen([PAPERMILL, "notebooks/03_gan.ipynb", "--cwd", "notebooks", "--no-progress-bar"], cwd=checkout, text=True,
                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and (not (kernels := psutil.Process(run.pid).children())
                                           or when == "a cell runs" and not (checkout / "begun").exists()):
        time.sleep(0.01)
    run.terminate()
    said = run.communicate(timeout=60)[1]
    assert run.returncode == -signal.SIGTERM
    assert said.splitlines()[-1] == TERMINATED and "Traceback" not in said and "Kernel" not in said
    assert psutil.wait_procs(kernels, timeout=60)[1] == []
    nbformat.validate(nbformat.read(checkout / "figures" / "runs" / "03_gan.ipynb", 4))


def test_option_table_is_papermill_s_own():
    takes = {0: set(), 1: set(), 2: set()}
    for option in papermill.cli.papermill.params:
        if option.param_type_name == "option":
            count = 0 if option.is_flag or option.count else option.nargs
            takes[count].update(option.opts, option.secondary_opts)
    assert takes[2] == _papermill.TWO_VALUES
    assert takes[1] == _papermill.ONE_VALUE


@pytest.mark.parametrize("program, original, answer", [
    ("/venv/bin/papermill", ["python", "/venv/bin/papermill"], True), ("-m", ["python", "-m", "papermill", "x"], True),
    ("-m", ["python", "-m", "pytest"], False), ("/x/mindreader/nb.py", ["python", "-m", "mindreader.companion.nb"], False),
])
def test_only_papermill_is_papermill(program, original, answer):
    assert _papermill.is_papermill(program, original) is answer


@pytest.mark.parametrize("given, says", [
    (["-y", "overrides: {gan.kimg: 1}", "-y", "overrides: {seed: 2}"], "got overrides 2 times, expected them once"),
    (["-p", "overrides", "{gan.kimg: 1}", "-y", "overrides: {seed: 2}"], "got overrides 2 times, expected them once"),
    (["-y", "overrides: {gan.kimg: 1, gan.kimg: 2}"], "got gan.kimg twice in"),
    (["-y", "seed: 1\nseed: 2"], "got seed twice in"),
    (["-y", "overrides:\n\tgan.kimg: 1"], "cannot be read as YAML (found character '\\t'"),
    (["-y", "no: [yaml"], "cannot be read as YAML"),
    (["-y", "seed"], "got 'seed', expected names and values such as 'seed: 1'"),
    (["-y", "- seed: 1"], "expected names and values"),
    (["-f", "missing.yml"], "missing.yml cannot be read (No such file or directory), expected a file of parameters"),
    (["-b", "x"], "'x' cannot be read (Invalid base64"),
])
def test_parameters_that_papermill_would_lose_or_choke_on_are_one_sentence(checkout, given, says):
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "--prepare-only", *given)
    assert done.returncode != 0 and says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not outcome(checkout)


@pytest.mark.parametrize("given", [
    ["-y", ""], ["-y", "{}"], ["-p", "overrides", "{seed: 1}", "-y", "overrides: {seed: 1}"], ["-y", "seed: 1", "-p", "seed", "2"]])
def test_parameters_that_lose_nothing_run(checkout, given):
    done = papermill_in(checkout, "notebooks/03_gan.ipynb", "--prepare-only", *given)
    assert done.returncode == 0, done.stderr
    assert outcome(checkout) == ["03_gan.ipynb" if len(given) == 2 else outcome(checkout)[0]]
