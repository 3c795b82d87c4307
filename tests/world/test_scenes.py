"""Scenes, their pictures, masks, sentences and COCO files agree, and are the same every time."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO

from mindreader.world import coco, sentences
from mindreader.world.sampling import draw_scene
from mindreader.world.rendering import RENDERERS, masks, render, render_many
from mindreader.world.scenes import COLOURS, KINDS, STREAMS, STUFF, THINGS, factors
from mindreader.world.sentences import GRADES, caption

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
LABELS = Path("/work/shared/data/coco/cocostuff_labels.txt")
PEOPLE = {"man", "woman", "boy", "girl", "child", "person", "lady", "guy", "people"}


@lru_cache(maxsize=1)
def many() -> tuple:
    """Scenes enough to count in."""
    return tuple(draw_scene(0, "world", n) for n in range(1200))


@lru_cache(maxsize=1)
def few() -> dict:
    """Scenes of the subject's stream by a COCO id, at least one with a crowd and one with a hidden part."""
    scenes = [draw_scene(3, "subject", n) for n in range(24)]
    scenes += [next(s for s in (draw_scene(3, "subject", n) for n in range(24, 2000))
                    if any(t.crowd for t in s.things))]
    return {100 + 7 * n: scene for n, scene in enumerate(scenes)}


def words(sentence: str) -> list[str]:
    """Words in lower case."""
    return re.findall("[a-z]+", sentence.lower())


def nouns(category: int) -> set[str]:
    """What a thing of this category may be called."""
    name = THINGS[category].name
    return PEOPLE if category == 1 else {name, *sentences._NOUNS.get(name, ())}


def names(sentence: str, category: int) -> bool:
    """Whether a sentence names a thing of this category."""
    text = " ".join(words(sentence))
    return any(re.search(rf"\b{noun}s?\b", text) for noun in nouns(category))


# --- the same picture every time -------------------------------------------------------------------


def test_scenes_do_not_depend_on_batch_order_or_process():
    one = render(draw_scene(5, "world", 17))
    batch = render_many(5, "world", [16, 17, 18], processes=1)
    assert np.array_equal(batch[1], one)
    assert np.array_equal(render_many(5, "world", [18, 16, 17], processes=2), batch[[2, 0, 1]])
    assert batch.shape == (3, 64, 64, 3) and batch.dtype == np.uint8
    assert len({picture.tobytes() for picture in batch}) == 3


def test_painting_leaves_numpys_global_generator_alone():
    before = np.random.get_state()[1].copy()
    scene = draw_scene(1, "world", 1)
    render(scene), caption(scene), masks(scene)
    assert np.array_equal(before, np.random.get_state()[1])


def test_streams_kinds_and_seeds_share_no_scene():
    scenes = [draw_scene(seed, stream, n, kind) for seed in (0, 1) for stream in STREAMS for kind in KINDS
              for n in range(10)]
    assert len({scene.seed for scene in scenes}) == len(scenes)


@pytest.mark.parametrize("size", [32, 64, 96, 256, 425])
def test_pictures_come_in_any_size_and_look_the_same(size):
    scene = draw_scene(0, "world", 4)
    picture = render(scene, size)
    assert picture.shape == (size, size, 3)
    assert np.abs(picture.mean((0, 1)) - render(scene).mean((0, 1))).max() < 2


def test_pictures_are_not_flat():
    pictures = np.stack([render(scene) for scene in many()[:60]]).astype(float)
    luminance = pictures.mean(-1)
    assert luminance.std(axis=(1, 2)).min() > 12
    assert 80 < luminance.mean() < 170
    spectrum = np.abs(np.fft.fft2(luminance - luminance.mean((1, 2), keepdims=True))).mean(0)
    low, middle, high = spectrum[1, 1], spectrum[8, 8], spectrum[30, 30]
    # Energy falls with frequency, as in photographs, but not to nothing.
    assert low > middle > high > 0.005 * low


