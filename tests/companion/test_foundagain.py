"""Things found again, for the page: means in wide form, classes as the figure takes them, and which lie above a floor."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mindreader.companion import foundagain, plots
from mindreader.companion.rendering import LeftOut
from mindreader.core import Covers, NONE
from mindreader.scoring import TWO_WAY
from mindreader.studies.found import CHANGED, COSINE, DRAWS, HELD_OUT, SAME_OTHER, SAME_Z, SUBJECT

LIBRARY = "nearest of 9 real pictures"


def row(of, name, metric, category, kind, value, half, n=20):
    return {"of": of, "name": name, "metric": metric, "category": category, "kind": kind, "value": value, "low": value - half,
            "high": value + half, "n": n, "chance": np.nan, "seed": 0, "origin": "twin"}


@pytest.fixture
def run(monkeypatch):
    rows = []
    for name, recall in (("brain", 0.6), ("shuffled brain", 0.3), ("true embedding", 0.9), (LIBRARY, 0.8), (f"{LIBRARY}, from the brain", 0.5)):
        for category, kind, half in (("dog", "thing", 0.05), ("cat", "thing", 0.2), ("grass", "stuff", 0.1)):
            rows.append(row(SUBJECT, name, "recall, class", category, kind, recall, half))
        for metric in foundagain.METRICS:
            rows += [row(SUBJECT, name, metric, "all things", "thing", recall, 0.1, 2)]
        rows.append(row(SUBJECT, name, "recall, class", "all stuff", "stuff", recall / 2, 0.1, 1))
        rows.append(row(SUBJECT, name, "structure or surface", "", "", 10 * recall, 1.0))
    rows.append(row(SUBJECT, "brain less shuffled brain", "recall, class", "all things", "thing", 0.3, 0.1, 2))
    for category, low in (("dog", 0.1), ("cat", -0.1)):
        rows.append(row(SUBJECT, "brain less shuffled brain", "recall, class", category, "thing", 0.3, 0.3 - low))
    for name in foundagain.STEPS:
        rows += [row(CHANGED, name, metric, "", "", 0.5, 0.1) for metric in (COSINE, TWO_WAY)]
        if name not in ("brain", "true embedding", "shuffled brain"):
            rows.append(row(CHANGED, name, "structure or surface", "", "", 20, 1.0))
    rows += [row(DRAWS, name, metric, "", "", value, 0.01) for name in ("brain", "true embedding")
             for metric, value in ((SAME_Z, 0.9), (SAME_OTHER, 0.2))]
    rows.append(row(HELD_OUT, "true embedding", "recall, class", "all things", "thing", 0.99, 0.0))
    monkeypatch.setattr(foundagain, "recorded", lambda run: (pd.DataFrame(rows), "current"))
    return SimpleNamespace(memo={}, origin="twin")


def test_means_have_a_row_for_each_source_and_a_column_for_each_metric_of_a_kind(run):
    table = foundagain.found_means(run, SUBJECT)
    assert list(table.columns) == ["name", *(f"things: {metric}" for metric in foundagain.METRICS), "stuff: recall, class",
                                   "structure or surface"]
    assert table.name[0] == "brain" and table["stuff: recall, class"][0] == "0.30 (0.20 to 0.40)" and len(table) == 6
    assert table.set_index("name")["structure or surface"]["brain less shuffled brain"] == NONE


def test_classes_can_be_drawn_and_leave_the_means_out(run):
    classes = foundagain.found_classes(run, SUBJECT)
    assert set(classes.category) == {"dog", "cat", "grass"} and len(classes) == 15
    drawn = plots.classes_by_kind(classes, by="brain", origin="twin", xlabel="found again", title="Again", chance=None)
    assert [ax.get_title(loc="left") for ax in drawn.axes] == ["2 things (pictures with it)", "1 stuff (pictures with it)"]


def test_a_class_is_above_the_floor_where_the_difference_is_above_0(run):
    table = foundagain.above(run, SUBJECT, "brain", "shuffled brain").set_index("category")
    assert table.clear.to_dict() == {"dog": True, "cat": False}
    assert (table.value["dog"], table.floor["dog"], table.difference["dog"]) == (0.6, 0.3, 0.3)


def test_changed_conditions_stand_in_order_with_what_is_known_of_their_pictures(run):
    table, values = foundagain.fog(run), foundagain.fog_entries(run)
    assert list(table.condition) == list(foundagain.STEPS) and COSINE in table and TWO_WAY in table
    assert table.set_index("condition")["things: recall, class"]["brain"] == "0.60 (0.50 to 0.70)"
    assert values["fog_between_natural"]["ours"] == 20 and values["fog_brain_natural"]["ours"] == 6
    assert values["fog_ceiling_two_way"]["low"] == 0.4


def test_entries_say_what_each_source_finds_and_for_how_many_classes_the_brain_is_above(run):
    values = foundagain.trial_entries(run)
    assert values["found_brain"]["ours"] == 0.6 and values["found_retrieved_brain"]["ours"] == 0.5
    assert values["found_retrieved"]["ours"] == 0.8 and values["found_ceiling_stuff"]["ours"] == 0.45
    assert values["natural_brain"]["ours"] == 6 and values["natural_brain"]["low"] == 5
    assert [values[f"found_things_{what}"]["ours"] for what in ("above", "classes")] == [1, 2]
    assert values["found_stuff_above"]["n"] == 0
    assert set(foundagain.held_out_entries(run)) == {"found_generated"}


def test_entries_of_two_draws_have_the_other_picture_beside_them(run):
    values = foundagain.draw_entries(run)
    assert values["same_z_brain"]["ours"] == 0.9 and values["same_other_ceiling"]["ours"] == 0.2 and len(values) == 4


def test_what_no_brain_and_no_finetuning_stands_behind_covers_shipped_networks_alone(run):
    covers = {key: value.get("covers") for key, value in (foundagain.trial_entries(run) | foundagain.held_out_entries(run)).items()}
    assert covers["found_retrieved"] == covers["found_generated"] == Covers.PICTURES_ONE_TRAINING
    assert covers["found_brain"] == covers["found_ceiling"] == covers["found_retrieved_brain"] == Covers.PICTURES_ONE_FIT


def test_without_a_record_of_this_subject_all_is_left_out(monkeypatch):
    monkeypatch.setattr(foundagain, "recorded", lambda run: (pd.DataFrame(), "of another subject"))
    run = SimpleNamespace(memo={})
    for left_out in (foundagain.found_means(run, SUBJECT), foundagain.found_classes(run, SUBJECT),
                     foundagain.above(run, SUBJECT, "brain", "shuffled brain"), foundagain.fog(run)):
        assert isinstance(left_out, LeftOut) and left_out == "of another subject"
    assert foundagain.trial_entries(run) == foundagain.held_out_entries(run) == foundagain.fog_entries(run) == foundagain.draw_entries(run) == {}
