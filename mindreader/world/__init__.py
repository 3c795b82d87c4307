"""From a seed to scenes, and from a scene to its picture, captions, annotations and true factors.

    seed ──sampling──▶ Scene ──┬─rendering──▶ picture, masks
                               ├─sentences──▶ five captions of graded worth
                               └─coco──▶ COCO's annotation files

The simulated world stands for COCO: everything about a scene is known. `corpus` keeps tens of thousands of scenes for
pretraining. Read `scenes` first.
"""

from .coco import write_coco
from .corpus import SOURCES, World, load_world
from .mentions import FACTORS, Factor
from .rendering import render, render_many, watermark
from .sampling import draw_scene
from .scenes import COLOURS, LIGHTS, PLACES, STUFF, Scene, THINGS, WEATHERS, factors
from .sentences import GRADES, caption

__all__ = ["caption", "COLOURS", "draw_scene", "Factor", "factors", "FACTORS", "GRADES", "LIGHTS", "load_world",
           "PLACES", "render", "render_many", "Scene", "SOURCES", "STUFF", "THINGS", "watermark", "WEATHERS", "World",
           "write_coco"]
