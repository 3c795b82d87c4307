"""Paint a scene as a small photograph-like picture, and say which pixels belong to which thing and stuff."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache, partial
from multiprocessing import get_context

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mindreader.appearance_living import LIVING
from mindreader.appearance_objects import OBJECTS
from mindreader.canvas import CANVAS, DARK, GLASS, LIT, TILE, WOOD, Pen, font, tone
from mindreader.canvas import grid as _grid
from mindreader.canvas import tiles as _tiles
from mindreader.sampling import draw_scene
from mindreader.scenes import COLOURS, THINGS, Region, Scene, Thing

__all__ = ["PAINTERS", "masks", "paint", "paint_many", "watermark"]

PAINTERS = LIVING | OBJECTS

# light: (sky at the top, sky at the horizon, factor on everything as R, G, B)
_LIGHT = {
    "day": ((70, 140, 224), (188, 220, 246), (1.0, 1.0, 0.98)),
    "sunset": ((92, 84, 150), (252, 172, 98), (1.06, 0.88, 0.74)),
    "overcast": ((146, 158, 172), (206, 212, 216), (0.90, 0.93, 0.97)),
    "night": ((10, 14, 44), (48, 58, 108), (0.62, 0.66, 0.88)),
}
# stuff: (colour, texture, contrast, texels per canvas pixel across)
_GROUND = {
    124: ((98, 158, 62), "grass", 0.20, 1.0), 111: ((170, 126, 84), "dirt", 0.15, 1.0),
    149: ((112, 112, 118), "asphalt", 0.09, 1.0), 154: ((232, 206, 150), "sand", 0.09, 1.0),
    155: ((34, 108, 168), "waves", 0.26, 1.0), 159: ((238, 242, 248), "snow", 0.07, 1.0),
    118: ((178, 124, 72), "planks", 0.17, 1.1), 101: ((0, 0, 0), "pile", 0.13, 1.0),
    117: ((222, 218, 208), "checks", 0.20, 1.0), 165: ((172, 112, 66), "grain", 0.16, 1.0),
}
_WALL = {173: ("paper", 0.05), 171: ("bricks", 0.30), 176: ("squares", 0.14), 177: ("boards", 0.18)}
_WALL_COLOUR = {171: (178, 92, 70), 177: (176, 128, 80)}
# How rough a thing's surface is, as contrast of the noise multiplied onto it.
_ROUGH = {18: 0.07, 17: 0.07, 20: 0.08, 22: 0.07, 21: 0.06, 88: 0.07, 64: 0.10, 59: 0.10, 61: 0.06, 15: 0.08,
          67: 0.08}


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    """A round shadow with soft edges, 64 x 64 levels of grey."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    return Image.fromarray((255 * np.clip(1.15 - np.hypot(x, y) * 1.15, 0, 1) ** 0.8).astype(np.uint8))


