"""How each thing of a scene looks: one small painter per category, in a unit box of height 1."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["PAINTERS", "Pen", "tone"]

RGB = tuple[int, int, int]

DARK: RGB = (34, 32, 38)
GLASS: RGB = (150, 200, 228)
STEEL: RGB = (176, 180, 186)
WOOD: RGB = (150, 98, 56)
LIT: RGB = (255, 232, 150)
SKINS: tuple[RGB, ...] = ((250, 214, 184), (236, 188, 150), (200, 144, 104), (150, 98, 66), (104, 68, 48))
HAIRS: dict[str, RGB] = {"black": (32, 26, 26), "brown": (96, 58, 32), "blond": (228, 190, 96),
                         "red": (176, 76, 34),
                         "gray": (176, 174, 172)}
TROUSERS: tuple[RGB, ...] = ((44, 56, 96), (58, 60, 66), (112, 90, 64), (150, 150, 150), (70, 96, 140))
MARGIN = 0.12   # empty border around a layer, in box heights, so that shading never wraps round


def tone(colour: RGB, factor: float) -> RGB:
    """`colour` made darker (factor < 1) or mixed towards white (factor > 1)."""
    if factor <= 1:
        return tuple(int(c * factor) for c in colour)
    return tuple(int(c + (255 - c) * (factor - 1)) for c in colour)


@lru_cache(maxsize=128)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font at a pixel size."""
    return ImageFont.load_default(size=size)


class Pen:
    """Draws on a transparent layer in box units: x from the centre line, y from 0 (top) to 1 (bottom).

    Parameters
    ----------
    height : float
        Height of the box in canvas pixels.
    aspect : float
        Width / height of the box.
    flip : bool
        Mirror everything but text.
    """

    def __init__(self, height: float, aspect: float, flip: bool = False):
        self.unit = max(height, 4.0)
        self.pad = MARGIN * self.unit + 3
        width = self.unit * aspect
        self.layer = Image.new("RGBA", (int(width + 2 * self.pad) + 1, int(self.unit + 2 * self.pad) + 1))
        self.draw = ImageDraw.Draw(self.layer)
        self.middle = self.layer.width / 2
        self.sign = -1 if flip else 1
        self.half = aspect / 2

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Layer pixel of a point in box units."""
        return self.middle + self.sign * x * self.unit, self.pad + y * self.unit

    def poly(self, points, colour: RGB) -> None:
        """A filled polygon."""
        self.draw.polygon([self.at(x, y) for x, y in points], fill=colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: RGB) -> None:
        """A filled ellipse around (x, y)."""
        px, py = self.at(x, y)
        rx, ry = max(rx * self.unit, 0.6), max(ry * self.unit, 0.6)
        self.draw.ellipse((px - rx, py - ry, px + rx, py + ry), fill=colour)

    def disc(self, x: float, y: float, r: float, colour: RGB) -> None:
        """A filled circle."""
        self.oval(x, y, r, r, colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: RGB, r: float = 0.0) -> None:
        """A filled rectangle, with corners rounded by `r`."""
        (ax, ay), (bx, by) = self.at(x0, y0), self.at(x1, y1)
        edges = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
        if r:
            self.draw.rounded_rectangle(edges, r * self.unit, fill=colour)
        else:
            self.draw.rectangle(edges, fill=colour)

    def line(self, points, width: float, colour: RGB) -> None:
        """A stroke of round joints and ends."""
        pixels = [self.at(x, y) for x, y in points]
        w = max(1.0, width * self.unit)
        self.draw.line(pixels, fill=colour, width=round(w))
        if w > 2.5:
            for px, py in pixels:
                self.draw.ellipse((px - w / 2, py - w / 2, px + w / 2, py + w / 2), fill=colour)

    def arc(self, x: float, y: float, rx: float, ry: float, start: float, end: float, width: float,
            colour: RGB) -> None:
        """A piece of an ellipse's outline, in degrees clockwise from the right (mirrored when flipped)."""
        px, py = self.at(x, y)
        if self.sign < 0:
            start, end = 180 - end, 180 - start
        rx, ry = rx * self.unit, ry * self.unit
        self.draw.arc((px - rx, py - ry, px + rx, py + ry), start, end, fill=colour,
                      width=max(1, round(width * self.unit)))

    def ring(self, x: float, y: float, r: float, width: float, colour: RGB) -> None:
        """A circle's outline."""
        self.arc(x, y, r, r, 0, 360, width, colour)

    def pie(self, x: float, y: float, rx: float, ry: float, start: float, end: float, colour: RGB) -> None:
        """A sector of an ellipse, in degrees clockwise from the right."""
        px, py = self.at(x, y)
        if self.sign < 0:
            start, end = 180 - end, 180 - start
        rx, ry = rx * self.unit, ry * self.unit
        self.draw.pieslice((px - rx, py - ry, px + rx, py + ry), start, end, fill=colour)

    def text(self, x: float, y: float, words: str, height: float, colour: RGB) -> None:
        """Words centred on (x, y), never mirrored."""
        self.draw.text(self.at(x, y), words, fill=colour, anchor="mm",
                       font=font(max(6, int(height * self.unit))),
                       stroke_width=max(1, int(height * self.unit * 0.04)), stroke_fill=colour)


# --- people ----------------------------------------------------------------------------------------

def traits(look: int) -> dict:
    """Who a person is, read off its look number: sex, age, skin, hair, smile, hat, glasses, clothes."""
    rng = np.random.default_rng([look, 1])
    woman, child = bool(rng.random() < 0.5), bool(rng.random() < 0.2)
    return {"woman": woman, "child": child, "skin": SKINS[int(rng.choice(5, p=(.26, .26, .18, .16, .14)))],
            "hair": list(HAIRS)[int(rng.choice(5, p=(.3, .34, .2, .1, .06)))],
            "long": woman and rng.random() < 0.75, "smile": bool(rng.random() < 0.6),
            "hat": bool(rng.random() < 0.14), "glasses": bool(rng.random() < 0.16),
            "dress": woman and bool(rng.random() < 0.35), "legs": TROUSERS[int(rng.integers(5))],
            "shorts": bool(rng.random() < 0.25)}


def head(pen: Pen, x: float, y: float, r: float, who: dict, hat: RGB) -> None:
    """A head with hair, eyes and mouth, of radius `r` around (x, y)."""
    hair, skin = HAIRS[who["hair"]], who["skin"]
    if who["long"]:
        pen.box(x - r * 1.12, y - r * 0.6, x + r * 1.12, y + r * 1.55, hair, r * 0.5)
    pen.box(x - r * 0.36, y + r * 0.6, x + r * 0.36, y + r * 1.5, tone(skin, 0.82))
    pen.oval(x, y - r * 0.12, r * 1.07, r * 1.1, hair)
    pen.oval(x - r * 0.98, y + r * 0.1, r * 0.16, r * 0.24, tone(skin, 0.9))
    pen.oval(x + r * 0.98, y + r * 0.1, r * 0.16, r * 0.24, tone(skin, 0.9))
    pen.oval(x, y + r * 0.1, r * 0.9, r * 1.02, skin)
    pen.pie(x, y - r * 0.1, r * 0.99, r * 1.08, 200, 340, hair)
    if who["hat"]:
        pen.pie(x, y - r * 0.32, r * 1.08, r * 0.98, 180, 360, hat)
        pen.box(x - r * 1.1, y - r * 0.46, x + r * 1.55, y - r * 0.26, tone(hat, 0.7), r * 0.08)
    for side in (-1, 1):
        pen.oval(x + side * r * 0.36, y + r * 0.1, r * 0.21, r * 0.15, (250, 250, 250))
        pen.oval(x + side * r * 0.36, y + r * 0.1, r * 0.13, r * 0.15, (40, 30, 30))
        pen.line([(x + side * r * 0.2, y - r * 0.24), (x + side * r * 0.54, y - r * 0.2)], r * 0.1,
                 tone(hair, 0.8))
        if who["glasses"]:
            pen.ring(x + side * r * 0.37, y + r * 0.1, r * 0.29, r * 0.08, DARK)
    pen.line([(x, y + r * 0.2), (x + r * 0.1, y + r * 0.45), (x - r * 0.03, y + r * 0.47)], r * 0.07,
             tone(skin, 0.75))
    if who["smile"]:
        pen.pie(x, y + r * 0.56, r * 0.4, r * 0.32, 0, 180, (150, 40, 44))
        pen.box(x - r * 0.3, y + r * 0.57, x + r * 0.3, y + r * 0.66, (250, 246, 240))
    else:
        pen.box(x - r * 0.26, y + r * 0.66, x + r * 0.26, y + r * 0.75, (170, 70, 66))


