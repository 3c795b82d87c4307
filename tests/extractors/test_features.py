"""The small networks of the simulated world: a naive loop as oracle, shapes, gradients, and wrong choices refused."""

import numpy as np
import pytest
import torch

from mindreader.embedding import unit_range
from mindreader.extractors import features, smallnets
from mindreader.records import LayoutError


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (7, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("divisor", ["batch", "sample"])
def test_low_level_pooling_equals_a_naive_loop(rng, divisor):
    maps = rng.random((3, 5, 2, 4))
    naive = np.zeros((3, 8))
    for n in range(3):
        others = range(3) if divisor == "batch" else [n]
        highest = max(maps[m, :, y, x].max() for m in others for y in range(2) for x in range(4))
        mean = max(maps[m, :, y, x].mean() for m in others for y in range(2) for x in range(4))
        for y in range(2):
            for x in range(4):
                here = maps[n, :, y, x]
                naive[n, 4 * y + x] = here.max() / highest + 2 * here.mean() / mean
    np.testing.assert_allclose(smallnets.max_mean(torch.from_numpy(maps), divisor).numpy(), naive, rtol=1e-12)


def test_low_level_features_have_one_value_per_position_and_a_gradient(nets, pixels):
    _, low, last = nets
    pictures = unit_range(pixels).requires_grad_(True)
    embeddings = low.low_level(pictures)
    assert embeddings.shape == (7, 256) and 0 <= embeddings.min() and embeddings.max() <= 3 + 1e-5
    assert last.last_block(pictures).shape == (7, last.n_dims) == (7, smallnets.RESNET.stages[-1])
    embeddings.square().sum().backward()
    assert pictures.grad.abs().sum((1, 2, 3)).min() > 0


def test_wrong_choices_of_the_small_nets_are_refused(nets, tmp_path):
    with pytest.raises(ValueError, match="expected 'batch' or 'sample'"):
        smallnets.max_mean(torch.ones(1, 1, 1, 1), "all")
    with pytest.raises(ValueError, match="expected 'low' or 'last'"):
        features.LowLevelNet(nets[1].module, level="middle")
    (tmp_path / "pt_inception.pth").touch()
    with pytest.raises(LayoutError, match="the Inception of FID is for photographs"):
        features.load_feature_net(tmp_path / "pt_inception.pth")
