from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import binomtest, pearsonr
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import polynomial_kernel

from mindreader import scores
from mindreader.records import Embeddings

SEED = sum(map(ord, "mind reader"))


def points(n_images=40, repeats=1, n_dims=6, space="image", source="fmri", seed=SEED):
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(n_images) * 7, repeats)
    keys = rng.permutation(len(ids)) if source == "fmri" else np.arange(len(ids)) % repeats
    return Embeddings(rng.normal(size=(len(ids), n_dims)).astype(np.float32), ids, keys, space, source)


def near(truth, repeats=2, noise=1.0, seed=SEED + 1):
    guess = points(len(truth), repeats, truth.vectors.shape[1], seed=seed)
    vectors = truth.at(guess.image_ids) + noise * guess.vectors
    return Embeddings(vectors, guess.image_ids, guess.keys, "image", "fmri")


def mixed_up(p, seed=SEED):
    return p.take(np.random.default_rng(seed).permutation(len(p)))


TRUTH = points(source="clip")
GUESS = near(TRUTH)


# ── intervals ──
@pytest.mark.parametrize("k, n", [(0, 10), (3, 10), (29, 300), (300, 300)])
def test_wilson_is_scipys(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert np.allclose(scores.wilson(k, n), (expected.low, expected.high))


def test_wilson_refuses_more_successes_than_tries():
    with pytest.raises(ValueError, match="got 4 successes in 3 tries"):
        scores.wilson(4, 3)


def test_bootstrap_over_pictures_widens_when_trials_of_a_picture_agree():
    rng = np.random.default_rng(SEED)
    ids = np.repeat(np.arange(200), 3)
    alone = rng.normal(size=600)
    together = np.repeat(rng.normal(size=200), 3)
    width = [np.subtract(*scores.bootstrap_interval(v, ids, seed=1)[::-1]) for v in (alone, together)]
    assert np.isclose(width[0], 2 * 1.96 / np.sqrt(600), rtol=0.15)
    assert np.isclose(width[1], 2 * 1.96 / np.sqrt(200), rtol=0.15)


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(SEED), 0
    for i in range(200):
        values = np.repeat(rng.normal(size=60), 2) + rng.normal(size=120)
        low, high = scores.bootstrap_interval(values, np.repeat(np.arange(60), 2), seed=i, n_bootstrap=300)
        covered += low < 0 < high
    assert 0.88 <= covered / 200 <= 0.98


# ── retrieval ──
def naive_hits(predicted, truth, direction):
    """The released rule in a loop: argmax, and the same picture counts."""
    t, p = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (truth.at(predicted.image_ids), predicted.vectors))
    s = t.astype(float) @ p.astype(float).T
    best = s.argmax(0) if direction == "forward" else s.argmax(1)
    return predicted.image_ids[best] == predicted.image_ids


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_retrieval_is_the_released_argmax_rule(direction):
    order = np.argsort(GUESS.keys)
    expected = naive_hits(GUESS.take(order), TRUTH, direction)
    won = scores.hits(scores.batch(GUESS, TRUTH, n=None), direction)
    assert (won == expected).all() and 0 < won.mean() < 1


def test_forward_is_brain_to_picture_on_a_hand_made_case():
    similarity = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.3], [0.1, 0.75, 0.6]])       # [truth, prediction]
    batch = scores.Batch(similarity, np.array([1, 2, 3]), np.arange(3))
    assert list(scores.hits(batch, "forward")) == [True, False, True]      # columns: 0.9 own, 0.8 of picture 1, 0.6 own
    assert list(scores.hits(batch, "backward")) == [True, True, False]     # rows: 0.9 own, 0.7 own, 0.75 of picture 2


def test_another_showing_of_the_picture_is_a_hit_and_a_tie_is_a_miss():
    similarity = np.array([[0.5, 0.9, 0.1], [0.5, 0.2, 0.1], [0.5, 0.2, 0.3]])
    same = scores.Batch(similarity, np.array([4, 4, 5]), np.arange(3))
    assert list(scores.hits(same, "backward")) == [True, True, False]
    assert list(scores.hits(same, "forward")) == [False, True, True]


