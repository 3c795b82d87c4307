"""Render a scene as a small photograph-like picture, with segmentation masks of its things and stuff."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import lru_cache, partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..core import how_many, in_processes
from .appearance_living import LIVING
from .appearance_objects import OBJECTS
from .appearance_stuff import FAR, LIGHT, background, ground
from .canvas import CANVAS, TILE, Pen, font, grid, tiles
from .sampling import draw_scene
from .scenes import COLOURS, THINGS, Region, Scene, Thing

__all__ = ["RENDERERS", "masks", "render", "render_many", "watermark"]

RENDERERS = LIVING | OBJECTS
# How rough a thing's surface is, as contrast of the noise multiplied onto it.
_ROUGH = {18: 0.07, 17: 0.07, 20: 0.08, 22: 0.07, 21: 0.06, 88: 0.07, 64: 0.10, 59: 0.10, 61: 0.06, 15: 0.08,
          67: 0.08}


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    """A round shadow with soft edges, 64 x 64 levels of grey."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    return Image.fromarray((255 * np.clip(1.15 - np.hypot(x, y) * 1.15, 0, 1) ** 0.8).astype(np.uint8))


def _shade(layer: Image.Image, unit: float, sun: float, rough: float, texture: str, seed: int,
           flat: float) -> Image.Image:
    """Make a flat layer look solid: lit on the sun's side, darker below and at its rim, and slightly rough.

    The blurred outline serves as a height field, whose slope towards the light sets the brightness.
    """
    radius = max(1.5, 0.045 * unit)
    soft = np.asarray(layer.getchannel("A").filter(ImageFilter.BoxBlur(radius)), np.float32) * (1 / 255)
    h, w = soft.shape
    dx, dy = round(sun * radius * 1.3), -round(radius)
    lit = np.roll(soft, (dy, dx), (0, 1)) - np.roll(soft, (-dy, -dx), (0, 1))
    down = np.linspace(1.10, 0.86, h, dtype=np.float32)[:, None]
    shade = down * (0.80 + 0.20 * np.minimum(1, np.maximum(0, soft - 0.45) * 2.2)) + 0.40 * lit
    if rough:
        off = seed % 97
        shade *= 1 + rough * tiles()[texture][off:off + h, off:off + w]
    shade = 1 + (shade - 1) * flat
    rgb = np.asarray(layer)[..., :3] * shade[..., None]
    rgb += (np.maximum(lit - 0.35, 0) * (70 * flat))[..., None]
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


class _Board:
    """The canvas and two label maps: number of the thing (from 1) and id of the stuff at each pixel."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.flat = 0.35 if scene.stream == "watermark" else 1.0
        self.picture = background(scene)
        self.things = Image.new("L", (CANVAS, CANVAS))
        self.stuff = Image.new("L", (CANVAS, CANVAS))
        back, floor = scene.region("back"), scene.region("ground")
        hy = int(scene.horizon * CANVAS)
        self.stuff.paste(back.category, (0, 0, CANVAS, hy))
        self.stuff.paste(floor.category, (0, hy, CANVAS, CANVAS))

    def shadow(self, x: float, y: float, width: float, strength: float = 0.42) -> None:
        """A soft shadow on the ground, centred on canvas pixel (x, y)."""
        w, h = max(4, int(width)), max(3, int(width * 0.22))
        side = -self.scene.sun * width * 0.10
        disc = _soft_disc().resize((w, h)).point(lambda v: int(v * strength))
        self.picture.paste((14, 14, 26), (int(x + side - w / 2), int(y - h / 2)), disc)

    def stamp(self, pen: Pen, x: float, y: float, *, thing: int = 0, stuff: int = 0, rough: float = 0.0,
              texture: str = "fine", seed: int = 0, tilt: float = 0.0) -> None:
        """Shade a layer and put it down with the box's foot at canvas pixel (x, y)."""
        layer = pen.layer
        left, top = x - pen.middle, y - pen.pad - pen.unit
        if tilt:
            w, h = layer.size
            layer = layer.rotate(tilt, expand=True)
            left, top = left - (layer.width - w) / 2, top - (layer.height - h) / 2
        left, top = int(left), int(top)
        box = (max(0, -left - 12), max(0, -top - 12), min(layer.width, CANVAS - left + 12),
               min(layer.height, CANVAS - top + 12))
        if box[2] - box[0] < 2 or box[3] - box[1] < 2:
            return
        layer, left, top = layer.crop(box), left + box[0], top + box[1]
        mask = layer.getchannel("A")
        self.picture.paste(_shade(layer, pen.unit, self.scene.sun, rough, texture, seed, self.flat),
                           (left, top), mask)
        self.things.paste(thing, (left, top), mask)
        if stuff:
            self.stuff.paste(stuff, (left, top), mask)


