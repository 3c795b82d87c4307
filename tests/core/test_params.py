"""Wrong parameters stop at once with one sentence that names what is allowed."""

import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from mindreader.core import params

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("name, typed, means", [
    ("seed", "3", 3), ("seed", "1e3", 1000), ("seed", 3.0, 3), ("seed", "3.0", 3), ("seed", " 1_000 ", 1000),
    ("seed", np.int64(3), 3), ("seed", np.float32(3), 3), ("seed", "+3", 3), ("seed", 2**40, 2**40),
    ("value", "4e-4", 4e-4), ("value", "4E-4", 4e-4), ("value", 3, 3.0), ("value", ".5", 0.5), ("value", "\u22120.5", -0.5),
    ("value", "5.", 5.0), ("value", ".inf", float("inf")), ("value", np.float64(0.5), 0.5), ("value", "1_000.5", 1000.5),
    ("low_level", "true", True), ("low_level", "false", False), ("low_level", True, True), ("low_level", "Yes", True),
    ("low_level", "off", False), ("low_level", 1, True), ("low_level", "0", False), ("low_level", "TRUE", True),
    ("cond", "IMG", "img"), ("cond", " both ", "both"), ("ablation", None, "none"), ("ablation", "None", "none"),
    ("subject", "Subj01", "subj01"), ("subject", " twin01", "twin01"), ("preset", "Smoke", "smoke"),
    ("overrides", "{gan.kimg: 1}", {"gan.kimg": 1}), ("overrides", "gan.kimg: 1", {"gan.kimg": 1}), ("overrides", None, {}),
])
def test_what_a_person_means_is_taken_however_it_is_typed(name, typed, means):
    namespace = notebook(low_level=False, ablation="record") | {name: typed}
    preset = params.begin(namespace, **RULES, low_level=bool, ablation=("record", "none"))
    got = preset if name == "preset" else namespace[name]
    assert got == means and type(got) is type(means)


@pytest.mark.parametrize("value, hint, means", [
    ("[1, 2]", tuple[int, ...], (1, 2)), ("(8, 2)", tuple[int, ...], (8, 2)), ("8, 2", tuple[int, int], (8, 2)),
    ([0, "0.99"], tuple[float, float], (0.0, 0.99)), (["1e1", 2.0], tuple[int, ...], (10, 2)), ((1, 2), tuple[int, ...], (1, 2)),
    (np.array([1, 2]), tuple[int, ...], (1, 2)), (range(2), tuple[int, ...], (0, 1)), ("['a', b]", tuple[str, ...], ("a", "b")),
    ("[]", tuple[str, ...], ()), ([0.1, 0.2, 0.3], tuple[float, float], (0.1, 0.2, 0.3)),
    ("null", float | None, None), ("None", int | None, None), ("~", int | None, None), (None, float | None, None),
    ("5", int | None, 5), ("1.5", float | None, 1.5), ("none", str, "none"), (ROOT / "x", str, str(ROOT / "x")),
    # what may mean two things, or nothing, stays as it is, and is refused by the check that follows
    ("8", tuple[int, ...], "8"), (8, tuple[int, ...], 8), ({1, 2}, tuple[int, ...], {1, 2}), ("", float | None, ""),
    ("1:30", float, "1:30"), ("0x10", int, "0x10"), ("1 000", int, "1 000"), ("1.000,5", float, "1.000,5"), ("1/3", float, "1/3"),
    ("2k", int, "2k"), (True, int, True), (False, float, False), ("maybe", bool, "maybe"), (2, bool, 2), (1.0, bool, 1.0),
    (2.5, int, 2.5), ("nan", float, "nan"), ("1e", float, "1e"), ("", int, ""), (".", float, "."), ("-", float, "-"), ("none", int, "none"),
])
def test_a_value_is_taken_as_its_setting_wants_it(value, hint, means):
    got = params.as_meant(value, hint)
    assert got == means and type(got) is type(means)


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
    ("preset", 3, "preset=3: expected text"),
    ("preset", None, "preset=None: expected text"),
    ("seed", "one", "seed='one': expected a whole number"),
    ("seed", 1.5, "seed=1.5: expected a whole number"),
    ("seed", "1e-3", "seed='1e-3': expected a whole number"),
    ("seed", "010", "seed='010': expected a whole number"),
    ("seed", "1,000", "seed='1,000': expected a whole number"),
    ("seed", None, "seed=None: expected a whole number"),
    ("seed", True, "seed=True"),
    ("seed", 1e300, "expected a whole number"),
    ("value", True, "value=True: expected a number, such as 0.5"),
    ("value", "0,5", "value='0,5': expected a number, such as 0.5"),
    ("value", "5%", "value='5%': expected a number"),
    ("value", [1.0], "value=[1.0]: expected a number"),
    ("seed", -1, "expected a whole number from 0"),
    ("subject", "subj09", "expected twin01 (simulated) or one of subj01 to subj08"),
    ("overrides", "gan.kimg=1", "give it to papermill as -y"),
    ("overrides", ["gan.kimg: 1"], "give it to papermill as -y"),
    ("overrides", "{gan.kimg: ", "give it to papermill as -y"),
    ("value", "ten", "expected a number"),
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