def face(pen: Pen, thing, colour: RGB, who: dict) -> None:
    """A close-up: head and shoulders."""
    pen.poly([(-0.31, 1.08), (-0.28, 0.90), (-0.14, 0.81), (0.14, 0.81), (0.28, 0.90), (0.31, 1.08)], colour)
    pen.poly([(-0.12, 0.80), (0.12, 0.80), (0, 0.92)], tone(who["skin"], 0.88))
    head(pen, 0, 0.42, 0.285 if not who["child"] else 0.27, who, colour)


def person(pen: Pen, thing, colour: RGB, rng) -> None:
    """A whole person (standing, walking, waving, holding, sitting, riding, balancing), or a close-up face."""
    who = traits(thing.look)
    if thing.pose == "face":
        face(pen, thing, colour, who)
        return
    legs, skin = who["legs"], who["skin"]
    seated = thing.pose in ("sitting", "riding")
    hip = 0.60 if thing.pose != "sitting" else 0.68
    shoe = tone(DARK, 1.1)
    feet = {"walking": ((-0.15, 0.96), (0.15, 0.96)), "balancing": ((-0.17, 0.965), (0.17, 0.965)),
            "sitting": ((-0.1, 0.96), (0.1, 0.96)), "riding": ((0.10, 0.95), (0.16, 0.95))}.get(
                thing.pose, ((-0.075, 0.965), (0.075, 0.965)))
    knees = {"sitting": ((-0.13, 0.74), (0.13, 0.74)), "riding": ((0.19, 0.74), (0.22, 0.72)),
             "balancing": ((-0.16, 0.78), (0.19, 0.76))}.get(thing.pose)
    lower = skin if who["shorts"] or who["dress"] else legs
    for side, (fx, fy) in enumerate(feet):
        sx = -0.06 if side == 0 else 0.06
        kx, ky = knees[side] if knees else ((sx + fx) / 2, 0.78)
        pen.line([(kx, ky), (fx, fy - 0.02)], 0.085, tone(lower, 0.88 if side == 0 else 1))
        pen.line([(sx, hip), (kx, ky)], 0.11, tone(legs if not who["dress"] else lower,
                                                   0.88 if side == 0 else 1))
        pen.oval(fx + 0.025, fy + 0.012, 0.055, 0.026, shoe)
    hands = {"walking": ((-0.2, 0.54), (0.19, 0.54)), "waving": ((-0.19, 0.56), (0.24, 0.08)),
             "holding": ((-0.19, 0.56), (0.21, 0.46)), "sitting": ((-0.2, 0.62), (0.2, 0.62)),
             "riding": ((0.2, 0.50), (0.24, 0.49)), "balancing": ((-0.27, 0.36), (0.27, 0.34))}.get(
                 thing.pose, ((-0.17, 0.57), (0.17, 0.57)))
    bare = thing.look % 3 == 0
    for side, (hx, hy) in enumerate(hands):
        sx = -0.115 if side == 0 else 0.115
        ex, ey = (sx + hx) / 2 + (0.025 if side else -0.025), (0.29 + hy) / 2 + 0.02
        pen.line([(ex, ey), (hx, hy)], 0.066, skin if bare else tone(colour, 0.86))
        pen.line([(sx, 0.29), (ex, ey)], 0.08, tone(colour, 0.86))
        pen.disc(hx, hy, 0.036, skin)
    pen.box(-0.15, 0.245, 0.15, hip + 0.02, colour, 0.05)
    if who["dress"] and not seated:
        pen.poly([(-0.12, 0.48), (0.12, 0.48), (0.19, 0.76), (-0.19, 0.76)], colour)
    else:
        pen.box(-0.125, hip - 0.02, 0.125, hip + 0.045, legs, 0.02)
    head(pen, 0.03 if thing.pose == "riding" else 0, 0.125, 0.112, who, colour)


# --- animals ---------------------------------------------------------------------------------------

# body centre x, y, rx, ry; neck base, head centre; head rx, ry; leg width; tail length; ear
_BEASTS: dict[int, tuple] = {
    18: (-0.06, 0.52, 0.37, 0.18, (0.26, 0.42), (0.40, 0.22), 0.17, 0.125, 0.085, 0.24),
    19: (-0.08, 0.48, 0.34, 0.165, (0.19, 0.42), (0.42, 0.13), 0.15, 0.075, 0.066, 0.40),
    20: (-0.05, 0.46, 0.44, 0.30, (0.36, 0.36), (0.50, 0.26), 0.12, 0.13, 0.075, 0.06),
    21: (-0.09, 0.42, 0.46, 0.235, (0.36, 0.32), (0.54, 0.22), 0.16, 0.12, 0.09, 0.42),
    22: (-0.08, 0.42, 0.44, 0.31, (0.28, 0.34), (0.42, 0.30), 0.17, 0.19, 0.16, 0.30),
    24: (-0.08, 0.48, 0.34, 0.175, (0.19, 0.42), (0.42, 0.15), 0.15, 0.075, 0.066, 0.34),
    25: (-0.10, 0.57, 0.21, 0.125, (0.05, 0.53), (0.25, 0.085), 0.095, 0.05, 0.05, 0.22),
}
_NATURAL: dict[int, RGB] = {22: (136, 136, 144), 24: (240, 238, 232), 25: (232, 186, 96)}


