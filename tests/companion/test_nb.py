"""Chapters are made from their sources, byte for byte the same when nothing changed, and skipped when nothing could have."""

import os
import signal

import nbformat
import pytest
from jupyter_client.provisioning import LocalProvisioner

from mindreader import core
from mindreader.companion import nb
from mindreader.companion.rendering import FILE_OF
from mindreader.core import paths

SOURCE = """# %% [markdown]
# # One

# %% tags=["parameters"]
seed: int = 0

# %% tags=["hide-input"]
import pathlib, sys
_ = sys.stderr.write("a warning from " + sys.prefix)
pathlib.Path("../figures/01_x").mkdir(parents=True, exist_ok=True)
pathlib.Path("../figures/01_x/a.csv").write_text("a")
{"seed": seed, "folder": pathlib.Path().resolve().name}
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty house with one chapter and one module."""
    for name in ("notebooks", "figures", "mindreader"):
        (tmp_path / name).mkdir()
    for name, folder in dict(ROOT=".", NOTEBOOKS="notebooks", FIGURES="figures", RESULTS="figures/results",
                             PACKAGE="mindreader", WEIGHTS="mindreader/weights").items():
        for module in (core, paths):    # the room keeps what it was once asked for
            monkeypatch.setattr(module, name, tmp_path / folder)
    (tmp_path / "_toc.yml").touch()     # a checkout has it
    monkeypatch.setenv("MINDREADER_PRESET", "smoke")
    (tmp_path / "notebooks" / "01_x.py").write_text(SOURCE)
    (tmp_path / "mindreader" / "stage.py").write_text('"""A stage."""\nx = 1\n')
    return tmp_path


def reported(capsys):
    return [line.split(",")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("01_x")]


def test_a_chapter_is_run_written_and_then_left_alone(house, capsys):
    notebook = house / "notebooks" / "01_x.ipynb"
    assert nb.main([]) == 0
    first = notebook.read_bytes()
    stored = nbformat.read(notebook, 4)
    assert stored.cells[-1].outputs[0].data["text/plain"] == "{'seed': 0, 'folder': 'notebooks'}"
    assert [c.get("id") for c in stored.cells] == ["c00", "c01", "c02"]
    assert "papermill" not in notebook.read_text() and "a warning" not in str(stored.cells[-1].outputs)
    nb.main([])
    nb.main(["--force"])
    assert notebook.read_bytes() == first
    assert reported(capsys) == ["01_x: changed", "01_x: nothing to do", "01_x: unchanged"]
    assert "MINDREADER_PRESET" not in os.environ


def test_what_could_change_it_runs_it_again(house):
    nb.main([])
    assert nb.is_current("01_x")
    (house / "mindreader" / "stage.py").write_text('"""Other words."""\nx = 1\n')
    assert nb.is_current("01_x")
    for change in (lambda: (house / "mindreader" / "stage.py").write_text("x = 2\n"),
                   lambda: (house / "notebooks" / "01_x.py").write_text(SOURCE.replace("# One", "# Two")),
                   lambda: (house / "figures" / "01_x" / "a.csv").write_text("b"),
                   lambda: (house / "notebooks" / "01_x.ipynb").unlink()):
        before = {p: p.read_bytes() for p in house.rglob("*") if p.is_file()}
        change()
        assert not nb.is_current("01_x")
        for path, content in before.items():
            path.write_bytes(content)
        assert nb.is_current("01_x")


def test_what_only_compares_results_runs_nothing_again(house):
    (house / "mindreader" / "reproduction").mkdir()
    (house / "mindreader" / "reproduction" / "report.py").write_text("x = 1\n")
    nb.main([])
    (house / "mindreader" / "reproduction" / "report.py").write_text("x = 2\n")
    assert nb.is_current("01_x")


def test_weights_that_the_environment_names_later_run_it_again(house, monkeypatch):
    """By what they are: neither their folder nor their age counts."""
    monkeypatch.delenv("MINDREADER_METRICS", raising=False)
    nb.main([])
    weights = house / "somewhere"
    weights.mkdir()
    (weights / "alexnet.pth").write_text("weights")
    monkeypatch.setenv("MINDREADER_METRICS", str(weights))
    assert not nb.is_current("01_x")
    nb.main([])
    assert nb.is_current("01_x")
    weights.rename(house / "elsewhere")
    monkeypatch.setenv("MINDREADER_METRICS", str(house / "elsewhere"))
    os.utime(house / "elsewhere" / "alexnet.pth", (1, 1))
    assert nb.is_current("01_x")
    (house / "elsewhere" / "alexnet.pth").write_text("WEIGHTS")
    assert not nb.is_current("01_x")
    (house / "elsewhere" / "alexnet.pth").write_text("weights")
    (house / "elsewhere" / "swav.pth").write_text("weights")
    assert not nb.is_current("01_x")


@pytest.mark.parametrize("name, value", [("OMP_NUM_THREADS", "7"), ("ATEN_CPU_CAPABILITY", "default"), ("ONEDNN_MAX_CPU_ISA", "AVX2")])
def test_what_changes_last_bits_runs_it_again(house, monkeypatch, name, value):
    nb.main([])
    monkeypatch.setenv(name, value)
    assert not nb.is_current("01_x")


