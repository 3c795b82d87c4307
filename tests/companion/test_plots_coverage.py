"""The chart of coverage has a row for each score, in the table's order, and shades what is allowed."""

import numpy as np
import pandas as pd

from mindreader.companion import plots


def test_each_row_of_the_table_is_drawn_where_its_coverage_is():
    table = pd.DataFrame({"name": ["one", "two"], "n_pictures": [300, 1477], "n_fits": [3, 5], "covered": [0.95, 0.5],
                          "low": [0.93, 0.4], "high": [0.97, 0.6], "one_fit_covered": [0.4, 0.3]})
    fig = plots.interval_coverage(table, (0.93, 0.97), origin="twin", title="Coverage")
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one, 300 x 3", "two, 1477 x 5"]
    drawn = {line.get_label(): line.get_xdata() for line in ax.lines if not line.get_label().startswith("_")}
    assert np.allclose(drawn["over the pictures of one fit"], table.one_fit_covered)
    assert np.allclose(ax.containers[0].lines[0].get_xdata(), table.covered) and ax.get_yticks()[0] > ax.get_yticks()[1]