def test_the_headline_is_the_first_trials_in_trial_order():
    batch = scores.batch(mixed_up(GUESS), TRUTH, n=30)
    assert list(batch.keys) == list(range(30))
    table = scores.retrieval(GUESS, TRUTH, direction="forward", n=30, name="us", origin="twin").iloc[0]
    assert table.hits == scores.hits(batch, "forward").sum() and table.n == 30 and table.origin == "twin"
    assert table.low <= table.value <= table.high and table.wilson_low < table.value < table.wilson_high


def test_truth_against_itself_is_always_found():
    own = Embeddings(TRUTH.at(GUESS.image_ids), GUESS.image_ids, GUESS.keys, "image", "fmri")
    for direction in ("forward", "backward"):
        assert scores.retrieval(own, TRUTH, direction=direction, n=80).value[0] == 1
    assert np.allclose(scores.n_way(own, TRUTH, n_choices=5), 1)


def test_a_blind_guess_gives_chance_within_its_interval():
    truth, blind = points(300, n_dims=8, source="clip"), points(300, 3, n_dims=8, seed=3)
    for direction in ("forward", "backward"):
        table = scores.retrieval_draws(blind, truth, direction=direction, n=300, n_draws=20)
        assert abs(table.value[0] - table.chance[0]) < 0.006
    table = scores.identification(blind, truth, n_choices=2, name="blind")
    assert table.low[0] < 0.5 < table.high[0] and table.chance[0] == 0.5


def test_chance_is_what_a_uniform_guess_scores():
    batch = scores.batch(GUESS, TRUTH, n=30)
    rng = np.random.default_rng(SEED)
    guesses = batch.image_ids[rng.integers(30, size=(4000, 30))]
    expected = (guesses == batch.image_ids).mean()
    assert np.isclose(scores.score_batch(batch, "forward").chance[0], expected, atol=2e-3)


def test_shuffling_rows_changes_no_score():
    captions = points(repeats=3, source="clip", space="caption")
    for truth in (TRUTH, captions):
        for function in (scores.retrieval, scores.retrieval_draws):
            a = function(GUESS, truth, direction="forward", n=50, seed=4)
            assert a.equals(function(mixed_up(GUESS), mixed_up(truth), direction="forward", n=50, seed=4))
    for function in (scores.identification, scores.n_way_sampled):
        a, b = function(GUESS, TRUTH, n_choices=3), function(mixed_up(GUESS), mixed_up(TRUTH), n_choices=3)
        assert a.equals(b) if hasattr(a, "equals") else np.array_equal(a, b)


