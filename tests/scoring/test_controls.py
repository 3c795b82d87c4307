"""Controls use what they are given and no more."""

import numpy as np
import pandas as pd
import pytest
from planted_embeddings import GUESS, near, embeddings
from sklearn.decomposition import PCA

from mindreader.scoring import controls, forced_choice, intervals, ranking
from mindreader.records import Embeddings

SEED = sum(map(ord, "controls"))


def true_embeddings(ids, n_dims=6, seed=SEED):
    vectors = np.random.default_rng(seed).normal(size=(len(ids), n_dims))
    return Embeddings(vectors, np.asarray(ids), np.zeros(len(ids), int), "image", "clip")


def trials_of(truth, repeats, noise=1.0):
    rng = np.random.default_rng(SEED + 1)
    ids = rng.permutation(np.repeat(truth.image_ids, repeats))
    vectors = truth.at(ids) + noise * rng.normal(size=(len(ids), truth.vectors.shape[1]))
    return Embeddings(vectors, ids, np.arange(len(ids)), "image", "fmri")


ANNOTATIONS = pd.DataFrame(
    [(0, "cat", "thing"), (1, "cat", "thing"), (1, "dog", "thing"), (2, "dog", "thing"), (2, "sky", "stuff"),
     (7, "cat", "thing"), (7, "cat", "thing"), (8, "dog", "thing"), (8, "cat", "thing"), (9, "yeti", "thing"),
     (7, "sky", "stuff")],
    columns=["image_id", "category", "kind"])


# ── the category oracle ──
def test_the_category_oracle_by_hand():
    training, like = true_embeddings([0, 1, 2]), trials_of(true_embeddings([7, 8, 9]), 2)
    a, b, c = training.vectors
    cat, dog = (a + b) / 2, (b + c) / 2
    expected = {7: cat, 8: (cat + dog) / 2, 9: (a + b + c) / 3}
    guess = controls.category_embeddings(training, like, ANNOTATIONS)
    assert np.allclose(guess.vectors, [expected[i] for i in like.image_ids])
    assert (guess.image_ids == like.image_ids).all() and (guess.keys == like.keys).all()
    of_stuff = controls.category_embeddings(training, like, ANNOTATIONS, kind="stuff")
    assert np.allclose(of_stuff.vectors[like.image_ids == 7], c)


def test_the_category_oracle_knows_clusters_and_not_pictures():
    rng, ids = np.random.default_rng(SEED), np.arange(120)
    category = ids % 4
    centres = 4 * rng.normal(size=(4, 8))
    truth = Embeddings(centres[category] + rng.normal(size=(120, 8)), ids, ids * 0, "image", "clip")
    notes = pd.DataFrame({"image_id": ids, "category": category.astype(str), "kind": "thing"})
    guess = controls.category_embeddings(truth.take(ids < 60), truth.take(ids >= 60), notes)
    held_out = truth.take(ids >= 60)
    assert forced_choice.n_way(guess, held_out, n_choices=2).mean() > 0.8
    within = [forced_choice.n_way(guess.take(guess.image_ids % 4 == c), held_out, n_choices=2).mean() for c in range(4)]
    assert abs(np.mean(within) - 0.5) < 0.1


# ── nearest training picture ──
def test_the_nearest_training_point_is_a_training_point_and_the_nearest():
    training, predicted = true_embeddings(range(30)), trials_of(true_embeddings(range(100, 110)), 3)
    guess = controls.training_embeddings(predicted, training)
    for vector, given in zip(predicted.vectors, guess.vectors):
        cosines = [vector @ t / np.linalg.norm(vector) / np.linalg.norm(t) for t in training.vectors]
        assert np.array_equal(given, training.vectors[np.argmax(cosines)].astype(np.float32))
    assert guess.source == "clip" and (guess.keys == predicted.keys).all()


@pytest.mark.parametrize("control", [lambda t, p: controls.training_embeddings(p, t),
                                     lambda t, p: controls.category_embeddings(t, p, ANNOTATIONS)])
def test_a_picture_on_both_sides_is_refused(control):
    with pytest.raises(ValueError, match=r"image 2 is to be predicted and is among the training pictures \(2 are\)"):
        control(true_embeddings([1, 2, 3]), trials_of(true_embeddings([2, 3, 4]), 1))


# ── repeats ──
def test_the_mean_over_repeats_takes_the_first_trials_of_pictures_with_enough():
    vectors = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]])
    embeddings = Embeddings(vectors, np.array([5, 3, 5, 3, 5, 9]), np.array([10, 20, 30, 15, 5, 1]), "image", "fmri")
    two = controls.over_repeats(embeddings, 2)
    assert two.image_ids.tolist() == [3, 5] and two.keys.tolist() == [15, 5]
    assert two.vectors.ravel().tolist() == [5.0, 8.5]
    assert controls.over_repeats(embeddings, 2, at_least=3).image_ids.tolist() == [5]
    assert controls.over_repeats(embeddings, 1).vectors.ravel().tolist() == [8.0, 16.0, 32.0]


