"""Names on maps: none touches another text, none is lost while there is room, and what stands beside its region has a line to it."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from mindreader.companion import plots, surface
from mindreader.companion.plots import common
from mindreader.companion.plots.flatmap import flatten
from mindreader.companion.plots.labels import name_regions
from mindreader.nsd import ATLASES
from mindreader.twin.cortex import lay_out


def overlapping(fig):
    """Pairs of texts of a figure that touch, one of them a name; numbers of an axis may lie on others that are not drawn."""
    fig.draw_without_rendering()
    texts = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    names = {text for ax in fig.axes for text in ax.texts}
    return [(a.get_text(), b.get_text()) for a, b in combinations(texts, 2)
            if {a, b} & names and a.get_window_extent().overlaps(b.get_window_extent())]


def crowded(n, width=0.02):
    """A map with a title whose regions all lie in its middle, and points of each."""
    fig, axes = common.figure(4.0, 3.0, origin="twin")
    axes[0, 0].set_title("a map")
    rng = np.random.default_rng(3)
    return fig, {f"region {i}": [(axes[0, 0], 0.5 + width * rng.normal(size=(50, 2)))] for i in range(n)}


@pytest.mark.parametrize("n", [2, 8, 20])
def test_no_two_texts_touch_however_many_regions_lie_in_one_place(n):
    fig, sights = crowded(n)
    assert name_regions(fig, sights) == [] and overlapping(fig) == []
    assert {f"region {i}" for i in range(n)} <= {text.get_text() for text in fig.findobj(Text)}


def test_a_name_beside_its_region_has_a_line_that_starts_in_it():
    fig, sights = crowded(8)
    name_regions(fig, sights)
    lines = fig.axes[0].lines
    assert len(lines) > 0
    for line in lines:
        start, end = np.array(line.get_xydata())
        assert np.abs(start - 0.5).max() < 0.02 < np.abs(end - 0.5).max()


def test_a_region_alone_is_named_in_its_middle():
    fig, sights = crowded(1)
    name_regions(fig, sights)
    text = next(text for text in fig.findobj(Text) if text.get_text() == "region 0")
    points = sights["region 0"][0][1]
    assert text.get_position() == tuple(points[((points - points.mean(0)) ** 2).sum(1).argmin()])


def test_the_next_axes_take_what_the_first_have_no_place_for():
    fig, axes = common.figure(5.0, 3.0, 1, 2, origin="twin")
    here = np.full((1, 2), 0.5)
    name_regions(fig, {name: [(axes[0, 0], here), (axes[0, 1], here)] for name in ("V1", "V2")})
    assert [[text.get_text() for text in ax.texts] for ax in axes[0]] == [["V1"], ["V2"]]


def test_a_name_without_room_is_left_out_and_returned():
    fig, sights = crowded(150)
    left_out = name_regions(fig, sights)
    written = {text.get_text() for text in fig.findobj(Text)} & set(sights)
    assert left_out and written == set(sights) - set(left_out) and overlapping(fig) == []


# ── the maps of the book ──────────────────────────────────────────────────────────────────────────────────────────────
def cortex():
    """A table of voxels on the flat map, and all regions that have some."""
    found = lay_out(1024, 0)
    flat = flatten(found.coords, found.shape)
    regions = {name: found.labels[atlas] == number for atlas, names in ATLASES.items() if atlas != "streams"
               for number, name in enumerate(names, 1)}
    table = pd.DataFrame({"x": flat[:, 0], "y": flat[:, 1], "family": "", "ncsnr": 0.3, "less": -0.1, "r": 0.2})
    return table, {name: here for name, here in regions.items() if here.any()}


def on_fsaverage():
    table = pd.DataFrame([{"hemisphere": side, "vertex": vertex, "region": name, "voxel": 0, "n_voxels": 1, "less": -0.1}
                          for side in ("lh", "rh") for name, vertices in surface.patches(side).items() for vertex in vertices])
    return plots.surface_map(table, "less", "r - ceiling", origin="twin", title="on fsaverage")


MAPS = {"flat": lambda: plots.flat_maps(*cortex(), origin="twin", title="laid flat"),
        "voxels": lambda: plots.voxel_map(cortex()[0], {"less": "r - ceiling", "r": "r"}, cortex()[1], origin="twin", title="where"),
        "fsaverage": on_fsaverage}


@pytest.mark.parametrize("name", MAPS)
def test_no_two_texts_of_a_map_touch_and_the_face_regions_are_named(name):
    fig = MAPS[name]()
    assert overlapping(fig) == []
    assert {"FFA-1", "FFA-2", "OFA"} <= {text.get_text() for text in fig.findobj(Text)}