def test_a_caption_is_drawn_for_each_trial_by_seed():
    captions = points(repeats=3, source="clip", space="caption")
    one, again, other = (scores.batch(GUESS, captions, n=80, seed=s).similarity for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_nearest_lists_pictures_nearest_first():
    ids = scores.nearest(TRUTH, TRUTH, 3)
    cosine = TRUTH.unit().vectors @ TRUTH.unit().vectors.T
    assert (ids[:, 0] == TRUTH.image_ids).all()
    assert (ids == TRUTH.image_ids[np.argsort(-cosine, 1)[:, :3]]).all()
    with pytest.raises(ValueError, match="41 nearest pictures, got 40"):
        scores.nearest(TRUTH, TRUTH, 41)


def test_retrieval_refuses_what_it_cannot_score():
    with pytest.raises(ValueError, match="got 80 trials, expected at least 300"):
        scores.retrieval(GUESS, TRUTH, direction="forward")
    with pytest.raises(ValueError, match="got 80 trials, expected at least 300"):
        scores.retrieval_draws(GUESS, TRUTH, direction="forward")
    with pytest.raises(ValueError, match="direction 'up'"):
        scores.retrieval(GUESS, TRUTH, direction="up", n=20)
    with pytest.raises(ValueError, match="image 273 has no true point among the 39"):
        scores.retrieval(GUESS, TRUTH.take(slice(0, 39)), direction="forward", n=80)
    broken = Embeddings(np.full_like(GUESS.vectors, np.nan), GUESS.image_ids, GUESS.keys, "image", "fmri")
    with pytest.raises(ValueError, match="20 of 20 points are not finite"):
        scores.retrieval(broken, TRUTH, direction="forward", n=20)


# ── several mappers ──
def test_two_mappers_together_beat_each_alone_and_a_useless_one_gets_no_weight():
    truth = points(120, n_dims=10, source="clip")
    a, b = (near(truth, 3, 1.3, seed=s) for s in (1, 2))
    b = Embeddings(b.vectors, a.image_ids, a.keys, "image", "fmri")
    noise = scores.shuffled(a, 1)
    both = scores.combined_retrieval([a, b], [truth, truth], direction="forward", n=180)
    alone = [scores.retrieval(p, truth, direction="forward", n=180).value[0] for p in (a, b)]
    assert both.value[0] > max(alone)
    batches = [scores.batch(p, truth, n=180, start=180) for p in (a, noise)]
    assert scores.choose_weights(batches).values[0] >= 0.8


def test_weights_are_the_best_of_the_whole_grid():
    batches = [scores.batch(near(TRUTH, 2, 1.5, seed=SEED + 1), TRUTH, n=80) for _ in range(2)]
    batches[1] = scores.Batch(np.random.default_rng(1).normal(size=(80, 80)), batches[0].image_ids, batches[0].keys)
    won = {w: sum(scores.hits(scores.Batch(w * batches[0].similarity + (1 - w) * batches[1].similarity,
                                           batches[0].image_ids, batches[0].keys), d).sum()
                  for d in ("forward", "backward")) for w in np.arange(21) / 20}
    assert won[scores.choose_weights(batches).values[0]] == max(won.values())


def test_weights_chosen_on_the_scored_batch_are_refused():
    batches = [scores.batch(GUESS, TRUTH, n=40)] * 2
    weights = scores.choose_weights(batches, step=0.5)
    with pytest.raises(ValueError, match="chosen on 40 of these trials"):
        scores.combine(batches, weights)
    with pytest.raises(ValueError, match="got 1 batches for 2 weights"):
        scores.combine([scores.batch(GUESS, TRUTH, n=40, start=40)], weights)
    with pytest.raises(ValueError, match="hold different trials"):
        scores.choose_weights([batches[0], scores.batch(GUESS, TRUTH, n=40, start=40)], step=0.5)
    with pytest.raises(ValueError, match="expected more than 81"):
        scores.combined_retrieval([GUESS, GUESS], [TRUTH, TRUTH], direction="forward", n=80)


# ── identification ──
@pytest.mark.parametrize("n_choices", [2, 3, 5])
def test_n_way_is_the_share_of_all_rival_sets_that_lose(n_choices):
    truth = points(8, source="clip")
    guess = near(truth, 2)
    unit_guess, unit_truth = guess.unit().vectors.astype(float), truth.unit()
    expected = []
    for vector, image in zip(unit_guess, guess.image_ids):
        own = unit_truth.at([image])[0] @ vector
        others = unit_truth.vectors[unit_truth.image_ids != image] @ vector
        expected.append(np.mean([max(rivals) < own for rivals in combinations(others, n_choices - 1)]))
    assert np.allclose(scores.n_way(guess, truth, n_choices=n_choices), expected)


def test_the_drawn_version_agrees_with_the_counted_one():
    exact = scores.n_way(GUESS, TRUTH, n_choices=5).mean()
    drawn = scores.n_way_sampled(GUESS, TRUTH, n_choices=5, n_draws=400)
    assert abs(drawn.mean() - exact) < 4 * drawn.std() / np.sqrt(400)


def test_rivals_are_the_pictures_of_the_guesses_and_never_the_same_picture():
    few = GUESS.take(GUESS.image_ids < 70)
    assert np.allclose(scores.n_way(few, TRUTH, n_choices=2), scores.n_way(few, TRUTH.take(TRUTH.image_ids < 70), n_choices=2))


def test_n_way_joins_by_id_and_ties_lose():
    flat = Embeddings(np.ones_like(GUESS.vectors), GUESS.image_ids, GUESS.keys, "image", "fmri")
    same = Embeddings(np.ones_like(TRUTH.vectors), TRUTH.image_ids, TRUTH.keys, "image", "clip")
    assert (scores.n_way(flat, same, n_choices=2) == 0).all()
    with pytest.raises(ValueError, match="n_choices=41 with 40 pictures"):
        scores.n_way(GUESS, TRUTH, n_choices=41)


# ── distances ──
def test_frechet_distance_of_diagonal_normals_has_a_closed_form():
    rng = np.random.default_rng(SEED)
    base = rng.normal(size=(400, 5))
    base = np.linalg.qr(base - base.mean(0))[0] * np.sqrt(399)                  # covariance: the identity, exactly
    s, t, shift = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 2, 5), rng.normal(size=5)
    expected = (shift ** 2).sum() + ((s - t) ** 2).sum()
    assert np.isclose(scores.frechet_distance(base * s, base * t + shift), expected)


