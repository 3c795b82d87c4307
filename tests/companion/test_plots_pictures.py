"""The figures of chapter 03 say where their data come from, are the same bytes every time, and show what they claim."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from mindreader.companion import rendering
from mindreader.companion.plots import common as plots, pictures as plots_pictures

NAMES = ["true embedding", "brain", "mean embedding"]
TABLE = pd.DataFrame([(name, metric, value, value - 0.01, value + 0.01, chance, better)
                      for metric, chance, better, values in (("2-way", 0.5, "higher", (0.9, 0.7, 0.5)),
                                                             ("FD", np.nan, "lower", (5.0, 20.0, 10.0)))
                      for name, value in zip(NAMES, values)],
                     columns=["name", "metric", "value", "low", "high", "chance", "better"])
SHARE = pd.DataFrame({"metric": ["2-way", "FD"], "floor": [0.5, 10.0], "brain": [0.7, 20.0], "share": [0.5, -2.0]})
SIZES = pd.DataFrame([(name, n, metric, level + slope / n, 0.1, level if slope else np.nan) for metric, slope in (("FD", 40.0), ("KD", 0.0))
                      for name, level in (("brain", 3.0), ("real", 0.0)) for n in (50, 100, 200, 300, 400)],
                     columns=["set", "n", "metric", "value", "sd", "limit"])
CURVE = pd.DataFrame({"rank": [0, 1, 8, 0, 8], "where": ["in CLIP's image space"] * 3 + ["through the generator"] * 2,
                      "value": [0.5, 0.6, 0.7, 0.5, 0.65]}).assign(low=lambda t: t.value - 0.02, high=lambda t: t.value + 0.02)
GREY = np.full((8, 8, 3), 128, np.uint8)
SHOWN = pd.DataFrame([(image, number, GREY, GREY, attended, decoded) for image, number, attended, decoded in
                      ((7, 1, "dog", "dog"), (7, 2, "car", "dog"), (7, 3, "nothing", ""), (3, 1, "cat", "cat"),
                       (3, 2, "cup", "cup"))],
                     columns=["image_id", "repeat", "seen", "reconstructed", "attended", "decoded"])
FIGURES = {
    "repeats": lambda o: plots_pictures.repeated_reconstructions(SHOWN, origin=o),
    "panels": lambda o: plots_pictures.score_panels(TABLE, SHARE, origin=o, title="t"),
    "sizes": lambda o: plots_pictures.distances_over_size(SIZES, origin=o, labels={"FD": "FD", "KD": "KD"}, title="t"),
    "bottleneck": lambda o: plots_pictures.bottleneck(CURVE, origin=o, title="t"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_say_whose_brain_it_was_and_are_the_same_each_time(name):
    for origin, label in (("twin", "simulated subject"), ("nsd", "NSD")):
        assert label in [text.get_text() for text in FIGURES[name](origin).texts]
    assert rendering.png(FIGURES[name]("twin")) == rendering.png(FIGURES[name]("twin"))


def test_the_bar_runs_from_the_floor_to_the_brain_and_only_where_there_is_a_gain():
    first, second = FIGURES["panels"]("twin").axes[:2]
    bars = [p for p in first.patches if isinstance(p, Rectangle)]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0.5, pytest.approx(0.2))]
    assert first.get_title("left").endswith("brain contributes 50 %")
    assert second.get_title("left").endswith("brain contributes nothing")
    assert not second.patches


def test_better_is_always_to_the_right():
    first, second = FIGURES["panels"]("twin").axes[:2]
    assert np.diff(first.get_xlim()) > 0 > np.diff(second.get_xlim())


def test_lines_meet_the_edge_at_their_limits_and_only_where_there_is_one():
    biased, unbiased = FIGURES["sizes"]("twin").axes
    dashed = [line.get_xydata() for line in biased.lines if line.get_linestyle() == "--"]
    assert [tuple(line[0]) for line in dashed] == [(0, 3), (0, 0)]
    assert dashed[0][1] == pytest.approx([1 / 100, 3 + 40 / 100])
    assert not [line for line in unbiased.lines if line.get_linestyle() == "--"]
    assert biased.get_xticklabels()[0].get_text() == "∞"


def test_repeats_say_what_was_attended_and_mark_what_was_decoded_wrongly():
    axes = np.reshape(FIGURES["repeats"]("twin").axes, (2, 4))
    assert [ax.get_title("center") for ax in axes[0]] == ["seen", "attends: dog", "attends: car", "attends: nothing"]
    assert [ax.get_xlabel() for ax in axes[0]] == ["", "decoded: dog", "decoded: dog", ""]
    right, wrong = (axes[0, place].xaxis.label.get_color() for place in (1, 2))
    assert (right, wrong) == (plots.COLOURS["kept"], plots.COLOURS["dropped"])
    assert not axes[1, 3].images  # a picture with fewer repeats leaves its place empty


def test_repeats_of_a_real_brain_are_only_numbered():
    table = SHOWN.assign(attended="", decoded="")
    axes = plots_pictures.repeated_reconstructions(table, origin="nsd").axes
    assert axes[1].get_title("center") == "repeat 1" and axes[1].get_xlabel() == ""
