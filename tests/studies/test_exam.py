"""The exam's record: what it holds, when it is current, and that nothing of it is trained on."""

import numpy as np
import pandas as pd
import pytest

from mindreader import evaluation
from mindreader.companion.chapter import start
from mindreader.core.weights import is_part, load_card
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.records import LayoutError
from mindreader.studies.exam import record as exam

pytestmark = pytest.mark.skipif(not is_part("segmenter"), reason="the segmenter is not shipped: python -m mindreader.pretraining "
                                                                 "segmenter")


@pytest.fixture(scope="module")
def run():
    return start("07_pretrained", "smoke")


@pytest.fixture(scope="module")
def record(run, tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    assert exam.write_record(run, root) == root / "tables" / "exam.csv"
    return root


def test_every_score_is_asked_about_every_set(run, record):
    table, source = exam.recorded(run, record)
    placed = evaluation.placements()
    assert "which is what this run would make" in source and table.score.nunique() >= 9
    for _, part in table[table.damage != exam.NOTHING_DONE].groupby("score"):
        assert set(zip(part.damage, part.strength)) == set(zip(placed.damage, placed.strength))
    assert (table[table.damage == exam.NOTHING_DONE].groupby("score").size() == 1).all() and table.value.notna().all()
    assert (table.n == exam.sizes(run).pictures).all() and set(table.seen) == {*evaluation.SEEN, ""}


def test_a_record_of_other_settings_is_said_to_be_old(run, record):
    other = start("07_pretrained", "smoke", overrides={"evaluate.n_retrieval": 40})      # of the same subject, so that none is made for it
    assert "`make tables` makes it anew" in exam.recorded(other, record)[1]
    assert exam.key(Pipeline(experiment("smoke", {"seed": 1}))) not in (exam.key(run), exam.key(other))


def test_a_record_of_other_placements_is_said_to_be_old(run, record, monkeypatch):
    other = evaluation.placements().replace("second look", "invisible")
    monkeypatch.setattr(evaluation, "placements", lambda: other)
    assert "`make tables` makes it anew" in exam.recorded(run, record)[1]


def test_a_missing_record_is_said(run, tmp_path):
    with pytest.raises(LayoutError, match="no exam.csv in .*, expected the record of the exam"):
        exam.recorded(run, tmp_path)


def test_no_picture_of_the_exam_was_trained_on_and_none_is_in_both_sets(run):
    sets = exam.scene_sets(run)
    assert len(sets.pictures) == len(sets.things) == exam.sizes(run).pictures and sets.things.any((1, 2)).all()
    assert not {p.tobytes() for p in sets.pictures} & {p.tobytes() for p in sets.reference}
    segmenter, clip = load_card("segmenter"), load_card("clip")
    stream = {card["data"]["world"].partition("-")[0] for card in (segmenter, clip)}     # the rest of the name is of the code's key
    assert segmenter["data"]["n_train"] <= clip["data"]["n_train"] and len(stream) == 1 and segmenter["seed"] == clip["seed"]


@pytest.mark.skipif(not (exam.core.FIGURES / "tables" / "exam.csv").is_file(),
                    reason="no record: python -m mindreader.studies exam")
def test_the_committed_record_fails_todays_network():
    table = pd.read_csv(exam.core.FIGURES / "tables" / "exam.csv")
    found = evaluation.verdicts(table[table.damage != exam.NOTHING_DONE]).set_index("score")
    today = found.loc["FD (twin features)"]
    assert not today.passes and today.ranks < today.n_damages and today.at_once < today.invisible
    assert found.passes.dtype == bool and np.isfinite(table.value).all()
