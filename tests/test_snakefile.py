"""The workflow asks for the runs that it should, and two of them run, one after the other, with their parameters."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

SNAKEFILE = Path(__file__).resolve().parents[1] / "notebooks" / "Snakefile"


def snakemake(snakefile, folder, *arguments, **config):
    """What a run with these settings says; its bookkeeping stays in `folder`."""
    given = [f"{name}={value}" for name, value in config.items()]
    done = subprocess.run([sys.executable, "-m", "snakemake", "-s", snakefile, "--cores", "2", *arguments, "--config", *given],
                          cwd=folder, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "MINDREADER_HOME": str(folder)})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path):
    """A folder with the workflow and two small notebooks under the names of two chapters."""
    folder = tmp_path / "checkout"
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(SNAKEFILE, folder / "notebooks")
    for stem, own in (("00_subject", ""), ("03_gan", "cond = 'both'\n")):
        cells = [nbformat.v4.new_code_cell(f"preset = 'book'\nseed = 0\n{own}", metadata={"tags": ["parameters"]}),
                 nbformat.v4.new_code_cell(f"print(preset, seed{', cond' if own else ''})")]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "x",
                                                                                   "language": "python"}})
        nbformat.write(notebook, folder / "notebooks" / f"{stem}.ipynb")
    return folder


def printed(path):
    return "".join(o.text for c in nbformat.read(path, 4).cells for o in c.get("outputs", []) if o.output_type == "stream")


def test_a_dry_run_lists_every_chapter_and_condition(tmp_path):
    shutil.copytree(SNAKEFILE.parent, tmp_path / "notebooks", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    failed, said = snakemake(tmp_path / "notebooks" / "Snakefile", tmp_path, "-n", preset="smoke", subject="subj02", seeds="0,4")
    assert not failed, said
    outputs = set(re.findall(r"output: figures/runs/(\S+)", said))
    stems = {path.stem for path in SNAKEFILE.parent.glob("[0-9]*.ipynb")} - {"03_gan"}
    stems |= {f"03_gan__cond-{cond}" for cond in ("img", "cap", "both")}
    assert outputs == {f"{stem}__preset-smoke__subject-subj02__seed-{seed}.ipynb" for stem in stems for seed in (0, 4)}


def test_the_subject_is_made_before_what_reads_it(checkout):
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, preset="smoke", seeds="7", cond="img",
                             chapters="00_subject,03_gan")
    assert not failed, said
    runs = {path.name: path for path in (checkout / "figures" / "runs").iterdir()}
    assert sorted(runs) == ["00_subject__preset-smoke__seed-7.ipynb", "03_gan__cond-img__preset-smoke__seed-7.ipynb"]
    first, second = (runs[name] for name in sorted(runs))
    assert (printed(first), printed(second)) == ("smoke 7\n", "smoke 7 img\n")
    assert first.stat().st_mtime_ns < second.stat().st_mtime_ns
    _, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, preset="smoke", seeds="7", cond="img",
                        chapters="00_subject,03_gan")
    assert "Nothing to be done" in said


def test_a_preset_that_does_not_exist_stops_before_anything_runs(checkout):
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, preset="bok")
    assert failed and "no preset bok, expected one of smoke, book, paper" in said
    assert not (checkout / "figures").exists()
