"""Drawing primitives of the renderer: a pen in units of a bounding box, fixed colours, and surface textures."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["CANVAS", "TILE", "RGB", "DARK", "GLASS", "STEEL", "WOOD", "LIT", "Pen", "font", "grid", "tiles", "tone"]

CANVAS = 256    # side of the canvas, pixels
TILE = 512      # side of a texture, texels

RGB = tuple[int, int, int]

DARK: RGB = (34, 32, 38)
GLASS: RGB = (150, 200, 228)
STEEL: RGB = (176, 180, 186)
WOOD: RGB = (150, 98, 56)
LIT: RGB = (255, 232, 150)
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
        """Layer pixel of a position in box units."""
        return self.middle + self.sign * x * self.unit, self.pad + y * self.unit

    def poly(self, corners, colour: RGB) -> None:
        """A filled polygon."""
        self.draw.polygon([self.at(x, y) for x, y in corners], fill=colour)

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

    def line(self, joints, width: float, colour: RGB) -> None:
        """A stroke of round joints and ends."""
        pixels = [self.at(x, y) for x, y in joints]
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


@lru_cache(maxsize=1)
def tiles() -> dict[str, np.ndarray]:
    """Wrap-around textures, (512, 512) float32 of mean 0 and standard deviation 1; never random."""
    rng = np.random.default_rng(20220527)
    fy, fx = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]

    def noise(sx: float, sy: float) -> np.ndarray:
        """White noise blurred by a Gaussian of (sx, sy) texels."""
        shape = np.exp(-2 * math.pi**2 * ((fx * sx) ** 2 + (fy * sy) ** 2))
        field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * shape, s=(TILE, TILE))
        return (field - field.mean()) / field.std()

    y, x = np.mgrid[:TILE, :TILE]
    row = y // 32
    shift = (x + (row % 2) * 32) % 64
    mortar = ((y % 32 < 4) | (shift < 4)).astype(float)
    brick = noise(1, 1) * 0.25 + rng.standard_normal((16, 9))[row % 16, ((x + (row % 2) * 32) // 64) % 9] * 0.35
    plank = rng.standard_normal((16, 8))[x // 32, (y // 128 + x // 32) % 8]
    seam = (x % 32 < 2) | ((y + 40 * (x // 32)) % 128 < 2)
    board = rng.standard_normal(8)[x // 64] * 0.6 + noise(1.5, 40) * 0.4 - 3.0 * (x % 64 < 3)
    surfaces = {
        "grass": 0.8 * noise(1.2, 4) + 0.8 * noise(26, 18), "dirt": 0.6 * noise(2, 2) + 0.8 * noise(18, 12),
        "asphalt": 0.8 * noise(1.5, 1.5) + 0.6 * noise(40, 30),
        "sand": 0.6 * noise(2, 2) + 0.8 * noise(20, 7),
        "waves": 0.8 * noise(13, 2.6) + 0.5 * noise(40, 8), "snow": noise(26, 14) + 0.2 * noise(1, 1),
        "pile": 0.9 * noise(2, 2) + 0.4 * np.sign(np.sin(x * math.pi / 32) * np.sin(y * math.pi / 32)),
        "planks": plank * 0.7 + noise(1.2, 30) * 0.4 - 2.5 * seam,
        "grain": noise(1.5, 50) * 0.8 + noise(5, 90) * 0.7,
        "checks": np.where((x // 64 + y // 64) % 2, 1.0, -1.0) + 0.1 * noise(3, 3),
        "bricks": brick + 1.6 * mortar, "squares": -1.0 * ((x % 40 < 3) | (y % 40 < 3)) + 0.06 * noise(8, 8),
        "boards": board, "paper": 0.6 * np.sign(np.sin(x * math.pi / 16)) + 0.5 * noise(3, 3),
        "clouds": noise(60, 22) + 0.6 * noise(22, 9) + 0.3 * noise(8, 4), "fine": noise(2.2, 2.2),
        "leaf": noise(5, 5),
    }
    return {name: ((t - t.mean()) / t.std()).astype(np.float32) for name, t in surfaces.items()}


@lru_cache(maxsize=1)
def grid() -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the canvas, (256, 1) and (1, 256)."""
    steps = np.arange(CANVAS, dtype=np.float32)
    return steps[:, None], steps[None]
