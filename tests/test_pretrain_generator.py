"""critic and pretrain_generator: what the eye sees, the critic, and a recipe that runs and can be taken up again."""

from __future__ import annotations

import dataclasses

import numpy as np
import open_clip
import pytest
import torch
from torch.nn import functional as F

from mindreader.critic import Critic, Eye, channel_statistics, content_distance
from mindreader.embed import ClipEmbedder, PixelEmbedder
from mindreader.pretrain_generator import PainterRecipe, pretrain_generator, score_painter
from mindreader.stylegan import StyleGanConfig

STAGES = ("warm", "compete", "settle")
NETWORK = StyleGanConfig(resolution=32, z_dim=6, w_dim=8, condition_dim=16, channel_base=128, channel_max=8,
                         mapping_layers=2)


@pytest.fixture(scope="module")
def clip():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = open_clip.CLIP(
            16, {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
            {"context_length": 8, "vocab_size": 10, "width": 16, "heads": 2, "layers": 1})
    preprocess = {"size": 32, "mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    known = open_clip.transform.PreprocessCfg(**preprocess)
    open_clip.model.set_model_preprocess_cfg(module, dataclasses.asdict(known))
    return ClipEmbedder(module, lambda sentences: torch.ones(len(sentences), 8, dtype=torch.long))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(sum(map(ord, "mind reader")))
    return rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)


def recipe(kimg=0.008):
    small = {"network": NETWORK, "batch": 4, "kimg": kimg, "tick_kimg": 0.004}
    base = PainterRecipe()
    return PainterRecipe(**{stage: dataclasses.replace(getattr(base, stage), **small) for stage in STAGES})


def train(pictures, clip, folder, what, **options):
    return pretrain_generator(pictures, clip, what, folder, train=np.arange(16), shown=np.arange(16, 24), **options)


@pytest.fixture
def real():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_eye_ends_at_clips_own_points(clip, real):
    seen = Eye(clip)(real)
    similarity = F.cosine_similarity(seen.points, clip.encode_pictures(real))
    assert similarity.min() > 0.99  # the eye looks in bfloat16
    assert [tuple(x.shape[1:]) for x in seen.stages] == [(3, 32, 32), (8, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2)]
    assert Eye(clip)(real, 2).points is None


def test_content_is_zero_for_a_copy_and_counts_pixels_at_four_sizes(clip, real):
    eye = Eye(clip)
    assert content_distance(eye(real, 2), eye(real, 2)).item() == 0
    painted = (real * 0.5).requires_grad_()
    a, b = eye(painted, 2), eye(real, 2)
    sizes = [F.interpolate(painted - real, scale_factor=1 / k, mode="area") for k in (1, 2, 4, 8)]
    sizes = [s.detach().abs().mean().item() for s in sizes]
    maps = []
    for x, y in zip(a.stages[1:4], b.stages[1:4]):
        x, y = (v.detach().float().numpy() for v in (x, y))
        x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
        maps.append(((x - y) ** 2).sum(1).mean())
    distance = content_distance(a, b)
    assert distance.item() == pytest.approx(4 * np.mean(sizes) + np.mean(maps) / 2, rel=1e-3)
    distance.backward()
    assert painted.grad.abs().sum() > 0


def test_critic_judges_every_place_and_listens_to_the_condition(clip, real):
    eye = Eye(clip)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = Critic(channel_statistics(eye, real), 16, width=8).eval()
    stages = eye(real).stages
    condition = F.normalize(torch.randn(4, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    logits = critic(stages, condition)
    assert [tuple(x.shape[1:]) for x in logits] == [(1, 4, 4), (1, 4, 4), (1, 4, 4), (1, 4, 4), (1, 2, 2)]
    others = critic(stages, condition.roll(1, 0))
    assert all((a - b).abs().max() > 0 for a, b in zip(logits, others))
    mean, std = channel_statistics(eye, real)[0]
    torch.testing.assert_close(mean, real.mean((0, 2, 3)))
    torch.testing.assert_close(std, real.std((0, 2, 3)) + 1e-3)


def test_recipe_runs_all_stages_and_draws_sheets(pictures, clip, tmp_path):
    trained = train(pictures, clip, tmp_path, recipe(), sheet_seconds=0.0)
    assert {p.name for p in tmp_path.glob("*.pt")} == {f"{stage}.pt" for stage in STAGES}
    assert [len(list(tmp_path.glob(f"{stage}-*.png"))) for stage in STAGES] == [2, 2, 2]
    assert trained.network == NETWORK
    assert trained.paint(clip.images(pictures[:3]), seed=0).shape == (3, 32, 32, 3)


def test_interrupted_recipe_goes_on_to_the_bit(pictures, clip, tmp_path):
    whole = train(pictures, clip, tmp_path / "a", recipe())
    short = recipe()
    short = dataclasses.replace(short, compete=dataclasses.replace(short.compete, kimg=0.004))
    train(pictures, clip, tmp_path / "b", short)
    (tmp_path / "b" / "settle.pt").unlink()  # as if stopped in the middle of the second stage
    resumed = train(pictures, clip, tmp_path / "b", recipe(), resume=True)
    assert all(torch.equal(t, resumed.states["G_ema"][k]) for k, t in whole.states["G_ema"].items())


def test_minutes_become_kimg_by_the_measured_speed():
    base = PainterRecipe()
    total = sum(getattr(base, stage).kimg for stage in STAGES)
    same = base.within(total * 1000 / base.images_per_second / 60)
    assert same.warm.kimg == pytest.approx(base.warm.kimg)
    half = base.within(total * 500 / base.images_per_second / 60)
    assert half.compete.kimg == pytest.approx(base.compete.kimg / 2)


def test_scores_of_a_painter_that_copies_are_perfect(pictures):
    class Copyist:
        def paint(self, points, *, seed):
            return pictures

    assert score_painter(Copyist(), PixelEmbedder(8), pictures, np.zeros((24, 16))) == pytest.approx(
        {"n": 24, "top1": 1.0, "cosine": 1.0, "l1": 0.0})


def test_no_stage_uses_a_published_bug_or_drowns_the_point_in_noise():
    for config in (getattr(PainterRecipe(), stage) for stage in STAGES):
        assert config.published_bugs == ()
        assert 0 <= config.noise_levels[0] < config.noise_levels[1] < 0.75