def test_another_version_of_any_package_runs_it_again(house, monkeypatch):
    nb.main([])
    monkeypatch.setattr(nb, "_packages", lambda: {"himalaya": "0.0.1"})
    assert not nb.is_current("01_x")


def test_the_packages_are_all_that_the_library_needs():
    installed = nb._packages()
    assert {"himalaya", "safetensors", "torch", "filelock"} <= set(installed) and "snakemake" not in installed


def test_nsd_counts_for_a_chapter_that_reads_it_alone(house, monkeypatch):
    files = house / "nsd"
    files.mkdir()
    (files / "betas.hdf5").write_text("one")
    monkeypatch.setenv("MINDREADER_NSD", str(files))
    nb.main([])
    (files / "betas.hdf5").write_text("another")
    assert nb.is_current("01_x")
    chapter = house / "notebooks" / "01_x.py"
    chapter.write_text(SOURCE.replace("seed: int = 0", 'seed: int = 0\nsubject: str = "subj03"  # or twin01'))
    nb.main([])
    assert nb.is_current("01_x")
    (files / "betas.hdf5").write_text("a third")
    assert not nb.is_current("01_x")


def test_a_run_that_went_well_leaves_nothing_on_the_console_but_our_line(house, capfd, monkeypatch):
    """The console is that of the kernel too, which keeps what is not for it apart, but not within a test."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    (house / "notebooks" / "01_x.py").write_text(SOURCE.replace('_ = sys.stderr.write("a warning from " + sys.prefix)', ""))
    for _ in range(4):
        nb.main(["--force"])
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 4
    assert err.splitlines() == []


def test_no_kernel_is_interrupted(house, monkeypatch):
    """On a busy machine one may be ended that does not end by itself in time, which is another signal."""
    sent = []
    send = LocalProvisioner.send_signal

    async def note(self, signum):
        sent.append(signum)
        await send(self, signum)

    monkeypatch.setattr(LocalProvisioner, "send_signal", note)
    nb.main([])
    assert signal.SIGINT not in sent


def test_a_folder_that_the_environment_names_is_meant_from_where_the_program_was_started(house, monkeypatch):
    monkeypatch.chdir(house)
    monkeypatch.setenv("MINDREADER_HOME", "a home")
    (house / "notebooks" / "01_x.py").write_text(SOURCE + "\n# %%\nimport os\nos.environ['MINDREADER_HOME']\n")
    nb.main([])
    assert str(house / "a home") in (house / "notebooks" / "01_x.ipynb").read_text()


def test_check_says_what_would_change_and_writes_no_notebook(house):
    assert nb.main(["--check"]) == 1
    assert not (house / "notebooks" / "01_x.ipynb").exists()


def test_another_figure_is_a_change_though_the_notebook_is_the_same(house, capsys):
    nb.main([])
    (house / "figures" / "01_x" / "a.csv").write_text("of another run")
    assert nb.main(["--check"]) == 1
    assert (house / "figures" / "01_x" / "a.csv").read_text() == "a"
    assert nb.main(["--check", "--force"]) == 0
    assert reported(capsys) == ["01_x: changed", "01_x: changed", "01_x: unchanged"]


def test_a_failing_cell_keeps_the_committed_chapter(house):
    nb.main([])
    before = (house / "notebooks" / "01_x.ipynb").read_bytes()
    (house / "notebooks" / "01_x.py").write_text(SOURCE + "\n# %%\n1 / 0\n")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        nb.main([])
    assert (house / "notebooks" / "01_x.ipynb").read_bytes() == before
    assert not nb.is_current("01_x")


def test_an_unknown_chapter_is_named(house, capsys):
    with pytest.raises(SystemExit) as stop:
        nb.main(["02_y"])
    assert stop.value.code == 2
    assert "no chapter '02_y'; there is 01_x" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no chapter '02_y'"):
        nb.source("02_y")


def test_what_the_chapters_of_the_checkout_are_made_from_can_be_told():
    assert len({nb.inputs(stem) for stem in nb.chapters()[:2]}) == 2     # else make book ends before its first chapter


def test_weights_of_the_reader_s_own_run_it_again_when_they_change(house, monkeypatch, tmp_path):
    """Those in $MINDREADER_WEIGHTS and those that were imported into the home, in folders of theirs too."""
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)
    nb.main([])
    assert nb.is_current("01_x")
    for folder in (tmp_path / "own", tmp_path / "home" / "weights" / "alexnet"):
        folder.mkdir(parents=True)
        (folder / "alexnet.safetensors").write_text("weights")
        monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path / "own"))
        assert not nb.is_current("01_x")
        nb.main([])
        assert nb.is_current("01_x")


def test_a_kept_chapter_links_to_its_figures():
    of = {"file": "../figures/01_x/a.svg", "sha256": "0" * 64}
    shown = nbformat.v4.new_output("display_data", {"image/png": "cGl4ZWxz", "text/plain": "<figure 01_x/a>", FILE_OF: of})
    chapter = nb.tidy(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("run.show()", outputs=[shown])]))
    nbformat.validate(chapter)
    data = chapter.cells[0].outputs[0].data
    assert data["text/markdown"] == "![](../figures/01_x/a.svg)" and data[FILE_OF] == of and "image/png" not in data
