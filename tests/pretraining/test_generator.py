"""critic and generator: the feature extractor, the critic, and a recipe that runs and can be resumed."""

from __future__ import annotations

import dataclasses

import numpy as np
import open_clip
import pytest
import torch
from torch.nn import functional as F

from mindreader.pretraining import generator as pretraining
from mindreader.pretraining.critic import FeatureCritic, FeatureExtractor, channel_statistics, content_distance, random_shift
from mindreader.embedding.clip import ClipEmbedder
from mindreader.pretraining.generator import ORIGINS, GeneratorRecipe, Sheet, pretrain_generator
from mindreader.generator.stylegan import StyleGanConfig

STAGES = ("regression_32", "regression_64", "adversarial")
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
    base = GeneratorRecipe(regression_32=dataclasses.replace(GeneratorRecipe().regression_32, sketch_size=16))
    return GeneratorRecipe(**{stage: dataclasses.replace(getattr(base, stage), **small) for stage in STAGES})


def train(pictures, clip, folder, what, **options):
    return pretrain_generator(pictures, np.arange(16), clip.images(pictures[:16]), clip, what, folder, **options)


@pytest.fixture
def real():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_features_end_at_clips_own_embeddings(clip, real):
    features = FeatureExtractor(clip)(real)
    similarity = F.cosine_similarity(features.embeddings, clip.encode_pictures(real))
    assert similarity.min() > 0.99  # the extractor looks in bfloat16
    assert [tuple(x.shape[1:]) for x in features.stages] == [(3, 32, 32), (8, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2)]
    assert FeatureExtractor(clip)(real, 2).embeddings is None


def test_content_distance_is_zero_for_equal_pictures_and_counts_pixels_at_four_sizes(clip, real):
    extractor = FeatureExtractor(clip)
    assert content_distance(extractor(real, 2), extractor(real, 2)).item() == 0
    generated = (real * 0.5).requires_grad_()
    a, b = extractor(generated, 2), extractor(real, 2)
    sizes = [F.interpolate(generated - real, scale_factor=1 / k, mode="area") for k in (1, 2, 4, 8)]
    sizes = [s.detach().abs().mean().item() for s in sizes]
    maps = []
    for x, y in zip(a.stages[1:4], b.stages[1:4]):
        x, y = (v.detach().float().numpy() for v in (x, y))
        x, y = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (x, y))
        maps.append(((x - y) ** 2).sum(1).mean())
    distance = content_distance(a, b)
    assert distance.item() == pytest.approx(4 * np.mean(sizes) + np.mean(maps) / 2, rel=1e-3)
    distance.backward()
    assert generated.grad.abs().sum() > 0


