"""Published weights are recognised by what is in them, kept once, and found again by their published names."""

import json

import open_clip
import pytest
import torch
from published_files import script
from safetensors.torch import load_file, save_file

from mindreader import core
from mindreader.checkpoints import (PUBLISHED, __main__, clip_architecture, find_weights, import_file, imported_folder, inventory,
                                    kind_of, open_checkpoint, recognise)
from mindreader.core.weights import checksum, load_part
from mindreader.records import LayoutError

TINY = {"embed_dim": 8, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16, "head_width": 64},
        "text_cfg": {"context_length": 9, "vocab_size": 20, "width": 64, "heads": 1, "layers": 2}}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)


@pytest.fixture(scope="module")
def clip():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return open_clip.CLIP(**TINY, quick_gelu=True).eval()


def openai(state):
    """Half precision where OpenAI's archives have it."""
    return {name: t.half() if name.endswith(("weight", "proj", "projection")) and "ln" not in name else t for name, t in state.items()}


# ── OpenAI's archives ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_openais_archive_gives_open_clips_module_with_equal_outputs(clip, tmp_path):
    state = openai(clip.state_dict())
    script(state, tmp_path / "ViT-tiny.pt", input_resolution=32, context_length=9, vocab_size=20)
    made, = import_file(tmp_path / "ViT-tiny.pt")
    assert made.card["architecture"] == TINY and made.card["kind"] == "CLIP" and made.card["source"]["container"] == "TorchScript"
    kept = load_file(made.folder / "ViT-tiny.safetensors")
    numbers = {name: kept.pop(name).item() for name in ("input_resolution", "context_length", "vocab_size")}
    assert numbers == {"input_resolution": 32, "context_length": 9, "vocab_size": 20}    # only OpenAI's archives have them
    assert {name: t.dtype for name, t in kept.items()} == {name: t.dtype for name, t in state.items()}
    theirs, ours = (open_clip.CLIP(**made.card["architecture"], quick_gelu=True).eval() for _ in range(2))
    theirs.load_state_dict(state)
    ours.load_state_dict(kept)
    pictures, words = torch.randn(2, 3, 32, 32), torch.randint(0, 20, (2, 9))
    with torch.no_grad():
        assert torch.equal(ours.encode_image(pictures), theirs.encode_image(pictures))
        assert torch.equal(ours.encode_text(words), theirs.encode_text(words))


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-L-14"])
def test_the_sizes_of_published_clips_are_those_of_open_clips_registry(name):
    settings = open_clip.get_model_config(f"{name}-quickgelu")
    with torch.device("meta"):
        shapes = {key: tuple(t.shape) for key, t in open_clip.CLIP(settings["embed_dim"], settings["vision_cfg"], settings["text_cfg"],
                                                                   quick_gelu=True).state_dict().items()}
    assert kind_of({"": shapes}) == f"CLIP {name}"
    found = clip_architecture(shapes)
    for part in ("vision_cfg", "text_cfg"):
        assert found[part] == {**{k: v for k, v in found[part].items() if k == "head_width"}, **settings[part]} and found["embed_dim"] == settings["embed_dim"]


# ── what is what ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("model, options, kind", [
    ("alexnet", {}, "AlexNet"), ("resnet50", {}, "ResNet-50"), ("inception_v3", {"init_weights": False}, "Inception v3"),
    ("inception_v3", {"init_weights": False, "num_classes": 1008, "aux_logits": False}, "Inception v3 of FID"),
    ("efficientnet_b1", {}, "EfficientNet-B1"), ("efficientnet_b0", {}, ""), ("resnet18", {}, ""),
    ("resnet101", {}, ""),
])
def test_torchvisions_networks_are_told_apart(model, options, kind):
    from torchvision.models import get_model
    with torch.device("meta"):
        shapes = {key: tuple(t.shape) for key, t in get_model(model, weights=None, **options).state_dict().items()}
    assert kind_of({"": shapes}) == kind
    if kind == "ResNet-50":
        trunk = {key: shape for key, shape in shapes.items() if not key.startswith("fc.")}
        assert kind_of({"": trunk}) == "ResNet-50 without classifier"
        assert kind_of({"": trunk | {"projection_head.0.weight": (2048, 2048)}}) == "ResNet-50 of SwAV"


