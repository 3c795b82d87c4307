"""Wrong parameters stop at once with one sentence that names what is allowed."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest

from mindreader.core import params

CONDITIONS = {"img": 1, "cap": 2, "both": 3}
RULES = dict(preset=str, subject=str, seed=int, overrides=dict, cond=CONDITIONS, value=float)


@pytest.fixture(autouse=True)
def no_preset_from_outside(monkeypatch):
    monkeypatch.delenv("MINDREADER_PRESET", raising=False)


def notebook(**changed):
    usual = dict(preset="book", subject="", seed=0, overrides={}, cond="both", value=10.0)
    return {"In": [""], "Out": {}, "np": np, "_private": 1, "params": params} | usual | changed


def test_good_parameters_give_the_preset():
    assert params.begin(notebook(), **RULES) == "book"
    assert params.begin(notebook(preset="paper", subject="subj07", value=3), **RULES) == "paper"


@pytest.mark.parametrize("typed, means", [("true", True), ("false", False), (True, True)])
def test_true_and_false_may_be_typed_as_in_yaml(typed, means):
    namespace = {"preset": "smoke", "low_level": typed}
    params.begin(namespace, preset=str, low_level=bool)
    assert namespace["low_level"] is means


def test_the_cell_may_run_again_after_later_cells_made_names():
    space = notebook()
    params.begin(space, **RULES)
    space["table"] = 3
    assert params.begin(space, **RULES) == "book"


def test_unknown_parameter_is_named_with_the_nearest():
    with pytest.raises(params.ParameterError, match="unknown parameter 'condd'; did you mean 'cond'.*preset, subject"):
        params.begin(notebook(condd="img"), **RULES)


@pytest.mark.parametrize("name, value, says", [
    ("cond", "bth", "cond='bth': expected img or cap or both; did you mean 'both'?"),
    ("cond", ["img"], "expected img or cap or both"),
    ("preset", "bok", "preset='bok': expected smoke or book or paper"),
    ("preset", 3, "preset=3: expected a value of type str"),
    ("seed", "1", "seed='1': expected a value of type int"),
    ("seed", True, "seed=True"),
    ("seed", -1, "expected a whole number from 0"),
    ("subject", "subj09", "expected twin01 (simulated) or one of subj01 to subj08"),
    ("overrides", "{gan.kimg: 1}", "give it to papermill as -y"),
    ("value", "ten", "expected a value of type float"),
])
def test_wrong_value_names_what_is_allowed(name, value, says):
    with pytest.raises(params.ParameterError) as error:
        params.begin(notebook(**{name: value}), **RULES)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_parameter_that_is_gone_is_named():
    space = notebook()
    del space["cond"]
    with pytest.raises(params.ParameterError, match="'cond' is missing"):
        params.begin(space, **RULES)


def test_refusal_is_shown_without_a_traceback():
    assert params.ParameterError("no such thing")._render_traceback_() == ["ParameterError: no such thing"]


def test_environment_replaces_the_preset_written_in_the_notebook(monkeypatch):
    monkeypatch.setenv("MINDREADER_PRESET", "smoke")
    assert params.begin(notebook(), **RULES) == "smoke"


def test_environment_never_replaces_a_preset_given_to_papermill(monkeypatch):
    monkeypatch.setenv("MINDREADER_PRESET", "smoke")
    history = ["", 'preset: str = "book"', '# Parameters\ncond = "img"\npreset = "book"\n']
    assert params.begin(notebook(In=history), **RULES) == "book"
    history[2] = '# Parameters\ncond = "img"\n'
    assert params.begin(notebook(In=history), **RULES) == "smoke"


def test_environment_with_an_unknown_preset_is_refused(monkeypatch):
    monkeypatch.setenv("MINDREADER_PRESET", "smok")
    with pytest.raises(params.ParameterError, match="MINDREADER_PRESET='smok': expected smoke or book or paper"):
        params.begin(notebook(), **RULES)


def test_presets_are_those_of_the_experiments():
    experiments = pytest.importorskip("mindreader.experiments")
    assert set(params.PRESETS) == set(experiments.EXPERIMENTS)


def test_a_run_is_named_by_what_is_unusual_about_it():
    usual = dict(preset="book", seed=0, cond="both")
    assert params.run_name("03_gan", dict(preset="book", seed=0, cond="both"), usual) == ""
    assert params.run_name("03_gan", dict(preset="smoke", seed=0, cond="img"), usual) == "03_gan__preset-smoke__cond-img"
    assert "/" not in params.run_name("03_gan", dict(cond="../x"), usual)


def test_progress_passes_everything_on():
    assert list(params.progress(range(5), desc="counting", total=5)) == list(range(5))


def test_progress_writes_nothing_in_a_notebook_without_a_terminal(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert list(params.progress(range(5))) == list(range(5))
    assert capfd.readouterr().err == ""


def test_importing_it_is_quick_and_light():
    code = "import sys, mindreader.core.params; print('torch' in sys.modules, 'tqdm' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert told.stdout.split() == ["False", "False"]
