"""A figure as bytes, the same for the same figure: for the page, for paper, and never larger than what it shows."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..core import atomic_write, card, output, write_json, write_table

JPEG_QUALITY = 85  # where blocks and fringes begin to show only in what is enlarged
SHARPER = {"png": 1.5, "jpeg": 1.25}  # pixels on the page for each of the figure's own, for screens with small pixels


class Shown:
    """A figure as a notebook shows it: always the same bytes for the same figure, and few enough to commit.

    Lines and letters are a PNG of 256 colours; a figure that holds pictures is a JPEG, a tenth of the size of a PNG and
    as good to look at. The lossless ones are in `figures/`.
    """

    def __init__(self, figure, name: str):
        self._figure, self._name = figure, name

    def _repr_png_(self) -> bytes | None:
        return None if holds_pictures(self._figure) else png(self._figure, scale=SHARPER["png"], colours=256)

    def _repr_jpeg_(self) -> bytes | None:
        return jpeg(self._figure, scale=SHARPER["jpeg"]) if holds_pictures(self._figure) else None

    def __repr__(self) -> str:
        width, height = (round(inches * self._figure.dpi) for inches in self._figure.get_size_inches())
        return f"<figure {self._name}, {width} x {height}>"


def holds_pictures(fig) -> bool:
    """Whether the figure shows photographs or paintings (colour arrays, not maps of one value)."""
    return any(_colours(image) for axes in fig.axes for image in axes.images)


def png(fig, *, scale: float = 1.0, colours: int | None = None) -> bytes:
    """The figure as a PNG without transparency, `scale` times its own resolution, of all colours or of so many."""
    drawn, out = _drawn(fig, scale), io.BytesIO()
    (drawn.quantize(colours) if colours else drawn).save(out, format="png", optimize=True)
    return out.getvalue()


def jpeg(fig, *, scale: float = 1.0) -> bytes:
    """The figure as a JPEG, `scale` times its own resolution."""
    out = io.BytesIO()
    _drawn(fig, scale).save(out, format="jpeg", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()


def svg(fig) -> bytes:
    """The figure as an SVG; pictures in it are embedded pixel for pixel, and enlarged only by whoever looks."""
    import matplotlib  # here and not above: papermill imports `store`, which imports this, before every run

    out = io.BytesIO()
    _settle(fig)
    with matplotlib.rc_context({"svg.hashsalt": "mindreader"}), _pixel_for_pixel(fig):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _in_order(out.getvalue())


def save_figure(fig, name: str, *, origin: str, data=None, meta: dict | None = None,
                root: Path | None = None) -> Path:
    """Path of the .png of a figure, written beside its .svg, its numbers as .csv, and how it was made as .json.

    Parameters
    ----------
    fig : matplotlib Figure
    name : str
        "<section>/<slug>", e.g. "03_gan/samples".
    origin : {"twin", "nsd"}
        Whose brain; written beside the figure.
    data : DataFrame, optional
        The plotted numbers.
    meta : dict, optional
        What made it: experiment, seed, parameters.
    root : Path, optional
        By default `figures`; another run than the committed one passes `paths.output_root(...)`.
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
    """The same SVG, its parts numbered as they come.

    matplotlib names a clip path by a hash of its unrounded place, which may differ in the last bit from one run to the
    next where everything that is drawn is the same.
    """
    names: dict[bytes, bytes] = {}

    def number(found: re.Match) -> bytes:
        return found[1] + names.setdefault(found[2], b"n%d" % len(names))

    return re.sub(rb'((?: id="|href="#|url\(#))([A-Za-z]+[0-9a-f]{10})(?=["\)])', number, drawing)


def _drawn(fig, scale: float):
    from PIL import Image

    out = io.BytesIO()
    _settle(fig)
    fig.savefig(out, format="png", dpi=scale * fig.dpi, pil_kwargs={"compress_level": 0})
    return Image.open(out).convert("RGB")


def _settle(fig) -> None:
    """Lay the figure out once and for all; else each drawing, at its own resolution, would move things a little."""
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
