"""The figures of chapter 04 say whose brain they show, are the same bytes each time, and show what they claim."""

import numpy as np
import pandas as pd
import pytest

from mindreader.companion.plots import stimulation as plots
from tests.figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts

SETS = pd.DataFrame([(name, metric, value, value - 0.1, value + 0.1, -0.05, 0.05, p) for metric in ("to faces", "edges", "size, image")
                     for name, value, p in (("faces", 0.3, 0.01), ("words", 0.02, 0.7))],
                    columns=["name", "metric", "value", "low", "high", "random_low", "random_high", "p"])
DOSES = pd.DataFrame([(dose, dose / 20, dose / 20 - 0.05, dose / 20 + 0.05, region, 0.0, -0.02, 0.02) for region in ("faces", "words")
                      for dose in (0.5, 2.0, 10.0, 20.0)],
                     columns=["dose", "value", "low", "high", "region", "random", "random_low", "random_high"])
MATRIX = pd.DataFrame([(region, word, region[:1] == word[:1], 9, planted, planted / 2, 0.01 if planted > 0 else 0.5)
                       for region, word, planted in (("FFA-1", "faces", 0.5), ("FFA-1", "words", -0.1), ("wfa", "faces", -0.2),
                                                     ("wfa", "words", 0.4))],
                      columns=["region", "category", "own", "n_voxels", "planted", "recovered", "p"])
FIGURES = {
    "random": lambda o: plots.beside_random_voxels(SETS, origin=o, title="t"),
    "doses": lambda o: plots.doses(DOSES, {"faces": 3.2, "words": 0.1}, origin=o, ylabel="y", title="t", value=10.0),
    "matrix": lambda o: plots.planted_beside_recovered(MATRIX, origin=o, title="t"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_say_whose_brain_it_was_and_are_the_same_each_time(name):
    says_whose_brain_it_shows(FIGURES[name])
    is_the_same_bytes_each_time(FIGURES[name])


def test_only_regions_beyond_random_voxels_are_filled():
    ax = FIGURES["random"]("twin").axes[0]
    fills = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert fills[0] != "white" and fills[1] == "white"


def test_the_dose_that_leaves_the_measured_range_is_named_and_what_lies_beyond_it_shaded():
    faces, words = FIGURES["doses"]("twin").axes[:2]
    assert faces.get_title(loc="left") == "faces, leaves at 3.2 sd"
    shaded = [patch.get_x() for patch in faces.patches]
    assert shaded == [pytest.approx(3.2)] and [patch.get_x() for patch in words.patches] == [0.5]


def test_stars_stand_only_on_what_was_recovered():
    shown = texts(FIGURES["matrix"]("twin"))
    assert "0.25*" in shown and "0.50" in shown and "0.50*" not in shown and "-0.05" in shown


def test_a_table_of_one_region_and_measure_is_drawn():
    assert plots.beside_random_voxels(SETS[:1], origin="twin", title="t").axes
    assert np.isfinite(plots.doses(DOSES[:4], {}, origin="twin", ylabel="y", title="t").axes[0].get_xlim()).all()
