"""Chapter 03's out-of-domain generator: its conditions, and whether its watermark is found where it is and only there."""

import numpy as np
import pandas as pd
import pytest

from mindreader.core import Covers
from mindreader.world import rendering
from mindreader.companion.chapter import start
from mindreader.companion.ch03_gan import out_of_domain as ood, pictures
from mindreader.companion.ch07_pretrained.held_out import out_of_domain
from mindreader.world.sampling import draw_scene


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("03_gan", "smoke")


@pytest.fixture(scope="module")
def table(run):
    return ood.ood_identification(run, "both")


@pytest.fixture(scope="module")
def marked(run):
    return ood.ood_marks(run, "both")


def test_the_watermark_is_found_in_every_picture_at_its_place_and_nowhere_else():
    there = np.stack([rendering.render(draw_scene(0, "watermark", i)) for i in range(24)])
    assert (ood.watermark_match(there) > 0.1).all()
    assert abs(ood.watermark_match(np.roll(there, (5, 9), (1, 2))).mean()) < 0.1
    assert ood.watermark_match(there[:, :, ::-1]) == pytest.approx(-ood.watermark_match(there), abs=1e-3)


def test_a_picture_without_a_watermark_matches_less(run):
    there = ood.watermark_match(out_of_domain(run).pictures)
    here = ood.watermark_match(run.subject.stimuli.images[:len(there)])
    assert np.median(there) > np.quantile(here, 0.95)


def test_the_match_does_not_depend_on_colour_or_contrast_and_turns_around_in_a_mirror():
    mark = rendering.watermark().reshape(64, 4, 64, 4).mean((1, 3))
    picture = np.repeat((40 + 200 * mark)[None, ..., None], 3, -1)
    match = ood.watermark_match(picture)
    assert match > 0.5 and ood.watermark_match(picture * 0.5 + 60) == pytest.approx(match, abs=1e-3)
    assert ood.watermark_match(picture[:, :, ::-1]) == pytest.approx(-match, abs=1e-3)


def test_both_generators_are_scored_on_the_same_trials(run, table):
    assert set(table.generator) == {ood.OOD, ood.IN_DOMAIN} and table.n.nunique() == 1
    value = table.set_index(["generator", "name"]).value
    for generator in (ood.OOD, ood.IN_DOMAIN):
        assert value[generator, "true embedding"] > value[generator, "shuffled brain"] + 0.1


def test_its_pictures_are_taken_for_the_other_world_and_what_was_seen_is_not(marked):
    taken = marked[marked.metric == ood.TAKEN].set_index("name")
    assert taken.value["real, another world"] > 0.8 and taken.value["seen"] < 0.2
    assert taken.low[f"{ood.OOD}'s generator, true embedding"] > taken.high["seen"]


def test_only_the_other_world_has_the_watermark(marked):
    match = marked[marked.metric == ood.MARK].set_index("name")
    assert match.low["real, another world"] > 0.3 and abs(match.value["seen"]) < 0.02
    assert (match.chance == 0).all()


def test_columns_are_the_first_trials_of_the_chapter(run):
    columns = ood.ood_columns(run, "both", n=3)
    assert {images.shape for images in columns.values()} == {(3, 64, 64, 3)}
    assert np.array_equal(columns["seen"], pictures.sample_columns(run, "both", n=3)["seen"])


def test_every_entry_is_a_number(table, marked):
    entries = ood.ood_entries(table, marked)
    assert {"ood_two_way", "ood_ceiling", "ood_shuffled", "in_domain_two_way", "watermark_ood",
            "watermark_seen", "taken_ood", "taken_ceiling"} <= set(entries)
    assert all(np.isfinite(value["ours"]) for value in entries.values())


def test_an_interval_covers_a_fit_where_a_mapper_or_the_classifier_stands_behind_it(table, marked):
    covers = {key: value["covers"] for key, value in ood.ood_entries(table, marked).items()}
    assert covers["ood_two_way"] == covers["watermark_ood"] == covers["taken_seen"] == Covers.PICTURES_ONE_FIT
    assert covers["ood_ceiling"] == covers["watermark_ceiling"] == Covers.PICTURES_ONE_TRAINING
    assert covers["watermark_seen"] == covers["watermark_real"] == Covers.PICTURES_NO_FIT


def test_a_real_subject_is_left_out(run, monkeypatch):
    monkeypatch.setattr(type(run), "origin", "nsd")
    assert ood.ood_columns(run, "both") == {} and ood.ood_identification(run, "both").empty
    assert ood.ood_marks(run, "both").empty and ood.ood_entries(pd.DataFrame(), pd.DataFrame()) == {}
