"""Chapter 03's three repeats: the rule that picks them, one z for all, and a test of attention that can fail."""

import numpy as np
import pandas as pd
import pytest

from mindreader.twin import recovery
from mindreader.companion.chapter import start
from mindreader.records import Embeddings
from mindreader.companion.ch03_gan import pictures, repeats
from mindreader.companion.common import first_draw
from mindreader.world.scenes import THINGS


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("03_gan", "smoke")


@pytest.fixture(scope="module")
def shown(run):
    return repeats.by_repeat(run, "both", n=3)


@pytest.fixture(scope="module")
def table(run):
    return repeats.attention(run, "both")


def test_repeats_attended_what_was_planted_and_not_all_the_same(run, shown):
    planted = dict(zip(run.subject.trials.trial_ids.tolist(), run.plant.category[run.subject.trials.trial_ids].tolist()))
    for image, part in shown.groupby("image_id"):
        trials = np.sort(run.subject.trials.of([image]).trial_ids)
        names = [THINGS[planted[t]].name if planted[t] else repeats.NOTHING for t in trials.tolist()]
        assert part.attended.tolist() == names and part.repeat.tolist() == list(range(1, len(names) + 1))
        assert len({name for name in names if name != repeats.NOTHING}) > 1


def test_pictures_come_in_trial_order_and_those_shown_most_often_first(run, shown):
    counts = shown.groupby("image_id", sort=False).size()
    assert counts.is_monotonic_decreasing
    first = [run.subject.trials.of([image]).trial_ids.min() for image in counts.index[counts == counts.max()]]
    assert first == sorted(first)


def test_equal_embeddings_give_equal_pictures_for_all_repeats_of_a_picture(run, monkeypatch):
    """The z of a picture is the same on each repeat; else equal true embeddings would give different ones."""
    fed = {"true": pictures.sources(run, "both")["true embedding"]}
    monkeypatch.setattr(repeats, "sources", lambda *_: fed)
    trials = repeats._repeats(run, "both")
    trials = trials[trials.image_id.isin(trials.image_id.iloc[:2])]
    made = repeats._reconstruct(run, "both", "true", trials)
    for image in np.unique(made.image_ids):
        mine = first_draw(made)[made.image_ids == image]
        assert len(mine) > 1 and (mine == mine[0]).all()


def test_a_reconstruction_is_what_the_generator_makes_of_that_trial(run, shown):
    one = shown[shown["repeat"] == 2].iloc[0]
    trial = np.sort(run.subject.trials.of([one.image_id]).trial_ids)[1]
    brain = pictures.brain_embeddings(run, "both")
    assert trial in brain["image"].keys
    again = repeats._reconstructed(run, "both", "brain")
    row = np.flatnonzero((again.image_ids == one.image_id) & (again.keys == trial))
    assert len(row) == 1 and np.array_equal(first_draw(again)[row[0]], one.reconstructed)


def test_the_true_picture_is_exactly_at_chance(table):
    true = table.set_index("name").loc[repeats.TRUE]
    assert true.value == pytest.approx(true.chance) and true.p == 1


def test_every_row_has_its_interval_and_all_rows_are_about_the_same_trials(table):
    assert (table.low <= table.value).all() and (table.value <= table.high).all() and table.p.between(0, 1).all()
    assert table.n.nunique() == 1 and table.n_pictures.nunique() == 1
    assert set(table.name[table.control]) == set(repeats.CONTROLS)


def test_a_planted_difference_is_decoded_and_a_missing_one_is_not(run, rng):
    """Things are coded in embeddings; on a trial the attended thing is coded more strongly than the other."""
    things = repeats._things(run)
    code = rng.standard_normal((len(things), 40))
    shows = repeats._presence(run, run.split.train)[things].to_numpy()
    ids = run.split.train
    fitted = Embeddings((shows @ code + 0.3 * rng.standard_normal((len(ids), 40))).astype(np.float32), ids,
                        np.zeros_like(ids), "image", "clip")
    several = ids[shows.sum(1) > 1]
    trials = np.repeat(several, 3)
    present = repeats._presence(run, trials)[things].to_numpy()
    attended = np.array([rng.choice(np.flatnonzero(row)) for row in present])
    loud = present + np.where(np.arange(len(things)) == attended[:, None], 0.7, 0)
    evidence = repeats._evidence(run, fitted, {"loud": loud @ code, "even": present @ code})
    found = {name: recovery.decode_attended(e, present > 0, attended, trials, seed=0) for name, e in evidence.items()}
    assert found["loud"].p < 0.01 and found["loud"].hit.mean() > 0.8
    assert found["even"].p == 1 and found["even"].hit.mean() == pytest.approx(found["even"].chance)


def test_entries_have_values_and_no_verdict(table):
    entries = repeats.attention_entries(table)
    assert not [key for key, value in entries.items() if isinstance(value["ours"], str)]
    assert set(entries) >= {"attended_generated", "attended_generated_p", "attended_activity", "attended_image",
                            "attended_shuffled", "attended_chance"}
    assert repeats.attention_entries(pd.DataFrame()) == {}


def test_a_real_subject_gets_pictures_without_labels_and_no_table(run, monkeypatch):
    monkeypatch.setattr(type(run), "origin", "nsd")
    shown = repeats.by_repeat(run, "both", n=2)
    assert shown.image_id.nunique() == 2 and (shown.attended == "").all() and (shown["decoded"] == "").all()
    assert repeats.attention(run, "both").empty
