"""Appearance of people, animals and plants: one rendering function per category, in a box of height 1."""

from __future__ import annotations

import math

import numpy as np

from .canvas import DARK, RGB, Pen, tone

__all__ = ["LIVING", "traits"]

SKINS: tuple[RGB, ...] = ((250, 214, 184), (236, 188, 150), (200, 144, 104), (150, 98, 66), (104, 68, 48))
HAIRS: dict[str, RGB] = {"black": (32, 26, 26), "brown": (96, 58, 32), "blond": (228, 190, 96),
                         "red": (176, 76, 34), "gray": (176, 174, 172)}
TROUSERS: tuple[RGB, ...] = ((44, 56, 96), (58, 60, 66), (112, 90, 64), (150, 150, 150), (70, 96, 140))


# --- people ----------------------------------------------------------------------------------------

def traits(variant: int) -> dict:
    """Traits of a person, from its variant number: sex, age, skin, hair, smile, hat, glasses, clothes."""
    rng = np.random.default_rng([variant, 1])
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
    who = traits(thing.variant)
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
    bare = thing.variant % 3 == 0
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
    stride = (0.0, 0.03, -0.03)[thing.variant % 3]
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
    if thing.variant % 3:
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
        if thing.variant % 2:
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
    if thing.variant % 2:
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
        up = thing.variant % 2
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


# --- plants ----------------------------------------------------------------------------------------

def plant(pen: Pen, thing, colour: RGB, rng) -> None:
    """A potted plant with broad leaves or a bush of small ones."""
    green = ((52, 130, 56), (84, 154, 60), (40, 108, 70))[thing.variant % 3]
    if thing.variant % 2:
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


# rendering function of each COCO category
LIVING = {1: person, 16: bird, 17: cat, 18: beast, 19: beast, 20: beast, 21: beast, 22: beast, 24: beast, 25: beast,
          64: plant, 88: teddy}
