"""mentions: factors that captions never mention change no caption, those that they may mention change some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mindreader.world.mentions import FACTORS
from mindreader.world.sampling import draw_scene
from mindreader.world.scenes import COLOURS
from mindreader.world.sentences import caption

SCENES = [draw_scene(11, "world", i) for i in range(400)]
BY_NAME = {factor.name: factor for factor in FACTORS}


def other_light(scene):
    return replace(scene, light={"day": "night", "night": "day"}.get(scene.light, "day"))


def recoloured(scene):
    colours = [c for c in COLOURS if c != scene.things[0].colour]
    return replace(scene, things=(replace(scene.things[0], colour=colours[0]), *scene.things[1:]))


def stuff(scene, part, **what):
    return replace(scene, stuff=tuple(replace(r, **what) if r.part == part else r for r in scene.stuff))


def moved(scene):
    return replace(scene, things=(replace(scene.things[0], x=1 - scene.things[0].x),))


CHANGED = {
    "main thing": lambda s: replace(s, things=(replace(s.things[0], category=19 if s.things[0].category != 19 else 20),
                                               *s.things[1:])),
    "colour of the main thing": recoloured,
    "ground": lambda s: stuff(s, "ground", category=159 if s.region("ground").category != 159 else 124),
    "light outdoors": other_light,
    "colour of the wall": lambda s: stuff(s, "back", colour="pink" if s.region("back").colour != "pink" else "blue"),
    "light indoors": other_light,
    "clouds by day": lambda s: replace(s, weather="cloudy" if s.weather == "clear" else "clear"),
    "height of the horizon": lambda s: replace(s, horizon=0.98 - s.horizon),
    "side of the sun": lambda s: replace(s, sun=-s.sun),
    "place of a lone thing": moved,
}


def captions_of(scene):
    return [sentence for sentence, grade in caption(scene) if grade != "off"]  # that one is about another scene


@pytest.mark.parametrize("name", BY_NAME)
def test_only_mentioned_factors_change_captions(name):
    factor, change = BY_NAME[name], CHANGED[name]
    having = [scene for scene in SCENES if factor.of(scene) is not None][:60]
    assert len(having) >= 30
    assert all(factor.of(change(scene)) != factor.of(scene) for scene in having)
    differs = sum(captions_of(change(scene)) != captions_of(scene) for scene in having)
    assert differs > 10 if factor.mentioned else differs == 0


def test_values_are_spread_so_that_guessing_the_commonest_gains_little():
    for factor in FACTORS:
        values = [v for v in map(factor.of, SCENES) if v is not None]
        assert max(values.count(v) for v in set(values)) < 0.85 * len(values), factor.name