def beast(pen: Pen, thing, colour: RGB, rng) -> None:
    """A four-legged animal seen from the side."""
    kind = thing.category
    bx, by, rx, ry, (nx, ny), (hx, hy), hrx, hry, leg, tail = _BEASTS[kind]
    colour = _NATURAL.get(kind, colour)
    limb = {20: (52, 46, 46)}.get(kind, colour)
    dark = tone(colour, 0.72)
    stride = (0.0, 0.03, -0.03)[thing.look % 3]
    pen.line([(bx - rx * 0.92, by - ry * 0.3), (bx - rx * 1.08, by + tail * 0.5),
              (bx - rx * 1.06, by + tail)],
             leg * 0.45, dark if kind in (19, 24) else limb)
    if kind == 18:
        pen.line([(bx - rx * 0.9, by - ry * 0.2), (bx - rx * 1.18, by - 0.24)], leg * 0.6, colour)
    for n, lx in enumerate((-0.70, 0.56, -0.86, 0.74)):
        far = n < 2
        x = bx + rx * lx
        dx = stride if n % 2 else -stride
        pen.line([(x, by), (x + dx, 0.965)], leg * (0.9 if far else 1), tone(limb, 0.7 if far else 0.94))
        pen.box(x + dx - leg * 0.55, 0.95, x + dx + leg * 0.6, 1.0,
                tone(limb, 0.4) if kind != 22 else (200, 196, 190))
    pen.oval(bx, by, rx, ry, colour)
    pen.disc(bx + rx * 0.62, by - ry * 0.05, ry * 0.96, colour)
    pen.disc(bx - rx * 0.6, by - ry * 0.08, ry * 0.96, colour)
    wide = ry * (0.62 if kind not in (25, 18) else 0.55)
    pen.poly([(nx - wide, ny - wide * 0.3), (hx - hrx * 0.75, hy - hry * 0.2),
              (hx + hrx * 0.1, hy + hry * 0.8),
              (nx + wide * 0.8, ny + wide * 0.9)], colour)
    _COAT_MARKS.get(kind, lambda *a: None)(pen, thing, colour, rng)
    _beast_head(pen, kind, colour, limb, hx, hy, hrx, hry)


def _beast_head(pen: Pen, kind: int, colour: RGB, limb: RGB, hx: float, hy: float, hrx: float,
                hry: float) -> None:
    """Head, ears, eye, muzzle, and what marks the species: horns, trunk, mane."""
    skin = limb if kind == 20 else colour
    long_ears = kind in (18,)
    if kind in (19, 24):
        mane = (40, 30, 26)
        pen.line([(hx - hrx * 0.55, hy - hry * 0.8), (hx - hrx * 1.3, hy + 0.10),
                  (hx - hrx * 1.75, hy + 0.24)], 0.07, mane)
    pen.poly([(hx - hrx, hy - hry * 0.7), (hx - hrx * 0.1, hy - hry), (hx + hrx, hy + hry * 0.3),
              (hx + hrx * 0.9, hy + hry * 1.3), (hx - hrx * 0.3, hy + hry * 1.1)] if kind in (19, 24, 25) else
             [(hx, hy), (hx, hy + 0.01), (hx + 0.01, hy)], skin)
    pen.oval(hx - (hrx * 0.25 if kind in (19, 24, 25) else 0), hy,
             hrx * (0.75 if kind in (19, 24, 25) else 1), hry, skin)
    if kind in (18, 21):
        pen.oval(hx + hrx * 0.72, hy + hry * 0.42, hrx * 0.52, hry * 0.52,
                 tone(skin, 0.9) if kind == 18 else (232, 178, 164))
        pen.oval(hx + hrx * 1.05, hy + hry * 0.24, hrx * 0.17, hry * 0.18, DARK)
    if kind in (19, 24, 25):
        pen.oval(hx + hrx * 0.86, hy + hry * 0.85, hrx * 0.26, hry * 0.42, tone(skin, 0.55))
    if kind == 22:
        pen.line([(hx + hrx * 0.7, hy + 0.04), (hx + hrx * 1.25, hy + 0.28), (hx + hrx * 1.1, hy + 0.52),
                  (hx + hrx * 1.45, hy + 0.58)], 0.10, skin)
        pen.line([(hx + hrx * 0.55, hy + 0.16), (hx + hrx * 1.4, hy + 0.24)], 0.04, (250, 246, 232))
        pen.oval(hx - hrx * 0.72, hy + 0.02, hrx * 0.82, hry * 1.12, tone(skin, 0.78))
    elif long_ears:
        pen.oval(hx - hrx * 0.62, hy + hry * 0.25, hrx * 0.26, hry * 0.85, tone(skin, 0.62))
    else:
        back = hx - hrx * (0.55 if kind != 20 else 0.4)
        pen.poly([(back - 0.04, hy - hry * 0.5), (back - 0.05, hy - hry * 1.75),
                  (back + 0.05, hy - hry * 0.7)],
                 tone(skin, 0.75))
        if kind in (21,):
            pen.line([(hx - hrx * 0.2, hy - hry * 0.8), (hx + hrx * 0.05, hy - hry * 1.75)], 0.045,
                     (238, 228, 200))
        if kind == 25:
            pen.line([(hx - hrx * 0.25, hy - hry), (hx - hrx * 0.25, hy - hry * 1.7)], 0.022, (110, 66, 36))
    if kind == 20:
        pen.oval(hx - hrx * 0.55, hy - hry * 0.8, hrx * 0.85, hry * 0.5, colour)
    pen.disc(hx + hrx * 0.18, hy - hry * 0.18, max(hry * 0.2, 0.014), (250, 250, 250))
    pen.disc(hx + hrx * 0.22, hy - hry * 0.18, max(hry * 0.14, 0.012), (20, 18, 18))


def _stripes(pen: Pen, thing, colour: RGB, rng) -> None:
    """A zebra's stripes over body and neck."""
    for x in np.linspace(-0.40, 0.24, 9):
        h = 0.16 * math.sqrt(max(0.1, 1 - ((x + 0.08) / 0.37) ** 2))
        pen.line([(x, 0.48 - h), (x + 0.03, 0.48), (x, 0.48 + h * 0.9)], 0.03, (30, 28, 32))
    for t in np.linspace(0.1, 0.85, 4):
        x, y = 0.16 + 0.22 * t, 0.42 - 0.27 * t
        pen.line([(x - 0.06, y - 0.03), (x + 0.06, y + 0.07)], 0.026, (30, 28, 32))


def _patches(pen: Pen, thing, colour: RGB, rng) -> None:
    """A giraffe's patches."""
    for t in np.linspace(0.05, 0.9, 6):
        x, y = 0.03 + 0.20 * t, 0.53 - 0.42 * t
        pen.oval(x + rng.uniform(-0.012, 0.012), y, 0.034 - 0.014 * t, 0.032, (158, 92, 40))
    for x in np.linspace(-0.27, 0.06, 5):
        for y in (0.50, 0.57, 0.64):
            pen.oval(x + rng.uniform(-0.015, 0.015) + (0.03 if y == 0.57 else 0), y, 0.029, 0.024,
                     (158, 92, 40))


def _blotches(pen: Pen, thing, colour: RGB, rng) -> None:
    """A cow's large spots, on two cows of three."""
    if thing.look % 3:
        spot = (246, 242, 234) if sum(colour) < 420 else (44, 38, 38)
        for x, y, rx, ry in ((-0.36, 0.36, 0.13, 0.12), (-0.04, 0.44, 0.14, 0.14), (0.22, 0.34, 0.09, 0.08)):
            pen.oval(x + rng.uniform(-0.03, 0.03), y, rx, ry, spot)
    pen.oval(-0.28, 0.66, 0.10, 0.06, (232, 178, 164))


def _wool(pen: Pen, thing, colour: RGB, rng) -> None:
    """A sheep's curls around the body."""
    for a in np.linspace(0, 2 * math.pi, 15):
        pen.disc(-0.05 + 0.42 * math.cos(a), 0.46 + 0.27 * math.sin(a), 0.085, colour)
    for _ in range(14):
        x, y = rng.uniform(-0.38, 0.26), rng.uniform(0.28, 0.62)
        pen.ring(x, y, 0.06, 0.018, tone(colour, 0.84))


_COAT_MARKS = {24: _stripes, 25: _patches, 21: _blotches, 20: _wool}