def test_environment_may_name_the_preset_in_any_case(monkeypatch):
    monkeypatch.setenv("MINDREADER_PRESET", " Smoke")
    assert params.begin(notebook(), **RULES) == "smoke"


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
    assert params.run_name("03_gan", dict(low_level=True), dict(low_level=False)) == "03_gan__low_level-true"


LONG = "x" * 200
OTHER_RUNS = [
    (dict(overrides={"gan.kimg": 1}), dict(overrides={"gan.kimg": 2})), (dict(overrides={}), dict(overrides={"seed": 1})),
    (dict(seed=1, overrides={}), dict(seed=0, overrides={"seed": 1})), (dict(start="/a/b"), dict(start="/a_b")),
    (dict(start="/A"), dict(start="/a")), (dict(start=LONG + "1"), dict(start=LONG + "2")), (dict(start="ä"), dict(start="a\u0308")),
    (dict(start="ü" * 100), dict(start="ö" * 100)), (dict(start="x__cond-img"), dict(start="x", cond="img")),
    (dict(overrides={"start": LONG + "1"}), dict(overrides={"start": LONG + "2"})), (dict(start="a b"), dict(start="a_b")),
    (dict(overrides={"a": 1, "b": 2}), dict(overrides={"a": 1})), (dict(overrides={"a": "1__b-2"}), dict(overrides={"a": "1", "b": "2"})),
]


@pytest.mark.parametrize("one, other", OTHER_RUNS)
def test_two_runs_never_share_a_name_on_any_file_system(one, other):
    usual = dict(start="lf", cond="both", seed=0, overrides={})
    names = [params.run_name("03_gan", usual | run, usual) for run in (one, other)]
    assert len({name.casefold() for name in names}) == 2
    assert all(name.isascii() and "/" not in name and len(name) <= 120 for name in names)


def test_the_same_run_has_the_same_name():
    usual = dict(seed=0, overrides={})
    same = [{"gan.kimg": 1, "seed": 2}, {"seed": 2, "gan.kimg": 1}, {"gan": {"kimg": 1}, "seed": 2}]
    assert len({params.run_name("03_gan", dict(overrides=given), usual) for given in same}) == 1


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


# ── devices ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def machine(monkeypatch):
    """A machine with these GPUs, by compute capability, and a torch that is built for these."""
    import torch

    def have(*capabilities, built_for=("sm_75", "sm_80", "sm_86", "sm_90", "compute_90"), error=None, cuda="13.2", visible=None):
        def compute(number):
            if error:
                raise RuntimeError(error)

        for name, value in dict(device_count=lambda: len(capabilities), current_device=lambda: 0, get_device_name=lambda i: f"GPU {i}",
                                get_device_capability=lambda i: capabilities[i], get_arch_list=lambda: list(built_for)).items():
            monkeypatch.setattr(torch.cuda, name, value)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(params, "_compute_on", compute)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return have


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)])
def test_a_gpu_that_torch_has_code_for_is_taken(machine, capability):
    machine(capability)
    params.check_device("cuda")
    params.check_device("cuda:0")


