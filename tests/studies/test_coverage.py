"""Intervals hold planted truths as often as they say: a quick run, that intervals which ignore fits do not pass."""

from dataclasses import replace

import numpy as np
import pytest

from mindreader import scoring, uncertainty
from mindreader.core import Store
from mindreader.studies import coverage
from mindreader.studies.coverage import counting, planted

NAMES = {each.name: each for each in coverage.PLANTED}
QUICK = ("stimulation effect, fits differ much", "mean over finetunings within mappers", "AUC of a class", "encoding r of a voxel",
         "Fréchet distance")


@pytest.mark.parametrize("name", QUICK)
def test_intervals_over_pictures_and_fits_hold_the_truth(name):
    """With 100 studies a coverage of 0.95 lies above 0.88 in 99.8 of 100 runs; the seed is fixed."""
    found = coverage.coverage(coverage.simulate(counting.Job(name, 300, 3, 0), 100), NAMES[name].truth)
    assert found["covered"] > 0.88 and found["one_fit_covered"] < found["covered"]


def test_intervals_over_the_pictures_of_one_fit_do_not_where_fits_differ():
    studies = coverage.simulate(counting.Job("stimulation effect, fits differ much", 300, 5, 0), 60)
    assert coverage.coverage(studies, 0.1)["one_fit_covered"] < 0.3
    narrow = studies.copy()
    middle, half = studies[:, 0], (studies[:, 2] - studies[:, 1]) / 4     # half as wide: does not pass
    narrow[:, 1], narrow[:, 2] = middle - half, middle + half
    assert coverage.coverage(narrow, 0.1)["covered"] < 0.88


@pytest.mark.parametrize("name", [each.name for each in coverage.PLANTED])
def test_every_kind_of_score_can_be_planted(name):
    drawn = NAMES[name].draw(np.random.default_rng(0), 60, 3)
    found = uncertainty.score_interval(drawn.score)
    assert found.low < found.value < found.high and found.n_fits == 3 and drawn.one_fit[0] < drawn.one_fit[1]


@pytest.mark.parametrize("name", [each.name for each in coverage.PLANTED if each.truth is not None])
def test_a_closed_form_is_the_mean_of_many_studies(name):
    rng = np.random.default_rng(1)
    values = np.array([NAMES[name].draw(rng, 100, 3).score.values.mean() for _ in range(40)])
    assert abs(values.mean() - NAMES[name].truth) < 4 * values.std(ddof=1) / np.sqrt(40)


def test_coverage_counts_intervals_that_hold_and_sides_that_miss():
    studies = np.array([[1.0, 0.5, 1.5, 0.9, 1.1, 0.5], [2.0, 1.5, 2.5, 1.9, 2.1, 0.5], [0.0, -0.5, 0.5, 0.9, 1.1, 0.5]])
    found = coverage.coverage(studies, None)
    assert (found["truth"], found["n_studies"]) == (1.0, 3)
    assert (found["covered"], found["below"], found["above"], found["one_fit_covered"]) == pytest.approx((1 / 3, 1 / 3, 1 / 3, 2 / 3))


def test_a_run_that_was_stopped_goes_on_where_it_was_and_writes_the_same(tmp_path, monkeypatch):
    few = tuple(replace(NAMES[name], pictures=(40,)) for name in ("stimulation effect, fits alike", "encoding r of a voxel"))
    store, make, made = Store(tmp_path), counting.simulate, []

    def stopped(job):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(job)
        return make(job)

    monkeypatch.setattr(counting, "simulate", stopped)
    with pytest.raises(KeyboardInterrupt):
        counting.measure(store, 100, planted=few, n_fits=(3,))
    monkeypatch.setattr(counting, "simulate", lambda job: made.append(job) or make(job))
    again = counting.measure(store, 100, planted=few, n_fits=(3,))
    assert len(made) == len(set(made)) == 4     # two scores, in two chunks each
    monkeypatch.setattr(counting, "simulate", make)
    whole = counting.measure(Store(tmp_path / "other"), 100, planted=few, n_fits=(3,))
    assert again.equals(whole) and (again.n_studies == 100).all()


def test_a_record_is_read_back_and_knows_its_code(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "measure", lambda *_, **__: counting.pd.DataFrame([{"name": "one", "covered": 0.95, "key": counting.key()}]))
    coverage.write_record(50, root=tmp_path, store=Store(tmp_path))
    assert coverage.read_record(tmp_path)[1]
    monkeypatch.setattr(counting, "key", lambda: "other")
    assert not coverage.read_record(tmp_path)[1]


def test_rivals_and_hubs_are_planted():
    """Predictions share a direction, so that some are nearest to far more pictures than one."""
    truth, (fit,) = planted.decoded(np.random.default_rng(0), 300, 1)
    batch = scoring.retrieval_batch(fit, truth, n=None)
    chosen = np.bincount(batch.nearness("backward").argmax(1), minlength=300)
    assert chosen.max() >= 5