def cat(pen: Pen, thing, colour: RGB, rng) -> None:
    """A cat, sitting towards us or walking by."""
    dark, belly = tone(colour, 0.66), tone(colour, 1.35)
    if thing.pose == "walking":
        pen.line([(-0.24, 0.60), (-0.36, 0.42), (-0.34, 0.16)], 0.07, dark)
        for x in (-0.20, 0.12, -0.27, 0.19):
            pen.line([(x, 0.62), (x, 0.96)], 0.085, tone(colour, 0.8 if x in (-0.20, 0.12) else 0.95))
        pen.oval(-0.04, 0.60, 0.29, 0.15, colour)
        if thing.look % 2:
            for x in (-0.2, -0.1, 0, 0.1):
                pen.line([(x, 0.46), (x + 0.02, 0.60)], 0.03, dark)
        cx, cy, r = 0.24, 0.40, 0.175
    else:
        pen.arc(0.20, 0.82, 0.20, 0.16, -60, 100, 0.07, dark)
        pen.poly([(-0.13, 0.4), (0.13, 0.4), (0.24, 0.97), (-0.24, 0.97)], colour)
        pen.oval(0, 0.83, 0.27, 0.165, colour)
        pen.oval(0, 0.66, 0.10, 0.20, belly)
        for x in (-0.08, 0.08):
            pen.oval(x, 0.955, 0.07, 0.042, belly)
        cx, cy, r = 0, 0.30, 0.21
    for s in (-1, 1):
        pen.poly([(cx + s * r * 0.25, cy - r * 0.7), (cx + s * r * 0.85, cy - r * 1.45),
                  (cx + s * r * 0.98, cy - r * 0.1)],
                 colour)
        pen.poly([(cx + s * r * 0.48, cy - r * 0.7), (cx + s * r * 0.80, cy - r * 1.2),
                  (cx + s * r * 0.85, cy - r * 0.4)],
                 (226, 150, 150))
    pen.oval(cx, cy, r * 1.08, r * 0.95, colour)
    if thing.look % 2:
        for x in (-0.3, 0, 0.3):
            pen.line([(cx + x * r, cy - r * 0.85), (cx + x * r * 0.8, cy - r * 0.4)], r * 0.14, dark)
    pen.oval(cx, cy + r * 0.42, r * 0.48, r * 0.34, belly)
    for s in (-1, 1):
        pen.oval(cx + s * r * 0.45, cy - r * 0.02, r * 0.25, r * 0.25, (176, 206, 70))
        pen.oval(cx + s * r * 0.45, cy - r * 0.02, r * 0.10, r * 0.23, (16, 16, 16))
        pen.line([(cx + s * r * 0.4, cy + r * 0.42), (cx + s * r * 1.25, cy + r * 0.34)], 0.008,
                 (235, 235, 235))
    pen.poly([(cx - r * 0.13, cy + r * 0.22), (cx + r * 0.13, cy + r * 0.22), (cx, cy + r * 0.4)],
             (206, 96, 104))


def bird(pen: Pen, thing, colour: RGB, rng) -> None:
    """A bird, standing or on the wing."""
    dark, belly = tone(colour, 0.62), tone(colour, 1.5)
    if thing.pose == "flying":
        up = thing.look % 2
        pen.poly([(-0.30, 0.52), (-0.60, 0.42), (-0.58, 0.66)], dark)
        wing = [(-0.16, 0.5), (-0.34, 0.0), (-0.02, 0.14), (0.18, 0.48)] if up else \
            [(-0.16, 0.52), (-0.30, 1.0), (0.04, 0.84), (0.18, 0.52)]
        pen.poly([(x + 0.13, y) for x, y in wing], tone(colour, 0.5))
        pen.oval(0, 0.54, 0.36, 0.15, colour)
        pen.oval(0.04, 0.60, 0.26, 0.09, belly)
        pen.disc(0.36, 0.44, 0.125, colour)
        pen.poly([(0.46, 0.40), (0.62, 0.47), (0.46, 0.51)], (246, 170, 40))
        pen.poly(wing, dark)
        pen.disc(0.40, 0.42, 0.032, (15, 15, 15))
        return
    for x in (-0.02, 0.10):
        pen.line([(x, 0.74), (x, 0.97), (x + 0.08, 0.98)], 0.026, (214, 130, 40))
    pen.poly([(-0.26, 0.50), (-0.62, 0.66), (-0.58, 0.78), (-0.2, 0.70)], dark)
    pen.oval(0.0, 0.54, 0.36, 0.25, colour)
    pen.oval(0.12, 0.60, 0.22, 0.17, belly)
    pen.disc(0.25, 0.26, 0.19, colour)
    pen.poly([(0.41, 0.20), (0.61, 0.29), (0.41, 0.34)], (246, 170, 40))
    pen.poly([(0.02, 0.42), (-0.10, 0.68), (-0.46, 0.70), (-0.22, 0.42)], dark)
    pen.disc(0.30, 0.22, 0.052, (250, 250, 250))
    pen.disc(0.31, 0.22, 0.036, (15, 15, 15))


def teddy(pen: Pen, thing, colour: RGB, rng) -> None:
    """A sitting teddy bear."""
    light = tone(colour, 1.4)
    for s in (-1, 1):
        pen.disc(s * 0.17, 0.10, 0.10, colour)
        pen.disc(s * 0.17, 0.10, 0.055, light)
        pen.line([(s * 0.18, 0.52), (s * 0.34, 0.66)], 0.15, tone(colour, 0.88))
        pen.line([(s * 0.15, 0.86), (s * 0.29, 0.90)], 0.18, tone(colour, 0.92))
        pen.disc(s * 0.32, 0.90, 0.07, light)
    pen.oval(0, 0.68, 0.25, 0.27, colour)
    pen.oval(0, 0.70, 0.16, 0.18, light)
    pen.oval(0, 0.26, 0.25, 0.22, colour)
    pen.oval(0, 0.34, 0.12, 0.095, light)
    pen.oval(0, 0.30, 0.05, 0.034, DARK)
    for s in (-1, 1):
        pen.disc(s * 0.10, 0.21, 0.034, DARK)
        pen.poly([(0, 0.475), (s * 0.12, 0.42), (s * 0.12, 0.54)], (206, 40, 50))


# --- vehicles --------------------------------------------------------------------------------------

def wheel(pen: Pen, x: float, y: float, r: float) -> None:
    """A tyre with its hub."""
    pen.disc(x, y, r, (30, 30, 34))
    pen.disc(x, y, r * 0.55, STEEL)
    pen.disc(x, y, r * 0.2, (70, 72, 78))


def car(pen: Pen, thing, colour: RGB, rng) -> None:
    """A car seen from the side."""
    roof = [(-0.58, 0.42), (-0.38, 0.04), (0.30, 0.04), (0.60, 0.42)]
    if thing.look % 3 == 0:
        roof = [(-0.86, 0.42), (-0.74, 0.04), (0.26, 0.04), (0.58, 0.42)]
    pen.poly(roof, tone(colour, 0.86))
    pen.box(-1.0, 0.38, 1.0, 0.84, colour, 0.16)
    pen.poly([(roof[0][0] + 0.11, 0.40), (roof[1][0] + 0.06, 0.11), (-0.06, 0.11), (-0.06, 0.40)], GLASS)
    pen.poly([(0.02, 0.40), (0.02, 0.11), (roof[2][0] - 0.04, 0.11), (roof[3][0] - 0.12, 0.40)], GLASS)
    pen.box(-1.0, 0.66, 1.0, 0.72, tone(colour, 0.6))
    pen.line([(-0.02, 0.42), (-0.02, 0.74)], 0.02, tone(colour, 0.55))
    pen.box(0.86, 0.46, 1.0, 0.58, (255, 240, 170), 0.03)
    pen.box(-1.0, 0.46, -0.90, 0.58, (196, 30, 30), 0.03)
    for x in (-0.58, 0.58):
        pen.disc(x, 0.80, 0.235, tone(colour, 0.4))
        wheel(pen, x, 0.81, 0.19)


