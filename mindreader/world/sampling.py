"""Sample scenes: the things that co-occur in a place, their relations, and the light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .scenes import KINDS, LIGHTS, FINISHES, PLACES, STREAMS, THINGS, Place, Region, Scene, Thing

__all__ = ["draw_scene"]

# (subject, relation, object): places, weight
BONDS: tuple[tuple[int, str, int, tuple[str, ...], float], ...] = (
    (1, "riding", 19, ("meadow", "beach", "snow"), 4), (1, "riding", 2, ("street", "meadow"), 4),
    (1, "riding", 41, ("street",), 3), (1, "riding", 42, ("sea",), 8), (1, "riding", 22, ("meadow",), 1),
    (1, "holding", 28, ("street", "beach", "meadow", "snow"), 3),
    (1, "holding", 38, ("beach", "meadow"), 2.5),
    (1, "holding", 42, ("beach",), 4), (1, "holding", 88, ("room",), 1.5),
    (1, "holding", 47, ("kitchen", "room"), 2),
    (17, "on", 63, ("room",), 3), (18, "on", 63, ("room",), 1.5), (1, "on", 63, ("room",), 3),
    (88, "on", 63, ("room",), 1), (17, "on", 62, ("room", "kitchen"), 1.5), (88, "on", 62, ("room",), 1),
    (1, "on", 15, ("street", "meadow"), 2), (17, "on", 15, ("street", "meadow"), 1),
    (16, "on", 15, ("meadow",), 1),
    (17, "on", 3, ("street",), 1), (59, "on", 67, ("kitchen", "room"), 3),
    (47, "on", 67, ("kitchen", "room"), 1.5),
    (86, "on", 67, ("kitchen", "room"), 2), (73, "on", 67, ("room", "kitchen"), 2),
    (61, "on", 67, ("kitchen",), 2),
    (17, "on", 67, ("kitchen",), 1), (16, "on", 22, ("meadow",), 0.7),
)
_SEAT = {63: 0.50, 62: 0.52, 15: 0.55, 67: 0.10, 3: 0.04, 22: 0.16, 19: 0.38, 2: 0.42, 41: 0.12, 42: 0.30}
_CROWDS = (1, 16, 20, 21)
_OBJECTS = (3, 9, 11, 13, 28, 37, 47, 53, 59, 62, 63, 64, 72, 73, 85, 86, 88, 2, 61, 10)
_SIGNS = ("OPEN", "SALE", "CAFE", "EXIT", "TAXI", "BOOK", "HELLO", "PIZZA", "MUSIC", "PARK", "HOTEL", "NEWS",
          "LOVE", "ZOO")


def draw_scene(seed: int, stream: str, index: int, kind: str = "scene") -> Scene:
    """Sample scene number `index` of a stream, independently of all other scenes.

    Parameters
    ----------
    seed : int
        The world's seed, >= 0.
    stream : str
        One of `STREAMS`; streams share no picture.
    index : int
        Number of the scene, >= 0.
    kind : str
        "scene", or a localiser's stimulus: "face", "body", "place", "word", "object".

    Returns
    -------
    Scene

    Raises
    ------
    ValueError
        Unknown stream or kind, or a negative seed or index.

    >>> [thing.name for thing in draw_scene(0, "world", 1).things]
    ['person', 'umbrella', 'surfboard']
    """
    for what, got, allowed in (("stream", stream, STREAMS), ("kind", kind, KINDS)):
        if got not in allowed:
            raise ValueError(f"got {what} {got!r}, expected one of {', '.join(allowed)}; pass one of these")
    if seed < 0 or index < 0:
        raise ValueError(f"got seed {seed} and index {index}, expected both >= 0; count scenes from 0")
    code = STREAMS.index(stream) * len(KINDS) + KINDS.index(kind)
    return _sample(np.random.default_rng([seed, code, index]), stream, kind)


def _pick(rng: np.random.Generator, items, weights=None):
    """One of `items`, with the given weights."""
    items = list(items)
    if weights is None:
        return items[int(rng.integers(len(items)))]
    edges = np.cumsum(list(weights))
    return items[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def _sample(rng: np.random.Generator, stream: str, kind: str) -> Scene:
    """A random scene of one kind."""
    place = _place_for(rng, kind)
    spec = PLACES[place]
    if place == "tabletop":
        horizon = rng.uniform(0.40, 0.52)
    else:
        horizon = rng.uniform(0.58, 0.72) if spec.indoor else rng.uniform(0.38, 0.60)
    light = _pick(rng, ("day", "night") if spec.indoor else LIGHTS,
                  (8, 2) if spec.indoor else (10, 4, 4, 2.5))
    weather = "clear"
    if not spec.indoor:
        weather = {"day": _pick(rng, ("clear", "cloudy")), "overcast": _pick(rng, ("cloudy", "rain")),
                   "sunset": _pick(rng, ("clear", "cloudy")), "night": "clear"}[light]
    scene = Scene(stream, kind, place, (), _regions(rng, spec, place, kind), float(horizon), light, weather,
                  float(rng.uniform(0.35, 1) * rng.choice((-1, 1))), int(rng.integers(2**31)))
    things = {"scene": _things, "face": _face, "body": _bodies, "place": _nothing, "word": _word,
              "object": _object}[kind](rng, scene)
    return replace(scene, things=tuple(things))


def _place_for(rng: np.random.Generator, kind: str) -> str:
    """A place that suits the kind of scene."""
    places = list(PLACES)
    if kind in ("face", "body", "place"):
        places.remove("tabletop")
    if kind in ("face", "body"):
        places.remove("sea")
    if kind == "word":
        places = ["street", "meadow", "beach", "snow"]
    return _pick(rng, places, [PLACES[p].weight for p in places])


def _regions(rng: np.random.Generator, spec: Place, place: str, kind: str) -> tuple[Region, ...]:
    """One to three stuff regions: what closes the view, the ground, and perhaps something far off."""
    wall_colour = _pick(rng, ("white", "yellow", "green", "blue", "pink", "gray", "orange"))
    carpet = _pick(rng, ("red", "blue", "green", "gray", "purple"))
    back, ground = _pick(rng, spec.backs), _pick(rng, spec.grounds)
    regions = [Region(back, "back", colour=wall_colour if back in (173, 176) else "",
                      seed=int(rng.integers(2**31))),
               Region(ground, "ground", colour=carpet if ground == 101 else "",
                      seed=int(rng.integers(2**31)))]
    far = _pick(rng, spec.far)
    if (kind == "word" and rng.random() < 0.7
            or kind == "scene" and place in ("street", "meadow") and rng.random() < .05):
        far = 92
    if kind == "place" and far == 0:
        far = next(f for f in spec.far if f)
    if far:
        sign = _pick(rng, _SIGNS)
        size = rng.uniform(0.52, 0.72) if kind == "word" else rng.uniform(0.28, 0.46)
        x = rng.uniform(0.42, 0.58) if kind == "word" else rng.uniform(0.15, 0.85)
        colour = _pick(rng, FINISHES) if far in (92, 128, 96) else ""
        regions.append(Region(far, "far", float(x), float(size), colour, sign if far == 92 else "",
                              int(rng.integers(2**31))))
    return tuple(regions)


def _make(rng: np.random.Generator, category: int, x: float, y: float, size: float, **more) -> Thing:
    """A thing of random colour and appearance at a given position."""
    colours = THINGS[category].colours
    pose = more.pop("pose", None) or _pose(rng, category)
    return Thing(category, _pick(rng, colours) if colours else "", float(x), float(y), float(size),
                 bool(rng.random() < 0.5), int(rng.integers(1000)), pose, float(more.pop("depth", y)),
                 seed=int(rng.integers(2**31)), **more)


def _pose(rng: np.random.Generator, category: int) -> str:
    """A free-standing pose of the category."""
    if category == 1:
        return _pick(rng, ("standing", "walking", "waving"), (4, 3, 2))
    if category == 17:
        return _pick(rng, ("sitting", "walking"))
    if category == 16:
        return "standing"
    return ""


def _position(rng: np.random.Generator, scene: Scene, category: int, size: float,
              nearness: float) -> tuple[float, float]:
    """(y of the lowest edge, size) of a thing that fits into the picture at a nearness of 0 to 1."""
    zone, aspect = THINGS[category].zone, THINGS[category].aspect
    size = min(size, 0.86 / aspect)
    if zone == "sky":
        return size + rng.uniform(0.03, max(0.04, scene.horizon - size)), size
    if zone == "wall" and scene.place != "tabletop":
        size = min(size, scene.horizon - 0.08)
        return size + rng.uniform(0.04, max(0.05, scene.horizon - size - 0.04)), size
    y = scene.horizon + (0.97 - scene.horizon) * nearness
    return (y, size) if y - size >= 0.02 else (max(y, min(0.98, size + 0.02)), min(size, 0.95))


def _things(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """One to four things of a scene: sometimes a related pair first, then things of the place."""
    if rng.random() < 0.05 and scene.place != "tabletop":
        return _face(rng, scene)
    bonds = [b for b in BONDS if scene.place in b[3]]
    if bonds and rng.random() < 0.42:
        things = _bond(rng, scene, _pick(rng, bonds, [b[4] for b in bonds]))
        extra = int(rng.choice(3, p=(0.55, 0.33, 0.12)))
    else:
        things, extra = [], int(rng.choice((1, 2, 3, 4), p=(0.36, 0.36, 0.2, 0.08)))
    wanted = PLACES[scene.place].things
    taken = [t.x for t in things]
    fly = scene.place == "sea"
    for n in range(extra):
        category = _pick(rng, wanted, wanted.values())
        if any(t.category == category for t in things) and category not in _CROWDS:
            continue
        main = not things
        low, high = THINGS[category].height
        near = rng.uniform(0.55, 0.95) if main else rng.uniform(0.1, 0.8)
        size = rng.uniform(low, high) * (1 if main else 0.45 + 0.42 * near)
        y, size = _position(rng, scene, category, size, near)
        x = _free_x(rng, taken, size * THINGS[category].aspect, alone=main and extra == 1)
        things.append(_make(rng, category, x, y, size, pose="flying" if category == 16
                            and (fly or rng.random() < .4) else None))
        if things[-1].pose == "flying":
            things[-1] = replace(things[-1], y=float(size + rng.uniform(0.05,
                                                                        max(0.06, scene.horizon - size))))
        taken.append(x)
    if rng.random() < 0.06 and not scene.indoor and scene.place != "sea":
        things.append(_crowd(rng, scene))
    return things


def _free_x(rng: np.random.Generator, taken: list[float], width: float, alone: bool) -> float:
    """An x that keeps the thing in the picture and, of a few tries, farthest from the x already taken."""
    half = min(width / 2, 0.46)
    if alone:
        return float(np.clip(rng.normal(0.5, 0.1), half, 1 - half))
    tries = rng.uniform(half, 1 - half, 4) if half < 0.45 else rng.uniform(0.4, 0.6, 4)
    if not taken:
        return float(tries[0])
    return float(max(tries, key=lambda x: min(abs(x - t) for t in taken)))


def _bond(rng: np.random.Generator, scene: Scene, bond: tuple) -> list[Thing]:
    """Two things in relation, such as a person riding a horse: [subject, object]."""
    subject, relation, base = bond[:3]
    x = float(np.clip(rng.normal(0.5, 0.12), 0.36, 0.64))
    ground = scene.horizon + (0.97 - scene.horizon) * rng.uniform(0.6, 0.98)
    if relation == "holding":
        return _holding(rng, scene, base, x, ground)
    low, high = THINGS[base].height
    size = min(rng.uniform(low, high), 0.8 / THINGS[base].aspect)
    pose = {"riding": "riding" if base in (19, 2, 22) else "balancing"}.get(relation, "sitting")
    if base == 42:
        size = 0.13
    ratio = {19: 0.74, 2: 1.35, 22: 0.62, 41: 3.6, 42: 4.4}.get(base) if subject == 1 else None
    if subject == 1 and ratio is None:
        ratio = 1.45
    height = size * (ratio or {59: 0.52, 3: 0.75}.get(base, 0.78 if base != 22 else 0.4))
    if base == 67:
        height = size * (0.42 if subject == 59 else 0.8)
    top = {19: 0.74, 2: 0.90, 22: 0.60}.get(base, _SEAT[base]) if pose == "riding" else _SEAT[base]
    over = size * (1 - top)
    if pose == "sitting" and subject == 1:
        over = size * 0.06
    ground = max(ground, over + height + 0.02)
    if ground > 0.98:
        scale = 0.96 / (over + height)
        size, height, over, ground = size * scale, height * scale, over * scale, 0.98
    what = _make(rng, base, x, ground, size, pose="flat" if base == 42 else None)
    if subject in (17,) and base != 62:
        pose = _pick(rng, ("sitting", "walking"))
    offset = (0 if pose in ("riding", "balancing") or base == 62
              else rng.uniform(-0.24, 0.24) * size * THINGS[base].aspect)
    who = _make(rng, subject, x + offset, ground - over, height, pose=pose, depth=ground + 0.004,
                relation=relation,
                other=1)
    return [replace(who, flip=what.flip) if pose in ("riding", "balancing") else who, what]


def _holding(rng: np.random.Generator, scene: Scene, base: int, x: float, ground: float) -> list[Thing]:
    """A person with an umbrella, a kite, a surfboard, a cup or a teddy bear in the hand."""
    height = rng.uniform(0.5, 0.66)
    ground = max(ground, height * (1.36 if base == 28 else 1) + 0.02)
    ground = min(ground, 0.98)
    flip = bool(rng.random() < 0.5)
    side = -1 if flip else 1
    size = height * {28: 0.84, 38: 0.55, 42: 0.98, 88: 0.40, 47: 0.20}[base]
    hx, hy = x + side * height * 0.25, ground - height * 0.60
    if base == 28:
        hx, hy = x + side * height * 0.17, ground - height * 0.50
    elif base == 38:
        hx, hy = x + side * min(0.3, 0.46 - abs(x - 0.5) + 0.06), max(size + 0.03,
                                                                      rng.uniform(0.0, 0.1) + size)
    elif base == 42:
        hx, hy = x + side * height * 0.28, ground - 0.01
    elif base == 88:
        hx, hy = x + side * height * 0.22, ground - height * 0.36
    else:
        hx, hy = x + side * height * 0.27, ground - height * 0.54
    who = _make(rng, 1, x, ground, height, pose="holding", relation="holding", other=1)
    what = _make(rng, base, hx, hy, size, depth=ground + (-0.004 if base in (28, 42) else 0.004))
    return [replace(who, flip=flip), replace(what, flip=flip)]


def _crowd(rng: np.random.Generator, scene: Scene) -> Thing:
    """A far-off group of people, birds, sheep or cows, annotated as a crowd like COCO's."""
    category = _pick(rng, (1, 16) if scene.place != "meadow" else _CROWDS)
    size = rng.uniform(0.13, 0.18)
    y = scene.horizon + 0.06 if category != 16 else rng.uniform(0.2, 0.3)
    return _make(rng, category, rng.uniform(0.35, 0.65), y, size, crowd=True,
                 pose="flying" if category == 16 else None)