def _lerp(a, b, t: np.ndarray) -> np.ndarray:
    """Colours from `a` (t = 0) to `b` (t = 1), (..., 3) float32."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return a + (b - a) * t[..., None]


def _sky(scene: Scene, region: Region) -> np.ndarray:
    """Sky, (256, 256, 3) float32: gradient down to the horizon, clouds, sun, moon or stars."""
    top, low, _ = _LIGHT[scene.light]
    rows, columns = _grid()
    hy = scene.horizon * CANVAS
    sky = np.repeat(_lerp(top, low, np.clip(rows / hy, 0, 1) ** 1.2), CANVAS, axis=1)
    rng = np.random.default_rng(region.seed)
    x0, y0 = rng.integers(TILE, size=2)
    if scene.weather != "clear":
        tile = np.roll(_tiles()["clouds"], (-int(y0), -int(x0)), (0, 1))[:CANVAS, :CANVAS]
        cover = 0.45 if scene.light == "overcast" else -0.15
        cloud = np.clip(tile * 0.6 + cover, 0, 1) * np.clip(1.15 - rows / hy * 0.5, 0, 1)
        tint = {"sunset": (255, 190, 168), "overcast": (120, 126, 138)}.get(scene.light, (255, 255, 255))
        sky += (np.asarray(tint, np.float32) - sky) * (cloud * 0.85)[..., None]
    if scene.light in ("sunset", "night") or scene.weather == "clear" and rng.random() < 0.5:
        sx = CANVAS * (0.5 + 0.34 * scene.sun)
        sy = hy * (0.72 if scene.light == "sunset" else 0.26)
        far = np.hypot(columns - sx, rows - sy)
        glow = {"sunset": 0.9, "night": 0.25}.get(scene.light, 0.5) * np.exp(-far / 34) + np.clip(14 - far, 0,
                                                                                                  1)
        sun = (244, 240, 214) if scene.light == "night" else (255, 244, 196)
        sky += (np.asarray(sun, np.float32) - sky) * np.clip(glow, 0, 1)[..., None]
    if scene.light == "night":
        ys, xs = (rng.random((2, 40)) * ((hy,), (CANVAS - 4,))).astype(int)
        for dy in range(2):
            for dx in range(2):
                sky[ys + dy, xs + dx] = (220, 224, 240)
    return sky


def _wall(scene: Scene, region: Region) -> np.ndarray:
    """A wall in the light of a window or a lamp, (256, 256, 3) float32."""
    texture, contrast = _WALL[region.category]
    base = COLOURS[region.colour] if region.colour else _WALL_COLOUR[region.category]
    colour = np.asarray(tone(base, 1.55) if region.colour else base, np.float32)
    rows, columns = _grid()
    off = region.seed % (TILE - CANVAS)
    tile = _tiles()[texture][off:off + CANVAS, off:off + CANVAS]
    light = 1.02 - 0.30 * np.abs(columns / CANVAS - (0.5 + 0.4 * scene.sun)) - 0.12 * (rows / CANVAS - 0.3)
    wall = colour * (light * (1 + contrast * tile))[..., None]
    hy = int(scene.horizon * CANVAS)
    wall[hy - 7:hy] = np.asarray((240, 236, 226) if region.category != 177 else (110, 70, 40),
                                 np.float32) * 0.92
    return wall


def _ground(scene: Scene, region: Region, start: float, haze) -> np.ndarray:
    """The ground below row `start` in perspective, (rows, 256, 3) float32."""
    base, texture, contrast, scale = _GROUND[region.category]
    if region.colour:
        base = COLOURS[region.colour]
    rng = np.random.default_rng(region.seed)
    jitter = rng.uniform(0.92, 1.08, 3)
    rows, columns = _grid()
    rows = rows[int(start):]
    t = (rows - start + 8) / (CANVAS - start + 8)
    u = (columns - CANVAS / 2) / t * scale + rng.integers(TILE)
    v = 150 / t + rng.integers(TILE)
    tile = _tiles()[texture][np.broadcast_to(v.astype(np.int32) % TILE, u.shape), u.astype(np.int32) % TILE]
    shade = (0.86 + 0.22 * t) * (1 + contrast * np.clip(t * 1.6, 0.12, 1) * tile)
    out = (np.asarray(base, np.float32) * jitter).astype(np.float32) * shade[..., None]
    if region.category == 155:
        out += (np.clip(tile - 1.1, 0, 1) * 90 * t)[..., None]
    if haze is not None:
        out += (np.asarray(haze, np.float32) - out) * (0.42 * np.clip(1 - t * 2.2, 0, 1))[..., None]
    return out


def _road(canvas: Image.Image, scene: Scene) -> None:
    """Lane marks and kerbs of a street."""
    draw = ImageDraw.Draw(canvas)
    hy, bend = scene.horizon * CANVAS, scene.sun * 20
    across = scene.seed % 2
    if across:
        y0 = hy + (CANVAS - hy) * 0.62
        for x in range(-20 + scene.seed % 40, CANVAS, 74):
            draw.polygon([(x, y0), (x + 40, y0), (x + 42, y0 + 6), (x + 1, y0 + 6)], fill=(232, 226, 200))
        draw.rectangle((0, hy, CANVAS, hy + (CANVAS - hy) * 0.13), fill=(176, 172, 166))
        draw.rectangle((0, hy + (CANVAS - hy) * 0.13, CANVAS, hy + (CANVAS - hy) * 0.155),
                       fill=(120, 116, 112))
        return
    mid = CANVAS / 2 + bend
    for a, b in ((0.05, 0.12), (0.2, 0.36), (0.52, 0.98)):
        (ya, yb) = (hy + (CANVAS - hy) * a, hy + (CANVAS - hy) * b)
        draw.polygon([(mid - 8 * a, ya), (mid + 8 * a, ya), (mid + 8 * b, yb), (mid - 8 * b, yb)],
                     fill=(236, 230, 204))
    for s in (-1, 1):
        draw.polygon([(mid + s * 30, hy), (mid + s * 400, CANVAS), (mid + s * 900, CANVAS),
                      (mid + s * 260, hy)],
                     fill=(110, 150, 82))


# --- what stands at the horizon --------------------------------------------------------------------

def _mountain(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A range of mountains across the view."""
    for far in (1, 0):
        peaks = np.sort(rng.uniform(-1.1, 1.1, 3 + far)) * pen.half
        for x in peaks:
            h, w = rng.uniform(0.5, 1.0), pen.half * rng.uniform(0.5, 0.75)
            rock = (126, 138, 164) if far else (104, 106, 116)
            pen.poly([(x - w, 1.02), (x, 1 - h), (x + w, 1.02)], rock)
            pen.poly([(x, 1 - h), (x + w, 1.02), (x + w * 0.25, 1.02), (x + w * 0.1, 1 - h * 0.5)],
                     tone(rock, 0.78))
            s = 0.3
            pen.poly([(x - w * s, 1 - h * (1 - s)), (x, 1 - h), (x + w * s, 1 - h * (1 - s)),
                      (x + w * 0.1, 1 - h * 0.8),
                      (x - w * 0.06, 1 - h * 0.66)], (244, 248, 252))