def test_watermark_stream_is_flatter_and_marked():
    world = np.stack([render(scene) for scene in many()[:40]]).astype(float)
    marked = np.stack([render(draw_scene(0, "watermark", n)) for n in range(40)]).astype(float)
    assert np.ptp(marked, axis=-1).mean() < 0.7 * np.ptp(world, axis=-1).mean()
    assert np.abs(marked.mean((0, 1, 2)) - world.mean((0, 1, 2))).max() > 8


# --- what is in the scenes -------------------------------------------------------------------------


def test_categories_are_cocos_own():
    known = {i: (name, group) for table in (coco.THING_CATEGORIES, coco.STUFF_CATEGORIES)
             for group, entries in table.items() for i, name in entries.items()}
    assert len(known) == 80 + 92
    assert all(known[i] == (kind.name, kind.supercategory) for i, kind in THINGS.items())
    assert all(known[i] == entry for i, entry in STUFF.items())
    assert len(THINGS) >= 14 and len(STUFF) >= 9 and set(THINGS) == set(RENDERERS)


@pytest.mark.skipif(not LABELS.exists(), reason="COCO-Stuff's label list is not on this machine")
def test_category_names_equal_the_coco_stuff_label_list():
    listed = {int(i): name.strip() for i, name in (line.split(":")
                                                   for line in LABELS.read_text().splitlines())}
    ours = {i: name for table in (coco.THING_CATEGORIES, coco.STUFF_CATEGORIES)
            for entries in table.values() for i, name in entries.items()}
    assert all(listed[i] == name for i, name in ours.items() if i != 183)
    absent = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}
    assert set(listed) - {0} - absent == set(ours) - {183}


def test_frequencies_are_long_tailed_with_person_first():
    counts = Counter(c for scene in many() for c in {t.category for t in scene.things})
    shares = [n / len(many()) for _, n in counts.most_common()]
    assert counts.most_common(1)[0][0] == 1 and 0.4 < shares[0] < 0.75
    assert shares[1] < 0.4 * shares[0] and shares[-1] < 0.02
    assert set(counts) == set(THINGS)


def test_scenes_have_one_to_four_things_or_a_crowd_on_top_and_one_to_three_stuff_regions():
    for scene in many():
        assert 1 <= sum(not t.crowd for t in scene.things) <= 4 and sum(t.crowd for t in scene.things) <= 1
        assert 1 <= len(scene.stuff) <= 3
    assert {r.category for scene in many() for r in scene.stuff} == set(STUFF)
    assert {t.relation for scene in many() for t in scene.things} == {"", "riding", "holding", "on"}


def test_main_things_are_large():
    heights = [np.mean(masks(scene)[0][0].any(axis=1)) for scene in many()[:150]]
    assert np.mean(np.asarray(heights) > 0.25) > 0.9
    assert np.mean(np.asarray(heights) > 0.75) < 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_localiser_kinds_show_what_they_are_for(kind):
    for n in range(30):
        scene = draw_scene(2, "subject", n, kind)
        truth = factors(scene)
        assert scene.kind == kind
        if kind == "face":
            assert truth["face"] == 1 and masks(scene)[0][0].mean() > 0.15
        elif kind == "body":
            assert {t.category for t in scene.things} == {1} and truth["face"] == 0 and truth["size"] > 0.7
        elif kind == "place":
            assert not scene.things and not masks(scene)[0].size
        elif kind == "word":
            assert truth["words"] == 1
        elif kind == "object":
            assert len(scene.things) == 1 and THINGS[scene.things[0].category].supercategory not in ("person",
                                                                                                     "animal")


def test_factors_have_the_same_keys_for_every_scene_and_tell_the_truth():
    tables = [factors(scene) for scene in many()] + [factors(draw_scene(0, "subject", 0, kind))
                                                     for kind in KINDS]
    assert len({tuple(t) for t in tables}) == 1
    assert all(isinstance(v, float) for t in tables for v in t.values())
    for scene, truth in zip(many(), tables):
        present = {t.name for t in scene.things}
        assert {k.name for k in THINGS.values() if truth[f"has_{k.name}"]} == present
        main = scene.things[0]
        assert truth["category"] == main.category and truth["x"] == main.x
        assert truth["colour"] == (list(COLOURS).index(main.colour) if main.colour else -1)