def test_averaging_repeats_is_like_less_noise():
    truth = true_embeddings(range(300), n_dims=8)
    table = controls.retrieval_by_repeats(trials_of(truth, 3, noise=1.5), truth, n_bootstrap=50)
    table, quieter = table.set_index(["n_repeats", "metric"]), trials_of(truth, 1, noise=1.5 / np.sqrt(3))
    for direction in ("forward", "backward"):
        values = [table.loc[(k, f"retrieval {direction}")].value for k in (1, 2, 3)]
        quiet = ranking.retrieval(quieter, truth, direction=direction, n=300, n_bootstrap=50)
        assert values == sorted(values) and abs(values[2] - quiet.value[0]) < 0.12 and values[2] > values[0] + 0.1


def test_every_number_of_repeats_is_scored_on_the_same_pictures():
    truth = true_embeddings(range(20))
    uneven = trials_of(truth, 3)
    uneven = uneven.take(~((uneven.image_ids < 5) & (uneven.keys % 2 == 0)))
    table = controls.retrieval_by_repeats(uneven, truth, n=None, name="us", origin="twin")
    full = np.unique(uneven.image_ids, return_counts=True)[1] == 3
    assert (table.n == full.sum()).all() and full.sum() < 20 and len(table) == 6
    assert table.protocol[4] == f"retrieval/mindreader-forward@1 (n={full.sum()}, repeats=3)"
    assert set(intervals.SCORE_COLUMNS) < set(table)


def test_repeats_that_nobody_has_are_named():
    with pytest.raises(ValueError, match="no picture has 4 trials among these 6"):
        controls.over_repeats(trials_of(true_embeddings([1, 2]), 3), 4)
    with pytest.raises(ValueError, match="n_repeats=3 and at_least=2"):
        controls.over_repeats(trials_of(true_embeddings([1, 2]), 3), 3, at_least=2)


# ── the floor ──
def test_shuffled_gives_every_row_another_pictures_vector_and_uses_each_once():
    uneven = GUESS.take(np.arange(len(GUESS)) % 7 != 0)
    mixed = controls.shuffled(uneven, 1)
    origin = {v.tobytes(): i for v, i in zip(uneven.vectors, uneven.image_ids)}
    assert all(origin[v.tobytes()] != i for v, i in zip(mixed.vectors, mixed.image_ids))
    assert len({v.tobytes() for v in mixed.vectors}) == len(uneven)
    assert not np.array_equal(mixed.vectors, controls.shuffled(uneven, 2).vectors)
    with pytest.raises(ValueError, match="holds 2 of 3 rows"):
        controls.shuffled(GUESS.take(slice(0, 3)), 1)


def test_shuffled_and_mean_brains_identify_at_chance():
    truth = embeddings(100, source="clip")
    good = near(truth, 3, 0.5)
    assert forced_choice.n_way(good, truth, n_choices=2).mean() > 0.8
    blind = [forced_choice.n_way(controls.shuffled(good, s), truth, n_choices=2).mean() for s in range(10)]
    assert abs(np.mean(blind) - 0.5) < 0.03
    mean = controls.mean_embedding(truth, like=good)
    assert np.allclose(mean.vectors, truth.vectors.mean(0))
    assert np.isclose(forced_choice.n_way(mean, truth, n_choices=2).mean(), 0.5)


# ── a bottleneck ──
def predictions(vectors):
    return Embeddings(vectors.astype(np.float32), np.arange(len(vectors)), np.zeros(len(vectors), int), "image", "fmri")


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_squeezing_is_scikit_learns_projection(rng, rank):
    training, held_out = predictions(rng.standard_normal((50, 6)) @ np.diag([5, 4, 3, 2, 1, 0.5]) + 2), predictions(rng.random((9, 6)))
    pca = PCA(rank).fit(training.vectors)
    expected = pca.inverse_transform(pca.transform(held_out.vectors))
    assert controls.Bottleneck.of(training).squeeze(held_out, rank).vectors == pytest.approx(expected, abs=1e-4)


def test_nothing_gets_through_rank_0_and_everything_through_the_largest(rng):
    training, held_out = predictions(rng.standard_normal((50, 6))), predictions(rng.random((9, 6)))
    neck = controls.Bottleneck.of(training)
    assert neck.squeeze(held_out, 0).vectors == pytest.approx(np.tile(training.vectors.mean(0), (9, 1)), abs=1e-5)
    assert neck.squeeze(held_out, neck.max_rank).vectors == pytest.approx(held_out.vectors, abs=1e-5)
    with pytest.raises(ValueError, match="got rank 7, expected 0 to 6"):
        neck.squeeze(held_out, 7)


def test_readings_of_rank_four_need_four_directions(rng):
    signal = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 32))
    truth = predictions(signal + 0.3 * rng.standard_normal(signal.shape))
    neck = controls.Bottleneck.of(predictions(signal[:150]))
    score = [forced_choice.n_way(neck.squeeze(predictions(signal), r), truth, n_choices=2)[150:].mean()
             for r in (0, 1, 2, 4, 8)]
    assert score[0] < 0.6 < score[1] < score[2] < score[3] - 0.01
    assert score[4] == pytest.approx(score[3], abs=1e-3)


def test_one_reading_has_no_direction():
    with pytest.raises(ValueError, match="got 1 predictions, expected at least two"):
        controls.Bottleneck.of(predictions(np.ones((1, 3))))
