"""The simulated cortex: regions and label volumes in NSD's proportions and codes."""

import numpy as np
import pytest

from mindreader.twin.cortex import lay_out
from mindreader.nsd.regions import ATLASES


def test_the_full_cortex_has_the_volume_and_the_regions_of_nsds_subject_1():
    cortex = lay_out(15724, 0)
    assert cortex.shape == (81, 104, 83) and len(cortex.coords) == 15724
    areas = {"V1v": 594, "V1d": 756, "V2v": 834, "V2d": 599, "V3v": 646, "V3d": 541, "hV4": 687}
    assert {name: cortex.having("prf-visualrois", name).sum() for name in areas} == pytest.approx(areas, rel=0.05)
    assert cortex.having("floc-faces", "FFA-1").sum() == pytest.approx(484, rel=0.05)


def test_label_volumes_follow_nsds_codes():
    cortex = lay_out(1024, 0)
    for atlas in ATLASES:
        whole, left, right = (cortex.volume(atlas, side) for side in ("", "lh", "rh"))
        assert whole.min() == -1 and (np.where(left != -1, left, right) == whole).all()
        assert not ((left != -1) & (right != -1)).any()
    faces = [cortex.volume("floc-faces", side) == 5 for side in ("lh", "rh")]
    assert not faces[0].any() and faces[1].any()          # aTL-faces is absent in one hemisphere


def test_a_cortex_too_small_is_refused():
    with pytest.raises(ValueError, match="got n_voxels 10, expected at least 40"):
        lay_out(10, 0)