# --- sentences -------------------------------------------------------------------------------------


def test_captions_are_graded_five_and_repeatable():
    for scene in many()[:200]:
        pairs = caption(scene)
        assert sorted(g for _, g in pairs) == sorted(GRADES)
        assert pairs == caption(scene)
        assert all(s[0].isupper() and s.endswith(".") and "  " not in s and s.isascii() for s, _ in pairs)
    orders = {tuple(g for _, g in caption(scene)) for scene in many()[:200]}
    assert len(orders) > 20


def test_specific_captions_name_the_main_thing_with_its_colour_and_its_relation():
    for scene in many()[:400]:
        main = scene.things[0]
        for sentence in (s for s, grade in caption(scene) if grade == "specific"):
            assert names(sentence, main.category), sentence
            if main.colour and not main.crowd:
                assert main.colour in words(sentence), sentence
            if main.relation:
                assert main.relation in words(sentence), sentence
                assert names(sentence, scene.things[main.other].category), sentence


def test_left_and_right_are_as_in_the_picture():
    seen = Counter()
    for scene in many():
        for sentence, grade in caption(scene):
            side = re.search(r"\b(left|right) of\b", sentence)
            if grade == "specific" and side:
                a, b = scene.things[:2]
                assert (side[1] == "left") == (a.x < b.x), sentence
                seen[side[1]] += 1
    assert min(seen["left"], seen["right"]) > 20


def test_partial_vague_and_off_captions_say_less_nothing_and_something_else():
    for scene in many()[:400]:
        texts = {grade: sentence for sentence, grade in caption(scene)}
        assert sum(names(texts["partial"], c) for c in {t.category for t in scene.things}) >= 1
        assert not any(colour in words(texts["partial"]) for colour in COLOURS if colour != "orange")
        for thing in scene.things:
            assert not names(texts["off"], thing.category), (thing.name, texts["off"])
            assert not names(texts["vague"], thing.category), texts["vague"]


def test_vocabulary_is_small():
    scenes = list(many()) + [draw_scene(0, "subject", n, kind) for kind in KINDS for n in range(40)]
    vocabulary = {w for scene in scenes for sentence, _ in caption(scene) for w in words(sentence)}
    assert 150 < len(vocabulary) < 400


# --- masks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 160])
def test_masks_are_disjoint_and_cover_the_picture_with_the_stuff(size):
    for scene in few().values():
        things, stuff = masks(scene, size)
        assert things.shape == (len(scene.things), size, size) and things.dtype == bool
        assert stuff.shape == (size, size)
        assert (things.sum(0) <= 1).all()
        assert np.array_equal(things.any(0), stuff == 0)
        assert set(np.unique(stuff)) - {0} <= {r.category for r in scene.stuff}


def test_a_mask_lies_where_its_thing_is():
    for scene in many()[:80]:
        things, _ = masks(scene)
        main = scene.things[0]
        if main.crowd or len(scene.things) > 1:
            continue
        ys, xs = np.nonzero(things[0])
        assert abs((xs.min() + xs.max() + 1) / 128 - main.x) < 0.13
        if main.pose not in ("flat", "face"):
            assert abs((ys.max() + 1) / 64 - min(main.y, 1)) < 0.11


def test_nearer_things_hide_farther_ones():
    base = draw_scene(0, "world", 3)
    person = next(t for s in many() for t in s.things if t.category == 1 and t.pose == "standing")
    back = replace(person, x=0.5, y=0.8, depth=0.8, size=0.6, relation="", other=-1)
    front = replace(back, x=0.55, y=0.95, depth=0.95, seed=9)
    alone = masks(replace(base, things=(back,)), 256)[0][0].sum()
    both = masks(replace(base, things=(back, front)), 256)[0]
    assert both[0].sum() < 0.8 * alone
    assert both[1].sum() == masks(replace(base, things=(front,)), 256)[0][0].sum()


