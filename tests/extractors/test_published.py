"""Published networks: torchvision's own outputs as oracle, scipy's closed form of FID, files as published, and what a missing one says."""

import logging

import numpy as np
import pytest
import torch
from published_networks import INCEPTION_FILE, RESNET_FILE, inception_state, resnet_state, write_networks
from scipy.linalg import svdvals
from torch.nn import functional as F
from torchvision.models import inception, inception_v3, resnet50

from mindreader import checkpoints, scoring
from mindreader.embedding import unit_range
from mindreader.extractors import features, published
from mindreader.records import Embeddings, LayoutError, Unfit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_networks(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def there(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (3, 80, 96, 3), dtype=np.uint8)


# ── FID's Inception ───────────────────────────────────────────────────────────────────────────────
class _FidPooling:
    """torch's functions, with the pooling that TensorFlow's graph has in the nine blocks with a pooled branch."""

    def __init__(self):
        self.averages = 0

    def __getattr__(self, name):
        return getattr(F, name)

    def avg_pool2d(self, x, kernel_size, stride, padding):
        self.averages += 1
        if self.averages == 9:
            return F.max_pool2d(x, kernel_size, stride, padding)
        zeros_not_counted = F.avg_pool2d(torch.ones_like(x), kernel_size, stride, padding)
        return F.avg_pool2d(x, kernel_size, stride, padding) / zeros_not_counted


def test_inception_features_are_those_of_torchvisions_own_forward_with_the_pooling_of_fid(there, pixels, monkeypatch):
    found = features.load_feature_net(photographs=True)
    pooling = _FidPooling()
    monkeypatch.setattr(inception, "F", pooling)
    net = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False).eval()
    net.load_state_dict(inception_state())
    net.fc = torch.nn.Identity()
    x = published.tensorflow_resize(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), 299)
    with torch.no_grad():
        theirs = net((x - 128) / 128).numpy()
    monkeypatch.undo()
    assert pooling.averages == 9 and theirs.shape == (3, 2048)
    mine = found.images(pixels)
    assert mine.dtype == np.float32 and np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_pooling_of_fid_is_not_torchvisions(there, pixels):
    net = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False).eval()
    net.load_state_dict(inception_state())
    net.fc = torch.nn.Identity()
    x = published.tensorflow_resize(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), 299)
    with torch.no_grad():
        plain = net((x - 128) / 128).numpy()
    assert np.abs(plain - features.load_feature_net(photographs=True).images(pixels)).max() > 1e-3


@pytest.mark.parametrize("size", [3, 5, 8])
def test_the_resize_is_tensorflows_pixel_by_pixel(rng, size):
    x = rng.random((1, 2, 4, 6))
    naive = np.zeros((1, 2, size, size))
    for i in range(size):
        for j in range(size):
            y, c = i * 4 / size, j * 6 / size
            y0, c0 = int(y), int(c)
            y1, c1, dy, dc = min(y0 + 1, 3), min(c0 + 1, 5), y - y0, c - c0
            top = x[:, :, y0, c0] * (1 - dc) + x[:, :, y0, c1] * dc
            low = x[:, :, y1, c0] * (1 - dc) + x[:, :, y1, c1] * dc
            naive[:, :, i, j] = top * (1 - dy) + low * dy
    np.testing.assert_allclose(published.tensorflow_resize(torch.from_numpy(x), size).numpy(), naive, atol=1e-12)


def test_the_distance_of_its_features_is_called_fid_and_is_the_closed_form(there, rng):
    net = features.load_feature_net(photographs=True)
    sets = [rng.integers(low, 256, (8, 32, 32, 3), dtype=np.uint8) for low in (0, 100)]
    a, b = (Embeddings(net.images(pixels), np.arange(8), np.zeros(8, int), net.space, net.source) for pixels in sets)
    table = scoring.distance_rows(a, b, features=net.space).set_index("metric").value
    x, y = (e.vectors.astype(float) - e.vectors.mean(0, dtype=float) for e in (a, b))
    overlap = svdvals(x @ y.T).sum() / 7      # the trace of the root of two covariances' product, from their 8 pictures
    expected = ((a.vectors.mean(0, dtype=float) - b.vectors.mean(0, dtype=float)) ** 2).sum() + x.var(0, ddof=1).sum() + \
        y.var(0, ddof=1).sum() - 2 * overlap
    assert list(table.index) == ["FID (Inception v3)", "KID (Inception v3)"]
    assert table["FID (Inception v3)"] == pytest.approx(expected, rel=1e-3)


