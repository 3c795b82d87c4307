"""Chapter 04's doses, panels and sliders: every state says where it lies."""

import json

import numpy as np
import pytest

from mindreader.companion import ch04_microstimulation as report
from mindreader.companion.pages import sliders
from mindreader.companion.ch04_microstimulation import doses, panels
from mindreader.companion.chapter import start
from mindreader.core.sheet import TILE
from mindreader.studies.stimulated import region_voxels


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("04_microstimulation", "smoke")


# ── doses ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_larger_doses_lie_farther_away_and_the_stated_dose_is_the_edge(run):
    table = report.dose_curves(run)
    assert set(table.dose) == set(doses.DOSES) and {"within", "outside"} == set(table["where"])
    last = table[table.dose >= 5]
    assert (last.groupby("region").distance.diff().dropna() > 0).all()
    known = report.range_table(run, 10.0, ["floc-faces"]).iloc[0]
    voxels = region_voxels(run, "floc-faces")
    for dose, wanted in ((known.leaves_at * 0.9, "within"), (known.leaves_at * 1.1, "outside")):
        assert doses.where(run, voxels, dose) == wanted
    assert known.distance > 1 and 0 <= known.leaves_low <= known.leaves_at <= known.leaves_high


# ── panels and sliders ───────────────────────────────────────────────────────────────────────────────────────────────
def test_every_column_of_the_panels_says_where_its_states_lie(run):
    columns = report.category_panels(run, 10.0, n=2) | report.level_panels(run, 10.0, n=2)
    names = {(name.rpartition("\n")[0] or name).replace("\n", " ") for name in columns}
    assert names >= {"seen", "as measured", "bodies", "words", "places", "faces", "random voxels", "OFA", "FFA-1", "FFA-2",
                     "without early", "without higher"}
    for name, pictures in columns.items():
        assert pictures.shape == (2, 64, 64, 3) and (name in ("seen", "as measured") or name.endswith(" x limit"))


def test_panels_go_on_without_a_region_that_the_subject_lacks(run, monkeypatch):
    monkeypatch.setattr(panels, "has_voxels", lambda _, region: region != "floc-words")
    assert not any(name.startswith("words") for name in report.category_panels(run, 3.0, n=1))


def test_each_head_alone_has_rows_of_its_own(run):
    columns, rows = report.each_head(run, report.category_panels, 10.0, n=2)
    assert rows == ["image\nhead"] * 2 + ["caption\nhead"] * 2
    assert all(pictures.shape == (4, 64, 64, 3) for pictures in columns.values())
    alone = report.category_panels(run, 10.0, n=2, cond="cap")
    assert list(columns) == list(alone) and all(np.array_equal(columns[name][2:], alone[name]) for name in alone)


def test_any_region_has_panels_of_its_own(run):
    columns = report.region_panels(run, "V1+V2", 10.0, n=1)
    assert [name.split("\n")[0] for name in columns][2:4] == ["stimulated", "silenced"]
    assert f"{region_voxels(run, 'V1+V2').sum()} random\nvoxels" in list(columns)[4]


def test_sliders_have_a_tile_for_each_region_trial_and_dose_and_are_what_the_page_takes(run, tmp_path):
    made = report.sliders(run, ["floc-faces", "V1"], doses=(0.0, 10.0), n=2)
    assert made.lines.shape == (4, 4, TILE, TILE, 3)
    path = made.save(tmp_path)
    found = json.loads(path.read_text())
    assert found["doses"] == [0.0, 10.0] and [each["name"] for each in found["regions"]] == ["faces", "V1"]
    assert np.shape(found["regions"][0]["nearer"]) == (2, 2, len(found["words"])) and found["regions"][0]["outside"][1] is True
    assert (tmp_path / "sliders.jpg").stat().st_size > 0 and "simulated subject" in sliders.markup(found, "x.jpg", "04")
    panels = report.category_panels(run, 10.0, n=2)
    faces = next(pictures for name, pictures in panels.items() if name.startswith("faces"))
    assert np.abs(made.lines[:2, 3].astype(int) - faces).max() <= 1      # the tile of faces at ten is the panel's picture


def test_sliders_without_any_region_are_refused(run):
    empty = next(name for name, voxels in run.subject.rois.items() if not voxels.any())
    with pytest.raises(ValueError, match=f"none of the regions {empty} has a voxel in this subject, expected at least one"):
        report.sliders(run, [empty])
