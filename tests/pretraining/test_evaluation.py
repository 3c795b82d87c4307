"""evaluation: a generator that copies, one that guesses, the Gaussian over pixels, and what a card keeps."""

from __future__ import annotations

import numpy as np
import pytest

from mindreader.pretraining import evaluation
from mindreader.scoring import intervals
from mindreader.embedding import load_clip
from mindreader.extractors import PixelEmbedder
from mindreader.world.rendering import render_many

SEED = sum(map(ord, "mind reader"))
NET = PixelEmbedder(4)


class Known:
    """A generator whose pictures are known."""

    def __init__(self, pictures):
        self.pictures = pictures

    def generate(self, embeddings, *, seed):
        return self.pictures


def pictures(n=60, size=8, seed=SEED):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def scored(generated, true, **more):
    return evaluation.score_generator(Known(generated), np.zeros((len(true), 2)), true, NET, n_bootstrap=50, **more)


def of(table, metric):
    return table[table.metric == metric].iloc[0]


def test_a_painter_that_copies_wins_every_round_at_no_distance():
    true = pictures()
    table = scored(true, true, clip=PixelEmbedder(8), name="copyist")
    assert table.metric.tolist() == [
        "2-way (twin features)", "10-way (twin features)", "50-way (twin features)", "FD (twin features)",
        "KD (twin features)", "CLIP 2-way (the critic)", "CLIP top1 of 60 (the critic)"]
    ways = table[table.metric.str.contains("way|top1")]
    assert (ways[["value", "low", "high"]] == 1).all(axis=None)
    assert of(table, "FD (twin features)").value == pytest.approx(0, abs=1e-6)
    assert list(table.columns) == [*intervals.SCORE_COLUMNS, "protocol"] and (table.n == 60).all() and (table["name"] == "copyist").all()


def test_a_painter_that_ignores_its_points_is_at_chance():
    true = pictures(200)
    table = scored(pictures(200, seed=SEED + 1), true, clip=PixelEmbedder(8))
    for metric, chance in (("2-way (twin features)", 1 / 2), ("10-way (twin features)", 1 / 10),
                           ("CLIP 2-way (the critic)", 1 / 2), ("CLIP top1 of 200 (the critic)", 1 / 200)):
        row = of(table, metric)
        assert row.chance == chance and row.low <= chance <= row.high


def test_critic_and_outside_net_may_disagree():
    """Upside down, each picture keeps its mean colour but no layout: a critic of means is content."""
    true = pictures(40)
    table = scored(true[:, ::-1], true, clip=PixelEmbedder(1))
    assert of(table, "CLIP 2-way (the critic)").value == 1
    assert of(table, "2-way (twin features)").value < 0.9


def test_points_and_pictures_must_match():
    with pytest.raises(ValueError, match="got 59 embeddings for 60 pictures"):
        evaluation.score_generator(Known(pictures()), np.zeros((59, 2)), pictures(), NET)
    with pytest.raises(ValueError, match="got 59 generated and 60 true pictures"):
        evaluation.score_pictures(pictures(59), pictures(60), NET)


def test_pixel_gaussian_has_the_mean_and_the_spread_of_what_it_was_fitted_to():
    rng = np.random.default_rng(SEED)
    true = (128 + 25 * rng.standard_normal((3000, 3)) @ rng.standard_normal((3, 48)) / 2).clip(0, 255)
    true = true.round().astype(np.uint8).reshape(3000, 4, 4, 3)
    sampled = evaluation.pixel_gaussian(true, 3000, n_components=3, seed=1)
    assert sampled.dtype == np.uint8 and sampled.shape == true.shape
    a, b = (x.reshape(len(x), -1).astype(float) for x in (true, sampled))
    assert np.abs(a.mean(0) - b.mean(0)).max() < 4
    assert np.allclose(np.cov(a.T), np.cov(b.T), atol=0.1 * a.var(0).max())
    assert not np.array_equal(sampled, evaluation.pixel_gaussian(true, 3000, n_components=3, seed=2))


def test_pixel_gaussian_needs_more_pictures_than_components():
    with pytest.raises(ValueError, match="got 60 training pictures for 300 components"):
        evaluation.pixel_gaussian(pictures(), 10)


def test_yardsticks_put_real_pictures_nearer_than_the_gaussian():
    rng = np.random.default_rng(SEED)
    scenes = pictures(3)                             # three scenes with some noise: no Gaussian
    true = (scenes[rng.integers(0, 3, 400)] * 0.9 + rng.integers(0, 20, (400, 8, 8, 3))).astype(np.uint8)
    table = evaluation.reference_distances(true, true[:200], true[200:], NET, n_components=8)
    far = table[table.metric == "FD (twin features)"].set_index("name").value
    assert far[evaluation.REAL_SET] < far["Gaussian on 8 pixel components"] / 2
    with pytest.raises(ValueError, match="real sets of 200 and 150 pictures"):
        evaluation.reference_distances(true, true[:200], true[250:], NET, n_components=8)


def test_fog_can_be_moved_by_a_few_levels_until_clip_sees_a_scene():
    clip, scenes = load_clip(), render_many(0, "world", range(4), processes=1)
    fog = np.full_like(scenes, 128)
    wanted = clip.images(scenes)
    moved = evaluation.adversarial_pictures(clip, wanted, fog, n_steps=6, step=1.0, batch=3)
    assert np.abs(moved.astype(int) - fog).max() <= 6

    def likeness(pictures):
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (clip.images(pictures), wanted))
        return (a * b).sum(1)

    assert (likeness(moved) > likeness(fog) + 0.1).all()


def test_a_card_keeps_metric_and_value_of_one_set_only():
    true = pictures()
    table = scored(true, true)
    kept = evaluation.card_scores(table)
    assert kept["n"] == 60 and kept["2-way (twin features)"] == 1.0 and len(kept) == 1 + len(table)
    with pytest.raises(ValueError, match="expected those of one set"):
        evaluation.card_scores(evaluation.reference_distances(true, true[:30], true[30:], NET, n_components=5))