def bus(pen: Pen, thing, colour: RGB, rng) -> None:
    """A bus seen from the side."""
    pen.box(-0.86, 0.02, 0.86, 0.88, colour, 0.07)
    pen.box(-0.86, 0.56, 0.86, 0.64, tone(colour, 1.65 if sum(colour) < 560 else 0.6))
    for x in np.linspace(-0.76, 0.30, 5):
        pen.box(x, 0.14, x + 0.19, 0.46, GLASS, 0.02)
    pen.box(0.52, 0.14, 0.66, 0.84, tone(GLASS, 0.8), 0.02)
    pen.box(0.71, 0.14, 0.85, 0.52, GLASS, 0.02)
    pen.disc(0.80, 0.74, 0.045, (255, 240, 170))
    for x in (-0.50, 0.34):
        wheel(pen, x, 0.86, 0.14)


def truck(pen: Pen, thing, colour: RGB, rng) -> None:
    """A truck with cab and cargo box."""
    pen.box(-0.88, 0.72, 0.86, 0.86, (62, 62, 68))
    if thing.look % 3:
        pen.box(-0.89, 0.0, 0.30, 0.76, (228, 228, 222) if thing.look % 3 == 1 else tone(colour, 0.8), 0.02)
        for x in np.linspace(-0.72, 0.14, 5):
            pen.line([(x, 0.04), (x, 0.72)], 0.012, (170, 170, 166))
    else:
        pen.box(-0.89, 0.50, 0.30, 0.78, tone(colour, 0.75))
        for x in (-0.66, -0.36, -0.02):
            pen.disc(x, 0.42, 0.17, WOOD)
    pen.poly([(0.35, 0.84), (0.35, 0.20), (0.66, 0.20), (0.80, 0.48), (0.89, 0.54), (0.89, 0.84)], colour)
    pen.poly([(0.44, 0.50), (0.44, 0.27), (0.63, 0.27), (0.74, 0.50)], GLASS)
    pen.box(0.82, 0.62, 0.89, 0.72, (255, 240, 170))
    for x in (-0.62, -0.26, 0.60):
        wheel(pen, x, 0.85, 0.15)


def train(pen: Pen, thing, colour: RGB, rng) -> None:
    """A train on its rails: a carriage and a steam or electric engine."""
    pen.box(-1.04, 0.95, 1.04, 1.0, (96, 84, 76))
    pen.box(-1.04, 0.24, -0.16, 0.82, tone(colour, 0.82), 0.03)
    pen.box(-1.04, 0.20, -0.16, 0.28, tone(colour, 0.5))
    for x in (-0.96, -0.70, -0.44):
        pen.box(x, 0.36, x + 0.18, 0.58, GLASS)
    pen.box(-0.18, 0.74, 0.0, 0.80, DARK)
    if thing.look % 2:
        pen.box(-0.06, 0.12, 0.34, 0.82, colour)
        pen.box(-0.10, 0.06, 0.38, 0.15, tone(colour, 0.5))
        pen.box(0.04, 0.24, 0.24, 0.46, GLASS)
        pen.box(0.30, 0.36, 0.92, 0.76, tone(colour, 0.9), 0.12)
        pen.poly([(0.68, 0.38), (0.64, 0.08), (0.84, 0.08), (0.80, 0.38)], DARK)
        pen.disc(0.92, 0.56, 0.08, LIT)
        pen.poly([(0.84, 0.78), (1.04, 0.94), (0.84, 0.94)], (196, 36, 36))
        for n, (x, y, r) in enumerate(((0.70, 0.0, 0.09), (0.54, -0.04, 0.10))):
            pen.disc(x, y, r, (222 - 10 * n,) * 3)
    else:
        pen.poly([(-0.06, 0.82), (-0.06, 0.22), (0.66, 0.22), (0.92, 0.44), (1.03, 0.74), (1.03, 0.82)],
                 colour)
        pen.poly([(0.52, 0.30), (0.66, 0.30), (0.84, 0.46), (0.52, 0.46)], (60, 78, 96))
        pen.box(-0.06, 0.60, 1.0, 0.67, (245, 245, 240))
        for x in (0.02, 0.26):
            pen.box(x, 0.32, x + 0.18, 0.52, GLASS)
        pen.disc(0.93, 0.70, 0.035, LIT)
    for x in (-0.86, -0.64, -0.36, 0.10, 0.36, 0.70):
        wheel(pen, x, 0.86, 0.095)


def airplane(pen: Pen, thing, colour: RGB, rng) -> None:
    """An airliner in flight, seen from the side."""
    body = (238, 240, 244)
    pen.poly([(-1.04, 0.12), (-0.84, 0.12), (-0.58, 0.46), (-0.90, 0.48)], colour)
    pen.poly([(0.16, 0.42), (-0.20, 0.08), (-0.34, 0.08), (-0.14, 0.42)], tone(body, 0.7))
    pen.oval(0.0, 0.54, 1.03, 0.165, body)
    pen.poly([(-0.9, 0.44), (-0.5, 0.44), (-0.5, 0.66), (-0.9, 0.58)], body)
    pen.box(-0.9, 0.545, 0.98, 0.60, colour)
    for x in np.linspace(-0.5, 0.62, 9):
        pen.box(x, 0.455, x + 0.055, 0.51, (70, 90, 120))
    pen.poly([(0.80, 0.46), (0.92, 0.46), (0.99, 0.525), (0.80, 0.525)], (50, 66, 90))
    pen.poly([(0.24, 0.58), (-0.22, 0.98), (-0.42, 0.98), (-0.14, 0.58)], tone(colour, 0.8))
    pen.oval(0.06, 0.74, 0.12, 0.06, tone(body, 0.6))
    pen.poly([(-0.72, 0.52), (-0.96, 0.68), (-1.04, 0.68), (-0.92, 0.52)], tone(colour, 0.8))


def boat(pen: Pen, thing, colour: RGB, rng) -> None:
    """A sailing boat, or a motor boat with a cabin."""
    if thing.look % 3:
        pen.line([(0, 0.02), (0, 0.80)], 0.028, (108, 74, 46))
        pen.poly([(0.035, 0.04), (0.42, 0.68), (0.035, 0.70)], (250, 248, 240))
        pen.poly([(-0.035, 0.12), (-0.36, 0.68), (-0.035, 0.70)],
                 tone(colour, 1.25) if thing.look % 2 else (236, 232, 222))
    else:
        pen.box(-0.28, 0.50, 0.18, 0.80, (244, 244, 240), 0.03)
        pen.box(-0.32, 0.44, 0.22, 0.52, tone(colour, 0.7))
        for x in (-0.22, -0.02):
            pen.box(x, 0.58, x + 0.14, 0.70, GLASS)
        pen.line([(-0.06, 0.14), (-0.06, 0.46)], 0.03, WOOD)
        pen.poly([(-0.04, 0.14), (0.18, 0.20), (-0.04, 0.28)], (206, 40, 44))
    pen.poly([(-0.52, 0.76), (0.53, 0.74), (0.36, 0.99), (-0.38, 0.99)], colour)
    pen.poly([(-0.52, 0.76), (0.53, 0.74), (0.51, 0.79), (-0.50, 0.81)], (246, 246, 240))