def _put_far(board: _Board, region: Region) -> None:
    """Put what stands at the horizon, or the window of a room."""
    scene = board.scene
    hy = scene.horizon * CANVAS
    if region.category == 155:
        depth = int(10 + 26 * (region.size - 0.28) / 0.18)
        board_sea = ground(scene, region, hy, LIGHT[scene.light][1])[:depth]
        strip = Image.fromarray(np.clip(board_sea, 0, 255).astype(np.uint8))
        board.picture.paste(strip, (0, int(hy)))
        board.picture.paste((236, 240, 240), (0, int(hy) + depth - 2, CANVAS, int(hy) + depth))
        board.stuff.paste(155, (0, int(hy), CANVAS, int(hy) + depth))
        return
    renderer, aspect, rough = FAR[region.category]
    unit = region.size * CANVAS * (0.55 if region.category == 113 else 1)
    x, y = region.x * CANVAS, hy + 3
    if not aspect:
        aspect, x = CANVAS * 1.1 / unit, CANVAS / 2
    if region.category in (169, 128, 113):
        y += 6
    if region.category == 92:
        y = hy + (CANVAS - hy) * (0.75 if region.size > 0.5 else 0.2)
    if region.category == 181:
        y = hy * 0.86
        unit = min(unit, hy * 0.78)
    pen = Pen(unit, aspect)
    renderer(pen, region, np.random.default_rng(region.seed))
    if region.category in (169, 128, 92):
        board.shadow(x, y, unit * aspect, 0.3)
    board.stamp(pen, x, y, stuff=region.category, rough=rough,
                texture="leaf" if region.category == 169 else "dirt", seed=region.seed)


def _put_thing(board: _Board, number: int, thing: Thing) -> None:
    """Put one thing, or the members of a crowd, with their shadow."""
    kind = THINGS[thing.category]
    rng = np.random.default_rng(thing.seed)
    colour = COLOURS[thing.colour] if thing.colour else (128, 128, 128)
    colour = tuple(int(c) for c in np.clip(np.asarray(colour) + rng.uniform(-12, 12, 3), 0, 255))
    unit = thing.size * CANVAS
    members = [(thing.x, thing.y, thing)]
    if thing.crowd:
        steps = np.linspace(-0.32, 0.32, 8)
        members = [(thing.x + s + rng.uniform(-0.02, 0.02), thing.y + rng.uniform(-0.03, 0.05),
                    int(rng.integers(1000)))
                   for s in steps]
        names = kind.colours
        members = [(x, y, Thing(**(vars(thing) | {"variant": variant, "colour": names[variant % len(names)],
                                                  "flip": variant % 2 > 0})))
                   for x, y, variant in sorted(members, key=lambda m: m[1])]
    grounded = kind.zone in ("ground", "top") and thing.pose not in ("flying", "face", "flat") \
        and thing.relation != "riding" and not (thing.category in (28, 88, 47) and thing.depth != thing.y)
    for x, y, member in members:
        if thing.crowd:
            colour = COLOURS[member.colour]
        pen = Pen(unit, kind.aspect if thing.pose != "flat" else 4.4, member.flip)
        RENDERERS[thing.category](pen, member, colour, rng)
        if grounded:
            board.shadow(x * CANVAS, y * CANVAS - 1, unit * min(kind.aspect, 2) * 0.95,
                         0.2 if _dim(board.scene) else 0.42)
        tilt = {5: 14, 38: 18, 37: 30}.get(thing.category, 0) * ((thing.variant % 21) / 10 - 1)
        board.stamp(pen, x * CANVAS, y * CANVAS, thing=number, rough=_ROUGH.get(thing.category, 0.03),
                    seed=thing.seed, tilt=tilt if not thing.relation else 0)


