"""kinds: a picture's rarest thing, and rivals of the same kind, each held to a case done by hand."""

import numpy as np
import pandas as pd
import pytest

from mindreader import scores
from mindreader.controls import category_points
from mindreader.kinds import as_annotations, kinds, n_way_within
from mindreader.records import Embeddings, Stimuli


def stimuli(marked, n):
    table = pd.DataFrame(marked, columns=["image_id", "category", "kind"])
    captions = pd.DataFrame({"image_id": [], "caption_id": [], "caption": []})
    return Stimuli(np.arange(n), np.zeros((n, 2, 2, 3), np.uint8), captions, table)


def points(vectors, ids, keys=None):
    keys = np.zeros(len(ids), int) if keys is None else keys
    return Embeddings(np.asarray(vectors, np.float32), np.asarray(ids), np.asarray(keys), "image", "fmri")


def test_the_rarest_thing_is_the_kind_and_stuff_only_where_there_is_none():
    seen = stimuli([(0, "person", "thing"), (0, "horse", "thing"), (1, "person", "thing"), (2, "sky", "stuff"),
                    (3, "grass", "stuff"), (3, "person", "thing"), (4, "cat", "thing"), (4, "ape", "thing")], 6)
    found = kinds(seen, np.array([0, 1, 2, 3]))
    assert found.to_dict() == {0: "horse", 1: "person", 2: "sky", 3: "person", 4: "ape", 5: "nothing"}


def test_rarity_is_counted_on_the_training_side_only():
    seen = stimuli([(0, "dog", "thing"), (1, "dog", "thing"), (2, "cat", "thing"), (3, "cat", "thing"), (3, "dog", "thing")], 4)
    assert kinds(seen, np.array([0, 1, 2]))[3] == "cat"
    assert kinds(seen, np.array([1, 2, 3]))[3] == "cat"  # two each: the alphabet
    assert kinds(seen, np.array([0, 2, 3]))[3] == "cat"
    assert kinds(seen, np.array([2, 0]))[3] == "cat"
    assert kinds(seen, np.array([2]))[3] == "dog"


def test_rivals_share_the_kind():
    kind = pd.Series({0: "a", 1: "a", 2: "b", 3: "b", 4: "c"})
    truth = points(np.eye(5), range(5))
    guess = points([[1, 0.5, 2, 0, 0], [0.5, 0.1, 0, 0, 0], [0, 0, 0, 1, 0], [2, 0, 0, 1, 0], [0, 0, 0, 0, 1]], range(5))
    found = n_way_within(guess, truth, kind)
    assert found[:4].tolist() == [1, 0, 0, 1] and np.isnan(found[4])
    assert scores.n_way(guess, truth, n_choices=2)[0] == 0.75  # loses to picture 2, which is of another kind


def test_one_kind_for_all_is_plain_identification(rng):
    guess, truth = points(rng.standard_normal((20, 4)), range(20)), points(rng.standard_normal((20, 4)), range(20))
    kind = pd.Series("same", index=range(20))
    for ways in (2, 5):
        assert n_way_within(guess, truth, kind, n_choices=ways) == pytest.approx(scores.n_way(guess, truth, n_choices=ways))


def test_knowing_the_kind_wins_among_all_and_nothing_within(rng):
    ids, kind = np.arange(200), pd.Series(np.arange(200) % 8)
    truth = points(rng.standard_normal((8, 16))[kind] + 0.5 * rng.standard_normal((200, 16)), ids)
    said = category_points(truth.take(slice(0, 100)), truth.take(slice(100, 200)), as_annotations(kind))
    assert scores.n_way(said, truth, n_choices=2).mean() > 0.9
    assert abs(n_way_within(said, truth, kind).mean() - 0.5) < 0.05