def _face(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """One close-up face."""
    size = rng.uniform(0.86, 1.06)
    return [_make(rng, 1, rng.normal(0.5, 0.05), rng.uniform(1.0, 1.06), size, pose="face", depth=1.0)]


def _bodies(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """One or two whole bodies."""
    xs = (rng.normal(0.5, 0.06),) if rng.random() < 0.65 else (rng.uniform(0.26, 0.34),
                                                               rng.uniform(0.66, 0.74))
    return [_make(rng, 1, x, rng.uniform(0.93, 0.98), rng.uniform(0.78, 0.92)) for x in xs]


def _nothing(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """A place without things."""
    return []


def _word(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """A stop sign where the scene has no banner; the banner itself is stuff."""
    far = scene.region("far")
    if far is not None and far.category == 92:
        return []
    return [_make(rng, 13, rng.normal(0.5, 0.06), 0.98, rng.uniform(0.85, 0.94))]


def _object(rng: np.random.Generator, scene: Scene) -> list[Thing]:
    """One large man-made or edible object of the place."""
    category = _pick(rng, [c for c in PLACES[scene.place].things if c in _OBJECTS])
    low, high = THINGS[category].height
    size = min(1.15 * rng.uniform(low, high), 0.9)
    y, size = _position(rng, scene, category, size, rng.uniform(0.75, 0.98))
    return [_make(rng, category, rng.normal(0.5, 0.03), y, size)]
