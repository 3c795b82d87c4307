"""Failures: each is counted by hand on small scenes; planted ones are found; the record reads back and is of this run."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from mindreader import evaluation, uncertainty
from mindreader.core import Store
from mindreader.core.weights import is_part
from mindreader.evaluation import CLASSES, N_THINGS
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.records import Embeddings
from mindreader.studies import failures
from mindreader.studies.failures import measures, record, walks
from mindreader.studies.failures.measures import Held, Seen
from mindreader.studies.grids import CURRENT
from mindreader.studies.sources import reconstructions, sources

CAR, DOG, CAT, GRASS, ROAD, SEA = (CLASSES.index(name) for name in ("car", "dog", "cat", "grass", "road", "sea"))
RED, BLUE, GREEN = range(3)


def held(*pictures):
    """Pictures as (ground, {thing: (number, colour, column)}), the column 0.5 where it is left out."""
    n = len(pictures)
    found = Held(np.zeros((n, len(CLASSES)), bool), np.array([ground for ground, _ in pictures]), np.zeros((n, N_THINGS), int),
                 np.full((n, N_THINGS), np.nan), np.full((n, N_THINGS), -1))
    for row, (ground, things) in enumerate(pictures):
        found.present[row, ground] = True
        for thing, (number, colour, *column) in things.items():
            found.present[row, thing], found.pieces[row, thing], found.colours[row, thing] = True, number, colour
            found.columns[row, thing] = column[0] if column else 0.5
    return found


def seen(*pictures):
    scene = held(*pictures)
    return Seen(scene, np.arange(len(pictures)), measures.lifts(scene.present))


def test_a_copy_has_no_failure():
    true = seen((GRASS, {CAR: (1, RED), DOG: (2, BLUE)}), (SEA, {DOG: (1, RED)}))
    for name, measure in measures.FAILURES.items():
        assert not measure(true, true.held).happens.any(), name


def test_each_failure_is_counted_where_it_could_happen():
    true = seen((GRASS, {CAR: (1, RED), DOG: (2, BLUE)}), (SEA, {DOG: (1, RED)}))
    read = held((ROAD, {CAR: (2, RED), DOG: (2, GREEN)}), (SEA, {CAT: (1, RED)}))
    counted = {name: measure(true, read) for name, measure in measures.FAILURES.items()}
    for name, happens, could in ((measures.GROUND, [1, 0], [1, 1]), (measures.NUMBER, [1, 0], [2, 0]), (measures.COLOUR, [1, 0], [2, 0]),
                                 (measures.ADDED, [0, 1], [1, 1])):
        assert counted[name].happens.tolist() == happens and counted[name].could.tolist() == could, name


def test_a_ground_that_covers_less_is_not_gone():
    true, read = seen((GRASS, {})), held((SEA, {}))
    assert measures.lost_ground(true, read).happens.tolist() == [1]
    read.present[0, GRASS] = True
    assert measures.lost_ground(true, read).happens.tolist() == [0]
    assert measures.lost_ground(seen((evaluation.NO_GROUND, {})), read).could.tolist() == [0]


def test_left_and_right_are_exchanged_where_both_things_are_found_again_clearly_apart():
    true = seen(*[(GRASS, {CAR: (1, RED, 0.2), DOG: (1, RED, 0.8), CAT: (1, RED, 0.75)})] * 4, (GRASS, {CAR: (2, RED, 0.2), DOG: (1, RED, 0.8)}))
    read = held((GRASS, {CAR: (1, RED, 0.3), DOG: (1, RED, 0.4)}),                              # kept
                (GRASS, {CAR: (1, RED, 0.9), DOG: (1, RED, 0.1), CAT: (1, RED, 0.5)}),          # both exchanged
                (GRASS, {DOG: (1, RED, 0.1), CAT: (1, RED, 0.9)}),                              # were not apart
                (GRASS, {CAR: (1, RED, 0.3)}),                                                  # one alone
                (GRASS, {CAR: (1, RED, 0.9), DOG: (1, RED, 0.1)}))                              # two cars have no side
    found = measures.other_side(true, read)
    assert found.happens.tolist() == [0, 2, 0, 0, 0] and found.could.tolist() == [1, 2, 0, 0, 0]


def test_a_colour_of_another_thing_is_borrowed_and_any_other_is_not():
    """Four pictures of a red car and a thing in another colour, blue in half of them: chance is what others have, 2 of 3 and 1 of 3."""
    others = [BLUE, BLUE, GREEN, GREEN]
    true = seen(*((GRASS, {CAR: (1, RED), DOG: (1, colour)}) for colour in others))
    read = held(*((GRASS, {CAR: (1, BLUE), DOG: (1, colour)}) for colour in others))
    found = measures.borrowed_colour(true, read)
    assert np.allclose(found.happens, [1 - 1 / 3, 1 - 1 / 3, 0 - 2 / 3, 0 - 2 / 3]) and found.could.tolist() == [1, 1, 1, 1]


def test_a_picture_without_another_colour_lends_none():
    true = seen((GRASS, {CAR: (1, RED)}), (GRASS, {CAR: (1, RED), DOG: (1, RED)}), (GRASS, {CAR: (1, RED), DOG: (1, BLUE)}))
    read = held(*((GRASS, {CAR: (1, BLUE)}) for _ in range(3)))
    assert measures.borrowed_colour(true, read).could.sum() == 0


def test_colours_given_at_random_are_borrowed_no_more_than_by_chance(rng):
    """And those that are planted are: half of the wrong colours are taken from the other thing."""
    own, other = rng.integers(0, 4, (2, 3000))
    true = seen(*((GRASS, {CAR: (1, a), DOG: (1, b)}) for a, b in zip(own, other)))
    painted = rng.integers(0, 4, 3000)
    blind = measures.borrowed_colour(true, held(*((GRASS, {CAR: (1, c)}) for c in painted)))
    assert abs(blind.happens.sum() / blind.could.sum()) < 0.04
    lent = measures.borrowed_colour(true, held(*((GRASS, {CAR: (1, b if row % 2 else c)}) for row, (b, c) in enumerate(zip(other, painted)))))
    assert lent.happens.sum() / lent.could.sum() > 0.25


def test_lifts_are_logarithms_of_counts_over_those_by_chance():
    present = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], bool)
    found = measures.lifts(present)
    assert np.isclose(found[0, 1], np.log((2 + 1) / (3 * 2 / 4 + 1))) and np.isclose(found[1, 2], np.log(1 / (2 * 2 / 4 + 1)))
    assert np.array_equal(found, found.T) and not found.diagonal().any()


def test_what_usually_stands_there_fits_and_what_never_does_not():
    """Dogs stand on grass and cats on the road; each is then added on both grounds."""
    true = seen(*[(GRASS, {DOG: (1, RED)})] * 20, *[(ROAD, {CAT: (1, RED)})] * 20, (GRASS, {}), (ROAD, {}))
    nothing = [(GRASS, {})] * 20 + [(ROAD, {})] * 20
    rows = {thing: measures.fitting(true, held(*nothing, (GRASS, {thing: (1, RED)}), (ROAD, {thing: (1, RED)}))) for thing in (DOG, CAT)}
    assert rows[DOG].could.tolist() == [0] * 40 + [1, 1]
    assert rows[DOG].happens[-2] > 0 > rows[DOG].happens[-1] and rows[CAT].happens[-1] > 0 > rows[CAT].happens[-2]


def test_a_close_up_is_one_large_kind_of_thing():
    maps = np.full((4, 32, 32), GRASS, np.uint8)
    maps[0, :16, :16], maps[1, :8, :8], maps[2, :16, :16] = CAR, CAR, CAR
    maps[2, 20:24, 20:24] = DOG
    maps[3, :16, :8], maps[3, :16, 20:28] = CAR, CAR
    assert record.close_ups(maps).tolist() == [True, False, False, True]


def test_the_difference_of_two_groups_is_a_mean_over_all_trials(rng):
    values, one = rng.standard_normal(50), rng.random(50) < 0.3
    share = record._apart(values, one)
    assert np.isclose((share.happens / share.could).mean(), values[one].mean() - values[~one].mean())
    assert not record._apart(values, np.ones(50, bool)).could.any()


def test_its_interval_is_that_of_two_samples_wherever_their_level_lies(rng):
    """Welch's, which knows nothing of contributions."""
    one = rng.random(400) < 0.2
    values = 50 + rng.standard_normal(400) * np.where(one, 2, 1) + one
    found = uncertainty.score_interval(record._score([record._apart(values, one)], np.arange(400)))
    welch = scipy.stats.ttest_ind(values[one], values[~one], equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high), abs=0.03)


