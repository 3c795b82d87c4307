"""Sample scenes from a seed; render, caption and annotate them, and list their true factors.

    seed ──sampling──▶ Scene ──┬─rendering──▶ picture, masks
                               ├─sentences──▶ five captions of known grade
                               └─coco──▶ COCO's annotation files

The simulated world stands in for COCO, with every factor known. `corpus` keeps tens of thousands of scenes for
pretraining. Read `scenes` first.
"""

from .coco import write_coco
from .corpus import SOURCES, World, load_world
from .mentions import FACTORS, Factor
from .rendering import masks, render, render_many, watermark
from .sampling import draw_scene
from .scenes import COLOURS, LIGHTS, PLACES, STUFF, Scene, THINGS, WEATHERS, factors
from .sentences import GRADES, caption

__all__ = ["caption", "COLOURS", "draw_scene", "Factor", "factors", "FACTORS", "GRADES", "LIGHTS", "load_world",
           "masks", "PLACES", "render", "render_many", "Scene", "SOURCES", "STUFF", "THINGS", "watermark", "WEATHERS", "World",
           "write_coco"]
