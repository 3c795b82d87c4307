"""Figures of chapter 05 about differences and regions: each row is what the table says, and whose brain it is stands in the corner."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import is_the_same_bytes_each_time, says_whose_brain_it_shows, texts

from mindreader.companion import plots

FOUND = pd.DataFrame([{"conclusion": conclusion, "name": name, "unit": unit, "value": value, "low": value - 0.02,
                       "high": value + 0.02, "variant": variant}
                      for variant in ("as in the paper", "one classifier")
                      for conclusion, name, unit, value in (
                          ("ResNet loses", "ResNet less CLIP", "AUC", -0.2), ("ResNet loses", "ResNet less fMRI", "AUC", -0.1),
                          ("stuff is harder", "things less stuff, CLIP", "AUC", np.nan), ("aligned", "share kept", "shares", 0.4))])
MASKED = pd.DataFrame([{"region": region, "curve": curve, "n_voxels": n, "difference": value, "difference_low": value - 0.01,
                        "difference_high": value + 0.01} for curve in ("fMRI", "fMRI → CLIP")
                       for region, n, value in (("V1", 90, -0.02), ("mTL-faces", 0, np.nan))])
FIGURES = {
    "differences": lambda origin: plots.differences(FOUND, hue="variant", origin=origin, title="controls"),
    "masked_regions": lambda origin: plots.masked_regions(MASKED, origin=origin, title="regions"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_it_says_whose_brain_it_shows(name):
    says_whose_brain_it_shows(FIGURES[name])


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_the_same_bytes_each_time(name):
    is_the_same_bytes_each_time(FIGURES[name])


def test_each_difference_has_a_row_under_its_conclusion_and_a_dot_for_each_control():
    fig = FIGURES["differences"]("twin")
    ax, shares = fig.axes
    rows = dict(zip((label.get_text() for label in ax.get_yticklabels()), ax.get_yticks()))
    assert list(rows) == ["ResNet less CLIP", "ResNet less fMRI", "things less stuff, CLIP"] and {"ResNet loses", "no difference"} <= set(texts(fig))
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(marks) == 2 and [label.get_text() for label in shares.get_yticklabels()] == ["share kept"]     # another unit, another panel
    for line in marks:
        np.testing.assert_allclose(line.get_xdata(), [-0.2, -0.1, np.nan])
        np.testing.assert_allclose(line.get_ydata(), list(rows.values()), atol=0.3)


def test_a_region_is_named_with_its_voxels_and_one_without_has_no_dot():
    fig = FIGURES["masked_regions"]("twin")
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["V1 (90 voxels)", "mTL-faces (0 voxels)"]
    marks = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [int(np.isfinite(line.get_xdata()).sum()) for line in marks] == [1, 1]
