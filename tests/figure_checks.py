"""What every figure must pass, whichever chapter it is of."""

from mindreader.companion.plots import common as plots
from mindreader.companion.rendering import Shown


def texts(fig):
    return [t.get_text() for t in fig.findobj(lambda artist: hasattr(artist, "get_text"))]


def says_whose_brain_it_shows(draw):
    """draw: origin -> figure."""
    for origin, label in plots.ORIGIN_LABEL.items():
        assert label in texts(draw(origin)), f"a figure of origin {origin!r} does not say {label!r}"


def is_the_same_bytes_each_time(draw):
    """draw: origin -> figure; both forms that a page may take are looked at."""
    first, second = (Shown(draw("twin"), "figure") for _ in range(2))
    for way in ("_repr_png_", "_repr_jpeg_"):
        assert getattr(first, way)() == getattr(second, way)(), way
