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


def snakemake(snakefile, folder, *arguments, home=None, **config):
    """What a run with these settings says; its bookkeeping stays in `folder`."""
    given = [f"{name}={value}" for name, value in config.items()]
    done = subprocess.run([sys.executable, "-m", "snakemake", "-s", snakefile, "--cores", "2", *arguments, "--config", *given],
                          cwd=folder, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "MINDREADER_HOME": home or str(folder)})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path):
    """A folder with the workflow and two small notebooks under the names of two chapters."""
    folder = tmp_path / "checkout"
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(SNAKEFILE, folder / "notebooks")
    for stem, own in (("00_subject", ""), ("03_gan", "cond = 'both'\n")):
        cells = [nbformat.v4.new_code_cell(f"preset = 'book'\nseed = 0\noverrides = {{}}\n{own}", metadata={"tags": ["parameters"]}),
                 nbformat.v4.new_code_cell(f"print(preset, seed{', cond' if own else ''})"),
                 nbformat.v4.new_code_cell("if overrides: print(overrides)\nimport os; print(os.environ['MINDREADER_HOME'])")]
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
    assert (printed(first), printed(second)) == (f"smoke 7\n{checkout}\n", f"smoke 7 img\n{checkout}\n")
    assert first.stat().st_mtime_ns < second.stat().st_mtime_ns
    _, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, preset="smoke", seeds="7", cond="img",
                        chapters="00_subject,03_gan")
    assert "Nothing to be done" in said


def test_a_preset_that_does_not_exist_stops_before_anything_runs(checkout):
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, preset="bok")
    assert failed and "no preset bok, expected one of smoke, book, paper, shared1000" in said
    assert not (checkout / "figures").exists()


def asked(said, name):
    return set(re.findall(rf"resources: .*\b{name}=(\d+)", said))


@pytest.mark.parametrize("config, memory, minutes, gpus", [
    (dict(preset="smoke"), {"4500"}, {"20"}, {"0"}), (dict(preset="book"), {"6500"}, {"60"}, {"0"}),
    (dict(preset="paper", subject="subj01"), {"32000"}, {"2880"}, {"0"}),
    (dict(preset="shared1000", subject="subj01"), {"32000"}, {"4320"}, {"0"}),
    (dict(preset="book", overrides="{device: cuda}"), {"6500"}, {"60"}, {"1"}),
])
def test_a_job_asks_for_what_its_preset_needs(checkout, config, memory, minutes, gpus):
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, "-n", **config)
    assert not failed, said
    assert (asked(said, "mem_mb"), asked(said, "runtime"), asked(said, "gpu")) == (memory, minutes, gpus)


def test_overrides_reach_the_notebook_and_its_name_from_a_folder_with_spaces(tmp_path, checkout):
    folder = tmp_path / "a folder with späces"
    checkout.rename(folder)
    runs = []
    for rate in ("4e-4", "1.5"):
        failed, said = snakemake(folder / "notebooks" / "Snakefile", folder, preset="smoke", chapters="00_subject",
                                 overrides=f"{{mapping.learning_rate: {rate}, embed.clip: 'local-dir:/it''s here'}}")
        assert not failed, said
        runs = sorted((folder / "figures" / "runs").iterdir())
    assert len(runs) == 2 and all(re.fullmatch(r"00_subject__preset-smoke__overrides-[0-9a-f]{8}__seed-0", run.stem) for run in runs)
    told = {printed(run).split("\n")[1] for run in runs}
    assert told == {str({"mapping.learning_rate": rate, "embed.clip": "local-dir:/it's here"}) for rate in ("4e-4", "1.5")}  # snakemake gives all as text


def test_overrides_that_are_no_settings_stop_before_anything_runs(checkout):
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout, overrides="gan.kimg=1")
    assert failed and "got overrides gan.kimg=1, expected settings by dotted name" in said


def test_a_home_is_meant_from_where_snakemake_was_called(checkout):
    (checkout / "below").mkdir()
    failed, said = snakemake(checkout / "notebooks" / "Snakefile", checkout / "below", preset="smoke", chapters="00_subject", home="a home")
    assert not failed, said
    (run,) = (checkout / "figures" / "runs").iterdir()
    assert printed(run).endswith(f"{checkout / 'below' / 'a home'}\n")


def test_no_page_installs_the_package_of_another():
    """On the package index `mindreader` is a stranger's; ours is mindreader-paper."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=SNAKEFILE.parents[1], capture_output=True, text=True).stdout.split("\0")
    stranger = re.compile(r"(install|uninstall|add|require[sd]?)\b[^\n]{0,40}[\s'\"`]mindreader(?!-paper)(?=[\[\s'\"`=<>~,;)]|$)")
    named = {name: found[0] for name in files if name and name.endswith((".md", ".py", ".toml", ".txt", ".yml", "Snakefile", "Makefile", ".cff"))
             and not name.startswith(("figures/", "tests/")) and (path := SNAKEFILE.parents[1] / name).is_file()
             and (found := stranger.search(path.read_text(encoding="utf-8")))}
    assert named == {}