# --- COCO files ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Captions, instances and stuff, written once."""
    return coco.write_coco(tmp_path_factory.mktemp("coco") / "annotations", few(), size=96)


def test_coco_files_have_the_real_layout(files):
    assert [p.name for p in files] == ["captions_train2017.json", "instances_train2017.json",
                                       "stuff_train2017.json"]
    captions, instances, stuff = (json.loads(p.read_text()) for p in files)
    for content in (captions, instances, stuff):
        assert {"info", "licenses", "images", "annotations"} <= set(content)
        assert [i["id"] for i in content["images"]] == list(few())
        first = content["images"][0]
        assert first["file_name"] == "000000000100.jpg" and first["height"] == first["width"] == 96
        ids = [a["id"] for a in content["annotations"]]
        assert len(set(ids)) == len(ids)
    assert "categories" not in captions and len(captions["annotations"]) == 5 * len(few())
    assert len(instances["categories"]) == 80 and len(stuff["categories"]) == 92
    keys = {"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"}
    assert all(set(a) == keys for content in (instances, stuff) for a in content["annotations"])


def test_coco_files_never_tell_the_grade(files):
    captions = json.loads(files[0].read_text())
    assert {frozenset(a) for a in captions["annotations"]} == {frozenset({"image_id", "id", "caption"})}
    assert all(f'"{grade}"' not in path.read_text() for grade in GRADES for path in files)


def test_pycocotools_reads_back_the_masks(files):
    instances, stuff = COCO(str(files[1])), COCO(str(files[2]))
    forms = Counter()
    for image, scene in few().items():
        things, labels = masks(scene, 96)
        visible = [(t, m) for t, m in zip(scene.things, things) if m.any()]
        records = instances.loadAnns(instances.getAnnIds(image))
        assert [r["category_id"] for r in records] == [t.category for t, _ in visible]
        for record, (thing, mask) in zip(records, visible):
            decoded = instances.annToMask(record).astype(bool)
            assert (decoded != mask).mean() < 0.002
            assert abs(record["area"] - mask.sum()) < 1 and record["iscrowd"] == thing.crowd
            x, y, w, h = record["bbox"]
            assert mask[int(y):int(y + h), int(x):int(x + w)].sum() == mask.sum()
            forms["crowd" if thing.crowd else type(record["segmentation"]).__name__] += 1
            if thing.crowd:
                assert isinstance(record["segmentation"]["counts"], list)
        for record in stuff.loadAnns(stuff.getAnnIds(image)):
            assert isinstance(record["segmentation"]["counts"], str)
            wanted = things.any(0) if record["category_id"] == 183 else labels == record["category_id"]
            assert np.array_equal(stuff.annToMask(record).astype(bool), wanted)
    assert forms["list"] > 30 and forms["crowd"] >= 1


def test_polygons_of_any_mask_hold_exactly_its_pixels():
    rng = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        for _ in range(10):
            mask = rng.random((13, 19)) < share
            mask[2, 3] = True
            runs = rle.merge(rle.frPyObjects(coco._polygons(mask), *mask.shape))
            assert np.array_equal(rle.decode(runs).astype(bool), mask)


# --- refusals --------------------------------------------------------------------------------------


def test_refusals_say_what_was_got_and_what_is_allowed(tmp_path):
    with pytest.raises(ValueError, match="got stream 'wrld', expected one of world, watermark, subject"):
        draw_scene(0, "wrld", 1)
    with pytest.raises(ValueError, match="got kind 'faces', expected one of scene, face"):
        draw_scene(0, "world", 1, "faces")
    with pytest.raises(ValueError, match="index -1, expected both >= 0"):
        draw_scene(0, "world", -1)
    with pytest.raises(ValueError, match="got size 0, expected 8 to 1024"):
        render(draw_scene(0, "world", 1), 0)
    with pytest.raises(ValueError, match="got image id 'a', expected whole numbers"):
        coco.write_coco(tmp_path, {"a": draw_scene(0, "world", 1)}, size=64)
