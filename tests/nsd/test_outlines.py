"""Masks of COCO's pictures are recovered from each of COCO's formats and through NSD's crop."""

import json

import numpy as np
import pytest

from mindreader.world.coco import write_coco
from mindreader.nsd.outlines import read_outlines
from mindreader.records import LayoutError
from mindreader.world.sampling import draw_scene
from mindreader.world.rendering import masks
from mindreader.world.scenes import STUFF, THINGS

SCENES = {9 + 7 * i: draw_scene(5, "subject", i) for i in range(12)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco")
    write_coco(folder, SCENES, size=64)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return read_outlines(folder, {"train2017": np.array(list(SCENES))}, size=64)


def test_each_class_covers_what_was_rendered(found):
    for image, scene in SCENES.items():
        things, stuff = masks(scene, 64)
        for outline in found[image]:
            here = outline.category_id
            rendered = stuff == here if outline.kind == "stuff" else np.any(
                [m for m, t in zip(things, scene.things) if t.category == here], axis=0)
            assert (outline.mask <= rendered).all() and outline.mask.any()
        seen = {t.category for m, t in zip(things, scene.things) if m.any()}
        assert {o.category_id for o in found[image]} == seen | set(np.unique(stuff[stuff > 0]).tolist())


def test_names_are_cocos_and_stuff_comes_before_things(found):
    for outlines in found.values():
        kinds = [o.kind for o in outlines]
        assert kinds == sorted(kinds)
        for o in outlines:
            assert o.category == (THINGS[o.category_id].name if o.kind == "thing" else STUFF[o.category_id][0])


def test_a_crop_cuts_the_masks_as_it_cut_the_picture(folder, found):
    image = next(iter(SCENES))
    cropped = read_outlines(folder, {"train2017": np.array([image])}, size=32, crops={image: (0, 0, 0.5, 0)})[image]
    for whole in found[image]:
        right_half = whole.mask[:, 32:].reshape(32, 2, 32).mean(1) >= 0.5
        same = [o.mask for o in cropped if o.category_id == whole.category_id]
        assert len(same) >= 1 or not right_half.any()
        assert not same or max((m == right_half).mean() for m in same) > 0.97


def test_a_picture_without_marks_has_an_empty_list(tmp_path):
    for stem in ("instances", "stuff"):
        empty = {"images": [], "annotations": [], "categories": []}
        (tmp_path / f"{stem}_train2017.json").write_text(json.dumps(empty))
    assert read_outlines(tmp_path, {"train2017": np.array([5])}, size=8) == {5: []}


def test_missing_files_are_one_sentence(tmp_path):
    with pytest.raises(LayoutError, match="no stuff_train2017.json in .* expected COCO's 2017 annotations"):
        read_outlines(tmp_path, {"train2017": np.array([5])}, size=8)
