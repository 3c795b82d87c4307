"""Augment pictures at random, for the image mapper's training targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as T


@dataclass(frozen=True)
class AugmentConfig:
    """The augmentations in order; lengths in pixels are those of a 256-pixel picture.

    Source: released code (`get_img_trans`); at another size the blur's kernel and sigma scale with it.
    """

    scale: tuple[float, float] = (0.8, 1.0)  # area of the crop, fraction
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # width / height of the crop
    flip: float = 0.5  # probability
    jitter: float = 0.4  # probability
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    gray: float = 0.2  # probability
    blur: float = 0.5  # probability
    blur_kernel: int = 23
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    mask: float = 0.3  # side of the black square, fraction of the picture's; 0 for none


def augment(pictures: np.ndarray, *, seed: int, config: AugmentConfig | None = None, first_row: int = 0) -> np.ndarray:
    """Crop, flip, recolour, blur and partly mask each picture at random.

    In order: random resized crop, flip, colour jitter (its four parts in random order), grayscale, Gaussian
    blur, and one black square centred anywhere, so that it may hang over the border.

    Parameters
    ----------
    pictures : array of shape (n, height, width, 3), uint8
    seed : int
        The same seed gives the same pictures; a picture's random numbers depend on its row alone.
    first_row : int
        Row of the first of these pictures, where they are some of more.

    Returns
    -------
    array of the same shape, uint8

    Raises ValueError for other shapes or types. Source: released code; paper's list of augmentations.
    """
    pictures = checked_pixels(pictures)
    config = config or AugmentConfig()
    out = np.empty_like(pictures)
    for row, picture in enumerate(pictures):
        rng = np.random.default_rng([seed, first_row + row])
        changed = _augmented(torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255, rng, config)
        out[row] = (changed * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return out


def checked_pixels(pixels: np.ndarray) -> np.ndarray:
    """The same array; ValueError unless it is uint8 of shape (n, height, width, 3)."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"found pictures {pixels.dtype} of shape {pixels.shape}, expected uint8 of shape "
                         "(n, height, width, 3); pass sRGB pixels")
    return pixels


def _augmented(picture: Tensor, rng: np.random.Generator, config: AugmentConfig) -> Tensor:
    """One augmented picture, 3HW in [0, 1]."""
    height, width = picture.shape[1:]
    top, left, h, w = crop_box(height, width, rng, config)
    picture = T.resized_crop(picture, top, left, h, w, [height, width], antialias=True)
    if rng.random() < config.flip:
        picture = T.horizontal_flip(picture)
    if rng.random() < config.jitter:
        picture = _jitter(picture, rng, config)
    if rng.random() < config.gray:
        picture = T.rgb_to_grayscale(picture, num_output_channels=3)
    if rng.random() < config.blur:
        kernel, sigma = blur_size(height, rng, config)
        picture = T.gaussian_blur(picture, [kernel, kernel], [sigma, sigma])
    if config.mask:
        picture = picture * _mask(height, width, rng, config.mask)
    return picture.clamp(0, 1)


def crop_box(height: int, width: int, rng: np.random.Generator,
             config: AugmentConfig) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a crop of random area and aspect ratio; after 10 failures, the whole picture."""
    for _ in range(10):
        area = height * width * rng.uniform(*config.scale)
        ratio = math.exp(rng.uniform(math.log(config.ratio[0]), math.log(config.ratio[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    return 0, 0, height, width


def blur_size(height: int, rng: np.random.Generator, config: AugmentConfig) -> tuple[int, float]:
    """(odd kernel, sigma) in pixels of a picture of this height."""
    scale = height / 256
    return max(3, 2 * int(config.blur_kernel * scale / 2) + 1), scale * rng.uniform(*config.blur_sigma)


def _jitter(picture: Tensor, rng: np.random.Generator, config: AugmentConfig) -> Tensor:
    parts = [
        (T.adjust_brightness, rng.uniform(1 - config.brightness, 1 + config.brightness)),
        (T.adjust_contrast, rng.uniform(1 - config.contrast, 1 + config.contrast)),
        (T.adjust_saturation, rng.uniform(1 - config.saturation, 1 + config.saturation)),
        (T.adjust_hue, rng.uniform(-config.hue, config.hue)),
    ]
    for i in rng.permutation(4):
        change, amount = parts[i]
        picture = change(picture, amount)
    return picture


def _mask(height: int, width: int, rng: np.random.Generator, fraction: float) -> Tensor:
    """0 inside one square, 1 elsewhere, (1, height, width)."""
    side = int(fraction * height)
    top, left = int(rng.integers(height)) - side // 2, int(rng.integers(width)) - side // 2
    mask = torch.ones(1, height, width)
    mask[:, max(top, 0):max(top + side, 0), max(left, 0):max(left + side, 0)] = 0
    return mask