def bicycle(pen: Pen, thing, colour: RGB, rng) -> None:
    """A bicycle seen from the side."""
    back, front, crank = (-0.48, 0.67), (0.48, 0.67), (-0.06, 0.68)
    seat, bar = (-0.20, 0.22), (0.32, 0.16)
    for x, y in (back, front):
        pen.ring(x, y, 0.315, 0.06, (28, 28, 32))
        for a in np.linspace(0, math.pi, 5)[:-1]:
            dx, dy = 0.27 * math.cos(a), 0.27 * math.sin(a)
            pen.line([(x - dx, y - dy), (x + dx, y + dy)], 0.008, (150, 152, 158))
        pen.disc(x, y, 0.04, STEEL)
    for a, b in ((back, crank), (back, (-0.17, 0.32)), ((-0.17, 0.32), crank), ((-0.17, 0.32), (0.34, 0.30)),
                 (crank, (0.35, 0.34)), (bar, front)):
        pen.line([a, b], 0.062, colour)
    pen.line([seat, (-0.17, 0.32)], 0.04, STEEL)
    pen.oval(-0.22, 0.20, 0.14, 0.045, (40, 30, 28))
    pen.line([(0.22, 0.12), bar, (0.44, 0.20)], 0.05, (40, 40, 44))
    pen.disc(*crank, 0.08, (70, 70, 76))


def skateboard(pen: Pen, thing, colour: RGB, rng) -> None:
    """A skateboard seen from the side."""
    pen.line([(-1.32, 0.14), (-1.0, 0.40), (1.0, 0.40), (1.32, 0.14)], 0.22, colour)
    pen.line([(-1.3, 0.09), (-1.0, 0.32), (1.0, 0.32), (1.3, 0.09)], 0.07, (40, 40, 44))
    for x in (-0.8, 0.8):
        pen.disc(x, 0.75, 0.24, (240, 236, 220))
        pen.disc(x, 0.75, 0.10, (90, 90, 96))


def surfboard(pen: Pen, thing, colour: RGB, rng) -> None:
    """A surfboard, upright in the sand or flat on the water (then wider than its box is high)."""
    stripe = tone(colour, 1.7) if sum(colour) < 520 else (200, 40, 44)
    if thing.pose == "flat":
        pen.poly([(-2.0, 0.62), (-1.5, 0.36), (1.2, 0.34), (2.0, 0.10), (1.5, 0.64), (-1.5, 0.86)], colour)
        pen.line([(-1.7, 0.60), (1.6, 0.46)], 0.10, stripe)
        for x in np.linspace(-1.9, 1.5, 9):
            pen.oval(x, 0.90, 0.26, 0.13, (240, 248, 252))
        return
    pen.oval(0, 0.5, 0.155, 0.5, colour)
    pen.line([(0, 0.05), (0, 0.95)], 0.035, stripe)
    pen.box(-0.15, 0.60, 0.15, 0.66, stripe)


# --- street and sport ------------------------------------------------------------------------------

def traffic_light(pen: Pen, thing, colour: RGB, rng) -> None:
    """A traffic light on its pole, one lamp on."""
    pen.box(-0.028, 0.45, 0.028, 1.0, (84, 88, 94))
    pen.box(-0.155, 0.0, 0.155, 0.54, (44, 46, 50), 0.04)
    on = thing.look % 3
    for n, lamp in enumerate(((255, 50, 40), (255, 206, 40), (60, 235, 90))):
        pen.disc(0, 0.10 + 0.17 * n, 0.074, lamp if n == on else tone(lamp, 0.25))


def hydrant(pen: Pen, thing, colour: RGB, rng) -> None:
    """A fire hydrant."""
    dark = tone(colour, 0.68)
    pen.box(-0.22, 0.90, 0.22, 1.0, dark, 0.03)
    pen.box(-0.31, 0.42, 0.31, 0.58, dark, 0.04)
    pen.box(-0.15, 0.26, 0.15, 0.92, colour)
    pen.pie(0, 0.27, 0.19, 0.20, 180, 360, colour)
    pen.box(-0.22, 0.24, 0.22, 0.32, dark, 0.02)
    pen.box(-0.05, 0.0, 0.05, 0.10, dark)
    pen.disc(0, 0.50, 0.10, tone(colour, 1.3))
    pen.disc(0, 0.50, 0.05, dark)


def stop_sign(pen: Pen, thing, colour: RGB, rng) -> None:
    """A stop sign."""
    pen.box(-0.022, 0.4, 0.022, 1.0, (150, 152, 156))
    for r, c in ((0.28, (246, 246, 246)), (0.255, (200, 24, 30))):
        pen.poly([(r * 1.04 * math.cos(a), 0.285 + r * 1.04 * math.sin(a))
                  for a in np.arange(8) * math.pi / 4 + math.pi / 8], c)
    pen.text(0, 0.285, "STOP", 0.185, (255, 255, 255))


def bench(pen: Pen, thing, colour: RGB, rng) -> None:
    """A park bench seen from the front."""
    for x in (-0.68, 0.68):
        pen.box(x - 0.05, 0.08, x + 0.05, 1.0, (56, 56, 62))
    for y in (0.02, 0.18, 0.34):
        pen.box(-0.85, y, 0.85, y + 0.12, tone(colour, 0.9 + y * 0.1), 0.02)
    pen.poly([(-0.80, 0.52), (0.80, 0.52), (0.87, 0.66), (-0.87, 0.66)], colour)
    pen.box(-0.87, 0.66, 0.87, 0.72, tone(colour, 0.6))


def umbrella(pen: Pen, thing, colour: RGB, rng) -> None:
    """An open umbrella on a stick."""
    pen.line([(0, 0.1), (0, 0.95)], 0.032, (92, 62, 40))
    pen.arc(0.05, 0.93, 0.05, 0.05, 0, 180, 0.03, (92, 62, 40))
    pen.pie(0, 0.52, 0.57, 0.48, 180, 360, colour)
    second = tone(colour, 1.55 if sum(colour) < 600 else 0.8) if thing.look % 2 else tone(colour, 0.82)
    pen.pie(0, 0.52, 0.30, 0.48, 180, 360, second)
    pen.pie(0, 0.52, 0.10, 0.48, 180, 360, colour)
    pen.line([(0, 0.0), (0, 0.06)], 0.03, DARK)


def ball(pen: Pen, thing, colour: RGB, rng) -> None:
    """A ball: football, basketball-like seams or a beach ball."""
    style = thing.look % 3
    pen.disc(0, 0.5, 0.49, colour)
    mark = (250, 250, 246) if sum(colour) < 600 else (34, 34, 40)
    if style == 0:
        for a in np.arange(5) * 2 * math.pi / 5 + thing.look:
            pen.disc(0.36 * math.cos(a), 0.5 + 0.36 * math.sin(a), 0.10, mark)
        pen.disc(0, 0.5, 0.13, mark)
    elif style == 1:
        pen.line([(0, 0.02), (0, 0.98)], 0.035, mark)
        pen.arc(-0.55, 0.5, 0.38, 0.48, -62, 62, 0.035, mark)
        pen.arc(0.55, 0.5, 0.38, 0.48, 118, 242, 0.035, mark)
    else:
        for n in range(3):
            pen.pie(0, 0.5, 0.49, 0.49, n * 120 + thing.look % 60, n * 120 + 60 + thing.look % 60, mark)
        pen.disc(0, 0.5, 0.1, mark)


