"""Figures as bytes: small, the same every time, and with the pixels that were put in."""

import hashlib
import io
import json
import re

import numpy as np
import pytest
from IPython.lib.pretty import pretty
from page_checks import ASSETS
from PIL import Image

from mindreader.companion import rendering
from mindreader.companion.plots import common as plots
from mindreader.companion.rendering import LeftOut, Shown

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


def saved(figure, tmp_path):
    return Shown(figure, rendering.save_figure(figure, "03_gan/a", origin="twin", root=tmp_path))


@pytest.mark.parametrize("scale", [1, 1.5])
def test_size_follows_the_scale_and_nothing_is_transparent(pictures, scale):
    width, height = pictures.get_size_inches() * pictures.dpi * scale
    for encode in (rendering.png, rendering.jpeg, rendering.webp):
        raster = Image.open(io.BytesIO(encode(pictures, scale=scale)))
        assert raster.mode == "RGB"
        assert raster.size == pytest.approx((width, height), abs=1)


def test_the_page_gives_pictures_back_the_size_that_they_were_stored_larger_than():
    told = re.search(r"const STORED = \{(.*?)\};", (ASSETS / "companion.js").read_text(encoding="utf-8"))[1]
    assert {kind: float(scale) for kind, scale in re.findall(r"(\w+): ([\d.]+)", told)} == rendering.PAGE_SCALE


def test_every_form_has_one_layout(pictures, lines, tmp_path):
    for figure in (pictures, lines):
        first = rendering.png(figure)
        places = [axes.get_position().bounds for axes in figure.axes]
        rendering.svg(figure), rendering.webp(figure, scale=2), saved(figure, tmp_path)._repr_png_()
        assert [axes.get_position().bounds for axes in figure.axes] == places
        assert rendering.png(figure) == first


def test_a_notebook_holds_pictures_as_jpeg_and_lines_as_png(pictures, lines, tmp_path):
    assert saved(pictures, tmp_path)._repr_png_() is None and saved(lines, tmp_path)._repr_jpeg_() is None


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_what_is_encoded_with_loss_loses_less_than_the_pictures_own_grain(pictures, kind):
    scale = rendering.PAGE_SCALE[kind]
    small, lossless = getattr(rendering, kind)(pictures, scale=scale), rendering.png(pictures, scale=scale)
    assert len(small) < len(lossless) / 3
    difference = np.subtract(*(np.asarray(Image.open(io.BytesIO(b)), float) for b in (small, lossless)))
    assert np.sqrt(np.mean(difference ** 2)) < 5  # of 255, where the pictures' own grain is 12


def test_a_map_of_pixels_is_encoded_without_loss():
    volume = plots.volume_slices(np.argwhere(np.ones((4, 4, 4))), np.arange(64.0), origin="twin", label="r", title="t")
    first, second = (np.asarray(Image.open(io.BytesIO(b)).convert("RGB")) for b in (rendering.webp(volume), rendering.png(volume)))
    assert np.array_equal(first, second)


def test_the_notebook_s_256_colours_are_a_chart_s_own(lines, tmp_path):
    page = Image.open(io.BytesIO(saved(lines, tmp_path)._repr_png_()))
    lossless = Image.open(io.BytesIO(rendering.png(lines, scale=rendering.PAGE_SCALE["png"])))
    assert (page.mode, page.size) == ("P", lossless.size)
    difference = np.abs(np.subtract(*(np.asarray(i.convert("RGB"), float) for i in (page, lossless))))
    assert np.quantile(difference, 0.999) <= 16


def test_a_figure_is_one_file_charts_as_lines_and_pictures_as_pixels(pictures, lines, tmp_path):
    for figure, suffix in ((pictures, ".webp"), (lines, ".svg")):
        path = rendering.save_figure(figure, f"03_gan/{suffix[1:]}", origin="twin", root=tmp_path)
        assert sorted(file.suffix for file in path.parent.glob(f"{suffix[1:]}.*")) == sorted([suffix, ".json"])
        assert path.suffix == suffix
    assert b"<image" not in (tmp_path / "03_gan" / "svg.svg").read_bytes()


def test_a_chart_of_more_marks_than_pixels_is_kept_as_pixels(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "LARGEST", 1000)
    assert rendering.save_figure(lines, "03_gan/many", origin="twin", root=tmp_path).suffix == ".webp"


def test_a_committed_chapter_links_to_the_file_instead_of_holding_it_again(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering.core, "NOTEBOOKS", tmp_path / "notebooks")
    shown = saved(pictures, tmp_path / "figures")
    of = shown._repr_mimebundle_()[rendering.FILE_OF]
    assert of["file"] == "../figures/03_gan/a.webp"
    assert of["sha256"] == hashlib.sha256((tmp_path / "figures" / "03_gan" / "a.webp").read_bytes()).hexdigest()
    assert json.loads(json.dumps(of)) == of
    data = {"image/jpeg": "…", "text/plain": repr(shown), rendering.FILE_OF: of}
    assert rendering.linked(data) == {"text/plain": "<figure 03_gan/a, %d x %d>" % size(pictures), rendering.FILE_OF: of,
                                      "text/markdown": "![](../figures/03_gan/a.webp)"}
    assert rendering.linked({"image/png": "a chart of a reader's own"}) == {"image/png": "a chart of a reader's own"}


def size(figure):
    return tuple(round(inches * figure.dpi) for inches in figure.get_size_inches())


def test_a_place_that_differs_in_its_last_bit_changes_no_byte_of_an_svg(lines):
    first = rendering.svg(lines)
    x, y, width, height = lines.axes[0].get_position().bounds
    lines.axes[0].set_position((np.nextafter(x, 1), np.nextafter(y, 1), width, height))
    assert rendering.svg(lines) == first
    names, uses = (set(re.findall(pattern, first)) for pattern in (rb' id="(n\d+)"', rb"#(n\d+)"))
    assert names and uses == names  # what is used is there


def test_a_cell_shows_what_was_left_out_as_a_sentence_without_quotation_marks():
    assert pretty(LeftOut("Left out: it's late.")) == "Left out: it's late."


def test_a_drawing_has_coordinates_of_hundredths_of_a_point_and_scales_as_they_were():
    drawing = b'<g transform="translate(12.345678 -0.004999) scale(0.0625 -0.0625)"><path d="M 1.5 2.719999 L 3 4.25"/></g>'
    assert rendering._rounded(drawing) == (b'<g transform="translate(12.35 -0.00) scale(0.0625 -0.0625)">'
                                           b'<path d="M 1.5 2.72 L 3 4.25"/></g>')
