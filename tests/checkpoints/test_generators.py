"""Pickles of StyleGAN2-ADA's persistence become generators of ours that give the same pictures."""

import dataclasses

import numpy as np
import pytest
import torch
from published_files import EasyDict, Persistent, persistent, snapshot, write_pickle

from mindreader.checkpoints import import_file, imported_folder
from mindreader.core import ParameterError, params
from mindreader.core.weights import is_of_simulated_world, load_part, part_checksum
from mindreader.generator import PUBLISHED, Discriminator, Generator, StyleGanConfig, TrainedGan
from mindreader.mapping import ResidualMapper
from mindreader.mapping.released import to_released
from mindreader.records import LayoutError
from mindreader.studies.generator_grid import STARTS

SMALL = dataclasses.replace(PUBLISHED, resolution=16, z_dim=6, w_dim=8, condition_dim=4, channel_base=64, channel_max=8, mapping_layers=2)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)     # where the source in the pickles would leave its mark


def networks(config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        generator, discriminator = Generator(config), Discriminator(config)
        for parameter in (*generator.parameters(), *discriminator.parameters()):
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return generator.state_dict(), discriminator.state_dict()


def written(path, config, protocol=4, **more):
    g, d = networks(config)
    keywords = dict(z_dim=config.z_dim, c_dim=0, synthesis_kwargs=EasyDict(conv_clamp=256, structure=2 * config.heads))
    write_pickle(path, snapshot(g, d, keywords, dict(epilogue_kwargs=EasyDict(mbstd_group_size=4)), **more), protocol)
    return g, d


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("heads", [1, 2])
def test_an_imported_pickle_gives_the_same_pictures_and_features(tmp_path, heads, protocol):
    config = dataclasses.replace(SMALL, heads=heads)
    g, d = written(tmp_path / "lafite-coco.pkl", config, protocol)
    made, = import_file(tmp_path / "lafite-coco.pkl")
    assert made.card["name"] == "lafite-coco" and made.folder == imported_folder("lafite-coco") and not made.was_there
    state, card = load_part(made.folder)
    trained = TrainedGan.from_part(state, card)
    assert trained.network == config and set(trained.states) == {"G", "D", "G_ema"}
    embeddings = [np.random.default_rng(i).normal(size=(3, 4)).astype(np.float32) for i in range(heads)]
    ours = TrainedGan(config, {"G_ema": g})
    assert np.array_equal(trained.generate(*embeddings, seed=0), ours.generate(*embeddings, seed=0))
    theirs, mine = Discriminator(config), Discriminator(trained.network)
    theirs.load_state_dict(d)
    mine.load_state_dict(trained.states["D"])
    x = torch.randn(4, 3, 16, 16)
    conditions = [torch.randn(4, 4) for _ in range(heads)]
    assert torch.equal(theirs(x, *conditions).logit, mine(x, *conditions).logit)
    assert not (tmp_path / "ran").exists()


def test_a_trained_start_may_be_widened_and_saved(tmp_path):
    written(tmp_path / "x.pkl", SMALL)
    trained = TrainedGan.from_part(*load_part(import_file(tmp_path / "x.pkl")[0].folder)).widened()
    trained.save(tmp_path / "wide")
    assert TrainedGan.load(tmp_path / "wide").network == dataclasses.replace(SMALL, heads=2)


def test_an_imported_generator_is_a_start_by_its_name_and_a_file_is_not(tmp_path):
    written(tmp_path / "lafite.pkl", SMALL)
    with pytest.raises(LayoutError, match="found the file .*lafite.pkl, expected the folder .*python -m mindreader.checkpoints .*lafite.pkl"):
        load_part(str(tmp_path / "lafite.pkl"))
    made, = import_file(tmp_path / "lafite.pkl")
    by_name, card = load_part("lafite")
    assert card == made.card and part_checksum("lafite") == card["sha256"] and not is_of_simulated_world(card)
    assert all(torch.equal(tensor, by_name[name]) for name, tensor in load_part(str(made.folder))[0].items())
    (made.folder / "lafite.safetensors").write_bytes(b"x")
    with pytest.raises(LayoutError, match="delete that folder, and import the published file again"):
        load_part("lafite")


def test_the_chapter_s_start_may_be_an_imported_generator_by_its_name_or_folder(tmp_path):
    namespace = dict(start="lafite")
    with pytest.raises(ParameterError, match="start='lafite': expected lf or supervised or none"):
        params.begin(namespace, start=STARTS)
    written(tmp_path / "lafite.pkl", SMALL)
    folder = str(import_file(tmp_path / "lafite.pkl")[0].folder)
    for start, setting in (("lafite", "lafite"), (folder, folder), ("lf", "generator_lf")):
        namespace = dict(start=start)
        params.begin(namespace, start=STARTS)
        assert STARTS[namespace["start"]] == setting


def test_a_part_that_is_no_generator_is_refused_as_a_start():
    with pytest.raises(LayoutError, match="found the part 'resnet', which is no generator"):
        TrainedGan.from_part(*load_part("resnet"))


def test_the_sizes_of_a_card_are_the_settings_of_a_generator(tmp_path):
    written(tmp_path / "x.pkl", SMALL)
    card = import_file(tmp_path / "x.pkl")[0].card
    assert set(card["architecture"]) == {field.name for field in dataclasses.fields(StyleGanConfig)}
    assert card["source"]["file"] == "x.pkl" and card["source"]["container"] == "pickle" and len(card["source"]["sha256"]) == 64
    assert card["released"]["G_ema"]["settings"]["synthesis_kwargs"]["conv_clamp"] == 256


def test_a_generator_that_was_trained_without_clamping_has_none_here(tmp_path):
    g, d = networks(SMALL)
    write_pickle(tmp_path / "x.pkl", snapshot(g, d, dict(synthesis_kwargs=EasyDict(conv_clamp=None))))
    trained = TrainedGan.from_part(*load_part(import_file(tmp_path / "x.pkl")[0].folder))
    assert trained.network.conv_clamp == float("inf")
    trained.generate(np.ones((1, 4), np.float32), seed=0)


def test_mind_readers_pickle_brings_its_mappers_along(tmp_path):
    mapper = to_released(ResidualMapper(8, 4, n_blocks=1, hidden=4, fc_hidden=3, pad_to=8))
    mappers = {name: persistent({key: tensor.double() for key, tensor in mapper.items()}, "FmriVecMapper")
               for name in ("fmri_vec", "fmri_vec2")}
    written(tmp_path / "x.pkl", dataclasses.replace(SMALL, heads=2), **mappers)
    made = import_file(tmp_path / "x.pkl")
    assert [one.card["name"] for one in made] == ["x", "x-fmri_vec", "x-fmri_vec2"]
    assert made[1].card["kind"] == "mapper" and made[0].card["left_out"] == ["fmri_vec", "fmri_vec2"]
    state, _ = load_part(made[1].folder)
    assert all(torch.equal(state[key], tensor) for key, tensor in mapper.items())


def test_the_name_of_a_part_leads_nowhere(tmp_path):
    mapper = to_released(ResidualMapper(8, 4, n_blocks=1, hidden=4, fc_hidden=3, pad_to=8))
    written(tmp_path / "x.pkl", SMALL, **{"../../evil": persistent(mapper)})
    assert [one.folder for one in import_file(tmp_path / "x.pkl")] == [imported_folder("x")]
    assert not list(tmp_path.rglob("*evil*"))


def damaged(change):
    g, d = networks(SMALL)
    change(g, d)
    return snapshot(g, d, dict(synthesis_kwargs=EasyDict(conv_clamp=256)))


def rename(state, old, new):
    for name in [n for n in state if old in n]:
        state[name.replace(old, new)] = state.pop(name)


@pytest.mark.parametrize("change, words", [
    (lambda g, d: rename(g, ".affine_0.", ".affine."), "structure 0, 1 or 3"),
    (lambda g, d: g.pop("synthesis.b8.conv0.bias"), "synthesis.b8.conv0.bias is missing"),
    (lambda g, d: g.update({"synthesis.b8.conv0.bias": torch.ones(3)}), r"synthesis.b8.conv0.bias is of shape \(3,\), where ours is of shape \(8,\)"),
    (lambda g, d: g.update({"mapping.embed.weight": torch.ones(3, 3)}), "class labels"),
    (lambda g, d: g.update({"mapping.extra": torch.ones(3)}), "network G_ema whose mapping.extra is of shape .*, where ours is missing"),
    (lambda g, d: d.pop("b4.fts.weight"), "network D whose b4.fts.weight is missing"),
    (lambda g, d: g.update({"synthesis.b16.conv1.weight": torch.ones(3, 3, 3, 3)}), "channels at these resolutions"),
    (lambda g, d: g.update({"synthesis.b0.conv1.weight": torch.ones(3, 3, 3, 3)}), "cannot be made out"),
    (lambda g, d: g.update({"synthesis.bx.conv1.weight": torch.ones(3, 3, 3, 3)}), "cannot be made out"),
    (lambda g, d: [g.pop(name) for name in list(g) if "mapping.fc0" in name], "tensors such as"),
    (lambda g, d: g["mapping.w_avg"].fill_(float("nan")), "not finite"),
])
def test_a_generator_that_ours_cannot_be_is_refused_by_what_differs(tmp_path, change, words):
    write_pickle(tmp_path / "x.pkl", damaged(change))
    with pytest.raises(LayoutError, match=f"found .*{words}.*, expected") as refused:
        import_file(tmp_path / "x.pkl")
    assert "x.pkl" in str(refused.value)
    assert not imported_folder("x").exists() or not list(imported_folder("x").iterdir())


def test_what_the_generator_does_not_call_is_left_out(tmp_path):
    g, d = networks(SMALL)
    write_pickle(tmp_path / "x.pkl", snapshot(g | {"mani.fc0.weight": torch.ones(2, 2)}, d))
    state, _ = load_part(import_file(tmp_path / "x.pkl")[0].folder)
    assert not [name for name in state if "mani" in name or "resample" in name]


def test_the_stand_in_writes_the_wrapper_that_the_reader_knows(tmp_path):
    write_pickle(tmp_path / "x.pkl", Persistent("Layer"))
    assert b"_reconstruct_persistent_obj" in (tmp_path / "x.pkl").read_bytes()
    assert b"module_src" in (tmp_path / "x.pkl").read_bytes()