def kite(pen: Pen, thing, colour: RGB, rng) -> None:
    """A diamond kite with a tail."""
    other = tone(colour, 1.5) if sum(colour) < 520 else (230, 60, 60)
    pen.line([(0, 0.60), (-0.08, 0.72), (0.03, 0.84), (-0.10, 0.98)], 0.02, (70, 66, 66))
    for x, y in ((-0.06, 0.74), (0.0, 0.86), (-0.09, 0.97)):
        pen.poly([(x - 0.07, y - 0.035), (x + 0.07, y + 0.035), (x + 0.07, y - 0.035), (x - 0.07, y + 0.035)],
                 other)
    pen.poly([(0, 0.0), (0.34, 0.26), (0, 0.64)], other)
    pen.poly([(0, 0.0), (-0.34, 0.26), (0, 0.64)], colour)
    pen.poly([(0, 0.26), (0.34, 0.26), (0, 0.64)], tone(other, 0.82))
    pen.poly([(0, 0.26), (-0.34, 0.26), (0, 0.64)], tone(colour, 0.8))


# --- indoors ---------------------------------------------------------------------------------------

def cup(pen: Pen, thing, colour: RGB, rng) -> None:
    """A cup of coffee."""
    pen.arc(0.34, 0.50, 0.19, 0.20, -100, 110, 0.075, tone(colour, 0.85))
    pen.poly([(-0.42, 0.16), (0.36, 0.16), (0.27, 0.94), (-0.33, 0.94)], colour)
    pen.oval(-0.03, 0.93, 0.30, 0.065, colour)
    pen.oval(-0.03, 0.16, 0.39, 0.11, tone(colour, 1.35))
    pen.oval(-0.03, 0.17, 0.33, 0.08, (74, 44, 26))
    if thing.look % 2:
        pen.poly([(-0.40, 0.46), (0.33, 0.46), (0.31, 0.62), (-0.375, 0.62)],
                 tone(colour, 1.6 if sum(colour) < 560 else .6))


def banana(pen: Pen, thing, colour: RGB, rng) -> None:
    """Two bananas."""
    for dy, shade in ((0.0, 0.88), (0.14, 1.0)):
        outer = [(-0.72 + 1.42 * t, 0.26 + dy + 0.62 * math.sin(math.pi * t)) for t in np.linspace(0, 1, 13)]
        inner = [(-0.68 + 1.34 * t, 0.22 + dy + 0.24 * math.sin(math.pi * t)) for t in np.linspace(1, 0, 13)]
        pen.poly(outer + inner, tone((250, 214, 56), shade))
        pen.disc(-0.70, 0.24 + dy, 0.05, (92, 66, 30))
        pen.line([(0.67, 0.26 + dy), (0.70, 0.14 + dy)], 0.06, (150, 130, 40))


def apple(pen: Pen, thing, colour: RGB, rng) -> None:
    """An apple with a leaf."""
    pen.disc(-0.17, 0.56, 0.30, colour)
    pen.disc(0.17, 0.56, 0.30, colour)
    pen.oval(0, 0.66, 0.36, 0.33, colour)
    pen.line([(0, 0.32), (0.04, 0.06)], 0.045, (88, 60, 36))
    pen.oval(0.17, 0.13, 0.14, 0.065, (70, 150, 54))
    pen.oval(-0.22, 0.46, 0.06, 0.10, tone(colour, 1.6))


def pizza(pen: Pen, thing, colour: RGB, rng) -> None:
    """A pizza on a plate, perhaps with a slice gone."""
    pen.oval(0, 0.54, 0.87, 0.46, (236, 236, 232))
    pen.oval(0, 0.50, 0.76, 0.38, (206, 142, 66))
    pen.oval(0, 0.48, 0.65, 0.315, (248, 204, 90))
    for _ in range(9):
        a, r = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0.05, 0.75))
        x, y = 0.58 * r * math.cos(a), 0.48 + 0.28 * r * math.sin(a)
        pen.oval(x, y, 0.095, 0.055, (190, 44, 32))
    for _ in range(6):
        a, r = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.85)
        pen.oval(0.58 * r * math.cos(a), 0.48 + 0.28 * r * math.sin(a), 0.05, 0.026, (62, 124, 48))
    if thing.look % 2:
        pen.poly([(0, 0.48), (0.40, 0.88), (0.74, 0.68)], (224, 224, 220))


def cake(pen: Pen, thing, colour: RGB, rng) -> None:
    """A layered birthday cake with candles."""
    pen.oval(0, 0.92, 0.52, 0.085, (232, 232, 236))
    pen.box(-0.42, 0.46, 0.42, 0.90, tone(colour, 0.9))
    pen.oval(0, 0.90, 0.42, 0.075, tone(colour, 0.9))
    pen.box(-0.42, 0.64, 0.42, 0.71, (250, 244, 230) if sum(colour) < 640 else (206, 60, 80))
    for x in np.linspace(-0.36, 0.36, 6):
        pen.disc(x, 0.52, 0.075, tone(colour, 1.5) if sum(colour) < 640 else (240, 170, 190))
    pen.oval(0, 0.46, 0.42, 0.095, tone(colour, 1.4))
    for x in (-0.22, 0.0, 0.22):
        pen.box(x - 0.025, 0.20, x + 0.025, 0.46, (90, 150, 226))
        pen.oval(x, 0.12, 0.036, 0.075, (255, 206, 60))


def chair(pen: Pen, thing, colour: RGB, rng) -> None:
    """A chair, seen half from the side."""
    dark = tone(colour, 0.62)
    for x, y in ((-0.24, 0.90), (0.30, 0.90), (-0.15, 0.98), (0.19, 0.98)):
        pen.line([(x * 0.95, 0.52), (x, y)], 0.065, dark)
    if thing.look % 2:
        pen.box(-0.27, 0.0, 0.21, 0.50, colour, 0.06)
    else:
        for x in (-0.24, -0.03, 0.18):
            pen.box(x - 0.03, 0.03, x + 0.03, 0.52, dark)
        for y in (0.02, 0.20):
            pen.box(-0.28, y, 0.22, y + 0.11, colour, 0.03)
    pen.poly([(-0.27, 0.48), (0.21, 0.48), (0.33, 0.60), (-0.20, 0.60)], tone(colour, 1.15))
    pen.poly([(-0.20, 0.60), (0.33, 0.60), (0.33, 0.66), (-0.20, 0.66)], dark)


def couch(pen: Pen, thing, colour: RGB, rng) -> None:
    """A couch with cushions."""
    dark = tone(colour, 0.72)
    for x in (-0.78, 0.78):
        pen.box(x - 0.05, 0.88, x + 0.05, 1.0, (70, 46, 32))
    pen.box(-0.82, 0.04, 0.82, 0.70, dark, 0.12)
    pen.box(-0.80, 0.70, 0.80, 0.92, tone(colour, 0.82), 0.04)
    for x0, x1 in ((-0.70, -0.01), (0.01, 0.70)):
        pen.box(x0, 0.10, x1, 0.56, tone(colour, 0.9), 0.08)
        pen.box(x0, 0.52, x1, 0.74, tone(colour, 1.12), 0.06)
    for s in (-1, 1):
        pen.box(s * 0.95 - (0.24 if s > 0 else 0), 0.34, s * 0.95 + (0.24 if s < 0 else 0), 0.93, colour,
                0.09)
    if thing.look % 2:
        pen.poly([(-0.58, 0.24), (-0.26, 0.28), (-0.30, 0.58), (-0.62, 0.54)],
                 tone(colour, 1.6) if sum(colour) < 560
                 else (220, 90, 80))