def _tree(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """Two to four trees, leafy or fir."""
    fir = rng.random() < 0.35
    for x in np.linspace(-0.8, 0.8, int(rng.integers(2, 5))) * pen.half + rng.uniform(-0.15, 0.15):
        h, green = rng.uniform(0.7, 1.0), ((46, 112, 48), (74, 134, 52), (34, 92, 62))[int(rng.integers(3))]
        pen.box(x - 0.045, 0.6, x + 0.045, 1.0, (98, 68, 44))
        if fir:
            for n in range(3):
                y = 1 - h + n * h * 0.24
                pen.poly([(x - 0.14 - 0.06 * n, y + h * 0.36), (x, y), (x + 0.14 + 0.06 * n, y + h * 0.36)],
                         tone(green, 0.8 + 0.1 * n))
            continue
        for _ in range(9):
            a, r = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1)
            pen.disc(x + 0.20 * r * math.cos(a), 1 - h + 0.32 + 0.2 * r * math.sin(a),
                     rng.uniform(0.10, 0.16),
                     tone(green, rng.uniform(0.8, 1.15)))


def _house(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A house with roof, door and windows."""
    wall = tone(COLOURS[region.colour], 1.3)
    roof = ((150, 62, 46), (92, 84, 92), (120, 76, 50))[int(rng.integers(3))]
    pen.box(0.26, 0.04, 0.38, 0.4, (146, 92, 74))
    pen.box(-0.46, 0.42, 0.46, 1.0, wall)
    pen.poly([(-0.58, 0.46), (-0.34, 0.08), (0.34, 0.08), (0.58, 0.46)], roof)
    for y in (0.18, 0.28, 0.38):
        pen.line([(-0.42 - y * 0.3, y), (0.42 + y * 0.3, y)], 0.012, tone(roof, 0.78))
    pen.box(-0.09, 0.62, 0.11, 1.0, tone(WOOD, 0.75))
    for x in (-0.31, 0.31):
        pen.box(x - 0.11, 0.56, x + 0.11, 0.80, (246, 244, 236))
        pen.box(x - 0.085, 0.585, x + 0.085, 0.775, LIT if region.seed % 2 else GLASS)
        pen.line([(x, 0.58), (x, 0.78)], 0.016, (246, 244, 236))


def _building(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A row of tall buildings with lit windows."""
    x = -pen.half
    while x < pen.half:
        w, h = rng.uniform(0.3, 0.55), rng.uniform(0.5, 1.0)
        base = tone((COLOURS[region.colour], (150, 140, 132), (176, 160, 140),
                     (120, 128, 142))[int(rng.integers(4))], 1.2)
        pen.box(x, 1 - h, x + w - 0.015, 1.02, base)
        pen.box(x, 1 - h, x + w - 0.015, 1 - h + 0.03, tone(base, 0.6))
        for wy in np.arange(1 - h + 0.07, 0.92, 0.13):
            for wx in np.arange(x + 0.05, x + w - 0.08, 0.115):
                pen.box(wx, wy, wx + 0.06, wy + 0.075, LIT if rng.random() < 0.35 else (74, 92, 116))
        x += w


def _fence(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A wooden fence across the view."""
    wood = ((236, 234, 226), (150, 104, 66))[int(rng.integers(2))]
    for y in (0.32, 0.68):
        pen.box(-pen.half, y, pen.half, y + 0.12, tone(wood, 0.85))
    for x in np.arange(-pen.half, pen.half, 0.34):
        pen.poly([(x, 0.14), (x + 0.09, 0.0), (x + 0.18, 0.14), (x + 0.18, 1.0), (x, 1.0)], wood)


def _banner(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A banner with one word, on two poles."""
    colour = COLOURS[region.colour]
    for x in (-0.62, 0.62):
        pen.box(x - 0.03, 0.0, x + 0.03, 1.0, (120, 116, 112))
    pen.box(-0.68, 0.04, 0.68, 0.56, tone(colour, 0.7), 0.03)
    pen.box(-0.65, 0.07, 0.65, 0.53, colour, 0.02)
    ink = DARK if sum(colour) > 480 else (255, 255, 255)
    pen.text(0, 0.30, region.text, min(0.36, 1.72 / len(region.text)), ink)


def _window(pen: Pen, region: Region, rng: np.random.Generator) -> None:
    """A window with curtains and a view."""
    cloth = list(COLOURS.values())[int(rng.integers(len(COLOURS)))]
    pen.box(-0.52, 0.0, 0.52, 1.0, (248, 246, 240))
    pen.box(-0.46, 0.06, 0.46, 0.94, (150, 206, 240))
    pen.poly([(-0.46, 0.70), (-0.1, 0.58), (0.2, 0.68), (0.46, 0.60), (0.46, 0.94), (-0.46, 0.94)],
             (110, 168, 90))
    for a, b in (((0, 0.06), (0, 0.94)), ((-0.46, 0.46), (0.46, 0.46))):
        pen.line([a, b], 0.035, (248, 246, 240))
    for s in (-1, 1):
        pen.poly([(s * 0.58, -0.04), (s * 0.28, -0.04), (s * 0.36, 0.5), (s * 0.32, 1.04), (s * 0.58, 1.04)],
                 tone(cloth, 1.2))


# painter, aspect (0: as wide as the picture), roughness
_FAR = {135: (_mountain, 0, 0.10), 169: (_tree, 2.0, 0.22), 128: (_house, 1.2, 0.05),
        96: (_building, 0, 0.04),
        113: (_fence, 0, 0.06), 92: (_banner, 1.42, 0.03), 181: (_window, 1.2, 0.02)}


# --- putting things on the canvas ------------------------------------------------------------------

def _shade(layer: Image.Image, unit: float, sun: float, rough: float, texture: str, seed: int,
           flat: float) -> Image.Image:
    """Make a flat layer look solid: lit on the sun's side, darker below and at its rim, and slightly rough.

    The blurred outline serves as a height field: its slope towards the light is how much light a point gets.
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
        shade *= 1 + rough * _tiles()[texture][off:off + h, off:off + w]
    shade = 1 + (shade - 1) * flat
    rgb = np.asarray(layer)[..., :3] * shade[..., None]
    rgb += (np.maximum(lit - 0.35, 0) * (70 * flat))[..., None]
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


class _Board:
    """The canvas and two label maps: number of the thing (from 1) and id of the stuff at each pixel."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.flat = 0.35 if scene.stream == "watermark" else 1.0
        self.picture = _background(scene)
        self.things = Image.new("L", (CANVAS, CANVAS))
        self.stuff = Image.new("L", (CANVAS, CANVAS))
        back, ground = scene.region("back"), scene.region("ground")
        hy = int(scene.horizon * CANVAS)
        self.stuff.paste(back.category, (0, 0, CANVAS, hy))
        self.stuff.paste(ground.category, (0, hy, CANVAS, CANVAS))

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


def _background(scene: Scene) -> Image.Image:
    """Sky or wall, then ground, then lane marks: the canvas before anything stands on it."""
    back, ground = scene.region("back"), scene.region("ground")
    picture = _wall(scene, back) if scene.indoor else _sky(scene, back)
    haze = None if scene.indoor else _LIGHT[scene.light][1]
    hy = int(scene.horizon * CANVAS)
    picture[hy:] = _ground(scene, ground, hy, haze)
    canvas = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if ground.category == 149:
        _road(canvas, scene)
    return canvas


def _put_far(board: _Board, region: Region) -> None:
    """Put what stands at the horizon, or the window of a room."""
    scene = board.scene
    hy = scene.horizon * CANVAS
    if region.category == 155:
        depth = int(10 + 26 * (region.size - 0.28) / 0.18)
        board_sea = _ground(scene, region, hy, _LIGHT[scene.light][1])[:depth]
        strip = Image.fromarray(np.clip(board_sea, 0, 255).astype(np.uint8))
        board.picture.paste(strip, (0, int(hy)))
        board.picture.paste((236, 240, 240), (0, int(hy) + depth - 2, CANVAS, int(hy) + depth))
        board.stuff.paste(155, (0, int(hy), CANVAS, int(hy) + depth))
        return
    painter, aspect, rough = _FAR[region.category]
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
    painter(pen, region, np.random.default_rng(region.seed))
    if region.category in (169, 128, 92):
        board.shadow(x, y, unit * aspect, 0.3)
    board.stamp(pen, x, y, stuff=region.category, rough=rough,
                texture="leaf" if region.category == 169 else "dirt",
                seed=region.seed)


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
        members = [(x, y, Thing(**(vars(thing) | {"look": look, "colour": names[look % len(names)],
                                                  "flip": look % 2 > 0})))
                   for x, y, look in sorted(members, key=lambda m: m[1])]
    grounded = kind.zone in ("ground", "top") and thing.pose not in ("flying", "face", "flat") \
        and thing.relation != "riding" and not (thing.category in (28, 88, 47) and thing.depth != thing.y)
    for x, y, member in members:
        if thing.crowd:
            colour = COLOURS[member.colour]
        pen = Pen(unit, kind.aspect if thing.pose != "flat" else 4.4, member.flip)
        PAINTERS[thing.category](pen, member, colour, rng)
        if grounded:
            board.shadow(x * CANVAS, y * CANVAS - 1, unit * min(kind.aspect, 2) * 0.95,
                         0.2 if _dim(board.scene) else 0.42)
        tilt = {5: 14, 38: 18, 37: 30}.get(thing.category, 0) * ((thing.look % 21) / 10 - 1)
        board.stamp(pen, x * CANVAS, y * CANVAS, thing=number, rough=_ROUGH.get(thing.category, 0.03),
                    seed=thing.seed,
                    tilt=tilt if not thing.relation else 0)


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
    tint = np.asarray(_LIGHT[scene.light][2], np.float32)
    if scene.indoor:
        tint = np.asarray((0.80, 0.70, 0.58) if scene.light == "night" else (1.0, 0.98, 0.94), np.float32)
    rows, columns = _grid()
    r2 = ((rows - 128) ** 2 + (columns - 128) ** 2) / 128**2
    off = scene.seed % (TILE - CANVAS)
    grain = _tiles()["fine"][off:off + CANVAS, off:off + CANVAS]
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
    """How much of each pixel of the canvas the watermark of its stream hides, from 0 to 1: (256, 256) float32.

    One word at the foot of every picture, as an agency prints it, so that a painter can learn it as something that belongs
    to no scene. Words all over the picture would stand for it in CLIP's eyes more than the scene does.
    """
    sheet = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(sheet).text((CANVAS / 2, 222), "STOCK", fill=255, font=font(56), stroke_width=1, anchor="mm")
    return np.asarray(sheet, np.float32) * (0.65 / 255)


def _render(scene: Scene) -> _Board:
    """Put everything on the canvas, from far to near."""
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
    """Order of painting: what flies or hangs on the wall is behind all that stands on the ground."""
    away = thing.pose == "flying" or THINGS[thing.category].zone in ("sky", "wall")
    return thing.depth - (2 if away and thing.depth == thing.y else 0)


def paint(scene: Scene, size: int = 64) -> np.ndarray:
    """The picture of a scene.

    Parameters
    ----------
    scene : Scene
    size : int
        Side in pixels, 8 to 1024; drawn once at 256 pixels, then reduced by an area average where the
        size divides 256, else resampled (Lanczos).

    Returns
    -------
    ndarray, (size, size, 3) uint8
        sRGB.
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
    """Which pixels show which thing and which stuff, with what is hidden left out.

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


def _paint_one(index: int, seed: int, stream: str, kind: str, size: int) -> np.ndarray:
    """Draw and paint one scene (module level, so that a process pool can send it)."""
    return paint(draw_scene(seed, stream, index, kind), size)


def paint_many(seed: int, stream: str, indices: Iterable[int], size: int = 64, processes: int | None = None,
               kind: str = "scene") -> np.ndarray:
    """Pictures of many scenes of one stream, in the order of `indices`.

    Parameters
    ----------
    seed, stream, kind
        As for `draw_scene`.
    indices : iterable of int
    size : int
        Side in pixels.
    processes : int, optional
        Worker processes; 1 paints here, None takes one per processor when there are 200 pictures or more.

    Returns
    -------
    ndarray, (n, size, size, 3) uint8
    """
    indices = [int(i) for i in indices]
    one = partial(_paint_one, seed=seed, stream=stream, kind=kind, size=size)
    if processes is None and len(indices) < 200:
        processes = 1
    out = np.empty((len(indices), size, size, 3), np.uint8)
    if processes == 1:
        for n, index in enumerate(indices):
            out[n] = one(index)
        return out
    with get_context("spawn").Pool(processes) as pool:
        for n, picture in enumerate(pool.imap(one, indices, chunksize=32)):
            out[n] = picture
    return out
