"""Figures as bytes: small, the same every time, and with the pixels that were put in."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mindreader.companion import rendering
from mindreader.companion.plots import common as plots
from mindreader.companion.rendering import Shown

SLOPE = np.linspace(0, 255, 64)[:, None] * np.ones((64, 64))
GRAIN = np.random.default_rng(sum(map(ord, "mind reader"))).normal(0, 12, (2, 64, 64, 1))
PICTURES = np.clip(SLOPE[None, :, :, None] + GRAIN + np.zeros(3), 0, 255).astype(np.uint8)


@pytest.fixture
def pictures():
    return plots.picture_grid({"seen": PICTURES, "made": PICTURES[::-1]}, origin="twin")


@pytest.fixture
def lines():
    return plots.histogram(np.array([1, 2, 2]), bins=3, origin="twin", xlabel="x", ylabel="y", title="t")


def test_only_colour_pictures_are_pictures(pictures, lines):
    volume = plots.volume_slices(np.argwhere(np.ones((4, 4, 4))), np.arange(64.0), origin="twin", label="r", title="t")
    assert rendering.holds_pictures(pictures)
    assert not rendering.holds_pictures(lines) and not rendering.holds_pictures(volume)


@pytest.mark.parametrize("scale", [1, 1.5])
def test_size_follows_the_scale_and_nothing_is_transparent(pictures, scale):
    width, height = pictures.get_size_inches() * pictures.dpi * scale
    for encode in (rendering.png, rendering.jpeg):
        raster = Image.open(io.BytesIO(encode(pictures, scale=scale)))
        assert raster.mode == "RGB"
        assert raster.size == pytest.approx((width, height), abs=1)


def test_every_form_has_one_layout(pictures, lines):
    for figure in (pictures, lines):
        first = rendering.png(figure)
        places = [axes.get_position().bounds for axes in figure.axes]
        rendering.svg(figure), Shown(figure, "a")._repr_png_(), Shown(figure, "a")._repr_jpeg_()
        assert [axes.get_position().bounds for axes in figure.axes] == places
        assert rendering.png(figure) == first


def test_the_page_shows_pictures_as_jpeg_and_lines_as_png(pictures, lines):
    assert Shown(pictures, "a")._repr_png_() is None and Shown(lines, "a")._repr_jpeg_() is None
    page = Shown(pictures, "a")._repr_jpeg_()
    lossless = rendering.png(pictures, scale=rendering.PAGE_SCALE["jpeg"])
    assert len(page) < len(lossless) / 3
    difference = np.subtract(*(np.asarray(Image.open(io.BytesIO(b)), float) for b in (page, lossless)))
    assert np.sqrt(np.mean(difference ** 2)) < 5  # of 255, where the pictures' own grain is 12


def test_the_page_s_256_colours_are_a_chart_s_own(lines):
    page = Image.open(io.BytesIO(Shown(lines, "a")._repr_png_()))
    lossless = Image.open(io.BytesIO(rendering.png(lines, scale=rendering.PAGE_SCALE["png"])))
    assert (page.mode, page.size) == ("P", lossless.size)
    difference = np.abs(np.subtract(*(np.asarray(i.convert("RGB"), float) for i in (page, lossless))))
    assert np.quantile(difference, 0.999) <= 16


def test_the_vector_form_has_the_pictures_own_pixels(pictures):
    found = re.findall(r'base64,\s*([^"]+)"', rendering.svg(pictures).decode())
    embedded = [np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")) for code in found]
    assert len(embedded) == 4
    assert {e.shape for e in embedded} == {(64, 64, 3)}
    assert any(np.array_equal(e, PICTURES[0]) or np.array_equal(e[::-1], PICTURES[0]) for e in embedded)
    assert {image.get_interpolation() for axes in pictures.axes for image in axes.images} == {"lanczos"}, "must stay smooth"


def test_a_place_that_differs_in_its_last_bit_changes_no_byte_of_an_svg(lines):
    first = rendering.svg(lines)
    x, y, width, height = lines.axes[0].get_position().bounds
    lines.axes[0].set_position((np.nextafter(x, 1), np.nextafter(y, 1), width, height))
    assert rendering.svg(lines) == first
    names, uses = (set(re.findall(pattern, first)) for pattern in (rb' id="(n\d+)"', rb"#(n\d+)"))
    assert names and uses == names  # what is used is there
