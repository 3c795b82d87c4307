"""Embedders: open_clip as oracle, rows in order, one result for any batch, and messages for wrong input."""

import json
from dataclasses import asdict

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mindreader.core import paths, weights
from mindreader.embedding import clip as embed, unit_range
from mindreader.embedding.augmentation import AugmentConfig, augment, blur_size, crop_box
from mindreader.extractors import features
from mindreader.records import LayoutError, Reconstructions, Stimuli

SENTENCES = ["A red bus on a street.", "There is a dog.", "A very nice view of this."]


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (7, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def random_clip(tmp_path_factory):
    """A folder with an untrained open_clip model and a compact vocabulary."""
    folder = tmp_path_factory.mktemp("clip")
    known = embed.CompactTokenizer.known(SENTENCES)
    model = {"embed_dim": 32,
             "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64},
             "text_cfg": {"context_length": 16, "vocab_size": len(known) + 4, "width": 32, "heads": 2,
                          "layers": 1}}
    torch.manual_seed(1)
    save_file(open_clip.CLIP(**model).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": model, "preprocess_cfg": {"size": 64}, "vocabulary": known}))
    return folder


@pytest.fixture(scope="module")
def clip(random_clip):
    return embed.load_clip(embed.EmbedConfig(clip=f"local-dir:{random_clip}"))


# ── CLIP ──────────────────────────────────────────────────────────────────────────────────────────
def test_pictures_equal_open_clip_with_its_own_preprocessing(random_clip, clip, rng):
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{random_clip}")
    for size in (64, 90):
        pixels = rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8)
        with torch.no_grad():
            theirs = model.eval().encode_image(torch.stack([preprocess(Image.fromarray(p)) for p in pixels]))
        np.testing.assert_allclose(clip.images(pixels), theirs.numpy(), atol=1e-5)


def test_sentences_equal_open_clip_on_the_same_tokens(random_clip, clip):
    model = open_clip.create_model(f"local-dir:{random_clip}").eval()
    with torch.no_grad():
        theirs = model.encode_text(clip.tokenizer(SENTENCES)).numpy()
    np.testing.assert_allclose(clip.texts(SENTENCES), theirs, atol=1e-5)


def test_embeddings_are_raw_float32_of_the_announced_width(clip, pixels):
    for embeddings in (clip.images(pixels), clip.texts(SENTENCES)):
        assert embeddings.dtype == np.float32 and embeddings.shape[1] == clip.n_dims == 32
        assert abs(np.linalg.norm(embeddings, axis=1) - 1).min() > 0.01
    assert clip.logit_scale == pytest.approx(1 / 0.07, rel=1e-4)


def test_differentiable_pictures_agree_with_pixels_and_have_a_gradient(clip, pixels):
    pictures = unit_range(pixels).requires_grad_(True)
    embeddings = clip.encode_pictures(pictures)
    np.testing.assert_allclose(embeddings.detach().numpy(), clip.images(pixels), atol=1e-4)
    embeddings.square().sum().backward()
    assert pictures.grad.abs().sum((1, 2, 3)).min() > 0
    assert all(p.grad is None for p in clip.module.parameters())


def test_differentiable_resizing_is_that_of_pil(clip, rng):
    coarse = rng.integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    smooth = np.array([np.array(Image.fromarray(c).resize((128, 128), Image.Resampling.BICUBIC))
                       for c in coarse])
    embeddings = clip.encode_pictures(unit_range(smooth)).detach().numpy()
    np.testing.assert_allclose(embeddings, clip.images(smooth), atol=0.02 * np.abs(embeddings).max())


def test_tokenizer_round_trip_padding_and_end():
    tokenizer = embed.CompactTokenizer(embed.CompactTokenizer.known(SENTENCES), 12)
    rows = tokenizer(SENTENCES)
    assert [tokenizer.decode(r) for r in rows] == ["a red bus on a street .", "there is a dog .",
                                                   "a very nice view of this ."]
    assert rows.shape == (3, 12) and (rows.argmax(1) == (rows != 0).sum(1) - 1).all()
    assert rows.max() == tokenizer.end == tokenizer.vocab_size - 1
    assert [len(tokenizer.base.encode(s)) + 2 for s in SENTENCES] == (rows != 0).sum(1).tolist()


def test_unknown_words_become_one_token_and_long_sentences_keep_their_end():
    tokenizer = embed.CompactTokenizer(embed.CompactTokenizer.known(["a dog"]), 6)
    assert tokenizer.decode(tokenizer("a purple dog")[0]) == "a ? dog"
    row = tokenizer("a dog a dog a dog a dog")[0]
    assert row[-1] == tokenizer.end and (row[:-1] != tokenizer.end).all()


def test_a_folder_without_vocabulary_gets_open_clips_tokenizer(random_clip, tmp_path):
    settings = json.loads((random_clip / "open_clip_config.json").read_text())
    del settings["vocabulary"]
    settings["model_cfg"]["text_cfg"] |= {"vocab_size": 49408, "context_length": 20}
    torch.manual_seed(1)
    save_file(open_clip.CLIP(**settings["model_cfg"]).state_dict(), tmp_path / "open_clip_model.safetensors")
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    clip = embed.load_clip(embed.EmbedConfig(clip=f"local-dir:{tmp_path}"))
    assert torch.equal(clip.tokenizer(SENTENCES), open_clip.tokenize(SENTENCES, 20))


# ── which CLIP ────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def small_vit(monkeypatch):
    """open_clip's registry with a ViT-B-32 in miniature under both names; gives a writer of its weights."""
    tiny = {"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}}
    both = {"ViT-B-32": tiny, "ViT-B-32-quickgelu": tiny | {"quick_gelu": True}}
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", both)

    def write(path, scale=100.0):
        torch.manual_seed(3)
        model = open_clip.CLIP(**tiny)
        model.logit_scale.data.fill_(np.log(scale))
        save_file(model.state_dict(), path)
        return path
    return write


def test_a_users_weights_are_read_with_quick_gelu(small_vit, tmp_path, pixels):
    path = small_vit(tmp_path / "x.safetensors")
    quick = embed.load_clip(embed.EmbedConfig(clip=f"ViT-B-32-quickgelu:{path}"))
    assert any(isinstance(m, open_clip.transformer.QuickGELU) for m in quick.module.modules())
    plain = embed.load_clip(embed.EmbedConfig(clip=f"ViT-B-32:{path}", quick_gelu=False))
    assert np.abs(quick.images(pixels) - plain.images(pixels)).max() > 1e-4
    assert quick.logit_scale == pytest.approx(100, rel=1e-4) and quick.image_size == 32
    assert torch.equal(quick.tokenizer(SENTENCES), open_clip.tokenize(SENTENCES))


def test_the_name_without_quick_gelu_is_refused(small_vit, tmp_path):
    path = small_vit(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="expected 'ViT-B-32-quickgelu'.*silently wrong"):
        embed.load_clip(embed.EmbedConfig(clip=f"ViT-B-32:{path}"))


def test_untrained_weights_are_refused(small_vit, tmp_path):
    path = small_vit(tmp_path / "x.safetensors", scale=14.3)
    with pytest.raises(LayoutError, match="logit scale of 14.3"):
        embed.load_clip(embed.EmbedConfig(clip=f"ViT-B-32-quickgelu:{path}"))


def test_real_quickgelu_names_are_in_open_clips_registry():
    assert open_clip.get_model_config("ViT-B-32-quickgelu")["quick_gelu"] is True
    assert not open_clip.get_model_config("ViT-B-32").get("quick_gelu")


@pytest.mark.parametrize("clip, error, message", [
    ("ViT-B-32-quickgelu", LayoutError, "no weights of ViT-B-32-quickgelu in .*expected a file such as ViT-B-32.pt there; nothing is"),
    ("maxi", ValueError, "expected 'mini', 'local-dir:/folder'"),
    ("ViT-Z:/x.safetensors", ValueError, "list_models"),
    ("ViT-B-32-quickgelu:/nowhere/x.safetensors", LayoutError, "no file /nowhere/x.safetensors"),
    ("ViT-B-32-quickgelu:/nowhere/ViT-B-32.pt", LayoutError, "no file /nowhere/ViT-B-32.pt"),
    ("local-dir:/nowhere", LayoutError, "no open_clip_config.json in /nowhere"),
])
def test_a_clip_that_cannot_be_had_is_refused_in_one_sentence(clip, error, message):
    with pytest.raises(error, match=message):
        embed.load_clip(embed.EmbedConfig(clip=clip))


def test_weights_of_another_model_are_refused(random_clip, small_vit, tmp_path):
    with pytest.raises(LayoutError, match="open_clip cannot load"):
        embed.load_clip(embed.EmbedConfig(
            clip=f"ViT-B-32-quickgelu:{random_clip / 'open_clip_model.safetensors'}"))


def test_the_missing_mini_clip_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path)
    with pytest.raises(LayoutError, match="mindreader.pretraining clip"):
        embed.load_clip()


@pytest.mark.skipif(not (weights.part_folder("clip") / "card.json").is_file(), reason="no mini CLIP yet")
def test_the_shipped_mini_clip_names_the_object_of_a_picture():
    from mindreader.world.sampling import draw_scene
    from mindreader.world.rendering import render
    from mindreader.world.scenes import factors
    clip = embed.load_clip()
    scenes = [draw_scene(5, "subject", i, "object") for i in range(60)]
    names = ["car", "boat", "umbrella", "pizza", "chair", "couch", "clock", "bicycle", "cake", "tv"]
    truth = np.array([[factors(s)[f"has_{n}"] for n in names] for s in scenes])
    keep = truth.sum(1) == 1
    embeddings = clip.images(np.stack([render(s) for s, k in zip(scenes, keep) if k]))
    words = clip.texts([f"a photo of a {n}" for n in names])
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    assert clip.n_dims == 128 and ((embeddings @ words.T).argmax(1) == truth[keep].argmax(1)).mean() > 0.8


# ── every embedder ────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(params=["clip", "feature", "low", "last", "pixels"])
def embedder(request, clip, nets):
    known = dict(zip(("feature", "low", "last"), nets), clip=clip, pixels=features.PixelEmbedder(8))
    return known[request.param]


def test_rows_keep_their_order_and_the_batch_changes_nothing(embedder, pixels, monkeypatch):
    all_at_once = embedder.images(pixels)
    assert all_at_once.shape == (7, embedder.n_dims) and all_at_once.dtype == np.float32
    monkeypatch.setattr(embedder, "batch", 2)
    np.testing.assert_allclose(embedder.images(pixels[::-1])[::-1], all_at_once, atol=1e-5)


def test_the_same_pixels_give_the_same_bits(embedder, pixels):
    assert np.array_equal(embedder.images(pixels), embedder.images(pixels))
    assert embedder.images(pixels[:0]).shape == (0, embedder.n_dims)


@pytest.mark.parametrize("wrong", [np.zeros((2, 64, 64, 3)), np.zeros((64, 64, 3), np.uint8),
                                   np.zeros((2, 3, 64, 64), np.uint8)])
def test_wrong_pixels_are_refused(embedder, wrong):
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(n, height, width, 3\)"):
        embedder.images(wrong)


def test_pixels_are_shrunken_pictures():
    flat = np.full((1, 64, 64, 3), (255, 0, 51), np.uint8)
    values = features.PixelEmbedder(4).images(flat).reshape(3, 16)
    np.testing.assert_allclose(values, np.repeat([[1], [0], [0.2]], 16, 1), atol=1e-6)


def test_loading_leaves_the_global_seed_alone(random_clip, nets):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    embed.load_clip(embed.EmbedConfig(clip=f"local-dir:{random_clip}"))
    assert torch.equal(before, torch.random.get_rng_state())


# ── records ───────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def stimuli(pixels):
    captions = pd.DataFrame({"image_id": [5, 3, 5], "caption_id": [10, 11, 12], "caption": SENTENCES})
    present = pd.DataFrame({"image_id": [], "category": [], "kind": []})
    return Stimuli(np.array([5, 3]), pixels[:2], captions, present)


def test_embeddings_carry_the_ids_of_their_pictures_and_captions(stimuli, clip):
    pictures, captions = embed.embed_pictures(stimuli, clip), embed.embed_captions(stimuli, clip)
    assert (pictures.space, pictures.source, captions.space) == ("image", "clip", "caption")
    assert pictures.image_ids.tolist() == [5, 3] and captions.keys.tolist() == [10, 11, 12]
    np.testing.assert_allclose(pictures.at([3])[0], clip.images(stimuli.images[1:])[0], atol=1e-5)
    np.testing.assert_allclose(captions.vectors[1], clip.texts(SENTENCES[1:2])[0], atol=1e-5)


def test_reconstructions_keep_their_keys_and_draws_differ(rng, clip):
    images = rng.integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)
    reconstructions = Reconstructions(images, np.array([8, 8]), np.array([100, 101]), ("image",), 0)
    embeddings = embed.embed_reconstructions(reconstructions, clip, draw=2)
    assert embeddings.keys.tolist() == [100, 101] and embeddings.source == "fmri"
    np.testing.assert_allclose(embeddings.vectors, clip.images(images[:, 2]), atol=1e-6)
    with pytest.raises(ValueError, match="found draw 3, expected 0 to 2"):
        embed.embed_reconstructions(reconstructions, clip, draw=3)


