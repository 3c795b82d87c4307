"""Stimulated regions: any may be named, random sets match them, and what is within the measured range is added to it."""

from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from mindreader.companion.chapter import start
from mindreader.nsd import read_mask
from mindreader.records import LayoutError
from mindreader.studies import stimulated
from mindreader.studies.stimulated import effects, regions, within


@pytest.fixture(scope="module")
def run():
    """Chapter 04's own smoke run, in the home that all tests share, so that what it trains is trained once."""
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


def test_tables_go_on_without_a_region_that_the_subject_lacks(run, monkeypatch):
    lacking = dict(run.subject.rois) | {"floc-words": np.zeros(run.subject.n_voxels, bool)}
    subject = SimpleNamespace(rois=lacking, n_voxels=run.subject.n_voxels)
    sizes = stimulated.region_counts(SimpleNamespace(subject=subject, experiment=run.experiment)).set_index("region").n_voxels
    assert sizes["floc-words"] == 0 and sizes["floc-faces"] > 0
    monkeypatch.setattr(effects, "has_voxels", lambda _, region: region != "floc-words")
    assert set(stimulated.matched_effect(run, 3.0).region) == {"bodies", "places", "faces"}


# ── within the measured range ────────────────────────────────────────────────────────────────────────────────────────────
def test_measured_trials_lie_within_their_own_range(run):
    known, trials = stimulated.measured_range(run), run.subject.validation
    assert (known.distance(trials.betas) > known.limit).sum() <= np.ceil(0.01 * len(trials))


def test_a_category_response_is_that_of_its_own_region(run):
    """The planted body regions respond to bodies more than other voxels do."""
    response = within.category_response(run, "bodies")
    region = regions.region_voxels(run, "floc-bodies")
    assert response[region].mean() > response[~region].mean() + 0.1


def test_stimulation_within_the_range_adds_the_regions_own_response_to_pictures_without_its_category(run):
    table = stimulated.within_range(run, gains=(1.0, 4.0))
    assert set(table.gain) == {1.0, 4.0} and (table[table.gain == 1]["where"] == "within").all()
    assert table.p.between(0, 1).all() and (table.low <= table.value).all() and (table.value <= table.high).all()


def test_a_category_that_all_pictures_show_is_refused_or_left_out(run, monkeypatch):
    monkeypatch.setattr(within, "shown", lambda run, word: np.ones(len(run.subject.stimuli.ids), bool))
    with pytest.raises(ValueError, match="training trials show faces, expected some that do and some that do not"):
        within.category_response(run, "faces")
    assert stimulated.within_range(run).empty