def test_critic_classifies_every_position_and_depends_on_the_condition(clip, real):
    extractor = FeatureExtractor(clip)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = FeatureCritic(channel_statistics(extractor, real)[1:], 16, width=8).eval()
    stages = extractor(real).stages[1:]
    condition = F.normalize(torch.randn(4, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    logits = critic(stages, condition)
    assert [tuple(x.shape[1:]) for x in logits] == [(1, 4, 4), (1, 4, 4), (1, 4, 4), (1, 2, 2)]
    others = critic(stages, condition.roll(1, 0))
    assert all((a - b).abs().max() > 0 for a, b in zip(logits, others))
    mean, std = channel_statistics(extractor, real)[0]
    torch.testing.assert_close(mean, real.mean((0, 2, 3)))
    torch.testing.assert_close(std, real.std((0, 2, 3)) + 1e-3)


def test_random_shift_moves_all_pictures_alike_and_by_whole_pixels(real):
    moved = random_shift(real, torch.Generator().manual_seed(3), most=4)
    places = [(y, x) for y in range(-4, 5) for x in range(-4, 5)
              if torch.equal(moved[..., 8:24, 8:24], real[..., 8 + y:24 + y, 8 + x:24 + x])]
    assert len(places) == 1


def test_recipe_runs_all_stages_and_writes_samples(pictures, clip, tmp_path):
    shown = pictures[16:]
    sheet = Sheet(shown, clip.images(shown), clip.images(shown), tmp_path, every=0.0)
    trained = train(pictures, clip, tmp_path, recipe(), sheet=sheet)
    assert {p.name for p in tmp_path.glob("*.pt")} == {f"{stage}.pt" for stage in STAGES}
    assert [len(list(tmp_path.glob(f"{stage}-*.png"))) for stage in STAGES] == [2, 2, 2]
    assert trained.network == NETWORK
    assert list(trained.history.stage.unique()) == list(STAGES)
    assert trained.generate(clip.images(pictures[:3]), seed=0).shape == (3, 32, 32, 3)


def test_regression_at_half_size_leaves_the_largest_layers_as_they_were(pictures, clip, tmp_path):
    none = dataclasses.replace(recipe(), regression_64=dataclasses.replace(recipe().regression_64, kimg=0.004),
                               adversarial=dataclasses.replace(recipe().adversarial, kimg=0.004))
    train(pictures, clip, tmp_path, none)
    before = pretraining._initial_networks(recipe().regression_32, 0).states["G"]
    after = torch.load(tmp_path / "regression_32.pt", weights_only=True)["generator"]
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert any(".b16." in name for name in moved) and not any(".b32." in name for name in moved)


def test_interrupted_recipe_goes_on_to_the_bit(pictures, clip, tmp_path):
    whole = train(pictures, clip, tmp_path / "a", recipe())
    short = recipe()
    short = dataclasses.replace(short, regression_64=dataclasses.replace(short.regression_64, kimg=0.004))
    train(pictures, clip, tmp_path / "b", short)
    (tmp_path / "b" / "adversarial.pt").unlink()  # as if stopped in the middle of the second stage
    resumed = train(pictures, clip, tmp_path / "b", recipe(), resume=True)
    assert all(torch.equal(t, resumed.states["G_ema"][k]) for k, t in whole.states["G_ema"].items())


def test_a_pretrained_generator_takes_the_adversarial_stage_only(pictures, clip, tmp_path):
    first = train(pictures, clip, tmp_path / "first", recipe())
    second = train(pictures, clip, tmp_path / "second", recipe(), start=first)
    assert list(second.history.stage.unique()) == ["adversarial"]
    assert {p.name for p in (tmp_path / "second").glob("*.pt")} == {"adversarial.pt"}
    assert any(not torch.equal(t, first.states["G"][k]) for k, t in second.states["G"].items())
    longer = dataclasses.replace(recipe(), adversarial=dataclasses.replace(recipe().adversarial, learning_rate=0.0, ema_kimg=0.0))
    still = train(pictures, clip, tmp_path / "still", longer, start=first)
    assert all(torch.equal(t, first.states["G"][k]) for k, t in still.states["G"].items() if not k.endswith("w_avg"))


def test_a_generator_is_made_after_the_one_it_starts_from():
    made = list(ORIGINS)
    assert all(made.index(origin.start) < made.index(name) for name, origin in ORIGINS.items() if origin.start)


def test_a_recipe_of_another_length_is_else_the_same():
    base, other = GeneratorRecipe(), GeneratorRecipe().with_kimg((1.0, 2.0, 3.0))
    for stage, kimg in zip(STAGES, (1.0, 2.0, 3.0)):
        assert getattr(other, stage) == dataclasses.replace(getattr(base, stage), kimg=kimg)
    with pytest.raises(ValueError):
        base.with_kimg((1.0, 2.0))


def test_supervised_generators_are_conditioned_on_both_specific_captions_of_each_picture(clip):
    class SmallWorld:
        pictures, train = np.zeros((3, 32, 32, 3), np.uint8), np.arange(2)
        captions = [[["a", "vague"], ["b", "specific"], ["c", "specific"]], [["d", "specific"], ["e", "specific"]]]

    class Texts:
        def texts(self, sentences):
            return np.array([[ord(s)] for s in sentences])

    rows, embeddings = pretraining._training_items(SmallWorld, Texts(), "caption")
    assert rows.tolist() == [0, 0, 1, 1] and embeddings[:, 0].tolist() == [ord(s) for s in "bcde"]


def test_the_out_of_domain_generator_is_not_trained_on_the_world_of_the_others():
    assert [origin.stream for origin in ORIGINS.values()] == ["world", "world", "watermark"]
    assert ORIGINS["generator_sup"].condition == "caption"
    assert not ORIGINS["generator_ood"].start  # another's weights come from that world


def test_no_stage_uses_a_published_bug_or_drowns_the_embedding_in_noise():
    for config in (getattr(GeneratorRecipe(), stage) for stage in STAGES):
        assert config.published_bugs == ()
        assert 0 <= config.noise_levels[0] < config.noise_levels[1] < 0.75
