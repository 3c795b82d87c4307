"""`python -m mindreader.studies`: one study, with the rest of the command line."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from mindreader.studies import held_out
from mindreader.studies.__main__ import STUDIES, main


def test_the_rest_of_the_command_line_goes_to_the_study(monkeypatch):
    monkeypatch.setattr(held_out, "main", lambda options: options)
    assert main(["held_out", "--preset", "smoke", "-y", "a: 1"]) == ["--preset", "smoke", "-y", "a: 1"]


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_has_a_help_text_of_its_own(study, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([study, "--help"])
    shown = capsys.readouterr().out
    assert f"python -m mindreader.studies {study}" in " ".join(shown.split())
    assert " ".join(import_module(f"mindreader.studies.{study}").__doc__.splitlines()[0].split()) in " ".join(shown.split())


def test_an_unknown_study_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["grid"])
    assert "choose from" in capsys.readouterr().err


@pytest.mark.parametrize("module", [["mindreader.studies", "mapping_grid", "--preset", "smoke"], ["mindreader.core.store", "--clean"],
                                    ["mindreader.companion.nb", "01_screening"]])
def test_a_folder_that_the_environment_names_wrongly_is_one_sentence_of_every_command(module):
    done = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True,
                          env=os.environ | {"MINDREADER_HOME": "$NOT_SET_ANYWHERE/x"})
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "names $NOT_SET_ANYWHERE, which is not set" in done.stderr
