"""Define a scene: its things, stuff, place and light, under the category ids of COCO and COCO-Stuff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["STREAMS", "KINDS", "THINGS", "STUFF", "COLOURS", "LIGHTS", "WEATHERS", "FINISHES", "PLACES", "Place",
           "Region", "Scene", "Thing", "factors"]

STREAMS = ("world", "watermark", "subject")
KINDS = ("scene", "face", "body", "place", "word", "object")
LIGHTS = ("day", "sunset", "overcast", "night")
WEATHERS = ("clear", "cloudy", "rain")

# Named colours as sRGB, chosen to stay apart from one another after shading and at 64 pixels.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (208, 40, 36), "orange": (238, 132, 30), "yellow": (244, 208, 48), "green": (52, 148, 62),
    "blue": (40, 88, 200), "purple": (128, 58, 170), "pink": (242, 138, 176), "brown": (124, 78, 44),
    "black": (40, 40, 46), "white": (240, 238, 232), "gray": (132, 136, 142),
}
_BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white", "gray")
FINISHES = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
_COAT = ("brown", "black", "white", "gray", "orange")


class ThingKind(NamedTuple):
    """Properties common to all things of one category: shape, usual height, colours, and where it may be."""

    name: str
    supercategory: str
    aspect: float                 # width / height
    height: tuple[float, float]   # of the main thing, in picture heights
    colours: tuple[str, ...]      # () where the category has one natural appearance
    zone: str                     # ground, sky, wall or top (stands on furniture)


THINGS: dict[int, ThingKind] = {
    1: ThingKind("person", "person", 0.62, (0.55, 0.82), _BRIGHT, "ground"),
    2: ThingKind("bicycle", "vehicle", 1.6, (0.36, 0.50), FINISHES, "ground"),
    3: ThingKind("car", "vehicle", 2.05, (0.30, 0.40), FINISHES, "ground"),
    5: ThingKind("airplane", "vehicle", 2.2, (0.26, 0.38), FINISHES, "sky"),
    6: ThingKind("bus", "vehicle", 1.75, (0.36, 0.50), FINISHES, "ground"),
    7: ThingKind("train", "vehicle", 2.1, (0.34, 0.46), FINISHES, "ground"),
    8: ThingKind("truck", "vehicle", 1.8, (0.36, 0.48), FINISHES, "ground"),
    9: ThingKind("boat", "vehicle", 1.05, (0.48, 0.68), FINISHES, "ground"),
    10: ThingKind("traffic light", "outdoor", 0.36, (0.62, 0.82), (), "ground"),
    11: ThingKind("fire hydrant", "outdoor", 0.66, (0.42, 0.62), ("red", "yellow", "blue", "orange"),
                  "ground"),
    13: ThingKind("stop sign", "outdoor", 0.56, (0.62, 0.85), (), "ground"),
    15: ThingKind("bench", "outdoor", 1.75, (0.32, 0.42), ("brown", "green", "white", "blue"), "ground"),
    16: ThingKind("bird", "animal", 1.25, (0.34, 0.52),
                  ("red", "yellow", "blue", "black", "white", "green"), "ground"),
    17: ThingKind("cat", "animal", 0.85, (0.44, 0.64), _COAT, "ground"),
    18: ThingKind("dog", "animal", 1.2, (0.42, 0.60), _COAT, "ground"),
    19: ThingKind("horse", "animal", 1.2, (0.52, 0.70), ("brown", "black", "white", "gray"), "ground"),
    20: ThingKind("sheep", "animal", 1.3, (0.40, 0.56), ("white", "black", "gray"), "ground"),
    21: ThingKind("cow", "animal", 1.45, (0.42, 0.58), ("brown", "black", "white"), "ground"),
    22: ThingKind("elephant", "animal", 1.35, (0.50, 0.64), (), "ground"),
    24: ThingKind("zebra", "animal", 1.2, (0.48, 0.66), (), "ground"),
    25: ThingKind("giraffe", "animal", 0.78, (0.72, 0.90), (), "ground"),
    28: ThingKind("umbrella", "accessory", 1.15, (0.42, 0.60), _BRIGHT, "ground"),
    37: ThingKind("sports ball", "sports", 1.0, (0.28, 0.42), ("red", "blue", "yellow", "white", "orange"),
                  "ground"),
    38: ThingKind("kite", "sports", 0.80, (0.36, 0.52), FINISHES, "sky"),
    41: ThingKind("skateboard", "sports", 2.9, (0.17, 0.24), FINISHES, "ground"),
    42: ThingKind("surfboard", "sports", 0.34, (0.58, 0.78), FINISHES, "ground"),
    47: ThingKind("cup", "kitchen", 1.12, (0.36, 0.54), FINISHES, "top"),
    52: ThingKind("banana", "food", 1.5, (0.34, 0.46), (), "top"),
    53: ThingKind("apple", "food", 0.95, (0.36, 0.52), ("red", "green", "yellow"), "top"),
    59: ThingKind("pizza", "food", 1.75, (0.38, 0.50), (), "top"),
    61: ThingKind("cake", "food", 1.05, (0.40, 0.56), ("pink", "white", "brown", "yellow"), "top"),
    62: ThingKind("chair", "furniture", 0.66, (0.52, 0.72), FINISHES, "ground"),
    63: ThingKind("couch", "furniture", 1.9, (0.38, 0.46), _BRIGHT, "ground"),
    64: ThingKind("potted plant", "furniture", 0.80, (0.48, 0.70), (), "ground"),
    67: ThingKind("dining table", "furniture", 1.8, (0.36, 0.44), ("brown", "white", "black"), "ground"),
    72: ThingKind("tv", "electronic", 1.5, (0.36, 0.48), (), "wall"),
    73: ThingKind("laptop", "electronic", 1.35, (0.40, 0.54), ("gray", "black", "white"), "top"),
    85: ThingKind("clock", "indoor", 1.0, (0.38, 0.52), ("white", "black", "red", "blue", "yellow"), "wall"),
    86: ThingKind("vase", "indoor", 0.66, (0.50, 0.68), FINISHES, "top"),
    88: ThingKind("teddy bear", "indoor", 0.84, (0.46, 0.64), ("brown", "white", "pink", "blue"), "ground"),
}

# COCO-Stuff id: (name, supercategory)
STUFF: dict[int, tuple[str, str]] = {
    92: ("banner", "textile"), 96: ("building-other", "building"), 101: ("carpet", "floor"),
    111: ("dirt", "ground"), 113: ("fence", "structural"), 117: ("floor-tile", "floor"),
    118: ("floor-wood", "floor"), 124: ("grass", "plant"), 128: ("house", "building"),
    135: ("mountain", "solid"), 149: ("road", "ground"), 154: ("sand", "ground"), 155: ("sea", "water"),
    157: ("sky-other", "sky"), 159: ("snow", "ground"), 165: ("table", "furniture-stuff"),
    169: ("tree", "plant"), 171: ("wall-brick", "wall"), 173: ("wall-other", "wall"),
    176: ("wall-tile", "wall"), 177: ("wall-wood", "wall"), 181: ("window-other", "window"),
}


class Place(NamedTuple):
    """A setting: its grounds, backdrops and distant stuff, and the relative frequency of each thing."""

    weight: float
    indoor: bool
    grounds: tuple[int, ...]
    backs: tuple[int, ...]        # what closes the view: the sky, or a wall
    far: tuple[int, ...]          # at most one of these stands at the horizon
    things: dict[int, float]


PLACES: dict[str, Place] = {
    "meadow": Place(20, False, (124, 124, 124, 111), (157,), (169, 169, 135, 128, 113, 0), {
        1: 30, 18: 7, 19: 7, 20: 6, 21: 6, 16: 4, 24: 3, 25: 3.5, 22: 3.5, 38: 3, 37: 3, 2: 2, 15: 2, 28: 2,
        5: 1}),
    "street": Place(20, False, (149,), (157,), (96, 96, 128, 169, 0), {
        1: 28, 3: 11, 6: 6, 8: 5, 2: 4, 10: 4, 13: 4, 11: 3.5, 7: 3, 15: 2, 18: 3, 28: 3, 41: 2, 5: 1.5,
        16: 1, 17: 1}),
    "beach": Place(11, False, (154,), (157,), (155,), {
        1: 32, 28: 6, 42: 5, 38: 5, 16: 4, 18: 4, 37: 4, 9: 2, 19: 2, 5: 2}),
    "sea": Place(8, False, (155,), (157,), (135, 0, 0), {9: 14, 16: 4, 5: 3}),
    "snow": Place(7, False, (159,), (157,), (135, 135, 169, 128, 0), {
        1: 22, 18: 4, 19: 2, 8: 2, 3: 2, 16: 1.5, 5: 1.5, 7: 1.5}),
    "room": Place(20, True, (118, 118, 101, 101), (173, 173, 171, 177), (181, 181, 0, 0), {
        1: 24, 63: 8, 62: 8, 17: 7, 72: 6, 85: 6, 67: 4, 88: 4, 64: 4, 18: 3, 86: 2, 37: 1}),
    "kitchen": Place(6, True, (117,), (176, 173), (181, 0),
                     {1: 14, 67: 8, 62: 6, 85: 4, 64: 3, 17: 2, 18: 1}),
    "tabletop": Place(8, True, (165,), (173, 171, 176), (181, 0), {
        59: 8, 47: 7, 61: 5, 73: 5, 86: 4, 53: 4, 52: 4, 85: 1.5, 88: 1.5}),
}


@dataclass(frozen=True)
class Thing:
    """One countable thing; positions and sizes are fractions of the picture, y grows downwards.

    `x` is its centre, `y` its lowest point, `size` its height, `depth` the y of the ground under it (what stands lower is
    nearer and occludes what is behind); `variant` selects details of its appearance; `relation` relates it to thing
    number `other` of the same scene.
    """

    category: int
    colour: str
    x: float
    y: float
    size: float
    flip: bool
    variant: int
    pose: str
    depth: float
    relation: str = ""
    other: int = -1
    crowd: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        """Its COCO name."""
        return THINGS[self.category].name


@dataclass(frozen=True)
class Region:
    """One stretch of stuff: `part` is ground, back (sky or wall), or far (stands at the horizon)."""

    category: int
    part: str
    x: float = 0.5
    size: float = 0.3
    colour: str = ""
    text: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """The full description of one picture; things[0] is the main thing."""

    stream: str
    kind: str
    place: str
    things: tuple[Thing, ...]
    stuff: tuple[Region, ...]
    horizon: float
    light: str
    weather: str
    sun: float       # where the light comes from, -1 left to 1 right
    seed: int

    @property
    def indoor(self) -> bool:
        """Whether the scene is inside a building."""
        return PLACES[self.place].indoor

    def region(self, part: str) -> Region | None:
        """The stuff region that is the ground, back or far `part`, or None."""
        return next((r for r in self.stuff if r.part == part), None)


def factors(scene: Scene) -> dict[str, float]:
    """The generative factors of a scene as numbers, with the same keys for every scene.

    Returns
    -------
    dict
        `has_<thing>` and `has_<stuff>` (0 or 1); `things` (count); main thing's `category` (COCO id), `x`
        and `y` (centre), `size` (height, as fractions), `colour` (index into `COLOURS`, -1
        without), all 0 but the colour where there is no thing;
        `ground` (COCO-Stuff id), `horizon`, `light`, `weather` (indices), `indoor`, `face`, `crowd`, `words`.
    """
    present = {t.category for t in scene.things}
    stuff = {r.category for r in scene.stuff}
    main = scene.things[0] if scene.things else None
    colours = list(COLOURS)
    out = {f"has_{kind.name}": float(cid in present) for cid, kind in THINGS.items()}
    out |= {f"has_{name}": float(cid in stuff) for cid, (name, _) in STUFF.items()}
    out |= {
        "things": float(len(scene.things)),
        "category": float(main.category if main else 0),
        "x": main.x if main else 0.0,
        "y": main.y - main.size / 2 if main else 0.0,
        "size": main.size if main else 0.0,
        "colour": float(colours.index(main.colour)) if main and main.colour else -1.0,
        "ground": float(scene.region("ground").category),
        "horizon": scene.horizon,
        "light": float(LIGHTS.index(scene.light)),
        "weather": float(WEATHERS.index(scene.weather)),
        "indoor": float(scene.indoor),
        "face": float(bool(main and main.pose == "face")),
        "crowd": float(any(t.crowd for t in scene.things)),
        "words": float(92 in stuff or 13 in present),
    }
    return out
