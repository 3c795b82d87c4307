"""Files of CLIP's weights: the file decides wherever it can tell, and every refusal is one sentence that says what to set."""

import json
import logging
import pickle
import re
import shutil

import numpy as np
import open_clip
import pytest
import torch
from published_files import script
from safetensors.torch import save_file

from mindreader.checkpoints import import_file
from mindreader.core import weights
from mindreader import clipfiles
from mindreader.embedding import clip as embed
from mindreader.records import LayoutError

QUICK, PLAIN = "ViT-B-32-quickgelu", "ViT-B-32"


def tiny(patch=16, size=32, **more):
    return {"embed_dim": 16, "vision_cfg": {"image_size": size, "layers": 1, "width": 64, "patch_size": patch},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}} | more


MODELS = {PLAIN: tiny(), QUICK: tiny(quick_gelu=True), "ViT-B-16": tiny(8), "ViT-B-16-quickgelu": tiny(8, quick_gelu=True),
          "ViT-B-32-256": tiny(size=48)}


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """open_clip's registry in miniature."""
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", MODELS)


def state_of(model=PLAIN, scale=100.0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = open_clip.CLIP(**MODELS[model])
    module.logit_scale.data.fill_(np.log(scale))
    return module.state_dict()


@pytest.fixture
def path(tmp_path):
    save_file(state_of(), tmp_path / "x.safetensors")
    return tmp_path / "x.safetensors"


def load(path, name=QUICK, **settings):
    return embed.load_clip(embed.EmbedConfig(clip=f"{name}:{path}", **settings))


def refused(path, name=QUICK, error=LayoutError, **settings):
    """The message, which must be one sentence in one line."""
    with pytest.raises(error) as raised:
        load(path, name, **settings)
    message = str(raised.value)
    assert message.startswith("found ") and "\n" not in message and " expected " in message and ";" in message
    return message


def config_beside(path, name="open_clip_config.json", **model):
    (path.parent / name).write_text(json.dumps({"model_cfg": tiny(**model), "preprocess_cfg": {}}))


# ── the activation ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_config_beside_the_file_decides(path):
    config_beside(path, quick_gelu=True)
    assert load(path).image_size == 32
    assert f"set embed.clip to '{QUICK}:{path}' and embed.quick_gelu to true" in refused(path, PLAIN, quick_gelu=False)
    config_beside(path)
    message = refused(path)
    assert "trained with GELU as open_clip_config.json beside it says" in message
    assert f"set embed.clip to '{PLAIN}:{path}' and embed.quick_gelu to false" in message
    assert load(path, PLAIN, quick_gelu=False).image_size == 32


def test_a_config_beside_several_files_is_about_none_of_them(path):
    config_beside(path)
    save_file(state_of(), path.with_name("y.safetensors"))
    assert load(path).image_size == 32


@pytest.mark.parametrize("metadata, quick", [({"quick_gelu": "true"}, True), ({"quick_gelu": "False"}, False),
                                             ({"hidden_act": "quick_gelu"}, True), ({"hidden_act": "gelu"}, False)])
def test_metadata_of_the_file_decide(tmp_path, metadata, quick):
    path = tmp_path / "x.safetensors"
    save_file(state_of(), path, metadata=metadata)
    right, wrong = ((QUICK, True), (PLAIN, False))[::1 if quick else -1]
    assert load(path, right[0], quick_gelu=right[1]).logit_scale == pytest.approx(100, rel=1e-4)
    assert f"set embed.clip to '{right[0]}:{path}'" in refused(path, wrong[0], quick_gelu=wrong[1])


def test_openais_archive_has_entries_of_its_own_and_loads_as_the_same_values(tmp_path):
    path, half = tmp_path / "x.safetensors", {key: value.half() for key, value in state_of().items()}
    extra = {"input_resolution": torch.tensor(32), "context_length": torch.tensor(77), "vocab_size": torch.tensor(49408)}
    save_file(half | extra, path)
    assert "the entries of OpenAI's archives in it say" in refused(path, PLAIN, quick_gelu=False)
    loaded = load(path).module.state_dict()
    assert all(value.dtype == torch.float32 and torch.equal(value, half[key].float()) for key, value in loaded.items())


def test_a_published_checksum_decides(path, monkeypatch):
    digest = weights.checksum(path)
    monkeypatch.setattr(clipfiles, "_published", lambda: {digest[:8]: ("ViT-B-32", "laion2b_e16", False)})
    assert "as its checksum, that of 'laion2b_e16' for ViT-B-32, says" in refused(path)
    assert load(path, PLAIN, quick_gelu=False).image_size == 32


def test_published_checksums_are_those_of_open_clips_registry():
    known = clipfiles._published()
    assert known["40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"] == ("ViT-B-32", "openai", True)
    assert {("ViT-L-14", "openai", True), ("ViT-B-32", "laion2b_e16", False)} <= set(known.values())
    assert all(len(digits) in (8, 64) for digits in known)


def test_a_file_that_cannot_tell_is_taken_at_the_experiments_word_aloud(path, caplog):
    with caplog.at_level(logging.WARNING):
        load(path)
    assert [line.getMessage() for line in caplog.records] == [
        "nothing in or beside x.safetensors says which activation it was trained with; it is taken for QuickGELU, as embed.clip "
        "and embed.quick_gelu say"]


def test_name_and_setting_agree_or_one_sentence_says_what_to_set(path):
    assert "name 'ViT-B-32' for weights that were trained with GELU" in refused(path, QUICK, ValueError, quick_gelu=False)
    assert "expected 'ViT-B-32-quickgelu'" in refused(path, PLAIN, ValueError)
    config_beside(path)
    assert "embed.quick_gelu to false" in refused(path, PLAIN, ValueError)
    assert f"'{PLAIN}:{path}'" in refused(path, QUICK, ValueError, quick_gelu=False)


def test_a_folders_config_and_the_setting_agree(tmp_path):
    save_file(state_of(), tmp_path / clipfiles.WEIGHTS)
    config_beside(tmp_path / clipfiles.WEIGHTS, quick_gelu=True)
    assert load(tmp_path, "local-dir").image_size == 32
    assert "leave embed.quick_gelu true" in refused(tmp_path, "local-dir", ValueError, quick_gelu=False)
    save_file(state_of(), tmp_path / clipfiles.WEIGHTS, metadata={"quick_gelu": "false"})
    assert "set quick_gelu to false in model_cfg" in refused(tmp_path, "local-dir")


def test_other_preprocessing_than_the_names_is_refused(path):
    (path.parent / clipfiles.CONFIG).write_text(json.dumps({"model_cfg": tiny(quick_gelu=True), "preprocess_cfg": {"mean": [0.5] * 3}}))
    assert f"set embed.clip to 'local-dir:{path.parent}'" in refused(path)


# ── the model ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("model, fits", [("ViT-B-16", "they fit ViT-B-16 or ViT-B-16-quickgelu"), ("ViT-B-32-256", "they fit ViT-B-32-256")])
def test_weights_of_another_model_are_refused_with_its_name(tmp_path, model, fits):
    save_file(state_of(model), tmp_path / "x.safetensors")  # open_clip stretches the position embeddings of the second
    assert fits in refused(tmp_path / "x.safetensors")


def test_a_folder_whose_weights_have_another_size_is_refused(tmp_path):
    save_file(state_of("ViT-B-32-256"), tmp_path / clipfiles.WEIGHTS)
    config_beside(tmp_path / clipfiles.WEIGHTS)
    assert "visual.positional_embedding is (10, 64), not (5, 64)" in refused(tmp_path, "local-dir")


@pytest.mark.parametrize("names, advice", [
    (["text_model.embeddings.token_embedding.weight", "vision_model.post_layernorm.bias"], "names of Hugging Face's transformers"),
    (["blocks.0.attn.qkv.weight", "patch_embed.proj.weight"], "names of timm"),
    (["weight"], "missing")])
def test_names_of_other_libraries_are_named(tmp_path, names, advice):
    save_file({name: torch.ones(1) for name in names}, tmp_path / "x.safetensors")
    assert advice in refused(tmp_path / "x.safetensors")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_formats_load_as_the_same_values(tmp_path, dtype):
    stored = {key: value.to(dtype) for key, value in state_of().items()}
    save_file(stored, tmp_path / "x.safetensors")
    loaded = load(tmp_path / "x.safetensors").module.state_dict()
    assert all(torch.equal(value, stored[key].float()) for key, value in loaded.items())


def test_a_scale_of_one_dimension_is_the_same_scale(tmp_path):
    state = state_of()
    save_file(state | {"logit_scale": state["logit_scale"].reshape(1)}, tmp_path / "x.safetensors")
    assert load(tmp_path / "x.safetensors").logit_scale == pytest.approx(100, rel=1e-4)


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def pickled(path):
    torch.save(state_of(), path)


def nan(path):
    save_file(state_of() | {"logit_scale": torch.tensor(torch.nan)}, path)


def quantised(path):
    state = state_of()
    save_file(state | {"visual.proj": state["visual.proj"].to(torch.int8)}, path)


@pytest.mark.parametrize("damage, says", [
    (lambda path: path.write_bytes(path.read_bytes()[:-100]), "truncated or damaged"),
    (lambda path: path.write_bytes(path.read_bytes()[:40]), "truncated or damaged"),
    (lambda path: path.write_bytes(b""), "found 0 bytes"),
    (lambda path: path.write_bytes(b"\xff" * 7 + b"\x7f" + bytes(100)), "truncated or damaged"),
    (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "found no tensors"),
    (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
    (lambda path: path.write_text("\n<!DOCTYPE html><html>"), "a web page"),
    (lambda path: save_file({}, path), "no tensor"),
    (nan, "'logit_scale'.*not finite"), (quantised, "'visual.proj' as int8"),
    (lambda path: (path.unlink(), path.mkdir()), "found the folder"), (lambda path: path.unlink(), "found no file")])
def test_damaged_files_are_refused_in_one_sentence(path, damage, says):
    damage(path)
    assert re.search(says, refused(path))


# ── archives as published ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def archive(tmp_path, monkeypatch):
    """OpenAI's archive in miniature, in half precision, alone in a folder; nobody opens it but `checkpoints`."""
    (tmp_path / "weights").mkdir()
    script({name: t.half() if t.ndim > 1 else t for name, t in state_of().items()}, tmp_path / "weights" / "ViT-B-32.pt",
           input_resolution=32, context_length=77, vocab_size=49408)
    for opener in ("load", "jit.load"):
        monkeypatch.setattr(f"torch.{opener}", lambda *a, **k: pytest.fail("opened"))
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)
    return tmp_path / "weights" / "ViT-B-32.pt"


def embedded(clip, rng):
    return clip.images(rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)), clip.texts(["a cat", "two dogs"])


