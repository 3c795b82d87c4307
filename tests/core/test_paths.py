"""Paths follow from the package and the environment, never from the working folder."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from mindreader.core import paths

ROOT = Path(__file__).resolve().parents[2]


def test_root_is_this_checkout_from_any_working_folder(tmp_path):
    told = subprocess.run([sys.executable, "-c", "from mindreader.core import paths; print(paths.ROOT, paths.FIGURES)"],
                          cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert told == [str(ROOT), str(ROOT / "figures")]


def test_home_is_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.delenv("MINDREADER_NSD", raising=False)
    assert paths.home() == tmp_path
    assert paths.nsd_root() == tmp_path / "nsd"


def test_home_is_outside_the_repository_by_default(monkeypatch):
    monkeypatch.delenv("MINDREADER_HOME")
    assert ROOT not in paths.home().parents


def test_nsd_can_live_elsewhere(monkeypatch):
    monkeypatch.setenv("MINDREADER_NSD", "/disk/nsd")
    assert paths.nsd_root() == Path("/disk/nsd")


def test_only_the_usual_run_writes_into_the_committed_figures():
    assert paths.output_root("") == paths.FIGURES
    assert paths.output_root("03_gan__cond-img") == paths.FIGURES / "runs" / "03_gan__cond-img"


@pytest.mark.parametrize("name", ["../results", "a/b", ".."])
def test_a_run_cannot_leave_its_folder(name):
    with pytest.raises(ValueError, match="plain folder name"):
        paths.output_root(name)


def test_another_checkout_is_noticed(tmp_path):
    (tmp_path / "mindreader").mkdir()
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "notebooks").mkdir()
    with pytest.warns(UserWarning, match="pip install -e"):
        paths.warn_of_other_checkout(tmp_path / "notebooks")


def test_no_warning_at_home_or_outside_any_checkout(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths.warn_of_other_checkout(ROOT / "notebooks")
        paths.warn_of_other_checkout(tmp_path)