# ── augmentation ──────────────────────────────────────────────────────────────────────────────────
NOTHING = AugmentConfig(scale=(1, 1), ratio=(1, 1), flip=0, jitter=0, gray=0, blur=0, mask=0)


def only(**changes):
    return AugmentConfig(**asdict(NOTHING) | changes)


def test_augmentation_follows_its_seed_and_row(pixels):
    first = augment(pixels, seed=1)
    assert first.dtype == np.uint8 and np.array_equal(first, augment(pixels, seed=1))
    assert np.array_equal(first[:3], augment(pixels[:3], seed=1))
    assert not np.array_equal(first, augment(pixels, seed=2))
    assert np.array_equal(augment(pixels, seed=1, config=NOTHING), pixels)


@pytest.mark.parametrize("what, probability, detect", [
    ("flip", 0.5, lambda before, after: np.array_equal(before[:, ::-1], after)),
    ("jitter", 0.4, lambda before, after: not np.array_equal(before, after)),
    ("gray", 0.2, lambda before, after: np.ptp(after.astype(int), axis=2).max() == 0),
    ("blur", 0.5, lambda before, after: not np.array_equal(before, after)),
])
def test_each_change_happens_as_often_as_its_probability(rng, what, probability, detect):
    usual = getattr(AugmentConfig(), what)
    assert usual == probability  # released code
    pixels = rng.integers(0, 256, (600, 16, 16, 3), dtype=np.uint8)
    changed = augment(pixels, seed=3, config=only(**{what: usual}, blur_kernel=50, blur_sigma=(9, 10)))
    hits = sum(detect(*pair) for pair in zip(pixels, changed))
    assert abs(hits - 600 * probability) < 4 * np.sqrt(600 * probability * (1 - probability))


