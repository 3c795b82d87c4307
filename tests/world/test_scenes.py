"""Scenes have COCO's categories, natural frequencies and the factors that describe them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from simulated_scenes import many

from mindreader.world import coco
from mindreader.world.rendering import RENDERERS, masks
from mindreader.world.sampling import draw_scene
from mindreader.world.scenes import COLOURS, KINDS, STREAMS, STUFF, THINGS, factors

LABELS = Path("/work/shared/data/coco/cocostuff_labels.txt")


def test_streams_kinds_and_seeds_share_no_scene():
    scenes = [draw_scene(seed, stream, n, kind) for seed in (0, 1) for stream in STREAMS for kind in KINDS
              for n in range(10)]
    assert len({scene.seed for scene in scenes}) == len(scenes)


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
def test_localiser_stimuli_show_their_category(kind):
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


def test_factors_have_the_same_keys_for_every_scene_and_agree_with_it():
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


def test_unknown_streams_and_kinds_and_negative_indices_are_refused():
    with pytest.raises(ValueError, match="got stream 'wrld', expected one of world, watermark, subject"):
        draw_scene(0, "wrld", 1)
    with pytest.raises(ValueError, match="got kind 'faces', expected one of scene, face"):
        draw_scene(0, "world", 1, "faces")
    with pytest.raises(ValueError, match="index -1, expected both >= 0"):
        draw_scene(0, "world", -1)
