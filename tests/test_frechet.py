"""frechet: few pictures inflate one distance and not the other, lines lead to the limit, intervals say what they claim."""

import numpy as np
import pytest

from mindreader import frechet, scores
from mindreader.records import Embeddings


def points(vectors, per_picture=1):
    n = len(vectors)
    return Embeddings(vectors.astype(np.float32), np.arange(n) // per_picture, np.arange(n), "x", "fmri")


def test_equal_sets_are_far_apart_when_small_and_the_line_leads_to_zero(rng):
    a, b = (points(rng.standard_normal((1500, 6))) for _ in range(2))
    table = frechet.by_size(a, b, (50, 100, 200, 400), n_draws=20)
    fd, kd = (table[table.metric == m] for m in ("FD", "KD"))
    assert list(fd.n) == [50, 100, 200, 400]
    assert (np.diff(fd.value) < 0).all() and fd.value.iloc[0] > 0.2
    assert abs(frechet.limit(fd.n, fd.value)) < 0.03
    assert (abs(kd.value) < 3 * kd.sd / np.sqrt(20) + 0.02).all()


def test_the_limit_is_the_known_distance_of_two_normals(rng):
    a, b = points(rng.standard_normal((3000, 4))), points(2 * rng.standard_normal((3000, 4)) + 1)
    fd = frechet.by_size(a, b, (60, 120, 240, 480), n_draws=20).query("metric == 'FD'")
    assert frechet.limit(fd.n, fd.value) == pytest.approx(4 * 1 + 4 * (2 - 1) ** 2, rel=0.06)


def test_the_limit_is_exact_on_a_line():
    n = np.array([10, 20, 50])
    assert frechet.limit(n, 3 + 40 / n) == pytest.approx(3)
    with pytest.raises(ValueError, match="1 size, expected at least two"):
        frechet.limit(n[:1], n[:1])


def test_the_full_size_is_the_plain_distance(rng):
    a, b = points(rng.standard_normal((40, 3))), points(rng.standard_normal((40, 3)))
    table = frechet.by_size(a, b, (40,), n_draws=2).set_index("metric")
    assert table.value["FD"] == pytest.approx(scores.frechet_distance(a, b))
    assert table.value["KD"] == pytest.approx(scores.kernel_distance(a, b))
    with pytest.raises(ValueError, match="asked for 41 pictures of each set, got 40"):
        frechet.by_size(a, b, (41,))


def test_the_difference_is_that_of_the_plain_distances(rng):
    truth, a, b = (points(rng.standard_normal((50, 3)) + shift) for shift in (0, 0.5, 0.1))
    table = frechet.difference(a, b, truth, n_bootstrap=20).set_index("metric")
    assert table.value["FD (twin features), difference"] == pytest.approx(
        scores.frechet_distance(a, truth) - scores.frechet_distance(b, truth))
    # the kernel distance leaves the own picture out of the cross term too: compared pair by pair
    def kernel(x, y):
        return (x @ y.T / 3 + 1) ** 3
    off = ~np.eye(50, dtype=bool)
    def far(x):
        x, t = x.vectors.astype(float), truth.vectors.astype(float)
        return kernel(x, x)[off].mean() - 2 * kernel(x, t)[off].mean() + kernel(t, t)[off].mean()
    assert table.value["KD (twin features), difference"] == pytest.approx(far(a) - far(b))


def test_repeats_of_a_picture_are_drawn_together_and_never_compared(rng):
    truth = points(rng.standard_normal((30, 3)))
    twice = Embeddings(np.repeat(truth.vectors, 2, 0), np.repeat(truth.image_ids, 2), np.tile([0, 1], 30), "x", "fmri")
    once = frechet.difference(truth, truth, truth, n_bootstrap=10).set_index("metric")
    both = frechet.difference(twice, truth, truth, n_bootstrap=10).set_index("metric")
    assert (once.value == 0).all() and (once.low == 0).all() and (once.high == 0).all()
    assert both.value["KD (twin features), difference"] == pytest.approx(0, abs=1e-9)


def test_an_interval_finds_a_planted_gain_and_no_gain_where_there_is_none(rng):
    held = {"FD": 0, "KD": 0}
    for trial in range(40):
        truth, a, b = (points(rng.standard_normal((120, 4)) + shift) for shift in (0, 0.8, 0.8))
        near = points(rng.standard_normal((120, 4)) + 0.05)
        equal, better = (frechet.difference(a, x, truth, seed=trial, n_bootstrap=60) for x in (b, near))
        for metric, none, some in zip(("FD", "KD"), equal.itertuples(), better.itertuples()):
            held[metric] += none.low <= 0 <= none.high
            assert some.low > 0, (metric, trial)
    assert min(held.values()) >= 34  # 95 % of 40 is 38; fewer than 34 would be chance once in a hundred


def test_sets_of_other_pictures_are_refused(rng):
    a = points(rng.standard_normal((10, 3)))
    with pytest.raises(ValueError, match="sets of 10, 10 and 9 pictures, expected the same pictures in all three"):
        frechet.difference(a, a, a.take(slice(0, 9)))
