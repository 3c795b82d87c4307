"""A figure as bytes, the same for the same figure: for the page, for paper, and never larger than what it shows."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

JPEG_QUALITY = 90  # with full colour resolution: letters keep their edges, grain is the picture's own


def holds_pictures(fig) -> bool:
    """Whether the figure shows photographs or paintings (colour arrays, not maps of one value)."""
    return any(_colours(image) for axes in fig.axes for image in axes.images)


def png(fig, *, scale: float = 1.0) -> bytes:
    """The figure as a PNG without transparency, `scale` times its own resolution."""
    out = io.BytesIO()
    _drawn(fig, scale).save(out, format="png", optimize=True)
    return out.getvalue()


def jpeg(fig, *, scale: float = 1.0) -> bytes:
    """The figure as a JPEG, `scale` times its own resolution; a quarter of a PNG where it holds pictures."""
    out = io.BytesIO()
    _drawn(fig, scale).save(out, format="jpeg", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return out.getvalue()


def svg(fig) -> bytes:
    """The figure as an SVG; pictures in it are embedded pixel for pixel, and enlarged only by whoever looks."""
    import matplotlib  # here and not above: papermill imports `store`, which imports this, before every run

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "mindreader"}), _pixel_for_pixel(fig):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _drawn(fig, scale: float):
    from PIL import Image

    out = io.BytesIO()
    fig.savefig(out, format="png", dpi=scale * fig.dpi, pil_kwargs={"compress_level": 0})
    return Image.open(out).convert("RGB")


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
