"""The figure of the exam: a panel for each score, which says whether it passes."""

import numpy as np
import pandas as pd

from mindreader.companion import plots
from mindreader.evaluation import placements, verdicts


def test_each_score_has_a_panel_that_says_its_verdict():
    placed = placements().assign(score="good")
    good = placed.assign(value=placed.seen.map({"invisible": 0, "second look": 1, "at once": 2}) + 0.1 * placed.strength)
    bad = good.assign(score="bad", value=-good.value)
    plain = pd.DataFrame({"score": ["good", "bad"], "damage": "undamaged", "strength": 0, "seen": "", "value": 0.0})
    both = pd.concat([good, bad])
    drawn = plots.exam_panels(pd.concat([both, plain]), verdicts(both), origin="twin", title="Who sees")
    titles = [ax.get_title(loc="left") for ax in drawn.axes if ax.axison]
    assert titles == ["good\npasses", "bad\nfails"]
    for ax, values in zip(drawn.axes, (good.value, bad.value)):
        dots = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
        assert np.array_equal(np.sort(dots), np.sort(values))
    assert [len(ax.patches) for ax in drawn.axes[:2]] == [0, 1]