def test_frechet_distance_is_that_of_scipys_matrix_root():
    a, b = points(50).vectors, near(TRUTH).vectors * [1, 2, 3, 1, 1, 1]
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert np.isclose(scores.frechet_distance(a, b), expected, rtol=1e-5)
    assert abs(scores.frechet_distance(GUESS, GUESS)) < 1e-9


def test_kernel_distance_is_the_naive_double_sum():
    a, b = points(7).vectors.astype(float), points(9, seed=1).vectors.astype(float)
    k = lambda x, y: float(polynomial_kernel(x[None], y[None], degree=3, gamma=1 / 6, coef0=1)[0, 0])  # noqa: E731
    within = lambda x: np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j])  # noqa: E731
    expected = within(a) + within(b) - 2 * np.mean([k(x, y) for x in a for y in b])
    assert np.isclose(scores.kernel_distance(a, b), expected)


def test_kernel_distance_is_zero_on_average_between_halves_where_frechet_is_not():
    rng = np.random.default_rng(SEED)
    halves = [(rng.normal(size=(30, 8)), rng.normal(size=(30, 8))) for _ in range(60)]
    kernel = [scores.kernel_distance(a, b) for a, b in halves]
    assert abs(np.mean(kernel)) < 3 * np.std(kernel) / np.sqrt(60)
    assert np.mean([scores.frechet_distance(a, b) for a, b in halves]) > 0.5


def test_distances_are_two_labelled_rows():
    table = scores.distances(GUESS, TRUTH, name="us", origin="twin")
    assert list(table.metric) == ["FD (twin features)", "KD (twin features)"] and set(scores.COLUMNS) == set(table)
    with pytest.raises(ValueError, match="expected at least two rows"):
        scores.frechet_distance(np.ones((1, 3)), np.ones((5, 3)))


# ── classes and voxels ──
def planted_classes(n=120):
    rng = np.random.default_rng(SEED)
    labels = rng.random((n, 4)) < [0.5, 0.1, 0.0, 1.0]
    return labels, np.round(rng.normal(size=(n, 4)) + labels, 1)                 # rounded, so that there are ties


def test_auc_is_scikit_learns_and_classes_without_both_labels_are_named():
    labels, values = planted_classes()
    table, dropped = scores.auc_by_class(labels, values, ["cat", "dog", "yeti", "air"])
    assert np.allclose(table.value, [roc_auc_score(labels[:, i], values[:, i]) for i in (0, 1)])
    assert list(table.category) == ["cat", "dog"] and dropped == ["yeti", "air"]
    assert list(table.n_present) == list(labels[:, :2].sum(0))


