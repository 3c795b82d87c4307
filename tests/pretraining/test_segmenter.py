"""Pretraining of the segmenter: its labels, its faults, and a training of a second."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mindreader.evaluation import haze, label_maps, load_segmenter, NO_COLOUR, Segmentation, SegmenterConfig
from mindreader.evaluation.damages import DAMAGES
from mindreader.pretraining import segmenter
from mindreader.pretraining.faults import CHANGED, KINDS, with_faults
from mindreader.records import LayoutError
from mindreader.world import draw_scene, load_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("MINDREADER_HOME", str(tmp_path_factory.mktemp("home")))
    yield load_world(48, n_held_out=16, processes=1)
    patch.undo()


@pytest.fixture(scope="module")
def labels(world):
    return segmenter.labels_of(world)


def batch(world, rng, n=32):
    x = torch.from_numpy(np.array(world.pictures[:n])).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x, with_faults(x, rng)


def test_labels_are_those_of_the_scenes_and_are_made_once(world, labels, monkeypatch):
    assert np.array_equal(labels[7], label_maps(draw_scene(0, "world", 7))) and labels.shape == (48, 2, 32, 32)
    monkeypatch.setattr(segmenter, "world_labels", None)
    assert np.array_equal(segmenter.labels_of(world), labels)


def test_faults_are_where_the_picture_differs_and_nowhere_else(world, rng):
    x, (faulty, where) = batch(world, rng)
    differs = torch.nn.functional.avg_pool2d((faulty - x).abs().mean(1), 2)
    assert (differs[~where] <= CHANGED).all() and 0.05 < where.float().mean() < 0.8
    assert where[differs > CHANGED].all() and (faulty - x).abs().amax((1, 2, 3)).gt(0).float().mean() > 0.9


def test_no_fault_is_a_damage_of_the_exam():
    assert not set(KINDS) & set(DAMAGES)


def test_haze_changes_little_and_grows(world, rng):
    x, _ = batch(world, rng)
    changes = [float((haze(x, np.random.default_rng(1), strength=s) - x).abs().mean() * 127.5) for s in (0.5, 1, 3)]
    assert changes == sorted(changes) and 0.3 < changes[1] < 7      # levels of 255


def test_what_is_out_of_place_is_not_asked_for_its_class(world, labels, rng):
    pictures, truth, odd = segmenter.examples(world.pictures[:32], labels[:32], rng, segmenter.SegmenterRecipe(rough=0.0))
    assert pictures.shape == (32, 3, 64, 64) and truth.shape == (32, 2, 32, 32)
    assert (truth[:, 0][odd == 1] == segmenter.IGNORED).all() and (truth[:, 0][odd == 0] >= 0).all() and (odd == 1).any()
    assert ((truth[:, 1] == segmenter.IGNORED) | (truth[:, 1] < NO_COLOUR)).all()
    rough = segmenter.examples(world.pictures[:32], labels[:32], rng, segmenter.SegmenterRecipe(rough=1.0))[2]
    assert (rough == -1).all()


def test_a_picture_is_mirrored_with_its_labels(world, labels):
    recipe = segmenter.SegmenterRecipe(faulty=0.0, rough=0.0)
    _, truth, _ = segmenter.examples(world.pictures[:32], labels[:32], np.random.default_rng(0), recipe)
    whole = torch.from_numpy(labels[:32, 0].astype(np.int64))
    same, mirrored = ((truth[:, 0] == some).all((1, 2)) for some in (whole, whole.flip(2)))
    assert (same | mirrored).all() and same.any() and mirrored.any()


def test_logits_have_a_place_for_every_class_and_colour():
    config = SegmenterConfig(stages=(4, 4, 8, 8), later=(8, 4, 4))
    net = Segmentation(config)
    classes, colours, odd = net.split(net(torch.zeros(2, 3, 64, 64)))
    assert classes.shape == (2, len(config.classes), 32, 32) and colours.shape == (2, len(config.colours), 32, 32)
    assert odd.shape == (2, 32, 32) and [m.shape[2] for m in net.maps(torch.zeros(1, 3, 64, 64))] == [32, 16, 8, 4, 8, 16, 32]


def test_a_segmenter_of_a_second_is_saved_loads_and_is_scored(world, tmp_path, monkeypatch):
    small = SegmenterConfig(stages=(4, 4, 8, 8), later=(8, 4, 4))
    monkeypatch.setattr(segmenter, "SegmenterConfig", lambda: small)
    monkeypatch.setattr("mindreader.evaluation.segmenter.SegmenterConfig", lambda: small)
    recipe = replace(segmenter.SEGMENTER_RECIPE, minutes=0.5 / 60, batch=8)
    card = segmenter.pretrain_segmenter(world, tmp_path / "segmenter", recipe)
    assert card["data"]["n_train"] == 32 and card["recipe"]["steps"] > 0
    assert all(math.isfinite(v) for v in card["scores"].values())
    read = load_segmenter(tmp_path / "segmenter").read(np.array(world.pictures[:3]))
    assert read.classes.shape == (3, 32, 32) and read.features.shape == (3, 2 * (4 + 4 + 8 + 8 + 8 + 4 + 4))
    monkeypatch.undo()
    with pytest.raises(LayoutError, match="architecture"):
        load_segmenter(tmp_path / "segmenter")
