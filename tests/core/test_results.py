"""Results lie beside how they were made, as the same bytes each time."""

import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mindreader.companion import rendering
from mindreader.core import Covers, paths, results


def picture():
    fig = Figure(figsize=(2, 1))
    fig.subplots().plot([0, 1, 0])
    return fig


def test_a_figure_leaves_a_drawing_numbers_and_origin(tmp_path):
    data = pd.DataFrame({"x": [1, 2], "y": [0.1234567891, np.nan]})
    path = rendering.save_figure(picture(), "03_gan/loss", origin="twin", data=data, meta={"seed": 3}, root=tmp_path)
    assert path == tmp_path / "03_gan" / "loss.svg"
    assert (tmp_path / "03_gan" / "loss.csv").read_text() == "x,y\n1,0.123457\n2,\n"
    card = json.loads((tmp_path / "03_gan" / "loss.json").read_text())
    assert (card["origin"], card["seed"]) == ("twin", 3)
    assert "torch" in card["versions"]
    assert path.read_text().lstrip().startswith("<?xml")


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        rendering.save_figure(picture(), name, origin="twin", root=tmp_path)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_what_is_committed_has_no_time_and_no_commit_and_other_runs_have(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    results.record("01", {"origin": "twin", "preset": "book", "values": {"a": 1}})
    results.record("01", {"origin": "twin", "preset": "smoke", "values": {"a": 1}}, root=tmp_path / "runs" / "x")
    committed = json.loads((tmp_path / "results" / "01.json").read_text())
    other = json.loads((tmp_path / "runs" / "x" / "results" / "01.json").read_text())
    assert not {"time", "commit"} & set(committed)
    assert {"time", "commit"} <= set(other)


def test_an_unknown_origin_is_refused(tmp_path):
    with pytest.raises(ValueError, match="origin 'real'; expected 'twin'"):
        results.save_table(pd.DataFrame({"a": [1]}), "t", origin="real", root=tmp_path)


def test_recorded_numbers_are_valid_json_with_every_field(tmp_path):
    values = {"fd": {"ours": np.float32(1.23456789), "low": float("nan"), "n": np.int64(3), "covers": Covers.PICTURES_ONE_FIT},
              "kept": 2, "auc": {"ours": 0.9, "low": 0.8, "high": 1.0, "covers": Covers.VOXELS_NO_FIT}}
    path = results.record("03_gan", {"origin": "twin", "preset": "book", "values": values}, root=tmp_path)
    told = json.loads(path.read_text())["values"]
    assert told["fd"] == {"ours": 1.23457, "low": None, "high": None, "covers": None, "n": 3, "chance": None, "paper": None,
                          "note": None}
    assert told["auc"]["covers"] == "voxels, no fit"
    assert told["kept"]["ours"] == 2


@pytest.mark.parametrize("wrong, says", [
    ({"origin": "twin", "values": {}}, "lack preset"),
    ({"origin": "twin", "preset": "book", "values": {"a": {"low": 1}}}, "result s:a has low"),
    ({"origin": "twin", "preset": "book", "values": {"a": {"ours": 1, "hgih": 1}}}, "expected 'ours' and of the rest"),
    ({"origin": "twin", "preset": "book", "values": {"a": {"ours": 1, "low": 0, "high": 2}}},
     "result s:a has an interval that covers nothing that is said; expected 'covers' to be one of: pictures, no fit; "),
    ({"origin": "twin", "preset": "book", "values": {"a": {"ours": 1, "high": 2, "covers": "people"}}}, "covers people; expected"),
])
def test_results_of_another_shape_are_refused(tmp_path, wrong, says):
    with pytest.raises(ValueError, match=says):
        results.record("s", wrong, root=tmp_path)


def test_the_scorecard_page_explains_each_word_for_what_an_interval_covers():
    page = (paths.ROOT / "book" / "scorecard.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(Covers)
