"""A mask of the reader's own marks the voxels that it should, or is refused in one sentence."""

import nibabel as nib
import numpy as np
import pytest

from mindreader.nsd import Layout, read_marked, read_mask
from mindreader.records import LayoutError


@pytest.fixture(scope="module")
def layout(tiny_twin):
    return Layout(tiny_twin, "subj01")


def written(tmp_path, layout, values):
    affine = nib.load(layout.roi / "nsdgeneral.nii.gz").affine
    nib.save(nib.Nifti1Image(np.asarray(values, np.float32), affine), tmp_path / "mine.nii.gz")
    return tmp_path / "mine.nii.gz"


def test_a_file_marks_the_voxels_that_the_region_of_the_same_volume_has(tmp_path, layout, tiny_subject):
    """The loader's own regions are the oracle for the order of voxels."""
    found = read_marked(written(tmp_path, layout, read_mask(layout, "V1")), layout, "nsdgeneral")
    assert np.array_equal(found, tiny_subject.rois["V1"])


def test_values_of_zero_and_below_and_no_numbers_do_not_mark(tmp_path, layout, tiny_subject):
    values = np.full(read_mask(layout, "nsdgeneral").shape, -1.0)
    values[tuple(tiny_subject.coords[5])], values[tuple(tiny_subject.coords[6])] = 0.25, np.nan
    assert np.flatnonzero(read_marked(written(tmp_path, layout, values), layout, "nsdgeneral")).tolist() == [5]


def test_masks_that_do_not_fit_are_refused(tmp_path, layout):
    shape = read_mask(layout, "nsdgeneral").shape
    with pytest.raises(LayoutError, match=r"has shape \(3, 4, 5\), expected .* like the mask"):
        read_marked(written(tmp_path, layout, np.ones((3, 4, 5))), layout, "nsdgeneral")
    with pytest.raises(LayoutError, match="marks 0 voxels, and none of the 96 of nsdgeneral; expected at least one"):
        read_marked(written(tmp_path, layout, np.zeros(shape)), layout, "nsdgeneral")
    with pytest.raises(LayoutError, match="mine.nii"):
        read_marked(tmp_path / "mine.nii", layout, "nsdgeneral")
