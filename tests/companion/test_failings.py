"""Failures, for the page: sources side by side in the page's order, shares for the figure, every number for the record."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mindreader.companion import failings, plots
from mindreader.companion.chapter import start
from mindreader.companion.rendering import LeftOut
from mindreader.core import Covers, NONE
from mindreader.core.weights import is_part
from mindreader.evaluation import grounds, load_segmenter, present
from mindreader.studies.failures import BORROWED, BRAIN, GROUND, HEADS, ITSELF, LESS, SHUFFLED, SIDE, TRUE
from mindreader.studies.sources import brain_embeddings, reconstructions


def row(name, metric, value, n_seeds=3):
    return {"name": name, "metric": metric, "value": value, "low": value - 0.1, "high": value + 0.1, "n": 40, "chance": np.nan, "seed": 0,
            "origin": "twin", "n_seeds": n_seeds}

LIBRARY = "nearest of 9 real pictures"


@pytest.fixture
def run(monkeypatch):
    rows = [row(name, metric, value) for name, value in ((BRAIN, 0.6), (TRUE, 0.3), (SHUFFLED, 0.9), (ITSELF, 0.1), (LIBRARY, 0.4),
                                                                         (f"{LIBRARY}, from the brain", 0.7)) for metric in (GROUND, SIDE)]
    rows += [row(BRAIN, BORROWED, 0.2), row(BRAIN + LESS + ITSELF, GROUND, 0.5)]
    rows += [row(head, "class found again", value) for head, value in zip(HEADS, (0.4, 0.5))]
    rows += [row(LESS.join(pair), "class found again", value) for pair, value in ((HEADS, -0.1), (HEADS[::-1], 0.1))]
    monkeypatch.setattr(failings, "recorded", lambda run: (pd.DataFrame(rows), "current"))
    return SimpleNamespace(memo={}, origin="twin")


def test_sources_stand_side_by_side_in_the_order_of_the_page(run):
    table = failings.failures(run).set_index("measure")
    assert list(table.columns) == [ITSELF, TRUE, LIBRARY, BRAIN, f"{LIBRARY}, from the brain", SHUFFLED]
    assert list(table.index) == [GROUND, SIDE, BORROWED] and table[BRAIN][GROUND] == "0.60 (0.50 to 0.70)" and table[ITSELF][BORROWED] == NONE


def test_differences_of_the_brain_stand_apart(run):
    table = failings.differences(run).set_index("measure")
    assert list(table.index) == [GROUND] and table[BRAIN + LESS + ITSELF][GROUND] == "0.50 (0.40 to 0.60)"


def test_heads_have_a_row_for_each_aspect(run):
    table = failings.heads(run)
    assert list(table.columns) == ["things", *HEADS, LESS.join(HEADS)] and table.iloc[0, 3] == "-0.10 (-0.20 to 0.00)"


def test_the_figure_has_shares_alone_in_order(run):
    rates = failings.rates(run)
    assert list(rates.name) == [GROUND] * 5 + [SIDE] * 5 and list(rates.source[:5]) == [ITSELF, TRUE, LIBRARY, BRAIN, SHUFFLED]
    drawn = plots.dots(rates, hue="source", origin="twin", xlabel="share", title="Failures")
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == [GROUND, SIDE]


def test_every_number_of_the_record_has_an_entry_that_says_what_it_covers(run):
    entries = failings.failure_entries(run)
    assert len(entries) == 20 and all(each["covers"] == Covers.PICTURES_AND_FITS for name, each in entries.items() if name[:4] != "walk")
    assert entries["walk_even"]["ours"] * entries["walk_steps"]["ours"] == 1
    assert entries["fails_ground_brain_less_itself"]["ours"] == 0.5 and entries["fails_head_class_cap_less_img"]["ours"] == 0.1


def test_another_subject_has_a_sentence_in_the_place_of_each(monkeypatch):
    monkeypatch.setattr(failings, "recorded", lambda run: (pd.DataFrame(), "Left out: another subject."))
    run = SimpleNamespace(memo={})
    assert all(isinstance(made(run), LeftOut) for made in (failings.failures, failings.differences, failings.heads, failings.rates))
    assert failings.failure_entries(run) == {}


def test_a_walk_begins_at_a_trial_and_ends_at_one_of_another_picture():
    run = start("03_gan", "smoke")
    columns = failings.walk_columns(run, "both", n=3)
    assert list(columns) == ["seen", *(f"{share:.0%}" for share in np.linspace(0, 1, failings.STEPS + 1)), "seen, other trial"]
    assert {len(pictures) for pictures in columns.values()} == {3}
    made = reconstructions(run, "both").images[:, 0]
    rows = brain_embeddings(run, "both")["image"].first_rows(3)
    assert np.abs(columns["0%"].astype(int) - made[rows]).mean() < 40      # another z, the same condition
    assert not any(np.array_equal(one, other) for one, other in zip(columns["seen"], columns["seen, other trial"]))


@pytest.mark.skipif(not is_part("segmenter"), reason="the segmenter is not shipped: python -m mindreader.pretraining segmenter")
def test_examples_are_first_trials_on_which_the_failure_happens():
    run = start("03_gan", "smoke")
    columns, labels = failings.examples(run, "both", n=2)
    assert set(labels) <= set(failings.SHOWN) and {"main ground gone", "things added to a picture"} <= set(labels)
    assert list(columns) == ["seen", "from the brain", "seen, 2", "from the brain, 2"]
    assert all(len(pictures) == len(labels) for pictures in columns.values())
    shown = np.concatenate([columns["seen"], columns["seen, 2"]]).reshape(2 * len(labels), -1)
    assert len(np.unique(shown, axis=0)) == len(shown)
    row = labels.index("main ground gone")
    seen, made = (load_segmenter().read(columns[name][[row]]).classes for name in ("seen", "from the brain"))
    assert present(seen)[0, grounds(seen)[0]] and not present(made)[0, grounds(seen)[0]]