def test_a_file_of_something_else_is_refused(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors")
    with pytest.raises(LayoutError, match="found .*x.safetensors with tensors such as a, expected one of the networks"):
        import_file(tmp_path / "x.safetensors")


# ── kept once ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def published(tmp_path):
    """A trunk with VICReg's names, of random numbers, under its published name."""
    folder = tmp_path / "mine"
    folder.mkdir()
    state = {"conv1.weight": torch.randn(64, 3, 7, 7), "layer4.2.conv3.weight": torch.zeros(2048, 512, 1, 1),
             "layer3.5.conv1.weight": torch.zeros(256, 1024, 1, 1)}
    torch.save(state, folder / "resnet50.pth")
    return folder / "resnet50.pth"


def test_a_published_file_is_kept_under_its_name_with_a_card(published):
    made, = import_file(published)
    assert made.folder == core.home() / "weights" / "resnet50-vicreg" and made.card["verified"] is None
    card = json.loads((made.folder / "card.json").read_text())
    assert card["source"] == {"file": "resnet50.pth", "sha256": checksum(published), "bytes": published.stat().st_size,
                              "container": "torch zip"}
    assert card["sha256"] == checksum(made.folder / card["file"]) and card["licence"] == "MIT"
    state, _ = load_part(made.folder)
    assert torch.equal(state["conv1.weight"], torch.load(published)["conv1.weight"])


def test_the_same_file_again_changes_nothing_and_another_is_refused(published):
    made, = import_file(published)
    before = {p: p.stat().st_mtime_ns for p in made.folder.iterdir()}
    assert import_file(published)[0].was_there and {p: p.stat().st_mtime_ns for p in made.folder.iterdir()} == before
    torch.save({name: t + 1 for name, t in torch.load(published).items()}, published)
    with pytest.raises(LayoutError, match="found other weights under the name 'resnet50-vicreg' .* give one with --name"):
        import_file(published)
    assert import_file(published, name="mine")[0].folder == imported_folder("mine")


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "clip", "a b"])
def test_names_that_are_none_are_refused(published, name):
    with pytest.raises(LayoutError, match="found the name"):
        import_file(published, name=name)


def test_half_an_import_is_none(published, monkeypatch):
    from mindreader.checkpoints import importing

    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "save_file", fails)
    with pytest.raises(KeyboardInterrupt):
        import_file(published)
    assert not list(imported_folder("resnet50-vicreg").iterdir()) and find_weights("resnet50-vicreg") is None


# ── and found again ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_weights_are_found_in_the_home_and_in_a_folder_of_ones_own(published, monkeypatch):
    assert find_weights("resnet50-vicreg") is None
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(published.parent))
    assert find_weights("resnet50-vicreg") == published
    made, = import_file(published)
    assert find_weights("resnet50-vicreg") == made.folder / "resnet50-vicreg.safetensors"


def test_a_folder_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(LayoutError, match="found no folder .*nowhere.*MINDREADER_WEIGHTS"):
        find_weights("ViT-B-32")


def test_a_checksum_that_is_not_the_published_one_is_said(tmp_path, monkeypatch):
    save_file({"features.0.weight": torch.zeros(64, 3, 11, 11), "features.10.weight": torch.zeros(256, 256, 3, 3),
               "classifier.6.weight": torch.zeros(1000, 4096)}, tmp_path / "alexnet-owt-7be5be79.pth")
    made, = import_file(tmp_path / "alexnet-owt-7be5be79.pth")
    assert made.card["verified"] is False and "NOT the published one" in made.sentence
    assert "torchvision" not in made.card["what"] and made.card["licence"].startswith("not known")
    assert {one.name: agrees for one, path, agrees in inventory() if path} == {"alexnet-owt-7be5be79": False}


def test_published_names_are_unique_and_say_everything():
    assert len({one.name for one in PUBLISHED}) == len(PUBLISHED)
    assert all(one.what and one.use and one.licence and one.files and one.megabytes for one in PUBLISHED)
    for one in PUBLISHED:   # torchvision's and FID's names hold the first digits of their checksums
        assert all(not one.sha256 or len(one.sha256) == 64 or one.sha256 in file for file in one.files)


# ── the command ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_command_says_one_line_for_each_file_and_goes_on_after_one_that_is_refused(published, tmp_path, capsys):
    (tmp_path / "page.pt").write_text("<html>")
    assert __main__.main([str(tmp_path / "page.pt"), str(published)]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 and "kept as resnet50-vicreg" in said.out
    assert len(said.err.splitlines()) == 1 and "a web page" in said.err
    assert __main__.main([str(published)]) == 0 and "was there already" in capsys.readouterr().out


def test_the_command_without_files_says_what_is_there_and_what_is_missing(published, monkeypatch, capsys):
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(published.parent))
    assert __main__.main([]) == 0
    said = capsys.readouterr().out
    assert str(published) in said and "missing: ViT-B-32.pt" in said and len(said.splitlines()) == len(PUBLISHED) + 1
    import_file(published, name="mine")
    assert __main__.main([]) == 0 and str(imported_folder("mine")) in capsys.readouterr().out.splitlines()[-1]


def test_recognising_reads_no_numbers(published, monkeypatch):
    from mindreader.checkpoints.inert import StoredTensor
    monkeypatch.setattr(StoredTensor, "load", lambda self: pytest.fail("read"))
    with open_checkpoint(published) as checkpoint:
        assert recognise(checkpoint) == "ResNet-50 without classifier"