def test_weighted_auc_is_scikit_learns_with_sample_weights():
    labels, values = planted_classes()
    weights = np.random.default_rng(1).integers(0, 3, (5, len(labels))).astype(float)
    expected = [roc_auc_score(labels[:, 0], values[:, 0], sample_weight=w) for w in weights]
    assert np.allclose(scores.weighted_auc(labels[:, 0], values[:, 0], weights), expected)


def test_the_interval_of_mean_auc_holds_the_mean_and_a_constant_score_is_half():
    labels, values = planted_classes()
    table, _ = scores.auc_by_class(labels, values, list("abcd"))
    low, high = scores.mean_auc_interval(labels, values, np.arange(len(labels)) // 2, seed=1, n_bootstrap=200)
    assert low < table.value.mean() < high
    assert np.allclose(scores.auc_by_class(labels, np.zeros_like(values), list("abcd"))[0].value, 0.5)
    with pytest.raises(ValueError, match="3 names"):
        scores.auc_by_class(labels, values, list("abc"))


def test_noise_ceiling_is_nsds_formula():
    assert np.allclose(scores.noise_ceiling([1.0, 2.0], 3), [1 / (1 + 1 / 3), 4 / (4 + 1 / 3)])
    mixed = scores.noise_ceiling(1.0, {3: 10, 2: 20, 1: 30})
    assert np.isclose(mixed, 1 / (1 + (10 / 3 + 20 / 2 + 30) / 60))
    assert np.isclose(scores.noise_ceiling(1.0, {1: 5}), scores.noise_ceiling(1.0)) and np.isnan(scores.noise_ceiling(np.nan))
    with pytest.raises(ValueError, match="got n=0"):
        scores.noise_ceiling(1.0, 0)


def test_noise_ceiling_is_the_best_correlation_that_noise_allows():
    rng = np.random.default_rng(SEED)
    signal = rng.normal(size=(20000, 1))
    r = scores.pearson(signal, 0.7 * signal + rng.normal(size=signal.shape))
    assert np.isclose(r ** 2, scores.noise_ceiling(0.7), atol=0.01)


def test_pearson_is_scipys_by_column():
    a, b = GUESS.vectors, near(TRUTH, seed=9).vectors
    assert np.allclose(scores.pearson(a, b), [pearsonr(x, y)[0] for x, y in zip(a.T, b.T)], atol=1e-6)
    assert np.isnan(scores.pearson(np.ones((4, 1)), np.arange(4.0)[:, None]))
    with pytest.raises(ValueError, match="expected twice the same"):
        scores.pearson(a, b[:5])


# ── controls ──
def test_shuffled_gives_every_row_another_pictures_vector_and_uses_each_once():
    uneven = GUESS.take(np.arange(len(GUESS)) % 7 != 0)
    mixed = scores.shuffled(uneven, 1)
    origin = {v.tobytes(): i for v, i in zip(uneven.vectors, uneven.image_ids)}
    assert all(origin[v.tobytes()] != i for v, i in zip(mixed.vectors, mixed.image_ids))
    assert len({v.tobytes() for v in mixed.vectors}) == len(uneven)
    assert not np.array_equal(mixed.vectors, scores.shuffled(uneven, 2).vectors)
    with pytest.raises(ValueError, match="holds 2 of 3 rows"):
        scores.shuffled(GUESS.take(slice(0, 3)), 1)


def test_shuffled_and_mean_brains_identify_at_chance():
    truth = points(100, source="clip")
    good = near(truth, 3, 0.5)
    assert scores.n_way(good, truth, n_choices=2).mean() > 0.8
    assert abs(np.mean([scores.n_way(scores.shuffled(good, s), truth, n_choices=2).mean() for s in range(10)]) - 0.5) < 0.03
    mean = scores.mean_point(truth, like=good)
    assert np.allclose(mean.vectors, truth.vectors.mean(0)) and np.isclose(scores.n_way(mean, truth, n_choices=2).mean(), 0.5)
