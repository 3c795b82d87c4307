"""Chapter 03's painter of another world: what it is told, and whether its watermark is found where it is and only there."""

import numpy as np
import pandas as pd
import pytest

from mindreader.world import rendering
from mindreader.companion.chapter import start
from mindreader.companion.ch03_gan import out_of_domain as foreign, pictures
from mindreader.companion.ch07_pretrained.held_out import out_of_domain
from mindreader.world.sampling import draw_scene


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("03_gan", "smoke")


@pytest.fixture(scope="module")
def table(run):
    return foreign.foreign_identification(run, "both")


@pytest.fixture(scope="module")
def marked(run):
    return foreign.foreign_marks(run, "both")


def test_the_watermark_is_found_in_every_picture_at_its_place_and_nowhere_else():
    there = np.stack([rendering.render(draw_scene(0, "watermark", i)) for i in range(24)])
    assert (foreign.watermark_match(there) > 0.1).all()
    assert abs(foreign.watermark_match(np.roll(there, (5, 9), (1, 2))).mean()) < 0.1
    assert foreign.watermark_match(there[:, :, ::-1]) == pytest.approx(-foreign.watermark_match(there), abs=1e-3)


def test_a_picture_without_a_watermark_matches_less(run):
    there = foreign.watermark_match(out_of_domain(run).pictures)
    here = foreign.watermark_match(run.subject.stimuli.images[:len(there)])
    assert np.median(there) > np.quantile(here, 0.95)


def test_the_match_does_not_depend_on_colour_or_contrast_and_turns_around_in_a_mirror():
    mark = rendering.watermark().reshape(64, 4, 64, 4).mean((1, 3))
    picture = np.repeat((40 + 200 * mark)[None, ..., None], 3, -1)
    match = foreign.watermark_match(picture)
    assert match > 0.5 and foreign.watermark_match(picture * 0.5 + 60) == pytest.approx(match, abs=1e-3)
    assert foreign.watermark_match(picture[:, :, ::-1]) == pytest.approx(-match, abs=1e-3)


def test_both_painters_are_asked_about_the_same_trials(run, table):
    assert set(table.painter) == {foreign.FOREIGN, foreign.OWN} and table.n.nunique() == 1
    value = table.set_index(["painter", "name"]).value
    for painter in (foreign.FOREIGN, foreign.OWN):
        assert value[painter, "true embedding"] > value[painter, "shuffled brain"] + 0.1


def test_its_paintings_are_taken_for_the_other_world_and_what_was_seen_is_not(marked):
    taken = marked[marked.metric == foreign.TAKEN].set_index("name")
    assert taken.value["real, another world"] > 0.8 and taken.value["seen"] < 0.2
    assert taken.low[f"{foreign.FOREIGN}'s painter, true embedding"] > taken.high["seen"]


def test_only_the_other_world_has_the_watermark(marked):
    match = marked[marked.metric == foreign.MARK].set_index("name")
    assert match.low["real, another world"] > 0.3 and abs(match.value["seen"]) < 0.02
    assert (match.chance == 0).all()


def test_columns_are_the_first_trials_of_the_chapter(run):
    columns = foreign.foreign_columns(run, "both", n=3)
    assert {images.shape for images in columns.values()} == {(3, 64, 64, 3)}
    assert np.array_equal(columns["seen"], pictures.sample_columns(run, "both", n=3)["seen"])


def test_every_entry_is_a_number(table, marked):
    entries = foreign.foreign_entries(table, marked)
    assert {"foreign_two_way", "foreign_ceiling", "foreign_shuffled", "native_two_way", "watermark_foreign",
            "watermark_seen", "taken_foreign", "taken_ceiling"} <= set(entries)
    assert all(np.isfinite(value["ours"]) for value in entries.values())


def test_a_real_subject_is_left_out(run, monkeypatch):
    monkeypatch.setattr(type(run), "origin", "nsd")
    assert foreign.foreign_columns(run, "both") == {} and foreign.foreign_identification(run, "both").empty
    assert foreign.foreign_marks(run, "both").empty and foreign.foreign_entries(pd.DataFrame(), pd.DataFrame()) == {}
