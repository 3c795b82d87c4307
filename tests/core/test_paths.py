"""Paths follow from the package and the environment, never from the working folder."""

import os
import pwd
import subprocess
import sys
import warnings
import zipfile
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


@pytest.mark.parametrize("typed, means", [
    ("~/runs", "{home}/runs"), ("runs", "{here}/runs"), ("./a b/ü", "{here}/a b/ü"), (" /disk/x ", "/disk/x"), ("", None), (" ", None)])
def test_a_folder_may_be_named_as_in_a_shell(monkeypatch, tmp_path, typed, means):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("MINDREADER_HOME", typed)
    assert paths.named("MINDREADER_HOME") == (means and Path(means.format(home=tmp_path / "me", here=tmp_path / "here")))


def test_the_cache_folder_is_the_user_s_own(monkeypatch, tmp_path):
    monkeypatch.delenv("MINDREADER_HOME")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert paths.home() == tmp_path / "mindreader"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")      # which the standard says to ignore
    assert paths.home().is_absolute()


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch):
    monkeypatch.delenv("MINDREADER_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    with pytest.raises(ValueError, match="found no home folder for this user, .* set MINDREADER_HOME"):
        paths.home()


def test_the_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("MINDREADER_NSD", "~nobody-of-that-name/nsd")
    with pytest.raises(ValueError, match="MINDREADER_NSD='~nobody-of-that-name/nsd' begins with the home of nobody here"):
        paths.nsd_root()


def test_folders_are_held_before_the_working_folder_changes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for variable in paths.FOLDERS:
        monkeypatch.setenv(variable, "x")
    monkeypatch.delenv("MINDREADER_METRICS")
    paths.hold_folders()
    monkeypatch.chdir("/")
    assert paths.home() == paths.nsd_root() == tmp_path / "x" and "MINDREADER_METRICS" not in os.environ


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


def test_an_installed_library_works_and_says_at_once_what_needs_the_checkout(tmp_path):
    (tmp_path / "extra.cfg").write_text(f"[build]\nbuild_base = {tmp_path / 'build'}\n")     # nothing is left in the checkout
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
                    "--wheel-dir", tmp_path, ROOT], check=True, capture_output=True,
                   env=os.environ | {"DIST_EXTRA_CONFIG": str(tmp_path / "extra.cfg")})
    (wheel,) = tmp_path.glob("mindreader_paper-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import mindreader as mr; print(mr.core.PACKAGE, mr.experiment('smoke').name, len(mr.core.paper_values()));" \
           "from mindreader.companion import chapter; chapter.start('01_screening', 'smoke')"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(tmp_path / "site")})
    place, preset, n = done.stdout.split()
    assert (place, preset) == (str(tmp_path / "site" / "mindreader"), "smoke") and int(n) > 50
    assert done.stderr.splitlines()[-1].startswith("mindreader.records.LayoutError: mindreader is installed in")
    assert "make setup" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "site" / "figures").exists()


@pytest.mark.parametrize("typed, means", [("$DISK/x", "/disk/x"), ("${DISK}/a b", "/disk/a b"), ('"/disk/x"', "/disk/x"), ("'/disk/x' ", "/disk/x"),
                                          ('"$DISK"', "/disk"), ("/disk/5$", "/disk/5$")])
def test_a_folder_from_a_file_of_settings_is_taken_as_a_shell_would(monkeypatch, typed, means):
    monkeypatch.setenv("DISK", "/disk")
    monkeypatch.setenv("MINDREADER_HOME", typed)
    assert paths.home() == Path(means)


@pytest.mark.parametrize("typed, message", [
    ("$NOT_SET_ANYWHERE/x", r"names \$NOT_SET_ANYWHERE, which is not set here, expected a folder; write it out"),
    ("${NOT_SET_ANYWHERE}", r"names \$\{NOT_SET_ANYWHERE\}, which is not set here"),
    ("s3://natural-scenes-dataset", "is an address, expected a folder of this machine; download it"), ("file:///nsd", "is an address")])
def test_what_names_no_folder_makes_none(monkeypatch, typed, message):
    monkeypatch.setenv("MINDREADER_NSD", typed)
    with pytest.raises(ValueError, match=message):
        paths.nsd_root()
