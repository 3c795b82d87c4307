"""Captions name what is in the scene, as much of it as their grade says."""

import re
from collections import Counter

from simulated_scenes import many

from mindreader.world import sentences
from mindreader.world.sampling import draw_scene
from mindreader.world.scenes import COLOURS, KINDS, THINGS
from mindreader.world.sentences import GRADES, caption

PEOPLE = {"man", "woman", "boy", "girl", "child", "person", "lady", "guy", "people"}


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


def test_partial_vague_and_off_captions_name_less_nothing_and_another_scene():
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