# ── VICReg's ResNet-50 ────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def theirs():
    net = resnet50(weights=None).eval()
    net.load_state_dict(resnet_state(), strict=False)
    return net


def maps(net, x, layer):
    """What torchvision's own forward leaves behind this layer."""
    found = {}
    hook = getattr(net, layer).register_forward_hook(lambda module, given, out: found.update(maps=out))
    try:
        net(x)
    finally:
        hook.remove()
    return found["maps"]


def test_targets_are_of_torchvisions_second_stage_without_normalisation(there, theirs, pixels):
    x = F.interpolate(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255, (128, 128), mode="bilinear", align_corners=False)
    with torch.no_grad():
        second, last = (maps(theirs, x, layer).numpy() for layer in ("layer2", "layer4"))
    assert second.shape == (3, 512, 16, 16) and last.shape == (3, 2048, 4, 4)
    highest, mean = second.max(1).reshape(3, -1), second.mean(1).reshape(3, -1)
    expected = highest / highest.max(1, keepdims=True) + 2 * mean / mean.max(1, keepdims=True)
    low = features.load_resnet(photographs=True)
    assert (low.n_dims, low.space) == (256, features.load_resnet().space)
    np.testing.assert_allclose(low.images(pixels), expected, rtol=1e-4)
    block = features.load_resnet("last", photographs=True)
    np.testing.assert_allclose(block.images(pixels), last.mean((2, 3)), rtol=1e-3, atol=1e-4 * last.mean((2, 3)).max())
    assert block.n_dims == 2048


def test_the_loss_is_of_pictures_with_clips_mean_and_of_a_batch_and_has_a_gradient(there, theirs, pixels):
    pictures = unit_range(pixels).requires_grad_()
    found = features.load_resnet(photographs=True).low_level(pictures)
    x = F.interpolate(pictures.detach(), (128, 128), mode="bicubic", align_corners=False) / 2 + 0.5
    mean, std = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    x = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with torch.no_grad():
        second = maps(theirs, x, "layer2")
    highest, average = second.amax(1).flatten(1), second.mean(1).flatten(1)
    torch.testing.assert_close(found.detach(), highest / highest.max() + 2 * average / average.max(), rtol=1e-4, atol=1e-5)
    found.square().sum().backward()
    assert pictures.grad.abs().sum((1, 2, 3)).min() > 0


# ── files ─────────────────────────────────────────────────────────────────────────────────────────
def test_imported_weights_give_the_same_features_and_the_same_checksum(there, pixels, monkeypatch):
    before = features.load_resnet(photographs=True).images(pixels)
    digest = features.network_checksum("resnet", photographs=True)
    checkpoints.import_file(there / RESNET_FILE)
    monkeypatch.delenv("MINDREADER_WEIGHTS")
    np.testing.assert_array_equal(features.load_resnet(photographs=True).images(pixels), before)
    assert features.network_checksum("resnet", photographs=True) == digest != features.network_checksum("resnet")


@pytest.mark.parametrize("load, file", [(features.load_feature_net, INCEPTION_FILE), (features.load_resnet, RESNET_FILE)])
def test_a_missing_file_is_named_in_one_sentence(load, file, tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path))
    monkeypatch.delenv("MINDREADER_WEIGHTS", raising=False)
    with pytest.raises(Unfit) as raised:
        load(photographs=True)
    message = str(raised.value)
    assert file in message and " expected " in message and "$MINDREADER_WEIGHTS" in message and "\n" not in message
    assert load()    # drawings need none


def test_another_networks_file_under_the_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MINDREADER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINDREADER_WEIGHTS", str(tmp_path))
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / INCEPTION_FILE)
    with pytest.raises(LayoutError, match="that do not fit .* expected the weights of the Inception v3 of FID"):
        features.load_feature_net(photographs=True)


def test_weights_of_another_checksum_are_named_and_used(there, caplog):
    with caplog.at_level(logging.WARNING):
        features.load_feature_net(photographs=True)
    assert "has not the checksum" in caplog.text and INCEPTION_FILE in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        features.load_resnet(photographs=True)    # no checksum is published
    assert not caplog.text


def test_loading_leaves_the_global_seed_alone(there):
    before = torch.random.get_rng_state()
    features.load_feature_net(photographs=True), features.load_resnet(photographs=True)
    assert torch.equal(before, torch.random.get_rng_state())
