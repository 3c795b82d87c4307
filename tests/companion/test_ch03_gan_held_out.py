"""Chapter 03's held-out categories: an entry for each split, source and kind of rivals, and both splits side by side."""

import itertools

import pandas as pd
import pytest

from mindreader.companion.ch03_gan.held_out import held_out_entries, held_out_table
from mindreader.studies import held_out as record
from mindreader.studies.ledger import with_interval


@pytest.fixture
def table():
    rows = itertools.product((record.USUAL, record.HELD_OUT), record.SOURCES, (record.TWO, record.WITHIN, record.TRAINED))
    return pd.DataFrame([{"split": split, "name": name, "metric": metric, "value": (i + 1) / 100, "low": i / 100,
                          "high": (i + 2) / 100, "n": 10, "chance": 0.5, "nearest": 0.8, "known_categories": 0.9}
                         for i, (split, name, metric) in enumerate(rows)])


def test_entries_name_split_rivals_and_source(table):
    entries = held_out_entries(table)
    assert {"usual", "held_out", "held_out_ceiling", "held_out_centroid", "held_out_nearest", "held_out_training",
            "usual_training_nearest", "usual_cosine", "held_out_known"} <= set(entries)
    assert len(entries) == len(table) + 4 and held_out_entries(pd.DataFrame()) == {}


def test_the_page_has_a_row_for_each_source_and_both_splits_side_by_side(table):
    wide = held_out_table(table)
    assert list(wide.name) == list(record.SOURCES) and held_out_table(table[:0]).empty
    for split in (record.USUAL, record.HELD_OUT):
        cell = wide.set_index("name").loc["brain", f"{record.TWO}, {split}"]
        line = table[(table.split == split) & (table.name == "brain") & (table.metric == record.TWO)].iloc[0]
        assert cell == with_interval(line.value, line.low, line.high)
