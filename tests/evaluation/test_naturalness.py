"""Scores of naturalness, held to what is known of them: closed forms, a triple loop, planted differences."""

import numpy as np
import pytest

from mindreader.evaluation import naturalness
from mindreader.evaluation.naturalness import neighbours, out_of_place, principal_axes, project, sliced_wasserstein, told_apart
from mindreader.evaluation.segmenter import Reading


def pictures(rng, n, bright=128):
    noise = rng.normal(bright, 30, (n, 64, 64, 3))
    return noise.clip(0, 255).astype(np.uint8)


def test_real_features_have_unit_spread_and_no_correlation_on_their_axes(rng):
    features = rng.standard_normal((300, 10)) @ rng.standard_normal((10, 10)) + 5
    found = project(features, principal_axes(features, 6))
    np.testing.assert_allclose(np.cov(found, rowvar=False), np.eye(6), atol=1e-6)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-8)


def test_neighbours_are_those_of_a_triple_loop(rng):
    a, b, k = rng.standard_normal((20, 3)), rng.standard_normal((25, 3)) + 0.5, 3
    reach = {name: [sorted(np.linalg.norm(x - y) for y in some)[k] for x in some] for name, some in (("a", a), ("b", b))}
    inside = [[np.linalg.norm(x - y) < r for y, r in zip(b, reach["b"])] for x in a]
    covered = [[np.linalg.norm(x - y) < r for x, r in zip(a, reach["a"])] for y in b]
    found = neighbours(a, b, k)
    assert found["precision"] == np.mean([any(row) for row in inside])
    assert found["recall"] == np.mean([any(row) for row in covered])
    assert found["density"] == pytest.approx(np.sum(inside) / k / len(a))
    assert found["coverage"] == np.mean([any(column) for column in zip(*inside)])


def test_two_halves_of_a_set_are_neighbours_and_far_sets_are_not(rng):
    real = rng.standard_normal((200, 4))
    near, far = neighbours(real[:100], real[100:]), neighbours(real[:100] + 50, real[100:])
    assert near["precision"] > 0.8 and near["recall"] > 0.8 and set(far.values()) == {0.0}


def test_flat_sets_of_another_brightness_have_the_same_details(rng):
    flat = np.full((4, 64, 64, 3), 100, np.uint8)
    assert sliced_wasserstein(flat, flat + 50) == pytest.approx(0, abs=1e-4)


def test_noise_moves_patches_by_its_own_spread(rng):
    """Over directions of unit length, quantiles of normal noise of spread s lie s * E|z| from 0."""
    flat, noisy = np.full((40, 64, 64, 3), 128, np.uint8), pictures(rng, 40)
    found = sliced_wasserstein(noisy, flat, n_levels=1, n_directions=100)
    detail = 30 * np.sqrt(1 - 2 * 0.1406 + 0.0977 + 0.01)     # a pixel less the interpolated mean of its block of four
    assert found == pytest.approx(detail * np.sqrt(2 / np.pi), rel=0.12)


def test_places_that_look_wrong_count_by_their_log_odds():
    def reading(odd):
        return Reading(*[np.zeros((3, 8, 8), np.uint8)] * 2, np.full((3, 8, 8), odd, np.float32), np.zeros((3, 4)))

    assert out_of_place(reading(0.5), reading(0.5)) == 0
    assert out_of_place(reading(1 / (1 + np.exp(-3))), reading(0.5)) == pytest.approx(3, abs=1e-3)


def test_the_classifier_tells_planted_differences_and_nothing_else(rng):
    real, more, darker = pictures(rng, 120), pictures(rng, 120), pictures(rng, 120, bright=100)
    assert told_apart(darker, real, n_epochs=3) > 0.9
    assert 0.3 < told_apart(more, real, n_epochs=3) < 0.7


def test_the_classifier_leaves_the_global_seed_alone(rng):
    import torch
    torch.manual_seed(3)
    before = torch.get_rng_state()
    told_apart(pictures(rng, 8), pictures(rng, 8), n_epochs=1)
    assert torch.equal(before, torch.get_rng_state()) and naturalness.NEIGHBOURS == 5


class Plain:
    """In the place of a segmenter: what is out of place is what is bright."""

    def read(self, pixels):
        bright = pixels[:, ::2, ::2].mean(-1).astype(np.float32) / 255
        return Reading(*[np.zeros(bright.shape, np.uint8)] * 2, bright, pixels.reshape(len(pixels), -1)[:, ::97].astype(float))


def test_a_score_that_rises_alone_decides_structure_or_surface(rng):
    real = pictures(rng, 200)
    score = naturalness.Naturalness(real, Plain())
    plain = score(pictures(rng, 60))
    bright = pictures(rng, 60)
    bright[:, :8, :8] = 255
    torn, soft = score(bright), score(np.full((60, 64, 64, 3), 128, np.uint8))
    assert torn["out of place"] > plain["out of place"] + 1 and soft["sliced Wasserstein"] > plain["sliced Wasserstein"] + 1
    for found in (torn, soft):
        assert found["structure or surface"] > 2 * plain["structure or surface"]
    assert set(plain) == set(torn) and not any(name.endswith("(twin features)") for name in plain)


def test_a_row_has_the_score_and_the_spread_of_other_pictures(rng):
    """Judged by sets that are really drawn anew; trials of a picture stay together and widen the interval."""
    score = naturalness.Naturalness(pictures(rng, 200), Plain())

    def some(n):
        made = pictures(rng, n)
        made[rng.random(n) < 0.3, :12, :12] = 255
        return made

    mine = some(80)
    row = score.rows(mine, np.arange(80), name="x", origin="twin", n_bootstrap=60).iloc[0]
    assert row.metric == "structure or surface" and row.value == score(mine)["structure or surface"] and row.n == 80
    spread = np.std([score(some(80))["structure or surface"] for _ in range(25)], ddof=1)
    assert (row.high - row.low) / 2 == pytest.approx(1.96 * spread, rel=0.5)
    together = score.rows(np.repeat(mine[:20], 4, 0), np.repeat(np.arange(20), 4), name="x", origin="twin", n_bootstrap=60).iloc[0]
    apart = score.rows(np.repeat(mine[:20], 4, 0), np.arange(80), name="x", origin="twin", n_bootstrap=60).iloc[0]
    assert together.high - together.value > 1.3 * (apart.high - apart.value)
