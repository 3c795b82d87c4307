"""The figures of chapter 02 say where their data come from, are the same bytes every time, and show what they claim."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts
from matplotlib.colors import to_hex

from mindreader.companion.plots import mapping as plots_mapping

RNG = np.random.default_rng(5)
WAYS = ("forward", "backward")
LINES = pd.DataFrame({"panel": "clamp", "line": ["cut"] * 4 + ["as it was"] * 2, "copy": [0, 0, 1, 1, 0, 0],
                      "dimension": [0, 1] * 3, "value": RNG.random(6)})
PAIRS = pd.DataFrame({"panel": "clamp", "pair": ["same picture", "two pictures"] * 5, "cosine": RNG.random(10)})
DECODED = pd.DataFrame({"space": "image", "decoder": ["mapper", "ridge regression", "shuffled brain"] * 2,
                        "value": RNG.random(6)})
FOUND = pd.DataFrame({"decoder": "mapper", "similarity": ["raw", "raw", "CSLS", "CSLS"], "rank": [1, 2, 1, 2],
                      "count": [3, 1, 2, 2]})
RATES = pd.DataFrame([{"trials": trials, "decoder": "mapper", "similarity": kind, "direction": way, "value": 5.0,
                       "low": 4.0, "high": 6.0, "chance": 0.3}
                      for trials in ("first", "once") for kind in ("raw", "CSLS") for way in WAYS])
BESIDE = pd.DataFrame([{"source": source, "group": group, "name": name, "direction": way, "value": value, "low": 1.0,
                        "high": 9.0, "chance": 0.3}
                       for source, value in (("paper", 8.0), ("ours", 3.0)) for way in WAYS
                       for group, name in (("image mapper", "MSE"), ("caption mapper", "MSE"))])
CELLS = pd.DataFrame([("a > b", "paper", "f_mi, forward", "supported", "+5.0"),
                      ("a > b", "ours", "f_mi, forward", "contradicted", "-4.0"),
                      ("c > d", "ours", "f_mi, backward", "untestable here", "")],
                     columns=["claim", "source", "column", "verdict", "text"])
FIGURES = {
    "profiles": lambda o: plots_mapping.profiles_and_pairs(LINES, PAIRS, origin=o, title="t"),
    "mapped": lambda o: plots_mapping.mapped_beside_true(LINES, DECODED, origin=o, title="t"),
    "pairs": lambda o: plots_mapping.pair_histograms(PAIRS, origin=o, xlabel="cosine", title="t"),
    "hubs": lambda o: plots_mapping.hubs(FOUND, RATES, k=10, origin=o, title="t"),
    "beside": lambda o: plots_mapping.beside_the_paper(BESIDE, origin=o, xlabel="%", title="t"),
    "verdicts": lambda o: plots_mapping.verdicts(CELLS, origin=o, title="t"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_whose_brain_it_shows(name):
    says_whose_brain_it_shows(FIGURES[name])


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_is_the_same_bytes(name):
    is_the_same_bytes_each_time(FIGURES[name])


@pytest.mark.parametrize("name", ["mapped", "hubs", "beside"])
def test_chance_is_drawn(name):
    assert "chance" in texts(FIGURES[name]("twin"))


def test_the_paper_s_numbers_and_ours_never_share_an_axis():
    left, right = FIGURES["beside"]("twin").axes
    shown = [{x for line in ax.lines if line.get_marker() == "o" for x in line.get_xdata()} for ax in (left, right)]
    assert shown == [{8.0}, {3.0}]
    assert "NSD" in left.get_title(loc="left") and "simulated" in right.get_title(loc="left")


def test_rows_stand_under_their_mapper():
    left = FIGURES["beside"]("twin").axes[0]
    heights = {text.get_text(): text.xy[1] for text in left.texts}
    assert list(left.get_yticks()) == [1, 3] and heights == {"image mapper": 0, "caption mapper": 2}


def test_several_copies_of_a_line_are_drawn_thin_and_named_once():
    ax = FIGURES["profiles"]("twin").axes[0]
    assert [round(line.get_linewidth(), 1) for line in ax.lines] == [0.6, 0.6, 1.1]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cut", "as it was"]


def test_a_verdict_s_colour_is_its_own_and_stands_in_the_legend():
    fig = FIGURES["verdicts"]("twin")
    cells = [to_hex(patch.get_facecolor()) for ax in fig.axes for patch in ax.patches]
    assert cells == [plots_mapping.VERDICT[v] for v in ("supported", "contradicted", "untestable here")]
    assert set(plots_mapping.VERDICT) <= set(texts(fig))


def test_an_unknown_verdict_is_refused():
    with pytest.raises(KeyError, match="proved"):
        plots_mapping.verdicts(CELLS.assign(verdict="proved"), origin="twin", title="t")


def test_the_paper_s_settings_stand_alone_where_none_was_fitted_here():
    fig = plots_mapping.beside_the_paper(BESIDE[BESIDE.source == "paper"], origin="nsd", xlabel="%", title="t")
    assert [text.get_text() for text in fig.axes[1].texts] == ["no setting was fitted"]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["forward", "backward", "chance"]
