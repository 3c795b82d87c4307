"""Colours, edges, periods and repeated parts are found where they were drawn, and only there."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2hsv

from mindreader.stimulation import texture

SIDE = 64
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE]


def grey(light):
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, -1)[None]


def mesh(period, side=SIDE):
    down, across = np.mgrid[:side, :side]
    return grey(128 + 30 * (np.cos(2 * np.pi * down / period) + np.cos(2 * np.pi * across / period)))


def dots(rng, n):
    """n equal dots at random places, none near another."""
    light, places = np.full((SIDE, SIDE), 100.0), []
    while len(places) < n:
        place = rng.integers(5, SIDE - 5, 2)
        if all(np.hypot(*(place - other)) > 8 for other in places):
            places.append(place)
            light[(DOWN - place[0])**2 + (ACROSS - place[1])**2 <= 6] = 220
    return grey(light)


def noise(rng):
    return grey(rng.integers(0, 256, (SIDE, SIDE)))


PLAIN = {"one colour": grey(np.full((SIDE, SIDE), 90.0)), "a shade": grey(4.0 * ACROSS)}


def test_saturation_is_that_of_hsv(rng):
    pictures = rng.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    assert texture.saturation(pictures) == pytest.approx(rgb2hsv(pictures)[..., 1].mean((1, 2)))


def test_duller_colours_have_less_saturation_and_colourfulness(rng):
    picture = rng.integers(0, 256, (1, 16, 16, 3)).astype(float)
    middle = picture.mean(3, keepdims=True)
    for measure in (texture.saturation, texture.colourfulness):
        values = [measure((middle + share * (picture - middle)).astype(np.uint8))[0] for share in (0, 0.3, 0.6, 1)]
        assert np.all(np.diff(values) > 0) and values[0] == pytest.approx(0, abs=0.02)


def test_colourfulness_of_a_hand_computed_picture():
    picture = np.array([[[[255, 0, 0], [0, 0, 255]]]], np.uint8)           # rg 1, 0; yb .5, -1
    assert texture.colourfulness(picture)[0] == pytest.approx(np.sqrt(0.25 + 0.5625) + 0.3 * np.hypot(0.5, 0.25))


def test_blur_lowers_sharpness_and_contrast_does_not_change_it(rng):
    light = np.where((DOWN // 9 + ACROSS // 13) % 2, 180.0, 80.0)
    sharp = [texture.sharpness(grey(gaussian_filter(light, blur)))[0] for blur in (0, 1, 2, 4)]
    assert np.all(np.diff(sharp) < 0)
    assert texture.sharpness(grey(130 + (light - 130) / 2))[0] == pytest.approx(sharp[0], rel=0.02)


def test_more_things_have_more_edges(rng):
    assert np.all(np.diff([texture.edges(dots(rng, n))[0] for n in (1, 5, 15)]) > 0)
    assert texture.edges(PLAIN["one colour"])[0] == 0


@pytest.mark.parametrize("period", [4, 5, 7.5, 9, 16])
def test_a_mesh_is_periodic_whatever_its_step(period):
    assert texture.periodicity(mesh(period))[0] > 1.5


@pytest.mark.parametrize("turn", [0, 0.4, 1.1])
def test_a_grating_is_periodic_whichever_way_it_runs(turn):
    assert texture.periodicity(grey(128 + 60 * np.cos((np.cos(turn) * ACROSS + np.sin(turn) * DOWN))))[0] > 1.5


def test_noise_plain_pictures_and_one_thing_are_not_periodic(rng):
    assert texture.periodicity(noise(rng))[0] < 0.5 and texture.periodicity(dots(rng, 1))[0] < 0.5
    for picture in PLAIN.values():
        assert texture.periodicity(picture)[0] == 0 and texture.periodicity(picture, background=True)[0] == 0


def test_a_mesh_behind_a_thing_is_seen_in_the_background_and_one_on_the_thing_is_not(rng):
    disc = np.hypot(DOWN - 31.5, ACROSS - 31.5) < 22
    behind = np.where(disc[None, ..., None], grey(np.full((SIDE, SIDE), 60.0)), mesh(6))
    on_it = np.where(disc[None, ..., None], mesh(6), noise(rng))
    assert texture.periodicity(behind, background=True)[0] > 1.2
    assert texture.periodicity(on_it, background=True)[0] < 0.5


def test_a_faint_mesh_over_pictures_raises_each_of_them(rng):
    pictures = np.stack([gaussian_filter(rng.normal(size=(SIDE, SIDE, 3)), (4, 4, 0)) for _ in range(8)]) * 400 + 128
    over = pictures + 25 * np.sign(np.cos(DOWN) * np.cos(ACROSS))[None, ..., None]
    before, after = (texture.periodicity(np.clip(p, 0, 255).astype(np.uint8)) for p in (pictures, over))
    assert (after > before + 0.3).all()


def test_equal_parts_are_counted_in_any_arrangement(rng):
    """Randomly strewn dots repeat but have no period; noise, plain pictures and a single dot do neither."""
    strewn = dots(rng, 18)
    assert texture.repetition(strewn)[0] > 8 and texture.periodicity(strewn)[0] < 1
    assert texture.repetition(dots(rng, 6))[0] < texture.repetition(strewn)[0]
    assert texture.repetition(np.concatenate([noise(rng), dots(rng, 1), *PLAIN.values()])).max() < 1


def test_a_long_edge_is_no_repetition():
    assert texture.repetition(grey(np.where(ACROSS < 30, 60.0, 200.0)))[0] < 1


def test_measures_do_not_depend_on_what_else_is_in_the_batch_nor_much_on_resolution(rng):
    pictures = np.concatenate([mesh(7), dots(rng, 9), noise(rng)])
    for name, measure in texture.PICTURE_MEASURES.items():
        assert measure(pictures) == pytest.approx(np.concatenate([measure(p[None]) for p in pictures])), name
    assert texture.periodicity(mesh(28, side=256))[0] == pytest.approx(texture.periodicity(mesh(7))[0], abs=0.15)