@pytest.mark.parametrize("device, gpus, settings, says", [
    ("cuda", [(7, 0)], {}, r"GPU 0 is of compute capability 7.0, and the installed torch .* is built for sm_75, .*; expected cpu, or a "
                           "torch that is built for sm_70"),
    ("cuda:1", [(8, 0), (6, 1)], {}, "GPU 1 is of compute capability 6.1"),
    ("cuda", [(12, 0)], dict(built_for=["sm_80", "sm_90"]), "GPU 0 is of compute capability 12.0"),
    ("cuda", [(9, 1)], dict(built_for=["sm_90a"]), "GPU 0 is of compute capability 9.1"),
    ("cuda", [], {}, "this machine has no GPU that torch can use; expected cpu, or a GPU and a driver that `nvidia-smi` lists"),
    ("cuda", [], dict(visible=""), r"no GPU that torch can use \(CUDA_VISIBLE_DEVICES='' says which\)"),
    ("cuda", [], dict(cuda=None), "torch can use, which is built for processors alone; expected cpu, or a torch"),
    ("cuda:2", [(8, 0)] * 2, {}, "this machine has cuda:0, cuda:1; expected cpu or one of those"),
    ("cuda:3", [(8, 0)], dict(visible="3"), r"has cuda:0 \(CUDA_VISIBLE_DEVICES='3' says which\); expected"),
    ("cuda", [(8, 0)], dict(error="CUDA error: out of memory\nCompile with ..."), r"GPU 0 does not compute \(CUDA error: out of memory\)"),
    ("cuda", [(8, 0)], dict(error="CUDA error: no kernel image is available"), r"does not compute \(CUDA error: no kernel image"),
])
def test_a_gpu_that_cannot_compute_is_refused_before_anything_runs(machine, device, gpus, settings, says):
    machine(*gpus, **settings)
    with pytest.raises(params.ParameterError, match=says) as refused:
        params.check_device(device)
    assert "\n" not in str(refused.value) and str(refused.value).startswith(f"device={device!r}: ")


def test_a_processor_needs_no_gpu(machine):
    machine()
    params.check_device("cpu")


@pytest.mark.parametrize("typed, means", [("subj1", "subj01"), ("SUBJ01", "subj01"), ("sub-08", "subj08"), ("Subject 2", "subj02"),
                                          ("s7", "subj07"), ("twin1", "twin01"), ("Twin_02", "twin02")])
def test_a_subject_may_be_named_as_papers_do(typed, means):
    space = notebook(subject=typed)
    params.begin(space, **RULES)
    assert space["subject"] == means


@pytest.mark.parametrize("typed", ["1", 1, 1.0, "subj9", "subj10", "subj01,subj02", ["subj01"], "all"])
def test_what_names_no_subject_is_told_the_names(typed):
    with pytest.raises(params.ParameterError, match="subject=.*: expected twin01 .simulated. or one of subj01 to subj08"):
        params.begin(notebook(subject=typed), **RULES)


@pytest.mark.parametrize("text", ["{gan.kimg: 1, gan.kimg: 2}", "gan: {kimg: 1, kimg: 1}", "seed: 1\nseed: 2"])
def test_a_setting_given_twice_is_refused(text):
    with pytest.raises(params.ParameterError, match="got .*(kimg|seed) twice in .*expected it once"):
        params.begin(notebook(overrides=text), **RULES)


def test_what_yaml_repeats_by_a_mark_is_no_setting_given_twice():
    assert params.read_settings("a: &x {seed: 1}\nb: {<<: *x, kimg: 2}") == {"a": {"seed": 1}, "b": {"seed": 1, "kimg": 2}}
