"""Figures say where their data come from, show chance, and are the same bytes every time."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts

from mindreader.companion.plots import common as plots

RNG = np.random.default_rng(5)
PICTURES = RNG.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
SCORES = pd.DataFrame({"name": ["brain", "shuffled"], "value": [0.8, 0.5], "low": [0.7, 0.4], "high": [0.9, 0.6],
                       "control": [False, True]})
LINES = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0.0, 1, 1, 0], "of": ["a", "a", "b", "b"]})
CURVES = pd.DataFrame({"x": [0, 1, 1, 2, 2], "stage": list("aabba"), "what": ["loss"] * 4 + ["auc"],
                       "value": range(5)})
DOTS = SCORES.assign(network=["a", "b"], group=["first", "second"])
CAPTIONS = pd.DataFrame({"image": [0, 1], "caption": ["a dog", "a cat"], "probability": [0.9, 0.1], "kept": [True, False]})
WORDS = {"xlabel": "x", "ylabel": "y", "title": "t"}
FIGURES = {
    "picture_sheets": lambda o: plots.picture_sheets({"seen": PICTURES, "made": PICTURES[::-1]}, origin=o, title="All"),
    "picture_grid": lambda o: plots.picture_grid({"stimulus": PICTURES, "reconstruction": PICTURES}, origin=o, row_labels=["a", "b"]),
    "captions": lambda o: plots.captions_beside_pictures(PICTURES, CAPTIONS, origin=o),
    "histogram": lambda o: plots.histogram(np.array([1, 2, 2]), bins=3, origin=o, **WORDS),
    "curves": lambda o: plots.curves(LINES, x="x", y="y", hue="of", origin=o, chance=0.5, **WORDS),
    "scores": lambda o: plots.scores_with_controls(SCORES, origin=o, xlabel="x", title="t", chance=0.5, paper=0.782),
    "panels": lambda o: plots.curve_panels(CURVES, xlabel="minutes", origin=o),
    "dots": lambda o: plots.dots(DOTS, hue="network", origin=o, xlabel="x", title="t", chance=0.5, lines={"bar": 0.9}),
    "scatter": lambda o: plots.scatter(np.arange(4.0), np.arange(4.0), groups=np.array(list("aabb")), origin=o, **WORDS),
    "two_lines": lambda o: plots.two_lines(np.zeros((2, 5)), np.ones((2, 5)), ("a", "b"), origin=o, **WORDS),
    "slices": lambda o: plots.volume_slices(np.argwhere(np.ones((4, 4, 4))), np.arange(64.0), origin=o, label="r", title="t"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_whose_brain_it_shows(name):
    says_whose_brain_it_shows(FIGURES[name])


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_is_the_same_bytes(name):
    is_the_same_bytes_each_time(FIGURES[name])


@pytest.mark.parametrize("name", ["curves", "scores"])
def test_chance_is_drawn(name):
    assert "chance" in texts(FIGURES[name]("twin"))


def test_rows_are_told_apart_by_their_metric_only_where_it_differs():
    def names(metrics):
        fig = plots.scores_with_controls(SCORES.assign(metric=metrics), origin="twin", xlabel="x", title="t")
        return [label.get_text() for label in fig.axes[0].get_yticklabels()]

    assert names("2-way identification") == ["brain", "shuffled"]
    assert names(["retrieval forward", "retrieval backward"]) == ["brain · forward", "shuffled · backward"]


def test_controls_are_grey_and_scores_are_not():
    fig = FIGURES["scores"]("twin")
    dots = [line.get_color() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert dots == [plots.COLOURS["brain"], plots.COLOURS["control"]]


def test_an_unknown_origin_is_refused():
    with pytest.raises(KeyError):
        FIGURES["histogram"]("somewhere")


@pytest.mark.parametrize("draw", [plots.scores_with_controls, lambda *given, **more: plots.dots(*given, hue="network", **more)])
def test_a_line_that_is_no_chance_level_is_called_what_it_is(draw):
    def legend(**more):
        fig = draw(DOTS, origin="twin", xlabel="x", title="t", chance=0.0, **more)
        return [text.get_text() for text in fig.axes[0].get_legend().get_texts()]

    assert "chance" in legend() and "no gain" in legend(chance_label="no gain")
    assert "chance" not in legend(chance_label="no gain")


def test_dots_of_one_name_share_a_row_under_their_groups_name():
    table = pd.concat([SCORES.assign(network="a", group="first"), SCORES.assign(network="b", group="second")])
    fig = plots.dots(table, hue="network", origin="twin", xlabel="x", title="t")
    marks = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert {"first", "second", "brain", "shuffled"} <= set(texts(fig))
    assert [len(set(line.get_ydata())) for line in marks] == [2, 2]
    assert not set(marks[0].get_ydata()) & set(marks[1].get_ydata())
    together = plots.dots(table.drop(columns="group"), hue="network", origin="twin", xlabel="x", title="t")
    marks = [line for line in together.axes[0].lines if line.get_marker() == "o"]
    rows = np.stack([line.get_ydata() for line in marks])
    assert np.array_equal(rows.round(), [[0, 1], [0, 1]]) and (rows[0] < rows[1]).all()


def test_a_row_with_one_dot_has_it_in_the_middle_and_a_log_axis_has_plain_numbers():
    far = SCORES.assign(value=[2.6, 96.0], what=["generated", "yardstick"])
    fig = plots.dots(far, hue="what", origin="twin", xlabel="x", title="t", logx=True)
    marks = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in marks] == [[0], [1]]
    fig.draw_without_rendering()
    labels = [label.get_text() for label in fig.axes[0].get_xticklabels()]
    assert {"2", "5", "10", "20", "50", "100"} <= set(labels)


def test_a_sheet_has_each_picture_in_its_place_and_leaves_the_rest_white():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.full((1, 4, 4, 3), 20, np.uint8)
    drawn = plots.picture_sheets({"a": pictures, "b": pictures + 100}, origin="twin", title="All", columns=3)
    sheet = drawn.axes[1].images[0].get_array()
    assert sheet.shape == (10, 15, 3) and (sheet[5:9, 5:9] == 180).all() and (sheet[5:9, 10:14] == 255).all()
    assert (sheet[4] == 255).all() and drawn.axes[0].get_title(loc="center") + drawn.axes[0].get_title(loc="left") == "a"
