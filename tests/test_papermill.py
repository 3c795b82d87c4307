"""`papermill notebooks/x.ipynb -p name value` runs as typed, wherever it is typed, and refuses in one sentence."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill.cli
import pytest

from mindreader.companion import _papermill

PAPERMILL = Path(sys.executable).with_name("papermill")
CELLS = ['seed: int = 0  # a number\ncond: str = "both"  # img, cap or both',
         'from mindreader.core import params\n_ = params.begin(globals(), seed=int, cond=("img", "cap", "both"))',
         "print(cond, seed)"]


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
    assert run.cells[-1].outputs[0].text == "cap 3\n"
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
    ("OSError", "[Errno 28] the disk of /x is full", "OSError: the disk of /x is full\n"),
])
def test_what_the_reader_can_mend_is_one_sentence(capsys, ename, evalue, says):
    error = CellError(ename, evalue)
    _papermill.short_excepthook(type(error), error, None)
    assert capsys.readouterr().err == says


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
    assert _papermill.with_output(["notebooks/03_gan.ipynb", "-p", "a", "../../x y"])[1] == \
        "figures/runs/03_gan__a-.._.._x_y.ipynb"


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
