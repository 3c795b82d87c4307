"""Appearance of vehicles, street furniture, sports gear and household things, each in a box of height 1."""

from __future__ import annotations

import math

import numpy as np

from .canvas import DARK, GLASS, LIT, RGB, STEEL, WOOD, Pen, tone

__all__ = ["OBJECTS"]


# --- vehicles --------------------------------------------------------------------------------------

def wheel(pen: Pen, x: float, y: float, r: float) -> None:
    """A tyre with its hub."""
    pen.disc(x, y, r, (30, 30, 34))
    pen.disc(x, y, r * 0.55, STEEL)
    pen.disc(x, y, r * 0.2, (70, 72, 78))


def car(pen: Pen, thing, colour: RGB, rng) -> None:
    """A car seen from the side."""
    roof = [(-0.58, 0.42), (-0.38, 0.04), (0.30, 0.04), (0.60, 0.42)]
    if thing.variant % 3 == 0:
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
    if thing.variant % 3:
        pen.box(-0.89, 0.0, 0.30, 0.76, (228, 228, 222) if thing.variant % 3 == 1 else tone(colour, 0.8), 0.02)
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
    if thing.variant % 2:
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
        pen.poly([(-0.06, 0.82), (-0.06, 0.22), (0.66, 0.22), (0.92, 0.44), (1.03, 0.74), (1.03, 0.82)], colour)
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
    if thing.variant % 3:
        pen.line([(0, 0.02), (0, 0.80)], 0.028, (108, 74, 46))
        pen.poly([(0.035, 0.04), (0.42, 0.68), (0.035, 0.70)], (250, 248, 240))
        pen.poly([(-0.035, 0.12), (-0.36, 0.68), (-0.035, 0.70)],
                 tone(colour, 1.25) if thing.variant % 2 else (236, 232, 222))
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
    on = thing.variant % 3
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
    second = tone(colour, 1.55 if sum(colour) < 600 else 0.8) if thing.variant % 2 else tone(colour, 0.82)
    pen.pie(0, 0.52, 0.30, 0.48, 180, 360, second)
    pen.pie(0, 0.52, 0.10, 0.48, 180, 360, colour)
    pen.line([(0, 0.0), (0, 0.06)], 0.03, DARK)


def ball(pen: Pen, thing, colour: RGB, rng) -> None:
    """A ball: football, basketball-like seams or a beach ball."""
    style = thing.variant % 3
    pen.disc(0, 0.5, 0.49, colour)
    mark = (250, 250, 246) if sum(colour) < 600 else (34, 34, 40)
    if style == 0:
        for a in np.arange(5) * 2 * math.pi / 5 + thing.variant:
            pen.disc(0.36 * math.cos(a), 0.5 + 0.36 * math.sin(a), 0.10, mark)
        pen.disc(0, 0.5, 0.13, mark)
    elif style == 1:
        pen.line([(0, 0.02), (0, 0.98)], 0.035, mark)
        pen.arc(-0.55, 0.5, 0.38, 0.48, -62, 62, 0.035, mark)
        pen.arc(0.55, 0.5, 0.38, 0.48, 118, 242, 0.035, mark)
    else:
        for n in range(3):
            pen.pie(0, 0.5, 0.49, 0.49, n * 120 + thing.variant % 60, n * 120 + 60 + thing.variant % 60, mark)
        pen.disc(0, 0.5, 0.1, mark)


def kite(pen: Pen, thing, colour: RGB, rng) -> None:
    """A diamond kite with a tail."""
    other = tone(colour, 1.5) if sum(colour) < 520 else (230, 60, 60)
    pen.line([(0, 0.60), (-0.08, 0.72), (0.03, 0.84), (-0.10, 0.98)], 0.02, (70, 66, 66))
    for x, y in ((-0.06, 0.74), (0.0, 0.86), (-0.09, 0.97)):
        pen.poly([(x - 0.07, y - 0.035), (x + 0.07, y + 0.035), (x + 0.07, y - 0.035), (x - 0.07, y + 0.035)], other)
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
    if thing.variant % 2:
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
    if thing.variant % 2:
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
    if thing.variant % 2:
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
        pen.box(s * 0.95 - (0.24 if s > 0 else 0), 0.34, s * 0.95 + (0.24 if s < 0 else 0), 0.93, colour, 0.09)
    if thing.variant % 2:
        pen.poly([(-0.58, 0.24), (-0.26, 0.28), (-0.30, 0.58), (-0.62, 0.54)],
                 tone(colour, 1.6) if sum(colour) < 560 else (220, 90, 80))


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
                ((120, 200, 240), (230, 206, 130)), ((40, 40, 90), (150, 40, 120)))[thing.variant % 4]
    pen.box(-0.69, 0.08, 0.69, 0.86, top)
    pen.poly([(-0.69, 0.62), (-0.2, 0.42), (0.2, 0.64), (0.69, 0.50), (0.69, 0.86), (-0.69, 0.86)], low)
    pen.disc(0.36, 0.26, 0.09, (255, 240, 180))
    pen.poly([(-0.62, 0.10), (-0.30, 0.10), (-0.58, 0.50), (-0.66, 0.50)], tone(top, 1.35))
    pen.box(-0.24, 0.92, 0.24, 0.99, (60, 60, 66))


def laptop(pen: Pen, thing, colour: RGB, rng) -> None:
    """An open laptop."""
    dark = tone(colour, 0.6)
    pen.box(-0.48, 0.02, 0.48, 0.66, dark, 0.03)
    screen = ((96, 160, 226), (240, 240, 240), (70, 170, 150), (190, 120, 200))[thing.variant % 4]
    pen.box(-0.43, 0.07, 0.43, 0.60, screen)
    for y in (0.18, 0.30, 0.42):
        pen.box(-0.34, y, 0.10 + 0.1 * ((thing.variant >> int(y * 10)) % 3), y + 0.05, tone(screen, 0.55))
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
    hour, minute = thing.variant % 12, (thing.variant // 12) % 12
    for angle, length, width in ((hour + minute / 12, 0.21, 0.06), (minute, 0.31, 0.042)):
        a = angle * math.pi / 6
        pen.line([(0, 0.5), (length * math.sin(a), 0.5 - length * math.cos(a))], width, (24, 24, 30))
    pen.disc(0, 0.5, 0.035, (200, 40, 40))


def vase(pen: Pen, thing, colour: RGB, rng) -> None:
    """A vase of flowers."""
    petals = ((238, 70, 90), (250, 206, 60), (240, 150, 200), (250, 250, 250))[thing.variant % 4]
    tips = [(0.26 * s + rng.uniform(-0.03, 0.03), y) for s, y in
            ((-0.85, 0.22), (-0.4, 0.08), (0.1, 0.10), (0.5, 0.06), (0.9, 0.24), (0.0, 0.26))]
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
    if thing.variant % 3:
        pen.box(-0.225, 0.70, 0.225, 0.77, tone(colour, 1.6 if sum(colour) < 560 else 0.6))


OBJECTS = {2: bicycle, 3: car, 5: airplane, 6: bus, 7: train, 8: truck, 9: boat, 10: traffic_light, 11: hydrant,
           13: stop_sign, 15: bench, 28: umbrella, 37: ball, 38: kite, 41: skateboard, 42: surfboard, 47: cup, 52: banana,
           53: apple, 59: pizza, 61: cake, 62: chair, 63: couch, 67: table, 72: tv, 73: laptop, 85: clock, 86: vase}
