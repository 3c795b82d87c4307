"""Intervals over pictures and fits: their variance against analysis of variance, their ends against textbooks, their words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mindreader import scoring, uncertainty
from mindreader.uncertainty import two_level


def crossed(rng, n_fits=5, n_pictures=300, of_fits=0.1, **kinds):
    values = (0.2 + of_fits * rng.standard_normal((n_fits, 1)) + 0.5 * rng.standard_normal(n_pictures)
              + 0.4 * rng.standard_normal((n_fits, n_pictures)))
    return values, uncertainty.mean_contributions(values, np.arange(n_pictures), **kinds)


def test_the_variance_is_that_of_a_crossed_analysis_of_variance(rng):
    values, score = crossed(rng)
    n_fits, n = values.shape
    rows, columns = values.mean(0), values.mean(1)
    of_pictures, of_fits = n_fits * rows.var(ddof=1), n * columns.var(ddof=1)
    rest = ((values - rows - columns[:, None] + values.mean()) ** 2).sum() / ((n - 1) * (n_fits - 1))
    expected = (of_pictures + of_fits - rest) / (n * n_fits)        # of the grand mean, from expected mean squares
    _, pictures, fits, found = two_level._variance(score)
    assert (found, pictures + fits) == (5, pytest.approx(expected))


def test_where_fits_are_all_the_variance_the_interval_is_students(rng):
    values = np.repeat(rng.standard_normal((4, 1)), 50, 1) + 1e-6 * rng.standard_normal((4, 50))
    found = uncertainty.score_interval(uncertainty.mean_contributions(values, np.arange(50)), null=0.0)
    expected = stats.ttest_1samp(values.mean(1), 0)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()), rel=1e-3)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3) and found.from_fits > 0.99


def test_one_fit_covers_pictures_alone_and_says_so(rng):
    values, score = crossed(rng, n_fits=1)
    found = uncertainty.score_interval(score)
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(values[0], 0).confidence_interval()), rel=0.01)
    assert found.covers == "300 pictures, of one fit only" and np.isnan(found.from_fits)
    assert uncertainty.score_interval(crossed(rng)[1]).covers == "300 pictures x 5 fits"


def test_more_fits_that_differ_widen_the_interval_of_one(rng):
    _, score = crossed(rng, of_fits=0.3)
    one, all_fits = (uncertainty.score_interval(each) for each in (score.of_fit(0), score))
    assert all_fits.high - all_fits.low > 2 * (one.high - one.low)
    assert (all_fits.lowest, all_fits.highest) == (score.values.min(), score.values.max())


def test_a_share_has_wilsons_interval_and_stays_within_its_bounds(rng):
    won = (rng.random((1, 400)) < 0.02).astype(float)
    found = uncertainty.score_interval(uncertainty.mean_contributions(won, np.arange(400), bounds=uncertainty.SHARE))
    assert (found.low, found.high) == pytest.approx(scoring.wilson(int(won.sum()), 400), abs=0.012) and found.low > 0
    none = uncertainty.score_interval(uncertainty.mean_contributions(np.zeros((3, 400)), np.arange(400), bounds=uncertainty.SHARE), null=0.1)
    assert none.low == pytest.approx(0, abs=1e-12) and 0 < none.high < 0.02 and none.p < 1e-6


def test_the_interval_excludes_exactly_what_the_p_value_rejects(rng):
    for bounds, shift in ((None, 0.0), (uncertainty.SHARE, 0.3), (uncertainty.CORRELATION, 0.0)):
        _, score = crossed(rng, n_fits=3, bounds=bounds)
        score = replace(score, values=score.values + shift)
        for end in ("low", "high"):
            null = getattr(uncertainty.score_interval(score), end)
            assert uncertainty.score_interval(score, null=null).p == pytest.approx(0.05, rel=1e-3), (bounds, end)


def test_a_paired_difference_is_that_of_the_trials(rng):
    first, one = crossed(rng)
    second = first + 0.1 + 0.05 * rng.standard_normal(first.shape)
    other = uncertainty.mean_contributions(second, np.arange(300))
    found, expected = other - one, uncertainty.mean_contributions(second - first, np.arange(300))
    assert found.values == pytest.approx(expected.values) and found.parts == pytest.approx(expected.parts)
    with pytest.raises(ValueError, match="got 300 pictures x 5 fits and 300 x 3, expected the same pictures and the same fits"):
        one - crossed(rng, n_fits=3)[1]


def test_finetunings_of_one_mapper_count_as_one_fit(rng):
    values, _ = crossed(rng, n_fits=3)
    twice = np.repeat(values, 2, 0)
    found = uncertainty.score_interval(uncertainty.mean_contributions(twice, np.arange(300), families=tuple("aabbcc")))
    expected = uncertainty.score_interval(uncertainty.mean_contributions(values, np.arange(300)))
    assert (found.low, found.high, found.n_fits) == pytest.approx((expected.low, expected.high, 3))


def test_a_mean_of_scores_is_their_mean(rng):
    (first, one), (second, two) = crossed(rng), crossed(rng)
    found = uncertainty.average([one, two])
    assert found.parts == pytest.approx(uncertainty.mean_contributions((first + second) / 2, np.arange(300)).parts)
    with pytest.raises(ValueError, match="got scores of other pictures or fits"):
        uncertainty.average([one, crossed(rng, n_pictures=200)[1]])


def test_what_rivals_take_from_one_picture_is_not_counted_twice(rng):
    """Wins against rivals drawn at random are independent: their variance is that of coin tosses."""
    found = []
    for _ in range(40):
        nearness = rng.random((200, 200))
        batch = scoring.RetrievalBatch(nearness + np.diag(np.full(200, 0.985) - nearness.diagonal()), np.arange(200), np.arange(200))
        score = uncertainty.retrieval_contributions([batch], "backward")
        share = score.values[0]
        found.append((two_level._variance(score)[1], two_level._variance(replace(score, pairs=()))[1], share * (1 - share) / 200))
    ours, without, binomial = np.mean(found, 0)
    assert ours == pytest.approx(binomial, rel=0.25) and without > 1.5 * binomial


def test_what_is_saved_is_found_again(rng, tmp_path):
    batch = scoring.RetrievalBatch(rng.random((30, 30)), np.arange(30), np.arange(30))
    score = uncertainty.retrieval_contributions([batch, batch], "forward", families=("first", "second"))
    score.save(tmp_path / "score.npz")
    again = uncertainty.Contributions.load(tmp_path / "score.npz")
    assert uncertainty.score_interval(again).high == pytest.approx(uncertainty.score_interval(score).high, rel=1e-6)
    assert again.families == score.families and again.bounds == uncertainty.SHARE
    assert np.array_equal(again.values, score.values) and (abs(again.pairs[1] - score.pairs[1])).max() < 1e-6


def test_contributions_that_do_not_fit_together_are_refused(rng):
    with pytest.raises(ValueError, match=r"got 2 values, parts \(1, 3\) and 3 image ids"):
        uncertainty.Contributions(np.zeros(2), np.zeros((1, 3)), np.arange(3))
    with pytest.raises(ValueError, match="got 1 families and 0 pairs for 2 fits"):
        uncertainty.Contributions(np.zeros(2), np.zeros((2, 3)), np.arange(3), families=("a",))


def test_a_ratios_contributions_are_its_slopes_in_the_weight_of_each_picture(rng):
    a, b = (uncertainty.mean_contributions(0.7 + 0.1 * rng.standard_normal((3, 40)), np.arange(40)) for _ in range(2))
    found, n, step = uncertainty.ratio(a, b, 0.5), 40, 1e-6
    for picture in range(5):
        moved = [each.values.mean() + step * each.parts.mean(0)[picture] / n for each in (a, b)]
        slope = ((moved[0] - 0.5) / (moved[1] - 0.5) - found.values.mean()) / step * n
        assert found.parts.mean(0)[picture] == pytest.approx(slope, abs=1e-4)
    with pytest.raises(ValueError, match="expected more than 1: there is nothing to have a share of"):
        uncertainty.ratio(a, b, 1.0)
