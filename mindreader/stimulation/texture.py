"""Measure the colours, edges and repeated patterns of pictures, without any network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, uniform_filter
from skimage.transform import resize_local_mean

EDGE = 0.06            # change of light from pixel to pixel that counts as an edge; light runs from 0 to 1
_LARGEST = 128         # side in pixels to which larger pictures are reduced before patterns are looked for
_PATCHES = 8           # of a picture, whose look-alikes are counted
_ALIKE = 0.7           # correlation of two patches that look alike
_FAINT = 0.01          # sd of light below which there is no pattern
_FEWEST_PAIRS = 0.4    # share of the pixels that a step must pair to count in full
_CENTRE = 0.35         # radius of the disc that is not background, in sides of the picture


def saturation(pictures: np.ndarray) -> np.ndarray:
    """Mean saturation, as in the colour space HSV: 0 for greys, 1 for pure colours; (n,).

    pictures: (n, height, width, 3) uint8, here and below.

    >>> saturation(np.array([[[[200, 100, 0]]], [[[90, 90, 90]]]], np.uint8)).tolist()
    [1.0, 0.0]
    """
    highest, lowest = pictures.max(3).astype(float), pictures.min(3)
    return ((highest - lowest) / np.maximum(highest, 1)).mean((1, 2))


def colourfulness(pictures: np.ndarray) -> np.ndarray:
    """Colourfulness of each picture, (n,): 0 for greys; about 0.3 is called quite colourful.

        sqrt(var rg + var yb) + 0.3 sqrt(mean rg^2 + mean yb^2),   rg = R - G,  yb = (R + G) / 2 - B

    Source: Hasler and Süsstrunk (2003), Measuring colorfulness in natural images; of channels from 0 to 1.
    """
    red, green, blue = np.moveaxis(pictures.astype(np.float64) / 255, 3, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = np.sqrt(rg.var((1, 2)) + yb.var((1, 2)))
    return spread + 0.3 * np.hypot(rg.mean((1, 2)), yb.mean((1, 2)))


def sharpness(pictures: np.ndarray) -> np.ndarray:
    """How steep the steepest tenth of each picture's edges is, in sd of its light per pixel, (n,).

    Blur lowers it, contrast does not change it.
    """
    light = _light(pictures)
    steepness = _steepness(light).reshape(len(light), -1)
    top = np.sort(steepness, 1)[:, -max(1, steepness.shape[1] // 10):].mean(1)
    spread = light.std((1, 2))
    return np.where(spread > _FAINT, top / np.maximum(spread, _FAINT), 0)


def edges(pictures: np.ndarray) -> np.ndarray:
    """Share of pixels that lie on an edge, (n,): how crowded a picture is."""
    return (_steepness(_light(pictures)) > EDGE).mean((1, 2))


def periodicity(pictures: np.ndarray, *, background: bool = False) -> np.ndarray:
    """How strongly the light of a picture repeats at a fixed step, (n,): 0 for none, 2 for a perfect grating or mesh.

    Of the autocorrelation, after the large layout is taken away: the largest rise from the lowest value on the way out to a
    later one, within steps of a third of the side. A surface or a single thing has an autocorrelation that only falls.

    background: only what lies outside a disc in the middle counts.
    """
    fine = _fine(pictures)
    weight = _window(fine.shape[1], background)
    size = 2 * fine.shape[1]
    pairs = np.fft.irfft2(np.abs(np.fft.rfft2(weight, (size, size)))**2, (size, size))
    pairs = np.maximum(pairs / pairs[0, 0], _FEWEST_PAIRS)
    lines = _lines(fine.shape[1])
    values = []
    for part in np.array_split(fine, max(1, -(-len(fine) // 64))):
        part = part - (part * weight).sum((1, 2), keepdims=True) / weight.sum()
        found = np.fft.irfft2(np.abs(np.fft.rfft2(part * weight, (size, size)))**2, (size, size)) / pairs
        strength = found[:, :1, :1] / (weight**2).sum()
        along = (found / np.maximum(found[:, :1, :1], 1e-12)).reshape(len(part), -1)[:, lines]       # [n steps on-the-way]
        rise = (along[:, :, -1] - along.min(2)).max(1)
        values.append(np.where(strength[:, 0, 0] > _FAINT**2, rise, 0))
    return np.concatenate(values).clip(0, 2)


def repetition(pictures: np.ndarray) -> np.ndarray:
    """How often a small part of a picture has look-alikes elsewhere in it, (n,): their mean number over its salient parts.

    Those are the places where light changes most in two directions (an edge alone resembles itself all along); a look-alike
    correlates with one, after the mean is taken away, by at least 0.7, and does not overlap it. Unlike `periodicity`, in any
    arrangement. Source for the places: Shi and Tomasi (1994), Good features to track.
    """
    fine = _fine(pictures)
    return np.array([_look_alikes(picture) for picture in fine])


PICTURE_MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "saturation": saturation, "colourfulness": colourfulness, "sharpness": sharpness, "edges": edges,
    "periodicity": periodicity, "periodicity of the background": lambda pictures: periodicity(pictures, background=True),
    "repetition": repetition,
}


def _light(pictures: np.ndarray) -> np.ndarray:
    """Light from 0 to 1, (n, height, width)."""
    return pictures.astype(np.float32) @ np.array([0.30, 0.59, 0.11], np.float32) / 255


def _steepness(light: np.ndarray) -> np.ndarray:
    """Change of light per pixel."""
    return np.hypot(np.gradient(light, axis=1), np.gradient(light, axis=2))


def _fine(pictures: np.ndarray) -> np.ndarray:
    """Light without the large layout, square and at most _LARGEST pixels wide, (n, side, side)."""
    light, side = _light(pictures), min(*pictures.shape[1:3], _LARGEST)
    if light.shape[1:] != (side, side):
        light = np.stack([resize_local_mean(picture, (side, side)) for picture in light])
    rim = side // 4
    wide = np.pad(light, ((0, 0), (rim, rim), (rim, rim)), mode="reflect", reflect_type="odd")    # a shade goes on beyond the rim
    return light - gaussian_filter(wide, (0, side / 8, side / 8))[:, rim:-rim, rim:-rim]


def _window(side: int, background: bool) -> np.ndarray:
    """How much each pixel counts, (side, side): less towards the rim, and nothing in the middle for the background."""
    taper = np.hanning(side + 2)[1:-1]
    if not background:
        return np.outer(taper, taper)
    rim = np.minimum(1, 4 * np.minimum(np.arange(side) + 1, side - np.arange(side)) / side)   # only the outer eighth fades
    place = (np.arange(side) + 0.5) / side - 0.5
    return np.outer(rim, rim) * (np.hypot(*np.meshgrid(place, place)) > _CENTRE)


def _lines(side: int) -> np.ndarray:
    """For each step of a half-plane the flat indices of the autocorrelation, (2 side)^2, on the way to it, (n_steps, n_samples)."""
    reach, size = side // 3, 2 * side
    across, down = np.meshgrid(np.arange(-reach, reach + 1), np.arange(reach + 1))
    far = np.hypot(across, down)
    used = (far >= 3) & (far <= reach) & ((down > 0) | (across > 0))
    share = np.linspace(0, 1, reach + 1)
    x, y = (np.rint(share * step[used][:, None]).astype(int) % size for step in (across, down))
    return y * size + x


def _look_alikes(fine: np.ndarray) -> float:
    """Mean number of look-alikes of the picture's salient patches; 0 where it is plain."""
    patch = max(6, len(fine) // 8)
    if fine.std() < _FAINT:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(fine, (patch, patch))
    at = windows.shape[0]
    windows = windows.reshape(at * at, -1)
    windows = windows - windows.mean(1, keepdims=True)
    length = np.linalg.norm(windows, axis=1)
    unit = np.where(length[:, None] > 0.5 * fine.std() * patch, windows / np.maximum(length, 1e-9)[:, None], 0)
    salient = _salience(fine, patch)[patch // 2:patch // 2 + at, patch // 2:patch // 2 + at].ravel() * (unit != 0).any(1)
    places, near = [], []
    while len(places) < _PATCHES and salient.max() > 0:
        row, column = divmod(int(salient.argmax()), at)
        near.append(np.s_[max(0, row - patch + 1):row + patch, max(0, column - patch + 1):column + patch])
        places.append(row * at + column)
        salient.reshape(at, at)[near[-1]] = 0
    if not places:
        return 0.0
    alike = (unit[places] @ unit.T).reshape(-1, at, at)
    for mine, here in zip(alike, near):
        mine[here] = 0
    return float(((alike >= _ALIKE) & (alike == maximum_filter(alike, (1, patch, patch)))).sum() / len(places))


def _salience(fine: np.ndarray, patch: int) -> np.ndarray:
    """The smaller eigenvalue of the structure tensor around each pixel."""
    down, across = np.gradient(fine)
    xx, yy, xy = (uniform_filter(product, patch) for product in (across**2, down**2, across * down))
    return (xx + yy) / 2 - np.sqrt(((xx - yy) / 2)**2 + xy**2)