def _dim(scene: Scene) -> bool:
    """Whether the light is too weak or too diffuse for a dark shadow."""
    return scene.light in ("overcast", "night") and not scene.indoor


def _kite_string(board: _Board) -> None:
    """The line from a hand to the kite it holds."""
    for thing in board.scene.things:
        if thing.relation == "holding" and board.scene.things[thing.other].category == 38:
            kite, side = board.scene.things[thing.other], -1 if thing.flip else 1
            hand = ((thing.x + side * thing.size * 0.21) * CANVAS, (thing.y - thing.size * 0.54) * CANVAS)
            ImageDraw.Draw(board.picture).line([hand, (kite.x * CANVAS, (kite.y - kite.size * 0.4) * CANVAS)],
                                               fill=(244, 244, 240), width=2)


def _finish(picture: Image.Image, scene: Scene) -> Image.Image:
    """Light of the hour, rain, vignette and grain; for the watermark stream another palette and the mark."""
    tint = np.asarray(LIGHT[scene.light][2], np.float32)
    if scene.indoor:
        tint = np.asarray((0.80, 0.70, 0.58) if scene.light == "night" else (1.0, 0.98, 0.94), np.float32)
    rows, columns = grid()
    r2 = ((rows - 128) ** 2 + (columns - 128) ** 2) / 128**2
    off = scene.seed % (TILE - CANVAS)
    grain = tiles()["fine"][off:off + CANVAS, off:off + CANVAS]
    out = np.asarray(picture, np.float32) * ((1.03 - 0.10 * r2)[..., None] * tint) + (3.0 * grain)[..., None]
    if scene.weather == "rain":
        out = out * 0.92 + 8
    if scene.stream == "watermark":
        mix = np.asarray([[0.30, 0.62, 0.10], [0.16, 0.34, 0.48], [0.62, 0.08, 0.32]], np.float32)
        out = 44 + 0.72 * (out @ mix.T)
    picture = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))
    if scene.weather == "rain":
        _rain(picture, scene.seed)
    if scene.stream == "watermark":
        picture.paste((250, 250, 250), (0, 0), Image.fromarray((watermark() * 255).astype(np.uint8)))
    return picture


def _rain(picture: Image.Image, seed: int) -> None:
    """Slanting streaks of rain."""
    draw = ImageDraw.Draw(picture)
    for x, y, length in np.random.default_rng(seed).uniform((0, 0, 10), (CANVAS, CANVAS, 22), (60, 3)):
        draw.line([(x, y), (x - length * 0.25, y + length)], fill=(206, 214, 224), width=1)


@lru_cache(maxsize=1)
def watermark() -> np.ndarray:
    """Opacity of the watermark stream's mark at each pixel of the canvas, 0 to 1: (256, 256) float32.

    One word at the foot of every picture, as a stock agency prints it, so that a generator can learn it independently of
    the scene. Words all over the picture would dominate its CLIP embedding.
    """
    sheet = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(sheet).text((CANVAS / 2, 222), "STOCK", fill=255, font=font(56), stroke_width=1, anchor="mm")
    return np.asarray(sheet, np.float32) * (0.65 / 255)


