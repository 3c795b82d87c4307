"""Chapter 04's regions, doses, panels and sliders: any region may be named, and every state says where it lies."""

import json
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from mindreader.companion import ch04_microstimulation as report
from mindreader.companion.pages import sliders
from mindreader.companion.ch04_microstimulation import doses, panels, regions
from mindreader.companion.chapter import start
from mindreader.core.sheet import TILE
from mindreader.nsd import read_mask
from mindreader.records import LayoutError


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("04_microstimulation", "smoke")


# ── regions ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_regions_may_be_joined(run):
    both = regions.region_voxels(run, "V1+hV4")
    assert np.array_equal(both, run.subject.rois["V1"] | run.subject.rois["hV4"])


def test_a_mask_file_is_a_region(run, tmp_path):
    path = tmp_path / "mine.nii.gz"
    affine = nib.load(run.layout.roi / "nsdgeneral.nii.gz").affine
    nib.save(nib.Nifti1Image(read_mask(run.layout, "V2").astype(np.float32), affine), path)
    assert np.array_equal(regions.region_voxels(run, str(path)), run.subject.rois["V2"])
    assert regions.has_voxels(run, str(path)) and regions.random_sets(run, str(path), 3).shape == (3, run.subject.n_voxels)
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.float32), affine), path)
    with pytest.raises(LayoutError, match=r"has shape \(3, 3, 3\), expected"):
        regions.region_voxels(run, str(path))


def test_names_and_regions_that_do_not_exist_are_refused_in_a_sentence(run):
    with pytest.raises(ValueError, match="got region 'V9', expected one of .*V1.* or the path of a NIfTI file; name one of these"):
        regions.region_voxels(run, "V1+V9")
    empty = next(name for name, voxels in run.subject.rois.items() if not voxels.any())
    with pytest.raises(ValueError, match=f"the region '{empty}' has no voxel of nsdgeneral in this subject, expected at least one"):
        regions.region_voxels(run, empty)


def test_tables_go_on_without_a_region_that_the_subject_lacks(run, monkeypatch):
    lacking = dict(run.subject.rois) | {"floc-words": np.zeros(run.subject.n_voxels, bool)}
    subject = SimpleNamespace(rois=lacking, n_voxels=run.subject.n_voxels)
    sizes = report.region_counts(SimpleNamespace(subject=subject, experiment=run.experiment)).set_index("region").n_voxels
    assert sizes["floc-words"] == 0 and sizes["floc-faces"] > 0
    monkeypatch.setattr(panels, "has_voxels", lambda _, region: region != "floc-words")
    assert "words" not in set(report.matched_effect(run, 3.0).region)
    assert not any(name.startswith("words") for name in report.category_panels(run, 3.0, n=1))


def test_random_sets_lie_outside_a_small_region_and_anywhere_for_a_large_one(run):
    small, large = regions.LEVELS["intermediate"], regions.LEVELS["higher"]
    assert regions.drawn_from(run, small) == regions.OUTSIDE and regions.drawn_from(run, large) == regions.ANYWHERE
    assert not regions.random_sets(run, small, 5)[:, regions.region_voxels(run, small)].any()
    assert (regions.random_sets(run, large, 5).sum(1) == regions.region_voxels(run, large).sum()).all()


def test_random_sets_have_the_regions_reliability(run):
    """At smoke's few voxels only roughly; the region's own is nearer to theirs than that of sets which match in size alone."""
    ncsnr, region = run.subject.ncsnr, regions.region_voxels(run, "floc-bodies")
    matched = np.mean([ncsnr[voxels].mean() for voxels in regions.random_sets(run, "floc-bodies", 50)])
    assert abs(matched - ncsnr[region].mean()) <= abs(ncsnr[~region].mean() - ncsnr[region].mean())