def test_openais_archive_is_read_where_it_lies_and_with_quick_gelu(archive, path, monkeypatch):
    found, rng = embedded(load(archive), np.random.default_rng(0)), np.random.default_rng(0)
    module = open_clip.create_model(QUICK)
    module.load_state_dict({name: t.half().float() if t.ndim > 1 else t for name, t in state_of().items()})
    expected = embedded(embed.ClipEmbedder(module, open_clip.get_tokenizer(QUICK)), rng)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    assert "the entries of OpenAI's archives in it say" in refused(archive, PLAIN, quick_gelu=False)


def test_a_name_alone_finds_the_published_archive_in_the_readers_folder(archive, monkeypatch):
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(archive.parent))
    config = embed.EmbedConfig(clip=QUICK)
    assert embed.clip_path(config) == archive and embed.clip_checksum(config) == weights.checksum(archive)
    assert embed.load_clip(config).logit_scale == pytest.approx(100, rel=1e-3)


def test_a_name_alone_finds_what_was_imported_and_knows_where_it_is_from(archive, monkeypatch):
    digest = weights.checksum(archive)
    made, = import_file(archive, name="ViT-B-32")
    config = embed.EmbedConfig(clip=QUICK)
    assert embed.clip_path(config) == made.folder / "ViT-B-32.safetensors"
    rng = [np.random.default_rng(0) for _ in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(embedded(embed.load_clip(config), rng[0]), embedded(load(archive), rng[1])))
    monkeypatch.setattr(clipfiles, "_published", lambda: {digest: ("ViT-B-32", "openai", True)})
    assert clipfiles.published_as(embed.clip_path(config)) == ("ViT-B-32", "openai", True)
    with pytest.raises(LayoutError, match="trained with QuickGELU as its checksum, that of 'openai' for ViT-B-32, says"):
        load(embed.clip_path(config), PLAIN, quick_gelu=False)


