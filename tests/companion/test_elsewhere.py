"""A chapter that another machine would run, with other instruction sets and one thread, reproduces the usual run."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from mindreader import core
from mindreader.companion.reproduction import __main__ as command
from mindreader.companion.reproduction import elsewhere, machine

CHAPTER = "01_screening"


def digests():
    """Of all that a run of the chapter could write over in this checkout."""
    paths = [*(core.FIGURES / CHAPTER).glob("*"), core.RESULTS / f"{CHAPTER}.json", core.NOTEBOOKS / f"{CHAPTER}.ipynb"]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_chapter_on_another_machine_is_reproduced_and_the_checkout_is_not_touched(tmp_path, capfd):
    before = digests()
    status = command.main(["--elsewhere", "--preset", "smoke", "--folder", str(tmp_path), "--json", CHAPTER])
    assert status == 0, capfd.readouterr().err[-3000:]
    told = json.loads((tmp_path / "reproduction.json").read_text())
    assert told["holds"] and told["verdict"].startswith("Reproduced") and told["gone"] == told["new"] == {}
    assert told["counts"]["recorded"]["numbers"] >= 5 and told["counts"]["printed"]["numbers"] > 0
    here, usual = told["machine"]["here"], told["machine"]["committed"]
    assert here["threads"] == "1" and "ONEDNN_MAX_CPU_ISA" in here["instructions and threads as set"]
    assert here["instruction sets of torch"] != usual["instruction sets of torch"] or usual["instruction sets of torch"] == "DEFAULT"
    assert digests() == before
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {f"{elsewhere.lower_level()}-1", "usual"}


@pytest.mark.parametrize("level", machine.LEVELS)
def test_what_is_cut_is_obeyed(level):
    variables = elsewhere.cut_down(level, threads=1)
    told = elsewhere.machine_with(variables)
    assert told["threads"] == "1"
    assert told["instruction sets of torch"] in {"avx2": ("AVX2", "DEFAULT", "NO AVX"), "sse4": ("DEFAULT", "NO AVX")}[level]
    assert told["number format of trainings"] == "float32"
    code = "from numpy._core._multiarray_umath import __cpu_features__ as f; print(f.get('X86_V3'), f.get('X86_V4'))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=elsewhere._environment(variables), capture_output=True,
                          text=True)
    assert done.returncode == 0, "NumPy complains of nothing: " + done.stderr
    assert done.stdout.split()[-1] != "True" and (level == "avx2" or done.stdout.split()[0] != "True")


def test_what_decides_the_last_bits_here_does_not_reach_the_other_machine(monkeypatch):
    for name in ("OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY", "MINDREADER_PRESET", "MINDREADER_NSD"):
        monkeypatch.setenv(name, "1")
    assert not {"OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY", "MINDREADER_PRESET", "MINDREADER_NSD"} & set(elsewhere._environment({}))
    assert elsewhere._environment({"OMP_NUM_THREADS": "3"})["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("arguments, said", [
    (["99_x"], "no chapter '99_x'; there is 00_subject"), (["--preset", "bok"], "no preset 'bok'; there is smoke"),
    (["--threads", "0"], "--threads 0: expected a whole number from 1")])
def test_an_argument_that_is_none_is_told_in_one_sentence(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--elsewhere", *arguments])
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_a_chapter_that_fails_elsewhere_is_no_report(tmp_path, monkeypatch, capsys):
    def fails(*_, **__):
        raise subprocess.CalledProcessError(3, "papermill")

    monkeypatch.setattr(elsewhere, "run_chapters", fails)
    assert command.main(["--elsewhere", "--folder", str(tmp_path), CHAPTER]) == 2
    assert "ended with status 3; what it said stands above" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_copy_has_nothing_that_a_run_makes(tmp_path):
    copy = elsewhere.copy_checkout(tmp_path)
    assert (copy / "_toc.yml").is_file() and (copy / "book" / "notebooks").is_symlink() and (copy / "figures" / "tables").is_dir()
    assert not any((copy / name).exists() for name in (".git", ".venv", ".make", "figures/results", "figures/runs", "figures/03_gan"))


SOURCE = """# %% tags=["parameters"]
preset: str = "book"

# %%
import json, os
from mindreader import core
(core.FIGURES / "results").mkdir(parents=True, exist_ok=True)
told = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MINDREADER_HOME", "MINDREADER_PRESET")}
core.write_json(told | {"root": str(core.ROOT)}, core.FIGURES / "results" / "01_x.json")
"""


def test_the_book_itself_runs_in_the_copy_with_a_home_of_its_own(tmp_path, monkeypatch):
    house, folder = tmp_path / "house", tmp_path / "elsewhere"
    shutil.copytree(core.PACKAGE, house / "mindreader", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    for name in ("notebooks", "figures/results", "figures/01_x"):
        (house / name).mkdir(parents=True)
    (house / "_toc.yml").touch()
    (house / "notebooks" / "01_x.py").write_text(SOURCE)
    (house / "figures" / "01_x" / "old.csv").write_text("of the committed book")
    before = {path: path.stat().st_mtime_ns for path in house.rglob("*")}
    monkeypatch.setattr(elsewhere.core, "ROOT", house)
    monkeypatch.setenv("MINDREADER_PRESET", "smoke")
    made = elsewhere.run_chapters(folder, ["01_x"], variables={"OMP_NUM_THREADS": "1"})
    assert sorted(made.files()) == ["notebooks/01_x.ipynb", "results/01_x.json"]
    assert json.loads((made.figures / "results" / "01_x.json").read_text()) == {
        "OMP_NUM_THREADS": "1", "MINDREADER_HOME": str(folder / "home"), "MINDREADER_PRESET": None, "root": str(folder / "checkout")}
    assert {path: path.stat().st_mtime_ns for path in house.rglob("*")} == before