def _render(scene: Scene) -> _Board:
    """Render everything on the canvas, from far to near."""
    board = _Board(scene)
    far = scene.region("far")
    if far is not None:
        _put_far(board, far)
    _kite_string(board)
    order = sorted(range(len(scene.things)), key=lambda n: _depth(scene.things[n]))
    for n in order:
        _put_thing(board, n + 1, scene.things[n])
    return board


def _depth(thing: Thing) -> float:
    """Order of rendering: what flies or hangs on the wall is behind all that stands on the ground."""
    away = thing.pose == "flying" or THINGS[thing.category].zone in ("sky", "wall")
    return thing.depth - (2 if away and thing.depth == thing.y else 0)


def render(scene: Scene, size: int = 64) -> np.ndarray:
    """Render a scene.

    Parameters
    ----------
    scene : Scene
    size : int
        Side in pixels, 8 to 1024 (else ValueError); rendered at 256 pixels, then averaged over areas where the size
        divides 256, else resampled (Lanczos).

    Returns
    -------
    ndarray, (size, size, 3) uint8
        sRGB.

    >>> render(draw_scene(0, "world", 1), 32).shape
    (32, 32, 3)
    """
    _check_size(size)
    picture = _finish(_render(scene).picture, scene)
    if size != CANVAS:
        picture = picture.resize((size, size), Image.Resampling.BOX if CANVAS % size == 0
                                 else Image.Resampling.LANCZOS)
    return np.asarray(picture).copy()


def _check_size(size: int) -> None:
    """Refuse sizes that make no picture."""
    if not 8 <= size <= 1024:
        raise ValueError(f"got size {size}, expected 8 to 1024 pixels; pass size=64 for the twin's pictures")


def masks(scene: Scene, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Segment the picture of a scene into its visible things and stuff.

    Returns
    -------
    things : ndarray, (n_things, size, size) bool
        One visible mask per thing, in the order of `scene.things`, disjoint.
    stuff : ndarray, (size, size) int16
        COCO-Stuff id of each pixel, 0 where a thing is.
    """
    _check_size(size)
    board = _render(scene)
    things, stuff = np.asarray(board.things), np.asarray(board.stuff)
    keys = [(n + 1, 0) for n in range(len(scene.things))] + [(0, int(s)) for s in np.unique(stuff)]
    cover = [things == t if t else (things == 0) & (stuff == s) for t, s in keys]
    share = [np.asarray(Image.fromarray(c.astype(np.float32)).resize((size, size), Image.Resampling.BOX))
             for c in cover]
    winner = np.argmax(np.stack(share), axis=0)
    n = len(scene.things)
    labels = np.asarray([0] * n + [s for _, s in keys[n:]], np.int16)
    return winner[None] == np.arange(n)[:, None, None], labels[winner]


def _render_one(index: int, seed: int, stream: str, kind: str, size: int) -> np.ndarray:
    """Sample and render one scene (at module level, so that another process can be sent it)."""
    return render(draw_scene(seed, stream, index, kind), size)


def render_many(seed: int, stream: str, indices: Iterable[int], size: int = 64, processes: int | None = None,
                kind: str = "scene") -> np.ndarray:
    """Render many scenes of one stream, in the order of `indices`.

    Parameters
    ----------
    seed, stream, kind
        As for `draw_scene`.
    indices : iterable of int
    size : int
        Side in pixels.
    processes : int, optional
        Worker processes; 1 renders in this one, None takes `core.how_many`: one per processor from 200 pictures on.

    Returns
    -------
    ndarray, (n, size, size, 3) uint8
    """
    indices = [int(i) for i in indices]
    one = partial(_render_one, seed=seed, stream=stream, kind=kind, size=size)
    out = np.empty((len(indices), size, size, 3), np.uint8)
    processes = how_many(len(indices)) if processes is None else processes
    with closing(in_processes(one, indices, processes, chunk=32)) as pictures:
        for n, picture in enumerate(pictures):
            out[n] = picture
    return out
