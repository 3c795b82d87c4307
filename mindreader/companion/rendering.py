"""Encode figures as PNG, JPEG and SVG, byte for byte the same for the same figure, and save them with their numbers."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..core import atomic_write, card, output, write_json, write_table

JPEG_QUALITY = 85  # no artefacts visible at the page's size
PAGE_SCALE = {"png": 1.5, "jpeg": 1.25}  # resolution on the page, in multiples of the figure's own


class LeftOut(str):
    """A sentence in the place of a table, a figure or pictures: why they were not computed."""


def unless_left_out(function):
    """As a decorator: what was left out among the arguments is given back, and the function is not called."""
    @functools.wraps(function)
    def passing_on(*arguments, **options):
        left_out = [one for one in (*arguments, *options.values()) if isinstance(one, LeftOut)]
        return left_out[0] if left_out else function(*arguments, **options)

    return passing_on


class Shown:
    """A figure as a notebook shows it: always the same bytes for the same figure, and few enough to commit.

    Charts are a PNG of 256 colours; a figure that holds photographs is a JPEG, a tenth of a PNG's size. The lossless
    files are in `figures/`.
    """

    def __init__(self, figure, name: str):
        self._figure, self._name = figure, name

    def _repr_png_(self) -> bytes | None:
        return None if holds_pictures(self._figure) else png(self._figure, scale=PAGE_SCALE["png"], colours=256)

    def _repr_jpeg_(self) -> bytes | None:
        return jpeg(self._figure, scale=PAGE_SCALE["jpeg"]) if holds_pictures(self._figure) else None

    def __repr__(self) -> str:
        width, height = (round(inches * self._figure.dpi) for inches in self._figure.get_size_inches())
        return f"<figure {self._name}, {width} x {height}>"


def holds_pictures(fig) -> bool:
    """Whether the figure shows photographs or reconstructions (colour arrays, not maps of one value)."""
    return any(_colours(image) for axes in fig.axes for image in axes.images)


def png(fig, *, scale: float = 1.0, colours: int | None = None) -> bytes:
    """Encode as PNG without transparency, at `scale` times the figure's resolution, with at most `colours` colours."""
    raster, out = _rasterized(fig, scale), io.BytesIO()
    (raster.quantize(colours) if colours else raster).save(out, format="png", optimize=True)
    return out.getvalue()


def jpeg(fig, *, scale: float = 1.0) -> bytes:
    """Encode as JPEG, at `scale` times the figure's resolution."""
    out = io.BytesIO()
    _rasterized(fig, scale).save(out, format="jpeg", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()


def svg(fig) -> bytes:
    """Encode as SVG; photographs are embedded at their own pixels, not resampled."""
    import matplotlib  # here, so that importing this module stays light

    out = io.BytesIO()
    _settle(fig)
    with matplotlib.rc_context({"svg.hashsalt": "mindreader"}), _pixel_for_pixel(fig):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _in_order(out.getvalue())


def save_figure(fig, name: str, *, origin: str, data=None, meta: dict | None = None,
                root: Path | None = None) -> Path:
    """Write a figure as .png and .svg, its numbers as .csv and its provenance as .json; return the path of the .png.

    Parameters
    ----------
    fig : matplotlib Figure
    name : str
        "<section>/<slug>", e.g. "03_gan/samples".
    origin : {"twin", "nsd"}
        Simulated subject or NSD; written to the .json.
    data : DataFrame, optional
        The plotted numbers.
    meta : dict, optional
        Experiment, seed, parameters.
    root : Path, optional
        By default `figures`; a run with other parameters passes `core.output_root(...)`.
    """
    base = output(name, root)
    for suffix, content in ((".png", png(fig)), (".svg", svg(fig))):
        with atomic_write(base.with_suffix(suffix)) as part:
            part.write_bytes(content)
    if data is not None:
        write_table(data, base.with_suffix(".csv"))
    write_json(card(origin, meta, root), base.with_suffix(".json"))
    return base.with_suffix(".png")


def _in_order(drawing: bytes) -> bytes:
    """Rename the ids of an SVG by their order of appearance.

    matplotlib names a clip path by a hash of its unrounded position, whose last bit may differ between runs that draw the
    same.
    """
    names: dict[bytes, bytes] = {}

    def number(found: re.Match) -> bytes:
        return found[1] + names.setdefault(found[2], b"n%d" % len(names))

    return re.sub(rb'((?: id="|href="#|url\(#))([A-Za-z]+[0-9a-f]{10})(?=["\)])', number, drawing)


def _rasterized(fig, scale: float):
    from PIL import Image

    out = io.BytesIO()
    _settle(fig)
    fig.savefig(out, format="png", dpi=scale * fig.dpi, pil_kwargs={"compress_level": 0})
    return Image.open(out).convert("RGB")


def _settle(fig) -> None:
    """Fix the layout once; else each encoding, at its own resolution, would shift it slightly."""
    if fig.get_layout_engine() is not None:
        fig.draw_without_rendering()
        fig.set_layout_engine("none")


@contextlib.contextmanager
def _pixel_for_pixel(fig) -> Iterator[None]:
    before = [(image, image.get_interpolation()) for axes in fig.axes for image in axes.images if _colours(image)]
    for image, _ in before:
        image.set_interpolation("none")
    try:
        yield
    finally:
        for image, interpolation in before:
            image.set_interpolation(interpolation)


def _colours(image) -> bool:
    return image.get_array().ndim == 3