def test_the_largest_step_is_a_sixth_where_all_are_even_and_all_of_it_where_one_is_taken(rng):
    ends = rng.standard_normal((2, 3, 5))
    even = [(1 - share) * ends[0] + share * ends[1] for share in np.linspace(0, 1, walks.STEPS + 1)]
    jump = [ends[0]] * 3 + [ends[1]] * (walks.STEPS - 2)
    run = SimpleNamespace(picture_features=lambda vectors: SimpleNamespace(vectors=vectors))
    assert np.allclose(walks.largest_step(run, even), 1 / walks.STEPS) and np.allclose(walks.largest_step(run, jump), 1)
    assert np.array_equal(walks.largest_step(run, [ends[0]] * 3), np.zeros(3))      # nowhere


def test_a_walk_leads_from_one_unit_embedding_to_the_other(rng):
    start, end = ({"image": Embeddings(vectors.astype(np.float32), np.arange(4), np.arange(4), "image", "fmri")}
                  for vectors in rng.standard_normal((2, 4, 6)))
    for share, side in ((0.0, start), (1.0, end)):
        assert np.allclose(walks.between(start, end, share)["image"].vectors, side["image"].unit().vectors, atol=1e-6)
    half = walks.between(start, end, 0.5)["image"]
    to_ends = [(half.vectors * side["image"].unit().vectors).sum(1) for side in (start, end)]
    assert np.allclose(*to_ends, atol=1e-6) and np.allclose(np.linalg.norm(half.vectors, axis=1), 1, atol=1e-6)


