"""distances: closed forms and naive sums; few pictures inflate one and not the other, and intervals say what they claim."""

import numpy as np
import pytest
from planted_embeddings import GUESS, SEED, TRUTH, near, embeddings
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from mindreader.scoring import distances, intervals
from mindreader.records import Embeddings


def test_frechet_distance_of_diagonal_normals_has_a_closed_form():
    rng = np.random.default_rng(SEED)
    base = rng.normal(size=(400, 5))
    base = np.linalg.qr(base - base.mean(0))[0] * np.sqrt(399)                  # covariance: the identity, exactly
    s, t, shift = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 2, 5), rng.normal(size=5)
    expected = (shift ** 2).sum() + ((s - t) ** 2).sum()
    assert np.isclose(distances.frechet_distance(base * s, base * t + shift), expected)


def test_frechet_distance_is_that_of_scipys_matrix_root():
    a, b = embeddings(50).vectors, near(TRUTH).vectors * [1, 2, 3, 1, 1, 1]
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert np.isclose(distances.frechet_distance(a, b), expected, rtol=1e-5)
    assert abs(distances.frechet_distance(GUESS, GUESS)) < 1e-9


def test_wide_features_of_few_pictures_have_the_same_distances_for_less_work(rng, monkeypatch):
    truth, a, b = (rows_of(rng.standard_normal((9, 1100)) + shift) for shift in (0, 0.5, 0.1))
    narrow = distances.frechet_distance(a, truth), distances.distance_difference(a, b, truth, n_bootstrap=5)
    monkeypatch.setattr(distances, "WIDE", 1101)
    assert narrow[0] == pytest.approx(distances.frechet_distance(a, truth), rel=1e-6)
    for column in ("value", "low", "high"):
        np.testing.assert_allclose(narrow[1][column], distances.distance_difference(a, b, truth, n_bootstrap=5)[column], rtol=1e-5)


def test_kernel_distance_is_the_naive_double_sum():
    a, b = embeddings(7).vectors.astype(float), embeddings(9, seed=1).vectors.astype(float)
    k = lambda x, y: float(polynomial_kernel(x[None], y[None], degree=3, gamma=1 / 6, coef0=1)[0, 0])  # noqa: E731
    within = lambda x: np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j])  # noqa: E731
    expected = within(a) + within(b) - 2 * np.mean([k(x, y) for x in a for y in b])
    assert np.isclose(distances.kernel_distance(a, b), expected)


def test_kernel_distance_is_zero_on_average_between_halves_where_frechet_is_not():
    rng = np.random.default_rng(SEED)
    halves = [(rng.normal(size=(30, 8)), rng.normal(size=(30, 8))) for _ in range(60)]
    kernel = [distances.kernel_distance(a, b) for a, b in halves]
    assert abs(np.mean(kernel)) < 3 * np.std(kernel) / np.sqrt(60)
    assert np.mean([distances.frechet_distance(a, b) for a, b in halves]) > 0.5


def test_distances_are_two_labelled_rows():
    table = distances.distance_rows(GUESS, TRUTH, name="us", origin="twin")
    assert list(table.metric) == ["FD (twin features)", "KD (twin features)"] and set(intervals.SCORE_COLUMNS) == set(table)
    with pytest.raises(ValueError, match="expected at least two rows"):
        distances.frechet_distance(np.ones((1, 3)), np.ones((5, 3)))


# ── few pictures ──
def rows_of(vectors):
    n = len(vectors)
    return Embeddings(vectors.astype(np.float32), np.arange(n), np.arange(n), "x", "fmri")


def test_equal_sets_are_far_apart_when_small_and_the_line_leads_to_zero(rng):
    a, b = (rows_of(rng.standard_normal((1500, 6))) for _ in range(2))
    table = distances.distance_by_size(a, b, (50, 100, 200, 400), n_draws=20)
    fd, kd = (table[table.metric == m] for m in ("FD", "KD"))
    assert list(fd.n) == [50, 100, 200, 400]
    assert (np.diff(fd.value) < 0).all() and fd.value.iloc[0] > 0.2
    assert abs(distances.distance_limit(fd.n, fd.value)) < 0.03
    assert (abs(kd.value) < 3 * kd.sd / np.sqrt(20) + 0.02).all()


