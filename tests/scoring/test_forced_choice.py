"""forced_choice: all rivals counted as by hand, drawn ones agree, and rivals of one category."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from planted_embeddings import GUESS, TRUTH, near, embeddings

from mindreader.scoring import controls, forced_choice
from mindreader.records import Embeddings, Stimuli


@pytest.mark.parametrize("n_choices", [2, 3, 5])
def test_n_way_is_the_share_of_all_rival_sets_that_lose(n_choices):
    truth = embeddings(8, source="clip")
    guess = near(truth, 2)
    unit_guess, unit_truth = guess.unit().vectors.astype(float), truth.unit()
    expected = []
    for vector, image in zip(unit_guess, guess.image_ids):
        own = unit_truth.at([image])[0] @ vector
        others = unit_truth.vectors[unit_truth.image_ids != image] @ vector
        expected.append(np.mean([max(rivals) < own for rivals in combinations(others, n_choices - 1)]))
    assert np.allclose(forced_choice.n_way(guess, truth, n_choices=n_choices), expected)


def test_the_drawn_version_agrees_with_the_counted_one():
    exact = forced_choice.n_way(GUESS, TRUTH, n_choices=5).mean()
    drawn = forced_choice.n_way_sampled(GUESS, TRUTH, n_choices=5, n_draws=400)
    assert abs(drawn.mean() - exact) < 4 * drawn.std() / np.sqrt(400)


def test_rivals_are_the_pictures_of_the_guesses_and_never_the_same_picture():
    few = GUESS.take(GUESS.image_ids < 70)
    alone = forced_choice.n_way(few, TRUTH.take(TRUTH.image_ids < 70), n_choices=2)
    assert np.allclose(forced_choice.n_way(few, TRUTH, n_choices=2), alone)


def test_n_way_joins_by_id_and_ties_lose():
    flat = Embeddings(np.ones_like(GUESS.vectors), GUESS.image_ids, GUESS.keys, "image", "fmri")
    same = Embeddings(np.ones_like(TRUTH.vectors), TRUTH.image_ids, TRUTH.keys, "image", "clip")
    assert (forced_choice.n_way(flat, same, n_choices=2) == 0).all()
    with pytest.raises(ValueError, match="n_choices=41 with 40 pictures"):
        forced_choice.n_way(GUESS, TRUTH, n_choices=41)


# ── rivals of the same category ──
def stimuli(marked, n):
    table = pd.DataFrame(marked, columns=["image_id", "category", "kind"])
    captions = pd.DataFrame({"image_id": [], "caption_id": [], "caption": []})
    return Stimuli(np.arange(n), np.zeros((n, 2, 2, 3), np.uint8), captions, table)


def placed(vectors, ids, keys=None):
    keys = np.zeros(len(ids), int) if keys is None else keys
    return Embeddings(np.asarray(vectors, np.float32), np.asarray(ids), np.asarray(keys), "image", "fmri")


def test_the_rarest_thing_is_the_kind_and_stuff_only_where_there_is_none():
    seen = stimuli([(0, "person", "thing"), (0, "horse", "thing"), (1, "person", "thing"), (2, "sky", "stuff"),
                    (3, "grass", "stuff"), (3, "person", "thing"), (4, "cat", "thing"), (4, "ape", "thing")], 6)
    found = forced_choice.rarest_categories(seen, np.array([0, 1, 2, 3]))
    assert found.to_dict() == {0: "horse", 1: "person", 2: "sky", 3: "person", 4: "ape", 5: "nothing"}


def test_rarity_is_counted_on_the_training_side_only():
    seen = stimuli([(0, "dog", "thing"), (1, "dog", "thing"), (2, "cat", "thing"), (3, "cat", "thing"), (3, "dog", "thing")], 4)
    assert forced_choice.rarest_categories(seen, np.array([0, 1, 2]))[3] == "cat"
    assert forced_choice.rarest_categories(seen, np.array([1, 2, 3]))[3] == "cat"  # two each: the alphabet
    assert forced_choice.rarest_categories(seen, np.array([0, 2, 3]))[3] == "cat"
    assert forced_choice.rarest_categories(seen, np.array([2, 0]))[3] == "cat"
    assert forced_choice.rarest_categories(seen, np.array([2]))[3] == "dog"


def test_a_thing_and_a_stuff_class_of_one_name_are_two_classes():
    seen = stimuli([(0, "light", "stuff"), (1, "light", "stuff"), (2, "light", "thing"), (2, "dog", "thing"), (3, "dog", "thing")], 4)
    assert forced_choice.rarest_categories(seen, np.arange(4))[2] == "light"


def test_rivals_share_the_kind():
    category = pd.Series({0: "a", 1: "a", 2: "b", 3: "b", 4: "c"})
    truth = placed(np.eye(5), range(5))
    guess = placed([[1, 0.5, 2, 0, 0], [0.5, 0.1, 0, 0, 0], [0, 0, 0, 1, 0], [2, 0, 0, 1, 0], [0, 0, 0, 0, 1]], range(5))
    found = forced_choice.n_way_within(guess, truth, category)
    assert found[:4].tolist() == [1, 0, 0, 1] and np.isnan(found[4])
    assert forced_choice.n_way(guess, truth, n_choices=2)[0] == 0.75  # loses to picture 2, which is of another category


def test_one_kind_for_all_is_plain_identification(rng):
    guess, truth = placed(rng.standard_normal((20, 4)), range(20)), placed(rng.standard_normal((20, 4)), range(20))
    category = pd.Series("same", index=range(20))
    for ways in (2, 5):
        plain = forced_choice.n_way(guess, truth, n_choices=ways)
        assert forced_choice.n_way_within(guess, truth, category, n_choices=ways) == pytest.approx(plain)


def test_knowing_the_kind_wins_among_all_and_nothing_within(rng):
    ids, category = np.arange(200), pd.Series(np.arange(200) % 8)
    truth = placed(rng.standard_normal((8, 16))[category] + 0.5 * rng.standard_normal((200, 16)), ids)
    annotations = forced_choice.categories_as_annotations(category)
    oracle = controls.category_embeddings(truth.take(slice(0, 100)), truth.take(slice(100, 200)), annotations)
    assert forced_choice.n_way(oracle, truth, n_choices=2).mean() > 0.9
    assert abs(forced_choice.n_way_within(oracle, truth, category).mean() - 0.5) < 0.05
