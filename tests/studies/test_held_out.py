"""Held-out categories: what both splits share and what is trained anew, and a decoder that only recalls is found out."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mindreader.companion.chapter import start
from mindreader.records import Embeddings, LayoutError
from mindreader.studies import held_out


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("03_gan", "smoke")


@pytest.fixture(scope="module")
def table(run):
    return held_out.held_out_scores(run, "both")


def test_only_the_split_differs(run):
    usual, other = held_out.split_runs(run).values()
    assert usual is run and other.experiment.data.split == "clusters"
    for field in ("mapping", "gan", "twin", "seed"):
        assert getattr(other.experiment, field) == getattr(run.experiment, field)
    assert np.array_equal(other.subject.stimuli.ids, run.subject.stimuli.ids)
    assert not np.array_equal(np.sort(other.split.validation), np.sort(run.split.validation))


def test_pictures_that_hold_the_same_things_are_on_one_side(run):
    other = held_out.split_runs(run)[held_out.HELD_OUT]
    held = other.subject.stimuli.annotations.groupby("image_id").category.apply(frozenset)
    assert not set(held.reindex(other.split.train).dropna()) & set(held.reindex(other.split.validation).dropna())


def test_held_out_categories_are_farther_from_training(table):
    nearest = table.groupby("split").nearest.first()
    assert nearest[held_out.HELD_OUT] < nearest[held_out.USUAL]


def test_all_sources_are_scored_under_both_splits(table):
    two = table[table.metric == held_out.TWO]
    assert set(zip(two.split, two.name)) == {(s, n) for s in (held_out.USUAL, held_out.HELD_OUT) for n in held_out.SOURCES}
    value = two.set_index(["split", "name"]).value
    for split in (held_out.USUAL, held_out.HELD_OUT):
        assert value[split, "true embedding"] > value[split, "shuffled brain"] + 0.1


def test_a_recalled_training_picture_loses_against_training_pictures(rng):
    vectors = rng.standard_normal((40, 8)).astype(np.float32)
    truth = Embeddings(vectors, np.arange(40), np.zeros(40, int), "features", "pixels")
    run = SimpleNamespace(true_features=truth, split=SimpleNamespace(train=np.arange(30)))

    def guess(rows):
        return Embeddings(vectors[rows], np.arange(30, 40), np.zeros(10, int), "features", "fmri")

    assert (held_out._against_training(run, guess(np.arange(30, 40))) == 1).all()
    recalled = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    near = (recalled[30:] @ recalled[:30].T).argmax(1)
    beaten = held_out._against_training(run, guess(near))
    cosine = recalled[near] @ recalled[:30].T
    own = (recalled[near] * recalled[30:]).sum(1)
    assert beaten == pytest.approx((cosine < own[:, None]).mean(1)) and (beaten < 1).all()


def test_a_record_is_what_this_run_would_make_until_something_changes(run, table, tmp_path):
    path = held_out.write_record(run, tmp_path)
    assert path == tmp_path / "tables" / "held_out.csv"
    found, source = held_out.recorded(run, "record", tmp_path)
    assert "which is what this run would make" in source
    pd.testing.assert_frame_equal(found, table, check_dtype=False, rtol=1e-5)
    other = start("03_gan", "smoke", seed=1)
    assert "`make tables` makes it anew" in held_out.recorded(other, "record", tmp_path)[1]
    with pytest.raises(LayoutError, match="no held_out.csv in .*, expected the record of held-out categories; run `make tables`"):
        held_out.recorded(run, "record", tmp_path / "none")
    assert held_out.recorded(run, "none")[0].empty