# ── doses ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_larger_doses_lie_farther_away_and_the_stated_dose_is_the_edge(run):
    table = report.dose_curves(run)
    assert set(table.dose) == set(doses.DOSES) and {"within", "outside"} == set(table["where"])
    last = table[table.dose >= 5]
    assert (last.groupby("region").distance.diff().dropna() > 0).all()
    known = report.range_table(run, 10.0, ["floc-faces"]).iloc[0]
    voxels = regions.region_voxels(run, "floc-faces")
    for dose, wanted in ((known.leaves_at * 0.9, "within"), (known.leaves_at * 1.1, "outside")):
        assert doses.where(run, voxels, dose) == wanted
    assert known.distance > 1 and 0 <= known.leaves_low <= known.leaves_at <= known.leaves_high


def test_measured_trials_lie_within_their_own_range(run):
    known, trials = report.measured_range(run), run.subject.validation
    assert (known.distance(trials.betas) > known.limit).sum() <= np.ceil(0.01 * len(trials))


def test_a_category_response_is_that_of_its_own_region(run):
    """The planted body regions respond to bodies more than other voxels do."""
    response = doses.category_response(run, "bodies")
    region = regions.region_voxels(run, "floc-bodies")
    assert response[region].mean() > response[~region].mean() + 0.1


def test_stimulation_within_the_range_adds_the_regions_own_response_to_pictures_without_its_category(run):
    table = report.within_range(run, gains=(1.0, 4.0))
    assert set(table.gain) == {1.0, 4.0} and (table[table.gain == 1]["where"] == "within").all()
    assert table.p.between(0, 1).all() and (table.low <= table.value).all() and (table.value <= table.high).all()


def test_a_category_that_all_pictures_show_is_refused_or_left_out(run, monkeypatch):
    monkeypatch.setattr(doses, "shown", lambda run, word: np.ones(len(run.subject.stimuli.ids), bool))
    with pytest.raises(ValueError, match="training trials show faces, expected some that do and some that do not"):
        doses.category_response(run, "faces")
    assert report.within_range(run).empty


# ── panels and sliders ───────────────────────────────────────────────────────────────────────────────────────────────
def test_every_column_of_the_panels_says_where_its_states_lie(run):
    columns = report.category_panels(run, 10.0, n=2) | report.level_panels(run, 10.0, n=2)
    names = {(name.rpartition("\n")[0] or name).replace("\n", " ") for name in columns}
    assert names >= {"seen", "as measured", "bodies", "words", "places", "faces", "random voxels", "OFA", "FFA-1", "FFA-2",
                     "without early", "without higher"}
    for name, pictures in columns.items():
        assert pictures.shape == (2, 64, 64, 3) and (name in ("seen", "as measured") or name.endswith(" x limit"))


def test_each_head_alone_has_rows_of_its_own(run):
    columns, rows = report.each_head(run, report.category_panels, 10.0, n=2)
    assert rows == ["image\nhead"] * 2 + ["caption\nhead"] * 2
    assert all(pictures.shape == (4, 64, 64, 3) for pictures in columns.values())
    alone = report.category_panels(run, 10.0, n=2, cond="cap")
    assert list(columns) == list(alone) and all(np.array_equal(columns[name][2:], alone[name]) for name in alone)


def test_the_record_has_each_region_beside_its_random_voxels(run):
    table = report.matched_effect(run, 10.0)
    numbers = report.stimulation_summary(table)
    assert set(numbers) == {f"{word}{what}" for word in ("bodies", "words", "places", "faces")
                            for what in ("", "_shift", "_random_voxels_shift")}
    for word in ("bodies", "faces"):
        assert numbers[word]["ours"] == pytest.approx(numbers[f"{word}_shift"]["ours"] - numbers[f"{word}_random_voxels_shift"]["ours"])


def test_any_region_has_panels_of_its_own(run):
    columns = report.region_panels(run, "V1+V2", 10.0, n=1)
    assert [name.split("\n")[0] for name in columns][2:4] == ["stimulated", "silenced"]
    assert f"{regions.region_voxels(run, 'V1+V2').sum()} random\nvoxels" in list(columns)[4]


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
