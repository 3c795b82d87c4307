"""What chapters share, held to small cases that can be checked by hand; chapter 01 against the plant at smoke size."""

import numpy as np
import pandas as pd
import pytest

from mindreader.companion import ch01_screening as report
from mindreader.companion.ch01_screening import screening
from mindreader.companion.ch01_screening.screening import screening_summary
from mindreader.companion.chapter import start
from mindreader.companion.common import entry
from mindreader.core import Covers
from mindreader.scoring import distances, intervals


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINDREADER_HOME", str(tmp_path_factory.mktemp("home")))
        yield start("01_screening", "smoke", overrides={"twin.trials_per_session": 120, "twin.n_voxels": 96})


def test_an_entry_carries_interval_count_and_chance():
    row = intervals.score_row("brain", "2-way identification", 0.7, 0.6, 0.8, 50, 0.5, 0, "twin").iloc[0]
    assert entry(row, paper=0.782) == {"ours": 0.7, "low": 0.6, "high": 0.8, "covers": "pictures, one fit", "n": 50,
                                       "chance": 0.5, "paper": 0.782, "note": ""}


def test_screening_recovers_the_planted_grades(run):
    auc = report.screening_auc(run).set_index("name")
    assert auc.value["CLIP's probability"] > 0.9
    assert auc.low["coin toss"] < 0.5 + 0.1 and auc.value["CLIP's probability"] > auc.high["length of the caption"]


def test_captions_without_a_planted_grade_are_screened_and_their_scores_left_open(run, monkeypatch):
    ungraded = screening._scored(run).assign(grade="unknown")      # as NSD's are
    monkeypatch.setattr(screening, "_scored", lambda run: ungraded)
    auc, sweep = report.screening_auc(run), report.threshold_sweep(run, thresholds=np.array([0.0, 0.5]))
    assert auc[["value", "low", "high"]].isna().all(axis=None) and len(auc) == 5
    assert set(sweep.grade) == {"unknown"} and sweep.value.notna().all()
    values = screening_summary(run)
    assert np.isnan(values["auc"]["ours"]) and values["kept_mean"]["ours"] >= 1


def test_the_screen_keeps_at_least_one_caption_of_each_picture(run):
    assert report.captions_kept(run).kept.min() >= 1
    sweep = report.threshold_sweep(run, thresholds=np.array([0.0, 0.5]))
    assert (sweep[sweep.threshold == 0].value > 0.999).all()


def test_the_summary_has_an_interval_around_each_value(run):
    for value in screening_summary(run).values():
        assert value["low"] <= value["ours"] <= value["high"]


def test_an_interval_of_the_screen_covers_one_clip_and_of_mere_length_none(run):
    covers = {key: value["covers"] for key, value in screening_summary(run).items()}
    assert covers.pop("auc_length") == Covers.PICTURES_NO_FIT and set(covers.values()) == {Covers.PICTURES_ONE_TRAINING}


def test_halves_of_real_pictures_are_the_floor_of_distances(run):
    real = run.true_features
    far = distances.frechet_distance(real.vectors + 3, real.vectors)
    assert isinstance(far, float) and far > distances.frechet_distance(real, real) + 1
    assert pd.notna(far)
