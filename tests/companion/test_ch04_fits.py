"""Chapter 04's comparisons come from the record of several fits where it is this run's, and are computed here where it is not."""

import numpy as np
import pandas as pd
import pytest

from mindreader.companion import ch04_microstimulation as report
from mindreader.companion.chapter import start
from mindreader.core import Covers, ParameterError, record
from mindreader.studies import stimulated
from mindreader.studies.claims import SUPPORTED, UNTESTABLE
from mindreader.studies.grids import CURRENT
from mindreader.studies.stimulated import effects, regions


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("04_microstimulation", "smoke")


@pytest.fixture
def few(run, monkeypatch):
    """The same with fewer pictures and random sets, and nothing remembered."""
    monkeypatch.setattr(regions, "N_SETS", 12)
    monkeypatch.setattr(effects, "N_PICTURES", 4)
    monkeypatch.setattr(run, "memo", {})
    return run


@pytest.fixture
def recorded(monkeypatch):
    """A current record of two fits in the place of the committed one."""
    table = pd.DataFrame([{"name": "faces", "metric": "to faces", "value": 0.5, "fits": 2}])
    monkeypatch.setattr(stimulated, "read_record", lambda run, root: ({"moved": table, "sentences": table}, CURRENT))
    return table


def test_the_record_is_shown_where_this_run_would_make_it(run, recorded):
    found = report.Stimulations(run)
    assert found.source.startswith(CURRENT) and "2 fits" in found.source
    pd.testing.assert_frame_equal(found.table("moved"), recorded)
    pd.testing.assert_frame_equal(found.table("sentences"), recorded)


def test_a_region_of_the_readers_is_stimulated_here_and_stands_below_the_record(few, recorded):
    found = report.Stimulations(few, region="V1+V2")
    table = found.table("moved")
    assert list(dict.fromkeys(table.name)) == ["faces", "V1+V2"] and set(table.fits[table.name == "V1+V2"]) == {1}
    alone = stimulated.figure_table(few, "moved", 10.0, ["V1+V2"])
    assert np.allclose(table[table.name == "V1+V2"].value, alone.value) and "V1+V2 is stimulated here, by one fit" in found.source


@pytest.mark.parametrize("given, n_fits, says", [
    ({"value": 3.0}, 1, "decide nothing. The committed record is of voxels set to 10."),
    ({"n_fits": 1}, 1, "Stimulated here, by 1 fit of each mapper; fewer than 3 decide nothing."),
    ({"n_fits": 3}, 3, "Stimulated here, by 3 fits of each mapper."),
])
def test_another_question_is_computed_here(run, recorded, monkeypatch, given, n_fits, says):
    monkeypatch.setattr(stimulated, "figure_table", lambda run, name, value, regions, fits: (name, value, len(fits)))
    found = report.Stimulations(run, **given)
    assert found.source.endswith(says) and found.table("moved") == ("moved", given.get("value", 10.0), n_fits)


def test_another_subject_a_stale_record_and_none_are_said_in_a_sentence(run, monkeypatch, tmp_path):
    assert "There is no stimulated.csv in" in report.Stimulations(run, root=tmp_path).source
    monkeypatch.setattr(stimulated, "read_record", lambda run, root: ({"moved": pd.DataFrame()}, "This record was made otherwise."))
    assert report.Stimulations(run).source == \
        "Stimulated here, by 1 fit of each mapper; fewer than 3 decide nothing. This record was made otherwise."
    monkeypatch.undo()
    monkeypatch.setattr(type(run), "origin", "nsd")
    assert report.Stimulations(run, root=tmp_path).source.endswith("The committed record is the simulated subject's.")
    with pytest.raises(ParameterError, match="n_fits=-1: expected 0 for the record"):
        report.Stimulations(run, n_fits=-1)


def test_real_data_has_no_planted_table(run, monkeypatch, tmp_path):
    monkeypatch.setattr(type(run), "origin", "nsd")
    planted = report.Stimulations(run, root=tmp_path).table("planted")
    assert planted.empty and report.recovery_verdicts(planted).empty
    assert report.recovered_correlation(run, planted)["recovered_correlation"]["ours"] == UNTESTABLE


# ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_all_sentences_become_comparisons_with_numbers_for_the_record(few, tmp_path):
    table = report.Stimulations(few, n_fits=1).table("sentences")
    assert list(dict.fromkeys(table.claim)) == list(stimulated.CLAIMED)
    tested = table[table.note == ""]
    assert tested.p.between(0, 1).all() and (tested.p_holm >= tested.p - 1e-12).all()
    assert not set(tested.verdict) & {SUPPORTED, UNTESTABLE}      # of one fit
    one = table.groupby("claim").p.transform("size") == 1
    assert np.allclose(table.p_holm[one & (table.note == "")], table.p[one & (table.note == "")])
    numbers = report.sentence_numbers(table)
    assert {f"{claim.replace('-', '_')}_1_verdict" for claim in ("bodies-words", "intermediate-least")} <= set(numbers)
    low = table[(table.claim == "early-pictures") & (table.measure == "saturation")].iloc[0]
    record("04_microstimulation", {"origin": "twin", "preset": "smoke", "values": numbers}, root=tmp_path)   # takes them as they are
    turned = numbers["early_pictures_1"]
    assert turned["ours"] == pytest.approx(-low.value) and turned["low"] == pytest.approx(-low.high)


def test_the_record_has_each_region_beside_its_random_voxels(run):
    table = report.Stimulations(run, n_fits=1).table("effect")
    numbers = report.stimulation_summary(table)
    assert set(numbers) == {f"{word}{what}" for word in ("bodies", "words", "places", "faces")
                            for what in ("", "_shift", "_random_voxels_shift")}
    for word in ("bodies", "faces"):
        assert numbers[word]["ours"] == pytest.approx(numbers[f"{word}_shift"]["ours"] - numbers[f"{word}_random_voxels_shift"]["ours"])


def test_numbers_say_how_many_fits_their_interval_covers(run):
    table = report.Stimulations(run, n_fits=2).table("effect")
    numbers = report.stimulation_summary(table)
    assert {each["covers"] for each in numbers.values()} == {Covers.PICTURES_AND_FITS} and numbers["faces"]["note"].endswith("; 2 fits")
    one = report.stimulation_summary(report.Stimulations(run, n_fits=1).table("effect"))
    assert {each["covers"] for each in one.values()} == {Covers.PICTURES_ONE_FIT}