def plant(pen: Pen, thing, colour: RGB, rng) -> None:
    """A potted plant with broad leaves or a bush of small ones."""
    green = ((52, 130, 56), (84, 154, 60), (40, 108, 70))[thing.look % 3]
    if thing.look % 2:
        for a in np.linspace(-1.25, 1.25, 7):
            tip = (0.40 * math.sin(a), 0.62 - 0.56 * math.cos(a) ** 0.7)
            mid = (0.16 * math.sin(a), 0.36)
            pen.poly([(0, 0.68), (mid[0] - 0.065, mid[1]), tip, (mid[0] + 0.065, mid[1] + 0.04)],
                     tone(green, rng.uniform(0.75, 1.2)))
    else:
        for _ in range(26):
            a, r = rng.uniform(0, 2 * math.pi), math.sqrt(rng.random())
            pen.oval(0.31 * r * math.cos(a), 0.32 + 0.27 * r * math.sin(a), 0.085, 0.065,
                     tone(green, rng.uniform(0.7, 1.25)))
    pen.poly([(-0.23, 0.66), (0.23, 0.66), (0.16, 1.0), (-0.16, 1.0)], (190, 96, 58))
    pen.box(-0.26, 0.62, 0.26, 0.71, (206, 110, 68), 0.02)


def table(pen: Pen, thing, colour: RGB, rng) -> None:
    """A dining table seen a little from above."""
    dark = tone(colour, 0.6)
    for x in (-0.66, 0.66):
        pen.box(x * 0.86 - 0.04, 0.2, x * 0.86 + 0.04, 0.86, tone(colour, 0.45))
        pen.box(x * 1.2 - 0.05, 0.30, x * 1.2 + 0.05, 1.0, dark)
    pen.poly([(-0.68, 0.02), (0.68, 0.02), (0.90, 0.32), (-0.90, 0.32)], tone(colour, 1.12))
    pen.box(-0.90, 0.32, 0.90, 0.42, dark)


def tv(pen: Pen, thing, colour: RGB, rng) -> None:
    """A flat screen that is on."""
    pen.box(-0.75, 0.02, 0.75, 0.92, (26, 26, 30), 0.03)
    top, low = (((80, 150, 230), (70, 150, 70)), ((240, 150, 70), (40, 60, 120)),
                ((120, 200, 240), (230, 206, 130)),
                ((40, 40, 90), (150, 40, 120)))[thing.look % 4]
    pen.box(-0.69, 0.08, 0.69, 0.86, top)
    pen.poly([(-0.69, 0.62), (-0.2, 0.42), (0.2, 0.64), (0.69, 0.50), (0.69, 0.86), (-0.69, 0.86)], low)
    pen.disc(0.36, 0.26, 0.09, (255, 240, 180))
    pen.poly([(-0.62, 0.10), (-0.30, 0.10), (-0.58, 0.50), (-0.66, 0.50)], tone(top, 1.35))
    pen.box(-0.24, 0.92, 0.24, 0.99, (60, 60, 66))


def laptop(pen: Pen, thing, colour: RGB, rng) -> None:
    """An open laptop."""
    dark = tone(colour, 0.6)
    pen.box(-0.48, 0.02, 0.48, 0.66, dark, 0.03)
    screen = ((96, 160, 226), (240, 240, 240), (70, 170, 150), (190, 120, 200))[thing.look % 4]
    pen.box(-0.43, 0.07, 0.43, 0.60, screen)
    for y in (0.18, 0.30, 0.42):
        pen.box(-0.34, y, 0.10 + 0.1 * ((thing.look >> int(y * 10)) % 3), y + 0.05, tone(screen, 0.55))
    pen.poly([(-0.48, 0.66), (0.48, 0.66), (0.66, 0.94), (-0.66, 0.94)], tone(colour, 1.15))
    pen.poly([(-0.42, 0.70), (0.42, 0.70), (0.51, 0.83), (-0.51, 0.83)], (50, 52, 58))
    pen.box(-0.66, 0.94, 0.66, 0.985, dark)


def clock(pen: Pen, thing, colour: RGB, rng) -> None:
    """A round wall clock with its hands."""
    pen.disc(0, 0.5, 0.49, colour if sum(colour) < 640 else (60, 60, 66))
    pen.disc(0, 0.5, 0.415, (250, 248, 240))
    for n in range(12):
        a = n * math.pi / 6
        pen.disc(0.35 * math.sin(a), 0.5 - 0.35 * math.cos(a), 0.036 if n % 3 == 0 else 0.018, DARK)
    hour, minute = thing.look % 12, (thing.look // 12) % 12
    for angle, length, width in ((hour + minute / 12, 0.21, 0.06), (minute, 0.31, 0.042)):
        a = angle * math.pi / 6
        pen.line([(0, 0.5), (length * math.sin(a), 0.5 - length * math.cos(a))], width, (24, 24, 30))
    pen.disc(0, 0.5, 0.035, (200, 40, 40))


def vase(pen: Pen, thing, colour: RGB, rng) -> None:
    """A vase of flowers."""
    petals = ((238, 70, 90), (250, 206, 60), (240, 150, 200), (250, 250, 250))[thing.look % 4]
    tips = [(0.26 * s + rng.uniform(-0.03, 0.03), y) for s,
            y in ((-0.85, 0.22), (-0.4, 0.08), (0.1, 0.10), (0.5, 0.06),
                                                                 (0.9, 0.24), (0.0, 0.26))]
    for x, y in tips:
        pen.line([(x, y), (x * 0.2, 0.50)], 0.022, (60, 130, 56))
    for x, y in tips:
        for a in np.arange(5) * 2 * math.pi / 5:
            pen.disc(x + 0.05 * math.cos(a), y + 0.05 * math.sin(a), 0.042, petals)
        pen.disc(x, y, 0.032, (250, 180, 40) if petals[1] < 200 else (150, 80, 30))
    pen.box(-0.085, 0.42, 0.085, 0.62, colour)
    pen.box(-0.12, 0.42, 0.12, 0.46, tone(colour, 1.2))
    pen.oval(0, 0.74, 0.23, 0.22, colour)
    pen.box(-0.13, 0.88, 0.13, 1.0, tone(colour, 0.8))
    if thing.look % 3:
        pen.box(-0.225, 0.70, 0.225, 0.77, tone(colour, 1.6 if sum(colour) < 560 else 0.6))


PAINTERS = {1: person, 2: bicycle, 3: car, 5: airplane, 6: bus, 7: train, 8: truck, 9: boat,
            10: traffic_light, 11: hydrant, 13: stop_sign, 15: bench, 16: bird, 17: cat, 18: beast, 19: beast,
            20: beast, 21: beast, 22: beast, 24: beast, 25: beast, 28: umbrella, 37: ball, 38: kite,
            41: skateboard, 42: surfboard, 47: cup, 52: banana, 53: apple, 59: pizza, 61: cake, 62: chair,
            63: couch, 64: plant, 67: table, 72: tv, 73: laptop, 85: clock, 86: vase, 88: teddy}
