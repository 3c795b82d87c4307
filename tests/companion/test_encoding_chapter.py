"""Chapter 06 stops where no noise ceiling is known, before it trains anything."""

from types import SimpleNamespace

import numpy as np
import pytest

from mindreader.companion import ch06_encoding_cycle as chapter
from mindreader.records import LayoutError


def test_without_a_noise_ceiling_the_chapter_says_what_to_download():
    run = SimpleNamespace(subject=SimpleNamespace(ncsnr=np.full(9, np.nan)), layout=SimpleNamespace(ncsnr="/x/ncsnr.nii.gz"))
    with pytest.raises(LayoutError, match=r"no voxel has a noise ceiling .*expected ncsnr in /x/ncsnr.nii.gz; download it"):
        chapter.encoding_accuracy(run)