def test_a_walk_begins_at_the_first_row_of_each_picture_and_ends_at_another_one_s(rng):
    ids = np.array([7, 3, 7, 5, 3])
    given = {"image": Embeddings(rng.standard_normal((5, 6)).astype(np.float32), ids, np.arange(5), "image", "fmri")}
    start, end, rows = walks.ends(given, 0)
    assert rows.tolist() == [0, 1, 3] and start["image"].image_ids.tolist() == [7, 3, 5]
    apart = np.abs(start["image"].vectors[:, None] - end["image"].vectors).sum(2)
    assert not apart.min(0).any() and apart.diagonal().all()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if not is_part("segmenter"):
        pytest.skip("the segmenter is not shipped: python -m mindreader.pretraining segmenter")
    run, root = Pipeline(experiment("smoke", {"evaluate.n_bootstrap": 8}), Store()), tmp_path_factory.mktemp("figures")
    failures.write_record(run, 2, root=root)
    return run, root


def test_the_record_reads_back_and_says_whether_it_is_of_this_run(made):
    run, root = made
    table, source = failures.recorded(run, root, n_fits=2)
    assert source == CURRENT and set(table.n_seeds) == {2} and table.covers.str.endswith("x 2 fits").all()
    assert failures.recorded(run, root)[1] != CURRENT       # of three fits
    assert not table.duplicated(["name", "metric"]).any()


def test_the_picture_itself_has_next_to_no_failure_and_a_shuffled_brain_most(made):
    values = failures.recorded(*made, n_fits=2)[0].set_index(["name", "metric"]).value
    for metric in (failures.GROUND, failures.ADDED):
        assert values[failures.ITSELF, metric] < values[failures.SHUFFLED, metric], metric


def test_walks_between_trials_are_measured_once_a_picture(made):
    table = failures.recorded(*made, n_fits=2)[0]
    jumps = table[table.metric == failures.JUMP].set_index("name")
    assert (jumps.n[[failures.BRAIN, failures.TRUE]] == table.n_pictures.iloc[0]).all()
    assert ((1 / failures.STEPS <= jumps.value[[failures.BRAIN, failures.TRUE]]) & (jumps.value[[failures.BRAIN, failures.TRUE]] < 1)).all()


def test_differences_are_paired_and_turn_with_their_sides(made):
    table = failures.recorded(*made, n_fits=2)[0].set_index(["name", "metric"])
    brain, itself = (table.loc[(name, failures.GROUND)] for name in (failures.BRAIN, failures.ITSELF))
    apart = table.loc[(failures.BRAIN + failures.LESS + failures.ITSELF, failures.GROUND)]
    assert apart.value == pytest.approx(brain.value - itself.value, abs=1e-4)
    one, other = failures.HEADS
    for metric in record.ASPECTS.values():
        if (one, metric) in table.index:
            there, back = (table.loc[(a + failures.LESS + b, metric)] for a, b in ((one, other), (other, one)))
            assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=1e-4)


def test_the_discriminator_judges_pictures_with_their_conditions(made):
    run, _ = made
    pictures, given = reconstructions(run, "both"), sources(run, "both")
    trained = run.generator("both")
    own, other = (record.logits(trained, pictures, given[name]) for name in (record.BRAIN, record.SHUFFLED))
    assert own.shape == (len(pictures.images),) and np.isfinite(own).all() and not np.array_equal(own, other)


def test_the_committed_record_has_every_failure_by_source():
    table = pd.read_csv(record.core.FIGURES / "tables" / "failures.csv")
    for source in (record.BRAIN, record.TRUE, record.SHUFFLED, record.ITSELF):
        assert set(measures.FAILURES) - {measures.BORROWED, measures.FITTING} <= set(table.metric[table.name == source]), source
