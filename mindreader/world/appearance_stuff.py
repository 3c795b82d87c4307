"""Appearance of stuff: the sky or wall behind the scene, the ground in perspective, and distant stuff."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from .canvas import CANVAS, DARK, GLASS, LIT, TILE, WOOD, Pen, grid, tiles, tone
from .scenes import COLOURS, Region, Scene

__all__ = ["FAR", "LIGHT", "background", "ground"]

# light: (sky at the top, sky at the horizon, factor on everything as R, G, B)
LIGHT = {
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


def _lerp(a, b, t: np.ndarray) -> np.ndarray:
    """Colours from `a` (t = 0) to `b` (t = 1), (..., 3) float32."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return a + (b - a) * t[..., None]


def _sky(scene: Scene, region: Region) -> np.ndarray:
    """Sky, (256, 256, 3) float32: gradient down to the horizon, clouds, sun, moon or stars."""
    top, low, _ = LIGHT[scene.light]
    rows, columns = grid()
    hy = scene.horizon * CANVAS
    sky = np.repeat(_lerp(top, low, np.clip(rows / hy, 0, 1) ** 1.2), CANVAS, axis=1)
    rng = np.random.default_rng(region.seed)
    x0, y0 = rng.integers(TILE, size=2)
    if scene.weather != "clear":
        tile = np.roll(tiles()["clouds"], (-int(y0), -int(x0)), (0, 1))[:CANVAS, :CANVAS]
        cover = 0.45 if scene.light == "overcast" else -0.15
        cloud = np.clip(tile * 0.6 + cover, 0, 1) * np.clip(1.15 - rows / hy * 0.5, 0, 1)
        tint = {"sunset": (255, 190, 168), "overcast": (120, 126, 138)}.get(scene.light, (255, 255, 255))
        sky += (np.asarray(tint, np.float32) - sky) * (cloud * 0.85)[..., None]
    if scene.light in ("sunset", "night") or scene.weather == "clear" and rng.random() < 0.5:
        sx = CANVAS * (0.5 + 0.34 * scene.sun)
        sy = hy * (0.72 if scene.light == "sunset" else 0.26)
        far = np.hypot(columns - sx, rows - sy)
        glow = {"sunset": 0.9, "night": 0.25}.get(scene.light, 0.5) * np.exp(-far / 34) + np.clip(14 - far, 0, 1)
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
    rows, columns = grid()
    off = region.seed % (TILE - CANVAS)
    tile = tiles()[texture][off:off + CANVAS, off:off + CANVAS]
    light = 1.02 - 0.30 * np.abs(columns / CANVAS - (0.5 + 0.4 * scene.sun)) - 0.12 * (rows / CANVAS - 0.3)
    wall = colour * (light * (1 + contrast * tile))[..., None]
    hy = int(scene.horizon * CANVAS)
    wall[hy - 7:hy] = np.asarray((240, 236, 226) if region.category != 177 else (110, 70, 40),
                                 np.float32) * 0.92
    return wall


def ground(scene: Scene, region: Region, start: float, haze) -> np.ndarray:
    """The ground below row `start` in perspective, (rows, 256, 3) float32."""
    base, texture, contrast, scale = _GROUND[region.category]
    if region.colour:
        base = COLOURS[region.colour]
    rng = np.random.default_rng(region.seed)
    jitter = rng.uniform(0.92, 1.08, 3)
    rows, columns = grid()
    rows = rows[int(start):]
    t = (rows - start + 8) / (CANVAS - start + 8)
    u = (columns - CANVAS / 2) / t * scale + rng.integers(TILE)
    v = 150 / t + rng.integers(TILE)
    tile = tiles()[texture][np.broadcast_to(v.astype(np.int32) % TILE, u.shape), u.astype(np.int32) % TILE]
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


def background(scene: Scene) -> Image.Image:
    """Sky or wall, then ground, then lane marks: the canvas before anything stands on it."""
    back, floor = scene.region("back"), scene.region("ground")
    picture = _wall(scene, back) if scene.indoor else _sky(scene, back)
    haze = None if scene.indoor else LIGHT[scene.light][1]
    hy = int(scene.horizon * CANVAS)
    picture[hy:] = ground(scene, floor, hy, haze)
    canvas = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if floor.category == 149:
        _road(canvas, scene)
    return canvas


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


# stuff: rendering function, aspect (0: as wide as the picture), roughness
FAR = {135: (_mountain, 0, 0.10), 169: (_tree, 2.0, 0.22), 128: (_house, 1.2, 0.05),
       96: (_building, 0, 0.04), 113: (_fence, 0, 0.06), 92: (_banner, 1.42, 0.03),
       181: (_window, 1.2, 0.02)}
