"""Shifts of embeddings: how alike they are between trials, and p from random sets that is uniform where nothing is planted."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kstest

from mindreader.stimulation import shifts


def test_consistency_is_the_mean_cosine_over_pairs(rng):
    moved = rng.normal(size=(3, 5, 7))
    for mine, found in zip(moved, shifts.consistency(moved)):
        first = [mine[0] @ b / np.linalg.norm(mine[0]) / np.linalg.norm(b) for b in mine[1:]]
        assert found[0] == pytest.approx(np.mean(first))
        pairs = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in permutations(mine, 2)]
        assert found.mean() == pytest.approx(np.mean(pairs))


def test_a_trial_that_does_not_move_counts_as_unlike_all_others():
    assert shifts.consistency(np.array([[1.0, 0], [1, 0], [0, 0]])) == pytest.approx([0.5, 0.5, 0])
    assert (shifts.consistency(np.zeros((3, 2))) == 0).all()
    with pytest.raises(ValueError, match="got 1 trial, expected at least two"):
        shifts.consistency(np.ones((1, 4)))


def test_the_same_coordinates_are_found_and_others_are_at_chance(rng):
    same = np.zeros((6, 100))
    same[:, :10] = rng.choice([-1, 1], (6, 10)) * 5                        # the same ten, whichever way they go
    assert (shifts.same_coordinates(same + 0.1 * rng.normal(size=same.shape)) == 1).all()
    apart = rng.normal(size=(400, 6, 100))
    assert shifts.same_coordinates(apart).mean() == pytest.approx(0.1, abs=0.005)


def test_share_lower_counts_coordinates_that_go_down():
    assert shifts.share_lower(np.array([[-1.0, -2, 3, -4], [1, 1, 1, 1]])).tolist() == [0.75, 0]


def test_p_is_uniform_where_the_value_is_one_more_draw(rng):
    p = [shifts.rank_p(x[0], x[1:], side=1) for x in rng.normal(size=(2000, 100))]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean([shifts.rank_p(x[0], x[1:]) <= 0.05 for x in rng.normal(size=(2000, 200))]) == pytest.approx(0.05, abs=0.015)


def test_p_is_never_zero_and_knows_its_side():
    assert shifts.rank_p(9, np.zeros(199), side=1) == 1 / 200
    assert shifts.rank_p(9, np.zeros(199), side=-1) == 1
    assert shifts.rank_p(0, np.zeros(199)) == 1
