"""The whole pipeline at smoke size: the same bits twice, stages found again, and keys that change when they must."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mindreader import pipeline, report
from mindreader.chapter import start
from mindreader.experiments import experiment
from mindreader.records import LayoutError
from mindreader.store import fingerprint

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "gan.kimg": 0.064}


def run_at(home, monkeypatch, **overrides):
    monkeypatch.setenv("MINDREADER_HOME", str(home))
    return pipeline.Pipeline(experiment("smoke", TINY | overrides))


def test_a_second_cold_run_gives_the_same_bits(tmp_path, monkeypatch):
    outcome = []
    for home in ("first", "second"):
        run = run_at(tmp_path / home, monkeypatch)
        painted = run.paint(report.pictures.brain_points(run), "both")
        table = report.retrieval_with_controls(run)
        outcome.append((run.mapped["caption"].vectors, painted.images, table.value.to_numpy()))
    for first, second in zip(*outcome):
        assert np.array_equal(first, second)


def test_finished_stages_are_found_by_another_pipeline(tmp_path, monkeypatch):
    mapped = run_at(tmp_path, monkeypatch).mapped["image"]

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(pipeline.mapping, "fit_mapper", refuse)
    again = run_at(tmp_path, monkeypatch).mapped["image"]
    assert np.array_equal(again.vectors, mapped.vectors)


@pytest.mark.parametrize("change, moves, stays", [
    ({"gan.kimg": 0.096}, {"painter"}, {"subject", "points", "mapped", "encoder", "categories"}),
    ({"mapping.clamp": 1.0}, {"mapped", "painter", "categories"}, {"points", "captions", "encoder"}),
    ({"screen.threshold": 0.6}, {"captions", "mapped"}, {"points", "encoder"}),
    ({"seed": 1}, {"subject", "points", "mapped", "painter", "encoder"}, set()),
])
def test_a_setting_moves_the_stages_that_it_could_change(change, moves, stays):
    def keys(overrides):
        run = pipeline.Pipeline(experiment("smoke", overrides))
        return {stage: fingerprint(run.key(stage, {})) for stage in pipeline.NEEDS}

    usual, changed = keys({}), keys(change)
    moved = {stage for stage in usual if usual[stage] != changed[stage]}
    assert moves <= moved and not (stays & moved)


def test_a_run_killed_in_the_middle_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    code = ("from mindreader.pipeline import Pipeline; from mindreader.experiments import experiment\n"
            f"run = Pipeline(experiment('smoke', {TINY | {'mapping.epochs': [6, 6]}!r})); run.points\n"
            "print('ready', flush=True); run.mapper('caption')")
    environment = os.environ | {"MINDREADER_HOME": str(tmp_path / "killed")}
    child = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL)
    assert child.stdout.readline().strip() == "ready"
    deadline = time.monotonic() + 60
    while not list((tmp_path / "killed").rglob("checkpoint.pt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    longer = {"mapping.epochs": [6, 6]}
    resumed = run_at(tmp_path / "killed", monkeypatch, **longer).mapper("caption")
    whole = run_at(tmp_path / "whole", monkeypatch, **longer).mapper("caption")
    for name, tensor in whole.network.state_dict().items():
        assert np.array_equal(tensor.numpy(), resumed.network.state_dict()[name].numpy()), name


def test_the_paper_preset_says_what_is_missing_and_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.delenv("MINDREADER_NSD", raising=False)
    with pytest.raises(LayoutError, match="no NSD at .*MINDREADER_NSD.*access"):
        start("02_mapping", "paper")