def test_a_state_dict_of_torch_is_read_whatever_its_name(tmp_path, path):
    torch.save({"state_dict": {f"module.{name}": t for name, t in state_of().items()}}, tmp_path / "epoch_32.pt")
    pickled(tmp_path / "renamed.safetensors")
    rng = [np.random.default_rng(0) for _ in range(3)]
    wanted, *found = (embedded(load(file), r) for file, r in zip((path, tmp_path / "epoch_32.pt", tmp_path / "renamed.safetensors"), rng))
    assert all(np.array_equal(a, b) for one in found for a, b in zip(wanted, one))


def test_an_archive_that_asks_for_code_is_refused(archive):
    archive.write_bytes(archive.read_bytes().replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_xx"))
    assert "damaged" in refused(archive) or "_rebuild_tensor_xx" in refused(archive)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model_cfg": {"vision_cfg": 3, "text_cfg": {}}}'])
def test_a_config_that_is_none_is_refused(tmp_path, content):
    save_file(state_of(), tmp_path / clipfiles.WEIGHTS)
    (tmp_path / clipfiles.CONFIG).write_text(content)
    assert "no config of open_clip's" in refused(tmp_path, "local-dir")


# ── which pictures it knows ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_little_clip_is_known_by_name_and_as_a_copy(path, tmp_path):
    assert embed.is_of_simulated_world(embed.EmbedConfig())
    assert embed.is_of_simulated_world(embed.EmbedConfig(clip=f"local-dir:{weights.part_folder('clip')}"))
    assert not embed.is_of_simulated_world(embed.EmbedConfig(clip=f"{QUICK}:{path}"))


def test_the_checksum_of_a_clip_follows_its_file(path):
    config = embed.EmbedConfig(clip=f"{QUICK}:{path}")
    before = embed.clip_checksum(config)
    save_file(state_of(scale=90.0), path, metadata={"other": "length"})
    assert before != embed.clip_checksum(config) == weights.checksum(path)
    assert embed.clip_checksum(embed.EmbedConfig()) == weights.part_checksum("clip")


def test_the_checksum_of_a_folders_clip_follows_its_config_too(tmp_path):
    shutil.copytree(weights.part_folder("clip"), tmp_path / "clip")
    config = embed.EmbedConfig(clip=f"local-dir:{tmp_path / 'clip'}")
    before, path = embed.clip_checksum(config), tmp_path / "clip" / clipfiles.CONFIG
    path.write_text(path.read_text(encoding="utf-8").replace('"size": 64', '"size": 64, "interpolation": "bilinear"'), encoding="utf-8")
    after = embed.clip_checksum(config)
    assert before != after and before[:64] == after[:64] == weights.checksum(tmp_path / "clip" / clipfiles.WEIGHTS)
