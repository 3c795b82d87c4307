"""Encode figures, byte for byte the same for the same figure, and save each once, with its numbers: charts as SVG, pictures as WebP."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
from pathlib import Path

from .. import core
from ..core import atomic_write, card, output, write_json, write_table

QUALITY = {"jpeg": 85, "webp": 80}  # no artefacts visible at the page's size
PAGE_SCALE = {"png": 1.5, "jpeg": 1.25, "webp": 1.25}  # resolution on the page, in multiples of the figure's own
LARGEST = 300_000   # bytes of a drawing: one of more marks than pixels is kept as pixels
FILE_OF = "application/vnd.mindreader.figure+json"  # beside a picture in a notebook: where its file is, and of which content


class LeftOut(str):
    """A sentence in the place of a table, a figure or pictures: why they were not computed. A cell shows it as it stands."""

    def __repr__(self) -> str:
        return str(self)


def unless_left_out(function):
    """As a decorator: what was left out among the arguments is given back, and the function is not called."""
    @functools.wraps(function)
    def passing_on(*arguments, **options):
        left_out = [one for one in (*arguments, *options.values()) if isinstance(one, LeftOut)]
        return left_out[0] if left_out else function(*arguments, **options)

    return passing_on


class Shown:
    """A saved figure as a notebook shows it: always the same bytes for the same figure.

    Charts are a PNG of 256 colours; a figure that holds photographs is a JPEG. With them goes which file of `figures/` they
    show, FILE_OF: a committed chapter links to it instead of holding the picture a second time (`linked`).
    """

    def __init__(self, figure, path: Path):
        self._figure, self._path = figure, path

    def _repr_png_(self) -> bytes | None:
        return None if holds_pictures(self._figure) else png(self._figure, scale=PAGE_SCALE["png"], colours=256)

    def _repr_jpeg_(self) -> bytes | None:
        return jpeg(self._figure, scale=PAGE_SCALE["jpeg"]) if holds_pictures(self._figure) else None

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        place = Path(os.path.relpath(self._path, core.NOTEBOOKS)).as_posix()
        return {FILE_OF: {"file": place, "sha256": hashlib.sha256(self._path.read_bytes()).hexdigest()}}

    def __repr__(self) -> str:
        width, height = (round(inches * self._figure.dpi) for inches in self._figure.get_size_inches())
        return f"<figure {self._path.parent.name}/{self._path.stem}, {width} x {height}>"


def linked(data: dict) -> dict:
    """What a cell shows, by media type, with a link to a figure's file in the place of its picture; other data as it is."""
    if FILE_OF not in data:
        return data
    kept = {kind: content for kind, content in data.items() if not kind.startswith("image/")}
    return kept | {"text/markdown": f"![]({data[FILE_OF]['file']})"}


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
    _rasterized(fig, scale).save(out, format="jpeg", quality=QUALITY["jpeg"], optimize=True)
    return out.getvalue()


def webp(fig, *, scale: float = 1.0) -> bytes:
    """Encode as WebP, at `scale` times the figure's resolution; without loss where no photograph is shown."""
    kind = {"quality": QUALITY["webp"]} if holds_pictures(fig) else {"lossless": True}
    out = io.BytesIO()
    _rasterized(fig, scale).save(out, format="webp", method=6, **kind)
    return out.getvalue()


def svg(fig) -> bytes:
    """Encode as SVG; for charts, since pictures would be embedded in it as PNG."""
    import matplotlib  # here, so that importing this module stays light

    out = io.BytesIO()
    _settle(fig)
    with matplotlib.rc_context({"svg.hashsalt": "mindreader"}):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _rounded(_in_order(out.getvalue()))


def save_figure(fig, name: str, *, origin: str, data=None, meta: dict | None = None,
                root: Path | None = None) -> Path:
    """Write a figure once, its numbers as .csv and its provenance as .json; return the figure's path.

    A chart is written as .svg; what holds a picture or a map of pixels, or has more marks than pixels, as .webp.

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
    drawing = b"" if any(axes.images for axes in fig.axes) else svg(fig)
    is_drawn = 0 < len(drawing) <= LARGEST
    path = base.with_suffix(".svg" if is_drawn else ".webp")
    with atomic_write(path) as part:
        part.write_bytes(drawing if is_drawn else webp(fig, scale=PAGE_SCALE["webp"]))
    if data is not None:
        write_table(data, base.with_suffix(".csv"))
    write_json(card(origin, meta, root), base.with_suffix(".json"))
    return path


def _in_order(drawing: bytes) -> bytes:
    """Rename the ids of an SVG by their order of appearance.

    matplotlib names a clip path by a hash of its unrounded position, whose last bit may differ between runs that draw the
    same.
    """
    names: dict[bytes, bytes] = {}

    def number(found: re.Match) -> bytes:
        return found[1] + names.setdefault(found[2], b"n%d" % len(names))

    return re.sub(rb'((?: id="|href="#|url\(#))([A-Za-z]+[0-9a-f]{10})(?=["\)])', number, drawing)


def _rounded(drawing: bytes) -> bytes:
    """Round coordinates, which matplotlib writes with six decimals, to hundredths of a point; scales stay as they are."""
    def short(found: re.Match) -> bytes:
        return found[0] if found[1] else f"{float(found[0]):.2f}".encode()

    return re.sub(rb"(scale\([^)]*\))|-?\d+\.\d{3,}", short, drawing)


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


def _colours(image) -> bool:
    return image.get_array().ndim == 3