def test_the_mask_is_a_black_square_of_a_third_that_may_overhang():
    white = np.full((400, 64, 64, 3), 255, np.uint8)
    black = (augment(white, seed=4, config=only(mask=0.3)) == 0).all(3)
    heights, widths = black.any(2).sum(1), black.any(1).sum(1)
    assert np.array_equal(black.sum((1, 2)), heights * widths) and heights.max() == widths.max() == 19
    inside = ((heights == 19) & (widths == 19)).mean()
    assert abs(inside - (46 / 64) ** 2) < 4 * np.sqrt(0.5 * 0.5 / 400)


def test_crops_keep_four_fifths_of_the_area_and_a_bounded_shape(rng):
    boxes = [crop_box(64, 64, rng, AugmentConfig()) for _ in range(500)]
    top, left, height, width = np.array(boxes).T
    assert min(top.min(), left.min()) >= 0 and max((top + height).max(), (left + width).max()) <= 64
    area, ratio = height * width / 64**2, width / height
    assert 0.78 < area.min() < 0.82 and area.max() > 0.97 and 0.7 < ratio.min() and ratio.max() < 1.4


def test_the_blur_scales_with_the_picture(rng):
    usual = AugmentConfig()
    assert blur_size(256, rng, usual)[0] == 23 and blur_size(64, rng, usual)[0] == 5
    sigmas = [blur_size(64, rng, usual)[1] for _ in range(200)]
    assert 0.025 <= min(sigmas) and max(sigmas) <= 0.5


def test_augmentation_refuses_what_are_no_pixels():
    with pytest.raises(ValueError, match="expected uint8"):
        augment(np.zeros((1, 8, 8, 3)), seed=0)