def test_the_limit_is_the_known_distance_of_two_normals(rng):
    a, b = rows_of(rng.standard_normal((3000, 4))), rows_of(2 * rng.standard_normal((3000, 4)) + 1)
    fd = distances.distance_by_size(a, b, (60, 120, 240, 480), n_draws=20).query("metric == 'FD'")
    assert distances.distance_limit(fd.n, fd.value) == pytest.approx(4 * 1 + 4 * (2 - 1) ** 2, rel=0.06)


def test_the_limit_is_exact_on_a_line():
    n = np.array([10, 20, 50])
    assert distances.distance_limit(n, 3 + 40 / n) == pytest.approx(3)
    with pytest.raises(ValueError, match="1 size, expected at least two"):
        distances.distance_limit(n[:1], n[:1])


def test_the_full_size_is_the_plain_distance(rng):
    a, b = rows_of(rng.standard_normal((40, 3))), rows_of(rng.standard_normal((40, 3)))
    table = distances.distance_by_size(a, b, (40,), n_draws=2).set_index("metric")
    assert table.value["FD"] == pytest.approx(distances.frechet_distance(a, b))
    assert table.value["KD"] == pytest.approx(distances.kernel_distance(a, b))
    with pytest.raises(ValueError, match="asked for 41 pictures of each set, got 40"):
        distances.distance_by_size(a, b, (41,))


def test_the_difference_is_that_of_the_plain_distances(rng):
    truth, a, b = (rows_of(rng.standard_normal((50, 3)) + shift) for shift in (0, 0.5, 0.1))
    table = distances.distance_difference(a, b, truth, n_bootstrap=20).set_index("metric")
    assert table.value["FD (twin features), difference"] == pytest.approx(
        distances.frechet_distance(a, truth) - distances.frechet_distance(b, truth))
    # the kernel distance leaves the own picture out of the cross term too: compared pair by pair
    def kernel(x, y):
        return (x @ y.T / 3 + 1) ** 3
    off = ~np.eye(50, dtype=bool)
    def far(x):
        x, t = x.vectors.astype(float), truth.vectors.astype(float)
        return kernel(x, x)[off].mean() - 2 * kernel(x, t)[off].mean() + kernel(t, t)[off].mean()
    assert table.value["KD (twin features), difference"] == pytest.approx(far(a) - far(b))


def test_repeats_of_a_picture_are_drawn_together_and_never_compared(rng):
    truth = rows_of(rng.standard_normal((30, 3)))
    twice = Embeddings(np.repeat(truth.vectors, 2, 0), np.repeat(truth.image_ids, 2), np.tile([0, 1], 30), "x", "fmri")
    once = distances.distance_difference(truth, truth, truth, n_bootstrap=10).set_index("metric")
    both = distances.distance_difference(twice, truth, truth, n_bootstrap=10).set_index("metric")
    assert (once.value == 0).all() and (once.low == 0).all() and (once.high == 0).all()
    assert both.value["KD (twin features), difference"] == pytest.approx(0, abs=1e-9)


def test_an_interval_finds_a_planted_gain_and_no_gain_where_there_is_none(rng):
    held = {"FD": 0, "KD": 0}
    for trial in range(40):
        truth, a, b = (rows_of(rng.standard_normal((120, 4)) + shift) for shift in (0, 0.8, 0.8))
        near = rows_of(rng.standard_normal((120, 4)) + 0.05)
        equal, better = (distances.distance_difference(a, x, truth, seed=trial, n_bootstrap=60) for x in (b, near))
        for metric, none, some in zip(("FD", "KD"), equal.itertuples(), better.itertuples()):
            held[metric] += none.low <= 0 <= none.high
            assert some.low > 0, (metric, trial)
    assert min(held.values()) >= 34  # 95 % of 40 is 38; fewer than 34 would be chance once in a hundred


def test_sets_of_other_pictures_are_refused(rng):
    a = rows_of(rng.standard_normal((10, 3)))
    with pytest.raises(ValueError, match="sets of 10, 10 and 9 pictures, expected the same pictures in all three"):
        distances.distance_difference(a, a, a.take(slice(0, 9)))
