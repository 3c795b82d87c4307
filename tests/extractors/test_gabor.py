"""Gabor energy: a grating drives the filters of its own wavelength, orientation and place, whatever its phase."""

import numpy as np
import pytest

from mindreader.extractors.gabor import GRID, N_ANGLES, SIZE, WAVELENGTHS_PX, GaborEmbedder


@pytest.fixture(scope="module")
def embedder():
    return GaborEmbedder(batch=3)


def grating(wavelength, angle, phase=0.0, side=SIZE):
    y, x = np.mgrid[:side, :side]
    wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength + phase)
    return np.repeat((127.5 + 100 * wave)[..., None], 3, -1).astype(np.uint8)


def energy(embedder, pictures):
    return embedder.images(np.stack(pictures)).reshape(len(pictures), len(WAVELENGTHS_PX), N_ANGLES, GRID, GRID)


@pytest.mark.parametrize("w, k", [(w, k) for w in range(len(WAVELENGTHS_PX)) for k in range(N_ANGLES)])
def test_a_grating_drives_its_own_filter_most(embedder, w, k):
    found = energy(embedder, [grating(WAVELENGTHS_PX[w], np.pi * k / N_ANGLES)])[0].mean((2, 3))
    assert np.unravel_index(found.argmax(), found.shape) == (w, k)


def test_energy_does_not_depend_on_phase(embedder):
    found = energy(embedder, [grating(6, 0.0, phase) for phase in (0, 1, 2, 3)])[:, 1, 0, 2:-2, 2:-2]
    assert np.ptp(found, axis=0).max() < 0.05 * found.mean()


def test_energy_is_where_the_edges_are(embedder):
    half = grating(6, 0.0)
    half[:, : SIZE // 2] = 128
    found = energy(embedder, [half])[0, 1, 0]
    assert found[:, : GRID // 2 - 1].max() < 0.2 * found[:, GRID // 2 + 1:].min()


def test_a_flat_picture_has_none(embedder):
    assert embedder.images(np.full((1, 64, 64, 3), 77, np.uint8)).max() < 1e-3


def test_rows_do_not_depend_on_the_batch_and_size_is_the_pictures_own(embedder, rng):
    pictures = rng.integers(0, 256, (7, 96, 96, 3), np.uint8)
    whole = embedder.images(pictures)
    assert whole.shape == (7, GaborEmbedder.n_dims) and whole.dtype == np.float32
    np.testing.assert_allclose(whole[4], embedder.images(pictures[4:5])[0], rtol=1e-5)
