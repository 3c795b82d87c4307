"""What every figure must pass, whichever chapter it is of."""

from mindreader.companion import rendering
from mindreader.companion.plots import common as plots


def texts(fig):
    return [t.get_text() for t in fig.findobj(lambda artist: hasattr(artist, "get_text"))]


def says_whose_brain_it_shows(draw):
    """draw: origin -> figure."""
    for origin, label in plots.ORIGIN_LABEL.items():
        assert label in texts(draw(origin)), f"a figure of origin {origin!r} does not say {label!r}"


def is_the_same_bytes_each_time(draw):
    """draw: origin -> figure; the form that is committed and the one that a notebook shows are looked at."""
    first, second = draw("twin"), draw("twin")
    pictures = rendering.holds_pictures(first)
    for encode in (rendering.jpeg, rendering.webp) if pictures else (rendering.png, rendering.svg):
        assert encode(first) == encode(second), encode.__name__
