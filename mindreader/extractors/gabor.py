"""Describe pictures by Gabor energy: how much of each orientation and scale there is at each place."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ..embedding import resize, unit_range

WAVELENGTHS_PX, N_ANGLES = (3.0, 6.0, 12.0), 6     # at SIZE
SIZE, GRID, _EDGE = 64, 8, 16                       # pixels; places across; mirrored pixels around a picture


class GaborEmbedder:
    """Energy of quadrature pairs of Gabor filters, pooled on a grid and compressed by a square root.

    For each of three wavelengths, six orientations and 8 x 8 places: sqrt(mean over the place of |light * gabor|), on the
    picture's luminance at 64 px. n_dims = 3 * 6 * 64. Source: Kay et al. 2008, Nishimoto et al. 2011; filters of
    scikit-image, an octave wide.
    """

    space, source = "Gabor energy", "pixels"
    n_dims = len(WAVELENGTHS_PX) * N_ANGLES * GRID * GRID

    def __init__(self, *, batch: int = 256):
        self.batch = batch
        from skimage.filters import gabor_kernel  # here and not above: only this space needs it

        side = SIZE + 2 * _EDGE
        self._filters = [fft.fft2(_centred(gabor_kernel(1 / wavelength, np.pi * k / N_ANGLES, bandwidth=1), side))
                         for wavelength in WAVELENGTHS_PX for k in range(N_ANGLES)]

    def images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 -> (n, n_dims) float32, not negative."""
        return np.concatenate([self._energy(pixels[start:start + self.batch]) for start in range(0, len(pixels), self.batch)])

    def _energy(self, pixels: np.ndarray) -> np.ndarray:
        small = (resize(unit_range(pixels), SIZE).numpy() + 1) / 2
        light = np.tensordot(np.float32([0.299, 0.587, 0.114]), small, (0, 1))
        light = np.pad(light, ((0, 0), (_EDGE, _EDGE), (_EDGE, _EDGE)), mode="reflect")
        spectrum, inner = fft.fft2(light - light.mean((1, 2), keepdims=True)), slice(_EDGE, _EDGE + SIZE)
        found = []
        for kernel in self._filters:
            energy = np.abs(fft.ifft2(spectrum * kernel))[:, inner, inner]
            found.append(energy.reshape(len(pixels), GRID, SIZE // GRID, GRID, SIZE // GRID).mean((2, 4)).reshape(len(pixels), -1))
        return np.sqrt(np.concatenate(found, 1)).astype(np.float32)


def _centred(kernel: np.ndarray, side: int) -> np.ndarray:
    """A kernel in the corner of a square of this side, its middle at (0, 0), cut where it is larger."""
    half = [min(n // 2, side // 2 - 1) for n in kernel.shape]
    middle = [n // 2 for n in kernel.shape]
    cut = kernel[middle[0] - half[0]:middle[0] + half[0] + 1, middle[1] - half[1]:middle[1] + half[1] + 1]
    out = np.zeros((side, side), complex)
    out[:cut.shape[0], :cut.shape[1]] = cut
    return np.roll(out, (-half[0], -half[1]), (0, 1))
