"""The whole pipeline at smoke size: stages found again, and keys that change when they must (see test_cold_runs)."""

import numpy as np
import pytest

from mindreader import pipeline
from mindreader.chapter import start
from mindreader.experiments import experiment
from mindreader.records import LayoutError
from mindreader.store import fingerprint

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "gan.kimg": 0.064}


def run_at(home, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(home))
    return pipeline.Pipeline(experiment("smoke", TINY))


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


def test_the_paper_preset_says_what_is_missing_and_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.delenv("MINDREADER_NSD", raising=False)
    with pytest.raises(LayoutError, match="no NSD at .*MINDREADER_NSD.*access"):
        start("02_mapping", "paper")
